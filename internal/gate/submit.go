package gate

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// Gate is safe for concurrent use.
type Gate struct {
	store    *kv.Store
	follower *kv.Follower // nil: do not wait
	board    *board       // nil: the store is asked
	decider  Decider
	verbs    map[identity.Action]Verb // complete before the first Submit
	standing Standing                 // nil: nobody is asked
	now      func() time.Time
	log      *slog.Logger
	refusals *refusalLimit
	metrics  *metrics
}

// New makes the gate of a store. reg may be nil.
func New(store *kv.Store, decider Decider, now func() time.Time, log *slog.Logger, reg prometheus.Registerer) *Gate {
	g := &Gate{store: store, decider: decider, verbs: map[identity.Action]Verb{}, now: now, log: log,
		refusals: newRefusalLimit(), metrics: newMetrics(reg)}
	g.measureWaiting(reg)
	return g
}

// SettleOn has Submit wait until f has handed a change over. It is called once,
// before the first Submit.
func (g *Gate) SettleOn(f *kv.Follower) { g.follower = f }

// Submit puts a change through: Can, rule, Decider, one transaction. If nothing is
// required it is applied; otherwise it is stored to wait, and the receipt says for
// whom. Sending the same change again with the same ID returns the first one's
// receipt, with what has become of it. See kv.Store.Update for the faults of the
// store; a refusal by role, rule or policy is recorded before it is returned.
//
// It answers within AnswerTime, whatever the store does.
func (g *Gate) Submit(ctx context.Context, c Change, rule Rule) (Receipt, error) {
	if c.rerun != nil {
		return g.submitAgain(ctx, c, rule)
	}
	return g.through(ctx, c, func(tx *kv.Tx, c *Change, a *act) error { return g.firstTime(tx, c, rule, a) })
}

// An act is what one run of a transaction came to. It is made anew for each run.
type act struct {
	leaf    audit.Leaf
	warn    []string
	waiting *Waiting
	veiled  []string // prefixes of paths whose values the leaf does not hold
}

// about says that the act is about a change that waits.
func (a *act) about(p Proposal, missing []Requirement) {
	a.leaf.Change, a.waiting = p.ID, p.waiting(missing)
	if len(p.Veiled) > 0 { // the change holds what it would write
		a.veiled = append(slices.Clone(p.Veiled), changes.Prefix())
	}
}

// through is the way of everything that writes: key, role, reason, one
// transaction with its leaf, an answer in time, a refusal on the record. work
// writes, and fills in what the leaf says besides; if it writes nothing, nothing is
// recorded.
func (g *Gate) through(ctx context.Context, c Change, work func(*kv.Tx, *Change, *act) error) (Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, AnswerTime)
	defer cancel()
	receipt, err := g.pass(ctx, &c, work)
	g.metrics.count(c.Action, receipt, err)
	if err != nil {
		g.recordRefusal(ctx, c, err)
		return receipt, err
	}
	g.settle(ctx, receipt.Revision)
	return receipt, nil
}

func (g *Gate) settle(ctx context.Context, revision int64) {
	if g.follower == nil || revision == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, SettleTime)
	defer cancel()
	_ = g.follower.Wait(ctx, revision) // late is not lost
}

