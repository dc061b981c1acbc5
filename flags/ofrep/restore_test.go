package ofrep

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// An evaluation must not be refused because the wall clock was set back.
func TestAClockSetBackRefusesNobody(t *testing.T) {
	l := newLimiter(DefaultRate)
	now := time.Now()
	if w := l.take("token:portal", now); w != 0 {
		t.Fatal(w)
	}
	if w := l.take("token:portal", now.Add(-5*time.Minute)); w != 0 {
		t.Errorf("after the clock was set back by 5 min: 429, come again after %s", w)
	}
}

// After an accepted restore the store's revision is lower, and what it says counts.
func TestTheTableFollowsAnAcceptedRestore(t *testing.T) {
	store := kvtest.New(t)
	log := slog.New(slog.DiscardHandler)
	f := store.NewFollower()
	replica := flags.NewReplica(f, time.Now, log, nil)
	kvtest.Follow(t, f)
	g := gate.New(store, gate.Unregulated{}, time.Now, log, nil)
	g.SettleOn(f)
	s := flags.NewService(g, replica, time.Now)
	o := gate.Origin{Reason: "x", Actor: identity.Principal{ID: "token:x", Name: "x", Grants: []identity.Grant{{Role: identity.Operator, Regions: []string{"*"}}, {Role: identity.RegionalLead, Regions: []string{"*"}}}}}
	ctx := context.Background()
	do := func(_ gate.Receipt, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(s.SetRegion(ctx, o, flags.Region{Key: "co", Name: "Co", Jurisdictions: []string{"US-CO"}, TimeZone: "America/Denver"}))
	do(s.SetCapability(ctx, o, flags.Capability{Key: "video_visit", Name: "V", Kind: "clinical", Stage: flags.Ready, Risk: "low", ForPatients: "x", ForClinicians: "x"}))
	do(s.GrantOffer(ctx, o, "video_visit", flags.Full))
	do(s.AnswerOffer(ctx, o, "co", "video_visit", flags.Reply{Answer: flags.Enable}))
	on := replica.Snapshot()
	do(s.TurnOff(ctx, o, "co", "video_visit"))
	restored := *replica.Snapshot() // off, as the restored store says, at a lower revision
	restored.Revision = 1
	h := New(Config{Replica: replica, Usage: flags.NewUsage(nil), Now: time.Now})
	h.table(snapshot{on}, "co")
	got := h.table(snapshot{&restored}, "co").byKey["video_visit"].flag.Evaluate(nil, time.Now())
	want, _ := restored.Evaluate("co", "video_visit", nil, time.Now())
	if got.Value != want.Value {
		t.Errorf("OFREP serves %v, the snapshot says %v", got.Value, want.Value)
	}
}
