package policy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	rules "github.com/quorate/quorate/policy/rego"
)

// evalBudget bounds one question to the rules. Without a clock, a network and
// costly functions a rule has no honest way to reach it.
const evalBudget = 2 * time.Second

// An Engine answers with one revision of a bundle. It is prepared once, holds no
// state and may be used by many at a time.
type Engine struct {
	bundle      *Bundle
	query       rego.PreparedEvalQuery
	compiler    *ast.Compiler
	readsRegion bool            // some rule looks at the region
	readsClock  map[string]bool // rules that look at the time
	partials    *partials       // what the rules find, and leave over
	guards      *memory         // what follows from it
}

// Default prepares the embedded law.
func Default(ctx context.Context) (*Engine, error) { return New(ctx, rules.Law) }

// New loads, checks and prepares a bundle, with layers over it if any are given.
func New(ctx context.Context, files fs.FS, layers ...fs.FS) (*Engine, error) {
	b, err := Load(files, layers...)
	if err != nil {
		return nil, err
	}
	compiler, err := compile(b)
	if err != nil {
		return nil, err
	}
	query, err := rego.New(
		rego.Query("data.quorate.decide.result"),
		rego.Compiler(compiler),
		rego.StrictBuiltinErrors(true),
		rego.SetRegoVersion(ast.RegoV1),
	).PrepareForEval(ctx)
	if err != nil {
		return nil, err
	}
	e := &Engine{bundle: b, query: query, compiler: compiler, partials: &partials{}, guards: &memory{}}
	e.readsRegion, e.readsClock = b.readers()
	return e, errors.Join(e.untranslatable(ctx)...)
}

// Bundle is what the engine answers from.
func (e *Engine) Bundle() *Bundle { return e.bundle }

// compile is strict: an unused variable or import is an error with file and line.
func compile(b *Bundle) (*ast.Compiler, error) {
	c := ast.NewCompiler().WithCapabilities(Capabilities()).WithStrict(true).WithDefaultRegoVersion(ast.RegoV1)
	if c.Compile(b.modules); c.Failed() {
		return nil, c.Errors
	}
	return c, nil
}

// found is what the rules say of one case.
type found struct {
	findings    map[string][]finding
	relaxations map[string][]string
	based       []string
}

// A finding is one answer of one rule.
type finding struct {
	effect   string
	why      string
	kind     string
	params   map[string]any
	on       string
	evidence string
	question string
}

// ask puts the case to the rules. Whatever goes wrong is an error, and an error is
// a denial: an undefined result, a rule that does not answer, a finding of an
// unknown effect.
func (e *Engine) ask(ctx context.Context, document map[string]any, rules map[string]any) (*found, error) {
	value, err := ast.InterfaceToValue(document)
	if err != nil {
		return nil, err
	}
	return e.askValue(ctx, value, rules)
}

func (e *Engine) askValue(ctx context.Context, value ast.Value, rules map[string]any) (*found, error) {
	ctx, cancel := context.WithTimeout(ctx, evalBudget)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	set, err := e.query.Eval(ctx, rego.EvalParsedInput(value), rego.EvalSortSets(true))
	if err != nil {
		return nil, err
	}
	if len(set) != 1 || len(set[0].Expressions) != 1 {
		return nil, errors.New("the rules gave no answer")
	}
	result, ok := set[0].Expressions[0].Value.(map[string]any)
	if !ok {
		return nil, errors.New("the rules gave an answer that is no object")
	}
	return readFound(result, rules)
}

func readFound(result map[string]any, rules map[string]any) (*found, error) {
	answered := map[string]bool{}
	for _, id := range texts(result["answered"]) {
		answered[id] = true
	}
	for _, id := range sortedKeys(rules) {
		if !answered[id] {
			return nil, fmt.Errorf("rule %s gave no answer", id)
		}
	}
	f := &found{findings: map[string][]finding{}, relaxations: map[string][]string{}, based: texts(result["based"])}
	all, _ := result["findings"].(map[string]any)
	for _, id := range sortedKeys(all) {
		list, _ := all[id].([]any)
		for _, v := range list {
			one, err := readFinding(v)
			if err != nil {
				return nil, fmt.Errorf("rule %s: %w", id, err)
			}
			f.findings[id] = append(f.findings[id], one)
		}
	}
	relaxed, _ := result["relaxations"].(map[string]any)
	for id, v := range relaxed {
		f.relaxations[id] = texts(v)
	}
	return f, nil
}

func readFinding(v any) (finding, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return finding{}, errors.New("a finding that is no object")
	}
	text := func(key string) string { s, _ := m[key].(string); return s }
	one := finding{
		effect: text("effect"), why: text("why"), kind: text("kind"), on: text("on"),
		evidence: text("evidence"), question: text("question"),
	}
	one.params, _ = m["params"].(map[string]any)
	if one.params == nil {
		one.params = map[string]any{}
	}
	switch {
	case one.effect == "deny" && one.why != "",
		one.effect == "oblige" && one.kind != "" && (one.on == "" || one.on == "denied"),
		one.effect == "require" && one.evidence != "",
		one.effect == "review" && one.question != "":
		return one, nil
	}
	return finding{}, fmt.Errorf("a finding that is not understood: effect %q", clip(one.effect))
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, x := range list {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
