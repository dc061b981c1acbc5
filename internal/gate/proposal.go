package gate

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// The collections of the gate.
var (
	changes  = kv.NewCollection[Proposal]("changes", 1)
	signoffs = kv.NewCollection[SignOff]("signoffs", 1)
	holds    = kv.NewCollection[hold]("holds", 1)
)

// Prefixes are what the gate follows; see Gate.Follow.
func Prefixes() []string { return []string{changes.Prefix()} }

// Patience is how long a change waits for its sign-offs if its decision does not
// say; MaxPatience is the longest that a decision may give it.
const (
	Patience    = 30 * 24 * time.Hour
	MaxPatience = 366 * 24 * time.Hour
)

// Keep is how long a change that is closed can be looked at by its id. Its leaves
// stay in the record.
const Keep = 90 * 24 * time.Hour

// MaxOpen is how many changes may be open at once, and MaxOpenEach how many of one
// author.
const (
	MaxOpen     = 2000
	MaxOpenEach = 200
)

// State says where a proposed change is.
type State string

// The states. Pending and Emergency are open, the others closed for good.
const (
	Pending    State = "pending"    // waits for what is required, or for its time
	Emergency  State = "emergency"  // in force ahead of its sign-offs, until its end
	Applied    State = "applied"    // in force, by all who signed
	Ratified   State = "ratified"   // an emergency that was signed off in time
	Reverted   State = "reverted"   // an emergency that was not
	Superseded State = "superseded" // an emergency that somebody ended otherwise
	Declined   State = "declined"
	Withdrawn  State = "withdrawn"
	Expired    State = "expired"
)

// States lists them.
var States = []State{Pending, Emergency, Applied, Ratified, Reverted, Superseded, Declined, Withdrawn, Expired}

// Open reports whether something can still come of it.
func (s State) Open() bool { return s == Pending || s == Emergency }

// A Proposal is a change that waits, as it is stored: what it would write, what
// that rests on, and who said what about it.
type Proposal struct {
	ID      string `json:"id"` // the change's idempotency key
	Edition int    `json:"edition"`
	State   State  `json:"state"`

	Author     Author          `json:"author"`
	Action     identity.Action `json:"action"`
	Target     identity.Target `json:"target"`
	Reason     string          `json:"reason,omitempty"`
	Request    json.RawMessage `json:"request"` // what was asked, to ask it again on a new base
	ProposedAt time.Time       `json:"proposed_at"`
	EditedAt   time.Time       `json:"edited_at"` // of this edition
	Expires    time.Time       `json:"expires"`
	ApplyAt    time.Time       `json:"apply_at,omitzero"` // not before

	Veiled   []string `json:"veiled,omitempty"` // see Change
	Plan     kv.Plan  `json:"plan"`             // what it would write, and the base it was made on
	Decision Decision `json:"decision"`         // when this edition was made
	Remarks  []Remark `json:"remarks,omitempty"`
	Held     string   `json:"held,omitempty"` // why it could not take effect when its time came

	Until  time.Time `json:"until,omitzero"` // of an emergency
	Closed *Closing  `json:"closed,omitempty"`
}

// An Author is the principal who proposed a change, as it stood then.
type Author struct {
	ID     string            `json:"id"`
	Name   string            `json:"name"`
	Grants []identity.Grant  `json:"grants"`
	Verbs  []identity.Action `json:"verbs,omitempty"`
	Behind string            `json:"behind,omitempty"` // who can use the token it came with; see identity.Principal
}

func authorOf(p identity.Principal) Author { return Author{p.ID, p.Name, p.Grants, p.Verbs, p.Behind} }

func (a Author) principal() identity.Principal {
	return identity.Principal{ID: a.ID, Name: a.Name, Grants: a.Grants, Verbs: a.Verbs, Behind: a.Behind}
}

// is reports whether what the author proposed is somebody's own: a person is one
// person, with however many sign-ins, and with the tokens it has issued.
func (a Author) is(p identity.Principal) bool {
	return p.ID == a.ID || p.ID == a.Behind
}

// A Remark is what somebody asked of the author, or said with a new edition.
type Remark struct {
	By      audit.Actor     `json:"by"`
	At      time.Time       `json:"at"`
	Edition int             `json:"edition"`
	Act     identity.Action `json:"act"` // change.request_changes, change.edit, change.rebase
	Text    string          `json:"text"`
}

// maxRemarks bounds a conversation; it belongs elsewhere if it is longer.
const maxRemarks = 50

