package edge

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/flagd"
	"github.com/quorate/quorate/flags/ofrep"
	"github.com/quorate/quorate/flags/provider/upstream"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// The ports, which are flagd's.
const (
	EvaluationPort = 8013
	ManagementPort = 8014
	SyncPort       = 8015
	OFREPPort      = 8016
)

// drainTime is how long requests under way may take once the edge stops.
const drainTime = 5 * time.Second

// Config says what to serve, where and to whom. Either Files or Upstream is
// required.
type Config struct {
	Files    []string // definition files, in order
	Upstream Upstream
	// Host is where it listens; "" is this host alone, 127.0.0.1. The ports of
	// flagd unless said otherwise; -1 is none, 0 any that is free.
	Host                                string
	Evaluation, Management, Sync, OFREP int
	CertFile, KeyFile                   string // PEM; TLS on all listeners; both or neither
	ClientCAFile                        string // PEM; the authority whose client certificates stand for regions (OU)
	Hosts                               []string
	Origins                             []string // of web pages that may ask
	Context                             map[string]any
	HeaderContext                       map[string]string
	Introspect                          string // the API that is asked about tokens, "https://quorate:8080"; "": none are accepted
	TrustNetwork                        bool   // serve an upstream's regions without credentials; files always are
	Log                                 *slog.Logger
	Now                                 func() time.Time
}

// Upstream is a server that is followed.
type Upstream struct {
	URL               string // of flagd.sync.v1
	Regions           []string
	CAFile            string // PEM; "": the system's
	CertFile, KeyFile string // PEM; our own certificate
	TokenFile         string // holds our own token
	DataDir           string // where the last good sets are kept; "": nowhere
}

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

func wrong(option, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "bad_edge_option", format, args...).At(option)
}

// check says what is wrong with the options, nil if nothing is.
func (c Config) check() error {
	switch {
	case len(c.Files) == 0 && c.Upstream.URL == "":
		return wrong("--source", "nothing was given to serve").Do("set --source file:PATH, or --upstream and --region")
	case len(c.Files) > 0 && c.Upstream.URL != "":
		return wrong("--source", "an edge serves files or an upstream, not both").Do("start two")
	case c.Upstream.URL != "" && len(c.Upstream.Regions) == 0:
		return wrong("--region", "the upstream's regions were not named").Do("set --region, for instance --region co")
	case (c.CertFile == "") != (c.KeyFile == ""):
		return wrong("--tls-cert", "a certificate and its key belong together").Do("set both --tls-cert and --tls-key, or neither")
	case c.ClientCAFile != "" && c.CertFile == "":
		return wrong("--client-ca", "client certificates need TLS").Do("set --tls-cert and --tls-key too")
	case (c.Upstream.CertFile == "") != (c.Upstream.KeyFile == ""):
		return wrong("--upstream-cert", "a certificate and its key belong together").Do("set both --upstream-cert and --upstream-key, or neither")
	case c.Upstream.URL != "" && c.Introspect == "" && c.ClientCAFile == "" && !c.TrustNetwork:
		return wrong("--introspect", "nobody could be let in").
			Do("set --introspect to accept tokens, --client-ca to accept certificates, or --trust-network to ask for neither")
	}
	return nil
}

func (c Config) secure() (*tls.Config, error) {
	if c.CertFile == "" {
		return nil, nil
	}
	cert, err := api.LoadCertificate(c.CertFile, c.KeyFile, c.Now, c.Log)
	if err != nil {
		return nil, err
	}
	cfg := cert.TLS()
	if c.ClientCAFile != "" {
		cfg.ClientAuth = tls.VerifyClientCertIfGiven // a token will do instead
		cfg.ClientCAs, err = authority("--client-ca", c.ClientCAFile)
	}
	return cfg, err
}

func authority(option, path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(pem) {
		return nil, wrong(option, "the file %q cannot be used as an authority: %v", path, err).Do("check the path, its permissions and that it is PEM")
	}
	return pool, nil
}

