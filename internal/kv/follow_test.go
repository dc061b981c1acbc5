package kv_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// replica holds what a subscriber was told, as a snapshot would.
type replica struct {
	mu      sync.Mutex
	values  map[string]int
	batches []kv.Batch
}

func (r *replica) apply(b kv.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches = append(r.batches, b)
	for _, e := range b.Events {
		parts, _ := counters.Split(e.Path)
		if e.Value == nil {
			delete(r.values, parts[0])
			continue
		}
		c, err := counters.Decode(e.Path, e.Value)
		if err != nil {
			panic(err)
		}
		r.values[parts[0]] = c.N
	}
}

func (r *replica) holds() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.values)
}

func follow(t *testing.T, store *kv.Store) (*kv.Follower, *replica) {
	r := &replica{values: map[string]int{}}
	f := store.NewFollower()
	f.Subscribe(r.apply, counters.Prefix())
	kvtest.Follow(t, f)
	return f, r
}

func wait(t *testing.T, f *kv.Follower, rev int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := f.Wait(ctx, rev); err != nil {
		t.Fatal(err)
	}
}

func TestAFollowerHoldsWhatTheStoreHolds(t *testing.T) {
	store := kvtest.New(t)
	if _, err := add(store, "before", "a"); err != nil {
		t.Fatal(err)
	}
	f, r := follow(t, store)
	for i := range 5 {
		if _, err := add(store, "after", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := store.Update(context.Background(), "", func(tx *kv.Tx) error { return kv.Delete(tx, counters.Key("before")) })
	if err != nil {
		t.Fatal(err)
	}
	wait(t, f, out.Revision)
	if got := r.holds(); !maps.Equal(got, map[string]int{"after": 5}) {
		t.Errorf("the follower holds %v", got)
	}
	if !r.batches[0].First || len(r.batches[0].Events) != 1 || !f.Fresh() {
		t.Errorf("first batch %+v, fresh %v", r.batches[0], f.Fresh())
	}
}

// A watch that was compacted away while it was broken must not miss a deletion.
func TestAFollowerSeesDeletionsThatWereCompactedAway(t *testing.T) {
	etcd := kvtest.Etcd(t)
	store := kvtest.Open(t, etcd, kv.Config{})
	for _, name := range []string{"kept", "doomed"} {
		if _, err := add(store, name, name); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &replica{values: map[string]int{}}
	f := store.NewFollower()
	f.Subscribe(r.apply, counters.Prefix())
	stopped := make(chan struct{})
	go func() { defer close(stopped); f.Run(ctx) }()
	<-f.Ready()
	cancel() // the watch breaks
	<-stopped

	del(t, etcd, "test/counters/doomed")
	out, err := add(store, "kept", "again")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := etcd.Compact(context.Background(), out.Revision); err != nil {
		t.Fatal(err)
	}
	kvtest.Follow(t, f) // and comes back
	wait(t, f, out.Revision)
	if got := r.holds(); !maps.Equal(got, map[string]int{"kept": 2}) {
		t.Errorf("after compaction the follower holds %v", got)
	}
}

func TestReconcileFindsWhatAFollowerHasWrong(t *testing.T) {
	etcd := kvtest.Etcd(t)
	store := kvtest.Open(t, etcd, kv.Config{})
	if _, err := add(store, "c", "m"); err != nil {
		t.Fatal(err)
	}
	f, _ := follow(t, store)
	if n, err := f.Reconcile(context.Background()); n != 0 || err != nil {
		t.Fatalf("a faithful follower differs by %d records (%v)", n, err)
	}
	kv.Forget(f, "test/counters/c")
	if n, err := f.Reconcile(context.Background()); n != 1 || err != nil || f.Mismatches() != 1 {
		t.Errorf("a lost record was counted as %d differences (%v)", n, err)
	}
	kv.Pretend(f, "test/counters/ghost", 1)
	if n, _ := f.Reconcile(context.Background()); n != 2 {
		t.Errorf("a lost and an invented record were counted as %d differences", n)
	}
}

func TestBatchesNeverSplitARevision(t *testing.T) {
	store := kvtest.New(t)
	f, r := follow(t, store)
	var last int64
	for i := range 20 {
		out, err := store.Update(context.Background(), "", func(tx *kv.Tx) error {
			for _, name := range []string{"left", "right"} {
				if err := kv.Put(tx, counters.Key(name), counter{N: i + 1}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		last = out.Revision
	}
	wait(t, f, last)
	for _, b := range r.batches[1:] {
		if len(b.Events)%2 != 0 {
			t.Errorf("a batch at revision %d holds %d of the paired records", b.Revision, len(b.Events))
		}
	}
}

// Restoring an old backup leaves etcd's identity as it was and its revision
// lower than what the replica has seen.
func TestAStoreThatWentBackIsRefusedUntilAccepted(t *testing.T) {
	seen := filepath.Join(t.TempDir(), "seen.json")
	newer := kvtest.Open(t, kvtest.Etcd(t), kv.Config{SeenFile: seen})
	if err := newer.Identify(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := newer.Close(); err != nil {
		t.Fatal(err)
	}
	store := kvtest.Open(t, kvtest.Etcd(t), kv.Config{SeenFile: seen}) // another life of the store
	if err := store.Identify(context.Background()); !fault.HasCode(err, "store_rolled_back") {
		t.Fatalf("another store was taken for the one seen before: %v", err)
	}
	if _, err := add(store, "c", "m"); !fault.HasCode(err, "store_rolled_back") {
		t.Errorf("a write into a rolled back store: %v", err)
	}
	err := store.AcceptRestore(func(epoch int64) error {
		_, err := store.Update(context.Background(), "", func(tx *kv.Tx) error { return kv.RaiseEpoch(tx, epoch) })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Identify(context.Background()); err != nil {
		t.Errorf("after the operator accepted: %v", err)
	}
	if _, err := add(store, "c", "m"); err != nil {
		t.Errorf("after the operator accepted: %v", err)
	}
}

func TestALowerRevisionOfTheSameLifeIsARollback(t *testing.T) {
	etcd := kvtest.Etcd(t)
	seen := filepath.Join(t.TempDir(), "seen.json")
	first := kvtest.Open(t, etcd, kv.Config{SeenFile: seen})
	if err := first.Identify(context.Background()); err != nil {
		t.Fatal(err)
	}
	kv.Advance(first, 1_000_000)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := kvtest.Open(t, etcd, kv.Config{SeenFile: seen})
	err := second.Identify(context.Background())
	if !fault.HasCode(err, "store_rolled_back") || second.RolledBack() == nil {
		t.Errorf("a store 999,000 revisions younger than seen: %v", err)
	}
}
