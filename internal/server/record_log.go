package server

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
)

// logPrefix is where the record is served as c2sp.org/tlog-tiles has it.
const logPrefix = "/audit/log/"

// logRoutes serves the log: checkpoint, tile/L/N, tile/entries/N, and leaf/DIGEST
// for a leaf that is too long for an entry. Whoever reads tiles reads the whole
// record, so the role must cover every region; the checkpoint is for all to keep.
func (s *Server) logRoutes(router chi.Router) {
	serve := func(w http.ResponseWriter, r *http.Request) {
		contentType, body, err := s.logResource(r, strings.TrimPrefix(r.URL.Path, logPrefix))
		if err != nil {
			api.Problem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the client has gone; nobody is left to be told
	}
	router.Get(logPrefix+"checkpoint", allowed(mayKeep, serve))
	router.Get(logPrefix+"*", allowed(func(ctx context.Context) error { return mayReadRecord(ctx, "") }, serve))
}

func allowed(may func(context.Context) error, serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := may(r.Context()); err != nil {
			api.Problem(w, r, err)
			return
		}
		serve(w, r)
	}
}

const binary = "application/octet-stream"

func (s *Server) logResource(r *http.Request, path string) (contentType string, body []byte, err error) {
	ctx := r.Context()
	if path == "checkpoint" {
		if r.URL.Query().Has("settled") { // of our own: one that holds all that has been recorded
			if err := s.Record.Settle(ctx); err != nil {
				return "", nil, err
			}
		}
		c, _, err := s.Record.Checkpoint(ctx)
		return "text/plain; charset=utf-8", c.Note, err
	}
	if digest, ok := strings.CutPrefix(path, "leaf/"); ok {
		bundle, _ := strconv.ParseInt(r.URL.Query().Get("bundle"), 10, 64) // only asked for if it is not sealed
		body, err = s.Record.Beside(ctx, max(bundle, 0), digest)
		return binary, body, err
	}
	level, n, width, ok := audit.ParseTilePath(path)
	switch {
	case !ok:
		return "", nil, fault.New(fault.NotFound, "no_such_tile", "there is nothing at %.100q", r.URL.Path).
			Do("see c2sp.org/tlog-tiles for what a log has")
	case level < 0:
		body, err = s.Record.Entries(ctx, n, width)
	default:
		body, err = s.Record.Tile(ctx, level, n, width)
	}
	return binary, body, err
}
