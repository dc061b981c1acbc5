package eval_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quorate/quorate/flags/eval"
)

const variants = `"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off"`

func nested(open, middle, closing string, n int) string {
	return strings.Repeat(open, n) + middle + strings.Repeat(closing, n)
}

// TestRefused: what is wrong with a definition is said precisely, and nothing is
// compiled. The pointer starts at the definition.
func TestRefused(t *testing.T) {
	targeting := func(rule string) string { return `{` + variants + `,"targeting":` + rule + `}` }
	for _, c := range []struct{ name, definition, want string }{
		// JSON
		{"empty", ``, "ends too early"},
		{"not JSON", `{"state":ENABLED}`, "/state: a JSON value is expected here (byte 9)"},
		{"cut off", `{"state":"ENABLED"`, "a comma or } is expected"},
		{"trailing text", `{` + variants + `} {}`, "text after the end of the JSON value (byte 78)"},
		{"trailing comma", `{"state":"ENABLED",}`, "a name in double quotes is expected"},
		{"name twice", `{"state":"ENABLED","state":"DISABLED"}`, "/state: the name appears twice"},
		{"name twice, escaped", `{"state":"ENABLED","st\u0061te":"DISABLED"}`, "/state: the name appears twice"},
		{"operator twice", targeting(`{"==":[1,1],"==":[2,2]}`), "/targeting/==: the name appears twice"},
		{"bad UTF-8", "{\"state\":\"\xff\"}", "/state: the string is not valid UTF-8"},
		{"half a surrogate", `{"state":"\ud800"}`, "/state: the escape in the string is malformed or is half a surrogate pair"},
		{"raw newline", "{\"state\":\"a\nb\"}", "/state: the string has a control character"},
		{"bad escape", `{"state":"\x"}`, "the escape in the string is malformed"},
		{"leading zero", targeting(`{"==":[01,1]}`), "/targeting/==/0: the number is malformed"},
		{"number too large", targeting(`{"==":[1e999,1]}`), "/targeting/==/0: the number is out of range: 1e999"},
		{"nested too deep", nested("[", "", "]", 100), "JSON is nested deeper than 64 levels"},
		{"too long", `{"x":"` + strings.Repeat("x", eval.MaxDefinition) + `"}`, "at most 262144 bytes"},

		// the flag
		{"no object", `[]`, "a flag must be an object, not an array"},
		{"no state", `{"variants":{"on":true}}`, `a flag needs "state"`},
		{"unknown state", `{"state":"enabled","variants":{"on":true}}`, `/state: the state must be "ENABLED" or "DISABLED", not "enabled"`},
		{"state of another type", `{"state":true,"variants":{"on":true}}`, `/state: the state must be "ENABLED" or "DISABLED", not true`},
		{"no variants", `{"state":"ENABLED"}`, `a flag needs "variants"`},
		{"empty variants", `{"state":"ENABLED","variants":{}}`, "/variants: a flag needs at least one variant"},
		{"variants of another type", `{"state":"ENABLED","variants":["on"]}`, "/variants: the variants must be an object of name and value, not an array"},
		{"null variant", `{"state":"ENABLED","variants":{"on":null}}`, "/variants/on: a variant must be a boolean, a string, a number or an object, not null"},
		{"list variant", `{"state":"ENABLED","variants":{"on":[1]}}`, "/variants/on: a variant must be a boolean, a string, a number or an object, not an array"},
		{"mixed variants", `{"state":"ENABLED","variants":{"on":true,"a/b~c":1}}`, "/variants/a~1b~0c: all variants must be of one type; the first is of type boolean, this is number"},
		{"nameless variant", `{"state":"ENABLED","variants":{"":true}}`, "the name of a variant must not be empty"},
		{"unknown default", `{"state":"ENABLED","variants":{"on":true},"defaultVariant":"off"}`, `/defaultVariant: the default variant "off" is not among the variants`},
		{"default of another type", `{"state":"ENABLED","variants":{"on":true},"defaultVariant":true}`, "/defaultVariant: the default variant must be the name of a variant or null, not a boolean"},
		{"metadata not flat", `{` + variants + `,"metadata":{"a":{"b":1}}}`, "/metadata/a: metadata is flat"},
		{"metadata of another type", `{` + variants + `,"metadata":"x"}`, "/metadata: metadata must be an object, not a string"},

		// targeting
		{"no operation", targeting(`"on"`), `/targeting: targeting must be an operation, not "on"`},
		{"unknown operator", targeting(`{"if":[{"matches":["a","b"]},"on"]}`), `/targeting/if/0: unknown operator "matches"`},
		{"operator of one engine only", targeting(`{"if":[{"log":"x"},"on"]}`), `unknown operator "log"`},
		{"two operators", targeting(`{"if":[{"==":[1,1],"!=":[1,1]},"on"]}`), `/targeting/if/0: an operation has exactly one operator; this has "==" and "!="`},
		{"too few", targeting(`{"if":[{"==":[1]},"on"]}`), `/targeting/if/0/==: "==" takes 2 arguments, not 1`},
		{"too many", targeting(`{"if":[{"<":[1,2,3,4]},"on"]}`), `"<" takes 2 or 3 arguments, not 4`},
		{"none", targeting(`{"if":[]}`), `/targeting/if: "if" takes 1 or more arguments, not 0`},
		{"no array", targeting(`{"and":{"var":"a"}}`), `/targeting/and: "and" takes its arguments in an array`},
		{"loop over no list", targeting(`{"some":["abc",true]}`), `/targeting/some/0: "some" loops over a list, not "abc"`},
		{"path of no name", targeting(`{"var":true}`), `/targeting/var: "var" needs a path`},
		{"path with a gap", targeting(`{"var":"a..b"}`), `/targeting/var: the path has an empty part`},
		{"path with an escape", targeting(`{"var":"a\\.b"}`), `/targeting/var: the path has a backslash`},
		{"unknown reference", targeting(`{"if":[{"$ref":"adult"},"on"]}`), `/targeting/if/0/$ref: there is no evaluator "adult"`},
		{"reference to no name", targeting(`{"$ref":1}`), `/targeting/$ref: a reference must be the name of an evaluator, not a number`},
		{"too deep", targeting(nested(`{"!":`, "true", "}", eval.MaxDepth+1)), "operators are nested deeper than 16 levels"},
		{"too many operators", targeting(`{"or":[` + strings.Repeat(`{"!":1},`, eval.MaxOperators) + `1]}`), "more than 1000 operators"},

		// operators that flagd added, which give null instead of an error
		{"affix of one", targeting(`{"starts_with":["abc"]}`), `/targeting/starts_with: "starts_with" takes 2 arguments, not 1; it would always give null`},
		{"affix of a number", targeting(`{"ends_with":[{"var":"a"},1]}`), `/targeting/ends_with/1: "ends_with" takes two strings, not 1`},
		{"unknown relation", targeting(`{"sem_ver":[{"var":"v"},"===","1.0.0"]}`), `/targeting/sem_ver/1: "sem_ver" knows the relations = != < <= > >= ~ ^, not "==="`},
		{"no version", targeting(`{"sem_ver":[{"var":"v"},"=","one"]}`), `/targeting/sem_ver/2: "sem_ver" takes a semantic version, not "one"`},
		{"weight in part", targeting(`{"fractional":[["on",0.5]]}`), `/targeting/fractional/0/1: "fractional" takes whole numbers from 0 to 2147483647 for weights, not 0.5`},
		{"weight as text", targeting(`{"fractional":["k",["on","5"]]}`), `/targeting/fractional/1/1: "fractional" takes whole numbers`},
		{"weight too large", targeting(`{"fractional":[["on",2147483648]]}`), `/targeting/fractional/0/1`},
		{"weights too large together", targeting(`{"fractional":[["on",2147483647],["off",1]]}`), `/targeting/fractional: "fractional" has weights of 2147483648 together`},
		{"negative weight", targeting(`{"fractional":[["on",-1],["off",1]]}`), `/targeting/fractional/0/1: a weight must not be negative`},
		{"entry of three", targeting(`{"fractional":[["on",1,2]]}`), `/targeting/fractional/0: "fractional" takes entries of a variant and perhaps a weight; this has 3 parts`},
		{"entry of none", targeting(`{"fractional":["k",[]]}`), `this has 0 parts`},
		{"entry that is none", targeting(`{"fractional":["k","on"]}`), `/targeting/fractional/1: "fractional" takes entries of variant and weight, not "on"`},
		{"rollout within a loop", targeting(`{"some":[{"var":"l"},{"fractional":[["on"]]}]}`), `buckets by the context, which a loop hides`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := eval.CompileFlag("f", []byte(c.definition), nil)
			if err == nil {
				t.Fatal("no error")
			}
			if f != nil {
				t.Error("a flag beside the error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not say %q", err, c.want)
			}
		})
	}
}

