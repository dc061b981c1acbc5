package server

import (
	"net/http"
	"sync"

	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/ui"
)

// pageRoutes adds what people see.
func (s *Server) pageRoutes(router chi.Router) {
	ui.New(ui.Config{Access: s.Access, Directory: s.Directory, Door: s.Door, Cookies: s.cookies(), Flags: s.Flags, Replica: s.Replica,
		Gate: s.gate, Policy: s.Policy, Record: s.Record, Asks: s.pack.Decide, Share: regulated{s}.Share, Changed: s.bell.changed, Health: s.pageHealth,
		Now: s.cfg.Now, Log: s.cfg.Log, Notice: s.cfg.Notice}).Routes(router)
}

// isStream tells requests that last as long as they last.
func isStream(r *http.Request) bool { return isBackup(r) || r.URL.Path == ui.EventsPath }

func (s *Server) pageHealth() ui.Health {
	h := s.health()
	return ui.Health{Ready: h.Ready, Fresh: h.Fresh, Revision: h.Revision, LastContact: h.LastContact, Problem: h.Problem,
		Version: s.cfg.Version, Bytes: s.space.total.Load(), Quota: embedded.DefaultQuotaBytes, Replica: s.replica}
}

// A bell is rung whenever something is written that pages show. Its channel is closed
// then, and another takes its place.
type bell struct {
	mu   sync.Mutex
	next chan struct{}
}

// shownPrefixes are what stands on pages, beside what flags holds.
func shownPrefixes() []string {
	return append(gate.Prefixes(), "regions/", "capabilities/", "offers/", "enablements/", "policy/", "evidence/", "waivers/", "motions/", "meetings/", "cycles/")
}

func (b *bell) changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

func (b *bell) ring(kv.Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}
