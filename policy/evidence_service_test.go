package policy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/policy"
)

// Waivers are class-checked when they are written and whenever they are read.
func TestWaivers(t *testing.T) {
	s := newSite(t)
	ask := policy.WaiverRequest{RuleID: "CO-OWN-CONSENT", Jurisdiction: "US-CO", Capability: "video_visit", Expires: policy.Day(s.now.AddDate(0, 1, 0).Format(time.DateOnly))}
	grant := func(who identity.Principal, change func(*policy.WaiverRequest)) (policy.GrantedWaiver, error) {
		r := ask
		change(&r)
		w, _, err := s.service.GrantWaiver(t.Context(), by(who), r)
		return w, err
	}
	same := func(*policy.WaiverRequest) {}
	_, err := grant(compliance, same)
	wants(t, "without a law", err, "no_law")
	s.activate()
	p := s.push(own(ownManifest), "co")
	if _, _, err := s.service.Activate(t.Context(), by(lead), policy.ActivateRequest{Layer: policy.Region, Region: "co", Digest: p.Digest}); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		who    identity.Principal
		change func(*policy.WaiverRequest)
		code   string
	}{
		"by a lead":         {lead, same, "forbidden"},
		"by counsel":        {counsel, same, "forbidden"},
		"an unwaivable one": {compliance, func(r *policy.WaiverRequest) { r.RuleID = "XS-LICENSE-PATIENT-LOCATION" }, "not_waivable"},
		"another class":     {compliance, func(r *policy.WaiverRequest) { r.Class = "patient" }, "not_waivable"},
		"too long":          {compliance, func(r *policy.WaiverRequest) { r.Expires = policy.Day(s.now.AddDate(2, 0, 0).Format(time.DateOnly)) }, "not_waivable"},
		"over already":      {compliance, func(r *policy.WaiverRequest) { r.Expires = "2020-01-01" }, "not_waivable"},
		"no day":            {compliance, func(r *policy.WaiverRequest) { r.Expires = "soon" }, "not_waivable"},
		"no rule":           {compliance, func(r *policy.WaiverRequest) { r.RuleID = "XX-NONE" }, "unknown_rule"},
		"no place":          {compliance, func(r *policy.WaiverRequest) { r.Jurisdiction = "US-ZZ" }, "unknown_jurisdiction"},
		"no capability":     {compliance, func(r *policy.WaiverRequest) { r.Capability = "teleport" }, "unknown_capability"},
		"a bad id":          {compliance, func(r *policy.WaiverRequest) { r.ID = "../x" }, "bad_id"},
	} {
		_, err := grant(c.who, c.change)
		wants(t, what, err, c.code)
	}
	w, err := grant(compliance, same)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.denied(colorado); slices.Contains(got, "CO-OWN-CONSENT") {
		t.Errorf("waived, and denied by %v", got)
	}
	s.now = s.now.AddDate(0, 2, 0)
	if got := s.denied(colorado); !slices.Contains(got, "CO-OWN-CONSENT") {
		t.Error("the waiver outlives its end")
	}
	s.now = s.now.AddDate(0, -2, 0)
	if _, _, err := s.service.RevokeWaiver(t.Context(), by(compliance), w.ID); err != nil {
		t.Fatal(err)
	}
	if got := s.denied(colorado); !slices.Contains(got, "CO-OWN-CONSENT") {
		t.Error("the waiver outlives its revocation")
	}
	list, err := s.service.Waivers(t.Context(), lead)
	if err != nil || len(list) != 1 || list[0].Value.Revoked == nil {
		t.Errorf("%v, %v", list, err)
	}
}

