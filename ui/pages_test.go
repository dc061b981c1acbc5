package ui

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/policy"
)

const evil = `<script>alert("x")</script>`

func framed(title, area string) Frame {
	return Frame{Title: title, Area: area, Notice: "Made-up data.", Who: &Who{Name: "Colorado regional lead", Roles: []string{"Regional lead for Colorado"}},
		places: map[string]string{"co": "Colorado", "hi": "Hawaii"}}
}

// allPages are the pages of every room, each filled so that every branch of its
// template is taken by one of them.
func allPages() map[string]Page {
	all := map[string]Page{}
	for _, some := range []map[string]Page{accessPages(), boardPages(), changePages(), policyPages(), recordPages(), systemPages()} {
		maps.Copy(all, some)
	}
	return all
}

// Each template is shown by a page that is kept.
func TestEveryTemplateIsShown(t *testing.T) {
	shown := map[string]bool{}
	for _, p := range allPages() {
		shown[p.name()] = true
	}
	for name := range templates {
		if !shown[name] && !strings.HasPrefix(name, "gov-") { // those of governance stand in its own test
			t.Errorf("no page of the tests shows the template %s", name)
		}
	}
}

func boardPages() map[string]Page {
	b, catalog, regions := fixture()
	full := boardPage(b, catalog, regions, BoardFilter{Region: "co", Kind: "financial"})
	full.Frame = framed("Board", "board")
	full.Wide = true
	empty := boardPage(b, catalog, regions, BoardFilter{State: "pilot"})
	empty.Frame = framed("Board", "board")
	video := catalog[1]
	video.Name, video.ForPatients, video.ForClinicians = evil, "See a clinician from home", "A visit without a room"
	video.RequiresSystems, video.DataClasses = []string{"video"}, []string{"clinical"}
	video.Context = []string{"patient.age"}
	video.Variants = []flags.Variant{{Key: "short", Name: "Short visits"}}
	co := flags.Region{Key: "co", Name: "Colorado", Jurisdictions: []string{"US-CO"}, TimeZone: "America/Denver"}
	standing := Standing{Name: "Hawaii", Path: "/regions/hi/capabilities/video_visit", Mark: Mark{"on", "on"}, Reason: "Clinics are ready", By: "Hawaii regional lead", At: moment(noon), How: "for a half"}
	why := flags.Explanation{Line: "Off in Colorado.", Layers: []flags.Layer{{Name: "offered", Holds: true, Says: "offered", By: "Chair", At: "2026-11-24T12:00:00Z", Reason: "voted", Change: "c1"}, {Name: "enabled", Says: "no answer"}}}
	answer := Answer{Frame: framed("Answer", "board"), Capability: video, Region: co, Others: []Standing{standing}, Key: "k1",
		Facilities: []flags.Facility{{Key: "co-1", Name: "Denver"}, {Key: "co-2", Name: "Boulder"}},
		Entered:    AnswerForm{Answer: "enable", Reason: evil, Facilities: []string{"co-1"}, AgeMin: "18", Revision: 4, Settings: map[string]string{"max_minutes": "30"}},
		Settings: []SettingField{{Setting: flags.Setting{Key: "max_minutes", Type: "integer", Description: "Minutes"}, Value: "30", Default: "20"},
			{Setting: flags.Setting{Key: "record", Type: "boolean", Description: "Record"}, Default: "false", Choices: []string{"true", "false"}}}}
	wrong, check := answer, answer
	wrong.Error = &FormError{Field: "percent", Says: "Too much", Do: "Give less"}
	check.Check = []Line{{"Answer", "Turn it on"}, {"Reason", evil}}
	check.Permit = &Permit{Line: "On where allowed (US-DC, US-MD); US-VA is blocked by FED-X.",
		Places: []PermitPlace{{Place: "US-DC", Mark: Mark{"on", "allowed"}, Owed: []string{"translate by the service"}, Asks: []string{"patient.age"}},
			{Place: "US-VA", Mark: Mark{"law", "blocked"}, Why: []PermitWhy{{Says: "not yet", Rule: "FED-X", Citation: "42 CFR"}},
				Missing: []PermitProof{{Kind: "baa", Rule: "FED-Y", Path: "/policy/evidence?type=baa"}}}},
		Lacks: []PermitFact{{Fact: "patient.age", Share: "94 %"}}, Signs: []string{"Sign-off by Compliance"}, Refused: []string{"a freeze runs"}}
	allowed := check
	allowed.Permit = &Permit{Line: "Nothing forbids it."}
	return map[string]Page{
		"board": full, "board-empty": empty,
		"capability": &Capability{Frame: framed("Video", "board"), Value: video, Offer: &flags.Offer{Kind: flags.Full, Granted: flags.Act{By: "Chair", At: noon, Reason: "voted"}},
			Impacts: []ImpactBar{{"Ease of access", 2}, {"Efficiency", -1}, {"Connection", 0}}, Regions: []Standing{standing}, Requires: []RegionHead{{"bill_pay", "Bills"}, {"x", "X"}}},
		"capability-not-offered": &Capability{Frame: framed("Video", "board"), Value: video},
		"pair": &Pair{Frame: framed("Video in Colorado", "board"), Capability: video, Region: co, Mark: Mark{"ask", "no answer"}, Why: why, How: "for a half", Others: []Standing{standing},
			MayAnswer: true, MayTurnOff: true, CanAnswer: true, IsOn: true, Done: "Done.", Facts: []string{"patient.age"}, Entered: map[string]string{"patient.age": "4"},
			Try: &Trial{Variant: "not-enabled", Line: "Off.", Missing: []string{"patient.age"}}},
		"pair-off": &Pair{Frame: framed("Video in Colorado", "board"), Capability: video, Region: co, Mark: Mark{"ask", "no answer"}, Why: why, MayAnswer: true, CanAnswer: true,
			Try: &Trial{On: true, Variant: "on", Line: "On."}, Entered: map[string]string{}},
		"answer": &answer, "answer-wrong": &wrong, "answer-check": &check, "answer-check-allowed": &allowed,
		"turnoff": &TurnOff{Frame: framed("Turn off", "board"), Capability: video, Region: co, Reason: evil, Key: "k1", Error: &FormError{Field: "reason", Says: "No reason", Do: "Give one"}},
	}
}

