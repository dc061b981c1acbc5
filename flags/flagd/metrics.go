package flagd

import (
	"context"
	"errors"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	answers *prometheus.CounterVec
	dropped prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, h *Handler) *metrics {
	f := promauto.With(reg)
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "quorate_flagd_streams",
		Help: "Streams of flagd's protocols that are open."}, func() float64 { return float64(len(h.streams.slots)) })
	return &metrics{
		answers: f.NewCounterVec(prometheus.CounterOpts{Name: "quorate_flagd_answers_total",
			Help: "Answers of flagd's protocols, by procedure, protocol (grpc, grpcweb, connect) and code; a stream counts when it ends."},
			[]string{"procedure", "protocol", "code"}),
		dropped: f.NewCounter(prometheus.CounterOpts{Name: "quorate_flagd_dropped_streams_total",
			Help: "Streams that ended because their reader did not take what it was sent in time."}),
	}
}

func (m *metrics) count(procedure, protocol string, err error) {
	code := "ok"
	var cerr *connect.Error
	switch {
	case errors.As(err, &cerr):
		code = cerr.Code().String()
	case errors.Is(err, context.Canceled):
		code = connect.CodeCanceled.String()
	case errors.Is(err, context.DeadlineExceeded):
		code = connect.CodeDeadlineExceeded.String()
	case err != nil:
		code = connect.CodeUnknown.String()
	}
	m.answers.WithLabelValues(procedure, protocol, code).Inc()
}

// WrapUnary counts each answer.
func (m *metrics) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		resp, err := next(ctx, req)
		m.count(req.Spec().Procedure, req.Peer().Protocol, err)
		return resp, err
	}
}

// WrapStreamingHandler counts each stream when it ends.
func (m *metrics) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		err := next(ctx, conn)
		m.count(conn.Spec().Procedure, conn.Peer().Protocol, err)
		return err
	}
}

// WrapStreamingClient is for clients, of which there is none here.
func (m *metrics) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}
