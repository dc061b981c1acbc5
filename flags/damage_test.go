package flags_test

import (
	"context"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// damagedHouse is a house and a way to damage the record at a path, as a bit flip
// in the store's database would.
func damagedHouse(t *testing.T) (*house, func(path string)) {
	etcd := kvtest.Etcd(t)
	store := kvtest.Open(t, etcd, kv.Config{})
	h := houseOn(t, store)
	return h, func(path string) {
		t.Helper()
		resp, err := etcd.Put(context.Background(), kv.Root+path, `{"schema":1,"sum":"00000000","value":{}}`)
		if err != nil {
			t.Fatal(err)
		}
		c, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := h.replica.Wait(c, resp.Header.Revision); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADamagedCapabilityIsAnExplicitFalse(t *testing.T) {
	h, damage := damagedHouse(t)
	h.furnish("video_visit")
	h.enable(coLead, "co", "video_visit")
	damage("capabilities/video_visit")
	if v, why := h.value("co", "video_visit"); v != false {
		t.Errorf("a known capability whose record is damaged is served as %v (%s)", v, why)
	}
}

func TestTheTagMovesWhenARecordIsDamaged(t *testing.T) {
	h, damage := damagedHouse(t)
	h.furnish("video_visit", "messages")
	h.enable(coLead, "co", "video_visit")
	h.enable(coLead, "co", "messages")
	before := h.replica.Snapshot()
	damage("enablements/co/video_visit")
	after := h.replica.Snapshot()
	v1, _ := before.Evaluate("co", "video_visit", nil, time.Now())
	v2, _ := after.Evaluate("co", "video_visit", nil, time.Now())
	if v1.Value != v2.Value && before.RegionRevision("co") == after.RegionRevision("co") {
		t.Errorf("video_visit went from %v to %v and the region's revision stayed %d: clients get 304", v1.Value, v2.Value, after.RegionRevision("co"))
	}
}

func TestAnOfferGrantedAgainAsksAgain(t *testing.T) {
	h := newHouse(t)
	h.furnish("video_visit")
	h.enable(coLead, "co", "video_visit")
	h.must(h.WithdrawOffer(ctx, operator, "video_visit"))
	h.must(h.GrantOffer(ctx, operator, "video_visit", flags.Full))
	if v, _ := h.value("co", "video_visit"); v == true {
		t.Error("on in co by the answer to an offer that was withdrawn")
	}
}

func TestTurnOffWithADamagedOffer(t *testing.T) {
	h, damage := damagedHouse(t)
	h.furnish("video_visit")
	h.enable(coLead, "co", "video_visit")
	damage("offers/video_visit")
	if _, err := h.TurnOff(ctx, coLead, "co", "video_visit"); err != nil {
		t.Errorf("turning off is held up: %v", err)
	}
}

// A damaged baseline must narrow, never widen.
func TestADamagedBaselineWidensNothing(t *testing.T) {
	h, damage := damagedHouse(t)
	h.must(h.SetRegion(ctx, operator, region("co")))
	c := capability("video_visit")
	c.Context = []string{"patient.age"}
	h.must(h.SetCapability(ctx, operator, c))
	h.must(h.GrantOffer(ctx, operator, "video_visit", flags.Full))
	h.must(h.SetBaseline(ctx, operator, "video_visit", flags.How{Audience: flags.Audience{AgeMin: ptr(18)}}))
	h.must(h.AnswerOffer(ctx, coLead, "co", "video_visit", flags.Reply{Answer: flags.Enable, Baseline: flags.Follow}))
	child := map[string]any{"targetingKey": "p1", "patient": map[string]any{"age": 10.0}}
	v, _ := h.replica.Snapshot().Evaluate("co", "video_visit", child, time.Now())
	if v.Value != false {
		t.Fatal(v)
	}
	damage("baselines/video_visit")
	if v, _ := h.replica.Snapshot().Evaluate("co", "video_visit", child, time.Now()); v.Value != false {
		t.Errorf("a child of 10 is served %v (%s) since the baseline (18 and over) cannot be read", v.Value, v.Variant)
	}
}

func TestADamagedFacilityWidensNothing(t *testing.T) {
	h, damage := damagedHouse(t)
	h.must(h.SetRegion(ctx, operator, region("co")))
	c := capability("video_visit")
	c.RequiresSystems = []string{"video_platform"}
	c.Context = []string{"facility"}
	h.must(h.SetCapability(ctx, operator, c))
	h.must(h.GrantOffer(ctx, operator, "video_visit", flags.Full))
	h.must(h.SetFacility(ctx, operator, flags.Facility{Key: "co-1", Region: "co", Name: "One", Kind: "clinic", Jurisdiction: "US-CO"}))
	h.enable(coLead, "co", "video_visit")
	if v, why := h.value("co", "video_visit"); v != false {
		t.Fatal(v, why)
	}
	damage("facilities/co/co-1")
	if v, why := h.value("co", "video_visit"); v != false {
		t.Errorf("served %v (%s) since the only facility, which lacks the system, cannot be read", v, why)
	}
}

func TestAFreezeHoldsAgainstAnOfferGrantedAgain(t *testing.T) {
	h := newHouse(t)
	h.furnish("video_visit")
	h.enable(coLead, "co", "video_visit")
	h.must(h.WithdrawOffer(ctx, operator, "video_visit"))
	h.must(h.SetFreeze(ctx, coLead, flags.Freeze{ID: "year_end", Region: "co", To: "2099-01-02T06:00"}))
	h.must(h.GrantOffer(ctx, operator, "video_visit", flags.Full))
	if v, why := h.value("co", "video_visit"); v != false {
		t.Errorf("turned on (%s) in a frozen region", why)
	}
}

func TestTheCallerCannotSetTheClock(t *testing.T) {
	h := newHouse(t)
	h.furnish("video_visit")
	how := flags.How{Schedule: flags.Schedule{From: "2099-01-01T00:00"}}
	h.must(h.AnswerOffer(ctx, coLead, "co", "video_visit", flags.Reply{Answer: flags.Enable, How: &how}))
	for _, c := range []map[string]any{
		{"$flagd": map[string]any{"timestamp": 9e10}}, {"$flagd.timestamp": 9e10}, {"$flagd": "x"},
	} {
		v, _ := h.replica.Snapshot().Evaluate("co", "video_visit", c, time.Now())
		if v.Value != false {
			t.Errorf("%v: %v", c, v)
		}
	}
}
