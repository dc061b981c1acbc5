package policy

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A lawsDay is a day on which what is said begins in a place, or ends.
type lawsDay struct {
	day, place, actor, input string
	says                     string // what is said from that day on, or no longer with a leading -
}

// holds reports whether an engine says it from that day on and not before.
func (c lawsDay) holds(t *testing.T, e *Engine) (ok bool, before, after []string) {
	t.Helper()
	says, ends := strings.CutPrefix(c.says, "-")
	before, after = sidesBy(t, e, c.day, c.place, c.actor, c.input)
	return slices.Contains(before, says) == ends && slices.Contains(after, says) != ends, before, after
}

const (
	video   = `{"capability":"video_visit","phase":"evaluation","request":{"action":"start"},`
	public  = `{"capability":"trackers","phase":"enablement","config":{"page":"public:contraception","vendor_baa":true}}`
	stopped = `{"capability":"sms_push","phase":"evaluation","request":{"action":"send_sms","message_class":"billing"},"facts":{"consent":{"sms":{"billing":true}},"message_history":{"stop_events":[{"message_class":"CLASS"}]}}}`
	enable  = `{"phase":"enablement","capability":"`
	friend  = `{"capability":"ai_triage","phase":"evaluation","facts":{"patient":{"age":15,"residence":"US-OR"},"consent":{"parental_verifiable":true},"ai":{"companion":true},"review":{"genai":true}}}`
	talk    = `{"capability":"ai_triage","phase":"evaluation","facts":{"patient":{"age":40},"review":{"genai":true},"ai":{"psychotherapy_context":true,"direct_therapeutic":true}}}`
)

