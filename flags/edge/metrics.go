package edge

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	broken prometheus.Counter
	forked prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer, e *Edge) *metrics {
	f := promauto.With(reg)
	gauge := func(name, help string, value func() float64) {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	gauge("quorate_edge_ready", "1 once every source has been read.", func() float64 { return number(e.worlds.world() != nil) })
	gauge("quorate_edge_fresh", "1 while the sources are in contact, else 0.", func() float64 { fresh, _ := e.worlds.Fresh(); return number(fresh) })
	gauge("quorate_edge_last_contact_seconds", "Unix time of the last sign of life of the source that was silent longest.", func() float64 {
		if _, since := e.worlds.Fresh(); !since.IsZero() {
			return float64(since.Unix())
		}
		return 0
	})
	gauge("quorate_edge_flags", "Flags that are served, over all sets.", func() float64 {
		n, seen := 0, map[string]bool{}
		if w := e.worlds.world(); w != nil {
			for key, s := range w.sets {
				if len(key) >= len(bySource) && key[:len(bySource)] == bySource && !seen[key] {
					seen[key], n = true, n+len(s.Set.Flags)
				}
			}
		}
		return float64(n)
	})
	return &metrics{broken: f.NewCounter(prometheus.CounterOpts{Name: "quorate_edge_broken_reads_total",
		Help: "Times a source could not be used after a change; its last good flags are served."}),
		forked: f.NewGauge(prometheus.GaugeOpts{Name: "quorate_edge_record_problem",
			Help: "1 after the server's record did not continue the checkpoint that the edge keeps, else 0."})}
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
