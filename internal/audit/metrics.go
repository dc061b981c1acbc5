package audit

import "github.com/prometheus/client_golang/prometheus"

// metrics are what an operator watches of the record.
type metrics struct {
	size, sealed, inOffice prometheus.Gauge
	sequenced, signed      prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, broken func() bool) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "quorate", Subsystem: "audit", Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "quorate", Subsystem: "audit", Name: name, Help: help})
	}
	m := &metrics{
		size:      gauge("entries", "Entries of the record that a signed checkpoint vouches for, as this replica last saw it."),
		sealed:    gauge("sealed_entries", "Entries of the record that stand in this replica's sealed files, from the first without a gap."),
		inOffice:  gauge("in_office", "1 while this replica sequences the record, else 0."),
		sequenced: counter("sequenced_total", "Leaves that this replica has put in order."),
		signed:    counter("checkpoints_total", "Checkpoints that this replica has signed."),
	}
	problem := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "quorate", Subsystem: "audit", Name: "problem",
		Help: "1 while something keeps this replica from continuing or sealing the record, else 0."},
		func() float64 {
			if broken() {
				return 1
			}
			return 0
		})
	if reg != nil {
		reg.MustRegister(m.size, m.sealed, problem, m.inOffice, m.sequenced, m.signed)
	}
	return m
}