func (g *Gate) pass(ctx context.Context, c *Change, work func(*kv.Tx, *Change, *act) error) (Receipt, error) {
	c.At = g.now().UTC().Truncate(time.Millisecond)
	if err := checkKey(c); err != nil {
		return Receipt{}, err
	}
	if err := identity.Can(c.Actor, c.Action, c.Target); err != nil {
		return Receipt{}, err
	}
	if err := checkReason(c.Reason); err != nil {
		return Receipt{}, err
	}
	digest, err := Digest(c.Request)
	if err != nil {
		return Receipt{}, err
	}
	var a act
	out, err := g.store.Update(ctx, audit.PathOf(c.ID), func(tx *kv.Tx) error {
		a = act{leaf: leafOf(*c, digest)}
		if err := work(tx, c, &a); err != nil {
			return err
		}
		if a.leaf.Edits = veil(tx.Edits(), c.Veiled); len(a.leaf.Edits) == 0 {
			return nil
		}
		return audit.Append(tx, a.leaf)
	})
	switch {
	case fault.Is(err, fault.OutcomeUnknown):
		return Receipt{ID: c.ID}, fault.From(err).See(outcomePath(c.ID))
	case err != nil:
		return Receipt{}, err
	case out.Replayed:
		return g.replay(ctx, *c, digest)
	}
	return Receipt{ID: c.ID, Revision: out.Revision, At: c.At, Unchanged: out.Revision == 0, Warnings: a.warn, Pending: a.waiting}, nil
}

func leafOf(c Change, digest string) audit.Leaf {
	return audit.Leaf{
		ID: c.ID, At: c.At, Result: audit.Applied, Actor: audit.ActorOf(c.Actor), Action: c.Action, Target: c.Target,
		Reason: c.Reason, Emergency: c.Emergency > 0, Request: digest, RequestID: c.RequestID,
	}
}

// firstTime is a change as it comes from its verb.
func (g *Gate) firstTime(tx *kv.Tx, c *Change, rule Rule, a *act) error {
	if err := c.checkWishes(); err != nil {
		return err
	}
	if err := rule(tx, *c); err != nil {
		return err
	}
	plan, err := tx.Plan()
	if err != nil {
		return err
	}
	if c.Edits = tx.Edits(); len(c.Edits) == 0 {
		return nil
	}
	if c.Action == identity.TurnOff {
		return g.turnOff(tx, *c, a)
	}
	d, err := g.permit(tx, *c, a)
	if err != nil {
		return err
	}
	p := newProposal(*c, plan, d)
	missing := p.open(d, nil, c.At)
	switch {
	case len(missing) == 0 && p.due(c.At):
		return nil
	case c.Emergency > 0 && len(missing) > 0:
		return g.ahead(tx, *c, p, missing, a)
	}
	return g.propose(tx, *c, p, missing, a)
}

// permit asks policy, and refuses what it denies and what cannot be made good by
// waiting.
func (g *Gate) permit(tx *kv.Tx, c Change, a *act) (Decision, error) {
	if err := checkHolds(tx, c); err != nil {
		return Decision{}, err
	}
	d, err := g.ask(tx, c)
	if err != nil {
		return d, err
	}
	a.leaf.Decision, a.warn = d.recorded(), append(texts(d.Warn), g.conflicts(tx.Context(), c)...)
	if len(d.Deny) > 0 {
		return d, denied(d)
	}
	for _, r := range d.Require {
		if r.Kind == NeedFresh {
			if err := identity.RequireFresh(c.Actor, c.At, identity.FreshFor); err != nil {
				return d, err
			}
		}
	}
	return d, nil
}

// turnOffPatience is how long policy is listened to when something is turned off.
const turnOffPatience = 500 * time.Millisecond

// turnOff lets nothing stand in its way: what policy says is recorded if it says
// it soon.
func (g *Gate) turnOff(tx *kv.Tx, c Change, a *act) error {
	ctx, cancel := context.WithTimeout(tx.Context(), turnOffPatience)
	defer cancel()
	view := g.store.View(ctx) // what is read for it is not compared: it must not hold up the commit
	d, err := g.decider.Decide(ctx, view, c)
	if err != nil {
		d = Decision{By: "policy gave no answer, which cannot stop turning off"}
	}
	d.Deny, d.Require = nil, nil
	a.leaf.Decision, a.warn = d.recorded(), texts(d.Warn)
	return nil
}

// The limits of a decision: what a rule asks beyond them is a mistake of the rule.
const (
	maxFindings = 200
	maxCount    = 20
)

