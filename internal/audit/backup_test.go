package audit

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// backedUp is a backup of a store from which 512 leaves have gone to sealed files.
func backedUp(t *testing.T) (*bench, []byte, Manifest) {
	t.Helper()
	b := newBench(t)
	b.write(600)
	b.write(1, big())
	b.mustServe(b.log)
	b.seal(b.log)
	b.pass(Retain + time.Hour)
	if err := b.unload(b.log); err != nil {
		t.Fatal(err)
	}
	if _, removed := b.stored(); removed != 512 {
		t.Fatalf("%d leaves have left the store", removed)
	}
	var out bytes.Buffer
	m, err := b.log.Backup(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	return b, out.Bytes(), m
}

func skip(string, int64, io.Reader) error { return nil }

func TestABackupIsWhatItSays(t *testing.T) {
	b, raw, made := backedUp(t)
	files := map[string][]byte{}
	m, err := ReadBackup(bytes.NewReader(raw), b.log.publicKey(), func(name string, _ int64, r io.Reader) (err error) {
		files[name], err = io.ReadAll(r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := b.log.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m.Size != 601 || m.Root != c.Tree.Hash || m.Origin != c.Origin || m.Revision < 601 || !m.KeyTrusted || m.Files != len(files) || m.text() != made.text() {
		t.Errorf("%+v", m)
	}
	for _, must := range []string{StoreFile, "audit/tile/0/000", "audit/tile/0/001", "audit/tile/entries/001"} {
		if len(files[must]) == 0 {
			t.Errorf("the backup lacks %s", must)
		}
	}
	store := files[StoreFile] // etcd's own form: the database with its SHA-256 behind
	if n := len(store) - sha256.Size; n < 0 || sha256.Sum256(store[:n]) != [sha256.Size]byte(store[n:]) {
		t.Error("the store's snapshot does not have its digest behind")
	}
	if _, err := ReadBackup(bytes.NewReader(raw), nil, skip); err != nil {
		t.Errorf("without a key to trust: %v", err)
	}
	other := testKey(9).Public().(ed25519.PublicKey)
	if _, err := ReadBackup(bytes.NewReader(raw), other, skip); !fault.HasCode(err, "bad_backup") {
		t.Errorf("with another key to trust: %v", err)
	}
	names := 0
	for r := tar.NewReader(bytes.NewReader(raw)); ; names++ { // anybody can take it apart
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if names != m.Files+2 {
		t.Errorf("tar finds %d files, want %d", names, m.Files+2)
	}
}

// Whatever is done to a backup is found, and nothing else is a backup.
func TestTwoHundredMutantsOfABackup(t *testing.T) {
	_, raw, _ := backedUp(t)
	rnd := rand.New(rand.NewPCG(1, 2)) // the same each time
	refused := func(what string, mutant []byte) {
		t.Helper()
		_, err := ReadBackup(bytes.NewReader(mutant), nil, skip)
		switch {
		case err == nil:
			t.Errorf("%s: taken for a backup", what)
		case !fault.HasCode(err, "bad_backup"):
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range 200 {
		at := rnd.IntN(len(raw))
		mutant := bytes.Clone(raw)
		switch i % 5 {
		case 0:
			mutant[at] ^= 1 << rnd.IntN(8)
			refused(fmt.Sprintf("a bit flipped at %d", at), mutant)
		case 1:
			refused(fmt.Sprintf("cut off at %d", at), mutant[:at])
		case 2:
			refused(fmt.Sprintf("a byte removed at %d", at), append(mutant[:at], mutant[at+1:]...))
		case 3:
			from := at / block * block
			refused(fmt.Sprintf("a block twice at %d", from), append(bytes.Clone(raw[:from+block]), raw[from:]...))
		case 4:
			refused("something behind the end", append(mutant, byte(rnd.IntN(2)), 1))
		}
	}
	for _, part := range parts(t, raw) { // each part, small ones too, in each of its ways
		for _, at := range []int{part.header, part.header + 100, part.header + 130, part.header + 300, part.from, part.from + part.size/2, part.from + part.size - 1} {
			mutant := bytes.Clone(raw)
			mutant[at] ^= 0x20
			_, err := ReadBackup(bytes.NewReader(mutant), nil, skip)
			if !fault.HasCode(err, "bad_backup") {
				t.Errorf("%s changed at %d: %v", part.name, at, err)
			} else if at >= part.from && part.name != listFile && part.name != manifestFile && !strings.Contains(err.Error(), part.name) {
				t.Errorf("%s changed: %v does not name it", part.name, err)
			}
		}
		refused("without "+part.name, append(bytes.Clone(raw[:part.header]), raw[part.next:]...))
		refused(part.name+" twice", append(bytes.Clone(raw[:part.next]), raw[part.header:]...))
	}
}

type part struct {
	name                     string
	header, from, size, next int
}

// parts is where each file of a tar stands.
func parts(t *testing.T, raw []byte) (list []part) {
	t.Helper()
	in := bytes.NewReader(raw)
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		from := len(raw) - in.Len()
		list = append(list, part{h.Name, from - block, from, int(h.Size), from + (int(h.Size)+block-1)/block*block})
	}
}

// Whoever makes everything fit lacks the key.
func TestABackupThatIsMadeToFitIsNotSigned(t *testing.T) {
	b, raw, m := backedUp(t)
	for what, forge := range map[string]func(f *backup){
		"an entry left out": func(f *backup) { f.m.Size-- },
		"another store":     func(f *backup) { f.m.Incarnation = "00000000-0000-4000-8000-000000000000" },
	} {
		var out bytes.Buffer
		f := &backup{m: m, tar: tar.NewWriter(&out)}
		f.m.Files, f.m.Bytes = 0, 0
		if _, err := ReadBackup(bytes.NewReader(raw), nil, func(name string, size int64, r io.Reader) error { return f.add(name, size, r) }); err != nil {
			t.Fatal(err)
		}
		forge(f)
		if err := f.finish(testKey(7)); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadBackup(bytes.NewReader(out.Bytes()), nil, skip); err != nil {
			t.Fatalf("%s, signed with a key of one's own and held against itself: %v", what, err)
		}
		if _, err := ReadBackup(bytes.NewReader(out.Bytes()), b.log.publicKey(), skip); !fault.HasCode(err, "bad_backup") {
			t.Errorf("%s, signed with another key: %v", what, err)
		}
	}
}

// A replica that lacks a part of the record makes no backup that lacks it.
func TestABackupIsWholeOrNotMade(t *testing.T) {
	b, _, _ := backedUp(t)
	other := b.replica(t.TempDir())
	other.key = b.log.key
	var out bytes.Buffer
	if _, err := other.Backup(t.Context(), &out); !fault.HasCode(err, "sealed_elsewhere") {
		t.Errorf("a replica without the sealed files: %v", err)
	}
}
