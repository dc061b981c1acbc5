package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/quorate/quorate/policy"
)

// ChildArg is the first argument with which a program is told to be the child:
//
//	if len(os.Args) > 1 && os.Args[1] == sandbox.ChildArg {
//		os.Exit(sandbox.Main())
//	}
const ChildArg = "policy-sandbox"

// Limits of a child. An honest bundle of the size of the embedded law takes less than a
// second of them.
const (
	cpuTime   = 10               // seconds
	wallTime  = 30 * time.Second // of a machine that has other things to do
	memory    = 512 << 20        // bytes of data
	openFiles = 32               // the runtime's own included
	maxAnswer = 1 << 20          // bytes
	maxStderr = 16 << 10         // bytes that are kept of what it says when it dies
	killDelay = 500 * time.Millisecond
)

// A Request is what the child is to look at.
type Request struct {
	Archive []byte             `json:"archive"`
	Law     []byte             `json:"law,omitempty"` // the archive of the law that a layer stands on; nil: the embedded one
	Keys    policy.TrustedKeys `json:"keys,omitempty"`
	// Unsigned lets an archive pass without a signature: for an author's own check.
	Unsigned bool `json:"unsigned,omitempty"`
}

// A line is what the child says: what it tries next, or its report.
type line struct {
	At     *policy.Problem `json:"at,omitempty"`
	Report *policy.Report  `json:"report,omitempty"`
}

// Check has a child look at an archive. A bundle with faults is no error: the
// report lists them. An error is a child that could not be started.
func Check(ctx context.Context, r Request) (policy.Report, error) {
	input, err := json.Marshal(r)
	if err != nil {
		return policy.Report{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, wallTime)
	defer cancel()
	exe, err := self()
	if err != nil {
		return policy.Report{}, err
	}
	cmd := exec.CommandContext(ctx, exe, ChildArg)
	cmd.Args[0] = os.Args[0]
	cmd.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(input)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killDelay
	var said tail
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return policy.Report{}, err
	}
	if err := cmd.Start(); err != nil {
		return policy.Report{}, fmt.Errorf("the process that looks at bundles cannot be started: %w", err)
	}
	last, report := listen(io.LimitReader(out, maxAnswer))
	ended := cmd.Wait()
	if report != nil && ended == nil {
		return *report, nil
	}
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return policy.Report{}, ctx.Err() // whoever asked has gone
	}
	last.Reason += ": " + causeOf(ctx, cmd.ProcessState, said.String())
	return policy.Report{Problems: []policy.Problem{last}}, nil
}

// self is this program, also after an upgrade has replaced its file.
func self() (string, error) {
	const running = "/proc/self/exe"
	if _, err := os.Stat(running); runtime.GOOS == "linux" && err == nil {
		return running, nil
	}
	return os.Executable()
}

// listen follows the child to its report, and remembers what it tried last.
func listen(out io.Reader) (last policy.Problem, report *policy.Report) {
	last = policy.Problem{Reason: "starting"}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		var l line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			continue // it is not ours: what a runtime says when it dies
		}
		if l.At != nil {
			last = *l.At
		}
		report = l.Report
	}
	return last, report
}

// causeOf says why a child ended without a report.
func causeOf(ctx context.Context, state *os.ProcessState, said string) string {
	status, _ := state.Sys().(syscall.WaitStatus)
	switch {
	case status.Signaled() && (status.Signal() == syscall.SIGXCPU || state.UserTime()+state.SystemTime() >= (cpuTime-1)*time.Second):
		return fmt.Sprintf("it took more than %d seconds of CPU time", cpuTime)
	case ctx.Err() != nil:
		return fmt.Sprintf("it took more than %s", wallTime)
	case strings.Contains(said, "out of memory") || strings.Contains(said, "cannot allocate memory"):
		return fmt.Sprintf("it took more than %d MiB of memory", memory>>20)
	case strings.Contains(said, "stack overflow") || strings.Contains(said, "stack exceeds"):
		return "it calls itself without end"
	case status.Signaled():
		return "its process was ended by the signal " + status.Signal().String()
	}
	return "its process ended without a word: " + state.String()
}

// tail keeps the first bytes of what is written to it.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	if room := maxStderr - len(t.text); room > 0 {
		t.text = append(t.text, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.text) }
