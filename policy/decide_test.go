package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// visit is a well-formed question that the tests change.
func visit() Input {
	return Input{
		Phase: Evaluation, AsOf: "2026-07-10T18:00:00Z", Region: "co", Jurisdictions: []string{"US-CO"}, Actor: "medical_group",
		Capability: "video_visit", Request: map[string]any{"action": "start_visit"},
		Facts: map[string]any{
			"patient":   map[string]any{"age": 51.0, "location_now": "US-CO"},
			"clinician": map[string]any{"licenses": []any{"US-CO"}},
		},
	}
}

// Whatever cannot be decided is denied, and the reason says what was wrong.
func TestWhatCannotBeDecidedIsDenied(t *testing.T) {
	deep := map[string]any{}
	for at, i := deep, 0; i < 50; i++ {
		next := map[string]any{}
		at["x"] = next
		at = next
	}
	huge := make([]any, 100_000)
	for _, c := range []struct {
		what, says string
		spoil      func(*Input)
	}{
		{"no as_of", "as_of", func(in *Input) { in.AsOf = "" }},
		{"a day as as_of", "as_of", func(in *Input) { in.AsOf = "2026-07-10" }},
		{"a malformed as_of", "as_of", func(in *Input) { in.AsOf = "2026-7-1T00:00:00Z" }},
		{"an impossible as_of", "as_of", func(in *Input) { in.AsOf = "2026-02-30T00:00:00Z" }},
		{"no phase", "phase", func(in *Input) { in.Phase = "" }},
		{"no jurisdiction", "jurisdictions is empty", func(in *Input) { in.Jurisdictions = nil }},
		{"an unknown jurisdiction", "US-TX", func(in *Input) { in.Jurisdictions = []string{"US-TX"} }},
		{"one in lower case", "us-co", func(in *Input) { in.Jurisdictions = []string{"us-co"} }},
		{"one twice", "twice", func(in *Input) { in.Jurisdictions = []string{"US-CO", "US-CO"} }},
		{"many", "at most 64", func(in *Input) { in.Jurisdictions = make([]string, 10_000) }},
		{"an unknown region", "region", func(in *Input) { in.Region = "tx" }},
		{"an unknown actor", "actor", func(in *Input) { in.Actor = "doctor" }},
		{"an unknown capability", "video_visits", func(in *Input) { in.Capability = "video_visits" }},
		{"a misspelt configuration", "geofense", func(in *Input) { in.Config = map[string]any{"geofense": true} }},
		{"a misspelt request", "restrict_access", func(in *Input) { in.Request = map[string]any{"restrict_access": true} }},
		{"a text for a switch", "restricts_access", func(in *Input) { in.Request = map[string]any{"restricts_access": "true"} }},
		{"an age in letters", "patient.age", func(in *Input) { in.Facts["patient"] = map[string]any{"age": "17"} }},
		{"an age in a list", "patient.age", func(in *Input) { in.Facts["patient"] = map[string]any{"age": []any{17.0}} }},
		{"a patient that is a name", "cannot be reached", func(in *Input) { in.Facts["patient"] = "Ann" }},
		{"an unknown requester", "requester", func(in *Input) { in.Facts["requester"] = "mother" }},
		{"licences in one text", "licenses", func(in *Input) { in.Facts["clinician"] = map[string]any{"licenses": "US-CO"} }},
		{"another place's override", "by_jurisdiction", func(in *Input) { in.ByJurisdiction = map[string]Override{"US-CA": {}} }},
		{"deep facts", "deep", func(in *Input) { in.Facts = deep }},
		{"a huge list", "at most 5000", func(in *Input) { in.Facts["clinician"] = map[string]any{"licenses": huge} }},
		{"much evidence", "evidence", func(in *Input) { in.Evidence = make([]Evidence, 2000) }},
		{"items without ids", "items[0]", func(in *Input) { in.Facts["items"] = []any{map[string]any{}} }},
		{"items that are none", "items", func(in *Input) { in.Facts["items"] = "all" }},
	} {
		in := visit()
		c.spoil(&in)
		d := engine(t).Decide(t.Context(), in)
		if d.Allow || d.Status != Deny || !strings.Contains(strings.Join(d.BadInput, "\n"), c.says) {
			t.Errorf("%s: %s, %q", c.what, d.Status, d.BadInput)
		}
	}
	for _, raw := range []string{"", "null x", "[]", `{"phase":`, `{"unheard_of":1}`, strings.Repeat("[", 300_000)} {
		if d := engine(t).DecideJSON(t.Context(), []byte(raw)); d.Allow || len(d.BadInput) == 0 {
			t.Errorf("%.20q: %s %v", raw, d.Status, d.BadInput)
		}
	}
	if d := engine(t).Decide(t.Context(), visit()); !d.Allow {
		t.Errorf("the unspoilt question: %s", d.Sentence)
	}
}

