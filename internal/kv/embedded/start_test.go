package embedded_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.uber.org/zap"

	"github.com/quorate/quorate/internal/kv/embedded"
)

func TestSecondStartIsRefused(t *testing.T) {
	dir := t.TempDir()
	p := startParent(t, dir)
	_, err := embedded.Start(within(t, 10*time.Second), embedded.Config{Dir: dir})
	wantError(t, err, dir, fmt.Sprintf("in use by process %d;", p.cmd.Process.Pid), "--data-dir")
	_, _, err = embedded.InProcess(within(t, 10*time.Second), embedded.Config{Dir: dir})
	wantError(t, err, "in use by process")
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

func TestMainIsNotRunByHand(t *testing.T) {
	out, err := exec.Command(os.Args[0], embedded.ChildArg, "-dir="+t.TempDir(), "-socket=x").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "not run by hand") {
		t.Errorf("%v: %s", err, out)
	}
}
