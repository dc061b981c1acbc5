package embedded_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
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

// awaitChild waits until the store in dir has a child and returns its pid.
// It gives up after ten seconds and returns 0, which no process has.
func awaitChild(dir string) (pid int) {
	for end := time.Now().Add(10 * time.Second); pid == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		pid = holders(dir)[1]
	}
	return pid
}

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
