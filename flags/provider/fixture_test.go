package provider_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"go.uber.org/goleak"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/flags/flagd"
	"github.com/quorate/quorate/flags/provider"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

func TestMain(m *testing.M) {
	code := m.Run()
	openfeature.Shutdown()
	if code == 0 {
		// flagd's own provider, a floor of the benchmarks, does not end this one.
		if err := goleak.Find(goleak.IgnoreTopFunction("github.com/open-feature/go-sdk-contrib/providers/flagd/pkg.(*Provider).handleEvents")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

var ctx = context.Background()

type object = map[string]any

// site is a server of flagd's protocols that serves co, on one address through
// all its restarts.
type site struct {
	t       testing.TB
	sets    *flagd.Sets
	address string
	says    map[string]any // of itself, in every evaluation
	stop    func()
}

func newSite(t testing.TB, document string) *site {
	s := &site{t: t, sets: &flagd.Sets{}, address: "127.0.0.1:0"}
	s.put(document)
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

func (s *site) put(document string) {
	s.t.Helper()
	set, err := eval.Compile([]byte(document))
	if err != nil {
		s.t.Fatal(err)
	}
	s.sets.Put("co", set)
}

func (s *site) start() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = l.Addr().String()
	handler := flagd.New(flagd.Config{Source: s.sets, Now: time.Now, Log: slog.New(slog.DiscardHandler), TrustedRegion: "co",
		Context: s.says, Authenticate: authenticate})
	server := flagd.NewServer(handler.All(), nil)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	s.stop = sync.OnceFunc(func() { handler.Close(); _ = server.Close(); <-done })
}

// authenticate knows one token.
func authenticate(token string, _ time.Time) (identity.Principal, error) {
	if token != "qrt_service" {
		return identity.Principal{}, fault.New(fault.Unauthenticated, "unknown_token", "not known")
	}
	return identity.Principal{ID: "token:1", Name: "portal", Grants: []identity.Grant{{Role: identity.Service, Regions: []string{"co"}}}}, nil
}

// application is a client of a provider, and what the provider told it.
type application struct {
	*openfeature.Client
	*provider.Provider
	t testing.TB

	mu     sync.Mutex
	events []openfeature.EventType // guarded by mu
	keys   []string                // of changes; guarded by mu
}

func quiet() provider.Option { return provider.WithLogger(slog.New(slog.DiscardHandler)) }

// connect starts an application and waits until it is ready.
func (s *site) connect(options ...provider.Option) *application {
	s.t.Helper()
	a := s.application(options...)
	if err := a.begin(); err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *site) application(options ...provider.Option) *application {
	s.t.Helper()
	p, err := provider.New("http://"+s.address, append([]provider.Option{quiet(), provider.WithRegion("co")}, options...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return &application{Client: openfeature.NewClient(fmt.Sprintf("%s %p", s.t.Name(), p)), Provider: p, t: s.t}
}

func (a *application) begin() error {
	for _, kind := range []openfeature.EventType{openfeature.ProviderReady, openfeature.ProviderStale, openfeature.ProviderError, openfeature.ProviderConfigChange} {
		hear := func(d openfeature.EventDetails) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.events, a.keys = append(a.events, kind), append(a.keys, d.FlagChanges...)
		}
		a.AddHandler(kind, &hear)
		a.t.Cleanup(func() { a.RemoveHandler(kind, &hear) })
	}
	within, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	a.t.Cleanup(func() {
		_ = openfeature.SetNamedProvider(a.Client.Metadata().Domain(), openfeature.NoopProvider{})
		a.Provider.Shutdown()
	})
	return openfeature.SetNamedProviderWithContextAndWait(within, a.Client.Metadata().Domain(), a.Provider)
}

func (a *application) hears(event openfeature.EventType) {
	a.t.Helper()
	eventually(a.t, string(event), func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return slices.Contains(a.events, event)
	})
}

func (a *application) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events, a.keys = nil, nil
}

func (a *application) on(key string, otherwise bool, attributes object) openfeature.BooleanEvaluationDetails {
	d, _ := a.BooleanValueDetails(ctx, key, otherwise, openfeature.NewEvaluationContext("p-1", attributes))
	return d
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}
