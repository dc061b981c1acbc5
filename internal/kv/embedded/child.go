package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3rpc"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// ChildArg is the first argument of the hidden child process. A program that
// calls Start must begin with
//
//	if len(os.Args) > 1 && os.Args[1] == embedded.ChildArg {
//		os.Exit(embedded.Main(os.Args[2:]))
//	}
const ChildArg = "__store"

// The files that the child inherits besides the standard ones.
const (
	lockFD   = 3 // Config.Dir's lock, locked
	reportFD = 4 // a pipe to the parent, for one report
)

// Exit codes of the child.
const (
	exitStopped = 0  // asked to
	exitFailed  = 1  // something broke; etcd's own fatal errors too
	exitUsage   = 2  // not run by Start
	exitRefused = 78 // the report says why; trying again will not help
)

const (
	// drainTimeout is how long requests in flight may take when stopping.
	// Watches never end by themselves; they are cut off after it.
	drainTimeout = 2 * time.Second
	// childStopTimeout is how long the child may take to stop before it exits
	// without ceremony, which is safe: it is what a crash does.
	childStopTimeout = 7 * time.Second
)

// report is the one line of JSON that the child sends to its parent, when it
// serves or when it refuses to.
type report struct {
	Ready   bool   `json:"ready,omitempty"`
	Refused string `json:"refused,omitempty"`
}

// childOptions is what Start tells the child on its command line, where an
// operator can read it.
type childOptions struct {
	dir          string
	socket       string
	quota        int64
	readyTimeout time.Duration
	smallWAL     bool
	info         bool // log etcd's informational lines too
}

func (o childOptions) args() []string {
	return []string{
		ChildArg,
		"-dir=" + o.dir,
		"-socket=" + o.socket,
		fmt.Sprintf("-quota=%d", o.quota),
		fmt.Sprintf("-ready-timeout=%v", o.readyTimeout),
		fmt.Sprintf("-small-wal=%v", o.smallWAL),
		fmt.Sprintf("-info=%v", o.info),
	}
}

func parseChildOptions(args []string) (o childOptions, err error) {
	fs := flag.NewFlagSet(ChildArg, flag.ContinueOnError)
	fs.StringVar(&o.dir, "dir", "", "the store's directory")
	fs.StringVar(&o.socket, "socket", "", "path of the socket to listen on")
	fs.Int64Var(&o.quota, "quota", DefaultQuotaBytes, "database quota in bytes")
	fs.DurationVar(&o.readyTimeout, "ready-timeout", DefaultReadyTimeout, "how long starting may take")
	fs.BoolVar(&o.smallWAL, "small-wal", false, "2 MiB log segments")
	fs.BoolVar(&o.info, "info", false, "log informational lines")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 || o.dir == "" || o.socket == "" {
		return o, fmt.Errorf("%s: want -dir and -socket and no further arguments", ChildArg)
	}
	return o, nil
}

// Main is the body of the child process: etcd on a unix socket, until standard
// input ends. args are the arguments after ChildArg. It returns the exit code
// of the process; the caller must exit at once, with nothing else running, for
// etcd's last goroutines end with the process.
//
// Main is only ever run by Start, from which it inherits the lock; run by hand
// it says so and ends. It ignores the signals by which an operator or a service
// manager stops a whole group of processes: the parent gets them too, and has
// writes to finish before the store may go.
func Main(args []string) int {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	o, err := parseChildOptions(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitUsage
	}
	lock := os.NewFile(lockFD, "lock")
	if !isLockOf(lock, o.dir) {
		fmt.Fprintf(os.Stderr, "%s is the store process of quorate serve and is not run by hand\n", ChildArg)
		return exitUsage
	}
	// Never closed, so that the lock ends with the process. Kept reachable: an
	// os.File that nobody can reach is closed by the collector, and the lock
	// would go with it.
	defer runtime.KeepAlive(lock)
	syscall.CloseOnExec(lockFD)
	syscall.CloseOnExec(reportFD)
	if runtime.GOOS == "linux" {
		// Started from /proc/self/exe, it would be listed as "exe".
		_ = os.WriteFile("/proc/self/comm", []byte("quorate-store"), 0)
	}
	return runChild(o, os.NewFile(reportFD, "report"))
}

