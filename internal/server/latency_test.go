package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gosdk "github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"
	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/flags/provider"
	"github.com/quorate/quorate/internal/identity"
)

// clients are the ways in which a portal hears of a turn-off.
var clients = []struct{ key, name, hears string }{
	{"ofrep-go", "OFREP on a server, Go 0.1.7", "asks each time"},
	{"js", "OFREP on a server, JavaScript 0.1.3", "asks each time"},
	{"web-ofrep", "OFREP in a browser (ofrep-web 0.4.3), event stream", "told to ask again"},
	{"web-ofrep-poll", "OFREP in a browser (ofrep-web 0.4.3), polling each second", "asks each second"},
	{"rpc", "flagd remote, JavaScript 0.16.1", "asks each time"},
	{"rpc-go", "flagd remote, Go 0.6.0", "asks each time"},
	{"in-process", "flagd in-process, JavaScript 0.16.1", "told the whole set"},
	{"in-process-go", "flagd in-process, Go 0.6.0", "told the whole set"},
	{"web", "flagd in a browser (flagd-web 0.7.4)", "told to ask again"},
	{"quorate-go", "our Go provider", "told the whole set"},
	{"edge-ofrep-go", "through an edge: OFREP on a server, Go 0.1.7", "asks the edge each time"},
	{"edge-in-process-go", "through an edge: flagd in-process, Go 0.6.0", "told the whole set"},
	{"edge-quorate-go", "through an edge: our Go provider", "told the whole set"},
}

// watch is how long it is looked at what happens when something is gone: longer
// than the lease of the strict capability, which is 6 s.
const watch = 20 * time.Second

