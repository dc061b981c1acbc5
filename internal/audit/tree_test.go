package audit

import (
	"bytes"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// The edge gives the same tiles and roots as the reference, at every size.
func TestTheEdgeIsTheTreeOfRFC6962(t *testing.T) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	e := &edge{}
	for i := range int64(66_000) {
		h := tlog.RecordHash([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
		more, err := tlog.StoredHashesForRecordHash(i, h, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
		e.append(h, func(level int, n int64, row []tlog.Hash) {
			want, err := tlog.ReadTileData(tlog.Tile{H: tileHeight, L: level, N: n, W: tileWidth}, reader)
			if err != nil || !bytes.Equal(want, pack(row)) {
				t.Fatalf("tile %d of level %d differs (%v)", n, level, err)
			}
		})
		if i%97 == 0 || i > 65_500 || i < 600 {
			want, err := tlog.TreeHash(i+1, reader)
			if err != nil || e.root() != want {
				t.Fatalf("the root of %d entries differs (%v)", i+1, err)
			}
			for level, row := range e.rows {
				if len(row) != rowWidth(i+1, level) {
					t.Fatalf("size %d, level %d: %d hashes, want %d", i+1, level, len(row), rowWidth(i+1, level))
				}
			}
		}
	}
}

func TestTilePaths(t *testing.T) {
	for _, c := range []struct {
		level int
		n     int64
		width int
		path  string
	}{
		{0, 0, 256, "tile/0/000"},
		{0, 1234067, 256, "tile/0/x001/x234/067"},
		{2, 1000, 17, "tile/2/x001/000.p/17"},
		{-1, 7, 1, "tile/entries/007.p/1"},
	} {
		if got := TilePath(c.level, c.n, c.width); got != c.path {
			t.Errorf("%+v: %s", c, got)
		}
		if l, n, w, ok := ParseTilePath(c.path); !ok || l != c.level || n != c.n || w != c.width {
			t.Errorf("%s: %d %d %d %v", c.path, l, n, w, ok)
		}
	}
	for _, path := range []string{"", "tile", "tile/0", "tile/0/0", "tile/00/000", "tile/0/x000/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
		"tile/8/000", "tile/-1/000", "tile/0/../000", "tile/entries/x00a/000", "tile/0/-01", "tile/0/000/", "/tile/0/000", "tile/0/001/000"} {
		if _, _, _, ok := ParseTilePath(path); ok {
			t.Errorf("%q is taken for a tile", path)
		}
	}
}