func TestRefusedDocuments(t *testing.T) {
	flag := `{` + variants + `}`
	for _, c := range []struct{ name, doc, want string }{
		{"no flags", `{}`, `a document needs "flags"`},
		{"no object", `[]`, "an object is expected here"},
		{"flags of another type", `{"flags":[]}`, "/flags: an object is expected here"},
		{"flag twice", `{"flags":{"a":` + flag + `,"a":` + flag + `}}`, "/flags/a: the name appears twice"},
		{"nameless flag", `{"flags":{"":` + flag + `}}`, "the key of a flag must not be empty"},
		{"trailing text", `{"flags":{}}x`, "text after the end"},
		{"metadata", `{"flags":{},"metadata":{"a":[]}}`, "/metadata/a: metadata is flat"},
		{"evaluator", `{"flags":{},"$evaluators":{"a":true}}`, "/$evaluators/a: an evaluator must be an operation, not true"},
		{"state", `{"flags":{"a/b":{"state":1,"variants":{"on":true}}}}`, "/flags/a~1b/state: the state must be"},
		{
			"depth through a reference",
			`{"flags":{"a":{` + variants + `,"targeting":` + nested(`{"!":`, `{"$ref":"deep"}`, "}", 10) + `}},"$evaluators":{"deep":` + nested(`{"!":`, "1", "}", 10) + `}}`,
			"/$evaluators/deep/!/!/!/!/!/!: operators are nested deeper than 16 levels",
		},
		{
			"size through references",
			`{"flags":{"a":{` + variants + `,"targeting":{"or":[` + strings.Repeat(`{"$ref":"big"},`, 9) + `1]}}},"$evaluators":{"big":{"!":"` + strings.Repeat("x", 30_000) + `"}}}`,
			"bytes with its references replaced",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, err := eval.Compile([]byte(c.doc))
			if err == nil || set != nil {
				t.Fatalf("Compile gives %v, %v", set, err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not say %q", err, c.want)
			}
		})
	}
}

