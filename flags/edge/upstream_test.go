package edge_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	gosdk "github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"
	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/flags/edge"
	"github.com/quorate/quorate/flags/provider"
)

// pair is a set with a strict capability and one that is not, both on.
func pair(lease int) string {
	flag := func(more string) string {
		return `{"state":"ENABLED","variants":{"on":true,"off":false,"stale":false},"defaultVariant":"off","metadata":{"region":"co"` + more + `},"targeting":{"if":[true,"on"]}}`
	}
	return fmt.Sprintf(`{"metadata":{"flagSetId":"co"},"flags":{"strict":%s,"other":%s}}`, flag(fmt.Sprintf(`,"lease":%d`, lease)), flag(""))
}

// A region is followed: changes come at once, an outage leaves the last values,
// which say so, and a restart without the server serves them from disk at once.
func TestARegionIsFollowed(t *testing.T) {
	s := newServer(t, words("co", "a=one"))
	dir := t.TempDir()
	keep := func(c *edge.Config) { c.Upstream.DataDir = dir }
	e := s.edge(keep)
	eventually(t, "the first set", func() bool { return e.value("a") == "one" })
	for _, headers := range [][]string{nil, {"Flagd-Selector", "flagSetId=co"}} {
		if status, _, body := e.ofrep("a", nil, headers...); status != 200 || body["reason"] != "STATIC" {
			t.Errorf("%v: %d %v", headers, status, body)
		}
	}
	if status, _, _ := e.ofrep("a", nil, "Flagd-Selector", "flagSetId=hi"); status != http.StatusForbidden {
		t.Errorf("a region that is not followed: %d", status)
	}
	s.put("co", words("co", "a=two"))
	eventually(t, "the change", func() bool { return e.value("a") == "two" })

	stale := func(e *running) bool {
		_, _, body := e.ofrep("a", nil)
		return body["value"] == "two" && body["reason"] == "STALE"
	}
	s.stop()
	eventually(t, "the last value is stale", func() bool { return stale(e) })
	e.stop()
	again := s.edge(keep)
	if !stale(again) {
		t.Error("after a restart without the server the last value is not served at once")
	}
	if status, body := get(t, "http://"+again.Addr("--management-port")+"/readyz"); status != 200 || !strings.Contains(body, `"ready":true,"fresh":false`) {
		t.Errorf("/readyz: %d %s", status, body)
	}
	s.start()
	eventually(t, "it recovers", func() bool { _, _, body := again.ofrep("a", nil); return body["reason"] == "STATIC" })
}

// An edge of several regions never answers with a flag of another.
func TestSeveralRegionsAreKeptApart(t *testing.T) {
	s := newServer(t, words("co", "a=co", "only=co"))
	s.put("hi", words("hi", "a=hi"))
	e := s.edge(func(c *edge.Config) { c.Upstream.Regions = []string{"co", "hi"} })
	<-e.Ready()
	for region, want := range map[string]string{"co": "co", "hi": "hi"} {
		if got := e.value("a", "Flagd-Selector", "flagSetId="+region); got != want {
			t.Errorf("%s: %v", region, got)
		}
	}
	if status, _, _ := e.ofrep("only", nil, "Flagd-Selector", "flagSetId=hi"); status != http.StatusNotFound {
		t.Errorf("a flag of co in hi: %d", status)
	}
	if status, _, body := e.ofrep("a", nil); status != http.StatusBadRequest {
		t.Errorf("without a region: %d %v", status, body)
	}
}

// hostPort takes an address apart.
func hostPort(t testing.TB, address string) (string, uint16) {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return a.IP.String(), uint16(a.Port)
}

