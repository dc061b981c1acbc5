package flags

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The stored JSON of every collection, with every field. A field may be added; a
// change of what is there breaks the stores that exist. QUORATE_UPDATE=1 writes
// the files anew.
func TestStoredJSONIsKept(t *testing.T) {
	act := Act{Change: "01930000-0000-7000-8000-000000000000", By: "Colorado regional lead", At: time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC), Reason: "Clinics are ready"}
	least, most, from, to, cap, yes := 5.0, 120.0, 18, 64, 12.5, true
	how := How{Variant: "long", Settings: map[string]any{"max_minutes": 45.0},
		Audience: Audience{Languages: []string{"es"}, AgeMin: &from, AgeMax: &to, Facilities: []string{"co-1"},
			ServiceLines: []string{"cardiology"}, Cohorts: []string{}, RegisteredDevice: &yes, Jurisdictions: []string{"US-CO"}},
		Rollout:  &Rollout{Stages: []RolloutStage{{"2027-03-01T08:00", 12.5}}},
		Schedule: Schedule{From: "2027-03-01T08:00", Until: None}}
	keep(t, "regions", Region{"co", "Colorado", []string{"US-CO"}, "America/Denver"})
	keep(t, "facilities", Facility{"co-1", "co", "Denver Central Clinic", "clinic", "US-CO", []string{"ehr"}})
	keep(t, "capabilities", Capability{Key: "video_visit", Name: "Video visits", Kind: "clinical", Stage: Offered, Risk: "moderate",
		ForPatients: "See a clinician by video.", ForClinicians: "Visits by video.", Impact: Impact{2, 0, 1, 1, -1},
		DataClasses: []string{"images"}, RequiresSystems: []string{"ehr"}, Prerequisites: []string{"messaging"},
		Settings: []Setting{{"max_minutes", "integer", "Length of a visit.", 0.0, 30.0, []any{30.0, 45.0}, &least, &most, ""}},
		Variants: []Variant{{"long", "Long visits", map[string]any{"max_minutes": 45.0}}}, Context: []string{"patient.age"}})
	keep(t, "offers", Offer{Capability: "video_visit", Kind: Pilot, Granted: act, Withdrawn: &act,
		Terms: Terms{Facilities: map[string][]string{"co": {"co-1"}}, CapPercent: &cap, End: "2027-06-30", Hypothesis: "Fewer trips."}})
	keep(t, "enablements", Enablement{Region: "co", Capability: "video_visit", Answer: Enable, Until: "2027-04-01", Review: "2027-05-01", How: how,
		Permitted: &Permitted{In: []string{"US-CO"}, Not: []NotPermitted{{"US-VA", []string{"VA-HB973-72H-HOLD"}}}, Policy: "bea1e5"},
		Follow:    true, Accepted: &Accepted{How: How{Rollout: &Rollout{Percent: &cap}}, Revision: 7, Act: act}, Answered: act, TurnedOff: &act})
	keep(t, "baselines", Baseline{"video_visit", how, act})
	keep(t, "denominators", Denominator{"co", "co-1", "65+", 4100, "2027-03-01", act})
	keep(t, "usage", UsageShare{Region: "co", Period: "2027-03-01T08", Replica: "k7m2q4x8n3p5r6t9",
		Evaluations: map[string]map[string]uint64{"video_visit": {"TARGETING_MATCH on": 12}},
		Tracked:     map[string]map[string]map[string]uint64{"video_visit": {"used": {"co-1 65+": 20}}},
		Facts:       map[string]map[string]map[string]uint64{"Colorado portal": {"video_visit": {"requests": 12, "other": 1, "patient.age": 11}}}})
	keep(t, "freezes", Freeze{"year_end", "co", "2027-12-15T00:00", "2028-01-03T06:00", act, &act, &act})
}

// keep holds a value against its file, in both directions, and reads it with a
// field of a newer version.
func keep[T any](t *testing.T, collection string, value T) {
	t.Helper()
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, '\n')
	file := filepath.Join("testdata", "stored", collection+".json")
	if os.Getenv("QUORATE_UPDATE") == "1" {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), string(raw)); diff != "" {
		t.Errorf("%s is not stored as it was:\n%s", collection, diff)
	}
	newer := bytes.Replace(kept, []byte("{"), []byte(`{"of_a_newer_version":{"x":1},`), 1)
	for _, text := range [][]byte{kept, newer} {
		var back T
		if err := json.Unmarshal(text, &back); err != nil {
			t.Errorf("%s: %v", collection, err)
		}
		if diff := cmp.Diff(value, back); diff != "" {
			t.Errorf("%s does not read back:\n%s", collection, diff)
		}
	}
}
