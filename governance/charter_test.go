package governance

import (
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/fault"
)

var now = time.Date(2027, 1, 11, 9, 0, 0, 0, time.UTC)

// small is a body of three: two physicians, one of them in the chair, and a nurse.
func small() Charter {
	return Charter{
		Seats: []SeatRule{
			{Key: "a", Name: "A", Region: "co", Physician: true, Voting: true},
			{Key: "b", Name: "B", Region: "hi", Physician: true, Voting: true},
			{Key: "c", Name: "C", Region: "hi", Discipline: "nursing", Voting: true},
			{Key: "d", Name: "D"},
		},
		Chair: "a", PhysicianLed: true,
		Quorum:     Quorum{Members: tally.Frac(1, 2), Physicians: tally.Frac(1, 2), Strict: true},
		Movers:     []Capacity{AsVoting},
		NeedSecond: true,
		Motions: map[Kind]Terms{Amendment: {Threshold: tally.TwoThirds}, OfferIt: {Threshold: tally.Majority, ChallengeDays: 1}, Rescind: {Threshold: tally.Majority},
			Resolution: {Threshold: tally.Majority}},
		WithoutQuorum: LapseLost, Objections: ObjectionNoted, Owns: []string{"clinical"},
	}
}

func person(name string) Person { return Person{ID: "person:" + name, Name: "the " + name} }

func act(name string) Act { return Act{Change: "c", By: person(name), At: now, Reason: "why not"} }

func tenure(name string, place Place, physician bool) *Tenure {
	return &Tenure{Person: person(name), Place: place, Physician: physician, Since: act("x")}
}

// seated is the small body with a, b, c and d in the seats of their names.
func seated() House {
	h := House{Body: Body{Key: "small", Name: "Small", Charter: small(), CharterVersion: 1, Secretary: person("s")}, Seats: map[string]Seat{}}
	for _, s := range h.Body.Charter.Seats {
		h.Seats[s.Key] = Seat{Body: "small", Key: s.Key, Holder: tenure(s.Key, Holding, s.Physician)}
	}
	return h
}

