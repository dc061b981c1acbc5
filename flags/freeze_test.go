package flags_test

import (
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
)

// frozenHouse is a Colorado that is frozen from 8 to 20 February 2027, Denver
// time, with video visits on for a tenth of Spanish speakers before. Its clock
// shows 10 February.
func frozenHouse(t *testing.T) *house {
	h := newHouse(t)
	h.clock = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	h.furnish()
	h.offer(rich("video_visit"), rich("messaging"))
	h.how(coLead, "co", "video_visit", flags.How{Rollout: percent(10), Audience: flags.Audience{Languages: []string{"es"}}})
	h.must(h.SetFreeze(ctx, coLead, flags.Freeze{ID: "ehr_change", Region: "co", From: "2027-02-08T00:00", To: "2027-02-20T06:00"}))
	h.clock = time.Date(2027, 2, 10, 12, 0, 0, 0, time.UTC)
	return h
}

// A freeze blocks whatever turns something on before it ends, and nothing else.
func TestAFreezeBlocksTurningOnAndNothingElse(t *testing.T) {
	es := flags.Audience{Languages: []string{"es"}}
	enable := func(capability string, how flags.How) func(*house) (gate.Receipt, error) {
		return func(h *house) (gate.Receipt, error) {
			return h.AnswerOffer(ctx, coLead, "co", capability, flags.Reply{Answer: flags.Enable, How: &how})
		}
	}
	stages := func(list ...flags.RolloutStage) *flags.Rollout { return &flags.Rollout{Stages: list} }
	for _, c := range []struct {
		what string
		do   func(*house) (gate.Receipt, error)
		says string // "": allowed
	}{
		{"enabling another", enable("messaging", flags.How{}), "it cannot be turned on"},
		{"enabling another from after the freeze", enable("messaging", flags.How{Schedule: flags.Schedule{From: "2027-02-20T06:00"}}), ""},
		{"enabling another from within it, which waits for its end", enable("messaging", flags.How{Schedule: flags.Schedule{From: "2027-02-15T06:00"}}), ""},
		{"raising the rollout", enable("video_visit", flags.How{Rollout: percent(11), Audience: es}), "its rollout cannot be raised"},
		{"lifting the rollout", enable("video_visit", flags.How{Audience: es}), "its rollout cannot be raised"},
		{"a stage within it, which waits for its end", enable("video_visit", flags.How{Rollout: stages(flags.RolloutStage{At: "2027-02-12T06:00", Percent: 100}), Audience: es}), ""},
		{"a wider audience", enable("video_visit", flags.How{Rollout: percent(10), Audience: flags.Audience{Languages: []string{"es", "zh"}}}), "its audience cannot be wider"},
		{"no audience", enable("video_visit", flags.How{Rollout: percent(10)}), "its audience cannot be wider"},
		{"lowering the rollout", enable("video_visit", flags.How{Rollout: percent(9.99), Audience: es}), ""},
		{"a narrower audience", enable("video_visit", flags.How{Rollout: percent(10), Audience: flags.Audience{Languages: []string{"es"}, AgeMin: ptr(18)}}), ""},
		{"another setting", enable("video_visit", flags.How{Rollout: percent(10), Audience: es, Settings: facts{"max_minutes": 20.0}}), ""},
		{"an end", enable("video_visit", flags.How{Rollout: percent(10), Audience: es, Schedule: flags.Schedule{Until: "2027-02-11T00:00"}}), ""},
		{"turning off", func(h *house) (gate.Receipt, error) { return h.TurnOff(ctx, coLead, "co", "video_visit") }, ""},
		{"later", func(h *house) (gate.Receipt, error) {
			return h.AnswerOffer(ctx, coLead, "co", "video_visit", flags.Reply{Answer: flags.Later, Until: "2027-05-01"})
		}, ""},
		{"declining", func(h *house) (gate.Receipt, error) {
			return h.AnswerOffer(ctx, coLead, "co", "video_visit", flags.Reply{Answer: flags.Decline, Review: "2027-05-01"})
		}, ""},
		{"lifting a turn-off", func(h *house) (gate.Receipt, error) {
			h.must(h.TurnOff(ctx, coLead, "co", "video_visit"))
			return h.AnswerOffer(ctx, coLead, "co", "video_visit", flags.Reply{Answer: flags.Enable})
		}, "it cannot be turned on"},
		{"enabling in another region", func(h *house) (gate.Receipt, error) {
			return h.AnswerOffer(ctx, hiLead, "hi", "video_visit", flags.Reply{Answer: flags.Enable})
		}, ""},
		{"enabling once the freeze was ended", func(h *house) (gate.Receipt, error) {
			h.must(h.EndFreeze(ctx, operator, "co", "ehr_change"))
			return h.AnswerOffer(ctx, coLead, "co", "messaging", flags.Reply{Answer: flags.Enable})
		}, ""},
		{"enabling when it is over", func(h *house) (gate.Receipt, error) {
			h.clock = time.Date(2027, 2, 20, 13, 0, 0, 0, time.UTC)
			return h.AnswerOffer(ctx, coLead, "co", "messaging", flags.Reply{Answer: flags.Enable})
		}, ""},
		{"accepting a wider baseline", func(h *house) (gate.Receipt, error) {
			h.clock = time.Date(2027, 2, 2, 12, 0, 0, 0, time.UTC)
			h.must(h.SetBaseline(ctx, operator, "messaging", flags.How{Audience: es}))
			h.must(h.AnswerOffer(ctx, coLead, "co", "messaging", flags.Reply{Answer: flags.Enable, Baseline: flags.Accept}))
			h.clock = time.Date(2027, 2, 10, 12, 0, 0, 0, time.UTC)
			h.must(h.SetBaseline(ctx, operator, "messaging", flags.How{}))
			return h.AcceptBaseline(ctx, coLead, "co", "messaging")
		}, "its audience cannot be wider"},
		{"a wider baseline that the region follows", func(h *house) (gate.Receipt, error) {
			h.clock = time.Date(2027, 2, 2, 12, 0, 0, 0, time.UTC)
			h.must(h.SetBaseline(ctx, operator, "messaging", flags.How{Audience: es}))
			h.must(h.AnswerOffer(ctx, coLead, "co", "messaging", flags.Reply{Answer: flags.Enable, Baseline: flags.Follow}))
			h.clock = time.Date(2027, 2, 10, 12, 0, 0, 0, time.UTC)
			return h.SetBaseline(ctx, operator, "messaging", flags.How{})
		}, "co follows the baseline"},
	} {
		h := frozenHouse(t)
		_, err := c.do(h)
		f := fault.From(err)
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", c.what, err)
		case c.says == "":
		case err == nil:
			t.Errorf("%s: accepted", c.what)
		case f.Code != "frozen" || !strings.Contains(f.Message, c.says) || !strings.Contains(f.Message, "2027-02-20T06:00") ||
			!strings.Contains(f.Message, "ehr_change") || !strings.Contains(f.Remedy, "quorate freeze end ehr_change --region co"):
			t.Errorf("%s: [%s] %v", c.what, f.Code, f)
		}
	}
}

