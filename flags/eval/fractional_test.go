package eval_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/murmur3"
	"pgregory.net/rapid"

	"github.com/quorate/quorate/flags/eval"
)

// outcomes is a flag whose variants name what a targeting may give.
func outcomes(rule string) string {
	return `{"state":"ENABLED","defaultVariant":"null","variants":{"null":"null","true":"true","false":"false",
		"a":"a","b":"b","c":"c","7":"7","1.5":"1.5","on":"on","off":"off"},"targeting":` + rule + `}`
}

// evaluate gives the variant, or the error code, of a rule.
func evaluate(t *testing.T, rule string, ctx eval.Context) string {
	t.Helper()
	set, err := eval.Compile([]byte(`{"flags":{"flag":` + outcomes(rule) + `},"$evaluators":{"adult":{">=":[{"var":"age"},18]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	f, _ := set.Flag("flag")
	r := f.Evaluate(ctx, noon)
	if r.ErrorCode != "" {
		return string(r.ErrorCode)
	}
	return r.Variant
}

// TestEdgeKeys: keys whose hashes lie on the edges of the number range, where a
// signed or floating division would go wrong.
func TestEdgeKeys(t *testing.T) {
	for key, want := range map[string]uint32{
		"ejOoVL": 0, "bY9fO-": 1, "SI7p-": 1<<31 - 1, "6LvT0": 1 << 31, "ceQdGm": 1<<32 - 1,
	} {
		if got := murmur3.StringSum32(key); got != want {
			t.Errorf("hash of %s is %d, want %d", key, got, want)
		}
		lower := want < 1<<31
		rule := `{"fractional":[{"var":"targetingKey"},["a",50],["b",50]]}`
		if got := evaluate(t, rule, eval.Context{"targetingKey": key}); (got == "a") != lower {
			t.Errorf("%s is in %s", key, got)
		}
		rule = fmt.Sprintf(`{"fractional":[%q,["a",1],["b",2147483646]]}`, key)
		if got := evaluate(t, rule, nil); (got == "a") != (want < 2) {
			t.Errorf("%s is in %s of the finest split", key, got)
		}
	}
}

func TestFractional(t *testing.T) {
	jon := eval.Context{"targetingKey": "jon", "n": 7.0, "nothing": nil, "entry": []any{"b", 3.0}, "list": []any{"x"}}
	const first = `["a",1]`
	for _, c := range []struct{ name, rule, want string }{
		{"weight absent is 1", `{"fractional":["k",["a"],["b",0]]}`, "a"},
		{"weight null is 1", `{"fractional":["k",["a",null],["b",0]]}`, "a"},
		{"weight computed", `{"fractional":["k",["a",{"-":[{"var":"n"},7]}],["b",1]]}`, "b"},
		{"weight computed negative is 0", `{"fractional":["k",["a",{"-":[{"var":"n"},9]}],["b",1]]}`, "b"},
		{"weight computed in part", `{"fractional":["k",["a",{"/":[{"var":"n"},2]}],["b",1]]}`, "null"},
		{"weight computed too large", `{"fractional":["k",["a",{"*":[{"var":"n"},1e9]}],["b",1]]}`, "null"},
		{"weight computed as text", `{"fractional":["k",["a",{"cat":["1"]}]]}`, "null"},
		{"weights computed too large together", `{"fractional":["k",["a",{"*":[1,2147483647]}],["b",1]]}`, "null"},
		{"all weights 0", `{"fractional":["k",["a",0],["b",0]]}`, "null"},
		{"no entries", `{"fractional":["k"]}`, "null"},
		{"variant null", `{"fractional":["k",[null]]}`, "null"},
		{"variant boolean", `{"fractional":["k",[true]]}`, "true"},
		{"variant number", `{"fractional":["k",[1.5]]}`, "1.5"},
		{"variant computed", `{"fractional":["k",[{"var":"n"}]]}`, "7"},
		{"variant list", `{"fractional":["k",[{"var":"list"},0],["a",1]]}`, "null"},
		{"variant unknown", `{"fractional":["k",["zzz"]]}`, "GENERAL"},
		{"first argument null", `{"fractional":[null,` + first + `]}`, "a"},
		{"first argument absent", `{"fractional":[{"var":"nothing"},` + first + `]}`, "a"},
		{"first argument a number", `{"fractional":[{"var":"n"},` + first + `]}`, "null"},
		{"first argument an entry", `{"fractional":[{"var":"entry"},["a",0]]}`, "b"},
		{"entry computed", `{"fractional":["k",["a",0],{"var":"entry"}]}`, "b"},
		{"entry computed wrongly", `{"fractional":["k",["a",1],{"var":"n"}]}`, "null"},
		{"key of nothing", `{"fractional":["",` + first + `]}`, "a"},
		{"key from a rollout", `{"fractional":[{"cat":[{"fractional":[{"cat":["x","y"]},["a"]]},{"fractional":[["b"]]}]},["c"]]}`, "c"},
		{"operand wrong in an entry that loses", `{"fractional":["k",["a",1],[{"+":["x"]},0]]}`, "PARSE_ERROR"},
		{"within a loop", `{"if":[{"some":[[1],{"fractional":["k",["a"]]}]},"on","off"]}`, "off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := evaluate(t, c.rule, jon); got != c.want {
				t.Errorf("%s gives %s, want %s", c.rule, got, c.want)
			}
		})
	}
	for _, ctx := range []eval.Context{nil, {"targetingKey": ""}, {"targetingKey": 7.0}, {"targetingKey": nil}} {
		if got := evaluate(t, `{"fractional":[["a"],["b"]]}`, ctx); got != "null" {
			t.Errorf("without a targeting key (%v) it gives %s", ctx, got)
		}
	}
}

// TestKeyFromARollout: a key that is put together from another rollout's answer.
func TestKeyFromARollout(t *testing.T) {
	const shares = `["a",1],["b",1],["c",1],["on",1],["off",1],["true",1],["false",1],["7",1]]}`
	for i := range 50 {
		ctx := eval.Context{"targetingKey": fmt.Sprint("person", i)}
		got := evaluate(t, `{"fractional":[{"cat":["x",{"fractional":[["b"]]},{"fractional":[{"cat":["y","z"]},["c"]]},{"var":"targetingKey"}]},`+shares, ctx)
		want := evaluate(t, fmt.Sprintf(`{"fractional":["xbcperson%d",`, i)+shares, nil)
		if got != want {
			t.Fatalf("person %d is in %s, want %s", i, got, want)
		}
	}
}

// TestKeyIsConcatenated: cat, the implicit key and a fixed key hash the same text.
func TestKeyIsConcatenated(t *testing.T) {
	var shares strings.Builder
	for _, v := range []string{"a", "b", "c", "on", "off"} {
		fmt.Fprintf(&shares, `,[%q,20]`, v)
	}
	for i := range 300 {
		person := fmt.Sprintf("person-%d-%s", i, strings.Repeat("x", i))
		ctx := eval.Context{"targetingKey": person}
		implicit := evaluate(t, `{"fractional":[null`+shares.String()+`]}`, ctx)
		built := evaluate(t, `{"fractional":[{"cat":["flag",{"var":"targetingKey"}]}`+shares.String()+`]}`, ctx)
		chosen := evaluate(t, `{"fractional":[{"if":[true,{"cat":["flag",{"var":"targetingKey"}]}]}`+shares.String()+`]}`, ctx)
		fixed := evaluate(t, fmt.Sprintf(`{"fractional":[%q`, "flag"+person)+shares.String()+`]}`, ctx)
		if implicit != built || built != chosen || chosen != fixed {
			t.Fatalf("%s: implicit %s, cat %s, computed %s, fixed %s", person, implicit, built, chosen, fixed)
		}
	}
}

func percentage(t *rapid.T, percent int) *eval.Flag {
	f, err := eval.CompileFlag("video_visit", fmt.Appendf(nil,
		`{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off",
		"targeting":{"fractional":[{"cat":["video_visit",{"var":"targetingKey"}]},["on",%d],["off",%d]]}}`,
		percent, 100-percent), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestRolloutNeverRemovesAnyone: the same person gets the same answer every
// time, whatever else the context says, and raising a percentage keeps everyone
// who was in.
func TestRolloutNeverRemovesAnyone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.IntRange(0, 100).Draw(t, "low")
		high := rapid.IntRange(low, 100).Draw(t, "high")
		person := rapid.String().Draw(t, "person")
		ctx := eval.Context{"targetingKey": person}
		before, _, _, _, _ := percentage(t, low).EvaluateBool(ctx, noon)
		after, _, _, _, _ := percentage(t, high).EvaluateBool(ctx, noon)
		if before && !after {
			t.Fatalf("%q is in at %d %% and out at %d %%", person, low, high)
		}
		if low == 100 && !before || high == 0 && after {
			t.Fatalf("%q is outside of all or inside of none", person)
		}
		more := eval.Context{"targetingKey": person, "age": 44, "patient": map[string]any{"x": 1}}
		if again, _, _, _, _ := percentage(t, low).EvaluateBool(more, noon.AddDate(1, 0, 0)); again != before {
			t.Fatalf("%q changes its bucket with what does not matter", person)
		}
	})
}

// TestRolloutIsFair: of many people about so many are in.
func TestRolloutIsFair(t *testing.T) {
	f := mustFlag(t, "video_visit", targetedFlag(`{"fractional":[["on",30],["off",70]]}`))
	in := 0
	for i := range 20_000 {
		if on, _, _, _, _ := f.EvaluateBool(eval.Context{"targetingKey": fmt.Sprint("p", i)}, noon); on {
			in++
		}
	}
	if in < 5_700 || in > 6_300 {
		t.Errorf("%d of 20,000 are in, want about 6,000", in)
	}
}
