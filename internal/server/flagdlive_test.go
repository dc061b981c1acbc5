package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	gosdk "github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"
	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/server"
)

// flagdSite is a furnished server that serves co on the trusted network, with a
// lead to turn things on and off.
type flagdSite struct {
	*site
	lead string
}

func newFlagdSite(t *testing.T) *flagdSite {
	s := &flagdSite{site: newSite(t, t.TempDir(), func(c *server.Config) {
		c.Flagd = server.Flagd{Listen: "127.0.0.1:0", TrustedRegion: "co"}
		c.CORSOrigins = []string{"http://localhost:3000"}
	})}
	s.furnish()
	s.cfg.Flagd.Listen = s.FlagdAddr() // also after a restart
	s.lead = s.token("Colorado lead", identity.RegionalLead, "co")
	return s
}

func (s *flagdSite) turn(on bool) {
	s.t.Helper()
	if on {
		s.must(s.do("PUT", "/api/v1/regions/co/enablements/video_visit", s.lead, object{"answer": "enable", "reason": "clinics are ready"}))
		return
	}
	s.must(s.do("POST", "/api/v1/regions/co/enablements/video_visit/off", s.lead, object{"reason": "a fault in the platform"}))
}

// line is what a watched provider says: a value, or an event.
type line struct {
	Provider  string
	Value     any
	Variant   string
	Reason    string
	ErrorCode string
	Metadata  map[string]any
	Event     string
	Flags     []string
}

// watcher collects the lines of live.mjs, or of the Go providers.
type watcher struct {
	t     *testing.T
	lines chan line
	seen  []line
}

// wait returns the first line from now on that is meant; earlier ones are kept
// for the message of a failure.
func (w *watcher) wait(what string, limit time.Duration, meant func(line) bool) line {
	w.t.Helper()
	deadline := time.After(limit)
	for {
		select {
		case l, ok := <-w.lines:
			if !ok {
				w.t.Fatalf("%s: the watcher has ended; it said %+v", what, w.seen)
			}
			w.seen = append(w.seen, l)
			if meant(l) {
				return l
			}
		case <-deadline:
			w.t.Fatalf("%s: not within %v; last the watcher said %+v", what, limit, w.seen[max(0, len(w.seen)-12):])
		}
	}
}

// all waits until each of the providers has said it.
func (w *watcher) all(what string, limit time.Duration, providers []string, meant func(line) bool) {
	w.t.Helper()
	missing := slices.Clone(providers)
	began := time.Now()
	for len(missing) > 0 {
		l := w.wait(what+" by "+strings.Join(missing, ", "), limit, func(l line) bool { return slices.Contains(missing, l.Provider) && meant(l) })
		missing = slices.DeleteFunc(missing, func(p string) bool { return p == l.Provider })
		w.t.Logf("%s: %s after %v", what, l.Provider, time.Since(began).Round(time.Millisecond))
	}
}

func says(variant string) func(line) bool {
	return func(l line) bool { return l.Event == "" && l.Variant == variant && l.ErrorCode == "" }
}

func tells(event string) func(line) bool { return func(l line) bool { return l.Event == event } }

// watchJS starts live.mjs.
func watchJS(t *testing.T, dir, address string) *watcher {
	t.Helper()
	w := &watcher{t: t, lines: make(chan line, 10_000)}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "node", "live.mjs")
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), "FLAGD_ADDR="+address), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(w.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var l line
			if json.Unmarshal(lines.Bytes(), &l) == nil {
				w.lines <- l
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended; _ = cmd.Wait() })
	return w
}

