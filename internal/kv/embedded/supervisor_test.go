package embedded_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/quorate/quorate/internal/kv/embedded"
)

func start(t *testing.T, cfg embedded.Config) *embedded.Supervisor {
	t.Helper()
	cfg.SmallWAL = true
	s, err := embedded.Start(within(t, 30*time.Second), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func dial(t *testing.T, s *embedded.Supervisor) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{
		Endpoints: []string{s.Endpoint()},
		Logger:    zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.6, MaxDelay: 200 * time.Millisecond},
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// eventually waits until ok, and fails the test after d.
func eventually(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(d); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", d, what)
		}
	}
}

// gone reports whether no process of that id runs; one that ended and was not
// waited for counts as gone.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	return state(fmt.Sprintf("/proc/%d/stat", pid)) == "Z"
}

// stopped reports whether every thread of a process is stopped.
func stopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	running := func(thread string) bool { return state(thread) != "T" }
	return len(threads) > 0 && !slices.ContainsFunc(threads, running)
}

// state is the kernel's letter for what a process or thread does, "" if that is
// not to be had: Z ended and not waited for, T stopped.
func state(stat string) string {
	b, _ := os.ReadFile(stat)
	_, after, _ := strings.Cut(string(b), ") ")
	letter, _, _ := strings.Cut(after, " ")
	return letter
}

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

func TestSecondStartIsRefused(t *testing.T) {
	dir := t.TempDir()
	p := startParent(t, dir)
	_, err := embedded.Start(within(t, 10*time.Second), embedded.Config{Dir: dir})
	wantError(t, err, dir, fmt.Sprintf("in use by process %d;", p.cmd.Process.Pid), "--data-dir")
	_, _, err = embedded.InProcess(within(t, 10*time.Second), embedded.Config{Dir: dir})
	wantError(t, err, "in use by process")
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

// Should a child hold on all the same, the message must name it, since the
// process that took the lock is gone.
func TestLingeringChildIsNamed(t *testing.T) {
	dead := exec.Command("/bin/sh", "-c", ":")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintf(f, "%d\n%d\n", dead.Process.Pid, os.Getpid())
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	_, err = embedded.Start(within(t, 200*time.Millisecond), embedded.Config{Dir: dir})
	wantError(t, err, dir, fmt.Sprint("store process ", os.Getpid()))
	time.AfterFunc(200*time.Millisecond, func() { f.Close() })
	start(t, embedded.Config{Dir: dir})
}

// awaitChild waits until the store in dir has a child and returns its pid.
// It gives up after ten seconds and returns 0, which no process has.
func awaitChild(dir string) (pid int) {
	for end := time.Now().Add(10 * time.Second); pid == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		pid = holders(dir)[1]
	}
	return pid
}

// Everything dies at once, somewhere in the first boot; the next start must
// find its way, whatever it finds.
func TestFirstBootKilledAnywhereRecovers(t *testing.T) {
	unfinished, finished := 0, 0
	for i := range 15 {
		dir := t.TempDir()
		p := spawnParent(t, dir)
		child := awaitChild(dir)
		time.Sleep(time.Duration(i) * 3 * time.Millisecond)
		kill(t, child, syscall.SIGKILL)
		kill(t, p.cmd.Process.Pid, syscall.SIGKILL)
		p.cmd.Wait()
		if _, err := os.Stat(filepath.Join(dir, "data.tmp")); err == nil {
			unfinished++
		}
		if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
			finished++
		}
		s := start(t, embedded.Config{Dir: dir})
		c := dial(t, s)
		put(t, c, "k", "v")
		c.Close()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("of 15 first boots %d were cut off within and %d after", unfinished, finished)
}

// The same for a kill of the child alone, from which its supervisor recovers.
func TestFirstBootOfTheChildKilledAnywhere(t *testing.T) {
	restarts := 0
	for i := range 8 {
		dir := t.TempDir()
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			child := awaitChild(dir)
			time.Sleep(time.Duration(i) * 8 * time.Millisecond)
			if child > 0 { // 0 would be our own process group
				syscall.Kill(child, syscall.SIGKILL)
			}
		}()
		s := start(t, embedded.Config{Dir: dir})
		<-killed
		put(t, dial(t, s), "k", "v")
		restarts += s.Status().Restarts
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of 8 kills met a child", restarts)
}

func TestLongAndStrangePaths(t *testing.T) {
	for name, dir := range map[string]string{
		"long":  filepath.Join(t.TempDir(), strings.Repeat("long-", 30), "store"),
		"odd":   filepath.Join(t.TempDir(), "100% sure?#"),
		"space": filepath.Join(t.TempDir(), "two words"),
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, embedded.Config{Dir: dir})
			c := dial(t, s)
			put(t, c, "k", "v")
			sock := strings.TrimPrefix(s.Endpoint(), "unix://")
			info, err := os.Stat(filepath.Dir(sock))
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o700 {
				t.Errorf("the socket's directory has mode %o, want 700", info.Mode().Perm())
			}
			c.Close()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(sock); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the socket is still there: %v", err)
			}
			if name != "space" {
				if _, err := os.Stat(filepath.Dir(sock)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the socket's own directory is still there: %v", err)
				}
			}
		})
	}
}

