package policy

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// A scenario is a worked case of the regulations, with the decision expected.
type scenario struct {
	ID       string         `json:"id"`
	Phase    Phase          `json:"phase"`
	AsOf     string         `json:"as_of"`
	Input    map[string]any `json:"input"`
	Expected struct {
		Status          Status            `json:"status"`
		Allow           bool              `json:"allow"`
		Uniform         *bool             `json:"uniform"`
		SplitRequired   *bool             `json:"split_required"`
		ValidUntil      Day               `json:"valid_until"`
		SuggestedConfig map[string]string `json:"suggested_config"`
		ByJurisdiction  map[string]struct {
			Allow           bool       `json:"allow"`
			Denials         []string   `json:"denials"`
			Obligations     []expected `json:"obligations"`
			EvidenceMissing []string   `json:"evidence_missing"`
			Missing         []string   `json:"missing"`
			Residual        []string   `json:"residual"`
		} `json:"by_jurisdiction"`
	} `json:"expected"`
	MustNot  []string `json:"must_not"`
	Variants []struct {
		Change string `json:"change"`
	} `json:"variants"`
}

// expected is an obligation as the scenarios write it.
type expected struct {
	RuleID string         `json:"rule_id"`
	Kind   string         `json:"kind"`
	Params map[string]any `json:"params"`
}

// A variant is a line of testdata/variants.yaml.
type variant struct {
	Change     string           `yaml:"change"`
	Text       string           `yaml:"text"`
	Set        map[string]any   `yaml:"set"`
	Status     []Status         `yaml:"status"`
	Uniform    *bool            `yaml:"uniform"`
	Split      *bool            `yaml:"split"`
	Allowed    []string         `yaml:"allowed"`
	ValidUntil Day              `yaml:"valid_until"`
	Overdue    []string         `yaml:"overdue"`
	At         map[string]place `yaml:"at"`
}

type place struct {
	Deny      *[]string `yaml:"deny"`
	DenyNot   []string  `yaml:"deny_not"`
	Owe       []string  `yaml:"owe"`
	OweNot    []string  `yaml:"owe_not"`
	Placement string    `yaml:"placement"`
	Evidence  []string  `yaml:"evidence"`
	Missing   []string  `yaml:"missing"`
	Review    []string  `yaml:"review"`
	Residual  []string  `yaml:"residual"`
}

type variants struct {
	OnFile   []string  `yaml:"on_file"`
	Variants []variant `yaml:"variants"`
	MustNot  []variant `yaml:"must_not"`
}

