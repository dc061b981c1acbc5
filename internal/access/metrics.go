package access

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/quorate/quorate/internal/fault"
)

type metrics struct {
	refused *prometheus.CounterVec
	damaged prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	return &metrics{
		refused: f.NewCounterVec(prometheus.CounterOpts{Name: "quorate_credentials_refused_total",
			Help: "Credentials that were sent and not accepted, by code."}, []string{"code"}),
		damaged: f.NewGauge(prometheus.GaugeOpts{Name: "quorate_tokens_damaged",
			Help: "Tokens whose record cannot be read and that are therefore not accepted."}),
	}
}

func (m *metrics) refuse(err error) { m.refused.WithLabelValues(fault.From(err).Code).Inc() }
