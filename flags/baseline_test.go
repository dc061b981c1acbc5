package flags_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/fault"
)

// An edit of the baseline changes what is served only where a region follows, or
// once it accepts it; what a region says itself counts before either.
func TestABaselineBindsNobodyWhoDidNotTakeIt(t *testing.T) {
	h := newHouse(t)
	h.clock = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	ga := as("regional_lead", "ga")
	h.must(h.SetRegion(ctx, operator, region("ga")))
	h.furnish()
	h.offer(rich("video_visit"))
	minutes := func(n float64, languages ...string) flags.How {
		return flags.How{Settings: facts{"max_minutes": n}, Audience: flags.Audience{Languages: languages}}
	}
	expect := func(when string, co, hi, ga string) {
		t.Helper()
		for region, want := range map[string]string{"co": co, "hi": hi, "ga": ga} {
			got, _ := h.ask(region, "video_visit.max_minutes", everyone(nil))
			greeting, _ := h.ask(region, "video_visit.greeting", everyone(nil))
			if fmt.Sprint(got, " ", greeting) != want {
				t.Errorf("%s, in %s: %v %v, want %s", when, region, got, greeting, want)
			}
		}
	}
	h.must(h.SetBaseline(ctx, operator, "video_visit", minutes(20, "es")))
	h.must(h.AnswerOffer(ctx, coLead, "co", "video_visit", flags.Reply{Answer: flags.Enable, Baseline: flags.Follow}))
	h.must(h.AnswerOffer(ctx, hiLead, "hi", "video_visit", flags.Reply{Answer: flags.Enable, Baseline: flags.Accept, How: &flags.How{Settings: facts{"greeting": "Aloha"}}}))
	h.must(h.AnswerOffer(ctx, ga, "ga", "video_visit", flags.Reply{Answer: flags.Enable}))
	expect("at first", "20 Hello", "20 Aloha", "30 Hello")
	h.must(h.SetBaseline(ctx, operator, "video_visit", minutes(45, "es", "zh")))
	expect("after an edit", "45 Hello", "20 Aloha", "30 Hello")
	h.must(h.AcceptBaseline(ctx, hiLead, "hi", "video_visit"))
	expect("after Hawaii accepted", "45 Hello", "45 Aloha", "30 Hello")
	h.must(h.AnswerOffer(ctx, coLead, "co", "video_visit", flags.Reply{Answer: flags.Enable, Baseline: flags.Apart}))
	expect("after Colorado stood apart", "30 Hello", "45 Aloha", "30 Hello")
	if r := h.must(h.AcceptBaseline(ctx, hiLead, "hi", "video_visit")); !r.Unchanged {
		t.Errorf("accepting it again: %+v", r)
	}
	// A region overrides single fields, and lifts them.
	h.must(h.AnswerOffer(ctx, hiLead, "hi", "video_visit", flags.Reply{Answer: flags.Enable, How: &flags.How{Audience: flags.Audience{Languages: []string{"en"}}}}))
	if _, variant := h.ask("hi", "video_visit", everyone(nil)); variant != "not-in-audience" {
		t.Errorf("English alone, and Spanish is %s", variant)
	}
	h.must(h.AnswerOffer(ctx, hiLead, "hi", "video_visit", flags.Reply{Answer: flags.Enable, How: &flags.How{Audience: flags.Audience{Languages: []string{}}}}))
	if _, variant := h.ask("hi", "video_visit", everyone(facts{"patient": nil})); variant != "on" {
		t.Errorf("the languages lifted, and it is %s", variant)
	}
}

func TestABadBaselineIsNamedAndChangesNothing(t *testing.T) {
	h := newHouse(t)
	h.clock = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	h.furnish("plain")
	h.offer(rich("video_visit"))
	h.must(h.SetFacility(ctx, coLead, facilityOf("co", "co-1")))
	h.must(h.SetBaseline(ctx, operator, "video_visit", flags.How{Audience: flags.Audience{AgeMin: ptr(50)}}))
	before := revisions(t, h)
	mute, stale := operator, operator
	mute.Reason, stale.IfRevision = "", 1
	for _, c := range []struct {
		what, capability string
		how              flags.How
		code, says       string
	}{
		{"facilities", "video_visit", flags.How{Audience: flags.Audience{Facilities: []string{"co-1"}}}, "bad_value", "leave facilities to each region"},
		{"unknown variant", "video_visit", flags.How{Variant: "huge"}, "bad_value", "long, short"},
		{"undeclared attribute", "plain", flags.How{Audience: flags.Audience{AgeMin: ptr(18)}}, "context_not_declared", "patient.age"},
		{"a rollout above 100", "video_visit", flags.How{Rollout: percent(101)}, "bad_value", "0 to 100"},
		{"a start passed everywhere", "video_visit", flags.How{Schedule: flags.Schedule{From: "2027-01-31T00:00"}}, "bad_value", "time to come"},
		{"unknown capability", "teleport", flags.How{}, "unknown_capability", "teleport"},
	} {
		_, err := h.SetBaseline(ctx, operator, c.capability, c.how)
		if f := fault.From(err); err == nil || f.Code != c.code || !strings.Contains(f.Error(), c.says) || f.Remedy == "" {
			t.Errorf("%s: %v; want [%s] saying %q", c.what, err, c.code, c.says)
		}
	}
	how := flags.How{Audience: flags.Audience{AgeMax: ptr(18)}}
	_, crossing := h.AnswerOffer(ctx, coLead, "co", "video_visit", flags.Reply{Answer: flags.Enable, Baseline: flags.Accept, How: &how})
	_, byLead := h.SetBaseline(ctx, coLead, "video_visit", flags.How{})
	_, silent := h.SetBaseline(ctx, mute, "video_visit", flags.How{})
	_, moved := h.SetBaseline(ctx, stale, "video_visit", flags.How{})
	_, early := h.AcceptBaseline(ctx, coLead, "co", "video_visit")
	_, none := h.AnswerOffer(ctx, coLead, "co", "plain", flags.Reply{Answer: flags.Enable, Baseline: flags.Follow})
	for code, err := range map[string]error{"bad_value": crossing, "forbidden": byLead, "stale_revision": moved, "not_enabled": early, "no_baseline": none} {
		if !fault.HasCode(err, code) || fault.From(err).Remedy == "" {
			t.Errorf("%v, want %s", err, code)
		}
	}
	if !fault.HasCode(silent, "bad_value") {
		t.Error(silent)
	}
	if revisions(t, h) != before {
		t.Error("the state changed")
	}
}
