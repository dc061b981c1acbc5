package audit

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// A pendingLeaf waits for its place in the tree. Its hash is zero until known.
type pendingLeaf struct {
	key      string
	revision int64
	hash     tlog.Hash
}

func byRevision(a, b pendingLeaf) int {
	return cmp.Or(cmp.Compare(a.revision, b.revision), cmp.Compare(a.key, b.key))
}

// A feed gathers the leaves that are not in the tree, in the order of the store.
// What the watch says is taken as a hint: the count of the store says whether it is all.
type feed struct {
	store *kv.Store
	wake  chan struct{} // holds one token after something has come

	mu      sync.Mutex
	pending []pendingLeaf
	err     error // the feed has ended
}

// startFeed lists what stands in the store, then follows. It returns once the
// list is complete, and counts it: the store must hold every leaf that the head
// says it holds, and the pending ones, and no other.
func startFeed(ctx context.Context, store *kv.Store, h head) (*feed, error) {
	f := &feed{store: store, wake: make(chan struct{}, 1)}
	total, changed := int64(0), ""
	revision, err := store.Scan(ctx, Prefix, func(e kv.Event) {
		total++
		if e.Created != e.Revision {
			changed = e.Path
		}
		if e.Created > h.Last {
			f.pending = append(f.pending, pendingLeaf{key: leafKey(e.Path), revision: e.Created})
		}
	})
	if err != nil {
		return nil, err
	}
	if changed != "" {
		return nil, fault.New(fault.Refused, "leaf_changed", "the entry %s was changed after it was written", changed).
			Do("somebody wrote to the store behind the servers: compare it with a backup")
	}
	if want := h.Size - h.Removed + int64(len(f.pending)); total != want {
		return nil, hole(want, total)
	}
	slices.SortFunc(f.pending, byRevision)
	f.wake <- struct{}{}
	go f.follow(ctx, revision)
	return f, nil
}

func hole(want, have int64) error {
	return fault.New(fault.Refused, "leaves_missing", "the store should hold %d entries of the record and holds %d", want, have).
		Do("somebody wrote to the store behind the servers: compare it with a backup and with an export of the record")
}

func (f *feed) follow(ctx context.Context, after int64) {
	err := f.store.Tail(ctx, Prefix, after, f.take)
	f.mu.Lock()
	f.err = err
	f.mu.Unlock()
	f.ring()
}

// take adds what was written. A leaf that is written again is left to the count
// and to the seal, which both find it.
func (f *feed) take(events []kv.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range events {
		if e.Created != e.Revision {
			continue
		}
		p := pendingLeaf{key: leafKey(e.Path), revision: e.Created}
		if r, err := recordOf(e); err == nil { // otherwise it is read again, and complained of, in its turn
			p.hash = r.Hash()
		}
		f.pending = append(f.pending, p)
	}
	f.ring()
}

func (f *feed) ring() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// waiting is what has come so far, in order. The caller must not change it.
func (f *feed) waiting() ([]pendingLeaf, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pending, f.err
}

// done forgets the first n.
func (f *feed) done(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending = f.pending[n:]; len(f.pending) == 0 {
		f.pending = nil // lets go of the memory
	}
}
