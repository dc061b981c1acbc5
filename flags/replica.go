package flags

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/policy"
)

// Records makes the Position of regulation out of the records of policy. A Replica
// owns one, so that the snapshot and the position it was compiled under are of one
// revision: it follows Prefixes besides its own, gives every batch to Apply before
// it builds the snapshot, and compiles under the Position that follows.
type Records interface {
	// Prefixes are what the records stand under.
	Prefixes() []string
	// Apply takes a batch over, of which others' records may be a part, and reports
	// whether the position changed by it. It is called on one goroutine.
	Apply(kv.Batch) (changed bool)
	// Position is the one after the last Apply; never nil. What it points to is
	// never changed afterwards.
	Position() *policy.Position
}

// A Replica keeps the newest Snapshot of a store in memory. It goes on serving
// the last one when the store is gone.
type Replica struct {
	follower *kv.Follower
	current  atomic.Pointer[Snapshot]
	now      func() time.Time
	known    compilations // of apply's goroutine
	records  Records      // of apply's goroutine; nil follows no policy
	log      *slog.Logger
	metrics  *metrics

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when current is; guarded by mu
}

// NewReplica subscribes to a follower, which the caller runs. It follows no policy,
// so no rule forbids anything: see NewReplicaUnder.
func NewReplica(f *kv.Follower, now func() time.Time, log *slog.Logger, reg prometheus.Registerer) *Replica {
	return NewReplicaUnder(f, nil, now, log, reg)
}

// NewReplicaUnder is NewReplica under regulation: nothing is on that the position
// made of the records does not permit. The replica alone hands batches to them.
func NewReplicaUnder(f *kv.Follower, records Records, now func() time.Time, log *slog.Logger, reg prometheus.Registerer) *Replica {
	r := &Replica{records: records, follower: f, now: now, known: compilations{}, log: log, metrics: newMetrics(reg), changed: make(chan struct{})}
	prefixes := Prefixes()
	if records != nil {
		prefixes = append(prefixes, records.Prefixes()...)
	}
	f.Subscribe(r.apply, prefixes...)
	if reg != nil {
		reg.MustRegister(pairsCollector{r})
	}
	return r
}

// Snapshot is the newest one, nil until the first has been loaded.
func (r *Replica) Snapshot() *Snapshot { return r.current.Load() }

// Changed is closed when the next snapshot is served. Take it before Snapshot, or
// a change in between is missed:
//
//	changed := r.Changed()
//	look(r.Snapshot())
//	<-changed
//
// It tells nothing of time: values that go by the clock, or by how long the store
// has been silent, change without it.
func (r *Replica) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// publish lets a snapshot be served, and wakes who waits for it.
func (r *Replica) publish(s *Snapshot) {
	r.current.Store(s)
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.changed)
	r.changed = make(chan struct{})
}

// Ready is closed once the first snapshot can be served.
func (r *Replica) Ready() <-chan struct{} { return r.follower.Ready() }

// Fresh reports whether the store gave a sign of life in the last seconds, and
// when the last one was.
func (r *Replica) Fresh() (bool, time.Time) { return r.follower.Fresh(), r.follower.LastContact() }

// Silence is how long the store has been silent at a time, by that clock or by the
// monotonic one, whichever says more. It is what a lease is compared with: neither
// a clock that was set back nor one that stands still prolongs it.
func (r *Replica) Silence(at time.Time) time.Duration {
	return max(r.follower.Silence(), at.Sub(r.follower.LastContact()))
}

// Wait returns once the snapshot shows a revision of the store.
func (r *Replica) Wait(ctx context.Context, revision int64) error {
	return r.follower.Wait(ctx, revision)
}

// apply builds the next snapshot from a batch and publishes it. It runs on the
// follower's goroutine alone.
func (r *Replica) apply(b kv.Batch) {
	began := r.now()
	next := newBuilder(r.current.Load(), r.quarantine)
	next.known = r.known
	for _, e := range b.Events {
		next.take(e)
	}
	if r.records != nil {
		r.records.Apply(b)
		next.takePosition(r.records.Position())
	}
	snapshot := next.build(b.Revision)
	snapshot.Life = b.Life
	r.publish(snapshot)
	r.metrics.applied(snapshot, next.recompiled, r.now().Sub(began))
	r.log.Debug("snapshot", "revision", b.Revision, "changed", len(b.Events), "recompiled", next.recompiled, "took", r.now().Sub(began))
}

// quarantine notes a record that cannot be used. What rests on it is off.
func (r *Replica) quarantine(path string, err error) {
	r.metrics.quarantined.Inc()
	r.log.Error("a record cannot be used; what rests on it is off", "path", path, "error", err)
}
