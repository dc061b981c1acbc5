package governance_test

import (
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// Every region is asked by a day: what it says is listed, and so is its silence.
func TestARegionsSilenceIsListed(t *testing.T) {
	h := founded(t)
	cycle := cycle2027("strategy")
	cycle.AnswerBy = "2027-02-01"
	h.must(h.SetCycle(ctx, h.secretary(), cycle))
	id := h.opened(offerVideo())
	for _, seat := range votingSeats {
		h.cast(id, seat, yes())
	}
	h.ended(id)
	h.pass(72 * time.Hour)
	if m := h.settled(id); m.State != governance.Effective {
		t.Fatalf("%s: %s", m.State, m.Obstacle)
	}
	for region, reply := range map[string]flags.Reply{"co": {Answer: flags.Enable}, "ga": {Answer: flags.Decline, Review: "2027-12-01"}, "nw": {Answer: flags.Later, Until: "2027-01-20"}} {
		h.must(h.flags.AnswerOffer(ctx, h.regional("lead", identity.RegionalLead, region), region, "video_visit", reply))
	}
	need, r, err := h.RaiseNeed(ctx, h.regional("lead", identity.RegionalLead, "hi"), governance.Need{Cycle: "2027", Region: "hi", Title: "Yes, if it is paid", Text: "It is not.", YesIf: "video_visit"})
	h.must(r, err)
	check := func(overdue map[string]bool) {
		t.Helper()
		list, err := h.Answers(ctx, "2027")
		if err != nil || len(list) != len(votingSeats) {
			t.Fatalf("%+v, %v", list, err)
		}
		want := map[string]string{"co": "enable", "ga": "decline", "nw": "later", "hi": "yes_if", "nca": "silent", "sca": "silent", "mas": "silent"}
		for _, a := range list {
			if a.Answer != want[a.Region] || a.By != "2027-02-01" || a.Overdue != overdue[a.Region] {
				t.Errorf("%+v, want %s, overdue %v", a, want[a.Region], overdue[a.Region])
			}
			if a.Region == "hi" && (len(a.YesIf) != 1 || a.YesIf[0] != need) {
				t.Errorf("the yes-if does not name its need: %+v", a)
			}
		}
	}
	check(nil)
	h.pass(30 * 24 * time.Hour)
	check(map[string]bool{"nw": true, "nca": true, "sca": true, "mas": true})
	if _, err := h.Answers(ctx, "1999"); !fault.HasCode(err, "unknown_cycle") {
		t.Errorf("of no cycle: %v", err)
	}
}
