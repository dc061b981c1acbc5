package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/server"
)

// authority is a certificate authority of its own, with files as operators have
// them.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("ca", &x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true})
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// sign writes NAME.pem and NAME-key.pem.
func (a *authority) sign(name string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.Subject.CommonName = big.NewInt(time.Now().UnixNano()), name
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".pem", "CERTIFICATE", der)
	a.write(name+"-key.pem", "EC PRIVATE KEY", keyDER)
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return parsed, key
}

func (a *authority) write(name, kind string, der []byte) {
	if err := os.WriteFile(a.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// securedEtcd is an etcd that takes client certificates of the authority only,
// and a user and a password.
func securedEtcd(t *testing.T, a *authority) (endpoint string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint = "https://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	a.sign("etcd", &x509.Certificate{})
	cfg := embed.NewConfig()
	cfg.Dir, cfg.Logger, cfg.LogOutputs, cfg.LogLevel = t.TempDir(), "zap", []string{os.DevNull}, "panic"
	cfg.ListenPeerUrls = nil
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{*u}, []url.URL{*u}
	cfg.ClientTLSInfo.CertFile, cfg.ClientTLSInfo.KeyFile = a.file("etcd.pem"), a.file("etcd-key.pem")
	cfg.ClientTLSInfo.TrustedCAFile, cfg.ClientTLSInfo.ClientCertAuth = a.file("ca.pem"), true
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	<-e.Server.ReadyNotify()
	demandPassword(t, a, endpoint)
	return endpoint
}

func demandPassword(t *testing.T, a *authority, endpoint string) {
	t.Helper()
	a.sign("admin", &x509.Certificate{})
	tls, err := server.Etcd{CAFile: a.file("ca.pem"), CertFile: a.file("admin.pem"), KeyFile: a.file("admin-key.pem")}.TLS()
	if err != nil {
		t.Fatal(err)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, TLS: tls, DialTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	steps := []func() error{
		func() error { _, err := client.UserAdd(ctx, "root", "unused"); return err },
		func() error { _, err := client.RoleAdd(ctx, "root"); return err },
		func() error { _, err := client.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := client.UserAdd(ctx, "quorate", "open sesame"); return err },
		func() error { _, err := client.RoleAdd(ctx, "quorate"); return err },
		func() error {
			_, err := client.RoleGrantPermission(ctx, "quorate", "/quorate/", "/quorate0", clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
		func() error { _, err := client.UserGrantRole(ctx, "quorate", "quorate"); return err },
		func() error { _, err := client.AuthEnable(ctx); return err },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("setting up users, step %d: %v", i, err)
		}
	}
}

// A replica on a cluster that demands certificates and a password does its job
// with both, and writes nothing without either.
func TestAClusterWithCertificatesAndAPassword(t *testing.T) {
	a := newAuthority(t)
	endpoint := securedEtcd(t, a)
	a.sign("quorate", &x509.Certificate{})
	password := a.file("password")
	if err := os.WriteFile(password, []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := server.Etcd{Endpoints: []string{endpoint}, CAFile: a.file("ca.pem"), CertFile: a.file("quorate.pem"),
		KeyFile: a.file("quorate-key.pem"), Username: "quorate", PasswordFile: password}
	s := &site{t: t, cfg: server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), Version: "test", Etcd: good,
		Log: slog.New(slog.DiscardHandler), Now: time.Now}}
	s.start()
	t.Cleanup(s.stop)
	token, err := os.ReadFile(s.BootstrapFile())
	if err != nil {
		t.Fatal(err)
	}
	s.operator = strings.TrimSpace(string(token))
	s.furnish()

	for what, spoil := range map[string]func(*server.Etcd){
		"no client certificate": func(e *server.Etcd) { e.CertFile, e.KeyFile = "", "" },
		"a wrong password": func(e *server.Etcd) {
			e.PasswordFile = a.file("wrong")
			if err := os.WriteFile(e.PasswordFile, []byte("guess"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"no such file": func(e *server.Etcd) { e.CAFile = a.file("missing.pem") },
		"no PEM":       func(e *server.Etcd) { e.CAFile = password },
	} {
		etcd := good
		spoil(&etcd)
		cfg := s.cfg
		cfg.Etcd, cfg.DataDir = etcd, t.TempDir()
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		other, err := server.Start(ctx, cfg)
		if err == nil {
			settle, stop := context.WithTimeout(ctx, time.Second)
			if other.Settled(settle) == nil {
				t.Errorf("%s: the replica read the store", what)
			}
			stop()
			if err := other.Close(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		} else if f := fault.From(err); f.Remedy == "" || f.Kind == fault.Internal {
			t.Errorf("%s: %v is no help", what, err)
		}
		cancel()
	}
}
