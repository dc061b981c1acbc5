package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/flags/provider/upstream"
)

// Name is the provider's name in OpenFeature.
const Name = "Quorate"

// A Provider evaluates the flags of one region. Make it with New; it is safe for
// concurrent use, and may be bound to several domains of one API.
type Provider struct {
	options
	follower *upstream.Follower
	uses     *uses // nil: no tracking
	table    atomic.Pointer[table]
	events   chan openfeature.Event

	mu      sync.Mutex
	running *running // guarded by mu
}

var (
	_ openfeature.FeatureProvider          = (*Provider)(nil)
	_ openfeature.ContextAwareStateHandler = (*Provider)(nil)
	_ openfeature.EventHandler             = (*Provider)(nil)
	_ openfeature.Tracker                  = (*Provider)(nil)
)

// running is one life between start and shutdown.
type running struct {
	stop    context.CancelFunc
	done    sync.WaitGroup
	refused chan error        // why the server refuses us, until a first set has come
	status  openfeature.Event // told last; guarded by Provider.mu
}

// New makes a provider of the server at an address, "https://quorate.internal:8013".
// Nothing is asked of the server before the SDK starts it. The error says which
// option is wrong.
func New(url string, opts ...Option) (*Provider, error) {
	p := &Provider{events: make(chan openfeature.Event, 64)}
	p.wait, p.settle = 10*time.Second, time.Second
	p.upstream = upstream.Config{URL: url, Name: Name, Now: time.Now}
	for _, o := range opts {
		o(&p.options)
	}
	p.upstream.Listen = p.hear
	var err error
	if p.follower, err = upstream.New(p.upstream); err != nil {
		return nil, fmt.Errorf("quorate provider: %w", err)
	}
	if p.tracking != "" {
		if p.uses, err = newUses(p.tracking, p.upstream.Token, p.region, p.log()); err != nil {
			return nil, fmt.Errorf("quorate provider: %w", err)
		}
	}
	return p, nil
}

func (p *Provider) log() *slog.Logger {
	if p.upstream.Log != nil {
		return p.upstream.Log
	}
	return slog.Default()
}

// region is the one asked for or, failing that, the one the set says.
func (p *Provider) region() string {
	if p.upstream.Region != "" {
		return p.upstream.Region
	}
	if s := p.follower.State(); s != nil {
		region, _ := s.Set.Metadata()["flagSetId"].(string)
		return region
	}
	return ""
}

// Metadata names the provider.
func (p *Provider) Metadata() openfeature.Metadata { return openfeature.Metadata{Name: Name} }

// Hooks are those of WithHooks.
func (p *Provider) Hooks() []openfeature.Hook { return p.hooks }

// EventChannel is where the SDK hears of status and changes.
func (p *Provider) EventChannel() <-chan openfeature.Event { return p.events }

// Init is InitWithContext for callers without a context.
func (p *Provider) Init(c openfeature.EvaluationContext) error {
	return p.InitWithContext(context.Background(), c)
}

// InitWithContext starts the provider and returns once a set is served, be it
// from disk. If that takes too long, or the server refuses us, it returns an error
// and goes on trying until it is shut down.
func (p *Provider) InitWithContext(ctx context.Context, _ openfeature.EvaluationContext) error {
	r := p.start()
	if _, has := ctx.Deadline(); !has {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.wait)
		defer cancel()
	}
	select {
	case <-p.follower.Ready():
	case err := <-r.refused:
		return &openfeature.ProviderInitError{ErrorCode: openfeature.GeneralCode, Message: "the server refuses: " + err.Error()}
	case <-ctx.Done():
		return fmt.Errorf("no flags were received from %s: %w", p.upstream.URL, ctx.Err())
	}
	p.rebuild()
	return nil
}

