package server_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The official Python providers, over OFREP, flagd remote and in-process.
func TestTheOfficialPythonProviders(t *testing.T) {
	python := installPython(t)
	s := newFlagdSite(t)
	s.enrich()
	s.turn(true)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, filepath.Join("testdata", "python", "providers.py"))
	cmd.Env = append(os.Environ(), "QUORATE_URL="+s.URL(), "QUORATE_TOKEN="+s.token("portal", "service", "*"), "FLAGD_ADDR="+s.FlagdAddr())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers map[string]map[string]details
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	checkForeign(t, answers, "rpc") // it drops metadata
}

// installPython makes a virtual environment with the packages that testdata pins.
func installPython(t *testing.T) (python string) {
	t.Helper()
	if os.Getenv("QUORATE_SOAK") != "1" {
		t.Skip("installs packages of other languages; set QUORATE_SOAK=1")
	}
	python3, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("the official Python providers need python3, which is not installed")
	}
	dir := t.TempDir()
	if out, err := exec.Command(python3, "-m", "venv", dir).CombinedOutput(); err != nil {
		t.Skipf("python3 has no venv: %v\n%s", err, out)
	}
	python = filepath.Join(dir, "bin", "python")
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
		"-r", filepath.Join("testdata", "python", "requirements.txt"))
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("pip could not install the providers: %v\n%s", err, out)
	}
	return python
}

// checkForeign holds what an application in another language sees against what it
// should: on in Colorado, over whichever provider, and off elsewhere. bare names a
// provider that hands no metadata on.
func checkForeign(t *testing.T, answers map[string]map[string]details, bare string) {
	t.Helper()
	for _, name := range []string{"ofrep", "rpc", "in-process"} {
		a := answers[name]
		if v := a["visit"]; v.Value != true || v.Variant != "on" || v.Reason != "TARGETING_MATCH" || v.ErrorCode != "" ||
			name != bare && (v.FlagMetadata["region"] != "co" || v.FlagMetadata["capability"] != "video_visit") {
			t.Errorf("%s: %+v", name, v)
		}
		if a["minutes"].Value != 30.0 || a["share"].Value != 0.5 || a["label"].Value != "Video" {
			t.Errorf("%s: settings %+v %+v %+v", name, a["minutes"], a["share"], a["label"])
		}
		if v := a["missing"]; v.Value != false || v.ErrorCode != "FLAG_NOT_FOUND" {
			t.Errorf("%s: a capability that does not exist: %+v", name, v)
		}
		if v := a["mismatch"]; v.Value != "none" || v.ErrorCode != "TYPE_MISMATCH" {
			t.Errorf("%s: asked for text: %+v", name, v)
		}
	}
	if v := answers["elsewhere"]["visit"]; v.Value != false || v.Variant != "not-enabled" || v.ErrorCode != "" {
		t.Errorf("Hawaii: %+v", v)
	}
	if v := answers["elsewhere"]["minutes"]; v.Value != 0.0 || v.ErrorCode != "" {
		t.Errorf("Hawaii: %+v", v)
	}
}
