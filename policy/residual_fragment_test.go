package policy

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/quorate/quorate/flags/eval"
)

// fragment is the words that the rules of these tests use.
var fragment = vocabulary{Facts: map[string]any{"patient.age": "number", "n": "number", "patient.location_now": "string", "s": "string", "t": "string",
	"lang": []any{"en", "es", "zh"}, "flag": "boolean", "other": "boolean", "list": "strings", "list2": "strings", "objs": "objects"}}

// leftOf is what is left of a rule's denials.
func leftOf(t testing.TB, body string) (*translation, *logic, ast.Module) {
	t.Helper()
	source := "package quorate.rules[\"T\"]\n\n" + body + "\n"
	m, err := ast.ParseModuleWithOpts("t.rego", source, ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: Capabilities()})
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	c := ast.NewCompiler().WithCapabilities(Capabilities()).WithDefaultRegoVersion(ast.RegoV1)
	if c.Compile(map[string]*ast.Module{"t.rego": m}); c.Failed() {
		t.Fatalf("%s: %v", body, c.Errors)
	}
	e := &Engine{bundle: &Bundle{words: fragment}, compiler: c, partials: &partials{}, guards: &memory{}}
	document, _ := ast.InterfaceToValue(map[string]any{"table": map[string]any{"x": 12, "y": 14}})
	left, err := e.left(context.Background(), "T", "finding", document, unknowns)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	r := &residual{deny: no, review: no, requires: map[string]*logic{}}
	tr := newTranslation(&fragment, left.Support)
	for _, q := range left.Queries {
		if err := r.take(tr, q); err != nil {
			tr.err = err
		}
	}
	return tr, r.deny, *m
}

const denies = `finding contains {"effect": "deny", "why": "x"} if `

