package governance_test

import (
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/fault"
)

// A motion from its mover to its effect: what the group carries is offered, after
// the window in which it can be challenged.
func TestACarriedOfferTakesEffectAfterItsWindow(t *testing.T) {
	h := founded(t)
	id := h.opened(offerVideo())
	votes := map[string]governance.Vote{"nca": yes(), "sca": yes(), "co": yes(), "hi": no(), "nw": abstain()}
	receipts := map[string]governance.Receipt{}
	for seat, v := range votes {
		receipts[seat] = h.cast(id, seat, v)
	}
	m := h.ended(id)
	if m.State != governance.Carried || m.Outcome.Result != governance.ResultCarried || m.Outcome.Cast != 5 {
		t.Fatalf("%s %+v", m.State, m.Outcome)
	}
	if offers := h.replica.Snapshot().Offers(); len(offers) != 0 {
		t.Errorf("offered within the window: %+v", offers)
	}
	h.pass(72 * time.Hour)
	if m = h.settled(id); m.State != governance.Effective {
		t.Fatalf("%s: %s", m.State, m.Obstacle)
	}
	_, offer, err := h.capabilityOf("video_visit")
	if err != nil || !offer.Live() || offer.Motion != id {
		t.Errorf("offer %+v, %v", offer, err)
	}
	c, err := h.Count(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, called := range c.RollCall {
		r, voted := receipts[called.Seat]
		if voted != called.Counted {
			t.Errorf("%s: counted %v", called.Seat, called.Counted)
		}
		if voted && (called.Commitment != r.Commitment || !r.Confirms(*called.Vote) || called.Salt != r.Salt) {
			t.Errorf("%s: the receipt does not confirm the roll call: %+v, %+v", called.Seat, called, r)
		}
		if voted && r.Confirms(governance.Vote{Vote: tally.Object}) {
			t.Errorf("%s: the receipt confirms any vote", called.Seat)
		}
	}
	result, err := tally.Recount(c.Export)
	if err != nil {
		t.Fatal(err)
	}
	if digest, err := result.Digest(); err != nil || digest != m.Outcome.Digest {
		t.Errorf("counted again: %s, %v; the outcome says %s", digest, err, m.Outcome.Digest)
	}
	if digest, err := c.Export.Digest(); err != nil || digest != m.Outcome.Export {
		t.Errorf("the export has the digest %s, %v; the outcome says %s", digest, err, m.Outcome.Export)
	}
}

func (h *hall) capabilityOf(key string) (flags.Capability, flags.Offer, error) {
	return h.flags.Capability(h.store.View(ctx), key)
}

func TestOnceABodyStandsNoOperatorGrantsOrFounds(t *testing.T) {
	h := founded(t)
	if _, err := h.flags.GrantOffer(ctx, h.operator(), "video_visit", flags.Full); !fault.HasCode(err, "offers_by_motion") {
		t.Errorf("an operator grants an offer: %v", err)
	}
	rogue := strategyGroup()
	rogue.Body.Key = "rogue"
	if _, err := h.FoundBody(ctx, h.operator(), rogue); !fault.HasCode(err, "founded_by_motion") {
		t.Errorf("an operator founds a second body: %v", err)
	}
}