// What a charter must not say, read as sentences.
func TestWhatACharterMustNotSay(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(*Charter)
		says   string
	}{
		{"as it is", func(*Charter) {}, ""},
		{"no seats", func(c *Charter) { c.Seats = nil }, "1 to 300 seats"},
		{"two seats of one name", func(c *Charter) { c.Seats[1].Key = "a" }, "a key of its own"},
		{"a seat with a slash", func(c *Charter) { c.Seats[1].Key = "a/b" }, "a key of its own"},
		{"a negative weight", func(c *Charter) { c.Seats[1].Weight = -1 }, "weight"},
		{"an adviser with votes", func(c *Charter) { c.Seats[3].Weight = 2 }, "advisory one has none"},
		{"an adviser in the chair", func(c *Charter) { c.Chair = "d" }, "one of the voting seats"},
		{"a chair that is no seat", func(c *Charter) { c.Chair = "z" }, "one of the voting seats"},
		{"a nurse in the chair of a physician-led body", func(c *Charter) { c.Chair = "c" }, "must be a physician's"},
		{"physicians are half", func(c *Charter) { c.Seats[2].Weight = 2 }, "more than half of the votes belong to physicians; here it is 2 of 4"},
		{"physicians are half, and it is not physician-led", func(c *Charter) { c.Seats[2].Weight, c.PhysicianLed = 2, false }, ""},
		{"clinical business without a quorum of physicians", func(c *Charter) { c.Quorum.Physicians = tally.Rat{} }, "quorum of physicians"},
		{"no quorum", func(c *Charter) { c.Quorum.Members = tally.Rat{} }, "which fraction"},
		{"a quorum above all", func(c *Charter) { c.Quorum.Members = tally.Frac(3, 2) }, "fraction from 0 to 1"},
		{"no way to change it", func(c *Charter) { delete(c.Motions, Amendment) }, "it could never change"},
		{"a kind there is not", func(c *Charter) { c.Motions["revolution"] = Terms{Threshold: tally.Majority} }, "the kinds of motion"},
		{"a threshold there is not", func(c *Charter) { c.Motions[OfferIt] = Terms{Threshold: "most"} }, "no threshold is called"},
		{"a chair that does what it likes", func(c *Charter) { c.Motions[OfferIt] = Terms{Threshold: tally.Majority, Chair: "always"} }, "no chair rule"},
		{"a choice without a rule", func(c *Charter) { c.Motions[Choice] = Terms{Threshold: tally.Majority, Rule: "best"} }, "how a choice is counted"},
		{"a window of a year", func(c *Charter) { c.Motions[OfferIt] = Terms{Threshold: tally.Majority, ChallengeDays: 365} }, "0 to 90 days"},
		{"priorities without a rule for them", func(c *Charter) { c.Motions[Priority] = Terms{Threshold: tally.Majority} }, "how priorities are counted"},
		{"a rule that names no variant", func(c *Charter) { c.Portfolio = &Portfolio{Rule: "equal shares"} }, "under a budget"},
		{"a committee's rule for a budget", func(c *Charter) { c.Portfolio = &Portfolio{Rule: "equal_shares_committee"} }, "under a budget"},
		{"ties without a last word", func(c *Charter) {
			c.Portfolio = &Portfolio{Rule: "equal_shares_cost", Ballot: Approval, Ties: []tally.TieBy{tally.ByCost}}
		}, "ends with lot"},
		{"nobody moves", func(c *Charter) { c.Movers = nil }, "who may move"},
		{"a passer-by moves", func(c *Charter) { c.Movers = []Capacity{"passer-by"} }, "who may move"},
		{"a kind of capability there is not", func(c *Charter) { c.Owns = []string{"magical"} }, "kinds of capability"},
		{"nothing said of no quorum", func(c *Charter) { c.WithoutQuorum = "" }, "lost or returned"},
		{"nothing said of objections", func(c *Charter) { c.Objections = "" }, "blocks or is noted"},
		{"an emergency panel that lasts", func(c *Charter) { c.Emergency = &Emergency{MaxDays: 400, RatifiedBy: "x"} }, "1 to 90 days"},
		{"an emergency panel that ratifies itself", func(c *Charter) {
			c.Emergency = &Emergency{MaxDays: 30, RatifiedBy: "x"}
			c.Motions[Ratify] = Terms{Threshold: tally.Majority}
		}, "and nothing else"},
	} {
		charter := small()
		c.change(&charter)
		err := charter.Check()
		if (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || !fault.Is(err, fault.Invalid)) {
			t.Errorf("%s: %v, want %q", c.what, err, c.says)
		}
	}
}

// What facts do to a body, and what it may still do.
func TestABodyBelowItsCharterMayOnlyTurnThingsOff(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(House)
		short  string
	}{
		{"whole", func(House) {}, ""},
		{"an adviser has gone", func(h House) { delete(h.Seats, "d") }, ""},
		{"the nurse has gone", func(h House) { delete(h.Seats, "c") }, ""},
		{"the chair has gone", func(h House) { delete(h.Seats, "a") }, "nobody holds the chair"},
		{"somebody acts for the chair", func(h House) { h.Seats["a"] = Seat{Key: "a", Acting: tenure("x", ActingFor, true)} }, ""},
		{"the chair is no physician any more", func(h House) { h.Seats["a"] = Seat{Key: "a", Holder: tenure("a", Holding, false)} }, "must be a physician's"},
		{"a physician has gone: one of two is not more than half", func(h House) { delete(h.Seats, "b") }, "physicians have 1 of the 2 votes"},
		{"only the chair is left", func(h House) { delete(h.Seats, "b"); delete(h.Seats, "c") }, "only 1 of 3 votes"},
		{"the chair's term is over", func(h House) {
			t := tenure("a", Holding, true)
			t.Until = "2027-01-10"
			h.Seats["a"] = Seat{Key: "a", Holder: t}
		}, "nobody holds the chair"},
	} {
		h := seated()
		c.change(h)
		short := strings.Join(h.Shortfalls(now), "; ")
		if (short == "") != (c.short == "") || !strings.Contains(short, c.short) {
			t.Errorf("%s: %q, want %q", c.what, short, c.short)
		}
		for _, k := range Kinds {
			err := h.checkWhole(k, now)
			if may := c.short == "" || k == Rescind || k == Retire; may != (err == nil) {
				t.Errorf("%s: a motion of the kind %s: %v", c.what, k, err)
			}
		}
	}
}

