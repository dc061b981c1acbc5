package gate

import (
	"context"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

const (
	office     = "changes"
	tendEvery  = time.Second
	sweepEvery = 30 // of these: how often changes without a date are looked at too
)

// Run does what the clock asks of changes, while this replica holds the office of
// their clerk, until ctx ends. who names the replica. Nothing rests on there being
// one clerk: each act is a transaction that closes the change it acts on, so a
// second clerk finds it done.
func (g *Gate) Run(ctx context.Context, who string) {
	for ctx.Err() == nil {
		o, err := g.store.Campaign(ctx, office, who)
		if err != nil {
			return // ctx ended
		}
		g.hold(ctx, o)
		o.Resign()
	}
}

func (g *Gate) hold(ctx context.Context, o *kv.Office) {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		if err := g.tend(ctx, o, n%sweepEvery == 0); err != nil {
			g.log.Warn("changes that wait could not be tended; trying again", "error", err)
		}
		select {
		case <-tick.C:
		case <-o.Lost():
			return
		case <-ctx.Done():
			return
		}
	}
}

// Tend does once what the clerk does each second: it carries out what has its
// sign-offs and whose time has come, lets expire what nobody signed, takes back
// emergencies that were not ratified, and forgets what was closed long ago.
func (g *Gate) Tend(ctx context.Context) error { return g.tend(ctx, nil, true) }

func (g *Gate) tend(ctx context.Context, o *kv.Office, sweep bool) error {
	list, err := g.openChanges(ctx)
	if err != nil {
		return err
	}
	now := g.now().UTC()
	var last error
	for _, p := range list {
		if !p.asksForClerk(now, sweep) {
			continue
		}
		if err := g.tendOne(ctx, o, p); err != nil && !fault.HasCode(err, "change_closed") {
			last = err
		}
	}
	if sweep {
		if err := g.forget(ctx, o, now); err != nil {
			last = err
		}
	}
	return last
}

// asksForClerk reports whether time may have brought something about. What waits
// for persons alone is looked at now and then, since policy may ask for less.
func (p Proposal) asksForClerk(now time.Time, sweep bool) bool {
	if p.State == Emergency {
		return !now.Before(p.Until)
	}
	if !now.Before(p.Expires) || sweep {
		return true
	}
	for _, r := range p.Decision.Require {
		if r.Kind == NeedDelay {
			return true
		}
	}
	return !p.ApplyAt.IsZero() && p.due(now)
}

func (g *Gate) tendOne(ctx context.Context, o *kv.Office, p Proposal) error {
	c := Origin{Actor: identity.Clerk()}.Change(identity.TendChange, p.target(), map[string]any{"change": p.ID, "edition": p.Edition})
	_, err := g.asClerk(ctx, o, c, func(tx *kv.Tx, c *Change, a *act) error {
		rec, err := openProposal(tx, p.ID)
		if err != nil {
			return err
		}
		return g.tendNow(tx, rec, c, a)
	})
	return err
}

func (g *Gate) tendNow(tx *kv.Tx, rec kv.Record[Proposal], c *Change, a *act) error {
	p := rec.Value
	switch {
	case p.State == Emergency && !c.At.Before(p.Until):
		return g.revert(tx, rec, c, a)
	case p.State == Emergency:
		return nil
	case !c.At.Before(p.Expires):
		return closeProposal(tx, p, Expired, "nobody signed it off in time", *c, a)
	case !p.due(c.At):
		return nil
	}
	e, err := g.examine(tx, rec, c.At)
	if err != nil {
		return err
	}
	missing := p.open(e.decision, e.valid, c.At)
	refused := e.refusal(p)
	if refused == nil && len(missing) == 0 {
		return g.carryOut(tx, p, e.decision, e.valid, c, a)
	}
	tx.Discard()
	if p.ApplyAt.IsZero() && !waitsForTime(missing) {
		return nil // it waits for persons
	}
	return g.hinder(tx, p, refused, missing, a)
}

// hinder notes, once, why a change could not take effect when its time came. It
// goes on waiting.
func (g *Gate) hinder(tx *kv.Tx, p Proposal, refused error, missing []Requirement, a *act) error {
	why := ""
	switch {
	case refused != nil:
		why = fault.From(refused).Message
	case waitsForTime(missing):
		return nil
	default:
		var words []string
		for _, r := range missing {
			words = append(words, r.Words())
		}
		why = "its time came, and it was not signed off by " + listWords(words)
	}
	if p.Held == why {
		return nil
	}
	p.Held = why
	a.about(p, missing)
	a.leaf.Reason = why
	return kv.Put(tx, changes.Key(p.ID), p)
}

// asClerk is through for the clerk, whose hold on the office is compared too.
func (g *Gate) asClerk(ctx context.Context, o *kv.Office, c Change, work func(*kv.Tx, *Change, *act) error) (Receipt, error) {
	return g.through(ctx, c, func(tx *kv.Tx, c *Change, a *act) error {
		if o != nil {
			if err := o.Guard(tx); err != nil {
				return err
			}
		}
		return work(tx, c, a)
	})
}

// maxForget is how many changes are forgotten in one transaction.
const maxForget = 20

// forget removes what was closed long ago. What became of it stays in the record.
func (g *Gate) forget(ctx context.Context, o *kv.Office, now time.Time) error {
	found, _, err := kv.ListSound(g.store.View(ctx), changes)
	if err != nil {
		return err
	}
	var old []string
	for _, e := range found {
		if p := e.Value; p.Closed != nil && now.Sub(p.Closed.At) > Keep && len(old) < maxForget {
			old = append(old, p.ID)
		}
	}
	if len(old) == 0 {
		return nil
	}
	c := Origin{Actor: identity.Clerk(), Reason: "closed long ago"}.Change(identity.TendChange, identity.Target{Kind: "change"}, map[string]any{"forget": old})
	_, err = g.asClerk(ctx, o, c, func(tx *kv.Tx, _ *Change, _ *act) error {
		for _, id := range old {
			if err := forgetOne(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func forgetOne(tx *kv.Tx, id string) error {
	signed, err := signoffsOf(tx, id)
	if err != nil {
		return err
	}
	for _, s := range signed {
		if err := kv.Delete(tx, signoffs.Key(id, s.By.ID)); err != nil {
			return err
		}
	}
	return kv.Delete(tx, changes.Key(id))
}
