package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	gosdk "github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"

	"github.com/quorate/quorate/flags/edge"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/server"
)

// TLS all the way: the edge follows with a certificate of its own, and is asked with
// certificates on flagd's ports and with tokens over OFREP; nobody else is answered.
func TestAnEdgeOverTLS(t *testing.T) {
	a := newAuthority(t)
	a.sign("server", &x509.Certificate{})
	a.sign("edge", &x509.Certificate{Subject: pkix.Name{OrganizationalUnit: []string{"co"}}})
	s := &flagdSite{site: newSite(t, t.TempDir(), func(c *server.Config) {
		c.Flagd = server.Flagd{Listen: "127.0.0.1:0", CertFile: a.file("server.pem"), KeyFile: a.file("server-key.pem"), ClientCAFile: a.file("ca.pem")}
	})}
	s.furnish()
	s.lead = s.token("Colorado lead", identity.RegionalLead, "co")
	s.turn(true)
	e, err := edge.Start(t.Context(), edge.Config{Introspect: s.URL(), CertFile: a.file("server.pem"), KeyFile: a.file("server-key.pem"), ClientCAFile: a.file("ca.pem"),
		Upstream: edge.Upstream{URL: "https://" + s.FlagdAddr(), Regions: []string{"co"}, CAFile: a.file("ca.pem"), CertFile: a.file("edge.pem"), KeyFile: a.file("edge-key.pem")},
		Log:      slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-e.Ready():
	case <-time.After(30 * time.Second):
		t.Fatal("it has not heard of its upstream within 30 s")
	}
	synced := goFlagd(t, "edge over TLS", e.Addr("--sync-port"), gosdk.WithInProcessResolver(), gosdk.WithSelector("flagSetId=co"), a.dialAs("portal", "co"))
	if got := askGo(t, synced, conformanceCase{Flag: "video_visit", Type: "boolean", Default: false}); got.Variant != "on" {
		t.Errorf("a set, with a certificate for co: %+v", got)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	ask := func(token, url string, own ...tls.Certificate) int {
		t.Helper()
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: own}}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(`{"flagKey":"video_visit"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Flagd-Selector", "flagSetId=co")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	cert := func(name, unit string) tls.Certificate {
		a.sign(name, &x509.Certificate{Subject: pkix.Name{OrganizationalUnit: []string{unit}}})
		own, err := tls.LoadX509KeyPair(a.file(name+".pem"), a.file(name+"-key.pem"))
		if err != nil {
			t.Fatal(err)
		}
		return own
	}
	question, page := "https://"+e.Addr("--port")+"/flagd.evaluation.v2.Service/ResolveBoolean", "https://"+e.Addr("--ofrep-port")+"/regions/co/ofrep/v1/evaluate/flags/video_visit"
	portal := s.token("portal", identity.Service, "co")
	for what, c := range map[string]struct {
		got, want int
	}{
		"a certificate for co":             {ask("", question, cert("co", "co")), 200},
		"a certificate for another region": {ask("", question, cert("hi", "hi")), 403},
		"no certificate":                   {ask("", question), 401},
		"a token":                          {ask(portal, question), 200},
		"OFREP with a token":               {ask(portal, page), 200},
		"OFREP with neither":               {ask("", page), 401},
		"OFREP with a certificate alone":   {ask("", page, cert("co again", "co")), 401},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", what, c.got, c.want)
		}
	}
}
