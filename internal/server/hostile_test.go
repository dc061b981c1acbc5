package server_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/server"
)

// What is sent to the server that nobody means well by, over the wire as it is.
func TestHostileRequests(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	lead := s.token("Hawaii lead", identity.RegionalLead, "hi")
	const off = "/regions/co/enablements/video_visit/off"
	before := s.state()
	head := func(method, path, host string, more ...string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\nContent-Type: application/json\r\nAuthorization: Bearer " + lead + "\r\n" + strings.Join(more, "")
	}
	const body = `{"reason":"x"}`
	end := fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	for what, c := range map[string]struct {
		raw    string
		status []int
	}{
		"the region of another":      {head("POST", "/api/v1"+off, "localhost") + end, []int{403}},
		"two slashes":                {head("POST", "//api/v1"+off, "localhost") + end, []int{404}},
		"a dot":                      {head("POST", "/api/v1/."+off, "localhost") + end, []int{404}},
		"two dots":                   {head("POST", "/api/v1/regions/hi/.."+strings.TrimPrefix(off, "/regions"), "localhost") + end, []int{404}},
		"escaped dots":               {head("POST", "/api/v1/regions/hi/%2e%2e/co/enablements/video_visit/off", "localhost") + end, []int{404}},
		"an escaped slash":           {head("POST", "/api/v1/regions/hi%2f..%2fco/enablements/video_visit/off", "localhost") + end, []int{404}},
		"a matrix parameter":         {head("POST", "/api/v1/regions/co;region=hi/enablements/video_visit/off", "localhost") + end, []int{404}},
		"mixed case":                 {head("POST", "/API/v1"+off, "localhost") + end, []int{404}},
		"an absolute form":           {head("POST", "http://attacker.example/api/v1"+off, "localhost") + end, []int{421}},
		"another name":               {head("POST", "/api/v1"+off, "attacker.example") + end, []int{421}},
		"method override":            {head("GET", "/api/v1"+off, "localhost", "X-HTTP-Method-Override: POST\r\n") + end, []int{405}},
		"two credentials":            {head("POST", "/api/v1"+off, "localhost", "Authorization: Bearer x\r\n") + end, []int{400}},
		"two lengths":                {head("POST", "/api/v1"+off, "localhost", "Content-Length: 3\r\n") + end, []int{400}},
		"a form of another origin":   {strings.Replace(head("POST", "/api/v1"+off, "localhost", "Origin: https://attacker.example\r\n")+end, "application/json", "text/plain", 1), []int{403}},
		"two meanings":               {head("POST", "/api/v1/regions/hi/enablements/video_visit/off", "localhost") + "Content-Length: 28\r\n\r\n" + `{"reason":"x","reason":"yy"}`, []int{400}},
		"a body that is too large":   {head("POST", "/api/v1"+off, "localhost") + "Content-Length: 99999999\r\n\r\n{", []int{413}},
		"headers that are too large": {head("POST", "/api/v1"+off, "localhost", "X: "+strings.Repeat("x", 70_000)+"\r\n") + end, []int{431}},
	} {
		status, answer := s.wire(c.raw)
		if !slices.Contains(c.status, status) {
			t.Errorf("%s: %d %.200s, want %v", what, status, answer, c.status)
		}
	}
	if s.state() != before {
		t.Error("something was changed")
	}
}

// wire sends bytes as they are and reads the answer.
func (s *site) wire(raw string) (status int, body string) {
	s.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(c, raw) // the server may have answered, and closed, before it has all
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body) // what there is of it
	return resp.StatusCode, string(b)
}

// Connections that say nothing, or half of something, keep nobody from an answer.
// With QUORATE_SOAK=1 there are 2,000 of each, and the time of good clients is
// told for comparison with calm.
func TestSilentConnectionsKeepNobodyFromAnAnswer(t *testing.T) {
	n := 300
	if os.Getenv("QUORATE_SOAK") == "1" {
		n = 2000
	}
	s := newSite(t, t.TempDir())
	s.furnish()
	portal := s.token("portal", identity.Service, "*")
	calm := s.p99(portal)
	for _, part := range []string{"", "POST /regions/co/ofrep/v1/evaluate/flags HTTP/1.1\r\nHost: loc", "POST /regions/co/ofrep/v1/evaluate/flags HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + portal + "\r\nContent-Length: 100\r\n\r\n{"} {
		for range n {
			c, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			_, _ = io.WriteString(c, part) // it may have been closed for a later one
		}
	}
	busy := s.p99(portal)
	t.Logf("p99 of a good client: %v in calm, %v with %d silent connections", calm, busy, 3*n)
	if os.Getenv("QUORATE_SOAK") == "1" && busy > 5*max(calm, 10*time.Millisecond) {
		t.Errorf("p99 %v, and %v in calm", busy, calm)
	}
}

// p99 asks five hundred times, a tenth of them over new connections; every one is
// answered.
func (s *site) p99(token string) time.Duration {
	s.t.Helper()
	var took []time.Duration
	for i := range 500 {
		if i%10 == 0 {
			http.DefaultClient.CloseIdleConnections()
		}
		begun := time.Now()
		s.must(s.evaluate("co", token))
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

func TestTheMainListenerOverTLS(t *testing.T) {
	a := newAuthority(t)
	a.sign("server", &x509.Certificate{})
	for what, cfg := range map[string]server.Config{
		"half a certificate": {CertFile: a.file("server.pem")},
		"no certificate":     {CertFile: a.file("ca.pem"), KeyFile: a.file("nowhere")},
	} {
		cfg.Listen, cfg.DataDir, cfg.Now = "127.0.0.1:0", t.TempDir(), time.Now
		if started, err := server.Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "certificate") {
			if started != nil {
				_ = started.Close()
			}
			t.Errorf("%s: %v", what, err)
		}
	}
	s := newSite(t, t.TempDir(), func(c *server.Config) { c.CertFile, c.KeyFile = a.file("server.pem"), a.file("server-key.pem") })
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Get(s.URL() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if !strings.HasPrefix(s.URL(), "https://") || resp.StatusCode != 200 || resp.ProtoMajor != 2 || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s: %s %v", s.URL(), resp.Status, resp.Header)
	}
}
