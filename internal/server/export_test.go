package server

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

// Walk visits every route of the main listener that the router has, as "METHOD
// /pattern". Those of OFREP are not its own.
func (s *Server) Walk(visit func(method, pattern string)) error {
	return chi.Walk(s.router, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		visit(method, pattern)
		return nil
	})
}
