package audit

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
)

const (
	exportWord = "quorate-export/1"
	proofWord  = "quorate-proof/1"
)

//go:embed format.txt
var formatText string

// A Source is where an export is read from: a Log, or a server's tiles over HTTP.
// What it gives is not trusted; verify the export.
type Source interface {
	// Checkpoint is the newest, with the key that signs, as signed notes write it.
	Checkpoint(ctx context.Context) (Checkpoint, string, error)
	Tile(ctx context.Context, level int, n int64, width int) ([]byte, error)
	Entries(ctx context.Context, n int64, width int) ([]byte, error)
	// Beside is a leaf of bundle n that is too long for an entry.
	Beside(ctx context.Context, n int64, digest string) ([]byte, error)
}

// Export writes the whole record, up to the newest checkpoint, in the form that
// format.txt tells and Verify reads. It holds one bundle in memory.
func Export(ctx context.Context, w io.Writer, src Source) (Checkpoint, error) {
	c, vkey, err := src.Checkpoint(ctx)
	if err != nil {
		return c, err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprintf(out, "%s\nabout %d\n%skey %s\ncheckpoint %d\n%s", exportWord, len(formatText), formatText, vkey, len(c.Note), c.Note)
	if err := exportBundles(ctx, out, src, c.Tree); err != nil {
		return c, err
	}
	for n := range bundles(c.Tree) {
		if err := exportEntries(ctx, out, src, c.Tree, n); err != nil {
			return c, err
		}
	}
	fmt.Fprintf(out, "end %d\n", c.Tree.N)
	return c, out.Flush()
}

// exportBundles writes the hash of every bundle: those of full ones stand in the
// tiles of level 1.
func exportBundles(ctx context.Context, out io.Writer, src Source, t tlog.Tree) error {
	full := t.N / tileWidth
	for n := int64(0); n*tileWidth < full; n++ {
		width := int(min(full-n*tileWidth, tileWidth))
		raw, err := src.Tile(ctx, 1, n, width)
		if err != nil {
			return err
		}
		if len(raw) != width*tlog.HashSize {
			return badSource("a tile", n)
		}
		for i, h := range unpack(raw) {
			fmt.Fprintf(out, "bundle %d %s\n", n*tileWidth+int64(i), h)
		}
	}
	if rest := int(t.N % tileWidth); rest > 0 {
		raw, err := src.Tile(ctx, 0, full, rest)
		if err != nil {
			return err
		}
		if len(raw) != rest*tlog.HashSize {
			return badSource("a tile", full)
		}
		fmt.Fprintf(out, "bundle %d %s\n", full, subtreeHash(unpack(raw)))
	}
	return nil
}

func exportEntries(ctx context.Context, out io.Writer, src Source, t tlog.Tree, n int64) error {
	width := widthOf(t, n)
	raw, err := src.Entries(ctx, n, width)
	if err != nil {
		return err
	}
	records, err := parseBundle(raw)
	if err != nil || len(records) != width {
		return badSource("the entries", n)
	}
	for i, r := range records {
		writeEntry(out, n*tileWidth+int64(i), r)
		if r.Digest == "" {
			continue
		}
		value, err := src.Beside(ctx, n, r.Digest)
		if err != nil {
			return err
		}
		if r, err = r.join(value); err != nil {
			return badSource("a leaf", n)
		}
		writeBeside(out, r)
	}
	return nil
}

func writeEntry(out io.Writer, index int64, r Record) {
	data := r.Data()
	fmt.Fprintf(out, "entry %d %d %s\n%s\n", index, len(data), tlog.RecordHash(data), data)
}

func writeBeside(out io.Writer, r Record) {
	if r.Digest != "" {
		fmt.Fprintf(out, "leaf %d\n%s\n", len(r.Value), r.Value)
	}
}

func badSource(what string, n int64) error {
	return fault.New(fault.Internal, "bad_source", "the server gave %s of bundle %d in another form than it should", what, n).
		Do("the record may be damaged there: see the server's log")
}

// Write writes a proof in the form that Verify reads. What stands between its
// first part and its end is a c2sp.org/tlog-proof.
func (p Proof) Write(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s\nkey %s\n", proofWord, p.Key)
	writeEntry(out, p.Index, p.Record)
	writeBeside(out, p.Record)
	fmt.Fprintf(out, "c2sp.org/tlog-proof@v1\nindex %d\n", p.Index)
	for _, h := range p.Hashes {
		fmt.Fprintf(out, "%s\n", h)
	}
	fmt.Fprintf(out, "\n%s", p.Checkpoint.Note)
	return out.Flush()
}