func isLockOf(f *os.File, dir string) bool {
	if f == nil {
		return false
	}
	got, err := f.Stat()
	if err != nil {
		return false
	}
	want, err := os.Stat(lockPath(dir))
	return err == nil && os.SameFile(got, want)
}

// runChild opens the store, reports, serves, and stops.
func runChild(o childOptions, to io.WriteCloser) int {
	level := zapcore.WarnLevel
	if o.info {
		level = zapcore.InfoLevel
	}
	lg := newZap(os.Stderr, level)
	orphaned := parentGone()
	e, err := openBounded(orphaned, o, lg, to)
	if err != nil {
		select {
		case <-orphaned.Done():
			return exitStopped
		default:
		}
		return refuse(to, err)
	}
	l, err := listenUnix(o.socket)
	if err != nil {
		return refuse(to, err)
	}
	return serve(orphaned, e, l, lg, func() {
		send(to, report{Ready: true})
	})
}

// parentGone returns a context that ends when the parent closes our standard
// input, on purpose or by dying of anything. A signal on the parent's death
// would not do: Linux sends it when the thread that started us ends. From then
// on the process has childStopTimeout left.
func parentGone() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		time.AfterFunc(childStopTimeout, func() { os.Exit(exitFailed) })
		cancel()
	}()
	return ctx
}

// openBounded opens the store in at most o.readyTimeout. What etcd does before
// it first listens to anyone cannot be interrupted, so past a little more than
// that the process ends.
func openBounded(ctx context.Context, o childOptions, lg *zap.Logger, to io.WriteCloser) (*embed.Etcd, error) {
	if o.smallWAL {
		useSmallWAL()
	}
	late := fmt.Errorf("took longer than %v: its disk may be slow or its files damaged; check the disk, or restore it from a backup", o.readyTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, o.readyTimeout, late)
	defer cancel()
	hard := time.AfterFunc(o.readyTimeout+500*time.Millisecond, func() {
		os.Exit(refuse(to, fmt.Errorf("%w: %s: %w", errNotReady, dataPath(o.dir), late)))
	})
	defer hard.Stop()
	return openStore(ctx, o.dir, o.quota, lg)
}

func refuse(to io.WriteCloser, err error) int {
	send(to, report{Refused: err.Error()})
	// A full disk or a failing one may get better; the rest needs a person.
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EIO) {
		return exitFailed
	}
	return exitRefused
}

// send is best effort: without a parent to read it, nobody misses it.
func send(to io.WriteCloser, r report) {
	_ = json.NewEncoder(to).Encode(r)
	_ = to.Close()
}

// serve answers requests on l until stop ends, then stops in order: no new
// requests, those in flight, etcd. Everything acknowledged is on disk already.
func serve(stop context.Context, e *embed.Etcd, l net.Listener, lg *zap.Logger, ready func()) int {
	gs := v3rpc.Server(e.Server, nil, nil, grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
		// Our client pings an idle connection, to notice a frozen store.
		MinTime:             time.Second,
		PermitWithoutStream: true,
	}))
	served := make(chan error, 1)
	go func() { served <- gs.Serve(l) }()
	ready()

	code := exitStopped
	select {
	case <-stop.Done():
	case err := <-served:
		lg.Error("the store's listener failed", zap.Error(err))
		code = exitFailed
	case <-e.Server.StopNotify():
		lg.Error("etcd stopped by itself")
		code = exitFailed
	}
	drain(gs)
	e.Close()
	return code
}

func drain(gs *grpc.Server) {
	cut := time.AfterFunc(drainTimeout, gs.Stop)
	defer cut.Stop()
	gs.GracefulStop()
}
