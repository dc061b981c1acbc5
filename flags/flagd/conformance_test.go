package flagd_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	v1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v1"
	v2 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v2"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/quorate/quorate/flags/eval"
)

type conformanceCase struct {
	ID      string
	Flag    string
	Type    string
	Default any
	Context map[string]any
	Expect  struct {
		Value         any
		Reason        string
		ErrorCode     string
		Metadata      map[string]any
		MetadataExact bool
	}
}

// outcome is what an application sees; Variant is "" where there is no value.
type outcome struct {
	Value     any
	Variant   string
	Reason    string
	ErrorCode string
	Metadata  map[string]any
}

func conformanceSuite(t *testing.T) (*eval.Set, []conformanceCase) {
	t.Helper()
	set := compile(t, string(sharedFile(t, "evaluator-flags.json")))
	var suite struct{ Cases []conformanceCase }
	if err := json.Unmarshal(sharedFile(t, "evaluator-cases.json"), &suite); err != nil {
		t.Fatal(err)
	}
	if len(suite.Cases) != 125 {
		t.Errorf("the suite has %d cases, want 125", len(suite.Cases))
	}
	return set, suite.Cases
}

// TestConformance runs flagd's own evaluator suite through both versions and
// every way of speaking them. The variant is compared with that of the language
// itself, since the suite does not name it.
func TestConformance(t *testing.T) {
	set, cases := conformanceSuite(t)
	s := newSite(t)
	s.sets.Put("co", set)
	for _, w := range ways(t) {
		for version, ask := range map[string]asker{"v1": askerV1{w.v1(s.url)}.ask, "v2": askerV2{w.v2(s.url)}.ask} {
			t.Run(version+" "+w.name, func(t *testing.T) {
				for _, c := range cases {
					conforms(t, set, c, version == "v1", ask(t, c))
				}
			})
		}
	}
}

