package policy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	rules "github.com/quorate/quorate/policy/rego"
)

// GatePackage is the directory of a bundle that holds the rules over changes.
const GatePackage = "gate"

// A ChangePack decides on changes by rules of the group: who must sign what, and
// what nobody may do at this time. It is prepared once, holds no state and may be
// used by many at a time.
type ChangePack struct {
	query    rego.PreparedEvalQuery
	revision string
}

// DefaultChangePack prepares the embedded rules.
func DefaultChangePack(ctx context.Context) (*ChangePack, error) {
	return NewChangePack(ctx, rules.Gate)
}

// NewChangePack reads the rules over changes from a bundle's directory gate.
func NewChangePack(ctx context.Context, files fs.FS) (*ChangePack, error) {
	modules, digest := map[string]*ast.Module{}, sha256.New()
	raw, err := readAll(files)
	if err != nil {
		return nil, err
	}
	for _, name := range sortedKeys(raw) {
		if path.Dir(name) != GatePackage || path.Ext(name) != ".rego" {
			continue
		}
		m, err := ast.ParseModuleWithOpts(name, string(raw[name]), ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1, Capabilities: Capabilities()})
		if err != nil {
			return nil, err
		}
		if found := negatedCalls(name, m); len(found) > 0 {
			return nil, errors.Join(found...)
		}
		modules[name] = m
		fmt.Fprintf(digest, "%s\x00%d\x00%s", name, len(raw[name]), raw[name])
	}
	if len(modules) == 0 {
		return nil, errors.New("the bundle has no rules over changes in its directory gate")
	}
	compiler := ast.NewCompiler().WithCapabilities(Capabilities()).WithStrict(true).WithDefaultRegoVersion(ast.RegoV1)
	if compiler.Compile(modules); compiler.Failed() {
		return nil, compiler.Errors
	}
	query, err := rego.New(rego.Query("data.quorate.gate.result"), rego.Compiler(compiler), rego.StrictBuiltinErrors(true),
		rego.SetRegoVersion(ast.RegoV1)).PrepareForEval(ctx)
	return &ChangePack{query: query, revision: hex.EncodeToString(digest.Sum(nil))}, err
}

// Revision is the digest of the rules.
func (p *ChangePack) Revision() string { return p.revision }

// ChangeFacts are what the rules need to know beside the change itself, read
// through the transaction: the class of each capability, and the freezes that run.
type ChangeFacts func(tx *kv.Tx, c gate.Change) (map[string]any, error)

// Decide is what the rules say of a change. Silence, an error, an answer that is
// not understood: each is an error, and the gate refuses then.
func (p *ChangePack) Decide(ctx context.Context, c gate.Change, facts map[string]any) (gate.Decision, error) {
	input, digest, err := changeInput(c, facts)
	if err != nil {
		return gate.Decision{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, evalBudget)
	defer cancel()
	set, err := p.query.Eval(ctx, rego.EvalParsedInput(input), rego.EvalSortSets(true))
	if err != nil {
		return gate.Decision{}, err
	}
	if len(set) != 1 || len(set[0].Expressions) != 1 {
		return gate.Decision{}, errors.New("the rules over changes gave no answer")
	}
	d, err := readChangeDecision(set[0].Expressions[0].Value)
	d.By, d.InputDigest = "gate rules "+p.revision[:12], digest
	return d, err
}

// changeInput is the document that the rules see, and its digest.
func changeInput(c gate.Change, facts map[string]any) (ast.Value, string, error) {
	edits := make([]any, 0, len(c.Edits))
	for _, e := range c.Edits {
		parts := strings.Split(e.Path, "/")
		edits = append(edits, map[string]any{"path": e.Path, "collection": parts[0], "key": parts[1:],
			"before": orNull(e.Before), "after": orNull(e.After)})
	}
	roles := []any{}
	for _, g := range c.Actor.Grants {
		roles = append(roles, map[string]any{"role": g.Role, "regions": g.Regions})
	}
	input := map[string]any{
		"action": c.Action, "at": c.At.UTC().Format(time.RFC3339), "emergency": c.Emergency > 0, "edits": edits,
		"target": map[string]any{"kind": c.Target.Kind, "id": c.Target.ID, "region": c.Target.Region},
		"actor":  map[string]any{"id": c.Actor.ID, "roles": roles},
	}
	for key, value := range facts {
		input[key] = value
	}
	digest, err := gate.Digest(input)
	if err != nil {
		return nil, "", err
	}
	value, err := ast.InterfaceToValue(input)
	return value, digest, err
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}

// ruleRequirement is a requirement as the rules write it.
type ruleRequirement struct {
	Kind     string        `json:"kind"`
	Rule     string        `json:"rule"`
	Citation string        `json:"citation"`
	Message  string        `json:"message"`
	Role     identity.Role `json:"role"`
	Region   string        `json:"region"`
	Count    int           `json:"count"`
	Apart    bool          `json:"apart"`
	Evidence string        `json:"evidence"`
	Met      bool          `json:"met"`
	Hours    float64       `json:"hours"` // of a delay
}

// maxDelayHours is a year.
const maxDelayHours = 366 * 24

// readChangeDecision reads what the rules answer, and takes nothing that it does
// not know.
func readChangeDecision(answer any) (gate.Decision, error) {
	raw, err := json.Marshal(answer)
	if err != nil {
		return gate.Decision{}, err
	}
	var said struct {
		Deny         *[]gate.Finding    `json:"deny"`
		Warn         *[]gate.Finding    `json:"warn"`
		Require      *[]ruleRequirement `json:"require"`
		PatienceDays int                `json:"patience_days"`
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&said); err != nil {
		return gate.Decision{}, fmt.Errorf("the answer of the rules over changes is not understood: %w", err)
	}
	if said.Deny == nil || said.Warn == nil || said.Require == nil {
		return gate.Decision{}, errors.New("the rules over changes must answer deny, warn and require")
	}
	d := gate.Decision{Deny: *said.Deny, Warn: *said.Warn, Patience: time.Duration(said.PatienceDays) * 24 * time.Hour}
	for _, f := range append(append([]gate.Finding{}, d.Deny...), d.Warn...) {
		if f.Rule == "" || f.Message == "" {
			return d, fmt.Errorf("a finding without rule or message: %+v", f)
		}
	}
	for _, r := range *said.Require {
		if r.Hours < 0 || r.Hours > maxDelayHours {
			return d, fmt.Errorf("rule %s: a delay of %v hours", r.Rule, r.Hours)
		}
		d.Require = append(d.Require, gate.Requirement{Finding: gate.Finding{Rule: r.Rule, Citation: r.Citation, Message: r.Message},
			Kind: r.Kind, Role: r.Role, Region: r.Region, Count: r.Count, Apart: r.Apart,
			Evidence: r.Evidence, Met: r.Met, Delay: time.Duration(r.Hours * float64(time.Hour))})
	}
	return d, nil
}
