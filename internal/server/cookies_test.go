package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/access/issuer"
	"github.com/quorate/quorate/internal/server"
)

// baker keeps every cookie that a server sets.
type baker struct {
	next http.RoundTripper
	mu   sync.Mutex
	set  []*http.Cookie
}

func (b *baker) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err == nil {
		b.mu.Lock()
		b.set = append(b.set, res.Cookies()...)
		b.mu.Unlock()
	}
	return res, err
}

// Over TLS a browser keeps the cookies of a sign-in to this host and to TLS, and no
// page of another site can make use of them.
func TestCookiesOverTLS(t *testing.T) {
	a := newAuthority(t)
	a.sign("server", &x509.Certificate{})
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	provider, err := issuer.Start(issuer.Config{Listen: "127.0.0.1:0", Now: time.Now, Accounts: []issuer.Account{{Subject: "operator", Name: "Operator", Groups: []string{"operators"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	s := newSite(t, t.TempDir(), func(c *server.Config) {
		c.CertFile, c.KeyFile = a.file("server.pem"), a.file("server-key.pem")
		c.OIDC = access.OIDC{Issuer: provider.URL, ClientID: provider.ClientID, ClientSecret: provider.ClientSecret}
	})
	provider.Register(s.URL() + access.CallbackPath)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &baker{next: transport}
	browser := &http.Client{Jar: jar, Transport: b, Timeout: 30 * time.Second}
	choose, err := browser.Get(s.URL() + "/sign-in/begin")
	if err != nil {
		t.Fatal(err)
	}
	_ = choose.Body.Close()
	at := choose.Request.URL
	done, err := browser.PostForm(at.Scheme+"://"+at.Host+at.Path, url.Values{"request": at.Query()["request"], "account": {"operator"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = done.Body.Close()

	secret := ""
	for _, c := range b.set {
		if !strings.HasPrefix(c.Name, "__Host-quorate-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("the cookie %s: secure %v, http only %v, path %q, domain %q, same site %v", c.Name, c.Secure, c.HttpOnly, c.Path, c.Domain, c.SameSite)
		}
		if c.Name == "__Host-quorate-session" {
			secret = c.Value
		}
	}
	if secret == "" || len(b.set) < 2 {
		t.Fatalf("%d cookies, and no session: %v", len(b.set), done.Status)
	}

	for _, v := range []struct {
		what, method, path, name string
		header                   map[string]string
		want                     int
	}{
		{"as it was set", "GET", "/api/v1/whoami", "__Host-quorate-session", nil, 200},
		{"by the name without TLS", "GET", "/api/v1/whoami", "quorate-session", nil, 401},
		{"a page of another site", "POST", "/sign-out", "__Host-quorate-session", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://attacker.example"}, 403},
		{"a page of a sister domain", "POST", "/sign-out", "__Host-quorate-session", map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://blog.example"}, 403},
		{"a page of another site, in an old browser", "POST", "/sign-out", "__Host-quorate-session", map[string]string{"Origin": "https://attacker.example"}, 403},
		{"none of them has signed anybody out", "GET", "/api/v1/whoami", "__Host-quorate-session", nil, 200},
		{"a page of ours", "POST", "/sign-out", "__Host-quorate-session", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		{"signed out", "GET", "/api/v1/whoami", "__Host-quorate-session", nil, 401},
	} {
		r, err := http.NewRequest(v.method, s.URL()+v.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Cookie", v.name+"="+secret)
		for name, value := range v.header {
			r.Header.Set(name, value)
		}
		res, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != v.want {
			t.Errorf("%s: %s, want %d", v.what, res.Status, v.want)
		}
	}
}
