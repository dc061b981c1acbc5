package server_test

import (
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

// later is a clock that tests set ahead.
type later struct {
	mu sync.Mutex
	by time.Duration
}

func (l *later) now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Add(l.by)
}

func (l *later) pass(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.by += d
}

// newSiteWithPeople is a site where people sign in, at an identity provider that
// knows an operator and an auditor.
func newSiteWithPeople(t *testing.T, clock *later) (*site, *issuer.Issuer) {
	t.Helper()
	provider, err := issuer.Start(issuer.Config{Listen: "127.0.0.1:0", Now: clock.now, Accounts: []issuer.Account{
		{Subject: "operator", Name: "Operator", Groups: []string{"operators"}},
		{Subject: "auditor", Name: "Auditor", Groups: []string{"auditors"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	s := newSite(t, t.TempDir(), func(c *server.Config) {
		c.Now = clock.now
		c.OIDC = access.OIDC{Issuer: provider.URL, ClientID: provider.ClientID, ClientSecret: provider.ClientSecret}
	})
	provider.Register(s.URL() + access.CallbackPath)
	s.must(s.do("PUT", "/api/v1/access/groups", s.operator, object{"reason": "test", "roles": []object{
		{"group": "operators", "role": "operator", "regions": []string{"*"}}, {"group": "auditors", "role": "auditor", "regions": []string{"*"}}}}))
	return s, provider
}

// signIn signs an account in with a browser, and returns the cookies that it sends
// from then on, as a header.
func (s *site) signIn(provider *issuer.Issuer, account string) string {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	to := func(res *http.Response, err error) *url.URL {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
		defer res.Body.Close()
		next, err := res.Location()
		if err != nil {
			s.t.Fatalf("%s %s: %v", res.Request.URL, res.Status, err)
		}
		return next
	}
	choose := to(browser.Get(s.URL() + "/sign-in/begin"))
	for choose.Query().Get("request") == "" {
		choose = to(browser.Get(choose.String()))
	}
	back := to(browser.PostForm(provider.URL+choose.Path, url.Values{"request": {choose.Query().Get("request")}, "account": {account}}))
	for !strings.HasPrefix(back.String(), s.URL()) {
		back = to(browser.Get(back.String()))
	}
	res, err := browser.Get(back.String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	home, err := url.Parse(s.URL())
	if err != nil {
		s.t.Fatal(err)
	}
	var cookies []string
	for _, c := range jar.Cookies(home) {
		cookies = append(cookies, c.String())
	}
	if len(cookies) == 0 {
		s.t.Fatalf("signing %s in: %s, and no cookie", account, res.Status)
	}
	return strings.Join(cookies, "; ")
}
