package flags_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// A snapshot that was changed step by step is the one that is built at once from
// the store; and founding a region changes nothing in another.
func TestASnapshotFollowsAnyHistory(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	h := newHouse(t)
	h.clock = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	a := &author{house: h, rand: rand.New(rand.NewPCG(seed, 1)), accepted: map[string]int{}}
	for step := range 1000 {
		a.act()
		if step%25 == 24 {
			a.compare()
		}
		if step%250 == 249 {
			a.found(fmt.Sprint("new", step))
		}
	}
	for _, verb := range verbs {
		if a.accepted[verb.name] == 0 {
			t.Errorf("%s was never accepted: the test does not see it", verb.name)
		}
	}
}

// author writes a random history.
type author struct {
	*house
	rand     *rand.Rand
	accepted map[string]int
}

func (a *author) pick(n int) int { return a.rand.IntN(n) }

func pickOf[T any](a *author, list ...T) T { return list[a.pick(len(list))] }

func (a *author) region() string     { return pickOf(a, "co", "hi", "ga") }
func (a *author) capability() string { return pickOf(a, "one", "two", "three", "four") }
func (a *author) local() string {
	return a.clock.AddDate(0, 0, a.pick(300)).Format(flags.LocalLayout)
}

func (a *author) how() (h flags.How) {
	h.Variant = pickOf(a, "", "", "long", "none")
	switch a.pick(4) {
	case 0:
		h.Rollout = percent(float64(a.pick(101)))
	case 1:
		h.Rollout = &flags.Rollout{Stages: []flags.RolloutStage{{At: a.clock.AddDate(0, 0, 1+a.pick(30)).Format(flags.LocalLayout), Percent: 10}, {At: a.clock.AddDate(0, 2, a.pick(30)).Format(flags.LocalLayout), Percent: 90}}}
	}
	if a.pick(3) == 0 {
		h.Schedule.From = a.local()
	}
	if a.pick(3) == 0 {
		h.Audience.Languages = []string{"es"}
	}
	if a.pick(3) == 0 {
		h.Audience.AgeMin = ptr(a.pick(90))
	}
	return h
}

// verbs are all that can be done; some of it is refused, by chance.
var verbs = []struct {
	name string
	do   func(a *author) (gate.Receipt, error)
}{
	{"set region", func(a *author) (gate.Receipt, error) {
		r := region(a.region())
		r.TimeZone = pickOf(a, "America/Denver", "Pacific/Honolulu", "America/New_York")
		return a.SetRegion(ctx, operator, r)
	}},
	{"set facility", func(a *author) (gate.Receipt, error) {
		r := a.region()
		return a.SetFacility(ctx, operator, facilityOf(r, r+"-"+pickOf(a, "1", "2"), pickOf(a, []string{"ehr"}, nil, []string{"ehr", "video"})...))
	}},
	{"set capability", func(a *author) (gate.Receipt, error) {
		needs := map[string][]string{"two": {"one"}, "three": {"one", "two"}}
		key := a.capability()
		c := rich(key, needs[key][:a.pick(1+len(needs[key]))]...)
		c.RequiresSystems = pickOf(a, nil, []string{"ehr"}, []string{"video"})
		if a.pick(3) == 0 {
			c.Settings = append(c.Settings, flags.Setting{Key: "extra", Type: "boolean", Description: "x", Off: false, Default: true})
		}
		return a.SetCapability(ctx, operator, c)
	}},
	{"grant", func(a *author) (gate.Receipt, error) {
		if a.pick(2) == 0 {
			return a.GrantOffer(ctx, operator, a.capability(), flags.Full)
		}
		return a.GrantOfferUnder(ctx, operator, a.capability(), flags.Pilot, flags.Terms{Facilities: map[string][]string{"co": {"co-1"}}, CapPercent: ptr(50.0), End: "2027-06-30", Hypothesis: "It helps."})
	}},
	{"withdraw", func(a *author) (gate.Receipt, error) { return a.WithdrawOffer(ctx, operator, a.capability()) }},
	{"enable", func(a *author) (gate.Receipt, error) {
		how := a.how()
		return a.answer(flags.Reply{Answer: flags.Enable, How: &how, Baseline: pickOf(a, "", flags.Follow, flags.Accept, flags.Apart)})
	}},
	{"enable again", func(a *author) (gate.Receipt, error) { return a.answer(flags.Reply{Answer: flags.Enable}) }},
	{"later", func(a *author) (gate.Receipt, error) {
		return a.answer(flags.Reply{Answer: flags.Later, Until: "2099-01-01"})
	}},
	{"turn off", func(a *author) (gate.Receipt, error) {
		r := a.region()
		return a.TurnOff(ctx, operator, r, a.capability())
	}},
	{"set baseline", func(a *author) (gate.Receipt, error) { return a.SetBaseline(ctx, operator, a.capability(), a.how()) }},
	{"accept baseline", func(a *author) (gate.Receipt, error) {
		r, c := a.region(), a.capability()
		_, _ = a.SetBaseline(ctx, operator, c, a.how()) // refused where a follower is frozen
		return a.AcceptBaseline(ctx, lead(r), r, c)
	}},
	{"set freeze", func(a *author) (gate.Receipt, error) {
		r := a.region()
		from := a.clock.AddDate(0, 0, 1+a.pick(40))
		return a.SetFreeze(ctx, lead(r), flags.Freeze{ID: pickOf(a, "a", "b"), Region: r, From: from.Format(flags.LocalLayout), To: from.AddDate(0, 0, 1+a.pick(20)).Format(flags.LocalLayout)})
	}},
	{"end freeze", func(a *author) (gate.Receipt, error) {
		r := a.region()
		return a.EndFreeze(ctx, lead(r), r, pickOf(a, "a", "b"))
	}},
}

