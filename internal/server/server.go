package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/ofrep"
	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/policy"
)

// drainTime is how long requests under way may take once the server stops.
const drainTime = 5 * time.Second

// A Server is a running replica.
type Server struct {
	Flags      *flags.Service
	Governance *governance.Service
	Replica    *flags.Replica
	Access     *access.Service
	Directory  *access.Directory
	Door       *access.Door // nil: people cannot sign in
	Record     *audit.Log
	Policy     *policy.Service
	Ledger     *flags.Ledger

	cfg      Config
	gate     *gate.Gate
	pack     *policy.ChangePack   // the group's rules over changes
	child    *embedded.Supervisor // nil with an external cluster
	unlock   func() error         // of the data directory, with an external cluster
	store    *kv.Store
	follower *kv.Follower
	registry *prometheus.Registry
	listener net.Listener
	secure   *tls.Config // nil: without TLS
	router   chi.Router
	http     *http.Server
	flagd    *flagdServer // nil if it is off
	ofrep    *ofrep.Handler
	usage    *flags.Usage
	records  *policy.Records

	trustedKeys trustedKeys
	replica     string // its name among the replicas, kept in the data directory
	stopping    context.CancelFunc
	running     sync.WaitGroup
	failed      chan error
	settled     chan struct{} // closed once the first token was seen to, or it failed
	founded     bool          // a first token was written; read after settled
	space       space
	bell        bell
}

// Start brings a server up and returns once its address answers. Errors are
// faults; nothing is left running then.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, registry: prometheus.NewRegistry(), failed: make(chan error, 1), settled: make(chan struct{})}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	for _, check := range []func() error{s.cfg.checkTLS, s.cfg.checkLimits, s.cfg.prepareDataDir} {
		if err := check(); err != nil {
			return err
		}
	}
	if err := s.listen(); err != nil {
		return err
	}
	if err := s.openStore(ctx); err != nil {
		return err
	}
	var err error
	if s.replica, err = s.cfg.replicaName(); err != nil {
		return err
	}
	if err := s.openRecord(); err != nil {
		return err
	}
	if s.pack, err = policy.DefaultChangePack(ctx); err != nil {
		return err
	}
	if err := s.build(); err != nil {
		return err
	}
	if err := s.checkStore(ctx); err != nil {
		return err
	}
	if s.cfg.Unregulated {
		s.cfg.Log.Warn("no regulation is checked: everything is permitted that is offered and enabled")
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stopping = cancel
	s.running.Go(func() { s.follower.Run(background) })
	s.running.Go(func() { s.gate.Run(background, s.replica) })
	s.running.Go(func() { defer close(s.settled); s.foundAccess(background) })
	s.running.Go(func() { s.watchSpace(background) })
	s.running.Go(func() { s.ofrep.Run(background) })
	s.running.Go(func() { s.Record.Run(background) })
	s.running.Go(func() { s.Access.Run(background, s.Directory) })
	s.running.Go(func() { s.Ledger.Run(background) })
	s.running.Go(func() { s.Governance.Run(background, s.cfg.Log) })
	if !s.cfg.Unregulated {
		s.running.Go(func() { s.Policy.Run(background, s.cfg.Log) })
	}
	s.running.Go(s.serve)
	s.serveFlagd()
	return nil
}

// listen takes the address before anything else is started: that it is in use
// should be known at once.
func (s *Server) listen() error {
	l, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return fault.New(fault.Invalid, "cannot_listen", "the address %q cannot be listened on: %v", s.cfg.Listen, err).
			Do("choose another with --listen, for instance 127.0.0.1:0 for any free port").At("--listen")
	}
	s.listener = l
	if s.secure, err = s.cfg.secure(s.cfg.CertFile, s.cfg.KeyFile, "--tls-cert and --tls-key"); err != nil {
		return err
	}
	s.flagd, err = listenFlagd(s.cfg)
	return err
}

func (s *Server) openStore(ctx context.Context) error {
	cfg, err := s.cfg.Etcd.kvConfig()
	if err != nil {
		return err
	}
	if s.cfg.Etcd.embedded() {
		s.child, err = embedded.Start(ctx, embedded.Config{Dir: s.cfg.storeDir(), Logger: s.cfg.Log,
			Command: s.cfg.StoreCommand, SmallWAL: s.cfg.SmallStore})
		if err != nil {
			return dirInUse(err)
		}
		cfg.Endpoints = []string{s.child.Endpoint()}
	} else if s.unlock, err = embedded.LockDir(ctx, s.cfg.storeDir()); err != nil {
		return dirInUse(err)
	}
	cfg.SeenFile, cfg.Logger, cfg.Now = s.cfg.seenFile(), s.cfg.Log, s.cfg.Now
	s.store, err = kv.Open(cfg)
	return err
}

func dirInUse(cause error) error {
	return fault.New(fault.StoreUnavailable, "store_not_started", "the store did not start: %v", cause).
		Do("see the message; another server may be using --data-dir").Because(cause)
}

