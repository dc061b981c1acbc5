package policy

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The stored JSON of every collection, with every field. A field may be added; a
// change of what is there breaks the stores that exist. QUORATE_UPDATE=1 writes
// the files anew.
func TestStoredJSONIsKept(t *testing.T) {
	act := Act{Change: "01930000-0000-7000-8000-000000000000", By: "Compliance officer", At: time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC), Reason: "Confirmed"}
	on := &Activation{Digest: "aa", AsLastConfirmed: "2026-07-01", Previous: "bb", Act: act}
	keepFile(t, "policy", Active{Law: on, Group: on, Regions: map[string]*Activation{"co": on}})
	keepFile(t, "policy_bundles", Part{Pushed: &Pushed{Digest: "aa", Manifest: Manifest{"law", Region, "co", "2026-07-01", "not legal advice"},
		Rules: 60, Tests: 72, Cases: 525, SignedBy: "counsel", Size: 3, Parts: 1, Act: act}, Data: []byte{1, 2, 3}})
	keepFile(t, "waivers", GrantedWaiver{Waiver: Waiver{ID: "wv-1", RuleID: "FED-X", RuleDigest: "cc", Jurisdiction: "US-CO", Capability: "ai_triage", Class: "risk",
		GrantedBy: "Compliance officer", MayGrant: []string{"risk"}, Reason: "Being mended", Evidence: "ticket", Issued: "2027-01-01", Expires: "2027-02-01", MaxDays: 180},
		Granted: act, Revoked: &act})
	keepFile(t, "evidence", Proof{ID: "ev-1", Evidence: Evidence{Type: "vendor_baa", Scope: "co", Capability: "video_visit", CapabilityVersion: "2",
		Issued: "2027-01-01", Expires: "2028-01-01", URI: "https://documents.example/1", Hash: "sha256:dd"}, Service: "portal", Note: "signed", Added: act, Revoked: &act})
	keepFile(t, "opinions", GivenOpinion{RuleID: "FED-X", Relaxation: "HB-1", RuleDigest: "cc", Opinion: Opinion{"confirmed", "counsel", "2027-01-01", "2028-01-01"}, Act: act})
	keepFile(t, "halts", Halt{Region: "co", Capability: "epcs_video", Rule: "FED-X", Variant: "FED-X/evidence/irb", Jurisdictions: []string{"US-CO"},
		Why: "evidence irb is not on file", Citation: "21 CFR 1", Since: act.At, Noted: act, Ended: &act})
}

// keepFile holds a value against its file, in both directions, and reads it with a
// field of a newer version.
func keepFile[T any](t *testing.T, collection string, value T) {
	t.Helper()
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, '\n')
	file := filepath.Join("testdata", "stored", collection+".json")
	if os.Getenv("QUORATE_UPDATE") == "1" {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(raw)); diff != "" {
		t.Errorf("%s is not stored as it was:\n%s", collection, diff)
	}
	newer := bytes.Replace(before, []byte("{"), []byte(`{"of_a_newer_version":{"x":1},`), 1)
	for _, text := range [][]byte{before, newer} {
		var back T
		if err := json.Unmarshal(text, &back); err != nil {
			t.Errorf("%s: %v", collection, err)
		}
		if diff := cmp.Diff(value, back); diff != "" {
			t.Errorf("%s does not read back:\n%s", collection, diff)
		}
	}
}
