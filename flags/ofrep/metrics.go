package ofrep

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	events  prometheus.Counter
	dropped prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, h *Handler) *metrics {
	f := promauto.With(reg)
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "quorate_ofrep_streams",
		Help: "Open streams of server-sent events."}, func() float64 { return float64(h.streams.Load()) })
	return &metrics{
		events: f.NewCounter(prometheus.CounterOpts{Name: "quorate_ofrep_events_total",
			Help: "Events sent that tell a client to ask again."}),
		dropped: f.NewCounter(prometheus.CounterOpts{Name: "quorate_ofrep_streams_dropped_total",
			Help: "Streams ended because their reader did not read."}),
	}
}
