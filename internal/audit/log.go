package audit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// Retain is how long a leaf stays in the store after it was written, at least.
// An idempotency key is accepted for a day, and while it is, its leaf must be
// found; two hours are left for clocks that differ.
const Retain = 26 * time.Hour

// Config says where the record is kept. All fields but Registry are required.
type Config struct {
	Store    *kv.Store
	DataDir  string // holds the signing key, what was signed, and sealed tiles below audit/
	Who      string // names this replica to people
	Now      func() time.Time
	Logger   *slog.Logger
	Registry prometheus.Registerer // nil: measured, but published nowhere
}

// A Log is the record as one replica sees it: it reads tiles and entries from
// the store and from sealed files, proves, and, while this replica holds the
// office, sequences. It is safe for concurrent use.
type Log struct {
	cfg     Config
	store   *kv.Store
	dir     string     // of the sealed files
	keys    sync.Mutex // guards key and next
	key     ed25519.PrivateKey
	next    ed25519.PrivateKey // is to sign; nil: none
	memory  *memory
	metrics *metrics
	// sequencing and sealing are what stands in the way of each, if something does.
	sequencing, sealing problem
	step                func(string) error // tests stop the work between two steps; nil: never
	rest                time.Duration      // restTime; tests have no time

	mu    sync.Mutex
	cache map[tlog.Tile][]byte // proven tiles
}

// Open reads, or makes, the signing key. It does not need the store to answer.
func Open(cfg Config) (*Log, error) {
	key, err := LoadKey(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	next, err := readKey(filepath.Join(cfg.DataDir, nextKeyFile))
	if err != nil {
		return nil, err
	}
	m, err := loadMemory(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	l := &Log{cfg: cfg, store: cfg.Store, dir: filepath.Join(cfg.DataDir, "audit"), key: key, next: next, memory: m, cache: map[tlog.Tile][]byte{}, rest: restTime}
	l.metrics = newMetrics(cfg.Registry, func() bool { return l.Problem() != nil })
	return l, nil
}

// Run keeps the record until ctx ends: it copies full tiles to this replica's
// disk and, whenever this replica holds the office, sequences.
func (l *Log) Run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { l.archive(ctx) })
	both.Go(func() { l.sequence(ctx) })
	both.Wait()
}

// Problem is what keeps this replica from continuing or sealing the record; nil
// if nothing does.
func (l *Log) Problem() *fault.Error { return cmp.Or(l.sequencing.Load(), l.sealing.Load()) }

// A problem stands until the work succeeds.
type problem struct{ atomic.Pointer[fault.Error] }

// report keeps a problem, and tells the operator unless that was done.
func (p *problem) report(log *slog.Logger, what string, f *fault.Error) {
	if old := p.Swap(f); old == nil || old.Code != f.Code {
		log.Error(what, "code", f.Code, "error", f, "detail", f.Detail)
	}
}

// A Key is what is needed to check the record's signatures.
type Key struct {
	Origin string `json:"origin"`
	Key    string `json:"key" doc:"As signed notes write it; give it to quorate audit verify --key."`
	ID     string `json:"id" doc:"Short form, to compare by voice."`
	// Replacement leads from the key that signed before to this one.
	Replacement *Replacement `json:"replacement,omitempty" doc:"The statement by which the key before endorses this one; absent if there was none."`
}

// PublicKey is the key that signs this record.
func (l *Log) PublicKey(ctx context.Context) (Key, error) {
	c, key, err := readCheckpoint(ctx, l.store)
	if err != nil {
		return Key{}, err
	}
	vkey, err := VerifierKey(c.Origin, key)
	if err != nil {
		return Key{}, err
	}
	out := Key{Origin: c.Origin, Key: vkey, ID: KeyID(key)}
	r, err := kv.Get(l.store.View(ctx), theKey)
	if bytes.Equal(r.Value.New, key) && r.Exists() {
		out.Replacement = &r.Value
	}
	return out, err
}

// Checkpoint is the newest one that was signed, with the key it was signed with.
func (l *Log) Checkpoint(ctx context.Context) (Checkpoint, string, error) {
	c, key, err := readCheckpoint(ctx, l.store)
	if err != nil {
		return c, "", err
	}
	vkey, err := VerifierKey(c.Origin, key)
	return c, vkey, err
}

// Tile is the first width hashes of a tile, as C2SP tlog-tiles has it. The store
// is asked first: a sealed file may be of a history that a restore has ended.
func (l *Log) Tile(ctx context.Context, level int, n int64, width int) ([]byte, error) {
	t, err := kv.Get(l.store.View(ctx), tileKey(level, n))
	if err != nil {
		return nil, err
	}
	raw := t.Value.Hashes
	if raw == nil {
		if raw, err = l.sealed(TilePath(level, n, tileWidth)); err != nil {
			return nil, err
		}
	}
	if len(raw) < width*tlog.HashSize {
		return nil, l.noTile(ctx, level, n, width)
	}
	return raw[:width*tlog.HashSize], nil
}

