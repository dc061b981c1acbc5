package flagd

import (
	"context"
	"maps"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/fault"
)

// question is what the requests of both versions, for every type, have in
// common.
type question interface {
	GetFlagKey() string
	GetContext() *structpb.Struct
}

// resolved is the answer to one question. Without has there is no value, and the
// caller serves its own default.
type resolved[T any] struct {
	value    T
	has      bool
	variant  string
	reason   string
	metadata *structpb.Struct
}

// resolve answers a question with a value of the type asked for, which as
// recognises. Errors are *connect.Error.
func resolve[T any](ctx context.Context, h *Handler, header http.Header, q question, as func(any) (T, bool)) (r resolved[T], err error) {
	s, err := h.sight(ctx, header)
	if err != nil {
		return r, protocolError(err)
	}
	facts, err := h.contextOf(header, q.GetContext())
	if err != nil {
		return r, protocolError(err)
	}
	f, found := s.view.byKey[q.GetFlagKey()]
	if !found {
		return r, evaluationError(eval.FlagNotFound, "region "+s.region+" has no flag of this key", s.view.metadata)
	}
	result := s.evaluate(f, facts)
	h.count(ctx, s, f, facts, result)
	r.metadata = s.metadata(s.view.metadataOf(f))
	if result.ErrorCode != "" {
		return r, evaluationError(result.ErrorCode, result.ErrorDetails, r.metadata)
	}
	r.variant, r.reason, r.has = result.Variant, string(s.reason(result)), result.HasValue
	if !r.has {
		return r, nil
	}
	var ok bool
	if r.value, ok = as(result.Value); !ok {
		return r, evaluationError(eval.TypeMismatch, "the value of the flag is not of the type asked for; the flag is of type "+string(f.Type()), r.metadata)
	}
	return r, nil
}

// sight is what one request sees: its region at one moment.
type sight struct {
	region  string
	view    *view
	at      time.Time
	stale   bool
	since   time.Time     // the source's last sign of life
	silence time.Duration // of the source
}

// sight finds out who asks, of which region, and what that serves now. Errors
// are faults.
func (h *Handler) sight(ctx context.Context, header http.Header) (sight, error) {
	region, err := h.regionFor(callerFrom(ctx), header, "")
	if err != nil {
		return sight{}, err
	}
	v, err := h.views.of(region)
	if err != nil {
		return sight{}, err
	}
	fresh, since := h.cfg.Source.Fresh()
	s := sight{region: region, view: v, at: h.cfg.Now(), stale: !fresh, since: since}
	if len(v.leases) > 0 {
		s.silence = h.cfg.Source.Silence(s.at)
	}
	return s, nil
}

// reason is why a value is served. One from a snapshot that cannot be renewed
// says so; where there is no value the caller must know why not.
func (s sight) reason(r eval.Result) eval.Reason {
	if s.stale && r.HasValue {
		return eval.Stale
	}
	return r.Reason
}

// metadata is what travels with a value, with the time since when the source is
// silent.
func (s sight) metadata(m *structpb.Struct) *structpb.Struct {
	if !s.stale {
		return m
	}
	fields := maps.Clone(m.Fields)
	fields["staleSince"] = structpb.NewStringValue(s.since.UTC().Format(time.RFC3339))
	return &structpb.Struct{Fields: fields}
}

// contextOf is what rules see: what the caller sends, over that what the server
// says of itself, over that what a header was told to carry.
func (h *Handler) contextOf(header http.Header, sent *structpb.Struct) (eval.Context, error) {
	facts, err := contextOf(sent)
	if err != nil {
		return nil, err
	}
	maps.Copy(facts, h.cfg.Context)
	for name, key := range h.cfg.HeaderContext {
		if value := header.Get(name); value != "" {
			facts[key] = value
		}
	}
	return facts, nil
}

// codes says how flagd's protocols carry the failures of an evaluation.
// Providers turn them back.
var codes = map[eval.ErrorCode]connect.Code{
	eval.FlagNotFound:        connect.CodeNotFound,
	eval.TypeMismatch:        connect.CodeInvalidArgument,
	eval.ParseError:          connect.CodeDataLoss,
	eval.InvalidContext:      connect.CodeInvalidArgument,
	eval.TargetingKeyMissing: connect.CodeInvalidArgument,
	eval.General:             connect.CodeUnknown,
}

// evaluationError is a failed evaluation. The flag's metadata travels as a
// detail, for callers that look for it.
func evaluationError(code eval.ErrorCode, details string, metadata *structpb.Struct) *connect.Error {
	err := connect.NewError(codes[code], plainError(string(code)+": "+details))
	if len(metadata.GetFields()) > 0 {
		if d, derr := connect.NewErrorDetail(metadata); derr == nil { // without it the answer is still right
			err.AddDetail(d)
		}
	}
	return err
}

// protocolError carries a fault, whose kind alone decides the code. What is for
// the operator stays behind.
func protocolError(err error) *connect.Error {
	f := fault.From(err)
	var code connect.Code
	if err := code.UnmarshalText([]byte(f.Kind.GRPCCode())); err != nil {
		code = connect.CodeInternal
	}
	return connect.NewError(code, plainError(f.Error()))
}

// plainError is a message and nothing else.
type plainError string

func (e plainError) Error() string { return string(e) }
