package governance_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

var (
	ctx   = context.Background()
	log   = slog.New(slog.DiscardHandler)
	start = time.Date(2027, 1, 11, 9, 0, 0, 0, time.UTC)
)

// hall is this slice on a store of its own, with a clock that the test sets.
type hall struct {
	*governance.Service
	flags   *flags.Service
	replica *flags.Replica
	store   *kv.Store
	t       testing.TB
	mu      sync.Mutex
	at      time.Time
}

func (h *hall) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

// pass lets time go by.
func (h *hall) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

func newHall(t testing.TB) *hall {
	t.Helper()
	key, err := governance.NewSealKey()
	if err != nil {
		t.Fatal(err)
	}
	return hallOn(t, kvtest.New(t), key)
}

func hallOn(t testing.TB, store *kv.Store, key governance.SealKey) *hall {
	t.Helper()
	h := &hall{store: store, t: t, at: start}
	f := store.NewFollower()
	h.replica = flags.NewReplica(f, h.now, log, nil)
	kvtest.Follow(t, f)
	g := gate.New(store, gate.Unregulated{}, h.now, log, nil)
	g.SettleOn(f)
	h.flags = flags.NewService(g, h.replica, h.now)
	h.Service = governance.NewService(g, store, h.flags, key, h.now)
	return h
}

// person is somebody by a short name, signed in just now, with roles for every
// region.
func (h *hall) person(name string, roles ...identity.Role) gate.Origin {
	p := identity.Principal{ID: "person:" + name, Name: "the " + name, Strength: identity.BySignIn, AuthTime: h.now()}
	for _, r := range roles {
		p.Grants = append(p.Grants, identity.Grant{Role: r, Regions: []string{identity.Every}})
	}
	return gate.Origin{Actor: p, Reason: "as agreed"}
}

func (h *hall) operator() gate.Origin { return h.person("operator", identity.Operator) }
func (h *hall) secretary() gate.Origin {
	return h.person("secretary", identity.Secretary)
}
func (h *hall) chair() gate.Origin { return h.member("nca") }

// member is who holds the seat of a region.
func (h *hall) member(seat string) gate.Origin {
	roles := []identity.Role{identity.Member}
	if seat == "nca" {
		roles = append(roles, identity.Chair)
	}
	return h.person(seat, roles...)
}
func (h *hall) clerk() gate.Origin { return gate.Origin{Actor: governance.Clerk()} }

