package embedded_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/kv/embedded"
)

func TestStartPutCloseStartGet(t *testing.T) {
	cfg := embedded.Config{Dir: filepath.Join(t.TempDir(), "store")}
	s := start(t, cfg)
	if st := s.Status(); st.State != embedded.StateRunning || st.Pid == 0 || st.Pid == os.Getpid() || st.FreeBytes <= 0 {
		t.Errorf("status %+v", st)
	}
	c := dial(t, s)
	put(t, c, "k", "v")
	c.Close()
	pid := s.Pid()
	t0 := time.Now()
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	t.Log("closed in", time.Since(t0))
	if !gone(pid) || s.Pid() != 0 || s.Status().State != embedded.StateStopped {
		t.Errorf("after Close: child gone %v, status %+v", gone(pid), s.Status())
	}
	if _, err := os.Stat(strings.TrimPrefix(s.Endpoint(), "unix://")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if got := get(t, dial(t, start(t, cfg)), "k"); got != "v" {
		t.Errorf("after a restart k = %q, want v", got)
	}
}

// A client that stays connected, with a watch open, must not keep the store
// from stopping.
func TestCloseUnderAnOpenWatch(t *testing.T) {
	s := start(t, embedded.Config{Dir: t.TempDir()})
	c := dial(t, s)
	c.Watch(t.Context(), "k")
	put(t, c, "k", "v")
	t0 := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(t0); d > 4*time.Second {
		t.Errorf("closing took %v", d)
	}
}

// What was acknowledged before or during Close is there afterwards.
func TestCloseUnderLoadLosesNothing(t *testing.T) {
	cfg := embedded.Config{Dir: t.TempDir()}
	s := start(t, cfg)
	c := dial(t, s)
	acked := make([]int, 4)
	var writers sync.WaitGroup
	for w := range acked {
		writers.Go(func() {
			for n := 0; ; n++ {
				if _, err := c.Put(t.Context(), fmt.Sprintf("%d/%d", w, n), "v"); err != nil {
					return
				}
				acked[w] = n + 1
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	writers.Wait()

	c = dial(t, start(t, cfg))
	for w, want := range acked {
		r, err := c.Get(within(t, 10*time.Second), fmt.Sprintf("%d/", w), clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			t.Fatal(err)
		}
		// One more than acknowledged may be there: its outcome was unknown.
		if got := int(r.Count); want == 0 || got < want || got > want+1 {
			t.Errorf("writer %d: %d acknowledged, %d there", w, want, got)
		}
	}
	t.Log("acknowledged", acked)
}

func TestDirectoryServesBothWays(t *testing.T) {
	cfg := embedded.Config{Dir: t.TempDir()}
	s := start(t, cfg)
	put(t, dial(t, s), "k", "child")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c, stop, err := embedded.InProcess(within(t, 10*time.Second), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, c, "k"); got != "child" {
		t.Errorf("k = %q", got)
	}
	put(t, c, "k", "in process")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got := get(t, dial(t, start(t, cfg)), "k"); got != "in process" {
		t.Errorf("k = %q", got)
	}
}

func TestKilledChildIsReplaced(t *testing.T) {
	s := start(t, embedded.Config{Dir: t.TempDir()})
	c := dial(t, s)
	endpoint := s.Endpoint()
	for i := range 3 {
		key := fmt.Sprint("k", i)
		put(t, c, key, "v")
		old := s.Pid()
		t0 := time.Now()
		kill(t, old, syscall.SIGKILL)
		eventually(t, 5*time.Second, "a new child", func() bool {
			st := s.Status()
			return st.Pid != 0 && st.Pid != old && st.State == embedded.StateRunning
		})
		if got := get(t, c, key); got != "v" {
			t.Errorf("acknowledged %s = %q after a kill, want v", key, got)
		}
		t.Logf("served again %v after kill %d", time.Since(t0), i)
	}
	if s.Endpoint() != endpoint {
		t.Errorf("endpoint changed to %s", s.Endpoint())
	}
	st := s.Status()
	if st.Restarts != 3 {
		t.Errorf("%d restarts, want 3", st.Restarts)
	}
	wantError(t, st.LastExit, "signal: killed")
}

// What a terminal or a service manager sends to the whole group is for the
// parent; the child must outlast it.
func TestChildOutlastsTheSignalsOfItsGroup(t *testing.T) {
	s := start(t, embedded.Config{Dir: t.TempDir()})
	c := dial(t, s)
	pid := s.Pid()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		kill(t, pid, sig)
	}
	put(t, c, "k", "v")
	if s.Pid() != pid || s.Status().Restarts != 0 {
		t.Errorf("the child was replaced: %+v", s.Status())
	}
	if pgid, err := syscall.Getpgid(pid); err != nil || pgid == syscall.Getpgrp() {
		t.Errorf("the child is in our process group (%v)", err)
	}
}

func TestFrozenChildGoesOn(t *testing.T) {
	s := start(t, embedded.Config{Dir: t.TempDir()})
	c := dial(t, s)
	put(t, c, "k", "1")
	pid := s.Pid()
	kill(t, pid, syscall.SIGSTOP)
	done := make(chan error, 1)
	go func() {
		_, err := c.Put(t.Context(), "k", "2")
		done <- err
	}()
	select {
	case err := <-done:
		t.Errorf("a frozen store answered: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	kill(t, pid, syscall.SIGCONT)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s.Pid() != pid || get(t, c, "k") != "2" {
		t.Errorf("pid %d, want %d; k = %q", s.Pid(), pid, get(t, c, "k"))
	}
}

// If quorate itself is killed, its child must end too, and a new quorate must
// be able to start at once.
func TestKilledParentLeavesTheStoreFree(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		p := startParent(t, dir)
		kill(t, p.cmd.Process.Pid, syscall.SIGKILL)
		p.cmd.Wait()
		t0 := time.Now()
		s := start(t, embedded.Config{Dir: dir})
		t.Log("a new start took", time.Since(t0))
		if !gone(p.child) {
			t.Errorf("child %d outlived its parent", p.child)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// The kernel wakes the stopped members of a process group whose last relative
// dies, and hangs up on them. So not even a frozen child outlives its parent.
func TestFrozenChildOfAKilledParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("how to see that a process has stopped is known for Linux only")
	}
	dir := t.TempDir()
	p := startParent(t, dir)
	kill(t, p.child, syscall.SIGSTOP)
	t.Cleanup(func() { syscall.Kill(p.child, syscall.SIGKILL) })
	// One that has been told to stop, but not stopped in all its threads, is
	// not woken.
	eventually(t, 5*time.Second, "the child is stopped", func() bool { return stopped(p.child) })
	kill(t, p.cmd.Process.Pid, syscall.SIGKILL)
	p.cmd.Wait()
	start(t, embedded.Config{Dir: dir})
}

func TestWhatTheStoreSaysReachesTheLog(t *testing.T) {
	var text syncBuffer
	s := start(t, embedded.Config{Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&text, nil))})
	kill(t, s.Pid(), syscall.SIGKILL)
	eventually(t, 5*time.Second, "a new child", func() bool {
		st := s.Status()
		return st.Restarts == 1 && st.State == embedded.StateRunning
	})
	s.Close()
	all := text.String()
	for _, want := range []string{"the store is ready", "signal: killed", "starting the store again"} {
		if !strings.Contains(all, want) {
			t.Errorf("the log does not say %q:\n%s", want, all)
		}
	}
	if strings.Contains(all, "component=etcd") {
		t.Errorf("etcd warned in an ordinary run:\n%s", all)
	}
}
