package flags

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	once "sync"
	"testing"
	"time"

	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/store"
	"github.com/open-feature/flagd/core/pkg/sync"
	"go.uber.org/zap"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/policy"
)

var defaultLaw = once.OnceValues(func() (*policy.Engine, error) { return policy.Default(context.Background()) })

func lawOf(t testing.TB) *policy.Engine {
	t.Helper()
	e, err := defaultLaw()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// furnished is a position under the default law with whatever proof the rules ask of
// these questions on file.
func furnished(t testing.TB, qs ...policy.Question) *policy.Position {
	t.Helper()
	p := &policy.Position{Law: lawOf(t), Config: map[string]any{"operator_for_profit": false}}
	have := map[string]bool{}
	for range 5 { // what is asked for next shows when the last is there
		for _, q := range qs {
			for _, day := range []string{"2024-06-01", "2026-11-24", "2027-06-01", "2028-06-01"} {
				q.AsOf, _ = time.Parse(time.DateOnly, day)
				for _, v := range p.Enable(t.Context(), q).ByJurisdiction {
					for _, kind := range v.EvidenceMissing {
						if !have[kind] {
							have[kind] = true
							p.Evidence = append(p.Evidence, policy.Evidence{Type: kind, Scope: "*", Expires: "2030-01-01"})
						}
					}
				}
			}
		}
	}
	return p
}

// under puts the world under a position.
func (w *world) under(p *policy.Position) {
	w.revision++
	b := newBuilder(w.snap, func(path string, err error) { w.t.Errorf("%s: %v", path, err) })
	b.takePosition(p)
	w.snap = b.build(w.revision)
}

// theRegions are those of the law, with their jurisdictions.
var theRegions = map[string]Region{}

func init() {
	for key, places := range map[string][]string{"nca": {"US-CA"}, "sca": {"US-CA"}, "co": {"US-CO"}, "ga": {"US-GA"}, "hi": {"US-HI"},
		"mas": {"US-DC", "US-MD", "US-VA"}, "nw": {"US-OR", "US-WA"}, "wa": {"US-WA"}} {
		theRegions[key] = Region{Key: key, Name: key, Jurisdictions: places, TimeZone: "America/Denver"}
	}
}

// ruled are the capabilities that the rules know, with what they are to the law.
var ruled = map[string]string{"messaging": "clinical", "scheduling": "administrative", "results_release": "clinical", "notes_open": "clinical",
	"rx_refill": "clinical", "epcs_video": "clinical", "video_visit": "clinical", "econsult": "clinical", "proxy_access": "administrative",
	"teen_account": "administrative", "bh_notes": "clinical", "bh_messaging": "clinical", "sud_records": "clinical", "repro_data": "clinical",
	"device_pghd": "clinical", "med_list": "clinical", "billing_tools": "financial", "trackers": "administrative", "sms_push": "administrative",
	"ai_reply": "clinical", "ai_triage": "clinical", "i18n": "administrative", "third_party_api": "administrative", "hie": "clinical",
	"research": "administrative", "plan_um": "financial", "portal_ui": "administrative"}

// wholeWorld has every governed capability enabled in every region.
func wholeWorld(t testing.TB) *world {
	w := &world{t: t}
	for _, region := range sortedOf(theRegions) {
		w.put("regions/"+region, theRegions[region])
	}
	for _, key := range sortedOf(ruled) {
		c := Capability{Key: key, Kind: ruled[key]}
		if key == "epcs_video" {
			c.Settings = []Setting{{Key: "in_person", Type: "boolean", Description: "x", Off: false, Default: false, Policy: "prior_in_person_required"}}
		}
		w.offer(c)
		for _, region := range sortedOf(theRegions) {
			w.enable(region, key, How{})
		}
	}
	return w
}

func sortedOf[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func allQuestions() (qs []policy.Question) {
	for _, region := range sortedOf(theRegions) {
		for _, key := range sortedOf(ruled) {
			qs = append(qs, question(theRegions[region], Capability{Key: key, Kind: ruled[key]}, How{}))
		}
	}
	return qs
}

// facts draws what a portal sends.
type facts struct{ *rand.Rand }

func (f facts) of(list ...any) any { return list[f.IntN(len(list))] }

func (f facts) value(path string) any {
	place := func() any {
		return f.of("US-CA", "US-CO", "US-DC", "US-GA", "US-HI", "US-MD", "US-OR", "US-VA", "US-WA", "US-CO", "US-TX")
	}
	switch {
	case path == "patient.age":
		return f.of(0.0, 5.0, 12.5, 13.0, 17.0, 18.0, 44.0)
	case path == "action":
		return f.of("show", "start", "")
	case path == "relationship.formed_by":
		return f.of("visit", "telehealth", "messages")
	case strings.HasPrefix(path, "patient."):
		return place()
	case strings.HasPrefix(path, "clinician.l"), strings.HasPrefix(path, "clinician.r"):
		list := []any{}
		for range f.IntN(4) {
			list = append(list, place())
		}
		return list
	}
	return f.IntN(2) == 0
}

func (f facts) context(reads []string, wrong bool) map[string]any {
	ctx := map[string]any{"targetingKey": "p"}
	for _, path := range reads {
		var v any
		switch n := f.IntN(10); {
		case n == 0:
			continue
		case n == 1 && path != "action":
		case wrong && f.IntN(4) == 0:
			v = f.of(true, "", "17", "US-CO", 17.0, 0.0, []any{}, []any{"US-CO", 5.0}, map[string]any{}, "US-CO,US-OR", []any{nil})
		default:
			v = f.value(path)
		}
		name, rest, nested := strings.Cut(path, ".")
		if !nested {
			if v != nil {
				ctx[name] = v
			}
			continue
		}
		if ctx[name] == nil {
			ctx[name] = map[string]any{}
		}
		ctx[name].(map[string]any)[rest] = v
	}
	return ctx
}

// flagd's own engine, which the official provider for Go runs in its process, answers
// the definitions of every pair as we do and as the rules themselves do: the same on
// facts of their types or missing, never on otherwise where the rules deny. Package
// policy holds a hundred thousand contexts against the rules; this engine is slow, so
// it is asked for six thousand here, and for a hundred thousand in the soak.
func TestTheOfficialEngineAgreesUnderTheLaw(t *testing.T) {
	total := 6_000
	if os.Getenv("QUORATE_SOAK") != "" {
		total = 100_000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	f := facts{rand.New(rand.NewPCG(seed, 3))}
	w := wholeWorld(t)
	p := furnished(t, allQuestions()...)
	w.under(p)
	n, on := total/len(allQuestions())+1, 0
	for _, q := range allQuestions() {
		flag := w.snap.flag(q.Region, q.Capability)
		if q.Capability == "epcs_video" {
			q.Config = map[string]any{"prior_in_person_required": false}
		}
		guard := p.Compile(t.Context(), q)
		official := officialLaw(t, flag.Key(), flag.Definition())
		for i := range n {
			now := time.Now().UTC() // its clock cannot be set
			q.AsOf = now
			wrong := i%5 == 4
			ctx := f.context(append(slices.Clone(guard.Reads), "patient.residence"), wrong)
			ours := flag.Evaluate(ctx, now)
			value, variant, _, _, err := official.ResolveBooleanValue(context.Background(), "", flag.Key(), ctx)
			allowed, why := p.Judge(t.Context(), q, guard, ctx)
			served := ours.Value == true
			switch {
			case !wrong && (err != nil || variant != ours.Variant || value != served || served != allowed):
				t.Fatalf("%s in %s for %v: flagd %v (%s, %v), ours %v (%s), the rules %v: %s\n%s", q.Capability, q.Region, ctx, value, variant, err, served, ours.Variant, allowed, why.Sentence, flag.Definition())
			case (value || served) && !allowed:
				t.Fatalf("%s in %s, ill-typed %v: flagd %v, ours %v, the rules %v: %s\n%s", q.Capability, q.Region, ctx, value, served, allowed, why.Sentence, flag.Definition())
			}
			if served {
				on++
			}
		}
	}
	t.Logf("%d pairs, on in %d of %d", len(allQuestions()), on, n*len(allQuestions()))
	if on < total/10 || on > total*95/100 {
		t.Errorf("on in %d of %d: the test does not see both", on, total)
	}
}

func officialLaw(t testing.TB, key string, definition []byte) *evaluator.JSON {
	t.Helper()
	log := logger.NewLogger(zap.NewNop(), false)
	flags, err := store.NewStore(log, []string{"quorate"})
	if err != nil {
		t.Fatal(err)
	}
	e := evaluator.NewJSON(log, flags)
	if err := e.SetState(sync.DataSync{FlagData: `{"flags":{"` + key + `":` + string(definition) + `}}`, Source: "quorate"}); err != nil {
		t.Fatal(err)
	}
	return e
}

// A visit in Colorado.
func visit() map[string]any {
	return map[string]any{"targetingKey": "p1", "action": "start", "patient": map[string]any{"age": 44.0, "location_now": "US-CO"},
		"clinician": map[string]any{"licenses": []any{"US-CO"}}}
}

// Offered, permitted, enabled and the facts present is on; and every one of these
// missing is off by its own name.
func TestOfferedPermittedEnabledAndKnownIsOn(t *testing.T) {
	var qs []policy.Question
	for _, region := range sortedOf(theRegions) {
		qs = append(qs, question(theRegions[region], Capability{Key: "video_visit", Kind: "clinical"}, How{}))
	}
	at := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	w := &world{t: t}
	w.put("regions/co", theRegions["co"])
	w.offer(Capability{Key: "video_visit", Kind: "clinical"})
	w.enable("co", "video_visit", How{})
	ask := func(ctx map[string]any) string { return w.variant("co", "video_visit", ctx, at) }
	if got := ask(visit()); got != "on" {
		t.Errorf("under law that says nothing: %s", got)
	}
	w.under(&policy.Position{})
	if got := ask(visit()); got != string(NoEncodedLaw) {
		t.Errorf("without law: %s", got)
	}
	w.under(&policy.Position{Law: lawOf(t)})
	if got := ask(visit()); !strings.Contains(got, "/evidence/performs:") {
		t.Errorf("without proofs: %s", got)
	}
	p := furnished(t, qs...)
	w.under(p)
	if got := ask(visit()); got != "on" {
		t.Errorf("in Colorado: %s", got)
	}
	for _, c := range []struct {
		change func(map[string]any)
		want   string
	}{
		{func(f map[string]any) { delete(f["patient"].(map[string]any), "location_now") }, "CO-TELEHEALTH-REG/missing/patient.location_now"},
		{func(f map[string]any) { delete(f, "clinician") }, "CO-TELEHEALTH-REG/missing/clinician.licenses"},
		{func(f map[string]any) { delete(f, "clinician"); f["action"] = "show" }, "on"},
		{func(f map[string]any) { f["patient"].(map[string]any)["location_now"] = "US-TX" }, "elsewhere"},
		{func(f map[string]any) { f["patient"].(map[string]any)["location_now"] = "US-GA" }, "GA-360-3-07-TELE"},
		{func(f map[string]any) { f["clinician"] = map[string]any{"licenses": "US-CO"} }, "ill-typed/clinician.licenses"},
		{func(f map[string]any) {
			f["clinician"] = map[string]any{"licenses": []any{}, "registrations": []any{"US-CO"}}
		}, "on"},
		{func(f map[string]any) { // a Colorado doctor's established patient on holiday in Oregon
			f["patient"].(map[string]any)["location_now"] = "US-OR"
			f["relationship"] = map[string]any{"established": true, "temporary_presence": true}
		}, "on"},
		{func(f map[string]any) { f["patient"].(map[string]any)["location_now"] = "US-OR" }, "XS-LICENSE-PATIENT-LOCATION"},
	} {
		ctx := visit()
		c.change(ctx)
		if got := ask(ctx); got != c.want {
			t.Errorf("%v: %s, want %s", ctx, got, c.want)
		}
	}
	r, _ := w.snap.Evaluate("co", "video_visit", visit(), at)
	obligations, _ := r.Metadata["obligations"].(string)
	if r.Metadata["policyRevision"] != p.PolicyRevision() || !strings.Contains(obligations, "capture_location_attestation @service") || r.Metadata["lease"] != nil {
		t.Errorf("metadata %v", r.Metadata)
	}
}

// The region that spans three jurisdictions is on where allowed.
func TestARegionIsOnWhereAllowed(t *testing.T) {
	w := wholeWorld(t)
	p := furnished(t, question(theRegions["mas"], Capability{Key: "hie"}, How{}))
	p.Evidence = slices.DeleteFunc(p.Evidence, func(e policy.Evidence) bool { return e.Type == "hie_filtering" })
	w.under(p)
	at := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	for place, want := range map[string]string{"US-DC": "on", "US-VA": "on", "US-MD": "MD-HG-4-302-5-LPHI/evidence/hie_filtering", "": "MD-HG-4-302-5-LPHI/evidence/hie_filtering"} {
		ctx := map[string]any{"patient": map[string]any{}}
		if place != "" {
			ctx["patient"] = map[string]any{"treatment_site": place}
		}
		if got := w.variant("mas", "hie", ctx, at); got != want {
			t.Errorf("in %q: %s, want %s", place, got, want)
		}
	}
	if st, _ := w.snap.State("mas", "hie", at); st.Cause != On {
		t.Errorf("the region as a whole: %s", st.Cause)
	}
	e, err := w.snap.Explain("mas", "hie", map[string]any{"patient": map[string]any{"treatment_site": "US-MD"}}, at)
	if err != nil || !strings.Contains(e.Layers[1].Says, "Maryland") || !strings.Contains(e.Layers[1].Says, "4-302.5") || e.Layers[1].Holds {
		t.Errorf("%v, %+v", err, e.Layers[1])
	}
}

// The telemedicine window ends with the last day of 2026, in Hawaii hours after
// Virginia. Two replicas and flagd's own definition change over by the clock alone:
// nothing is written and nobody is told.
func TestTheWindowClosesAtMidnight(t *testing.T) {
	midnight := map[string]string{"mas": "2027-01-01T05:00:00Z", "ga": "2027-01-01T05:00:00Z", "co": "2027-01-01T07:00:00Z", "nca": "2027-01-01T08:00:00Z", "hi": "2027-01-01T10:00:00Z"}
	one, two := wholeWorld(t), wholeWorld(t)
	p := furnished(t, allQuestions()...)
	one.under(p)
	two.under(&policy.Position{Law: p.Law, Evidence: p.Evidence, Config: p.Config})
	place := map[string]string{"mas": "US-VA", "ga": "US-GA", "co": "US-CO", "nca": "US-CA", "hi": "US-HI"}
	for region, text := range midnight {
		ctx := visit()
		ctx["patient"].(map[string]any)["location_now"] = place[region]
		ctx["clinician"] = map[string]any{"licenses": []any{place[region]}}
		at, _ := time.Parse(time.RFC3339, text)
		client := clientOf(t, one.snap.flag(region, "epcs_video").Definition())
		for _, c := range []struct {
			at   time.Time
			want string
		}{{at.Add(-24 * time.Hour), "on"}, {at.Add(-time.Second), "on"}, {at, "FED-DEA-TELE-FLEX"}, {at.Add(time.Hour), "FED-DEA-TELE-FLEX"}} {
			a, b := one.variant(region, "epcs_video", ctx, c.at), two.variant(region, "epcs_video", ctx, c.at)
			if a != c.want || b != c.want {
				t.Errorf("%s at %s: %s and %s, want %s", region, c.at, a, b, c.want)
			}
			if r := client.Evaluate(ctx, c.at); r.Variant != c.want {
				t.Errorf("%s at %s: a client without contact has %s, want %s", region, c.at, r.Variant, c.want)
			}
		}
		if st, _ := one.snap.State(region, "epcs_video", at); region != "mas" && st.Cause != "FED-DEA-TELE-FLEX" {
			t.Errorf("%s as a whole: %s", region, st.Cause)
		}
		if one.snap.TimeStage(region, at.Add(-time.Second)) == one.snap.TimeStage(region, at) {
			t.Errorf("%s: midnight is no boundary", region)
		}
		if next, ok := one.snap.NextBoundary(at.Add(-time.Minute)); !ok || next.After(at) {
			t.Errorf("%s: the next boundary is %s", region, next)
		}
		if e, _ := one.snap.Explain(region, "epcs_video", nil, at); region != "mas" && (!strings.Contains(e.Line, "FED-DEA-TELE-FLEX") || len(strings.Fields(e.Line)) > LineWords) {
			t.Errorf("%s: %s", region, e.Line)
		}
	}
	for _, region := range sortedOf(theRegions) {
		if fmt.Sprint(Definitions(one.snap, region)) != fmt.Sprint(Definitions(two.snap, region)) {
			t.Errorf("%s: the replicas differ", region)
		}
	}
}

// What does not touch a pair leaves it as it is, to the byte and without compiling
// anything; and taking proofs away never turns anything on.
func TestProofsTakenAwayTurnNothingOn(t *testing.T) {
	w := wholeWorld(t)
	full := furnished(t, allQuestions()...)
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 5))
	f := facts{r}
	w.under(full)
	before := w.snap
	for range 5 {
		part := *full
		part.Evidence = slices.DeleteFunc(slices.Clone(full.Evidence), func(policy.Evidence) bool { return r.IntN(3) == 0 })
		w.under(&part)
		for _, q := range allQuestions() {
			ctx := f.context([]string{"patient.location_now", "patient.residence", "patient.treatment_site", "patient.age", "clinician.licenses", "action"}, false)
			at := time.Date(2026, time.Month(10+r.IntN(12)), 5, 0, 0, 0, 0, time.UTC)
			with, _ := before.Evaluate(q.Region, q.Capability, ctx, at)
			without, _ := w.snap.Evaluate(q.Region, q.Capability, ctx, at)
			if without.Value == true && with.Value != true {
				t.Fatalf("%s in %s is on only without the proofs, for %v", q.Capability, q.Region, ctx)
			}
		}
	}
	w.under(full)
	for _, region := range sortedOf(theRegions) {
		if fmt.Sprint(Definitions(before, region)) != fmt.Sprint(Definitions(w.snap, region)) {
			t.Errorf("%s: with all proofs again it is not what it was", region)
		}
	}
	next := *full
	next.Evidence = append(slices.Clone(full.Evidence), policy.Evidence{Type: "irb", Scope: "ga", Capability: "research", Expires: "2029-01-01"})
	b := newBuilder(w.snap, func(string, error) {})
	b.takePosition(&next)
	b.build(w.revision + 1)
	if b.recompiled != 1 {
		t.Errorf("a proof for one capability in one region compiled %d pairs anew", b.recompiled)
	}
}

// clientOf is what a provider in a portal's own process makes of a definition.
func clientOf(t testing.TB, definition []byte) *eval.Flag {
	t.Helper()
	f, err := eval.CompileFlag("client", definition, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The first line keeps within its words whatever regulation says.
func TestTheFirstLineOfARefusalByLawIsShort(t *testing.T) {
	const head = "Visits by video: off in The Northern Part"
	lines := []string{}
	for _, cause := range []Cause{NoEncodedLaw, "FED-DEA-TELE-FLEX", "FED-1557-LANG-NOTICE/evidence/language_notice", "HI-329-CS-INPERSON/review"} {
		lines = append(lines, head+offByLaw(cause))
	}
	for _, variant := range []string{"FED-COPPA", "elsewhere", "ill-typed/patient.age"} {
		lines = append(lines, head+" for this context, "+offByRule(&policy.Check{Variant: variant, Rule: "FED-COPPA"}, nil))
	}
	lines = append(lines, head+" for this context, "+offByRule(&policy.Check{}, []string{"patient.age"}))
	st := State{}
	st.Capability.Value, st.Region.Value = Capability{Key: "video_visit", Name: "Visits by video"}, Region{Key: "nca", Name: "The Northern Part"}
	lines = append(lines, lineFor(st, condition{of: "messaging", check: &policy.Check{Variant: "FED-COPPA"}}, nil))
	for _, line := range lines {
		if words := len(strings.Fields(line)); words > LineWords || words < 8 || !strings.HasSuffix(line, ".") {
			t.Errorf("%d words: %s", words, line)
		}
	}
}

// Each fact that a visit's flag looks at, of each wrong type: never on, in flagd's own
// engine nor in ours.
func TestNoFactOfAWrongTypeTurnsItOn(t *testing.T) {
	w := wholeWorld(t)
	p := furnished(t, allQuestions()...)
	w.under(p)
	q := question(theRegions["co"], Capability{Key: "video_visit", Kind: "clinical"}, How{})
	flag := w.snap.flag("co", "video_visit")
	official := officialLaw(t, flag.Key(), flag.Definition())
	now := time.Now().UTC()
	reads := p.Compile(t.Context(), q).Reads
	if len(reads) < 8 {
		t.Fatalf("it reads only %v", reads)
	}
	for _, path := range reads {
		for _, wrong := range []any{map[string]any{}, map[string]any{"0": "US-CO"}, 5.0, []any{5.0}, []any{[]any{"US-CO"}}, []any{nil}, "?"} {
			if _, isText := wrong.(string); isText && path == "action" {
				continue
			}
			ctx := visit()
			name, rest, nested := strings.Cut(path, ".")
			if !nested {
				ctx[name] = wrong
			} else if under, ok := ctx[name].(map[string]any); ok {
				under[rest] = wrong
			} else {
				ctx[name] = map[string]any{rest: wrong}
			}
			value, _, _, _, _ := official.ResolveBooleanValue(context.Background(), "", flag.Key(), ctx)
			if ours := flag.Evaluate(ctx, now); value || ours.Value == true {
				t.Errorf("%s is %v: flagd %v, ours %v (%s)", path, wrong, value, ours.Value, ours.Variant)
			}
		}
	}
}

// Asked about nobody in particular, what decides case by case is said and refuses
// nobody yet; asked about a patient, it does.
func TestRegulationRefusesNobodyInParticular(t *testing.T) {
	w := wholeWorld(t)
	w.under(furnished(t, allQuestions()...))
	at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		ctx   map[string]any
		holds bool
	}{
		{"nobody", nil, true},
		{"a patient whose clinician has no license", map[string]any{"action": "start", "patient": map[string]any{"age": 44, "location_now": "US-CO"}}, false},
	} {
		e, err := w.snap.Explain("co", "video_visit", c.ctx, at)
		if err != nil {
			t.Fatal(err)
		}
		l := e.Layers[1]
		if l.Name != "permitted" || l.Holds != c.holds || len(l.Rules) == 0 {
			t.Errorf("%s: %+v", c.name, l)
		}
		if c.ctx == nil && (!strings.Contains(e.Line, "offered, permitted and enabled") || !strings.Contains(l.Says, "rules decide each case")) {
			t.Errorf("%s: %q, %q", c.name, e.Line, l.Says)
		}
	}
}