func official(t testing.TB, address string) openfeature.FeatureProvider {
	t.Helper()
	host, port := hostPort(t, address)
	p, err := gosdk.NewProvider(gosdk.WithInProcessResolver(), gosdk.WithHost(host), gosdk.WithPort(port), gosdk.WithSelector("flagSetId=co"), gosdk.WithLogger(logr.Discard()),
		gosdk.WithRetryBackoffMs(100), gosdk.WithRetryBackoffMaxMs(500))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ours(t testing.TB, address string) openfeature.FeatureProvider {
	t.Helper()
	p, err := provider.New("http://"+address, provider.WithRegion("co"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func client(t testing.TB, name string, p openfeature.FeatureProvider) *openfeature.Client {
	t.Helper()
	within, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	domain := t.Name() + " " + name
	if err := openfeature.SetNamedProviderWithContextAndWait(within, domain, p); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(func() {
		_ = openfeature.SetNamedProvider(domain, openfeature.NoopProvider{})
		if s, ok := p.(openfeature.StateHandler); ok {
			s.Shutdown()
		}
	})
	return openfeature.NewClient(domain)
}

// Strict capabilities go off when their lease runs out, by the real clock: first
// the store falls silent behind a server that goes on, then the server goes. It
// holds for the edge, for our provider and for flagd's, at the server and behind
// the edge; and no other capability goes off.
func TestStrictCapabilitiesGoOffAndNoOthers(t *testing.T) {
	const lease = 4
	s := newServer(t, pair(lease))
	e := s.edge(func(c *edge.Config) { c.Upstream.DataDir = t.TempDir() })
	<-e.Ready()
	who := map[string]*openfeature.Client{}
	for name, address := range map[string]string{"server": s.address, "edge": e.Addr("--sync-port")} {
		who["ours at the "+name] = client(t, "ours "+name, ours(t, address))
		if !raceDetector { // it has races of its own
			who["flagd's at the "+name] = client(t, "official "+name, official(t, address))
		}
	}
	ask := func(key string) (on []string) {
		for name, c := range who {
			if v, _ := c.BooleanValue(ctx, key, false, openfeature.EvaluationContext{}); v {
				on = append(on, name)
			}
		}
		if e.value(key) == true {
			on = append(on, "the edge")
		}
		slices.Sort(on)
		return on
	}
	all := len(who) + 1
	if got := ask("strict"); len(got) != all {
		t.Fatalf("strict is on for %v alone", got)
	}
	held := time.Now()
	for time.Since(held) < (lease+2)*time.Second { // renewed for longer than it lasts
		if got := ask("strict"); len(got) != all {
			t.Fatalf("while all is well strict is on for %v alone", got)
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.silent.Store(time.Now().UnixNano())
	eventually(t, "strict goes off everywhere", func() bool { return len(ask("strict")) == 0 })
	s.stop()
	if got := ask("other"); len(got) != all {
		t.Errorf("the other is on for %v alone", got)
	}
	for name, c := range who {
		d, err := c.BooleanValueDetails(ctx, "strict", true, openfeature.EvaluationContext{})
		if err != nil || d.Value || d.Variant != "stale" {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
	s.silent.Store(0)
	s.start()
	eventually(t, "strict comes back everywhere", func() bool { return len(ask("strict")) == all })
}

// By a fake clock: the edge and our provider, to the second.
func TestALeaseByTheFakeClock(t *testing.T) {
	began := time.Now()
	var ahead atomic.Int64
	now := func() time.Time { return began.Add(time.Duration(ahead.Load())) }
	s := newServer(t, pair(600))
	dir := t.TempDir()
	e := s.edge(func(c *edge.Config) { c.Now, c.Upstream.DataDir = now, dir })
	p, err := provider.New("http://"+s.address, provider.WithRegion("co"), provider.WithClock(now))
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, "ours", p)
	<-e.Ready()
	s.stop()
	expect := func(e *running, on bool) {
		t.Helper()
		v, _ := c.BooleanValue(ctx, "strict", false, openfeature.EvaluationContext{})
		if v != on || e.value("strict") != on {
			t.Errorf("%v later strict is %v with the provider, %v at the edge; want %v", time.Duration(ahead.Load()), v, e.value("strict"), on)
		}
		if v, _ := c.BooleanValue(ctx, "other", false, openfeature.EvaluationContext{}); !v || e.value("other") != true {
			t.Errorf("%v later the other is %v, %v", time.Duration(ahead.Load()), v, e.value("other"))
		}
	}
	expect(e, true)
	ahead.Store(int64(395 * time.Second)) // up to a third of the lease has passed before it was sent
	expect(e, true)
	eventually(t, "the edge notices", func() bool { _, _, body := e.ofrep("other", nil); return body["reason"] == "STALE" })
	_, h, _ := e.ofrep("", nil)
	if status, _, _ := e.ofrep("", nil, "If-None-Match", h.Get("ETag")); status != http.StatusNotModified {
		t.Errorf("asked again at once: %d", status)
	}
	ahead.Store(int64(600 * time.Second))
	if status, _, _ := e.ofrep("", nil, "If-None-Match", h.Get("ETag")); status != http.StatusOK {
		t.Errorf("once the lease has run out, asked with the earlier ETag: %d", status)
	}
	expect(e, false)
	e.stop()
	e = s.edge(func(c *edge.Config) { c.Now, c.Upstream.DataDir = now, dir })
	expect(e, false) // a restart prolongs nothing
	ahead.Store(int64(1000 * time.Hour))
	expect(e, false)
}

// With the store and then the server gone, no evaluation fails.
func TestEvaluationGoesOn(t *testing.T) {
	n, direct := 4_000, 100_000
	if os.Getenv("QUORATE_SOAK") != "" {
		n = 100_000
	}
	s := newServer(t, pair(2))
	e := s.edge()
	<-e.Ready()
	c := client(t, "ours", ours(t, s.address))
	s.silent.Store(time.Now().UnixNano())
	var running sync.WaitGroup
	var failed atomic.Int64
	half := make(chan struct{})
	running.Go(func() {
		for i := range n {
			if i == n/2 {
				close(half)
			}
			if status, _, body := e.ofrep("other", nil); status != 200 || body["value"] != true {
				failed.Add(1)
			}
		}
	})
	running.Go(func() {
		<-half
		s.stop()
	})
	for range direct {
		if on, err := c.BooleanValue(ctx, "other", false, openfeature.EvaluationContext{}); err != nil || !on {
			failed.Add(1)
		}
	}
	running.Wait()
	if f := failed.Load(); f > 0 {
		t.Errorf("%d of %d evaluations failed", f, n+direct)
	}
}

// The server's end of introspection, as far as an edge sees it.
type introspection struct {
	*httptest.Server
	asked   atomic.Int64
	status  atomic.Int64
	expires time.Time
}

func newIntrospection(t *testing.T) *introspection {
	i := &introspection{expires: time.Now().Add(time.Hour).UTC().Truncate(time.Second)}
	i.status.Store(200)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		if r.Header.Get("Authorization") != "Bearer "+good {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(int(i.status.Load()))
		fmt.Fprintf(w, `{"id":"token:1","name":"portal","grants":[{"role":"service","regions":["co"]}],"expires":%q}`, i.expires.Format(time.RFC3339))
	}))
	t.Cleanup(i.Close)
	return i
}

const good = "qrt_aaaaaaaaaaaaaaaa_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

// A token is asked about at most once a minute, honoured without the server until
// it expires, and good for its own regions alone.
func TestTokensAreIntrospected(t *testing.T) {
	began := time.Now()
	var ahead atomic.Int64
	i := newIntrospection(t)
	s := newServer(t, words("co", "a=co"))
	s.put("hi", words("hi", "a=hi"))
	e := s.edge(func(c *edge.Config) {
		c.TrustNetwork, c.Introspect, c.Upstream.Regions = false, i.URL, []string{"co", "hi"}
		c.Now = func() time.Time { return began.Add(time.Duration(ahead.Load())) }
	})
	<-e.Ready()
	status := func(token, region string) int {
		code, _, _ := e.ofrep("a", nil, "Authorization", "Bearer "+token, "Flagd-Selector", "flagSetId="+region)
		return code
	}
	if got, _, _ := e.ofrep("a", nil, "Flagd-Selector", "flagSetId=co"); got != 401 {
		t.Errorf("without a token: %d", got)
	}
	other := strings.Replace(good, "a", "c", 1)
	for range 2 { // the second time it is not asked again
		if co, hi := status(good, "co"), status(good, "hi"); co != 200 || hi != 403 {
			t.Errorf("co %d, hi %d", co, hi)
		}
		if got := status(other, "co"); got != 401 {
			t.Errorf("an unknown token: %d", got)
		}
	}
	if n := i.asked.Load(); n != 2 {
		t.Errorf("asked %d times about two tokens", n)
	}
	if status("qrt_x", "co") != 401 || i.asked.Load() != 2 {
		t.Error("what is no token was asked about")
	}
	ahead.Store(int64(61 * time.Second))
	if status(good, "co") != 200 || i.asked.Load() != 3 {
		t.Errorf("a minute later it was asked %d times", i.asked.Load())
	}
	i.status.Store(500)
	ahead.Store(int64(30 * time.Minute))
	if got := status(good, "co"); got != 200 {
		t.Errorf("while the server fails, a known token: %d", got)
	}
	if got := status(strings.Replace(good, "b", "c", 1), "co"); got != 401 {
		t.Errorf("while the server fails, one it refuses: %d", got)
	}
	ahead.Store(int64(61 * time.Minute))
	if got := status(good, "co"); got != 401 {
		t.Errorf("an expired token: %d", got)
	}
	ahead.Store(int64(31 * time.Minute))
	i.status.Store(200)
	if got := status(good, "co"); got != 200 {
		t.Errorf("the server is back: %d", got)
	}
	i.status.Store(401)
	ahead.Store(int64(33 * time.Minute))
	if got := status(good, "co"); got != 401 {
		t.Errorf("a revoked token: %d", got)
	}
	if strings.Contains(e.log.String(), good) {
		t.Error("a token was logged")
	}
}
