package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	gosdk "github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"
	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/flags/edge"
	"github.com/quorate/quorate/flags/provider"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/internal/server"
	"github.com/quorate/quorate/policy"
	rules "github.com/quorate/quorate/policy/rego"
)

// leaseSeconds is short, so that it can be waited for.
const leaseSeconds = "6"

// leasedVideo is the frame of the law with one rule, which makes video_visit strict.
func leasedVideo(t *testing.T) fs.FS {
	t.Helper()
	law := fstest.MapFS{
		"registry/video/data.yaml": {Data: []byte(`XS-VIDEO:
  title: Only while it is known to hold
  citation: A test
  jurisdictions: ["*"]
  actors: [provider]
  capabilities: [video_visit]
  phase: E
  acts: [enable]
  effective: "2020-01-01"
  time_zone: local
  status: in_force
  waivable_by: []
  point: flag
  lease: ` + leaseSeconds + `
  monotone: true
  confidence: source
  review_due: "2099-01-01"
`)},
		"rules/video/x.rego": {Data: []byte("package quorate.rules[\"XS-VIDEO\"]\n\nfinding contains {\"effect\": \"deny\", \"why\": \"not yet\"} if input.config.never == true\n")},
	}
	if err := fs.WalkDir(rules.Law, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(name, "registry/") || strings.HasPrefix(name, "rules/") || strings.HasSuffix(name, "_test.rego") {
			return err
		}
		raw, err := fs.ReadFile(rules.Law, name)
		law[name] = &fstest.MapFile{Data: raw}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return law
}

// strictSite is a server under a law that makes video_visit strict, on a store that
// can be frozen. video_visit, econsult, which needs it, and messaging, which does
// not, are on in co.
type strictSite struct {
	*site
	etcd *embedded.Supervisor
}

func newStrictSite(t *testing.T) *strictSite {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	etcd, err := embedded.Start(ctx, embedded.Config{Dir: t.TempDir(), SmallWAL: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := &strictSite{etcd: etcd}
	t.Cleanup(func() {
		s.freeze(false)
		if err := etcd.Close(); err != nil {
			t.Error(err)
		}
	})
	s.site = newSite(t, t.TempDir(), func(c *server.Config) {
		c.Unregulated = false
		c.Etcd = server.Etcd{Endpoints: []string{etcd.Endpoint()}}
		c.Flagd = server.Flagd{Listen: "127.0.0.1:0", TrustedRegion: "co"}
		c.CORSOrigins = []string{"http://localhost:3000"}
	})
	s.furnish()
	s.must(s.do("PUT", "/api/v1/capabilities/econsult", s.operator, object{"value": capability("econsult", "video_visit")}))
	s.must(s.do("PUT", "/api/v1/capabilities/messaging", s.operator, object{"value": capability("messaging")}))
	for _, key := range []string{"econsult", "messaging"} {
		s.must(s.do("PUT", "/api/v1/offers/"+key, s.operator, object{"kind": "full", "reason": "test"}))
	}
	s.activate(leasedVideo(t))
	lead := s.token("Colorado lead", identity.RegionalLead, "co")
	for _, key := range []string{"video_visit", "econsult", "messaging"} {
		s.must(s.do("PUT", "/api/v1/regions/co/enablements/"+key, lead, object{"answer": "enable", "reason": "clinics are ready"}))
	}
	return s
}

// activate has compliance push and activate a law, and counsel sign it.
func (s *site) activate(law fs.FS) {
	s.t.Helper()
	ctx := context.Background()
	as := func(name string, role identity.Role) gate.Origin { // somebody who has just signed in
		return gate.Origin{Reason: "test", Actor: identity.Principal{ID: "test:" + name, Name: name, Strength: identity.BySignIn, AuthTime: time.Now(),
			Grants: []identity.Grant{{Role: role, Regions: []string{identity.Every}}}}}
	}
	key, trusted, err := policy.NewKey("test")
	if err != nil {
		s.t.Fatal(err)
	}
	s.Trust(trusted)
	archive, err := policy.Pack(law, key)
	if err != nil {
		s.t.Fatal(err)
	}
	compliance := as("compliance", identity.Compliance)
	pushed, _, err := s.Policy.Push(ctx, compliance, policy.PushRequest{Archive: archive})
	if err != nil {
		s.t.Fatal(err)
	}
	_, receipt, err := s.Policy.Activate(ctx, compliance, policy.ActivateRequest{Layer: policy.Law, Digest: pushed.Digest})
	if err != nil {
		s.t.Fatal(err)
	}
	if receipt.Pending == nil {
		return
	}
	view, err := s.Gate().Look(ctx, receipt.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.Gate().Sign(ctx, as("counsel", identity.Counsel), receipt.ID, view.Binding); err != nil {
		s.t.Fatal(err)
	}
}

// freeze stops the store in its tracks: it is there and says nothing.
func (s *strictSite) freeze(frozen bool) {
	signal := syscall.SIGCONT
	if frozen {
		signal = syscall.SIGSTOP
	}
	if pid := s.etcd.Pid(); pid > 0 {
		_ = syscall.Kill(pid, signal)
	}
}

// edge is an edge of the server that asks nobody for a credential.
func (s *strictSite) edge() (e *edge.Edge, dir string) {
	s.t.Helper()
	dir = s.t.TempDir()
	return s.edgeOn(dir), dir
}

func (s *strictSite) edgeOn(dir string) *edge.Edge {
	s.t.Helper()
	e, err := edge.Start(context.Background(), edge.Config{TrustNetwork: true, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Upstream: edge.Upstream{URL: "http://" + s.cfg.Flagd.Listen, Regions: []string{"co"}, DataDir: dir}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := e.Close(); err != nil {
			s.t.Error(err)
		}
	})
	<-e.Ready()
	return e
}

// asked is what one way of asking says of a flag: a value, or a failure.
type asked func(key string) any

// ofrepAt asks one by one.
func ofrepAt(t *testing.T, base, token string) asked {
	return func(key string) any { return askAt(t, base+"/regions/co/ofrep/v1/evaluate/flags/"+key, token)["value"] }
}

// bulkAt asks for all at once.
func bulkAt(t *testing.T, base, token string) asked {
	return func(key string) any {
		flags, _ := askAt(t, base+"/regions/co/ofrep/v1/evaluate/flags", token)["flags"].([]any)
		for _, f := range flags {
			if f := f.(object); f["key"] == key {
				return f["value"]
			}
		}
		return "it is not there"
	}
}

func askAt(t *testing.T, url, token string) (body object) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(`{"context":{"targetingKey":"p1","action":"start"}}`))
	if err != nil {
		t.Error(err)
		return nil
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: status %d, %v", url, resp.StatusCode, err)
	}
	return body
}

func through(c *openfeature.Client) asked {
	patient := openfeature.NewEvaluationContext("p1", map[string]any{"action": "start"})
	return func(key string) any {
		if strings.Contains(key, ".") {
			n, err := c.IntValue(context.Background(), key, -1, patient)
			if err != nil {
				return err
			}
			return float64(n)
		}
		on, err := c.BooleanValue(context.Background(), key, false, patient)
		if err != nil {
			return err
		}
		return on
	}
}

// become waits until every way says of each flag what is wanted.
func become(t *testing.T, what string, ways map[string]asked, want map[string]any) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for name, ask := range ways {
		for key, value := range want {
			for got := ask(key); got != value; got = ask(key) {
				if time.Now().After(deadline) {
					t.Fatalf("%s: %s is %v with %s, want %v", what, key, got, name, value)
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
}

var (
	inContact = map[string]any{"video_visit": true, "video_visit.max_minutes": 30.0, "econsult": true, "messaging": true, "messaging.max_minutes": 30.0}
	lapsed    = map[string]any{"video_visit": false, "video_visit.max_minutes": 0.0, "econsult": false, "econsult.max_minutes": 0.0, "messaging": true, "messaging.max_minutes": 30.0}
)

// With the store frozen under a server, what a rule made strict goes off at whatever
// serves it once the lease has run out, the capability that needs it too, and nothing
// else does; all are told. It comes back with the store.
func TestAStrictCapabilityGoesOffWithItsStore(t *testing.T) {
	s := newStrictSite(t)
	s.cfg.Flagd.Listen = s.FlagdAddr()
	portal := s.token("portal", identity.Service, "co")
	e, _ := s.edge()
	edgeURL := "http://" + e.Addr("--ofrep-port")
	ways := map[string]asked{
		"OFREP": ofrepAt(t, s.URL(), portal), "OFREP for all": bulkAt(t, s.URL(), portal),
		"OFREP at the edge": ofrepAt(t, edgeURL, ""), "OFREP for all at the edge": bulkAt(t, edgeURL, ""),
		"our provider":                 through(ourProvider(t, "strict ours", s.FlagdAddr(), provider.WithRegion("co"))),
		"our provider at the edge":     through(ourProvider(t, "strict ours at the edge", e.Addr("--sync-port"), provider.WithRegion("co"))),
		"flagd's, in-process":          through(goFlagd(t, "strict in-process", s.FlagdAddr(), gosdk.WithInProcessResolver(), gosdk.WithSelector("flagSetId=co"))),
		"flagd's, remote":              through(goFlagd(t, "strict remote", s.FlagdAddr(), gosdk.WithRPCResolver(), gosdk.WithSelector("flagSetId=co"))),
		"flagd's, remote, at the edge": through(goFlagd(t, "strict remote at the edge", e.Addr("--port"), gosdk.WithRPCResolver(), gosdk.WithSelector("flagSetId=co"))),
	}
	become(t, "in contact", ways, inContact)
	if a := s.evaluate("co", portal); a.body["metadata"].(object)["lease"] != 6.0 {
		t.Errorf("what is said of it: %s", a.raw)
	}
	told := s.hear(portal)

	s.freeze(true)
	become(t, "with the store frozen", ways, lapsed)
	for name, ask := range ways { // and stay off
		if got := ask("video_visit"); got != false {
			t.Errorf("%s, off a moment ago, says %v", name, got)
		}
	}
	if a := s.evaluate("co", portal); a.body["variant"] != "stale" || a.body["reason"] != "STALE" {
		t.Errorf("what is said of it: %s", a.raw)
	}
	// Who asks again only when told to hears of it too.
	for on := any(true); on != false; {
		select {
		case <-told:
			on = ways["OFREP for all"]("video_visit")
		case <-time.After(30 * time.Second):
			t.Fatal("no event tells that it is off")
		}
	}
	s.freeze(false)
	become(t, "with the store back", ways, inContact)
}

// hear opens the stream of events of co, and says when there is one.
func (s *site) hear(token string) <-chan struct{} {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.URL()+"/regions/co/ofrep/v1/events", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		s.t.Fatalf("the stream answers %d", resp.StatusCode)
	}
	ended, told := make(chan struct{}), make(chan struct{}, 1000)
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "data:") {
				told <- struct{}{}
			}
		}
	}()
	s.t.Cleanup(func() { _ = resp.Body.Close(); <-ended })
	return told
}

// With the store and then the server gone, no question fails at the edge, with our
// provider or with flagd's, and what is not strict stays on; an edge that starts
// again serves at once, and what is strict stays off.
func TestNoQuestionFailsWithoutStoreAndServer(t *testing.T) {
	n := map[string]int{"our provider": 100_000, "flagd's, in-process": 4_000, "OFREP at the edge": 2_000}
	if os.Getenv("QUORATE_SOAK") == "1" {
		n["flagd's, in-process"], n["OFREP at the edge"] = 100_000, 100_000
	}
	s := newStrictSite(t)
	s.cfg.Flagd.Listen = s.FlagdAddr()
	e, dir := s.edge()
	ways := map[string]asked{
		"OFREP at the edge":   ofrepAt(t, "http://"+e.Addr("--ofrep-port"), ""),
		"our provider":        through(ourProvider(t, "no failure ours", s.FlagdAddr(), provider.WithRegion("co"))),
		"flagd's, in-process": through(goFlagd(t, "no failure in-process", s.FlagdAddr(), gosdk.WithInProcessResolver(), gosdk.WithSelector("flagSetId=co"))),
	}
	become(t, "in contact", ways, inContact)
	var running sync.WaitGroup
	half := make(chan struct{}, len(ways))
	goOn := make(chan struct{})
	for name, ask := range ways {
		running.Go(func() {
			for i := range n[name] {
				if i == n[name]/2 {
					half <- struct{}{}
					<-goOn // the server is gone now
				}
				if got := ask("messaging"); got != true {
					t.Errorf("question %d: %s says %v", i, name, got)
					return
				}
			}
		})
	}
	s.freeze(true)
	for range ways {
		select {
		case <-half:
		case <-time.After(2 * time.Minute):
			t.Fatal("half of the questions were not answered within 2 minutes")
		}
	}
	s.freeze(false) // a store that is frozen cannot be stopped
	if err := s.etcd.Close(); err != nil {
		t.Error(err)
	}
	s.stop()
	close(goOn)
	running.Wait()
	become(t, "without store and server", ways, lapsed)
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	again := s.edgeOn(dir)
	for key, want := range lapsed {
		if got := ofrepAt(t, "http://"+again.Addr("--ofrep-port"), "")(key); got != want {
			t.Errorf("an edge that started again says of %s: %v, want %v", key, got, want)
		}
	}
}
