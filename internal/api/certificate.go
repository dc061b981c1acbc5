package api

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// A Certificate is a server's certificate and key in two files, read again when
// they change, so that renewing them needs no restart. It is safe for concurrent
// use.
type Certificate struct {
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	stamps  [2]stamp  // of the files that were read last, also if that failed
	looked  time.Time // when
}

// stamp tells one state of a file from another.
type stamp struct {
	changed time.Time
	size    int64
}

// lookEach is how often, at most, the files are looked at.
const lookEach = time.Second

// LoadCertificate reads the files (PEM). The error is a fault that names them.
func LoadCertificate(certFile, keyFile string, now func() time.Time, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, now: now, log: log}
	c.stamps, _ = c.look() // what cannot be looked at cannot be read either
	if err := c.read(); err != nil {
		return nil, fault.New(fault.Invalid, "bad_certificate", "the certificate %q with the key %q cannot be used: %v", certFile, keyFile, err).
			Do("check the paths, their permissions, that both are PEM and that they belong together")
	}
	c.looked = now()
	return c, nil
}

// TLS is a configuration that serves the certificate.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.latest(), nil }}
}

// latest is the newest that could be read. While the two files are being replaced
// they do not fit together; the old pair serves until they do.
func (c *Certificate) latest() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if since := now.Sub(c.looked); since >= 0 && since < lookEach {
		return c.current
	}
	c.looked = now
	stamps, err := c.look()
	if err != nil || stamps == c.stamps {
		return c.current
	}
	c.stamps = stamps
	if err := c.read(); err != nil {
		c.log.Error("the changed TLS certificate cannot be used; the old one serves", "cert", c.certFile, "key", c.keyFile, "error", err)
		return c.current
	}
	c.log.Info("a changed TLS certificate is served", "cert", c.certFile)
	return c.current
}

func (c *Certificate) look() (stamps [2]stamp, err error) {
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return stamps, err
		}
		stamps[i] = stamp{info.ModTime(), info.Size()}
	}
	return stamps, nil
}

func (c *Certificate) read() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.current = &pair
	return nil
}
