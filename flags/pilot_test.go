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

var pilotTerms = flags.Terms{Facilities: map[string][]string{"co": {"co-1"}}, CapPercent: ptr(50.0), End: "2027-06-30", Hypothesis: "Fewer trips."}

func pilotHouse(t *testing.T) *house {
	h := newHouse(t)
	h.clock = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	h.furnish()
	for _, key := range []string{"co-1", "co-2", "co-3"} {
		h.must(h.SetFacility(ctx, coLead, facilityOf("co", key)))
	}
	h.must(h.SetCapability(ctx, operator, rich("video_visit")))
	return h
}

// A pilot is on at its facilities, for at most its share of people, until its
// last day is over; elsewhere there is no offer.
func TestAPilotStaysWithinItsTerms(t *testing.T) {
	h := pilotHouse(t)
	h.must(h.GrantOfferUnder(ctx, operator, "video_visit", flags.Pilot, pilotTerms))
	h.enable(coLead, "co", "video_visit")
	in := 0
	for i := range 1000 {
		if value, _ := h.ask("co", "video_visit", facts{"targetingKey": fmt.Sprint(i), "facility": "co-1"}); value == true {
			in++
		}
		if value, variant := h.ask("co", "video_visit", facts{"targetingKey": fmt.Sprint(i), "facility": "co-2"}); value != false || variant != "not-in-audience" {
			t.Fatalf("at another facility: %v (%s)", value, variant)
		}
	}
	if in < 440 || in > 560 {
		t.Errorf("%d of 1000 are in, under a cap of 50 %%", in)
	}
	if _, variant := h.ask("co", "video_visit", facts{"targetingKey": "p"}); variant != "not-in-audience" {
		t.Errorf("without a facility: %s", variant)
	}
	if _, variant := h.value("hi", "video_visit"); variant != "no-offer" {
		t.Errorf("in a region that takes no part: %s", variant)
	}
	for _, row := range h.replica.Snapshot().Board(h.clock).Rows {
		if words := row.Cells[0].Word() + ", " + row.Cells[1].Word(); words != "pilot (1 of 3), no offer" {
			t.Errorf("the board says %s", words)
		}
	}
	for at, want := range map[string]string{"2027-07-01T05:59:59Z": "not-in-audience", "2027-07-01T06:00:00Z": "no-offer"} {
		h.clock, _ = time.Parse(time.RFC3339, at)
		if _, variant := h.value("co", "video_visit"); variant != want {
			t.Errorf("at %s: %s, want %s", at, variant, want)
		}
	}
}

func TestAProvisionalOfferEnds(t *testing.T) {
	h := pilotHouse(t)
	h.must(h.GrantOfferUnder(ctx, operator, "video_visit", flags.Provisional, flags.Terms{End: "2027-02-28"}))
	h.enable(hiLead, "hi", "video_visit")
	for at, want := range map[string]string{"2027-03-01T06:59:59Z": "on", "2027-03-01T07:00:00Z": "no-offer"} {
		h.clock, _ = time.Parse(time.RFC3339, at)
		if _, variant := h.value("hi", "video_visit"); variant != want {
			t.Errorf("at %s: %s, want %s", at, variant, want)
		}
	}
}

func TestBadTermsAndWhatIsOutsideThemAreNamed(t *testing.T) {
	h := pilotHouse(t)
	blind := rich("blind")
	blind.Context = nil
	h.must(h.SetCapability(ctx, operator, blind))
	terms := func(change func(*flags.Terms)) flags.Terms { t := pilotTerms; change(&t); return t }
	grant := func(capability string, kind flags.OfferKind, terms flags.Terms) func() (gate.Receipt, error) {
		return func() (gate.Receipt, error) { return h.GrantOfferUnder(ctx, operator, capability, kind, terms) }
	}
	enable := func(o gate.Origin, region string, how flags.How) func() (gate.Receipt, error) {
		return func() (gate.Receipt, error) {
			return h.AnswerOffer(ctx, o, region, "video_visit", flags.Reply{Answer: flags.Enable, How: &how})
		}
	}
	for _, c := range []struct {
		what       string
		do         func() (gate.Receipt, error)
		code, says string
	}{
		{"unknown kind", grant("video_visit", "half", flags.Terms{}), "bad_value", "half"},
		{"a full offer with an end", grant("video_visit", flags.Full, flags.Terms{End: "2027-06-30"}), "bad_value", "no end"},
		{"a full offer with facilities", grant("video_visit", flags.Full, flags.Terms{Facilities: pilotTerms.Facilities}), "bad_value", "only a pilot"},
		{"a provisional one with a cap", grant("video_visit", flags.Provisional, flags.Terms{End: "2027-06-30", CapPercent: ptr(5.0)}), "bad_value", "only a pilot"},
		{"a provisional one without an end", grant("video_visit", flags.Provisional, flags.Terms{}), "bad_value", "YYYY-MM-DD"},
		{"an end that has passed", grant("video_visit", flags.Pilot, terms(func(t *flags.Terms) { t.End = "2027-01-01" })), "bad_value", "2027-01-01"},
		{"no facilities", grant("video_visit", flags.Pilot, terms(func(t *flags.Terms) { t.Facilities = nil })), "bad_value", "/facilities"},
		{"a region without any", grant("video_visit", flags.Pilot, terms(func(t *flags.Terms) { t.Facilities = map[string][]string{"co": {}} })), "bad_value", "at least one"},
		{"an unknown facility", grant("video_visit", flags.Pilot, terms(func(t *flags.Terms) { t.Facilities = map[string][]string{"co": {"co-9"}} })), "bad_value", "co-9"},
		{"an unknown region", grant("video_visit", flags.Pilot, terms(func(t *flags.Terms) { t.Facilities = map[string][]string{"atlantis": {"a-1"}} })), "unknown_region", "atlantis"},
		{"no cap", grant("video_visit", flags.Pilot, terms(func(t *flags.Terms) { t.CapPercent = nil })), "bad_value", "/cap_percent"},
		{"a cap above 100", grant("video_visit", flags.Pilot, terms(func(t *flags.Terms) { t.CapPercent = ptr(101.0) })), "bad_value", "101"},
		{"no hypothesis", grant("video_visit", flags.Pilot, terms(func(t *flags.Terms) { t.Hypothesis = "" })), "bad_value", "find out"},
		{"a capability that reads no facility", grant("blind", flags.Pilot, pilotTerms), "context_not_declared", "facility"},
		{"", grant("video_visit", flags.Pilot, pilotTerms), "", ""},
		{"a region that takes no part", enable(hiLead, "hi", flags.How{}), "not_in_pilot", "hi"},
		{"a facility that takes no part", enable(coLead, "co", flags.How{Audience: flags.Audience{Facilities: []string{"co-2"}}}), "outside_pilot", "co-1"},
		{"a rollout above the cap", enable(coLead, "co", flags.How{Rollout: percent(51)}), "outside_pilot", "50 percent"},
		{"within the terms", enable(coLead, "co", flags.How{Rollout: percent(20), Audience: flags.Audience{Facilities: []string{"co-1"}}}), "", ""},
	} {
		before := revisions(t, h)
		_, err := c.do()
		f := fault.From(err)
		switch {
		case c.code == "" && err != nil:
			t.Errorf("%s: %v", c.what, err)
		case c.code == "":
		case err == nil || f.Code != c.code || !strings.Contains(f.Error(), c.says) || f.Remedy == "":
			t.Errorf("%s: %v; want [%s] saying %q", c.what, err, c.code, c.says)
		case revisions(t, h) != before:
			t.Errorf("%s: changed the state", c.what)
		}
	}
}