// Entries is the bundle of the entries that a tile of level 0 has the hashes of.
func (l *Log) Entries(ctx context.Context, n int64, width int) ([]byte, error) {
	t, err := kv.Get(l.store.View(ctx), tileKey(0, n))
	if err != nil {
		return nil, err
	}
	if width == tileWidth {
		row, err := l.sealed(TilePath(0, n, width))
		if err != nil {
			return nil, err
		}
		if row != nil && (t.Value.Hashes == nil || bytes.Equal(row, t.Value.Hashes)) {
			return l.sealed(TilePath(-1, n, width))
		}
	}
	records, err := l.storedRecords(ctx, t.Value, n, width)
	if err != nil {
		return nil, err
	}
	var bundle []byte
	for _, r := range records {
		bundle = appendEntry(bundle, r.Data())
	}
	return bundle, nil
}

// storedRecords reads the records of a tile from the store.
func (l *Log) storedRecords(ctx context.Context, t tile, n int64, width int) ([]Record, error) {
	if len(t.Keys) < width {
		return nil, l.noTile(ctx, -1, n, width)
	}
	records, err := readLeaves(ctx, l.store, t.Keys[:width])
	if fault.HasCode(err, "leaf_missing") { // it may have been sealed and removed since
		if elsewhere := l.noTile(ctx, -1, n, width); fault.HasCode(elsewhere, "sealed_elsewhere") {
			return nil, elsewhere
		}
	}
	return records, err
}

// Beside is a leaf that was too long for an entry, by its digest in hex.
func (l *Log) Beside(ctx context.Context, n int64, digest string) ([]byte, error) {
	if len(digest) != 64 || filepath.Base(digest) != digest {
		return nil, fault.New(fault.Invalid, "bad_digest", "%.80q is no SHA-256 in hex", digest)
	}
	if raw, err := l.sealed("leaf/" + digest); raw != nil || err != nil {
		return raw, err
	}
	t, err := kv.Get(l.store.View(ctx), tileKey(0, n))
	if err != nil {
		return nil, err
	}
	records, err := readLeaves(ctx, l.store, t.Value.Keys)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.Digest == digest {
			return r.Value, nil
		}
	}
	return nil, fault.New(fault.NotFound, "no_such_leaf", "there is no leaf %s among the entries of bundle %d", digest, n)
}

// records reads a bundle, each leaf with its value, from wherever it stands.
func (l *Log) records(ctx context.Context, n int64, width int) ([]Record, error) {
	raw, err := l.Entries(ctx, n, width)
	if err != nil {
		return nil, err
	}
	records, err := parseBundle(raw)
	if err != nil {
		return nil, fault.New(fault.Internal, "bad_bundle", "the bundle of entries %d cannot be read", n).
			Do("restore %s from another replica or a backup", TilePath(-1, n, width)).Because(err)
	}
	for i, r := range records {
		if r.Digest == "" {
			continue
		}
		value, err := l.Beside(ctx, n, r.Digest)
		if err != nil {
			return nil, err
		}
		if records[i], err = r.join(value); err != nil {
			return nil, fault.From(err)
		}
	}
	return records, nil
}

// sealed reads a sealed file; nil if there is none.
func (l *Log) sealed(path string) ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(l.dir, filepath.FromSlash(path)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

// noTile tells a tile that never was from one that another replica has.
func (l *Log) noTile(ctx context.Context, level int, n int64, width int) error {
	h, err := readHead(l.store.View(ctx))
	if err != nil {
		return err
	}
	if first := n << (tileHeight * max(level+1, 1)); first < h.Value.Removed {
		return fault.New(fault.StoreUnavailable, "sealed_elsewhere",
			"%s was sealed while this replica was away and stands on the disk of another", TilePath(level, n, width)).
			Do("ask another replica, or copy the directory audit from its data directory to this one's")
	}
	return fault.New(fault.NotFound, "no_such_tile", "the record has no %s", TilePath(level, n, width)).Do("see the checkpoint for its size")
}

// hashes reads hashes of a tree; whatever it returns is proven to be in it.
func (l *Log) hashes(ctx context.Context, t tlog.Tree) tlog.HashReader {
	return tlog.TileHashReader(t, tileReader{ctx, l})
}

// rootAt is the root that a tree had when it was smaller.
func (l *Log) rootAt(ctx context.Context, t tlog.Tree, size int64) (tlog.Hash, error) {
	return tlog.TreeHash(size, l.hashes(ctx, t))
}

// tileReader reads tiles for tlog, which proves them.
type tileReader struct {
	ctx context.Context
	log *Log
}

func (r tileReader) Height() int { return tileHeight }

func (r tileReader) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(want))
	for i, t := range want {
		if out[i] = r.log.cached(t); out[i] != nil {
			continue
		}
		raw, err := r.log.Tile(r.ctx, t.L, t.N, t.W)
		if err != nil {
			return nil, err
		}
		out[i] = raw
	}
	return out, nil
}

// maxCached bounds the cache to about 8 MiB.
const maxCached = 1024

func (r tileReader) SaveTiles(proven []tlog.Tile, data [][]byte) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	if len(r.log.cache)+len(proven) > maxCached {
		clear(r.log.cache)
	}
	for i, t := range proven { // of one width, a tile never changes
		r.log.cache[t] = data[i]
	}
}

func (l *Log) cached(t tlog.Tile) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cache[t]
}
