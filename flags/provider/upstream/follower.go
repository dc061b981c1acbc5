package upstream

//lint:file-ignore SA1019 a server that does not read the header reads the selector in the body

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/sync/v1/syncv1connect"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"connectrpc.com/connect"

	"github.com/quorate/quorate/flags/eval"
)

// Config says whom to follow. URL and Now are required.
type Config struct {
	URL    string // "https://quorate.internal:8013"; http:// is HTTP/2 without TLS
	Region string // "" is the one that the credential covers
	// TLS is for https; nil trusts the system's authorities and shows no
	// certificate.
	TLS   *tls.Config
	Token string // sent as `Authorization: Bearer`; "": none
	// File is where the last good set is kept; "": in memory alone. One follower
	// per file.
	File string
	// Name is what the server's log may call us.
	Name string
	// MaxBytes is the size of the largest set that is taken; 0 means 16 MiB.
	MaxBytes int
	// Now is the clock. Its monotonic reading, if it has one, is what leases go by.
	Now func() time.Time
	Log *slog.Logger // nil: slog.Default()
	// Listen is told of what happens, in order and from one goroutine. It must
	// not block. nil: nobody is.
	Listen func(Event)
	// Soonest and Latest bound the pause before the next try; 0 means 200 ms and
	// 10 s.
	Soonest, Latest time.Duration
}

// DefaultMaxBytes is the size of the largest set that is taken, unless said
// otherwise.
const DefaultMaxBytes = 16 << 20

// Kind is what an Event tells.
type Kind int

// The kinds of events.
const (
	Applied   Kind = iota + 1 // another set was applied, or leases ran out or were renewed: Keys have changed
	Connected                 // the server is heard of, for the first time or again: there is a State
	Lost                      // the server is not heard of; the last set is served
	Refused                   // the server refuses us, or what it sends cannot be used: Err says why
)

// Event is something that happened.
type Event struct {
	Kind Kind
	Keys []string
	Err  error
}

// A Follower keeps the newest State. Its methods are safe for concurrent use.
type Follower struct {
	cfg    Config
	client syncv1connect.FlagSyncServiceClient
	idle   func() // closes idle connections
	state  atomic.Pointer[State]
	ready  chan struct{} // closed with the first State
	once   sync.Once

	lapsed  map[string]bool // keys whose lease had run out when last looked; Run's goroutine alone
	silent  bool            // that the server is not heard of was told; Run's goroutine alone
	refused string          // why it refuses, as told last; Run's goroutine alone
	changed chan struct{}   // closed and replaced when state is; guarded by mu
	mu      sync.Mutex
}

// New makes a follower and reads what is kept on disk, so that State may be there
// at once. Nothing is asked of the server before Run. Errors say which option is
// wrong; a file that cannot be used is not one, it is logged and replaced by the
// first good set.
func New(cfg Config) (*Follower, error) {
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the address %q of the server is not like https://quorate.internal:8013", cfg.URL)
	case cfg.Now == nil:
		return nil, errors.New("no clock was given")
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = DefaultMaxBytes
	}
	if cfg.Soonest == 0 {
		cfg.Soonest = 200 * time.Millisecond
	}
	if cfg.Latest == 0 {
		cfg.Latest = 10 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Listen == nil {
		cfg.Listen = func(Event) {}
	}
	f := &Follower{cfg: cfg, ready: make(chan struct{}), changed: make(chan struct{}), lapsed: map[string]bool{}}
	transport := newTransport(cfg.TLS)
	f.idle = transport.CloseIdleConnections
	f.client = syncv1connect.NewFlagSyncServiceClient(&http.Client{Transport: transport}, cfg.URL,
		connect.WithGRPC(), connect.WithReadMaxBytes(cfg.MaxBytes))
	if cfg.File != "" {
		f.restore()
	}
	return f, nil
}

// newTransport speaks HTTP/2 alone and notices a connection that has gone silent.
// It writes into its TLS configuration, which may be that of others too.
func newTransport(secure *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{Protocols: protocols, TLSClientConfig: secure.Clone(), DialContext: dialer.DialContext,
		TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 15 * time.Second,
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}}
}

func (f *Follower) selector() string {
	if f.cfg.Region == "" {
		return ""
	}
	return "flagSetId=" + f.cfg.Region
}