var lawsDays = []lawsDay{
	{"2022-07-01", "US-CA", "plan", `{"capability":"billing_tools","phase":"evaluation","facts":{"requester":"subscriber","patient":{"residence":"US-CA"},"item":{"sensitive_service":true}}}`, "deny CA-CIV-56-107-CONFCOMM"},
	{"2022-12-01", "US-CO", "provider", `{"capability":"trackers","phase":"enablement","config":{"page":"public:contraception"}}`, "deny FED-HIPAA-TRACK-UNAUTH"},
	{"2022-12-01", "US-CO", "provider", `{"capability":"trackers","phase":"enablement","config":{"page":"authenticated:results"}}`, "deny FED-HIPAA-TRACK-AUTH"},
	{"2023-01-01", "US-CA", "provider", `{"capability":"results_release","phase":"evaluation","facts":{"patient":{"treatment_site":"US-CA"},"result":{"class":"malignancy"}}}`, "deny CA-HSC-123148-SENSITIVE"},
	{"2023-01-01", "US-CA", "provider", `{"capability":"hie","phase":"evaluation","facts":{"patient":{"treatment_site":"US-CA"},"record":{"class":"gender_affirming"}}}`, "deny CA-CIV-56-101-AB352"},
	{"2023-07-23", "US-WA", "provider", `{"capability":"trackers","phase":"enablement","config":{"page":"authenticated:home","vendor_baa":true,"geofence":true}}`, "deny WA-19-373-MHMDA"},
	{"2023-09-24", "US-OR", "provider", video + `"facts":{"patient":{"location_now":"US-OR"},"clinician":{"licenses":["US-CO"]},"relationship":{"established":true,"temporary_presence":true}}}`, "owe OR-677-137-TELE/record_exception"},
	{"2024-03-31", "US-WA", "provider", public, "deny WA-19-373-MHMDA"},
	{"2024-04-16", "US-GA", "provider", `{"capability":"sud_records","phase":"evaluation","facts":{"record":{"part2":true},"requester":"other"}}`, "deny FED-42CFR2-CONSENT"},
	{"2024-04-16", "US-GA", "provider", `{"capability":"sud_records","phase":"evaluation","facts":{"record":{"part2":false},"note":{"class":"sud_counseling"}}}`, "deny FED-42CFR2-COUNSELING"},
	{"2024-05-01", "US-GA", "provider", video + `"facts":{"patient":{"location_now":"US-GA"},"clinician":{"licenses":["US-GA"]}}}`, "owe GA-360-3-07-TELE/keep_record"},
	{"2024-06-06", "US-WA", "provider", video + `"facts":{"patient":{"location_now":"US-WA"},"clinician":{"licenses":["US-OR"]}}}`, "deny WA-18-134-UTA"},
	{"2024-06-20", "US-CO", "provider", `{"capability":"trackers","phase":"enablement","config":{"page":"public:contraception"}}`, "-deny FED-HIPAA-TRACK-UNAUTH"},
	{"2024-07-01", "US-CA", "provider", enable + `repro_data"}`, "need ehr_segmentation"},
	{"2024-07-01", "US-CA", "provider", `{"capability":"hie","phase":"evaluation","facts":{"patient":{"treatment_site":"US-CA"},"record":{"class":"abortion"}}}`, "deny CA-CIV-56-101-AB352"},
	{"2024-07-01", "US-CA", "provider", `{"capability":"bh_messaging","phase":"evaluation","facts":{"patient":{"age":15,"treatment_site":"US-CA"},"requester":"patient","item":{"service":"mental_health","consented_by":"minor"}}}`, "owe CA-MINOR-CONSENT/treat_as_minor_consented"},
	{"2024-07-05", "US-GA", "plan", enable + `i18n","config":{"machine_translated":true}}`, "need qualified_human_translator_review"},
	{"2024-07-07", "US-MD", "provider", enable + `hie"}`, "need hie_filtering"},
	{"2024-12-23", "US-CO", "provider", enable + `hie"}`, "need repro_attestation"},
	{"2025-01-01", "US-CA", "provider", talk, "owe CA-HSC-1339-75-AB3030/disclose"},
	{"2025-01-01", "US-CA", "plan", enable + `plan_um"}`, "deny CA-HSC-1367-01-SB1120"},
	{"2025-04-11", "US-CO", "provider", strings.Replace(stopped, "CLASS", "billing", 1), "deny FED-TCPA-TEXT"},
	{"2025-05-01", "US-HI", "provider", enable + `ai_triage"}`, "need bias_review"},
	{"2025-06-18", "US-CO", "provider", enable + `hie"}`, "-need repro_attestation"},
	{"2025-07-01", "US-VA", "provider", public, "deny VA-SB754-REPRO"},
	{"2025-07-05", "US-OR", "provider", enable + `portal_ui"}`, "need language_notice"},
	{"2025-10-01", "US-MD", "provider", enable + `sms_push","config":{"geofence":true}}`, "deny MD-MODPA"},
	{"2025-10-01", "US-MD", "provider", public, "review MD-MODPA"},
	{"2026-01-01", "US-CA", "provider", enable + `ai_reply","config":{"persona_text":"Nurse Joy"}}`, "deny CA-BPC-4999-8-AB489"},
	{"2026-01-01", "US-CO", "provider", video + `"facts":{"patient":{"location_now":"US-CO"},"clinician":{"licenses":["US-UT"]}}}`, "deny CO-TELEHEALTH-REG"},
	{"2026-01-01", "US-CO", "plan", enable + `plan_um"}`, "need prior_auth_operations"},
	{"2026-02-16", "US-VA", "provider", enable + `sud_records"}`, "need npp_update"},
	{"2026-04-01", "US-MD", "provider", public, "deny MD-MODPA"},
	{"2026-04-22", "US-GA", "provider", `{"capability":"device_pghd","phase":"evaluation","facts":{"patient":{"age":12}}}`, "deny FED-COPPA"},
	{"2026-07-01", "US-VA", "provider", `{"capability":"results_release","phase":"evaluation","facts":{"patient":{"treatment_site":"US-VA"},"result":{"class":"malignancy","finalized_at":"2026-06-30T12:00:00Z"}}}`, "deny VA-HB973-72H-HOLD"},
	{"2026-08-12", "US-CO", "provider", talk, "deny CO-HB26-1195-PSYCH-AI"},
	{"2027-01-01", "US-CO", "plan", `{"capability":"plan_um","phase":"evaluation","facts":{"patient":{"residence":"US-CO"},"decision":{"materially_influences":true}}}`, "owe CO-SB26-189-ADMT/explain_adverse_outcome"},
	{"2027-01-01", "US-OR", "provider", friend, "owe OR-SB1546-CHATBOT/disclose"},
	{"2027-01-01", "US-WA", "provider", friend, "owe WA-HB2225-COMPANION/disclose"},
	{"2027-01-01", "US-HI", "plan", enable + `billing_tools"}`, "need fhir_apis"},
	{"2027-01-01", "US-CO", "provider", enable + `epcs_video"}`, "deny FED-DEA-TELE-FLEX"},
	{"2027-01-31", "US-CO", "provider", strings.Replace(stopped, "CLASS", "marketing", 1), "deny FED-TCPA-TEXT"},
	{"2027-05-11", "US-HI", "provider", enable + `portal_ui","config":{"employees":15}}`, "need usability_wcag"},
	{"2027-07-01", "US-GA", "provider", friend, "owe GA-SB540-CONVAI/disclose"},
	{"2028-05-10", "US-DC", "provider", enable + `portal_ui","config":{"employees":14}}`, "need usability_wcag"},
}