// TestAllProblemsAtOnce: an author sees everything that is wrong, up to a point.
func TestAllProblemsAtOnce(t *testing.T) {
	_, err := eval.Compile([]byte(`{"flags":{
		"a":{"state":"on","variants":{}},
		"b":{"state":"ENABLED","variants":{"x":1,"y":"z"},"defaultVariant":"q"}}}`))
	want := strings.Join([]string{
		`/flags/a/state: the state must be "ENABLED" or "DISABLED", not "on"`,
		`/flags/a/variants: a flag needs at least one variant`,
		`/flags/b/variants/y: all variants must be of one type; the first is of type number, this is string`,
		`/flags/b/defaultVariant: the default variant "q" is not among the variants`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	doc := `{"flags":{`
	for i := range 200 {
		doc += fmt.Sprintf(`"f%d":{},`, i)
	}
	_, err = eval.Compile([]byte(doc + `"z":{}}}`))
	if n := strings.Count(err.Error(), "\n") + 1; n != 51 {
		t.Errorf("%d lines of errors, want 51", n)
	}
}

// TestFaultyTargetingIsServed: one flag that cannot be understood answers with
// an error and leaves the others alone, and Faults names it.
func TestFaultyTargetingIsServed(t *testing.T) {
	set, err := eval.Compile([]byte(`{"flags":{
		"bad":{` + variants + `,"targeting":{"if":[false,{"matches":[1]},"on"]}},
		"ref":{` + variants + `,"targeting":{"if":[{"$ref":"nested"},"on","off"]}},
		"null":{` + variants + `,"targeting":{"sem_ver":["1.0.0","="]}},
		"good":{` + variants + `,"targeting":{"if":[true,"on"]}}},
		"$evaluators":{"nested":{"!":{"$ref":"good"}},"good":{"!":true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flag   string
		reason eval.Reason
		code   eval.ErrorCode
	}{
		{"bad", eval.Error, eval.ParseError},
		{"ref", eval.Error, eval.ParseError},
		{"null", eval.Default, ""},
		{"good", eval.TargetingMatch, ""},
	} {
		f, _ := set.Flag(c.flag)
		if r := f.Evaluate(nil, noon); r.Reason != c.reason || r.ErrorCode != c.code || (r.ErrorDetails == "") != (c.code == "") {
			t.Errorf("%s gives %+v", c.flag, r)
		}
		if !f.Targeted() {
			t.Errorf("%s may not be called static", c.flag)
		}
	}
	want := strings.Join([]string{
		`/flags/bad/targeting/if/1: unknown operator "matches"`,
		`/flags/null/targeting/sem_ver: "sem_ver" takes 3 arguments, not 2; it would always give null`,
		`/$evaluators/nested/!/$ref: an evaluator must not refer to another`,
	}, "\n")
	if err := set.Faults(); err == nil || err.Error() != want {
		t.Errorf("faults\n%v\nwant\n%s", err, want)
	}
}
