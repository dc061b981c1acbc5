package governance

import (
	"slices"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// effect does what a motion says, in its own transaction.
func (s *Service) effect(tx *kv.Tx, h House, m Motion, act Act) error {
	sub := m.Subject
	switch m.Kind {
	case OfferIt:
		if err := h.checkEmergency(m, act.At); err != nil {
			return err
		}
		return s.flags.Offer(tx, mandate(m), act.flagged())
	case Rescind:
		return s.flags.Rescind(tx, sub.Capability, act.flagged())
	case Ratify:
		return s.flags.Ratify(tx, mandate(m), act.flagged())
	case Retire:
		return s.flags.SetStage(tx, sub.Capability, flags.Retiring, act.flagged())
	case Direction:
		return setGoals(tx, m)
	case Amendment:
		return amendCharter(tx, h, m, act.At)
	case Adopt:
		return s.adopt(tx, m, act)
	case Found:
		return foundBody(tx, *sub.Body, act)
	}
	return nil // a priority, a choice, a rating, a resolution: the outcome is all there is
}

func mandate(m Motion) flags.Mandate {
	return flags.Mandate{Motion: m.ID, Capability: m.Subject.Capability, Kind: m.Subject.Offer, Terms: m.Subject.Terms}
}

// checkEmergency keeps an emergency panel within its days.
func (h House) checkEmergency(m Motion, at time.Time) error {
	e := h.Body.Charter.Emergency
	if e == nil || m.Kind != OfferIt {
		return nil
	}
	latest := at.UTC().AddDate(0, 0, e.MaxDays).Format(time.DateOnly)
	if m.Subject.Offer != flags.Provisional || m.Subject.Terms.End == "" || m.Subject.Terms.End > latest {
		return fault.New(fault.Refused, "beyond_emergency", "the body %s offers provisionally for at most %d days, and this is %s until %.10q",
			h.Body.Key, e.MaxDays, m.Subject.Offer, m.Subject.Terms.End).Do("offer it until %s at the latest; %s can ratify it", latest, e.RatifiedBy)
	}
	return nil
}

func setGoals(tx *kv.Tx, m Motion) error {
	rec, err := find(tx, cycles, unknownCycle(m.Subject.Cycle), m.Subject.Cycle)
	if err != nil {
		return err
	}
	rec.Value.Goals, rec.Value.GoalsBy = m.Subject.Goals, m.ID
	return kv.Put(tx, cycles.Key(rec.Value.Key), rec.Value)
}

// amendCharter changes the charter, unless the body as it is seated would be below
// the new one.
func amendCharter(tx *kv.Tx, h House, m Motion, at time.Time) error {
	h.Body.Charter = *m.Subject.Charter
	h.Body.CharterVersion++
	h.Body.CharterMotion = m.ID
	if short := h.Shortfalls(at); len(short) > 0 {
		return fault.New(fault.Refused, "below_charter", "the body %s would be below its new charter: %s", h.Body.Key, short[0]).
			Do("fill its seats so that it would not")
	}
	if other, twice := h.twiceSeated(at); twice {
		return fault.New(fault.Refused, "has_a_seat", "%s would have two votes under the new charter", other).Do("end one of their places")
	}
	return kv.Put(tx, bodies.Key(h.Body.Key), h.Body)
}

// twiceSeated finds somebody in two voting seats.
func (h House) twiceSeated(at time.Time) (name string, found bool) {
	seen := map[string]bool{}
	for _, rule := range h.Body.Charter.Seats {
		if !rule.Voting {
			continue
		}
		for _, t := range h.Seats[rule.Key].occupants(at) {
			if seen[t.Person.ID] {
				return t.Person.Name, true
			}
			seen[t.Person.ID] = true
		}
	}
	return "", false
}

// adopt funds a portfolio as a whole.
func (s *Service) adopt(tx *kv.Tx, m Motion, act Act) error {
	_, list, err := portfolioOf(tx, m)
	if err != nil {
		return err
	}
	for _, one := range list {
		if err := kv.Put(tx, cases.Key(one.ID), one.fund(m.ID)); err != nil {
			return err
		}
		for _, key := range one.Capabilities {
			c, _, err := s.flags.Capability(tx, key)
			if err != nil {
				return err
			}
			if c.Stage != flags.Proposed {
				continue // it exists, and the case changes it
			}
			if err := s.flags.SetStage(tx, key, flags.Funded, act.flagged()); err != nil {
				return err
			}
		}
	}
	return nil
}

// portfolioOf reads what a motion to adopt is about and refuses what is not in the
// draft's ballot, or costs more than the budget.
func portfolioOf(tx *kv.Tx, m Motion) (draft Motion, list []Case, err error) {
	rec, err := getMotion(tx, m.Subject.Motion)
	if err != nil {
		return draft, nil, err
	}
	draft = rec.Value
	if draft.Kind != Priority || draft.Body != m.Body || draft.State != Effective {
		return draft, nil, fault.New(fault.Refused, "no_draft", "the motion %s is no portfolio of this body that stands (%s, %s)", draft.ID, draft.Kind, draft.State).
			Do("name a priority motion whose window for challenges is over").At("/subject/motion")
	}
	if list, err = getCases(tx, m.Subject.Portfolio...); err != nil {
		return draft, nil, err
	}
	p, err := getPaper(tx, draft)
	if err != nil {
		return draft, nil, err
	}
	spent := int64(0)
	for _, one := range list {
		spent += one.Cost.Expected
		if v, ok := p.Cases[one.ID]; ok && v != one.Version {
			return draft, nil, fault.New(fault.Refused, "case_changed", "the case %s is at version %d, and version %d was voted on", one.ID, one.Version, v).
				Do("leave it out, or vote again").At("/subject/portfolio")
		}
		if !one.in(slices.Concat(draft.Subject.Cases, draft.Subject.SetAside)) || one.State != Submitted {
			return draft, nil, fault.New(fault.Refused, "not_in_draft", "the case %s (%s) was not on the ballot", one.ID, one.State).
				Do("adopt what was voted on").At("/subject/portfolio")
		}
	}
	if spent > draft.Subject.Budget {
		return draft, nil, fault.New(fault.Refused, "over_budget", "the portfolio costs %d, and the budget is %d", spent, draft.Subject.Budget).
			Do("leave something out").At("/subject/portfolio")
	}
	return draft, list, nil
}

// resolve checks what a motion names against what there is, and fills in what
// follows from it: whether it is clinical.
func (s *Service) resolve(tx *kv.Tx, h House, m Motion, at time.Time) (Subject, error) {
	sub := m.Subject
	switch m.Kind {
	case OfferIt, Rescind, Retire, Ratify:
		return s.resolveCapability(tx, h, m, at)
	case Direction, Priority:
		c, err := find(tx, cycles, unknownCycle(sub.Cycle), sub.Cycle)
		if err != nil {
			return sub, err
		}
		if c.Value.Body != m.Body {
			return sub, fault.New(fault.Refused, "other_body", "the cycle %s is %s's", sub.Cycle, c.Value.Body).Do("name a cycle of %s", m.Body)
		}
		_, err = getCases(tx, slices.Concat(sub.Cases, sub.SetAside)...)
		return sub, err
	case Rating:
		sub.Clinical = true
		_, err := getCases(tx, sub.Cases...)
		if err == nil && sub.Motion != "" {
			_, err = getMotion(tx, sub.Motion)
		}
		return sub, err
	case Adopt:
		_, _, err := portfolioOf(tx, m)
		return sub, err
	}
	return sub, nil
}

func (s *Service) resolveCapability(tx *kv.Tx, h House, m Motion, at time.Time) (Subject, error) {
	sub := m.Subject
	c, offer, err := s.flags.Capability(tx, sub.Capability)
	if err != nil {
		return sub, err
	}
	charter := h.Body.Charter
	if !slices.Contains(charter.Owns, c.Kind) {
		return sub, fault.New(fault.Refused, "not_its_business", "%s is %s, and the body %s decides on %v", c.Key, c.Kind, h.Body.Key, charter.Owns).
			Do("move it in the body whose business it is").At("/subject/capability")
	}
	sub.Clinical = c.Kind == "clinical"
	switch m.Kind {
	case OfferIt:
		if err := h.checkEmergency(m, at); err != nil {
			return sub, err
		}
		return sub, s.flags.CheckMandate(tx, mandate(m), flags.Act{At: at})
	case Ratify:
		return sub, checkRatifies(tx, charter, offer)
	case Retire:
		if !isDay(sub.RetireBy) || sub.RetireBy <= at.UTC().Format(time.DateOnly) {
			return sub, bad("/subject/retire_by", sub.RetireBy, "say by which day to come (YYYY-MM-DD) it retires")
		}
	}
	return sub, nil
}

// checkRatifies: a body ratifies what its charter lets it, and what is provisional.
func checkRatifies(tx *kv.Tx, charter Charter, offer flags.Offer) error {
	if !offer.Live() || offer.Kind != flags.Provisional {
		return fault.New(fault.Refused, "not_provisional", "it is not offered provisionally, so there is nothing to ratify").
			Do("move that it be offered instead").At("/subject/capability")
	}
	from, err := getMotion(tx, offer.Motion)
	if err != nil {
		return err
	}
	if !slices.Contains(charter.RatifiesFrom, from.Value.Body) {
		return fault.New(fault.Refused, "not_its_business", "the provisional offer is %s's, whose offers this body does not ratify", from.Value.Body).
			Do("ask the body that does")
	}
	return nil
}

// planSigns reports whether a motion needs the health plan's signature.
func (s *Service) planSigns(tx *kv.Tx, h House, m Motion) (bool, error) {
	if m.Kind != OfferIt && m.Kind != Ratify || len(h.Body.Charter.PlanSigns) == 0 {
		return false, nil
	}
	c, _, err := s.flags.Capability(tx, m.Subject.Capability)
	return slices.Contains(h.Body.Charter.PlanSigns, c.Kind), err
}