func scenarios(t *testing.T) ([]scenario, map[string]variants) {
	t.Helper()
	var doc struct {
		Scenarios []scenario `json:"scenarios"`
	}
	if err := json.Unmarshal(shared(t, "scenarios.json"), &doc); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("testdata/variants.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var table map[string]variants
	if err := yaml.UnmarshalWithOptions(raw, &table, yaml.DisallowUnknownField()); err != nil {
		t.Fatal(err)
	}
	return doc.Scenarios, table
}

// document is the scenario's input with changes by path, as a caller would send it.
func (s *scenario) document(t *testing.T, onFile []string, set map[string]any) []byte {
	t.Helper()
	raw, _ := json.Marshal(s.Input)
	doc := object(t, string(raw))
	doc["phase"], doc["as_of"] = s.Phase, s.AsOf
	for path, v := range set {
		at := doc
		parts := strings.Split(path, ".")
		for _, part := range parts[:len(parts)-1] {
			next, _ := at[part].(map[string]any)
			if next == nil {
				next = map[string]any{}
				at[part] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = v
	}
	evidence, _ := doc["evidence"].([]any)
	for _, kind := range onFile {
		evidence = append(evidence, map[string]any{"type": kind, "scope": "*", "expires": "2030-01-01"})
	}
	if len(evidence) > 0 {
		doc["evidence"] = evidence
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// All scenarios give the decision that they state, all of it.
func TestTheScenarios(t *testing.T) {
	list, table := scenarios(t)
	if len(list) != 10 {
		t.Errorf("%d scenarios, want 10", len(list))
	}
	for _, s := range list {
		t.Run(s.ID, func(t *testing.T) {
			d := engine(t).DecideJSON(t.Context(), s.document(t, table[s.ID].OnFile, nil))
			if d.Status != s.Expected.Status || d.Allow != s.Expected.Allow {
				t.Errorf("%s, allow %v; want %s, %v\n%s", d.Status, d.Allow, s.Expected.Status, s.Expected.Allow, d.Sentence)
			}
			if want := s.Expected.Uniform; want != nil && d.Uniform != *want {
				t.Errorf("uniform %v", d.Uniform)
			}
			if want := s.Expected.SplitRequired; want != nil && d.SplitRequired != *want {
				t.Errorf("split required %v", d.SplitRequired)
			}
			if want := s.Expected.ValidUntil; want != "" && d.ValidUntil != want {
				t.Errorf("valid until %s, want %s", d.ValidUntil, want)
			}
			if want := s.Expected.SuggestedConfig; want != nil && !maps.Equal(want, d.SuggestedConfig) {
				t.Errorf("suggested: %s", cmp.Diff(want, d.SuggestedConfig))
			}
			if len(d.ByJurisdiction) != len(s.Expected.ByJurisdiction) {
				t.Errorf("%d verdicts, want %d", len(d.ByJurisdiction), len(s.Expected.ByJurisdiction))
			}
			for j, want := range s.Expected.ByJurisdiction {
				v := d.ByJurisdiction[j]
				if v == nil {
					t.Errorf("no verdict for %s", j)
					continue
				}
				if v.Allow != want.Allow {
					t.Errorf("%s: allow %v: %+v", j, v.Allow, v)
				}
				same(t, j+" denials", v.Denials, want.Denials)
				same(t, j+" evidence", v.EvidenceMissing, want.EvidenceMissing)
				same(t, j+" missing", paths(v), want.Missing)
				if want.Residual != nil {
					same(t, j+" residual", v.Residual, want.Residual)
				}
				same(t, j+" obligations", owed(t, v), asOwed(t, want.Obligations))
			}
		})
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s: %s", what, cmp.Diff(want, got))
	}
}

// owed writes obligations as lines, so that they compare as sets.
func owed(t *testing.T, v *Verdict) []string {
	t.Helper()
	var list []expected
	for _, o := range v.Obligations {
		list = append(list, expected{o.RuleID, o.Kind, o.Params})
	}
	return asOwed(t, list)
}

func asOwed(t *testing.T, list []expected) []string {
	t.Helper()
	var lines []string
	for _, o := range list {
		raw, err := json.Marshal(o.Params)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, o.RuleID+"/"+o.Kind+" "+string(raw))
	}
	return lines
}

// All variants give what they say, none of the forbidden outcomes comes about, and
// none of the prose is left out.
func TestTheScenariosVariants(t *testing.T) {
	list, table := scenarios(t)
	variants, forbidden := 0, 0
	for _, s := range list {
		tab := table[s.ID]
		var changes, texts []string
		for _, v := range s.Variants {
			changes = append(changes, v.Change)
		}
		var have, haveTexts []string
		for _, v := range tab.Variants {
			have = append(have, v.Change)
			variants++
			t.Run(s.ID+"/"+v.Change, func(t *testing.T) { s.holds(t, tab.OnFile, v) })
		}
		texts = s.MustNot
		for _, v := range tab.MustNot {
			haveTexts = append(haveTexts, v.Text)
			forbidden++
			t.Run(s.ID+"/never "+v.Text, func(t *testing.T) { s.holds(t, tab.OnFile, v) })
		}
		same(t, s.ID+" variants", have, changes)
		same(t, s.ID+" must_not", haveTexts, texts)
	}
	t.Logf("%d scenarios, %d variants, %d forbidden outcomes", len(list), variants, forbidden)
}

func (s *scenario) holds(t *testing.T, onFile []string, want variant) {
	t.Helper()
	d := engine(t).DecideJSON(t.Context(), s.document(t, onFile, want.Set))
	if len(d.BadInput) > 0 {
		t.Fatal(d.BadInput)
	}
	if len(want.Status) > 0 && !slices.Contains(want.Status, d.Status) {
		t.Errorf("%s, want %v: %s", d.Status, want.Status, d.Sentence)
	}
	if d.Allow != (d.Status == Allow) {
		t.Errorf("status %s with allow %v", d.Status, d.Allow)
	}
	if want.Uniform != nil && d.Uniform != *want.Uniform {
		t.Errorf("uniform %v", d.Uniform)
	}
	if want.Split != nil && d.SplitRequired != *want.Split {
		t.Errorf("split %v", d.SplitRequired)
	}
	if want.Allowed != nil {
		same(t, "allowed", d.OnWhereAllowed, want.Allowed)
	}
	if want.ValidUntil != "" && d.ValidUntil != want.ValidUntil {
		t.Errorf("valid until %q", d.ValidUntil)
	}
	for _, id := range want.Overdue {
		if !slices.Contains(d.ReviewOverdue, id) {
			t.Errorf("%s is not marked for review: %v", id, d.ReviewOverdue)
		}
	}
	for j, p := range want.At {
		places := []string{j}
		if j == "*" {
			places = sortedKeys(d.ByJurisdiction)
		}
		for _, j := range places {
			v := d.ByJurisdiction[j]
			if v == nil {
				t.Fatalf("no verdict for %s", j)
			}
			p.holds(t, j, v)
		}
	}
}

func (p place) holds(t *testing.T, j string, v *Verdict) {
	t.Helper()
	if p.Deny != nil {
		same(t, j+" denials", v.Denials, *p.Deny)
	}
	for _, id := range p.DenyNot {
		if slices.Contains(v.Denials, id) {
			t.Errorf("%s: denied by %s", j, id)
		}
	}
	var kinds, rules, placements []string
	for _, o := range v.Obligations {
		kinds, rules = append(kinds, o.RuleID+"/"+o.Kind), append(rules, o.RuleID)
		if at, ok := o.Params["placement"].(string); ok {
			placements = append(placements, at)
		}
	}
	for _, want := range p.Owe {
		if !slices.Contains(kinds, want) {
			t.Errorf("%s: %s is not owed, only %v", j, want, kinds)
		}
	}
	for _, id := range p.OweNot {
		if slices.Contains(rules, id) {
			t.Errorf("%s: %s asks for something", j, id)
		}
	}
	if p.Placement != "" {
		same(t, j+" placement", placements, []string{p.Placement})
	}
	if p.Evidence != nil {
		same(t, j+" evidence", v.EvidenceMissing, p.Evidence)
	}
	if p.Missing != nil {
		same(t, j+" missing", paths(v), p.Missing)
	}
	if p.Review != nil {
		same(t, j+" review", reviewed(v), p.Review)
	}
	for _, id := range p.Residual {
		if !slices.Contains(v.Residual, id) {
			t.Errorf("%s: %s is not left for the case: %v", j, id, v.Residual)
		}
	}
}