// The life of an application with each official JavaScript provider: it starts
// with what is, hears of a change at once, is kept from other regions, and
// recovers from a restart of the server.
func TestTheJavaScriptFlagdProvidersLive(t *testing.T) {
	dir := installJS(t, "js-flagd")
	s := newFlagdSite(t)
	all := []string{"rpc", "in-process", "web"}
	w := watchJS(t, dir, s.FlagdAddr())

	elsewhere := w.wait("another region", 20*time.Second, func(l line) bool { return l.Provider == "elsewhere" && l.Event == "" })
	if elsewhere.Value != false || elsewhere.ErrorCode != "GENERAL" {
		t.Errorf("hi, with the network's credential for co: %+v", elsewhere)
	}
	w.all("the first value", 20*time.Second, all, says("not-enabled"))
	s.turn(true)
	for range all {
		l := w.wait("the change event", 5*time.Second, tells("PROVIDER_CONFIGURATION_CHANGED"))
		if l.Provider != "web" && !slices.Contains(l.Flags, "video_visit") {
			t.Errorf("the change event of %s names %v", l.Provider, l.Flags)
		}
	}
	s.turn(false)
	w.all("turned off", 5*time.Second, all, func(l line) bool { return says("turned-off")(l) && l.Value == false })

	s.stop()
	w.all("the server is gone", 10*time.Second, []string{"rpc", "in-process"}, tells("PROVIDER_STALE"))
	s.start()
	s.turn(true)
	w.all("on after a restart", 20*time.Second, all, func(l line) bool {
		return says("on")(l) && l.Value == true && l.Reason == "TARGETING_MATCH"
	})
	for _, l := range w.seen {
		if (l.Provider == "in-process" || l.Provider == "web") && l.ErrorCode != "" {
			t.Errorf("%s, which keeps its last values, said %+v", l.Provider, l)
		}
		if l.Provider == "in-process" && l.Variant == "on" && (l.Metadata["region"] != "co" || l.Metadata["flagSetId"] != "co" || l.Metadata["version"] == nil) {
			t.Errorf("metadata of in-process: %v", l.Metadata)
		}
	}
}

// watchGo has what a Go provider says of video_visit, and its events.
func watchGo(t *testing.T, w *watcher, name string, client *openfeature.Client) {
	t.Helper()
	for _, event := range []openfeature.EventType{openfeature.ProviderConfigChange, openfeature.ProviderStale, openfeature.ProviderError, openfeature.ProviderReady} {
		callback := func(d openfeature.EventDetails) {
			w.lines <- line{Provider: name, Event: string(event), Flags: d.FlagChanges}
		}
		client.AddHandler(event, &callback)
		t.Cleanup(func() { client.RemoveHandler(event, &callback) })
	}
	watchFlag(t, w, name, client, "video_visit")
}

// watchFlag looks every few milliseconds what a Go provider says of a flag.
func watchFlag(t *testing.T, w *watcher, name string, client *openfeature.Client, flag string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	patient := openfeature.NewEvaluationContext("p1", map[string]any{"action": "start"})
	go func() {
		defer close(ended)
		var told line
		for ctx.Err() == nil {
			d, _ := client.BooleanValueDetails(ctx, flag, false, patient)
			l := line{Provider: name, Value: d.Value, Variant: d.Variant, Reason: string(d.Reason), ErrorCode: string(d.ErrorCode)}
			if l.Variant != told.Variant || l.Reason != told.Reason || l.ErrorCode != told.ErrorCode {
				told = l
				l.Metadata = d.FlagMetadata
				w.lines <- l
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
}

// The same life with the official Go providers.
func TestTheGoFlagdProvidersLive(t *testing.T) {
	s := newFlagdSite(t)
	w := &watcher{t: t, lines: make(chan line, 100_000)}
	all := []string{"rpc", "in-process"}
	for name, resolver := range map[string]gosdk.ProviderOption{"rpc": gosdk.WithRPCResolver(), "in-process": gosdk.WithInProcessResolver()} {
		watchGo(t, w, name, goFlagd(t, "live "+name, s.FlagdAddr(), resolver, gosdk.WithSelector("flagSetId=co")))
	}
	w.all("the first value", 10*time.Second, all, says("not-enabled"))
	s.turn(true)
	w.all("turned on", 5*time.Second, all, func(l line) bool { return says("on")(l) && l.Value == true && l.Reason == "TARGETING_MATCH" })
	s.turn(false)
	w.all("turned off", 5*time.Second, all, func(l line) bool { return says("turned-off")(l) && l.Value == false })
	s.stop()
	time.Sleep(time.Second)
	s.start()
	s.turn(true)
	w.all("on after a restart", 20*time.Second, all, says("on"))
	for _, l := range w.seen {
		if (l.Provider == "in-process" || l.Provider == "web") && l.ErrorCode != "" {
			t.Errorf("%s, which keeps its last values, said %+v", l.Provider, l)
		}
		if l.Variant == "on" && (l.Metadata["region"] != "co" || l.Metadata["flagSetId"] != "co" || l.Metadata["version"] == nil) {
			t.Errorf("metadata of %s: %v", l.Provider, l.Metadata)
		}
	}
}
