package eval_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quorate/quorate/flags/eval"
)

// TestCompiledIsInterpreted: the closures and a plain walk over the same rule
// give the same answer, well-typed or not.
func TestCompiledIsInterpreted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		def := map[string]any{
			"state":          "ENABLED",
			"variants":       map[string]any{"on": true, "off": false, "abc": true, "true": true, "false": false, "7": true, "1": false, "Hilo": true, "44": false},
			"defaultVariant": "off",
			"targeting":      map[string]any{"if": []any{conditionRule(t, 3), anyRule(t, 3), anyRule(t, 2)}},
		}
		if rapid.Bool().Draw(t, "plain") {
			def["targeting"] = map[string]any{"or": []any{anyRule(t, 4)}}
		}
		compareWithInterpreter(t, def, someContext(t))
	})
}

func compareWithInterpreter(t *rapid.T, def, context map[string]any) {
	text, err := json.Marshal(def)
	if err != nil {
		t.Fatal(err)
	}
	f, err := eval.CompileFlag("f", text, nil)
	if err != nil {
		t.Skip("the generator does not aim at faulty definitions: ", err)
	}
	variant, reason, code := interpret("f", def, context, noon)
	want := [3]string{variant, string(reason), string(code)}
	r := f.Evaluate(context, noon)
	if diff := cmp.Diff(want, [3]string{r.Variant, string(r.Reason), string(r.ErrorCode)}); diff != "" {
		t.Fatalf("%s\ncontext %s\n(-interpreted +compiled)\n%s", text, asJSON(context), diff)
	}
	_, _, v, re, co := f.EvaluateBool(context, noon)
	if got := [3]string{v, string(re), string(co)}; got != want {
		t.Fatalf("EvaluateBool gives %v, Evaluate %v", got, want)
	}
}

func asJSON(x any) string {
	b, err := json.Marshal(x)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(b)
}