// ask has the decider decide within the transaction. Whatever it does not say
// clearly is an error, and an error refuses.
func (g *Gate) ask(tx *kv.Tx, c Change) (d Decision, err error) {
	err = tx.Sealed(func() error {
		d, err = g.decider.Decide(tx.Context(), tx, c)
		return err
	})
	if err != nil {
		return d, fmt.Errorf("deciding on %s: %w", c.Action, err)
	}
	return d, d.check()
}

func (d Decision) check() error {
	if len(d.Deny)+len(d.Warn)+len(d.Require) > maxFindings || d.Patience < 0 || d.Patience > MaxPatience {
		return fmt.Errorf("the decision of %q is beyond all limits", d.By)
	}
	for _, r := range d.Require {
		known := slices.Contains([]string{NeedSignOff, NeedEvidence, NeedDelay, NeedFresh}, r.Kind)
		if !known || r.Rule == "" || r.Count < 0 || r.Count > maxCount || r.Delay < 0 || r.Kind == NeedSignOff && !r.Role.Known() {
			return fmt.Errorf("the decision of %q requires what is not understood: %s %q by rule %q", d.By, r.Kind, r.Role, r.Rule)
		}
	}
	return nil
}

// longestWait is how far ahead a change can be scheduled.
const longestWait = 366 * 24 * time.Hour

func (c Change) checkWishes() error {
	switch {
	case c.Action == identity.TurnOff && (c.Emergency != 0 || !c.ApplyAt.IsZero()):
		return fault.New(fault.Invalid, "off_is_now", "turning off takes effect at once, and is never held up").
			Do("leave out when and how fast").At("/apply_at")
	case c.Emergency != 0 && !c.ApplyAt.IsZero():
		return fault.New(fault.Invalid, "emergency_later", "an emergency takes effect at once, and not at %s", c.ApplyAt.Format(time.RFC3339)).
			Do("leave the time out, or propose it without emergency").At("/apply_at")
	case c.Emergency != 0 && (c.Emergency < MinEmergency || c.Emergency > MaxEmergency):
		return fault.New(fault.Invalid, "bad_emergency", "an emergency of %s is not within %s and %s", c.Emergency, MinEmergency, MaxEmergency).
			Do("give it the hours until it can be signed off").At("/emergency_hours")
	case !c.ApplyAt.IsZero() && (!c.ApplyAt.After(c.At) || c.ApplyAt.Sub(c.At) > longestWait):
		return fault.New(fault.Invalid, "bad_apply_at", "the time %s is past, or more than a year ahead", c.ApplyAt.Format(time.RFC3339)).
			Do("give a time to come, or leave it out").At("/apply_at")
	}
	return nil
}

func newProposal(c Change, plan kv.Plan, d Decision) Proposal {
	patience := d.Patience
	if patience == 0 {
		patience = Patience
	}
	p := Proposal{ID: c.ID, Edition: 1, State: Pending, Author: authorOf(c.Actor), Action: c.Action, Target: c.Target, Reason: c.Reason,
		ProposedAt: c.At, EditedAt: c.At, Expires: c.At.Add(patience), ApplyAt: c.ApplyAt.UTC(), Veiled: c.Veiled, Plan: plan, Decision: d}
	if c.ApplyAt.IsZero() {
		p.ApplyAt = time.Time{}
	} else if p.Expires.Before(c.ApplyAt.Add(patience)) {
		p.Expires = c.ApplyAt.Add(patience)
	}
	return p
}

// propose stores a change to wait instead of applying it.
func (g *Gate) propose(tx *kv.Tx, c Change, p Proposal, missing []Requirement, a *act) error {
	var err error
	if p.Request, err = rawRequest(c.Request); err != nil {
		return err
	}
	if err := g.roomFor(tx.Context(), c.Actor.ID); err != nil {
		return err
	}
	tx.Discard()
	if err := kv.Create(tx, changes.Key(p.ID), p); err != nil {
		return err
	}
	a.leaf.Result = audit.Proposed
	a.about(p, missing)
	return nil
}

