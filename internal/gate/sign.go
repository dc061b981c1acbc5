package gate

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// Sign is one person's approval of a change that waits. binding is what the person
// saw and signs, as View.Binding says it: if the change says something else by
// now, nothing is signed. The reason of o is the meaning of the signature. The
// sign-off that completes what is required carries the change out, in the same
// transaction. Whoever signs has just signed in: a token signs for nobody.
//
// Errors: unknown_change, change_closed; own_change to its author, and to whoever
// issued the token that proposed it; not_asked if no rule asks for the roles of the
// one who signs; base_moved, policy_denied, if it cannot take effect as it stands;
// binding_differs; those of identity.RequireFresh; those of Submit.
func (g *Gate) Sign(ctx context.Context, o Origin, id, binding string) (Receipt, error) {
	return g.onProposal(ctx, o, identity.SignChange, id, map[string]any{"change": id, "binding": binding, "meaning": o.Reason},
		func(tx *kv.Tx, rec kv.Record[Proposal], c *Change, a *act) error {
			if o.Reason == "" {
				return fault.New(fault.Invalid, "bad_reason", "a sign-off without its meaning").
					Do("say what you approve and why").At("/reason")
			}
			return g.sign(tx, rec, c, a, binding)
		})
}

func (g *Gate) sign(tx *kv.Tx, rec kv.Record[Proposal], c *Change, a *act, binding string) error {
	p := rec.Value
	if p.Author.is(c.Actor) {
		return fault.New(fault.Refused, "own_change", "the change %s is %s's own, and nobody signs off their own", p.ID, c.Actor.Name).
			Do("ask somebody else who may")
	}
	e, err := g.examine(tx, rec, c.At)
	if err != nil {
		return err
	}
	if err := e.refusal(p); err != nil {
		return err
	}
	if e.binding != binding {
		return fault.New(fault.Conflict, "binding_differs", "what was signed is not what the change %s says now", p.ID).
			Do("look at it again: `quorate change show %s`", p.ID).At("/binding")
	}
	if slices.ContainsFunc(e.valid, func(s SignOff) bool { return s.By.ID == c.Actor.ID }) {
		tx.Discard()
		a.about(p, p.open(e.decision, e.valid, c.At))
		return nil
	}
	s, err := g.signature(p, e, *c)
	if err != nil {
		return err
	}
	return g.signed(tx, p, e, s, c, a)
}

// signature is the sign-off that somebody can give: for the requirements that ask
// for one of their roles.
func (g *Gate) signature(p Proposal, e examination, c Change) (SignOff, error) {
	s := SignOff{Change: p.ID, By: audit.ActorOf(c.Actor), Grants: c.Actor.Grants, At: c.At, Meaning: c.Reason,
		Strength: c.Actor.Strength, SignedIn: c.Actor.AuthTime, Edition: p.Edition, Binds: e.binding, Decision: e.decision}
	if s.As = e.decision.rolesOf(c.Actor.Grants); len(s.As) > 0 {
		return s, identity.RequireFresh(c.Actor, c.At, identity.FreshFor)
	}
	var needs []string
	for _, r := range e.decision.Require {
		if r.Kind == NeedSignOff {
			needs = append(needs, r.Words())
		}
	}
	return s, fault.New(fault.Forbidden, "not_asked", "no rule asks for a sign-off of %s by %s", p.ID, c.Actor.Name).
		Do("ask someone who can give one: %s", listWords(needs))
}

// signed puts the sign-off beside the change, and carries the change out if that
// was the last thing missing.
func (g *Gate) signed(tx *kv.Tx, p Proposal, e examination, s SignOff, c *Change, a *act) error {
	valid := append(e.valid, s)
	missing := p.open(e.decision, valid, c.At)
	a.leaf.Decision = e.decision.recorded()
	a.about(p, missing)
	done := len(missing) == 0 && p.due(c.At)
	if !done {
		tx.Discard()
	}
	if err := kv.Put(tx, signoffs.Key(p.ID, s.By.ID), s); err != nil {
		return err
	}
	if !done {
		return nil
	}
	return g.carryOut(tx, p, e.decision, valid, c, a)
}

// carryOut closes a change whose writes tx holds, or that is in force already.
func (g *Gate) carryOut(tx *kv.Tx, p Proposal, d Decision, signed []SignOff, c *Change, a *act) error {
	a.leaf.Decision = d.recorded()
	for _, s := range signed {
		a.leaf.SignOffs = append(a.leaf.SignOffs, s.recorded())
	}
	state := Applied
	if p.State == Emergency {
		state = Ratified
	}
	return closeProposal(tx, p, state, "", *c, a)
}

// Decline ends a change that waits: it cannot be applied any more. Whoever could
// sign it off can decline it, and one is enough. An emergency is taken back at
// once.
func (g *Gate) Decline(ctx context.Context, o Origin, id string) (Receipt, error) {
	return g.onProposal(ctx, o, identity.DeclineChange, id, map[string]any{"change": id, "decline": true, "reason": o.Reason},
		func(tx *kv.Tx, rec kv.Record[Proposal], c *Change, a *act) error {
			if err := needReason(o.Reason, "why it is declined"); err != nil {
				return err
			}
			if err := g.mustBeAsked(tx, rec, *c); err != nil {
				return err
			}
			return g.endUnsigned(tx, rec, Declined, c, a)
		})
}

// endUnsigned closes a change without effect, and takes an emergency back.
func (g *Gate) endUnsigned(tx *kv.Tx, rec kv.Record[Proposal], state State, c *Change, a *act) error {
	if rec.Value.State == Emergency {
		moved, err := movedSince(tx, rec)
		if err != nil {
			return err
		}
		if err := tx.Restore(rec.Value.Plan.Without(moved)); err != nil {
			return err
		}
	}
	return closeProposal(tx, rec.Value, state, c.Reason, *c, a)
}

