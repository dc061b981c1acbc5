package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/quorate/quorate/flags/flagd"
	"github.com/quorate/quorate/internal/fault"
)

// Flagd says whether and to whom flagd's protocols are served. The zero value
// serves them to nobody. flagd's own providers cannot send a token, so whoever
// asks comes with a client certificate or, for one region, over a network that
// is trusted.
type Flagd struct {
	Listen     string // address; "": off, or DefaultFlagdListen with TrustedRegion
	SyncListen string // address of flagd.sync.v1 alone; "": on Listen with the rest
	// CertFile and KeyFile (PEM) make it TLS; both or neither.
	CertFile, KeyFile string
	ClientCAFile      string // PEM; the authority whose client certificates are believed
	// ClientRegionsFile lists which certificate stands for which regions; "": its
	// organizational units do.
	ClientRegionsFile string
	TrustedRegion     string // served to whoever brings no credential; "": none
}

// DefaultFlagdListen is where flagd's protocols are served on a trusted network,
// unless said otherwise: to this host alone.
const DefaultFlagdListen = "127.0.0.1:8013"

func (f Flagd) on() bool { return f.Listen != "" || f.SyncListen != "" || f.TrustedRegion != "" }

// check says what is wrong with the options, nil if nothing is.
func (f Flagd) check() error {
	wrong := func(option, format string, args ...any) *fault.Error {
		return fault.New(fault.Invalid, "bad_flagd_option", format, args...).At(option)
	}
	switch {
	case (f.CertFile == "") != (f.KeyFile == ""):
		return wrong("--flagd-tls-cert", "a certificate and its key belong together").Do("set both --flagd-tls-cert and --flagd-tls-key, or neither")
	case f.ClientCAFile != "" && f.CertFile == "":
		return wrong("--flagd-client-ca", "client certificates need TLS").Do("set --flagd-tls-cert and --flagd-tls-key too")
	case f.ClientRegionsFile != "" && f.ClientCAFile == "":
		return wrong("--flagd-client-regions", "no client certificate is believed without an authority").Do("set --flagd-client-ca too")
	case !f.on() && f.CertFile != "":
		return wrong("--flagd-listen", "options of flagd's protocols are set, and they are served nowhere").Do("set --flagd-listen, for instance %s", DefaultFlagdListen)
	}
	return nil
}

func (f Flagd) secure(all Config) (*tls.Config, error) {
	cfg, err := all.secure(f.CertFile, f.KeyFile, "--flagd-tls-cert and --flagd-tls-key")
	if err != nil || cfg == nil || f.ClientCAFile == "" {
		return cfg, err
	}
	pem, err := os.ReadFile(f.ClientCAFile)
	if err != nil {
		return nil, badFile("--flagd-client-ca", f.ClientCAFile, err)
	}
	cfg.ClientCAs, cfg.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven // a token will do instead
	if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, badFile("--flagd-client-ca", f.ClientCAFile, nil)
	}
	return cfg, nil
}

func (f Flagd) certificates() (flagd.Certificates, error) {
	if f.ClientRegionsFile == "" {
		return flagd.Certificates{}, nil
	}
	file, err := os.Open(f.ClientRegionsFile)
	if err != nil {
		return flagd.Certificates{}, badFile("--flagd-client-regions", f.ClientRegionsFile, err)
	}
	defer file.Close()
	certificates, err := flagd.ReadCertificates(file)
	if err != nil {
		return certificates, fault.From(err).At("--flagd-client-regions")
	}
	return certificates, nil
}

// flagdServer is the listeners of flagd's protocols, and what answers on them.
type flagdServer struct {
	cfg          Flagd
	secure       *tls.Config
	certificates flagd.Certificates
	main, sync   net.Listener   // nil where there is none
	handler      *flagd.Handler // nil until build
	running      []*http.Server
}

