package flags_test

import (
	"context"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// byMotion does something as governance would: in one change of its own.
func (h *house) byMotion(do func(tx *kv.Tx, act flags.Act) error) error {
	g := gate.New(h.store, gate.Unregulated{}, h.time, log, nil)
	c := operator.Change(identity.SettleMotion, identity.Target{Kind: "motion", ID: "m1"}, "test")
	r, err := g.Submit(context.Background(), c, func(tx *kv.Tx, c gate.Change) error {
		return do(tx, flags.Act{Change: c.ID, By: "the group", At: c.At, Reason: "carried"})
	})
	if err != nil {
		return err
	}
	return h.replica.Wait(ctx, r.Revision)
}

func TestOnceGovernedNoOperatorGrantsAnOffer(t *testing.T) {
	h := newHouse(t)
	h.furnish("video_visit")
	h.must(h.SetCapability(ctx, operator, capability("messages")))
	if err := h.byMotion(flags.Govern); err != nil {
		t.Fatal(err)
	}
	if _, err := h.GrantOffer(ctx, operator, "messages", flags.Full); !fault.HasCode(err, "offers_by_motion") {
		t.Errorf("an operator grants an offer: %v", err)
	}
	mandate := flags.Mandate{Motion: "m1", Capability: "messages", Kind: flags.Full}
	if err := h.byMotion(func(tx *kv.Tx, act flags.Act) error { return h.Offer(tx, mandate, act) }); err != nil {
		t.Fatal(err)
	}
	h.enable(coLead, "co", "messages")
	if v, why := h.value("co", "messages"); v != true {
		t.Errorf("offered by motion and enabled: %v, %s", v, why)
	}
	if _, err := h.WithdrawOffer(ctx, operator, "video_visit"); err != nil {
		t.Errorf("turning off needs no motion: %v", err)
	}
	if err := h.byMotion(func(tx *kv.Tx, act flags.Act) error { return h.Rescind(tx, "messages", act) }); err != nil {
		t.Fatal(err)
	}
	if v, why := h.value("co", "messages"); v != false || why != "no-offer" {
		t.Errorf("rescinded: %v, %s", v, why)
	}
}

// A provisional offer that is ratified is the same offer without an end: regions
// need not answer again.
func TestARatifiedOfferKeepsItsAnswers(t *testing.T) {
	h := newHouse(t)
	h.furnish()
	h.must(h.SetCapability(ctx, operator, capability("video_visit")))
	end := time.Now().AddDate(0, 0, 10).Format(time.DateOnly)
	mandate := flags.Mandate{Motion: "m1", Capability: "video_visit", Kind: flags.Provisional, Terms: flags.Terms{End: end}}
	if err := h.byMotion(func(tx *kv.Tx, act flags.Act) error { return h.Offer(tx, mandate, act) }); err != nil {
		t.Fatal(err)
	}
	h.enable(coLead, "co", "video_visit")
	mandate.Motion = "m2"
	ratify := func(tx *kv.Tx, act flags.Act) error { return h.Ratify(tx, mandate, act) }
	if err := h.byMotion(ratify); err != nil {
		t.Fatal(err)
	}
	if err := h.byMotion(ratify); !fault.HasCode(err, "not_provisional") {
		t.Errorf("ratified twice: %v", err)
	}
	at := time.Now().AddDate(0, 1, 0)
	r, _ := h.replica.Snapshot().Evaluate("co", "video_visit", map[string]any{"targetingKey": "p1"}, at)
	if r.Value != true {
		t.Errorf("a month later: %v %s", r.Value, r.Variant)
	}
}

func TestTheStagesAMotionBringsAbout(t *testing.T) {
	for _, c := range []struct {
		from, to flags.Stage
		ok       bool
	}{
		{flags.Proposed, flags.Funded, true}, {flags.Ready, flags.Funded, false}, {flags.Proposed, flags.Ready, false},
		{flags.Ready, flags.Retiring, true}, {flags.Retiring, flags.Retired, true}, {flags.Proposed, flags.Retired, false},
		{flags.Retired, flags.Retiring, false},
	} {
		h := newHouse(t)
		one := capability("video_visit")
		one.Stage = c.from
		h.must(h.SetCapability(ctx, operator, one))
		err := h.byMotion(func(tx *kv.Tx, act flags.Act) error { return h.SetStage(tx, "video_visit", c.to, act) })
		if c.ok != (err == nil) || err != nil && !fault.HasCode(err, "wrong_stage") {
			t.Errorf("%s to %s: %v", c.from, c.to, err)
		}
	}
}

// Once governed, what was funded is built and made ready by whoever builds it; what
// was not, and what has ended, is taken on by a motion alone.
func TestOnceGovernedNobodyFundsByWritingAStage(t *testing.T) {
	for _, c := range []struct {
		from, to flags.Stage
		ok       bool
	}{
		{"", flags.Proposed, true}, {"", flags.Funded, false}, {"", flags.InBuild, false}, {"", flags.Ready, false},
		{flags.Proposed, flags.Funded, false}, {flags.Proposed, flags.InBuild, false}, {flags.Proposed, flags.Ready, false},
		{flags.Funded, flags.InBuild, true}, {flags.InBuild, flags.Ready, true}, {flags.Funded, flags.Ready, true},
		{flags.Ready, flags.InBuild, true}, {flags.Ready, flags.Proposed, true}, {flags.Ready, flags.Retired, true},
		{flags.Retired, flags.Ready, false}, {flags.Retiring, flags.Ready, false}, {flags.Retired, flags.Proposed, true},
	} {
		h := newHouse(t)
		one := capability("video_visit")
		if one.Stage = c.from; c.from != "" {
			h.must(h.SetCapability(ctx, operator, one))
		}
		if err := h.byMotion(flags.Govern); err != nil {
			t.Fatal(err)
		}
		one.Stage = c.to
		_, err := h.SetCapability(ctx, operator, one)
		if c.ok != (err == nil) || err != nil && !fault.HasCode(err, "stage_by_motion") {
			t.Errorf("%q to %s: %v", c.from, c.to, err)
		}
		if one.Name = "Another name"; c.from != "" && err != nil { // all else can be described
			one.Stage = c.from
			h.must(h.SetCapability(ctx, operator, one))
		}
	}
}
