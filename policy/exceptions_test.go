package policy

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	rules "github.com/quorate/quorate/policy/rego"
)

// tools is a question whose one obstacle is evidence that a rule may do without.
func tools() Input {
	return Input{Phase: Enablement, AsOf: "2026-06-15T12:00:00Z", Region: "hi", Jurisdictions: []string{"US-HI"}, Actor: "provider", Capability: "econsult"}
}

func tryWaiver(t *testing.T, change func(*Waiver)) (Decision, error) {
	t.Helper()
	b := law(t)
	w := Waiver{
		ID: "w1", RuleID: "FED-1557-DECISION-TOOLS", RuleDigest: b.Records["FED-1557-DECISION-TOOLS"].Digest(), Jurisdiction: "US-HI",
		Capability: "econsult", Class: "risk", GrantedBy: "compliance officer", MayGrant: []string{"risk"}, Reason: "the review is under way",
		Issued: "2026-06-01", Expires: "2026-07-01", MaxDays: 30,
	}
	change(&w)
	in := tools()
	in.Waivers = []Waiver{w}
	return engine(t).Decide(t.Context(), in), b.CheckWaiver(w, "2026-06-15")
}

func TestAWaiverIsOfTheClassTheRuleAllows(t *testing.T) {
	d, err := tryWaiver(t, func(*Waiver) {})
	if err != nil || !d.Allow || d.ValidUntil != "2026-07-01" || !slices.Equal(d.ByJurisdiction["US-HI"].WaiversApplied, []string{"w1"}) {
		t.Fatalf("a good one: %v, %s, until %s", err, d.Sentence, d.ValidUntil)
	}
	for _, c := range []struct {
		what, says string
		change     func(*Waiver)
	}{
		{"the wrong class", `"patient" cannot waive`, func(w *Waiver) { w.Class = "patient" }},
		{"an issuer without the class", "did not hold", func(w *Waiver) { w.MayGrant = nil }},
		{"no reason", "no reason", func(w *Waiver) { w.Reason = "" }},
		{"an unknown rule", "no rule", func(w *Waiver) { w.RuleID = "FED-NONE" }},
		{"an unwaivable rule", "nobody can waive", func(w *Waiver) { w.RuleID = "FED-171-INFO-BLOCKING" }},
		{"a rule that changed since", "has changed", func(w *Waiver) { w.RuleDigest = "0" }},
		{"not begun", "begins", func(w *Waiver) { w.Issued = "2026-06-16" }},
		{"ended with the day before", "ended", func(w *Waiver) { w.Expires = "2026-06-15" }},
		{"too long", "longer", func(w *Waiver) { w.Expires = "2026-07-02" }},
		{"no end", "expires", func(w *Waiver) { w.Expires = "" }},
		{"a malformed end", "expires", func(w *Waiver) { w.Expires = "2026-7-1" }},
	} {
		d, err := tryWaiver(t, c.change)
		if err == nil || !strings.Contains(err.Error(), c.says) || d.Allow {
			t.Errorf("%s: %v, %s", c.what, err, d.Sentence)
		}
	}
	for what, change := range map[string]func(*Waiver){
		"another place":      func(w *Waiver) { w.Jurisdiction = "US-CA" },
		"another capability": func(w *Waiver) { w.Capability = "ai_reply" },
	} {
		if d, _ := tryWaiver(t, change); d.Allow {
			t.Errorf("%s: %s", what, d.Sentence)
		}
	}
	// A rule may be waivable until a day.
	w := Waiver{
		ID: "w2", RuleID: "FED-504-WEB", RuleDigest: law(t).Records["FED-504-WEB"].Digest(), Jurisdiction: "US-HI", Capability: "portal_ui",
		Class: "risk", GrantedBy: "x", MayGrant: []string{"risk"}, Reason: "y", Issued: "2027-05-01", Expires: "2027-06-01", MaxDays: 31,
	}
	if err := law(t).CheckWaiver(w, "2027-05-10"); err != nil {
		t.Error(err)
	}
	if err := law(t).CheckWaiver(w, "2027-05-11"); err == nil {
		t.Error("the web rule was waived on its first day")
	}
}

