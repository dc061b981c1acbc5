package server_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"path/filepath"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/identity"
)

// An operator who has just signed in replaces the key that signs the record; nobody
// else does.
func TestTheKeyOfTheRecordIsReplacedByAPersonWhoHasJustSignedIn(t *testing.T) {
	clock := &later{}
	s, provider := newSiteWithPeople(t, clock)
	old := s.must(s.do("GET", "/api/v1/audit/key", s.operator, nil)).body["key"].(string)
	kept := s.settle()
	const path = "/api/v1/audit/key/replace"
	why := object{"reason": "the yearly replacement"}
	if a := s.do("POST", path, s.operator, why); a.status != 403 || a.body["code"] != "needs_a_person" {
		t.Errorf("with a token: %d %s", a.status, a.raw)
	}
	if a := s.do("POST", path, "", why, "Cookie", s.signIn(provider, "auditor")); a.status != 403 || a.body["code"] != "forbidden" {
		t.Errorf("by an auditor: %d %s", a.status, a.raw)
	}
	person := s.signIn(provider, "operator")
	if a := s.do("POST", path, "", object{}, "Cookie", person); a.status != 400 {
		t.Errorf("without a reason: %d %s", a.status, a.raw)
	}
	clock.pass(identity.FreshFor + time.Minute)
	if a := s.do("POST", path, "", why, "Cookie", person); a.status != 401 || a.body["code"] != "fresh_sign_in_needed" {
		t.Errorf("signed in a while ago: %d %s", a.status, a.raw)
	}
	done := s.must(s.do("POST", path, "", why, "Cookie", s.signIn(provider, "operator")))

	s.token("after the replacement", identity.Auditor, "*")
	trusted, err := audit.ParseVerifierKey(old)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for s.must(s.do("GET", "/api/v1/audit/key", s.operator, nil)).body["key"] == old {
		select {
		case <-ctx.Done():
			t.Fatal("the old key signs on")
		case <-time.After(50 * time.Millisecond):
		}
	}
	v, err := audit.Verify(bytes.NewReader(s.exportAll()), audit.Trust{Key: trusted, Earlier: kept.Note})
	if err != nil || !v.KeyTrusted || len(v.Handovers) != 1 || v.KeyID != done.body["result"].(object)["new"] {
		t.Errorf("whoever has the old key is led to the new one: %+v, %v; %s", v, err, done.raw)
	}
	if a := s.must(s.do("GET", "/api/v1/audit?action=audit.replace_key&result=applied", s.operator, nil)); len(a.body["items"].([]any)) != 1 {
		t.Errorf("on the record: %s", a.raw)
	}
	for query, want := range map[string]int{"strength=sign_in&role=operator": 1, "strength=token": 0, "role=counsel": 0, "emergency=true": 0} {
		if a := s.must(s.do("GET", "/api/v1/audit?action=audit.replace_key&result=applied&"+query, s.operator, nil)); len(a.body["items"].([]any)) != want {
			t.Errorf("%s: want %d, got %s", query, want, a.raw)
		}
	}
	if a := s.do("GET", "/api/v1/audit?strength=oath", s.operator, nil); a.status != 400 {
		t.Errorf("a strength that there is not: %d %s", a.status, a.raw)
	}
	s.stop()
	s.start() // with the new key
	s.token("after the start", identity.Auditor, "*")
	newest := s.settle()
	key, err := audit.LoadKey(filepath.Clean(s.cfg.DataDir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.OpenCheckpoint(newest.Note, key.Public().(ed25519.PublicKey)); err != nil {
		t.Errorf("the newest checkpoint: %v", err)
	}
}
