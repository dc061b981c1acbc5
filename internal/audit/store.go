package audit

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// The keys of the tree. Only the holder of the office writes them.
const office = "audit"

var (
	heads  = kv.NewCollection[head]("audit/tree", 1)
	notes  = kv.NewCollection[signed]("audit/tree", 1)
	tiles  = kv.NewCollection[tile]("audit/tree/tile", 1)
	theNow = heads.Key("head")
	theTop = notes.Key("checkpoint")
)

// A head says what the tree is. It moves by compare-and-set in one transaction
// with the tiles it stands on, so a size has one root for ever.
type head struct {
	Origin string    `json:"origin"`
	Key    []byte    `json:"key"` // Ed25519 public key that signs this record
	Size   int64     `json:"size"`
	Root   tlog.Hash `json:"root"`
	Last   int64     `json:"last"` // revision of the newest leaf in the tree
	// Removed is how many entries, from the first, no longer stand in the store
	// but only in sealed files. Leaves in the store + Removed = leaves ever.
	Removed int64 `json:"removed"`
	// Replaced is the key that signed before this one; nil if none did.
	Replaced *replacedKey `json:"replaced,omitempty"`
}

func (h head) tree() tlog.Tree { return tlog.Tree{N: h.Size, Hash: h.Root} }

type signed struct {
	Note string `json:"note"`
}

// A tile is a row of hashes; on level 0 also which leaves they are of.
type tile struct {
	Hashes    []byte   `json:"hashes"`
	Keys      []string `json:"keys,omitempty"`
	Revisions []int64  `json:"revisions,omitempty"`
}

func tileKey(level int, n int64) kv.Key[tile] {
	return tiles.Key(fmt.Sprint(level), fmt.Sprintf("%012d", n))
}

// recordOf is the record of a leaf as it stands in the store. A leaf is written
// once; one that was written again, or is damaged, is no leaf.
func recordOf(e kv.Event) (Record, error) {
	if e.Revision == 0 {
		return Record{}, missing(e.Path)
	}
	if e.Created != e.Revision {
		return Record{}, fault.New(fault.Refused, "leaf_changed", "the entry %s was written at revision %d and changed at %d", e.Path, e.Created, e.Revision).
			Do("somebody wrote to the store behind the servers: compare it with a backup")
	}
	schema, value, err := kv.Unwrap(e.Path, e.Value)
	if err != nil {
		return Record{}, err
	}
	return newRecord(e.Created, schema, value), nil
}

func missing(path string) error {
	return fault.New(fault.Refused, "leaf_missing", "the entry %s was recorded and is gone from the store", path).
		Do("somebody removed it behind the servers: compare the store with a backup")
}

