package server_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/identity"
)

// export takes an export over HTTP and verifies it.
func (s *site) export(token string, trust audit.Trust) (audit.Verdict, error) {
	s.t.Helper()
	c, err := client.New(s.URL(), token)
	if err != nil {
		s.t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := audit.Export(context.Background(), &file, c.RecordLog()); err != nil {
		return audit.Verdict{}, err
	}
	return audit.Verify(&file, trust)
}

// Whatever was done through the API is in the record, which is continued over a
// restart and verified with what was kept before it.
func TestTheRecordHoldsWhatWasDoneAndIsContinuedAfterARestart(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	auditor, lead := s.token("auditor", identity.Auditor, "*"), s.token("Colorado lead", identity.RegionalLead, "co")
	key := s.must(s.do("GET", "/api/v1/audit/key", auditor, nil))
	vkey, _ := key.body["key"].(string)
	public, err := audit.ParseVerifierKey(vkey)
	if err != nil {
		t.Fatal(err)
	}
	before, err := s.export(auditor, audit.Trust{Key: public})
	if err != nil || before.Size < 6 { // the first token, two regions, a capability, an offer, two tokens
		t.Fatalf("%+v %v", before, err)
	}
	kept := s.must(s.do("GET", "/audit/log/checkpoint", auditor, nil))
	if kept.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("the checkpoint is %s", kept.header.Get("Content-Type"))
	}
	s.stop()
	s.start()
	change := s.must(s.do("PUT", "/api/v1/regions/co/enablements/video_visit", lead, object{"answer": "enable", "reason": "clinics are ready"}))
	after, err := s.export(auditor, audit.Trust{Key: public, Earlier: []byte(kept.raw)})
	if err != nil || after.Size != before.Size+1 || after.Earlier == 0 {
		t.Fatalf("after a restart and a change: %+v %v", after, err)
	}
	id, _ := change.body["receipt"].(object)["id"].(string)
	proof := s.must(s.do("GET", "/api/v1/audit/entries/"+id+"/proof", auditor, nil))
	file, _ := proof.body["file"].(string)
	v, err := audit.Verify(strings.NewReader(file), audit.Trust{Key: public})
	if err != nil || v.Entry.ID != id || v.Entry.Reason != "clinics are ready" {
		t.Errorf("the proof of the change: %+v %v", v, err)
	}
	if info, err := os.Stat(filepath.Join(s.cfg.DataDir, audit.KeyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the signing key: %v %v", info, err)
	}
}

// As this role, reading this of the record is allowed or not.
func TestWhoMayReadTheRecord(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	auditor := s.token("auditor", identity.Auditor, "*")
	lead, hawaii := s.token("Colorado lead", identity.RegionalLead, "co"), s.token("Hawaii lead", identity.RegionalLead, "hi")
	portal := s.token("portal", identity.Service, "*")
	change := s.must(s.do("PUT", "/api/v1/regions/co/enablements/video_visit", lead, object{"answer": "enable", "reason": "x"}))
	entry := "/api/v1/audit/entries/" + change.body["receipt"].(object)["id"].(string)
	if err := s.Record.Settle(context.Background()); err != nil {
		t.Fatal(err)
	}
	open := []string{"/audit/log/checkpoint", "/api/v1/audit/key", "/api/v1/audit/consistency?from=2"} // for all to keep
	log := []string{"/audit/log/tile/0/000.p/3", "/audit/log/tile/entries/000.p/3", "/api/v1/audit"}
	for _, c := range []struct {
		who, token string
		paths      []string
		status     int
	}{
		{"a portal service, of what is for all to keep", portal, open, 200},
		{"nobody, of that", "", open, 401},
		{"an auditor", auditor, append(log, entry, entry+"/proof", "/api/v1/audit?region=co"), 200},
		{"the lead, of the region", lead, []string{"/api/v1/audit?region=co", entry, entry + "/proof"}, 200},
		{"the lead, of everything", lead, log, 403},
		{"the lead, of another region", lead, []string{"/api/v1/audit?region=hi"}, 403},
		{"another lead", hawaii, append(log, entry, entry+"/proof", "/api/v1/audit?region=co"), 403},
		{"a portal service", portal, append(log, entry, "/api/v1/audit?region=co"), 403},
		{"nobody", "", append(log, entry, entry+"/proof", "/audit/log/"), 401},
		{"nobody, of another way to write a path", "", []string{"/audit/log/../../etc/passwd", "/audit/log//checkpoint"}, 404},
		{"an auditor, of what is not there", auditor, []string{"/audit/log/", "/audit/log/tile/0/999", "/audit/log/tile/0/000.p/255", "/audit/log/audit-key",
			"/audit/log/leaf/..%2f..%2faudit-key", "/audit/log/tile/0/..%2f..%2f..%2faudit-key", "/audit/log/leaf/" + strings.Repeat("a", 64)}, 404},
		{"an auditor, of what makes no sense", auditor, []string{"/audit/log/leaf/x", "/api/v1/audit/consistency?from=999999",
			"/api/v1/audit?limit=0", "/api/v1/audit?from=yesterday", "/api/v1/audit?result=maybe"}, 400},
	} {
		for _, path := range c.paths {
			if status, body := s.get(path, c.token); status != c.status {
				t.Errorf("%s: %s is %d %.200s, want %d", c.who, path, status, body, c.status)
			}
		}
	}
}

// get asks for a path as it is written, without tidying it up.
func (s *site) get(path, token string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.URL()+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}
