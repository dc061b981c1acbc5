package kv

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/fault"
)

const (
	progressEvery = time.Second     // how often the watch is asked for a sign of life
	silence       = 3 * time.Second // no sign for so long: start again by listing
	listTimeout   = 5 * time.Second // one call to the store while loading
	reloadPause   = 250 * time.Millisecond
	reconcileEach = time.Minute
	keepSeenEach  = 10 * time.Second
	firstPage     = 1000    // records in the first call while loading
	largestPage   = 50_000  // and at most in a later one
	pageBytes     = 8 << 20 // that later ones aim at
)

// An Event is one record that was written, or deleted if Value is nil. Value is
// the stored form: give it to Collection.Decode.
type Event struct {
	Path     string
	Value    []byte
	Created  int64
	Revision int64
}

// A Batch is what changed between the last batch and Revision: every revision
// whole, in the order of the store. First marks the first one, which holds
// everything. Listed marks one that was found by listing, where several changes
// of one record are seen as the last of them.
type Batch struct {
	Revision      int64
	Life          Incarnation // of the store
	First, Listed bool
	Events        []Event
}

// A Follower keeps one watch and hands what it sees to its subscribers. It
// remembers which record stands at which revision, so that a list taken later
// can be turned into the changes that were missed.
type Follower struct {
	store    *Store
	prefixes []string
	subs     []subscriber
	ready    chan struct{}

	mu       sync.Mutex
	have     map[string]int64 // path → revision of the record as handed over
	revision int64
	moved    chan struct{} // closed and replaced when revision advances

	life       Incarnation  // of the store as last listed; Run's goroutine alone
	started    time.Time    // with its monotonic reading
	contact    atomic.Int64 // unix nanoseconds of the last sign of life, for people
	heard      atomic.Int64 // nanoseconds from started to it, by the monotonic clock
	mismatches atomic.Int64
	reloads    atomic.Int64
}

type subscriber struct {
	prefixes []string
	apply    func(Batch)
}

// NewFollower follows nothing yet: Subscribe first, then Run.
func (s *Store) NewFollower() *Follower {
	return &Follower{store: s, started: time.Now(), ready: make(chan struct{}), have: map[string]int64{}, moved: make(chan struct{})}
}

// Subscribe has apply called with every change below the prefixes, from one
// goroutine, in order. A batch without events for a subscriber is still handed
// over when it is the first. It must be called before Run; apply must not block.
func (f *Follower) Subscribe(apply func(Batch), prefixes ...string) {
	for _, p := range prefixes {
		if !hasPrefix(p, f.prefixes) { // what is listed twice is handed over twice
			f.prefixes = append(f.prefixes, p)
		}
	}
	f.subs = append(f.subs, subscriber{prefixes: prefixes, apply: apply})
}

// Ready is closed once every subscriber has been given its first batch.
func (f *Follower) Ready() <-chan struct{} { return f.ready }

// Revision is the newest revision of the store that was handed over, or that is
// known to have changed nothing that is followed.
func (f *Follower) Revision() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.revision
}

// LastContact is when the store last gave a sign of life; zero before the first.
func (f *Follower) LastContact() time.Time {
	if n := f.contact.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

// Fresh reports whether the store has given a sign of life lately enough for
// silence not to count as failure. A wall clock that is set does not change it.
func (f *Follower) Fresh() bool {
	heard := f.heard.Load()
	return heard != 0 && time.Since(f.started)-time.Duration(heard) <= silence
}

// Silence is how long ago the store last gave a sign of life, by the monotonic
// clock, which nobody sets; as long as can be before the first.
func (f *Follower) Silence() time.Duration {
	heard := f.heard.Load()
	if heard == 0 {
		return math.MaxInt64
	}
	return time.Since(f.started) - time.Duration(heard)
}

// Mismatches counts records that the minute's comparison found to differ from
// the store; Reloads counts how often the watch was given up and listed again.
func (f *Follower) Mismatches() int64 { return f.mismatches.Load() }

// Reloads counts how often the follower started again by listing, the first
// time included.
func (f *Follower) Reloads() int64 { return f.reloads.Load() }

// Wait returns once revision rev has been handed over, or with ctx's end.
func (f *Follower) Wait(ctx context.Context, rev int64) error {
	for {
		f.mu.Lock()
		done, moved := f.revision >= rev, f.moved
		f.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fault.New(fault.NotReady, "revision_not_seen", "this replica has not seen revision %d yet; it is at %d", rev, f.Revision()).
				Do("try again in a moment")
		}
	}
}

