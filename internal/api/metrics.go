package api

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	requests *prometheus.HistogramVec
	// known are the series used so far; replaced, never changed. Finding one here
	// takes a fifth of the time that it takes by labels.
	known atomic.Pointer[map[series]prometheus.Observer]
}

type series struct{ route, method, status string }

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{requests: promauto.With(reg).NewHistogramVec(prometheus.HistogramOpts{
		Name: "quorate_http_request_duration_seconds",
		Help: "How long HTTP requests took, by route, method and class of status; its count is the number of requests.",
		// From a served evaluation (well under a millisecond) to the limit of a request.
		Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"route", "method", "status"})}
	m.known.Store(&map[series]prometheus.Observer{})
	return m
}

// observe counts one request. Its labels take few values, whatever is sent.
func (m *metrics) observe(route, method string, status int, took time.Duration) {
	of := series{route, methodWord(method), class(status)}
	known := m.known.Load()
	o := (*known)[of]
	if o == nil {
		o = m.requests.WithLabelValues(of.route, of.method, of.status)
		next := maps.Clone(*known)
		next[of] = o
		m.known.CompareAndSwap(known, &next) // if another was faster, this one is added the next time
	}
	o.Observe(took.Seconds())
}

func class(status int) string {
	classes := [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}
	if i := status/100 - 1; i >= 0 && i < len(classes) {
		return classes[i]
	}
	return "other"
}

// methodWord is the method if HTTP knows it; anybody can invent others.
func methodWord(method string) string {
	if slices.Contains(methods, method) {
		return method
	}
	return "other"
}
