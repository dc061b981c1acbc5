package server

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/quorate/quorate/internal/kv/embedded"
)

// Health is what /readyz answers.
type Health struct {
	Ready       bool      `json:"ready"`    // a snapshot is loaded: evaluation works
	Revision    int64     `json:"revision"` // of that snapshot
	Fresh       bool      `json:"fresh"`    // the store gave a sign of life in the last seconds: writes work
	LastContact time.Time `json:"last_contact,omitzero"`
	Problem     string    `json:"problem,omitempty"` // for the operator, what is wrong with the store
}

func (s *Server) health() Health {
	fresh, last := s.Replica.Fresh()
	h := Health{Fresh: fresh, LastContact: last.UTC()}
	select {
	case <-s.follower.Ready(): // everything was read: the state, and who may ask for it
		h.Ready, h.Revision = s.Replica.Snapshot() != nil, s.follower.Revision()
	default:
	}
	switch {
	case s.store.RolledBack() != nil:
		h.Problem = s.store.RolledBack().Message
	case !fresh:
		h.Problem = "the store is silent; evaluation goes on from the last snapshot, writes are refused"
	case s.Record.Problem() != nil:
		h.Problem = s.Record.Problem().Message
	}
	return h
}

// healthRoutes serves /healthz (the process lives), /readyz (evaluation works;
// the body says more) and /metrics. They need no credential and tell nothing of
// any capability.
func (s *Server) healthRoutes(router chi.Router) {
	get := func(path string, h http.HandlerFunc) { router.Get(path, h); router.Head(path, h) }
	get("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	})
	get("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		h := s.health()
		w.Header().Set("Content-Type", "application/json")
		if !h.Ready {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(h)
	})
	router.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
}

// isProbe tells requests that are answered however often they are asked: those
// who watch over a server often share an address with those who use it.
func isProbe(r *http.Request) bool { return r.URL.Path == "/healthz" || r.URL.Path == "/readyz" }

// storeCollector tells how the connection to the store is.
type storeCollector struct{ s *Server }

var (
	freshDesc      = prometheus.NewDesc("quorate_store_fresh", "1 while the store gives signs of life, else 0.", nil, nil)
	contactDesc    = prometheus.NewDesc("quorate_store_last_contact_seconds", "Unix time of the store's last sign of life.", nil, nil)
	reloadsDesc    = prometheus.NewDesc("quorate_store_reloads_total", "Times the feed was started again by listing.", nil, nil)
	mismatchesDesc = prometheus.NewDesc("quorate_store_mismatches_total", "Records that the minute's comparison found to differ.", nil, nil)
	totalDesc      = prometheus.NewDesc("quorate_store_bytes", "Size of the store's database on disk.", nil, nil)
	inUseDesc      = prometheus.NewDesc("quorate_store_in_use_bytes", "Bytes of the store's database that are in use.", nil, nil)
	quotaDesc      = prometheus.NewDesc("quorate_store_quota_bytes", "Size at which the store refuses writes; page at 70 %.", nil, nil)
	restartsDesc   = prometheus.NewDesc("quorate_store_child_restarts_total", "Restarts of the embedded store's child.", nil, nil)
)

func (c storeCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{freshDesc, contactDesc, reloadsDesc, mismatchesDesc, totalDesc, inUseDesc, quotaDesc, restartsDesc} {
		ch <- d
	}
}

func (c storeCollector) Collect(ch chan<- prometheus.Metric) {
	f := c.s.follower
	fresh, contact := 0.0, 0.0
	if f.Fresh() {
		fresh = 1
	}
	if last := f.LastContact(); !last.IsZero() {
		contact = float64(last.Unix())
	}
	ch <- prometheus.MustNewConstMetric(freshDesc, prometheus.GaugeValue, fresh)
	ch <- prometheus.MustNewConstMetric(contactDesc, prometheus.GaugeValue, contact)
	ch <- prometheus.MustNewConstMetric(reloadsDesc, prometheus.CounterValue, float64(f.Reloads()))
	ch <- prometheus.MustNewConstMetric(mismatchesDesc, prometheus.CounterValue, float64(f.Mismatches()))
	ch <- prometheus.MustNewConstMetric(totalDesc, prometheus.GaugeValue, float64(c.s.space.total.Load()))
	ch <- prometheus.MustNewConstMetric(inUseDesc, prometheus.GaugeValue, float64(c.s.space.inUse.Load()))
	ch <- prometheus.MustNewConstMetric(quotaDesc, prometheus.GaugeValue, float64(embedded.DefaultQuotaBytes))
	if c.s.child != nil {
		ch <- prometheus.MustNewConstMetric(restartsDesc, prometheus.CounterValue, float64(c.s.child.Status().Restarts))
	}
}
