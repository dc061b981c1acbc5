package policy

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What a rule leaves over, evaluated as a flag, against the rule asked by Rego in the
// same run: the compiled form must be two hundred times as fast. Each rule that flags
// enforce is asked in a place where it holds, for a context that it lets through.
func BenchmarkResidual(b *testing.B) {
	facts := map[string]any{"targetingKey": "p1", "action": "start", "patient": map[string]any{"age": 44.0},
		"clinician": map[string]any{"licenses": []any{"US-CO", "US-WA", "US-GA", "US-OR"}}, "consent": map[string]any{"research_authorization": true}}
	at := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	for _, c := range []struct{ rule, capability, place, region string }{
		{"CO-TELEHEALTH-REG", "video_visit", "US-CO", "co"}, {"GA-360-3-07-TELE", "video_visit", "US-GA", "ga"},
		{"XS-LICENSE-PATIENT-LOCATION", "video_visit", "US-OR", "nw"}, {"WA-18-134-UTA", "video_visit", "US-WA", "wa"},
		{"FED-COPPA", "ai_triage", "US-CO", "co"}, {"FED-RESEARCH-RECRUIT", "research", "US-CO", "co"},
	} {
		e := engine(b)
		facts["patient"].(map[string]any)["location_now"] = c.place
		in := Input{Phase: Evaluation, AsOf: at.Format(time.RFC3339), Region: c.region, Jurisdictions: []string{c.place}, Actor: "provider",
			Capability: c.capability, Facts: facts}
		s := e.bundle.situation(&in, at, c.place)
		asked := map[string]any{c.rule: map[string]any(e.bundle.Records[c.rule].setting(s.today))}
		p := furnished(b)
		p.From = at // as if the law had just been activated
		g := p.Compile(b.Context(), Question{Region: c.region, Jurisdictions: []string{c.place}, Capability: c.capability})
		g.Checks = slices.DeleteFunc(slices.Clone(g.Checks), func(x Check) bool { return x.Variant != c.rule })
		flag := flagOf(b, g)
		var compiled, rego float64
		b.Run(strings.ToLower(c.rule)+"/compiled", func(b *testing.B) {
			for b.Loop() {
				if on, _, variant, _, _ := flag.EvaluateBool(facts, at); !on {
					b.Fatal(variant)
				}
			}
			compiled = float64(b.Elapsed().Nanoseconds()) / float64(b.N)
		})
		b.Run(strings.ToLower(c.rule)+"/rego", func(b *testing.B) {
			document := s.document(asked)
			for b.Loop() {
				f, err := e.ask(b.Context(), document, asked)
				if err != nil || slices.ContainsFunc(f.findings[c.rule], func(x finding) bool { return x.effect == "deny" }) {
					b.Fatal(err, f)
				}
			}
			rego = float64(b.Elapsed().Nanoseconds()) / float64(b.N)
		})
		if compiled > 0 && rego > 0 && rego < 200*compiled {
			b.Errorf("%s: compiled %.0f ns, by Rego %.0f ns: %.0f times as fast, want 200", c.rule, compiled, rego, rego/compiled)
		}
	}
}
