package governance

import (
	"context"
	"slices"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// edit changes one record of a collection, or makes it.
func edit[T any](ctx context.Context, s *Service, c gate.Change, o gate.Origin, k kv.Key[T], change func(tx *kv.Tx, before kv.Record[T], c gate.Change) (T, error)) (gate.Receipt, error) {
	return s.gate.Submit(ctx, c, func(tx *kv.Tx, c gate.Change) error {
		before, err := kv.Get(tx, k)
		if err != nil {
			return err
		}
		if err := o.CheckBase(c.Target, before.Revision); err != nil {
			return err
		}
		after, err := change(tx, before, c)
		if err != nil {
			return err
		}
		return kv.Put(tx, k, after)
	})
}

// roleOf is in which role somebody contributes, for the record.
func roleOf(p identity.Principal) string {
	if len(p.Grants) == 0 {
		return ""
	}
	return string(p.Grants[0].Role)
}

func idOf(prefix, key string) string { return prefix + MotionID(key)[1:] }

// WriteCase writes a business case, or its next version. Whoever wrote it first
// changes it, or who presides over the body whose cycle it is.
func (s *Service) WriteCase(ctx context.Context, o gate.Origin, one Case) (gate.Receipt, error) {
	target := identity.Target{Kind: "case", ID: one.ID}
	return s.caseVerb(ctx, o.Change(identity.WriteCase, target, one), o, one.ID, func(tx *kv.Tx, before kv.Record[Case], c gate.Change) (Case, error) {
		act := actOf(c, roleOf(c.Actor))
		if err := one.check(); err != nil {
			return one, err
		}
		if err := s.mayWrite(tx, before, one, c); err != nil {
			return one, err
		}
		after, err := rewrite(before.Value, one, act)
		if err != nil {
			return one, err
		}
		return after, kv.Create(tx, versions.Key(after.ID, sitting(after.Version)), after)
	})
}

func (s *Service) caseVerb(ctx context.Context, c gate.Change, o gate.Origin, id string, change func(tx *kv.Tx, before kv.Record[Case], c gate.Change) (Case, error)) (gate.Receipt, error) {
	if !keyWord.MatchString(id) {
		return gate.Receipt{}, unknownCase(id)
	}
	return edit(ctx, s, c, o, cases.Key(id), change)
}

func (s *Service) mayWrite(tx *kv.Tx, before kv.Record[Case], one Case, c gate.Change) error {
	cycle, err := find(tx, cycles, unknownCycle(one.Cycle), one.Cycle)
	if err != nil {
		return err
	}
	if one.Goal != "" && len(cycle.Value.Goals) > 0 && !slices.ContainsFunc(cycle.Value.Goals, func(g Goal) bool { return g.Key == one.Goal }) {
		return bad("/goal", one.Goal, "name one of the goals of %s", one.Cycle)
	}
	for _, id := range one.Needs {
		if _, err := find(tx, needs, unknownNeed(id), id); err != nil {
			return err
		}
	}
	for _, key := range one.Capabilities {
		if _, _, err := s.flags.Capability(tx, key); err != nil {
			return err
		}
	}
	if !before.Exists() || before.Value.First.By.ID == c.Actor.ID {
		return nil
	}
	h, err := getHouse(tx, cycle.Value.Body)
	if err != nil {
		return err
	}
	if _, ok := h.presides(c.Actor.ID, c.At); !ok {
		return fault.New(fault.Forbidden, "not_yours", "the case %s is %s's to change", one.ID, before.Value.First.By.Name).Do("ask them, or say what you think of it")
	}
	return nil
}

// SubmitCase puts a complete case before the body.
func (s *Service) SubmitCase(ctx context.Context, o gate.Origin, id string) (gate.Receipt, error) {
	target := identity.Target{Kind: "case", ID: id}
	return s.caseVerb(ctx, o.Change(identity.WriteCase, target, map[string]any{"submit": id}), o, id, func(tx *kv.Tx, before kv.Record[Case], c gate.Change) (Case, error) {
		if !before.Exists() {
			return Case{}, unknownCase(id)
		}
		if err := s.mayWrite(tx, before, before.Value, c); err != nil {
			return Case{}, err
		}
		return submit(before.Value, actOf(c, roleOf(c.Actor)))
	})
}

// WithdrawCase takes a case back. If a motion with it is open, that is counted
// without anybody's hand in it: the case stays on the paper it is on.
func (s *Service) WithdrawCase(ctx context.Context, o gate.Origin, id string) (gate.Receipt, error) {
	target := identity.Target{Kind: "case", ID: id}
	request := map[string]any{"withdraw": id, "reason": o.Reason}
	return s.caseVerb(ctx, o.Change(identity.WriteCase, target, request), o, id, func(tx *kv.Tx, before kv.Record[Case], c gate.Change) (Case, error) {
		if !before.Exists() {
			return Case{}, unknownCase(id)
		}
		if err := checkReason(c.Reason); err != nil {
			return Case{}, err
		}
		if err := s.mayWrite(tx, before, before.Value, c); err != nil {
			return Case{}, err
		}
		if before.Value.State == CaseFunded || before.Value.State == CaseWithdrawn {
			return Case{}, fault.New(fault.Refused, "case_"+string(before.Value.State), "the case %s is %s", id, before.Value.State).Do("nothing needs to be done")
		}
		after := before.Value
		after.State, after.Written = CaseWithdrawn, actOf(c, roleOf(c.Actor))
		return after, nil
	})
}

// Say makes a remark on a case. Its id comes of the change's key.
func (s *Service) Say(ctx context.Context, o gate.Origin, r Remark) (id string, done gate.Receipt, err error) {
	if o, err = s.keyed(o); err != nil {
		return "", done, err
	}
	r.ID = idOf("r", o.Key)
	target := identity.Target{Kind: "case", ID: r.Case}
	done, err = s.gate.Submit(ctx, o.Change(identity.Deliberate, target, r), func(tx *kv.Tx, c gate.Change) error {
		about, err := find(tx, cases, unknownCase(r.Case), r.Case)
		if err != nil {
			return err
		}
		list, err := getRemarks(tx, r.Case)
		if err != nil {
			return err
		}
		if len(list) >= maxRemarks {
			return fault.New(fault.Refused, "too_many_remarks", "the case %s has %d remarks", r.Case, maxRemarks).Do("bring it to the meeting")
		}
		var under *Remark
		if i := slices.IndexFunc(list, func(x Remark) bool { return x.ID == r.Under }); i >= 0 {
			under = &list[i]
		} else if r.Under != "" {
			return unknownRemark(r.Case, r.Under)
		}
		act := actOf(c, roleOf(c.Actor))
		made, err := say(r, about.Value, under, act)
		if err != nil {
			return err
		}
		if made.Kind == Answer && under.Answered == nil {
			under.Answered = &act
			under.Answered.Reason = made.ID
			if err := kv.Put(tx, remarks.Key(r.Case, under.ID), *under); err != nil {
				return err
			}
		}
		return kv.Create(tx, remarks.Key(r.Case, r.ID), made)
	})
	return r.ID, done, err
}

// Resolve withdraws one's own objection, saying how it was met.
func (s *Service) Resolve(ctx context.Context, o gate.Origin, about, id string) (gate.Receipt, error) {
	if !keyWord.MatchString(about) || !keyWord.MatchString(id) {
		return gate.Receipt{}, unknownRemark(about, id)
	}
	target := identity.Target{Kind: "case", ID: about}
	request := map[string]any{"resolve": id, "reason": o.Reason}
	return edit(ctx, s, o.Change(identity.Deliberate, target, request), o, remarks.Key(about, id), func(_ *kv.Tx, before kv.Record[Remark], c gate.Change) (Remark, error) {
		if !before.Exists() {
			return Remark{}, unknownRemark(about, id)
		}
		if err := checkReason(c.Reason); err != nil {
			return Remark{}, err
		}
		return before.Value.resolve(actOf(c, roleOf(c.Actor)))
	})
}

func unknownRemark(about, id string) error {
	return fault.New(fault.NotFound, "unknown_remark", "the case %.60q has no remark %.60q", about, id).Do("see them with `quorate case show %.60s`", about)
}
