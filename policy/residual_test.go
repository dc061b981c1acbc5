package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/flags/eval"
)

// furnished is a position under the default law in which every proof is on file
// that the rules ask for.
func furnished(t testing.TB) *Position {
	t.Helper()
	p := &Position{Law: engine(t), Config: map[string]any{"operator_for_profit": false, "prior_in_person_required": true}}
	kinds := slices.Clone(law(t).words.Evidence)
	for kind := range law(t).words.Obligations {
		kinds = append(kinds, PerformsPrefix+kind)
	}
	for _, id := range law(t).ids {
		kinds = append(kinds, PerformsPrefix+id)
	}
	for _, kind := range kinds {
		p.Evidence = append(p.Evidence, Evidence{Type: kind, Scope: "*", Expires: "2030-01-01"})
	}
	return p
}

// flagOf is the flag that a guard makes by itself.
func flagOf(t testing.TB, g *Guard) *eval.Flag {
	t.Helper()
	variants := map[string]bool{"on": true, "off": false}
	var rule strings.Builder
	for _, c := range g.Checks {
		variants[c.Variant] = false
		fmt.Fprintf(&rule, "%s,%q,", c.Fails, c.Variant)
	}
	raw, err := json.Marshal(map[string]any{"state": "ENABLED", "variants": variants, "defaultVariant": "off",
		"targeting": json.RawMessage(`{"if":[` + rule.String() + `true,"on"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	f, err := eval.CompileFlag("flag", raw, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	if f.Faults() != nil {
		t.Fatalf("%v\n%s", f.Faults(), raw)
	}
	return f
}

// drawer draws facts at random.
type drawer struct {
	*rand.Rand
	bundle *Bundle
}

func (d drawer) of(list ...any) any { return list[d.IntN(len(list))] }

// value is a fact of its type.
func (d drawer) value(path string) any {
	places := []any{"US-TX", "ZZ"}
	for _, p := range sortedKeys(d.bundle.places.Places) {
		places = append(places, p, p)
	}
	switch want := d.bundle.words.Facts[path].(type) {
	case []any:
		return d.of(want...)
	case string:
		switch {
		case want == "boolean":
			return d.IntN(2) == 0
		case want == "number":
			return d.of(0.0, 5.0, 12.0, 12.5, 13.0, 13.999, 14.0, 17.0, 17.5, 18.0, 44.0, -1.0, 1e6)
		case want == "strings":
			list := []any{}
			for range d.IntN(4) {
				list = append(list, d.of(places...))
			}
			return list
		case strings.HasPrefix(path, "patient."):
			return d.of(places...)
		}
	}
	return d.of("", "show", "start", "x")
}

// wrong is a fact of some other type.
func (d drawer) wrong() any {
	return d.of(true, false, "", "17", "US-CO", 17.0, 0.0, []any{}, []any{"US-CO", 5.0}, []any{17.0}, map[string]any{}, map[string]any{"0": "US-CO"}, "US-CO,US-OR", []any{nil}, []any{[]any{"US-CO"}})
}

// context draws an evaluation context; each fact is missing, null or there.
func (d drawer) context(reads []string, illTyped bool) map[string]any {
	facts := map[string]any{"targetingKey": "p"}
	for _, path := range reads {
		v := any(nil)
		switch n := d.IntN(12); {
		case path == "action":
			if v = d.of(nil, "show", "start", "start", ""); v == nil {
				continue
			}
		case n == 0:
			continue
		case n > 1 && illTyped && d.IntN(4) == 0:
			v = d.wrong()
		case n > 1:
			v = d.value(path)
		}
		plant(facts, strings.Split(path, "."), v)
	}
	if illTyped && d.IntN(6) == 0 {
		facts["patient"] = d.wrong()
	}
	return facts
}

// moments are around every day on which something changes, and between.
var moments = []string{"2023-06-01T12:00:00Z", "2025-12-31T23:59:59Z", "2026-01-01T05:00:00Z", "2026-01-01T07:30:00Z", "2026-08-15T12:00:00Z", "2026-11-24T18:00:00Z",
	"2027-01-01T04:59:59Z", "2027-01-01T05:00:00Z", "2027-01-01T07:59:59Z", "2027-01-01T08:00:00Z", "2027-01-01T09:59:59Z", "2027-01-01T10:00:00Z", "2027-05-11T12:00:00Z", "2028-05-10T12:00:00Z", "2030-06-01T00:00:00Z"}

// A compiled flag answers as the rules themselves do: on every well-typed context
// the same, on any other never on where they are not. The official engine's part is
// in package flags, where definitions are what is served.
func TestAFlagAnswersAsTheRulesDo(t *testing.T) {
	total := 100_000
	if os.Getenv("QUORATE_SOAK") != "" {
		total *= 10
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	d := drawer{rand.New(rand.NewPCG(seed, 7)), law(t)}
	p := furnished(t)
	regions := sortedKeys(law(t).places.Regions)
	pairs, on, byRule := 0, 0, map[string]int{}
	n := total / (len(regions) * len(law(t).words.Capabilities))
	for _, region := range regions {
		for _, capability := range law(t).words.Capabilities {
			pairs++
			q := Question{Region: region, Jurisdictions: law(t).places.Regions[region], Capability: capability}
			g := p.Compile(t.Context(), q)
			flag := flagOf(t, g)
			known := map[string]Decision{}
			enable := func(ctx context.Context, q Question) Decision { // decided once for each place and moment
				key := fmt.Sprint(q.AsOf, q.Jurisdictions)
				if _, ok := known[key]; !ok {
					known[key] = p.Enable(ctx, q)
				}
				return known[key]
			}
			for i := range n {
				ill := i%5 == 4
				facts := d.context(append(slices.Clone(g.Reads), residence), ill)
				at, _ := time.Parse(time.RFC3339, moments[d.IntN(len(moments))])
				q.AsOf = at
				allowed, why := p.judge(t.Context(), q, g, facts, enable)
				got := flag.Evaluate(facts, at)
				served := got.Value == true
				if served != allowed && (served || !ill) {
					t.Fatalf("%s in %s at %s for %v: the flag says %v (%s), the rules %v: %s\n%s", capability, region, at, facts, served, got.Variant, allowed, why.Sentence, flag.Definition())
				}
				if served {
					on++
				}
				byRule[got.Variant]++
			}
		}
	}
	t.Logf("%d pairs, %d contexts, on in %d; %v", pairs, pairs*n, on, byRule)
	if on < total/10 || on > total*9/10 || len(byRule) < 10 {
		t.Errorf("on in %d of %d: the test does not see both", on, total)
	}
}