func TestWhoMaySitWhere(t *testing.T) {
	for _, c := range []struct {
		what string
		a    Appointment
		code string
	}{
		{"a physician holds a physician's seat", Appointment{Seat: "a", Person: person("x"), Place: Holding, Physician: true}, ""},
		{"another does not", Appointment{Seat: "a", Person: person("x"), Place: Holding}, "not_a_physician"},
		{"nor acts for one", Appointment{Seat: "a", Person: person("x"), Place: ActingFor}, "not_a_physician"},
		{"nor is an alternate", Appointment{Seat: "a", Person: person("x"), Place: Alternate}, "not_a_physician"},
		{"anybody holds the nurse's", Appointment{Seat: "c", Person: person("x"), Place: Holding}, ""},
		{"who has a voting seat gets no second", Appointment{Seat: "c", Person: person("b"), Place: Alternate, Physician: true}, "has_a_seat"},
		{"but may advise besides", Appointment{Seat: "d", Person: person("b"), Place: Holding}, ""},
		{"nor the same twice", Appointment{Seat: "c", Person: person("c"), Place: ActingFor}, "occupies_already"},
		{"a seat there is not", Appointment{Seat: "z", Person: person("x"), Place: Holding}, "unknown_seat"},
		{"a place there is not", Appointment{Seat: "c", Person: person("x"), Place: "owner"}, "bad_value"},
		{"nobody", Appointment{Seat: "c", Place: Holding}, "bad_value"},
		{"a term that is over", Appointment{Seat: "c", Person: person("x"), Place: Holding, Until: "2026-01-01"}, "bad_value"},
		{"a term that is no day", Appointment{Seat: "c", Person: person("x"), Place: Holding, Until: "soon"}, "bad_value"},
	} {
		seat, err := seated().appoint(c.a, act("s"))
		if c.code == "" && err != nil || c.code != "" && !fault.HasCode(err, c.code) {
			t.Errorf("%s: %v, want %q", c.what, err, c.code)
		}
		if _, there := seat.of(c.a.Person.ID, now); err == nil && !there {
			t.Errorf("%s: not in the seat: %+v", c.what, seat)
		}
	}
}

// A seat remembers who had it, and a resignation cannot be refused.
func TestASeatChangesHands(t *testing.T) {
	h := seated()
	seat, err := h.appoint(Appointment{Seat: "c", Person: person("x"), Place: Holding}, act("s"))
	if err != nil {
		t.Fatal(err)
	}
	if len(seat.Past) != 1 || seat.Past[0].Person != person("c") || seat.Past[0].Ended == nil {
		t.Errorf("the one before is not in the past: %+v", seat.Past)
	}
	seat, err = vacate(seat, "person:x", act("x"))
	if err != nil || seat.Holder != nil || len(seat.Past) != 2 {
		t.Errorf("%+v, %v", seat, err)
	}
	if _, err := vacate(seat, "person:x", act("x")); !fault.HasCode(err, "not_in_seat") {
		t.Errorf("resigning twice: %v", err)
	}
}

