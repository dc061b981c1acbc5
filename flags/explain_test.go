package flags

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The first line keeps within its words for every cause and every condition, with
// long names, long keys and several prerequisites.
func TestTheFirstLineIsShort(t *testing.T) {
	long := strings.Repeat("x", 64)
	capability := Capability{Key: long, Name: "Visits by video", Prerequisites: []string{long, long}, RequiresSystems: []string{"ehr", "video_platform"}}
	n := 1.0
	offers := []Offer{{}, {Capability: long, Kind: Full}, {Capability: long, Kind: Pilot, Terms: Terms{Facilities: map[string][]string{"other": {"x"}}}},
		{Capability: long, Kind: Provisional, Terms: Terms{End: "2027-01-01"}}}
	answers := []Enablement{{}, {Answer: Enable}, {Answer: Later, Until: "2027-01-01"}, {Answer: Decline, Review: "2027-01-01"}}
	how := How{Rollout: &Rollout{Percent: &n}, Schedule: Schedule{From: "2027-03-01T08:00", Until: "2027-06-01T08:00"}}
	check := func(line string) {
		t.Helper()
		if words := len(strings.Fields(line)); words > LineWords || words < 5 {
			t.Errorf("%d words: %s", words, line)
		}
		if !strings.HasSuffix(line, ".") || strings.Contains(line, "%!") {
			t.Errorf("not a sentence: %s", line)
		}
	}
	for _, name := range []string{"Visits by video", "One two three four five six"} {
		capability.Name = name
		st := State{view: &regionView{zone: time.UTC}, How: how}
		st.Capability.Value, st.Region.Value = capability, Region{Key: "nca", Name: "The Northern Part"}
		for _, cause := range []Cause{On, Off, CapRetired, NoOffer, NotEnabled, WasTurnedOff, Scheduled, Ended, Prerequisite, NotReady, NotInAudience, NotInRollout, NoTargetingKey, NoEncodedLaw, "future-cause"} {
			for _, o := range offers {
				for _, e := range answers {
					st.Cause, st.Offer.Value, st.Enablement.Value = cause, o, e
					for _, unmet := range [][]string{nil, {long}, {long, long, long}} {
						check(firstLine(st, unmet))
					}
				}
			}
		}
		for _, field := range []string{"", "rollout", "audience.registered_device", "audience.service_lines", "schedule.from"} {
			for _, of := range []string{capability.Key, "other_" + long} {
				for _, cause := range []Cause{NotReady, Prerequisite, NotInAudience, NotInRollout, NoTargetingKey} {
					for _, missing := range [][]string{nil, {"patient.cohorts"}} {
						check(lineFor(st, condition{cause: cause, of: of, field: field}, missing))
					}
				}
			}
		}
	}
}

// With a context the condition that fails is named, and what is missing; nothing
// that the context says is repeated.
func TestExplainNamesTheConditionAndNoValue(t *testing.T) {
	at := time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	w := &world{t: t}
	w.region("co", "America/Denver")
	w.offer(Capability{Key: "messaging"})
	w.offer(Capability{Key: "video_visit", Prerequisites: []string{"messaging"}, RequiresSystems: []string{"ehr"}})
	w.put("facilities/co/co-1", Facility{Key: "co-1", Region: "co", Systems: []string{"ehr"}})
	half, adult, yes := 50.0, 18, true
	w.enable("co", "messaging", How{Audience: Audience{AgeMin: &adult}})
	w.enable("co", "video_visit", How{Audience: Audience{Languages: []string{"es"}, RegisteredDevice: &yes}, Rollout: &Rollout{Percent: &half}})
	secret := "secret-value"
	person := func(change map[string]any) map[string]any {
		all := map[string]any{targetingKey: "p1", "facility": "co-1", "patient": map[string]any{"language": "es", "age": 44.0, "name": secret}, "device": map[string]any{"registered": true}}
		for k, v := range change {
			all[k] = v
		}
		return all
	}
	for _, c := range []struct {
		what          string
		ctx           map[string]any
		variant, line string
		missing       string
	}{
		{"no context", nil, "prerequisite", "on in co for some, offered, permitted and enabled", "patient.age"},
		{"all of it", person(nil), "on", "on in co for some", ""},
		{"a prerequisite's audience", person(map[string]any{"patient": map[string]any{"language": secret, "age": 12.0}}), "prerequisite", "outside the messaging age asked for", ""},
		{"another facility", person(map[string]any{"facility": secret}), "not-ready", "whose facility is not ready", ""},
		{"another language", person(map[string]any{"patient": map[string]any{"language": secret, "age": 44.0}}), "not-in-audience", "outside the languages asked for", ""},
		{"no device", person(map[string]any{"device": nil}), "not-in-audience", "device.registered is missing", "device.registered"},
		{"no key", person(map[string]any{targetingKey: nil}), "no-targeting-key", "targetingKey is missing", "targetingKey"},
		{"outside the rollout", person(map[string]any{targetingKey: outsider(t, w, at)}), "not-in-rollout", "which the rollout has not reached", ""},
	} {
		e, err := w.snap.Explain("co", "video_visit", c.ctx, at)
		if err != nil {
			t.Fatal(err)
		}
		if e.Variant != c.variant || !strings.Contains(e.Line, c.line) || strings.Join(e.Missing, " ") != c.missing {
			t.Errorf("%s: %s, %q, missing %v; want %s, %q, %s", c.what, e.Variant, e.Line, e.Missing, c.variant, c.line, c.missing)
		}
		raw, err := json.Marshal(e)
		if err != nil || strings.Contains(string(raw), secret) {
			t.Errorf("%s: repeats the context: %s, %v", c.what, raw, err)
		}
		if how := e.Layers[len(e.Layers)-1]; how.Name != "how" || how.Holds != (c.variant == "on") || !strings.Contains(how.Says, "audience.languages es; audience.registered_device true; rollout 50 %") {
			t.Errorf("%s: %+v", c.what, how)
		}
	}
}

// outsider finds a person whom the rollout has not reached.
func outsider(t *testing.T, w *world, at time.Time) string {
	for i := range 100 {
		key := fmt.Sprint("outsider-", i)
		if w.variant("co", "video_visit", map[string]any{targetingKey: key, "facility": "co-1", "patient": map[string]any{"language": "es", "age": 44.0}, "device": map[string]any{"registered": true}}, at) == "not-in-rollout" {
			return key
		}
	}
	t.Fatal("everybody is in")
	return ""
}