func TestEvidenceIsInheritedAndEnds(t *testing.T) {
	good := Evidence{Type: "bias_review", Scope: "US-HI", Capability: "econsult", Issued: "2026-01-01", Expires: "2026-12-31"}
	for _, c := range []struct {
		what   string
		change func(*Evidence)
		status Status
		lapse  int // of the warning, -1 none
	}{
		{"of the place", func(*Evidence) {}, Allow, -1},
		{"of the region", func(e *Evidence) { e.Scope = "hi" }, Allow, -1},
		{"of the organization, for all capabilities", func(e *Evidence) { e.Scope, e.Capability = "*", "" }, Allow, -1},
		{"ends within 90 days", func(e *Evidence) { e.Expires = "2026-09-13" }, Allow, 90},
		{"ends within 30 days", func(e *Evidence) { e.Expires = "2026-07-15" }, Allow, 30},
		{"ends within a week", func(e *Evidence) { e.Expires = "2026-06-16" }, Allow, 7},
		{"ended today, in grace", func(e *Evidence) { e.Expires = "2026-06-15" }, Allow, 0},
		{"the last day of grace", func(e *Evidence) { e.Expires = "2026-05-17" }, Allow, 0},
		{"grace is over", func(e *Evidence) { e.Expires = "2026-05-16" }, NeedsEvidence, -1},
		{"of another place", func(e *Evidence) { e.Scope = "US-CA" }, NeedsEvidence, -1},
		{"of no place", func(e *Evidence) { e.Scope = "" }, NeedsEvidence, -1},
		{"of another capability", func(e *Evidence) { e.Capability = "ai_reply" }, NeedsEvidence, -1},
		{"of another version", func(e *Evidence) { e.CapabilityVersion = "2" }, NeedsEvidence, -1},
		{"of another type", func(e *Evidence) { e.Type = "usability_wcag" }, NeedsEvidence, -1},
		{"not yet issued", func(e *Evidence) { e.Issued = "2026-06-16" }, NeedsEvidence, -1},
		{"without an end", func(e *Evidence) { e.Expires = "" }, NeedsEvidence, -1},
		{"with a malformed end", func(e *Evidence) { e.Expires = "2026-12-1" }, NeedsEvidence, -1},
	} {
		e, in := good, tools()
		c.change(&e)
		in.Evidence = []Evidence{e}
		d := engine(t).Decide(t.Context(), in)
		lapse := -1
		if l := d.ByJurisdiction["US-HI"].EvidenceLapsing; len(l) == 1 {
			lapse = l[0].Within
		}
		if d.Status != c.status || lapse != c.lapse {
			t.Errorf("%s: %s, warning %d; want %s, %d", c.what, d.Status, lapse, c.status, c.lapse)
		}
	}
}

// changed is the default bundle with texts replaced in one file.
func changed(t *testing.T, file string, replace ...string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(rules.Law, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(rules.Law, name)
		files[name] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text := string(files[file].Data)
	if text == "" {
		t.Fatalf("%s is empty", file)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("%s has no %q", file, replace[i])
		}
		text = strings.Replace(text, replace[i], replace[i+1], 1)
	}
	files[file] = &fstest.MapFile{Data: []byte(text)}
	return files
}

const (
	federal = "registry/federal/data.yaml"
	hawaii  = "registry/colorado_georgia_hawaii/data.yaml"
)

