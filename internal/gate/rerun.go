package gate

import (
	"context"
	"encoding/json"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// A Verb asks again for what a request asked for: it decodes the request and calls
// the very function that made the change, with this origin. The request is the one
// that the verb itself had put into its Change.
type Verb func(ctx context.Context, o Origin, t identity.Target, request json.RawMessage) (Receipt, error)

// Verbs makes known how actions are asked for again, so that what waits can be
// rebased and edited. It is called before the first Submit.
func (g *Gate) Verbs(verbs map[identity.Action]Verb) {
	for a, v := range verbs {
		g.verbs[a] = v
	}
}

// rerun marks a change that a verb makes for another one, which waits.
type rerun struct {
	id    string
	outer Change // the rebase or the edit itself
	note  string
}

// Rebase has the verb of a change run again on what stands now: a new edition, with
// no sign-offs. If nothing is required by now it takes effect at once. Only its
// author does.
func (g *Gate) Rebase(ctx context.Context, o Origin, id string) (Receipt, error) {
	return g.again(ctx, o, identity.RebaseChange, id, nil)
}

// Edit replaces what a change asks for. The request has the shape of the one it
// replaces, see View.Request.
func (g *Gate) Edit(ctx context.Context, o Origin, id string, request json.RawMessage) (Receipt, error) {
	if !json.Valid(request) {
		return Receipt{}, fault.New(fault.Invalid, "bad_request", "the request of an edit is no JSON").
			Do("take the request of `quorate change show %s --output json` and change it", id).At("/request")
	}
	return g.again(ctx, o, identity.EditChange, id, request)
}

func (g *Gate) again(ctx context.Context, o Origin, action identity.Action, id string, request json.RawMessage) (Receipt, error) {
	region, err := g.regionOf(ctx, id)
	if err != nil {
		return Receipt{}, err
	}
	asked := map[string]any{"change": id, "note": o.Reason}
	if request != nil {
		asked["request"] = request
	}
	outer := o.Change(action, changeTarget(id, region), asked)
	if err := identity.Can(o.Actor, action, outer.Target); err != nil { // refused on the record, as anywhere
		return g.through(ctx, outer, func(*kv.Tx, *Change, *act) error { return err })
	}
	rec, err := getProposal(g.store.View(ctx), id)
	if err != nil {
		return Receipt{}, err
	}
	p := rec.Value
	if err := mustBeAuthor(p, outer); err != nil {
		return g.through(ctx, outer, func(*kv.Tx, *Change, *act) error { return err })
	}
	verb, ok := g.verbs[p.Action]
	if !ok {
		return Receipt{}, fault.New(fault.Refused, "not_again", "a change of the kind %s cannot be asked for again by itself", p.Action).
			Do("withdraw it and propose it anew: `quorate change withdraw %s`", id)
	}
	if request == nil {
		request = p.Request
	}
	inner := o
	inner.Key, inner.Reason, inner.ApplyAt, inner.Emergency, inner.IfRevision = "", p.Reason, p.ApplyAt, 0, 0
	inner.rerun = &rerun{id: id, outer: outer, note: o.Reason}
	if !o.ApplyAt.IsZero() {
		inner.ApplyAt = o.ApplyAt
	}
	return verb(ctx, inner, p.Target, request)
}

// submitAgain is Submit for a verb that runs again for a change that waits.
func (g *Gate) submitAgain(ctx context.Context, inner Change, rule Rule) (Receipt, error) {
	r := inner.rerun
	return g.through(ctx, r.outer, func(tx *kv.Tx, outer *Change, a *act) error {
		rec, err := openProposal(tx, r.id)
		if err != nil {
			return err
		}
		p := rec.Value
		switch {
		case p.State != Pending:
			return fault.New(fault.Refused, "emergency_open", "the change %s is in force as an emergency and stays as it is", p.ID).Do("withdraw it and propose another")
		case inner.Action != p.Action || inner.Target != p.Target:
			return fault.New(fault.Invalid, "another_change", "the request asks for %s on %s, and the change %s is %s on %s", inner.Action, inner.Target, p.ID, p.Action, p.Target).
				Do("propose another change").At("/request")
		}
		c := inner
		c.ID, c.At = p.ID, outer.At
		if err := identity.Can(c.Actor, c.Action, c.Target); err != nil {
			return err
		}
		return g.anotherEdition(tx, rec.Value, c, outer, rule, a)
	})
}

// anotherEdition replaces what a change would write. Sign-offs bind an edition.
func (g *Gate) anotherEdition(tx *kv.Tx, p Proposal, c Change, outer *Change, rule Rule, a *act) error {
	guard := p // p was read through tx, and so is compared; what follows rests on the rule's reads alone
	plan, d, err := g.planned(tx, &c, rule, a)
	if err != nil {
		return err
	}
	next := newProposal(c, plan, d)
	next.Edition, next.ProposedAt, next.Remarks = guard.Edition+1, guard.ProposedAt, guard.Remarks
	if next.Request, err = rawRequest(c.Request); err != nil {
		return err
	}
	if err := next.remark(*outer, a, c.rerun.note); err != nil {
		return err
	}
	missing := next.open(d, nil, c.At)
	if len(missing) == 0 && next.due(c.At) {
		return g.carryOut(tx, next, d, nil, outer, a)
	}
	tx.Discard()
	a.about(next, missing)
	return kv.Put(tx, changes.Key(next.ID), next)
}

// planned runs a rule and asks policy of what it would write.
func (g *Gate) planned(tx *kv.Tx, c *Change, rule Rule, a *act) (kv.Plan, Decision, error) {
	if err := c.checkWishes(); err != nil {
		return kv.Plan{}, Decision{}, err
	}
	if err := rule(tx, *c); err != nil {
		return kv.Plan{}, Decision{}, err
	}
	plan, err := tx.Plan()
	if err != nil {
		return plan, Decision{}, err
	}
	plan.Bases = withoutPath(plan.Bases, changes.Key(c.ID).Path())
	if c.Edits = tx.Edits(); len(c.Edits) == 0 {
		return plan, Decision{}, fault.New(fault.Refused, "nothing_to_change", "everything is by now as the change %s would have it", c.ID).
			Do("withdraw it: `quorate change withdraw %s`", c.ID)
	}
	d, err := g.permit(tx, *c, a)
	return plan, d, err
}

func withoutPath(bases []kv.Base, path string) []kv.Base {
	kept := bases[:0]
	for _, b := range bases {
		if b.Path != path {
			kept = append(kept, b)
		}
	}
	return kept
}
