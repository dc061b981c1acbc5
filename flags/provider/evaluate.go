package provider

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/flags/provider/upstream"
)

// table is a set with what the SDK wants of it made ready. It is never changed.
type table struct {
	serial   int64
	byKey    map[string]*face
	metadata openfeature.FlagMetadata // of the set
}

// face is a flag with its metadata in the SDK's types, which the SDK copies.
type face struct {
	*eval.Flag
	metadata openfeature.FlagMetadata
	lease    time.Duration
	timed    bool // its value may depend on the time
}

func newTable(s *upstream.State) *table {
	t := &table{serial: s.Serial, byKey: make(map[string]*face, len(s.Set.Keys())), metadata: metadataOf(s.Set.Metadata())}
	for _, key := range s.Set.Keys() {
		f, _ := s.Set.Flag(key)
		t.byKey[key] = &face{Flag: f, metadata: metadataOf(f.Metadata()), lease: f.Lease(), timed: f.Targeted() || f.Lease() > 0}
	}
	return t
}

// metadataOf is metadata in the SDK's types: numbers are int64 where they are
// written as whole ones, and else float64.
func metadataOf(m map[string]any) openfeature.FlagMetadata {
	out := make(openfeature.FlagMetadata, len(m))
	for k, v := range m {
		out[k] = plain(v)
		if n, ok := v.(json.Number); ok && !strings.ContainsAny(string(n), ".eE") {
			if i, err := n.Int64(); err == nil {
				out[k] = i
			}
		}
	}
	return out
}

// plain is a value as an application expects one that came as JSON: a copy of its
// own, with numbers as float64.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64() // a definition has no number beyond a float's range but rounds it
		return f
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = plain(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plain(e)
		}
		return out
	}
	return v
}

// BooleanEvaluation gives false, not an error, where the caller's default would
// be true; see the package's documentation.
func (p *Provider) BooleanEvaluation(_ context.Context, flag string, defaultValue bool, flat openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	r := resolve(p, flag, defaultValue, flat, asBool)
	if defaultValue && r.Error() != nil {
		return closed(r)
	}
	return r
}

// closed says false instead of failing.
func closed(r openfeature.BoolResolutionDetail) openfeature.BoolResolutionDetail {
	d := r.ResolutionDetail()
	d.FlagMetadata["errorCode"], d.FlagMetadata["errorDetails"] = string(d.ErrorCode), d.ErrorMessage
	return openfeature.BoolResolutionDetail{ProviderResolutionDetail: openfeature.ProviderResolutionDetail{
		Reason: openfeature.ErrorReason, FlagMetadata: d.FlagMetadata}}
}

// StringEvaluation gives a text.
func (p *Provider) StringEvaluation(_ context.Context, flag string, defaultValue string, flat openfeature.FlattenedContext) openfeature.StringResolutionDetail {
	return resolve(p, flag, defaultValue, flat, asString)
}

// FloatEvaluation gives a number; a whole one that a float may not hold is an
// error.
func (p *Provider) FloatEvaluation(_ context.Context, flag string, defaultValue float64, flat openfeature.FlattenedContext) openfeature.FloatResolutionDetail {
	return resolve(p, flag, defaultValue, flat, eval.Float)
}

// IntEvaluation gives a whole number; another is an error.
func (p *Provider) IntEvaluation(_ context.Context, flag string, defaultValue int64, flat openfeature.FlattenedContext) openfeature.IntResolutionDetail {
	return resolve(p, flag, defaultValue, flat, eval.Integer)
}

// ObjectEvaluation gives an object, a map[string]any of the caller's own with
// numbers as float64.
func (p *Provider) ObjectEvaluation(_ context.Context, flag string, defaultValue any, flat openfeature.FlattenedContext) openfeature.InterfaceResolutionDetail {
	return resolve(p, flag, defaultValue, flat, asObject)
}

func asBool(v any) (bool, bool)     { b, ok := v.(bool); return b, ok }
func asString(v any) (string, bool) { s, ok := v.(string); return s, ok }
func asObject(v any) (any, bool) {
	if m, ok := v.(map[string]any); ok {
		return plain(m), true
	}
	return nil, false
}

// resolve answers one question from memory.
func resolve[T any](p *Provider, key string, otherwise T, flat openfeature.FlattenedContext, as func(any) (T, bool)) (out openfeature.GenericResolutionDetail[T]) {
	out.Value = otherwise
	t, s := p.table.Load(), p.follower.State()
	if t == nil || s == nil {
		return failed(out, openfeature.NewProviderNotReadyResolutionError(errNotReady.Error()), nil)
	}
	f := t.byKey[key]
	if f == nil {
		return failed(out, openfeature.NewFlagNotFoundResolutionError("there is no flag of this key in the region's set"), t.metadata)
	}
	var at time.Time // a flag without a rule does not need the clock
	if f.timed {
		at = p.upstream.Now()
	}
	r := f.evaluate(s, eval.Context(flat), at)
	out.FlagMetadata = f.metadata
	if !s.Connected {
		out.FlagMetadata = maps.Clone(f.metadata)
		out.FlagMetadata["staleSince"] = staleSince(s.Since)
	}
	if r.ErrorCode != "" {
		return failed(out, resolutionError(r), out.FlagMetadata)
	}
	out.Reason, out.Variant = openfeature.Reason(r.Reason), r.Variant
	if !r.HasValue {
		return out // the caller's default, as the specification says
	}
	if !s.Connected {
		out.Reason = openfeature.Reason(eval.Stale)
	}
	value, ok := as(r.Value)
	if !ok {
		return failed(out, openfeature.NewTypeMismatchResolutionError("the value of the flag is not of the type asked for; the flag is of type "+string(f.Type())), out.FlagMetadata)
	}
	out.Value = value
	return out
}

func failed[T any](out openfeature.GenericResolutionDetail[T], err openfeature.ResolutionError, metadata openfeature.FlagMetadata) openfeature.GenericResolutionDetail[T] {
	out.ProviderResolutionDetail = openfeature.ProviderResolutionDetail{ResolutionError: err, Reason: openfeature.ErrorReason, FlagMetadata: metadata}
	return out
}

// evaluate gives the flag's value at a time, as long as its lease lasts.
func (f *face) evaluate(s *upstream.State, facts eval.Context, at time.Time) eval.Result {
	if f.lease > 0 && s.Lapsed(f.lease, at) {
		return f.Lapsed()
	}
	if len(s.Context) > 0 && f.Targeted() { // what the server says goes before what the caller says
		merged := maps.Clone(facts)
		if merged == nil {
			merged = eval.Context{}
		}
		maps.Copy(merged, s.Context)
		facts = merged
	}
	return f.Evaluate(facts, at)
}

func resolutionError(r eval.Result) openfeature.ResolutionError {
	switch r.ErrorCode {
	case eval.ParseError:
		return openfeature.NewParseErrorResolutionError(r.ErrorDetails)
	case eval.TypeMismatch:
		return openfeature.NewTypeMismatchResolutionError(r.ErrorDetails)
	}
	return openfeature.NewGeneralResolutionError(r.ErrorDetails)
}
