package policy

import "github.com/prometheus/client_golang/prometheus"

// metrics counts what an operator should look at.
type metrics struct {
	active   prometheus.Gauge
	rules    prometheus.Gauge
	evidence prometheus.Gauge
	waivers  prometheus.Gauge
	damaged  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "quorate_policy_" + name, Help: help})
	}
	m := &metrics{
		active:   gauge("active", "1 if a law is active and loaded, 0 if nothing is permitted for want of one."),
		rules:    gauge("rules", "Rules of the active law and its layers."),
		evidence: gauge("evidence", "Pieces of evidence on file that are not revoked."),
		waivers:  gauge("waivers", "Waivers on file that are not revoked."),
		damaged:  prometheus.NewCounter(prometheus.CounterOpts{Name: "quorate_policy_unusable_total", Help: "Records and bundles that could not be used."}),
	}
	if reg != nil {
		reg.MustRegister(m.active, m.rules, m.evidence, m.waivers, m.damaged)
	}
	return m
}

func (m *metrics) holds(p *Position) {
	m.active.Set(0)
	m.rules.Set(0)
	if !p.Without() {
		m.active.Set(1)
		m.rules.Set(float64(len(p.Law.bundle.Records)))
	}
	m.evidence.Set(float64(len(p.Evidence)))
	m.waivers.Set(float64(len(p.Waivers)))
}