// Each boundary of the law is looked at from both sides: one second before the
// day begins there, and when it has begun.
func TestTheLawsBoundaries(t *testing.T) {
	for _, c := range lawsDays {
		t.Run(c.day+" "+c.place+" "+c.says, func(t *testing.T) {
			if ok, before, after := c.holds(t, engine(t)); !ok {
				t.Errorf("%s\nthe day before: %q\non the day:     %q", c.says, before, after)
			}
		})
	}
}

// The DEA's window ends with 2026 by each place's own clock.
func TestTheCliffComesWithEachPlacesMidnight(t *testing.T) {
	for _, j := range sortedKeys(law(t).places.Places) {
		before, after := sides(t, "2027-01-01", j, "medical_group", `{"phase":"enablement","capability":"epcs_video"}`)
		const says = "deny FED-DEA-TELE-FLEX"
		if slices.Contains(before, says) || !slices.Contains(after, says) {
			t.Errorf("%s: %q, then %q", j, before, after)
		}
		d := engine(t).Decide(t.Context(), Input{
			Phase: Enablement, AsOf: "2026-12-01T00:00:00Z", Jurisdictions: []string{j}, Actor: "provider", Capability: "epcs_video",
		})
		if d.ValidUntil != "2027-01-01" {
			t.Errorf("%s: valid until %s", j, d.ValidUntil)
		}
	}
	in := Input{Phase: Enablement, AsOf: "2027-01-01T09:59:59Z", Jurisdictions: []string{"US-CA", "US-HI"}, Actor: "provider", Capability: "epcs_video"}
	d := engine(t).Decide(t.Context(), in)
	if len(d.ByJurisdiction["US-CA"].Denials) == 0 || len(d.ByJurisdiction["US-HI"].Denials) != 0 {
		t.Errorf("a second before Hawaii's midnight: %s", d.Sentence)
	}
}

// sides decides on both sides of a day's beginning there, and says what was said.
func sides(t *testing.T, day, place, actor, input string) (before, after []string) {
	t.Helper()
	return sidesBy(t, engine(t), day, place, actor, input)
}

func sidesBy(t *testing.T, e *Engine, day, place, actor, input string) (before, after []string) {
	t.Helper()
	at, ok := law(t).moment(Day(day), place)
	if !ok {
		t.Fatalf("%s %s", day, place)
	}
	doc := object(t, input)
	decide := func(at time.Time) []string {
		in := Input{Phase: Phase(doc["phase"].(string)), AsOf: at.Format(time.RFC3339), Jurisdictions: []string{place}, Actor: actor, Capability: doc["capability"].(string)}
		in.Request, _ = doc["request"].(map[string]any)
		in.Config, _ = doc["config"].(map[string]any)
		in.Facts, _ = doc["facts"].(map[string]any)
		d := e.Decide(t.Context(), in)
		if len(d.BadInput) > 0 {
			t.Fatal(d.BadInput)
		}
		return said(d.ByJurisdiction[place])
	}
	return decide(at.Add(-time.Second)), decide(at)
}

