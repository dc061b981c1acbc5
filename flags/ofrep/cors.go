package ofrep

import (
	"net/http"
)

// allowOrigin lets a web page of an allowed origin read the answer, whatever it
// is. The headers that clients need are exposed by name.
func (h *Handler) allowOrigin(w http.ResponseWriter, r *http.Request) {
	if len(h.origins) == 0 {
		return
	}
	header := w.Header()
	header.Add("Vary", "Origin")
	switch origin := r.Header.Get("Origin"); {
	case origin == "":
		return
	case h.origins[origin]:
		header.Set("Access-Control-Allow-Origin", origin)
	case h.origins["*"]:
		header.Set("Access-Control-Allow-Origin", "*")
	default:
		return
	}
	header.Set("Access-Control-Expose-Headers", "ETag, Retry-After")
}

// preflight answers a browser that asks whether it may ask. "*" would not cover
// Authorization, so the headers are named. An origin that is not allowed is told
// nothing, and its browser refuses.
func (h *Handler) preflight(w http.ResponseWriter, r *http.Request, a *address) {
	header := w.Header()
	if header.Get("Access-Control-Allow-Origin") != "" {
		header.Set("Access-Control-Allow-Methods", a.what.method()+", OPTIONS")
		header.Set("Access-Control-Allow-Headers", "authorization, content-type, if-none-match, x-api-key, flagd-selector, last-event-id, cache-control")
		header.Set("Access-Control-Max-Age", "7200") // seconds; the longest that browsers honour
	}
	header.Set("Allow", a.what.method()+", OPTIONS")
	w.WriteHeader(http.StatusNoContent)
}