func lead(region string) gate.Origin { return as("regional_lead", region) }

func (a *author) answer(reply flags.Reply) (gate.Receipt, error) {
	r := a.region()
	return a.AnswerOffer(ctx, lead(r), r, a.capability(), reply)
}

// act does one thing at random, some hours later than the last.
func (a *author) act() {
	a.t.Helper()
	a.clock = a.clock.Add(time.Duration(a.pick(12)) * time.Hour)
	verb := verbs[a.pick(len(verbs))]
	receipt, err := verb.do(a)
	if f := fault.From(err); f != nil && f.Kind != fault.Refused && f.Kind != fault.Invalid && f.Kind != fault.NotFound {
		a.t.Fatalf("%s: %v", verb.name, err)
	}
	if err == nil && !receipt.Unchanged {
		a.accepted[verb.name]++
	}
}

// compare builds a snapshot from the store at once and holds it against the one
// that was changed step by step.
func (a *author) compare() {
	a.t.Helper()
	f := a.store.NewFollower()
	fresh := flags.NewReplica(f, time.Now, log, nil) // on a goroutine of its own, which must not read the clock of the test
	kvtest.Follow(a.t, f)
	stepwise, atOnce := a.replica.Snapshot(), fresh.Snapshot()
	for _, r := range stepwise.Regions() {
		key := r.Value.Key
		if diff := cmp.Diff(flags.Definitions(atOnce, key), flags.Definitions(stepwise, key)); diff != "" {
			a.t.Fatalf("definitions of %s, at once and step by step:\n%s", key, diff)
		}
		if !slices.Equal(flags.Boundaries(atOnce, key), flags.Boundaries(stepwise, key)) || atOnce.RegionRevision(key) != stepwise.RegionRevision(key) {
			a.t.Fatalf("%s: boundaries or revision differ", key)
		}
	}
	if diff := cmp.Diff(atOnce.Board(a.clock), stepwise.Board(a.clock), cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Revision" }, cmp.Ignore())); diff != "" {
		a.t.Fatalf("the board, at once and step by step:\n%s", diff)
	}
}

// found founds a region, and answers in it, with an eye on the others.
func (a *author) found(key string) {
	a.t.Helper()
	before := map[string]map[string]string{}
	for _, r := range a.replica.Snapshot().Regions() {
		before[r.Value.Key] = flags.Definitions(a.replica.Snapshot(), r.Value.Key)
	}
	a.must(a.SetRegion(ctx, operator, region(key)))
	a.must(a.SetFacility(ctx, operator, facilityOf(key, key+"-1", "ehr")))
	for _, c := range []string{"one", "two"} {
		_, _ = a.AnswerOffer(ctx, lead(key), key, c, flags.Reply{Answer: flags.Enable}) // refused unless it is offered
	}
	for region, definitions := range before {
		if after := flags.Definitions(a.replica.Snapshot(), region); !maps.Equal(definitions, after) {
			a.t.Fatalf("founding %s changed %s:\n%s", key, region, cmp.Diff(definitions, after))
		}
	}
}
