package server_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/flags/provider"
	"github.com/quorate/quorate/flags/provider/upstream"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/internal/server"
)

// ourProvider is a client of our own Go provider, ready.
func ourProvider(t *testing.T, name, address string, options ...provider.Option) *openfeature.Client {
	t.Helper()
	p, err := provider.New("http://"+address, append([]provider.Option{provider.WithLogger(slog.New(slog.DiscardHandler))}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	t.Cleanup(func() { _ = openfeature.SetNamedProvider(name, openfeature.NoopProvider{}); p.Shutdown() })
	if err := openfeature.SetNamedProviderWithContextAndWait(ctx, name, p); err != nil {
		t.Fatal(err)
	}
	return openfeature.NewClient(name)
}

// Our provider at a server: it starts with what is, hears of changes at once,
// keeps to its region, keeps its last values while the server is gone, starts from
// disk without it, and recovers.
func TestOurGoProviderLive(t *testing.T) {
	s := newFlagdSite(t)
	file := filepath.Join(t.TempDir(), "co.flags")
	w := &watcher{t: t, lines: make(chan line, 100_000)}
	ours := []string{"ours"}
	watchGo(t, w, "ours", ourProvider(t, "ours live", s.FlagdAddr(), provider.WithRegion("co"), provider.WithFile(file)))
	w.all("the first value", 20*time.Second, ours, says("not-enabled"))
	s.turn(true)
	on := w.wait("turned on", 20*time.Second, says("on"))
	if on.Value != true || on.Reason != "TARGETING_MATCH" || on.Metadata["region"] != "co" || on.Metadata["flagSetId"] != "co" || on.Metadata["capability"] != "video_visit" {
		t.Errorf("turned on: %+v", on)
	}
	s.turn(false)
	w.wait("turned off", 20*time.Second, says("turned-off"))
	s.turn(true)
	w.wait("turned on again", 20*time.Second, says("on"))

	var refused *openfeature.ProviderInitError
	p, err := provider.New("http://"+s.FlagdAddr(), provider.WithRegion("hi"), provider.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Shutdown()
	if err := p.Init(openfeature.EvaluationContext{}); !errors.As(err, &refused) {
		t.Errorf("hi, with the network's credential for co: %v", err)
	}

	s.stop()
	w.wait("the last value is stale", 20*time.Second, func(l line) bool { return says("on")(l) && l.Value == true && l.Reason == "STALE" })
	watchGo(t, w, "restarted", ourProvider(t, "ours restarted", s.cfg.Flagd.Listen, provider.WithRegion("co"), provider.WithFile(copyOf(t, file))))
	w.wait("a restart without the server", 20*time.Second, func(l line) bool { return l.Provider == "restarted" && says("on")(l) && l.Reason == "STALE" })
	s.start()
	s.turn(false)
	w.all("turned off after the restart", 20*time.Second, []string{"ours", "restarted"}, func(l line) bool { return says("turned-off")(l) && l.Reason == "TARGETING_MATCH" })
	for _, l := range w.seen {
		if l.ErrorCode != "" {
			t.Errorf("at some time it said %+v", l)
		}
	}
}

// A set says of which life of which store it is, and of which revision, so that
// those who keep it can refuse one that is older.
func TestASetSaysWhenceItComes(t *testing.T) {
	s := newFlagdSite(t)
	f, err := upstream.New(upstream.Config{URL: "http://" + s.FlagdAddr(), Region: "co", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	select {
	case <-f.Ready():
	case <-time.After(20 * time.Second):
		t.Fatal("no set came within 20 s")
	}
	before := f.State().Origin
	if before.Incarnation == "" || before.Epoch == 0 || before.Revision == 0 {
		t.Errorf("the set is of %+v", before)
	}
	s.turn(true)
	for end := time.Now().Add(20 * time.Second); f.State().Origin.Revision <= before.Revision; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a change the set is of %+v", f.State().Origin)
		}
	}
	if after := f.State().Origin; after.Incarnation != before.Incarnation || after.Epoch != before.Epoch {
		t.Errorf("after a change the set is of %+v, before of %+v", after, before)
	}
}

// A lease is compared with how long the store has been silent: by the clock, or by
// the monotonic one where the clock was set back.
func TestTheReplicaKnowsHowLongTheStoreIsSilent(t *testing.T) {
	s := newSite(t, t.TempDir())
	now := time.Now()
	if d := s.Replica.Silence(now); d > 20*time.Second {
		t.Errorf("in contact it is silent for %v", d)
	}
	if d := s.Replica.Silence(now.Add(time.Hour)); d < 59*time.Minute {
		t.Errorf("in an hour it will have been silent for %v", d)
	}
	if d := s.Replica.Silence(now.Add(-time.Hour)); d < 0 {
		t.Errorf("with a clock set back it is silent for %v", d)
	}
}

func copyOf(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(out, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// With the store and then the server gone, our provider answers a hundred thousand
// questions without an error.
func TestEvaluationGoesOnWithoutStoreAndServer(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	etcd, err := embedded.Start(ctx, embedded.Config{Dir: t.TempDir(), SmallWAL: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var gone atomic.Bool
	stopStore := func() {
		if gone.CompareAndSwap(false, true) {
			if err := etcd.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stopStore)
	s := newSite(t, t.TempDir(), func(c *server.Config) {
		c.Etcd = server.Etcd{Endpoints: []string{etcd.Endpoint()}}
		c.Flagd = server.Flagd{Listen: "127.0.0.1:0", TrustedRegion: "co"}
	})
	s.furnish()
	lead := s.token("Colorado lead", identity.RegionalLead, "co")
	s.must(s.do("PUT", "/api/v1/regions/co/enablements/video_visit", lead, object{"answer": "enable", "reason": "clinics are ready"}))
	client := ourProvider(t, "ours goes on", s.FlagdAddr(), provider.WithRegion("co"))
	patient := openfeature.NewEvaluationContext("p1", map[string]any{"action": "start"})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if on, _ := client.BooleanValue(ctx, "video_visit", false, patient); on {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it was not turned on within 20 s")
		}
	}
	for i := range 100_000 {
		switch i {
		case 20_000:
			stopStore()
		case 60_000:
			s.stop()
		}
		if on, err := client.BooleanValue(ctx, "video_visit", false, patient); err != nil || !on {
			t.Fatalf("question %d: %v, %v", i, on, err)
		}
	}
}