// readLeaves reads the records of leaves by their keys.
func readLeaves(ctx context.Context, store *kv.Store, keys []string) ([]Record, error) {
	paths := make([]string, len(keys))
	for i, k := range keys {
		paths[i] = Prefix + k
	}
	found, err := store.ReadMany(ctx, paths)
	if err != nil {
		return nil, err
	}
	records := make([]Record, len(found))
	for i, e := range found {
		if records[i], err = recordOf(e); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// newest reads up to limit leaves that were written after one revision and not
// after another, in order.
func newest(ctx context.Context, store *kv.Store, limit int, after, until int64) ([]Record, error) {
	found, err := kv.Newest(store.View(ctx), leaves, limit)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, e := range slices.Backward(found) {
		if e.Created > after && e.Created <= until {
			keys = append(keys, leafKey(e.Path))
		}
	}
	return readLeaves(ctx, store, keys)
}

func leafKey(path string) string { return strings.TrimPrefix(path, Prefix) }

// readHead is the head with the revision at which it was written; 0: none yet.
func readHead(tx *kv.Tx) (kv.Record[head], error) { return kv.Get(tx, theNow) }

// readCheckpoint is the newest signed checkpoint, and the key that signed it: for
// the moment after a replacement, the one that was replaced.
func readCheckpoint(ctx context.Context, store *kv.Store) (Checkpoint, ed25519.PublicKey, error) {
	tx := store.View(ctx)
	h, err := readHead(tx)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	rec, err := kv.Get(tx, theTop)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if !rec.Exists() || !h.Exists() {
		return Checkpoint{}, nil, fault.New(fault.NotReady, "no_checkpoint", "the record has not been signed yet").Do("try again in a few seconds")
	}
	key := h.Value.Key
	c, err := OpenCheckpoint([]byte(rec.Value.Note), key)
	if before := h.Value.Replaced; err != nil && before != nil {
		key = before.Key
		if c, err = OpenCheckpoint([]byte(rec.Value.Note), key); err == nil && c.Tree.N > before.Size {
			err = fmt.Errorf("it is signed with the key %s, which was replaced", KeyID(key))
		}
	}
	if err != nil {
		return c, nil, fault.New(fault.Internal, "bad_checkpoint", "the checkpoint in the store is not a signed one").
			Do("somebody wrote to the store behind the servers").Because(err)
	}
	return c, key, nil
}

// write commits a batch: tiles, head, nothing else, and only if the head is the
// one that the batch was built on and the office is still held.
func write(ctx context.Context, store *kv.Store, o *kv.Office, from int64, next head, batch map[tileID]tile, edge map[int]int64) (int64, error) {
	out, err := store.UpdateFenced(ctx, o, "", func(tx *kv.Tx) error {
		if err := standsAt(tx, from); err != nil {
			return err
		}
		for id, t := range batch {
			put := kv.Create[tile]
			if n, ok := edge[id.level]; ok && n == id.n { // it may stand there, not yet full
				put = kv.Put[tile]
			}
			if err := put(tx, tileKey(id.level, id.n), t); err != nil {
				return err
			}
		}
		return kv.Put(tx, theNow, next)
	})
	return out.Revision, err
}

type tileID struct {
	level int
	n     int64
}

func standsAt(tx *kv.Tx, revision int64) error {
	now, err := readHead(tx)
	if err != nil {
		return err
	}
	if now.Revision != revision {
		return fault.New(fault.Conflict, "head_moved", "the record's head is at revision %d, not %d", now.Revision, revision)
	}
	return nil
}

// publish puts a signed checkpoint in the store; one of the same log that is
// smaller never replaces a larger one.
func publish(ctx context.Context, store *kv.Store, o *kv.Office, c Checkpoint) error {
	_, err := store.UpdateFenced(ctx, o, "", func(tx *kv.Tx) error {
		old, err := kv.Get(tx, theTop)
		if err != nil {
			return err
		}
		if old.Exists() {
			if before, err := parseCheckpoint([]byte(old.Value.Note)); err == nil && before.Origin == c.Origin && before.Tree.N > c.Tree.N {
				return fault.New(fault.Conflict, "head_moved", "a checkpoint of %d entries is published already", before.Tree.N)
			}
		}
		return kv.Put(tx, theTop, signed{Note: string(c.Note)})
	})
	return err
}

// remove takes leaves that are sealed out of the store, with the head that counts
// them, and tiles that none of what is left needs.
func remove(ctx context.Context, store *kv.Store, o *kv.Office, from int64, next head, keys []string, done []tileID) (int64, error) {
	out, err := store.UpdateFenced(ctx, o, "", func(tx *kv.Tx) error {
		if err := standsAt(tx, from); err != nil {
			return err
		}
		for _, k := range keys {
			if err := kv.Delete(tx, leaves.Key(k)); err != nil {
				return err
			}
		}
		for _, id := range done {
			if err := kv.Delete(tx, tileKey(id.level, id.n)); err != nil {
				return err
			}
		}
		return kv.Put(tx, theNow, next)
	})
	return out.Revision, err
}