func TestStartRefusesUnknownData(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "data", "member", "snap", "db"), "?")
	t0 := time.Now()
	_, err := embedded.Start(within(t, 30*time.Second), embedded.Config{Dir: dir})
	wantError(t, err, filepath.Join(dir, "data"), "quorate.json", "move it away")
	if d := time.Since(t0); d > 3*time.Second {
		t.Errorf("the refusal took %v", d)
	}
}

func TestStartRefusesADamagedLog(t *testing.T) {
	cfg := embedded.Config{Dir: t.TempDir()}
	s := start(t, cfg)
	put(t, dial(t, s), "k", strings.Repeat("v", 4096))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(cfg.Dir, "data", "member", "wal", "*.wal"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	b, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(b), strings.Repeat("v", 4096))
	b[at+100] ^= 1
	if err := os.WriteFile(logs[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = embedded.Start(within(t, 30*time.Second), cfg)
	wantError(t, err, filepath.Join(cfg.Dir, "data"), "crc mismatch", "restore")
}

// What a first boot that was cut off used to leave: a log with a beginning and
// nothing in it. etcd waits on it for ever.
func TestStartGivesUpOnAStoreThatIsNeverReady(t *testing.T) {
	cfg := embedded.Config{Dir: t.TempDir()}
	s := start(t, cfg)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	member := filepath.Join(cfg.Dir, "data", "member")
	emptyLog(t, filepath.Join(member, "wal"))
	if err := os.RemoveAll(filepath.Join(member, "snap")); err != nil {
		t.Fatal(err)
	}
	cfg.ReadyTimeout = time.Second
	_, err := embedded.Start(within(t, 30*time.Second), cfg)
	wantError(t, err, filepath.Join(cfg.Dir, "data"), "not ready", "longer than 1s", "restore")
}

// emptyLog replaces the log in dir by one of the same identity with no entry.
func emptyLog(t *testing.T, dir string) {
	t.Helper()
	w, err := wal.OpenForRead(zap.NewNop(), dir, &walpb.Snapshot{})
	if err != nil {
		t.Fatal(err)
	}
	identity, _, _, err := w.ReadAll()
	w.Close() // always an error after reading: there is no lock to give up
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		t.Fatal(err)
	}
	if w, err = wal.Create(zap.NewNop(), dir, identity); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestStartNamesWhatItCouldNotRun(t *testing.T) {
	cfg := embedded.Config{Dir: t.TempDir(), Command: []string{"/nonexistent/quorate"}, ReadyTimeout: time.Minute}
	_, err := embedded.Start(within(t, 300*time.Millisecond), cfg)
	wantError(t, err, "/nonexistent/quorate", cfg.Dir)
	cfg.Command = []string{"/bin/sh", "-c", "echo gone wrong >&2; exit 3"}
	_, err = embedded.Start(within(t, 500*time.Millisecond), cfg)
	wantError(t, err, "exit status 3", "gone wrong")
	cfg.Command = []string{"/bin/sh", "-c", "exec sleep 60"}
	cfg.ReadyTimeout = 100 * time.Millisecond
	_, err = embedded.Start(within(t, 30*time.Second), cfg)
	wantError(t, err, "did not become ready", "100ms")
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

func TestMainIsNotRunByHand(t *testing.T) {
	out, err := exec.Command(os.Args[0], embedded.ChildArg, "-dir="+t.TempDir(), "-socket=x").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "not run by hand") {
		t.Errorf("%v: %s", err, out)
	}
}

// helper processes

type parentProcess struct {
	cmd   *exec.Cmd
	out   *bufio.Reader
	child int
}

// spawnParent runs a whole quorate in miniature and does not wait for it.
func spawnParent(t *testing.T, dir string) *parentProcess {
	t.Helper()
	cmd := exec.Command(os.Args[0], parentArg, dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil { // held open until Wait
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return &parentProcess{cmd: cmd, out: bufio.NewReader(out)}
}

// startParent runs one and waits until its store is ready.
func startParent(t *testing.T, dir string) *parentProcess {
	t.Helper()
	p := spawnParent(t, dir)
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(line, "pid: %d", &p.child); err != nil {
		t.Fatalf("the parent said %q", line)
	}
	return p
}

func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if pid <= 0 {
		t.Fatalf("no process to send %v to", sig)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("%v to %d: %v", sig, pid, err)
	}
}

// holders reads who holds the lock of dir: the supervisor and its child.
func holders(dir string) (pids [2]int) {
	b, _ := os.ReadFile(filepath.Join(dir, "lock"))
	fmt.Sscan(string(b), &pids[0], &pids[1])
	return pids
}

// syncBuffer is a bytes.Buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