// A Closing is how a change ended.
type Closing struct {
	By     audit.Actor `json:"by"`
	At     time.Time   `json:"at"`
	Reason string      `json:"reason,omitempty"`
	Leaf   string      `json:"leaf"` // the entry of the record that says so
}

// A SignOff is one person's approval of a change, as it is stored.
type SignOff struct {
	Change   string            `json:"change"`
	By       audit.Actor       `json:"by"`
	Grants   []identity.Grant  `json:"grants"`
	At       time.Time         `json:"at"`
	Meaning  string            `json:"meaning"`
	As       []string          `json:"as"`
	Strength identity.Strength `json:"strength"`
	SignedIn time.Time         `json:"signed_in"` // a moment before At
	Edition  int               `json:"edition"`
	Binds    string            `json:"binds"`
	Decision Decision          `json:"decision"` // what was decided when it was given
}

func (s SignOff) recorded() audit.SignOff {
	return audit.SignOff{By: s.By, At: s.At, Meaning: s.Meaning, As: s.As, Strength: string(s.Strength), SignedIn: s.SignedIn, Binds: s.Binds}
}

// A hold keeps others from building on what an emergency turned on, until it is
// ratified or over.
type hold struct {
	Paths []string  `json:"paths"`
	Until time.Time `json:"until"`
}

// binding is what a sign-off binds: the sha256 of the canonical diff, the base it
// rests on, its schedule, and what was decided on it. The same words decided by
// another revision of the policy bind the same.
func (p Proposal) binding(d Decision) (string, error) {
	type edit struct {
		Path   string          `json:"path"`
		Before json.RawMessage `json:"before,omitempty"`
		After  json.RawMessage `json:"after,omitempty"`
	}
	diff := []edit{}
	for _, e := range p.Plan.Edits {
		diff = append(diff, edit{e.Path, e.Before, e.After})
	}
	return Digest(map[string]any{
		"change": p.ID, "edition": p.Edition, "diff": diff, "bases": p.Plan.Bases, "lists": p.Plan.Lists,
		"apply_at": p.ApplyAt, "until": p.Until, "decision": d.all(),
	})
}

// asChange is the change that the proposal would be, at a time.
func (p Proposal) asChange(at time.Time) Change {
	c := Change{ID: p.ID, Actor: p.Author.principal(), Action: p.Action, Target: p.Target, Reason: p.Reason, Request: p.Request,
		At: at, ApplyAt: p.ApplyAt}
	for _, e := range p.Plan.Edits {
		c.Edits = append(c.Edits, e.Edit)
	}
	return c
}

func (p Proposal) touches(paths []string) bool {
	return slices.ContainsFunc(p.Plan.Edits, func(e kv.PlannedEdit) bool { return slices.Contains(paths, e.Path) })
}

// target is the change itself as the target of those who act on it. It stands in
// the region that it is about.
func (p Proposal) target() identity.Target { return changeTarget(p.ID, p.Target.Region) }

func changeTarget(id, region string) identity.Target {
	return identity.Target{Kind: "change", ID: id, Region: region}
}

func getProposal(tx *kv.Tx, id string) (kv.Record[Proposal], error) {
	if !wellFormedKey(id) {
		return kv.Record[Proposal]{}, unknownChange(id)
	}
	rec, err := kv.Get(tx, changes.Key(id))
	if err == nil && !rec.Exists() {
		err = unknownChange(id)
	}
	return rec, err
}

func unknownChange(id string) error {
	return fault.New(fault.NotFound, "unknown_change", "there is no change %.60q that waits or has waited", id).
		Do("list them with `quorate change list`; one that took effect at once is in the record alone").At("change")
}

// openProposal reads a change that something can still be done about.
func openProposal(tx *kv.Tx, id string) (kv.Record[Proposal], error) {
	rec, err := getProposal(tx, id)
	if err != nil {
		return rec, err
	}
	if p := rec.Value; !p.State.Open() {
		return rec, fault.New(fault.Refused, "change_closed", "the change %s is %s since %s, by %s", p.ID, p.State, p.Closed.At.Format(time.RFC3339), p.Closed.By.Name).
			Do("propose it anew")
	}
	return rec, nil
}

// signoffsOf reads every sign-off of a change, guarded, ordered by person.
func signoffsOf(tx *kv.Tx, id string) ([]SignOff, error) {
	found, _, err := kv.ListSound(tx, signoffs, id) // one that is damaged counts for nothing
	if err != nil {
		return nil, err
	}
	list := make([]SignOff, 0, len(found))
	for _, e := range found {
		list = append(list, e.Value)
	}
	return list, nil
}
