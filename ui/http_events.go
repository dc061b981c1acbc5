package ui

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// EventsPath is where open pages hear that something changed. Whoever limits the time
// of requests MUST leave it out.
const EventsPath = "/events"

const (
	eventsLife = 10 * time.Minute // then the browser comes again, and is looked at again
	heartbeat  = 20 * time.Second
	settle     = 300 * time.Millisecond // so that many changes at once are one event
)

// events tells that something changed, and nothing of what: a page that hears it asks
// for itself again, and is shown what its reader may see then.
func (u *UI) events(w http.ResponseWriter, r *http.Request) error {
	if err := identity.Can(api.PrincipalFrom(r.Context()), identity.ReadState, identity.Target{Kind: "events"}); err != nil {
		return err
	}
	if u.Changed == nil {
		return fault.New(fault.NotFound, "no_events", "this server tells no events").Do("load the page again to see what changed")
	}
	if r.Method == http.MethodHead || !strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		w.WriteHeader(http.StatusNoContent) // whoever is no listener is not kept
		return nil
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	end, beat := time.NewTimer(eventsLife), time.NewTicker(heartbeat)
	defer end.Stop()
	defer beat.Stop()
	say := func(text string) bool {
		if err := out.SetWriteDeadline(u.Now().Add(2 * heartbeat)); err != nil {
			return false
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return false
		}
		return out.Flush() == nil
	}
	changed := u.Changed()
	if !say("retry: 3000\n\n") {
		return nil
	}
	for {
		select {
		case <-changed:
			time.Sleep(settle)
			changed = u.Changed()
			if !say("data: changed\n\n") {
				return nil
			}
		case <-beat.C:
			if !say(": still here\n\n") {
				return nil
			}
		case <-end.C:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
}

// lostRoutes answers browsers that ask for a page which is not there with a page;
// programs are answered as before.
func (u *UI) lostRoutes(r chi.Router) {
	mux, ok := r.(*chi.Mux)
	if !ok {
		return
	}
	before := mux.NotFoundHandler()
	mux.NotFound(func(w http.ResponseWriter, r *http.Request) {
		if !wantsPage(r) {
			before(w, r)
			return
		}
		u.fail(w, r, fault.New(fault.NotFound, "no_such_page", "there is no page at %.100q", r.URL.Path).Do("check the address, or begin at the first page"))
	})
}

// wantsPage reports whether a browser asks for a page, rather than a program for data.
func wantsPage(r *http.Request) bool {
	for _, prefix := range []string{"/api/", "/ofrep/", "/audit/log/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return false
		}
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
