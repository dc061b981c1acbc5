package governance

import (
	"context"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// Clerk is the principal of what the clock does. It can close and count what is due,
// and nothing else.
func Clerk() identity.Principal {
	return identity.Principal{ID: "clerk", Name: "the clerk", Strength: identity.ByHost,
		Grants: []identity.Grant{{Role: identity.Operator, Regions: []string{identity.Every}}},
		Verbs:  []identity.Action{identity.CloseMotion, identity.SettleMotion}}
}

// Close closes a motion that is due. Any replica may try: one transaction does it,
// and a ballot is before it or after it by the order of transactions. Closing what is
// closed changes nothing.
func (s *Service) Close(ctx context.Context, o gate.Origin, id string) (gate.Receipt, error) {
	target := identity.Target{Kind: "motion", ID: id}
	return s.gate.Submit(ctx, o.Change(identity.CloseMotion, target, map[string]any{"close": id}), func(tx *kv.Tx, c gate.Change) error {
		rec, err := getMotion(tx, id)
		if err != nil {
			return err
		}
		if c.Actor.Strength != identity.ByHost { // the clerk closes by the clock
			if err := identity.RequireFresh(c.Actor, c.At, identity.FreshFor); err != nil {
				return err
			}
		}
		m := rec.Value
		if m.State != Open {
			_, err := closeMotion(m, Paper{}, nil, Act{})
			return err
		}
		p, err := getPaper(tx, m)
		if err != nil {
			return err
		}
		var cast map[string]bool
		if p.CloseWhenAllVoted && c.At.Before(m.Opened.Closes) {
			if cast, err = whoCast(tx, m); err != nil {
				return err
			}
		}
		after, err := closeMotion(m, p, cast, actOf(c, ""))
		if err != nil {
			return err
		}
		return kv.Put(tx, motions.Key(id), after)
	})
}

func whoCast(tx *kv.Tx, m Motion) (map[string]bool, error) {
	list, err := getBallots(tx, m)
	cast := map[string]bool{}
	for _, b := range list {
		cast[b.Seat] = true
	}
	return cast, err
}

// Settle takes a motion on from its close: it counts it, and lets it take effect as
// soon as nothing stands in the way. Outcome, explanation and effect are one
// transaction where the charter has no window between them. Doing it again changes
// nothing; a motion that still waits stays as it is.
func (s *Service) Settle(ctx context.Context, o gate.Origin, id string) (gate.Receipt, error) {
	target := identity.Target{Kind: "motion", ID: id}
	return s.gate.Submit(ctx, o.Change(identity.SettleMotion, target, map[string]any{"settle": id}), func(tx *kv.Tx, c gate.Change) error {
		rec, err := getMotion(tx, id)
		if err != nil {
			return err
		}
		m, act := rec.Value, actOf(c, "")
		if m.State == Closed {
			if m, err = s.count(tx, m, act); err != nil {
				return err
			}
		}
		if m.State == Carried {
			if m, err = s.takeEffect(tx, m, act); err != nil {
				return err
			}
		}
		if m.retires(act.At) {
			if m, err = s.retire(tx, m, act); err != nil {
				return err
			}
		}
		return kv.Put(tx, motions.Key(id), m)
	})
}

// retire ends a capability that was retiring, with whatever is on under its offer.
func (s *Service) retire(tx *kv.Tx, m Motion, act Act) (Motion, error) {
	c, _, err := s.flags.Capability(tx, m.Subject.Capability)
	if err != nil {
		return m, err
	}
	m.Retired = &act
	if c.Stage != flags.Retiring {
		return m, nil // somebody has decided otherwise since
	}
	act.Reason = "retired by motion " + m.ID
	return m, s.flags.SetStage(tx, c.Key, flags.Retired, act.flagged())
}

// count reads the ballots, which nobody can change any more, and writes the count.
func (s *Service) count(tx *kv.Tx, m Motion, act Act) (Motion, error) {
	p, err := getPaper(tx, m)
	if err != nil {
		return m, err
	}
	cast, err := getBallots(tx, m)
	if err != nil {
		return m, err
	}
	before, err := roundsBefore(tx, m)
	if err != nil {
		return m, err
	}
	whole, outcome, err := count(m, p, cast, before, s.key, act)
	if err != nil {
		return m, err
	}
	return settle(m, p, outcome), kv.Create(tx, counts.Key(m.ID, sitting(p.Sitting)), whole)
}

// roundsBefore are the earlier rounds of a rating.
func roundsBefore(tx *kv.Tx, m Motion) ([]Panel, error) {
	if m.Kind != Rating || m.Subject.Motion == "" {
		return nil, nil
	}
	earlier, err := getMotion(tx, m.Subject.Motion)
	if err != nil {
		return nil, err
	}
	rec, err := kv.Get(tx, counts.Key(earlier.Value.ID, sitting(earlier.Value.Sittings)))
	return rec.Value.Panels, err
}

// takeEffect does what a carried motion wants, or notes what it waits for.
func (s *Service) takeEffect(tx *kv.Tx, m Motion, act Act) (Motion, error) {
	h, err := getHouse(tx, m.Body)
	if err != nil {
		return m, err
	}
	signs, err := s.planSigns(tx, h, m)
	if err != nil {
		return m, err
	}
	if m.Obstacle = m.waits(h, signs, act.At); m.Obstacle != "" {
		return m, nil
	}
	act.Reason = "motion " + m.ID + " carried"
	err = tx.Try(func() error { return s.effect(tx, h, m, act) })
	if fault.Is(err, fault.Refused) || fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) || fault.Is(err, fault.TooLarge) {
		m.Obstacle = fault.From(err).Error() // carried all the same; tried again when something has changed
		return m, nil
	}
	if err != nil {
		return m, err
	}
	m.State, m.Effective = Effective, &act
	return m, nil
}