// A place without encoded law is not a place without law.
func TestElsewhereIsRefused(t *testing.T) {
	in := visit()
	in.Facts["patient"] = map[string]any{"age": 51.0, "location_now": "US-TX"}
	in.Facts["clinician"] = map[string]any{"licenses": []any{"US-CO", "US-TX"}}
	d := engine(t).Decide(t.Context(), in)
	if d.Status != Deny || !strings.Contains(fmt.Sprint(d.ByJurisdiction["US-CO"].Reasons), "no law is encoded for US-TX") {
		t.Errorf("%s: %+v", d.Status, d.ByJurisdiction["US-CO"].Reasons)
	}
}

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	in := Input{
		Phase: Enablement, AsOf: "2026-08-15T12:00:00Z", Region: "mas", Jurisdictions: []string{"US-VA", "US-DC", "US-MD"}, Actor: "provider",
		Capability: "results_release", Config: map[string]any{"classes": []any{"malignancy"}},
		Request: map[string]any{"restricts_access": true, "restriction": "delay_hours:72", "legal_basis": "Va. HB 973", "scope": "region"},
	}
	var first string
	for i := range 1000 {
		raw, err := json.Marshal(engine(t).Decide(t.Context(), in))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = string(raw)
		} else if string(raw) != first {
			t.Fatalf("run %d:\n%s\nthe first:\n%s", i, raw, first)
		}
	}
}

// Law is made by place: who else is asked about changes nothing. And a proof taken
// away never turns a refusal into a permission.
func TestNeighboursAndProofsDoNotOpen(t *testing.T) {
	e, b, ctx := engine(t), law(t), t.Context()
	all := sortedKeys(b.places.Places)
	rapid.Check(t, func(t *rapid.T) {
		in := Input{
			Phase:      rapid.SampledFrom([]Phase{Enablement, Evaluation}).Draw(t, "phase"),
			AsOf:       rapid.SampledFrom([]string{"2024-06-19T12:00:00Z", "2026-08-01T12:00:00Z", "2027-06-01T12:00:00Z"}).Draw(t, "as_of"),
			Actor:      rapid.SampledFrom(b.words.Actors).Draw(t, "actor"),
			Capability: rapid.SampledFrom(b.words.Capabilities).Draw(t, "capability"),
		}
		if rapid.Bool().Draw(t, "restricts") {
			in.Request = map[string]any{"restricts_access": true, "restriction": rapid.SampledFrom([]string{"delay_hours:72", "hide:all", "hide:self_consented"}).Draw(t, "restriction")}
		}
		for _, kind := range b.words.Evidence {
			if rapid.Bool().Draw(t, kind) {
				in.Evidence = append(in.Evidence, Evidence{Type: kind, Scope: "*", Expires: "2030-01-01"})
			}
		}
		one := rapid.SampledFrom(all).Draw(t, "place")
		in.Jurisdictions = []string{one}
		alone := e.Decide(ctx, in)
		in.Jurisdictions = all
		together := e.Decide(ctx, in)
		x, _ := json.Marshal(alone.ByJurisdiction[one])
		y, _ := json.Marshal(together.ByJurisdiction[one])
		if string(x) != string(y) {
			t.Fatalf("%s alone:\n%s\nwith all others:\n%s", one, x, y)
		}
		in.Evidence = nil
		bare := e.Decide(ctx, in)
		for _, j := range all {
			if bare.ByJurisdiction[j].Allow && !together.ByJurisdiction[j].Allow {
				t.Fatalf("%s is allowed only without the proofs", j)
			}
		}
	})
}

