package eval_test

import (
	"fmt"
	"testing"

	"github.com/twmb/murmur3"

	"github.com/quorate/quorate/flags/eval"
)

// Three flags as a portal meets them: one without conditions, one with the three
// conditions of an ordinary regional answer, one with ten shares of a rollout
// behind them.
const (
	staticFlag = `{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on"}`

	threeConditions = `{"and":[
		{"===":[{"var":"patient.location_now"},"US-CO"]},
		{">=":[{"var":"patient.age"},18]},
		{"in":[{"var":"facility"},["co-1","co-2","co-7"]]}]}`

	tenShares = `{"fractional":[{"cat":["video_visit",{"var":"targetingKey"}]},
		["on",10],["off",10],["on",10],["off",10],["on",10],["off",10],["on",10],["off",10],["on",10],["off",10]]}`
)

func targetedFlag(rule string) string {
	return `{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":` + rule + `}`
}

var (
	conditionsFlag = targetedFlag(`{"if":[` + threeConditions + `,"on","off"]}`)
	rolloutFlag    = targetedFlag(`{"if":[` + threeConditions + `,` + tenShares + `,"off"]}`)
)

var patient = eval.Context{
	"targetingKey": "5c3d8535-f81a-4478-a6d3-afaa4d51199e",
	"patient":      map[string]any{"age": 44.0, "location_now": "US-CO", "language": "es"},
	"facility":     "co-7",
	"clinician":    map[string]any{"licenses": []any{"US-CO", "US-WY"}},
	"action":       "start",
}

func mustFlag(tb testing.TB, key, definition string) *eval.Flag {
	tb.Helper()
	f, err := eval.CompileFlag(key, []byte(definition), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func TestNoAllocation(t *testing.T) {
	for _, c := range []struct{ name, definition string }{
		{"static", staticFlag},
		{"three conditions", conditionsFlag},
		{"three conditions and ten shares", rolloutFlag},
		{"shares by targeting key", targetedFlag(`{"fractional":[["on",25],["off",75]]}`)},
		{"computed weight", targetedFlag(`{"fractional":[["on",{"%":[{"var":"$flagd.timestamp"},7]}],["off",75]]}`)},
		{"lease", targetedFlag(`{"if":[{"<":[{"var":"$flagd.timestamp"},1900000000]},"on","off"]}`)},
		{"missing fact", targetedFlag(`{"if":[{"missing":["patient.age","patient.consent"]},"off","on"]}`)},
		{"some", targetedFlag(`{"if":[{"some":[{"var":"clinician.licenses"},{"===":[{"var":""},"US-WY"]}]},"on","off"]}`)},
		{"versions", targetedFlag(`{"if":[{"sem_ver":["1.2.3",">=","1.0.0"]},"on","off"]}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := mustFlag(t, "video_visit", c.definition)
			if n := testing.AllocsPerRun(500, func() { f.EvaluateBool(patient, noon) }); n != 0 {
				t.Errorf("EvaluateBool allocates %v times", n)
			}
			if n := testing.AllocsPerRun(500, func() { f.Evaluate(patient, noon) }); n != 0 {
				t.Errorf("Evaluate allocates %v times", n)
			}
		})
	}
}

var sink bool

func benchmarkFlag(b *testing.B, definition string) {
	f := mustFlag(b, "video_visit", definition)
	b.ReportAllocs()
	for b.Loop() {
		v, _, _, _, _ := f.EvaluateBool(patient, noon)
		sink = v
	}
	rate(b)
}

func rate(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Meval/s")
}

func BenchmarkStatic(b *testing.B)     { benchmarkFlag(b, staticFlag) }
func BenchmarkConditions(b *testing.B) { benchmarkFlag(b, conditionsFlag) }
func BenchmarkRollout(b *testing.B)    { benchmarkFlag(b, rolloutFlag) }

// BenchmarkStaticBySet adds the look-up of the flag by its key.
func BenchmarkStaticBySet(b *testing.B) {
	set, err := eval.Compile([]byte(`{"flags":{"video_visit":` + staticFlag + `}}`))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f, _ := set.Flag("video_visit")
		sink, _, _, _, _ = f.EvaluateBool(patient, noon)
	}
	rate(b)
}

// The floors: the same answers from Go written by hand.

func BenchmarkStaticFloorMap(b *testing.B) {
	values := map[string]bool{"video_visit": true}
	for b.Loop() {
		sink = values["video_visit"]
	}
	rate(b)
}

//go:noinline
func conditionsByHand(ctx eval.Context) bool {
	p, _ := ctx["patient"].(map[string]any)
	where, _ := p["location_now"].(string)
	age, ok := p["age"].(float64)
	facility, _ := ctx["facility"].(string)
	return where == "US-CO" && ok && age >= 18 && (facility == "co-1" || facility == "co-2" || facility == "co-7")
}

//go:noinline
func rolloutByHand(ctx eval.Context) bool {
	if !conditionsByHand(ctx) {
		return false
	}
	key, _ := ctx["targetingKey"].(string)
	h := murmur3.StringSum32("video_visit" + key)
	return (uint64(h)*100>>32)/10%2 == 0
}

func BenchmarkConditionsFloorByHand(b *testing.B) {
	for b.Loop() {
		sink = conditionsByHand(patient)
	}
	rate(b)
}

func BenchmarkRolloutFloorByHand(b *testing.B) {
	for b.Loop() {
		sink = rolloutByHand(patient)
	}
	rate(b)
}

// BenchmarkStaticParallel against BenchmarkStatic says how much of a second core
// arrives; the floor beside it says how much there is.
func BenchmarkStaticParallel(b *testing.B) {
	f := mustFlag(b, "video_visit", staticFlag)
	b.RunParallel(func(pb *testing.PB) {
		on := false
		for pb.Next() {
			on, _, _, _, _ = f.EvaluateBool(patient, noon)
		}
		_ = on
	})
	rate(b)
}

func BenchmarkStaticFloorParallel(b *testing.B) {
	values := map[string]bool{"video_visit": true}
	b.RunParallel(func(pb *testing.PB) {
		on := false
		for pb.Next() {
			on = values["video_visit"]
		}
		_ = on
	})
	rate(b)
}

func BenchmarkRolloutParallel(b *testing.B) {
	f := mustFlag(b, "video_visit", rolloutFlag)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			f.EvaluateBool(patient, noon)
		}
	})
	rate(b)
}

func BenchmarkCompileFlag(b *testing.B) {
	definition := []byte(rolloutFlag)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := eval.CompileFlag("video_visit", definition, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompileDocument(b *testing.B) {
	doc := []byte(`{"metadata":{"flagSetId":"co"},"flags":{`)
	for i := range 1000 {
		if i > 0 {
			doc = append(doc, ',')
		}
		doc = fmt.Appendf(doc, "%q:%s", fmt.Sprintf("capability_%d", i), rolloutFlag)
	}
	doc = append(doc, "}}"...)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := eval.Compile(doc); err != nil {
			b.Fatal(err)
		}
	}
}
