package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The official Java providers, over OFREP, flagd remote and in-process.
func TestTheOfficialJavaProviders(t *testing.T) {
	dir := installJava(t)
	s := newFlagdSite(t)
	s.enrich()
	s.turn(true)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "exec:exec", "-Dexec.executable=java", "-Dexec.args=-cp %classpath Providers")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "QUORATE_URL="+s.URL(), "QUORATE_TOKEN="+s.token("portal", "service", "*"), "FLAGD_ADDR="+s.FlagdAddr())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var answers map[string]map[string]details
	// maven puts escape sequences around what the program prints
	if at := bytes.IndexByte(out, '{'); at < 0 || json.NewDecoder(bytes.NewReader(out[at:])).Decode(&answers) != nil {
		t.Fatalf("java printed %s", out)
	}
	checkForeign(t, answers, "")
}

// installJava compiles the program of testdata with the packages that it pins.
func installJava(t *testing.T) (dir string) {
	t.Helper()
	if os.Getenv("QUORATE_SOAK") != "1" {
		t.Skip("installs packages of other languages; set QUORATE_SOAK=1")
	}
	for _, tool := range []string{"java", "javac", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the official Java providers need %s, which is not installed", tool)
		}
	}
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "java"))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	maven := func(goals ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "mvn", append([]string{"-q", "-B"}, goals...)...)
		cmd.Dir = dir
		return cmd.CombinedOutput()
	}
	if out, err := maven("dependency:build-classpath"); err != nil {
		t.Skipf("maven could not install the providers: %v\n%.2000s", err, out)
	}
	if out, err := maven("compile"); err != nil {
		t.Fatalf("the program does not compile: %v\n%.4000s", err, out)
	}
	return dir
}
