package server_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/access/issuer"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/internal/server"
)

// aim is an address behind which the store can be replaced by another.
type aim struct {
	mu     sync.Mutex
	target string
	open   []net.Conn
}

func newAim(t *testing.T, target string) (endpoint string, a *aim) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a = &aim{target: target}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go a.join(in)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); a.at("") })
	return "http://" + l.Addr().String(), a
}

func (a *aim) join(in net.Conn) {
	a.mu.Lock()
	out, err := net.Dial("unix", strings.TrimPrefix(strings.TrimPrefix(a.target, "unix://"), "unix:"))
	if err == nil {
		a.open = append(a.open, in, out)
	}
	a.mu.Unlock()
	if err != nil {
		_ = in.Close()
		return
	}
	go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
	_, _ = io.Copy(in, out)
	_ = in.Close()
}

// at leads to another store from now on.
func (a *aim) at(target string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.target = target
	for _, c := range a.open {
		_ = c.Close()
	}
	a.open = nil
}

func storeIn(t *testing.T, dir string) *embedded.Supervisor {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	store, err := embedded.Start(ctx, embedded.Config{Dir: dir, SmallWAL: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() }) // it may be closed already
	return store
}

// The store of a running server is replaced by one that was restored from a backup.
// The server refuses to write, sign-ins included, until an operator who signed in
// just before accepts it over HTTP; nobody else can.
func TestAPersonWhoHasJustSignedInAcceptsARestoreOverHTTP(t *testing.T) {
	first := storeIn(t, t.TempDir())
	endpoint, store := newAim(t, first.Endpoint())
	provider, err := issuer.Start(issuer.Config{Listen: "127.0.0.1:0", Now: time.Now, Accounts: []issuer.Account{
		{Subject: "operator", Name: "Operator", Groups: []string{"operators"}}, {Subject: "auditor", Name: "Auditor", Groups: []string{"auditors"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	s := newSite(t, t.TempDir(), func(c *server.Config) {
		c.Etcd = server.Etcd{Endpoints: []string{endpoint}}
		c.OIDC = access.OIDC{Issuer: provider.URL, ClientID: provider.ClientID, ClientSecret: provider.ClientSecret}
	})
	provider.Register(s.URL() + access.CallbackPath)
	s.must(s.do("PUT", "/api/v1/access/groups", s.operator, object{"reason": "test", "roles": []object{
		{"group": "operators", "role": "operator", "regions": []string{"*"}}, {"group": "auditors", "role": "auditor", "regions": []string{"*"}}}}))
	s.furnish()
	backup := s.backup()
	s.token("after the backup", identity.Auditor, "*")
	s.settle()

	restored := filepath.Join(t.TempDir(), "restored")
	if _, err := server.Restore(t.Context(), server.Restoration{Backup: backup, DataDir: restored, KeyFile: filepath.Join(s.cfg.DataDir, audit.KeyFile), Now: time.Now, Small: true}); err != nil {
		t.Fatal(err)
	}
	second := storeIn(t, filepath.Join(restored, "store"))
	operator, auditor := s.signIn(provider, "operator"), s.signIn(provider, "auditor")
	store.at(second.Endpoint())
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	refused := func(a answer) bool { return a.status == 503 && a.body["code"] == "store_rolled_back" }
	region := object{"reason": "test", "value": object{"key": "co", "name": "Colorado!", "jurisdictions": []string{"US-CO"}, "time_zone": "America/Denver"}}
	s.eventually("writes are refused", func() bool { return refused(s.do("PUT", "/api/v1/regions/co", s.operator, region)) })

	why := object{"reason": "the cluster was restored"}
	const path = "/api/v1/restore/accept"
	if a := s.do("POST", path, s.operator, why); a.status != 403 || a.body["code"] != "needs_a_person" {
		t.Errorf("with a token: %d %s", a.status, a.raw)
	}
	if a := s.do("POST", path, "", why, "Cookie", auditor); a.status != 403 || a.body["code"] != "forbidden" {
		t.Errorf("by an auditor: %d %s", a.status, a.raw)
	}
	done := s.must(s.do("POST", path, "", why, "Cookie", operator))
	if done.body["result"].(object)["epoch"].(float64) < 2 {
		t.Errorf("accepted: %s", done.raw)
	}
	s.eventually("writes go on", func() bool { return s.do("PUT", "/api/v1/regions/co", s.operator, region).status == http.StatusOK })
	s.eventually("it is on the record", func() bool {
		return strings.Contains(s.do("GET", "/api/v1/audit?action=store.accept_restore&result=applied", s.operator, nil).raw, "the cluster was restored")
	})
}

func (s *site) eventually(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(40 * time.Second); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not within 40 s: %s", what)
		}
	}
}
