package flagd

import (
	"context"
	"net/http"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/quorate/quorate/internal/fault"
)

const (
	keepAlive = 20 * time.Second // between signs of life on an idle stream
	patience  = 10 * time.Second // how long a reader may take for one message
)

// event is a message of EventStream.
type event struct {
	kind string
	data *structpb.Struct
}

// follower is what a stream does at each turn.
type follower struct {
	changed func(from, to []*view) error // from is nil the first time
	// turn comes after changed, at each look; it says when to look again even if
	// nothing changes, 0 for never. It is where leases are seen to.
	turn   func(now []*view) (time.Duration, error)
	idle   func() error // keepAlive has passed
	ending func()       // the server stops
}

// follow calls f as the regions change, until the caller leaves, the server
// stops, or the caller may not listen any more. Nothing is queued: what changed
// while f.changed was sending is sent next, as one change.
//
// regions is asked again before anything is sent, since a stream outlives what
// it was opened with.
func (h *Handler) follow(ctx context.Context, regions func() ([]string, error), f follower) error {
	leave, err := h.streams.enter()
	if err != nil {
		return protocolError(err)
	}
	defer leave()
	beat := time.NewTicker(h.keepAlive)
	defer beat.Stop()
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	var last []*view
	for {
		changed := h.cfg.Source.Changed() // before looking
		now, err := h.look(regions)
		if err != nil {
			return protocolError(err)
		}
		if last == nil || !slices.Equal(now, last) {
			if err := f.changed(last, now); err != nil {
				return err
			}
			last = now
		}
		next, err := f.turn(now)
		if err != nil {
			return err
		}
		if again.Stop(); next > 0 {
			again.Reset(next)
		}
		select {
		case <-changed:
		case <-again.C:
		case <-beat.C:
			err = h.recheck(regions, f.idle)
		case <-h.closing:
			f.ending()
			return protocolError(stopping())
		case <-ctx.Done():
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

func (h *Handler) look(regions func() ([]string, error)) ([]*view, error) {
	names, err := regions()
	if err != nil {
		return nil, err
	}
	return h.views.all(names)
}

func (h *Handler) recheck(regions func() ([]string, error), idle func() error) error {
	if _, err := regions(); err != nil {
		return protocolError(err)
	}
	return idle()
}

// events serves EventStream: provider_ready at once, then what changes.
func (h *Handler) events(ctx context.Context, header http.Header, write func(event) error) error {
	c := callerFrom(ctx)
	send := func(e event) error { return h.sending(ctx, func() error { return write(e) }) }
	lapses := lapses{}
	return h.follow(ctx, func() ([]string, error) { return h.regionsFor(c, header) }, follower{
		changed: func(from, to []*view) error {
			if from == nil {
				return send(event{kind: "provider_ready"})
			}
			data := changes(from, to)
			if data == nil {
				return nil // without keys, a client would throw away all it has
			}
			return send(event{"configuration_change", data})
		},
		turn: func(now []*view) (time.Duration, error) {
			data, next := lapses.look(now, h.cfg.Source.Silence(h.cfg.Now()))
			if data == nil {
				return next, nil
			}
			return next, send(event{"configuration_change", data})
		},
		idle:   func() error { return send(event{kind: "keep_alive"}) },
		ending: func() { _ = send(event{kind: "provider_shutdown"}) }, // who does not hear it hears the end
	})
}

type controllerKey struct{}

// sending gives one message of a stream its time. A reader that takes longer
// loses the stream: the deadline breaks the write, on HTTP/1.1 with the
// connection, on HTTP/2 with a reset of the stream.
func (h *Handler) sending(ctx context.Context, send func() error) error {
	rc, _ := ctx.Value(controllerKey{}).(*http.ResponseController)
	if rc == nil {
		return send()
	}
	_ = rc.SetWriteDeadline(h.cfg.Now().Add(h.patience)) // without one the connection's own limits hold
	err := send()
	if err != nil {
		if ctx.Err() == nil {
			h.metrics.dropped.Inc()
		}
		return err
	}
	_ = rc.SetWriteDeadline(time.Time{})
	return nil
}

// streams counts the open streams, so that there is an end to them.
type streams struct {
	slots   chan struct{} // one element for each that is open
	closing <-chan struct{}
}

func (s *streams) enter() (leave func(), err error) {
	select {
	case <-s.closing:
		return nil, stopping()
	default:
	}
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots }, nil
	default:
		return nil, fault.New(fault.RateLimited, "too_many_streams", "%d streams are open, which is all that this server takes", cap(s.slots)).
			Do("let an edge hold one stream for many services")
	}
}

// stopping ends each stream when the server stops. It is an error on purpose:
// flagd's JavaScript providers come back after an error, and never after a
// stream that ended well.
func stopping() error {
	return fault.New(fault.NotReady, "stopping", "the server is stopping").Do("connect again in a second")
}
