package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// A child that ends is started again after minBackoff, the next after
	// twice that, up to maxBackoff. One that served for healthyAfter begins
	// anew at minBackoff.
	minBackoff   = 100 * time.Millisecond
	maxBackoff   = 5 * time.Second
	healthyAfter = 10 * time.Second
	// readyGrace is how much longer than the ready timeout we wait, so that
	// the child's own account of what kept it comes first.
	readyGrace = time.Second
)

// State is what the store's process is doing.
type State string

// The states. There is no state for a frozen store: a process that is stopped
// or stuck on its disk still counts as running, and its clients notice by the
// watch that falls silent.
const (
	StateStarting   State = "starting"   // has not served yet
	StateRunning    State = "running"    // serves
	StateRestarting State = "restarting" // has served, ended, and will again
	StateStopped    State = "stopped"    // Close was called
)

// Status is an account of the store's process for operators and health checks.
type Status struct {
	State State
	Since time.Time // of State
	Pid   int       // of the current child, 0 while none runs
	// Restarts counts the children launched after the first.
	Restarts int
	// LastExit says why the last child ended, nil if none has; it names the
	// file and the system's error where etcd did. LastExitAt says when.
	LastExit   error
	LastExitAt time.Time
	// Dir is the store's directory, FreeBytes the space left for it, in bytes,
	// -1 if unknown.
	Dir       string
	FreeBytes int64
}

// Supervisor keeps the store's process running. Its methods are safe for
// concurrent use.
type Supervisor struct {
	cfg    Config
	lock   *dirLock
	socket socketDir

	ctx     context.Context // ends when Close is called
	cancel  context.CancelFunc
	ready   chan struct{} // closed when a child first serves
	refused chan error    // capacity 1: the first refusal
	done    chan struct{} // closed when supervise has ended

	closed func() error // closes once

	mu      sync.Mutex
	status  Status // Dir and FreeBytes not filled in
	stopErr error  // of the last child, if Close had to stop it
}

// Start locks cfg.Dir, launches the store as a child process and returns when
// it serves. From then on the child is restarted whenever it ends, until Close;
// ctx bounds the start alone.
//
// The error says what to do if the directory is in use, if it holds something
// that is not a whole store, if etcd refuses the data, or if no child became
// ready before ctx ended or cfg.ReadyTimeout had passed. A child that merely
// crashes while starting is tried again within that time. On error nothing is
// left running.
func Start(ctx context.Context, cfg Config) (*Supervisor, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := prepareDir(cfg.Dir); err != nil {
		return nil, err
	}
	lock, err := takeLock(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	socket, err := chooseSocketDir(cfg.Dir)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	s := newSupervisor(cfg, lock, socket)
	go s.supervise()
	if err := s.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newSupervisor(cfg Config, lock *dirLock, socket socketDir) *Supervisor {
	s := &Supervisor{
		cfg: cfg, lock: lock, socket: socket,
		ready: make(chan struct{}), refused: make(chan error, 1), done: make(chan struct{}),
		status: Status{State: StateStarting, Since: time.Now()},
	}
	// Not a child of Start's context, which bounds the start alone.
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.closed = sync.OnceValue(s.shutdown)
	return s
}

func (s *Supervisor) awaitReady(ctx context.Context) error {
	limit := time.NewTimer(s.cfg.ReadyTimeout + readyGrace)
	defer limit.Stop()
	var why error
	select {
	case <-s.ready:
		return nil
	case err := <-s.refused:
		return err
	case <-ctx.Done():
		why = context.Cause(ctx)
	case <-limit.C:
		why = fmt.Errorf("gave up after %v", s.cfg.ReadyTimeout)
	}
	if last := s.Status().LastExit; last != nil {
		return fmt.Errorf("store: %s did not become ready: %w; its last process: %w", s.cfg.Dir, why, last)
	}
	return fmt.Errorf("store: %s did not become ready: %w", s.cfg.Dir, why)
}

// Endpoint is where the store is served: "unix:///…/etcd.sock", fit for
// clientv3.Config.Endpoints. It stays the same across restarts, during which
// connections to it are refused. A client should try again much sooner than
// gRPC's default of a second (grpc.WithConnectParams), since a restart takes a
// fraction of that.
func (s *Supervisor) Endpoint() string { return "unix://" + s.socket.path() }

// Pid is the process id of the current child, 0 while none runs.
func (s *Supervisor) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status.Pid
}

// Status returns the current status. It asks the file system for free space
// and may block as long as that does.
func (s *Supervisor) Status() Status {
	s.mu.Lock()
	st := s.status
	s.mu.Unlock()
	st.Dir, st.FreeBytes = s.cfg.Dir, freeBytes(s.cfg.Dir)
	return st
}

// Close stops the store and releases the directory: requests in flight get two
// seconds, the child eight in all, then it is killed, of which the error tells.
// What was acknowledged is kept either way. Close the store's clients first.
// Further calls wait for the first and return the same.
func (s *Supervisor) Close() error { return s.closed() }

func (s *Supervisor) shutdown() error {
	s.cancel()
	<-s.done
	s.socket.remove()
	err := s.lock.release()
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.stopErr, err)
}

