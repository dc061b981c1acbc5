package flags

import (
	"cmp"
	"slices"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// Governed says that offers are granted by motion and no longer by an operator.
// What is governed does not know who governs it: it knows that it is.
type Governed struct {
	Since Act `json:"since"`
}

var governed = kv.NewCollection[Governed]("governed", 1)

// Govern ends the operator's power to grant offers, in the transaction in which a
// body is founded. It cannot be taken back.
func Govern(tx *kv.Tx, act Act) error {
	rec, err := kv.Get(tx, governed.Key("offers"))
	if err != nil || rec.Exists() {
		return err
	}
	return kv.Put(tx, governed.Key("offers"), Governed{Since: act})
}

// checkUngoverned refuses an offer that no motion gave, once there are motions. It
// reads the record in the transaction that would grant, so a founding and a grant
// cannot slip past each other.
func checkUngoverned(tx *kv.Tx) error {
	rec, err := kv.Get(tx, governed.Key("offers"))
	if err != nil || !rec.Exists() {
		return err
	}
	return fault.New(fault.Refused, "offers_by_motion", "since %s offers are granted by a carried motion, and by nobody alone",
		rec.Value.Since.At.Format("2006-01-02")).
		Do("move that it be offered; see `quorate motion move --help`")
}

// checkStage keeps whoever describes a capability from taking it past what a motion
// has decided, once there are motions: being built and being ready are facts of what
// was funded, and funded it is by a motion alone. Back, and to its end, it may go.
func checkStage(tx *kv.Tx, key string, before, next Stage) error {
	if before == next || !slices.Contains([]Stage{Funded, InBuild, Ready, Offered}, next) ||
		slices.Contains([]Stage{Funded, InBuild, Ready, Offered}, before) {
		return nil
	}
	rec, err := kv.Get(tx, governed.Key("offers"))
	if err != nil || !rec.Exists() {
		return err
	}
	if before == "" {
		before = "new"
	}
	return fault.New(fault.Refused, "stage_by_motion", "%s is %s and cannot be set to %s: since %s what is built is funded by motion",
		key, before, next, rec.Value.Since.At.Format("2006-01-02")).
		Do("set it to proposed, and have a case for it adopted; see `quorate motion move --help`").At("/stage")
}

// A Mandate is what a carried motion wants done with the offer of a capability.
type Mandate struct {
	Motion     string
	Capability string
	Kind       OfferKind // Full, Pilot or Provisional
	Terms      Terms
}

// Offer grants what a motion carried, in the motion's own transaction.
func (s *Service) Offer(tx *kv.Tx, m Mandate, act Act) error {
	if err := checkTerms(tx, m.Terms); err != nil {
		return err
	}
	err := editOffer(tx, m.Capability, func(c *Capability, before Offer) (Offer, error) {
		after, err := grant(*c, before, m.Kind, m.Terms, act)
		after.Motion, c.Stage = m.Motion, Offered
		return after, err
	})
	if err != nil {
		return err
	}
	return s.rehearse(tx)
}

// Rescind withdraws an offer by motion: what is on under it goes off at once.
func (s *Service) Rescind(tx *kv.Tx, capability string, act Act) error {
	return editOffer(tx, capability, func(c *Capability, before Offer) (Offer, error) {
		if c.Stage == Offered {
			c.Stage = Ready
		}
		return withdraw(*c, before, act)
	})
}

// Ratify makes a provisional offer a full one. It stays the same offer, so what
// regions answered to it stands.
func (s *Service) Ratify(tx *kv.Tx, m Mandate, act Act) error {
	err := editOffer(tx, m.Capability, func(c *Capability, before Offer) (Offer, error) {
		if !before.Live() || before.Kind != Provisional {
			return Offer{}, fault.New(fault.Refused, "not_provisional", "%s is not offered provisionally, so there is nothing to ratify", c.Key).
				Do("move that it be offered instead")
		}
		before.Kind, before.Terms, before.Ratified, before.RatifiedBy = Full, Terms{}, &act, m.Motion
		return before, nil
	})
	if err != nil {
		return err
	}
	return s.rehearse(tx)
}

// SetStage moves a capability along its life by motion: proposed to funded, offered
// to retiring, to retired. Retired withdraws its offer.
func (s *Service) SetStage(tx *kv.Tx, capability string, stage Stage, act Act) error {
	rec, err := getCapability(tx, capability)
	if err != nil {
		return err
	}
	if !mayFollow(rec.Value.Stage, stage) {
		return fault.New(fault.Refused, "wrong_stage", "%s is %s and cannot become %s", capability, rec.Value.Stage, stage).
			Do("see its stage with `quorate capability show %s`", capability)
	}
	if stage != Retired {
		rec.Value.Stage = stage
		return kv.Put(tx, capabilities.Key(capability), rec.Value)
	}
	return editOffer(tx, capability, func(c *Capability, before Offer) (Offer, error) {
		c.Stage = Retired
		if !before.Live() {
			return before, nil
		}
		return withdraw(*c, before, act)
	})
}

// mayFollow says which stages a motion may bring about, and from where.
func mayFollow(from, to Stage) bool {
	return slices.Contains(map[Stage][]Stage{
		Funded:   {Proposed},
		Retiring: {Ready, Offered},
		Retired:  {Ready, Offered, Retiring},
	}[to], from)
}

// Capability reads a capability and whether it is offered, in the transaction of
// somebody who decides on it.
func (s *Service) Capability(tx *kv.Tx, key string) (Capability, Offer, error) {
	rec, err := getCapability(tx, key)
	if err != nil {
		return Capability{}, Offer{}, err
	}
	offer, err := kv.Get(tx, offers.Key(key))
	return rec.Value, offer.Value, err
}

// A Said is what a region has said to an offer that stands; Answer is "" where it
// has not answered that offer.
type Said struct {
	Offer  Offer
	Region string
	Answer Answer
	Until  string // of the answer later
	Act    Act    // who answered, when and why
}

// Answers lists for each offer that stands what each region has said to it, by
// capability and region.
func (s *Service) Answers(tx *kv.Tx) ([]Said, error) {
	granted, err := kv.List(tx, offers)
	if err != nil {
		return nil, err
	}
	asked, err := kv.List(tx, regions)
	if err != nil {
		return nil, err
	}
	given, err := kv.List(tx, enablements)
	if err != nil {
		return nil, err
	}
	var list []Said
	for _, o := range granted {
		if !o.Value.Live() {
			continue
		}
		for _, r := range asked {
			one := Said{Offer: o.Value, Region: r.Value.Key}
			e := given[enablements.Key(r.Value.Key, o.Value.Capability).Path()]
			if e.Exists() && e.Value.answers(o.Value) {
				one.Answer, one.Until, one.Act = e.Value.Answer, e.Value.Until, e.Value.Answered
			}
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b Said) int {
		return cmp.Or(cmp.Compare(a.Offer.Capability, b.Offer.Capability), cmp.Compare(a.Region, b.Region))
	})
	return list, nil
}

// CheckRegion refuses a region that there is not, in the transaction of somebody
// who writes about one.
func (s *Service) CheckRegion(tx *kv.Tx, key string) error {
	_, err := getRegion(tx, key)
	return err
}

// CheckMandate says what is wrong with an offer that is to be put to the vote, as
// far as can be known before it is carried.
func (s *Service) CheckMandate(tx *kv.Tx, m Mandate, act Act) error {
	c, _, err := s.Capability(tx, m.Capability)
	if err != nil {
		return err
	}
	if !slices.Contains(OfferKinds, m.Kind) {
		return bad("/kind", string(m.Kind), "the kinds of an offer are %v", OfferKinds)
	}
	if err := m.Terms.check(m.Kind, c, act.At); err != nil {
		return err
	}
	return checkTerms(tx, m.Terms)
}

// checkTerms refuses a pilot at facilities that there are not.
func checkTerms(tx *kv.Tx, terms Terms) error {
	for region, keys := range terms.Facilities {
		if _, err := getRegion(tx, region); err != nil {
			return err
		}
		if err := checkFacilities(tx, region, "/facilities/"+region, keys); err != nil {
			return err
		}
	}
	return nil
}

func editOffer(tx *kv.Tx, capability string, change func(*Capability, Offer) (Offer, error)) error {
	rec, err := getCapability(tx, capability)
	if err != nil {
		return err
	}
	before, err := kv.Get(tx, offers.Key(capability))
	if err != nil {
		return err
	}
	after, err := change(&rec.Value, before.Value)
	if err != nil {
		return err
	}
	if err := kv.Put(tx, offers.Key(capability), after); err != nil {
		return err
	}
	return kv.Put(tx, capabilities.Key(capability), rec.Value)
}
