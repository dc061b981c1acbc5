package eval_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/flags/eval"
)

// noon is when these tests are, unless they say otherwise.
var noon = time.Unix(1_767_268_800, 0)

// sharedFile reads a file of the public conformance suite, which lives beside
// the repository and not in it.
func sharedFile(t *testing.T, name string) []byte {
	t.Helper()
	root := os.Getenv("QUORATE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	b, err := os.ReadFile(filepath.Join(root, "openfeature", name))
	switch {
	case err == nil:
		return b
	case os.Getenv("CI") == "true":
		t.Fatalf("the conformance suite is missing; set QUORATE_SHARED: %v", err)
	default:
		t.Skipf("the conformance suite is not here; set QUORATE_SHARED: %v", err)
	}
	return nil
}

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

// outcome is what an application sees.
type outcome struct {
	Value     any
	Reason    string
	ErrorCode string
}

// TestConformance runs flagd's own evaluator suite.
func TestConformance(t *testing.T) {
	set, err := eval.Compile(sharedFile(t, "evaluator-flags.json"))
	if err != nil {
		t.Fatal(err)
	}
	var suite struct{ Cases []conformanceCase }
	if err := json.Unmarshal(sharedFile(t, "evaluator-cases.json"), &suite); err != nil {
		t.Fatal(err)
	}
	if len(suite.Cases) != 125 {
		t.Errorf("the suite has %d cases, want 125", len(suite.Cases))
	}
	for _, c := range suite.Cases {
		t.Run(c.ID, func(t *testing.T) { conforms(t, set, c) })
	}
}

func conforms(t *testing.T, set *eval.Set, c conformanceCase) {
	got, metadata := application(set, c)
	want := outcome{c.Expect.Value, c.Expect.Reason, c.Expect.ErrorCode}
	if want.Value == nil {
		want.Value = got.Value
	}
	if want.Reason == "" {
		want.Reason = got.Reason
	}
	if want.ErrorCode == "" && want.Reason == "ERROR" {
		want.ErrorCode = got.ErrorCode
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flag %s, context %v (-want +got):\n%s", c.Flag, c.Context, diff)
	}
	if c.Expect.MetadataExact && len(metadata) != len(c.Expect.Metadata) {
		t.Errorf("metadata %v, want exactly %v", metadata, c.Expect.Metadata)
	}
	for k, want := range c.Expect.Metadata {
		if got := number(metadata[k]); !cmp.Equal(want, got) {
			t.Errorf("metadata %s is %v, want %v", k, got, want)
		}
	}
}

// application does what an SDK does around an evaluation: no value means the
// application's default, and so does a value of another type.
func application(set *eval.Set, c conformanceCase) (outcome, map[string]any) {
	f, ok := set.Flag(c.Flag)
	if !ok {
		return outcome{c.Default, "ERROR", string(eval.FlagNotFound)}, set.Metadata()
	}
	r := f.Evaluate(c.Context, noon)
	o := outcome{number(r.Value), string(r.Reason), string(r.ErrorCode)}
	want := map[string]eval.Type{
		"boolean": eval.Boolean, "string": eval.String, "object": eval.Object,
		"integer": eval.Number, "float": eval.Number,
	}[c.Type]
	switch {
	case !r.HasValue:
		o.Value = c.Default
	case f.Type() != want:
		o = outcome{c.Default, "ERROR", string(eval.TypeMismatch)}
	}
	return o, r.Metadata
}

// number turns literals into float64, deeply, to compare by value.
func number(x any) any {
	switch x := x.(type) {
	case json.Number:
		f, _ := x.Float64()
		return f
	case map[string]any:
		out := map[string]any{}
		for k, v := range x {
			out[k] = number(v)
		}
		return out
	}
	return x
}
