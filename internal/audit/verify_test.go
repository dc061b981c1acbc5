package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shelf is a log in memory, signed with a key that is no secret, for the tests
// that need no store. It is a Source.
type shelf struct {
	key     ed25519.PrivateKey
	origin  string
	records []Record
	size    int // what the checkpoint covers
}

func testKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func newShelf(n int, longOnes ...int) *shelf {
	s := &shelf{key: testKey(1), origin: "quorate/6b1f0c1e-0000-4000-8000-000000000001", size: n}
	for i := range n {
		l := leafNumber(i)
		for _, long := range longOnes {
			if i == long {
				l = leafNumber(i, big())
			}
		}
		s.records = append(s.records, newRecord(int64(10+2*i), 1, mustJSON(l)))
	}
	return s
}

func (s *shelf) upTo(n int) *shelf {
	c := *s
	c.size = n
	return &c
}

func (s *shelf) row(from, to int) []tlog.Hash {
	var row []tlog.Hash
	for _, r := range s.records[from:to] {
		row = append(row, r.Hash())
	}
	return row
}

func (s *shelf) tree() tlog.Tree {
	var e edge
	for _, h := range s.row(0, s.size) {
		e.append(h, func(int, int64, []tlog.Hash) {})
	}
	return tlog.Tree{N: e.size, Hash: e.root()}
}

func (s *shelf) Checkpoint(context.Context) (Checkpoint, string, error) {
	c, err := sign(s.origin, s.tree(), s.key)
	if err != nil {
		return c, "", err
	}
	vkey, err := VerifierKey(s.origin, s.key.Public().(ed25519.PublicKey))
	return c, vkey, err
}

func (s *shelf) Tile(_ context.Context, level int, n int64, width int) ([]byte, error) {
	from := int(n) * tileWidth
	if level == 0 {
		return pack(s.row(from, from+width)), nil
	}
	var row []tlog.Hash
	for i := from; i < from+width; i++ {
		row = append(row, subtreeHash(s.row(i*tileWidth, (i+1)*tileWidth)))
	}
	return pack(row), nil
}

func (s *shelf) Entries(_ context.Context, n int64, width int) ([]byte, error) {
	var bundle []byte
	for _, r := range s.records[int(n)*tileWidth : int(n)*tileWidth+width] {
		bundle = appendEntry(bundle, r.Data())
	}
	return bundle, nil
}

func (s *shelf) Beside(_ context.Context, _ int64, digest string) ([]byte, error) {
	for _, r := range s.records {
		if r.Digest == digest {
			return r.Value, nil
		}
	}
	return nil, fault.New(fault.NotFound, "none", "none")
}

func (s *shelf) note() []byte {
	c, _, err := s.Checkpoint(context.Background())
	if err != nil {
		panic(err)
	}
	return c.Note
}

func (s *shelf) export() []byte {
	var out bytes.Buffer
	if _, err := Export(context.Background(), &out, s); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func (s *shelf) proof(index int) Proof {
	c, vkey, _ := s.Checkpoint(context.Background())
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	for i, h := range s.row(0, s.size) {
		more, err := tlog.StoredHashesForRecordHash(int64(i), h, reader)
		if err != nil {
			panic(err)
		}
		stored = append(stored, more...)
	}
	p, err := tlog.ProveRecord(c.Tree.N, int64(index), reader)
	if err != nil {
		panic(err)
	}
	return Proof{Index: int64(index), Record: s.records[index], Hashes: p, Checkpoint: c, Key: vkey}
}

func (s *shelf) trust() Trust { return Trust{Key: s.key.Public().(ed25519.PublicKey)} }

// The positive control: what is true is verified, at sizes on both sides of every
// border of bundles and tiles.
func TestATrueExportIsVerified(t *testing.T) {
	whole := newShelf(1100, 5, 256, 1099)
	for _, n := range []int{0, 1, 2, 255, 256, 257, 511, 512, 513, 768, 1023, 1024, 1100} {
		s := whole.upTo(n)
		trust := s.trust()
		for _, earlier := range []int{0, 1, 256, 300, n} {
			if earlier > n {
				continue
			}
			trust.Earlier = whole.upTo(earlier).note()
			v, err := Verify(bytes.NewReader(s.export()), trust)
			if err != nil || v.Size != int64(n) || v.Earlier != int64(earlier) || !v.KeyTrusted || v.Kind != "export" {
				t.Errorf("%d entries, held against %d: %+v %v", n, earlier, v, err)
			}
		}
	}
}

// The golden file: the format does not change under those who keep an export for
// years. If this test fails, the number in the first line must change.
func TestTheFormatOfAnExportIsKept(t *testing.T) {
	s := newShelf(5)
	for name, got := range map[string][]byte{"export.golden": s.export(), "proof.golden": written(s.proof(3))} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs; run with -update and look at the change", name)
		}
		if _, err := Verify(bytes.NewReader(want), s.trust()); err != nil {
			t.Errorf("%s is not verified: %v", name, err)
		}
	}
}

