package gate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/gowebpki/jcs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// A Change is one thing somebody asks for.
type Change struct {
	// ID is the idempotency key, a UUIDv7 no older than KeyLife. Empty: one is
	// made, and the change cannot be tried again under it.
	ID        string
	Actor     identity.Principal
	Action    identity.Action
	Target    identity.Target
	Reason    string
	Request   any    // what was asked, as JSON; binds the ID to it
	RequestID string // of the HTTP request, for the log

	// Veiled are prefixes of paths whose values the leaf names by their digest
	// alone, because what stands there is not to be read from the record.
	Veiled []string

	// Edits is what the change would write. The gate fills it in for the
	// Decider; a caller leaves it empty.
	Edits []kv.Edit
	// At is when it is decided, filled in by the gate.
	At time.Time
}

// A Rule is the domain's own say: it checks and writes through tx, and returns a
// fault if the change makes no sense. It is given the change with its ID and time
// filled in. It may be run more than once.
type Rule func(tx *kv.Tx, c Change) error

// An Origin is what every verb needs to know of the request behind it.
type Origin struct {
	Actor     identity.Principal
	Key       string // idempotency key, "" to have one made
	Reason    string
	RequestID string
	// IfRevision, if not 0, is the revision of the record that the request was
	// made for; the verb refuses if the record has moved since. See CheckBase.
	IfRevision int64
}

// Change is the change that asks, from this origin, for an action on a target.
func (o Origin) Change(a identity.Action, t identity.Target, request any) Change {
	return Change{ID: o.Key, Actor: o.Actor, Action: a, Target: t, Reason: o.Reason, Request: request, RequestID: o.RequestID}
}

// CheckBase refuses a change that was made for another revision of the record.
func (o Origin) CheckBase(t identity.Target, revision int64) error {
	if o.IfRevision == 0 || o.IfRevision == revision {
		return nil
	}
	return fault.New(fault.Conflict, "stale_revision", "%s is at revision %d, and the change was made for revision %d", t, revision, o.IfRevision).
		Do("look at the present state and decide again").At("if_revision")
}

// A Decider says what policy makes of a change. Implementations MUST be pure in
// (change, their own revision), and safe for concurrent use.
type Decider interface {
	Decide(context.Context, Change) (Decision, error)
}

// A Decision is policy's answer. Nothing in Deny means allowed.
type Decision struct {
	By   string    // the decider and its revision
	Deny []Finding // each is reason enough to refuse
	Warn []Finding // to be told, not to refuse
}

// A Finding is one rule's view of a change.
type Finding struct {
	Rule     string
	Citation string
	Message  string
}

// Unregulated is the Decider of a server that has no policy: it allows
// everything, and the server says so when it starts.
type Unregulated struct{}

// Decide allows.
func (Unregulated) Decide(context.Context, Change) (Decision, error) {
	return Decision{By: "no policy: everything is allowed"}, nil
}

// A Receipt is what the one who asked gets.
type Receipt struct {
	ID        string    `json:"id"`       // the idempotency key; also the leaf's
	Revision  int64     `json:"revision"` // at which it stands in the store; 0 if unchanged
	At        time.Time `json:"at"`
	Replayed  bool      `json:"replayed,omitempty"`  // it had been done before under this key
	Unchanged bool      `json:"unchanged,omitempty"` // it was so already; nothing was written
	Warnings  []string  `json:"warnings,omitempty"`
}

// KeyLife is how old an idempotency key may be. Leaves stay in the store longer
// than that, so a key that is still accepted always finds its leaf.
const KeyLife = 24 * time.Hour

const keyAhead = 5 * time.Minute // a client's clock may run ahead by so much

// SettleTime is how long Submit waits for the replica that took the change to
// show it, so that whoever was told "done" finds it done. A replica that is
// behind answers anyway: the change stands in the store.
const SettleTime = 500 * time.Millisecond

// AnswerTime bounds a Submit as a whole: the change, the look-up of one that was
// made before, the record of a refusal. It leaves a little of the 3 s within which
// everybody is answered.
const AnswerTime = 2800 * time.Millisecond

// Gate is safe for concurrent use.
type Gate struct {
	store    *kv.Store
	follower *kv.Follower // nil: do not wait
	decider  Decider
	now      func() time.Time
	log      *slog.Logger
	refusals *refusalLimit
	metrics  *metrics
}

// New makes the gate of a store. reg may be nil.
func New(store *kv.Store, decider Decider, now func() time.Time, log *slog.Logger, reg prometheus.Registerer) *Gate {
	return &Gate{store: store, decider: decider, now: now, log: log, refusals: newRefusalLimit(), metrics: newMetrics(reg)}
}

// SettleOn has Submit wait until f has handed a change over. It is called once,
// before the first Submit.
func (g *Gate) SettleOn(f *kv.Follower) { g.follower = f }

// Submit puts a change through: Can, rule, Decider, one transaction. Sending the
// same change again with the same ID returns the first one's receipt. See
// kv.Store.Update for the faults of the store; a refusal by role, rule or policy
// is recorded before it is returned.
//
// It answers within AnswerTime, whatever the store does.
func (g *Gate) Submit(ctx context.Context, c Change, rule Rule) (Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, AnswerTime)
	defer cancel()
	receipt, err := g.submit(ctx, &c, rule)
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

