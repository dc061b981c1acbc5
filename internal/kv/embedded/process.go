package embedded

import (
	"bufio"
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

	"go.uber.org/zap/zapcore"
)

// stopTimeout is how long a child that was asked to stop may take before it is
// killed. It gives up by itself a second earlier; only a frozen one gets here.
const stopTimeout = 8 * time.Second

// killTimeout is how long a killed child may take to be gone. One that waits
// for a dead disk inside the kernel cannot be killed at all, and Close must
// return even so.
const killTimeout = 2 * time.Second

// process is one run of the child, from launch to exit.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer     // closing it asks the child to stop
	ready  chan struct{} // closed when it serves
	exited chan struct{} // closed when it has ended and been waited for

	// The rest may be read once exited is closed.
	refused bool   // it ended because no start can succeed
	reason  error  // why it ended, never nil
	dump    string // what it printed besides etcd's log, or ""
}

// launch starts a child and two goroutines, which end when the child does.
func launch(cfg Config, socket string, lock *os.File) (*process, error) {
	argv, err := command(cfg, socket)
	if err != nil {
		return nil, err
	}
	reportR, reportW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("store: start its process: %w", err)
	}
	defer reportW.Close()

	log := newLineLogger(cfg.Logger)
	cmd := exec.Command(argv[0], argv[1:]...)
	if cfg.Command == nil {
		cmd.Args[0] = os.Args[0] // so that a process listing names the program
	}
	cmd.Env = childEnv(os.Environ())
	cmd.Stderr = log
	cmd.ExtraFiles = []*os.File{lock, reportW} // lockFD, reportFD
	// A Ctrl-C at a terminal goes to the whole process group. The child must
	// outlast it: the parent still has writes to finish.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		reportR.Close()
		return nil, fmt.Errorf("store: start its process: %w", err)
	}
	p := &process{cmd: cmd, stdin: stdin, ready: make(chan struct{}), exited: make(chan struct{})}
	go p.attend(cfg.Dir, reportR, log)
	return p, nil
}

// command is the child's command line. On Linux this very binary is found by
// way of /proc: after an upgrade has replaced the file, its path would start
// the new version under a parent of the old.
func command(cfg Config, socket string) ([]string, error) {
	argv := cfg.Command
	if argv == nil {
		exe := "/proc/self/exe"
		if _, err := os.Stat(exe); runtime.GOOS != "linux" || err != nil {
			if exe, err = os.Executable(); err != nil {
				return nil, fmt.Errorf("store: find our own program: %w", err)
			}
		}
		argv = []string{exe}
	}
	o := childOptions{
		dir: cfg.Dir, socket: socket, quota: cfg.QuotaBytes, readyTimeout: cfg.ReadyTimeout,
		smallWAL: cfg.SmallWAL, info: zapLevel(cfg.Logger) == zapcore.InfoLevel,
	}
	return append(argv[:len(argv):len(argv)], o.args()...), nil
}

// childEnv keeps what the child needs of our environment. The rest may hold
// secrets of the parent, which are none of its business.
func childEnv(env []string) []string {
	var out []string
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case strings.HasPrefix(name, "GO"), name == "PATH", name == "TMPDIR", name == "TZ":
			out = append(out, kv)
		}
	}
	return out
}

// attend follows the child to its end.
func (p *process) attend(dir string, reports *os.File, log *lineLogger) {
	refusal := make(chan string, 1)
	go func() { refusal <- p.readReport(reports) }()
	err := p.cmd.Wait()
	// The pipe has ended with the child, unless a wrapper's descendant lives.
	_ = reports.SetReadDeadline(time.Now().Add(time.Second))
	p.dump, p.reason = p.explain(dir, err, <-refusal, log)
	p.refused = p.cmd.ProcessState.ExitCode() == exitRefused || p.cmd.ProcessState.ExitCode() == exitUsage
	close(p.exited)
}

// readReport waits for the child's one report, closes ready if it serves, and
// returns its refusal or "".
func (p *process) readReport(f *os.File) string {
	defer f.Close()
	line, _ := bufio.NewReader(f).ReadBytes('\n')
	var r report
	if json.Unmarshal(line, &r) != nil {
		return ""
	}
	if r.Ready {
		close(p.ready)
	}
	return r.Refused
}

// explain makes the exit into an error that says what to look at.
func (p *process) explain(dir string, wait error, refusal string, log *lineLogger) (dump string, reason error) {
	cause, dump := log.explain()
	switch {
	case refusal != "":
		return dump, errors.New(refusal)
	case wait == nil:
		return dump, fmt.Errorf("store: process %d stopped", p.pid())
	case p.signalled(), cause == "":
		// What etcd said before it was killed does not explain the killing.
		return dump, fmt.Errorf("store: process %d ended: %w", p.pid(), wait)
	}
	if strings.Contains(cause, syscall.ENOSPC.Error()) {
		cause += fmt.Sprintf(" (%d bytes free in %s)", freeBytes(dir), dir)
	}
	return dump, fmt.Errorf("store: process %d ended: %w: %s", p.pid(), wait, cause)
}

func (p *process) signalled() bool {
	ws, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled()
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop asks the child to stop, and kills it if it has not after patience. A
// non-nil error says that a child given time had to be killed, or that one
// could not even be killed.
func (p *process) stop(patience time.Duration) error {
	_ = p.stdin.Close()
	select {
	case <-p.exited:
		return nil
	case <-time.After(patience):
	}
	_ = p.cmd.Process.Kill()
	select {
	case <-p.exited:
	case <-time.After(killTimeout):
		return fmt.Errorf("store: process %d cannot be killed, which happens when its disk does not answer; the data directory stays in use until it ends", p.pid())
	}
	if patience == 0 {
		return nil
	}
	return fmt.Errorf("store: process %d did not stop within %v and was killed; nothing acknowledged is lost", p.pid(), patience)
}

// freeBytes is the space left for dir, in bytes, or -1 if that is not known.
func freeBytes(dir string) int64 {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return -1
	}
	return int64(uint64(st.Bavail) * uint64(st.Bsize))
}
