package eval_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/quorate/quorate/flags/eval"
)

// A flag that stands for a capability is off where its rule fails; any other
// leaves it to the caller, as flagd does.
func TestAFailingRuleOfACapabilityIsOff(t *testing.T) {
	const adult = `{"if":[{">=":[{"var":"age"},18]},"on","no"]}`
	for _, c := range []struct {
		what, targeting string
		context         eval.Context
	}{
		{"text for a number", adult, eval.Context{"age": "old"}},
		{"a list for a number", adult, eval.Context{"age": []any{44.0}}},
		{"text for a list", `{"if":[{"some":[{"var":"cohorts"},true]},"on","no"]}`, eval.Context{"cohorts": "all"}},
		{"an object for text", `{"if":[{"in":["a",{"var":"name"}]},"on","no"]}`, eval.Context{"name": eval.Context{"a": true}}},
		{"more work than is allowed", `{"if":[{"some":[{"var":"l"},{"some":[{"var":""},false]}]},"on","no"]}`, eval.Context{"l": hugeList()}},
		{"a result that is no variant", `{"var":"age"}`, eval.Context{"age": "old"}},
	} {
		definition := `{"state":"ENABLED","variants":{"on":true,"no":false,"off":false},"defaultVariant":"off","targeting":` + c.targeting
		plain, err := eval.CompileFlag("f", json.RawMessage(definition+`}`), nil)
		if plain == nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if r := plain.Evaluate(c.context, time.Now()); r.Reason != eval.Error || r.HasValue {
			t.Errorf("%s, no capability: %+v", c.what, r)
		}
		sent, _ := eval.CompileFlag("f", json.RawMessage(definition+`,"metadata":{"capability":"f"}}`), nil)
		for how, f := range map[string]*eval.Flag{"labelled": plain.WithMetadata(map[string]any{"capability": "f"}), "sent": sent} {
			r := f.Evaluate(c.context, time.Now())
			if r.Reason != eval.Default || !r.HasValue || r.Value != false || r.Variant != "off" || r.ErrorCode != "" {
				t.Errorf("%s, %s: %+v", c.what, how, r)
			}
			if value, has, variant, _, code := f.EvaluateBool(c.context, time.Now()); value || !has || variant != "off" || code != "" {
				t.Errorf("%s, %s: %v %v %q %q", c.what, how, value, has, variant, code)
			}
		}
	}
	none, err := eval.CompileFlag("f", json.RawMessage(`{"state":"ENABLED","variants":{"on":true},"targeting":`+adult+`,"metadata":{"capability":"f"}}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := none.Evaluate(eval.Context{"age": "old"}, time.Now()); r.Reason != eval.Error || r.HasValue {
		t.Errorf("without a default there is nothing to serve: %+v", r)
	}
}

func hugeList() []any {
	inner := make([]any, 1000)
	outer := make([]any, 1000)
	for i := range outer {
		outer[i] = inner
	}
	return outer
}
