package ofrep

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// look is how often the clock, and the store's silence, are looked at: both
// change values without a change of the store.
const look = 250 * time.Millisecond

// bells holds one bell for every region. A region's bell rings when that region's
// values change, and no other's.
type bells struct {
	mu       sync.Mutex // held whenever one is made, rung or removed
	byRegion map[string]*bell
}

// bell tells any number of listeners of the last event. Ringing costs the same
// for one and for ten thousand, and a slow listener holds up nobody.
type bell struct {
	mu      sync.Mutex
	event   *event        // guarded by mu, and by bells.mu
	rung    chan struct{} // closed and replaced with each event
	removed atomic.Bool   // there is no such region any more
}

// last is the last event, and what is closed when there is another.
func (b *bell) last() (*event, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.event, b.rung
}

func (b *bell) ring(e *event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.event = e
	close(b.rung)
	b.rung = make(chan struct{})
}

// Run rings the bells until ctx ends.
func (h *Handler) Run(ctx context.Context) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		changed := h.source.Changed()
		h.ringBells()
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// bell is the bell of a region, nil if there is no such region.
func (h *Handler) bell(region string) *bell {
	if s := h.source.State(); s == nil || !s.HasRegion(region) {
		return nil
	}
	for range 2 {
		h.bells.mu.Lock()
		b := h.bells.byRegion[region]
		h.bells.mu.Unlock()
		if b != nil {
			return b
		}
		h.ringBells() // the region was founded a moment ago
	}
	return nil
}

// ringBells compares every region with what its listeners were told last.
func (h *Handler) ringBells() {
	s := h.source.State()
	if s == nil {
		return
	}
	fresh, _ := h.source.Fresh()
	now := h.cfg.Now()
	silence := h.source.Silence(now)
	h.bells.mu.Lock()
	defer h.bells.mu.Unlock()
	for _, key := range s.RegionKeys() {
		lapsed := 0
		if t := h.table(s, key); t != nil {
			lapsed = t.lapsed(silence)
		}
		id := state(s, key, now, !fresh, lapsed)
		switch b := h.bells.byRegion[key]; {
		case b == nil:
			h.bells.byRegion[key] = &bell{event: newEvent(id, now), rung: make(chan struct{})}
		case b.event.id != id:
			b.ring(newEvent(id, now))
		}
	}
	for key, b := range h.bells.byRegion {
		if !s.HasRegion(key) {
			delete(h.bells.byRegion, key)
			b.removed.Store(true)
			b.ring(b.event)
		}
	}
}
