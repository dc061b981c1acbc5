package ofrep

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/api"
)

// Config joins the protocol to the house.
type Config struct {
	Replica   *flags.Replica        // required, or a Source
	Source    Source                // instead of a Replica
	Directory Directory             // who asks; required
	Usage     *flags.Usage          // required
	Now       func() time.Time      // required
	Registry  prometheus.Registerer // nil: published nowhere
	// Select says which region a selector means ("" where none was sent, and
	// flagSetId=co also for an address with a region); nil: flagSetId=REGION, or
	// the only region that the credential covers.
	Select func(selector string) (region string, err error)
	// Context is what the server says of itself in every evaluation, before what
	// callers send.
	Context map[string]any
	// Origins are those of web pages that may ask, such as
	// "https://portal.example"; "*" is any. None: no page may.
	Origins []string
	// Rate is how many requests a second one credential may make of this
	// replica, with a second's worth at once; 0 means DefaultRate.
	Rate int
	// MaxBody is the largest body of a request in bytes; 0 means 1 MiB.
	MaxBody int64
	// MaxStreams is how many event streams there may be; 0 means DefaultStreams.
	MaxStreams int
	// Heartbeat is how often a silent stream gives a sign of life; 0 means 15 s.
	Heartbeat time.Duration
	// Patience is how long a reader of a stream may take for one write, which the
	// buffers of the connection take over at once unless it has not read for long;
	// 0 means 10 s.
	Patience time.Duration
}

const (
	// DefaultRate is above what two cores can answer: it is there so that of
	// several portals none can starve the others on a larger machine.
	DefaultRate = 50_000
	// DefaultStreams bounds the memory of streams to some 600 MB.
	DefaultStreams = 20_000
)

// A Handler serves OFREP from a replica. It is safe for concurrent use.
type Handler struct {
	cfg     Config
	source  Source
	origins map[string]bool
	limit   *limiter
	metrics *metrics
	tables  atomic.Pointer[map[string]*table] // by region; replaced, never changed
	making  sync.Mutex                        // held while tables are replaced
	bells   bells
	streams atomic.Int64
	closing chan struct{}
	drain   sync.Once
}

// New makes a handler. Streams hear of changes only while Run runs.
func New(cfg Config) *Handler {
	cfg.Rate, cfg.MaxBody = orDefault(cfg.Rate, DefaultRate), orDefault(cfg.MaxBody, 1<<20)
	cfg.MaxStreams, cfg.Heartbeat = orDefault(cfg.MaxStreams, DefaultStreams), orDefault(cfg.Heartbeat, 15*time.Second)
	cfg.Patience = orDefault(cfg.Patience, 10*time.Second)
	source := cfg.Source
	if source == nil {
		source = replica{cfg.Replica}
	}
	h := &Handler{cfg: cfg, source: source, origins: map[string]bool{}, limit: newLimiter(cfg.Rate),
		bells: bells{byRegion: map[string]*bell{}}, closing: make(chan struct{})}
	h.metrics = newMetrics(cfg.Registry, h)
	for _, o := range cfg.Origins {
		h.origins[o] = true
	}
	h.tables.Store(&map[string]*table{})
	return h
}

func orDefault[T int | int64 | time.Duration](given, otherwise T) T {
	if given == 0 {
		return otherwise
	}
	return given
}

// Serve answers a request if its path is one of this protocol, refusals included,
// and says under which route to count it.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) (route string, ours bool) {
	a, ours := addressOf(r.URL)
	if !ours {
		return "", false
	}
	h.allowOrigin(w, r)
	defer recovered(w, r, &a)
	route = a.route() // also of one that panics
	switch {
	case r.Method == http.MethodOptions && a.what != nothing:
		h.preflight(w, r, &a)
	case a.what == nothing:
		refuse(w, &a, noSuchRoute(r))
	case r.Method != a.what.method():
		refuse(w, &a, wrongMethod(w, r, &a))
	case a.what == events:
		h.listen(w, r, &a)
	case a.what == bulk:
		h.evaluateAll(w, r, &a)
	default:
		h.evaluate(w, r, &a)
	}
	return route, true
}

// recovered answers a request whose handling panicked: 500 in the shape of the
// protocol, which says nothing of the cause.
func recovered(w http.ResponseWriter, r *http.Request, a *address) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler || api.Panicked(r.Context(), p) {
		panic(http.ErrAbortHandler)
	}
	refuse(w, a, refused(eval.General, errors.New("panic")))
}
