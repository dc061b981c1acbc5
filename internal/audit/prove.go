package audit

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"sort"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// A Located entry is a record with its place in the tree.
type Located struct {
	Index  int64
	Record Record
	Leaf   Leaf
}

// A Proof shows that an entry is in the log that a checkpoint speaks of.
type Proof struct {
	Index      int64
	Record     Record
	Hashes     tlog.RecordProof
	Checkpoint Checkpoint
	Key        string // as signed notes write it
}

// Prove finds the entry of a change and proves it in the newest checkpoint. A
// change that was recorded within the last moments is the fault not_sequenced.
func (l *Log) Prove(ctx context.Context, id string) (Proof, error) {
	c, vkey, err := l.Checkpoint(ctx)
	if err != nil {
		return Proof{}, err
	}
	at, err := l.locate(ctx, c.Tree, id)
	if err != nil {
		return Proof{}, err
	}
	return l.proveAt(ctx, c, vkey, at)
}

func (l *Log) proveAt(ctx context.Context, c Checkpoint, vkey string, at Located) (Proof, error) {
	p := Proof{Index: at.Index, Record: at.Record, Checkpoint: c, Key: vkey}
	var err error
	if p.Hashes, err = tlog.ProveRecord(c.Tree.N, at.Index, l.hashes(ctx, c.Tree)); err != nil {
		return p, unproven(err)
	}
	if err := tlog.CheckRecord(p.Hashes, c.Tree.N, c.Tree.Hash, at.Index, at.Record.Hash()); err != nil {
		return p, differs(at.Index, at.Record)
	}
	return p, nil
}

// unproven keeps a fault that says more than tlog can.
func unproven(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	return fault.New(fault.Internal, "bad_tiles", "the tiles of the record do not add up to its checkpoint").
		Do("compare the store, and the directory audit, with a backup").Because(err)
}

// Show finds the entry of a change.
func (l *Log) Show(ctx context.Context, id string) (Located, error) {
	c, _, err := l.Checkpoint(ctx)
	if err != nil {
		return Located{}, err
	}
	return l.locate(ctx, c.Tree, id)
}

// Consistency proves that the log of size to holds that of size from as its
// beginning; to may be 0 for the newest checkpoint's.
func (l *Log) Consistency(ctx context.Context, from, to int64) (tlog.TreeProof, Checkpoint, error) {
	c, _, err := l.Checkpoint(ctx)
	if err != nil {
		return nil, c, err
	}
	if to == 0 {
		to = c.Tree.N
	}
	if from < 1 || to < from || to > c.Tree.N {
		return nil, c, fault.New(fault.Invalid, "bad_sizes", "there is no proof from %d to %d entries; the record has %d", from, to, c.Tree.N).
			Do("choose 1 <= from <= to <= %d", c.Tree.N).At("from")
	}
	p, err := tlog.ProveTree(to, from, l.hashes(ctx, c.Tree))
	if err != nil {
		return nil, c, unproven(err)
	}
	return p, c, nil
}

// locate finds the leaf of that key: in the store by its revision, and among the
// sealed entries by the time that a UUIDv7 begins with.
func (l *Log) locate(ctx context.Context, t tlog.Tree, id string) (Located, error) {
	found, err := kv.Get(l.store.View(ctx), leaves.Key(id))
	if err != nil {
		return Located{}, err
	}
	if found.Exists() {
		return l.locateRevision(ctx, t, id, found.Created)
	}
	begun, ok := timeOf(id)
	if !ok {
		return Located{}, noEntry(id)
	}
	return l.locateTime(ctx, t, id, begun)
}

func noEntry(id string) error {
	return fault.New(fault.NotFound, "no_such_entry", "the record has no entry %.80q", id).
		Do("an entry is called by its change's key; a refusal's is KEY-refused- and eight digits, as the review shows it")
}

// timeOf is the time in the UUIDv7 with which every id begins.
func timeOf(id string) (time.Time, bool) {
	key, _, _ := strings.Cut(id, "-refused-")
	raw, err := hex.DecodeString(strings.ReplaceAll(key, "-", ""))
	if err != nil || len(raw) != 16 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(append([]byte{0, 0}, raw[:6]...)))), true
}

// bundles is how many bundles a tree has, the last one perhaps not full.
func bundles(t tlog.Tree) int64 { return (t.N + tileWidth - 1) / tileWidth }

func widthOf(t tlog.Tree, n int64) int { return int(min(t.N-n*tileWidth, tileWidth)) }

func (l *Log) locateRevision(ctx context.Context, t tlog.Tree, id string, revision int64) (Located, error) {
	n, err := l.lastBundle(bundles(t), func(n int64) (bool, error) {
		first, err := l.firstRevision(ctx, n)
		return first < revision, err
	})
	if err != nil {
		return Located{}, err
	}
	at, err := l.within(ctx, t, n, id)
	if fault.Is(err, fault.NotFound) { // leaves of one revision may lie across a border
		at, err = l.within(ctx, t, n+1, id)
	}
	if fault.Is(err, fault.NotFound) {
		return at, fault.New(fault.NotReady, "not_sequenced", "the entry %s was recorded at revision %d and is not in a checkpoint yet", id, revision).
			Do("try again in a few seconds")
	}
	return at, err
}

