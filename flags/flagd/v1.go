package flagd

import (
	"context"
	"encoding/json"

	v1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v1"
	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/quorate/quorate/flags/eval"
)

// evaluationV1 answers flagd.evaluation.v1, which cannot say that there is no
// value: a flag without a default is NOT_FOUND, so that the caller serves its
// own, and one that is disabled has the reason DISABLED and a value to ignore.
type evaluationV1 struct{ h *Handler }

// resolveV1 is resolve for v1.
func resolveV1[T any](ctx context.Context, s evaluationV1, req interface {
	connect.AnyRequest
}, q question, as func(any) (T, bool)) (resolved[T], error) {
	r, err := resolve(ctx, s.h, req.Header(), q, as)
	if err == nil && !r.has && r.reason != string(eval.Disabled) {
		err = evaluationError(eval.FlagNotFound, "the flag has no default variant", r.metadata)
	}
	return r, err
}

func (s evaluationV1) ResolveBoolean(ctx context.Context, req *connect.Request[v1.ResolveBooleanRequest]) (*connect.Response[v1.ResolveBooleanResponse], error) {
	r, err := resolveV1(ctx, s, req, req.Msg, asBoolean)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&v1.ResolveBooleanResponse{Value: r.value, Variant: r.variant, Reason: r.reason, Metadata: r.metadata}), nil
}

func (s evaluationV1) ResolveString(ctx context.Context, req *connect.Request[v1.ResolveStringRequest]) (*connect.Response[v1.ResolveStringResponse], error) {
	r, err := resolveV1(ctx, s, req, req.Msg, asString)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&v1.ResolveStringResponse{Value: r.value, Variant: r.variant, Reason: r.reason, Metadata: r.metadata}), nil
}

func (s evaluationV1) ResolveFloat(ctx context.Context, req *connect.Request[v1.ResolveFloatRequest]) (*connect.Response[v1.ResolveFloatResponse], error) {
	r, err := resolveV1(ctx, s, req, req.Msg, asFloat)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&v1.ResolveFloatResponse{Value: r.value, Variant: r.variant, Reason: r.reason, Metadata: r.metadata}), nil
}

func (s evaluationV1) ResolveInt(ctx context.Context, req *connect.Request[v1.ResolveIntRequest]) (*connect.Response[v1.ResolveIntResponse], error) {
	r, err := resolveV1(ctx, s, req, req.Msg, asInteger)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&v1.ResolveIntResponse{Value: r.value, Variant: r.variant, Reason: r.reason, Metadata: r.metadata}), nil
}

func (s evaluationV1) ResolveObject(ctx context.Context, req *connect.Request[v1.ResolveObjectRequest]) (*connect.Response[v1.ResolveObjectResponse], error) {
	r, err := resolveV1(ctx, s, req, req.Msg, asObject)
	if err != nil {
		return nil, err
	}
	if r.value == nil {
		r.value = &structpb.Struct{}
	}
	return connect.NewResponse(&v1.ResolveObjectResponse{Value: r.value, Variant: r.variant, Reason: r.reason, Metadata: r.metadata}), nil
}

// ResolveAll answers a browser: every flag that has a value for this context.
// One that has none, or fails, is left out, because a zero in its place would be
// taken for its value.
func (s evaluationV1) ResolveAll(ctx context.Context, req *connect.Request[v1.ResolveAllRequest]) (*connect.Response[v1.ResolveAllResponse], error) {
	seen, err := s.h.sight(ctx, req.Header())
	if err != nil {
		return nil, protocolError(err)
	}
	facts, err := s.h.contextOf(req.Header(), req.Msg.GetContext())
	if err != nil {
		return nil, protocolError(err)
	}
	s.h.witnessAll(ctx, seen, facts)
	all := make(map[string]*v1.AnyFlag, len(seen.view.byKey))
	for key, f := range seen.view.byKey {
		result := seen.evaluate(f, facts)
		s.h.meter(seen, f).Count(result.Variant, seen.reason(result))
		if !result.HasValue {
			continue
		}
		item := &v1.AnyFlag{Reason: string(seen.reason(result)), Variant: result.Variant, Metadata: seen.metadata(seen.view.metadataOf(f))}
		if setAny(item, result.Value) {
			all[key] = item
		}
	}
	return connect.NewResponse(&v1.ResolveAllResponse{Flags: all, Metadata: seen.metadata(seen.view.metadata)}), nil
}

// setAny gives a flag of ResolveAll its value; false if the protocol cannot
// carry it.
func setAny(item *v1.AnyFlag, value any) bool {
	switch x := value.(type) {
	case bool:
		item.Value = &v1.AnyFlag_BoolValue{BoolValue: x}
	case string:
		item.Value = &v1.AnyFlag_StringValue{StringValue: x}
	case json.Number:
		f, ok := asFloat(x)
		item.Value = &v1.AnyFlag_DoubleValue{DoubleValue: f}
		return ok
	case map[string]any:
		item.Value = &v1.AnyFlag_ObjectValue{ObjectValue: structOf(x)}
	}
	return item.Value != nil
}

func (s evaluationV1) EventStream(ctx context.Context, req *connect.Request[v1.EventStreamRequest], stream *connect.ServerStream[v1.EventStreamResponse]) error {
	return s.h.events(ctx, req.Header(), func(e event) error {
		return stream.Send(&v1.EventStreamResponse{Type: e.kind, Data: e.data})
	})
}
