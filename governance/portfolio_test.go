package governance_test

import (
	"slices"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// complete is a business case with every required line, at a cost.
func complete(id string, cost int64, needs ...string) governance.Case {
	c := governance.Case{ID: id, Cycle: "2027", Title: "The case for " + id, Goal: "access", Needs: needs,
		Problem: "Long waits.", Benefits: "Members who live far away.", Cost: governance.Cost{Low: cost, Expected: cost, High: cost * 2},
		Regions:  map[string]governance.RegionEffect{"co": {Gains: "Fewer trips.", Workload: "Half an hour a day.", Revenue: "None.", Readiness: "Ready."}},
		Evidence: "A pilot (illustrative).", Outlook: "No change expected.", Labels: []string{"illustrative"}}
	for _, area := range governance.Areas {
		c.Impact = append(c.Impact, governance.ImpactLine{Area: area, Score: 1, ForWhom: "members", Baseline: "today", CheckOn: "2028-06-01"})
	}
	for _, kind := range governance.HarmKinds {
		c.Harms = append(c.Harms, governance.Harm{Kind: kind, Considered: "Little.", Mitigation: "Watched."})
	}
	return c
}

func (h *hall) submitted(c governance.Case) {
	h.t.Helper()
	h.must(h.WriteCase(ctx, h.member("co"), c))
	h.must(h.SubmitCase(ctx, h.member("co"), c.ID))
}

// The year: direction, needs, cases, an objection met by an amendment, the joint
// count, the window, adoption as a whole, and what comes of it.
func TestAYear(t *testing.T) {
	h := founded(t)
	h.capability("refill", "clinical", flags.Proposed)
	h.must(h.SetCycle(ctx, h.secretary(), cycle2027("strategy")))
	h.unanimous(governance.Proposal{Kind: governance.Direction, Title: "Direction", Text: "Resolved.", Subject: governance.Subject{Cycle: "2027",
		Goals: []governance.Goal{{Key: "access", Text: "Care without travel."}, {Key: "safety", Text: "No harm."}, {Key: "equity", Text: "For everyone."}}}})
	var wanted []string
	for _, region := range []string{"co", "hi", "ga"} {
		id, r, err := h.RaiseNeed(ctx, h.person(region+"-lead", identity.RegionalLead), governance.Need{Cycle: "2027", Region: region, Title: "Refills from home", Text: "Members ask for it."})
		h.must(r, err)
		wanted = append(wanted, id)
	}
	h.must(h.MergeNeed(ctx, h.secretary(), wanted[1], wanted[0]))
	h.must(h.SponsorNeed(ctx, h.person("nursing", identity.Contributor), wanted[0]))
	h.must(h.RankNeeds(ctx, h.person("co-lead", identity.RegionalLead), governance.Order{Cycle: "2027", Region: "co", Needs: []string{wanted[2], wanted[0]}}))
	if _, err := h.RankNeeds(ctx, h.person("co-lead", identity.RegionalLead), governance.Order{Cycle: "2027", Region: "co", Needs: []string{wanted[1]}}); !fault.HasCode(err, "need_not_open") {
		t.Errorf("a need that was merged is ranked: %v", err)
	}

	refill := complete("refill", 60, wanted[0])
	refill.Capabilities = []string{"refill"}
	gap := refill
	gap.Outlook = ""
	h.must(h.WriteCase(ctx, h.member("co"), gap))
	if _, err := h.SubmitCase(ctx, h.member("co"), "refill"); !fault.HasCode(err, "case_incomplete") {
		t.Errorf("a case with an empty line is submitted: %v", err)
	}
	h.submitted(refill)
	for id, cost := range map[string]int64{"scribe": 70, "kiosk": 40, "statute": 30} {
		h.submitted(complete(id, cost))
	}

	objection, r, err := h.Say(ctx, h.person("nursing", identity.Contributor), governance.Remark{Case: "refill", Kind: governance.Objection, Text: "Nurses would do the triage."})
	h.must(r, err)
	question, r, err := h.Say(ctx, h.member("hi"), governance.Remark{Case: "scribe", Kind: governance.Question, Text: "In which languages?"})
	h.must(r, err)
	priority := governance.Proposal{Body: "strategy", Kind: governance.Priority, Title: "Priorities of 2027", Text: "Resolved, that these be funded.",
		Subject: governance.Subject{Cycle: "2027", Budget: 160, Cases: []string{"refill", "scribe", "kiosk"}, SetAside: []string{"statute"}}}
	id := h.moved(priority)
	closes := h.now().Add(24 * time.Hour)
	if _, err := h.Open(ctx, h.secretary(), id, closes); !fault.HasCode(err, "not_deliberated") {
		t.Errorf("with an objection and a question open: %v", err)
	}
	_, r, err = h.Say(ctx, h.member("co"), governance.Remark{Case: "scribe", Kind: governance.Answer, Under: question, Text: "In eleven."})
	h.must(r, err)
	amended := refill
	amended.Benefits, amended.Version = "Members who live far away; pharmacists do the triage.", 0
	h.must(h.WriteCase(ctx, h.member("co"), amended))
	if _, err := h.Resolve(ctx, h.member("co"), "refill", objection); !fault.HasCode(err, "not_yours") {
		t.Errorf("somebody else withdraws the objection: %v", err)
	}
	h.must(h.Resolve(ctx, h.person("nursing", identity.Contributor), "refill", objection))
	h.must(h.Open(ctx, h.secretary(), id, closes))

	// Four want refills, three want the scribe: 130 is left, and each of seven shares
	// is 18.57, which carries refills and, once raised, the scribe.
	for i, seat := range votingSeats {
		v := governance.Vote{Approves: []string{"refill"}}
		if i >= 4 {
			v = governance.Vote{Approves: []string{"scribe"}}
		}
		h.cast(id, seat, v)
	}
	m := h.ended(id)
	if m.State != governance.Carried || m.Outcome.Result != governance.ResultDrafted || !slices.Equal(m.Outcome.Winners, []string{"refill", "scribe"}) {
		t.Fatalf("%s %+v", m.State, m.Outcome)
	}
	count, err := h.Count(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	result, err := tally.Recount(count.Export)
	if digest, derr := result.Digest(); err != nil || derr != nil || digest != m.Outcome.Digest || result.Budget.Budget.String() != "130" {
		t.Errorf("counted again: %v %v %s; budget %s", err, derr, digest, result.Budget.Budget)
	}
	portfolio := append([]string{"statute"}, m.Outcome.Winners...)
	adopt := governance.Proposal{Body: "strategy", Kind: governance.Adopt, Title: "Adopt the portfolio", Text: "Resolved, as a whole.", Subject: governance.Subject{Motion: id, Portfolio: portfolio}}
	if _, _, err := h.Move(ctx, h.member("sca"), adopt); !fault.HasCode(err, "no_draft") {
		t.Errorf("adopted within the window: %v", err)
	}
	h.pass(7 * 24 * time.Hour)
	if m = h.settled(id); m.State != governance.Effective {
		t.Fatalf("%s: %s", m.State, m.Obstacle)
	}
	greedy := adopt
	greedy.Subject.Portfolio = []string{"statute", "refill", "scribe", "kiosk"}
	if _, _, err := h.Move(ctx, h.member("sca"), greedy); !fault.HasCode(err, "over_budget") {
		t.Errorf("more than there is: %v", err)
	}
	done := h.unanimous(adopt)
	c, err := h.Case(ctx, "refill")
	if err != nil || c.Value.State != governance.CaseFunded || c.Value.Funded != done.ID {
		t.Errorf("%+v, %v", c.Value, err)
	}
	if got, _, _ := h.capabilityOf("refill"); got.Stage != flags.Funded {
		t.Errorf("the capability is %s", got.Stage)
	}
	h.must(h.AnswerNeed(ctx, h.secretary(), wanted[0], []string{"refill"}))
	h.must(h.AnswerNeed(ctx, h.secretary(), wanted[2], nil))

	// Built, ready, offered; a region says yes-if, shares what it learned, has a concern.
	h.capability("refill", "clinical", flags.Ready)
	offer := offerVideo()
	offer.Body, offer.Subject.Capability = "strategy", "refill"
	oid := h.opened(offer)
	for _, seat := range votingSeats {
		h.cast(oid, seat, yes())
	}
	h.ended(oid)
	h.pass(72 * time.Hour)
	h.settled(oid)
	lead := h.person("hi-lead", identity.RegionalLead)
	_, r, err = h.RaiseNeed(ctx, lead, governance.Need{Cycle: "2027", Region: "hi", Title: "Yes, if pharmacists are paid", Text: "They are not, here.", YesIf: "refill"})
	h.must(r, err)
	_, r, err = h.ShareNote(ctx, lead, governance.Note{Region: "hi", Capability: "refill", Configured: "For adults.", Learned: "Start small."})
	h.must(r, err)
	concern, r, err := h.RaiseConcern(ctx, h.person("nursing", identity.Contributor), governance.Concern{Region: "hi", Capability: "refill", Severity: "safety", Text: "A dose was doubled."})
	if _, denied := h.TriageConcern(ctx, h.person("nursing", identity.Contributor), "hi", concern, "watched"); !fault.Is(denied, fault.Forbidden) {
		t.Errorf("who raised it triages it: %v", denied)
	}
	h.must(r, err)
	h.must(h.TriageConcern(ctx, h.person("safety-officer", identity.ClinicalSafety), "hi", concern, "changed"))
	review := governance.Review{Case: "refill", Harms: "None seen.", Verdict: "keep"}
	if _, err := h.WriteReview(ctx, h.secretary(), review); !fault.Is(err, fault.Invalid) {
		t.Errorf("a review that leaves promises out: %v", err)
	}
	for _, area := range governance.Areas {
		review.Lines = append(review.Lines, governance.Measured{Area: area, Found: 2, Evidence: "Counted."})
	}
	h.must(h.WriteReview(ctx, h.secretary(), review))
	h.unanimous(governance.Proposal{Kind: governance.Retire, Title: "Retire refills", Text: "Resolved.", Subject: governance.Subject{Capability: "refill", RetireBy: "2028-01-01", WindDown: "Paper refills."}})
	if got, offer, _ := h.capabilityOf("refill"); got.Stage != flags.Retiring || !offer.Live() {
		t.Errorf("the capability is %s, offered %v", got.Stage, offer.Live())
	}
	h.pass(400 * 24 * time.Hour)
	h.round()
	if got, offer, _ := h.capabilityOf("refill"); got.Stage != flags.Retired || offer.Live() {
		t.Errorf("a year later the capability is %s, offered %v", got.Stage, offer.Live())
	}
}

// A rating in two rounds keeps the earlier ratings, and each round is its own paper.
func TestARatingInTwoRounds(t *testing.T) {
	h := founded(t)
	h.must(h.SetCycle(ctx, h.secretary(), cycle2027("strategy")))
	h.submitted(complete("refill", 60))
	before := ""
	for round, low := range []int64{2, 8} {
		p := proposal(governance.Rating)
		p.Subject = governance.Subject{Cases: []string{"refill"}, Motion: before}
		id := h.opened(p)
		for i, seat := range votingSeats {
			n := int64(8)
			if i < 3 {
				n = low
			}
			h.cast(id, seat, governance.Vote{Points: map[string]int64{"refill": n}})
		}
		if m := h.ended(id); m.Outcome.Result != governance.ResultRated {
			t.Fatalf("%+v", m.Outcome)
		}
		c, err := h.Count(ctx, id)
		if err != nil || len(c.Panels) != 1 || len(c.Panels[0].Rounds) != round+1 {
			t.Fatalf("%+v, %v", c.Panels, err)
		}
		if round == 1 && (c.Panels[0].Report == nil || c.Panels[0].Report.Outcome != tally.Appropriate) {
			t.Errorf("after the second round: %+v", c.Panels[0])
		}
		before = id
	}
}

// An amendment's difference names what changed and nothing else.
func TestTheDifferenceOfTwoVersions(t *testing.T) {
	a, b := complete("refill", 60), complete("refill", 60)
	b.Benefits, b.Cost.Expected, b.Version = "Others.", 61, 2
	b.Harms = b.Harms[:3]
	lines := governance.Diff(a, b)
	var paths []string
	for _, l := range lines {
		paths = append(paths, l.Path)
	}
	if want := []string{"/benefits", "/cost/expected", "/harms/3/considered", "/harms/3/kind", "/harms/3/mitigation"}; !slices.Equal(paths, want) {
		t.Errorf("%v, want %v", paths, want)
	}
}

// The health plan signs what the charter says it signs, and until then nothing is
// offered.
func TestWhatTheHealthPlanSigns(t *testing.T) {
	h := newHall(t)
	h.furnish()
	f := strategyGroup()
	f.Body.Charter.PlanSigns = []string{"clinical"}
	f.Body.Charter.Motions[governance.OfferIt] = governance.Terms{Threshold: tally.Majority}
	h.must(h.FoundBody(ctx, h.operator(), f))
	id := h.opened(offerVideo())
	for _, seat := range votingSeats {
		h.cast(id, seat, yes())
	}
	if m := h.ended(id); m.State != governance.Carried || m.Obstacle == "" {
		t.Fatalf("%s %q", m.State, m.Obstacle)
	}
	for _, o := range []gate.Origin{h.chair(), h.operator()} {
		if _, err := h.SignForPlan(ctx, o, id); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s signs for the plan: %v", o.Actor.Name, err)
		}
	}
	h.must(h.SignForPlan(ctx, h.person("plan", identity.HealthPlan), id))
	if m := h.settled(id); m.State != governance.Effective {
		t.Errorf("%s %q", m.State, m.Obstacle)
	}
}
