package server

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/embedded"
)

// A Restoration says what to restore, and where.
type Restoration struct {
	Backup  string            // the file
	DataDir string            // of the server to be: empty, or not there yet
	Key     ed25519.PublicKey // that must have signed the backup; nil: the one that it names
	KeyFile string            // a copy of audit-key, put into the data directory; "": none
	Now     func() time.Time
	Small   bool // tests: small write-ahead log segments
}

// Restored says what was restored.
type Restored struct {
	audit.Manifest
	Incarnation kv.Incarnation `json:"life"`
	NeedsKey    bool           `json:"needs_key"` // the signing key is not in the data directory yet
}

// Restore makes a data directory from a backup. It is in its place once it is
// whole, and not before. A server that is started on it serves nothing and writes
// nothing until an operator accepts, on the record, what the backup has lost.
func Restore(ctx context.Context, r Restoration) (Restored, error) {
	if err := mustBeEmpty(r.DataDir); err != nil {
		return Restored{}, err
	}
	dir, err := filepath.Abs(r.DataDir)
	if err != nil {
		return Restored{}, err
	}
	tmp := dir + ".restoring"
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return Restored{}, fault.New(fault.Refused, "cannot_restore", "the directory %s, in which the data directory is prepared, cannot be made: %v", tmp, err).
			Do("if it is left from a restore that was interrupted, remove it; else check --data-dir").At("--data-dir")
	}
	done, err := r.prepare(ctx, tmp)
	if err == nil {
		err = put(tmp, dir)
	}
	if err != nil {
		return done, errors.Join(err, os.RemoveAll(tmp))
	}
	return done, nil
}

func mustBeEmpty(dir string) error {
	if dir == "" {
		return fault.New(fault.Invalid, "no_data_dir", "no data directory was given").Do("set --data-dir").At("--data-dir")
	}
	found, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && len(found) == 0:
		return nil
	case err != nil:
		return fault.New(fault.Invalid, "bad_data_dir", "the data directory %q cannot be used: %v", dir, err).Do("choose another with --data-dir").At("--data-dir")
	}
	return fault.New(fault.Refused, "data_dir_not_empty", "the data directory %q is not empty", dir).
		Do("restore into an empty one; move the old one away, and keep it: what the backup lacks may be in it").At("--data-dir")
}

// put gives the directory its name.
func put(tmp, dir string) error {
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // it is empty
		return err
	}
	return os.Rename(tmp, dir)
}

func (r Restoration) prepare(ctx context.Context, dir string) (done Restored, err error) {
	file, err := os.Open(r.Backup)
	if err != nil {
		return done, fault.New(fault.Invalid, "bad_file", "the backup %q cannot be read: %v", r.Backup, err).Do("check its name")
	}
	defer func() { _ = file.Close() }() // it was only read
	if done.Manifest, err = audit.ReadBackup(file, r.Key, func(name string, _ int64, from io.Reader) error { return unpack(dir, name, from) }); err != nil {
		return done, err
	}
	if err := r.placeKey(dir, &done); err != nil {
		return done, err
	}
	snapshot := filepath.Join(dir, audit.StoreFile)
	cfg := embedded.Config{Dir: Config{DataDir: dir}.storeDir(), SmallWAL: r.Small}
	if err := embedded.Restore(ctx, cfg, snapshot, kv.MarkRestored(r.Now(), &done.Incarnation)); err != nil {
		return done, fault.New(fault.Refused, "cannot_restore", "the store cannot be restored: %v", err).Do("use another backup").Because(err)
	}
	if id := done.Incarnation.ID; id != done.Manifest.Incarnation {
		return done, fault.New(fault.Refused, "bad_backup", "the backup does not hold: its store is %s, and its manifest says %s", id, done.Manifest.Incarnation).Do("use another")
	}
	return done, os.Remove(snapshot)
}

// unpack writes a file of a backup, and returns once it is on the disk.
func unpack(dir, name string, from io.Reader) error {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fault.New(fault.Refused, "bad_backup", "the backup does not hold: %q cannot be written: %v", name, err).Do("look at the disk, or use another")
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Sync(), to.Close())
}

// placeKey puts the signing key beside the store, if it was given.
func (r Restoration) placeKey(dir string, done *Restored) error {
	if done.NeedsKey = r.KeyFile == ""; done.NeedsKey {
		return nil
	}
	raw, err := os.ReadFile(r.KeyFile)
	if err != nil {
		return badFile("--audit-key", r.KeyFile, err)
	}
	if err := os.WriteFile(filepath.Join(dir, audit.KeyFile), raw, 0o600); err != nil {
		return err
	}
	key, err := audit.LoadKey(dir)
	if err != nil {
		return fault.From(err).At("--audit-key")
	}
	if id := audit.KeyID(key.Public().(ed25519.PublicKey)); id != done.KeyID {
		return fault.New(fault.Invalid, "another_audit_key", "the file %q holds the key %s, and the record is signed with %s", r.KeyFile, id, done.KeyID).
			Do("give the copy of audit-key that belongs to this backup").At("--audit-key")
	}
	return nil
}
