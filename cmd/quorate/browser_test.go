package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browser is a real one, with a profile of its own.
type browser struct {
	t     *testing.T
	ctx   context.Context
	url   string
	shots int
	axe   string // its source; "": pages are not held against it
	name  string // of the picture that is taken next
}

// newBrowser starts Chromium, if there is one. On CI there must be.
func newBrowser(t *testing.T, url string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no chromium is on the path; install the package of that name")
		}
		t.Skip("no chromium is on the path; install the package of that name to run this test")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 900))
	if os.Getuid() == 0 { // its sandbox does not work for root
		options = append(options, chromedp.NoSandbox)
	}
	allocated, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewContext(allocated)
	t.Cleanup(stop)
	ctx, end := context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil { // it ends with the context that it began with
		t.Fatal(err)
	}
	return &browser{t: t, ctx: ctx, url: url}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 40*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v; at %s there is:\n%s", err, b.path(), b.text())
	}
}

// open goes to a page of the server and waits for its heading.
func (b *browser) open(path, heading string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + path))
	b.arrives(heading)
}

// press follows a link, or presses a button, by its text or the strong part of
// it, and waits for the heading of the next page.
func (b *browser) press(text, heading string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](`document.documentElement.dataset.left = ""`), chromedp.Click(`//main//*[self::a or self::button][normalize-space(.)="`+text+`" or strong="`+text+`"] | //header//*[self::a or self::button][normalize-space(.)="`+text+`"]`))
	b.arrives(heading)
}

func (b *browser) arrives(heading string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.WaitVisible(`//html[not(@data-left)]//h1[contains(., "`+heading+`")]`)); err != nil {
		b.t.Fatalf("no page with the heading %q: %v; there is:\n%s", heading, err, b.text())
	}
	b.accessible(heading + " at " + b.path())
	if b.axe == "" {
		b.see(heading)
	}
}

// path is where the browser is.
func (b *browser) path() string {
	path, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		return "?"
	}
	return strings.TrimPrefix(path, b.url)
}

func (b *browser) text() string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body")))
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

func (b *browser) says(words ...string) {
	b.t.Helper()
	text := b.text()
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.t.Errorf("the page does not say %q:\n%s", w, text)
		}
	}
}

// see keeps what is on the screen, if QUORATE_SCREENSHOTS names a directory.
func (b *browser) see(name string) {
	dir := os.Getenv("QUORATE_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Logf("no picture of %s: %v", name, err)
		return
	}
	b.shots++
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, name)
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d-", b.shots)+name+".png"), png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// demoSite is a demo in this process, whose clock can be set ahead.
type demoSite struct {
	url   string
	env   map[string]string
	ahead atomic.Int64
}

func (d *demoSite) now() time.Time { return time.Now().Add(time.Duration(d.ahead.Load())) }

func newDemoSite(t *testing.T) *demoSite {
	t.Helper()
	d := &demoSite{env: map[string]string{}}
	file := filepath.Join(t.TempDir(), "env")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	var said bytes.Buffer
	go func() {
		c := &cli{stdout: &said, stderr: &said, env: func(string) (string, bool) { return "", false }, now: d.now}
		ended <- runDemo(ctx, c, demoOptions{serveOptions: serveOptions{listen: "127.0.0.1:0", logLevel: slog.LevelError}, envFile: file})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the demo ended with %v\n%s", err, said.String())
		}
	})
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if raw, err := os.ReadFile(file); err == nil {
			for line := range strings.Lines(string(raw)) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				d.env[name] = value
			}
			d.url = d.env["QUORATE_URL"]
			return d
		}
	}
	t.Fatal("the demo was not ready within 30 s")
	return nil
}

// People sign in with a real browser at the demo's identity provider, are refused
// what is not theirs, confirm who they are for what asks for that, and sign out.
// There is no script on any page: what works here works without.
func TestInARealBrowser(t *testing.T) {
	site := newDemoSite(t)
	b := newBrowser(t, site.url)

	b.open("/access", "Sign in to go on") // asked for by nobody, and come back to
	b.press("Sign in", "Who do you want to be?")
	b.says("Colorado regional lead", "Compliance officer", "asks for no password")
	b.press("Auditor", "What you can do")
	b.says("member of the group auditor", "read the record", "all regions")

	b.open("/access/delegate", "You may not do this") // an auditor changes nothing
	b.says("You hold no role that can be delegated", "regional lead")
	b.press("Sign out", "Decide, regulate and serve")
	b.says("You are signed out of Quorate")
	b.do(chromedp.NavigateBack()) // what was shown is not kept
	b.open("/access", "Sign in to go on")

	b.press("Sign in", "Who do you want to be?")
	b.press("Colorado regional lead", "What you can do")
	b.says("answer an offer", "Regional lead for Colorado")
	b.press("Home", "waits for you")
	b.says("You signed in just now")

	site.ahead.Add(int64(6 * time.Minute)) // the device was left open
	b.press("Access", "What you can do")
	b.press("Delegate a role", "Confirm it is you")
	b.press("Confirm with your organisation", "Confirm who you are")
	b.press("Hawaii regional lead", "You may not do this") // another person
	b.says("ou confirmed as Hawaii regional lead")
	b.open("/access/delegate", "Confirm it is you")
	b.press("Confirm with your organisation", "Confirm who you are")
	b.press("Colorado regional lead", "Delegate a role")
	b.says("Regional lead for Colorado")
	b.do(chromedp.SendKeys(chromedp.CSS("#reason"), "On leave until then"))
	b.press("Delegate", "What you can do")
	b.says("The role is delegated", "Auditor", "On leave until then")

	b.open("/access/delegate", "Delegate a role") // still fresh; the form is tampered with
	b.do(chromedp.SendKeys(chromedp.CSS("#reason"), "Take over"),
		chromedp.Evaluate[chromedp.Void](`document.querySelector("#role option").value = "regional_lead hi"`))
	b.press("Delegate", "You may not do this")
	b.says("Colorado regional lead may not delegate a role in region hi")

	b.open("/access", "What you can do")
	b.press("End the delegation to Auditor", "What you can do")
	b.says("The delegation has ended", "None that concern you")

	b.do(chromedp.EmulateViewport(320, 800))
	b.open("/access", "What you can do")
	wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > 320`))
	if err != nil || wide {
		t.Errorf("at 320 pixels the page is scrolled sideways: %v, %v", wide, err)
	}
	b.open("/", "waits for you")
	b.do(chromedp.Click("//summary[.='Signing out']"))
	b.press("Sign out everywhere", "Decide, regulate and serve")
	b.open("/access", "Sign in to go on")
}