// Each form of the fragment that authors may use: Rego and the flag agree on every
// combination of facts, missing ones too.
func TestTheFragmentMeansWhatRegoMeans(t *testing.T) {
	bodies := []string{
		`{ input.facts.patient.age < 18 }`, `{ input.facts.patient.age <= 18 }`, `{ 13 < input.facts.patient.age; input.facts.patient.age <= 17 }`,
		`{ input.facts.lang == "es" }`, `{ input.facts.lang != "es" }`, `{ not input.facts.lang == "es" }`, `{ input.facts.lang in {"es", "zh", "en"} }`,
		`{ "US-CO" in input.facts.list }`, `{ input.facts.patient.location_now in input.facts.list }`, `{ input.facts.lang in input.facts.list }`,
		`{ input.facts.flag }`, `{ not input.facts.flag }`, `{ input.facts.flag == false }`, `{ not input.facts.flag == false; input.facts.other == true }`,
		`{ every x in input.facts.list { startswith(x, "US-") } }`, `{ every x in input.facts.list { x in {"US-CO", "US-OR"} } }`,
		`{ some x in input.facts.list; endswith(x, "CO") }`, `{ some x in input.facts.list; x != "US-CO" }`, `{ some x in input.facts.list; x == input.facts.lang }`,
		`{ count(input.facts.list) > 1 }`, `{ count(input.facts.list) == 0 }`, `{ count(input.facts.list) != 2 }`, `{ count(input.facts.list) >= 1 }`, `{ 2 <= count(input.facts.list) }`,
		`{ startswith(input.facts.s, "ab") }`, `{ endswith(input.facts.s, "b") }`, `{ contains(input.facts.s, "b") }`, `{ startswith(input.facts.s, input.facts.t) }`,
		`{ input.facts.n + 2 > input.facts.patient.age }`, `{ input.facts.n * 2 - 1 == 5 }`, `{ x := input.facts.n - 1; x > 1; x < 20 }`,
		`{ object.get(input.facts, ["patient", "age"], 0) < 18 }`, `{ object.get(input.facts.patient, "age", 20) < 18 }`, `{ object.get(input.facts, "lang", "en") == "en" }`,
		`{ input.facts.s == input.facts.t }`, `{ input.facts.s != input.facts.t }`, `{ input.facts.n == input.facts.patient.age }`, `{ input.facts.n < input.facts.patient.age }`,
		`{ input.facts.patient.age >= input.table[input.facts.s] }`, `{ input.request.action == "start" }`, `{ not input.request.action == "show" }`,
		"{ old }\n\nold if input.facts.patient.age > 65\n\nold if input.facts.flag", "{ not old }\n\nold if input.facts.patient.age > 65\n\nold if input.facts.flag",
		"{ old(input.facts.patient.age) }\n\nold(x) if x > 65", "{ limit > input.facts.n }\n\ndefault limit := 3\n\nlimit := 18 if input.facts.flag",
		"{ count(marks) == 0 }\n\nmarks contains 1 if input.facts.flag\n\nmarks contains 2 if input.facts.other", "{ count(marks) > 1 }\n\nmarks contains 1 if input.facts.flag\n\nmarks contains 2 if input.facts.other",
		"{ input.facts.flag; input.facts.n > 2 }\n\n" + denies + `{ input.facts.other; input.facts.lang == "zh" }`,
	}
	values := map[string][]any{"patient.age": {nil, 0.0, 12.0, 14.0, 18.0, 66.0}, "n": {nil, 3.0, 12.0, 17.0}, "patient.location_now": {nil, "US-CO", "US-OR"}, "s": {nil, "", "ab", "x"}, "t": {nil, "", "ab"},
		"lang": {nil, "en", "es"}, "flag": {nil, true, false}, "other": {nil, true, false}, "list": {nil, []any{}, []any{"US-CO"}, []any{"US-OR", "en"}, []any{"US-CO", "US-OR", "es"}}, "action": {nil, "show", "start"}}
	for _, body := range bodies {
		tr, deny, module := leftOf(t, denies+body)
		if tr.err != nil {
			t.Errorf("%s: %v", body, tr.err)
			continue
		}
		flag := flagOf(t, &Guard{Checks: []Check{{Variant: "T", Fails: deny.String()}}})
		query, err := rego.New(rego.Query(`data.quorate.rules["T"].finding`), rego.ParsedModule(&module), rego.StrictBuiltinErrors(true)).PrepareForEval(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		read := map[string]bool{}
		deny.variables(read)
		on, off := 0, 0
		eachCombination(sortedKeys(read), values, map[string]any{}, func(facts map[string]any) {
			request := map[string]any{}
			if facts["action"] != nil {
				request["action"] = facts["action"]
			}
			set, err := query.Eval(t.Context(), rego.EvalInput(map[string]any{"facts": given(facts), "request": request, "table": map[string]any{"x": 12, "y": 14}}))
			if err != nil {
				t.Fatal(err)
			}
			denied := len(set[0].Expressions[0].Value.([]any)) > 0
			got := flag.Evaluate(eval.Context(facts), time.Unix(0, 0))
			if (got.Variant == "T") != denied || got.ErrorCode != "" {
				t.Errorf("%s: for %v the flag is %s (%s), Rego denies: %v\n%s", body, facts, got.Variant, got.ErrorCode, denied, deny)
			}
			if denied {
				off++
			} else {
				on++
			}
		})
		if on == 0 || off == 0 {
			t.Errorf("%s: on %d times, off %d: the test does not see both", body, on, off)
		}
		if deny.words() == "" {
			t.Errorf("%s: no words", body)
		}
	}
}

// eachCombination goes through every combination of the values of some facts.
func eachCombination(paths []string, values map[string][]any, facts map[string]any, do func(map[string]any)) {
	if len(paths) == 0 {
		var copied map[string]any
		raw, _ := json.Marshal(facts)
		_ = json.Unmarshal(raw, &copied)
		do(copied)
		return
	}
	if values[paths[0]] == nil { // the object that holds another
		eachCombination(paths[1:], values, facts, do)
		return
	}
	for _, v := range values[paths[0]] {
		plant(facts, strings.Split(paths[0], "."), v)
		eachCombination(paths[1:], values, facts, do)
	}
}

// What is beyond the fragment is refused with the file and the line, never guessed.
func TestBeyondTheFragmentIsRefusedWithItsPlace(t *testing.T) {
	for body, says := range map[string]string{
		`{ lower(input.facts.s) == "a" }`:                                                               "the function lower",
		`{ input.facts.unheard == 1 }`:                                                                  "not in the vocabulary",
		`{ input.facts.s < "b" }`:                                                                       "only numbers",
		`{ input.facts.patient.age > 17.5 }`:                                                            "no whole number",
		`{ input.facts.patient.age / 2 > 8 }`:                                                           "the function div",
		`{ some x in input.facts.list; some y in input.facts.list2; x == y }`:                           "a loop within a loop",
		`{ some x in input.facts.objs; x.k == "v" }`:                                                    "no list of texts",
		`{ every x in input.facts.list { x == input.facts.s } }`:                                        "only the element is seen",
		`{ input.facts.s in input.facts.list }`:                                                         "engines read numbers in free text",
		`{ count({x | some x in input.facts.list; x != "a"}) > 1 }`:                                     "a flag cannot carry",
		`{ input.facts.list == ["a"] }`:                                                                 "a flag cannot carry",
		`{ input.as_of == "x" }`:                                                                        "a flag cannot carry",
		"{ band == \"minor\" }\n\nband := \"minor\" if input.facts.patient.age < 18\nelse := \"adult\"": "a flag cannot carry",
	} {
		tr, _, _ := leftOf(t, denies+body)
		if tr.err == nil || !strings.Contains(tr.err.Error(), says) || !strings.HasPrefix(tr.err.Error(), "t.rego:3: ") {
			t.Errorf("%s: %v, want t.rego:3 and %q", body, tr.err, says)
		}
	}
}
