package policy

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/tester"
)

// regoFiles reads every .rego file of the default bundle, tests too.
func regoFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir("rego", func(name string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".rego" {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(name)
		return err
	})
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

// With QUORATE_UPDATE=1 the files are written anew.
func TestTheRulesAreFormatted(t *testing.T) {
	for name, raw := range regoFiles(t) {
		want, err := format.SourceWithOpts(name, raw, format.Opts{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if bytes.Equal(raw, want) {
			continue
		}
		if os.Getenv("QUORATE_UPDATE") == "" {
			t.Errorf("%s is not formatted", name)
		} else if err := os.WriteFile(filepath.FromSlash(name), want, 0o644); err != nil {
			t.Error(err)
		}
	}
}

// A predicate knows facts. Days and places stand in the registry, where they can
// move without it.
func TestNoRuleMentionsADateOrAPlace(t *testing.T) {
	date := regexp.MustCompile(`\b(19|20)\d\d\b|\b\d{1,2}/\d{1,2}\b|US-[A-Z]{2}`)
	clock := regexp.MustCompile(`time\.now|input\.today`)
	seen := 0
	for name, raw := range regoFiles(t) {
		if !strings.HasPrefix(name, "rego/rules/") || strings.HasSuffix(name, "_test.rego") {
			continue
		}
		seen++
		id := ruleOf(name)
		for i, line := range strings.Split(string(raw), "\n") {
			line = strings.ReplaceAll(line, id, "") // an id may bear the year of its act
			if found := date.FindString(line); found != "" {
				t.Errorf("%s:%d mentions %s", name, i+1, found)
			}
			if found := clock.FindString(line); found != "" {
				t.Errorf("%s:%d reads %s", name, i+1, found)
			}
		}
	}
	if seen != 60 {
		t.Errorf("%d rules read, want 60", seen)
	}
}

// ruleOf is the id that a rule's file is named after.
func ruleOf(name string) string {
	base := strings.TrimSuffix(path.Base(name), ".rego")
	return strings.ToUpper(strings.ReplaceAll(base, "_", "-"))
}

// The file, the package and the annotation of a rule all bear its id.
func TestEachRuleIsNamedOnce(t *testing.T) {
	b := law(t)
	for name, module := range b.modules {
		if !strings.HasPrefix(name, "rules/") {
			continue
		}
		id := ruleOf(name)
		r := b.Records[id]
		if r == nil {
			t.Errorf("%s: the registry has no %s", name, id)
			continue
		}
		if want := `data.quorate.rules["` + id + `"]`; module.Package.Path.String() != want {
			t.Errorf("%s: package %s", name, module.Package.Path)
		}
		if !slices.ContainsFunc(module.Annotations, func(a *ast.Annotations) bool {
			return a.Scope == "package" && a.Title == r.Title && a.Custom["rule"] == id
		}) {
			t.Errorf("%s: its metadata must say title %q and rule %s", name, r.Title, id)
		}
	}
	if len(b.Records) != 60 {
		t.Errorf("%d rules, want the 60 of the inventory", len(b.Records))
	}
}

// The rules' own tests, with the coverage of the rules by them.
func TestTheRulesOwnTests(t *testing.T) {
	modules := map[string]*ast.Module{}
	for name, raw := range regoFiles(t) {
		m, err := ast.ParseModuleWithOpts(name, string(raw), ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		modules[name] = m
	}
	coverage := cover.New()
	compiler := ast.NewCompiler().WithCapabilities(Capabilities()).WithStrict(true).WithEnablePrintStatements(false)
	results, err := tester.NewRunner().SetCompiler(compiler).SetModules(modules).RaiseBuiltinErrors(true).
		SetCoverageQueryTracer(coverage).RunTests(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	passed := 0
	for r := range results {
		if !r.Pass() {
			t.Errorf("%s", r)
			continue
		}
		passed++
	}
	for name := range modules {
		if strings.HasSuffix(name, "_test.rego") {
			delete(modules, name)
		}
	}
	report := coverage.Report(modules)
	t.Logf("%d rego tests pass; coverage of the rules %.1f %%", passed, report.Coverage)
	if passed < 60 || report.Coverage < 95 {
		t.Errorf("%d tests, coverage %.1f %%: want one per rule at least, and 95 %%", passed, report.Coverage)
		for _, name := range sortedKeys(report.Files) {
			for _, gap := range report.Files[name].NotCovered {
				t.Logf("%s:%d-%d is not covered", name, gap.Start.Row, gap.End.Row)
			}
		}
	}
}
