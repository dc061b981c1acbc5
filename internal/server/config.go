package server

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/policy"
)

// Config says what to run. Listen and DataDir are required.
type Config struct {
	Listen  string // address of the API, OFREP and health; port 0 picks a free one
	DataDir string // made with mode 0700; one server at a time
	Version string // of the program, for /api/v1/openapi.json
	// AcceptRestore, if not empty, is the operator's reason for accepting a
	// store that is older than what this replica has seen.
	AcceptRestore string
	// CertFile and KeyFile (PEM) make it TLS; both or neither. They are read again
	// when they change.
	CertFile, KeyFile string
	// Hosts are the names by which clients may call the server, on every listener;
	// see api.Front.
	Hosts  []string
	Limits api.Limits // of connections, of each listener
	Rates  api.Rates
	// OIDC is where people sign in; nobody does if its Issuer is "". An empty
	// PublicURL is the address that is listened at, which will do on this machine.
	OIDC access.OIDC
	// PolicyKeys are the public keys, by name, of those whose bundles of rules are
	// taken; none: no bundle is.
	PolicyKeys policy.TrustedKeys
	// Unregulated runs without any law, so that none forbids anything. It is for tests
	// that are not about regulation; no option sets it.
	Unregulated bool
	// SealKeyFile holds the key that opens sealed ballots; "": DataDir/seal-key, made
	// if there is none. All replicas of a store need the same.
	SealKeyFile string
	Notice      string   // shown on every page, such as that it is a demo
	CORSOrigins []string // of web pages that may ask over OFREP and flagd's protocols, e.g. "https://portal.example"; none by default
	Etcd        Etcd
	// RateLimit is how many requests a second one credential may make of this
	// replica over OFREP; 0 means ofrep.DefaultRate.
	RateLimit int
	Flagd     Flagd            // off unless set
	Log       *slog.Logger     // required
	Now       func() time.Time // required
	// StoreCommand runs the embedded store's child; nil: this program. Tests
	// set it.
	StoreCommand []string
	SmallStore   bool // tests: small write-ahead log segments
}

// Etcd says how to reach an external cluster. No endpoints: the embedded store.
type Etcd struct {
	Endpoints              []string
	CAFile                 string // PEM; "" trusts the system's
	CertFile, KeyFile      string // PEM; client certificate, both or neither
	Username, PasswordFile string // the password is read from a file, never from an option
}

func (e Etcd) embedded() bool { return len(e.Endpoints) == 0 }

// kvConfig reads what the connection needs from files.
func (e Etcd) kvConfig() (kv.Config, error) {
	cfg := kv.Config{Endpoints: e.Endpoints, Username: e.Username}
	if e.PasswordFile != "" {
		raw, err := os.ReadFile(e.PasswordFile)
		if err != nil {
			return cfg, badFile("--etcd-password-file", e.PasswordFile, err)
		}
		cfg.Password = string(trimNewline(raw))
	}
	var err error
	cfg.TLS, err = e.TLS()
	return cfg, err
}

func trimNewline(raw []byte) []byte {
	for len(raw) > 0 && (raw[len(raw)-1] == '\n' || raw[len(raw)-1] == '\r') {
		raw = raw[:len(raw)-1]
	}
	return raw
}

// TLS is how to speak to the cluster, nil if no certificate option is given.
func (e Etcd) TLS() (*tls.Config, error) {
	if e.CAFile == "" && e.CertFile == "" && e.KeyFile == "" {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.CAFile != "" {
		pem, err := os.ReadFile(e.CAFile)
		if err != nil {
			return nil, badFile("--etcd-ca", e.CAFile, err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, badFile("--etcd-ca", e.CAFile, nil)
		}
	}
	if e.CertFile != "" || e.KeyFile != "" {
		cert, err := tls.LoadX509KeyPair(e.CertFile, e.KeyFile)
		if err != nil {
			return nil, badFile("--etcd-cert and --etcd-key", e.CertFile, err)
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	return cfg, nil
}

func badFile(option, file string, cause error) error {
	return fault.New(fault.Invalid, "bad_file", "%s: the file %q cannot be used: %v", option, file, cause).
		Do("check the path, its permissions and that it is PEM").At(option)
}

// checkTLS says what is wrong with the certificate's options, nil if nothing is.
func (c Config) checkTLS() error {
	if (c.CertFile == "") == (c.KeyFile == "") {
		return nil
	}
	return fault.New(fault.Invalid, "half_a_certificate", "a certificate and its key belong together").
		Do("set both --tls-cert and --tls-key, or neither").At("--tls-cert")
}

// checkLimits refuses limits that let nobody in.
func (c Config) checkLimits() error {
	for _, l := range []struct {
		option string
		value  int
	}{{"--max-connections", c.Limits.Connections}, {"--max-connections-per-address", c.Limits.PerAddress},
		{"--rate-per-caller", c.Rates.Caller}, {"--rate-per-address", c.Rates.Address}} {
		if l.value < 0 {
			return fault.New(fault.Invalid, "bad_limit", "%s is %d", l.option, l.value).Do("set a number above 0, or 0 for the usual one").At(l.option)
		}
	}
	return nil
}

// secure is how to speak TLS with a certificate; nil if there is none.
func (c Config) secure(certFile, keyFile, options string) (*tls.Config, error) {
	if certFile == "" {
		return nil, nil
	}
	cert, err := api.LoadCertificate(certFile, keyFile, c.Now, c.Log)
	if err != nil {
		return nil, fault.From(err).At(options)
	}
	return cert.TLS(), nil
}

func (c Config) front() api.Front { return api.Front{Hosts: c.Hosts, Limits: c.Limits, Log: c.Log} }

// Files of the data directory.
func (c Config) storeDir() string      { return filepath.Join(c.DataDir, "store") }
func (c Config) seenFile() string      { return filepath.Join(c.DataDir, "seen.json") }
func (c Config) replicaFile() string   { return filepath.Join(c.DataDir, "replica") }
func (c Config) bootstrapFile() string { return filepath.Join(c.DataDir, "bootstrap-token") }

// prepareDataDir makes the data directory, for this user alone. One that exists
// keeps its mode, since it may hold more than ours; what we put into it is ours
// alone to read.
func (c Config) prepareDataDir() error {
	if c.DataDir == "" {
		return fault.New(fault.Invalid, "no_data_dir", "no data directory was given").Do("set --data-dir").At("--data-dir")
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fault.New(fault.Invalid, "bad_data_dir", "the data directory %q cannot be used: %v", c.DataDir, err).
			Do("choose another with --data-dir").At("--data-dir")
	}
	return nil
}
