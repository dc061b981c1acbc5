package governance

import (
	"context"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// A Proposal is what a mover says.
type Proposal struct {
	Body    string  `json:"body"`
	Kind    Kind    `json:"kind"`
	Title   string  `json:"title"`
	Text    string  `json:"text"`
	Subject Subject `json:"subject"`
}

// keyed fills in the idempotency key where the caller gave none, for verbs whose
// change is named by it.
func (s *Service) keyed(o gate.Origin) (gate.Origin, error) {
	if o.Key != "" {
		return o, nil
	}
	key, err := gate.NewKey(s.now())
	o.Key = key
	return o, err
}

// MotionID is the id of the motion that a change with this key moves.
func MotionID(key string) string {
	if len(key) < 12 {
		return "m-" + key
	}
	return "m-" + key[len(key)-12:]
}

// Move puts a motion before a body. Its id comes of the change's key, so that a
// request sent twice moves it once.
func (s *Service) Move(ctx context.Context, o gate.Origin, p Proposal) (id string, r gate.Receipt, err error) {
	if o, err = s.keyed(o); err != nil {
		return "", r, err
	}
	m := Motion{ID: MotionID(o.Key), Body: p.Body, Kind: p.Kind, Title: p.Title, Text: p.Text, Subject: p.Subject}
	target := identity.Target{Kind: "motion", ID: m.ID}
	r, err = s.gate.Submit(ctx, o.Change(identity.MoveMotion, target, p), func(tx *kv.Tx, c gate.Change) error {
		h, err := getHouse(tx, p.Body)
		if err != nil {
			return err
		}
		st, err := standingOf(h, c, true)
		if err != nil {
			return err
		}
		moved, err := move(m, h, st, actOf(c, st.as()))
		if err != nil {
			return err
		}
		if moved.Subject, err = s.resolve(tx, h, moved, c.At); err != nil {
			return err
		}
		return kv.Create(tx, motions.Key(m.ID), moved)
	})
	return m.ID, r, err
}

// standingOf is in what way the one who asks may act for the body.
func standingOf(h House, c gate.Change, contributors bool) (Standing, error) {
	if st, ok := h.standing(c.Actor.ID, c.At); ok {
		return st, nil
	}
	isContributor := func(g identity.Grant) bool { return g.Role == identity.Contributor }
	if contributors && slices.ContainsFunc(c.Actor.Grants, isContributor) {
		return Standing{Capacity: AsContributor}, nil
	}
	return Standing{}, fault.New(fault.Forbidden, "no_standing", "%s has no seat in the body %s", c.Actor.Name, h.Body.Key).
		Do("ask one who has; see `quorate body show %s`", h.Body.Key)
}

// motionVerb changes a motion.
func (s *Service) motionVerb(ctx context.Context, o gate.Origin, a identity.Action, id string, request any,
	change func(tx *kv.Tx, h House, m Motion, c gate.Change) (Motion, error)) (gate.Receipt, error) {
	target := identity.Target{Kind: "motion", ID: id}
	return s.gate.Submit(ctx, o.Change(a, target, request), func(tx *kv.Tx, c gate.Change) error {
		rec, err := getMotion(tx, id)
		if err != nil {
			return err
		}
		if err := o.CheckBase(target, rec.Revision); err != nil {
			return err
		}
		h, err := getHouse(tx, rec.Value.Body)
		if err != nil {
			return err
		}
		after, err := change(tx, h, rec.Value, c)
		if err != nil {
			return err
		}
		return kv.Put(tx, motions.Key(id), after)
	})
}

// Second seconds a motion.
func (s *Service) Second(ctx context.Context, o gate.Origin, id string) (gate.Receipt, error) {
	return s.motionVerb(ctx, o, identity.SecondMotion, id, map[string]any{"second": id}, func(_ *kv.Tx, h House, m Motion, c gate.Change) (Motion, error) {
		st, err := standingOf(h, c, false)
		if err != nil {
			return m, err
		}
		return second(m, st, actOf(c, st.as()))
	})
}

// Amend changes a motion's words before it is open.
func (s *Service) Amend(ctx context.Context, o gate.Origin, id, title, text string, subject Subject) (gate.Receipt, error) {
	request := map[string]any{"title": title, "text": text, "subject": subject, "reason": o.Reason}
	return s.motionVerb(ctx, o, identity.ChangeMotion, id, request, func(tx *kv.Tx, h House, m Motion, c gate.Change) (Motion, error) {
		st, err := standingOf(h, c, true)
		if err != nil {
			return m, err
		}
		if err := checkReason(c.Reason); err != nil {
			return m, err
		}
		after, err := amend(m, h.Body.Charter, title, text, subject, actOf(c, st.as()))
		if err != nil {
			return m, err
		}
		after.Subject, err = s.resolve(tx, h, after, c.At)
		return after, err
	})
}

// Withdraw takes one's own motion back.
func (s *Service) Withdraw(ctx context.Context, o gate.Origin, id string) (gate.Receipt, error) {
	request := map[string]any{"withdraw": id, "reason": o.Reason}
	return s.motionVerb(ctx, o, identity.ChangeMotion, id, request, func(_ *kv.Tx, h House, m Motion, c gate.Change) (Motion, error) {
		if err := checkReason(c.Reason); err != nil {
			return m, err
		}
		st, _ := h.standing(c.Actor.ID, c.At) // the mover may have lost the seat; it is their motion all the same
		return withdraw(m, actOf(c, st.as()))
	})
}

// Postpone holds a motion back until a day.
func (s *Service) Postpone(ctx context.Context, o gate.Origin, id, until string) (gate.Receipt, error) {
	request := map[string]any{"postpone": until, "reason": o.Reason}
	return s.motionVerb(ctx, o, identity.ChangeMotion, id, request, func(_ *kv.Tx, h House, m Motion, c gate.Change) (Motion, error) {
		if err := checkReason(c.Reason); err != nil {
			return m, err
		}
		as, ok := h.presides(c.Actor.ID, c.At)
		if !ok {
			return m, notPresiding(h, c, "postpone its motions")
		}
		return postpone(m, until, actOf(c, as))
	})
}

// Recuse has one's own seat stand aside.
func (s *Service) Recuse(ctx context.Context, o gate.Origin, id string) (gate.Receipt, error) {
	request := map[string]any{"recuse": id, "reason": o.Reason}
	return s.motionVerb(ctx, o, identity.RecuseSelf, id, request, func(_ *kv.Tx, h House, m Motion, c gate.Change) (Motion, error) {
		if err := checkReason(c.Reason); err != nil {
			return m, err
		}
		st, err := standingOf(h, c, false)
		if err != nil {
			return m, err
		}
		return recuse(m, st, actOf(c, st.as()))
	})
}

// Open freezes the paper and takes ballots until closes.
func (s *Service) Open(ctx context.Context, o gate.Origin, id string, closes time.Time) (gate.Receipt, error) {
	request := map[string]any{"open": id, "closes": closes.UTC().Format(time.RFC3339Nano)}
	return s.motionVerb(ctx, o, identity.OpenMotion, id, request, func(tx *kv.Tx, h House, m Motion, c gate.Change) (Motion, error) {
		as, ok := h.presides(c.Actor.ID, c.At)
		if !ok {
			return m, notPresiding(h, c, "open its motions")
		}
		act := actOf(c, as)
		if err := openable(m, h, closes, c.At); err != nil {
			return m, err
		}
		if err := s.key.hold(tx, act); err != nil {
			return m, err
		}
		subject, err := s.resolve(tx, h, m, c.At)
		if err != nil {
			return m, err
		}
		m.Subject = subject
		about, err := s.casesOf(tx, h, m)
		if err != nil {
			return m, err
		}
		p, err := draw(m, h, about, closes, act)
		if err != nil {
			return m, err
		}
		after, err := open(m, p, s.key, act)
		if err != nil {
			return m, err
		}
		return after, kv.Create(tx, papers.Key(id, sitting(p.Sitting)), p)
	})
}

// casesOf reads the cases that a motion is about and refuses those that may not be
// on a ballot.
func (s *Service) casesOf(tx *kv.Tx, h House, m Motion) ([]Case, error) {
	if m.Kind != Priority && m.Kind != Rating {
		return nil, nil
	}
	list, err := getCases(tx, slices.Concat(m.Subject.Cases, m.Subject.SetAside)...)
	if err != nil {
		return nil, err
	}
	for _, one := range list {
		if err := s.ballotable(tx, h, m, one); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// ballotable says why a case may not be on a ballot.
func (s *Service) ballotable(tx *kv.Tx, h House, m Motion, one Case) error {
	if one.State != Submitted {
		return fault.New(fault.Refused, "case_"+string(one.State), "the case %s is %s, and only one that is submitted is voted on", one.ID, one.State).
			Do("submit it, or take it off the motion")
	}
	if missing := one.Missing(); len(missing) > 0 {
		return incomplete(one, missing)
	}
	if m.Kind == Priority && one.Cycle != m.Subject.Cycle {
		return fault.New(fault.Refused, "other_cycle", "the case %s belongs to the cycle %s", one.ID, one.Cycle).Do("take it off the motion")
	}
	if m.Kind == Priority {
		return checkDeliberated(tx, h.Body.Charter, one)
	}
	return nil
}

// Challenge holds up what a carried motion brings about.
func (s *Service) Challenge(ctx context.Context, o gate.Origin, id string) (gate.Receipt, error) {
	request := map[string]any{"challenge": id, "reason": o.Reason}
	return s.motionVerb(ctx, o, identity.ChallengeMotion, id, request, func(_ *kv.Tx, h House, m Motion, c gate.Change) (Motion, error) {
		if err := checkReason(c.Reason); err != nil {
			return m, err
		}
		st, err := standingOf(h, c, false)
		if err != nil {
			return m, err
		}
		return challenge(m, st, actOf(c, st.as()))
	})
}

// RuleOnChallenge is the chair's ruling on the oldest open challenge.
func (s *Service) RuleOnChallenge(ctx context.Context, o gate.Origin, id string, upheld bool) (gate.Receipt, error) {
	request := map[string]any{"ruling": id, "upheld": upheld, "reason": o.Reason}
	return s.motionVerb(ctx, o, identity.RuleOnChallenge, id, request, func(_ *kv.Tx, h House, m Motion, c gate.Change) (Motion, error) {
		if err := checkReason(c.Reason); err != nil {
			return m, err
		}
		as, ok := h.presides(c.Actor.ID, c.At)
		if !ok || as == string(AsSecretary) {
			return m, notPresiding(h, c, "rule on challenges, from the chair alone")
		}
		return ruleOn(m, upheld, actOf(c, as))
	})
}

// SignForPlan is the health plan's signature under a motion on a capability that
// needs it.
func (s *Service) SignForPlan(ctx context.Context, o gate.Origin, id string) (gate.Receipt, error) {
	request := map[string]any{"sign_for_plan": id, "reason": o.Reason}
	return s.motionVerb(ctx, o, identity.SignForPlan, id, request, func(tx *kv.Tx, h House, m Motion, c gate.Change) (Motion, error) {
		if err := checkReason(c.Reason); err != nil {
			return m, err
		}
		needs, err := s.planSigns(tx, h, m)
		if err != nil {
			return m, err
		}
		if !needs || m.State == Effective || m.State == Lost || m.State == Withdrawn {
			return m, fault.New(fault.Refused, "no_signature_needed", "the motion %s (%s) asks for no signature of the health plan", m.ID, m.State).
				Do("nothing needs to be done")
		}
		act := actOf(c, string(identity.HealthPlan))
		m.PlanSigned = &act
		return m, nil
	})
}
