package eval_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/flags/eval"
)

// TestLanguage is the language by example. Where flagd's engines differ, the
// case says so.
func TestLanguage(t *testing.T) {
	const wrong = "PARSE_ERROR"
	type tags []string
	ctx := eval.Context{
		"age": 44, "text": "abc", "empty": "", "zero": 0, "no": false, "yes": true, "nothing": nil, "numeral": "44",
		"patient":  map[string]any{"age": 17, "address": map[string]any{"state": "US-CO"}},
		"licenses": []any{"US-CO", "US-WY"},
		"visits":   []any{map[string]any{"kind": "video"}, map[string]any{"kind": "clinic"}},
		"tags":     tags{"x", "y"}, "count": uint8(7), "exact": json.Number("1.5"), "badNumber": json.Number("x"),
		"born": time.Date(1980, 1, 2, 3, 4, 5, 0, time.UTC), "opaque": struct{ A int }{1},
		"flat": map[string]string{"a": "b"}, "$flagd": map[string]any{"flagKey": "forged"},
		"targetingKey": "p-1",
	}
	for _, c := range []struct{ rule, want string }{
		// var
		{`{"==":[{"var":"patient.address.state"},"US-CO"]}`, "true"},
		{`{"==":[{"var":["licenses.1"]},"US-WY"]}`, "true"},
		{`{"==":[{"var":"licenses.2"},null]}`, "true"},
		{`{"==":[{"var":"licenses.x"},null]}`, "true"},  // one engine reads the first element
		{`{"==":[{"var":"licenses.01"},null]}`, "true"}, // likewise the second
		{`{"==":[{"var":"text.length"},null]}`, "true"}, // one engine reads 3
		{`{"var":["absent","a"]}`, "a"},
		{`{"var":["nothing","a"]}`, "a"},
		{`{"var":["absent",{"var":"count"}]}`, "7"},
		{`{"var":["no","a"]}`, "false"},
		{`{"all":[[null],{"var":["","a"]}]}`, "true"},
		{`{"var":{"cat":["count"]}}`, "7"},
		{`{"var":{"var":"absent"}}`, wrong},
		{`{"!!":{"var":""}}`, "true"},
		{`{"===":[{"var":"tags.1"},"y"]}`, "true"},
		{`{"===":[{"var":"flat.a"},"b"]}`, "true"},
		{`{"===":[{"var":"exact"},1.5]}`, "true"},
		{`{"===":[{"var":"badNumber"},null]}`, "true"},
		{`{"===":[{"var":"opaque"},null]}`, "true"},
		{`{"<":[{"var":"born"},"1990"]}`, "true"},
		// $flagd is ours, never the caller's
		{`{"===":[{"var":"$flagd.flagKey"},"flag"]}`, "true"},
		{`{"===":[{"var":"$flagd.timestamp"},1767268800]}`, "true"},
		{`{"===":[{"var":["$flagd.timestamp",0]},1767268800]}`, "true"},
		{`{"===":[{"var":{"cat":["$flagd",".flagKey"]}},"flag"]}`, "true"},
		{`{"===":[{"var":"$flagd.other"},null]}`, "true"},
		{`{"some":[[{"var":""}],{"===":[{"var":"$flagd.flagKey"},"flag"]}]}`, "true"},
		// truth
		{`{"!!":[{"var":"empty"}]}`, "false"},
		{`{"!!":["0"]}`, "true"},
		{`{"!!":[[]]}`, "false"},
		{`{"!!":[[0]]}`, "true"},
		{`{"!!":[{}]}`, "false"},
		{`{"!":{"var":"licenses"}}`, "false"}, // one engine looks at the first element
		// if, and, or
		{`{"if":[false,"a",false,"b","c"]}`, "c"},
		{`{"if":[false,"a"]}`, "null"},
		{`{"if":["a"]}`, "a"},
		{`{"?:":[true,"a","b"]}`, "a"},
		{`{"and":[1,"a"]}`, "a"},
		{`{"and":["a",{"var":"nothing"},{"+":["x"]}]}`, "null"},
		{`{"or":[0,"","b",{"+":["x"]}]}`, "b"},
		// equality
		{`{"==":[{"var":"age"},"44"]}`, "true"},
		{`{"===":[{"var":"age"},"44"]}`, "false"},
		{`{"==":[true,1]}`, "true"},
		{`{"==":["",0]}`, "true"},
		{`{"==":[{"var":"absent"},0]}`, "false"},
		{`{"!=":[{"var":"text"},5]}`, "true"},
		{`{"===":[{"var":"licenses"},{"var":"licenses"}]}`, "false"},
		{`{"==":["0x10",16]}`, "false"}, // one engine reads hexadecimal
		{`{"==":["inf","Infinity"]}`, "false"},
		// order
		{`{"<":[{"var":"age"},65]}`, "true"},
		{`{"<=":[18,{"var":"age"},44]}`, "true"},
		{`{"<":[18,{"var":"age"},44]}`, "false"},
		{`{">=":[65,{"var":"age"},18]}`, "true"},
		{`{"<":["abc","b"]}`, "true"},
		{`{"<":["10","9"]}`, "true"},
		{`{"<":["10",9]}`, "false"},
		{`{"<":[{"var":"absent"},18]}`, "true"},  // null counts as 0: guard it
		{`{">=":[{"var":"absent"},0]}`, "false"}, // but equals no bound; the engines differ
		{`{"<":[{"var":"absent"},"2026-01-01"]}`, "false"},
		{`{"<":[{"var":"text"},18]}`, wrong}, // the engines differ: false, or an error
		{`{"<":[{"var":"licenses"},18]}`, wrong},
		// arithmetic
		{`{"+":[3,"4"]}`, "7"},
		{`{"-":[10,2,1]}`, "7"},
		{`{"-":[-7]}`, "7"},
		{`{"*":[]}`, "GENERAL"}, // 1, which names no variant
		{`{"/":[3,2]}`, "1.5"},
		{`{"%":[15,8]}`, "7"},
		{`{"===":[{"%":[-1,8]},-1]}`, "true"},
		{`{"max":[1,7,3]}`, "7"},
		{`{"min":[9,7,8]}`, "7"},
		{`{"+":{"merge":[3,[4]]}}`, "7"},
		{`{"max":{"map":[[1,2],{"+":[{"var":""},5]}]}}`, "7"},
		{`{"+":[{"var":"absent"},1]}`, wrong}, // the engines differ: an error, or 1
		{`{"+":["abc",1]}`, wrong},
		{`{"+":[true,1]}`, wrong},
		{`{"/":[1,0]}`, wrong},
		{`{"%":[1,0]}`, wrong},
		{`{"max":["7",1]}`, wrong},
		{`{"*":[1e300,1e300]}`, wrong},
		// text
		{`{"===":[{"cat":["v",1.0,true,null,1e21]},"v1true1e+21"]}`, "true"},
		{`{"===":[{"cat":[" a "]},{"cat":["", " a "]}]}`, "true"}, // one engine trims
		{`{"cat":"a"}`, "a"},
		{`{"cat":[[1]]}`, wrong},
		{`{"===":[{"substr":["Kaʻū",2,1]},"ʻ"]}`, "true"}, // one engine counts UTF-16 units
		{`{"===":[{"substr":["abcdef",-3]},"def"]}`, "true"},
		{`{"===":[{"substr":["abcdef",-3,2]},"de"]}`, "true"},
		{`{"===":[{"substr":["abcdef",1,-2]},"bcd"]}`, "true"},
		{`{"===":[{"substr":["abc",9]},""]}`, "true"},
		{`{"===":[{"substr":["abc",-9,2]},"ab"]}`, "true"},
		{`{"===":[{"substr":["abc",2,-2]},""]}`, "true"},
		{`{"substr":[{"var":"age"},1]}`, wrong},
		{`{"starts_with":[{"var":"text"},"ab"]}`, "true"},
		{`{"ends_with":[{"var":"text"},"ab"]}`, "false"},
		{`{"starts_with":[{"var":"age"},"4"]}`, "null"},
		// in
		{`{"in":["b",{"var":"text"}]}`, "true"},
		{`{"in":["US-CO",{"var":"licenses"}]}`, "true"},
		{`{"in":[{"var":"absent"},{"var":"licenses"}]}`, "false"},
		{`{"in":["US-CO",{"var":"absent"}]}`, "false"},
		{`{"in":[{"var":"age"},[1,2,3,4,5,6,7,8,9,44]]}`, "true"},
		{`{"in":[{"var":"numeral"},[1,2,3,4,5,6,7,8,9,44]]}`, "false"}, // one engine reads "44"
		{`{"in":[{"var":"licenses"},[[1,2],1,2,3,4,5,6,7,8]]}`, "false"},
		{`{"in":[3,[[1,9]]]}`, "false"}, // one engine takes a list of two for a range
		{`{"in":[4,{"var":"numeral"}]}`, wrong},
		{`{"in":["a",{"var":"patient"}]}`, wrong},
		// lists
		{`{"all":[{"var":"licenses"},{"starts_with":[{"var":""},"US-"]}]}`, "true"},
		{`{"all":[[],true]}`, "false"},
		{`{"none":[{"var":"absent"},true]}`, "true"},
		{`{"some":[{"var":"visits"},{"===":[{"var":"kind"},"video"]}]}`, "true"},
		{`{"some":[{"var":"licenses"},{"===":[{"var":"text"},"abc"]}]}`, "false"}, // the outer context is hidden; one engine differs
		{`{"some":[{"var":"text"},true]}`, wrong},
		{`{"in":["clinic",{"map":[{"var":"visits"},{"var":"kind"}]}]}`, "true"},
		{`{"!!":{"filter":[{"var":"visits"},{"===":[{"var":"kind"},"phone"]}]}}`, "false"},
		{`{"reduce":[[1,2,4],{"+":[{"var":"current"},{"var":"accumulator"}]},0]}`, "7"},
		{`{"reduce":[{"var":"absent"},0,7]}`, "7"},
		{`{"in":["a",{"merge":["a",["b"],[["c"]]]}]}`, "true"},
		{`{"!!":{"missing":["age","patient.age"]}}`, "false"},
		{`{"===":[{"var":["absent",{"cat":{"missing":["age","nothing","patient.x"]}}]},"nothingpatient.x"]}`, "true"},
		{`{"!!":[{"missing_some":[1,["absent","age"]]}]}`, "false"},
		{`{"!!":[{"missing_some":[2,["absent","age"]]}]}`, "true"},
		{`{"missing":[["age"]]}`, wrong},
		// references
		{`{"if":[{"$ref":"adult"},"a","b"]}`, "a"},
		// results
		{`{"if":[true,{"var":"licenses"}]}`, "GENERAL"},
		{`{"if":[true,"nobody"]}`, "GENERAL"},
		{`{"if":[true,""]}`, "GENERAL"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := evaluate(t, c.rule, ctx); got != c.want {
				t.Errorf("gives %s, want %s", got, c.want)
			}
		})
	}
}