const hash = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// Evidence is typed, scoped and ends; it counts at once, and no longer once revoked.
func TestEvidence(t *testing.T) {
	s := newSite(t)
	s.activate()
	day := func(years int) policy.Day { return policy.Day(s.now.AddDate(years, 0, 0).Format(time.DateOnly)) }
	ask := policy.EvidenceRequest{Type: "vendor_baa", Scope: "co", Expires: day(1), Hash: hash}
	for what, c := range map[string]struct {
		who    identity.Principal
		change func(*policy.EvidenceRequest)
		code   string
	}{
		"a lead for another region":  {lead, func(r *policy.EvidenceRequest) { r.Scope = "hi" }, "forbidden"},
		"a lead for all":             {lead, func(r *policy.EvidenceRequest) { r.Scope = "*" }, "forbidden"},
		"a lead for a shared place":  {lead, func(r *policy.EvidenceRequest) { r.Scope = "US-CO" }, "forbidden"},
		"an operator":                {operator, func(*policy.EvidenceRequest) {}, "forbidden"},
		"an unknown type":            {lead, func(r *policy.EvidenceRequest) { r.Type = "vendor_bba" }, "unknown_type"},
		"no word":                    {lead, func(r *policy.EvidenceRequest) { r.Type = "Vendor BAA" }, "unknown_type"},
		"performs nothing known":     {lead, func(r *policy.EvidenceRequest) { r.Type, r.Service = "performs:magic", "portal" }, "unknown_type"},
		"performs, by nobody":        {lead, func(r *policy.EvidenceRequest) { r.Type = "performs:consent" }, "no_service"},
		"an unknown place":           {compliance, func(r *policy.EvidenceRequest) { r.Scope = "US-ZZ" }, "unknown_jurisdiction"},
		"an unknown region":          {compliance, func(r *policy.EvidenceRequest) { r.Scope = "atlantis" }, "unknown_scope"},
		"an unknown capability":      {lead, func(r *policy.EvidenceRequest) { r.Capability = "teleport" }, "unknown_capability"},
		"a version of nothing":       {lead, func(r *policy.EvidenceRequest) { r.CapabilityVersion = "2" }, "no_capability"},
		"no end":                     {lead, func(r *policy.EvidenceRequest) { r.Expires = "" }, "bad_day"},
		"a malformed end":            {lead, func(r *policy.EvidenceRequest) { r.Expires = "2030-1-1" }, "bad_day"},
		"ended":                      {lead, func(r *policy.EvidenceRequest) { r.Expires = "2020-01-01" }, "lapsed"},
		"ends before it begins":      {lead, func(r *policy.EvidenceRequest) { r.Issued = day(2) }, "bad_day"},
		"for ever":                   {lead, func(r *policy.EvidenceRequest) { r.Expires = "2999-01-01" }, "too_long"},
		"no hash":                    {lead, func(r *policy.EvidenceRequest) { r.Hash = "" }, "no_hash"},
		"a hash that is none":        {lead, func(r *policy.EvidenceRequest) { r.Hash = "sha256:abc" }, "bad_hash"},
		"a password in the address":  {lead, func(r *policy.EvidenceRequest) { r.URI = "https://a:b@example.org/" }, "bad_uri"},
		"a note that moves a cursor": {lead, func(r *policy.EvidenceRequest) { r.Note = "\x1b[2J" }, "bad_text"},
	} {
		r := ask
		c.change(&r)
		_, _, err := s.service.AddEvidence(t.Context(), by(c.who), r)
		wants(t, what, err, c.code)
	}
	proof, receipt, err := s.service.AddEvidence(t.Context(), by(lead), ask)
	if err != nil || proof.ID == "" || receipt.Revision == 0 {
		t.Fatalf("%+v %v", proof, err)
	}
	for _, r := range []policy.EvidenceRequest{
		{Type: "performs:consent", Service: "portal", Scope: "co", Expires: day(1)},
		{Type: "readiness:video_visit", Scope: "co", Expires: day(1)},
		{Type: "local:training", Scope: "co", Capability: "video_visit", CapabilityVersion: "2", Expires: day(1)},
	} {
		if _, _, err := s.service.AddEvidence(t.Context(), by(lead), r); err != nil {
			t.Errorf("%s: %v", r.Type, err)
		}
	}
	if got := len(s.records.Position().Evidence); got != 4 {
		t.Errorf("%d pieces count, want 4", got)
	}
	_, _, err = s.service.RevokeEvidence(t.Context(), by(as(identity.RegionalLead, "hi")), proof.ID)
	wants(t, "another region's evidence", err, "forbidden")
	_, _, err = s.service.RevokeEvidence(t.Context(), gate.Origin{Actor: lead}, proof.ID)
	wants(t, "without a reason", err, "no_reason")
	if _, _, err := s.service.RevokeEvidence(t.Context(), by(lead), proof.ID); err != nil {
		t.Fatal(err)
	}
	if got := len(s.records.Position().Evidence); got != 3 {
		t.Errorf("%d pieces count after the revocation", got)
	}
	_, _, err = s.service.RevokeEvidence(t.Context(), by(lead), "ev-none")
	wants(t, "no such evidence", err, "unknown_evidence")
}

// A retry under the same key finds its own proof; it is not on file twice.
func TestEvidenceIsAddedOncePerKey(t *testing.T) {
	s := newSite(t)
	key, err := gate.NewKey(s.now)
	if err != nil {
		t.Fatal(err)
	}
	o := by(lead)
	o.Key = key
	r := policy.EvidenceRequest{Type: "readiness:x", Scope: "co", Expires: policy.Day(s.now.AddDate(1, 0, 0).Format(time.DateOnly))}
	first, _, err := s.service.AddEvidence(t.Context(), o, r)
	if err != nil {
		t.Fatal(err)
	}
	second, receipt, err := s.service.AddEvidence(t.Context(), o, r)
	if err != nil || !receipt.Replayed || second.ID != first.ID {
		t.Errorf("%s, %s, %+v, %v", first.ID, second.ID, receipt, err)
	}
	if list, err := s.service.Evidence(t.Context(), lead); err != nil || len(list) != 1 {
		t.Errorf("%d pieces, %v", len(list), err)
	}
}
