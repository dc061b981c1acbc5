package flags_test

import (
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// book is a ledger with a clock that the test sets.
type book struct {
	*flags.Ledger
	usage *flags.Usage
	now   *atomic.Int64
}

var declared = []string{"targetingKey", "facility", "patient.age", "patient.location_now"}

func newBook(store *kv.Store, replica string, at time.Time) book {
	b := book{usage: flags.NewUsage(nil), now: &atomic.Int64{}}
	b.now.Store(at.Unix())
	b.usage.Declare(declared)
	b.Ledger = flags.NewLedger(store, b.usage, replica, func() []string { return declared },
		func() time.Time { return time.Unix(b.now.Load(), 0) }, log, nil)
	return b
}

var noon = time.Date(2027, 3, 1, 12, 0, 30, 0, time.UTC)

func (b book) serve(n uint64) {
	b.usage.Counter(flags.Use{Region: "co", Capability: "video_visit", Variant: "on", Reason: eval.TargetingMatch}).Add(n)
}

func (b book) use(facility, group string, n uint64) {
	b.Track([]flags.TrackEvent{{Region: "co", Capability: "video_visit", Facility: facility, Group: group, Event: "used", Count: n}})
}

func (b book) view(t *testing.T, h *house) flags.UsageView {
	t.Helper()
	views, err := b.View(ctx, h.replica.Snapshot(), "co", "video_visit", "2027-03")
	if err != nil || len(views) != 1 {
		t.Fatal(views, err)
	}
	return views[0]
}

func (b book) write(t *testing.T) {
	t.Helper()
	b.Collect()
	if err := b.Write(ctx); err != nil {
		t.Fatal(err)
	}
}

// What several replicas counted adds up, once, through repeated writing and
// through a replica that stops and starts again.
func TestUsageOfAllReplicasAddsUpOnce(t *testing.T) {
	h := newHouse(t)
	h.furnish("video_visit")
	one, two := newBook(h.store, "one", noon), newBook(h.store, "two", noon)
	one.serve(3)
	two.serve(4)
	one.use("co-1", "65+", 20)
	two.use("co-1", "65+", 30)
	for range 3 {
		one.write(t)
		two.write(t)
	}
	one.serve(5)
	one.write(t)
	one.serve(1) // counted, not written: lost when it is killed
	again := newBook(h.store, "one", noon.Add(time.Minute))
	again.serve(10)
	again.use("co-1", "65+", 1)
	again.write(t)
	again.write(t)

	for name, b := range map[string]book{"the one that started again": again, "the other": two} {
		v := b.view(t, h)
		want := []flags.EvaluationCount{{Flag: "video_visit", Variant: "on", Reason: "TARGETING_MATCH", Count: 3 + 4 + 5 + 10}}
		if diff := cmp.Diff(want, v.Evaluations); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if len(v.Tracked) != 1 || v.Tracked[0].Total == nil || v.Tracked[0].Total.Count != 51 {
			t.Errorf("%s: tracked %+v", name, v.Tracked)
		}
	}
}

// While the store is away nothing is lost, and what was sent without an answer is
// not counted twice.
func TestUsageOutlivesTheStore(t *testing.T) {
	client := kvtest.Etcd(t)
	h := houseOn(t, kvtest.Open(t, client, kv.Config{}))
	h.furnish("video_visit")
	away := kvtest.Open(t, client, kv.Config{WriteTimeout: time.Nanosecond})
	b := newBook(away, "one", noon)
	b.serve(7)
	b.Collect()
	if err := b.Write(ctx); err == nil {
		t.Fatal("a nanosecond was enough")
	}
	b.serve(2)
	back := newBook(h.store, "one", noon)
	if v := back.view(t, h); len(v.Evaluations) != 0 {
		t.Fatalf("something was written: %+v", v.Evaluations)
	}
	if n := b.view(t, h).Evaluations[0].Count; n != 9 {
		t.Errorf("%d are shown, want 9", n)
	}
}

// Hours begin anew, months go on, and what is too old is removed, whoever wrote it.
func TestUsageIsKeptForALimitedTime(t *testing.T) {
	h := newHouse(t)
	h.furnish("video_visit")
	count := func() int {
		n := 0
		if _, err := h.store.Scan(ctx, "usage/", func(kv.Event) { n++ }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	old := newBook(h.store, "gone", noon)
	old.serve(1)
	old.write(t)
	if n := count(); n != 2 {
		t.Fatalf("%d records, want an hour and a month", n)
	}
	b := newBook(h.store, "one", noon.Add(flags.UsageHours+2*time.Hour))
	b.serve(1)
	b.write(t)
	if n := count(); n != 3 {
		t.Errorf("after two weeks %d records, want one hour and two shares of the month", n)
	}
	b.now.Store(noon.AddDate(0, flags.UsageMonths+1, 1).Unix())
	b.Collect()
	b.serve(1)
	b.write(t)
	if n := count(); n != 2 {
		t.Errorf("after three years %d records, want one hour and one month", n)
	}
}

func TestFactsAreCountedByNameAndService(t *testing.T) {
	h := newHouse(t)
	h.furnish("video_visit")
	b := newBook(h.store, "one", noon)
	w, all := b.usage.Witness("co", "video_visit"), b.usage.Witness("co", "")
	w.Saw("portal", facts{"targetingKey": "p1", "patient": facts{"age": 44.0}})
	w.Saw("portal", facts{"targetingKey": "p1", "patient": facts{"age": nil, "location_now": "US-CO"}})
	w.Saw("portal", facts{"ssn-123-45-6789": "x", "patient": facts{"name": "y"}})
	all.Saw("app", facts{"facility": "co-1"})
	b.usage.Witness("hi", "video_visit").Saw("portal", facts{"facility": "hi-1"})
	b.usage.Witness("co", "messaging").Saw("portal", facts{"facility": "co-1"})

	want := []flags.ServiceFacts{
		{Service: "app", Requests: 1, Present: map[string]uint64{"facility": 1, "patient.age": 0, "patient.location_now": 0, "targetingKey": 0}},
		{Service: "portal", Requests: 3, Other: 1, Present: map[string]uint64{"facility": 0, "patient.age": 1, "patient.location_now": 1, "targetingKey": 2}},
	}
	if diff := cmp.Diff(want, b.usage.FactShare("co", "video_visit")); diff != "" {
		t.Error(diff)
	}
	b.write(t)
	if diff := cmp.Diff(want, b.view(t, h).Facts); diff != "" {
		t.Errorf("through the store: %s", diff)
	}

	// The list changes with the rules: what was counted stays, by name.
	b.usage.Declare(append([]string{"clinician.licenses"}, declared...))
	w.Saw("portal", facts{"clinician": facts{"licenses": []any{"US-CO"}}})
	got := b.usage.FactShare("co", "video_visit")[1]
	if got.Requests != 4 || got.Present["clinician.licenses"] != 1 || got.Present["patient.age"] != 1 {
		t.Errorf("%+v", got)
	}
	// The hour turns twice: nothing of before is recent.
	for range 2 {
		b.now.Add(3600)
		b.Collect()
	}
	if got := b.usage.FactShare("co", "video_visit"); len(got) != 0 {
		t.Errorf("two hours later %+v", got)
	}
}

// Neither the keys nor the values of a context are kept, and a context of many
// members costs no more than the list of facts is long.
func TestFactsAreBounded(t *testing.T) {
	u := flags.NewUsage(nil)
	u.Declare(declared)
	huge := facts{}
	for i := range 10_000 {
		huge[string(rune('a'+i%26))+time.Unix(int64(i), 0).String()] = i
	}
	huge["facility"] = "co-1"
	w := u.Witness("co", "video_visit")
	w.Saw("portal", huge)
	got := u.FactShare("co", "video_visit")
	if len(got) != 1 || got[0].Other != 1 || got[0].Present["facility"] != 1 || len(got[0].Present) != len(declared) {
		t.Errorf("%+v", got)
	}
	if n := testing.AllocsPerRun(100, func() { w.Saw("portal", facts(nil)) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	for i := range 30_000 {
		w.Saw("service "+time.Unix(int64(i), 0).String(), nil)
	}
	if n := len(u.FactShare("co", "video_visit")); n > 20_010 {
		t.Errorf("%d services are kept apart", n)
	}
}

// BenchmarkFactsSaw is what counting the facts of one request adds to it.
func BenchmarkFactsSaw(b *testing.B) {
	u := flags.NewUsage(nil)
	names := append([]string{}, declared...)
	for i := range 40 {
		names = append(names, "patient.fact_"+string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	u.Declare(names)
	w := u.Witness("co", "video_visit")
	context := maps.Clone(facts{"targetingKey": "p1", "action": "start", "patient": facts{"age": 44.0, "location_now": "US-CO"},
		"clinician": facts{"licenses": []any{"US-CO"}}})
	b.ReportAllocs()
	for b.Loop() {
		w.Saw("portal", context)
	}
}

func TestDenominatorsAreEnteredByTheRegion(t *testing.T) {
	h := newHouse(t)
	h.furnish("video_visit")
	h.must(h.SetFacility(ctx, coLead, facilityOf("co", "co-1")))
	b := newBook(h.store, "one", noon)
	set := func(d flags.Denominator) error {
		_, err := h.SetDenominator(ctx, coLead, d)
		return err
	}
	for _, d := range []flags.Denominator{
		{Region: "co", Members: 1000, AsOf: "2026-03-01"},
		{Region: "co", Facility: "co-1", Group: "65+", Members: 400, AsOf: "2026-03-01"},
	} {
		if err := set(d); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []flags.Denominator{
		{Region: "hi", Members: 1000, AsOf: "2026-03-01"},
		{Region: "zz", Members: 1000, AsOf: "2026-03-01"},
		{Region: "co", Members: 10, AsOf: "2026-03-01"},
		{Region: "co", Members: -1, AsOf: "2026-03-01"},
		{Region: "co", Members: 1000, AsOf: "yesterday"},
		{Region: "co", Members: 1000, AsOf: "2999-01-01"},
		{Region: "co", Facility: "co-9", Members: 1000, AsOf: "2026-03-01"},
		{Region: "co", Group: "born 1950-02-03", Members: 1000, AsOf: "2026-03-01"},
	} {
		if err := set(d); err == nil {
			t.Errorf("%+v was entered", d)
		}
	}
	b.use("co-1", "65+", 50)
	b.use("co-1", "18-44", 100)
	b.use("", "18-44", 100)
	b.use("", "65+", 30)
	used := b.view(t, h).Tracked[0]
	if used.Total.Count != 280 || used.Total.Members != 1000 || *used.Total.PerThousand != 280 {
		t.Errorf("total %+v", used.Total)
	}
	found := false
	for _, c := range used.Cells {
		if c.Facility == "co-1" && c.Group == "65+" {
			found = true
			if c.Members != 400 || *c.PerThousand != 125 {
				t.Errorf("%+v", c)
			}
		}
		if c.Facility == "" && c.Members != 0 {
			t.Errorf("use without a facility is compared with members: %+v", c)
		}
	}
	if !found {
		t.Errorf("%+v", used.Cells)
	}
}

// What is compiled reads is declared, also where no capability names it.
func TestWhatIsReadIsDeclared(t *testing.T) {
	h := newHouse(t)
	h.furnish()
	c := rich("video_visit")
	c.RequiresSystems = []string{"video_platform"}
	h.offer(c)
	got := h.replica.Snapshot().DeclaredFacts()
	for _, name := range append([]string{"targetingKey", "facility", "action"}, c.Context...) {
		if !slices.Contains(got, name) {
			t.Errorf("%s is not declared: %v", name, got)
		}
	}
}
