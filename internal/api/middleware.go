package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/internal/fault"
)

// Config says how requests are received.
type Config struct {
	Now      func() time.Time      // the clock; required
	Log      *slog.Logger          // nil: slog.Default()
	Registry prometheus.Registerer // nil: measured, but published nowhere
	// MaxBody is the largest request body in bytes; 0 means 1 MiB. A huma
	// operation has a limit of its own, of 1 MiB as well.
	MaxBody int64
	// Timeout is how long one request may take; 0 means 10 s. Handlers see it
	// as the deadline of their context.
	Timeout time.Duration
	// Streams tells requests whose answer goes on for as long as somebody
	// listens, such as server-sent events: Timeout does not end them. nil: none.
	Streams func(*http.Request) bool
	// Direct is offered every request before limits, credentials and routes: a
	// protocol that has its own shape for errors answers there, refusals
	// included, and keeps its own limits. It reports false for a request that is
	// not its own, and else the route under which it is counted. nil: none.
	Direct func(http.ResponseWriter, *http.Request) (route string, answered bool)
	// Rates say how often one may ask; see LimitRates.
	Rates Rates
}

// Use puts the steps that every request passes before the router's routes, and
// answers unknown routes and methods. It must be called before any route is
// added; who asks is found out by a middleware of the access package, added
// after it.
func Use(router chi.Router, cfg Config) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 1 << 20
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	router.Use(
		identify(cfg),
		measure(cfg.Now, newMetrics(cfg.Registry)),
		recoverPanics,
		setSecurityHeaders,
		goDirect(cfg.Direct),
		plainPath,
		sameOrigin(http.NewCrossOriginProtection()),
		limitBody(cfg.MaxBody),
		limitTime(cfg.Timeout, cfg.Streams),
	)
	router.NotFound(noSuchRoute)
	router.MethodNotAllowed(methodNotAllowed(router))
}

// identify gives the request its id and the record that the other steps fill in.
func identify(cfg Config) func(http.Handler) http.Handler {
	ids, guesses := newIDs(), newLimiter(orDefault(cfg.Rates.Guesses, DefaultGuesses), 10*time.Second)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			q := &request{id: ids.of(r), log: cfg.Log, reply: reply{ResponseWriter: w},
				from: r.RemoteAddr, sent: hasCredential(r.Header), guesses: guesses, now: cfg.Now}
			w.Header().Set("X-Request-Id", q.id)
			next.ServeHTTP(&q.reply, r.WithContext(context.WithValue(r.Context(), requestKey{}, q)))
		})
	}
}

// measure counts and logs the request when it is done, also when its handler
// panics. The log has the route's pattern, never the path or the query.
func measure(now func() time.Time, m *metrics) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := now()
			defer func() {
				q, took := requestOf(r.Context()), now().Sub(start)
				route := q.route
				if route == "" {
					route = routeOf(r)
				}
				m.observe(route, r.Method, q.reply.statusOr200(), took)
				logRequest(r, q, route, took)
			}()
			next.ServeHTTP(w, r)
		})
	}
}

func logRequest(r *http.Request, q *request, route string, took time.Duration) {
	level := slog.LevelDebug
	if q.reply.status >= http.StatusInternalServerError {
		level = slog.LevelInfo
	}
	if !q.log.Enabled(r.Context(), level) {
		return
	}
	q.log.LogAttrs(r.Context(), level, "request", slog.String("method", methodWord(r.Method)), slog.String("route", route),
		slog.Int("status", q.reply.statusOr200()), slog.Int64("bytes", q.reply.bytes), slog.Duration("took", took),
		slog.String("request_id", q.id), slog.String("principal", q.principal.ID))
}

// noRoute is the route of a request that none was found for.
const noRoute = "none"

func routeOf(r *http.Request) string {
	if c := chi.RouteContext(r.Context()); c != nil {
		if p := c.RoutePattern(); p != "" && p != "/*" {
			return p
		}
	}
	return noRoute
}

// recoverPanics turns a panic into a problem. If the answer has begun, it is cut
// off, so that nobody takes the half for the whole.
func recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler)
			}
			cause := fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			if q := requestOf(r.Context()); q.reply.status != 0 {
				logFault(r.Context(), fault.From(cause))
				q.reply.status = http.StatusInternalServerError // as it is counted
				panic(http.ErrAbortHandler)
			}
			Problem(w, r, cause)
		}()
		next.ServeHTTP(w, r)
	})
}

