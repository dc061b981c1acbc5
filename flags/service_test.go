package flags_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
)

// The product in one test: take any one of the conditions away and the value is
// off, with that one named.
func TestOnMeansOfferedAndEnabledAndNotTurnedOff(t *testing.T) {
	h := newHouse(t)
	expect := func(step string, want bool, variant string) {
		t.Helper()
		value, got := h.value("co", "video_visit")
		if value != want || got != variant {
			t.Errorf("%s: served %v (%s), want %v (%s)", step, value, got, want, variant)
		}
		if value, _ := h.value("hi", "video_visit"); value != false {
			t.Errorf("%s: Hawaii is served %v", step, value)
		}
	}
	for _, r := range []string{"co", "hi"} {
		h.must(h.SetRegion(ctx, operator, region(r)))
	}
	h.must(h.SetCapability(ctx, operator, capability("video_visit")))
	expect("without an offer", false, "no-offer")
	h.must(h.GrantOffer(ctx, operator, "video_visit", flags.Full))
	expect("offered", false, "not-enabled")
	h.enable(coLead, "co", "video_visit")
	expect("enabled", true, "on")
	h.must(h.TurnOff(ctx, coLead, "co", "video_visit"))
	expect("turned off", false, "turned-off")
	h.enable(coLead, "co", "video_visit")
	expect("enabled again", true, "on")
	h.must(h.WithdrawOffer(ctx, operator, "video_visit"))
	expect("offer withdrawn", false, "no-offer")
	h.must(h.GrantOffer(ctx, operator, "video_visit", flags.Full))
	expect("offered again, which asks again", false, "not-enabled")
	h.enable(coLead, "co", "video_visit")
	expect("the new offer enabled", true, "on")
	h.must(h.AnswerOffer(ctx, coLead, "co", "video_visit", flags.Reply{Answer: flags.Decline, Review: "2099-01-01"}))
	expect("declined", false, "not-enabled")
	h.enable(coLead, "co", "video_visit")
	retired := capability("video_visit")
	retired.Stage = flags.Retired
	h.must(h.SetCapability(ctx, operator, retired))
	expect("retired", false, "retired")
}

func TestAPrerequisiteHoldsBackUntilItIsOn(t *testing.T) {
	h := newHouse(t)
	h.furnish("rx_refill", "video_visit")
	epcs := capability("epcs_video", "video_visit", "rx_refill")
	h.must(h.SetCapability(ctx, operator, epcs))
	h.must(h.GrantOffer(ctx, operator, "epcs_video", flags.Full))
	h.enable(coLead, "co", "epcs_video")
	h.enable(coLead, "co", "rx_refill")
	if value, variant := h.value("co", "epcs_video"); value != false || variant != "prerequisite" {
		t.Errorf("served %v (%s) while video_visit is off", value, variant)
	}
	h.enable(coLead, "co", "video_visit")
	if value, variant := h.value("co", "epcs_video"); value != true {
		t.Errorf("served %v (%s) with everything on", value, variant)
	}
	h.must(h.TurnOff(ctx, coLead, "co", "rx_refill"))
	if value, variant := h.value("co", "epcs_video"); value != false || variant != "prerequisite" {
		t.Errorf("served %v (%s) after rx_refill was turned off", value, variant)
	}
}

func TestASettingIsServedWithItsOwnOffValue(t *testing.T) {
	h := newHouse(t)
	h.furnish("video_visit")
	if value, _ := h.value("co", "video_visit.max_minutes"); fmt.Sprint(value) != "0" {
		t.Errorf("off: %v", value)
	}
	h.enable(coLead, "co", "video_visit")
	if value, _ := h.value("co", "video_visit.max_minutes"); fmt.Sprint(value) != "30" {
		t.Errorf("on: %v", value)
	}
	if _, variant := h.value("co", "video_visit.max_hours"); variant != "FLAG_NOT_FOUND" {
		t.Error("a setting that is not declared is served")
	}
}

