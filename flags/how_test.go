package flags_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
)

// everyone is a context that says all that an audience may ask.
func everyone(change facts) facts {
	all := facts{"targetingKey": "p1", "facility": "co-1", "service_line": "cardiology",
		"patient": facts{"language": "es", "age": 44.0, "cohorts": []any{"diabetes", "asthma"}}, "device": facts{"registered": true}}
	for k, v := range change {
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	return all
}

func patient(language, age, cohorts any) facts {
	p := facts{}
	for k, v := range map[string]any{"language": language, "age": age, "cohorts": cohorts} {
		if v != nil {
			p[k] = v
		}
	}
	return facts{"patient": p}
}

// Each field of an audience, for those in it, those outside, those of whom the
// portal says nothing, and facts of the wrong type: only the first are on.
func TestAnAudienceIsWhomItNames(t *testing.T) {
	h := newHouse(t)
	h.furnish()
	h.offer(rich("video_visit"))
	h.must(h.SetFacility(ctx, coLead, facilityOf("co", "co-1")))
	h.must(h.SetFacility(ctx, coLead, facilityOf("co", "co-2")))
	a := func(change func(*flags.Audience)) (a flags.Audience) { change(&a); return a }
	for _, c := range []struct {
		what     string
		audience flags.Audience
		in       []facts
		out      []facts
	}{
		{"language", a(func(a *flags.Audience) { a.Languages = []string{"es", "zh-Hant"} }),
			[]facts{patient("es", nil, nil), patient("zh-Hant", nil, nil)},
			[]facts{patient("en", nil, nil), patient("ES", nil, nil), patient("", nil, nil), patient(nil, nil, nil), patient(5.0, nil, nil), patient([]any{"es"}, nil, nil), {"patient": "es"}, {"patient": nil}}},
		{"age from", a(func(a *flags.Audience) { a.AgeMin = ptr(18) }),
			[]facts{patient(nil, 18.0, nil), patient(nil, 18.5, nil), patient(nil, 120, nil)},
			[]facts{patient(nil, 17.9, nil), patient(nil, nil, nil), patient(nil, "44", nil), patient(nil, "old", nil), patient(nil, true, nil), patient(nil, []any{44.0}, nil)}},
		{"age to", a(func(a *flags.Audience) { a.AgeMax = ptr(64) }),
			[]facts{patient(nil, 64.0, nil), patient(nil, 0.0, nil)},
			[]facts{patient(nil, 65.0, nil), patient(nil, nil, nil), patient(nil, "1", nil), patient(nil, false, nil), patient(nil, facts{}, nil)}},
		{"age from 0", a(func(a *flags.Audience) { a.AgeMin = ptr(0) }), []facts{patient(nil, nil, nil)}, nil},
		{"facility", a(func(a *flags.Audience) { a.Facilities = []string{"co-2"} }),
			[]facts{{"facility": "co-2"}}, []facts{{"facility": "co-1"}, {"facility": nil}, {"facility": 2.0}}},
		{"service line", a(func(a *flags.Audience) { a.ServiceLines = []string{"cardiology"} }),
			[]facts{{}}, []facts{{"service_line": "oncology"}, {"service_line": nil}, {"service_line": []any{"cardiology"}}}},
		{"cohort", a(func(a *flags.Audience) { a.Cohorts = []string{"asthma", "copd"} }),
			[]facts{patient(nil, nil, []any{"asthma"}), patient(nil, nil, []any{"x", "copd"}), patient(nil, nil, []any{1.0, "copd"})},
			[]facts{patient(nil, nil, []any{"x"}), patient(nil, nil, []any{}), patient(nil, nil, nil), patient(nil, nil, "asthma"), patient(nil, nil, facts{"asthma": true})}},
		{"registered device", a(func(a *flags.Audience) { a.RegisteredDevice = ptr(true) }),
			[]facts{{}}, []facts{{"device": facts{"registered": false}}, {"device": facts{"registered": "true"}}, {"device": facts{"registered": 1.0}}, {"device": nil}}},
		{"any device", a(func(a *flags.Audience) { a.RegisteredDevice = ptr(false) }), []facts{{"device": nil}}, nil},
		{"two fields", a(func(a *flags.Audience) { a.Languages = []string{"es"}; a.AgeMin = ptr(18) }),
			[]facts{patient("es", 18.0, nil)}, []facts{patient("es", 17.0, nil), patient("en", 18.0, nil)}},
		{"nobody asked for", flags.Audience{}, []facts{{"targetingKey": nil, "patient": nil, "device": nil}}, nil},
	} {
		h.how(coLead, "co", "video_visit", flags.How{Audience: c.audience})
		for _, change := range c.in {
			if value, variant := h.ask("co", "video_visit", everyone(change)); value != true || variant != "on" {
				t.Errorf("%s: with %v: %v (%s), want on", c.what, change, value, variant)
			}
		}
		for _, change := range c.out {
			value, variant := h.ask("co", "video_visit", everyone(change))
			if value != false || variant != "not-in-audience" && variant != "off" { // off is for facts of the wrong type
				t.Errorf("%s: with %v: %v (%s), want not-in-audience, or off", c.what, change, value, variant)
			}
			if minutes, v := h.ask("co", "video_visit.max_minutes", everyone(change)); v == "on" || minutes != nil && fmt.Sprint(minutes) != "0" {
				t.Errorf("%s: with %v: the setting is %v (%s)", c.what, change, minutes, v)
			}
		}
	}
}

// What was set counts before what the variant says, and that before the default;
// all of it only while the capability is on.
func TestASettingIsWhatTheRegionSaysElseTheVariantElseTheDefault(t *testing.T) {
	h := newHouse(t)
	h.furnish()
	h.offer(rich("video_visit"))
	for _, c := range []struct {
		how               flags.How
		minutes, greeting string
	}{
		{flags.How{}, "30", "Hello"},
		{flags.How{Variant: "long"}, "60", "Hello"},
		{flags.How{Variant: "short"}, "10", "Hi"},
		{flags.How{Variant: "short", Settings: facts{"greeting": "Welcome"}}, "10", "Welcome"},
		{flags.How{Variant: "none", Settings: facts{"max_minutes": 15.0}}, "15", "Hello"},
	} {
		h.how(coLead, "co", "video_visit", c.how)
		minutes, _ := h.value("co", "video_visit.max_minutes")
		greeting, _ := h.value("co", "video_visit.greeting")
		if fmt.Sprint(minutes) != c.minutes || greeting != c.greeting {
			t.Errorf("%+v: %v and %v, want %s and %s", c.how, minutes, greeting, c.minutes, c.greeting)
		}
	}
	h.must(h.TurnOff(ctx, coLead, "co", "video_visit"))
	if minutes, variant := h.value("co", "video_visit.max_minutes"); fmt.Sprint(minutes) != "0" || variant != "turned-off" {
		t.Errorf("turned off: %v (%s)", minutes, variant)
	}
}

// A facility that lacks a system is off there alone. Where none is named, or the
// region has none on record, nobody is kept out.
func TestAFacilityWithoutTheSystemsIsNotReady(t *testing.T) {
	h := newHouse(t)
	h.furnish()
	video := rich("video_visit")
	video.RequiresSystems = []string{"ehr", "video_platform"}
	h.offer(video, rich("epcs_video", "video_visit"))
	h.enable(coLead, "co", "video_visit")
	h.enable(coLead, "co", "epcs_video")
	expect := func(when string, facility any, value bool, variant string) {
		t.Helper()
		if got, v := h.ask("co", "video_visit", everyone(facts{"facility": facility})); got != value || v != variant {
			t.Errorf("%s, at %v: %v (%s), want %v (%s)", when, facility, got, v, value, variant)
		}
		if variant == "not-ready" {
			variant = "prerequisite"
		}
		if got, v := h.ask("co", "epcs_video", everyone(facts{"facility": facility})); got != value || v != variant {
			t.Errorf("%s, at %v: what needs it is %v (%s)", when, facility, got, v)
		}
	}
	expect("no facilities on record", "co-1", true, "on")
	h.must(h.SetFacility(ctx, coLead, facilityOf("co", "co-1", "ehr")))
	expect("none is ready", "co-1", false, "not-ready")
	expect("none is ready", nil, false, "not-ready")
	h.must(h.SetFacility(ctx, coLead, facilityOf("co", "co-2", "video_platform", "ehr", "lab_feed")))
	expect("one is ready", "co-1", false, "not-ready")
	expect("one is ready", "co-2", true, "on")
	expect("one is ready", nil, true, "on")
	expect("one is ready", "hi-1", false, "not-ready")
	expect("one is ready", 7.0, false, "not-ready")
	h.must(h.SetFacility(ctx, coLead, facilityOf("co", "co-1", "ehr", "video_platform")))
	expect("both are ready", "co-1", true, "on")
	h.must(h.SetFacility(ctx, coLead, facilityOf("co", "co-2")))
	expect("it lost its systems", "co-2", false, "not-ready")
}

// A person keeps a place; a greater percentage takes more people in and puts
// nobody out. A setting and what depends on the capability go by the same place.
func TestARolloutIsSteady(t *testing.T) {
	h := newHouse(t)
	h.furnish()
	h.offer(rich("video_visit"), rich("epcs_video", "video_visit"))
	h.enable(coLead, "co", "epcs_video")
	in := map[int]bool{}
	for _, p := range []float64{0, 0.01, 1, 12.5, 12.51, 50, 99.99, 100} {
		h.how(coLead, "co", "video_visit", flags.How{Rollout: percent(p)})
		count := 0
		for i := range 2000 {
			who := facts{"targetingKey": fmt.Sprint("person-", i)}
			value, variant := h.ask("co", "video_visit", who)
			minutes, _ := h.ask("co", "video_visit.max_minutes", who)
			needing, _ := h.ask("co", "epcs_video", who)
			on := value == true
			if in[i] && !on {
				t.Fatalf("at %v %%: person %d fell out (%s)", p, i, variant)
			}
			if on != (fmt.Sprint(minutes) == "30") || on != (needing == true) || !on && variant != "not-in-rollout" {
				t.Fatalf("at %v %%: person %d: %v (%s), setting %v, what needs it %v", p, i, value, variant, minutes, needing)
			}
			if in[i] = on; on {
				count++
			}
		}
		if share := float64(count) / 20; share < p-4 || share > p+4 {
			t.Errorf("at %v %%: %v %% of people are in", p, share)
		}
		value, variant := h.ask("co", "video_visit", facts{})
		want := map[bool]string{true: "no-targeting-key", false: map[bool]string{true: "on", false: "not-in-rollout"}[p == 100]}[p > 0 && p < 100]
		if value != (p == 100) || variant != want {
			t.Errorf("at %v %%: without a targeting key %v (%s), want %s", p, value, variant, want)
		}
	}
}

func TestStagesComeByTheClock(t *testing.T) {
	h := newHouse(t)
	h.clock = time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	h.furnish()
	h.offer(rich("video_visit"))
	h.how(coLead, "co", "video_visit", flags.How{Rollout: &flags.Rollout{Stages: []flags.RolloutStage{
		{At: "2027-03-01T08:00", Percent: 10}, {At: "2027-03-08T08:00", Percent: 50}, {At: "2027-04-01T08:00", Percent: 100}}}})
	snap := h.replica.Snapshot()
	for _, c := range []struct {
		at       string // UTC
		least    int
		most     int
		noKey    string
		timeStep int
	}{
		{"2027-03-01T14:59:59Z", 0, 0, "not-in-rollout", 0},
		{"2027-03-01T15:00:00Z", 6, 14, "no-targeting-key", 1},
		{"2027-03-08T14:59:59Z", 6, 14, "no-targeting-key", 1},
		{"2027-03-08T15:00:00Z", 44, 56, "no-targeting-key", 2},
		{"2027-04-01T13:59:59Z", 44, 56, "no-targeting-key", 2},
		{"2027-04-01T14:00:00Z", 100, 100, "on", 3}, // daylight saving time by then
	} {
		at, _ := time.Parse(time.RFC3339, c.at)
		count := 0
		for i := range 1000 {
			if r, _ := snap.Evaluate("co", "video_visit", facts{"targetingKey": fmt.Sprint(i)}, at); r.Value == true {
				count++
			}
		}
		if share := count / 10; share < c.least || share > c.most {
			t.Errorf("at %s: %d %%, want %d to %d", c.at, share, c.least, c.most)
		}
		if r, _ := snap.Evaluate("co", "video_visit", facts{}, at); r.Variant != c.noKey {
			t.Errorf("at %s: without a key %s, want %s", c.at, r.Variant, c.noKey)
		}
		if got := snap.TimeStage("co", at); got != c.timeStep {
			t.Errorf("at %s: time stage %d, want %d", c.at, got, c.timeStep)
		}
	}
	if next, ok := snap.NextBoundary(h.clock); !ok || next.Format(time.RFC3339) != "2027-03-01T15:00:00Z" {
		t.Errorf("the next boundary is %s, %v", next, ok)
	}
}

func TestAScheduleIsLocal(t *testing.T) {
	h := newHouse(t)
	h.clock = time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	h.furnish()
	hi := region("hi")
	hi.TimeZone = "Pacific/Honolulu"
	h.must(h.SetRegion(ctx, operator, hi))
	h.offer(rich("video_visit"))
	how := flags.How{Schedule: flags.Schedule{From: "2027-03-01T08:00", Until: "2027-06-01T00:00"}}
	h.how(coLead, "co", "video_visit", how)
	h.how(hiLead, "hi", "video_visit", how)
	for _, c := range []struct{ at, co, hi string }{
		{"2027-03-01T14:59:59Z", "scheduled", "scheduled"},
		{"2027-03-01T15:00:00Z", "on", "scheduled"},
		{"2027-03-01T18:00:00Z", "on", "on"},
		{"2027-06-01T05:59:59Z", "on", "on"},
		{"2027-06-01T06:00:00Z", "ended", "on"},
		{"2027-06-01T10:00:00Z", "ended", "ended"},
	} {
		h.clock, _ = time.Parse(time.RFC3339, c.at)
		_, co := h.value("co", "video_visit")
		_, hawaii := h.value("hi", "video_visit")
		if co != c.co || hawaii != c.hi {
			t.Errorf("at %s: %s in Colorado, %s in Hawaii; want %s, %s", c.at, co, hawaii, c.co, c.hi)
		}
	}
	// Saying the same again, when it has passed, is no mistake.
	h.clock = time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
	if r, err := h.AnswerOffer(ctx, coLead, "co", "video_visit", flags.Reply{Answer: flags.Enable, How: &how}); err != nil || !r.Unchanged {
		t.Errorf("saying it again: %+v, %v", r, err)
	}
}

// A new answer without a how keeps the one there was: enabling again after a
// turn-off must not let more people in than before.
func TestEnablingAgainKeepsTheHow(t *testing.T) {
	h := newHouse(t)
	h.furnish()
	h.offer(rich("video_visit"))
	h.how(coLead, "co", "video_visit", flags.How{Audience: flags.Audience{Languages: []string{"es"}}})
	h.must(h.TurnOff(ctx, coLead, "co", "video_visit"))
	h.enable(coLead, "co", "video_visit")
	if _, variant := h.ask("co", "video_visit", everyone(patient("en", nil, nil))); variant != "not-in-audience" {
		t.Errorf("enabled again, English is %s", variant)
	}
	h.must(h.AnswerOffer(ctx, coLead, "co", "video_visit", flags.Reply{Answer: flags.Decline, Review: "2099-01-01"}))
	h.enable(coLead, "co", "video_visit")
	if _, variant := h.ask("co", "video_visit", everyone(patient("en", nil, nil))); variant != "on" {
		t.Errorf("after a decline the region starts afresh, but English is %s", variant)
	}
}

// Every kind of bad how: the code, the field, the value and a remedy, and nothing
// changed.
func TestABadHowIsNamedAndChangesNothing(t *testing.T) {
	h := newHouse(t)
	h.clock = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	h.furnish("plain")
	video := rich("video_visit")
	video.Settings[0].Max = ptr(120.0)
	h.offer(video)
	h.must(h.SetFacility(ctx, coLead, facilityOf("co", "co-1")))
	h.must(h.SetFacility(ctx, hiLead, facilityOf("hi", "hi-1")))
	stages := func(list ...flags.RolloutStage) flags.How { return flags.How{Rollout: &flags.Rollout{Stages: list}} }
	schedule := func(from, until string) flags.How {
		return flags.How{Schedule: flags.Schedule{From: from, Until: until}}
	}
	audience := func(a flags.Audience) flags.How { return flags.How{Audience: a} }
	many := make([]string, 51)
	for i := range many {
		many[i] = fmt.Sprint("x", i)
	}
	before := revisions(t, h)
	for _, c := range []struct {
		what, capability string
		how              flags.How
		code, field      string
		says             string
	}{
		{"unknown variant", "video_visit", flags.How{Variant: "huge"}, "bad_value", "/how/variant", "long, short"},
		{"a variant where none is declared", "plain", flags.How{Variant: "long"}, "bad_value", "/how/variant", "declares no variants"},
		{"unknown setting", "video_visit", flags.How{Settings: facts{"colour": "red"}}, "bad_value", "/how/settings/colour", "max_minutes, greeting, recording"},
		{"setting of another type", "video_visit", flags.How{Settings: facts{"max_minutes": "30"}}, "bad_value", "/how/settings/max_minutes", "an integer"},
		{"setting out of its range", "video_visit", flags.How{Settings: facts{"max_minutes": 121.0}}, "bad_value", "/how/settings/max_minutes", "greatest value is 120"},
		{"an attribute that is not declared", "plain", audience(flags.Audience{AgeMin: ptr(18)}), "context_not_declared", "/how/audience/age_min", "patient.age"},
		{"cohorts that are not declared", "plain", audience(flags.Audience{Cohorts: []string{"asthma"}}), "context_not_declared", "/how/audience/cohorts", "patient.cohorts"},
		{"a device that is not declared", "plain", audience(flags.Audience{RegisteredDevice: ptr(true)}), "context_not_declared", "/how/audience/registered_device", "device.registered"},
		{"no language", "video_visit", audience(flags.Audience{Languages: []string{"Spanish!"}}), "bad_value", "/how/audience/languages", "es-MX"},
		{"a language twice", "video_visit", audience(flags.Audience{Languages: []string{"es", "es"}}), "bad_value", "/how/audience/languages", "once"},
		{"too many cohorts", "video_visit", audience(flags.Audience{Cohorts: many}), "bad_value", "/how/audience/cohorts", "at most 50"},
		{"no service line", "video_visit", audience(flags.Audience{ServiceLines: []string{"Cardiology"}}), "bad_value", "/how/audience/service_lines", "lower-case"},
		{"an age below 0", "video_visit", audience(flags.Audience{AgeMin: ptr(-1)}), "bad_value", "/how/audience/age_min", "from 0 to 150"},
		{"an age above 150", "video_visit", audience(flags.Audience{AgeMax: ptr(151)}), "bad_value", "/how/audience/age_max", "from 0 to 150"},
		{"ages that cross", "video_visit", audience(flags.Audience{AgeMin: ptr(65), AgeMax: ptr(18)}), "bad_value", "/how/audience/age_min", "which is 18"},
		{"a facility that does not exist", "video_visit", audience(flags.Audience{Facilities: []string{"co-9"}}), "bad_value", "/how/audience/facilities", "facilities of co"},
		{"a facility of another region", "video_visit", audience(flags.Audience{Facilities: []string{"hi-1"}}), "bad_value", "/how/audience/facilities", "facilities of co"},
		{"more than everyone", "video_visit", flags.How{Rollout: percent(100.01)}, "bad_value", "/how/rollout/percent", "0 to 100"},
		{"fewer than nobody", "video_visit", flags.How{Rollout: percent(-1)}, "bad_value", "/how/rollout/percent", "0 to 100"},
		{"three decimals", "video_visit", flags.How{Rollout: percent(0.125)}, "bad_value", "/how/rollout/percent", "two decimals"},
		{"neither percent nor stages", "video_visit", flags.How{Rollout: &flags.Rollout{}}, "bad_value", "/how/rollout", "either"},
		{"percent and stages", "video_visit", flags.How{Rollout: &flags.Rollout{Percent: ptr(5.0), Stages: []flags.RolloutStage{{At: "2027-03-01T08:00", Percent: 5}}}}, "bad_value", "/how/rollout", "either"},
		{"stages that fall", "video_visit", stages(flags.RolloutStage{At: "2027-03-01T08:00", Percent: 50}, flags.RolloutStage{At: "2027-03-02T08:00", Percent: 10}), "bad_value", "/how/rollout/stages/1/percent", "50"},
		{"stages out of order", "video_visit", stages(flags.RolloutStage{At: "2027-03-02T08:00", Percent: 5}, flags.RolloutStage{At: "2027-03-01T08:00", Percent: 10}), "bad_value", "/how/rollout/stages/1/at", "do not overlap"},
		{"two stages at once", "video_visit", stages(flags.RolloutStage{At: "2027-03-14T02:10", Percent: 5}, flags.RolloutStage{At: "2027-03-14T02:40", Percent: 10}), "bad_value", "/how/rollout/stages/1/at", "do not overlap"},
		{"a stage that has passed", "video_visit", stages(flags.RolloutStage{At: "2027-01-01T08:00", Percent: 5}), "bad_value", "/how/rollout/stages/0/at", "time to come"},
		{"a stage without a time", "video_visit", stages(flags.RolloutStage{Percent: 5}), "bad_value", "/how/rollout/stages/0/at", "2027-03-01T08:00"},
		{"twenty-one stages", "video_visit", stages(make([]flags.RolloutStage, 21)...), "bad_value", "/how/rollout/stages", "at most 20"},
		{"a start that has passed", "video_visit", schedule("2027-02-01T04:59", ""), "bad_value", "/how/schedule/from", "2027-02-01T05:00"},
		{"an end that has passed", "video_visit", schedule("", "2026-01-01T00:00"), "bad_value", "/how/schedule/until", "time to come"},
		{"an end before the start", "video_visit", schedule("2027-04-01T00:00", "2027-03-01T00:00"), "bad_value", "/how/schedule/until", "after the start"},
		{"a date alone", "video_visit", schedule("2027-03-01", ""), "bad_value", "/how/schedule/from", "2027-03-01T08:00"},
		{"a time with a zone", "video_visit", schedule("2027-03-01T08:00Z", ""), "bad_value", "/how/schedule/from", "2027-03-01T08:00"},
		{"a day that does not exist", "video_visit", schedule("2027-02-30T08:00", ""), "bad_value", "/how/schedule/from", "2027-03-01T08:00"},
	} {
		_, err := h.AnswerOffer(ctx, coLead, "co", c.capability, flags.Reply{Answer: flags.Enable, How: &c.how})
		f := fault.From(err)
		switch {
		case err == nil:
			t.Errorf("%s: accepted", c.what)
			continue
		case f.Code != c.code || f.Field != c.field || !strings.Contains(f.Error(), c.says):
			t.Errorf("%s: [%s] at %s: %v; want [%s] at %s saying %q", c.what, f.Code, f.Field, f, c.code, c.field, c.says)
		case f.Kind != fault.Invalid || f.Remedy == "":
			t.Errorf("%s: %v is %v, remedy %q", c.what, f, f.Kind, f.Remedy)
		}
		if after := revisions(t, h); after != before {
			t.Fatalf("%s: changed the state", c.what)
		}
	}
	how := flags.How{}
	for _, reply := range []flags.Reply{
		{Answer: flags.Later, Until: "2099-01-01", How: &how},
		{Answer: flags.Decline, Review: "2099-01-01", Baseline: flags.Follow},
		{Answer: flags.Enable, Baseline: "sometimes"},
		{Answer: flags.Enable, Baseline: flags.Accept},
	} {
		if _, err := h.AnswerOffer(ctx, coLead, "co", "video_visit", reply); err == nil || fault.From(err).Remedy == "" {
			t.Errorf("%+v: %v", reply, err)
		}
	}
}

// Bad variants of a capability, and changes that would take away what is in use.
func TestACapabilityKeepsWhatIsInUse(t *testing.T) {
	h := newHouse(t)
	h.furnish()
	h.offer(rich("video_visit"))
	h.how(coLead, "co", "video_visit", flags.How{Variant: "long", Audience: flags.Audience{AgeMin: ptr(18)}, Settings: facts{"greeting": "Hi"}})
	for _, c := range []struct {
		what   string
		change func(*flags.Capability)
		code   string
		says   string
	}{
		{"a preset out of its schema", func(c *flags.Capability) { c.Variants[0].Settings["max_minutes"] = "long" }, "bad_value", "an integer"},
		{"a preset of no setting", func(c *flags.Capability) { c.Variants[0].Settings["colour"] = "red" }, "bad_value", "the settings of video_visit"},
		{"two variants of one key", func(c *flags.Capability) { c.Variants[1].Key = "long" }, "bad_value", "a key of its own"},
		{"a variant called none", func(c *flags.Capability) { c.Variants[1].Key = "none" }, "bad_value", "none"},
		{"a variant without a name", func(c *flags.Capability) { c.Variants[1].Name = "" }, "bad_value", "80 printable"},
		{"a variant in use", func(c *flags.Capability) { c.Variants = c.Variants[1:] }, "still_used", "co makes use"},
		{"a setting in use", func(c *flags.Capability) { c.Settings = c.Settings[:1]; c.Variants = c.Variants[:1] }, "still_used", "greeting"},
		{"an attribute in use", func(c *flags.Capability) { c.Context = []string{"facility"} }, "still_used", "patient.age"},
	} {
		changed := rich("video_visit")
		c.change(&changed)
		_, err := h.SetCapability(ctx, operator, changed)
		if f := fault.From(err); err == nil || f.Code != c.code || !strings.Contains(f.Error(), c.says) || f.Remedy == "" {
			t.Errorf("%s: %v; want [%s] saying %q", c.what, err, c.code, c.says)
		}
	}
}

// What would be too much for the engine is refused when it is written.
func TestWhatCouldNotBeServedIsRefused(t *testing.T) {
	h := newHouse(t)
	h.furnish()
	var needs []string
	names := func(prefix string) (list []string) {
		for i := range 50 {
			list = append(list, fmt.Sprint(prefix, i))
		}
		return list
	}
	for i := range 6 {
		key := fmt.Sprint("base_", i)
		h.offer(rich(key))
		h.how(coLead, "co", key, flags.How{Audience: flags.Audience{ServiceLines: names(fmt.Sprintf("s%d-", i)), Cohorts: names(fmt.Sprintf("c%d-", i))}})
		needs = append(needs, key)
	}
	h.offer(rich("top", needs...))
	before := revisions(t, h)
	for what, do := range map[string]func() (gate.Receipt, error){
		"enabling what inlines it all": func() (gate.Receipt, error) {
			return h.AnswerOffer(ctx, coLead, "co", "top", flags.Reply{Answer: flags.Enable})
		},
	} {
		_, err := do()
		if f := fault.From(err); err == nil || f.Code != "definition_too_large" || !strings.Contains(f.Message, "1000 operators") {
			t.Errorf("%s: %v", what, err)
		}
		if revisions(t, h) != before {
			t.Errorf("%s: changed the state", what)
		}
	}
	h.how(coLead, "co", "base_5", flags.How{})
	h.how(coLead, "co", "base_4", flags.How{})
	h.enable(coLead, "co", "top")
	if _, err := h.AnswerOffer(ctx, coLead, "co", "base_5", flags.Reply{Answer: flags.Enable, How: &flags.How{Audience: flags.Audience{Cohorts: names("d"), ServiceLines: names("t")}}}); !fault.HasCode(err, "definition_too_large") {
		t.Errorf("a prerequisite that grows too large for its dependant: %v", err)
	}
}
