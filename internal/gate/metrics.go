package gate

import (
	"math"
	"slices"
	"time"

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

// age is how long a change has waited, at most.
type age struct {
	name  string
	under time.Duration
}

var ages = []age{{"hour", time.Hour}, {"day", 24 * time.Hour}, {"week", 7 * 24 * time.Hour}, {"longer", math.MaxInt64}}

// measureWaiting tells how many changes wait, by how long they have: what nobody signs
// grows old before it expires.
func (g *Gate) measureWaiting(reg prometheus.Registerer) {
	for i, age := range ages {
		promauto.With(reg).NewGaugeFunc(prometheus.GaugeOpts{Name: "quorate_changes_waiting", ConstLabels: prometheus.Labels{"age": age.name},
			Help: "Changes that wait, as this replica has heard of them, by the first of hour, day, week and longer that they have not waited yet."},
			func() float64 { return float64(g.waitingFor()[i]) })
	}
}

// waitingFor counts the changes on the board by age.
func (g *Gate) waitingFor() []int {
	counts := make([]int, len(ages))
	if g.board == nil {
		return counts
	}
	now := g.now()
	for _, p := range g.board.list() {
		counts[slices.IndexFunc(ages, func(a age) bool { return now.Sub(p.ProposedAt) < a.under })]++
	}
	return counts
}
