package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/policy"
)

var policyDid = map[string]string{
	"added": "On file. It counts from its first day on.", "revoked": "Revoked. It counts no more.",
	"granted": "Granted. It is on file.", "answered": "The opinion is on file.",
}

func (u *UI) evidencePage(r *http.Request) (*Evidence, error) {
	who := api.PrincipalFrom(r.Context())
	snap, err := u.snapshot(r, identity.Target{Kind: "evidence"})
	if err != nil {
		return nil, err
	}
	list, err := u.Policy.Evidence(r.Context(), who)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	page := &Evidence{Frame: policyFrame("Evidence"), Key: newKey(), Catalog: catalogChoices(snap), All: q.Get("all") != "", Done: policyDid[q.Get("done")],
		Entered: EvidenceForm{Type: q.Get("type"), Scope: q.Get("scope"), Capability: q.Get("capability"), ReturnTo: q.Get("return_to")}}
	places := u.places()
	for _, stored := range list {
		p := stored.Value
		row := ProofRow{Proof: p, State: proofState(p, u.today()), ForWhom: placeNames(places, []string{p.Scope}), Key: newKey()}
		if (row.State == "revoked" || row.State == "ended") && !page.All {
			continue
		}
		row.MayRevoke = p.Revoked == nil && identity.Can(who, identity.RevokeEvidence, identity.Target{Kind: "evidence", Region: regionScope(places, p.Scope)}) == nil
		page.Rows = append(page.Rows, row)
	}
	if identity.Can(who, identity.AddEvidence, identity.Target{Kind: "evidence"}) == nil {
		page.Scopes = append(page.Scopes, Choice{"*", "All regions"})
		page.Scopes = append(page.Scopes, jurisdictionChoices(snap)...)
	}
	for _, region := range snap.Regions() {
		if identity.Can(who, identity.AddEvidence, identity.Target{Kind: "evidence", Region: region.Value.Key}) == nil {
			page.Scopes = append(page.Scopes, Choice{region.Value.Key, region.Value.Name})
		}
	}
	page.MayAdd = len(page.Scopes) > 0
	return page, nil
}

// regionScope is the region of a scope; "" for one that reaches further.
func regionScope(places map[string]string, scope string) string {
	if places[scope] != "" {
		return scope
	}
	return ""
}

func proofState(p policy.Proof, today policy.Day) string {
	switch {
	case p.Revoked != nil:
		return "revoked"
	case policy.Day(p.Expires) <= today:
		return "ended"
	}
	return "on file"
}

func (u *UI) evidence(w http.ResponseWriter, r *http.Request) error {
	page, err := u.evidencePage(r)
	if err != nil {
		return err
	}
	return u.write(w, r, page)
}

func readEvidence(r *http.Request) EvidenceForm {
	text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	return EvidenceForm{Type: text("type"), Scope: text("scope"), Capability: text("capability"), Service: text("service"), Expires: text("expires"),
		URI: text("uri"), Hash: text("hash"), Note: text("note"), Reason: text("reason"), ReturnTo: text("return_to")}
}

func (u *UI) addEvidence(w http.ResponseWriter, r *http.Request) error {
	who := api.PrincipalFrom(r.Context())
	f := readEvidence(r)
	if len(identity.Permitting(who, identity.AddEvidence)) == 0 {
		return identity.Can(who, identity.AddEvidence, identity.Target{Kind: "evidence"})
	}
	_, receipt, err := u.Policy.AddEvidence(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), f.Reason, 0), policy.EvidenceRequest{
		Type: f.Type, Scope: f.Scope, Capability: f.Capability, Service: f.Service, Expires: policy.Day(f.Expires), URI: f.URI, Hash: f.Hash, Note: f.Note})
	if formFault(err) {
		page, pageErr := u.evidencePage(r)
		if pageErr != nil {
			return pageErr
		}
		return u.wrong(w, r, page, &page.Error, err, func() { page.Entered = f })
	}
	if err != nil {
		return err
	}
	done := "/policy/evidence?done=added"
	if f.ReturnTo != "" {
		done = access.LocalPath(f.ReturnTo)
	}
	u.sendOn(w, r, receipt, done)
	return nil
}

func (u *UI) revokeEvidence(w http.ResponseWriter, r *http.Request) error {
	_, receipt, err := u.Policy.RevokeEvidence(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), strings.TrimSpace(r.PostFormValue("reason")), 0), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	u.sendOn(w, r, receipt, "/policy/evidence?done=revoked")
	return nil
}

// evidencePath is the form with which one missing proof is put on file.
func evidencePath(kind, scope, capability, returnTo string) string {
	return "/policy/evidence?" + url.Values{"type": {kind}, "scope": {scope}, "capability": {capability}, "return_to": {returnTo}}.Encode() + "#add"
}

