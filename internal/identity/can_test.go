package identity

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/fault"
)

func as(role Role, regions ...string) Principal {
	return Principal{ID: "token:test", Name: string(role), Grants: []Grant{{Role: role, Regions: regions}}}
}

// The table of power, read as sentences: as this role, for these regions, doing
// this in that region is allowed or not.
func TestCanReadsLikeTheCharter(t *testing.T) {
	for _, c := range []struct {
		who    Principal
		action Action
		region string
		want   bool
	}{
		{as(RegionalLead, "co"), Answer, "co", true},
		{as(RegionalLead, "co"), Answer, "hi", false},
		{as(RegionalLead, "co"), TurnOff, "co", true},
		{as(RegionalLead, "co"), TurnOff, "hi", false},
		{as(RegionalLead, "co"), SetFacility, "co", true},
		{as(RegionalLead, "co"), SetRegion, "co", false},
		{as(RegionalLead, "co"), GrantOffer, "", false},
		{as(RegionalLead, "co"), AcceptBaseline, "co", true},
		{as(RegionalLead, "co"), AcceptBaseline, "hi", false},
		{as(RegionalLead, "co"), SetBaseline, "", false},
		{as(RegionalLead, "co"), SetFreeze, "co", true},
		{as(RegionalLead, "co"), SetFreeze, "hi", false},
		{as(RegionalLead, "co"), EndFreeze, "co", true},
		{as(Operator, Every), SetBaseline, "", true},
		{as(Operator, Every), AcceptBaseline, "co", false},
		{as(Operator, Every), SetFreeze, "co", true},
		{as(Operator, Every), EndFreeze, "hi", true},
		{as(ClinicalSafety, Every), EndFreeze, "co", false},
		{as(RegionalLead, "co"), ReadState, "hi", true},
		{as(RegionalLead, "co"), ReadRecord, "hi", false},
		{as(RegionalLead, "co", "hi"), Answer, "hi", true},
		{as(Operator, Every), GrantOffer, "", true},
		{as(Operator, Every), Answer, "co", false},
		{as(Operator, Every), TurnOff, "co", true},
		{as(Operator, Every), IssueToken, "", true},
		{as(Operator, "co"), IssueToken, "", false},
		{as(Operator, Every), Backup, "", true},
		{as(Operator, "co"), Backup, "", false},
		{as(Auditor, Every), Backup, "", false},
		{as(Operator, Every), ReplaceKey, "", true},
		{as(Operator, "co"), ReplaceKey, "", false},
		{as(Auditor, Every), ReplaceKey, "", false},
		{as(Operator, "co"), SetRegion, "co", true},
		{as(Operator, "co"), SetRegion, "hi", false},
		{as(Service, "co"), Evaluate, "co", true},
		{as(Service, "co"), Evaluate, "hi", false},
		{as(Service, Every), Evaluate, "hi", true},
		{as(Service, Every), ReadState, "", false},
		{as(Service, Every), Answer, "co", false},
		{as(Auditor, Every), ReadRecord, "co", true},
		{as(Auditor, Every), ReadTokens, "", true},
		{as(Auditor, Every), TurnOff, "co", false},
		{as(ClinicalSafety, Every), TurnOff, "hi", true},
		{as(ClinicalSafety, Every), Answer, "hi", false},
		{as(Member, Every), ReadRecord, "", true},
		{as(Member, Every), Answer, "co", false},
		{as(Contributor, Every), ReadRecord, "", false},
		{as(RegionalLead, "co"), Delegate, "co", true},
		{as(RegionalLead, "co"), Delegate, "hi", false},
		{as(RegionalLead, "co"), Delegate, "", false},
		{as(RegionalLead, "co"), EndDelegation, "co", true},
		{as(Operator, Every), Delegate, "co", false},
		{as(Operator, Every), EndDelegation, "co", true},
		{as(Member, Every), Delegate, "co", false},
		{as(Compliance, Every), DisablePerson, "", true},
		{as(Compliance, "co"), DisablePerson, "", false},
		{as(Compliance, Every), EnablePerson, "", false},
		{as(Operator, Every), EnablePerson, "", true},
		{as(RegionalLead, "co"), DisablePerson, "", false},
		{as(RegionalLead, "co"), SetGroups, "", false},
		{as(RegionalLead, "co"), ReadAccess, "hi", true},
		{as(Service, Every), ReadAccess, "co", false},
		{as(Service, "co"), RotateToken, "", false},
		{as(Operator, Every), FoundBody, "", true},
		{as(Chair, Every), FoundBody, "", false},
		{as(Operator, Every), CastBallot, "", false},
		{as(Operator, Every), MoveMotion, "", false},
		{as(Operator, Every), OpenMotion, "", false},
		{as(Operator, Every), RecordSeat, "", false},
		{as(Operator, Every), CloseMotion, "", true},
		{as(Operator, Every), NoteHalt, "co", true},
		{as(RegionalLead, "co"), NoteHalt, "co", false},
		{as(Compliance, Every), NoteHalt, "co", false},
		{as(Member, "co"), CastBallot, "", true},
		{as(Member, "co"), OpenMotion, "", false},
		{as(Secretary, Every), OpenMotion, "", true},
		{as(Secretary, Every), CastBallot, "", false},
		{as(Secretary, Every), SecondMotion, "", false},
		{as(Contributor, "co"), Deliberate, "", true},
		{as(Contributor, "co"), CastBallot, "", false},
		{as(Auditor, Every), Deliberate, "", false},
		{as(RegionalLead, "co"), RankNeeds, "co", true},
		{as(RegionalLead, "co"), RankNeeds, "hi", false},
		{as(RegionalLead, "co"), CastBallot, "", false},
		{as(HealthPlan, Every), SignForPlan, "", true},
		{as(Chair, Every), SignForPlan, "", false},
		{as(Service, "co"), TrackUse, "co", true},
		{as(Service, "co"), TrackUse, "hi", false},
		{as(Service, Every), ReadUsage, "co", false},
		{as(RegionalLead, "co"), TrackUse, "co", false},
		{as(RegionalLead, "co"), ReadUsage, "co", true},
		{as(RegionalLead, "co"), ReadUsage, "hi", false},
		{as(RegionalLead, "co"), ReadUsage, "", false},
		{as(Member, Every), ReadUsage, "", true},
		{as(RegionalLead, "co"), SetDenominator, "co", true},
		{as(RegionalLead, "co"), SetDenominator, "hi", false},
		{as(Operator, Every), SetDenominator, "co", false},
		{as("emperor", Every), ReadState, "", false},
		{as(Compliance, Every), ActivateLaw, "", true},
		{as(Counsel, Every), ActivateLaw, "", true},
		{as(Operator, Every), ActivateLaw, "", false},
		{as(Operator, Every), ActivateGroupRules, "", true},
		{as(Compliance, Every), ActivateGroupRules, "", false},
		{as(RegionalLead, "co"), ActivateRegionRules, "co", true},
		{as(RegionalLead, "co"), ActivateRegionRules, "hi", false},
		{as(Compliance, Every), ActivateRegionRules, "co", false},
		{as(RegionalLead, "co"), PushRules, "co", true},
		{as(RegionalLead, "co"), PushRules, "", false},
		{as(Compliance, Every), GrantWaiver, "", true},
		{as(Counsel, Every), GrantWaiver, "", false},
		{as(RegionalLead, "co"), GrantWaiver, "co", false},
		{as(RegionalLead, "co"), AddEvidence, "co", true},
		{as(RegionalLead, "co"), AddEvidence, "hi", false},
		{as(RegionalLead, "co"), AddEvidence, "", false},
		{as(Counsel, Every), GiveOpinion, "", true},
		{as(Compliance, Every), GiveOpinion, "", false},
		{Host(), IssueToken, "", true},
		{Host(), GrantOffer, "", false},
	} {
		err := Can(c.who, c.action, Target{Kind: "test", Region: c.region})
		if (err == nil) != c.want {
			t.Errorf("as %s(%v): %s in %q = %v, want allowed %v", c.who.Name, c.who.Grants[0].Regions, c.action, c.region, err, c.want)
		}
		if err != nil && !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s: a refusal is Forbidden, not %v", c.action, err)
		}
	}
}