func written(p Proof) []byte {
	var out bytes.Buffer
	if err := p.Write(&out); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// Every single byte counts: whichever is changed, and wherever the file is cut,
// it is found.
func TestEveryByteOfAnExportAndAProofCounts(t *testing.T) {
	s := newShelf(5)
	for kind, file := range map[string][]byte{"export": s.export(), "proof": written(s.proof(3))} {
		for i := range file {
			for _, bit := range []byte{1, 32, 128} {
				bad := bytes.Clone(file)
				bad[i] ^= bit
				if _, err := Verify(bytes.NewReader(bad), s.trust()); flawOf(err) == nil {
					t.Fatalf("%s: byte %d of %d, %q for %q, is not found: %v", kind, i, len(file), bad[i], file[i], err)
				}
			}
			if _, err := Verify(bytes.NewReader(file[:i]), s.trust()); flawOf(err) == nil {
				t.Fatalf("%s: cut at byte %d: %v", kind, i, err)
			}
		}
		if _, err := Verify(bytes.NewReader(append(bytes.Clone(file), '\n')), s.trust()); flawOf(err) == nil {
			t.Errorf("%s: a line more is not found", kind)
		}
	}
}

// A mutant is an export that somebody tampered with, and what must be said of it.
type mutant struct {
	what  string
	file  []byte
	trust Trust
	part  string // "": any
	index int64  // -1: any
}

// mutants makes one of each sort, at random places.
func mutants(s *shelf, rng *rand.Rand) []mutant {
	n := s.size
	i := rng.IntN(n)
	j := (i + 1 + rng.IntN(n-1)) % n
	first := int64(min(i, j))
	bundle := int64(i/tileWidth) * tileWidth
	trust := s.trust()
	early := 1 + rng.IntN(n-1)
	kept := Trust{Key: trust.Key, Earlier: s.upTo(early).note()}
	other := tampered(s, func(r []Record) []Record { r[i] = forge(r[i]); return r })
	full := Trust{Key: trust.Key, Earlier: s.note()}
	list := []mutant{
		{"a leaf is edited", editEntry(s, i, rng), trust, "entry", int64(i)},
		{"a leaf is edited and its hash made to fit", relabel(s, other.export()), trust, "bundle", bundle},
		{"a leaf is edited, and its hash and bundle made to fit", regraft(s, other), trust, "checkpoint", 0},
		{"a leaf is removed", dropEntry(s, i), trust, "", int64(i)},
		{"two leaves change places", swapEntries(s, i, j), trust, "order", first},
		{"two leaves change places and numbers", relabel(s, tampered(s, func(r []Record) []Record { r[i], r[j] = r[j], r[i]; return r }).export()), trust, "", -1},
		{"the hash of a leaf is changed", editLine(s, fmt.Sprintf("entry %d ", i), rng), trust, "entry", int64(i)},
		{"the hash of a bundle is changed", editLine(s, fmt.Sprintf("bundle %d ", i/tileWidth), rng), trust, "bundle", bundle},
		{"the tail is cut off", cutTail(s, i), trust, "", int64(i)},
		{"the tail is cut off and the end mended", cutTail(s, i, fmt.Sprintf("end %d\n", i)), trust, "", int64(i)},
		{"the record is shorter, and signed", s.upTo(i).export(), full, "earlier", int64(i)},
		{"the record is rewritten, and signed", tampered(s, func(r []Record) []Record { r[early-1] = forge(r[early-1]); return r }).export(), kept, "earlier", 0},
		{"two records of one size are signed", other.export(), full, "earlier", 0},
		{"another key signs", strangers(s), trust, "checkpoint", 0},
		{"the checkpoint is of another size", swapNote(s, s.upTo(i).note()), trust, "", -1},
		{"the checkpoint's signature is changed", editLine(s, "— quorate/", rng), trust, "checkpoint", 0},
		{"an entry is added after the end", append(s.export(), []byte("entry\n")...), trust, "end", int64(n)},
		{"revisions fall", tampered(s, func(r []Record) []Record { r[i], r[j] = r[j], r[i]; return r }).export(), trust, "order", -1},
	}
	return list
}

// 200 random mutants and more: every one is found, and the first bad entry named.
func TestEveryMutantIsDetected(t *testing.T) {
	rng := rand.New(rand.NewPCG(2026, 5))
	total := 0
	for _, n := range []int{3, 200, 256, 257, 400, 511, 513, 700, 770, 900, 1024, 1030} {
		s := newShelf(n)
		if _, err := Verify(bytes.NewReader(s.export()), s.trust()); err != nil {
			t.Fatalf("the control of %d entries: %v", n, err)
		}
		for _, m := range mutants(s, rng) {
			total++
			_, err := Verify(bytes.NewReader(m.file), m.trust)
			f := flawOf(err)
			switch {
			case f == nil || !fault.HasCode(err, "record_not_true"):
				t.Errorf("%d entries, %s: not found (%v)", n, m.what, err)
			case m.index >= 0 && f.Index != m.index || m.part != "" && f.Part != m.part:
				t.Errorf("%d entries, %s: found %v, want %s of entry %d", n, m.what, f, m.part, m.index)
			}
		}
	}
	t.Logf("%d mutants, all found", total)
	if total < 200 {
		t.Errorf("only %d mutants", total)
	}
}

func tampered(s *shelf, change func([]Record) []Record) *shelf {
	c := *s
	c.records = change(append([]Record(nil), s.records...))
	return &c
}

func forge(r Record) Record {
	return newRecord(r.Revision, r.Schema, bytes.Replace(r.Value, []byte(`"reason":"`), []byte(`"reason":"not `), 1))
}

// relabel puts the true checkpoint and bundles in front of other entries.
func relabel(s *shelf, other []byte) []byte {
	mine := s.export()
	return append(bytes.Clone(mine[:bytes.Index(mine, []byte("\nentry 0 "))]), other[bytes.Index(other, []byte("\nentry 0 ")):]...)
}

// regraft keeps only the true checkpoint.
func regraft(s, other *shelf) []byte { return swapNoteIn(other.export(), s.note()) }

func swapNote(s *shelf, note []byte) []byte { return swapNoteIn(s.export(), note) }

var noteAt = regexp.MustCompile(`(?s)\ncheckpoint \d+\n.*?\n— [^\n]*\n`)

func swapNoteIn(file, note []byte) []byte {
	at := noteAt.FindIndex(file)
	out := append(bytes.Clone(file[:at[0]]), fmt.Sprintf("\ncheckpoint %d\n%s", len(note), note)...)
	return append(out, file[at[1]:]...)
}

func strangers(s *shelf) []byte {
	c := *s
	c.key = testKey(2)
	return c.export()
}

// span is where entry i stands in an export, its line and all.
func span(file []byte, i int) (from, to int) {
	from = bytes.Index(file, fmt.Appendf(nil, "\nentry %d ", i)) + 1
	to = bytes.Index(file, fmt.Appendf(nil, "\nentry %d ", i+1)) + 1
	if to == 0 {
		to = bytes.LastIndex(file, []byte("\nend ")) + 1
	}
	return from, to
}

func editEntry(s *shelf, i int, rng *rand.Rand) []byte {
	file := s.export()
	from, to := span(file, i)
	line := bytes.IndexByte(file[from:], '\n') + 1
	file[from+line+rng.IntN(to-from-line-1)] ^= byte(1 + rng.IntN(255))
	return file
}

func dropEntry(s *shelf, i int) []byte {
	file := s.export()
	from, to := span(file, i)
	return append(file[:from:from], file[to:]...)
}

func swapEntries(s *shelf, i, j int) []byte {
	i, j = min(i, j), max(i, j)
	file := s.export()
	a, b := span(file, i)
	c, d := span(file, j)
	return bytes.Join([][]byte{file[:a], file[c:d], file[b:c], file[a:b], file[d:]}, nil)
}

// editLine changes a base64 digit in the last word of a line.
func editLine(s *shelf, begin string, rng *rand.Rand) []byte {
	file := s.export()
	from := bytes.Index(file, []byte("\n"+begin)) + 1
	line := file[from : from+bytes.IndexByte(file[from:], '\n')]
	word := bytes.LastIndexByte(line, ' ') + 1
	at := word + rng.IntN(40)
	if strings.HasPrefix(begin, "—") {
		at += 6 // behind the hash of the key, in the signature itself
	}
	if line[at] == 'A' {
		line[at] = 'B'
	} else {
		line[at] = 'A'
	}
	return file
}

func cutTail(s *shelf, i int, end ...string) []byte {
	file := s.export()
	from, _ := span(file, i)
	return append(file[:from:from], strings.Join(end, "")...)
}

// A leaf that stands beside its entry is held against the entry too.
func TestALeafBesideItsEntryIsHeldAgainstIt(t *testing.T) {
	s := newShelf(4, 2)
	file := s.export()
	at := bytes.Index(file, []byte("xxxx"))
	file[at] = 'y'
	if _, err := Verify(bytes.NewReader(file), s.trust()); flawOf(err) == nil || flawOf(err).Index != 2 {
		t.Errorf("a changed leaf beside entry 2: %v", err)
	}
	file = written(s.proof(2))
	if _, err := Verify(bytes.NewReader(file), s.trust()); err != nil {
		t.Errorf("a proof with its leaf beside: %v", err)
	}
}

func TestAProofIsOfOneEntryInOneTree(t *testing.T) {
	s := newShelf(700)
	for _, i := range []int{0, 1, 255, 256, 511, 512, 699} {
		v, err := Verify(bytes.NewReader(written(s.proof(i))), s.trust())
		if err != nil || *v.Entry.Index != int64(i) || v.Entry.ID != keyNumber(i) || v.Kind != "proof" {
			t.Errorf("entry %d: %+v %v", i, v, err)
		}
	}
	p := s.proof(3)
	p.Index = 4
	if _, err := Verify(bytes.NewReader(written(p)), s.trust()); flawOf(err) == nil {
		t.Error("a proof of entry 3 is taken for one of entry 4")
	}
	p = s.proof(3)
	p.Record = s.records[4]
	if _, err := Verify(bytes.NewReader(written(p)), s.trust()); flawOf(err) == nil {
		t.Error("entry 4 is taken for entry 3")
	}
	if _, err := Verify(bytes.NewReader(written(s.proof(3))), Trust{Key: s.trust().Key, Earlier: s.note()}); !fault.HasCode(err, "proof_and_checkpoint") {
		t.Errorf("a proof held against a checkpoint: %v", err)
	}
}

// The format as its description tells it, read by a program that shares nothing
// with the one that wrote it: a verifier of thirty lines, as somebody might write
// one in six years.
func TestTheFormatCanBeReadFromItsDescriptionAlone(t *testing.T) {
	s := newShelf(600, 17)
	root, n := readByDescription(t, s.export())
	if want := s.tree(); root != want.Hash || n != 600 {
		t.Errorf("root %v of %d entries, want %v", root, n, want.Hash)
	}
}

func readByDescription(t *testing.T, file []byte) (root [32]byte, n int) {
	t.Helper()
	line := func() []string {
		l, rest, _ := bytes.Cut(file, []byte("\n"))
		file = rest
		return strings.Split(string(l), " ")
	}
	skip := func(count string) []byte {
		c, err := strconv.Atoi(count)
		if err != nil {
			t.Fatal(err)
		}
		data := file[:c]
		file = file[c:]
		return data
	}
	var level [][32]byte
	for {
		switch w := line(); w[0] {
		case "quorate-export/1", "key", "bundle":
		case "about", "checkpoint":
			skip(w[1])
		case "entry":
			level = append(level, sha256.Sum256(append([]byte{0}, skip(w[2])...)))
			line()
		case "leaf":
			skip(w[1])
			line()
		case "end":
			return mth(level), len(level)
		default:
			t.Fatalf("a line %q", w)
		}
	}
}

// mth is RFC 6962, section 2.1, word for word.
func mth(d [][32]byte) [32]byte {
	if len(d) == 1 {
		return d[0]
	}
	k := 1
	for k*2 < len(d) {
		k *= 2
	}
	l, r := mth(d[:k]), mth(d[k:])
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

func FuzzVerify(f *testing.F) {
	s := newShelf(3)
	f.Add(s.export())
	f.Add(written(s.proof(1)))
	f.Add([]byte(exportWord + "\nabout 3\nabc"))
	true1, true2 := s.export(), written(s.proof(1))
	f.Fuzz(func(t *testing.T, file []byte) {
		v, err := Verify(bytes.NewReader(file), s.trust())
		if err == nil && !bytes.Equal(file, true1) && v.Kind == "export" {
			t.Errorf("another file than the true one is verified: %q", file)
		}
		if err == nil && !bytes.Equal(file, true2) && v.Kind == "proof" {
			t.Errorf("another proof than the true one is verified: %q", file)
		}
	})
}

func FuzzRecord(f *testing.F) {
	for _, r := range newShelf(3, 1).records {
		f.Add(r.Data())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRecord(data)
		if err == nil && !bytes.Equal(r.Data(), data) {
			t.Errorf("%q is read as %q", data, r.Data())
		}
		if bundle, err := parseBundle(data); err == nil {
			var again []byte
			for _, r := range bundle {
				again = appendEntry(again, r.Data())
			}
			if !bytes.Equal(again, data) {
				t.Errorf("the bundle %q is read as %q", data, again)
			}
		}
	})
}