func (g *Gate) submit(ctx context.Context, c *Change, rule Rule) (Receipt, error) {
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
	var decision Decision
	out, err := g.store.Update(ctx, audit.PathOf(c.ID), func(tx *kv.Tx) error {
		if err := rule(tx, *c); err != nil {
			return err
		}
		if c.Edits = tx.Edits(); len(c.Edits) == 0 {
			return nil
		}
		if decision, err = g.decide(tx.Context(), *c); err != nil {
			return err
		}
		return audit.Append(tx, leafOf(*c, digest, decision))
	})
	switch {
	case fault.Is(err, fault.OutcomeUnknown):
		return Receipt{ID: c.ID}, fault.From(err).See(outcomePath(c.ID))
	case err != nil:
		return Receipt{}, err
	case out.Replayed:
		return g.replay(ctx, *c, digest)
	}
	return Receipt{ID: c.ID, Revision: out.Revision, At: c.At, Unchanged: out.Revision == 0, Warnings: texts(decision.Warn)}, nil
}

// decide asks policy. Turning off is for safety and always goes ahead.
func (g *Gate) decide(ctx context.Context, c Change) (Decision, error) {
	d, err := g.decider.Decide(ctx, c)
	if c.Action == identity.TurnOff {
		d.Deny = nil
		return d, nil
	}
	if err != nil {
		return d, fmt.Errorf("deciding on %s: %w", c.Action, err)
	}
	if len(d.Deny) == 0 {
		return d, nil
	}
	f := d.Deny[0]
	return d, fault.New(fault.Refused, "policy_denied", "%s does not permit it: %s (%s)", f.Rule, f.Message, f.Citation)
}

func leafOf(c Change, digest string, d Decision) audit.Leaf {
	return audit.Leaf{
		ID: c.ID, At: c.At, Result: audit.Applied, Actor: audit.ActorOf(c.Actor), Action: c.Action, Target: c.Target,
		Reason: c.Reason, Request: digest, RequestID: c.RequestID, Edits: veil(c.Edits, c.Veiled),
		Decision: &audit.Decision{By: d.By, Warn: texts(d.Warn)},
	}
}

func texts(findings []Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, f.Rule+": "+f.Message)
	}
	return out
}

// replay answers a change that had been applied before under this key, if it is
// the same change by the same principal.
func (g *Gate) replay(ctx context.Context, c Change, digest string) (Receipt, error) {
	rec, err := audit.Find(g.store.View(ctx), c.ID)
	if err != nil { // it stands, as far as is known; it must not be called failed
		return Receipt{ID: c.ID}, fault.New(fault.OutcomeUnknown, "outcome_unknown",
			"a change with this idempotency key was applied before, but the store cannot be asked whether it is this one").
			Do("ask for its outcome in a moment").See(outcomePath(c.ID)).Because(err)
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
	return receipt, nil
}

func outcomePath(id string) string { return "/api/v1/outcomes/" + id }

// MaxReason is how many characters a reason may have.
const MaxReason = 1000

// checkReason keeps what goes into the record short and printable. Whether a
// reason must be given is for the verb to say.
func checkReason(reason string) error {
	if utf8.ValidString(reason) && utf8.RuneCountInString(reason) <= MaxReason && strings.IndexFunc(reason, unprintable) < 0 {
		return nil
	}
	return fault.New(fault.Invalid, "bad_reason", "the reason has more than %d characters, or some that cannot be printed", MaxReason).
		Do("say it in plain text, shorter").At("/reason")
}

func unprintable(r rune) bool { return unicode.IsControl(r) && r != '\n' }

// Digest is the sha256, in hex, of a request in canonical JSON (RFC 8785).
func Digest(request any) (string, error) {
	raw, err := json.Marshal(request)
	if err != nil {
		return "", fmt.Errorf("encoding the request: %w", err)
	}
	canonical, err := jcs.Transform(raw)
	if err != nil {
		return "", fmt.Errorf("canonical form of the request: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

// checkKey fills in a missing idempotency key and refuses a bad or an old one.
func checkKey(c *Change) error {
	if c.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("making an idempotency key: %w", err)
		}
		c.ID = id.String()
		return nil
	}
	id, err := uuid.Parse(c.ID)
	if err != nil || id.Version() != 7 || id.String() != c.ID {
		return fault.New(fault.Invalid, "bad_idempotency_key", "the idempotency key %.60q is not a UUIDv7 in lower case", c.ID).
			Do("make one for each change, for instance with `uuidgen --time-v7`, or leave it out").At("Idempotency-Key")
	}
	made := time.Unix(id.Time().UnixTime())
	if age := c.At.Sub(made); age > KeyLife || age < -keyAhead {
		return fault.New(fault.Invalid, "idempotency_key_too_old", "the idempotency key %s was made at %s, which is more than %s ago or ahead",
			c.ID, made.UTC().Format(time.RFC3339), KeyLife).
			Do("look at the present state, then send the change with a new key").At("Idempotency-Key")
	}
	return nil
}
