package audit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// Prefix is where the leaves stand, for the one who follows the store.
const Prefix = "audit/leaves/"

var leaves = kv.NewCollection[Leaf]("audit/leaves", 1)

// Result says how a request ended.
type Result string

// The ends a recorded request can have. What is proposed waits for sign-offs or
// for its time; what becomes of it has a leaf of its own, which names it.
const (
	Applied  Result = "applied"
	Refused  Result = "refused"
	Proposed Result = "proposed"
)

// A Leaf is one entry of the record.
type Leaf struct {
	ID        string          `json:"id"` // the change's idempotency key, a UUIDv7
	At        time.Time       `json:"at"` // UTC; the order is the store's revision, not this
	Result    Result          `json:"result"`
	Actor     Actor           `json:"actor"`
	Action    identity.Action `json:"action"`
	Target    identity.Target `json:"target"`
	Reason    string          `json:"reason,omitempty"`
	Emergency bool            `json:"emergency,omitempty"`  // asked for ahead of its sign-offs
	Request   string          `json:"request"`              // sha256 of the request in canonical JSON (RFC 8785)
	RequestID string          `json:"request_id,omitempty"` // joins the leaf to the server's log
	Edits     []kv.Edit       `json:"edits,omitempty"`      // what changed: before and after
	Decision  *Decision       `json:"decision,omitempty"`   // what policy said
	Refusal   *Refusal        `json:"refusal,omitempty"`    // why not, if refused
	Change    string          `json:"change,omitempty"`     // the proposed change that this is about
	SignOffs  []SignOff       `json:"sign_offs,omitempty"`  // who signed the change that this carries out
}

// An Actor is who acted, in which roles at that time. Names are by role.
type Actor struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
	// Strength is how the actor proved who it is, see identity.Strength; "" in entries
	// of before it was recorded. SignedIn is when a person last signed in.
	Strength identity.Strength `json:"strength,omitempty"`
	SignedIn time.Time         `json:"signed_in,omitzero"`
}

// A Decision is what policy said of the change when it was made.
type Decision struct {
	By       string    `json:"by"`                 // the decider and its revision
	Warn     []string  `json:"warn,omitempty"`     // findings that did not stop it
	Findings []Finding `json:"findings,omitempty"` // each rule that had something to say
	Input    string    `json:"input,omitempty"`    // sha256 of what was decided on, in canonical JSON
}

// A Finding is what one rule said of the change.
type Finding struct {
	Effect   string `json:"effect"` // warn or require
	Rule     string `json:"rule"`
	Citation string `json:"citation,omitempty"`
	Message  string `json:"message"`
}

// A SignOff is one person's approval of a change, as it was given.
type SignOff struct {
	By       Actor     `json:"by"`
	At       time.Time `json:"at"`
	Meaning  string    `json:"meaning"`            // what the signature stands for
	As       []string  `json:"as"`                 // the roles for which it was asked
	Strength string    `json:"strength,omitempty"` // how the person proved who it is
	SignedIn time.Time `json:"signed_in,omitzero"` // when the person last signed in
	Binds    string    `json:"binds"`              // sha256 of what was signed
}

// A Refusal is the fault that the one who asked was given.
type Refusal struct {
	Kind    string `json:"kind"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ActorOf describes a principal as it stands at this moment.
func ActorOf(p identity.Principal) Actor {
	return Actor{ID: p.ID, Name: p.Name, Roles: p.RoleNames(), Strength: cmp.Or(p.Strength, identity.ByToken), SignedIn: p.AuthTime.UTC()}
}

// Path is where the leaf stands: one place for the change itself, another for
// its refusal, so that a change refused today may succeed under the same key
// tomorrow and both are on the record.
func (l Leaf) Path() string { return leaves.Key(l.key()).Path() }

func (l Leaf) key() string {
	if l.Result == Refused {
		return l.ID + "-refused-" + l.asked()
	}
	return l.ID
}

// asked tells apart refusals of different requests that were sent under one
// key: who asked for what, in eight hexadecimal digits.
func (l Leaf) asked() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{l.Actor.ID, string(l.Action), l.Target.String(), l.Request}, "\n")))
	return hex.EncodeToString(sum[:4])
}

// PathOf is where the leaf of an applied change with that id stands.
func PathOf(id string) string { return Leaf{ID: id, Result: Applied}.Path() }

// Append adds the leaf to the transaction, which fails if it exists already.
func Append(tx *kv.Tx, l Leaf) error { return kv.Create(tx, leaves.Key(l.key()), l) }

// Find reads the leaf of an applied change; the record does not exist if no
// change with that id has been applied.
func Find(tx *kv.Tx, id string) (kv.Record[Leaf], error) { return kv.Get(tx, leaves.Key(id)) }

// An Entry is a leaf with the revision at which it was written, which orders it,
// and its place in the tree.
type Entry struct {
	Revision int64  `json:"revision"`
	Index    *int64 `json:"index,omitempty" doc:"Its place in the record; absent for the moment until it has one."`
	Leaf
}

// Newest reads up to limit leaves, the newest first.
func Newest(ctx context.Context, store *kv.Store, limit int) ([]Entry, error) {
	found, err := kv.Newest(store.View(ctx), leaves, limit)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(found))
	for _, e := range found {
		entries = append(entries, Entry{Revision: e.Created, Leaf: e.Value})
	}
	return entries, nil
}
