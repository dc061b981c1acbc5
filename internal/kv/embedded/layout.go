package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The layout of Config.Dir:
//
//	lock        who uses the directory; never deleted
//	data.tmp/   a first boot that has not finished; wiped by the next
//	data/       etcd's data, with our marker; renamed here from data.tmp
//	etcd.sock   the child's socket, while it runs
func lockPath(dir string) string { return filepath.Join(dir, "lock") }
func tempPath(dir string) string { return filepath.Join(dir, "data.tmp") }
func dataPath(dir string) string { return filepath.Join(dir, "data") }

const socketName = "etcd.sock"

// prepareDir makes dir, private to its owner, so that it outlives a power cut:
// a directory whose entry in its parent was never synced can vanish with
// everything that was acknowledged in it.
func prepareDir(dir string) error {
	if err := mkdirDurable(dir); err != nil {
		return fmt.Errorf("store: make directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if info.Mode().Perm() == 0o700 {
		return nil
	}
	// The socket in it lets anyone who reaches it write anything.
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("store: make %s private to its owner: %w", dir, err)
	}
	return nil
}

func mkdirDurable(dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is a file, not a directory", dir)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := mkdirDurable(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncPath(parent)
}

// syncTree syncs every file and directory at or below root.
func syncTree(root string) error {
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncPath(path)
	})
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