// What falls into a freeze takes effect at its end, and the explanation says so.
func TestWhatFallsIntoAFreezeComesAtItsEnd(t *testing.T) {
	h := frozenHouse(t)
	h.how(coLead, "co", "messaging", flags.How{Schedule: flags.Schedule{From: "2027-02-15T06:00"}})
	expect := func(at, want string) {
		t.Helper()
		h.clock, _ = time.Parse(time.RFC3339, at)
		if _, variant := h.value("co", "messaging"); variant != want {
			t.Errorf("at %s: %s, want %s", at, variant, want)
		}
	}
	expect("2027-02-15T13:00:00Z", "scheduled")
	expect("2027-02-20T12:59:59Z", "scheduled")
	expect("2027-02-20T13:00:00Z", "on")
	h.clock = time.Date(2027, 2, 16, 12, 0, 0, 0, time.UTC)
	e, err := h.replica.Snapshot().Explain("co", "messaging", facts{}, h.clock)
	if err != nil || !strings.Contains(e.Line, "scheduled from 2027-02-20T06:00") {
		t.Errorf("%q, %v", e.Line, err)
	}
	if how := e.Layers[len(e.Layers)-1]; how.Name != "how" || !strings.Contains(how.Says, "held back by the freeze ehr_change until 2027-02-20T06:00") {
		t.Errorf("%+v", how)
	}
	h.must(h.EndFreeze(ctx, coLead, "co", "ehr_change"))
	if _, variant := h.value("co", "messaging"); variant != "on" {
		t.Errorf("ended early, it is %s", variant)
	}
}