// Every kind of bad input: the code, the value and the remedy in the message,
// and nothing changed.
func TestBadInputIsNamedAndChangesNothing(t *testing.T) {
	h := newHouse(t)
	h.furnish("video_visit", "rx_refill")
	h.must(h.SetCapability(ctx, operator, capability("in_build_only")))
	h.must(h.SetCapability(ctx, operator, capability("epcs_video", "video_visit")))
	enabled := h.enable(coLead, "co", "video_visit")
	edit := func(change func(*flags.Capability)) flags.Capability {
		c := capability("video_visit")
		change(&c)
		return c
	}
	setting := func(change func(*flags.Setting)) flags.Capability {
		return edit(func(c *flags.Capability) { change(&c.Settings[0]) })
	}
	reply := func(a flags.Answer, until, review string) flags.Reply {
		return flags.Reply{Answer: a, Until: until, Review: review}
	}
	stale := coLead
	stale.IfRevision = enabled.Revision - 1
	mute := coLead
	mute.Reason = ""
	forger := coLead
	forger.Reason = "fine\x1b[2K"
	set := func(c flags.Capability) func() (gate.Receipt, error) {
		return func() (gate.Receipt, error) { return h.SetCapability(ctx, operator, c) }
	}
	ans := func(o gate.Origin, region, capability string, r flags.Reply) func() (gate.Receipt, error) {
		return func() (gate.Receipt, error) { return h.AnswerOffer(ctx, o, region, capability, r) }
	}
	before := revisions(t, h)
	for _, c := range []struct {
		what, code, says string
		do               func() (gate.Receipt, error)
	}{
		{"unknown region", "unknown_region", "xx", func() (gate.Receipt, error) {
			return h.AnswerOffer(ctx, as("regional_lead", "xx"), "xx", "video_visit", reply(flags.Enable, "", ""))
		}},
		{"unknown capability", "unknown_capability", "teleport", ans(coLead, "co", "teleport", reply(flags.Enable, "", ""))},
		{"key with a slash", "unknown_capability", "a/b", ans(coLead, "co", "a/b", reply(flags.Enable, "", ""))},
		{"unknown answer", "bad_value", "maybe", ans(coLead, "co", "video_visit", reply("maybe", "", ""))},
		{"later without a date", "bad_value", "/until", ans(coLead, "co", "video_visit", reply(flags.Later, "", ""))},
		{"later in the past", "bad_value", "2001-01-01", ans(coLead, "co", "video_visit", reply(flags.Later, "2001-01-01", ""))},
		{"a date that is none", "bad_value", "2099-02-30", ans(coLead, "co", "video_visit", reply(flags.Decline, "", "2099-02-30"))},
		{"enable with a date", "bad_value", "/until", ans(coLead, "co", "video_visit", reply(flags.Enable, "2099-01-01", ""))},
		{"not offered", "no_offer", "in_build_only", ans(coLead, "co", "in_build_only", reply(flags.Enable, "", ""))},
		{"no reason", "bad_value", "/reason", ans(mute, "co", "video_visit", reply(flags.Enable, "", ""))},
		{"a reason with control characters", "bad_reason", "printed", ans(forger, "co", "video_visit", reply(flags.Enable, "", ""))},
		{"stale revision", "stale_revision", fmt.Sprint(enabled.Revision), ans(stale, "co", "video_visit", reply(flags.Later, "2099-01-01", ""))},
		{"another region's lead", "forbidden", "region co", ans(hiLead, "co", "video_visit", reply(flags.Enable, "", ""))},
		{"an operator answers for a region", "forbidden", "answer an offer", ans(operator, "co", "video_visit", reply(flags.Enable, "", ""))},
		{"prerequisite of itself", "prerequisite_cycle", "video_visit needs video_visit", set(edit(func(c *flags.Capability) { c.Prerequisites = []string{"video_visit"} }))},
		{"prerequisites in a circle", "prerequisite_cycle", "video_visit needs epcs_video needs video_visit", set(edit(func(c *flags.Capability) { c.Prerequisites = []string{"rx_refill", "epcs_video"} }))},
		{"unknown prerequisite", "unknown_capability", "teleport", set(edit(func(c *flags.Capability) { c.Prerequisites = []string{"teleport"} }))},
		{"unknown kind", "bad_value", "magical", set(edit(func(c *flags.Capability) { c.Kind = "magical" }))},
		{"unknown stage", "bad_value", "limbo", set(edit(func(c *flags.Capability) { c.Stage = "limbo" }))},
		{"unknown risk", "bad_value", "thrilling", set(edit(func(c *flags.Capability) { c.Risk = "thrilling" }))},
		{"impact out of range", "bad_value", "/impact/access", set(edit(func(c *flags.Capability) { c.Impact.Access = 3 }))},
		{"unknown data class", "bad_value", "gossip", set(edit(func(c *flags.Capability) { c.DataClasses = []string{"gossip"} }))},
		{"context attribute", "bad_value", "patient age", set(edit(func(c *flags.Capability) { c.Context = []string{"patient age"} }))},
		{"stage back while offered", "still_offered", "in_build", set(edit(func(c *flags.Capability) { c.Stage = flags.InBuild }))},
		{"stage offered by hand", "stage_by_offer", "in_build_only", func() (gate.Receipt, error) {
			c := capability("in_build_only")
			c.Stage = flags.Offered
			return h.SetCapability(ctx, operator, c)
		}},
		{"unknown setting type", "bad_value", "colour", set(setting(func(s *flags.Setting) { s.Type = "colour" }))},
		{"default of another type", "bad_value", "an integer", set(setting(func(s *flags.Setting) { s.Default = "thirty" }))},
		{"integer with a fraction", "bad_value", "1.5", set(setting(func(s *flags.Setting) { s.Default = 1.5 }))},
		{"no off value", "bad_value", "off", set(setting(func(s *flags.Setting) { s.Off = nil }))},
		{"default outside its range", "bad_value", "greatest", set(setting(func(s *flags.Setting) { limit := 10.0; s.Max = &limit }))},
		{"default not allowed", "bad_value", "allowed", set(setting(func(s *flags.Setting) { s.Allowed = []any{1.0} }))},
		{"bad region key", "bad_value", "Colorado!", func() (gate.Receipt, error) { return h.SetRegion(ctx, operator, region("Colorado!")) }},
		{"bad time zone", "bad_value", "Mars/Olympus", func() (gate.Receipt, error) {
			r := region("co")
			r.TimeZone = "Mars/Olympus"
			return h.SetRegion(ctx, operator, r)
		}},
		{"bad jurisdiction", "bad_value", "Colorado", func() (gate.Receipt, error) {
			r := region("co")
			r.Jurisdictions = []string{"Colorado"}
			return h.SetRegion(ctx, operator, r)
		}},
		{"facility under another law", "bad_value", "US-HI", func() (gate.Receipt, error) {
			return h.SetFacility(ctx, coLead, flags.Facility{Key: "co-1", Region: "co", Name: "Clinic", Kind: "clinic", Jurisdiction: "US-HI"})
		}},
		{"offer of what is not ready", "not_ready", "in_build", func() (gate.Receipt, error) {
			c := capability("young")
			c.Stage = flags.InBuild
			h.must(h.SetCapability(ctx, operator, c))
			before = revisions(t, h)
			return h.GrantOffer(ctx, operator, "young", flags.Full)
		}},
		{"offered twice", "already_offered", "video_visit", func() (gate.Receipt, error) { return h.GrantOffer(ctx, operator, "video_visit", flags.Full) }},
		{"unknown kind of offer", "bad_value", "half", func() (gate.Receipt, error) { return h.GrantOffer(ctx, operator, "in_build_only", "half") }},
		{"withdrawn without an offer", "not_offered", "in_build_only", func() (gate.Receipt, error) { return h.WithdrawOffer(ctx, operator, "in_build_only") }},
		{"a lead grants an offer", "forbidden", "operator", func() (gate.Receipt, error) { return h.GrantOffer(ctx, coLead, "in_build_only", flags.Full) }},
	} {
		_, err := c.do()
		f := fault.From(err)
		switch {
		case err == nil:
			t.Errorf("%s: accepted", c.what)
		case f.Code != c.code || !strings.Contains(f.Error(), c.says):
			t.Errorf("%s: [%s] %v; want [%s] saying %q", c.what, f.Code, f, c.code, c.says)
		case f.Remedy == "":
			t.Errorf("%s: %v has no remedy", c.what, f)
		}
		if after := revisions(t, h); after != before {
			t.Errorf("%s: changed the state\nbefore %s\nafter  %s", c.what, before, after)
		}
	}
}