// TestConformanceOfTheSyncedSet compiles what flagd.sync.v1 sends, and has it
// answer as the original does.
func TestConformanceOfTheSyncedSet(t *testing.T) {
	set, cases := conformanceSuite(t)
	s := newSite(t)
	s.sets.Put("co", set)
	resp, err := ways(t)[0].sync(s.url).FetchAllFlags(limited(t), request(&syncv1.FetchAllFlagsRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	synced := compile(t, resp.Msg.GetFlagConfiguration())
	for _, c := range cases {
		got := outcome{Value: c.Default, Reason: "ERROR", ErrorCode: string(eval.FlagNotFound)}
		if f, ok := synced.Flag(c.Flag); ok {
			r := f.Evaluate(c.Context, noon)
			got = applied(c, r)
		}
		conforms(t, set, c, false, got)
	}
}

func conforms(t *testing.T, set *eval.Set, c conformanceCase, old bool, got outcome) {
	t.Helper()
	want := outcome{Value: c.Expect.Value, Reason: c.Expect.Reason, ErrorCode: c.Expect.ErrorCode}
	if old && want.Reason == "DEFAULT" && got.Variant == "" { // v1 cannot say that there is no default
		want.Reason, want.ErrorCode = "ERROR", string(eval.FlagNotFound)
	}
	if want.Value == nil {
		want.Value = got.Value
	}
	if want.Reason == "" {
		want.Reason = got.Reason
	}
	if want.ErrorCode == "" && want.Reason == "ERROR" {
		want.ErrorCode = got.ErrorCode
	}
	if f, ok := set.Flag(c.Flag); ok && got.ErrorCode == "" {
		want.Variant = f.Evaluate(c.Context, noon).Variant
	}
	metadata := got.Metadata
	got.Metadata = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", c.ID, diff)
	}
	if c.Expect.MetadataExact && len(metadata) != len(c.Expect.Metadata) {
		t.Errorf("%s: metadata %v, want exactly %v", c.ID, metadata, c.Expect.Metadata)
	}
	for k, want := range c.Expect.Metadata {
		if !cmp.Equal(want, metadata[k]) {
			t.Errorf("%s: metadata %s is %v, want %v", c.ID, k, metadata[k], want)
		}
	}
}

// asker asks as an official provider would, by the type that the case names.
type asker func(*testing.T, conformanceCase) outcome

type (
	askerV1 struct {
		c interface {
			ResolveBoolean(context.Context, *connect.Request[v1.ResolveBooleanRequest]) (*connect.Response[v1.ResolveBooleanResponse], error)
			ResolveString(context.Context, *connect.Request[v1.ResolveStringRequest]) (*connect.Response[v1.ResolveStringResponse], error)
			ResolveFloat(context.Context, *connect.Request[v1.ResolveFloatRequest]) (*connect.Response[v1.ResolveFloatResponse], error)
			ResolveInt(context.Context, *connect.Request[v1.ResolveIntRequest]) (*connect.Response[v1.ResolveIntResponse], error)
			ResolveObject(context.Context, *connect.Request[v1.ResolveObjectRequest]) (*connect.Response[v1.ResolveObjectResponse], error)
		}
	}
	askerV2 struct {
		c interface {
			ResolveBoolean(context.Context, *connect.Request[v2.ResolveBooleanRequest]) (*connect.Response[v2.ResolveBooleanResponse], error)
			ResolveString(context.Context, *connect.Request[v2.ResolveStringRequest]) (*connect.Response[v2.ResolveStringResponse], error)
			ResolveFloat(context.Context, *connect.Request[v2.ResolveFloatRequest]) (*connect.Response[v2.ResolveFloatResponse], error)
			ResolveInt(context.Context, *connect.Request[v2.ResolveIntRequest]) (*connect.Response[v2.ResolveIntResponse], error)
			ResolveObject(context.Context, *connect.Request[v2.ResolveObjectRequest]) (*connect.Response[v2.ResolveObjectResponse], error)
		}
	}
)

// told is what an answer says beside its value.
type told interface {
	GetVariant() string
	GetReason() string
	GetMetadata() *structpb.Struct
}

// seen makes an outcome of an answer or an error; value is nil where the answer
// has none.
func seen(c conformanceCase, answer told, value any, err error) outcome {
	if err != nil {
		return outcome{Value: c.Default, Reason: "ERROR", ErrorCode: errorCode(err)}
	}
	o := outcome{Value: value, Variant: answer.GetVariant(), Reason: answer.GetReason(), Metadata: answer.GetMetadata().AsMap()}
	if value == nil || o.Reason == "DISABLED" {
		o.Value = c.Default
	}
	return o
}

// errorCode turns a code of the protocol back, as providers do.
func errorCode(err error) string {
	var cerr *connect.Error
	if !errors.As(err, &cerr) {
		return err.Error()
	}
	return string(map[connect.Code]eval.ErrorCode{
		connect.CodeNotFound: eval.FlagNotFound, connect.CodeInvalidArgument: eval.TypeMismatch,
		connect.CodeDataLoss: eval.ParseError, connect.CodeUnknown: eval.General,
	}[cerr.Code()])
}

func (a askerV1) ask(t *testing.T, c conformanceCase) outcome {
	ctx, in := limited(t), facts(t, c.Context)
	switch c.Type {
	case "boolean":
		r, err := a.c.ResolveBoolean(ctx, request(&v1.ResolveBooleanRequest{FlagKey: c.Flag, Context: in}))
		if err != nil {
			return seen(c, nil, nil, err)
		}
		return seen(c, r.Msg, r.Msg.GetValue(), nil)
	case "string":
		r, err := a.c.ResolveString(ctx, request(&v1.ResolveStringRequest{FlagKey: c.Flag, Context: in}))
		if err != nil {
			return seen(c, nil, nil, err)
		}
		return seen(c, r.Msg, r.Msg.GetValue(), nil)
	case "float":
		r, err := a.c.ResolveFloat(ctx, request(&v1.ResolveFloatRequest{FlagKey: c.Flag, Context: in}))
		if err != nil {
			return seen(c, nil, nil, err)
		}
		return seen(c, r.Msg, r.Msg.GetValue(), nil)
	case "integer":
		r, err := a.c.ResolveInt(ctx, request(&v1.ResolveIntRequest{FlagKey: c.Flag, Context: in}))
		if err != nil {
			return seen(c, nil, nil, err)
		}
		return seen(c, r.Msg, float64(r.Msg.GetValue()), nil)
	}
	r, err := a.c.ResolveObject(ctx, request(&v1.ResolveObjectRequest{FlagKey: c.Flag, Context: in}))
	if err != nil {
		return seen(c, nil, nil, err)
	}
	return seen(c, r.Msg, r.Msg.GetValue().AsMap(), nil)
}

func (a askerV2) ask(t *testing.T, c conformanceCase) outcome {
	ctx, in := limited(t), facts(t, c.Context)
	switch c.Type {
	case "boolean":
		r, err := a.c.ResolveBoolean(ctx, request(&v2.ResolveBooleanRequest{FlagKey: c.Flag, Context: in}))
		if err != nil || r.Msg.Value == nil {
			return seen(c, message(r), nil, err)
		}
		return seen(c, r.Msg, r.Msg.GetValue(), nil)
	case "string":
		r, err := a.c.ResolveString(ctx, request(&v2.ResolveStringRequest{FlagKey: c.Flag, Context: in}))
		if err != nil || r.Msg.Value == nil {
			return seen(c, message(r), nil, err)
		}
		return seen(c, r.Msg, r.Msg.GetValue(), nil)
	case "float":
		r, err := a.c.ResolveFloat(ctx, request(&v2.ResolveFloatRequest{FlagKey: c.Flag, Context: in}))
		if err != nil || r.Msg.Value == nil {
			return seen(c, message(r), nil, err)
		}
		return seen(c, r.Msg, r.Msg.GetValue(), nil)
	case "integer":
		r, err := a.c.ResolveInt(ctx, request(&v2.ResolveIntRequest{FlagKey: c.Flag, Context: in}))
		if err != nil || r.Msg.Value == nil {
			return seen(c, message(r), nil, err)
		}
		return seen(c, r.Msg, float64(r.Msg.GetValue()), nil)
	}
	r, err := a.c.ResolveObject(ctx, request(&v2.ResolveObjectRequest{FlagKey: c.Flag, Context: in}))
	if err != nil || r.Msg.Value == nil {
		return seen(c, message(r), nil, err)
	}
	return seen(c, r.Msg, r.Msg.GetValue().AsMap(), nil)
}

// message is an answer's message, nil if there is no answer.
func message[T any](r *connect.Response[T]) told {
	if r == nil {
		return nil
	}
	m, _ := any(r.Msg).(told)
	return m
}

// applied does what an SDK does around an evaluation of its own.
func applied(c conformanceCase, r eval.Result) outcome {
	o := outcome{Value: c.Default, Variant: r.Variant, Reason: string(r.Reason), ErrorCode: string(r.ErrorCode), Metadata: plain(r.Metadata)}
	if !r.HasValue {
		return o
	}
	value := plain(object{"": r.Value})[""]
	if map[string]bool{"boolean": is[bool](value), "string": is[string](value), "integer": is[float64](value),
		"float": is[float64](value), "object": is[object](value)}[c.Type] {
		o.Value = value
		return o
	}
	return outcome{Value: c.Default, Reason: "ERROR", ErrorCode: string(eval.TypeMismatch)}
}

func is[T any](x any) bool { _, ok := x.(T); return ok }

// plain turns number literals into float64, deeply, to compare by value.
func plain(m map[string]any) map[string]any {
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}
