package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	gosdk "github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/server"
)

// pki is an authority in files, as an operator has them.
type pki struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newPKI(t *testing.T) *pki {
	p := &pki{t: t, dir: t.TempDir()}
	p.cert, p.key = p.issue("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return p
}

func (p *pki) file(name string) string { return filepath.Join(p.dir, name) }

// issue writes NAME.pem and NAME.key.
func (p *pki) issue(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	p.t.Helper()
	must := func(err error) {
		if err != nil {
			p.t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template.Subject.CommonName = name
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := p.cert, p.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	must(err)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	must(os.WriteFile(p.file(name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(os.WriteFile(p.file(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600))
	cert, err := x509.ParseCertificate(der)
	must(err)
	return cert, key
}

// client is the dial option of somebody whose certificate has these units.
func (p *pki) client(name string, units ...string) gosdk.ProviderOption {
	p.issue(name, &x509.Certificate{Subject: pkix.Name{OrganizationalUnit: units}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	own, err := tls.LoadX509KeyPair(p.file(name+".pem"), p.file(name+".key"))
	if err != nil {
		p.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(p.cert)
	return gosdk.WithGrpcDialOptionsOverride([]grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}}))})
}

// The official Go provider with a client certificate: one domain per region,
// sync on a port of its own.
func TestTheGoProviderWithAClientCertificate(t *testing.T) {
	p := newPKI(t)
	p.issue("server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	s := &flagdSite{site: newSite(t, t.TempDir(), func(c *server.Config) {
		c.Flagd = server.Flagd{Listen: "127.0.0.1:0", SyncListen: "127.0.0.1:0", CertFile: p.file("server.pem"), KeyFile: p.file("server.key"), ClientCAFile: p.file("ca.pem")}
	})}
	s.furnish()
	s.lead = s.token("Colorado lead", "regional_lead", "co")
	s.turn(true)
	if s.FlagdAddr() == s.FlagdSyncAddr() {
		t.Fatal("sync has no address of its own")
	}
	portal := p.client("portal", "co", "hi")
	for region, want := range map[string]string{"co": "on", "hi": "not-enabled"} {
		client := goFlagd(t, "certificate "+region, s.FlagdSyncAddr(), gosdk.WithInProcessResolver(), gosdk.WithSelector("flagSetId="+region), portal)
		got := askGo(t, client, conformanceCase{Flag: "video_visit", Type: "boolean", Default: false})
		if got.Variant != want || got.FlagMetadata["region"] != region {
			t.Errorf("%s: %+v", region, got)
		}
	}
}

// Options that cannot be meant are said at once, with the option.
func TestFlagdOptionsThatCannotBeMeant(t *testing.T) {
	p := newPKI(t)
	bad := p.file("bad")
	if err := os.WriteFile(bad, []byte("portal\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for option, cfg := range map[string]server.Flagd{
		"--flagd-tls-cert":                     {Listen: "127.0.0.1:0", CertFile: "x.pem"},
		"--flagd-client-ca":                    {Listen: "127.0.0.1:0", ClientCAFile: "x.pem"},
		"--flagd-client-regions":               {Listen: "127.0.0.1:0", ClientRegionsFile: "x"},
		"--flagd-listen":                       {CertFile: "x.pem", KeyFile: "x.key"},
		"--flagd-tls-cert and --flagd-tls-key": {Listen: "127.0.0.1:0", CertFile: bad, KeyFile: bad},
	} {
		s, err := server.Start(t.Context(), server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), Flagd: cfg})
		if err == nil {
			_ = s.Close()
		}
		if f := fault.From(err); f == nil || f.Kind != fault.Invalid || f.Field != option {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
