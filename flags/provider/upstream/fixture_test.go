package upstream_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/sync/v1/syncv1connect"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"connectrpc.com/connect"
	"go.uber.org/goleak"

	"github.com/quorate/quorate/flags/provider/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a server of flagd.sync.v1 that says what a test wants, on one address
// through all its restarts.
type script struct {
	syncv1connect.UnimplementedFlagSyncServiceHandler
	t       testing.TB
	address string
	http    *http.Server
	done    chan struct{}

	mu       sync.Mutex
	document string        // guarded by mu, as all below
	refusal  error         // instead of a document
	changed  chan struct{} // closed and replaced
	tokens   []string      // that came
	selector string        // that came last
}

func newScript(t testing.TB, document string) *script {
	s := &script{t: t, address: "127.0.0.1:0", document: document, changed: make(chan struct{})}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *script) start() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = l.Addr().String()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	mux := http.NewServeMux()
	mux.Handle(syncv1connect.NewFlagSyncServiceHandler(s))
	server, done := &http.Server{Handler: mux, Protocols: protocols}, make(chan struct{})
	s.http, s.done = server, done
	go func() { defer close(done); _ = server.Serve(l) }()
}

func (s *script) stop() {
	_ = s.http.Close()
	<-s.done
}

func (s *script) say(document string, refusal error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.document, s.refusal = document, refusal
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *script) SyncFlags(ctx context.Context, req *connect.Request[syncv1.SyncFlagsRequest], stream *connect.ServerStream[syncv1.SyncFlagsResponse]) error {
	for {
		s.mu.Lock()
		document, refusal, changed := s.document, s.refusal, s.changed
		s.tokens, s.selector = append(s.tokens, req.Header().Get("Authorization")), req.Header().Get("Flagd-Selector")
		s.mu.Unlock()
		if refusal != nil {
			return refusal
		}
		if err := stream.Send(&syncv1.SyncFlagsResponse{FlagConfiguration: document}); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// listening is a follower that runs, and what it told.
type listening struct {
	*upstream.Follower
	t    testing.TB
	stop func()

	mu     sync.Mutex
	events []upstream.Event // guarded by mu
}

func follow(t testing.TB, s *script, change ...func(*upstream.Config)) *listening {
	t.Helper()
	l := &listening{t: t}
	cfg := upstream.Config{URL: "http://" + s.address, Region: "co", Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Soonest: 10 * time.Millisecond, Latest: 50 * time.Millisecond, Listen: func(e upstream.Event) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.events = append(l.events, e)
		}}
	for _, c := range change {
		c(&cfg)
	}
	f, err := upstream.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l.Follower = f
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	l.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(l.stop)
	return l
}

// told lists what was told so far.
func (l *listening) told() []upstream.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

// forget lets the next wait see only what comes from now on.
func (l *listening) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = nil
}

func (l *listening) wait(what string, kind upstream.Kind) upstream.Event {
	l.t.Helper()
	var found upstream.Event
	eventually(l.t, what, func() bool {
		i := slices.IndexFunc(l.told(), func(e upstream.Event) bool { return e.Kind == kind })
		if i >= 0 {
			found = l.told()[i]
		}
		return i >= 0
	})
	return found
}

func (l *listening) value(key string) any {
	s := l.State()
	if s == nil {
		return nil
	}
	f, ok := s.Set.Flag(key)
	if !ok {
		return nil
	}
	return f.Evaluate(nil, time.Now()).Value
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

var errDown = connect.NewError(connect.CodeUnavailable, errors.New("not now"))
