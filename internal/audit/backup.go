package audit

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
)

// A backup is a tar file, so that it can be taken apart without Quorate:
//
//	store.db     etcd's own snapshot of the store, at one moment
//	audit/…      the sealed parts of the record, copied after that moment: what
//	             had left the store before it is here
//	files        a line for each of these: name, bytes, SHA-256
//	manifest     what it is a backup of, and the digest of files: a note signed
//	             with the key that signs the record
//
// Of one content there is one such file: whatever else a tar file could say, of
// owners and times for instance, is as tar writes nothing. The signing key is not
// in it.
const (
	backupWord   = "quorate-backup/1"
	StoreFile    = "store.db" // the name of the store's snapshot in a backup
	listFile     = "files"
	manifestFile = "manifest"
	sealedDir    = "audit/"
)

// A Manifest says what a backup is of.
type Manifest struct {
	Origin      string    `json:"origin"`
	Incarnation string    `json:"incarnation"`
	Epoch       int64     `json:"epoch"`
	Revision    int64     `json:"revision"` // everything up to it is in the backup
	Made        time.Time `json:"made"`
	Size        int64     `json:"size"` // entries that the newest checkpoint vouched for
	Root        tlog.Hash `json:"root"`
	KeyID       string    `json:"key_id"`
	KeyTrusted  bool      `json:"key_trusted"` // it is the one that the verifier brought
	Files       int       `json:"files"`
	Bytes       int64     `json:"bytes"` // of all files

	key  string            // as signed notes write it
	list [sha256.Size]byte // digest of the list of files
}

func (m Manifest) text() string {
	return fmt.Sprintf("%s\norigin %s\nincarnation %s %d\nrevision %d\nmade %s\nrecord %d %s\nfiles %d %d %x\nkey %s\n", backupWord,
		m.Origin, m.Incarnation, m.Epoch, m.Revision, m.Made.UTC().Format(time.RFC3339), m.Size, m.Root, m.Files, m.Bytes, m.list, m.key)
}

// parseManifest is the inverse of text: it takes nothing but what text makes.
func parseManifest(text string) (m Manifest, err error) {
	var made, root, list string
	_, err = fmt.Sscanf(text, backupWord+"\norigin %s\nincarnation %s %d\nrevision %d\nmade %s\nrecord %d %s\nfiles %d %d %s\nkey %s\n",
		&m.Origin, &m.Incarnation, &m.Epoch, &m.Revision, &made, &m.Size, &root, &m.Files, &m.Bytes, &list, &m.key)
	if err != nil {
		return m, errors.New("it is no manifest of a backup")
	}
	var errs [3]error
	m.Made, errs[0] = time.Parse(time.RFC3339, made)
	m.Root, errs[1] = parseHash(root)
	errs[2] = unhex(&m.list, list)
	if errors.Join(errs[:]...) != nil || m.text() != text {
		return m, errors.New("it is no manifest of a backup")
	}
	return m, nil
}

func unhex(to *[sha256.Size]byte, text string) error {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(to) {
		return errors.New("no digest")
	}
	copy(to[:], raw)
	return nil
}

// Backup writes a backup of the store and of what is sealed on this replica's
// disk. It needs room for the store's snapshot in the data directory while it
// runs, and little memory. Errors: those of Checkpoint, sealed_elsewhere if a part
// of the record stands on the disks of other replicas alone.
func (l *Log) Backup(ctx context.Context, w io.Writer) (Manifest, error) {
	if err := l.mayHold(ctx); err != nil { // it would be signed with another key than the record
		return Manifest{}, err
	}
	top, _, err := l.Checkpoint(ctx)
	if err != nil {
		return Manifest{}, err
	}
	_, revision, err := l.store.Count(ctx, Prefix, 0)
	if err != nil {
		return Manifest{}, err
	}
	life := l.store.Incarnation()
	b := &backup{m: Manifest{Origin: top.Origin, Incarnation: life.ID, Epoch: life.Epoch, Revision: revision,
		Made: l.cfg.Now().UTC().Truncate(time.Second), Size: top.Tree.N, Root: top.Tree.Hash, KeyID: KeyID(l.publicKey())}, tar: tar.NewWriter(w)}
	if err := l.backupStore(ctx, b); err != nil {
		return b.m, err
	}
	if err := l.backupSealed(ctx, b); err != nil {
		return b.m, err
	}
	return b.m, b.finish(l.signer())
}

// backup is one that is being written.
type backup struct {
	m    Manifest
	tar  *tar.Writer
	list bytes.Buffer
}

// backupStore spools the snapshot, since tar says a file's length before it.
func (l *Log) backupStore(ctx context.Context, b *backup) error {
	spool, err := os.CreateTemp(l.cfg.DataDir, ".backup-*") // of mode 0600
	if err != nil {
		return cannotSpool(err)
	}
	defer func() { _ = errors.Join(spool.Close(), os.Remove(spool.Name())) }() // it was in between
	n, err := l.store.Snapshot(ctx, spool)
	if err != nil {
		return err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return cannotSpool(err)
	}
	return b.add(StoreFile, n, spool)
}

func cannotSpool(cause error) error {
	return fault.New(fault.Internal, "cannot_spool", "the store's snapshot cannot be kept in the data directory while it is sent").
		Do("look at the disk of the data directory").Because(cause)
}

// backupSealed adds the sealed files. It comes after the snapshot: what leaves the
// store meanwhile is in the snapshot still.
func (l *Log) backupSealed(ctx context.Context, b *backup) error {
	h, err := readHead(l.store.View(ctx))
	if err != nil {
		return err
	}
	for n := int64(0); n*tileWidth < h.Value.Removed; n++ {
		if _, err := os.Stat(l.file(TilePath(0, n, tileWidth))); err != nil {
			return l.noTile(ctx, 0, n, tileWidth)
		}
	}
	var names []string
	err = filepath.WalkDir(l.dir, func(file string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && file == l.dir {
			return fs.SkipAll // nothing is sealed yet
		}
		if err != nil || !d.Type().IsRegular() || strings.HasPrefix(d.Name(), ".") { // one that is being written
			return err
		}
		rel, err := filepath.Rel(l.dir, file)
		names = append(names, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := b.addFile(sealedDir+name, l.file(name)); err != nil {
			return err
		}
	}
	return nil
}

func (b *backup) addFile(name, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return b.add(name, info.Size(), f)
}

// header is what stands before a file: nothing but its name and length differs.
func header(name string, n int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: n, Mode: 0o600, Format: tar.FormatGNU}
}

func (b *backup) add(name string, n int64, from io.Reader) error {
	if err := b.tar.WriteHeader(header(name, n)); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(b.tar, sum), from, n); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	fmt.Fprintf(&b.list, "%s %d %x\n", name, n, sum.Sum(nil))
	b.m.Files, b.m.Bytes = b.m.Files+1, b.m.Bytes+n
	return nil
}

// finish adds the list and the manifest.
func (b *backup) finish(key ed25519.PrivateKey) (err error) {
	if b.m.key, err = VerifierKey(b.m.Origin, key.Public().(ed25519.PublicKey)); err != nil {
		return err
	}
	b.m.list = sha256.Sum256(b.list.Bytes())
	signer, err := newNoteSigner(b.m.Origin, key)
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: b.m.text()}, signer)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		data []byte
	}{{listFile, b.list.Bytes()}, {manifestFile, signed}} {
		if err := b.tar.WriteHeader(header(part.name, int64(len(part.data)))); err != nil {
			return err
		}
		if _, err := b.tar.Write(part.data); err != nil {
			return err
		}
	}
	return b.tar.Close()
}