// Run follows until ctx ends, through every failure of the store.
func (f *Follower) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := f.follow(ctx); err != nil && ctx.Err() == nil {
			f.store.log.Warn("the store's feed broke; listing again", "error", err, "detail", errors.Unwrap(err))
		}
		sleep(ctx, reloadPause)
	}
}

// follow lists, then watches from the next revision until something breaks.
func (f *Follower) follow(ctx context.Context) error {
	f.reloads.Add(1)
	revision, err := f.load(ctx)
	if err != nil {
		return err
	}
	return f.watch(ctx, revision)
}

// load lists everything followed at one revision and hands over the difference
// from what was handed over before; all of it if the store began another life,
// in which a record may stand at the revision of an old one.
func (f *Follower) load(ctx context.Context) (int64, error) {
	call, cancel := context.WithTimeout(ctx, listTimeout)
	err := f.store.Identify(call)
	cancel()
	if err != nil {
		return 0, err
	}
	life := f.store.seen.state().Incarnation
	another := f.life != (Incarnation{}) && f.life != life
	var events []Event
	revision := int64(0)
	found := map[string]int64{}
	for _, prefix := range f.prefixes {
		err := f.list(ctx, prefix, &revision, func(e Event) {
			found[e.Path] = e.Revision
			if another || f.have[e.Path] != e.Revision {
				events = append(events, e)
			}
		})
		if err != nil {
			return 0, err
		}
	}
	for path := range f.have {
		if _, ok := found[path]; !ok {
			events = append(events, Event{Path: path, Revision: revision})
		}
	}
	if revision == 0 {
		return 0, errors.New("nothing is followed")
	}
	f.life = life
	f.handOver(Batch{Revision: revision, Listed: true, Events: events})
	return revision, nil
}

// list pages through a prefix at *revision, which the first page sets. Pages
// grow to pageBytes: etcd counts the rest of the range for each of them, so many
// small ones cost the square of what is there.
func (f *Follower) list(ctx context.Context, prefix string, revision *int64, each func(Event), opts ...clientv3.OpOption) error {
	from, end := Root+prefix, clientv3.GetPrefixRangeEnd(Root+prefix)
	limit := int64(firstPage)
	for {
		call, cancel := context.WithTimeout(ctx, listTimeout)
		resp, err := f.store.client.Get(call, from, append(opts,
			clientv3.WithRange(end), clientv3.WithRev(*revision), clientv3.WithLimit(limit),
			clientv3.WithSort(clientv3.SortByKey, clientv3.SortAscend))...)
		cancel()
		if err != nil {
			return unavailable(err)
		}
		f.alive()
		if *revision == 0 {
			*revision = resp.Header.Revision
		}
		for _, kv := range resp.Kvs {
			each(eventOf(kv))
		}
		if !resp.More {
			return nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
		limit = nextPage(resp.Kvs)
	}
}

// nextPage is how many records like these have pageBytes.
func nextPage(kvs []*mvccpb.KeyValue) int64 {
	bytes := 0
	for _, kv := range kvs {
		bytes += len(kv.Key) + len(kv.Value)
	}
	return min(max(int64(pageBytes*len(kvs)/max(bytes, 1)), firstPage/10), largestPage)
}

func eventOf(kv *mvccpb.KeyValue) Event {
	return Event{Path: string(kv.Key[len(Root):]), Value: kv.Value, Created: kv.CreateRevision, Revision: kv.ModRevision}
}

func (f *Follower) alive() {
	f.contact.Store(f.store.now().UnixNano())
	f.heard.Store(int64(time.Since(f.started)))
}

// watch hands over what comes until the watch is cancelled, goes back in time,
// or falls silent. A watch on a partitioned or frozen store gives no error.
func (f *Follower) watch(ctx context.Context, revision int64) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	events := f.store.client.Watch(ctx, Root, clientv3.WithPrefix(), clientv3.WithRev(revision+1),
		clientv3.WithFragment(), clientv3.WithProgressNotify())
	progress := time.NewTicker(progressEvery)
	defer progress.Stop()
	reconcile := time.NewTicker(reconcileEach)
	defer reconcile.Stop()
	keep := time.NewTicker(keepSeenEach)
	defer keep.Stop()
	heard := time.Now() // monotonic: a stepped wall clock must not look like silence
	for {
		select {
		case resp, ok := <-events:
			if !ok {
				return errors.New("the watch ended")
			}
			if err := resp.Err(); err != nil {
				return fmt.Errorf("watching: %w", err)
			}
			if resp.Header.Revision < f.Revision() {
				return fmt.Errorf("the store went back from revision %d to %d", f.Revision(), resp.Header.Revision)
			}
			heard = time.Now()
			f.alive()
			f.handOver(batchOf(resp))
		case <-progress.C:
			if time.Since(heard) > silence {
				return fmt.Errorf("the store has been silent for %s", silence)
			}
			go f.askProgress(ctx)
		case <-keep.C:
			if err := f.store.seen.save(f.store.cfg.SeenFile); err != nil {
				f.store.log.Error("cannot keep how new the store is", "error", err)
			}
		case <-reconcile.C:
			if n, err := f.Reconcile(ctx); err == nil && n > 0 {
				return fmt.Errorf("%d records differ from the store's own list", n)
			}
		}
	}
}

