package server_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/internal/server"
)

// restart of a replica while the store is over its quota: evaluation must work.
func TestARestartOnAFullStoreServes(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	child, err := embedded.Start(ctx, embedded.Config{Dir: t.TempDir(), SmallWAL: true, QuotaBytes: 16 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	s := &site{t: t, cfg: server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), Version: "test", Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Etcd: server.Etcd{Endpoints: []string{child.Endpoint()}}}}
	s.start()
	defer s.stop()
	s.operator = firstToken(t, s)
	s.furnish()
	portal := s.token("portal", identity.Service, "co")
	// the portal's own token fills the store with refusals
	full := false
	for range 10 {
		s.do("PUT", "/api/v1/regions/co/enablements/video_visit", portal, object{"answer": "enable", "reason": strings.Repeat("x", 1_000_000)})
	}
	for i := 0; i < 40 && !full; i++ {
		a := s.do("PUT", "/api/v1/regions/hi", s.operator, object{"reason": strings.Repeat("x", 900_000), "value": object{"key": "hi", "name": "Hi " + strings.Repeat("i", i+1), "jurisdictions": []string{"US-HI"}, "time_zone": "Pacific/Honolulu"}})
		full = a.status == 507
		if i%8 == 0 {
			t.Log(a.status, a.raw[:min(200, len(a.raw))])
		}
	}
	t.Logf("full: %v", full)
	if a := s.evaluate("co", portal); a.status != 200 {
		t.Fatalf("before the restart: %d %s", a.status, a.raw)
	}
	s.stop()
	srv, err := server.Start(ctx, s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = srv
	time.Sleep(3 * time.Second)
	if a := s.evaluate("co", portal); a.status != 200 {
		t.Errorf("after a restart on a full store: %d %s", a.status, a.raw)
	}
	_ = clientv3.Config{}
}

func firstToken(t *testing.T, s *site) string {
	raw, err := os.ReadFile(s.BootstrapFile())
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}
