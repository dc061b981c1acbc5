package api

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct{ requests *prometheus.HistogramVec }

func newMetrics(reg prometheus.Registerer) *metrics {
	return &metrics{requests: promauto.With(reg).NewHistogramVec(prometheus.HistogramOpts{
		Name: "quorate_http_request_duration_seconds",
		Help: "How long HTTP requests took, by route, method and class of status; its count is the number of requests.",
		// From a served evaluation (well under a millisecond) to the limit of a request.
		Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"route", "method", "status"})}
}

// observe counts one request. Its labels take few values, whatever is sent.
func (m *metrics) observe(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, methodWord(method), class(status)).Observe(took.Seconds())
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
