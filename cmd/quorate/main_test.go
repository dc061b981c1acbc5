package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/policy/sandbox"
)

// TestMain makes the test program stand in for quorate, and for the store that
// quorate starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == embedded.ChildArg {
		os.Exit(embedded.Main(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == sandbox.ChildArg {
		os.Exit(sandbox.Main())
	}
	testscript.Main(m, map[string]func(){"quorate": mainInItsTime})
}

// TestManual runs the scripts below testdata/script, which are the manual of the
// command line: each says in prose what it shows. They have these commands
// besides the usual ones:
//
//	demo          use the demo server that all scripts share
//	loadenv FILE  wait for the file that a demo writes, and take its variables
//	as ACCOUNT    use the token of an account of the demo, such as co-lead
//	setenv N FILE take a variable from a file
//	exits CODE    run what follows and expect this exit code
//	take N REGEXP take a variable from the last output, by the group of a pattern
//	signin NAMES  sign accounts in at the demo's identity provider; as takes them then
//	later TIME    let so much time go by, for servers and for everyone who asks them
//	awaits R ARGS run what follows until its output has what the pattern says
//	votes M V ACC cast V, such as --vote=yes, in the motion M, by each of these accounts
//	fill FILE     put variables into a file where it says $NAME
func TestManual(t *testing.T) {
	shared := sharedDemo{t: t}
	t.Run("scripts", func(t *testing.T) { // ends when all of them have
		testscript.Run(t, testscript.Params{
			Dir:                 filepath.Join("testdata", "script"),
			RequireExplicitExec: true,
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"demo":    func(ts *testscript.TestScript, _ bool, _ []string) { loadEnv(ts, shared.envFile(ts)) },
				"loadenv": func(ts *testscript.TestScript, _ bool, args []string) { loadEnv(ts, ts.MkAbs(args[0])) },
				"as":      as,
				"setenv": func(ts *testscript.TestScript, _ bool, args []string) {
					ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
				},
				"exits":  exits,
				"take":   take,
				"signin": signIn,
				"later":  later,
				"awaits": awaits,
				"votes":  votes,
				"fill":   fillIn,
			},
		})
	})
}

// sharedDemo is one demo server for all scripts that want no other. They keep out
// of each other's way by touching different regions and capabilities.
type sharedDemo struct {
	t    *testing.T
	once sync.Once
	file string
}

func (d *sharedDemo) envFile(ts *testscript.TestScript) string {
	d.once.Do(func() {
		d.file = filepath.Join(d.t.TempDir(), "env")
		cmd := exec.Command("quorate", "demo", "--listen", "127.0.0.1:0", "--env-file", d.file)
		cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+d.t.TempDir())
		if err := cmd.Start(); err != nil {
			ts.Fatalf("starting the demo: %v", err)
		}
		d.t.Cleanup(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if err := cmd.Wait(); err != nil {
				d.t.Errorf("the demo ended with %v", err)
			}
		})
	})
	return d.file
}

// loadEnv waits until a demo has written its file, and takes its variables.
func loadEnv(ts *testscript.TestScript, file string) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		raw, err := os.ReadFile(file)
		if err == nil {
			for line := range strings.Lines(string(raw)) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				ts.Setenv(name, value)
			}
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("the demo did not write its file: %v", err)
		}
	}
}

func as(ts *testscript.TestScript, _ bool, args []string) {
	token := ts.Getenv(tokenVariable(args[0]))
	if token == "" {
		ts.Fatalf("the demo has no account %s", args[0])
	}
	ts.Setenv("QUORATE_TOKEN", token)
}

func take(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("the last output has nothing like %s", args[1])
	}
	ts.Setenv(args[0], found[1])
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	stderr := ts.ReadFile("stderr")
	if n := countLines(stderr); want != 0 && n != 1 {
		ts.Fatalf("an error is one line, not %d:\n%s", n, stderr)
	}
	if token := ts.Getenv("QUORATE_TOKEN"); token != "" && strings.Contains(stderr, token) {
		ts.Fatalf("the token stands in the error")
	}
}

// countLines leaves out that an answer is awaited.
func countLines(text string) int {
	n := 0
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		if !strings.Contains(s.Text(), "waiting for an answer") {
			n++
		}
	}
	return n
}
