package eval_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/quorate/quorate/flags/eval"
)

// FuzzDocument: whatever the text, Compile refuses it or gives flags that
// evaluate, and whose canonical definitions say the same again.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{
		`{"flags":{"a":` + staticFlag + `}}`,
		`{"flags":{"a":` + rolloutFlag + `},"metadata":{"version":"1"}}`,
		`{"flags":{"a":` + targetedFlag(`{"if":[{"$ref":"e"},"on",{"var":["x","off"]}]}`) + `},"$evaluators":{"e":{"!":[{"missing":["x"]}]}}}`,
		`{"flags":{"a":` + targetedFlag(`{"reduce":[{"var":"l"},{"cat":[{"var":"current"},{"var":"accumulator"}]},""]}`) + `}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		set, err := eval.Compile(doc)
		if err != nil {
			return
		}
		if !json.Valid(doc) {
			t.Fatalf("compiled what is not JSON: %q", doc)
		}
		for _, key := range set.Keys() {
			flag, _ := set.Flag(key)
			r := flag.Evaluate(patient, noon)
			if (r.ErrorCode != "") != (r.Reason == eval.Error) || r.HasValue && r.Variant == "" {
				t.Fatalf("incoherent result %+v", r)
			}
			if flag.Faults() == nil {
				sameAgain(t, flag)
			}
		}
	})
}

func sameAgain(t *testing.T, flag *eval.Flag) {
	again, err := eval.CompileFlag(flag.Key(), flag.Definition(), nil)
	if err != nil {
		t.Fatalf("%s does not compile again: %v", flag.Definition(), err)
	}
	if !bytes.Equal(again.Definition(), flag.Definition()) {
		t.Fatalf("%s becomes %s", flag.Definition(), again.Definition())
	}
	one, two := again.Evaluate(patient, noon), flag.Evaluate(patient, noon)
	if one.Variant != two.Variant || one.Reason != two.Reason || one.ErrorCode != two.ErrorCode {
		t.Fatalf("%s: %+v becomes %+v", flag.Definition(), two, one)
	}
}

// FuzzContext: whatever the context, a flag that uses every operator answers.
func FuzzContext(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"targetingKey":"p","l":[1,"a",null,[true]],"s":"abc","n":1.5,"o":{"a":[1]}}`,
		`{"l":"abc","s":[],"n":"x","o":null}`, `{"l":{"0":1},"s":1e308,"n":-1e308,"o":[[]]}`,
	} {
		f.Add(seed)
	}
	flags := everyOperator(f)
	f.Fuzz(func(t *testing.T, text string) {
		var ctx map[string]any
		if json.Unmarshal([]byte(text), &ctx) != nil {
			return
		}
		for _, flag := range flags {
			start := time.Now()
			flag.Evaluate(ctx, noon)
			flag.EvaluateBool(ctx, noon)
			if d := time.Since(start); d > 10*time.Second {
				t.Fatalf("%s took %v", flag.Definition(), d)
			}
		}
	})
}

// FuzzString: the parser reads strings as encoding/json does, or refuses.
func FuzzString(f *testing.F) {
	f.Add(`a\u00e9\ud83d\ude00\n"`)
	f.Add("\xff\\\"")
	f.Fuzz(func(t *testing.T, inner string) {
		def := `{"state":"ENABLED","variants":{"v":"` + inner + `"},"defaultVariant":"v"}`
		flag, err := eval.CompileFlag("f", []byte(def), nil)
		if err != nil {
			return
		}
		var want struct{ Variants map[string]string }
		if err := json.Unmarshal([]byte(def), &want); err != nil {
			t.Fatalf("%s: encoding/json refuses: %v", def, err)
		}
		got := flag.Evaluate(nil, noon).Value
		if got != want.Variants["v"] || !utf8.ValidString(got.(string)) {
			t.Fatalf("%s is read as %q, not %q", def, got, want.Variants["v"])
		}
	})
}

func everyOperator(tb testing.TB) []*eval.Flag {
	var flags []*eval.Flag
	s, n, l := `{"var":"s"}`, `{"var":"n"}`, `{"var":"l"}`
	for _, rule := range []string{
		`{"==":[` + s + `,` + n + `]}`, `{"!==":[` + l + `,` + n + `]}`, `{"<":[` + n + `,` + s + `,5]}`, `{">=":[` + n + `,` + l + `]}`,
		`{"and":[` + s + `,{"or":[` + n + `,` + l + `]}]}`, `{"!":` + l + `}`, `{"!!":[` + s + `]}`,
		`{"+":` + l + `}`, `{"-":[` + n + `]}`, `{"*":[` + n + `,` + n + `]}`, `{"/":[1,` + n + `]}`, `{"%":[` + n + `,3]}`, `{"max":` + l + `}`, `{"min":[` + n + `,1]}`,
		`{"cat":` + l + `}`, `{"substr":[` + s + `,` + n + `,` + n + `]}`, `{"in":[` + s + `,` + l + `]}`, `{"merge":[` + l + `,` + s + `]}`,
		`{"missing":` + l + `}`, `{"missing_some":[` + n + `,` + l + `]}`, `{"var":[` + s + `,` + n + `]}`, `{"var":{"cat":["l.",` + n + `]}}`,
		`{"map":[` + l + `,{"var":"a"}]}`, `{"filter":[` + l + `,{"var":""}]}`, `{"all":[` + l + `,{"some":[{"var":""},{"none":[{"var":""},true]}]}]}`,
		`{"reduce":[` + l + `,{"cat":[{"var":"accumulator"},{"var":"current"}]},` + s + `]}`,
		`{"reduce":[` + l + `,{"merge":[{"var":"accumulator"},{"var":"accumulator"},{"var":"current"}]},` + l + `]}`,
		`{"fractional":[` + s + `,["on",` + n + `],` + l + `]}`, `{"sem_ver":[` + s + `,">=",` + n + `]}`, `{"starts_with":[` + s + `,` + s + `]}`,
	} {
		flags = append(flags, mustFlag(tb, "f", targetedFlag(rule)), mustFlag(tb, "f", targetedFlag(`{"if":[`+rule+`,"on","off"]}`)))
	}
	return flags
}

// TestConcurrentUse: a set serves many at once, each with its own context.
func TestConcurrentUse(t *testing.T) {
	f := mustFlag(t, "f", targetedFlag(`{"fractional":[{"cat":["f",{"var":"targetingKey"}]},["on",50],["off",50]]}`))
	var wg sync.WaitGroup
	for w := range 4 {
		key := strings.Repeat("k", w+1)
		want, _, _, _, _ := f.EvaluateBool(eval.Context{"targetingKey": key}, noon)
		wg.Go(func() {
			for range 2_000 {
				if got, _, _, _, _ := f.EvaluateBool(eval.Context{"targetingKey": key}, noon); got != want {
					t.Error("an evaluation saw another's context")
					return
				}
			}
		})
	}
	wg.Wait()
}