// Panicked logs a panic that a handler of Config.Direct has recovered from, to
// answer it in the shape of its own protocol. It reports whether the answer has
// begun: then nothing more can be said, and the handler must break off with
// http.ErrAbortHandler, so that nobody takes the half for the whole.
func Panicked(ctx context.Context, p any) (begun bool) {
	logFault(ctx, fault.From(fmt.Errorf("panic: %v\n%s", p, debug.Stack())))
	q := requestOf(ctx)
	return q != nil && q.reply.status != 0
}

// securityHeaders tell browsers to guess no types, to keep nothing and to show
// nothing of this in a page. Routes that serve pages call ForPage.
var securityHeaders = map[string][]string{
	"X-Content-Type-Options":  {"nosniff"},
	"X-Frame-Options":         {"DENY"},
	"Cache-Control":           {"no-store"},
	"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
	"Referrer-Policy":         {"no-referrer"},
}

// PagePolicy is the Content-Security-Policy of pages: scripts, styles, images and
// streams of this server alone, none of them inline, in nobody's frame, and forms
// that lead nowhere else.
const PagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ForPage sets the headers of an HTML page. It is called before anything is
// written.
func ForPage(h http.Header) {
	h.Set("Content-Security-Policy", PagePolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	h.Set("Referrer-Policy", "same-origin")
}

// setSecurityHeaders shares the values among all answers, which spares each of
// them a tenth of its allocations: a header's values are replaced, never written
// to.
func setSecurityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(w.Header(), securityHeaders)
		next.ServeHTTP(w, r)
	})
}

func goDirect(direct func(http.ResponseWriter, *http.Request) (string, bool)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		if direct == nil {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			route, answered := direct(w, r)
			if !answered {
				next.ServeHTTP(w, r)
				return
			}
			requestOf(r.Context()).route = route
		})
	}
}

// limitBody refuses a body that says it is too large, and breaks off one that
// turns out to be.
func limitBody(limit int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > limit {
				Problem(w, r, bodyTooLarge(limit))
				return
			}
			if r.ContentLength != 0 {
				r.Body = http.MaxBytesReader(w, r.Body, limit)
			}
			next.ServeHTTP(w, r)
		})
	}
}

func limitTime(limit time.Duration, streams func(*http.Request) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if streams != nil && streams(r) {
				next.ServeHTTP(w, r)
				return
			}
			ctx, cancel := context.WithTimeout(r.Context(), limit)
			defer cancel()
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

func noSuchRoute(w http.ResponseWriter, r *http.Request) {
	Problem(w, r, fault.New(fault.NotFound, "no_such_route", "there is nothing at %.100q", r.URL.Path).
		Do("see %s/openapi.json for what there is", Prefix))
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// methodNotAllowed says which methods a route has, as RFC 9110 demands of a 405.
func methodNotAllowed(routes chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, m := range methods {
			if routes.Match(chi.NewRouteContext(), m, r.URL.Path) {
				allowed = append(allowed, m)
			}
		}
		has := strings.Join(allowed, ", ")
		w.Header().Set("Allow", has)
		d := detailsOf(r.Context(), fault.New(fault.Invalid, "method_not_allowed", "%.20q is not possible at %.100q", r.Method, r.URL.Path).
			Do("use one of: %s", has))
		d.Status = http.StatusMethodNotAllowed
		answer(w, r, d)
	}
}

// reply is a ResponseWriter that remembers what was answered.
type reply struct {
	http.ResponseWriter
	status int // 0 until the header is written
	bytes  int64
}

func (w *reply) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *reply) Write(b []byte) (int, error) {
	w.status = w.statusOr200()
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom keeps the server's fast way of sending files.
func (w *reply) ReadFrom(src io.Reader) (int64, error) {
	w.status = w.statusOr200()
	n, err := io.Copy(w.ResponseWriter, src)
	w.bytes += n
	return n, err
}

// Flush sends what was written so far, for handlers that ask for a Flusher.
func (w *reply) Flush() { _ = w.FlushError() } // a writer that cannot flush sends at the end

// FlushError is Flush for handlers that want to know whether it was sent.
func (w *reply) FlushError() error {
	w.status = w.statusOr200()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (w *reply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// statusOr200 is what net/http sends when nobody says otherwise.
func (w *reply) statusOr200() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}
