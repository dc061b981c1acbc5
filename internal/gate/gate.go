package gate

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

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

	// ApplyAt, if not zero, is when it is to take effect: it waits until then, and is
	// decided anew.
	ApplyAt time.Time
	// Emergency, if not 0, has it take effect ahead of its sign-offs, for so long.
	Emergency time.Duration

	// Veiled are prefixes of paths whose values the leaf names by their digest
	// alone, because what stands there is not to be read from the record.
	Veiled []string

	// Edits is what the change would write. The gate fills it in for the
	// Decider; a caller leaves it empty.
	Edits []kv.Edit
	// At is when it is decided, filled in by the gate.
	At time.Time

	rerun *rerun
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
	ApplyAt    time.Time     // see Change
	Emergency  time.Duration // see Change

	rerun *rerun // the verb is run again for a change that waits
}

// Change is the change that asks, from this origin, for an action on a target.
func (o Origin) Change(a identity.Action, t identity.Target, request any) Change {
	return Change{ID: o.Key, Actor: o.Actor, Action: a, Target: t, Reason: o.Reason, Request: request, RequestID: o.RequestID,
		ApplyAt: o.ApplyAt, Emergency: o.Emergency, rerun: o.rerun}
}

// CheckBase refuses a change that was made for another revision of the record.
func (o Origin) CheckBase(t identity.Target, revision int64) error {
	if o.IfRevision == 0 || o.IfRevision == revision {
		return nil
	}
	return fault.New(fault.Conflict, "stale_revision", "%s is at revision %d, and the change was made for revision %d", t, revision, o.IfRevision).
		Do("look at the present state and decide again").At("if_revision")
}

// A Receipt is what the one who asked gets.
type Receipt struct {
	ID        string    `json:"id"`       // the idempotency key; also the leaf's
	Revision  int64     `json:"revision"` // at which it stands in the store; 0 if unchanged
	At        time.Time `json:"at"`
	Replayed  bool      `json:"replayed,omitempty"`  // it had been done before under this key
	Unchanged bool      `json:"unchanged,omitempty"` // it was so already; nothing was written
	Warnings  []string  `json:"warnings,omitempty"`
	// Pending, if there, says that the change has not taken effect by itself: it
	// waits, or it waited and this is what became of it.
	Pending *Waiting `json:"pending,omitempty"`
}

// Waiting is a change that waits, for the one who proposed it.
type Waiting struct {
	Change  string    `json:"change"` // its id, for `quorate change show`
	State   State     `json:"state"`
	Needs   []string  `json:"needs,omitempty"` // what is missing, in words
	Expires time.Time `json:"expires,omitzero"`
	ApplyAt time.Time `json:"apply_at,omitzero"`
	Until   time.Time `json:"until,omitzero"` // of an emergency
}

func (p Proposal) waiting(missing []Requirement) *Waiting {
	w := &Waiting{Change: p.ID, State: p.State, ApplyAt: p.ApplyAt, Until: p.Until}
	if p.State == Pending {
		w.Expires = p.Expires
	}
	for _, r := range missing {
		w.Needs = append(w.Needs, r.Words())
	}
	return w
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
	if err != nil || !wellFormedKey(c.ID) {
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

func wellFormedKey(key string) bool {
	id, err := uuid.Parse(key)
	return err == nil && id.Version() == 7 && id.String() == key
}
