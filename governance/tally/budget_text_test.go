package tally

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateBudget = flag.Bool("update-budget", false, "write the golden files of budget explanations anew")

func readExport(t testing.TB, name string) Export {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e, err := ReadExport(f)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *updateBudget {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got; -update-budget writes it anew):\n%s", name, d)
	}
}

// TestPortfolioExplained keeps the explanation of a twelve-project outcome, to
// be read aloud to somebody who has never heard of the rule.
func TestPortfolioExplained(t *testing.T) {
	r, err := Recount(readExport(t, "portfolio12.json"))
	if err != nil {
		t.Fatal(err)
	}
	checkBooks(t, r)
	golden(t, "portfolio12.txt", Text(r))
	golden(t, "portfolio12.svg", SVG(r))
	spoken, _, _ := strings.Cut(Text(r), "\nproject ")
	for _, word := range []string{"payment", "rho", "endowment", "alternative", "approval", "%"} {
		if strings.Contains(strings.ToLower(spoken), word) {
			t.Errorf("the explanation says %q, a word of the trade", word)
		}
	}
	for _, sentence := range strings.FieldsFunc(spoken, func(r rune) bool { return r == '.' || r == '\n' || r == ';' || r == ':' }) {
		if n := len(strings.Fields(sentence)); n > 32 {
			t.Errorf("a sentence of %d words is hard to read aloud: %s", n, sentence)
		}
	}
}
