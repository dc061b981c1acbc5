package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var fence = regexp.MustCompile("(?ms)^```(sh|text)\n(.*?)^```$")

// The README's commands are run as they are printed, in order, and each line of
// an output it shows must appear in what they print.
func TestTheREADMEIsTrue(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := fence.FindAllStringSubmatch(string(raw), -1)
	if len(blocks) < 8 || blocks[0][2] != "make run\n" || blocks[1][2] != "make test\n" {
		t.Fatalf("the README does not begin with its two commands: %q", blocks)
	}
	if out, err := exec.Command("make", "-C", filepath.Join("..", ".."), "-n", "test").CombinedOutput(); err != nil || !strings.Contains(string(out), "go test") {
		t.Errorf("make test: %v\n%s", err, out)
	}
	work := t.TempDir()
	makeRun(t, filepath.Join(work, "demo.env"))
	script, want := scriptOf(blocks[2:])
	cmd := exec.Command("sh", "-eu", "-c", script)
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "QUORATE_CONFIG=", "XDG_CONFIG_HOME="+t.TempDir())
	linkCheckout(t, work)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the README's commands: %v\n%s", err, out)
	}
	for _, line := range want {
		if !strings.Contains(string(out), line) {
			t.Errorf("the README shows %q, and the commands print\n%s", line, out)
		}
	}
}

// scriptOf joins the commands, and lists the lines that are shown of their output.
func scriptOf(blocks [][]string) (script string, want []string) {
	for _, b := range blocks {
		if b[1] == "sh" {
			script += b[2]
			continue
		}
		want = append(want, strings.Split(strings.TrimSpace(b[2]), "\n")...)
	}
	return script, want
}

// linkCheckout lets `make build` run in the work directory, which holds demo.env.
func linkCheckout(t *testing.T, work string) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	makefile := "build:\n\tcd " + root + " && go build -trimpath -o " + filepath.Join(work, "bin", "quorate") + " ./cmd/quorate\n"
	if err := os.WriteFile(filepath.Join(work, "Makefile"), []byte(makefile), 0o600); err != nil {
		t.Fatal(err)
	}
}

// makeRun runs `make run` as printed; its options come from the environment, so
// that the port is free and the accounts are found.
func makeRun(t *testing.T, envFile string) {
	t.Helper()
	cmd := exec.Command("make", "-C", filepath.Join("..", ".."), "run")
	cmd.Env = append(os.Environ(), "QUORATE_LISTEN=127.0.0.1:0", "QUORATE_ENV_FILE="+envFile, "QUORATE_CONFIG=", "XDG_CONFIG_HOME="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) // as Ctrl-C does
		_ = cmd.Wait()                                     // make reports the interrupt
		if !strings.Contains(out.String(), "THIS IS A DEMO") {
			t.Errorf("make run printed\n%s", out.String())
		}
	})
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(envFile); err == nil {
			return
		}
	}
	t.Fatal("make run was not ready within 2 minutes")
}
