package audit

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

const (
	archiveEach = 5 * time.Second
	removeEach  = 100 // leaves in one transaction, of the 128 operations it may have
	removeTurns = 50  // transactions in a row, so that sequencing does not wait
)

// archive copies every full tile that a checkpoint vouches for, and its entries,
// to this replica's disk, for as long as ctx lasts. Every replica does so for
// itself: what it copied it can serve after it is gone from the store.
func (l *Log) archive(ctx context.Context) {
	a := archivist{Log: l}
	for {
		switch err := a.turn(ctx); {
		case err == nil:
			l.sealing.Store(nil)
		case ctx.Err() == nil && !fault.Is(err, fault.StoreUnavailable) && !fault.Is(err, fault.NotReady):
			l.sealing.report(l.cfg.Logger, "the record cannot be sealed", fault.From(err))
		}
		if !pause(ctx, archiveEach) {
			return
		}
	}
}

// An archivist knows how far this replica has sealed the log of an origin. It
// belongs to one goroutine.
type archivist struct {
	*Log
	origin string
	next   int64 // the first bundle that is not known to be sealed here
}

// turn seals what a checkpoint has come to vouch for.
func (a *archivist) turn(ctx context.Context) error {
	c, _, err := readCheckpoint(ctx, a.store)
	if err != nil {
		return err
	}
	h, err := readHead(a.store.View(ctx))
	if err != nil {
		return err
	}
	if c.Origin != a.origin { // the first turn, or a restore was accepted: look again
		a.forget()
		a.origin, a.next = c.Origin, h.Value.Removed/tileWidth // what is gone from the store cannot be sealed from it
	}
	a.metrics.size.Set(float64(c.Tree.N))
	for ; a.next < tileIndex(c.Tree.N, 0); a.next++ {
		if (a.next+1)*tileWidth <= h.Value.Removed {
			continue
		}
		err := a.seal(ctx, c.Tree, a.next)
		if fault.HasCode(err, "sealed_elsewhere") { // removed while this replica was away
			a.cfg.Logger.Warn("a part of the record was sealed by another replica alone", "bundle", a.next)
			continue
		}
		if err != nil {
			return err
		}
		a.metrics.sealed.Set(float64((a.next + 1) * tileWidth))
	}
	return nil
}

func (l *Log) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.cache)
}

func (l *Log) file(path string) string { return filepath.Join(l.dir, filepath.FromSlash(path)) }

// seal writes the files of one bundle, unless they stand there. Each leaf is held
// against a hash that is proven to be in the signed tree; nothing unproven is ever
// sealed. The tile of level 0 is written last: where it stands, the rest does.
func (l *Log) seal(ctx context.Context, t tlog.Tree, n int64) error {
	row, err := l.provenRow(ctx, t, n)
	if err != nil {
		return err
	}
	if l.isSealed(n, row) {
		return nil
	}
	stored, err := kv.Get(l.store.View(ctx), tileKey(0, n))
	if err != nil {
		return err
	}
	records, err := l.storedRecords(ctx, stored.Value, n, tileWidth)
	if err != nil {
		return err
	}
	var bundle []byte
	for i, r := range records {
		if r.Hash() != row[i] {
			return differs(n*tileWidth+int64(i), r)
		}
		if r.Digest != "" {
			if err := l.put("leaf/"+r.Digest, r.Value); err != nil {
				return err
			}
		}
		bundle = appendEntry(bundle, r.Data())
	}
	if err := l.put(TilePath(-1, n, tileWidth), bundle); err != nil {
		return err
	}
	if err := l.sealAbove(ctx, t, n); err != nil {
		return err
	}
	// If we crash before this, the bundle does not count as sealed and is written
	// again, the same.
	return l.put(TilePath(0, n, tileWidth), pack(row))
}

func (l *Log) isSealed(n int64, row []tlog.Hash) bool {
	raw, err := os.ReadFile(l.file(TilePath(0, n, tileWidth)))
	return err == nil && bytes.Equal(raw, pack(row))
}

