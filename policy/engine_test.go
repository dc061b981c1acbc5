package policy

import (
	"context"
	"strings"
	"testing"
)

// What the rules do not say is not taken for consent.
func TestSilenceIsADenial(t *testing.T) {
	e := engine(t)
	ask := func(ctx context.Context, id string) error {
		rules := map[string]any{id: map[string]any{}}
		_, err := e.ask(ctx, map[string]any{"act": "use", "rules": rules}, rules)
		return err
	}
	if err := ask(t.Context(), "FED-1557-LANG-NOTICE"); err != nil {
		t.Error(err)
	}
	if err := ask(t.Context(), "NO-SUCH-RULE"); err == nil || !strings.Contains(err.Error(), "gave no answer") {
		t.Errorf("a rule without a package: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if d := e.Decide(ended, visit()); d.Allow || d.Status != Deny || !strings.Contains(d.ByJurisdiction["US-CO"].Reasons[0].Why, "could not be asked") {
		t.Errorf("asked too late: %s", d.Sentence)
	}
	for what, v := range map[string]any{
		"a text":              "deny",
		"an unknown effect":   map[string]any{"effect": "permit"},
		"a deny without why":  map[string]any{"effect": "deny"},
		"an obligation of no": map[string]any{"effect": "oblige", "kind": "x", "on": "sometimes"},
	} {
		if _, err := readFinding(v); err == nil {
			t.Errorf("%s was understood", what)
		}
	}
}

// A rule's error, such as a time that is none, is a denial too.
func TestARulesErrorIsADenial(t *testing.T) {
	e, err := New(t.Context(), changed(t, "rules/federal/fed_1557_lang_notice.rego", "if lib.enabling", "if {\n\tlib.enabling\n\ttime.parse_rfc3339_ns(input.region) > 0\n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	d := e.Decide(t.Context(), Input{Phase: Enablement, AsOf: "2026-06-15T12:00:00Z", Region: "hi", Jurisdictions: []string{"US-HI"}, Actor: "provider", Capability: "portal_ui"})
	if d.Allow || d.ByJurisdiction["US-HI"].Denials[0] != "FAIL-CLOSED" {
		t.Errorf("%s: %s", d.Status, d.Sentence)
	}
}