// restore applies what is kept on disk.
func (f *Follower) restore() {
	s, err := loadStored(f.cfg.File, f.selector(), int64(2*f.cfg.MaxBytes)+64<<10) // quoting may double it
	if errors.Is(err, errNoFile) {
		return
	}
	var set *eval.Set
	if err == nil {
		set, err = eval.Compile([]byte(s.Document))
	}
	if err != nil {
		f.cfg.Log.Warn("the set kept on disk cannot be used; waiting for the server", "file", f.cfg.File, "error", err)
		return
	}
	f.publish(&State{Set: set, Context: s.Context, Origin: s.Origin, Since: s.Received, Serial: 1,
		document: s.Document, granted: s.Granted, received: s.Received})
	f.silent = true
	f.cfg.Log.Info("serving the set kept on disk until the server is heard of", "file", f.cfg.File, "revision", s.Origin.Revision, "received", s.Received)
}

// State is the newest set, nil until there is one.
func (f *Follower) State() *State { return f.state.Load() }

// Ready is closed once there is a State.
func (f *Follower) Ready() <-chan struct{} { return f.ready }

// Changed is closed when State is replaced. Take it before State, or a change in
// between is missed.
func (f *Follower) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

func (f *Follower) publish(s *State) {
	f.state.Store(s)
	f.once.Do(func() { close(f.ready) })
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.changed)
	f.changed = make(chan struct{})
}

// Run follows the server until ctx ends. It may be called again after that.
func (f *Follower) Run(ctx context.Context) {
	defer f.idle()
	watching := make(chan struct{})
	events := make(chan received)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(watching)
		defer close(events)
		f.connectAgain(ctx, events)
	}()
	defer func() {
		cancel()
		for range events { // so that it can end
		}
		<-watching
		f.disconnect()
	}()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case r, open := <-events:
			if !open { // ctx has ended
				return
			}
			r.done <- f.take(r)
		case <-look.C:
			f.lookAtLeases()
		case <-ctx.Done():
			return
		}
	}
}

// disconnect lets the state say that nobody renews it.
func (f *Follower) disconnect() {
	if s := f.state.Load(); s != nil && s.Connected {
		next := *s
		next.Connected = false
		f.publish(&next)
	}
}

// received is what came of the stream: a message, or its end.
type received struct {
	msg  *syncv1.SyncFlagsResponse
	err  error
	done chan error
}

