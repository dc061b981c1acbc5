//go:build unix

package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// windDown is how long a start waits for the store process of a supervisor
// that has died: it notices within milliseconds and then closes its files.
const windDown = 5 * time.Second

// dirLock is the advisory lock (flock) on <dir>/lock. It belongs to the open
// file, not to the process: the child inherits the file, so the lock is held
// until both parent and child have ended. The file is never deleted; a deleted
// one could be locked by two processes, each holding a different file of the
// same name.
type dirLock struct {
	file *os.File // flock held on it
}

// takeLock locks dir for this process, or says who holds it.
//
// The file holds two numbers, one a line: the process that took the lock, and
// its current child or 0. They serve the message only; the lock is the flock.
func takeLock(ctx context.Context, dir string) (*dirLock, error) {
	f, err := os.OpenFile(lockPath(dir), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: open the lock: %w", err)
	}
	l := &dirLock{file: f}
	if err := l.acquire(ctx, dir); err != nil {
		f.Close()
		return nil, err
	}
	l.note(0)
	return l, nil
}

// LockDir takes the lock of a store's directory without running a store in it,
// for a server whose store is elsewhere: its data directory is its own all the
// same. It fails as Start does while another process holds the directory.
func LockDir(ctx context.Context, dir string) (release func() error, err error) {
	if err := prepareDir(dir); err != nil {
		return nil, err
	}
	l, err := takeLock(ctx, dir)
	if err != nil {
		return nil, err
	}
	return l.release, nil
}

// acquire tries the lock once, and again for a while if its taker is dead.
func (l *dirLock) acquire(ctx context.Context, dir string) error {
	deadline := time.Now().Add(windDown)
	for {
		err := syscall.Flock(int(l.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return fmt.Errorf("store: lock %s: %w", l.file.Name(), err)
		}
		taker, child := readHolders(l.file)
		// 0: the taker has locked and not yet written. It is alive.
		if taker == 0 || alive(taker) {
			return inUse(dir, taker)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("store: data directory %s was used by process %d, which has ended, but its store process %d still holds it after %v; "+
				"wait for that process or end it, then start again", dir, taker, child, windDown)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("store: waiting for the store process %d of an ended quorate to leave %s: %w", child, dir, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func inUse(dir string, pid int) error {
	who := "another process"
	if pid != 0 {
		who = fmt.Sprintf("process %d", pid)
	}
	return fmt.Errorf("store: data directory %s is in use by %s; stop it or use another --data-dir", dir, who)
}

// note writes down who holds the lock. It is best effort, since it serves the
// message alone: on a full disk a store must still be able to start, the more
// so as starting may be what frees space. Not synced: it is about live
// processes.
func (l *dirLock) note(child int) {
	b := fmt.Appendf(nil, "%d\n%d\n", os.Getpid(), child)
	// Written before cut short, so that a reader never sees an empty file.
	if _, err := l.file.WriteAt(b, 0); err == nil {
		_ = l.file.Truncate(int64(len(b)))
	}
}

// release gives up this process's hold. It closes and does not unlock:
// unlocking would take the lock from a child that still runs.
func (l *dirLock) release() error { return l.file.Close() }

// readHolders returns the two numbers in the file, 0 for what is not there.
func readHolders(f *os.File) (taker, child int) {
	b := make([]byte, 64)
	n, _ := f.ReadAt(b, 0)
	lines := strings.Split(string(b[:n]), "\n")
	taker, _ = strconv.Atoi(lines[0])
	if len(lines) > 1 {
		child, _ = strconv.Atoi(lines[1])
	}
	return taker, child
}

// alive reports whether a process of that id exists, whoever owns it.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
