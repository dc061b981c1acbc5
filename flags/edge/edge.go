package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/flagd"
	"github.com/quorate/quorate/flags/ofrep"
	"github.com/quorate/quorate/flags/provider/upstream"
	"github.com/quorate/quorate/internal/identity"
)

// drainTime is how long requests under way may take once the edge stops.
const drainTime = 5 * time.Second

// An Edge is a running edge.
type Edge struct {
	cfg       Config
	worlds    *worlds
	directory *directory
	files     []*file
	followers streams
	keeper    *keeper // nil: no checkpoint is kept
	flagd     *flagd.Handler
	ofrep     *ofrep.Handler
	registry  *prometheus.Registry
	metrics   *metrics
	secure    *tls.Config
	listeners map[string]net.Listener
	servers   []*http.Server
	stop      context.CancelFunc
	running   sync.WaitGroup
	failed    chan error
	renewing  sync.Mutex // held while the world is made anew
}

var regionKey = regexp.MustCompile(`^[a-z][a-z0-9]{1,15}$`)

// Start brings an edge up. It returns once its addresses answer, which is before
// an upstream is heard of, and after every file has been read. Errors are faults;
// nothing is left running then.
func Start(ctx context.Context, cfg Config) (*Edge, error) {
	e := &Edge{cfg: cfg, registry: prometheus.NewRegistry(), listeners: map[string]net.Listener{}, failed: make(chan error, 1)}
	if err := e.start(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Edge) start(ctx context.Context) error {
	if err := e.cfg.check(); err != nil {
		return err
	}
	var err error
	if e.secure, err = e.cfg.secure(); err != nil {
		return err
	}
	e.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := e.openSources(); err != nil {
		return err
	}
	e.metrics = newMetrics(e.registry, e)
	e.build()
	if err := e.listen(); err != nil {
		return err
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.stop = cancel
	for _, f := range e.followers {
		e.running.Go(func() { f.Run(background) })
	}
	e.running.Go(func() { e.follow(background) })
	if e.keeper != nil {
		e.running.Go(func() { e.keep(background) })
	}
	e.running.Go(func() { e.ofrep.Run(background) })
	e.serve()
	return nil
}

func (e *Edge) openUpstream() error {
	u := e.cfg.Upstream
	secure, err := u.tls()
	if err != nil {
		return err
	}
	token := ""
	if u.TokenFile != "" {
		raw, err := os.ReadFile(u.TokenFile)
		if err != nil {
			return wrong("--upstream-token-file", "the file %q cannot be read: %v", u.TokenFile, err).Do("check it")
		}
		token = strings.TrimSpace(string(raw))
	}
	if u.DataDir != "" {
		if err := os.MkdirAll(u.DataDir, 0o700); err != nil {
			return wrong("--data-dir", "the directory %q cannot be used: %v", u.DataDir, err).Do("choose another")
		}
	}
	for _, region := range u.Regions {
		if !regionKey.MatchString(region) {
			return wrong("--region", "%.40q is no region's key", region).Do("use a key such as co")
		}
		cfg := upstream.Config{URL: u.URL, Region: region, TLS: secure, Token: token, Name: "quorate edge", Now: e.cfg.Now, Log: e.cfg.Log}
		if u.DataDir != "" {
			cfg.File = filepath.Join(u.DataDir, region+".flags")
		}
		f, err := upstream.New(cfg)
		if err != nil {
			return wrong("--upstream", "%v", err).Do("correct it")
		}
		e.followers = append(e.followers, f)
	}
	e.keeper = newKeeper(e.cfg.Introspect, u, token, secure)
	e.worlds = newWorlds(e.followers)
	e.renew()
	return nil
}

// build joins the protocols to the sources.
func (e *Edge) build() {
	e.directory = newDirectory(e.network(), nil)
	if e.cfg.Introspect != "" {
		e.directory.ask = introspect(&http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{
			TLSClientConfig: e.introspectTLS(), MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second}}, e.cfg.Introspect)
	}
	trusted := ""
	if regions := e.regions(); e.directory.network.Known() {
		if trusted = identity.Every; len(regions) == 1 {
			trusted = regions[0]
		}
	}
	selects := selectKey
	if len(e.files) == 0 {
		selects = nil // a region is asked for, and the credential must cover it
	}
	e.flagd = flagd.New(flagd.Config{Source: forFlagd{e.worlds}, Now: e.cfg.Now, Log: e.cfg.Log, Registry: e.registry,
		Authenticate: e.directory.Authenticate, TrustedRegion: trusted, Select: selects, Origins: e.cfg.Origins, Context: e.cfg.Context, HeaderContext: e.cfg.HeaderContext})
	e.ofrep = ofrep.New(ofrep.Config{Source: forOFREP{e.worlds}, Directory: e.directory, Usage: flags.NewUsage(e.registry), Now: e.cfg.Now,
		Registry: e.registry, Select: selects, Context: e.cfg.Context, Origins: e.cfg.Origins})
}

func (e *Edge) introspectTLS() *tls.Config {
	cfg, err := e.cfg.Upstream.tls()
	if err != nil { // openSources has read the same files
		return nil
	}
	return cfg
}

// network is who asks without a credential; nobody, if the network is not trusted.
func (e *Edge) network() identity.Principal {
	if len(e.files) == 0 && !e.cfg.TrustNetwork {
		return identity.Principal{}
	}
	return identity.Principal{ID: "network", Name: "the trusted network", Grants: []identity.Grant{{Role: identity.Service, Regions: e.regions()}}}
}

// regions are those that the network may ask about: all of files, and of an
// upstream those that are followed.
func (e *Edge) regions() []string {
	if len(e.files) > 0 {
		return []string{identity.Every}
	}
	return e.cfg.Upstream.Regions
}

// Addr is where a protocol is served, by the option that says so ("--port",
// "--management-port", "--sync-port", "--ofrep-port"); "" if it is not.
func (e *Edge) Addr(option string) string {
	if l := e.listeners[option]; l != nil {
		return l.Addr().String()
	}
	return ""
}

// Ready is closed once every source has been read.
func (e *Edge) Ready() <-chan struct{} { return e.worlds.ready }

// Failed delivers the error that ended serving, if one does.
func (e *Edge) Failed() <-chan error { return e.failed }

// Close says farewell on every stream, finishes what is under way for up to
// drainTime, and stops.
func (e *Edge) Close() error {
	if e.flagd != nil {
		e.flagd.Close()
		e.ofrep.Drain()
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	var errs []error
	for _, server := range e.servers {
		if err := server.Shutdown(ctx); err != nil {
			errs = append(errs, err, server.Close())
		}
	}
	for _, l := range e.listeners {
		_ = l.Close() // closed already if serving began
	}
	if e.stop != nil {
		e.stop()
	}
	e.running.Wait()
	return errors.Join(errs...)
}