const (
	clocks    = time.Hour // by how much the clocks of replicas may differ
	searchFor = Retain    // a key is used within a day of the time it begins with
)

func (l *Log) locateTime(ctx context.Context, t tlog.Tree, id string, begun time.Time) (Located, error) {
	n, err := l.lastBundle(bundles(t), func(n int64) (bool, error) {
		leaf, err := l.firstLeaf(ctx, n)
		return leaf.At.Before(begun.Add(-clocks)), err
	})
	if err != nil {
		return Located{}, err
	}
	for ; n < bundles(t); n++ {
		leaf, err := l.firstLeaf(ctx, n)
		if err != nil {
			return Located{}, err
		}
		if leaf.At.After(begun.Add(searchFor + clocks)) {
			break
		}
		at, err := l.within(ctx, t, n, id)
		if !fault.Is(err, fault.NotFound) {
			return at, err
		}
	}
	return Located{}, noEntry(id)
}

// lastBundle is the last of n bundles that is not past what is sought, or 0. It
// asks few of them, since bundles are in order.
func (l *Log) lastBundle(n int64, notPast func(int64) (bool, error)) (int64, error) {
	var failed error
	past := sort.Search(int(n), func(i int) bool {
		ok, err := notPast(int64(i))
		if err != nil && failed == nil {
			failed = err
		}
		return !ok
	})
	return max(int64(past)-1, 0), failed
}

// first is the first record of a bundle.
func (l *Log) first(ctx context.Context, n int64) (Record, error) {
	t, err := kv.Get(l.store.View(ctx), tileKey(0, n))
	if err != nil {
		return Record{}, err
	}
	if len(t.Value.Keys) > 0 {
		records, err := readLeaves(ctx, l.store, t.Value.Keys[:1])
		if err == nil {
			return records[0], nil
		}
		if !fault.HasCode(err, "leaf_missing") {
			return Record{}, err
		}
	}
	records, err := l.sealedRecords(n)
	if err != nil || len(records) == 0 {
		return Record{}, errors.Join(l.noTile(ctx, -1, n, tileWidth), err)
	}
	return records[0], nil
}

func (l *Log) firstRevision(ctx context.Context, n int64) (int64, error) {
	t, err := kv.Get(l.store.View(ctx), tileKey(0, n))
	if err != nil {
		return 0, err
	}
	if len(t.Value.Revisions) > 0 {
		return t.Value.Revisions[0], nil
	}
	first, err := l.first(ctx, n)
	return first.Revision, err
}

func (l *Log) firstLeaf(ctx context.Context, n int64) (Leaf, error) {
	r, err := l.first(ctx, n)
	if err != nil {
		return Leaf{}, err
	}
	return r.Leaf()
}

// within finds a leaf in a bundle: by the store's list of its keys, if it has one.
func (l *Log) within(ctx context.Context, t tlog.Tree, n int64, id string) (Located, error) {
	if n >= bundles(t) {
		return Located{}, noEntry(id)
	}
	row, err := kv.Get(l.store.View(ctx), tileKey(0, n))
	if err != nil {
		return Located{}, err
	}
	if i := slices.Index(row.Value.Keys, id); i >= 0 && i < widthOf(t, n) {
		records, err := readLeaves(ctx, l.store, []string{id})
		if err == nil {
			return located(n*tileWidth+int64(i), records[0])
		}
		if !fault.HasCode(err, "leaf_missing") {
			return Located{}, err
		}
	} else if row.Exists() {
		return Located{}, noEntry(id)
	}
	records, err := l.records(ctx, n, widthOf(t, n))
	if err != nil {
		return Located{}, err
	}
	for i, r := range records {
		at, err := located(n*tileWidth+int64(i), r)
		if err != nil || at.Leaf.key() == id {
			return at, err
		}
	}
	return Located{}, noEntry(id)
}

func located(index int64, r Record) (Located, error) {
	leaf, err := r.Leaf()
	if err != nil {
		return Located{}, fault.From(err)
	}
	return Located{Index: index, Record: r, Leaf: leaf}, nil
}

// Age is how long ago the time lies that a key begins with; false if it is none.
func Age(id string, now time.Time) (time.Duration, bool) {
	begun, ok := timeOf(id)
	return now.Sub(begun), ok
}

const settleTime = 3 * time.Second

// Settle waits until a checkpoint vouches for every leaf that is in the store
// now, so that whoever asks right after a change finds it. If the sequencer is
// late it returns all the same: what is missing is in the next checkpoint.
func (l *Log) Settle(ctx context.Context) error {
	h, err := readHead(l.store.View(ctx))
	if err != nil {
		return err
	}
	have, _, err := l.store.Count(ctx, Prefix, 0)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for {
		c, _, err := readCheckpoint(ctx, l.store)
		if err == nil && c.Tree.N >= have+h.Value.Removed || !pause(ctx, 50*time.Millisecond) {
			return nil
		}
	}
}
