package embedded_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/kv/embedded"
)

// tcpSockets returns the TCP sockets of process pid in any state, by the files
// it has open and what the kernel lists.
func tcpSockets(t *testing.T, pid int) (found []string) {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(links) == 0 {
		t.Fatalf("cannot see the files of process %d: %v", pid, err)
	}
	ours := map[string]bool{}
	for _, l := range links {
		to, _ := os.Readlink(l)
		if inode, ok := strings.CutPrefix(to, "socket:["); ok {
			ours[strings.TrimSuffix(inode, "]")] = true
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if errors.Is(err, os.ErrNotExist) {
			continue // a kernel without IPv6
		}
		if err != nil {
			t.Fatal(err)
		}
		for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
			if f := strings.Fields(sc.Text()); len(f) > 9 && ours[f[9]] {
				found = append(found, table+" "+f[1])
			}
		}
	}
	return found
}

func TestNoTCPSocket(t *testing.T) {
	s := start(t, embedded.Config{Dir: t.TempDir()})
	put(t, dial(t, s), "k", "v")
	if found := tcpSockets(t, s.Pid()); len(found) > 0 {
		t.Errorf("the child has TCP sockets: %q", found)
	}
	info, err := os.Stat(strings.TrimPrefix(s.Endpoint(), "unix://"))
	if err != nil || info.Mode().Type() != os.ModeSocket {
		t.Errorf("%s is not a socket: %v, %v", s.Endpoint(), info, err)
	}
}

// The child must not get what the parent's environment may hold.
func TestChildEnvironment(t *testing.T) {
	t.Setenv("QUORATE_SECRET", "canary")
	s := start(t, embedded.Config{Dir: t.TempDir()})
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("canary")) {
		t.Error("the child got a secret of its parent")
	}
}

// smallDisk mounts a file system of 32 MiB for the test.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32m,mode=0700"); err != nil {
		t.Skipf("cannot mount a small file system here (needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all space left in dir and returns the file that has it.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); ; {
		if _, err := f.Write(block); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			return path
		}
	}
}

func TestStartOnAFullDisk(t *testing.T) {
	disk := smallDisk(t)
	dir := filepath.Join(disk, "store")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "lock"), "")
	filler := fill(t, disk)
	_, err := embedded.Start(within(t, time.Second), embedded.Config{Dir: dir, SmallWAL: true})
	wantError(t, err, "no space left on device", dir)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	start(t, embedded.Config{Dir: dir})
}

func TestFullDisk(t *testing.T) {
	disk := smallDisk(t)
	s := start(t, embedded.Config{Dir: filepath.Join(disk, "store")})
	c := dial(t, s)
	put(t, c, "k", "v")
	filler := fill(t, disk)

	// The child lives on what it has reserved, then dies; we live on.
	acked := 0
	value := strings.Repeat("x", 64<<10)
	for end := time.Now().Add(20 * time.Second); s.Status().LastExit == nil; {
		if time.Now().After(end) {
			t.Fatalf("the child lives on a full disk: %+v", s.Status())
		}
		if _, err := c.Put(within(t, time.Second), "n"+strconv.Itoa(acked), value); err == nil {
			acked++
		}
		if acked > 1000 {
			t.Fatal("64 MB fitted on a disk of 32")
		}
	}
	st := s.Status()
	t.Logf("acknowledged %d; %v", acked, st.LastExit)
	wantError(t, st.LastExit, "no space left on device", disk)
	if st.State != embedded.StateRestarting && st.State != embedded.StateRunning || st.FreeBytes > 1<<20 {
		t.Errorf("status %+v", st)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	t0 := time.Now()
	eventually(t, 10*time.Second, "the store is back", func() bool {
		_, err := c.Put(within(t, time.Second), "after", "v")
		return err == nil
	})
	t.Log("back after", time.Since(t0))
	for i := range acked {
		if got := get(t, c, "n"+strconv.Itoa(i)); got != value {
			t.Fatalf("acknowledged write %d of %d is lost", i, acked)
		}
	}
}
