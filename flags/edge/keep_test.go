package edge_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/flags/edge"
	"github.com/quorate/quorate/internal/audit"
)

// signs is a note.Signer with a key of the test.
type signs struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s signs) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// recordServer shows a signed record of so many entries to whoever has the token.
func recordServer(t *testing.T, size *atomic.Int64) *httptest.Server {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	vkey, err := audit.VerifierKey("quorate/a", key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer qrt_x_y":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/api/v1/audit/key":
			_ = json.NewEncoder(w).Encode(audit.Key{Key: vkey})
		case r.URL.Path == "/audit/log/checkpoint":
			text := fmt.Sprintf("quorate/a\n%d\n%s\n", size.Load(), tlog.RecordHash([]byte("x")))
			signed, err := note.Sign(&note.Note{Text: text}, signs{verifier, key})
			if err != nil {
				t.Error(err)
			}
			_, _ = w.Write(signed)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// An edge keeps the newest checkpoint of its server's record, and finds, also after
// a start, that the record went back.
func TestAnEdgeKeepsACheckpointAndFindsARecordThatWentBack(t *testing.T) {
	var size atomic.Int64
	size.Store(5)
	server := recordServer(t, &size)
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	write(t, token, "qrt_x_y\n")
	cfg := edge.Config{Upstream: edge.Upstream{URL: "http://127.0.0.1:1", Regions: []string{"co"}, DataDir: filepath.Join(dir, "data"), TokenFile: token},
		Introspect: server.URL, Now: time.Now, Management: 0, Evaluation: -1, Sync: -1, OFREP: 0}
	file := filepath.Join(dir, "data", "checkpoint.json")
	until := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("not within 20 s: %s", what)
			}
		}
	}
	metric := func(e *running) string {
		res, err := http.Get("http://" + e.Addr("--management-port") + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	first := start(t, cfg)
	until("a checkpoint is kept", func() bool { _, err := os.Stat(file); return err == nil })
	if kept, err := audit.LoadKept(file); err != nil || kept.Size() != 5 {
		t.Errorf("kept %+v, %v", kept, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if !strings.Contains(metric(first), "quorate_edge_record_problem 0") {
		t.Error("the metric complains of a good record")
	}
	first.stop()

	size.Store(4)
	again := start(t, cfg)
	until("the metric says that the record went back", func() bool { return strings.Contains(metric(again), "quorate_edge_record_problem 1") })
	until("the log says so", func() bool { return strings.Contains(again.log.String(), "record_rolled_back") })
	if kept, err := audit.LoadKept(file); err != nil || kept.Size() != 5 {
		t.Errorf("the evidence is gone: %+v, %v", kept, err)
	}
	if strings.Contains(again.log.String(), "qrt_x_y") {
		t.Error("the token is in the log")
	}
}