// connectAgain opens the stream again and again.
func (f *Follower) connectAgain(ctx context.Context, events chan<- received) {
	pause := f.cfg.Soonest
	tell := func(r received) error {
		r.done = make(chan error, 1)
		select {
		case events <- r:
			select {
			case err := <-r.done:
				return err
			case <-ctx.Done():
			}
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	for ctx.Err() == nil {
		good, err := f.stream(ctx, tell)
		if ctx.Err() != nil || tell(received{err: err}) != nil {
			return
		}
		if good {
			pause = f.cfg.Soonest
		}
		wait := time.NewTimer(pause/2 + rand.N(pause/2+1))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return
		}
		pause = min(2*pause, f.cfg.Latest)
	}
}

// stream reads one stream to its end; good is true if a set of it was applied.
func (f *Follower) stream(ctx context.Context, tell func(received) error) (good bool, err error) {
	ctx, cancel := context.WithCancel(ctx) // whatever ends us ends the stream
	defer cancel()
	req := connect.NewRequest(&syncv1.SyncFlagsRequest{ProviderId: f.cfg.Name, Selector: f.selector()})
	if s := f.selector(); s != "" {
		req.Header().Set("Flagd-Selector", s)
	}
	if f.cfg.Token != "" {
		req.Header().Set("Authorization", "Bearer "+f.cfg.Token)
	}
	stream, err := f.client.SyncFlags(ctx, req)
	if err != nil {
		return false, err
	}
	defer func() { cancel(); _ = stream.Close() }()
	for stream.Receive() {
		if err := tell(received{msg: stream.Msg()}); err != nil {
			return good, err
		}
		good = true
	}
	if err := stream.Err(); err != nil {
		return good, err
	}
	return good, errors.New("the server ended the stream")
}

// refusal is an answer that will not get better by itself.
type refusal struct{ error }

// take applies what came. An error ends the stream.
func (f *Follower) take(r received) error {
	if r.msg == nil {
		f.lost(r.err)
		return nil
	}
	if err := f.apply(r.msg); err != nil {
		return refusal{err}
	}
	return nil
}

// lost tells that the server is not heard of, or why it does not help that it is.
func (f *Follower) lost(err error) {
	f.disconnect()
	var no refusal
	code := connect.CodeOf(err)
	if errors.As(err, &no) || code == connect.CodeUnauthenticated || code == connect.CodePermissionDenied ||
		code == connect.CodeNotFound || code == connect.CodeInvalidArgument || code == connect.CodeResourceExhausted {
		if f.silent = true; f.refused != err.Error() { // not again at each try
			f.refused = err.Error()
			f.cfg.Log.Error("the server's flags cannot be had; the last good ones are served", "error", err)
			f.cfg.Listen(Event{Kind: Refused, Err: err})
		}
		return
	}
	if !f.silent || f.refused != "" {
		f.refused = ""
		f.cfg.Log.Warn("the server is not heard of; the last good flags are served", "error", err)
		f.cfg.Listen(Event{Kind: Lost, Err: err})
	}
	f.silent = true
}

// apply makes a message the state, if it is good.
func (f *Follower) apply(msg *syncv1.SyncFlagsResponse) error {
	now, last := f.cfg.Now(), f.state.Load()
	m, err := readDocument(msg.GetFlagConfiguration())
	if err != nil {
		return err
	}
	next := &State{Context: msg.GetSyncContext().AsMap(), Origin: m.origin, Connected: true, Since: now, Serial: 1,
		document: m.document, granted: m.granted, received: now}
	if last != nil {
		if m.origin.stale(last.Origin) {
			return fmt.Errorf("the set is older than the one that is served, or from another store: revision %d, epoch %d, incarnation %.40q; served are %d, %d, %.40q",
				m.origin.Revision, m.origin.Epoch, m.origin.Incarnation, last.Origin.Revision, last.Origin.Epoch, last.Origin.Incarnation)
		}
		next.Set, next.Serial = last.Set, last.Serial
	}
	same := last != nil && last.document == m.document
	if !same {
		if next.Set, err = eval.Compile([]byte(m.document)); err != nil {
			return fmt.Errorf("the set cannot be used: %w", err)
		}
		next.Serial++
	}
	return f.become(last, next, same)
}

// become serves a state, keeps it and tells of it.
func (f *Follower) become(last, next *State, same bool) error {
	f.publish(next)
	f.keep(next)
	if last != nil && !same {
		f.cfg.Listen(Event{Kind: Applied, Keys: changes(last.Set, next.Set)})
	}
	if last == nil || !last.Connected {
		f.silent, f.refused = false, ""
		f.cfg.Listen(Event{Kind: Connected})
	}
	f.lookAtLeases()
	return nil
}

// keep writes the state to disk. That it cannot does not keep it from being
// served.
func (f *Follower) keep(s *State) {
	if f.cfg.File == "" {
		return
	}
	err := stored{Selector: f.selector(), Origin: s.Origin, Granted: s.granted, Received: s.received.UTC(), Context: s.Context, Document: s.document}.save(f.cfg.File)
	if err != nil {
		f.cfg.Log.Error("the set could not be kept on disk: a restart without the server would have an older one or none", "error", err)
	}
}

// lookAtLeases tells of the flags whose lease has run out, or is renewed, since
// it looked last.
func (f *Follower) lookAtLeases() {
	s := f.state.Load()
	if s == nil {
		return
	}
	maps.DeleteFunc(f.lapsed, func(key string, _ bool) bool { _, has := s.Set.Flag(key); return !has })
	silence := s.Silence(f.cfg.Now())
	var keys []string
	for _, key := range s.Set.Keys() {
		flag, _ := s.Set.Flag(key)
		if lease := flag.Lease(); (lease > 0 && silence >= lease) != f.lapsed[key] {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if f.lapsed[key] = !f.lapsed[key]; !f.lapsed[key] {
			delete(f.lapsed, key)
		}
	}
	if len(keys) > 0 {
		f.cfg.Listen(Event{Kind: Applied, Keys: keys})
	}
}
