package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

func pack(t testing.TB) *ChangePack {
	t.Helper()
	p, err := DefaultChangePack(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func enabling() (gate.Change, map[string]any) {
	c := gate.Change{Action: identity.Answer, Target: identity.Target{Kind: "enablement", Region: "co", ID: "hie"}, At: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		Actor: identity.Principal{ID: "token:lead", Grants: []identity.Grant{{Role: identity.RegionalLead, Regions: []string{"co"}}}},
		Edits: []kv.Edit{{Path: "enablements/co/hie", After: json.RawMessage(`{"answer":"enable","how":{},"offer":"o"}`)}}}
	return c, map[string]any{"capabilities": map[string]any{"hie": map[string]any{"kind": "clinical", "risk": "high"}}, "frozen": map[string]any{"co": []string{}}}
}

func TestTheGroupsRulesChooseWhoSigns(t *testing.T) {
	c, facts := enabling()
	d, err := pack(t).Decide(t.Context(), c, facts)
	if err != nil || len(d.Deny) > 0 || len(d.Require) != 2 || d.InputDigest == "" || !strings.HasPrefix(d.By, "gate rules ") {
		t.Fatalf("%+v, %v", d, err)
	}
	for i, role := range []identity.Role{identity.ClinicalSafety, identity.Compliance} {
		r := d.Require[i]
		if r.Kind != gate.NeedSignOff || r.Role != role || r.Region != "co" || r.Rule != "GATE-HIGH-RISK" || !r.Apart || r.Message == "" {
			t.Errorf("%+v", r)
		}
	}
	again, err := pack(t).Decide(t.Context(), c, facts)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(d) {
		t.Errorf("the same change is decided otherwise: %+v", again)
	}
}

// Whatever somebody can ask for has been considered by the rules; otherwise it is
// denied. A new kind of change fails here until the rules say something of it.
func TestEveryActionHasBeenConsidered(t *testing.T) {
	reads := []identity.Action{identity.ReadState, identity.ReadTokens, identity.ReadAccess, identity.ReadRecord, identity.Evaluate}
	p := pack(t)
	for _, a := range identity.Actions {
		noun, verb, _ := strings.Cut(string(a), ".")
		if slices.Contains(reads, a) || noun == "change" || verb == "read" {
			continue // changes no state, or is about a change that was decided on
		}
		d, err := p.Decide(t.Context(), gate.Change{Action: a, Edits: []kv.Edit{}}, nil)
		if err != nil || len(d.Deny) > 0 {
			t.Errorf("%s: %v %+v: add its noun to policy/rego/gate/gate.rego", a, err, d.Deny)
		}
	}
	d, err := p.Decide(t.Context(), gate.Change{Action: "world.end"}, nil)
	if err != nil || len(d.Deny) != 1 || d.Deny[0].Rule != "GATE-UNKNOWN-ACTION" {
		t.Errorf("an action nobody knows: %+v, %v", d, err)
	}
}

// Rules that give no answer, or one that is not understood, are an error, and the
// gate refuses on an error.
func TestRulesThatDoNotAnswer(t *testing.T) {
	const head = "package quorate.gate\n\n"
	c, facts := enabling()
	for what, body := range map[string]string{
		"undefined":       "result := 1 if input.nothing",
		"no object":       "result := 1",
		"no deny":         `result := {"warn": set(), "require": set()}`,
		"another field":   `result := {"deny": set(), "warn": set(), "require": set(), "allow": true}`,
		"a bare finding":  `result := {"deny": {{"rule": ""}}, "warn": set(), "require": set()}`,
		"a long delay":    `result := {"deny": set(), "warn": set(), "require": {{"kind": "delay", "rule": "X", "hours": 1e9}}}`,
		"text for a list": `result := {"deny": "no", "warn": set(), "require": set()}`,
	} {
		p, err := NewChangePack(t.Context(), fstest.MapFS{"gate/gate.rego": {Data: []byte(head + body)}})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if d, err := p.Decide(t.Context(), c, facts); err == nil {
			t.Errorf("%s: %+v", what, d)
		}
	}
	for what, files := range map[string]fstest.MapFS{
		"none":              {"other/x.rego": {Data: []byte(head)}},
		"no Rego":           {"gate/gate.rego": {Data: []byte("nonsense")}},
		"the network":       {"gate/gate.rego": {Data: []byte(head + `result := http.send({"url": "http://x", "method": "GET"})`)}},
		"a negated call":    {"gate/gate.rego": {Data: []byte(head + `result := 1 if not startswith(input.x, "y")`)}},
		"the clock":         {"gate/gate.rego": {Data: []byte(head + `result := time.now_ns()`)}},
		"only its own test": {"gate/gate_test.rego": {Data: []byte(head)}},
	} {
		if _, err := NewChangePack(t.Context(), files); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
}

// Hours are hours: what a rule asks for reaches the gate as it was written.
func TestRequirementsAreReadWhole(t *testing.T) {
	d, err := readChangeDecision(map[string]any{"deny": []any{}, "warn": []any{}, "patience_days": 3, "require": []any{
		map[string]any{"kind": "delay", "rule": "R", "hours": 36}, map[string]any{"kind": "evidence", "rule": "R", "evidence": "npp_update", "met": true}}})
	if err != nil || d.Require[0].Delay != 36*time.Hour || d.Patience != 72*time.Hour || d.Require[1].Evidence != "npp_update" || !d.Require[1].Met {
		t.Errorf("%+v, %v", d, err)
	}
}

func BenchmarkChangePack(b *testing.B) {
	p := pack(b)
	c, facts := enabling()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Decide(b.Context(), c, facts); err != nil {
			b.Fatal(err)
		}
	}
}