// start begins a life, unless there is one.
func (p *Provider) start() *running {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running != nil {
		return p.running
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{stop: cancel, refused: make(chan error, 1)}
	p.running = r
	r.done.Go(func() { p.follower.Run(ctx) })
	r.done.Go(func() { p.tellAgain(ctx, r) })
	if p.uses != nil {
		r.done.Go(func() { p.uses.run(ctx) })
	}
	return r
}

// tellAgain repeats the status a moment after start. The SDK says READY when
// start returns, which would hide a status that was told before.
func (p *Provider) tellAgain(ctx context.Context, r *running) {
	select {
	case <-p.follower.Ready():
	case <-ctx.Done():
		return
	}
	wait := time.NewTimer(p.settle)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return
	}
	p.mu.Lock()
	status := r.status
	p.mu.Unlock()
	switch {
	case p.follower.State().Connected:
	case status.EventType == "":
		p.tell(openfeature.ProviderStale, openfeature.ProviderEventDetails{Message: "the server has not been heard of yet; flags are those kept on disk"})
	case status.EventType != openfeature.ProviderReady:
		p.emit(status)
	}
}

// Shutdown is ShutdownWithContext that waits for five seconds at most.
func (p *Provider) Shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = p.ShutdownWithContext(ctx)
}

// ShutdownWithContext ends the stream and sends what use is left to send. It may
// be called again, and the provider started again. The error is the context's.
func (p *Provider) ShutdownWithContext(ctx context.Context) error {
	p.mu.Lock()
	r := p.running
	p.running = nil
	p.mu.Unlock()
	p.table.Store(nil)
	if r == nil {
		return nil
	}
	r.stop()
	done := make(chan struct{})
	go func() { defer close(done); r.done.Wait() }()
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.uses != nil {
		return p.uses.flush(ctx)
	}
	return nil
}

// hear turns what happens to the stream into the SDK's events. It is called from
// the follower's goroutine.
func (p *Provider) hear(e upstream.Event) {
	switch e.Kind {
	case upstream.Applied:
		if first := p.table.Load() == nil; p.rebuild() && !first {
			p.tell(openfeature.ProviderConfigChange, openfeature.ProviderEventDetails{Message: "flags changed", FlagChanges: e.Keys})
		}
	case upstream.Connected:
		p.rebuild()
		p.tell(openfeature.ProviderReady, openfeature.ProviderEventDetails{Message: "flags are received"})
	case upstream.Lost:
		if p.follower.State() != nil { // else nothing is served that could be stale
			p.tell(openfeature.ProviderStale, openfeature.ProviderEventDetails{Message: "the server is not heard of; the last flags are served"})
		}
	case upstream.Refused:
		p.tell(openfeature.ProviderError, openfeature.ProviderEventDetails{ErrorCode: openfeature.GeneralCode, Message: e.Err.Error()})
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.running != nil {
			select {
			case p.running.refused <- e.Err:
			default: // said already
			}
		}
	}
}

// rebuild makes the table of the newest set; false while nothing runs.
func (p *Provider) rebuild() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, old := p.follower.State(), p.table.Load()
	if p.running == nil || s == nil {
		return false
	}
	if old == nil || old.serial != s.Serial {
		p.table.Store(newTable(s))
	}
	return true
}

func (p *Provider) tell(kind openfeature.EventType, d openfeature.ProviderEventDetails) {
	e := openfeature.Event{ProviderName: Name, EventType: kind, ProviderEventDetails: d}
	if kind != openfeature.ProviderConfigChange {
		p.mu.Lock()
		if p.running != nil {
			p.running.status = e
		}
		p.mu.Unlock()
	}
	p.emit(e)
}

// emit never blocks: the SDK stops reading when it has been shut down. Of too
// many events that nobody reads the oldest goes.
func (p *Provider) emit(e openfeature.Event) {
	for {
		select {
		case p.events <- e:
			return
		default:
		}
		select {
		case <-p.events:
		default:
		}
	}
}

var errNotReady = errors.New("no flags have been received yet")

func staleSince(t time.Time) string { return t.UTC().Format(time.RFC3339) }