// The rules of order, as a table: from this state, by this person, this step.
func TestTheRulesOfOrder(t *testing.T) {
	h := seated()
	st := func(name string) Standing { s, _ := h.standing(person(name).ID, now); return s }
	resolution := Motion{ID: "m", Body: "small", Kind: Resolution, Title: "T", Text: "Resolved."}
	moved, err := move(resolution, h, st("b"), act("b"))
	if err != nil {
		t.Fatal(err)
	}
	pending, err := second(moved, st("c"), act("c"))
	if err != nil {
		t.Fatal(err)
	}
	opened, carried := pending, pending
	opened.State, opened.Opened = Open, &Opening{Closes: now.Add(time.Hour)}
	carried.State, carried.Outcome = Carried, &Outcome{EffectiveFrom: now.Add(time.Hour)}
	over := carried
	over.Outcome = &Outcome{EffectiveFrom: now}
	late := act("b")
	late.At = now.Add(time.Hour)
	for _, c := range []struct {
		what string
		do   func() (Motion, error)
		code string
		to   State
	}{
		{"a member moves", func() (Motion, error) { return move(resolution, h, st("b"), act("b")) }, "", Moved},
		{"an adviser moves", func() (Motion, error) { return move(resolution, h, st("d"), act("d")) }, "may_not_move", ""},
		{"the secretary moves", func() (Motion, error) { return move(resolution, h, st("s"), act("s")) }, "may_not_move", ""},
		{"a stranger moves", func() (Motion, error) { return move(resolution, h, st("zz"), act("zz")) }, "may_not_move", ""},
		{"a kind that is not its business", func() (Motion, error) {
			m := resolution
			m.Kind = Priority
			return move(m, h, st("b"), act("b"))
		}, "not_its_business", ""},
		{"without words", func() (Motion, error) { m := resolution; m.Text = ""; return move(m, h, st("b"), act("b")) }, "bad_value", ""},
		{"another member seconds", func() (Motion, error) { return second(moved, st("c"), act("c")) }, "", Pending},
		{"the mover seconds", func() (Motion, error) { return second(moved, st("b"), act("b")) }, "own_motion", ""},
		{"an adviser seconds", func() (Motion, error) { return second(moved, st("d"), act("d")) }, "may_not_second", ""},
		{"it is seconded twice", func() (Motion, error) { return second(pending, st("a"), act("a")) }, "motion_pending", ""},
		{"the mover amends", func() (Motion, error) { return amend(pending, small(), "T", "Other words.", Subject{}, act("b")) }, "", Moved},
		{"another amends", func() (Motion, error) { return amend(pending, small(), "T", "Other words.", Subject{}, act("c")) }, "not_the_mover", ""},
		{"the mover amends what is open", func() (Motion, error) { return amend(opened, small(), "T", "Other.", Subject{}, act("b")) }, "motion_open", ""},
		{"the mover withdraws", func() (Motion, error) { return withdraw(pending, act("b")) }, "", Withdrawn},
		{"another withdraws", func() (Motion, error) { return withdraw(pending, act("a")) }, "not_the_mover", ""},
		{"the mover withdraws what is open", func() (Motion, error) { return withdraw(opened, act("b")) }, "motion_open", ""},
		{"it is postponed", func() (Motion, error) { return postpone(pending, "2027-02-01", act("a")) }, "", Pending},
		{"it is postponed to yesterday", func() (Motion, error) { return postpone(pending, "2027-01-10", act("a")) }, "bad_value", ""},
		{"what is open is postponed", func() (Motion, error) { return postpone(opened, "2027-02-01", act("a")) }, "motion_open", ""},
		{"a member stands aside while it is open", func() (Motion, error) { return recuse(opened, st("c"), act("c")) }, "", Open},
		{"an adviser stands aside", func() (Motion, error) { return recuse(opened, st("d"), act("d")) }, "no_voting_seat", ""},
		{"standing aside from what is decided", func() (Motion, error) { return recuse(carried, st("c"), act("c")) }, "motion_carried", ""},
		{"a member challenges in time", func() (Motion, error) { return challenge(carried, st("c"), act("c")) }, "", Carried},
		{"an adviser challenges", func() (Motion, error) { return challenge(carried, st("d"), act("d")) }, "", Carried},
		{"a stranger challenges", func() (Motion, error) { return challenge(carried, st("zz"), act("zz")) }, "may_not_challenge", ""},
		{"a challenge at the end of the window", func() (Motion, error) { return challenge(over, st("c"), act("c")) }, "window_over", ""},
		{"a challenge of what is not decided", func() (Motion, error) { return challenge(opened, st("c"), act("c")) }, "motion_open", ""},
		{"a ruling without a challenge", func() (Motion, error) { return ruleOn(carried, true, act("a")) }, "no_challenge", ""},
		{"an upheld challenge sends it back", func() (Motion, error) {
			m, err := challenge(carried, st("c"), act("c"))
			if err != nil {
				return m, err
			}
			return ruleOn(m, true, act("a"))
		}, "", Pending},
		{"a dismissed one does not", func() (Motion, error) {
			m, err := challenge(carried, st("c"), act("c"))
			if err != nil {
				return m, err
			}
			return ruleOn(m, false, act("a"))
		}, "", Carried},
		{"it closes at its deadline", func() (Motion, error) { return closeMotion(opened, Paper{}, nil, late) }, "", Closed},
		{"it closes before", func() (Motion, error) { return closeMotion(opened, Paper{}, nil, act("a")) }, "not_due", ""},
		{"it closes when all have voted, if the charter says so", func() (Motion, error) {
			return closeMotion(opened, Paper{CloseWhenAllVoted: true, Roll: []tally.Member{{Key: "a"}}}, map[string]bool{"a": true}, act("a"))
		}, "", Closed},
		{"all but one have voted", func() (Motion, error) {
			return closeMotion(opened, Paper{CloseWhenAllVoted: true, Roll: []tally.Member{{Key: "a"}, {Key: "b"}}}, map[string]bool{"a": true}, act("a"))
		}, "not_due", ""},
		{"what never was open closes", func() (Motion, error) { return closeMotion(pending, Paper{}, nil, late) }, "motion_pending", ""},
	} {
		m, err := c.do()
		if c.code == "" && err != nil || c.code != "" && !fault.HasCode(err, c.code) {
			t.Errorf("%s: %v, want %q", c.what, err, c.code)
		}
		if err == nil && m.State != c.to {
			t.Errorf("%s: %s, want %s", c.what, m.State, c.to)
		}
	}
}

