package embedded_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/kv/embedded"
)

// within returns a context that ends with the test or after d.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func put(t *testing.T, c *clientv3.Client, key, value string) {
	t.Helper()
	if _, err := c.Put(within(t, 10*time.Second), key, value); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

func get(t *testing.T, c *clientv3.Client, key string) string {
	t.Helper()
	r, err := c.Get(within(t, 10*time.Second), key)
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	if len(r.Kvs) == 0 {
		return ""
	}
	return string(r.Kvs[0].Value)
}

func TestInProcessKeepsWhatItAcknowledged(t *testing.T) {
	cfg := embedded.Config{Dir: filepath.Join(t.TempDir(), "a", "store")}
	c, stop, err := embedded.InProcess(within(t, 10*time.Second), cfg)
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, "k", "v")
	first, err := embedded.ReadMarker(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stop(), stop()); err != nil {
		t.Fatal(err)
	}

	c, stop, err = embedded.InProcess(within(t, 10*time.Second), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if got := get(t, c, "k"); got != "v" {
		t.Errorf("after a restart k = %q, want v", got)
	}
	second, err := embedded.ReadMarker(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("a restart changed the marker:\n%s", diff)
	}
}

func TestEveryStoreHasItsOwnIncarnation(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		dir := t.TempDir()
		_, stop, err := embedded.InProcess(within(t, 10*time.Second), embedded.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		stop()
		m, err := embedded.ReadMarker(dir)
		if err != nil {
			t.Fatal(err)
		}
		if m.Schema != 1 || m.Incarnation == "" || m.ClusterID == "" || m.MemberID == "" || seen[m.Incarnation] {
			t.Errorf("marker %+v", m)
		}
		seen[m.Incarnation] = true
	}
}

func TestInProcessWatchAndCloseLeaveNothingRunning(t *testing.T) {
	c, stop, err := embedded.InProcess(within(t, 10*time.Second), embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w := c.Watch(t.Context(), "k", clientv3.WithProgressNotify())
	put(t, c, "k", "v")
	if r := <-w; len(r.Events) != 1 {
		t.Errorf("watch delivered %d events, want 1", len(r.Events))
	}
	lease, err := c.Grant(within(t, 10*time.Second), 60)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.KeepAlive(t.Context(), lease.ID); err != nil {
		t.Fatal(err)
	}
	// TestMain fails if any goroutine is left.
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestInProcessRefusesASecondUser(t *testing.T) {
	cfg := embedded.Config{Dir: t.TempDir()}
	_, stop, err := embedded.InProcess(within(t, 10*time.Second), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	_, _, err = embedded.InProcess(within(t, 10*time.Second), cfg)
	wantError(t, err, cfg.Dir, "in use by process "+strconv.Itoa(os.Getpid()), "--data-dir")
}

func TestDataThatIsNotOursIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		file, content string
		want          []string
	}{
		"no marker":      {"member/snap/db", "?", []string{"quorate.json", "move it away"}},
		"damaged marker": {"quorate.json", "{", []string{"damaged", "backup"}},
		"newer marker":   {"quorate.json", `{"schema":7}`, []string{"schema 7", "version"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "data", tc.file)
			writeFile(t, path, tc.content)
			_, _, err := embedded.InProcess(within(t, 10*time.Second), embedded.Config{Dir: dir})
			wantError(t, err, append(tc.want, filepath.Join(dir, "data"))...)
			if b, err := os.ReadFile(path); err != nil || string(b) != tc.content {
				t.Errorf("the data was touched: %q, %v", b, err)
			}
		})
	}
}

func TestUnfinishedFirstBootIsWiped(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "data.tmp", "member", "wal", "0.tmp"), "half")
	_, stop, err := embedded.InProcess(within(t, 10*time.Second), embedded.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if _, err := os.Stat(filepath.Join(dir, "data.tmp")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("data.tmp is still there: %v", err)
	}
}

func TestTheDirectoryIsPrivate(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	_, stop, err := embedded.InProcess(within(t, 10*time.Second), embedded.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if p := info.Mode().Perm(); p != 0o700 {
		t.Errorf("mode %o, want 700", p)
	}
}

func TestLimits(t *testing.T) {
	c, stop, err := embedded.InProcess(within(t, 10*time.Second), embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	ops := make([]clientv3.Op, 129)
	for i := range ops {
		ops[i] = clientv3.OpPut("k"+strconv.Itoa(i), "v")
	}
	ctx := within(t, 20*time.Second)
	if _, err := c.Txn(ctx).Then(ops[:128]...).Commit(); err != nil {
		t.Errorf("128 operations: %v", err)
	}
	if _, err := c.Txn(ctx).Then(ops...).Commit(); err == nil {
		t.Error("129 operations were accepted")
	}
	if _, err := c.Put(ctx, "big", strings.Repeat("x", 1500<<10)); err != nil {
		t.Errorf("1500 KiB: %v", err)
	}
	if _, err := c.Put(ctx, "big", strings.Repeat("x", 1536<<10)); err == nil {
		t.Error("1536 KiB were accepted")
	}
}

func TestBadConfig(t *testing.T) {
	for name, cfg := range map[string]embedded.Config{
		"no directory":   {},
		"negative quota": {Dir: t.TempDir(), QuotaBytes: -1},
		"negative time":  {Dir: t.TempDir(), ReadyTimeout: -1},
	} {
		if _, _, err := embedded.InProcess(t.Context(), cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantError fails unless err is an error whose text contains every word.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}
