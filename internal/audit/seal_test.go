package audit

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// inOffice does something as the holder of the office.
func (b *bench) inOffice(l *Log, do func(context.Context, *sequencer) error) error {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	o, err := b.store.Campaign(ctx, office, "test")
	if err != nil {
		return err
	}
	defer o.Resign()
	s := &sequencer{Log: l, office: o}
	if err := s.takeOver(ctx); err != nil {
		return err
	}
	return do(ctx, s)
}

func (b *bench) seal(l *Log) {
	b.t.Helper()
	a := archivist{Log: l}
	if err := a.turn(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) unload(l *Log) error {
	b.t.Helper()
	return b.inOffice(l, func(ctx context.Context, s *sequencer) error { return s.unload(ctx) })
}

func (b *bench) stored() (leaves, removed int64) {
	b.t.Helper()
	n, _, err := b.store.Count(b.t.Context(), Prefix, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	h, err := readHead(b.store.View(b.t.Context()))
	if err != nil {
		b.t.Fatal(err)
	}
	return n, h.Value.Removed
}

// The life of an entry: written, signed, sealed, and after a day, but never
// before and never unless sealed on the very disk of the holder, out of the store.
func TestALeafLeavesTheStoreOnlyWhenItIsSealedAndADayOld(t *testing.T) {
	b := newBench(t)
	b.write(3)
	b.write(1, big())
	b.write(600)
	kept := b.mustServe(b.log)
	before := b.export(b.log)

	if err := b.unload(b.log); err != nil {
		t.Fatal(err)
	}
	b.pass(48 * time.Hour)
	if err := b.unload(b.log); err != nil {
		t.Fatal(err)
	}
	if n, removed := b.stored(); n != 604 || removed != 0 {
		t.Fatalf("%d removed before they were sealed, %d left", removed, n)
	}
	b.pass(-48 * time.Hour)
	b.seal(b.log)
	if err := b.unload(b.log); err != nil {
		t.Fatal(err)
	}
	if n, removed := b.stored(); n != 604 || removed != 0 {
		t.Fatalf("%d removed before their time, %d left", removed, n)
	}
	b.pass(48 * time.Hour)
	if err := b.unload(b.log); err != nil {
		t.Fatal(err)
	}
	if n, removed := b.stored(); n != 604-512 || removed != 512 {
		t.Fatalf("%d removed, %d left in the store; of 604, the two full bundles should be", removed, n)
	}
	if after := b.export(b.log); !bytes.Equal(before, after) {
		t.Error("the export changed when the entries moved")
	}
	b.write(10)
	next := b.replica(b.dir)
	b.mustServe(next)
	b.verified(next, kept)
	b.log = next
	b.eachOnce()
	for _, i := range []int{0, 3, 511, 512, 613} { // sealed, sealed beside, stored
		p, err := next.Prove(t.Context(), leafNumber(i).key())
		if err != nil || p.Index != int64(i) {
			t.Errorf("proving entry %d: %d %v", i, p.Index, err)
		}
	}
	if _, err := next.Prove(t.Context(), keyNumber(9999)); !fault.Is(err, fault.NotFound) {
		t.Errorf("proving what never was: %v", err)
	}
}

// A removal that stops half way is taken up where it stopped.
func TestARemovalThatStopsHalfWay(t *testing.T) {
	b := newBench(t)
	b.write(256)
	b.mustServe(b.log)
	b.seal(b.log)
	b.pass(48 * time.Hour)
	stopAt(b.log, "before removal", 2)
	if err := b.unload(b.log); !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
	if n, removed := b.stored(); n != 156 || removed != 100 {
		t.Fatalf("%d removed, %d left", removed, n)
	}
	other := b.replica(t.TempDir()) // it was away all the time
	other.key = b.log.key
	b.seal(other)
	if _, err := other.Entries(t.Context(), 0, 256); !fault.HasCode(err, "sealed_elsewhere") {
		t.Errorf("a replica without the files says: %v", err)
	}
	b.write(3)
	next := b.replica(b.dir)
	b.mustServe(next)
	if err := b.unload(next); err != nil {
		t.Fatal(err)
	}
	if n, removed := b.stored(); n != 3 || removed != 256 {
		t.Fatalf("%d removed, %d left", removed, n)
	}
	b.verified(next)
	if v := b.mustServe(other); v.Tree.N != 259 { // it can go on although it cannot show all
		t.Errorf("%d entries", v.Tree.N)
	}
	if _, err := Export(t.Context(), &bytes.Buffer{}, other); !fault.HasCode(err, "sealed_elsewhere") || !strings.Contains(err.Error(), "copy the directory audit") {
		t.Errorf("its export: %v", err)
	}
	if err := os.CopyFS(filepath.Join(other.cfg.DataDir, "audit"), os.DirFS(filepath.Join(b.dir, "audit"))); err != nil {
		t.Fatal(err)
	}
	b.verified(other)
}

// What is sealed is what the tree has: a leaf that was changed in the store after
// it was sequenced is named, not sealed, and not removed.
func TestWhatIsNotInTheTreeIsNotSealed(t *testing.T) {
	b := newBench(t)
	b.write(256)
	b.mustServe(b.log)
	if err := rewrite(b.client, kv.Root+Prefix+keyNumber(78)); err != nil {
		t.Fatal(err)
	}
	a := archivist{Log: b.log}
	if err := a.turn(t.Context()); !fault.HasCode(err, "leaf_changed") {
		t.Errorf("sealed: %v", err)
	}
	if files := b.sealedFiles(b.dir); len(files) != 0 {
		t.Errorf("written: %v", files)
	}
}

func TestADamagedSealIsNotTrusted(t *testing.T) {
	b := newBench(t)
	b.write(256)
	b.mustServe(b.log)
	b.seal(b.log)
	b.pass(48 * time.Hour)
	file := b.log.file(TilePath(-1, 0, 256))
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	raw[1000] ^= 1
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.unload(b.log); err == nil {
		t.Error("entries were removed whose sealed file is damaged")
	}
	if n, removed := b.stored(); n != 256 || removed != 0 {
		t.Errorf("%d removed, %d left", removed, n)
	}
}

func (b *bench) sealedFiles(dir string) (files []string) {
	_ = filepath.WalkDir(filepath.Join(dir, "audit"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(filepath.Join(dir, "audit"), path)
			files = append(files, filepath.ToSlash(rel))
		}
		return nil
	})
	slices.Sort(files)
	return files
}

// The sealed files are the C2SP layout, so that any tool for such logs reads them.
func TestTheSealedFilesAreTilesOfC2SP(t *testing.T) {
	b := newBench(t)
	b.write(520)
	c := b.mustServe(b.log)
	b.seal(b.log)
	want := []string{"tile/0/000", "tile/0/001", "tile/entries/000", "tile/entries/001"}
	if got := b.sealedFiles(b.dir); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, tile := range tlog.NewTiles(tileHeight, 0, c.Tree.N) {
		raw, err := b.log.Tile(t.Context(), tile.L, tile.N, tile.W)
		if err != nil || len(raw) != tile.W*tlog.HashSize {
			t.Errorf("%v: %d bytes, %v", tile, len(raw), err)
		}
	}
	if _, err := b.log.Tile(t.Context(), 0, 3, 1); !fault.Is(err, fault.NotFound) {
		t.Errorf("a tile that is not there: %v", err)
	}
}

// Files of a history that a restore has ended are kept aside and not served.
func TestSealedFilesOfAnEndedHistoryAreKeptAside(t *testing.T) {
	b := newBench(t)
	b.write(256)
	b.mustServe(b.log)
	for _, f := range []string{TilePath(0, 0, 256), TilePath(-1, 0, 256)} {
		if err := b.log.put(f, []byte("of another history")); err != nil {
			t.Fatal(err)
		}
	}
	b.verified(b.log)
	b.seal(b.log)
	b.verified(b.log)
	ended := 0
	for _, f := range b.sealedFiles(b.dir) {
		if strings.Contains(f, ".ended-") {
			ended++
		}
	}
	if ended != 2 {
		t.Errorf("%d files kept aside: %v", ended, b.sealedFiles(b.dir))
	}
}
