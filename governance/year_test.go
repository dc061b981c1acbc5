package governance_test

import (
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// Reorganisation in mid-motion: a member moves to another region, a seat is vacated
// and acted for, the body falls below its charter and is filled again. The charter
// holds throughout, and the record keeps who acted in which place.
func TestAReorganisationInMidCycle(t *testing.T) {
	h := founded(t)
	id := h.opened(offerVideo())
	h.cast(id, "ga", no())
	h.cast(id, "nw", yes())
	h.cast(id, "hi", yes())

	// Georgia's member moves to Hawaii, whose holder resigns.
	h.must(h.Resign(ctx, h.member("hi"), "strategy", "hi"))
	h.must(h.Vacate(ctx, h.secretary(), "strategy", "ga", "person:ga"))
	h.must(h.Appoint(ctx, h.secretary(), "strategy", holds("hi", "ga", true)))
	if _, _, err := h.Cast(ctx, h.member("ga"), id, "hi", no()); !fault.HasCode(err, "has_voted") {
		t.Errorf("a member who moved votes a second time: %v", err)
	}
	// Somebody acts for Georgia and replaces the ballot that was left there.
	acting := holds("ga", "deputy", true)
	acting.Place = governance.ActingFor
	h.must(h.Appoint(ctx, h.secretary(), "strategy", acting))
	deputy := h.person("deputy", identity.Member)
	_, r, err := h.Cast(ctx, deputy, id, "ga", yes())
	h.must(r, err)
	// Now the one who moved has no ballot any more, and casts Hawaii's.
	_, r, err = h.Cast(ctx, h.member("ga"), id, "hi", no())
	h.must(r, err)
	if _, _, err := h.Cast(ctx, h.member("hi"), id, "hi", yes()); !fault.HasCode(err, "not_in_seat") {
		t.Errorf("who has resigned votes: %v", err)
	}
	// A member stands aside after having voted.
	h.must(h.Recuse(ctx, h.member("nw"), id))
	if _, _, err := h.Cast(ctx, h.member("nw"), id, "nw", no()); !fault.HasCode(err, "recused") {
		t.Errorf("who stood aside votes: %v", err)
	}
	// A physician leaves for good, then the chair: the body is below its charter.
	h.cast(id, "nca", yes())
	h.cast(id, "sca", yes())
	h.must(h.Resign(ctx, h.member("co"), "strategy", "co"))
	h.must(h.Resign(ctx, h.chair(), "strategy", "nca"))
	if _, _, err := h.Move(ctx, h.member("sca"), proposal(governance.Resolution)); !fault.HasCode(err, "below_charter") {
		t.Errorf("a body without a chair goes on as before: %v", err)
	}
	m := h.ended(id)
	h.pass(72 * time.Hour)
	if m = h.settled(id); m.Outcome.Result != governance.ResultCarried || m.State != governance.Carried || m.Obstacle == "" {
		t.Fatalf("carried while the body is below its charter: %s %+v, %q", m.State, m.Outcome, m.Obstacle)
	}
	if _, offer, _ := h.capabilityOf("video_visit"); offer.Live() {
		t.Error("it is offered by a body below its charter")
	}
	h.must(h.Appoint(ctx, h.secretary(), "strategy", holds("nca", "successor", true)))
	h.must(h.Appoint(ctx, h.secretary(), "strategy", holds("co", "colorado", true)))
	if m = h.settled(id); m.State != governance.Effective {
		t.Fatalf("the body is whole again, and the motion is %s: %s", m.State, m.Obstacle)
	}
	c, err := h.Count(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		by    string
		place governance.Place
		vote  tally.Vote
		why   string
	}{
		"nca": {"person:nca", governance.Holding, tally.Yes, ""}, "sca": {"person:sca", governance.Holding, tally.Yes, ""},
		"ga": {"person:deputy", governance.ActingFor, tally.Yes, ""}, "hi": {"person:ga", governance.Holding, tally.No, ""},
		"nw": {"person:nw", governance.Holding, tally.Yes, "stood aside"},
	}
	for _, called := range c.RollCall {
		w, voted := want[called.Seat]
		if voted != (called.By != nil) || voted && (called.By.ID != w.by || called.Place != w.place || called.Vote.Vote != w.vote || called.Why != w.why) {
			t.Errorf("%s: %+v, want %+v", called.Seat, called, w)
		}
	}
	house, err := h.House(ctx, "strategy")
	if err != nil {
		t.Fatal(err)
	}
	past := house.Seats["hi"].Past
	if len(past) != 1 || past[0].Person.ID != "person:hi" || past[0].Ended.As != "self" {
		t.Errorf("who left Hawaii's seat, and how: %+v", past)
	}
}

func proposal(k governance.Kind) governance.Proposal {
	return governance.Proposal{Body: "strategy", Kind: k, Title: "A motion", Text: "Resolved."}
}

// The emergency panel, founded by motion, offers provisionally; the offer lapses by
// itself, unless the group ratifies it.
func emergencyPanel() *governance.Founding {
	f := governance.Founding{Body: governance.Body{Key: "emergency", Name: "Emergency panel", Charter: governance.Charter{
		Seats: []governance.SeatRule{
			{Key: "safety", Name: "Safety", Physician: true, Voting: true}, {Key: "surge", Name: "Surge", Physician: true, Voting: true},
			{Key: "nursing", Name: "Nursing", Voting: true}},
		Chair: "safety", PhysicianLed: true, Quorum: governance.Quorum{Members: tally.Frac(1, 2), Physicians: tally.Frac(1, 2)},
		Movers: []governance.Capacity{governance.AsVoting}, CloseWhenAllVoted: true,
		Motions: map[governance.Kind]governance.Terms{governance.OfferIt: {Threshold: tally.Majority}, governance.Rescind: {Threshold: tally.Majority},
			governance.Amendment: {Threshold: tally.TwoThirds}},
		WithoutQuorum: governance.LapseLost, Objections: governance.ObjectionNoted, Owns: []string{"clinical"},
		Emergency: &governance.Emergency{MaxDays: 14, RatifiedBy: "strategy"}}}}
	for _, s := range f.Body.Charter.Seats {
		f.Occupants = append(f.Occupants, holds(s.Key, s.Key, s.Physician))
	}
	return &f
}

// unanimous moves a motion in the group and carries it.
func (h *hall) unanimous(p governance.Proposal) governance.Motion {
	h.t.Helper()
	p.Body = "strategy"
	id := h.opened(p)
	for _, seat := range votingSeats {
		h.cast(id, seat, yes())
	}
	m := h.ended(id)
	if m.State != governance.Effective {
		h.t.Fatalf("%s: %s, %s (%s)", p.Title, m.State, m.Outcome.Sentence, m.Obstacle)
	}
	return m
}

func TestAnEmergencyOfferLapsesUnlessRatified(t *testing.T) {
	for _, ratified := range []bool{false, true} {
		h := founded(t)
		found := proposal(governance.Found)
		found.Subject.Body = emergencyPanel()
		h.unanimous(found)
		began := h.now()
		end := began.AddDate(0, 0, 10).Format(time.DateOnly)
		panel := func(name string) string { return name }
		p := governance.Proposal{Body: "emergency", Kind: governance.OfferIt, Title: "Video visits in the flood", Text: "Resolved, that video visits be offered at once.",
			Subject: governance.Subject{Capability: "video_visit", Offer: flags.Provisional, Terms: flags.Terms{End: end}}}
		for _, bad := range []struct {
			change func(*governance.Proposal)
			code   string
		}{
			{func(p *governance.Proposal) { p.Subject.Offer, p.Subject.Terms = flags.Full, flags.Terms{} }, "bad_value"},
			{func(p *governance.Proposal) { p.Subject.Terms.End = began.AddDate(0, 0, 15).Format(time.DateOnly) }, "beyond_emergency"},
		} {
			wrong := p
			bad.change(&wrong)
			if _, _, err := h.Move(ctx, h.member(panel("safety")), wrong); !fault.HasCode(err, bad.code) {
				t.Errorf("beyond its emergency powers: %v, want %s", err, bad.code)
			}
		}
		id, r, err := h.Move(ctx, h.member("safety"), p)
		h.must(r, err)
		h.must(h.Open(ctx, h.person("safety", identity.Member, identity.Chair), id, h.now().Add(30*time.Minute)))
		for _, s := range []string{"safety", "surge", "nursing"} {
			h.cast(id, s, yes())
		}
		h.must(h.Close(ctx, h.clerk(), id)) // all have voted
		if m := h.settled(id); m.State != governance.Effective {
			t.Fatalf("%s %s %+v", m.State, m.Obstacle, m.Outcome)
		}
		for _, region := range []string{"co", "hi"} {
			lead := h.person(region+"-lead", identity.RegionalLead)
			h.must(h.flags.AnswerOffer(ctx, lead, region, "video_visit", flags.Reply{Answer: flags.Enable}))
		}
		if h.now().Sub(began) > time.Hour || h.served("co") != true || h.served("hi") != true {
			t.Errorf("%s later: co %v, hi %v", h.now().Sub(began), h.served("co"), h.served("hi"))
		}
		if ratified {
			h.unanimous(governance.Proposal{Kind: governance.Ratify, Title: "Ratify", Text: "Resolved.", Subject: governance.Subject{Capability: "video_visit"}})
		}
		h.pass(12 * 24 * time.Hour)
		if got := h.served("co"); got != ratified {
			t.Errorf("after its end, ratified %v: served %v", ratified, got)
		}
	}
}

// served is what a portal gets now.
func (h *hall) served(region string) any {
	h.t.Helper()
	r, _ := h.replica.Snapshot().Evaluate(region, "video_visit", map[string]any{"targetingKey": "p1"}, h.now())
	return r.Value
}

// A challenge holds up what a motion brings; the chair rules; an upheld one has it
// voted on again, on a new paper.
func TestAChallengeHoldsAMotionUp(t *testing.T) {
	h := founded(t)
	id := h.opened(offerVideo())
	for _, seat := range votingSeats[:5] {
		h.cast(id, seat, yes())
	}
	h.ended(id)
	h.must(h.Challenge(ctx, h.member("nw"), id))
	h.pass(96 * time.Hour)
	if m := h.settled(id); m.State != governance.Carried || m.Obstacle == "" {
		t.Fatalf("challenged: %s, %q", m.State, m.Obstacle)
	}
	if _, err := h.RuleOnChallenge(ctx, h.secretary(), id, false); !fault.Is(err, fault.Forbidden) {
		t.Errorf("the secretary rules: %v", err)
	}
	h.must(h.RuleOnChallenge(ctx, h.chair(), id, true))
	h.must(h.Open(ctx, h.secretary(), id, h.now().Add(24*time.Hour)))
	for _, seat := range votingSeats[:5] {
		h.cast(id, seat, no())
	}
	m := h.ended(id)
	if m.State != governance.Lost || m.Sittings != 2 {
		t.Errorf("voted on again: %s, %d sittings", m.State, m.Sittings)
	}
}

// Without a quorum nothing is decided, and the motion goes back, as the charter says.
func TestWithoutAQuorumAMotionGoesBack(t *testing.T) {
	h := founded(t)
	id := h.opened(offerVideo())
	for _, seat := range []string{"mas", "nw", "nca", "sca"} { // a majority, but two of five physicians
		h.cast(id, seat, yes())
	}
	m := h.ended(id)
	if m.State != governance.Pending || m.Outcome.Result != governance.ResultNoQuorum {
		t.Errorf("%s, %+v", m.State, m.Outcome)
	}
}

// A charter changes by motion alone, and what is open goes on under the old one.
func TestACharterChangesByMotion(t *testing.T) {
	h := founded(t)
	open := h.opened(offerVideo())
	p := proposal(governance.Amendment)
	changed := strategyCharter()
	changed.NeedSecond = false
	changed.Motions[governance.OfferIt] = governance.Terms{Threshold: tally.UnanimousCast}
	p.Subject.Charter = &changed
	id := h.opened(p)
	for _, seat := range votingSeats {
		h.cast(id, seat, yes())
	}
	for _, seat := range votingSeats[:6] {
		h.cast(open, seat, map[bool]governance.Vote{true: no(), false: yes()}[seat == "nca"])
	}
	if m := h.ended(id); m.State != governance.Effective {
		t.Fatalf("%s: %s", m.State, m.Obstacle)
	}
	house, err := h.House(ctx, "strategy")
	if err != nil || house.Body.CharterVersion != 2 || house.Body.Charter.NeedSecond || house.Body.CharterMotion != id {
		t.Errorf("%+v, %v", house.Body, err)
	}
	h.must(h.Close(ctx, h.clerk(), open))
	if m := h.settled(open); m.Outcome.Result != governance.ResultCarried {
		t.Errorf("what was open under the old charter is counted by the new one: %+v", m.Outcome)
	}
}

// What each verb refuses: a precise error, nothing changed, the refusal recorded.
func TestWhatEachVerbRefuses(t *testing.T) {
	h := founded(t)
	id := h.opened(offerVideo())
	pending := h.moved(proposal(governance.Resolution))
	stranger := h.person("stranger", identity.Member, identity.Chair, identity.Secretary)
	stranger.Actor.Grants[2].Regions = []string{"co"} // a region's secretary keeps no seats of a body
	token := h.member("co")
	token.Actor.Strength = identity.ByToken
	stale := h.member("co")
	stale.Actor.AuthTime = h.now().Add(-time.Hour)
	noReason := h.secretary()
	noReason.Reason = ""
	type try func() error
	cast := func(o originOf, motion, seat string, v governance.Vote) try {
		return func() error { _, _, err := h.Cast(ctx, o(), motion, seat, v); return err }
	}
	as := func(name string) originOf { return func() origin { return h.member(name) } }
	fixed := func(o origin) originOf { return func() origin { return o } }
	move := func(o origin, p governance.Proposal) try {
		return func() error { _, _, err := h.Move(ctx, o, p); return err }
	}
	with := func(k governance.Kind, s governance.Subject) governance.Proposal {
		p := proposal(k)
		p.Subject = s
		return p
	}
	for _, c := range []struct {
		what string
		do   try
		code string
		kind fault.Kind
	}{
		{"a token casts", cast(fixed(token), id, "co", yes()), "needs_a_person", fault.Forbidden},
		{"a sign-in of an hour ago", cast(fixed(stale), id, "co", yes()), "fresh_sign_in_needed", fault.Unauthenticated},
		{"another's seat", cast(as("co"), id, "hi", yes()), "not_in_seat", fault.Forbidden},
		{"an adviser's seat", cast(as("panel"), id, "panel", yes()), "not_on_paper", fault.Forbidden},
		{"no seat of that name", cast(as("co"), id, "../x", yes()), "unknown_seat", fault.NotFound},
		{"no motion of that name", cast(as("co"), "m-none", "co", yes()), "unknown_motion", fault.NotFound},
		{"a motion's name that is none", cast(as("co"), "a/b", "co", yes()), "unknown_motion", fault.NotFound},
		{"a motion that is not open", cast(as("co"), pending, "co", yes()), "motion_not_open", fault.Refused},
		{"a vote there is not", cast(as("co"), id, "co", governance.Vote{Vote: "maybe"}), "bad_value", fault.Invalid},
		{"a ranking on a motion", cast(as("co"), id, "co", governance.Vote{Ranks: [][]string{{"a"}}}), "bad_value", fault.Invalid},
		{"an operator casts", cast(fixed(h.operator()), id, "co", yes()), "forbidden", fault.Forbidden},
		{"the secretary casts", cast(fixed(h.secretary()), id, "co", yes()), "forbidden", fault.Forbidden},
		{"a token closes", func() error {
			o := h.chair()
			o.Actor.Strength = identity.ByToken
			_, err := h.Close(ctx, o, id)
			return err
		}, "needs_a_person", fault.Forbidden},
		{"closing after a sign-in of an hour ago", func() error {
			o := h.chair()
			o.Actor.AuthTime = h.now().Add(-time.Hour)
			_, err := h.Close(ctx, o, id)
			return err
		}, "fresh_sign_in_needed", fault.Unauthenticated},
		{"closing early", func() error { _, err := h.Close(ctx, h.chair(), id); return err }, "not_due", fault.Refused},
		{"closing what is not open", func() error { _, err := h.Close(ctx, h.chair(), pending); return err }, "motion_pending", fault.Refused},
		{"opening twice", func() error { _, err := h.Open(ctx, h.secretary(), id, h.now().Add(2*time.Hour)); return err }, "motion_open", fault.Refused},
		{"opening into the past", func() error { _, err := h.Open(ctx, h.secretary(), pending, h.now()); return err }, "bad_value", fault.Invalid},
		{"opening for a year", func() error { _, err := h.Open(ctx, h.secretary(), pending, h.now().AddDate(1, 0, 0)); return err }, "bad_value", fault.Invalid},
		{"a stranger opens", func() error { _, err := h.Open(ctx, stranger, pending, h.now().Add(2*time.Hour)); return err }, "not_presiding", fault.Forbidden},
		{"an operator opens", func() error { _, err := h.Open(ctx, h.operator(), pending, h.now().Add(2*time.Hour)); return err }, "forbidden", fault.Forbidden},
		{"a stranger records seats", func() error { _, err := h.Appoint(ctx, stranger, "strategy", holds("co", "x", true)); return err }, "not_presiding", fault.Forbidden},
		{"an operator records seats", func() error { _, err := h.Appoint(ctx, h.operator(), "strategy", holds("co", "x", true)); return err }, "forbidden", fault.Forbidden},
		{"a seat of no body", func() error { _, err := h.Appoint(ctx, h.secretary(), "none", holds("co", "x", true)); return err }, "unknown_body", fault.NotFound},
		{"no seat of the body", func() error { _, err := h.Appoint(ctx, h.secretary(), "strategy", holds("tx", "x", true)); return err }, "unknown_seat", fault.NotFound},
		{"without a reason", func() error { _, err := h.Appoint(ctx, noReason, "strategy", holds("co", "x", true)); return err }, "bad_value", fault.Invalid},
		{"resigning what one has not", func() error { _, err := h.Resign(ctx, h.member("co"), "strategy", "hi"); return err }, "not_in_seat", fault.NotFound},
		{"a stranger moves", move(stranger, proposal(governance.Resolution)), "no_standing", fault.Forbidden},
		{"a body there is not", move(h.member("co"), governance.Proposal{Body: "none", Kind: governance.Resolution, Title: "T", Text: "R"}), "unknown_body", fault.NotFound},
		{"a kind there is not", move(h.member("co"), proposal("revolution")), "not_its_business", fault.Refused},
		{"an offer of nothing", move(h.member("co"), with(governance.OfferIt, governance.Subject{Offer: flags.Full})), "bad_value", fault.Invalid},
		{"an offer of what there is not", move(h.member("co"), with(governance.OfferIt, governance.Subject{Capability: "teleport", Offer: flags.Full})), "unknown_capability", fault.NotFound},
		{"a pilot without terms", move(h.member("co"), with(governance.OfferIt, governance.Subject{Capability: "video_visit", Offer: flags.Pilot})), "bad_value", fault.Invalid},
		{"ratifying what is not provisional", move(h.member("co"), with(governance.Ratify, governance.Subject{Capability: "video_visit"})), "not_provisional", fault.Refused},
		{"a retirement without a day", move(h.member("co"), with(governance.Retire, governance.Subject{Capability: "video_visit"})), "bad_value", fault.Invalid},
		{"a charter of nothing", move(h.member("co"), with(governance.Amendment, governance.Subject{})), "bad_value", fault.Invalid},
		{"a charter without physicians", move(h.member("co"), with(governance.Amendment, governance.Subject{Charter: &governance.Charter{}})), "bad_value", fault.Invalid},
		{"goals for no year", move(h.member("co"), with(governance.Direction, governance.Subject{Goals: make([]governance.Goal, 3)})), "bad_value", fault.Invalid},
		{"a budget of nothing", move(h.member("co"), with(governance.Priority, governance.Subject{Cycle: "2027", Cases: []string{"a"}})), "bad_value", fault.Invalid},
		{"a choice of one", move(h.member("co"), with(governance.Choice, governance.Subject{Options: []governance.Option{{Key: "a", Title: "A"}}})), "bad_value", fault.Invalid},
		{"adopting what is no portfolio", move(h.member("co"), with(governance.Adopt, governance.Subject{Motion: id})), "no_draft", fault.Refused},
		{"seconding one's own", func() error { _, err := h.Second(ctx, h.member("sca"), pending); return err }, "motion_pending", fault.Refused},
		{"amending what is open", func() error { _, err := h.Amend(ctx, h.member("sca"), id, "T", "R", governance.Subject{}); return err }, "motion_open", fault.Refused},
		{"withdrawing another's", func() error { _, err := h.Withdraw(ctx, h.member("co"), pending); return err }, "not_the_mover", fault.Forbidden},
		{"postponing to yesterday", func() error { _, err := h.Postpone(ctx, h.secretary(), pending, "2020-01-01"); return err }, "bad_value", fault.Invalid},
		{"challenging what is open", func() error { _, err := h.Challenge(ctx, h.member("co"), id); return err }, "motion_open", fault.Refused},
		{"ruling on nothing", func() error { _, err := h.RuleOnChallenge(ctx, h.chair(), id, true); return err }, "no_challenge", fault.Refused},
		{"signing what needs no signature", func() error { _, err := h.SignForPlan(ctx, h.person("plan", identity.HealthPlan), id); return err }, "no_signature_needed", fault.Refused},
		{"a year of no body", func() error { _, err := h.SetCycle(ctx, h.secretary(), cycle2027("none")); return err }, "unknown_body", fault.NotFound},
		{"a year without phases", func() error {
			c := cycle2027("strategy")
			c.Phases = nil
			_, err := h.SetCycle(ctx, h.secretary(), c)
			return err
		}, "bad_value", fault.Invalid},
	} {
		before, refused := h.dump(), h.refusals()
		err := c.do()
		if !fault.HasCode(err, c.code) || !fault.Is(err, c.kind) {
			t.Errorf("%s: %v, want %s", c.what, err, c.code)
			continue
		}
		if fault.From(err).Remedy == "" {
			t.Errorf("%s: no remedy in %v", c.what, err)
		}
		if after := h.dump(); after != before {
			t.Errorf("%s: the state changed", c.what)
		}
		want := 0
		if c.kind == fault.Refused || c.kind == fault.Forbidden {
			want = 1
		}
		if n := h.refusals() - refused; n != want {
			t.Errorf("%s: %d refusals recorded, want %d", c.what, n, want)
		}
		h.pass(time.Minute) // nobody fills the record with refusals
	}
}

func cycle2027(body string) governance.Cycle {
	return governance.Cycle{Key: "2027", Body: body, Name: "The year 2027", Currency: "USD thousand",
		Phases: []governance.Period{{Phase: "direction", From: "2027-01-01", To: "2027-01-31"}, {Phase: "needs", From: "2027-01-15", To: "2027-03-01"}}}
}

// refusals counts those in the record.
func (h *hall) refusals() (n int) {
	h.t.Helper()
	leaves, err := audit.Newest(ctx, h.store, 10000)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, l := range leaves {
		if l.Result == audit.Refused {
			n++
		}
	}
	return n
}
