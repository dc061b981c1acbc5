package server_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/server"
)

// backup keeps a backup in a file.
func (s *site) backup() string {
	s.t.Helper()
	a := s.must(s.do("POST", "/api/v1/backup", s.operator, nil, "X-Reason", "nightly"))
	file := filepath.Join(s.t.TempDir(), "backup.tar")
	if err := os.WriteFile(file, []byte(a.raw), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

func (s *site) settle() audit.Checkpoint {
	s.t.Helper()
	if err := s.Record.Settle(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	c, _, err := s.Record.Checkpoint(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *site) exportAll() []byte {
	s.t.Helper()
	s.settle()
	var out bytes.Buffer
	if _, err := audit.Export(s.t.Context(), &out, s.Record); err != nil {
		s.t.Fatal(err)
	}
	return out.Bytes()
}

// The whole life of a backup: made, lost work after it, restored, refused, accepted
// on the record, and what was lost is named by a checkpoint that somebody kept.
func TestABackupIsRestoredAcceptedAndItsLossIsNamed(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	lead := s.token("Colorado lead", identity.RegionalLead, "co")
	s.must(s.do("PUT", "/api/v1/regions/co/enablements/video_visit", lead, object{"answer": "enable", "reason": "clinics are ready"}))
	file := s.backup()
	atBackup := s.settle()
	lost := s.must(s.do("POST", "/api/v1/regions/co/enablements/video_visit/off", lead, object{"reason": "after the backup"}))
	s.token("issued after the backup", identity.Auditor, "*")
	kept := s.settle()
	keyFile := filepath.Join(s.cfg.DataDir, audit.KeyFile)
	publicKey := s.must(s.do("GET", "/api/v1/audit/key", s.operator, nil)).body["key"].(string)
	key, err := audit.ParseVerifierKey(publicKey)
	if err != nil {
		t.Fatal(err)
	}
	s.stop()

	dir := filepath.Join(t.TempDir(), "restored")
	done, err := server.Restore(t.Context(), server.Restoration{Backup: file, DataDir: dir, Key: key, KeyFile: keyFile, Now: time.Now, Small: true})
	if err != nil {
		t.Fatal(err)
	}
	if done.Incarnation.Epoch < 2 || done.Incarnation.Restored == "" || done.NeedsKey || done.Size != atBackup.Tree.N {
		t.Errorf("restored %+v, the checkpoint had %d entries", done, atBackup.Tree.N)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}

	cfg := s.cfg
	cfg.DataDir = dir
	if refused, err := server.Start(t.Context(), cfg); err == nil || !fault.HasCode(err, "store_rolled_back") || !strings.Contains(err.Error(), "restored from a backup") {
		if refused != nil {
			_ = refused.Close()
		}
		t.Fatalf("a restored store is served before anybody accepts it: %v", err)
	}
	s.cfg = cfg
	s.cfg.AcceptRestore = "the disk of the old host is gone"
	s.start()
	s.cfg.AcceptRestore = ""
	state := s.must(s.do("GET", "/api/v1/regions/co/enablements/video_visit", lead, nil))
	if strings.Contains(state.raw, "after the backup") || !strings.Contains(state.raw, "clinics are ready") {
		t.Errorf("not as it was when the backup was made: %s", state.raw)
	}
	if a := s.must(s.do("GET", "/api/v1/audit?action=store.accept_restore", s.operator, nil)); !strings.Contains(a.raw, "the disk of the old host is gone") {
		t.Errorf("the acceptance is not on the record: %s", a.raw)
	}
	answered := s.must(s.do("PUT", "/api/v1/regions/co/enablements/video_visit", lead, object{"answer": "decline", "reason": "after the restore", "review": "2099-01-01"}))
	before, after := lost.body["receipt"].(object)["revision"].(float64), answered.body["receipt"].(object)["revision"].(float64)
	if after <= before {
		t.Errorf("revision %v of after the restore may have been one of before, %v", after, before)
	}

	export := s.exportAll()
	if _, err := audit.Verify(bytes.NewReader(export), audit.Trust{Key: key}); err != nil {
		t.Errorf("the record of the restored store: %v", err)
	}
	v, err := audit.Verify(bytes.NewReader(export), audit.Trust{Key: key, Earlier: atBackup.Note})
	if err != nil || v.Restored == nil {
		t.Errorf("it continues what the backup had: %+v, %v", v, err)
	}
	_, err = audit.Verify(bytes.NewReader(export), audit.Trust{Key: key, Earlier: kept.Note})
	if err == nil || !strings.Contains(err.Error(), "are lost, 2 in all") {
		t.Errorf("two entries are lost, and it is said: %v", err)
	}
	s.stop()
	s.start() // accepted once, it is accepted
}

// A restored store is refused by a replica that still serves what it knew, until a
// person who has just signed in accepts it.
func TestWhoMayAcceptARestore(t *testing.T) {
	s := newSite(t, t.TempDir())
	a := s.do("POST", "/api/v1/restore/accept", s.operator, object{"reason": "x"})
	if a.status != 409 || a.body["code"] != "nothing_to_accept" {
		t.Errorf("nothing was restored: %d %s", a.status, a.raw)
	}
	if a := s.do("POST", "/api/v1/restore/accept", s.operator, object{}); a.status != 400 {
		t.Errorf("without a reason: %d %s", a.status, a.raw)
	}
}

func TestWhatCannotBeRestored(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	file := s.backup()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s.stop()
	full := t.TempDir()
	for name, data := range map[string][]byte{filepath.Join(full, "x"): nil, filepath.Join(full, "changed"): append(bytes.Clone(raw[:9000]), append([]byte{raw[9000] ^ 1}, raw[9001:]...)...),
		filepath.Join(full, "cut"): raw[:len(raw)/2], filepath.Join(full, "other-key"): []byte("x")} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for what, c := range map[string]struct {
		r    server.Restoration
		code string
	}{
		"a directory that is not empty": {server.Restoration{Backup: file, DataDir: full}, "data_dir_not_empty"},
		"no directory":                  {server.Restoration{Backup: file}, "no_data_dir"},
		"no file":                       {server.Restoration{Backup: filepath.Join(full, "nowhere")}, "bad_file"},
		"a changed backup":              {server.Restoration{Backup: filepath.Join(full, "changed")}, "bad_backup"},
		"half a backup":                 {server.Restoration{Backup: filepath.Join(full, "cut")}, "bad_backup"},
		"no backup at all":              {server.Restoration{Backup: filepath.Join(full, "x")}, "bad_backup"},
		"a key that is none":            {server.Restoration{Backup: file, KeyFile: filepath.Join(full, "other-key")}, "bad_audit_key"},
	} {
		c.r.Now, c.r.Small = time.Now, true
		dir := filepath.Join(t.TempDir(), "new")
		if c.r.DataDir == "" && c.code != "no_data_dir" {
			c.r.DataDir = dir
		}
		if _, err := server.Restore(context.Background(), c.r); !fault.HasCode(err, c.code) {
			t.Errorf("%s: %v, want %s", what, err, c.code)
		}
		for _, left := range []string{dir, dir + ".restoring"} {
			if _, err := os.Stat(left); err == nil {
				t.Errorf("%s: %s was left", what, left)
			}
		}
	}
}

// Whoever asks for a backup is on the record, and in the backup.
func TestABackupIsOnTheRecordAndInItself(t *testing.T) {
	s := newSite(t, t.TempDir(), func(c *server.Config) { c.Log = slog.New(slog.DiscardHandler) })
	a := s.must(s.do(http.MethodPost, "/api/v1/backup", s.operator, nil, "X-Reason", "before the upgrade"))
	if a.header.Get("Content-Type") != "application/x-tar" || !strings.Contains(a.raw, "before the upgrade") {
		t.Errorf("%s", a.header)
	}
	for _, role := range []identity.Role{identity.Auditor, identity.Service, identity.Compliance} {
		if a := s.do(http.MethodPost, "/api/v1/backup", s.token(string(role), role, "*"), nil); a.status != 403 {
			t.Errorf("%s: %d", role, a.status)
		}
	}
}