// build makes the rooms and joins them.
func (s *Server) build() error {
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), storeCollector{s})
	s.gate = gate.New(s.store, decider{s}, s.cfg.Now, s.cfg.Log, s.registry)
	s.follower = s.store.NewFollower()
	s.gate.Follow(s.follower)
	s.follower.Subscribe(s.bell.ring, shownPrefixes()...)
	s.records = policy.NewRecords(s.cfg.Log, s.registry)
	s.Replica = s.newReplica()
	s.Directory = access.NewDirectory(s.follower, s.cfg.Log, s.registry)
	s.gate.AskStanding(s.Directory.Standing)
	s.Flags = flags.NewService(s.gate, s.Replica, s.cfg.Now)
	s.buildPolicy()
	s.Access = access.NewService(s.gate, s.store, s.hasRegion, s.cfg.Now)
	if err := s.buildGovernance(); err != nil {
		return err
	}
	s.buildUsage()
	s.ofrep = ofrep.New(ofrep.Config{Replica: s.Replica, Directory: s.Directory, Usage: s.usage,
		Now: s.cfg.Now, Registry: s.registry, Origins: s.cfg.CORSOrigins, Rate: s.cfg.RateLimit})
	s.buildFlagd()
	if err := s.openDoor(); err != nil {
		return err
	}
	s.http = api.NewHTTPServer(s.routes())
	s.http.TLSConfig = s.secure
	s.http.RegisterOnShutdown(s.ofrep.Drain)
	return nil
}

func (s *Server) hasRegion(region string) bool {
	snapshot := s.Replica.Snapshot()
	return snapshot != nil && snapshot.HasRegion(region)
}

func (s *Server) routes() http.Handler {
	router := chi.NewRouter()
	s.router = router
	rates := s.cfg.Rates
	rates.Free = isProbe
	api.Use(router, api.Config{Now: s.cfg.Now, Log: s.cfg.Log, Registry: s.registry, Direct: s.ofrep.Serve, Rates: rates, Streams: isStream})
	router.Use(access.Middleware(s.Directory, s.cfg.Now), access.Sessions(s.Directory, s.cookies(), s.cfg.Now))
	router.Use(api.LimitRates(s.cfg.Now, rates))
	a := api.New(router, s.cfg.Version)
	flags.Routes(a, s.Flags)
	governance.Routes(a, s.Governance)
	policy.Routes(a, s.Policy)
	flags.UsageRoutes(a, s.Flags, s.Ledger)
	access.Routes(a, s.Access, s.cfg.Now)
	s.peopleRoutes(router, a)
	s.recordRoutes(a)
	s.changeRoutes(a)
	s.logRoutes(router)
	s.backupRoutes(router, a)
	s.healthRoutes(router)
	return router
}

// checkStore refuses a store that went back in time, unless the operator
// accepts it. One that cannot be reached yet is not a reason to stay down.
func (s *Server) checkStore(ctx context.Context) error {
	ask, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	err := s.store.Identify(ask)
	switch {
	case err == nil || !fault.HasCode(err, "store_rolled_back"):
		return nil
	case s.cfg.AcceptRestore == "":
		return err
	}
	return s.accept(ctx, gate.Origin{Actor: identity.Host(), Reason: s.cfg.AcceptRestore})
}

// foundAccess issues the first token of a store that has none. It goes on trying:
// without it nobody gets in.
func (s *Server) foundAccess(ctx context.Context) {
	select {
	case <-s.follower.Ready():
	case <-ctx.Done():
		return
	}
	for !s.tryFoundAccess(ctx) {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) tryFoundAccess(ctx context.Context) bool {
	key, err := s.store.Secret(ctx, "signing")
	if err != nil {
		s.cfg.Log.Error("the key that event streams are signed with cannot be had; trying again", "error", err)
		return false
	}
	s.Directory.SignWith(key)
	if s.Door != nil {
		s.Door.SealWith(key)
	}
	file := s.cfg.bootstrapFile()
	written, err := s.Access.Bootstrap(ctx, file)
	if err != nil {
		s.cfg.Log.Error("the first operator token could not be issued; trying again", "error", err)
		return false
	}
	if written {
		s.founded = true
		s.cfg.Log.Warn("no operator has a token: one that lives an hour was written", "file", file)
	}
	return true
}

func (s *Server) serve() {
	if err := s.cfg.front().Serve(s.http, s.listener); err != nil {
		s.failed <- fmt.Errorf("serving on %s: %w", s.listener.Addr(), err)
	}
}

// URL is where the server answers.
func (s *Server) URL() string {
	scheme := "http://"
	if s.secure != nil {
		scheme = "https://"
	}
	return scheme + s.listener.Addr().String()
}

// Bootstrapped reports whether this start wrote a first operator's token. It is
// known once Settled has returned.
func (s *Server) Bootstrapped() bool {
	select {
	case <-s.settled:
		return s.founded
	default:
		return false
	}
}

// BootstrapFile is where the first operator's token is, if one was written.
func (s *Server) BootstrapFile() string { return s.cfg.bootstrapFile() }

// Settled returns once the first snapshot is served and the first token, if one
// was needed, has been written.
func (s *Server) Settled(ctx context.Context) error {
	select {
	case <-s.settled:
		return nil
	case <-ctx.Done():
		return fault.New(fault.NotReady, "not_ready", "the server was not ready in time").Do("see its log")
	}
}

// Failed delivers the error that ended serving, if one does.
func (s *Server) Failed() <-chan error { return s.failed }

// Close stops the server: nothing new is let in, what is under way is finished
// for up to drainTime, then the store is closed. It loses nothing that was
// acknowledged. It may be called on a server that did not start whole.
func (s *Server) Close() error {
	errs := []error{s.flagd.close()}
	if s.http != nil {
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		if err := s.http.Shutdown(ctx); err != nil { // somebody does not read their answer
			s.cfg.Log.Warn("requests under way were cut off", "after", drainTime)
			errs = append(errs, s.http.Close())
		}
	}
	if s.listener != nil {
		_ = s.listener.Close() // closed already if serving began
	}
	if s.stopping != nil {
		s.stopping()
	}
	s.running.Wait()
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.child != nil {
		errs = append(errs, s.child.Close())
	}
	if s.unlock != nil {
		errs = append(errs, s.unlock())
	}
	return errors.Join(errs...)
}
