package gate_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// What waits is counted by how long it has.
func TestWhatWaitsIsCountedByAge(t *testing.T) {
	k := &desk{t: t, store: kvtest.New(t), law: &law{d: twoSign()}, at: time.Now()}
	reg := prometheus.NewRegistry()
	k.Gate = gate.New(k.store, k.law, k.now, slog.New(slog.DiscardHandler), reg)
	follower := k.store.NewFollower()
	k.Follow(follower)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); follower.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	<-follower.Ready()

	counted := func() map[string]float64 {
		t.Helper()
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]float64{}
		for _, f := range families {
			if f.GetName() != "quorate_changes_waiting" {
				continue
			}
			for _, m := range f.GetMetric() {
				found[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
			}
		}
		return found
	}
	wants := func(hour, day, week, longer float64) {
		t.Helper()
		want := map[string]float64{"hour": hour, "day": day, "week": week, "longer": longer}
		got := counted()
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if got = counted(); got["hour"] == hour && got["day"] == day && got["week"] == week && got["longer"] == longer {
				return
			}
		}
		t.Errorf("%v, want %v", got, want)
	}
	wants(0, 0, 0, 0)
	id := k.propose()
	wants(1, 0, 0, 0)
	k.pass(2 * time.Hour)
	wants(0, 1, 0, 0)
	k.pass(2 * 24 * time.Hour)
	k.propose()
	wants(1, 0, 1, 0)
	k.pass(8 * 24 * time.Hour)
	wants(0, 0, 0, 2)
	if _, err := k.Withdraw(ctx, gate.Origin{Actor: coLead}, id); err != nil {
		t.Fatal(err)
	}
	wants(0, 0, 0, 1)
}