func TestNobodyMayDoNothing(t *testing.T) {
	for _, a := range Actions {
		if err := Can(Principal{}, a, Target{Region: "co"}); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("nobody: %s = %v", a, err)
		}
	}
}

// Every mutating action is some role's, no role but the operator may found
// power (tokens), and only those who read everything read it without a region.
func TestTheTableHasNoHoles(t *testing.T) {
	for _, a := range Actions {
		if len(May(a)) == 0 {
			t.Errorf("nobody may %s", a)
		}
		if describe(a) == string(a) {
			t.Errorf("%s has no description for people", a)
		}
	}
	for _, a := range []Action{IssueToken, RotateToken, RevokeToken, SetGroups, EnablePerson, SetRegion, GrantOffer, SetBaseline, AcceptRestore, ReplaceKey} {
		if got := May(a); len(got) != 1 || got[0] != Operator {
			t.Errorf("%s may be done by %v", a, got)
		}
	}
	for role := range table {
		if !role.Known() {
			t.Errorf("the table grants to an unknown role %q", role)
		}
	}
}

func TestATokenCanOnlyNarrow(t *testing.T) {
	lead := as(RegionalLead, "co")
	lead.Verbs = []Action{TurnOff, GrantOffer}
	if err := Can(lead, TurnOff, Target{Region: "co"}); err != nil {
		t.Error(err)
	}
	for _, a := range []Action{Answer, GrantOffer} {
		if Can(lead, a, Target{Region: "co"}) == nil {
			t.Errorf("a token for turn_off and grant may %s", a)
		}
	}
}

