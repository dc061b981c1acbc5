package flags_test

import (
	"testing"
	"time"
)

// Whoever waits for a change is woken by it, and finds it in the snapshot.
func TestAChangeWakesWhoWaits(t *testing.T) {
	h := newHouse(t)
	changed := h.replica.Changed()
	select {
	case <-changed:
		t.Fatal("woken before anything changed")
	default:
	}
	h.must(h.SetRegion(ctx, operator, region("co")))
	select {
	case <-changed:
	case <-time.After(5 * time.Second):
		t.Fatal("not woken")
	}
	if !h.replica.Snapshot().HasRegion("co") {
		t.Error("woken before the change was served")
	}
	if h.replica.Changed() == changed {
		t.Error("the next change would go unseen")
	}
}