// askProgress may block for as long as the store does not answer.
func (f *Follower) askProgress(ctx context.Context) {
	call, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	_ = f.store.client.RequestProgress(call) // silence is noticed by watch
}

func batchOf(resp clientv3.WatchResponse) Batch {
	b := Batch{Revision: resp.Header.Revision}
	for _, ev := range resp.Events {
		e := eventOf(ev.Kv)
		if ev.Type == clientv3.EventTypeDelete {
			e.Value = nil
		}
		b.Events = append(b.Events, e)
	}
	if n := len(b.Events); n > 0 {
		b.Revision = b.Events[n-1].Revision
	}
	return b
}

// handOver gives each subscriber its share, then lets the revision be seen, so
// that whoever waited for a revision finds it applied.
func (f *Follower) handOver(b Batch) {
	b.Events = f.followed(b.Events)
	first := f.Revision() == 0
	for _, sub := range f.subs {
		mine := Batch{Revision: b.Revision, Life: f.life, First: first, Listed: b.Listed, Events: sub.share(b.Events)}
		if first || len(mine.Events) > 0 {
			sub.apply(mine)
		}
	}
	f.note(b)
	f.store.seen.advance(b.Revision)
	if first {
		close(f.ready)
	}
}

func (f *Follower) followed(events []Event) []Event {
	kept := events[:0]
	for _, e := range events {
		if hasPrefix(e.Path, f.prefixes) {
			kept = append(kept, e)
		}
	}
	return kept
}

func (s subscriber) share(events []Event) []Event {
	var mine []Event
	for _, e := range events {
		if hasPrefix(e.Path, s.prefixes) {
			mine = append(mine, e)
		}
	}
	return mine
}

func hasPrefix(path string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

func (f *Follower) note(b Batch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range b.Events {
		if e.Value == nil {
			delete(f.have, e.Path)
		} else {
			f.have[e.Path] = e.Revision
		}
	}
	// A list may lie before what was seen: an accepted restore of a backup.
	if b.Revision > f.revision || b.Listed && b.Revision < f.revision {
		f.revision = b.Revision
		close(f.moved)
		f.moved = make(chan struct{})
	}
}

// Reconcile compares what was handed over with the store's own list, keys only,
// at the revision the follower is at, and returns how many records differ.
func (f *Follower) Reconcile(ctx context.Context) (int, error) {
	revision := f.Revision()
	found := map[string]int64{}
	for _, prefix := range f.prefixes {
		at := revision
		err := f.list(ctx, prefix, &at, func(e Event) { found[e.Path] = e.Revision }, clientv3.WithKeysOnly())
		if err != nil {
			return 0, err
		}
	}
	n := f.differences(found, revision)
	if n > 0 {
		f.mismatches.Add(int64(n))
		f.store.log.Error("the replica differs from the store", "records", n, "revision", revision)
	}
	return n, nil
}

// differences counts records whose revision is not the listed one, among those
// that have not changed since the list.
func (f *Follower) differences(found map[string]int64, revision int64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for path, rev := range found {
		if have, ok := f.have[path]; (!ok && f.revision == revision) || (ok && have < rev) {
			n++
		}
	}
	for path, have := range f.have {
		if _, ok := found[path]; !ok && have <= revision {
			n++
		}
	}
	return n
}
