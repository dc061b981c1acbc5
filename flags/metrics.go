package flags

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	revision    prometheus.Gauge
	recompiled  prometheus.Counter
	rebuild     prometheus.Histogram
	quarantined prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	return &metrics{
		revision: f.NewGauge(prometheus.GaugeOpts{Name: "quorate_snapshot_revision",
			Help: "Revision of the store that the served snapshot shows."}),
		recompiled: f.NewCounter(prometheus.CounterOpts{Name: "quorate_pairs_recompiled_total",
			Help: "Pairs of region and capability that were compiled anew."}),
		rebuild: f.NewHistogram(prometheus.HistogramOpts{Name: "quorate_snapshot_build_seconds",
			Help: "Time to build and swap a snapshot.", Buckets: prometheus.ExponentialBuckets(0.00005, 4, 10)}),
		quarantined: f.NewCounter(prometheus.CounterOpts{Name: "quorate_records_quarantined_total",
			Help: "Records that could not be used; what rests on them is off."}),
	}
}

func (m *metrics) applied(s *Snapshot, recompiled int, took time.Duration) {
	m.revision.Set(float64(s.Revision))
	m.recompiled.Add(float64(recompiled))
	m.rebuild.Observe(took.Seconds())
}

// pairsCollector counts the pairs of the snapshot when it is asked.
type pairsCollector struct{ replica *Replica }

var pairsDesc = prometheus.NewDesc("quorate_pairs",
	"Pairs of region and capability, by region and cause (on, no-offer, not-enabled, …).", []string{"region", "cause"}, nil)

func (c pairsCollector) Describe(ch chan<- *prometheus.Desc) { ch <- pairsDesc }

func (c pairsCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.replica.Snapshot()
	if s == nil {
		return
	}
	now := c.replica.now().Unix()
	for region := range s.regions {
		counts := map[Cause]int{}
		for _, p := range s.regions[region].pairs {
			if p != nil {
				counts[p.causeAt(now)]++
			}
		}
		for cause, n := range counts {
			ch <- prometheus.MustNewConstMetric(pairsDesc, prometheus.GaugeValue, float64(n), region, string(cause))
		}
	}
}
