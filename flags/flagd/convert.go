package flagd

import (
	"encoding/json"
	"math"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/fault"
)

// maxNesting is how deep an evaluation context may nest. No rule reads deeper.
const maxNesting = 64

// contextOf is an evaluation context as rules read it. What JSON has no word for
// (a value without a kind, NaN, an infinity) is absent. What is of another type
// than a rule expects is the rule's affair, not ours.
func contextOf(s *structpb.Struct) (eval.Context, error) {
	ctx, ok := plainMap(s, 0)
	if !ok {
		return nil, fault.New(fault.Invalid, "invalid_context", "the context nests deeper than %d", maxNesting).
			Do("send only what rules read")
	}
	return ctx, nil
}

func plainMap(s *structpb.Struct, depth int) (map[string]any, bool) {
	if depth > maxNesting {
		return nil, false
	}
	out := make(map[string]any, len(s.GetFields()))
	for k, v := range s.GetFields() {
		x, ok := plain(v, depth+1)
		if !ok {
			return nil, false
		}
		out[k] = x
	}
	return out, true
}

func plain(v *structpb.Value, depth int) (any, bool) {
	switch k := v.GetKind().(type) {
	case *structpb.Value_BoolValue:
		return k.BoolValue, true
	case *structpb.Value_StringValue:
		return k.StringValue, true
	case *structpb.Value_NumberValue:
		if math.IsNaN(k.NumberValue) || math.IsInf(k.NumberValue, 0) {
			return nil, true
		}
		return k.NumberValue, true
	case *structpb.Value_StructValue:
		return plainMap(k.StructValue, depth)
	case *structpb.Value_ListValue:
		return plainList(k.ListValue, depth)
	}
	return nil, true
}

func plainList(l *structpb.ListValue, depth int) (any, bool) {
	if depth > maxNesting {
		return nil, false
	}
	out := make([]any, 0, len(l.GetValues()))
	for _, v := range l.GetValues() {
		x, ok := plain(v, depth+1)
		if !ok {
			return nil, false
		}
		out = append(out, x)
	}
	return out, true
}

// structOf is an object of a definition, or its metadata, as the protocol
// carries it.
func structOf(m map[string]any) *structpb.Struct {
	s := &structpb.Struct{Fields: make(map[string]*structpb.Value, len(m)+4)}
	for k, v := range m {
		s.Fields[k] = protoValue(v)
	}
	return s
}

func protoValue(x any) *structpb.Value {
	switch x := x.(type) {
	case bool:
		return structpb.NewBoolValue(x)
	case string:
		return structpb.NewStringValue(x)
	case float64:
		return structpb.NewNumberValue(x)
	case json.Number:
		f, _ := x.Float64() // a definition has no number beyond a float's range but rounds it
		return structpb.NewNumberValue(f)
	case map[string]any:
		return structpb.NewStructValue(structOf(x))
	case []any:
		list := &structpb.ListValue{Values: make([]*structpb.Value, 0, len(x))}
		for _, e := range x {
			list.Values = append(list.Values, protoValue(e))
		}
		return structpb.NewListValue(list)
	}
	return structpb.NewNullValue()
}

// The conversions from a value of a definition to what a caller asked for; ok is
// false where it is something else.

func asInteger(x any) (int64, bool) { return eval.Integer(x) }
func asFloat(x any) (float64, bool) { return eval.Float(x) }
func asBoolean(x any) (bool, bool)  { b, ok := x.(bool); return b, ok }
func asString(x any) (string, bool) { s, ok := x.(string); return s, ok }

func asObject(x any) (*structpb.Struct, bool) {
	m, ok := x.(map[string]any)
	if !ok {
		return nil, false
	}
	return structOf(m), true
}
