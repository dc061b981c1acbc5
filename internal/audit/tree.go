package audit

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// The shape of C2SP tlog-tiles: a tile holds 256 hashes, eight levels of the tree.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// subtreeHash is the RFC 6962 hash over a row of hashes of complete subtrees.
// All but the last must be of one size, the last may be smaller.
func subtreeHash(row []tlog.Hash) tlog.Hash {
	if len(row) == 1 {
		return row[0]
	}
	k := 1 << (bits.Len(uint(len(row)-1)) - 1) // the largest power of two below len
	return tlog.NodeHash(subtreeHash(row[:k]), subtreeHash(row[k:]))
}

// An edge is the right edge of the tree: for each level of tiles, the hashes of
// the last tile that is not full. It is all that is needed to append, and to
// know the root. It belongs to one goroutine.
type edge struct {
	size int64
	rows [][]tlog.Hash // by level; fewer than tileWidth hashes each
}

func (e *edge) clone() *edge {
	c := &edge{size: e.size, rows: make([][]tlog.Hash, len(e.rows))}
	for i, r := range e.rows {
		c.rows[i] = slices.Clone(r)
	}
	return c
}

// append adds a leaf's hash, and hands over every tile that it fills.
func (e *edge) append(h tlog.Hash, full func(level int, n int64, row []tlog.Hash)) {
	e.size++
	for level := 0; ; level++ {
		if level == len(e.rows) {
			e.rows = append(e.rows, nil)
		}
		e.rows[level] = append(e.rows[level], h)
		if len(e.rows[level]) < tileWidth {
			return
		}
		row := e.rows[level]
		e.rows[level] = nil
		full(level, tileIndex(e.size, level)-1, row)
		h = subtreeHash(row)
	}
}

// root is the hash of the whole tree.
func (e *edge) root() tlog.Hash {
	var h tlog.Hash
	some := false
	for _, row := range e.rows { // from the right, which is the lowest level, to the left
		if len(row) == 0 {
			continue
		}
		if some {
			row = append(slices.Clone(row), h)
		}
		h, some = subtreeHash(row), true
	}
	if !some {
		h, _ = tlog.TreeHash(0, nil) // the hash of nothing, by definition
	}
	return h
}

// tileIndex is how many full tiles a tree has at a level.
func tileIndex(size int64, level int) int64 {
	if shift := tileHeight * (level + 1); shift < 63 {
		return size >> shift
	}
	return 0
}

// rowWidth is how many hashes the last tile of a level has that is not full.
func rowWidth(size int64, level int) int {
	if shift := tileHeight * level; shift < 63 {
		return int(size >> shift % tileWidth)
	}
	return 0
}

// TilePath is where a tile stands: "tile/0/x001/234", as C2SP tlog-tiles has it.
// A width below 256 adds ".p/W". The level -1 is that of the entries.
func TilePath(level int, n int64, width int) string {
	name := "tile/entries"
	if level >= 0 {
		name = "tile/" + strconv.Itoa(level)
	}
	digits := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		digits = fmt.Sprintf("x%03d/%s", n%1000, digits)
	}
	name += "/" + digits
	if width < tileWidth {
		name += ".p/" + strconv.Itoa(width)
	}
	return name
}

// ParseTilePath is the inverse of TilePath.
func ParseTilePath(path string) (level int, n int64, width int, ok bool) {
	words := strings.Split(path, "/")
	if len(words) < 3 || len(words) > 12 {
		return 0, 0, 0, false
	}
	level, width = -1, tileWidth
	if words[1] != "entries" {
		level, _ = strconv.Atoi(words[1])
	}
	digits := words[2:]
	if i := len(digits) - 2; i >= 0 && strings.HasSuffix(digits[i], ".p") {
		width, _ = strconv.Atoi(digits[i+1])
		digits = append(slices.Clone(digits[:i]), strings.TrimSuffix(digits[i], ".p"))
	}
	for _, d := range digits {
		part, err := strconv.Atoi(strings.TrimPrefix(d, "x"))
		if err != nil || part < 0 || n > 1<<40 {
			return 0, 0, 0, false
		}
		n = n*1000 + int64(part)
	}
	ok = level < 8 && width >= 1 && TilePath(level, n, width) == path
	return level, n, width, ok
}

// pack writes hashes one after the other.
func pack(row []tlog.Hash) []byte {
	out := make([]byte, 0, len(row)*tlog.HashSize)
	for _, h := range row {
		out = append(out, h[:]...)
	}
	return out
}

func unpack(raw []byte) []tlog.Hash {
	row := make([]tlog.Hash, len(raw)/tlog.HashSize)
	for i := range row {
		copy(row[i][:], raw[i*tlog.HashSize:])
	}
	return row
}