// revisions is the whole state as the snapshot shows it.
func revisions(t *testing.T, h *house) string {
	t.Helper()
	s := h.replica.Snapshot()
	all := []any{s.Regions(), s.Capabilities(), s.Offers(), s.Baselines(), s.Board(time.Time{}).Rows}
	for _, r := range s.Regions() {
		facilities, err := s.Facilities(r.Value.Key)
		if err != nil {
			t.Fatal(err)
		}
		freezes, err := s.Freezes(r.Value.Key)
		if err != nil {
			t.Fatal(err)
		}
		standings, err := s.Standings(r.Value.Key, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, facilities, freezes, standings)
	}
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestTurningOffIsNeverHeldUp(t *testing.T) {
	h := newHouse(t)
	h.furnish("video_visit")
	h.enable(coLead, "co", "video_visit")
	stale := coLead
	stale.IfRevision = 1
	h.must(h.TurnOff(ctx, stale, "co", "video_visit"))
	if value, variant := h.value("co", "video_visit"); value != false || variant != "turned-off" {
		t.Errorf("served %v (%s)", value, variant)
	}
	again := h.must(h.TurnOff(ctx, coLead, "co", "video_visit"))
	never := h.must(h.TurnOff(ctx, hiLead, "hi", "video_visit"))
	if !again.Unchanged || !never.Unchanged {
		t.Errorf("turning off what is off: %+v, %+v; want unchanged", again, never)
	}
}

func TestARefusedAnswerIsOnTheRecord(t *testing.T) {
	h := newHouse(t)
	h.furnish("video_visit")
	if _, err := h.AnswerOffer(ctx, hiLead, "co", "video_visit", flags.Reply{Answer: flags.Enable}); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("the Hawaii lead in Colorado: %v", err)
	}
	entries, err := audit.Newest(ctx, h.store, 1)
	if err != nil {
		t.Fatal(err)
	}
	if e := entries[0]; e.Result != audit.Refused || e.Target.Region != "co" || e.Actor.Name != "regional_lead" || e.Refusal.Code != "forbidden" {
		t.Errorf("the newest leaf is %+v", e)
	}
}