func changePages() map[string]Page {
	who := audit.Actor{ID: "person:a", Name: "Compliance officer", Roles: []string{"compliance(*)"}}
	need := gate.Requirement{Kind: gate.NeedSignOff, Role: identity.Compliance, Region: "co", Count: 1, Finding: gate.Finding{Rule: "GATE-HIGH-RISK", Message: "of high risk", Citation: "group rule"}}
	p := gate.Proposal{ID: "c1", Edition: 2, State: gate.Pending, Author: gate.Author{ID: "person:b", Name: "Colorado regional lead"}, Action: identity.Answer,
		Target: identity.Target{Kind: "enablement", Region: "co", ID: "video_visit"}, Reason: evil, ProposedAt: noon, Expires: noon, ApplyAt: noon, Held: "The store was silent.",
		Remarks: []gate.Remark{{By: who, At: noon, Edition: 1, Text: "Say for whom"}}}
	v := gate.View{Proposal: p, Binding: "abc", Now: gate.Decision{Require: []gate.Requirement{need}, Warn: []gate.Finding{{Rule: "R", Message: "to be known"}}, Deny: []gate.Finding{{Rule: "D", Message: "no"}}},
		Moved: []string{"offers/video_visit", "regions/co"}, Missing: []gate.Requirement{need},
		SignOffs: []gate.SignOff{{By: who, At: noon, Meaning: "Looked at"}},
		Void:     []gate.VoidSignOff{{SignOff: gate.SignOff{By: who, Meaning: "Looked at"}, Why: "another edition"}}}
	v.Words = []string{"enablements/co/video_visit is created", "  answer: enable", "  answered.reason: " + evil}
	closed := gate.View{Proposal: p}
	closed.State, closed.Held, closed.Edition = gate.Declined, "", 1
	closed.Closed = &gate.Closing{By: who, At: noon, Reason: "no", Leaf: "l1"}
	data := []DataPart{{Path: "enablements/co/video_visit", After: `{"answer": "enable"}`}, {Path: "x", Before: "{}"}}
	return map[string]Page{
		"changes": &Changes{Frame: framed("Changes", "changes"), More: true, States: []Choice{{"", "Open"}, {"all", "All"}}, Places: []RegionHead{{"co", "Colorado"}}, Filter: ChangeFilter{State: "all", Region: "co", Whose: "mine"},
			Rows: []ChangeRow{{ID: "c1", Title: evil, State: gate.Pending, By: "x", At: noon, Needs: []string{"Sign-off by Compliance"}, Reason: "r"}, {ID: "c2", Title: "t", State: gate.Applied, At: noon}}},
		"changes-none": &Changes{Frame: framed("Changes", "changes")}, "changes-no-match": &Changes{Frame: framed("Changes", "changes"), Filter: ChangeFilter{State: "declined", Whose: "forme"}},
		"change": &Change{Frame: framed("Change", "changes"), What: "Answer an offer", View: v, Needs: []NeedRow{{What: needWords(nil, need), Why: "w", Rule: "r", Citation: "c", Met: true}, {What: "Evidence: baa"}},
			Diff: diffParts(v.Words), Data: data, May: ChangePowers{Sign: true, Decline: true, Ask: true}, Key: "k1", Done: "Signed.", Error: &FormError{Field: "reason", Says: "No reason", Do: "Give one"}},
		"change-own":    &Change{Frame: framed("Change", "changes"), What: "Answer an offer", View: v, May: ChangePowers{Withdraw: true, Rebase: true}, Key: "k1"},
		"change-closed": &Change{Frame: framed("Change", "changes"), What: "Answer an offer", View: closed},
		"sign":          &Sign{Frame: framed("Sign off", "changes"), What: "Answer an offer", View: v, Diff: diffParts(v.Words), Key: "k1", Error: &FormError{Field: "reason", Says: "x"}, Reason: evil},
	}
}