// Items of one request are decided one by one.
func TestItemsAreDecidedOneByOne(t *testing.T) {
	in := Input{
		Phase: Evaluation, AsOf: "2026-03-10T18:00:00Z", Jurisdictions: []string{"US-CA"}, Actor: "provider", Capability: "results_release",
		Facts: object(t, `{"patient":{"treatment_site":"US-CA"},"consent":{"electronic_results":true},"items":[
			{"id":"potassium","result":{"class":"chemistry"}}, {"id":"hiv","result":{"class":"hiv_antibody"}}, {"id":"unknown"}]}`),
	}
	d := engine(t).Decide(t.Context(), in)
	want := map[string]Status{"potassium": Allow, "hiv": Deny, "unknown": NeedsContext}
	if d.Status != Partial || d.Allow || fmt.Sprint(d.Items) != fmt.Sprint(want) {
		t.Errorf("%s %v: %s", d.Status, d.Items, d.Sentence)
	}
}

// Only a rule whose spread breaks nobody's law may stand for the region.
func TestASplitIsAskedForWhereItIsNeeded(t *testing.T) {
	in := Input{
		Phase: Enablement, AsOf: "2026-08-15T12:00:00Z", Region: "mas", Jurisdictions: []string{"US-DC", "US-MD", "US-VA"}, Actor: "provider",
		Capability: "hie", Request: map[string]any{"action": "enable", "scope": "region"},
	}
	for _, kind := range []string{"npp_update", "part2_breach_process", "part2_consent_forms"} {
		in.Evidence = append(in.Evidence, Evidence{Type: kind, Scope: "mas", Expires: "2027-01-01"})
	}
	d := engine(t).Decide(t.Context(), in)
	if d.Status != NeedsSplit || !d.SplitRequired || !slices.Equal(d.OnWhereAllowed, []string{"US-DC", "US-VA"}) {
		t.Errorf("the filter of one: %s, split %v, on in %v: %s", d.Status, d.SplitRequired, d.OnWhereAllowed, d.Sentence)
	}
	in.Region, in.Jurisdictions, in.Capability = "nw", []string{"US-OR", "US-WA"}, "device_pghd"
	in.Config = map[string]any{"non_phi_health_data": true, "operator_for_profit": false}
	d = engine(t).Decide(t.Context(), in)
	if d.Status != Deny || d.SplitRequired {
		t.Errorf("a rule that may be spread: %s, split %v: %s", d.Status, d.SplitRequired, d.Sentence)
	}
}

// An obligation that its enforcement point cannot perform is a denial.
func TestWhatCannotBePerformedIsDenied(t *testing.T) {
	in := visit()
	if d := engine(t).Decide(t.Context(), in); !d.Allow || !slices.Contains(d.ByJurisdiction["US-CO"].Unassigned, "capture_location_attestation") {
		t.Errorf("nobody was asked: %s", d.Sentence)
	}
	in.Performs = map[string][]string{"service": {"capture_location_attestation"}}
	if d := engine(t).Decide(t.Context(), in); !d.Allow || len(d.ByJurisdiction["US-CO"].Unassigned) > 0 {
		t.Errorf("it performs: %s", d.Sentence)
	}
	in.Performs = map[string][]string{"service": {"disclose"}}
	d := engine(t).Decide(t.Context(), in)
	if d.Allow || !slices.Contains(d.ByJurisdiction["US-CO"].Denials, "XS-LICENSE-PATIENT-LOCATION") {
		t.Errorf("it does not: %s", d.Sentence)
	}
}

func BenchmarkDecide(b *testing.B) {
	all := sortedKeys(law(b).places.Places)
	for _, c := range []struct {
		name string
		in   Input
	}{
		{"one place, one case", visit()},
		{"one place, enabling", Input{Phase: Enablement, AsOf: "2026-06-15T12:00:00Z", Jurisdictions: all[:1], Actor: "provider", Capability: "portal_ui"}},
		{"nine places, enabling", Input{Phase: Enablement, AsOf: "2026-06-15T12:00:00Z", Jurisdictions: all, Actor: "provider", Capability: "third_party_api"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := engine(b)
			b.ReportAllocs()
			for b.Loop() {
				if d := e.Decide(b.Context(), c.in); len(d.BadInput) > 0 {
					b.Fatal(d.BadInput)
				}
			}
		})
	}
}