// A bundle that is not as it must be is refused with its file and the reason.
func TestABrokenBundleIsRefused(t *testing.T) {
	module := "rules/federal/fed_1557_lang_notice.rego"
	for _, c := range []struct {
		what, says string
		files      fstest.MapFS
	}{
		{"a malformed date", `FED-1557-LANG-MT: effective "2024-7-5" is not a day`, changed(t, federal, `effective: "2024-07-05"`, `effective: "2024-7-5"`)},
		{"a date that is none", "2024-02-30", changed(t, federal, `effective: "2024-07-05"`, `effective: "2024-02-30"`)},
		{"an unknown capability", `capability "i18m" is not one of`, changed(t, federal, "capabilities: [i18n,", "capabilities: [i18m,")},
		{"an unknown jurisdiction", `jurisdiction "US-ZZ" is not known`, changed(t, hawaii, "jurisdictions: [US-CO]", "jurisdictions: [US-ZZ]")},
		{"an unknown status", `status "abolished" is not one of`, changed(t, federal, "status: vacated\n", "status: abolished\n")},
		{"an unknown field", "colour", changed(t, federal, "title: A restriction", "colour: red\n  title: A restriction")},
		{"an unknown fact", "no known fact", changed(t, federal, "fact: note.class", "fact: note.klass")},
		{"an unknown waiver class", "waiver class", changed(t, federal, "waivable_by: [risk]", "waivable_by: [hope]")},
		{"history beside the dates", "history says vacated", changed(t, federal, "{status: vacated, from: \"2024-06-20\"}", "{status: vacated, from: \"2024-06-21\"}")},
		{"settings out of order", "does not come after", changed(t, federal, `{from: "2027-01-01", open: false`, `{from: "2025-01-01", open: false`)},
		{"a null setting", "is null", changed(t, federal, "open: false", "open: null")},
		{"a record without a package", "no package", changed(t, hawaii, "\nGA-MINOR:", "\nGA-MINORS:")},
		{"a package without a finding", "no rule named finding", changed(t, module, "finding contains", "found contains")},
		{"a finding that is no set", "no rule named finding", changed(t, module, `finding contains {"effect": "require", "evidence": "language_notice"}`, `finding := {"effect": "require", "evidence": "language_notice"}`)},
		{"a parse error", module + ":", changed(t, module, "if lib.enabling", "if if")},
		{"an unknown reference", module + ":", changed(t, module, "if lib.enabling", "if enabeling")},
		{"the network", "http.send", changed(t, module, "if lib.enabling", `if http.send({"url": "x"})`)},
		{"the clock", "time.now_ns", changed(t, module, "if lib.enabling", "if time.now_ns() > 1")},
		{"chance", "rand.intn", changed(t, module, "if lib.enabling", `if rand.intn("x", 2) == 1`)},
		{"the host", "opa.runtime", changed(t, module, "if lib.enabling", "if opa.runtime()")},
		{"a costly shift", "bits.lsh", changed(t, module, "if lib.enabling", "if bits.lsh(1, 1000000000) > 1")},
		{"a wide print", "sprintf", changed(t, module, "if lib.enabling", `if sprintf("%999999999d", [1])`)},
		{"a negated call", "may not be negated", changed(t, module, "if lib.enabling", `if not input.config.x in {1}`)},
		{"recursion", "recursive", changed(t, module, "if lib.enabling", "if count(finding) > 0")},
		{"an unknown zone", "zone", changed(t, "jurisdictions/data.yaml", "Pacific/Honolulu", "Pacific/Atlantis")},
	} {
		_, err := New(context.Background(), c.files)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	stray := changed(t, federal)
	maps.Copy(stray, fstest.MapFS{"notes/data.yaml": {Data: []byte("a: 1")}})
	if _, err := New(context.Background(), stray); err == nil {
		t.Error("stray data was taken for data of the bundle")
	}
}

// Law that nobody has confirmed is never taken to allow. Counsel's answer is data.
func TestUnverifiedLawGoesToCounsel(t *testing.T) {
	prescribe := Input{
		Phase: Evaluation, AsOf: "2026-06-15T15:00:00Z", Jurisdictions: []string{"US-HI"}, Actor: "medical_group", Capability: "epcs_video",
		Facts: object(t, `{"patient":{"location_now":"US-HI"},"clinician":{"licenses":["US-HI"],"dea":true},
			"rx":{"schedule":"III","modality":"audio_video","group_in_person":true,"opiate":true,"days_supply":3}}`),
	}
	opinion := func(outcome string) *Engine {
		e, err := New(t.Context(), changed(t, hawaii, "opinion: null", fmt.Sprintf(`opinion: {outcome: %s, by: counsel, from: "2026-06-01", until: "2027-06-01"}`, outcome)))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, c := range []struct {
		what   string
		e      *Engine
		status Status
		denied bool
	}{
		{"nobody has asked", engine(t), NeedsLegalReview, true},
		{"counsel confirmed it", opinion("confirmed"), Allow, false},
		{"counsel rejected it", opinion("rejected"), Deny, true},
	} {
		d := c.e.Decide(t.Context(), prescribe)
		v := d.ByJurisdiction["US-HI"]
		if d.Status != c.status || d.Allow != (c.status == Allow) || slices.Contains(v.Denials, "HI-329-CS-INPERSON") != c.denied {
			t.Errorf("%s: %s, %v: %s", c.what, d.Status, v.Denials, d.Sentence)
		}
	}
	prescribe.Facts["rx"].(map[string]any)["days_supply"] = 4.0
	if d := engine(t).Decide(t.Context(), prescribe); d.Status != Deny {
		t.Errorf("beyond the relaxation: %s", d.Status)
	}
	unverified, err := New(t.Context(), changed(t, "registry/mid_atlantic/data.yaml", "MD-RESEARCH-13-2002:\n", "MD-RESEARCH-13-2002:\n  owner: counsel\n",
		`  status: in_force
  location: null
  waivable_by: []
  point: service
  monotone: true
  confidence: source
  sources:
    - "http://www.hopkins`, `  status: unverified
  location: null
  waivable_by: []
  point: service
  monotone: true
  confidence: source
  sources:
    - "http://www.hopkins`))
	if err != nil {
		t.Fatal(err)
	}
	in := Input{
		Phase: Enablement, AsOf: "2026-06-15T15:00:00Z", Jurisdictions: []string{"US-MD"}, Actor: "provider", Capability: "research",
		Evidence: []Evidence{{Type: "irb", Scope: "*", Expires: "2027-01-01"}, {Type: "usability_wcag", Scope: "*", Expires: "2027-01-01"}},
	}
	if d := engine(t).Decide(t.Context(), in); !d.Allow {
		t.Errorf("with the rule in force: %s", d.Sentence)
	}
	d := unverified.Decide(t.Context(), in)
	if d.Status != NeedsLegalReview || d.ByJurisdiction["US-MD"].Reviews[0].Owner != "counsel" {
		t.Errorf("with the rule unverified: %s", d.Sentence)
	}
}

// The forecast visits each boundary once, and says when a thing breaks.
func TestTheForecastFindsTheCliff(t *testing.T) {
	in := Input{
		Phase: Enablement, AsOf: "2026-06-15T12:00:00Z", Jurisdictions: []string{"US-HI"}, Actor: "provider", Capability: "epcs_video",
		Evidence: []Evidence{{Type: "epcs_cert", Scope: "*", Expires: "2030-01-01"}},
	}
	list := engine(t).Forecast(t.Context(), in, "2027-12-31")
	if len(list) < 2 || !list[0].Allow || list[len(list)-1].Allow || list[0].ValidUntilAt != "2027-01-01T10:00:00Z" {
		for _, d := range list {
			t.Logf("%s %s until %s: %s", d.AsOf, d.Status, d.ValidUntilAt, d.Sentence)
		}
		t.Error("the window's end was not forecast")
	}
	if law(t).Manifest.Notice == "" || !strings.Contains(law(t).Manifest.Notice, "not legal advice") {
		t.Error("the bundle does not say that it is not legal advice")
	}
}