// said writes a verdict as short lines.
func said(v *Verdict) []string {
	var lines []string
	for _, id := range v.Denials {
		lines = append(lines, "deny "+id)
	}
	for _, o := range v.Obligations {
		lines = append(lines, "owe "+o.RuleID+"/"+o.Kind)
	}
	for _, kind := range v.EvidenceMissing {
		lines = append(lines, "need "+kind)
	}
	for _, r := range v.Reviews {
		lines = append(lines, "review "+r.RuleID)
	}
	for _, m := range v.Missing {
		lines = append(lines, "missing "+m.Path)
	}
	return lines
}

// Whatever the rule, a decision of the day before says that it holds until then.
func TestEveryBoundaryEndsADecision(t *testing.T) {
	b := law(t)
	seen := 0
	for _, id := range b.ids {
		r := b.Records[id]
		for _, day := range r.boundaries() {
			if day == "" {
				continue
			}
			seen++
			place := r.Jurisdictions[0]
			if place == "*" {
				place = "US-HI"
			}
			at, _ := b.moment(day, place)
			in := Input{Phase: Enablement, AsOf: at.Add(-time.Second).Format(time.RFC3339), Jurisdictions: []string{place}, Actor: r.Actors[0], Capability: r.Capabilities[0]}
			if !slices.Contains(r.Acts, "enable") && !slices.Contains(r.Acts, "use") {
				in.Request = map[string]any{"restricts_access": true}
			}
			if d := engine(t).Decide(t.Context(), in); d.ValidUntil != day {
				t.Errorf("%s: the decision before %s is valid until %q", id, day, d.ValidUntil)
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d boundaries", seen)
	}
}

// The registry says what the inventory says: every date of a record stands in its
// row there, every capability, and how sure we are.
func TestTheRegistryFollowsTheInventory(t *testing.T) {
	elsewhere := map[string]string{
		"FED-HIPAA-TRACK-AUTH 2022-12-01":    "the row gives the month",
		"FED-HIPAA-TRACK-UNAUTH 2022-12-01":  "the row gives the month",
		"CA-HSC-123115-MINOR-REP 2023-01-01": "SB 1419, by the table of boundaries",
		"CA-HSC-123148-GENERAL 2023-01-01":   "SB 1419, by the table of boundaries",
		"FED-42CFR2-COUNSELING 2024-04-16":   "the same rule as FED-42CFR2-CONSENT",
		"FED-504-WEB 2028-05-10":             "under 15 employees, by the first page",
		"GA-360-3-02-CS 2024-05-01":          "the easing's end, by the row of GA-360-3-07-TELE",
		"FED-DEA-TELE-FLEX 2027-01-01":       "the day after the last one of the row",
		"MD-MODPA 2026-04-01":                "later sources, unconfirmed",
	}
	rows := map[string]string{}
	row := regexp.MustCompile(`(?m)^\| ([A-Z][A-Z0-9-]+) \|.*$`)
	for _, m := range row.FindAllStringSubmatch(string(shared(t, "rules.md")), -1) {
		rows[m[1]] = m[0]
	}
	b := law(t)
	for _, id := range b.ids {
		text, ok := rows[id]
		if !ok {
			t.Errorf("%s is not in the inventory", id)
			continue
		}
		r := b.Records[id]
		for _, day := range r.boundaries() {
			if _, known := elsewhere[id+" "+string(day)]; day != "" && !known && !strings.Contains(text, string(day)) {
				t.Errorf("%s: %s is not in its row", id, day)
			}
		}
		cell := strings.Split(text, "|")[3]
		for _, capability := range r.Capabilities {
			if !strings.Contains(cell, capability) && !strings.Contains(cell, "bh_*") && !strings.Contains(cell, "all patient-facing") && id+capability != "GA-360-3-07-TELEepcs_video" {
				t.Errorf("%s: %s is not in its row", id, capability)
			}
		}
		sourced, unconfirmed := strings.Contains(text, "[source"), strings.Contains(text, "[unconfirmed]")
		want := map[[2]bool]string{{true, false}: "source", {true, true}: "mixed", {false, true}: "unconfirmed"}[[2]bool{sourced, unconfirmed}]
		if r.Confidence != want {
			t.Errorf("%s: confidence %s, the row says %s", id, r.Confidence, want)
		}
	}
}