func TestAnAmendmentNeedsANewSecondAndKeepsTheOldWords(t *testing.T) {
	h := seated()
	st, _ := h.standing("person:b", now)
	m, err := move(Motion{ID: "m", Kind: OfferIt, Title: "T", Text: "Old.", Subject: Subject{Capability: "x", Offer: flags.Full}}, h, st, act("b"))
	if err != nil {
		t.Fatal(err)
	}
	m.State, m.Seconded = Pending, &Act{}
	m, err = amend(m, small(), "T", "New.", Subject{Capability: "y", Offer: flags.Full}, act("b"))
	if err != nil || m.Text != "New." || m.Seconded != nil || len(m.Amended) != 1 || m.Amended[0].Text != "Old." || m.Amended[0].Subject.Capability != "x" {
		t.Errorf("%+v, %v", m, err)
	}
}

// Who may cast the ballot of a seat, and over whose.
func TestWhoMayCast(t *testing.T) {
	p := Paper{Roll: []tally.Member{{Key: "a"}, {Key: "b"}}}
	m := Motion{ID: "m", State: Open, Opened: &Opening{Closes: now.Add(time.Hour), Hash: "h"}}
	seat := Seat{Key: "a", Holder: tenure("a", Holding, true), Acting: tenure("x", ActingFor, true), Alternates: []Tenure{*tenure("y", Alternate, true)}}
	by := func(name string) *Ballot { return &Ballot{By: person(name)} }
	closed, recused, late := m, m, m
	closed.State, closed.Closed = Closed, &Closing{}
	recused.Recused = []Recusal{{Seat: "a"}}
	late.Opened = &Opening{Closes: now}
	for _, c := range []struct {
		what   string
		m      Motion
		seat   Seat
		before *Ballot
		who    string
		place  Place
		code   string
	}{
		{"the holder", m, seat, nil, "a", Holding, ""},
		{"who acts for the holder, who has not voted", m, seat, nil, "x", ActingFor, ""},
		{"an alternate, when neither has", m, seat, nil, "y", Alternate, ""},
		{"the holder replaces their own", m, seat, by("a"), "a", Holding, ""},
		{"the holder replaces the alternate's", m, seat, by("y"), "a", Holding, ""},
		{"the alternate replaces the holder's", m, seat, by("a"), "y", "", "cast_by_holder"},
		{"who acts replaces the holder's", m, seat, by("a"), "x", "", "cast_by_holder"},
		{"who acts replaces the alternate's", m, seat, by("y"), "x", ActingFor, ""},
		{"an alternate replaces a former holder's", m, seat, by("gone"), "y", Alternate, ""},
		{"a stranger", m, seat, nil, "b", "", "not_in_seat"},
		{"a seat that is not on the paper", m, Seat{Key: "z", Holder: tenure("a", Holding, true)}, nil, "a", "", "not_on_paper"},
		{"after standing aside", recused, seat, nil, "a", "", "recused"},
		{"after the close", closed, seat, nil, "a", "", "motion_closed"},
		{"at the deadline, before anybody closed it", late, seat, nil, "a", "", "motion_closed"},
		{"before it opens", Motion{ID: "m", State: Pending}, seat, nil, "a", "", "motion_not_open"},
	} {
		place, err := mayCast(c.m, p, c.seat, c.before, person(c.who), now)
		if c.code == "" && err != nil || c.code != "" && !fault.HasCode(err, c.code) || place != c.place {
			t.Errorf("%s: %q, %v; want %q %q", c.what, place, err, c.place, c.code)
		}
	}
}
