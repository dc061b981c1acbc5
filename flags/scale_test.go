package flags

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// size is a made-up group of regions of a given size.
type size struct{ regions, facilities, capabilities int }

var (
	realYear = size{regions: 8, facilities: 300, capabilities: 100}
	huge     = size{regions: 50, facilities: 1000, capabilities: 10_000}
)

func (w size) capability(i int) string { return fmt.Sprintf("capability_%05d", i) }
func (w size) region(i int) string     { return fmt.Sprintf("r%02d", i) }

// write puts the world into a store: every region answers every second offer
// with enable, records of 300 bytes and more.
func (w size) write(b *testing.B, store *kv.Store) {
	b.Helper()
	act := Act{Change: "01a20e3f-26e2-7198-abde-aaa3eab0821b", By: "Colorado regional lead", At: time.Unix(1_700_000_000, 0).UTC(),
		Reason: "Clinics are ready, the schedule has room, and the call centre was trained last week."}
	puts := make(chan func(*kv.Tx) error, 1000)
	go func() {
		defer close(puts)
		for r := range w.regions {
			rec := Region{Key: w.region(r), Name: "Region", Jurisdictions: []string{"US-CO"}, TimeZone: "America/Denver"}
			puts <- func(tx *kv.Tx) error { return kv.Create(tx, regions.Key(rec.Key), rec) }
		}
		for f := range w.facilities {
			rec := Facility{Key: fmt.Sprintf("f-%d", f), Region: w.region(f % w.regions), Name: "Clinic", Kind: "clinic", Jurisdiction: "US-CO"}
			puts <- func(tx *kv.Tx) error { return kv.Create(tx, facilities.Key(rec.Region, rec.Key), rec) }
		}
		for c := range w.capabilities {
			rec := Capability{Key: w.capability(c), Name: "Capability", Kind: "clinical", Stage: Offered, Risk: "low",
				ForPatients: "Something useful for a patient.", ForClinicians: "Something to know for a clinician."}
			offer := Offer{Capability: rec.Key, Kind: Full, Granted: act}
			puts <- func(tx *kv.Tx) error { return kv.Create(tx, capabilities.Key(rec.Key), rec) }
			puts <- func(tx *kv.Tx) error { return kv.Create(tx, offers.Key(rec.Key), offer) }
			for r := range w.regions {
				answer := Enablement{Region: w.region(r), Capability: rec.Key, Answer: Enable, Answered: act}
				if (c+r)%2 == 1 {
					answer.Answer, answer.Review = Decline, "2099-01-01"
				}
				puts <- func(tx *kv.Tx) error { return kv.Create(tx, enablements.Key(answer.Region, answer.Capability), answer) }
			}
		}
	}()
	writeAll(b, store, puts)
}

// writeAll writes in transactions of as many records as one takes.
func writeAll(b *testing.B, store *kv.Store, puts <-chan func(*kv.Tx) error) {
	b.Helper()
	for more := true; more; {
		batch := make([]func(*kv.Tx) error, 0, kv.MaxRecords)
		for len(batch) < kv.MaxRecords {
			put, ok := <-puts
			if more = ok; !ok {
				break
			}
			batch = append(batch, put)
		}
		_, err := store.Update(context.Background(), "", func(tx *kv.Tx) error {
			for _, put := range batch {
				if err := put(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// events are the world as a follower hands it over.
func (w size) events(b *testing.B) []kv.Event {
	b.Helper()
	store := kvtest.New(b)
	w.write(b, store)
	var all []kv.Event
	f := store.NewFollower()
	f.Subscribe(func(batch kv.Batch) { all = append(all, batch.Events...) }, Prefixes()...)
	kvtest.Follow(b, f)
	return all
}

func noQuarantine(b *testing.B) func(string, error) {
	return func(path string, err error) { b.Errorf("%s: %v", path, err) }
}

func buildAll(b *testing.B, events []kv.Event) *Snapshot {
	next := newBuilder(nil, noQuarantine(b))
	for _, e := range events {
		next.take(e)
	}
	return next.build(1)
}

// A year's size, recompiled whole: 8 regions, 300 facilities, 100 capabilities.
func BenchmarkRecompileARealYear(b *testing.B) {
	events := realYear.events(b)
	b.ReportAllocs()
	for b.Loop() {
		buildAll(b, events)
	}
}

// One answer of one region, recompiled and swapped, in a world of 10,000
// capabilities and 50 regions; and what the world costs to load from etcd.
func BenchmarkAHugeWorld(b *testing.B) {
	store := kvtest.New(b)
	began := time.Now()
	huge.write(b, store)
	b.Logf("written in %s", time.Since(began).Round(time.Millisecond))
	debug.FreeOSMemory()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	forgetPeak()
	began = time.Now()
	f := store.NewFollower()
	replica := NewReplica(f, time.Now, slog.New(slog.DiscardHandler), nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go f.Run(ctx)
	<-f.Ready()
	loaded := time.Since(began)
	peak := peakMiB()
	runtime.GC()
	runtime.ReadMemStats(&after)
	snapshot := replica.Snapshot()
	var events []kv.Event
	for i := range 2 {
		answer := snapshot.regions["r07"].enablement(i * 5)
		answer.Value.Answer = []Answer{Decline, Enable}[i]
		events = append(events, eventOf(b, store, answer.Value))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		next := newBuilder(snapshot, noQuarantine(b))
		next.take(events[i%len(events)])
		snapshot = next.build(snapshot.Revision + 1)
		i++
	}
	b.ReportMetric(loaded.Seconds(), "cold-load-s")
	b.ReportMetric(peak, "peak-MiB-with-etcd")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "snapshot-MiB")
}

// forgetPeak begins anew to note how much memory the process has held at most
// (proc(5): clear_refs, 5).
func forgetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMiB is how much that was, etcd in the same process included; 0 where the
// system does not tell.
func peakMiB() float64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), "VmHWM:")
	var kB float64
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		return 0
	}
	return kB / 1024
}

// eventOf writes a record and returns it as the event a follower would hand over.
func eventOf(b *testing.B, store *kv.Store, e Enablement) kv.Event {
	b.Helper()
	var got kv.Event
	f := store.NewFollower()
	f.Subscribe(func(batch kv.Batch) {
		for _, e := range batch.Events {
			got = e
		}
	}, enablements.Key(e.Region, e.Capability).Path())
	_, err := store.Update(context.Background(), "", func(tx *kv.Tx) error { return kv.Put(tx, enablements.Key(e.Region, e.Capability), e) })
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go f.Run(ctx)
	<-f.Ready()
	return got
}
