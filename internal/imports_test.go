// Package internal_test holds the house to its plan: which room may import
// which, and who may write.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/quorate/quorate/"

// order is the one way in which imports run: a room may import those to its
// right. A room that is not named here fails the test, so a new one must find
// its place.
var order = []string{
	"cmd/quorate", "internal/access/issuer", "internal/client", "internal/server", "ui", "governance", "flags/edge", "flags/flagd", "flags/ofrep", "flags", "policy/sandbox", "policy", "policy/rego",
	"internal/access", "internal/api", "internal/gate", "internal/audit", "internal/identity",
	"internal/kv/kvtest", "internal/kv/embedded", "internal/kv", "internal/fault",
	"flags/provider", "flags/provider/upstream", "governance/tally", "flags/eval",
}

// pure rooms import nothing of ours and only these others.
var pure = map[string][]string{
	"governance/tally": nil,
	"flags/eval":       {"github.com/twmb/murmur3"},
}

// exceptions to the order, each with its reason.
var exceptions = map[[2]string]string{
	{"internal/kv/kvtest", "internal/kv/embedded"}: "the test kit starts a real etcd",
}

// only says who may do what, by the path that does it.
var only = []struct {
	what    string
	reason  string
	imports string   // a package, or
	call    string   // a selector, "time.Now"
	allowed []string // rooms, or files
}{
	{what: "touches etcd", imports: "go.etcd.io/etcd/client/v3", reason: "only kv knows etcd",
		allowed: []string{"internal/kv", "internal/kv/embedded", "internal/kv/kvtest"}},
	{what: "runs etcd", imports: "go.etcd.io/etcd/server/v3/embed", reason: "only the embedded store runs it",
		allowed: []string{"internal/kv/embedded"}},
	{what: "speaks HTTP", imports: "net/http", reason: "a slice's routes stand in its http files",
		allowed: []string{"internal/api", "internal/client", "internal/server", "flags/ofrep", "flags/flagd", "flags/edge", "flags/provider", "flags/provider/upstream", "internal/fault", "internal/access/issuer", "ui", "http.go", "http_enablement.go", "http_how.go", "http_case.go", "http_motion.go",
			"http_track.go", "http_session.go", "http_people.go", "http_introspect.go", "http_issuer.go",
			"login.go", "demopeople.go", "seed_governance.go", "democlock.go"}},
	{what: "keeps records", imports: module + "internal/kv", reason: "a slice's keys stand in its store file; the others take what it gives them",
		allowed: []string{"internal/kv", "internal/kv/kvtest", "internal/gate", "internal/api", "internal/audit", "internal/access", "internal/server", "flags", "policy", "governance"}},
	{what: "writes", call: ".Update", reason: "the gate is the only way to write; a refusal and a change are both its; counted usage is no domain state, and usage_store.go its one writer",
		allowed: []string{"internal/kv", "internal/gate", "usage_store.go"}},
	{what: "writes as the clerk", call: ".UpdateFenced", reason: "tree heads, tiles and checkpoints are no domain state; the record's store file is their one writer",
		allowed: []string{"internal/kv", "internal/audit"}},
	{what: "writes what a lease collects", call: ".UpdateLeased", reason: "sessions and what leads to one are no domain state; access is their one writer",
		allowed: []string{"internal/kv", "internal/access"}},
	{what: "writes without the record", call: ".UpdateBrief", reason: "what a provider says of people, and when something was last used, is no domain state; access is its one writer",
		allowed: []string{"internal/kv", "internal/access"}},
	{what: "writes HTML", imports: "html/template", reason: "only ui writes HTML", allowed: []string{"ui"}},
	{what: "reads the clock", call: "time.Now", reason: "time is passed on as now, so that it can be replayed",
		allowed: []string{"flags/provider", "cmd/quorate", "internal/server", "internal/kv", "internal/kv/embedded", "internal/client"}},
	{what: "ends the process", call: "os.Exit", reason: "only main does, and the store's child, whose process it is", allowed: []string{"cmd/quorate", "internal/kv/embedded"}},
}