// A freeze that is set late takes nothing back that was on by then.
func TestAFreezeTakesNothingBack(t *testing.T) {
	h := newHouse(t)
	h.clock = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	h.furnish()
	h.offer(rich("video_visit"))
	h.how(coLead, "co", "video_visit", flags.How{Schedule: flags.Schedule{From: "2027-02-05T08:00"}})
	h.clock = time.Date(2027, 2, 5, 15, 0, 30, 0, time.UTC) // half a minute after the start
	h.must(h.SetFreeze(ctx, coLead, flags.Freeze{ID: "outage", Region: "co", To: "2027-02-07T08:00"}))
	if value, variant := h.value("co", "video_visit"); value != true {
		t.Errorf("a freeze from now on turned it off (%s)", variant)
	}
}

func TestABadFreezeIsNamedAndChangesNothing(t *testing.T) {
	h := frozenHouse(t)
	set := func(f flags.Freeze) func() (gate.Receipt, error) {
		return func() (gate.Receipt, error) { return h.SetFreeze(ctx, coLead, f) }
	}
	mute := coLead
	mute.Reason = ""
	before := revisions(t, h)
	for _, c := range []struct {
		what string
		do   func() (gate.Receipt, error)
		code string
		says string
	}{
		{"a bad id", set(flags.Freeze{ID: "Year End", Region: "co", To: "2027-03-01T00:00"}), "bad_value", "year_end"},
		{"no end", set(flags.Freeze{ID: "x", Region: "co"}), "bad_value", "/to"},
		{"an end that has passed", set(flags.Freeze{ID: "x", Region: "co", To: "2027-02-01T00:00"}), "bad_value", "time to come"},
		{"a start that has passed", set(flags.Freeze{ID: "x", Region: "co", From: "2027-02-01T00:00", To: "2027-03-01T00:00"}), "bad_value", "/from"},
		{"an end before the start", set(flags.Freeze{ID: "x", Region: "co", From: "2027-03-02T00:00", To: "2027-03-01T00:00"}), "bad_value", "after the start"},
		{"a start that has begun", set(flags.Freeze{ID: "ehr_change", Region: "co", From: "2027-02-12T00:00", To: "2027-03-01T00:00"}), "freeze_begun", "2027-02-08T00:00"},
		{"an unknown region", set(flags.Freeze{ID: "x", Region: "atlantis", To: "2027-03-01T00:00"}), "forbidden", "atlantis"},
		{"another region's", func() (gate.Receipt, error) { return h.EndFreeze(ctx, hiLead, "co", "ehr_change") }, "forbidden", "end a freeze"},
		{"one that is not there", func() (gate.Receipt, error) { return h.EndFreeze(ctx, coLead, "co", "nothing") }, "unknown_freeze", "nothing"},
		{"without a reason", func() (gate.Receipt, error) { return h.EndFreeze(ctx, mute, "co", "ehr_change") }, "bad_value", "/reason"},
	} {
		_, err := c.do()
		if f := fault.From(err); err == nil || f.Code != c.code || !strings.Contains(f.Error(), c.says) || f.Remedy == "" {
			t.Errorf("%s: %v; want [%s] saying %q", c.what, err, c.code, c.says)
		}
		if revisions(t, h) != before {
			t.Fatalf("%s: changed the state", c.what)
		}
	}
	h.must(h.SetFreeze(ctx, coLead, flags.Freeze{ID: "ehr_change", Region: "co", From: "2027-02-08T00:00", To: "2027-02-25T06:00"}))
	list, err := h.replica.Snapshot().Freezes("co")
	if err != nil || len(list) != 1 || list[0].Value.To != "2027-02-25T06:00" || list[0].Value.Changed == nil {
		t.Errorf("extended: %+v, %v", list, err)
	}
	h.clock = time.Date(2027, 2, 26, 12, 0, 0, 0, time.UTC)
	if _, err := h.SetFreeze(ctx, coLead, flags.Freeze{ID: "ehr_change", Region: "co", From: "2027-02-08T00:00", To: "2027-03-25T06:00"}); !fault.HasCode(err, "freeze_over") {
		t.Errorf("one that is over: %v", err)
	}
	if r := h.must(h.EndFreeze(ctx, coLead, "co", "ehr_change")); !r.Unchanged {
		t.Errorf("ending what is over: %+v", r)
	}
}
