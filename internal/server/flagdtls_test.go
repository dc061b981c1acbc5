package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	gosdk "github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"
	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/server"
)

// dialAs is how somebody connects whose certificate has these units.
func (a *authority) dialAs(name string, units ...string) gosdk.ProviderOption {
	a.t.Helper()
	a.sign(name, &x509.Certificate{Subject: pkix.Name{OrganizationalUnit: units}})
	own, err := tls.LoadX509KeyPair(a.file(name+".pem"), a.file(name+"-key.pem"))
	if err != nil {
		a.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return gosdk.WithGrpcDialOptionsOverride([]grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}}))})
}

// The official Go provider with a client certificate: one domain per region,
// sync on a port of its own.
func TestTheGoProviderWithAClientCertificate(t *testing.T) {
	a := newAuthority(t)
	a.sign("server", &x509.Certificate{})
	s := &flagdSite{site: newSite(t, t.TempDir(), func(c *server.Config) {
		c.Flagd = server.Flagd{Listen: "127.0.0.1:0", SyncListen: "127.0.0.1:0", CertFile: a.file("server.pem"), KeyFile: a.file("server-key.pem"), ClientCAFile: a.file("ca.pem")}
	})}
	s.furnish()
	s.lead = s.token("Colorado lead", "regional_lead", "co")
	s.turn(true)
	if s.FlagdAddr() == s.FlagdSyncAddr() {
		t.Fatal("sync has no address of its own")
	}
	portal := a.dialAs("portal", "co", "hi")
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
	a := newAuthority(t)
	bad := a.file("bad")
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

// dead is an address at which nothing listens.
func dead(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// resolve asks the server's own port of flagd's protocols for video_visit.
func resolve(t *testing.T, s *server.Server) (status int, body map[string]any) {
	t.Helper()
	resp, err := http.Post("http://"+s.FlagdAddr()+"/flagd.evaluation.v2.Service/ResolveBoolean", "application/json", strings.NewReader(`{"flagKey":"video_visit"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// With a store that it never reached, a replica says UNAVAILABLE to every
// question; with one that has gone it serves what it knows, and says STALE.
func TestFlagdWithoutAStore(t *testing.T) {
	endpoint, cut := relay(t, plainEtcd(t))
	s := &site{t: t, cfg: server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), Version: "test", Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Etcd: server.Etcd{Endpoints: []string{endpoint}}, Flagd: server.Flagd{Listen: "127.0.0.1:0", TrustedRegion: "co"}}}
	s.start()
	t.Cleanup(s.stop)
	token, err := os.ReadFile(s.BootstrapFile())
	if err != nil {
		t.Fatal(err)
	}
	s.operator = strings.TrimSpace(string(token))
	s.furnish()
	if status, body := resolve(t, s.Server); status != 200 || body["value"] != false || body["reason"] != "TARGETING_MATCH" {
		t.Errorf("with a store: %d %v", status, body)
	}

	cfg := s.cfg
	cfg.DataDir, cfg.Etcd.Endpoints = t.TempDir(), []string{dead(t)}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	never, err := server.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer never.Close()
	if status, body := resolve(t, never); status != 503 || body["code"] != "unavailable" {
		t.Errorf("without a store from the start: %d %v", status, body)
	}

	cut()
	for deadline := time.Now().Add(8 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		status, body := resolve(t, s.Server)
		metadata, _ := body["metadata"].(map[string]any)
		if status != 200 || body["value"] != false || body["variant"] != "not-enabled" {
			t.Fatalf("with a store that is gone: %d %v", status, body)
		}
		if body["reason"] == "STALE" && metadata["staleSince"] != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after 8 s it still says %v", body)
		}
	}
}

// plainEtcd is an etcd without TLS, at host:port.
func plainEtcd(t *testing.T) (address string) {
	t.Helper()
	endpoint := dead(t)
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	cfg := embed.NewConfig()
	cfg.Dir, cfg.Logger, cfg.LogOutputs, cfg.LogLevel = t.TempDir(), "zap", []string{os.DevNull}, "panic"
	cfg.ListenPeerUrls = nil
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{*u}, []url.URL{*u}
	store, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	<-store.Server.ReadyNotify()
	return u.Host
}

// relay is a cable to an address, and what cuts it.
func relay(t *testing.T, address string) (endpoint string, cut func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var ends sync.WaitGroup
	ends.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", address)
			if err != nil {
				_ = near.Close()
				continue
			}
			context.AfterFunc(ctx, func() { _ = near.Close(); _ = far.Close() })
			ends.Go(func() { _, _ = io.Copy(far, near); _ = far.Close() })
			ends.Go(func() { _, _ = io.Copy(near, far); _ = near.Close() })
		}
	})
	cut = func() { _ = l.Close(); cancel(); ends.Wait() }
	t.Cleanup(cut)
	return "http://" + l.Addr().String(), cut
}
