package eval_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/flags/eval"
)

func leased(t *testing.T, variants, byDefault, targeting, metadata string) *eval.Flag {
	t.Helper()
	definition := fmt.Sprintf(`{"state":"ENABLED","variants":%s,"defaultVariant":%s,"metadata":%s`, variants, byDefault, metadata)
	if targeting != "" {
		definition += `,"targeting":` + targeting
	}
	f, err := eval.CompileFlag("f", []byte(definition+"}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A definition with a bound gives before its end what the flag gives, and from
// its end on what a lapsed one gives; without its bound it is the flag again.
func TestABoundIsTheLeaseInTheTargeting(t *testing.T) {
	const yesNo, meta = `{"on":true,"off":false,"stale":false}`, `{"lease":60}`
	end := time.Unix(1_764_000_060, 0)
	for name, f := range map[string]*eval.Flag{
		"an if":              leased(t, yesNo, `"off"`, `{"if":[{">=":[{"var":"age"},18]},"on","off"]}`, meta),
		"an if of a list":    leased(t, yesNo, `"off"`, `{"if":["on"]}`, meta),
		"another rule":       leased(t, yesNo, `"off"`, `{"cat":["o","n"]}`, meta),
		"none":               leased(t, yesNo, `"on"`, ``, meta),
		"an empty one":       leased(t, yesNo, `"on"`, `{}`, meta),
		"null":               leased(t, yesNo, `"on"`, `null`, meta),
		"gives null":         leased(t, yesNo, `"off"`, `{"if":[{">=":[{"var":"age"},18]},null,"on"]}`, meta),
		"no stale variant":   leased(t, `{"on":true,"off":false}`, `"off"`, `{"if":[true,"on"]}`, meta),
		"no default":         leased(t, yesNo, `null`, `{"if":[false,"on"]}`, meta),
		"a number":           leased(t, `{"on":30,"off":0,"stale":0}`, `"off"`, `{"if":[true,"on"]}`, meta),
		"a number, no stale": leased(t, `{"on":30,"off":0}`, `"off"`, `{"if":[true,"on"]}`, meta),
		"text with marks":    leased(t, `{"on":"a<b>&","off":"","stale":""}`, `"off"`, `{"if":[true,"on"]}`, meta),
		"disabled": func() *eval.Flag {
			f, err := eval.CompileFlag("f", []byte(`{"state":"DISABLED","variants":{"on":true},"defaultVariant":"on","metadata":{"lease":60}}`), nil)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			sent := f.DefinitionUntil(end)
			bound, err := eval.CompileFlag("f", sent, nil)
			if err != nil {
				t.Fatalf("%s: %v", sent, err)
			}
			for _, age := range []int{17, 18} {
				ctx := eval.Context{"age": age}
				got, want := bound.Evaluate(ctx, end.Add(-time.Second)), f.Evaluate(ctx, end.Add(-time.Second))
				if want.Reason == eval.Static {
					want.Reason = eval.Default // a bound flag is never static
				}
				if diff := cmp.Diff(told(want), told(got)); diff != "" {
					t.Errorf("before the end, age %d: %s\n%s", age, diff, sent)
				}
				got, want = bound.Evaluate(ctx, end), f.Lapsed()
				if got.Value != want.Value || got.HasValue != want.HasValue || got.Variant != want.Variant {
					t.Errorf("at the end: %+v, want %+v", got, want)
				}
			}
			plain, until, lease, ok := eval.Unbounded(sent)
			if !ok || !until.Equal(end) || lease != time.Minute {
				t.Fatalf("unbounded: %v %v %v", ok, until, lease)
			}
			again, err := eval.CompileFlag("f", plain, nil)
			if err != nil {
				t.Fatalf("%s: %v", plain, err)
			}
			ctx := eval.Context{"age": 44}
			if diff := cmp.Diff(f.Evaluate(ctx, end), again.Evaluate(ctx, end)); diff != "" && name != "no stale variant" {
				t.Errorf("without the bound: %s\n%s", diff, plain)
			}
			second := again.DefinitionUntil(end)
			if _, _, _, ok := eval.Unbounded(second); !ok {
				t.Errorf("bound again: %s", second)
			}
		})
	}
}

// told is what matters of a result here.
func told(r eval.Result) []any {
	return []any{r.Value, r.HasValue, r.Variant, r.Reason, r.ErrorCode}
}

// What has no lease keeps its definition, whatever else stands in its targeting.
func TestWhatHasNoLeaseIsLeftAlone(t *testing.T) {
	for _, definition := range []string{
		`{"metadata":{},"targeting":{"if":[{">=":[{"var":"$flagd.timestamp"},1]},"stale","on"]}}`,
		`{"metadata":{"lease":60},"targeting":{"if":[{">=":[{"var":"$flagd.timestamp"},1]},"ended","on"]}}`,
		`{"metadata":{"lease":60},"targeting":{"if":[{">=":[{"var":"$flagd.timestamp"},"x"]},"stale","on"]}}`,
		`{"metadata":{"lease":60}}`, `{`, `[]`, `null`, ``,
	} {
		if plain, _, _, ok := eval.Unbounded([]byte(definition)); ok || string(plain) != definition {
			t.Errorf("%s became %s", definition, plain)
		}
	}
}

// A lease that cannot be understood is a short one, never none.
func TestALeaseIsReadClosed(t *testing.T) {
	for metadata, want := range map[string]time.Duration{
		`{}`: 0, `{"lease":90}`: 90 * time.Second, `{"lease":0.5}`: 500 * time.Millisecond,
		`{"lease":0}`: eval.DefaultLease, `{"lease":-1}`: eval.DefaultLease, `{"lease":"60"}`: eval.DefaultLease, `{"lease":true}`: eval.DefaultLease,
		`{"lease":1e300}`: (1<<31 - 1) * time.Second,
	} {
		f := leased(t, `{"on":true,"off":false}`, `"off"`, "", metadata)
		if got := f.Lease(); got != want {
			t.Errorf("%s: %v, want %v", metadata, got, want)
		}
	}
}

func FuzzUnbounded(f *testing.F) {
	f.Add([]byte(`{"metadata":{"lease":60},"targeting":{"if":[{">=":[{"var":"$flagd.timestamp"},1764000060]},"stale",{"if":[true,"on"]}]}}`))
	f.Fuzz(func(t *testing.T, definition []byte) {
		plain, _, lease, ok := eval.Unbounded(definition)
		if ok && (lease <= 0 || !json.Valid(plain)) {
			t.Errorf("%s became %s with the lease %v", definition, plain, lease)
		}
	})
}
