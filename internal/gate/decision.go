package gate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gowebpki/jcs"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// A Decider says what policy makes of a change. It MUST be a function of the
// change and of what it reads through tx, which it may not write to; what it reads
// there is compared again when the change is committed, so that nothing can be
// decided under a policy that has moved. tx shows the state as the change would
// leave it. Implementations MUST be safe for concurrent use.
type Decider interface {
	Decide(ctx context.Context, tx *kv.Tx, c Change) (Decision, error)
}

// A Decision is policy's answer. Nothing in Deny means allowed, once what is
// required is there.
type Decision struct {
	By          string        `json:"by"`                 // the decider and its revision
	Deny        []Finding     `json:"deny,omitempty"`     // each is reason enough to refuse
	Warn        []Finding     `json:"warn,omitempty"`     // to be told, not to refuse
	Require     []Requirement `json:"require,omitempty"`  // what must be there besides
	InputDigest string        `json:"input,omitempty"`    // sha256 of what was decided on
	Patience    time.Duration `json:"patience,omitempty"` // how long it may wait if it is to wait; 0: Patience
}

// A Finding is one rule's view of a change.
type Finding struct {
	Rule     string `json:"rule"`
	Citation string `json:"citation,omitempty"`
	Message  string `json:"message"`
}

// The kinds of requirements.
const (
	NeedSignOff  = "sign_off"      // of Count persons in Role for Region
	NeedEvidence = "evidence"      // Evidence is to be on file; the decider says by Met whether it is
	NeedDelay    = "delay"         // Delay must pass between the proposal and its effect
	NeedFresh    = "fresh_sign_in" // whoever asks must have signed in a moment ago
)

// A Requirement is one thing that a rule asks for before a change takes effect.
type Requirement struct {
	Finding
	Kind string `json:"kind"`
	// Of a sign-off: how many persons, in which role, for which region ("" is a
	// role for all regions). Apart: whoever counts here counts for no other
	// requirement that says so.
	Role   identity.Role `json:"role,omitempty"`
	Region string        `json:"region,omitempty"`
	Count  int           `json:"count,omitempty"`
	Apart  bool          `json:"apart,omitempty"`

	Evidence string        `json:"evidence,omitempty"` // type of the proof
	Delay    time.Duration `json:"delay,omitempty"`
	// Met is the decider's word that it is there already. It is no part of what a
	// sign-off binds: a proof that arrives voids no signature.
	Met bool `json:"met,omitempty"`
}

// Words is the requirement for people: "2 of clinical_safety".
func (r Requirement) Words() string {
	switch r.Kind {
	case NeedSignOff:
		who := string(r.Role)
		if r.Region != "" {
			who += " in " + r.Region
		}
		if n := max(r.Count, 1); n > 1 {
			who = fmt.Sprintf("%d of %s", n, who)
		}
		return who
	case NeedEvidence:
		return "evidence " + r.Evidence
	case NeedDelay:
		return "a delay of " + r.Delay.String()
	}
	return "a fresh sign-in"
}

// Unregulated is the Decider of a server that has no policy: it allows
// everything, and the server says so when it starts.
type Unregulated struct{}

// Decide allows.
func (Unregulated) Decide(context.Context, *kv.Tx, Change) (Decision, error) {
	return Decision{By: "no policy: everything is allowed"}, nil
}

// found is one thing that a decision says, in a form that can be compared.
type found struct {
	Effect string `json:"effect"`
	Requirement
}

// all lists what a decision says, ordered, without what is no part of its
// meaning: who said it, on which input, and whether a proof has come meanwhile.
func (d Decision) all() []found {
	list := []found{}
	for _, f := range d.Deny {
		list = append(list, found{"deny", Requirement{Finding: f}})
	}
	for _, f := range d.Warn {
		list = append(list, found{"warn", Requirement{Finding: f}})
	}
	for _, r := range d.Require {
		r.Met = false
		list = append(list, found{"require", r})
	}
	slices.SortStableFunc(list, func(a, b found) int { return strings.Compare(a.key(), b.key()) })
	return list
}

func (f found) key() string {
	raw, err := json.Marshal(f)
	if err != nil { // text and numbers always encode
		panic(err)
	}
	return string(raw)
}

func (f found) words() string {
	text := f.Effect + " " + f.Rule
	if f.Effect == "require" {
		text += " (" + f.Words() + ")"
	}
	return text
}

// differences says which findings one decision has and another has not.
func (d Decision) differences(later Decision) []string {
	var list []string
	before, after := keysOf(d.all()), keysOf(later.all())
	for key, f := range after {
		if _, ok := before[key]; !ok {
			list = append(list, "now "+f.words())
		}
	}
	for key, f := range before {
		if _, ok := after[key]; !ok {
			list = append(list, "no longer "+f.words())
		}
	}
	slices.Sort(list)
	return list
}

func keysOf(list []found) map[string]found {
	keys := map[string]found{}
	for _, f := range list {
		keys[f.key()] = f
	}
	return keys
}

// recorded is the decision as the record keeps it.
func (d Decision) recorded() *audit.Decision {
	r := &audit.Decision{By: d.By, Warn: texts(d.Warn), Input: d.InputDigest}
	for _, f := range d.Warn {
		r.Findings = append(r.Findings, audit.Finding{Effect: "warn", Rule: f.Rule, Citation: f.Citation, Message: f.Message})
	}
	for _, q := range d.Require {
		r.Findings = append(r.Findings, audit.Finding{Effect: "require", Rule: q.Rule, Citation: q.Citation, Message: q.Words() + ": " + q.Message})
	}
	return r
}

func texts(findings []Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, f.Rule+": "+f.Message)
	}
	return out
}

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
