package edge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"go.uber.org/goleak"

	"github.com/quorate/quorate/flags/edge"
	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/flags/flagd"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

func TestMain(m *testing.M) {
	code := m.Run()
	openfeature.Shutdown()
	http.DefaultClient.CloseIdleConnections()
	if code == 0 {
		// flagd's own provider does not end these.
		if err := goleak.Find(goleak.IgnoreAnyFunction("github.com/open-feature/go-sdk-contrib/providers/flagd/pkg.(*Provider).handleEvents")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

var ctx = context.Background()

type object = map[string]any

// logged is what an edge logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// running is an edge, and what it logged.
type running struct {
	*edge.Edge
	t   testing.TB
	log *logged
}

func start(t testing.TB, cfg edge.Config) *running {
	t.Helper()
	r := &running{t: t, log: &logged{}}
	cfg.Log = slog.New(slog.NewTextHandler(r.log, nil))
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	e, err := edge.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Edge = e
	t.Cleanup(r.stop)
	return r
}

func (r *running) stop() {
	if r.Edge == nil {
		return
	}
	if err := r.Close(); err != nil {
		r.t.Errorf("stopping the edge: %v", err)
	}
	r.Edge = nil
}

// files starts an edge of files with these contents, and says where they are.
func files(t testing.TB, change func(*edge.Config), contents ...string) (*running, []string) {
	t.Helper()
	cfg := edge.Config{}
	for i, c := range contents {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.json", i))
		write(t, path, c)
		cfg.Files = append(cfg.Files, path)
	}
	if change != nil {
		change(&cfg)
	}
	return start(t, cfg), cfg.Files
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ofrep asks for one flag, or for all with the key "".
func (r *running) ofrep(key string, facts object, headers ...string) (int, http.Header, object) {
	r.t.Helper()
	return post(r.t, "http://"+r.Addr("--ofrep-port")+strings.TrimSuffix("/ofrep/v1/evaluate/flags/"+key, "/"), facts, headers...)
}

func post(t testing.TB, url string, facts object, headers ...string) (int, http.Header, object) {
	t.Helper()
	if facts == nil {
		facts = object{}
	}
	raw, _ := json.Marshal(object{"context": facts})
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	var out object
	if len(body) > 0 {
		if err := json.Unmarshal(body, &out); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
	}
	return resp.StatusCode, resp.Header, out
}

func (r *running) value(key string, headers ...string) any {
	_, _, body := r.ofrep(key, nil, headers...)
	return body["value"]
}

func get(t testing.TB, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

// server is an upstream: it serves sets, and speaks for them up to a moment.
type server struct {
	*flagd.Sets
	t       testing.TB
	address string
	silent  atomic.Int64 // unix nanoseconds from which it is silent; 0: it is not
	stop    func()
}

func (s *server) Silence(at time.Time) time.Duration {
	if since := s.silent.Load(); since != 0 {
		return max(at.Sub(time.Unix(0, since)), 0)
	}
	return 0
}

func newServer(t testing.TB, document string) *server {
	s := &server{Sets: &flagd.Sets{}, t: t, address: "127.0.0.1:0"}
	s.put("co", document)
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

func (s *server) put(region, document string) {
	s.t.Helper()
	set, err := eval.Compile([]byte(document))
	if err != nil {
		s.t.Fatal(err)
	}
	s.Put(region, set)
}

func (s *server) start() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = l.Addr().String()
	handler := flagd.New(flagd.Config{Source: s, Now: time.Now, Log: slog.New(slog.DiscardHandler), TrustedRegion: identity.Every})
	h := flagd.NewServer(handler.All(), nil)
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Serve(l) }()
	s.stop = sync.OnceFunc(func() { handler.Close(); _ = h.Close(); <-done })
}

func (s *server) edge(change ...func(*edge.Config)) *running {
	s.t.Helper()
	cfg := edge.Config{Upstream: edge.Upstream{URL: "http://" + s.address, Regions: []string{"co"}}, TrustNetwork: true}
	for _, c := range change {
		c(&cfg)
	}
	return start(s.t, cfg)
}

func code(err error) string { return fault.From(err).Code }