func (u *UI) waiversPage(r *http.Request) (*Waivers, error) {
	who := api.PrincipalFrom(r.Context())
	snap, err := u.snapshot(r, identity.Target{Kind: "waiver"})
	if err != nil {
		return nil, err
	}
	list, err := u.Policy.Waivers(r.Context(), who)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	page := &Waivers{Frame: policyFrame("Waivers"), Key: newKey(), Catalog: catalogChoices(snap), Places: jurisdictionChoices(snap), Done: policyDid[q.Get("done")],
		MayGrant: identity.Can(who, identity.GrantWaiver, identity.Target{Kind: "waiver"}) == nil,
		Entered:  WaiverForm{Rule: q.Get("rule"), Jurisdiction: q.Get("jurisdiction"), Capability: q.Get("capability")}}
	for _, stored := range list {
		g := stored.Value
		row := WaiverRow{GrantedWaiver: g, State: "holds", Capability: capabilityName(snap, g.Capability), Key: newKey()}
		switch {
		case g.Revoked != nil:
			row.State = "revoked"
		case policy.Day(g.Expires) <= u.today():
			row.State = "ended"
		default:
			row.MayRevoke = identity.Can(who, identity.RevokeWaiver, identity.Target{Kind: "waiver"}) == nil
		}
		page.Rows = append(page.Rows, row)
	}
	if pos := snap.Position(); !pos.Without() {
		records := pos.Law.Bundle().Records
		for _, id := range sortedRules(records) {
			if slices.Contains(records[id].WaivableBy, "risk") {
				page.Waivable = append(page.Waivable, Choice{id, id + ": " + records[id].Title})
			}
		}
	}
	return page, nil
}

func (u *UI) waivers(w http.ResponseWriter, r *http.Request) error {
	page, err := u.waiversPage(r)
	if err != nil {
		return err
	}
	return u.write(w, r, page)
}

func (u *UI) grantWaiver(w http.ResponseWriter, r *http.Request) error {
	text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	f := WaiverForm{Rule: text("rule_id"), Jurisdiction: text("jurisdiction"), Capability: text("capability"), Expires: text("expires"), Evidence: text("evidence"), Reason: text("reason")}
	_, receipt, err := u.Policy.GrantWaiver(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), f.Reason, 0), policy.WaiverRequest{
		RuleID: f.Rule, Jurisdiction: f.Jurisdiction, Capability: f.Capability, Class: "risk", Expires: policy.Day(f.Expires), Evidence: f.Evidence})
	if formFault(err) {
		page, pageErr := u.waiversPage(r)
		if pageErr != nil {
			return pageErr
		}
		return u.wrong(w, r, page, &page.Error, err, func() { page.Entered = f })
	}
	if err != nil {
		return err
	}
	u.sendOn(w, r, receipt, "/policy/waivers?done=granted")
	return nil
}

func (u *UI) revokeWaiver(w http.ResponseWriter, r *http.Request) error {
	_, receipt, err := u.Policy.RevokeWaiver(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), strings.TrimSpace(r.PostFormValue("reason")), 0), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	u.sendOn(w, r, receipt, "/policy/waivers?done=revoked")
	return nil
}

func (u *UI) questionsPage(r *http.Request) (*Questions, error) {
	who := api.PrincipalFrom(r.Context())
	st, err := u.Policy.Standing(r.Context(), who)
	if err != nil {
		return nil, err
	}
	return &Questions{Frame: policyFrame("Legal questions"), Rows: st.Questions, Overdue: st.Overdue, Key: newKey(), Done: policyDid[r.URL.Query().Get("done")],
		MayAnswer: identity.Can(who, identity.GiveOpinion, identity.Target{Kind: "opinion"}) == nil}, nil
}

func (u *UI) questions(w http.ResponseWriter, r *http.Request) error {
	page, err := u.questionsPage(r)
	if err != nil {
		return err
	}
	return u.write(w, r, page)
}

func (u *UI) giveOpinion(w http.ResponseWriter, r *http.Request) error {
	text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	_, receipt, err := u.Policy.GiveOpinion(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), text("reason"), 0), chi.URLParam(r, "rule"),
		policy.OpinionRequest{Relaxation: text("relaxation"), Outcome: text("outcome"), Until: policy.Day(text("until"))})
	if formFault(err) {
		page, pageErr := u.questionsPage(r)
		if pageErr != nil {
			return pageErr
		}
		return u.wrong(w, r, page, &page.Error, err, func() {})
	}
	if err != nil {
		return err
	}
	u.sendOn(w, r, receipt, "/policy/questions?done=answered")
	return nil
}