func TestARefusalNamesWhoWhatWhereAndWhoCould(t *testing.T) {
	err := Can(as(RegionalLead, "hi"), Answer, Target{Kind: "enablement", ID: "video_visit", Region: "co"})
	for _, word := range []string{"regional_lead may not answer an offer in region co", "ask someone who may: regional_lead in region co"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
}

func TestARefusalWithoutARegionSaysThatAllRegionsAreMeant(t *testing.T) {
	err := Can(as(RegionalLead, "co"), ReadRecord, Target{Kind: "record"})
	if !strings.Contains(err.Error(), "ask someone who may for all regions: ") {
		t.Error(err)
	}
}

func TestRegionsOfARole(t *testing.T) {
	p := Principal{ID: "x", Grants: []Grant{{Role: RegionalLead, Regions: []string{"hi", "co"}}, {Role: RegionalLead, Regions: []string{"co"}}, {Role: Auditor, Regions: []string{Every}}}}
	if regions, every := p.Regions(RegionalLead); strings.Join(regions, " ") != "co hi" || every {
		t.Errorf("%v %v", regions, every)
	}
	if regions, every := p.Regions(Auditor); len(regions) != 0 || !every {
		t.Errorf("%v %v", regions, every)
	}
	if got := strings.Join(p.RoleNames(), " "); got != "regional_lead(hi,co) regional_lead(co) auditor" {
		t.Error(got)
	}
}

func TestTheOnlyRegionOfAPrincipal(t *testing.T) {
	for _, c := range []struct {
		who  Principal
		want string
	}{
		{as(Service, "co"), "co"},
		{as(RegionalLead, "co"), "co"},
		{as(Service, "co", "hi"), ""},
		{as(Service, Every), ""},
		{Principal{ID: "x", Grants: []Grant{{Role: RegionalLead, Regions: []string{"co"}}, {Role: Service, Regions: []string{"co"}}}}, "co"},
		{Principal{ID: "x", Grants: []Grant{{Role: RegionalLead, Regions: []string{"co"}}, {Role: Auditor, Regions: []string{Every}}}}, ""},
		{Principal{}, ""},
	} {
		if got, ok := c.who.OnlyRegion(); got != c.want || ok != (c.want != "") {
			t.Errorf("%v: %q, %v", c.who.Grants, got, ok)
		}
	}
}

func TestADelegatedGrantSaysSo(t *testing.T) {
	p := Principal{ID: "person:x", Grants: []Grant{{Role: RegionalLead, Regions: []string{"co"}, Via: "d1"}}}
	if got := p.RoleNames()[0]; got != "regional_lead(co) by delegation" {
		t.Error(got)
	}
	if raw, err := json.Marshal(p.Grants[0]); err != nil || strings.Contains(string(raw), "d1") {
		t.Errorf("a delegation is stored with the grant: %s, %v", raw, err)
	}
}

func TestWhyAPrincipalMay(t *testing.T) {
	p := Principal{ID: "x", Grants: []Grant{{Role: RegionalLead, Regions: []string{"co"}}, {Role: Auditor, Regions: []string{Every}}}}
	if got := Permitting(p, Answer); len(got) != 1 || got[0].Role != RegionalLead {
		t.Errorf("answer: %v", got)
	}
	if got := Permitting(p, ReadRecord); len(got) != 2 {
		t.Errorf("the record: %v", got)
	}
	p.Verbs = []Action{ReadRecord}
	if got := Permitting(p, Answer); got != nil {
		t.Errorf("a token that does not cover it: %v", got)
	}
}
