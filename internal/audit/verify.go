package audit

import (
	"bufio"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
)

// A Trust is what a verifier brings along; without it a file can only be held
// against itself.
type Trust struct {
	Key     ed25519.PublicKey // nil: the one that the file names, which proves nothing of who signed
	Earlier []byte            // a checkpoint kept from an earlier time; nil: none
	// Each is shown every entry as it is read, before it is known whether it holds.
	// nil: none is.
	Each func(Entry)
}

// A Verdict is what was found true.
type Verdict struct {
	Kind       string     `json:"kind"` // "export" or "proof"
	Origin     string     `json:"origin"`
	Size       int64      `json:"size"` // entries that the checkpoint vouches for
	Root       tlog.Hash  `json:"root"`
	KeyID      string     `json:"key_id"`
	KeyTrusted bool       `json:"key_trusted"`         // it is the one the verifier brought
	Handovers  []int64    `json:"handovers,omitempty"` // the entries that lead from the key that the verifier brought to the one that signed
	Earlier    int64      `json:"earlier,omitempty"`   // size of the earlier checkpoint that it continues
	Restored   *int64     `json:"restored,omitempty"`  // the entry with which a restored backup was accepted, after the earlier checkpoint
	Entry      *Entry     `json:"entry,omitempty"`     // of a proof
	First      *time.Time `json:"first,omitempty"`     // when the first entry was recorded
	Last       *time.Time `json:"last,omitempty"`
}

// A Flaw is the first thing found that is not as it must be. Index is the first
// entry that cannot be vouched for.
type Flaw struct {
	Index int64
	Part  string // "entry", "order", "bundle", "checkpoint", "end", "earlier", "file"
	What  string
}

func (f *Flaw) Error() string { return fmt.Sprintf("entry %d: %s: %s", f.Index, f.Part, f.What) }

func flaw(index int64, part, format string, args ...any) error {
	f := &Flaw{Index: index, Part: part, What: fmt.Sprintf(format, args...)}
	return fault.New(fault.Refused, "record_not_true", "the record does not hold from entry %d on (%s): %s", index, part, f.What).
		Do("keep the file: it shows where it was tampered with or damaged").Because(f)
}

// Verify reads an export or a proof to its end and holds every byte of it against
// the signed checkpoint. It needs neither server nor network, and memory for one
// bundle and 32 bytes for every 256 entries. The error is a fault that wraps a
// Flaw, or one of reading.
func Verify(r io.Reader, trust Trust) (Verdict, error) {
	v := &verifier{in: bufio.NewReaderSize(r, 1<<16), trust: trust}
	word, err := v.line("file")
	switch {
	case err != nil:
		return v.verdict, err
	case word == exportWord:
		err = v.export()
	case word == proofWord:
		err = v.proof()
	default:
		err = flaw(0, "file", "it begins with %.40q, and is neither an export nor a proof", word)
	}
	return v.verdict, err
}

// A verifier reads one file. next is the first entry that is not yet proven to be
// what was read.
type verifier struct {
	in      *bufio.Reader
	trust   Trust
	verdict Verdict
	tree    tlog.Tree
	next    int64
	last    Record // the entry before
	earlier Checkpoint

	fileKey      ed25519.PublicKey // that the file names
	handovers    []handover        // to which it leads
	earlierWaits bool              // nobody knows yet who signed the earlier checkpoint
	earlierFlaw  error             // what does not agree with it
}

// maxLine is longer than any line outside of what is counted.
const maxLine = 1024

func (v *verifier) line(part string) (string, error) {
	var b strings.Builder
	for b.Len() <= maxLine {
		c, err := v.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return "", flaw(v.next, part, "the file breaks off")
		case err != nil:
			return "", err
		case c == '\n':
			return b.String(), nil
		}
		b.WriteByte(c)
	}
	return "", flaw(v.next, part, "a line is longer than %d bytes", maxLine)
}

// words reads a line of that many words, the first of which is given.
func (v *verifier) words(part, first string, n int) ([]string, error) {
	line, err := v.line(part)
	if err != nil {
		return nil, err
	}
	words := strings.Split(line, " ")
	if len(words) != n || words[0] != first {
		return nil, flaw(v.next, part, "there is %.60q where %q should be", line, first)
	}
	return words[1:], nil
}

func (v *verifier) number(part, word string, most int64) (int64, error) {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil || n < 0 || n > most || strconv.FormatInt(n, 10) != word {
		return 0, flaw(v.next, part, "%.30q is no number here", word)
	}
	return n, nil
}

