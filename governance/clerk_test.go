package governance_test

import (
	"testing"
	"time"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
)

// round is one round of the clerk.
func (h *hall) round() {
	h.t.Helper()
	if err := h.Tick(ctx, map[string]time.Time{}); err != nil {
		h.t.Fatal(err)
	}
}

// The clerk does what is due and nothing before; done again, it leaves no trace.
func TestTheClerkDoesWhatIsDue(t *testing.T) {
	h := founded(t)
	id, idle := h.opened(offerVideo()), h.moved(proposal(governance.Resolution))
	for _, seat := range votingSeats {
		h.cast(id, seat, yes())
	}
	for _, step := range []struct {
		wait time.Duration
		want governance.State
	}{{0, governance.Open}, {23 * time.Hour, governance.Open}, {time.Hour, governance.Carried}, {71 * time.Hour, governance.Carried},
		{time.Hour, governance.Effective}, {time.Hour, governance.Effective}} {
		h.pass(step.wait)
		h.round()
		leaves := h.leaves()
		h.round()
		if n := h.leaves() - leaves; n != 0 {
			t.Errorf("a second round left %d entries in the record", n)
		}
		m, err := h.Motion(ctx, id)
		if err != nil || m.Value.State != step.want {
			t.Errorf("after %s more: %s, want %s (%v)", step.wait, m.Value.State, step.want, err)
		}
	}
	if m, err := h.Motion(ctx, idle); err != nil || m.Value.State != governance.Pending {
		t.Errorf("a motion that nobody opened is %s, %v", m.Value.State, err)
	}
	if h.refusals() != 0 {
		t.Errorf("the clerk was refused %d times", h.refusals())
	}
}

func (h *hall) leaves() int {
	h.t.Helper()
	list, err := audit.Newest(ctx, h.store, 10000)
	if err != nil {
		h.t.Fatal(err)
	}
	return len(list)
}

// The clerk can close and count, and nothing else in the house.
func TestTheClerkHasNoOtherPower(t *testing.T) {
	h := founded(t)
	id := h.opened(offerVideo())
	if _, _, err := h.Cast(ctx, h.clerk(), id, "co", yes()); !fault.Is(err, fault.Forbidden) {
		t.Errorf("the clerk casts: %v", err)
	}
	if _, err := h.flags.WithdrawOffer(ctx, h.clerk(), "video_visit"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("the clerk withdraws an offer: %v", err)
	}
	if _, err := h.Close(ctx, h.clerk(), id); !fault.HasCode(err, "not_due") {
		t.Errorf("the clerk closes early: %v", err)
	}
}