// TestHowSoonATurnOffArrives measures, for each kind of client, how long after it was
// acknowledged a turn-off arrives, and what of a strict and of another capability is
// served once the store, and then the server, is gone. QUORATE_UPDATE=1 writes
// docs/connect/latency.md.
func TestHowSoonATurnOffArrives(t *testing.T) {
	if os.Getenv("QUORATE_SOAK") != "1" {
		t.Skip("measures; set QUORATE_SOAK=1")
	}
	strict := newStrictSite(t)
	s := &flagdSite{site: strict.site, lead: strict.token("Colorado lead again", identity.RegionalLead, "co")}
	s.cfg.Flagd.Listen, s.cfg.Listen = s.FlagdAddr(), strings.TrimPrefix(s.URL(), "http://")
	w := strict.watchAll(s)
	var names []string
	for _, c := range clients {
		names = append(names, c.key)
	}
	w.all("the first value", 60*time.Second, names, says("on"))

	const rounds = 20
	took := map[string][]time.Duration{}
	for range rounds {
		s.turn(false)
		for name, d := range w.since(t, time.Now(), names, says("turned-off")) {
			took[name] = append(took[name], d)
		}
		s.turn(true)
		w.all("on", 20*time.Second, names, says("on"))
		time.Sleep(100 * time.Millisecond) // all are at rest
	}
	strict.freeze(true)
	noStore := w.off(watch)
	strict.freeze(false)
	w.all("on with the store back", 60*time.Second, slices.DeleteFunc(slices.Clone(names), func(n string) bool { _, off := noStore[n]; return !off }), says("on"))
	time.Sleep(time.Second)
	for len(w.lines) > 0 {
		<-w.lines
	}
	s.stop()
	noServer := w.off(watch)
	for _, c := range clients {
		if noStore[c.key].why != "stale" {
			t.Errorf("%s: without the store the strict capability went off: %+v", c.name, noStore[c.key])
		}
		if o, off := noStore[c.key+" also"]; off {
			t.Errorf("%s: without the store another capability went off: %+v", c.name, o)
		}
		evaluates := strings.Contains(c.key, "in-process") || strings.Contains(c.key, "quorate") || strings.Contains(c.key, "edge")
		if evaluates && noServer[c.key].why != "stale" {
			t.Errorf("%s: without the server the strict capability went off: %+v", c.name, noServer[c.key])
		}
		if o, off := noServer[c.key+" also"]; off && evaluates {
			t.Errorf("%s: without the server another capability went off: %+v", c.name, o)
		}
	}
	page := latencyPage(latencyTable(took, rounds), goneTable(noStore, noServer))
	t.Log("\n" + page)
	if os.Getenv("QUORATE_UPDATE") == "1" {
		if err := os.WriteFile(filepath.Join("..", "..", "docs", "connect", "latency.md"), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// watchAll watches video_visit and messaging with every client.
func (strict *strictSite) watchAll(s *flagdSite) *watcher {
	t := strict.t.(*testing.T)
	portal := s.token("Colorado portal", identity.Service, "co")
	t.Setenv("QUORATE_URL", s.URL())
	t.Setenv("QUORATE_TOKEN", portal)
	t.Setenv("QUORATE_ALSO", "messaging")
	w := watchJS(t, installJS(t, "js-flagd"), s.FlagdAddr())
	for _, folder := range []string{"js", "js-web"} {
		more := watchJS(t, installJS(t, folder), "")
		go func() {
			for l := range more.lines {
				w.lines <- l
			}
		}()
	}
	e, _ := strict.edge()
	one := func(name string, c *openfeature.Client) {
		watchFlag(t, w, name, c, "video_visit")
		watchFlag(t, w, name+" also", c, "messaging")
	}
	selector := gosdk.WithSelector("flagSetId=co")
	one("rpc-go", goFlagd(t, "latency rpc", s.FlagdAddr(), gosdk.WithRPCResolver(), selector))
	one("in-process-go", goFlagd(t, "latency in-process", s.FlagdAddr(), gosdk.WithInProcessResolver(), selector))
	one("edge-in-process-go", goFlagd(t, "latency in-process edge", e.Addr("--sync-port"), gosdk.WithInProcessResolver(), selector))
	one("quorate-go", ourProvider(t, "latency ours", s.FlagdAddr(), provider.WithRegion("co")))
	one("edge-quorate-go", ourProvider(t, "latency ours edge", e.Addr("--sync-port"), provider.WithRegion("co")))
	for name, p := range map[string]openfeature.FeatureProvider{"ofrep-go": ofrep.NewProvider(s.URL()+"/regions/co", ofrep.WithBearerToken(portal)),
		"edge-ofrep-go": ofrep.NewProvider("http://" + e.Addr("--ofrep-port") + "/regions/co")} {
		if err := openfeature.SetNamedProviderWithContextAndWait(t.Context(), "latency "+name, p); err != nil {
			t.Fatal(err)
		}
		one(name, openfeature.NewClient("latency "+name))
	}
	return w
}

// since says how long each took to say what is meant.
func (w *watcher) since(t *testing.T, began time.Time, names []string, meant func(line) bool) map[string]time.Duration {
	t.Helper()
	took := map[string]time.Duration{}
	for len(took) < len(names) {
		l := w.wait("turned off", 20*time.Second, func(l line) bool {
			_, known := took[l.Provider]
			return !known && slices.Contains(names, l.Provider) && meant(l)
		})
		took[l.Provider] = time.Since(began)
	}
	return took
}

// off is how long after now each first served false, of those that did within a
// time, and with which variant or error.
func (w *watcher) off(within time.Duration) map[string]wentOff {
	began, end := time.Now(), time.After(within)
	seen := map[string]wentOff{}
	for {
		select {
		case l := <-w.lines:
			if _, known := seen[l.Provider]; !known && l.Event == "" && l.Value == false {
				seen[l.Provider] = wentOff{time.Since(began), l.Variant + l.ErrorCode}
			}
		case <-end:
			return seen
		}
	}
}

type wentOff struct {
	after time.Duration
	why   string
}

func latencyTable(took map[string][]time.Duration, rounds int) string {
	var b strings.Builder
	b.WriteString("| client | how it hears | median | longest |\n| --- | --- | --- | --- |\n")
	for _, c := range clients {
		list := took[c.key]
		slices.Sort(list)
		fmt.Fprintf(&b, "| %s | %s | %d ms | %d ms |\n", c.name, c.hears, list[len(list)/2].Milliseconds(), list[len(list)-1].Milliseconds())
	}
	fmt.Fprintf(&b, "\n%d turn-offs, each measured from its acknowledgement to what the application is told, by looking every 5 to 10 ms;\nserver, edge, store and all clients on one machine of 2 shared cores.\n", rounds)
	return b.String()
}

func goneTable(noStore, noServer map[string]wentOff) string {
	var b strings.Builder
	b.WriteString("| client | store gone: strict | store gone: others | server gone: strict | server gone: others |\n| --- | --- | --- | --- | --- |\n")
	says := func(seen map[string]wentOff, key string) string {
		o, off := seen[key]
		switch {
		case !off:
			return "on"
		case o.why == "stale":
			return fmt.Sprintf("off after %.1f s", o.after.Seconds())
		}
		return fmt.Sprintf("caller's default after %.1f s", o.after.Seconds())
	}
	for _, c := range clients {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", c.name, says(noStore, c.key), says(noStore, c.key+" also"), says(noServer, c.key), says(noServer, c.key+" also"))
	}
	return b.String()
}

func latencyPage(calm, gone string) string {
	return `# How soon a turn-off arrives

Measured by our tests with the unmodified providers (` + "`QUORATE_SOAK=1 QUORATE_UPDATE=1 go test -run HowSoon ./internal/server`" + ` writes this page).

## In calm

` + calm + `
The Java, .NET and Python providers for OFREP on a server ask each time as well; they are not measured here.
A browser that polls has its interval on top, and the provider's own timer is off unless it is set.

## When something is gone

Measured from the moment at which the store froze, and then at which the server stopped, with a strict capability whose lease is 6 s, and
another, both on; ` + "`on`" + ` means: still on ` + fmt.Sprintf("%.0f", watch.Seconds()) + ` s later.

` + gone + `
Without its store no turn-off can be entered at a replica (503). One entered at another is not seen until contact returns: this table
is what bounds it. Values are told with ` + "`STALE`" + ` and ` + "`staleSince`" + ` meanwhile.

A strict capability is off once its lease has run out since the server's last contact with its store, at the server, at an edge, and where
the definition itself is evaluated. By default the lease is 60 s, and a rule may say longer. What is not strict has no bound: those that
keep values go on with the last one. Browsers keep what they were told, strict or not, for as long as they reach nobody: what they show
is presentation, and the server behind them must ask again. Those that ask each time serve the caller's default once they reach nobody,
which therefore must be ` + "`false`" + `.
`
}
