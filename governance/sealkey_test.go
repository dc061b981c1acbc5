package governance_test

import (
	"testing"
	"time"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/fault"
)

// A replica with another seal key opens nothing, takes no ballot and counts nothing,
// and says which key it lacks; the others go on.
func TestAReplicaWithAnotherSealKeyOpensNothing(t *testing.T) {
	h := founded(t)
	other, err := governance.NewSealKey()
	if err != nil {
		t.Fatal(err)
	}
	stray := hallOn(t, h.store, other)
	if err := stray.CheckKey(ctx); !fault.HasCode(err, "other_seal_key") {
		t.Errorf("the other key: %v", err)
	}
	if err := h.CheckKey(ctx); err != nil {
		t.Errorf("the key of the store: %v", err)
	}
	id := h.moved(offerVideo())
	if _, err := stray.Open(ctx, stray.secretary(), id, stray.now().Add(24*time.Hour)); !fault.HasCode(err, "other_seal_key") || !fault.Is(err, fault.NotReady) {
		t.Errorf("opening with the other key: %v", err)
	}
	h.must(h.Open(ctx, h.secretary(), id, h.now().Add(24*time.Hour)))
	if _, _, err := stray.Cast(ctx, stray.member("co"), id, "co", yes()); !fault.HasCode(err, "other_seal_key") {
		t.Errorf("casting with the other key: %v", err)
	}
	h.cast(id, "co", yes())
	h.pass(25 * time.Hour)
	h.must(h.Close(ctx, h.clerk(), id))
	if _, err := stray.Settle(ctx, stray.clerk(), id); !fault.HasCode(err, "other_seal_key") {
		t.Errorf("counting with the other key: %v", err)
	}
	if m := h.settled(id); m.Outcome == nil || m.Outcome.Cast != 1 {
		t.Errorf("counted: %+v", m.Outcome)
	}
}
