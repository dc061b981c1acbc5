package access_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

func TestAnEmptyStoreGetsItsFirstToken(t *testing.T) {
	h := newHouse(t)
	file := filepath.Join(t.TempDir(), "bootstrap-token")
	if written, err := h.Bootstrap(context.Background(), file); !written || err != nil {
		t.Fatal(written, err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	first := h.tokenIn(t, file)
	p, err := h.dir.Authenticate(first, time.Now())
	if err != nil || identity.Can(p, identity.IssueToken, identity.Target{Kind: "token"}) != nil {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := h.dir.Authenticate(first, time.Now().Add(time.Hour)); !fault.HasCode(err, "token_expired") {
		t.Errorf("after an hour: %v", err)
	}
	if written, err := h.Bootstrap(context.Background(), file); written || err != nil {
		t.Errorf("with a live operator: written %v, %v", written, err)
	}
	if h.tokenIn(t, file) != first {
		t.Error("a restart replaced a token that still counts")
	}
	if _, _, _, err := h.Issue(context.Background(), by(p), request()); err != nil {
		t.Errorf("the first token cannot issue the second: %v", err)
	}
}

func (h *house) tokenIn(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := audit.Newest(context.Background(), h.store, 1)
	if err != nil {
		t.Fatal(err)
	}
	h.sees(t, entries[0].Revision)
	return strings.TrimSpace(string(raw))
}

// Which tokens make a further bootstrap needless: those that could issue others.
func TestWhenThereIsNobodyLeftABootstrapIsDoneAgain(t *testing.T) {
	everywhere := []string{identity.Every}
	for _, c := range []struct {
		what    string
		req     access.TokenRequest
		revoke  bool
		written bool
	}{
		{"an operator of everything", access.TokenRequest{Grants: []identity.Grant{{Role: identity.Operator, Regions: everywhere}}}, false, false},
		{"one who was revoked", access.TokenRequest{Grants: []identity.Grant{{Role: identity.Operator, Regions: everywhere}}}, true, true},
		{"an operator of one region", access.TokenRequest{Grants: []identity.Grant{{Role: identity.Operator, Regions: []string{"co"}}}}, false, true},
		{"a service everywhere", access.TokenRequest{Grants: []identity.Grant{{Role: identity.Service, Regions: everywhere}}}, false, true},
		{"an operator's token for other verbs", access.TokenRequest{Verbs: []identity.Action{identity.ReadState},
			Grants: []identity.Grant{{Role: identity.Operator, Regions: everywhere}}}, false, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			h := newHouse(t)
			c.req.Name, c.req.Expires = "someone", time.Now().Add(time.Minute)
			_, token := h.issue(t, c.req)
			if c.revoke {
				if _, _, err := h.Revoke(context.Background(), by(operator), token.ID); err != nil {
					t.Fatal(err)
				}
			}
			if written, err := h.Bootstrap(context.Background(), filepath.Join(t.TempDir(), "token")); written != c.written || err != nil {
				t.Errorf("written %v, %v", written, err)
			}
		})
	}
}

func TestOfReplicasThatStartAtOnceOneBootstraps(t *testing.T) {
	etcd := kvtest.Etcd(t)
	replicas := []*house{newReplica(t, etcd), newReplica(t, etcd), newReplica(t, etcd)}
	files := make([]string, len(replicas))
	var wg sync.WaitGroup
	for i, h := range replicas {
		files[i] = filepath.Join(t.TempDir(), "bootstrap-token")
		wg.Go(func() {
			written, err := h.Bootstrap(context.Background(), files[i])
			if _, missing := os.Stat(files[i]); err != nil || written != (missing == nil) {
				t.Errorf("replica %d: written %v, %v, file: %v", i, written, err, missing)
			}
		})
	}
	wg.Wait()
	all, err := replicas[0].List(context.Background(), operator)
	if err != nil || len(all) != 1 {
		t.Errorf("%d first tokens, %v", len(all), err)
	}
}

func TestABootstrapThatFailsLeavesNoFileAndNoToken(t *testing.T) {
	h := newHouse(t)
	file := filepath.Join(t.TempDir(), "no", "such", "directory")
	if written, err := h.Bootstrap(context.Background(), file); written || !fault.HasCode(err, "bootstrap_file") || !strings.Contains(err.Error(), file) {
		t.Errorf("written %v, %v", written, err)
	}
	if all, _ := h.List(context.Background(), operator); len(all) != 0 {
		t.Errorf("%d tokens", len(all))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	file = filepath.Join(t.TempDir(), "token")
	if written, err := h.Bootstrap(ctx, file); written || err == nil {
		t.Errorf("with the store away: written %v, %v", written, err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was left")
	}
}