func policyPages() map[string]Page {
	act := policy.Act{Change: "c1", By: "Compliance officer", At: noon, Reason: evil}
	pushed := policy.Pushed{Digest: strings.Repeat("ab", 32), Manifest: policy.Manifest{Name: "The law", Layer: policy.Law, AsLastConfirmed: "2026-10-01"}, Rules: 30, Tests: 4, Cases: 9, SignedBy: "demo", Act: act}
	unnamed := policy.Pushed{Digest: "cd", Manifest: policy.Manifest{Layer: policy.Region, Region: "co"}, Act: act}
	law := &policy.Activation{Digest: pushed.Digest, AsLastConfirmed: "2026-10-01", Act: act}
	record := policy.Record{ID: "US-CO-1", Title: evil, Citation: "C.R.S. 1", Region: "co", Jurisdictions: []string{"US-CO"}, Actors: []string{"health_plan"}, Capabilities: []string{"video_visit", "*", "x"},
		Effective: "2026-01-01", Sunset: "2027-01-01", Status: "unverified", Needs: []policy.Need{{Fact: "patient.age"}}, WaivableBy: []string{"risk"}, Point: "ehr", Lease: 60, Confidence: "high", Unconfirmed: "u",
		ReviewDue: "2027-01-01", Owner: "Counsel", Note: "n", Sources: []string{"https://example.org"}, Relaxations: []policy.Relaxation{{Title: "t", Question: "q", Citation: "c", Status: "unverified", Due: "2027-01-01", Owner: "o"}}}
	plain := policy.Record{ID: "FED-1", Title: "Plain", Citation: "c", Jurisdictions: []string{"*"}, Status: "in_force", Point: "flag"}
	records := map[string]*policy.Record{record.ID: &record, plain.ID: &plain}
	brk := BreakRow{Break: policy.Break{Region: "co", Capability: "video_visit", Jurisdictions: []string{"US-CO"}, Rules: []string{"US-CO-1"}, Says: "no"}, Key: "video_visit", Capability: evil, Region: "Colorado"}
	proof := policy.Proof{ID: "p1", Evidence: policy.Evidence{Type: "baa", Scope: "*", Capability: "video_visit", Expires: "2027-01-01"}, Service: "visits", Note: evil, Added: act}
	waiver := policy.GrantedWaiver{Waiver: policy.Waiver{ID: "w1", RuleID: "US-CO-1", Jurisdiction: "US-CO", Capability: "video_visit", GrantedBy: "Compliance officer", Reason: evil, Expires: "2027-01-01"}}
	wrong := &FormError{Field: "reason", Says: "No reason", Do: "Give one"}
	filter := RuleFilter{Word: evil, Capability: "video_visit", Jurisdiction: "US-CO", On: "2027-01-01", All: true}
	question := policy.OpenMatter{RuleID: "US-CO-1", Relaxation: "r1", Question: evil, Owner: "Counsel", Due: "2027-01-01", Citation: "c"}
	return map[string]Page{
		"policy":      &Policy{Frame: framed("Policy", "policy"), Standing: policy.Standing{Says: "s", Notice: "n", Rules: 30, Active: policy.Active{Law: law, Group: law}}, Regions: []LayerRow{{"Colorado", *law}}, Bundles: []policy.Pushed{pushed, unnamed}},
		"policy-none": &Policy{Frame: framed("Policy", "policy")},
		"rules": &Rules{Frame: framed("Rules", "policy"), Law: true, Total: 2, Filter: filter, Rows: ruleRows(records, RuleFilter{On: "2026-11-24", All: true}), Boundaries: boundaries(records, "2026-01-01"),
			Places: []Choice{{"US-CO", "US-CO"}}, Catalog: []Choice{{"video_visit", "Video"}}},
		"rules-none":    &Rules{Frame: framed("Rules", "policy"), Filter: RuleFilter{On: "2026-11-24"}},
		"rules-nothing": &Rules{Frame: framed("Rules", "policy"), Law: true, Filter: RuleFilter{On: "2026-11-24"}},
		"rule": &Rule{Frame: framed("Rule", "policy"), Rule: policy.RuleView{Record: record, Holds: true}, When: "since 1 Jan 2026", Where: "US-CO", Applies: []Choice{{"video_visit", "Video"}, {"*", "*"}, {"x", "x"}},
			Waivers: []policy.GrantedWaiver{waiver}, MayWaive: true, MayAnswer: true},
		"rule-plain": &Rule{Frame: framed("Rule", "policy"), Rule: policy.RuleView{Record: plain}, When: "always", Where: "everywhere"},
		"forecast": &Forecast{Frame: framed("Forecast", "policy"), Until: "2027-11-24", Found: policy.Forecasted{Pairs: 9}, Turns: []TurnRow{
			{Turn: policy.Turn{At: noon, Region: "co", Capability: "video_visit", Jurisdictions: []string{"US-CO", "US-NM"}, Rules: []string{"US-CO-1", "B"}, Says: "evidence ends"}, Capability: evil, Region: "Colorado"},
			{Turn: policy.Turn{At: noon, Permitted: true}, Capability: "Bills", Region: "Hawaii"}}},
		"forecast-nothing": &Forecast{Frame: framed("Forecast", "policy"), Until: "2027-11-24"},
		"bundle": &Bundle{Frame: framed("Bundle", "policy"), Pushed: pushed, Preview: policy.Preview{Pairs: 9, AsOf: noon, Previewed: 7}, Groups: []BreakGroup{{"Newly off", "s", true, []BreakRow{brk}}, {"Newly permitted", "s", false, nil}},
			Unsent: []UnsentRow{{UnsentFact: policy.UnsentFact{Fact: "patient.age", Missing: 0.94}, Capability: "Video", Region: "Colorado"}}, MayActivate: true, Key: "k1", Reason: evil, Error: wrong, Done: "Done."},
		"bundle-active": &Bundle{Frame: framed("Bundle", "policy"), Pushed: unnamed, IsActive: true, MayActivate: true},
		"evidence": &Evidence{Frame: framed("Evidence", "policy"), Rows: []ProofRow{{Proof: proof, State: "on file", ForWhom: "all regions", MayRevoke: true, Key: "k1"}, {Proof: proof, State: "ended", ForWhom: "Colorado"}}, MayAdd: true, All: true,
			Scopes: []Choice{{"*", "All regions"}, {"co", "Colorado"}}, Catalog: []Choice{{"video_visit", "Video"}}, Entered: EvidenceForm{Type: "baa", Scope: "co", Capability: "video_visit", Note: evil}, Error: wrong, Key: "k1", Done: "On file."},
		"evidence-none": &Evidence{Frame: framed("Evidence", "policy")},
		"waivers": &Waivers{Frame: framed("Waivers", "policy"), Rows: []WaiverRow{{GrantedWaiver: waiver, State: "holds", Capability: "Video", MayRevoke: true, Key: "k1"}, {GrantedWaiver: waiver, State: "revoked"}}, MayGrant: true,
			Catalog: []Choice{{"video_visit", "Video"}}, Places: []Choice{{"US-CO", "US-CO"}}, Waivable: []Choice{{"US-CO-1", "US-CO-1: t"}}, Entered: WaiverForm{Rule: "US-CO-1", Jurisdiction: "US-CO", Capability: "video_visit", Reason: evil}, Error: wrong, Key: "k1", Done: "Granted."},
		"waivers-none": &Waivers{Frame: framed("Waivers", "policy")}, "waivers-no-rule": &Waivers{Frame: framed("Waivers", "policy"), MayGrant: true},
		"questions":      &Questions{Frame: framed("Questions", "policy"), Rows: []policy.OpenMatter{question, {RuleID: "A", Question: "q"}}, Overdue: []string{"US-CO-1"}, MayAnswer: true, Key: "k1", Error: wrong, Done: "On file."},
		"questions-none": &Questions{Frame: framed("Questions", "policy")},
	}
}