// TestReasons: what is served, and why, in every state of a flag.
func TestReasons(t *testing.T) {
	for _, c := range []struct {
		name, definition string
		want             eval.Result
	}{
		{"static", `{"state":"ENABLED","variants":{"a":10},"defaultVariant":"a"}`, eval.Result{Value: json.Number("10"), HasValue: true, Variant: "a", HasVariant: true, Reason: eval.Static}},
		{"literal", `{"state":"ENABLED","variants":{"a":0.0},"defaultVariant":"a"}`, eval.Result{Value: json.Number("0.0"), HasValue: true, Variant: "a", HasVariant: true, Reason: eval.Static}},
		{"empty targeting", `{"state":"ENABLED","variants":{"a":""},"defaultVariant":"a","targeting":{}}`, eval.Result{Value: "", HasValue: true, Variant: "a", HasVariant: true, Reason: eval.Static}},
		{"null targeting", `{"state":"ENABLED","variants":{"a":""},"defaultVariant":"a","targeting":null}`, eval.Result{Value: "", HasValue: true, Variant: "a", HasVariant: true, Reason: eval.Static}},
		{"object", `{"state":"ENABLED","variants":{"a":{"n":1.50,"l":[null]}},"defaultVariant":"a"}`, eval.Result{Value: map[string]any{"n": json.Number("1.50"), "l": []any{nil}}, HasValue: true, Variant: "a", HasVariant: true, Reason: eval.Static}},
		{"match", `{"state":"ENABLED","variants":{"a":1},"targeting":{"if":[true,"a"]}}`, eval.Result{Value: json.Number("1"), HasValue: true, Variant: "a", HasVariant: true, Reason: eval.TargetingMatch}},
		{"default", `{"state":"ENABLED","variants":{"a":1},"defaultVariant":"a","targeting":{"if":[false,"a"]}}`, eval.Result{Value: json.Number("1"), HasValue: true, Variant: "a", HasVariant: true, Reason: eval.Default}},
		{"no default", `{"state":"ENABLED","variants":{"a":1},"targeting":{"if":[false,"a"]}}`, eval.Result{Reason: eval.Default}},
		{"no default and no targeting", `{"state":"ENABLED","variants":{"a":1},"defaultVariant":""}`, eval.Result{Reason: eval.Default}},
		{"disabled", `{"state":"DISABLED","variants":{"a":1},"defaultVariant":"a","targeting":{"if":[true,"a"]}}`, eval.Result{Reason: eval.Disabled}},
		{"unknown variant", `{"state":"ENABLED","variants":{"a":1},"defaultVariant":"a","targeting":{"if":[true,"b"]}}`, eval.Result{Reason: eval.Error, ErrorCode: eval.General, ErrorDetails: "targeting: the result is not a variant of the flag"}},
		{"wrong operand", `{"state":"ENABLED","variants":{"a":1},"defaultVariant":"a","targeting":{"if":[{"+":[{"var":"x"}]},"a"]}}`, eval.Result{Reason: eval.Error, ErrorCode: eval.ParseError, ErrorDetails: "targeting: an operand is not of the type that its operator needs"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			shared, err := eval.NewShared(nil, []byte(`{"flagSetId":"co"}`))
			if err != nil {
				t.Fatal(err)
			}
			f, err := eval.CompileFlag("f", []byte(c.definition), shared)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Metadata = map[string]any{"flagSetId": "co"}
			if diff := cmp.Diff(c.want, f.Evaluate(nil, noon)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestEvaluateBoolOfAnotherType(t *testing.T) {
	f := mustFlag(t, "f", `{"state":"ENABLED","variants":{"a":"true"},"defaultVariant":"a"}`)
	if v, has, variant, reason, code := f.EvaluateBool(nil, noon); v || has || variant != "" || reason != eval.Error || code != eval.TypeMismatch {
		t.Error(v, has, variant, reason, code)
	}
	f = mustFlag(t, "f", `{"state":"DISABLED","variants":{"a":"true"},"defaultVariant":"a"}`)
	if _, has, _, reason, code := f.EvaluateBool(nil, noon); has || reason != eval.Disabled || code != "" {
		t.Error(has, reason, code)
	}
}

// TestMetadata: the set's, overridden key by key by the flag's, whatever happens.
func TestMetadata(t *testing.T) {
	set, err := eval.Compile([]byte(`{"metadata":{"flagSetId":"co","version":"7"},"flags":{
		"plain":{"state":"ENABLED","variants":{"a":1}},
		"own":{"state":"DISABLED","variants":{"a":1},"metadata":{"version":8.0,"x":true,"none":null}},
		"bad":{"state":"ENABLED","variants":{"a":1},"targeting":{"no such":1},"metadata":{"x":""}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]map[string]any{
		"plain": {"flagSetId": "co", "version": "7"},
		"own":   {"flagSetId": "co", "version": json.Number("8.0"), "x": true},
		"bad":   {"flagSetId": "co", "version": "7", "x": ""},
	} {
		f, _ := set.Flag(key)
		if diff := cmp.Diff(want, f.Evaluate(nil, noon).Metadata); diff != "" {
			t.Errorf("%s (-want +got)\n%s", key, diff)
		}
	}
	if diff := cmp.Diff(map[string]any{"flagSetId": "co", "version": "7"}, set.Metadata()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"bad", "own", "plain"}, set.Keys()); diff != "" {
		t.Error(diff)
	}
	if m := mustFlag(t, "f", `{"state":"ENABLED","variants":{"a":1}}`).Metadata(); m == nil || len(m) != 0 {
		t.Errorf("metadata of a flag without any is %v", m)
	}
}

// TestDefinition: canonical, with literals as written, and a definition again.
func TestDefinition(t *testing.T) {
	set, err := eval.Compile([]byte(`{"flags":{"f":{
		"variants":{"b":1.0,"a":1E2,"c":0.0,"d":-0}, "source":"x", "key":"f", "defaultVariant":"c", "state" : "ENABLED",
		"targeting":{"if":[{ "$ref" : "adult" },"a\u0041\n\u0001<é\/",{"$ref":"none"}]},
		"metadata":{"z":10,"n":null,"a":"ü"}}},
		"$evaluators":{"adult":{">=":[{"var":"age"},18.0]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	f, _ := set.Flag("f")
	want := `{"defaultVariant":"c","metadata":{"a":"ü","z":10},"state":"ENABLED",` +
		`"targeting":{"if":[{">=":[{"var":"age"},18.0]},"aA\n\u0001<é/",{"$ref":"none"}]},` +
		`"variants":{"a":1E2,"b":1.0,"c":0.0,"d":-0}}`
	if got := string(f.Definition()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, definition := range []string{staticFlag, rolloutFlag, `{"state":"DISABLED","variants":{"a":{}}}`} {
		once := mustFlag(t, "f", definition).Definition()
		if twice := mustFlag(t, "f", string(once)).Definition(); string(once) != string(twice) {
			t.Errorf("%s becomes %s", once, twice)
		}
	}
}

// TestWorkIsBounded: a context can be large, the work cannot.
func TestWorkIsBounded(t *testing.T) {
	many := make([]any, 2_000)
	for i := range many {
		many[i] = many[:100:100]
	}
	long := strings.Repeat("x", 60_000)
	for name, rule := range map[string]string{
		"loops in loops": `{"if":[{"all":[{"var":"many"},{"all":[{"var":""},{"all":[{"var":""},true]}]}]},"a"]}`,
		"doubling text":  `{"if":[{"reduce":[{"var":"many"},{"cat":[{"var":"accumulator"},{"var":"accumulator"}]},"x"]},"a"]}`,
		"doubling lists": `{"if":[{"reduce":[{"var":"many"},{"merge":[{"var":"accumulator"},{"var":"accumulator"}]},[1]]},"a"]}`,
		"too much text":  `{"if":[{"cat":[{"var":"long"},{"var":"long"}]},"a"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			got := evaluate(t, rule, eval.Context{"many": many, "long": long})
			if got != "GENERAL" {
				t.Errorf("gives %s, want an end with GENERAL", got)
			}
			t.Logf("took %v", time.Since(start))
		})
	}
}

// TestErrorsKeepThePatientOut: no text of an error repeats the context.
func TestErrorsKeepThePatientOut(t *testing.T) {
	ctx := eval.Context{"secret": "s3cr3t", "list": []any{"s3cr3t"}}
	for _, rule := range []string{`{"var":"secret"}`, `{"+":[{"var":"secret"}]}`, `{"<":[{"var":"secret"},1]}`, `{"in":[1,{"var":"secret"}]}`, `{"var":{"var":"list"}}`} {
		f := mustFlag(t, "f", outcomes(rule))
		if r := f.Evaluate(ctx, noon); r.ErrorCode == "" || strings.Contains(r.ErrorDetails, "s3cr3t") {
			t.Errorf("%s gives %+v", rule, r)
		}
	}
}
