package governance_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"pgregory.net/rapid"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// model is what a careful secretary would keep on paper: who sits where, and for
// each motion who has cast what.
type model struct {
	h       *hall
	places  map[string]map[string]governance.Place // seat → person → place
	motions map[string]*sheet
	ids     []string
}

type sheet struct {
	state   governance.State
	closes  time.Time
	roll    []string
	hash    string
	recused map[string]bool
	ballots map[string]slip // by seat
}

type slip struct {
	person string
	vote   tally.Vote
}

var (
	modelSeats  = []string{"a", "b", "c", "d"} // d advises
	modelPeople = []string{"p0", "p1", "p2", "p3", "p4", "p5"}
)

func modelCharter() governance.Charter {
	return governance.Charter{Seats: []governance.SeatRule{
		{Key: "a", Name: "A", Region: "r1", Voting: true}, {Key: "b", Name: "B", Region: "r2", Voting: true},
		{Key: "c", Name: "C", Region: "r2", Voting: true}, {Key: "d", Name: "D"}},
		Chair: "a", Quorum: governance.Quorum{Members: tally.Frac(1, 2)}, Movers: []governance.Capacity{governance.AsVoting, governance.AsSecretary},
		NeedSecond: true, CloseWhenAllVoted: true, WithoutQuorum: governance.LapseReturned, Objections: governance.ObjectionNoted,
		Motions: map[governance.Kind]governance.Terms{governance.Amendment: {Threshold: tally.TwoThirds}, governance.Resolution: {Threshold: tally.Majority}}}
}

func newModel(t *rapid.T, h *hall) *model {
	m := &model{h: h, places: map[string]map[string]governance.Place{}, motions: map[string]*sheet{}}
	f := governance.Founding{Body: governance.Body{Key: "small", Name: "Small", Charter: modelCharter(),
		Secretary: governance.Person{ID: "person:secretary", Name: "the secretary"}}}
	for i, s := range modelSeats {
		m.places[s] = map[string]governance.Place{}
		if s != "d" {
			f.Occupants = append(f.Occupants, holds(s, modelPeople[i], false))
			m.places[s][modelPeople[i]] = governance.Holding
		}
	}
	if _, err := h.FoundBody(ctx, h.operator(), f); err != nil {
		t.Fatal(err)
	}
	// One motion is open from the start, so that every sequence meets ballots.
	id, r, err := h.Move(ctx, m.origin("p0"), governance.Proposal{Body: "small", Kind: governance.Resolution, Title: "T", Text: "Resolved."})
	h.must(r, err)
	h.must(h.Second(ctx, m.origin("p1"), id))
	m.ids, m.motions[id] = []string{id}, &sheet{state: governance.Pending, recused: map[string]bool{}}
	m.opened(t, id, h.secretary())
	return m
}

func (m *model) someone(t *rapid.T) string { return rapid.SampledFrom(modelPeople).Draw(t, "person") }
func (m *model) seat(t *rapid.T) string    { return rapid.SampledFrom(modelSeats).Draw(t, "seat") }

// origin is somebody with every role but the operator's: what stops them is the
// charter alone.
func (m *model) origin(person string) gate.Origin {
	return m.h.person(person, identity.Member, identity.Chair, identity.Contributor)
}

func (m *model) motion(t *rapid.T) (string, *sheet) {
	if len(m.ids) == 0 {
		t.Skip("no motion yet")
	}
	id := rapid.SampledFrom(m.ids).Draw(t, "motion")
	return id, m.motions[id]
}

// votingSeatOf is the voting seat somebody occupies in the model.
func (m *model) votingSeatOf(person string) string {
	for _, s := range modelSeats[:3] {
		if _, ok := m.places[s][person]; ok {
			return s
		}
	}
	return ""
}

// presider is first in line for the chair's seat.
func (m *model) presider() string {
	for _, place := range governance.Places {
		for person, p := range m.places["a"] {
			if p == place {
				return person
			}
		}
	}
	return ""
}