func recordPages() map[string]Page {
	leaf := audit.Leaf{ID: "l1", At: noon, Result: audit.Applied, Actor: audit.Actor{ID: "person:a", Name: "Colorado regional lead", Roles: []string{"regional_lead(co)", "auditor(*)"}}, Action: identity.Answer, Reason: evil, Change: "c1",
		Edits: []kv.Edit{{Path: "enablements/co/x", After: json.RawMessage(`{}`)}}, SignOffs: []audit.SignOff{{By: audit.Actor{Name: "Compliance officer"}, Meaning: "Looked at"}},
		Decision: &audit.Decision{By: "policy", Findings: []audit.Finding{{Rule: "R", Message: "m"}}}}
	refused := audit.Leaf{ID: "l2", At: noon, Result: audit.Refused, Refusal: &audit.Refusal{Code: "forbidden", Message: evil}}
	proposed := audit.Leaf{ID: "l3", At: noon, Result: audit.Proposed}
	return map[string]Page{
		"record": &Record{Frame: framed("Record", "record"), All: true, Key: audit.Key{Key: "k+1+x", ID: "abcd"}, Size: 12, Note: "origin\n12\n", Older: "/record?before=3", Places: []RegionHead{{"co", "Colorado"}}, Actions: []identity.Action{identity.Answer},
			Filter: RecordFilter{Who: evil, Action: "enablement.answer", Region: "co", Result: "applied", From: "2026-01-01"},
			Rows:   []RecordRow{{Path: "/record/l1", Title: evil, By: "x", At: noon, Reason: "r"}, {Path: "/record/l2-refused", Title: "t", At: noon, Refused: true}, {Path: "/record/l3", Title: "t", At: noon, Result: audit.Proposed}}},
		"record-region": &Record{Frame: framed("Record", "record"), Filter: RecordFilter{Region: "co", Result: "refused"}},
		"entry": &Entry{Frame: framed("Entry", "record"), What: "Answer an offer", Index: 4, Revision: 9, Leaf: leaf, Prepared: true, Size: 12, Checkpoint: "origin\n12\n", VerifyKey: "k+1+x", ProofPath: "/record/l1/proof",
			Data: []DataPart{{Path: "enablements/co/x", After: "{}"}, {Path: "y", Before: "{}"}}},
		"entry-refused":  &Entry{Frame: framed("Entry", "record"), What: "Answer an offer", Leaf: refused},
		"entry-proposed": &Entry{Frame: framed("Entry", "record"), What: "Answer an offer", Leaf: proposed},
	}
}

