package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// maxSocketPath is how long, in bytes, the path of a unix socket may be on
// every system we build for: 103 on macOS, 107 on Linux.
const maxSocketPath = 103

// socketDir is where the child's socket lives: dir itself, or a fresh private
// directory when the path of dir is too long or cannot be written in a URL.
type socketDir struct {
	dir  string
	temp bool // ours alone, to be removed
}

func chooseSocketDir(dir string) (socketDir, error) {
	if fits(dir) {
		return socketDir{dir: dir}, nil
	}
	// A random name: a predictable one could be taken by another user first.
	// If we are killed it stays behind, empty but for a dead socket.
	tmp, err := os.MkdirTemp("", "quorate-")
	if err != nil {
		return socketDir{}, fmt.Errorf("store: the path %s is too long for a socket, and no other place was found: %w", dir, err)
	}
	s := socketDir{dir: tmp, temp: true}
	if !fits(tmp) {
		s.remove()
		return socketDir{}, fmt.Errorf("store: the paths %s and %s are both unfit for a socket; set TMPDIR to a short path", dir, tmp)
	}
	return s, nil
}

func fits(dir string) bool {
	// The endpoint is a URL, in which these would not mean themselves.
	return len(filepath.Join(dir, socketName)) <= maxSocketPath && !strings.ContainsAny(dir, "%?#")
}

func (s socketDir) path() string { return filepath.Join(s.dir, socketName) }

func (s socketDir) remove() {
	if s.temp {
		os.RemoveAll(s.dir)
		return
	}
	os.Remove(s.path())
}

// listenUnix listens on path, in the place of a socket that a killed process
// left there. The caller holds the lock, so nobody can be using it.
func listenUnix(path string) (net.Listener, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("store: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("store: %s is in the way of our socket and is none; move it away", path)
	default:
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("store: remove the socket of an ended process: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("store: listen: %w", err)
	}
	return l, nil
}
