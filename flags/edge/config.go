package edge

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"time"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
)

// The ports, which are flagd's.
const (
	EvaluationPort = 8013
	ManagementPort = 8014
	SyncPort       = 8015
	OFREPPort      = 8016
)

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
