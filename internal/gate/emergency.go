package gate

import (
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// How long an emergency may run ahead of its sign-offs.
const (
	MinEmergency = time.Minute
	MaxEmergency = 72 * time.Hour
)

// ahead has a change take effect before it is signed off. Only sign-offs and
// delays can be run ahead of: role, rule, policy's denials and evidence have been
// asked for like of any other change. Whoever does it has just signed in, so that
// it is a person and not a forgotten script; and it has an end.
func (g *Gate) ahead(tx *kv.Tx, c Change, p Proposal, missing []Requirement, a *act) error {
	for _, r := range missing {
		if r.Kind != NeedSignOff && r.Kind != NeedDelay {
			return fault.New(fault.Refused, "not_for_an_emergency", "%s asks for %s, and an emergency cannot do without it: %s", r.Rule, r.Words(), r.Message).
				Do("see to it first")
		}
	}
	if err := identity.RequireFresh(c.Actor, c.At, identity.FreshFor); err != nil {
		return err
	}
	if c.Reason == "" {
		return fault.New(fault.Invalid, "bad_reason", "an emergency without a reason").Do("say why it cannot wait").At("/reason")
	}
	if err := g.roomFor(tx.Context(), c.Actor.ID); err != nil {
		return err
	}
	var err error
	if p.Request, err = rawRequest(c.Request); err != nil {
		return err
	}
	p.State, p.Until, p.Expires = Emergency, c.At.Add(c.Emergency), c.At.Add(c.Emergency)
	if err := kv.Create(tx, changes.Key(p.ID), p); err != nil {
		return err
	}
	if err := kv.Create(tx, holds.Key(p.ID), hold{Paths: pathsOf(p.Plan), Until: p.Until}); err != nil {
		return err
	}
	a.about(p, missing)
	return nil
}

// revert ends an emergency that was not ratified: what it wrote is taken back,
// except what somebody has turned off since.
func (g *Gate) revert(tx *kv.Tx, rec kv.Record[Proposal], c *Change, a *act) error {
	p := rec.Value
	moved, err := movedSince(tx, rec)
	if err != nil {
		return err
	}
	state, reason := Reverted, "it was not ratified by "+p.Until.Format(time.RFC3339)
	if len(moved) > 0 {
		state, reason = Superseded, "it was ended before its time"
	}
	if err := tx.Restore(p.Plan.Without(moved)); err != nil {
		return err
	}
	return closeProposal(tx, p, state, reason, *c, a)
}

// closeProposal ends a change for good.
func closeProposal(tx *kv.Tx, p Proposal, state State, reason string, c Change, a *act) error {
	if p.State == Emergency {
		if err := kv.Delete(tx, holds.Key(p.ID)); err != nil {
			return err
		}
	}
	p.State, p.Held = state, ""
	p.Closed = &Closing{By: a.leaf.Actor, At: c.At, Reason: reason, Leaf: c.ID}
	a.about(p, nil)
	return kv.Put(tx, changes.Key(p.ID), p)
}