func (m *model) appoint(t *rapid.T) {
	seat, who := m.seat(t), m.someone(t)
	place := rapid.SampledFrom(governance.Places).Draw(t, "place")
	a := holds(seat, who, false)
	a.Place = place
	_, err := m.h.Appoint(ctx, m.h.secretary(), "small", a)
	other := m.votingSeatOf(who)
	if err == nil && seat != "d" && other != "" && other != seat {
		t.Fatalf("%s sits in %s and in %s", who, other, seat)
	}
	if err != nil {
		if _, there := m.places[seat][who]; !there && (seat == "d" || other == "") && len(m.places[seat]) < 5 {
			t.Fatalf("%s cannot sit in %s: %v", who, seat, err)
		}
		return
	}
	if place != governance.Alternate {
		maps.DeleteFunc(m.places[seat], func(_ string, p governance.Place) bool { return p == place })
	}
	m.places[seat][who] = place
}

func (m *model) resign(t *rapid.T) {
	seat, who := m.seat(t), m.someone(t)
	_, err := m.h.Resign(ctx, m.origin(who), "small", seat)
	if _, there := m.places[seat][who]; there != (err == nil) {
		t.Fatalf("%s resigns %s: %v", who, seat, err)
	}
	delete(m.places[seat], who)
}

// transfer is a member who moves to another region, in mid-motion.
func (m *model) transfer(t *rapid.T) {
	who := m.someone(t)
	from, to := m.votingSeatOf(who), rapid.SampledFrom(modelSeats[:3]).Draw(t, "to")
	if from == "" || from == to {
		t.Skip("nobody moves")
	}
	m.h.must(m.h.Resign(ctx, m.origin(who), "small", from))
	delete(m.places[from], who)
	m.h.must(m.h.Appoint(ctx, m.h.secretary(), "small", holds(to, who, false)))
	maps.DeleteFunc(m.places[to], func(_ string, p governance.Place) bool { return p == governance.Holding })
	m.places[to][who] = governance.Holding
}

func (m *model) move(t *rapid.T) {
	if len(m.ids) == 3 {
		t.Skip("three motions are enough")
	}
	who := m.someone(t)
	id, _, err := m.h.Move(ctx, m.origin(who), governance.Proposal{Body: "small", Kind: governance.Resolution, Title: "T", Text: "Resolved."})
	if err != nil {
		return
	}
	if m.votingSeatOf(who) == "" {
		t.Fatalf("%s moves without a voting seat", who)
	}
	m.ids = append(m.ids, id)
	m.motions[id] = &sheet{state: governance.Moved, recused: map[string]bool{}}
}

func (m *model) second(t *rapid.T) {
	id, s := m.motion(t)
	who := m.someone(t)
	if _, err := m.h.Second(ctx, m.origin(who), id); err != nil {
		return
	}
	if s.state != governance.Moved || m.votingSeatOf(who) == "" {
		t.Fatalf("%s seconds a motion that is %s, from the seat %q", who, s.state, m.votingSeatOf(who))
	}
	s.state = governance.Pending
}

func (m *model) open(t *rapid.T) {
	id, s := m.motion(t)
	who := rapid.SampledFrom(append([]string{"secretary"}, modelPeople...)).Draw(t, "presider")
	before := s.state
	if !m.opened(t, id, m.origin2(who)) {
		return
	}
	if before != governance.Pending || who != "secretary" && who != m.presider() {
		t.Fatalf("%s opens a motion that is %s; %s presides", who, before, m.presider())
	}
}

func (m *model) opened(t *rapid.T, id string, by gate.Origin) bool {
	s, closes := m.motions[id], m.h.now().Add(time.Hour)
	if _, err := m.h.Open(ctx, by, id, closes); err != nil {
		return false
	}
	s.state, s.closes, s.ballots, s.roll = governance.Open, closes, map[string]slip{}, nil
	for _, seat := range modelSeats[:3] {
		if len(m.places[seat]) > 0 {
			s.roll = append(s.roll, seat)
		}
	}
	s.hash = m.stored(t, id).Opened.Hash
	return true
}

func (m *model) origin2(who string) gate.Origin {
	if who == "secretary" {
		return m.h.secretary()
	}
	return m.origin(who)
}

func (m *model) recuse(t *rapid.T) {
	id, s := m.motion(t)
	who := m.someone(t)
	if _, err := m.h.Recuse(ctx, m.origin(who), id); err != nil {
		return
	}
	seat := m.votingSeatOf(who)
	if seat == "" || !slices.Contains([]governance.State{governance.Moved, governance.Pending, governance.Open}, s.state) {
		t.Fatalf("%s stands aside with the seat %q on a motion that is %s", who, seat, s.state)
	}
	s.recused[seat] = true
}