// openSources reads what is there before anything is served.
func (e *Edge) openSources() error {
	if e.cfg.Upstream.URL != "" {
		return e.openUpstream()
	}
	e.worlds = newWorlds(always{e.cfg.Now})
	for _, path := range e.cfg.Files {
		f := &file{path: path}
		if _, err := f.refresh(); err != nil {
			return wrong("--source", "the source %q cannot be used: %v", path, err).Do("correct it")
		}
		if faults := f.set.Faults(); faults != nil {
			e.cfg.Log.Warn("a source has flags that cannot be evaluated", "source", path, "problem", faults)
		}
		e.files = append(e.files, f)
	}
	e.renew()
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

func (u Upstream) tls() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	var err error
	if u.CAFile != "" {
		if cfg.RootCAs, err = authority("--upstream-ca", u.CAFile); err != nil {
			return nil, err
		}
	}
	if u.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(u.CertFile, u.KeyFile)
		if err != nil {
			return nil, wrong("--upstream-cert", "the certificate %q cannot be used: %v", u.CertFile, err).Do("check the files")
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	return cfg, nil
}

// renew makes the world anew; nothing is served until every source has been read.
func (e *Edge) renew() {
	e.renewing.Lock()
	defer e.renewing.Unlock()
	var readings []reading
	for _, f := range e.files {
		readings = append(readings, reading{name: f.path, set: f.set})
	}
	for i, f := range e.followers {
		s := f.State()
		if s == nil {
			return
		}
		readings = append(readings, reading{name: e.cfg.Upstream.Regions[i], set: s.Set,
			origin: flagd.Origin{Incarnation: s.Origin.Incarnation, Epoch: s.Origin.Epoch, Revision: s.Origin.Revision}})
	}
	serial := e.cfg.Now().UnixMicro()
	if last := e.worlds.world(); last != nil {
		serial = max(serial, last.serial+1)
	}
	e.worlds.put(newWorld(serial, readings, len(e.files) > 0))
}

// follow keeps the world as the sources are, until ctx ends.
func (e *Edge) follow(ctx context.Context) {
	for _, f := range e.followers {
		e.running.Go(func() { e.followOne(ctx, f) })
	}
	if len(e.files) == 0 {
		return
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			e.lookAtFiles()
		case <-ctx.Done():
			return
		}
	}
}

func (e *Edge) lookAtFiles() {
	any := false
	for _, f := range e.files {
		changed, err := f.refresh()
		if err != nil {
			e.metrics.broken.Inc()
			e.cfg.Log.Error("a source cannot be used; its last good flags are served", "source", f.path, "error", err)
		}
		any = any || changed
	}
	if any {
		e.renew()
	}
}

func (e *Edge) followOne(ctx context.Context, f *upstream.Follower) {
	serial := int64(0)
	for {
		changed := f.Changed()
		if s := f.State(); s != nil && s.Serial != serial {
			serial = s.Serial
			e.renew()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
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

// listen takes the addresses.
func (e *Edge) listen() error {
	host := e.cfg.Host
	if host == "" {
		host = "127.0.0.1"
	}
	for name, port := range map[string]int{"--port": e.cfg.Evaluation, "--management-port": e.cfg.Management, "--sync-port": e.cfg.Sync, "--ofrep-port": e.cfg.OFREP} {
		if port < 0 {
			continue
		}
		address := net.JoinHostPort(host, strconv.Itoa(port))
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fault.New(fault.Invalid, "cannot_listen", "the address %q cannot be listened on: %v", address, err).Do("choose another with %s", name).At(name)
		}
		e.listeners[name] = l
	}
	if tcp, ok := e.anyAddr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && e.directory.network.Known() {
		e.cfg.Log.Warn("flags are served without credentials to whoever reaches this address", "host", host)
	}
	return nil
}

func (e *Edge) anyAddr() net.Addr {
	for _, l := range e.listeners {
		return l.Addr()
	}
	return nil
}

// serve answers on the addresses until Close.
func (e *Edge) serve() {
	router := chi.NewRouter()
	api.Use(router, api.Config{Now: e.cfg.Now, Log: e.cfg.Log, Registry: e.registry, Direct: e.ofrep.Serve})
	router.Get("/healthz", alive)
	management := http.NewServeMux()
	management.HandleFunc("GET /healthz", alive)
	management.HandleFunc("GET /readyz", e.readyz)
	management.Handle("GET /metrics", promhttp.HandlerFor(e.registry, promhttp.HandlerOpts{}))
	e.run("--port", flagd.NewServer(e.flagd.Evaluation(), e.secure))
	e.run("--sync-port", flagd.NewServer(e.flagd.Sync(), e.secure))
	for name, handler := range map[string]http.Handler{"--ofrep-port": router, "--management-port": management} {
		server := api.NewHTTPServer(handler)
		server.TLSConfig = e.secure
		e.run(name, server)
	}
}

func (e *Edge) run(name string, server *http.Server) {
	l := e.listeners[name]
	if l == nil {
		return
	}
	e.servers = append(e.servers, server)
	front := api.Front{Hosts: e.cfg.Hosts, Log: e.cfg.Log}
	e.running.Go(func() {
		if err := front.Serve(server, l); err != nil {
			select {
			case e.failed <- fmt.Errorf("serving on %s: %w", l.Addr(), err):
			default: // one failure is enough to stop
			}
		}
	})
}

func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// Health is what /readyz answers.
type Health struct {
	Ready       bool      `json:"ready"` // every source has been read: evaluation works
	Fresh       bool      `json:"fresh"` // the sources are in contact
	LastContact time.Time `json:"last_contact,omitzero"`
}

func (e *Edge) health() Health {
	h := Health{Ready: e.worlds.world() != nil}
	h.Fresh, h.LastContact = e.worlds.Fresh()
	h.LastContact = h.LastContact.UTC()
	return h
}

func (e *Edge) readyz(w http.ResponseWriter, _ *http.Request) {
	h := e.health()
	w.Header().Set("Content-Type", "application/json")
	if !h.Ready {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h)
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