// listenFlagd reads the options and takes the addresses; nil if it is off.
func listenFlagd(all Config) (f *flagdServer, err error) {
	cfg := all.Flagd
	if err := cfg.check(); err != nil || !cfg.on() {
		return nil, err
	}
	if cfg.Listen == "" && cfg.SyncListen == "" {
		cfg.Listen = DefaultFlagdListen
	}
	f = &flagdServer{cfg: cfg}
	if f.secure, err = cfg.secure(all); err != nil {
		return nil, err
	}
	if f.certificates, err = cfg.certificates(); err != nil {
		return nil, err
	}
	if f.main, err = listenOn(cfg.Listen, "--flagd-listen"); err != nil {
		return nil, err
	}
	if f.sync, err = listenOn(cfg.SyncListen, "--flagd-sync-listen"); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// listenOn takes an address, nothing if there is none.
func listenOn(address, option string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fault.New(fault.Invalid, "cannot_listen", "the address %q cannot be listened on: %v", address, err).
			Do("choose another with %s, for instance 127.0.0.1:0 for any free port", option).At(option)
	}
	return l, nil
}

// buildFlagd joins the handler to the replica.
func (s *Server) buildFlagd() {
	f := s.flagd
	if f == nil {
		return
	}
	f.handler = flagd.New(flagd.Config{Source: flagd.FromReplica(s.Replica), Now: s.cfg.Now, Log: s.cfg.Log, Registry: s.registry,
		Authenticate: s.Directory.Authenticate, Certificates: f.certificates, TrustedRegion: f.cfg.TrustedRegion, Origins: s.cfg.CORSOrigins, Usage: s.usage})
	for _, l := range []net.Listener{f.main, f.sync} {
		if l != nil && f.cfg.TrustedRegion != "" && !loopback(l.Addr()) {
			s.cfg.Log.Warn("a region is served without credentials to whoever reaches this address", "region", f.cfg.TrustedRegion, "address", l.Addr())
		}
	}
}

func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// serveFlagd answers on the addresses until close.
func (s *Server) serveFlagd() {
	f := s.flagd
	switch {
	case f == nil:
	case f.sync == nil:
		s.runFlagd(f.main, f.handler.All())
	case f.main == nil:
		s.runFlagd(f.sync, f.handler.Sync())
	default:
		s.runFlagd(f.main, f.handler.Evaluation())
		s.runFlagd(f.sync, f.handler.Sync())
	}
}

func (s *Server) runFlagd(l net.Listener, handler http.Handler) {
	server := flagd.NewServer(handler, s.flagd.secure)
	s.flagd.running = append(s.flagd.running, server)
	s.running.Go(func() {
		if err := s.cfg.front().Serve(server, l); err != nil {
			select {
			case s.failed <- fmt.Errorf("serving flagd's protocols on %s: %w", l.Addr(), err):
			default: // one failure is enough to stop
			}
		}
	})
}

// close says farewell on every stream, finishes what is under way for up to
// drainTime and gives the addresses back.
func (f *flagdServer) close() error {
	if f == nil {
		return nil
	}
	if f.handler != nil {
		f.handler.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	var errs []error
	for _, server := range f.running {
		if err := server.Shutdown(ctx); err != nil {
			errs = append(errs, err, server.Close())
		}
	}
	for _, l := range []net.Listener{f.main, f.sync} {
		if l != nil {
			_ = l.Close() // closed already if serving began
		}
	}
	return errors.Join(errs...)
}

// FlagdAddr is where flagd.evaluation is served, and flagd.sync too unless it
// has an address of its own; "" if it is off.
func (s *Server) FlagdAddr() string {
	if s.flagd == nil || s.flagd.main == nil {
		return ""
	}
	return s.flagd.main.Addr().String()
}

// FlagdSyncAddr is where flagd.sync is served; "" if it is off.
func (s *Server) FlagdSyncAddr() string {
	if s.flagd == nil || s.flagd.sync == nil {
		return s.FlagdAddr()
	}
	return s.flagd.sync.Addr().String()
}