// RequestChanges asks the author for another edition. It ends nothing.
func (g *Gate) RequestChanges(ctx context.Context, o Origin, id string) (Receipt, error) {
	return g.onProposal(ctx, o, identity.RequestChanges, id, map[string]any{"change": id, "request_changes": o.Reason},
		func(tx *kv.Tx, rec kv.Record[Proposal], c *Change, a *act) error {
			if err := needReason(o.Reason, "what should be otherwise"); err != nil {
				return err
			}
			if err := g.mustBeAsked(tx, rec, *c); err != nil {
				return err
			}
			p := rec.Value
			if err := p.remark(*c, a, o.Reason); err != nil {
				return err
			}
			a.about(p, nil)
			return kv.Put(tx, changes.Key(p.ID), p)
		})
}

func (p *Proposal) remark(c Change, a *act, text string) error {
	if len(p.Remarks) >= maxRemarks {
		return fault.New(fault.Refused, "too_many_remarks", "the change %s has %d remarks already", p.ID, len(p.Remarks)).
			Do("talk to each other; then sign it, decline it or have it proposed anew")
	}
	p.Remarks = append(slices.Clone(p.Remarks), Remark{By: a.leaf.Actor, At: c.At, Edition: p.Edition, Act: c.Action, Text: text})
	return nil
}

// Withdraw takes a change back; only its author does.
func (g *Gate) Withdraw(ctx context.Context, o Origin, id string) (Receipt, error) {
	return g.onProposal(ctx, o, identity.WithdrawChange, id, map[string]any{"change": id, "withdraw": true, "reason": o.Reason},
		func(tx *kv.Tx, rec kv.Record[Proposal], c *Change, a *act) error {
			if err := mustBeAuthor(rec.Value, *c); err != nil {
				return err
			}
			return g.endUnsigned(tx, rec, Withdrawn, c, a)
		})
}

func needReason(reason, what string) error {
	if reason == "" {
		return fault.New(fault.Invalid, "bad_reason", "no reason was given").Do("say %s", what).At("/reason")
	}
	return nil
}

func mustBeAuthor(p Proposal, c Change) error {
	if p.Author.is(c.Actor) {
		return nil
	}
	return fault.New(fault.Forbidden, "not_yours", "the change %s is %s's", p.ID, p.Author.Name).
		Do("ask its author, or propose one of your own")
}

// mustBeAsked refuses whoever could not sign the change off anyway. What has moved
// below it does not take that right away: the decision of its edition says who.
func (g *Gate) mustBeAsked(tx *kv.Tx, rec kv.Record[Proposal], c Change) error {
	p := rec.Value
	if p.Author.is(c.Actor) {
		return fault.New(fault.Refused, "own_change", "the change %s is your own", p.ID).Do("withdraw it: `quorate change withdraw %s`", p.ID)
	}
	e, err := g.examine(tx, rec, c.At)
	if err != nil {
		return err
	}
	tx.Discard()
	if slices.ContainsFunc(e.decision.Require, func(r Requirement) bool { return r.servableBy(c.Actor.Grants) }) {
		return nil
	}
	return fault.New(fault.Forbidden, "not_asked", "no rule asks %s for a sign-off of %s", c.Actor.Name, p.ID).
		Do("tell those who are asked, or its author %s", p.Author.Name)
}

// onProposal puts an act on a change that waits through the gate.
func (g *Gate) onProposal(ctx context.Context, o Origin, action identity.Action, id string, request any,
	work func(*kv.Tx, kv.Record[Proposal], *Change, *act) error,
) (Receipt, error) {
	region, err := g.regionOf(ctx, id)
	if err != nil {
		return Receipt{}, err
	}
	return g.through(ctx, o.Change(action, changeTarget(id, region), request), func(tx *kv.Tx, c *Change, a *act) error {
		rec, err := openProposal(tx, id)
		if err != nil {
			return err
		}
		if p := rec.Value; p.State == Pending && !c.At.Before(p.Expires) && action != identity.WithdrawChange {
			return fault.New(fault.Refused, "change_expired", "the change %s expired on %s", p.ID, p.Expires.Format(time.RFC3339)).Do("propose it anew")
		}
		if err := work(tx, rec, c, a); err != nil {
			return g.unlessMoved(ctx, rec, err)
		}
		return nil
	})
}

// unlessMoved believes a refusal only if the change still is what it was when it
// was read: what a refusal rests on is not compared, since it commits nothing, and
// somebody may have carried the change out between two reads.
func (g *Gate) unlessMoved(ctx context.Context, rec kv.Record[Proposal], refusal error) error {
	now, err := openProposal(g.store.View(ctx), rec.Value.ID)
	switch {
	case err != nil && !fault.Is(err, fault.StoreUnavailable):
		return err
	case err == nil && now.Revision != rec.Revision:
		return fault.New(fault.Conflict, "change_moved", "somebody else acted on the change %s at this moment", rec.Value.ID).
			Do("look at it again: `quorate change show %s`", rec.Value.ID)
	}
	return refusal
}

// regionOf is where the change is about; it never moves. One that is not there is
// nowhere: that is said after the role has been asked for.
func (g *Gate) regionOf(ctx context.Context, id string) (string, error) {
	rec, err := getProposal(g.store.View(ctx), id)
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return rec.Value.Target.Region, err
}

func rawRequest(request any) (json.RawMessage, error) { return json.Marshal(request) }

func listWords(words []string) string {
	text := ""
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			text += " and "
		default:
			text += ", "
		}
		text += w
	}
	return text
}
