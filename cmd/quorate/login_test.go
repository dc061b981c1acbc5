package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/quorate/quorate/internal/identity"
)

// shared is a buffer that is read while it is written to.
type shared struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// terminal runs the command line as somebody with a home of its own.
type terminal struct {
	t    *testing.T
	site *demoSite
	home string
	env  map[string]string
}

func (c *terminal) cli(stdout, stderr *shared) *cli {
	return &cli{stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, now: c.site.now, env: func(name string) (string, bool) {
		v, ok := map[string]string{"HOME": c.home, "QUORATE_URL": c.site.url}[name]
		if w, set := c.env[name]; set {
			v, ok = w, true
		}
		return v, ok
	}}
}

func (c *terminal) run(want int, args ...string) string {
	c.t.Helper()
	var out, errs shared
	if got := run(context.Background(), args, c.cli(&out, &errs)); got != want {
		c.t.Errorf("quorate %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, want, out.String(), errs.String())
	}
	return out.String() + errs.String()
}

var loginAddress = regexp.MustCompile(`http://\S+/sign-in/command-line\?\S+`)

// login runs `quorate login` and does in the browser what press says.
func (c *terminal) login(b *browser, press func(), args ...string) (said string) {
	c.t.Helper()
	var out, errs shared
	ended := make(chan int, 1)
	go func() {
		ended <- run(context.Background(), append([]string{"login", "--no-browser"}, args...), c.cli(&out, &errs))
	}()
	address := ""
	for end := time.Now().Add(20 * time.Second); address == "" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		address = loginAddress.FindString(errs.String())
	}
	b.do(chromedp.Navigate(address))
	press()
	select {
	case code := <-ended:
		if code != 0 {
			c.t.Fatalf("login: exit %d\n%s", code, errs.String())
		}
	case <-time.After(30 * time.Second):
		c.t.Fatalf("login did not end; the browser shows\n%s", b.text())
	}
	return out.String()
}

// A person signs the command line in with the browser, acts as itself, and signs
// out again. The browser is a real one: it must be let go back to a port of its own
// machine.
func TestLoginInTheBrowser(t *testing.T) {
	site := newDemoSite(t)
	b := newBrowser(t, site.url)
	c := &terminal{t: t, site: site, home: t.TempDir(), env: map[string]string{}}
	letIt := func() {
		b.arrives("Let a command line act as you?")
		b.do(chromedp.Click(`//main//button`), chromedp.WaitVisible(`//pre[contains(., "You are signed in at")]`))
	}

	c.run(3, "whoami")
	said := c.login(b, func() {
		b.arrives("Sign in to go on")
		b.press("Sign in", "Who do you want to be?")
		b.press("Colorado regional lead", "Let a command line act as you?")
		letIt()
	})
	if !strings.Contains(said, "You are signed in as Colorado regional lead until ") {
		t.Error(said)
	}
	file := filepath.Join(c.home, ".config", "quorate", "sign-ins.json")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file of sign-ins: %v, %v", info, err)
	}
	if who := c.run(0, "whoami"); !strings.Contains(who, "person:") || !strings.Contains(who, "regional_lead(co)") {
		t.Error(who)
	}
	if shown := c.run(0, "access", "show"); !strings.Contains(shown, "member of the group co-lead") || !strings.Contains(shown, "enablement.answer") {
		t.Error(shown)
	}
	if shown := c.run(0, "access", "show", "enablement.answer", "--region", "co"); !strings.Contains(shown, "Colorado regional lead") || strings.Contains(shown, "Hawaii") {
		t.Error(shown)
	}

	// A token that is set otherwise comes first; the sign-in goes to no other server.
	c.env["QUORATE_TOKEN"] = site.env["QUORATE_TOKEN_AUDITOR"]
	if who := c.run(0, "whoami"); !strings.Contains(who, "Auditor") {
		t.Error(who)
	}
	people := c.run(0, "access", "people")
	c.env["QUORATE_TOKEN"] = ""
	c.run(3, "whoami", "--url", strings.Replace(site.url, "127.0.0.1", "localhost", 1))

	// Delegating wants a sign-in of the last minutes.
	site.ahead.Add(int64(6 * time.Minute))
	id := regexp.MustCompile(`(person:[a-z2-7]{16}) .*Colorado regional lead`).FindStringSubmatch(people)[1]
	delegate := []string{"access", "delegate", "--to", "person:" + strings.Repeat("a", 16), "--role", string(identity.RegionalLead), "--region", "co", "--until", "2d", "--reason", "On leave"}
	if said := c.run(3, delegate...); !strings.Contains(said, "quorate login") {
		t.Error(said)
	}
	c.login(b, func() {
		b.arrives("Confirm it is you")
		b.press("Confirm with your organisation", "Confirm who you are")
		b.press("Colorado regional lead", "Let a command line act as you?")
		letIt()
	}, "--fresh")
	if said := c.run(5, delegate...); !strings.Contains(said, "nobody with the id") { // fresh enough to be told so
		t.Error(said)
	}

	// An operator locks the person out, wherever it is signed in.
	c.env["QUORATE_TOKEN"] = site.env["QUORATE_TOKEN_OPERATOR"]
	if said := c.run(0, "access", "disable", id, "--reason", "Left"); !strings.Contains(said, "is locked out") {
		t.Error(said)
	}
	c.env["QUORATE_TOKEN"] = ""
	c.run(3, "whoami")
	c.run(0, "logout")
	c.run(3, "logout")
	if raw, err := os.ReadFile(file); err != nil || strings.Contains(string(raw), "qrt_") {
		t.Errorf("signed out, and a token lies about: %s, %v", raw, err)
	}

	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if said := c.run(2, "whoami"); !strings.Contains(said, "can be read by others") {
		t.Error(said)
	}
}
