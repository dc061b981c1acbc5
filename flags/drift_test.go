package flags

import (
	"fmt"
	"testing"
	"time"
)

// Every way in which a region can differ from the baseline, by its class.
func TestDriftClassesEveryDifference(t *testing.T) {
	at := time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	fifty, twenty := 50.0, 20.0
	minutes := func(n float64) How { return How{Settings: map[string]any{"max_minutes": n}} }
	ten := 10.0
	enablement := func(change func(*Enablement)) *Enablement {
		e := Enablement{Region: "co", Capability: "video_visit", Answer: Enable, Answered: Act{Reason: "r"}}
		change(&e)
		return &e
	}
	for _, c := range []struct {
		what       string
		enablement *Enablement
		offer      Terms
		baseline   How
		systems    []string
		max        float64
		want       []string // field class
	}{
		{"no answer", nil, Terms{}, How{}, nil, 0, []string{"on not_yet_decided"}},
		{"later", enablement(func(e *Enablement) { e.Answer, e.Until = Later, "2027-05-01" }), Terms{}, minutes(20), nil, 0, []string{"on later"}},
		{"declined", enablement(func(e *Enablement) { e.Answer, e.Review = Decline, "2027-05-01" }), Terms{}, How{}, nil, 0, []string{"on declined"}},
		{"as the baseline, accepted", enablement(func(e *Enablement) { e.Accepted = &Accepted{How: minutes(20), Revision: 7} }), Terms{}, minutes(20), nil, 0, nil},
		{"as the baseline, followed", enablement(func(e *Enablement) { e.Follow = true }), Terms{}, minutes(20), nil, 0, nil},
		{"nothing said anywhere", enablement(func(*Enablement) {}), Terms{}, How{}, nil, 0, nil},
		{"chosen", enablement(func(e *Enablement) { e.Follow, e.How = true, minutes(45) }), Terms{}, minutes(20), nil, 0, []string{"settings.max_minutes chosen_override"}},
		{"lifted", enablement(func(e *Enablement) { e.Follow, e.How.Audience.Languages = true, []string{} }), Terms{}, How{Audience: Audience{Languages: []string{"es"}}}, nil, 0, []string{"audience.languages chosen_override"}},
		{"no baseline, its own rollout", enablement(func(e *Enablement) { e.How.Rollout = &Rollout{Percent: &twenty} }), Terms{}, How{}, nil, 0, []string{"rollout chosen_override"}},
		{"an older baseline", enablement(func(e *Enablement) { e.Accepted = &Accepted{How: minutes(20), Revision: 3} }), Terms{}, minutes(45), nil, 0, []string{"settings.max_minutes not_yet_accepted"}},
		{"no baseline taken", enablement(func(*Enablement) {}), Terms{}, minutes(45), nil, 0, []string{"settings.max_minutes not_yet_accepted"}},
		{"scheduled", enablement(func(e *Enablement) { e.How.Schedule.From = "2027-03-01T08:00" }), Terms{}, How{}, nil, 0, []string{"on scheduled", "schedule.from chosen_override"}},
		{"ended", enablement(func(e *Enablement) { e.How.Schedule.Until = "2027-01-01T08:00" }), Terms{}, How{}, nil, 0, []string{"on scheduled", "schedule.until chosen_override"}},
		{"stages to come", enablement(func(e *Enablement) { e.How.Rollout = &Rollout{Stages: []RolloutStage{{"2027-03-01T08:00", 50}}} }), Terms{}, How{}, nil, 0, []string{"on scheduled", "rollout chosen_override"}},
		{"turned off", enablement(func(e *Enablement) { e.TurnedOff = &Act{Reason: "calls drop"} }), Terms{}, How{}, nil, 0, []string{"on turned_off"}},
		{"no facility ready", enablement(func(*Enablement) {}), Terms{}, How{}, []string{"x"}, 0, []string{"on blocked_by_system"}},
		{"one facility not ready", enablement(func(*Enablement) {}), Terms{}, How{}, []string{"ehr"}, 0, []string{"facilities blocked_by_system"}},
		{"narrowed by a pilot", enablement(func(*Enablement) {}), Terms{Facilities: map[string][]string{"co": {"co-1"}}, CapPercent: &fifty, End: "2027-12-31"}, How{}, nil, 0, []string{"audience.facilities limited_by_offer"}},
		{"a pilot elsewhere", enablement(func(*Enablement) {}), Terms{Facilities: map[string][]string{"hi": {"hi-1"}}, CapPercent: &fifty, End: "2027-12-31"}, How{}, nil, 0, []string{"on limited_by_offer"}},
		{"a value that is not allowed any more", enablement(func(e *Enablement) { e.How = minutes(45) }), Terms{}, minutes(45), nil, ten, []string{"settings.max_minutes unexplained"}},
	} {
		w := &world{t: t}
		w.region("co", "America/Denver")
		capability := Capability{Key: "video_visit", RequiresSystems: c.systems,
			Settings: []Setting{{Key: "max_minutes", Type: "integer", Off: 0.0, Default: 30.0}}}
		if c.max != 0 {
			capability.Settings[0].Default, capability.Settings[0].Max = c.max, &c.max
		}
		w.offer(capability)
		w.put("facilities/co/co-1", Facility{Key: "co-1", Region: "co", Systems: []string{"ehr"}})
		w.put("facilities/co/co-2", Facility{Key: "co-2", Region: "co"})
		if c.offer.End != "" {
			w.put("offers/video_visit", Offer{Capability: "video_visit", Kind: Pilot, Terms: c.offer})
		}
		w.revision = 6
		if len(c.baseline.fields()) > 0 {
			w.put("baselines/video_visit", Baseline{Capability: "video_visit", How: c.baseline})
		}
		if c.enablement != nil {
			w.put("enablements/co/video_visit", c.enablement)
		}
		d, err := w.snap.Drift("co", at)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		unexplained := 0
		for _, diff := range d.Differences {
			got = append(got, diff.Field+" "+string(diff.Class))
			if diff.Class == Unexplained {
				unexplained++
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) || d.Unexplained != unexplained {
			t.Errorf("%s: %v (%d unexplained), want %v", c.what, got, d.Unexplained, c.want)
		}
	}
}

func TestDriftIsToldRegionByRegion(t *testing.T) {
	w := &world{t: t}
	w.region("hi", "Pacific/Honolulu")
	w.region("co", "America/Denver")
	w.offer(Capability{Key: "messaging"})
	w.offer(Capability{Key: "bh_messaging", Prerequisites: []string{"messaging"}})
	w.enable("hi", "bh_messaging", How{})
	want := "[co bh_messaging not_yet_decided co messaging not_yet_decided hi bh_messaging blocked_by_prerequisite hi messaging not_yet_decided]"
	d, err := w.snap.Drift("", time.Unix(0, 0))
	var got []string
	for _, diff := range d.Differences {
		got = append(got, diff.Region+" "+diff.Capability+" "+string(diff.Class))
	}
	if fmt.Sprint(got) != want || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := w.snap.Drift("atlantis", time.Unix(0, 0)); err == nil {
		t.Error("a region that does not exist has a drift")
	}
	if d, err := w.snap.Drift("hi", time.Unix(0, 0)); err != nil || len(d.Differences) != 2 {
		t.Errorf("%+v, %v", d, err)
	}
}
