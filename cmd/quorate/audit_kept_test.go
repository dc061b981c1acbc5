package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crypto/ed25519"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/audit"
)

// signs is a note.Signer with a key of the test.
type signs struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s signs) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// A server whose record goes back, or is another than it was, is told apart by the
// checkpoint that the command line kept.
func TestTheCommandLineKeepsCheckpointsAndRefusesARecordThatWentBack(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	size, life, root := int64(5), "a", tlog.RecordHash([]byte("x"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := "quorate/" + life
		vkey, err := audit.VerifierKey(origin, key.Public().(ed25519.PublicKey))
		if err != nil {
			t.Error(err)
		}
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			t.Error(err)
		}
		if r.URL.Path == "/api/v1/audit/key" {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(audit.Key{Origin: origin, Key: vkey})
			return
		}
		text := origin + "\n" + string(rune('0'+size)) + "\n" + root.String() + "\n"
		signed, err := note.Sign(&note.Note{Text: text}, signs{verifier, key})
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(signed)
	}))
	defer server.Close()
	home := t.TempDir()
	ask := func(want int, says string) {
		t.Helper()
		var out, errs shared
		c := &cli{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: time.Now, env: func(name string) (string, bool) {
			v, ok := map[string]string{"HOME": home, "QUORATE_URL": server.URL, "QUORATE_TOKEN": "qrt_x_y"}[name]
			return v, ok
		}}
		if got := run(context.Background(), []string{"audit", "checkpoint"}, c); got != want || !strings.Contains(out.String()+errs.String(), says) {
			t.Errorf("exit %d, want %d and %q\n%s%s", got, want, says, out.String(), errs.String())
		}
	}
	files := func() (names []string) {
		names, err := filepath.Glob(filepath.Join(home, ".local", "state", "quorate", "checkpoints", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	ask(0, "quorate/a")
	if kept := files(); len(kept) != 1 {
		t.Fatalf("kept: %v", kept)
	} else if info, err := os.Stat(kept[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	size = 4
	ask(7, "the record had 5 entries and has 4")
	ask(7, "the checkpoint that was kept is in "+files()[0])
	size, root = 5, tlog.RecordHash([]byte("y"))
	ask(7, "the record was forked")
	life = "b" // another store at the address
	ask(0, "it is another store")
	if kept := files(); len(kept) != 2 {
		t.Errorf("what was kept is put aside: %v", kept)
	}
	ask(0, "quorate/b")
}