// supervise runs one child after the other until Close.
func (s *Supervisor) supervise() {
	defer close(s.done)
	delay := minBackoff
	for first := true; ; first = false {
		served := s.runOne(first)
		if s.ctx.Err() != nil {
			s.set(func(st *Status) { st.State = StateStopped })
			return
		}
		if served >= healthyAfter {
			delay = minBackoff
		}
		select {
		case <-s.ctx.Done():
		case <-time.After(delay):
			s.cfg.Logger.Warn("starting the store again", "after", delay)
		}
		delay = min(2*delay, maxBackoff)
	}
}

// runOne runs a child to its end and returns how long it served.
func (s *Supervisor) runOne(first bool) (served time.Duration) {
	if s.ctx.Err() != nil {
		return 0
	}
	launched := time.Now()
	p, err := launch(s.cfg, s.socket.path(), s.lock.file)
	if err != nil {
		s.ended(err, "")
		return 0
	}
	s.lock.note(p.pid())
	s.set(func(st *Status) {
		st.Pid = p.pid()
		if !first {
			st.Restarts++
		}
	})
	if s.untilReady(p) {
		since := time.Now()
		s.serving(p, since.Sub(launched))
		s.untilExit(p)
		served = time.Since(since)
	}
	s.lock.note(0)
	if s.ctx.Err() != nil {
		s.set(func(st *Status) { st.Pid = 0 })
		return served
	}
	s.ended(p.reason, p.dump)
	if p.refused {
		select {
		case s.refused <- p.reason:
		default:
		}
	}
	return served
}

// untilReady waits until p serves. If it does not, p has ended on return.
func (s *Supervisor) untilReady(p *process) bool {
	limit := time.NewTimer(s.cfg.ReadyTimeout + readyGrace)
	defer limit.Stop()
	select {
	case <-p.ready:
		return true
	case <-p.exited:
	case <-s.ctx.Done():
		// It serves nobody yet, so there is nothing to wait for.
		s.stop(p, 0)
	case <-limit.C:
		// It did not give up by itself: frozen, or waiting for a dead disk.
		_ = p.cmd.Process.Kill()
		s.untilExit(p)
	}
	return false
}

// untilExit waits until p has ended, by itself or because Close was called.
func (s *Supervisor) untilExit(p *process) {
	select {
	case <-p.exited:
	case <-s.ctx.Done():
		s.stop(p, stopTimeout)
	}
}

func (s *Supervisor) stop(p *process, patience time.Duration) {
	err := p.stop(patience)
	s.mu.Lock()
	s.stopErr = err
	s.mu.Unlock()
}

func (s *Supervisor) serving(p *process, took time.Duration) {
	s.set(func(st *Status) { st.State = StateRunning })
	select {
	case <-s.ready:
	default:
		close(s.ready)
	}
	s.cfg.Logger.Info("the store is ready", "pid", p.pid(), "took", took)
}

// ended records an exit that nobody asked for.
func (s *Supervisor) ended(reason error, dump string) {
	s.set(func(st *Status) {
		st.Pid, st.LastExit, st.LastExitAt = 0, reason, time.Now()
		if st.State == StateRunning {
			st.State = StateRestarting
		}
	})
	log := s.cfg.Logger
	if dump != "" {
		log = log.With("output", dump)
	}
	log.Error("the store's process ended", "error", reason)
}

// set changes the status; Since follows State.
func (s *Supervisor) set(change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.status.State
	change(&s.status)
	if s.status.State != before {
		s.status.Since = time.Now()
	}
}
