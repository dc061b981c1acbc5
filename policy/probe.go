package policy

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/tester"
)

// A Report is what the check of a bundle found. With any problem the bundle is
// refused.
type Report struct {
	Revision string    `json:"revision"`
	Manifest Manifest  `json:"manifest"`
	Rules    int       `json:"rules"`
	SignedBy string    `json:"signed_by,omitempty"`
	Tests    int       `json:"tests"`
	Cases    int       `json:"cases"` // decisions that were tried
	Problems []Problem `json:"problems,omitempty"`
}

// Inspect does with a bundle all that a server would do with it, and reports what
// is wrong: it reads, compiles and translates it, runs its own tests, and decides
// sample cases by each of its rules. It runs what the bundle says: for a bundle of
// unknown origin call it in a process of its own (package sandbox). at is told
// what is about to be tried.
func Inspect(ctx context.Context, files, under fs.FS, at func(Problem)) Report {
	var r Report
	at(Problem{Reason: "reading it"})
	alone, err := Identify(files)
	if err != nil {
		r.Problems = Problems(err, files)
		return r
	}
	r.Revision, r.Manifest = alone.Revision, alone.Manifest
	parts := []fs.FS{files}
	if alone.Manifest.Layer != Law {
		parts = []fs.FS{under, files}
	}
	engine, err := New(ctx, parts[0], parts[1:]...)
	if err != nil {
		r.Problems = Problems(err, files)
		if engine != nil {
			engine.bundle.place(r.Problems)
		}
		return r
	}
	r.Rules = len(engine.bundle.Records)
	r.Cases, r.Problems = engine.probe(ctx, at)
	if len(r.Problems) == 0 {
		r.Tests, r.Problems = runTests(ctx, engine, files, at)
	}
	return r
}

// samples are the acts a rule is tried in.
var samples = []struct {
	phase   Phase
	request map[string]any
}{
	{Enablement, map[string]any{}},
	{Enablement, map[string]any{"restricts_access": true}},
	{Evaluation, map[string]any{}},
}

// probe decides by each rule in a few cases: its first place and day, each of its
// capabilities. A rule that never answers, or never ends, is found here.
func (e *Engine) probe(ctx context.Context, at func(Problem)) (int, []Problem) {
	var list []Problem
	cases := 0
	for _, id := range e.bundle.ids {
		r := e.bundle.Records[id]
		file := e.bundle.origin["rego:"+id]
		at(Problem{File: file, Line: e.bundle.lineOf(file), Reason: id + ": deciding by it"})
		n, why := e.tryRule(ctx, r)
		cases += n
		if why != "" {
			list = append(list, Problem{File: file, Line: e.bundle.lineOf(file), Reason: id + ": " + why})
		}
		if len(list) == maxProblems {
			break
		}
	}
	return cases, list
}

// tryRule decides by one rule until a case shows what is wrong with it.
func (e *Engine) tryRule(ctx context.Context, r *Record) (cases int, why string) {
	for _, capability := range r.Capabilities {
		for _, s := range samples {
			cases++
			if why := unanswered(e.Decide(ctx, e.sample(r, capability, s.phase, s.request))); why != "" {
				return cases, why
			}
		}
	}
	return cases, ""
}

func (e *Engine) sample(r *Record, capability string, phase Phase, request map[string]any) Input {
	place := r.Jurisdictions[0]
	if place == "*" {
		place = sortedKeys(e.bundle.places.zones)[0]
	}
	day := r.Effective
	if day == "" {
		day = "2026-07-01"
	}
	noon, err := time.Parse(time.DateOnly, string(day))
	if err != nil {
		noon = time.Time{} // the check of the registry has refused it before
	}
	in := Input{Phase: phase, AsOf: noon.Add(36 * time.Hour).Format(time.RFC3339), Jurisdictions: []string{place}, Actor: r.Actors[0],
		Capability: capability, Request: request, Region: r.Region}
	if phase == Evaluation {
		in.Facts = map[string]any{"patient": map[string]any{"location_now": place, "treatment_site": place, "residence": place}}
	}
	return in
}

// unanswered is why a case was denied for want of an answer, or nothing.
func unanswered(d Decision) string {
	if len(d.BadInput) > 0 {
		return "the sample case was not understood: " + d.BadInput[0]
	}
	for _, v := range d.ByJurisdiction {
		for _, reason := range v.Reasons {
			if reason.RuleID == failClosed {
				return reason.Why
			}
		}
	}
	return ""
}

// place gives problems that name a rule alone the place of that rule.
func (b *Bundle) place(list []Problem) {
	for i := range list {
		id, _, _ := strings.Cut(list[i].Reason, ":")
		if file := b.origin["rego:"+id]; list[i].File == "" && file != "" {
			list[i].File, list[i].Line = file, b.lineOf(file)
		}
	}
}

// lineOf is the line on which a module's first rule stands.
func (b *Bundle) lineOf(file string) int {
	if m := b.modules[file]; m != nil && len(m.Rules) > 0 {
		return m.Rules[0].Location.Row
	}
	return 0
}

// runTests runs the bundle's own tests, if it brings any.
func runTests(ctx context.Context, e *Engine, files fs.FS, at func(Problem)) (int, []Problem) {
	modules, err := testModules(files)
	if err != nil {
		return 0, Problems(err, files)
	}
	if len(modules) == 0 {
		return 0, nil
	}
	at(Problem{Reason: "running its tests"})
	for name, m := range e.bundle.modules {
		modules[name] = m.Copy()
	}
	compiler := ast.NewCompiler().WithCapabilities(Capabilities()).WithDefaultRegoVersion(ast.RegoV1)
	results, err := tester.NewRunner().SetCompiler(compiler).SetTimeout(evalBudget).RaiseBuiltinErrors(true).SetModules(modules).RunTests(ctx, nil)
	if err != nil {
		return 0, Problems(err, files)
	}
	var list []Problem
	count := 0
	for result := range results {
		count++
		if !result.Pass() && !result.Skip {
			p := Problem{Reason: "test " + result.Name + " fails"}
			if result.Error != nil {
				p.Reason += ": " + oneLine(result.Error.Error())
			}
			if result.Location != nil {
				p.File, p.Line = result.Location.File, result.Location.Row
			}
			list = append(list, p)
		}
	}
	if len(list) > maxProblems {
		list = list[:maxProblems]
	}
	return count, list
}

func testModules(files fs.FS) (map[string]*ast.Module, error) {
	modules := map[string]*ast.Module{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.rego") {
			return err
		}
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		module, err := ast.ParseModuleWithOpts(name, string(raw), ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: Capabilities()})
		if err != nil {
			return err
		}
		modules[name] = module
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("tests: %w", err)
	}
	return modules, nil
}