// standsAside is a seat that has cast its ballot and then stands aside: by chance
// alone that happens too seldom for its ballot to be looked for in a count.
func (m *model) standsAside(t *rapid.T) {
	id, s := m.motion(t)
	if s.state != governance.Open || len(s.ballots) == 0 {
		t.Skip("nobody has cast")
	}
	seat := rapid.SampledFrom(slices.Sorted(maps.Keys(s.ballots))).Draw(t, "seat that has cast")
	people := slices.Sorted(maps.Keys(m.places[seat]))
	if len(people) == 0 || s.recused[seat] {
		t.Skip("nobody is there to stand aside, or has done so")
	}
	who := rapid.SampledFrom(people).Draw(t, "who stands aside")
	if _, err := m.h.Recuse(ctx, m.origin(who), id); err != nil {
		t.Fatalf("%s cannot stand aside with %s: %v", who, seat, err)
	}
	s.recused[seat] = true
}

// conclude waits for the deadline of an open motion, closes it and counts it.
func (m *model) conclude(t *rapid.T) {
	id, s := m.motion(t)
	if s.state != governance.Open {
		t.Skip("it is not open")
	}
	if left := s.closes.Sub(m.h.now()); left > 0 {
		m.h.pass(left)
	}
	m.h.must(m.h.Close(ctx, m.h.clerk(), id))
	s.state = governance.Closed
	m.h.must(m.h.Settle(ctx, m.h.clerk(), id))
	m.counted(t, id, s)
}

// cast: whatever is acknowledged the charter allows; and what it plainly allows is
// acknowledged.
func (m *model) cast(t *rapid.T) {
	id, s := m.motion(t)
	who, seat := m.someone(t), m.seat(t)
	if inSeat := slices.Sorted(maps.Keys(m.places[seat])); len(inSeat) > 0 && rapid.IntRange(0, 3).Draw(t, "a stranger") > 0 {
		who = rapid.SampledFrom(inSeat).Draw(t, "occupant")
	}
	v := rapid.SampledFrom([]tally.Vote{tally.Yes, tally.No, tally.Abstain}).Draw(t, "vote")
	_, _, err := m.h.Cast(ctx, m.origin(who), id, seat, governance.Vote{Vote: v})
	place, sits := m.places[seat][who]
	elsewhere := ""
	for other, b := range s.ballots {
		if other != seat && b.person == who {
			elsewhere = other
		}
	}
	allowed := s.state == governance.Open && m.h.now().Before(s.closes) && sits && slices.Contains(s.roll, seat) && !s.recused[seat] && elsewhere == ""
	if err == nil && !allowed {
		t.Fatalf("%s casts for %s, on a motion that is %s until %s, recused %v, having cast for %q", who, seat, s.state, s.closes, s.recused[seat], elsewhere)
	}
	if err != nil && allowed && place == governance.Holding {
		t.Fatalf("the holder %s cannot cast for %s: %v", who, seat, err)
	}
	if err == nil {
		s.ballots[seat] = slip{who, v}
	}
}

func (m *model) closing(t *rapid.T) {
	id, s := m.motion(t)
	r, err := m.h.Close(ctx, m.h.clerk(), id)
	all := true
	for _, seat := range s.roll {
		_, cast := s.ballots[seat]
		all = all && (cast || s.recused[seat])
	}
	may := s.state == governance.Open && (all || !m.h.now().Before(s.closes))
	switch {
	case err == nil && !r.Unchanged && !may:
		t.Fatalf("a motion that is %s until %s closes at %s", s.state, s.closes, m.h.now())
	case err != nil && may:
		t.Fatalf("it does not close when it is due: %v", err)
	case err == nil && !r.Unchanged:
		s.state = governance.Closed
	}
}

func (m *model) settle(t *rapid.T) {
	id, s := m.motion(t)
	if _, err := m.h.Settle(ctx, m.h.clerk(), id); err != nil || s.state != governance.Closed {
		if s.state == governance.Closed {
			t.Fatalf("it cannot be counted: %v", err)
		}
		if s.state == governance.Carried {
			s.state = m.stored(t, id).State
		}
		return
	}
	m.counted(t, id, s)
}