func systemPages() map[string]Page {
	token := access.Token{ID: "aaaa", Name: evil, Expires: noon, Verbs: []identity.Action{identity.Evaluate}}
	return map[string]Page{
		"system": &System{Frame: framed("System", "system"), Now: noon, MayTokens: true, Health: Health{Ready: true, Fresh: true, Revision: 9, LastContact: noon, Bytes: 3 << 20, Quota: 2 << 30, Version: "1.0", Replica: "r1"},
			Regions: []RegionRow{{Region: flags.Region{Key: "co", Name: "Colorado", Jurisdictions: []string{"US-CO", "US-NM"}, TimeZone: "America/Denver"}, Facilities: []flags.Facility{{Key: "co-1", Name: evil}}}, {Region: flags.Region{Key: "hi", Name: "Hawaii"}}}},
		"system-silent": &System{Frame: framed("System", "system"), Now: noon, Health: Health{Problem: "the store is silent"}},
		"tokens": &Tokens{Frame: framed("Tokens", "system"), MayIssue: true, Roles: []identity.Role{identity.Service}, Places: []RegionHead{{"co", "Colorado"}}, Entered: TokenForm{Name: evil, Role: "service", Region: "co", Expires: "2027-01-01"}, Error: &FormError{Field: "name", Says: "No", Do: "Do"}, Key: "k1", Done: "Revoked.",
			Rows: []TokenRow{{Token: token, State: "live", Holds: []string{"Service for all regions", "x"}, LastUse: noon, Key: "k1"}, {Token: token, State: "revoked"}}},
		"tokens-none": &Tokens{Frame: framed("Tokens", "system")},
		"issued":      &Issued{Frame: framed("Token issued", "system"), Token: token, Bearer: "qrt_aaaa_secret", Holds: []string{"Service for all regions", "x"}},
	}
}
