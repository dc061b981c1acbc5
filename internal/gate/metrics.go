package gate

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

type metrics struct {
	changes    *prometheus.CounterVec
	unrecorded prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	return &metrics{
		changes: f.NewCounterVec(prometheus.CounterOpts{Name: "quorate_changes_total",
			Help: "Changes submitted to the gate, by action and result."}, []string{"action", "result"}),
		unrecorded: f.NewCounter(prometheus.CounterOpts{Name: "quorate_refusals_unrecorded_total",
			Help: "Refusals that left no leaf in the record: over the limit of a principal, or with the store away."}),
	}
}

func (m *metrics) count(a identity.Action, r Receipt, err error) {
	result := "applied"
	switch {
	case err != nil:
		result = fault.From(err).Kind.String()
	case r.Replayed:
		result = "replayed"
	case r.Unchanged:
		result = "unchanged"
	case r.Pending != nil && r.Pending.State == Pending:
		result = "pending"
	}
	m.changes.WithLabelValues(string(a), result).Inc()
}
