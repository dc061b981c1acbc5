package policy

import (
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A bundle whose denial would lapse just when a fact is missing is refused.
func TestNothingNegatesACall(t *testing.T) {
	trap := ast.MustParseModuleWithOpts("package quorate.x\n\ny if not input.z in {1, 2}\n\nw if not input.z == 1\n", ast.ParserOptions{RegoVersion: ast.RegoV1})
	hidden := ast.MustParseModuleWithOpts("package quorate.x\n\ny if not startswith(input.z, \"a\") == true\n", ast.ParserOptions{RegoVersion: ast.RegoV1})
	if got := negatedCalls("hidden.rego", hidden); len(got) != 1 {
		t.Errorf("the trap behind an equality was found %d times: %v", len(got), got)
	}
	if got := negatedCalls("trap.rego", trap); len(got) != 1 {
		t.Errorf("the trap was found %d times: %v", len(got), got)
	}
}

// What the rules say of obligations and evidence is in the vocabulary, and nothing
// there is idle.
func TestTheRulesUseTheVocabulary(t *testing.T) {
	b := law(t)
	var text strings.Builder
	for name, raw := range regoFiles(t) {
		if strings.HasPrefix(name, "rego/rules/") && !strings.HasSuffix(name, "_test.rego") {
			text.Write(raw)
		}
	}
	for kind := range b.words.Obligations {
		if !strings.Contains(text.String(), `"`+kind+`"`) {
			t.Errorf("no rule asks for %s", kind)
		}
	}
	for _, kind := range b.words.Evidence {
		if kind != "vendor_baa" && !strings.Contains(text.String(), `"`+kind+`"`) {
			t.Errorf("no rule requires %s", kind)
		}
	}
}
