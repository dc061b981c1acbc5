package governance

import (
	"context"
	"slices"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// RaiseNeed writes a need. A region's yes-if to an offer is one too.
func (s *Service) RaiseNeed(ctx context.Context, o gate.Origin, n Need) (id string, done gate.Receipt, err error) {
	if o, err = s.keyed(o); err != nil {
		return "", done, err
	}
	n.ID = idOf("n", o.Key)
	target := identity.Target{Kind: "need", ID: n.ID, Region: n.Region}
	done, err = edit(ctx, s, o.Change(identity.WriteNeed, target, n), o, needs.Key(n.ID), func(tx *kv.Tx, _ kv.Record[Need], c gate.Change) (Need, error) {
		raised, err := raise(n, actOf(c, roleOf(c.Actor)))
		if err != nil {
			return n, err
		}
		if _, err := find(tx, cycles, unknownCycle(n.Cycle), n.Cycle); err != nil {
			return n, err
		}
		if n.Region != "" {
			if err := s.flags.CheckRegion(tx, n.Region); err != nil {
				return n, err
			}
		}
		if n.YesIf != "" {
			return raised, s.checkYesIf(tx, n, c)
		}
		return raised, nil
	})
	return n.ID, done, err
}

// checkYesIf: a yes-if answers an offer, so it is for whoever answers offers in the
// region, and for an offer that stands.
func (s *Service) checkYesIf(tx *kv.Tx, n Need, c gate.Change) error {
	if err := identity.Can(c.Actor, identity.Answer, identity.Target{Kind: "enablement", ID: n.YesIf, Region: n.Region}); err != nil {
		return err
	}
	_, offer, err := s.flags.Capability(tx, n.YesIf)
	if err == nil && !offer.Live() {
		err = fault.New(fault.Refused, "not_offered", "%s is not offered, so there is nothing to say yes-if to", n.YesIf).Do("raise it as a plain need")
	}
	return err
}

func (s *Service) needVerb(ctx context.Context, o gate.Origin, a identity.Action, id string, request any, change func(tx *kv.Tx, n Need, act Act) (Need, error)) (gate.Receipt, error) {
	if !keyWord.MatchString(id) {
		return gate.Receipt{}, unknownNeed(id)
	}
	target := identity.Target{Kind: "need", ID: id}
	return edit(ctx, s, o.Change(a, target, request), o, needs.Key(id), func(tx *kv.Tx, before kv.Record[Need], c gate.Change) (Need, error) {
		if !before.Exists() {
			return Need{}, unknownNeed(id)
		}
		if err := checkReason(c.Reason); err != nil {
			return Need{}, err
		}
		return change(tx, before.Value, actOf(c, roleOf(c.Actor)))
	})
}

// SponsorNeed stands behind a need.
func (s *Service) SponsorNeed(ctx context.Context, o gate.Origin, id string) (gate.Receipt, error) {
	return s.needVerb(ctx, o, identity.WriteNeed, id, map[string]any{"sponsor": id, "reason": o.Reason},
		func(_ *kv.Tx, n Need, act Act) (Need, error) { return n.sponsor(act) })
}

// WithdrawNeed takes one's own need back.
func (s *Service) WithdrawNeed(ctx context.Context, o gate.Origin, id string) (gate.Receipt, error) {
	return s.needVerb(ctx, o, identity.WriteNeed, id, map[string]any{"withdraw": id, "reason": o.Reason},
		func(_ *kv.Tx, n Need, act Act) (Need, error) { return n.takeBack(act) })
}

// MergeNeed lets another need stand for it.
func (s *Service) MergeNeed(ctx context.Context, o gate.Origin, id, into string) (gate.Receipt, error) {
	return s.needVerb(ctx, o, identity.AnswerNeed, id, map[string]any{"merge": id, "into": into, "reason": o.Reason},
		func(tx *kv.Tx, n Need, act Act) (Need, error) {
			other, err := find(tx, needs, unknownNeed(into), into)
			if err != nil {
				return n, err
			}
			return n.merge(other.Value, act)
		})
}

// AnswerNeed ends a need: by the cases named, or, without any, with why not.
func (s *Service) AnswerNeed(ctx context.Context, o gate.Origin, id string, by []string) (gate.Receipt, error) {
	return s.needVerb(ctx, o, identity.AnswerNeed, id, map[string]any{"answer": id, "by": by, "reason": o.Reason},
		func(tx *kv.Tx, n Need, act Act) (Need, error) {
			if err := checkKeys("/cases", by, 0, 20); err != nil {
				return n, err
			}
			if _, err := getCases(tx, by...); err != nil {
				return n, err
			}
			return n.answer(by, act)
		})
}

// RankNeeds sets a region's own order of a cycle's needs.
func (s *Service) RankNeeds(ctx context.Context, o gate.Origin, order Order) (gate.Receipt, error) {
	if !keyWord.MatchString(order.Cycle) || !keyWord.MatchString(order.Region) {
		return gate.Receipt{}, unknownCycle(order.Cycle)
	}
	target := identity.Target{Kind: "ranking", ID: order.Cycle, Region: order.Region}
	return edit(ctx, s, o.Change(identity.RankNeeds, target, order), o, orders.Key(order.Cycle, order.Region), func(tx *kv.Tx, _ kv.Record[Order], c gate.Change) (Order, error) {
		if err := checkKeys("/needs", order.Needs, 1, MaxOptions); err != nil {
			return order, err
		}
		standing, err := kv.List(tx, needs)
		if err != nil {
			return order, err
		}
		open := func(id string) bool {
			n := standing[needs.Key(id).Path()].Value
			return n.Cycle == order.Cycle && n.State == NeedOpen
		}
		if i := slices.IndexFunc(order.Needs, func(id string) bool { return !open(id) }); i >= 0 {
			return order, fault.New(fault.Refused, "need_not_open", "%s is no open need of the cycle %s", order.Needs[i], order.Cycle).
				Do("list them with `quorate need list`").At("/needs")
		}
		order.Set = actOf(c, roleOf(c.Actor))
		return order, nil
	})
}

// ShareNote tells the other regions what one has learned.
func (s *Service) ShareNote(ctx context.Context, o gate.Origin, n Note) (id string, done gate.Receipt, err error) {
	if o, err = s.keyed(o); err != nil {
		return "", done, err
	}
	n.ID = idOf("p", o.Key)
	target := identity.Target{Kind: "note", ID: n.Capability, Region: n.Region}
	done, err = s.gate.Submit(ctx, o.Change(identity.ShareNote, target, n), func(tx *kv.Tx, c gate.Change) error {
		if err := n.check(); err != nil {
			return err
		}
		if err := s.checkPlace(tx, n.Region, n.Capability); err != nil {
			return err
		}
		n.Shared = actOf(c, roleOf(c.Actor))
		return kv.Create(tx, notes.Key(n.Capability, n.ID), n)
	})
	return n.ID, done, err
}

// RaiseConcern reports something about a live capability.
func (s *Service) RaiseConcern(ctx context.Context, o gate.Origin, n Concern) (id string, done gate.Receipt, err error) {
	if o, err = s.keyed(o); err != nil {
		return "", done, err
	}
	n.ID = idOf("c", o.Key)
	target := identity.Target{Kind: "concern", ID: n.Capability, Region: n.Region}
	done, err = s.gate.Submit(ctx, o.Change(identity.RaiseConcern, target, n), func(tx *kv.Tx, c gate.Change) error {
		raised, err := raiseConcern(n, actOf(c, roleOf(c.Actor)))
		if err != nil {
			return err
		}
		if err := s.checkPlace(tx, n.Region, n.Capability); err != nil {
			return err
		}
		return kv.Create(tx, concerns.Key(n.ID), raised)
	})
	return n.ID, done, err
}

// checkPlace refuses a region and a capability that there are not.
func (s *Service) checkPlace(tx *kv.Tx, region, capability string) error {
	if err := s.flags.CheckRegion(tx, region); err != nil {
		return err
	}
	_, _, err := s.flags.Capability(tx, capability)
	return err
}

// TriageConcern says what is done about a concern.
func (s *Service) TriageConcern(ctx context.Context, o gate.Origin, region, id string, v Verdict) (gate.Receipt, error) {
	unknown := fault.New(fault.NotFound, "unknown_concern", "there is no concern %.60q in region %.60q", id, region).Do("list them with `quorate concern list`")
	if !keyWord.MatchString(id) {
		return gate.Receipt{}, unknown
	}
	target := identity.Target{Kind: "concern", ID: id, Region: region}
	request := map[string]any{"triage": id, "verdict": v, "reason": o.Reason}
	return edit(ctx, s, o.Change(identity.TriageConcern, target, request), o, concerns.Key(id), func(_ *kv.Tx, before kv.Record[Concern], c gate.Change) (Concern, error) {
		if !before.Exists() || before.Value.Region != region {
			return Concern{}, unknown
		}
		if err := checkReason(c.Reason); err != nil {
			return Concern{}, err
		}
		return before.Value.triage(v, actOf(c, roleOf(c.Actor)))
	})
}

// WriteReview records how a funded case turned out.
func (s *Service) WriteReview(ctx context.Context, o gate.Origin, r Review) (gate.Receipt, error) {
	if !keyWord.MatchString(r.Case) {
		return gate.Receipt{}, unknownCase(r.Case)
	}
	target := identity.Target{Kind: "case", ID: r.Case}
	return edit(ctx, s, o.Change(identity.WriteReview, target, r), o, reviews.Key(r.Case), func(tx *kv.Tx, _ kv.Record[Review], c gate.Change) (Review, error) {
		about, err := find(tx, cases, unknownCase(r.Case), r.Case)
		if err != nil {
			return r, err
		}
		return review(r, about.Value, actOf(c, roleOf(c.Actor)))
	})
}
