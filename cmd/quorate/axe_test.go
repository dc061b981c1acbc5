package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	protocol "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// installAxe is axe-core, from the npm registry, as its lock file pins it. Where Node
// is missing the test is skipped, and fails where CI says it must run.
func installAxe(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("npm is missing, and CI=true")
		}
		t.Skip("axe-core is installed with npm, which is missing")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "axe"))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	source, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// watch has every page from now on held against axe-core, and against the policy that
// is sent with it.
func (b *browser) watch(axe string) {
	b.t.Helper()
	b.axe = axe
	if _, err := chromedp.Call(b.ctx, protocol.AddScriptToEvaluateOnNewDocument, protocol.AddScriptToEvaluateOnNewDocumentParams{
		Source: `addEventListener("securitypolicyviolation", e => { (window.broken ||= []).push(e.violatedDirective + " " + e.blockedURI) })`}); err != nil {
		b.t.Fatal(err)
	}
}

// look emulates what somebody prefers: light, dark, or forced colours.
func (b *browser) prefer(scheme, forced string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "forced-colors", Value: forced}}}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) script(on bool) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}); err != nil {
		b.t.Fatal(err)
	}
}

const runAxe = `(async () => {
  const found = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations"] })
  return JSON.stringify({
    wrong: found.violations.map(v => v.id + ": " + v.help + " at " + v.nodes.slice(0, 3).map(n => n.target.join(" ") + " (" + (n.any[0]?.message ?? n.all[0]?.message ?? "") + ")").join(" | ")),
    broken: window.broken ?? [],
    wide: document.documentElement.scrollWidth > innerWidth,
    passes: found.passes.length,
  })
})()`

// accessible holds the page that is shown against WCAG 2.2 AA as far as axe-core can
// tell, its own policy, and the width of the window.
func (b *browser) accessible(where string) {
	b.t.Helper()
	if b.axe == "" {
		return
	}
	b.do(chromedp.Evaluate[chromedp.Void](b.axe + "; undefined"))
	raw, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](runAxe, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	var found struct {
		Wrong, Broken []string
		Wide          bool
		Passes        int
	}
	if err := json.Unmarshal([]byte(raw), &found); err != nil {
		b.t.Fatal(err)
	}
	for _, w := range found.Wrong {
		b.t.Errorf("%s: %s", where, w)
	}
	for _, w := range found.Broken {
		b.t.Errorf("%s breaks its policy: %s", where, w)
	}
	if found.Wide {
		b.t.Errorf("%s is scrolled sideways", where)
	}
	if found.Passes < 10 {
		b.t.Errorf("%s: axe passed only %d rules: it did not look", where, found.Passes)
	}
}

// shown are the pages by who looks at them, with a word of the heading of each.
var shown = []struct {
	who   string
	pages [][2]string
}{
	{"Compliance officer", [][2]string{
		{"/", "aits for you"}, {"/board", "Board"}, {"/changes", "Changes"}, {"/changes?state=all", "Changes"}, {"/policy", "Policy"}, {"/policy/rules?all=1", "Rules"},
		{"/policy/forecast", "Forecast"}, {"/policy/evidence", "Evidence"}, {"/policy/waivers", "Waivers"}, {"/policy/questions", "Legal questions"},
		{"/record", "Record"}, {"/access", "What you can do"}, {"/access/who?action=evaluate", "Who can"}, {"/system", "System"}, {"/no/such/page", "There is nothing here"},
	}},
	{"Colorado regional lead", [][2]string{
		{"/", "aits for you"}, {"/board?region=co", "Board"}, {"/capabilities/video_visit", ""}, {"/regions/co/capabilities/video_visit", ""},
		{"/regions/co/capabilities/video_visit/answer", ""}, {"/regions/co/capabilities/video_visit/turn-off", "Turn off"}, {"/record", "Record"},
	}},
	{"Operator", [][2]string{{"/system/tokens", "Tokens"}}},
}

// Every page, in light at 320 pixels and in dark at 1280, has nothing that axe-core
// finds wrong, keeps to the policy sent with it and is not scrolled sideways. With
// QUORATE_SCREENSHOTS each is kept as a picture.
func TestEveryPageIsAccessible(t *testing.T) {
	axe := installAxe(t)
	site := newDemoSite(t)
	b := newBrowser(t, site.url)
	b.watch(axe)
	for _, some := range shown {
		b.do(chromedp.EmulateViewport(1280, 900))
		b.enter(some.who)
		for _, at := range some.pages {
			for _, width := range []int64{320, 1280} {
				scheme := map[int64]string{320: "light", 1280: "dark"}[width]
				b.prefer(scheme, "none")
				b.do(chromedp.EmulateViewport(width, 900))
				b.open(at[0], at[1])
				b.name = fmt.Sprintf("%s %s %d %s", some.who, at[0], width, scheme)
				b.see(b.name)
				if os.Getenv("QUORATE_SCREENSHOTS") != "" && width == 1280 { // the other scheme too
					b.prefer("light", "none")
					b.see(b.name + " light")
				}
			}
		}
		b.do(chromedp.EmulateViewport(1280, 900))
		b.open("/", "")
		b.press("Sign out", "Decide, regulate and serve")
	}
}

// enter signs somebody in.
func (b *browser) enter(who string) {
	b.t.Helper()
	b.open("/access", "Sign in to go on")
	b.press("Sign in", "Who do you want to be?")
	b.press(who, "What you can do")
}
