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

// clients are the ways in which a portal hears of a turn-off, and what bounds the
// time if nothing is heard.
var clients = []struct{ key, name, healthy, gone string }{
	{"ofrep-go", "OFREP on a server (Go 0.1.7; the same in JavaScript, Java, .NET, Python)", "asks each time", "the server: last value, `STALE`; nobody reached: the caller's default at once"},
	{"web-ofrep", "OFREP in a browser (ofrep-web 0.4.3), event stream", "told to ask again", "last value until the stream is back"},
	{"rpc", "flagd remote, JavaScript 0.16.1", "asks each time", "as OFREP on a server"},
	{"in-process", "flagd in-process, JavaScript 0.16.1", "told the whole set", "last set"},
	{"web", "flagd in a browser (flagd-web 0.7.4)", "told to ask again", "last value until the stream is back"},
	{"rpc-go", "flagd remote, Go 0.6.0", "asks each time", "as OFREP on a server"},
	{"in-process-go", "flagd in-process, Go 0.6.0", "told the whole set", "last set"},
	{"quorate-go", "our Go provider", "told the whole set", "last set, `STALE`"},
}

// TestHowSoonATurnOffArrives turns a capability on and off and measures, for each
// kind of client, how long after it was acknowledged an application is told off.
// QUORATE_UPDATE=1 writes docs/connect/latency.md.
func TestHowSoonATurnOffArrives(t *testing.T) {
	if os.Getenv("QUORATE_SOAK") != "1" {
		t.Skip("measures; set QUORATE_SOAK=1")
	}
	js := installJS(t, "js-flagd")
	s := newFlagdSite(t)
	portal := s.token("Colorado portal", identity.Service, "co")
	w := watchJS(t, js, s.FlagdAddr())
	for name, resolver := range map[string]gosdk.ProviderOption{"rpc-go": gosdk.WithRPCResolver(), "in-process-go": gosdk.WithInProcessResolver()} {
		watchGo(t, w, name, goFlagd(t, "latency "+name, s.FlagdAddr(), resolver, gosdk.WithSelector("flagSetId=co")))
	}
	own, err := provider.New("http://"+s.FlagdAddr(), provider.WithRegion("co"))
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]openfeature.FeatureProvider{"quorate-go": own,
		"ofrep-go": ofrep.NewProvider(s.URL()+"/regions/co", ofrep.WithBearerToken(portal))} {
		if err := openfeature.SetNamedProviderWithContextAndWait(t.Context(), "latency "+name, p); err != nil {
			t.Fatal(err)
		}
		watchGo(t, w, name, openfeature.NewClient("latency "+name))
	}
	t.Cleanup(own.Shutdown)
	go relayPage(openPage(t, s.site, s.token("both", identity.Service, "*")), w)

	names := []string{}
	for _, c := range clients {
		names = append(names, c.key)
	}
	const rounds = 20
	took := map[string][]time.Duration{}
	for range rounds {
		s.turn(true)
		w.all("on", 20*time.Second, names, says("on"))
		time.Sleep(100 * time.Millisecond) // all are at rest
		s.turn(false)
		for name, d := range w.since(t, time.Now(), names, says("turned-off")) {
			took[name] = append(took[name], d)
		}
	}
	table := latencyTable(took, rounds)
	t.Log("\n" + table)
	if os.Getenv("QUORATE_UPDATE") == "1" {
		file := filepath.Join("..", "..", "docs", "connect", "latency.md")
		if err := os.WriteFile(file, []byte(latencyPage(table)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// relayPage has the page's views among the lines of the others.
func relayPage(p *page, w *watcher) {
	for v := range p.seen {
		if v.Region == "co" {
			w.lines <- line{Provider: "web-ofrep", Value: v.Visit.Value, Variant: v.Visit.Variant, ErrorCode: v.Visit.ErrorCode}
		}
	}
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

func latencyTable(took map[string][]time.Duration, rounds int) string {
	var b strings.Builder
	b.WriteString("| client | how it hears | median | longest | while nothing is heard |\n| --- | --- | --- | --- | --- |\n")
	for _, c := range clients {
		list := took[c.key]
		slices.Sort(list)
		fmt.Fprintf(&b, "| %s | %s | %d ms | %d ms | %s |\n", c.name, c.healthy, list[len(list)/2].Milliseconds(), list[len(list)-1].Milliseconds(), c.gone)
	}
	fmt.Fprintf(&b, "\n%d turn-offs, each measured from its acknowledgement to what the application is told, by looking every 5 to 10 ms;\nserver, store and all clients on one machine of 2 shared cores.\n", rounds)
	return b.String()
}

func latencyPage(table string) string {
	return `# How soon a turn-off arrives

Measured by our tests with the unmodified providers (` + "`QUORATE_SOAK=1 QUORATE_UPDATE=1 go test -run HowSoon ./internal/server`" + ` writes this page).

## In calm

` + table + `
The Go flagd provider and OFREP on a server ask the server each time; what is counted is the time until the next look.
An OFREP client that polls has its interval on top, and in browsers the provider's own timer is off unless it is set.

## When something is gone

| what is gone | what happens |
| --- | --- |
| the store, for the replica that a client asks | No turn-off can be entered there (503). One entered at another replica is not seen until contact returns; values are told with ` + "`STALE`" + ` and ` + "`staleSince`" + ` meanwhile. |
| the server, for a client | Clients that ask each time serve the caller's default, which therefore must be ` + "`false`" + `. In-process ones and browsers keep their last values, for as long as they live. |

For capabilities of class *strict* there is a bound whatever is gone: their lease (60 s by default, a rule may say longer) since the server's
last contact with its store. It stands in the definition itself, so in-process providers keep to it by their own clock. The
others, of class *available*, have none: they go on with the last value.
`
}
