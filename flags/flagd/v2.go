package flagd

import (
	"context"

	v2 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v2"
	"connectrpc.com/connect"
)

// evaluationV2 answers flagd.evaluation.v2. A flag without a value, disabled or
// without a default, leaves value and variant unset and is no error.
type evaluationV2 struct{ h *Handler }

// set is a pointer to x where there is a value, and nothing where there is none:
// a zero value is a value.
func set[T any](x T, has bool) *T {
	if !has {
		return nil
	}
	return &x
}

func (s evaluationV2) ResolveBoolean(ctx context.Context, req *connect.Request[v2.ResolveBooleanRequest]) (*connect.Response[v2.ResolveBooleanResponse], error) {
	r, err := resolve(ctx, s.h, req.Header(), req.Msg, asBoolean)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&v2.ResolveBooleanResponse{Value: set(r.value, r.has), Variant: set(r.variant, r.has), Reason: r.reason, Metadata: r.metadata}), nil
}

func (s evaluationV2) ResolveString(ctx context.Context, req *connect.Request[v2.ResolveStringRequest]) (*connect.Response[v2.ResolveStringResponse], error) {
	r, err := resolve(ctx, s.h, req.Header(), req.Msg, asString)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&v2.ResolveStringResponse{Value: set(r.value, r.has), Variant: set(r.variant, r.has), Reason: r.reason, Metadata: r.metadata}), nil
}

func (s evaluationV2) ResolveFloat(ctx context.Context, req *connect.Request[v2.ResolveFloatRequest]) (*connect.Response[v2.ResolveFloatResponse], error) {
	r, err := resolve(ctx, s.h, req.Header(), req.Msg, asFloat)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&v2.ResolveFloatResponse{Value: set(r.value, r.has), Variant: set(r.variant, r.has), Reason: r.reason, Metadata: r.metadata}), nil
}

func (s evaluationV2) ResolveInt(ctx context.Context, req *connect.Request[v2.ResolveIntRequest]) (*connect.Response[v2.ResolveIntResponse], error) {
	r, err := resolve(ctx, s.h, req.Header(), req.Msg, asInteger)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&v2.ResolveIntResponse{Value: set(r.value, r.has), Variant: set(r.variant, r.has), Reason: r.reason, Metadata: r.metadata}), nil
}

func (s evaluationV2) ResolveObject(ctx context.Context, req *connect.Request[v2.ResolveObjectRequest]) (*connect.Response[v2.ResolveObjectResponse], error) {
	r, err := resolve(ctx, s.h, req.Header(), req.Msg, asObject)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&v2.ResolveObjectResponse{Value: r.value, Variant: set(r.variant, r.has), Reason: r.reason, Metadata: r.metadata}), nil
}

func (s evaluationV2) EventStream(ctx context.Context, req *connect.Request[v2.EventStreamRequest], stream *connect.ServerStream[v2.EventStreamResponse]) error {
	return s.h.events(ctx, req.Header(), func(e event) error {
		return stream.Send(&v2.EventStreamResponse{Type: e.kind, Data: e.data})
	})
}