// replay answers a change that had been made before under this key, if it is the
// same change by the same principal, with what has become of it since.
func (g *Gate) replay(ctx context.Context, c Change, digest string) (Receipt, error) {
	unknown := func(err error) (Receipt, error) { // it stands, as far as is known; it must not be called failed
		return Receipt{ID: c.ID}, fault.New(fault.OutcomeUnknown, "outcome_unknown",
			"a change with this idempotency key was made before, but the store cannot be asked whether it is this one").
			Do("ask for its outcome in a moment").See(outcomePath(c.ID)).Because(err)
	}
	rec, err := audit.Find(g.store.View(ctx), c.ID)
	if err != nil {
		return unknown(err)
	}
	leaf := rec.Value
	if leaf.Request != digest || leaf.Actor.ID != c.Actor.ID || leaf.Action != c.Action || leaf.Target != c.Target {
		return Receipt{}, fault.New(fault.Conflict, "idempotency_key_reused",
			"the idempotency key %s was used for another change (%s on %s)", c.ID, leaf.Action, leaf.Target).
			Do("use a new key for a new change")
	}
	receipt := Receipt{ID: c.ID, Revision: rec.Created, At: leaf.At, Replayed: true}
	if leaf.Decision != nil {
		receipt.Warnings = leaf.Decision.Warn
	}
	if leaf.Change == "" {
		return receipt, nil
	}
	v, err := g.Look(ctx, leaf.Change)
	switch {
	case fault.Is(err, fault.NotFound): // closed so long ago that it is in the record alone
	case err != nil:
		return unknown(err)
	default:
		receipt.Pending = v.Proposal.waiting(v.Missing)
	}
	return receipt, nil
}

// conflicts warns of changes that wait on the same records. It is told as this
// replica knows it, and stops nothing: the base of each is compared when it is
// carried out.
func (g *Gate) conflicts(ctx context.Context, c Change) []string {
	open, err := g.openChanges(ctx)
	if err != nil {
		return nil
	}
	paths := make([]string, 0, len(c.Edits))
	for _, e := range c.Edits {
		paths = append(paths, e.Path)
	}
	var warn []string
	for _, p := range open {
		if p.ID != c.ID && p.State == Pending && p.touches(paths) {
			warn = append(warn, fmt.Sprintf("conflict: %s waits with change %s on the same record (%s); whichever comes second must be rebased",
				p.Author.Name, p.ID, p.Target))
		}
	}
	return warn
}

// roomFor keeps anybody from filling the store with changes that wait.
func (g *Gate) roomFor(ctx context.Context, author string) error {
	open, err := g.openChanges(ctx)
	if err != nil {
		return err
	}
	mine := 0
	for _, p := range open {
		if p.Author.ID == author {
			mine++
		}
	}
	if len(open) >= MaxOpen || mine >= MaxOpenEach {
		return fault.New(fault.Refused, "too_many_open", "%d changes wait already, %d of them yours; at most %d and %d may", len(open), mine, MaxOpen, MaxOpenEach).
			Do("withdraw what is not needed: `quorate change list --mine`")
	}
	return nil
}

func pathsOf(p kv.Plan) []string {
	list := make([]string, 0, len(p.Edits))
	for _, e := range p.Edits {
		list = append(list, e.Path)
	}
	return list
}

// checkHolds refuses to build on an emergency that is not ratified yet.
func checkHolds(tx *kv.Tx, c Change) error {
	held, err := kv.List(tx, holds)
	if err != nil {
		return err
	}
	for path, h := range held {
		for _, e := range c.Edits {
			if slices.Contains(h.Value.Paths, e.Path) {
				id := strings.TrimPrefix(path, holds.Prefix())
				return fault.New(fault.Refused, "emergency_open", "%s is as emergency change %s left it, until %s, and nothing is built on that", c.Target, id, h.Value.Until.Format(time.RFC3339)).
					Do("have it ratified, wait for its end, or turn it off")
			}
		}
	}
	return nil
}