func (v *verifier) bytes(part string, n int64) ([]byte, error) {
	data := make([]byte, n)
	if _, err := io.ReadFull(v.in, data); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, flaw(v.next, part, "the file breaks off")
	} else if err != nil {
		return nil, err
	}
	return data, nil
}

// counted reads "word L" and L bytes.
func (v *verifier) counted(part, word string, most int64) ([]byte, error) {
	words, err := v.words(part, word, 2)
	if err != nil {
		return nil, err
	}
	n, err := v.number(part, words[0], most)
	if err != nil {
		return nil, err
	}
	return v.bytes(part, n)
}

func (v *verifier) nothingMore(part string) error {
	if _, err := v.in.ReadByte(); err == nil {
		return flaw(v.next, part, "something follows after the end")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (v *verifier) export() error {
	about, err := v.counted("file", "about", maxNote)
	if err != nil {
		return err
	}
	if string(about) != formatText {
		return flaw(0, "file", "its description of itself is not that of %s", exportWord)
	}
	key, err := v.key()
	if err != nil {
		return err
	}
	note, err := v.counted("checkpoint", "checkpoint", maxNote)
	if err != nil {
		return err
	}
	if err := v.checkpoint(note, key); err != nil {
		return err
	}
	v.verdict.Kind = "export"
	sums, err := v.bundles()
	if err != nil {
		return err
	}
	return v.entries(sums)
}

// key reads the key that the file names, and prefers the one that was brought.
func (v *verifier) key() (ed25519.PublicKey, error) {
	words, err := v.words("file", "key", 2)
	if err != nil {
		return nil, err
	}
	key, err := ParseVerifierKey(words[0])
	if err != nil {
		return nil, flaw(0, "file", "%.100q is no public key", words[0])
	}
	v.verdict.KeyTrusted = v.trust.Key != nil && v.trust.Key.Equal(key)
	v.fileKey, v.verdict.KeyID = key, KeyID(key)
	// The name in front of the key must be that of the log, or the file would have
	// a part that nothing is held against.
	v.verdict.Origin, _, _ = strings.Cut(words[0], "+")
	return key, nil
}

// checkpoint opens the note, and the earlier one with the same key.
func (v *verifier) checkpoint(note []byte, key ed25519.PublicKey) error {
	c, err := OpenCheckpoint(note, key)
	if err != nil {
		return flaw(0, "checkpoint", "%v", err)
	}
	if c.Origin != v.verdict.Origin {
		return flaw(0, "checkpoint", "it is of %.100q, and the key is named for %.100q", c.Origin, v.verdict.Origin)
	}
	v.tree, v.verdict.Size, v.verdict.Root = c.Tree, c.Tree.N, c.Tree.Hash
	if v.trust.Earlier == nil {
		return nil
	}
	if err := v.openEarlier(key); err != nil {
		return err
	}
	e := v.earlier
	switch {
	case e.Origin != c.Origin && lifeOf(e.Origin) == lifeOf(c.Origin) && epochOf(e.Origin) < epochOf(c.Origin):
		// A restored backup was accepted in between; entries below tell where.
		v.verdict.Earlier = e.Tree.N
		return nil
	case e.Origin != c.Origin:
		return v.disagrees(flaw(0, "earlier", "the earlier checkpoint is of %s, which %s does not continue", e.Origin, c.Origin))
	case e.Tree.N > c.Tree.N:
		return v.disagrees(flaw(c.Tree.N, "earlier", "the record was rolled back: it had %d entries and has %d", e.Tree.N, c.Tree.N))
	case e.Tree.N == c.Tree.N && e.Tree.Hash != c.Tree.Hash:
		return v.disagrees(flaw(0, "earlier", "two records of %d entries were signed: the record was forked", c.Tree.N))
	}
	v.verdict.Earlier = e.Tree.N
	return nil
}

// entries reads every entry and holds it against its hash, each 256 hashes
// against their bundle's, and all of them against the root.
func (v *verifier) entries(sums bundleSums) error {
	var row []tlog.Hash
	var whole edge // for the root at the size of the earlier checkpoint
	if err := v.grown(&whole); err != nil {
		return err
	}
	for i := range v.tree.N {
		h, err := v.entry(i)
		if err != nil {
			return err
		}
		row = append(row, h)
		whole.append(h, func(int, int64, []tlog.Hash) {})
		if len(row) == tileWidth || i == v.tree.N-1 {
			if err := sums.check(i/tileWidth, row); err != nil {
				return err
			}
			row, v.next = row[:0], i+1
		}
		if err := v.grown(&whole); err != nil {
			return err
		}
	}
	v.verdict.Entry = nil
	if err := sums.checkRoot(v.tree); err != nil {
		return err
	}
	if err := v.keys(); err != nil {
		return err
	}
	if err := v.lost(); err != nil {
		return err
	}
	words, err := v.words("end", "end", 2)
	if err != nil {
		return err
	}
	if n, err := v.number("end", words[0], v.tree.N); err != nil || n != v.tree.N {
		return flaw(v.tree.N, "end", "the end says %.30q entries, and there are %d", words[0], v.tree.N)
	}
	return v.nothingMore("end")
}

// grown compares the tree with the earlier checkpoint when it has that size.
func (v *verifier) grown(whole *edge) error {
	e := v.earlier
	if e.Note == nil || whole.size != e.Tree.N || v.verdict.Restored != nil && *v.verdict.Restored < e.Tree.N || whole.root() == e.Tree.Hash {
		return nil
	}
	if e.Origin != v.verdict.Origin {
		return v.disagrees(flaw(0, "earlier", "a restored backup was accepted after the earlier checkpoint, and what stands before that is not what the checkpoint vouches for: %s went on without it", v.verdict.Origin))
	}
	return v.disagrees(flaw(0, "earlier", "the record was rewritten: its first %d entries are not those that the earlier checkpoint vouches for", e.Tree.N))
}

// entry reads one entry. It says which one is bad by the hash beside it; whether
// that hash is the signed one is found at the end of the bundle.
func (v *verifier) entry(i int64) (tlog.Hash, error) {
	v.next = i
	words, err := v.words("entry", "entry", 4)
	if err != nil {
		return tlog.Hash{}, err
	}
	if words[0] != strconv.FormatInt(i, 10) {
		return tlog.Hash{}, flaw(i, "order", "entry %.30q stands where entry %d should", words[0], i)
	}
	n, err := v.number("entry", words[1], maxEntry)
	if err != nil {
		return tlog.Hash{}, err
	}
	h, err := parseHash(words[2])
	if err != nil {
		return h, flaw(i, "entry", "%.60q is no hash", words[2])
	}
	data, err := v.bytes("entry", n)
	if err != nil {
		return h, err
	}
	if tlog.RecordHash(data) != h {
		return h, flaw(i, "entry", "what it says does not have its hash")
	}
	if err := v.newline(i); err != nil {
		return h, err
	}
	return h, v.leaf(i, data)
}

func (v *verifier) newline(i int64) error {
	c, err := v.bytes("entry", 1)
	if err == nil && c[0] != '\n' {
		err = flaw(i, "entry", "it is followed by something")
	}
	return err
}

// leaf reads the leaf of an entry, from beside it if need be, and what it says of
// its order.
func (v *verifier) leaf(i int64, data []byte) error {
	r, err := parseRecord(data)
	if err != nil {
		return flaw(i, "entry", "%v", err)
	}
	if r.Digest != "" {
		value, err := v.counted("entry", "leaf", maxLeaf)
		if err != nil {
			return err
		}
		if r, err = r.join(value); err != nil {
			return flaw(i, "entry", "%v", err)
		}
		if err := v.newline(i); err != nil {
			return err
		}
	}
	l, err := r.Leaf()
	switch {
	case err != nil:
		return flaw(i, "entry", "its leaf is no JSON of its kind: %v", err)
	case r.Revision < v.last.Revision:
		return flaw(i, "order", "it was written at revision %d, before the entry that stands before it, of revision %d", r.Revision, v.last.Revision)
	}
	v.last = r
	v.verdict.Last = &l.At
	if v.verdict.First == nil {
		v.verdict.First = &l.At
	}
	v.verdict.Entry = &Entry{Revision: r.Revision, Index: &i, Leaf: l}
	if v.trust.Each != nil {
		v.trust.Each(*v.verdict.Entry)
	}
	if v.earlier.Note != nil && v.verdict.Restored == nil && v.earlier.Origin != v.verdict.Origin && accepts(l) > epochOf(v.earlier.Origin) {
		v.verdict.Restored = &i
	}
	return v.handsOver(i, l)
}
