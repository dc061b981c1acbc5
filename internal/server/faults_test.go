package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/internal/server"
)

// cluster is an etcd that is no server's child, of a given quota in bytes; 0: the
// usual one.
func cluster(t *testing.T, quota int64) (endpoint string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	etcd, err := embedded.Start(ctx, embedded.Config{Dir: t.TempDir(), SmallWAL: true, QuotaBytes: quota, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := etcd.Close(); err != nil {
			t.Error(err)
		}
	})
	return etcd.Endpoint()
}

func onCluster(t *testing.T, endpoint string) *site {
	t.Helper()
	s := &site{t: t, cfg: server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), Version: "test", Now: time.Now,
		Log: slog.New(slog.DiscardHandler), Etcd: server.Etcd{Endpoints: []string{endpoint}}}}
	s.start()
	t.Cleanup(s.stop)
	raw, err := os.ReadFile(s.BootstrapFile())
	if err != nil {
		t.Fatal(err)
	}
	s.operator = strings.TrimSpace(string(raw))
	return s
}

// Over its quota the store refuses writes, clearly; a replica that starts then
// serves all the same.
func TestAReplicaStartsAndServesOnAFullStore(t *testing.T) {
	s := onCluster(t, cluster(t, 16<<20))
	s.furnish()
	portal := s.token("portal", identity.Service, "co")
	systems := make([]string, 100)
	for i := range systems {
		systems[i] = fmt.Sprintf("s%02d_%s", i, strings.Repeat("x", 58))
	}
	var last answer
	for i := 0; i < 3000 && last.status < 300; i++ {
		name := fmt.Sprintf("co-%d", i)
		last = s.do("PUT", "/api/v1/regions/co/facilities/"+name, s.operator, object{"value": object{
			"key": name, "region": "co", "name": name, "kind": "clinic", "jurisdiction": "US-CO", "systems": systems}})
	}
	if last.status != 507 || last.body["code"] != "quota_exceeded" {
		t.Fatalf("the store was never full: %d %.300s", last.status, last.raw)
	}
	s.stop()
	s.start()
	if a := s.evaluate("co", portal); a.status != 200 || a.body["value"] != false {
		t.Errorf("after a restart on a full store: %d %s", a.status, a.raw)
	}
}

// A data directory is one server's, whether its store is there or on a cluster.
func TestASecondServerOnTheSameDirectoryOnACluster(t *testing.T) {
	s := onCluster(t, cluster(t, 0))
	second, err := server.Start(context.Background(), s.cfg)
	if err == nil {
		_ = second.Close()
	}
	if !fault.HasCode(err, "store_not_started") || !strings.Contains(fmt.Sprint(err), "in use by process") {
		t.Errorf("a second server on one data directory: %v", err)
	}
	if _, err := os.Stat(s.BootstrapFile()); err != nil {
		t.Errorf("the first operator's token: %v", err)
	}
}

// A directory that was there keeps its mode: it may hold more than ours.
func TestADirectoryThatWasThereKeepsItsMode(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, dir)
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for _, name := range []string{"store", "bootstrap-token"} {
		info, err := os.Stat(dir + "/" + name)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v (%v)", name, info.Mode(), err)
		}
	}
	_ = s
}
