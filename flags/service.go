package flags

import (
	"context"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// Service has the verbs of this slice. Each is one change through the gate; none
// writes otherwise. It is safe for concurrent use.
type Service struct {
	gate    *gate.Gate
	replica *Replica
	now     func() time.Time
	tracer  Tracer // nil: explanations end at the offer
}

// NewService makes the verbs; replica answers the questions.
func NewService(g *gate.Gate, replica *Replica, now func() time.Time) *Service {
	return &Service{gate: g, replica: replica, now: now}
}

// SetRegion founds or changes a region.
func (s *Service) SetRegion(ctx context.Context, o gate.Origin, r Region) (gate.Receipt, error) {
	target := identity.Target{Kind: "region", Region: r.Key}
	return s.gate.Submit(ctx, o.Change(identity.SetRegion, target, r), func(tx *kv.Tx, _ gate.Change) error {
		if err := r.Check(); err != nil {
			return err
		}
		before, err := kv.Get(tx, regions.Key(r.Key))
		if err != nil {
			return err
		}
		if err := o.CheckBase(target, before.Revision); err != nil {
			return err
		}
		return kv.Put(tx, regions.Key(r.Key), r)
	})
}

// SetFacility adds or changes a facility of a region.
func (s *Service) SetFacility(ctx context.Context, o gate.Origin, f Facility) (gate.Receipt, error) {
	target := identity.Target{Kind: "facility", Region: f.Region, ID: f.Key}
	f.Systems = slices.Sorted(slices.Values(f.Systems))
	return s.gate.Submit(ctx, o.Change(identity.SetFacility, target, f), func(tx *kv.Tx, _ gate.Change) error {
		region, err := getRegion(tx, f.Region)
		if err != nil {
			return err
		}
		if err := f.Check(region.Value); err != nil {
			return err
		}
		before, err := kv.Get(tx, facilities.Key(f.Region, f.Key))
		if err != nil {
			return err
		}
		if err := o.CheckBase(target, before.Revision); err != nil {
			return err
		}
		if err := kv.Put(tx, facilities.Key(f.Region, f.Key), f); err != nil {
			return err
		}
		return s.rehearse(tx)
	})
}

// SetCapability adds or changes a capability. Its stage cannot be set to
// offered, nor back while it is offered: that is what an offer does.
func (s *Service) SetCapability(ctx context.Context, o gate.Origin, c Capability) (gate.Receipt, error) {
	target := identity.Target{Kind: "capability", ID: c.Key}
	return s.gate.Submit(ctx, o.Change(identity.SetCapability, target, c), func(tx *kv.Tx, _ gate.Change) error {
		if err := c.Check(); err != nil {
			return err
		}
		before, err := kv.Get(tx, capabilities.Key(c.Key))
		if err != nil {
			return err
		}
		if err := o.CheckBase(target, before.Revision); err != nil {
			return err
		}
		offer, err := kv.Get(tx, offers.Key(c.Key))
		if err != nil {
			return err
		}
		next := c
		if next.Stage, err = stageUnderOffer(c, offer.Value); err != nil {
			return err
		}
		if err := checkStage(tx, c.Key, before.Value.Stage, next.Stage); err != nil {
			return err
		}
		if err := checkPrerequisites(next, prerequisitesIn(tx)); err != nil {
			return err
		}
		if err := s.checkUse(next); err != nil {
			return err
		}
		if err := kv.Put(tx, capabilities.Key(c.Key), next); err != nil {
			return err
		}
		return s.rehearse(tx)
	})
}

// stageUnderOffer is the stage a capability gets when it is set to c.
func stageUnderOffer(c Capability, offer Offer) (Stage, error) {
	switch {
	case !offer.Live() && c.Stage == Offered:
		return "", fault.New(fault.Refused, "stage_by_offer", "%s cannot be set to the stage offered", c.Key).
			Do("set it to ready and grant an offer").At("/stage")
	case !offer.Live() || slices.Contains([]Stage{Offered, Retiring, Retired}, c.Stage):
		return c.Stage, nil
	case c.Stage == Ready:
		return Offered, nil
	}
	return "", fault.New(fault.Refused, "still_offered", "%s is offered and cannot go back to %s", c.Key, c.Stage).
		Do("withdraw the offer first").At("/stage")
}

func prerequisitesIn(tx *kv.Tx) func(string) ([]string, bool, error) {
	return func(key string) ([]string, bool, error) {
		rec, err := kv.Get(tx, capabilities.Key(key))
		return rec.Value.Prerequisites, rec.Exists(), err
	}
}

// GrantOffer offers a capability to all regions and moves it to the stage
// offered. Until a governance body is founded an operator does it, with a reason.
func (s *Service) GrantOffer(ctx context.Context, o gate.Origin, capability string, kind OfferKind) (gate.Receipt, error) {
	return s.GrantOfferUnder(ctx, o, capability, kind, Terms{})
}

// GrantOfferUnder offers a capability under terms: as a pilot, or provisionally.
func (s *Service) GrantOfferUnder(ctx context.Context, o gate.Origin, capability string, kind OfferKind, terms Terms) (gate.Receipt, error) {
	target := identity.Target{Kind: "offer", ID: capability}
	request := map[string]any{"capability": capability, "kind": kind, "terms": terms, "reason": o.Reason}
	return s.gate.Submit(ctx, o.Change(identity.GrantOffer, target, request), func(tx *kv.Tx, c gate.Change) error {
		if err := checkUngoverned(tx); err != nil {
			return err
		}
		if err := checkTerms(tx, terms); err != nil {
			return err
		}
		err := changeOffer(tx, o, c, capability, func(cap *Capability, before Offer, act Act) (Offer, error) {
			after, err := grant(*cap, before, kind, terms, act)
			cap.Stage = Offered
			return after, err
		})
		if err != nil {
			return err
		}
		return s.rehearse(tx)
	})
}

// WithdrawOffer ends an offer: everything enabled under it goes off at once.
func (s *Service) WithdrawOffer(ctx context.Context, o gate.Origin, capability string) (gate.Receipt, error) {
	target := identity.Target{Kind: "offer", ID: capability}
	request := map[string]any{"capability": capability, "withdraw": true, "reason": o.Reason}
	return s.gate.Submit(ctx, o.Change(identity.WithdrawOffer, target, request), func(tx *kv.Tx, c gate.Change) error {
		return changeOffer(tx, o, c, capability, func(cap *Capability, before Offer, act Act) (Offer, error) {
			if cap.Stage == Offered {
				cap.Stage = Ready
			}
			return withdraw(*cap, before, act)
		})
	})
}

func changeOffer(tx *kv.Tx, o gate.Origin, c gate.Change, capability string, change func(*Capability, Offer, Act) (Offer, error)) error {
	if err := CheckReason(o.Reason); err != nil {
		return err
	}
	rec, err := getCapability(tx, capability)
	if err != nil {
		return err
	}
	before, err := kv.Get(tx, offers.Key(capability))
	if err != nil {
		return err
	}
	if err := o.CheckBase(c.Target, before.Revision); err != nil {
		return err
	}
	after, err := change(&rec.Value, before.Value, actOf(c))
	if err != nil {
		return err
	}
	if err := kv.Put(tx, offers.Key(capability), after); err != nil {
		return err
	}
	return kv.Put(tx, capabilities.Key(capability), rec.Value)
}

func actOf(c gate.Change) Act {
	return Act{Change: c.ID, By: c.Actor.Name, At: c.At, Reason: c.Reason}
}

// AnswerOffer records what a region says to an offer: enable, later or decline.
func (s *Service) AnswerOffer(ctx context.Context, o gate.Origin, region, capability string, reply Reply) (gate.Receipt, error) {
	target := identity.Target{Kind: "enablement", Region: region, ID: capability}
	request := map[string]any{"reply": reply, "reason": o.Reason, "if_revision": o.IfRevision}
	return s.gate.Submit(ctx, o.Change(identity.Answer, target, request), func(tx *kv.Tx, c gate.Change) error {
		if err := CheckReason(o.Reason); err != nil {
			return err
		}
		p, err := getPair(tx, region, capability)
		if err != nil {
			return err
		}
		if err := reply.Check(c.At, p.zone); err != nil {
			return err
		}
		if err := o.CheckBase(target, p.enablement.Revision); err != nil {
			return err
		}
		after, err := answer(region, capability, p.offer.Value, p.baseline, p.enablement.Value, reply, actOf(c))
		if err != nil {
			return err
		}
		return s.putEnablement(tx, p, after, c.At)
	})
}

// TurnOff stops a capability in a region at once, for safety. It needs a role
// and a reason, and no base revision can stop it.
func (s *Service) TurnOff(ctx context.Context, o gate.Origin, region, capability string) (gate.Receipt, error) {
	target := identity.Target{Kind: "enablement", Region: region, ID: capability}
	request := map[string]any{"turn_off": true, "reason": o.Reason}
	return s.gate.Submit(ctx, o.Change(identity.TurnOff, target, request), func(tx *kv.Tx, c gate.Change) error {
		if err := CheckReason(o.Reason); err != nil {
			return err
		}
		before, err := getAnswer(tx, region, capability)
		if err != nil || !before.Exists() {
			return err
		}
		return kv.Put(tx, enablements.Key(region, capability), turnOff(before.Value, actOf(c)))
	})
}