// sealAbove writes the higher tiles that bundle n is the last part of.
func (l *Log) sealAbove(ctx context.Context, t tlog.Tree, n int64) error {
	for level, m := 1, n+1; m%tileWidth == 0; level++ {
		m /= tileWidth
		raw, err := tlog.ReadTileData(tlog.Tile{H: tileHeight, L: level, N: m - 1, W: tileWidth}, l.hashes(ctx, t))
		if err != nil {
			return fmt.Errorf("reading tile %d of level %d: %w", m-1, level, err)
		}
		if err := l.put(TilePath(level, m-1, tileWidth), raw); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) provenRow(ctx context.Context, t tlog.Tree, n int64) ([]tlog.Hash, error) {
	raw, err := tlog.ReadTileData(tlog.Tile{H: tileHeight, L: 0, N: n, W: tileWidth}, l.hashes(ctx, t))
	if err != nil {
		return nil, fmt.Errorf("reading tile %d: %w", n, err)
	}
	return unpack(raw), nil
}

func differs(index int64, r Record) error {
	return fault.New(fault.Refused, "leaf_changed", "entry %d of the record, written at revision %d, is not what the tree has", index, r.Revision).
		Do("somebody wrote to the store behind the servers: compare it with a backup")
}

// put writes a sealed file. One that stands there with other bytes is of a
// history that an accepted restore has ended: it is kept aside, never lost.
func (l *Log) put(path string, data []byte) error {
	file := l.file(path)
	old, err := os.ReadFile(file)
	if err == nil && string(old) == string(data) {
		return nil
	}
	if err == nil {
		h := tlog.RecordHash(old)
		if err := os.Rename(file, fmt.Sprintf("%s.ended-%x", file, h[:6])); err != nil {
			return err
		}
	}
	if err := writeFile(file, data); err != nil {
		return fault.New(fault.Internal, "cannot_seal", "the sealed file %s cannot be written", file).
			Do("look at the disk of the data directory").Because(err)
	}
	return nil
}

// unload takes leaves out of the store that are old enough, signed, and sealed on
// this very disk, read back and proven. It stops after a while; more is left for
// the next time.
func (s *sequencer) unload(ctx context.Context) error {
	for range removeTurns {
		n, offset := s.head.Removed/tileWidth, int(s.head.Removed%tileWidth)
		if (n+1)*tileWidth > s.top.Tree.N || s.top.Origin != s.head.Origin {
			return nil
		}
		keys, err := s.removable(ctx, n)
		if err != nil || keys == nil {
			return err
		}
		if err := s.between("before removal"); err != nil {
			return err
		}
		part := keys[offset:min(offset+removeEach, tileWidth)]
		if err := s.remove(ctx, n, part, offset+len(part) == tileWidth); err != nil {
			return err
		}
	}
	return nil
}

// removable is the keys of a bundle, if all its leaves may leave the store.
func (s *sequencer) removable(ctx context.Context, n int64) ([]string, error) {
	t, err := kv.Get(s.store.View(ctx), tileKey(0, n))
	if err != nil {
		return nil, err
	}
	row, err := s.provenRow(ctx, s.top.Tree, n)
	if err != nil || !s.isSealed(n, row) {
		return nil, err
	}
	records, err := s.sealedRecords(n)
	if err != nil || len(records) != tileWidth || len(t.Value.Keys) != tileWidth {
		return nil, fault.New(fault.Internal, "bad_seal", "the sealed files of bundle %d cannot be read back", n).
			Do("remove %s and what stands beside it: they are written again from the store", s.file(TilePath(0, n, tileWidth))).Because(err)
	}
	for i, r := range records {
		if r.Hash() != row[i] {
			return nil, differs(n*tileWidth+int64(i), r)
		}
		leaf, err := r.Leaf()
		if err != nil {
			return nil, err
		}
		if leaf.key() != t.Value.Keys[i] {
			return nil, differs(n*tileWidth+int64(i), r)
		}
		if s.cfg.Now().Sub(leaf.At) < Retain {
			return nil, nil
		}
	}
	return t.Value.Keys, nil
}

// sealedRecords reads a bundle from the files alone.
func (l *Log) sealedRecords(n int64) ([]Record, error) {
	raw, err := l.sealed(TilePath(-1, n, tileWidth))
	if err != nil {
		return nil, err
	}
	records, err := parseBundle(raw)
	if err != nil {
		return nil, err
	}
	for i, r := range records {
		if r.Digest == "" {
			continue
		}
		value, err := l.sealed("leaf/" + r.Digest)
		if err != nil {
			return nil, err
		}
		if records[i], err = r.join(value); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// remove takes a part of bundle n out of the store, and with the last part its
// tile and the higher ones that end with it.
func (s *sequencer) remove(ctx context.Context, n int64, part []string, last bool) error {
	next := s.head
	next.Removed += int64(len(part))
	var tiles []tileID
	if last {
		tiles = append(tiles, tileID{0, n})
		for level, m := 1, n+1; m%tileWidth == 0; level++ {
			m /= tileWidth
			tiles = append(tiles, tileID{level, m - 1})
		}
	}
	at, err := remove(ctx, s.store, s.office, s.at, next, part, tiles)
	if err != nil {
		return err
	}
	s.at, s.head = at, next
	return nil
}