func (h *hall) must(r gate.Receipt, err error) gate.Receipt {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// The strategy group: five physicians and two others, each of a region, and two
// advisers.
func strategyCharter() governance.Charter {
	majority := governance.Terms{Threshold: tally.Majority, OpenHours: 1}
	return governance.Charter{
		Seats: []governance.SeatRule{
			{Key: "nca", Name: "Northern California", Region: "nca", Discipline: "medicine", Physician: true, Voting: true},
			{Key: "sca", Name: "Southern California", Region: "sca", Discipline: "medicine", Physician: true, Voting: true},
			{Key: "co", Name: "Colorado", Region: "co", Discipline: "pediatrics", Physician: true, Voting: true},
			{Key: "ga", Name: "Georgia", Region: "ga", Discipline: "medicine", Physician: true, Voting: true},
			{Key: "hi", Name: "Hawaii", Region: "hi", Discipline: "family", Physician: true, Voting: true},
			{Key: "mas", Name: "Mid-Atlantic", Region: "mas", Discipline: "nursing", Voting: true},
			{Key: "nw", Name: "Northwest", Region: "nw", Discipline: "operations", Voting: true},
			{Key: "panel", Name: "Member panel"},
			{Key: "marketing", Name: "Marketing"},
		},
		Chair: "nca", PhysicianLed: true,
		Quorum: governance.Quorum{Members: tally.Frac(1, 2), Regions: tally.Frac(1, 2), Physicians: tally.Frac(1, 2), Strict: true},
		Movers: []governance.Capacity{governance.AsVoting, governance.AsSecretary}, NeedSecond: true,
		Motions: map[governance.Kind]governance.Terms{
			governance.Direction: majority, governance.Rescind: majority, governance.Retire: majority, governance.Ratify: majority,
			governance.Resolution: majority, governance.Rating: majority, governance.Adopt: {Threshold: tally.UnanimousCast},
			governance.OfferIt:   {Threshold: tally.Majority, OpenHours: 1, ChallengeDays: 3},
			governance.Priority:  {Threshold: tally.Majority, ChallengeDays: 7},
			governance.Choice:    {Threshold: tally.Majority, Rule: "schulze"},
			governance.Amendment: {Threshold: tally.TwoThirds, DoubleMajority: true},
			governance.Found:     {Threshold: tally.TwoThirds},
		},
		Portfolio:     &governance.Portfolio{Rule: "equal_shares_cost_add1", Ballot: governance.Approval, Ties: []tally.TieBy{tally.ByCost, tally.ByVotes, tally.ByLot}},
		WithoutQuorum: governance.LapseReturned, Objections: governance.ObjectionBlocks,
		Owns: []string{"clinical", "administrative"}, RatifiesFrom: []string{"emergency"},
	}
}

var votingSeats = []string{"nca", "sca", "co", "ga", "hi", "mas", "nw"}

func strategyGroup() governance.Founding {
	f := governance.Founding{Body: governance.Body{Key: "strategy", Name: "Strategy group", Charter: strategyCharter(),
		Secretary: governance.Person{ID: "person:secretary", Name: "the secretary"}}}
	for _, s := range f.Body.Charter.Seats {
		f.Occupants = append(f.Occupants, holds(s.Key, s.Key, s.Physician))
	}
	return f
}

func holds(seat, name string, physician bool) governance.Appointment {
	return governance.Appointment{Seat: seat, Place: governance.Holding, Physician: physician,
		Person: governance.Person{ID: "person:" + name, Name: "the " + name}}
}

// founded is a hall with the strategy group, and video visits ready to be offered.
func founded(t testing.TB) *hall {
	t.Helper()
	h := newHall(t)
	h.furnish()
	h.must(h.FoundBody(ctx, h.operator(), strategyGroup()))
	return h
}

func (h *hall) furnish() {
	h.t.Helper()
	for _, r := range votingSeats {
		h.must(h.flags.SetRegion(ctx, h.operator(), flags.Region{Key: r, Name: r, Jurisdictions: []string{"US-CO"}, TimeZone: "America/Denver"}))
	}
	h.capability("video_visit", "clinical", flags.Ready)
}

func (h *hall) capability(key, kind string, stage flags.Stage) {
	h.t.Helper()
	h.must(h.flags.SetCapability(ctx, h.operator(), flags.Capability{Key: key, Name: key, Kind: kind, Stage: stage, Risk: "low",
		ForPatients: "See a clinician.", ForClinicians: "Visits."}))
}

// moved moves a motion and has it seconded.
func (h *hall) moved(p governance.Proposal) string {
	h.t.Helper()
	if p.Body == "" {
		p.Body = "strategy"
	}
	if p.Title == "" {
		p.Title, p.Text = "A motion", "Resolved, that it be so."
	}
	id, r, err := h.Move(ctx, h.member("sca"), p)
	h.must(r, err)
	h.must(h.Second(ctx, h.member("co"), id))
	return id
}

// opened moves, seconds and opens a motion for a day.
func (h *hall) opened(p governance.Proposal) string {
	h.t.Helper()
	id := h.moved(p)
	h.must(h.Open(ctx, h.secretary(), id, h.now().Add(24*time.Hour)))
	return id
}

func yes() governance.Vote     { return governance.Vote{Vote: tally.Yes} }
func no() governance.Vote      { return governance.Vote{Vote: tally.No} }
func abstain() governance.Vote { return governance.Vote{Vote: tally.Abstain} }

func (h *hall) cast(id, seat string, v governance.Vote) governance.Receipt {
	h.t.Helper()
	receipt, r, err := h.Cast(ctx, h.member(seat), id, seat, v)
	h.must(r, err)
	return receipt
}

// ended closes a motion at its deadline and counts it.
func (h *hall) ended(id string) governance.Motion {
	h.t.Helper()
	h.pass(25 * time.Hour)
	h.must(h.Close(ctx, h.clerk(), id))
	return h.settled(id)
}

func (h *hall) settled(id string) governance.Motion {
	h.t.Helper()
	h.must(h.Settle(ctx, h.clerk(), id))
	m, err := h.Motion(ctx, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return m.Value
}

func offerVideo() governance.Proposal {
	return governance.Proposal{Kind: governance.OfferIt, Title: "Offer video visits", Text: "Resolved, that video visits be offered to all regions.",
		Subject: governance.Subject{Capability: "video_visit", Offer: flags.Full}}
}

type (
	origin   = gate.Origin
	originOf func() origin
)

// dump is the state of this slice, as text.
func (h *hall) dump() string {
	h.t.Helper()
	motions, err := h.Motions(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	house, err := h.House(ctx, "strategy")
	if err != nil {
		h.t.Fatal(err)
	}
	raw, err := json.Marshal([]any{motions, house})
	if err != nil {
		h.t.Fatal(err)
	}
	return string(raw)
}
