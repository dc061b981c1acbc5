package server_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/identity"
)

// details is what the official SDK tells an application.
type details struct {
	Value        any            `json:"value"`
	Variant      string         `json:"variant"`
	Reason       string         `json:"reason"`
	ErrorCode    string         `json:"errorCode"`
	FlagMetadata map[string]any `json:"flagMetadata"`
}

// The official JavaScript OFREP provider, from the npm registry, gets the same
// answers as our own client.
func TestTheOfficialJavaScriptProvider(t *testing.T) {
	dir := installJS(t, "js")
	s := newSite(t, t.TempDir())
	s.furnish()
	s.enrich()
	lead, portal := s.token("Colorado lead", identity.RegionalLead, "co"), s.token("portal", identity.Service, "*")
	s.must(s.do("PUT", "/api/v1/regions/co/enablements/video_visit", lead, object{"answer": "enable", "reason": "clinics are ready"}))

	var answers map[string]map[string]details
	runJS(t, dir, "ofrep.mjs", &answers, "QUORATE_URL="+s.URL(), "QUORATE_TOKEN="+portal)

	co, hi := answers["co"], answers["hi"]
	if v := co["visit"]; v.Value != true || v.Variant != "on" || v.Reason != "TARGETING_MATCH" || v.FlagMetadata["region"] != "co" ||
		v.FlagMetadata["capability"] != "video_visit" || v.FlagMetadata["offer"] == nil || v.FlagMetadata["revision"] == nil {
		t.Errorf("Colorado: %+v", v)
	}
	if v := hi["visit"]; v.Value != false || v.Variant != "not-enabled" || v.ErrorCode != "" {
		t.Errorf("Hawaii: %+v", v)
	}
	if on, off := co["minutes"].Value, hi["minutes"].Value; on != 30.0 || off != 0.0 {
		t.Errorf("max_minutes: %v in Colorado, %v in Hawaii", on, off)
	}
	if on, off := co["share"].Value, hi["share"].Value; on != 0.5 || off != 0.0 {
		t.Errorf("share: %v in Colorado, %v in Hawaii", on, off)
	}
	if on, off := co["label"].Value, hi["label"].Value; on != "Video" || off != "" {
		t.Errorf("label: %v in Colorado, %v in Hawaii", on, off)
	}
	if v := co["missing"]; v.Value != false || v.ErrorCode != "FLAG_NOT_FOUND" {
		t.Errorf("a capability that does not exist: %+v", v)
	}
	if v := co["mismatch"]; v.Value != "none" || v.ErrorCode != "TYPE_MISMATCH" {
		t.Errorf("asked for a string: %+v", v)
	}
}

// installJS installs the packages that a folder of testdata pins in a temporary
// directory. Where Node is missing the test is skipped, and fails where CI says
// it must run.
func installJS(t *testing.T, folder string) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is missing, and CI=true", tool)
			}
			t.Skipf("the official JavaScript providers need %s, which is not installed", tool)
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", folder))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return dir
}

// runJS runs a script and reads the JSON it prints.
func runJS(t *testing.T, dir, script string, into any, env ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %s: %v", script, err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("node %s printed %q: %v", script, out, err)
	}
}