// counted compares the count of a motion with what the model has been told.
func (m *model) counted(t *rapid.T, id string, s *sheet) {
	count, err := m.h.Count(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	yes := 0
	for _, c := range count.RollCall {
		b, cast := s.ballots[c.Seat]
		counts := cast && !s.recused[c.Seat]
		if counts && b.vote == tally.Yes {
			yes++
		}
		if counts != c.Counted || counts && (c.Vote.Vote != b.vote || c.By.ID != "person:"+b.person) {
			t.Fatalf("%s: the roll call has %+v, and it was %+v (recused %v)", c.Seat, c, b, s.recused[c.Seat])
		}
	}
	for _, b := range count.Export.Profile.Ballots {
		if b.Vote == tally.Yes {
			yes--
		}
	}
	if yes != 0 {
		t.Fatalf("what is counted has %d yes fewer than were cast: %+v; the model has %+v", yes, count.Export.Profile.Ballots, s.ballots)
	}
	s.state = m.stored(t, id).State
}

// power: once a body stands nobody but a motion founds or offers.
func (m *model) power(t *rapid.T) {
	who := rapid.SampledFrom([]gate.Origin{m.h.operator(), m.origin("p0")}).Draw(t, "who")
	if _, err := m.h.flags.GrantOffer(ctx, who, "video_visit", flags.Full); err == nil || !fault.Is(err, fault.Refused) && !fault.Is(err, fault.Forbidden) {
		t.Fatalf("%s grants an offer: %v", who.Actor.Name, err)
	}
	f := strategyGroup()
	if _, err := m.h.FoundBody(ctx, who, f); err == nil {
		t.Fatalf("%s founds a body", who.Actor.Name)
	}
}

func (m *model) stored(t *rapid.T, id string) governance.Motion {
	rec, err := m.h.Motion(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Value
}

// check compares the store with the model.
func (m *model) check(t *rapid.T) {
	for _, id := range m.ids {
		s, got := m.motions[id], m.stored(t, id)
		if got.State != s.state {
			t.Fatalf("%s is %s, the model has %s", id, got.State, s.state)
		}
		if s.state != governance.Open {
			continue
		}
		p, err := m.h.Paper(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		var roll []string
		for _, r := range p.Roll {
			roll = append(roll, r.Key)
		}
		if hash, err := p.Hash(); err != nil || hash != s.hash || got.Opened.Hash != s.hash || !slices.Equal(roll, s.roll) {
			t.Fatalf("the paper of %s changed while it is open: %s, %v; %v", id, hash, roll, err)
		}
	}
	house, err := m.h.House(ctx, "small")
	if err != nil {
		t.Fatal(err)
	}
	for _, seat := range modelSeats {
		n := len(house.Seats[seat].Alternates)
		for _, tenure := range []*governance.Tenure{house.Seats[seat].Holder, house.Seats[seat].Acting} {
			if tenure != nil {
				n++
			}
		}
		if n != len(m.places[seat]) {
			t.Fatalf("%s has %d occupants, the model %v", seat, n, m.places[seat])
		}
	}
}

// Random people do random things in any order: no sequence opens a path that the
// charter forbids.
func TestNoSequenceOpensAPathThatTheCharterForbids(t *testing.T) {
	etcd := kvtest.Etcd(t)
	key, err := governance.NewSealKey()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(r *rapid.T) {
		if _, err := etcd.Delete(ctx, kv.Root, clientv3.WithPrefix()); err != nil {
			r.Fatal(err)
		}
		m := newModel(r, bareHall(t, etcd, key))
		r.Repeat(map[string]func(*rapid.T){
			"appoint": m.appoint, "transfer": m.transfer, "transfer too": m.transfer, "resign": m.resign, "move": m.move, "second": m.second, "open": m.open, "recuse": m.recuse,
			"stand aside": m.standsAside, "conclude": m.conclude,
			"cast": m.cast, "cast too": m.cast, "cast more": m.cast, "close": m.closing, "settle": m.settle, "power": m.power,
			"pass": func(t *rapid.T) { m.h.pass(time.Duration(rapid.IntRange(1, 40).Draw(t, "minutes")) * time.Minute) },
			"":     m.check,
		})
	})
}

// bareHall has no replica that follows: nothing here asks what is served.
func bareHall(t *testing.T, etcd *clientv3.Client, key governance.SealKey) *hall {
	store, err := kv.Open(kv.Config{Client: etcd, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{store: store, t: t, at: start}
	g := gate.New(store, gate.Unregulated{}, h.now, log, nil)
	h.flags = flags.NewService(g, flags.NewReplica(store.NewFollower(), h.now, log, nil), h.now)
	h.Service = governance.NewService(g, store, h.flags, key, h.now)
	return h
}