type source struct {
	path string // relative to the module, with slashes
	room string
	file *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var list []source
	fset := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != ".." && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "tools") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))
		list = append(list, source{path: rel, room: filepath.ToSlash(filepath.Dir(rel)), file: f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 30 {
		t.Fatalf("only %d files found: the test does not see the house", len(list))
	}
	return list
}

func imports(s source) []string {
	var list []string
	for _, i := range s.file.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		list = append(list, path)
	}
	return list
}

func TestImportsRunOneWay(t *testing.T) {
	for _, s := range sources(t) {
		from := slices.Index(order, s.room)
		if from < 0 {
			t.Errorf("%s: the room %s has no place in the order of imports", s.path, s.room)
			continue
		}
		for _, path := range imports(s) {
			room, ours := strings.CutPrefix(path, module)
			if !ours {
				continue
			}
			to := slices.Index(order, room)
			if _, excused := exceptions[[2]string{s.room, room}]; to <= from && !excused {
				t.Errorf("%s imports %s, which stands to its left", s.path, room)
			}
		}
	}
}

func TestThePureCoresImportNothing(t *testing.T) {
	for _, s := range sources(t) {
		allowed, isPure := pure[s.room]
		if !isPure {
			continue
		}
		for _, path := range imports(s) {
			if standard := !strings.Contains(strings.SplitN(path, "/", 2)[0], "."); !standard && !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", s.path, path)
			}
		}
	}
}

// Portal services take the provider into their own program: of ours it brings
// nothing but the evaluation of flags.
func TestTheProviderIsLight(t *testing.T) {
	allowed := []string{"flags/provider/upstream", "flags/eval"}
	for _, s := range sources(t) {
		if s.room != "flags/provider" && s.room != "flags/provider/upstream" {
			continue
		}
		for _, path := range imports(s) {
			if room, ours := strings.CutPrefix(path, module); ours && !slices.Contains(allowed, room) {
				t.Errorf("%s imports %s", s.path, room)
			}
		}
	}
}

func TestOnlyTheNamedMay(t *testing.T) {
	for _, rule := range only {
		t.Run(rule.what, func(t *testing.T) {
			seen := 0
			for _, s := range sources(t) {
				if !does(s, rule.imports, rule.call) {
					continue
				}
				seen++
				if !slices.Contains(rule.allowed, s.room) && !slices.Contains(rule.allowed, filepath.Base(s.path)) {
					t.Errorf("%s %s: %s", s.path, rule.what, rule.reason)
				}
			}
			if seen == 0 && rule.what != "writes HTML" {
				t.Errorf("nobody %s: the rule looks for the wrong thing", rule.what)
			}
		})
	}
}

// does reports whether a file imports a package or uses a selector. "time.Now"
// is that very selector, ".Update" any call of a method of that name on what
// looks like a store.
func does(s source, pkg, call string) bool {
	if pkg != "" {
		return slices.Contains(imports(s), pkg)
	}
	found := false
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		base, name, _ := strings.Cut(call, ".")
		if sel.Sel.Name != name {
			return true
		}
		if base != "" {
			id, isIdent := sel.X.(*ast.Ident)
			found = found || isIdent && id.Name == base
			return true
		}
		found = found || strings.Contains(strings.ToLower(text(sel.X)), "store")
		return true
	})
	return found
}

func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return text(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return text(e.Fun)
	}
	return ""
}

// The top of the repository is what a newcomer sees first.
func TestTheTopLevelIsTheHouse(t *testing.T) {
	allowed := []string{"cmd", "flags", "policy", "governance", "ui", "internal", "docs", "go.mod", "go.sum",
		"README.md", "CHANGELOG.md", "LICENSE", "Makefile",
		"bin", "bench-out", "quorate"} // what is built and measured here, which git ignores
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(allowed, name) {
			t.Errorf("%s stands at the top level", name)
		}
	}
}

// Every room says what it decides and what it must never do.
func TestEveryRoomHasItsEssay(t *testing.T) {
	rooms := map[string]bool{}
	for _, s := range sources(t) {
		if s.room == "cmd/quorate" || s.room == "internal/kv/kvtest" {
			continue // a command's documentation is its help; the test kit has one file
		}
		rooms[s.room] = rooms[s.room] || filepath.Base(s.path) == "doc.go"
	}
	for room, has := range rooms {
		if !has {
			t.Errorf("%s has no doc.go", room)
		}
	}
}
