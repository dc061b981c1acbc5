package ui

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/policy"
)

func (u *UI) policyRoutes(r chi.Router) {
	r.Get("/policy", u.page(u.policy))
	r.Get("/policy/rules", u.page(u.rules))
	r.Get("/policy/rules/{rule}", u.page(u.rule))
	r.Get("/policy/forecast", u.page(u.forecast))
	r.Get("/policy/bundles/{digest}", u.page(u.bundle))
	r.Post("/policy/bundles/{digest}", u.page(u.activate))
	r.Get("/policy/questions", u.page(u.questions))
	r.Post("/policy/questions/{rule}", u.page(u.giveOpinion))
	r.Get("/policy/evidence", u.page(u.evidence))
	r.Post("/policy/evidence", u.page(u.addEvidence))
	r.Post("/policy/evidence/{id}/revoke", u.page(u.revokeEvidence))
	r.Get("/policy/waivers", u.page(u.waivers))
	r.Post("/policy/waivers", u.page(u.grantWaiver))
	r.Post("/policy/waivers/{id}/revoke", u.page(u.revokeWaiver))
}

func policyFrame(title string) Frame { return Frame{Title: title, Area: "policy"} }

func (u *UI) policy(w http.ResponseWriter, r *http.Request) error {
	who := api.PrincipalFrom(r.Context())
	st, err := u.Policy.Standing(r.Context(), who)
	if err != nil {
		return err
	}
	bundles, err := u.Policy.Bundles(r.Context(), who)
	if err != nil {
		return err
	}
	page := &Policy{Frame: policyFrame("Policy"), Standing: st, Bundles: bundles[:min(len(bundles), 10)]}
	places := u.places()
	for _, region := range slices.Sorted(maps.Keys(st.Active.Regions)) {
		if a := st.Active.Regions[region]; a != nil {
			page.Regions = append(page.Regions, LayerRow{placeNames(places, []string{region}), *a})
		}
	}
	return u.write(w, r, page)
}

// today is the day by which pages that name no other speak.
func (u *UI) today() policy.Day { return policy.Day(u.Now().UTC().Format(time.DateOnly)) }

func (u *UI) rules(w http.ResponseWriter, r *http.Request) error {
	snap, err := u.snapshot(r, identity.Target{Kind: "policy"})
	if err != nil {
		return err
	}
	q := r.URL.Query()
	f := RuleFilter{Word: strings.TrimSpace(q.Get("q")), Capability: q.Get("capability"), Jurisdiction: q.Get("jurisdiction"), On: u.today(), All: q.Get("all") != ""}
	if on := q.Get("on"); on != "" {
		if f.On, err = policy.ParseDay(on); err != nil {
			return fault.New(fault.Invalid, "bad_day", "%.20q is no day", on).Do("write it as 2027-01-01")
		}
	}
	page := &Rules{Frame: policyFrame("Rules"), Filter: f, Catalog: catalogChoices(snap), Places: jurisdictionChoices(snap)}
	if pos := snap.Position(); !pos.Without() {
		records := pos.Law.Bundle().Records
		page.Law, page.Total = true, len(records)
		page.Rows, page.Boundaries = ruleRows(records, f), boundaries(records, u.today())
	}
	return u.write(w, r, page)
}

func catalogChoices(snap *flags.Snapshot) []Choice {
	var list []Choice
	for _, c := range snap.Capabilities() {
		list = append(list, Choice{c.Value.Key, c.Value.Name})
	}
	return list
}

func jurisdictionChoices(snap *flags.Snapshot) []Choice {
	seen := map[string]bool{}
	for _, r := range snap.Regions() {
		for _, j := range r.Value.Jurisdictions {
			seen[j] = true
		}
	}
	var list []Choice
	for _, j := range slices.Sorted(maps.Keys(seen)) {
		list = append(list, Choice{j, j})
	}
	return list
}

func (u *UI) rule(w http.ResponseWriter, r *http.Request) error {
	who := api.PrincipalFrom(r.Context())
	snap, err := u.snapshot(r, identity.Target{Kind: "policy"})
	if err != nil {
		return err
	}
	view, err := u.Policy.Rule(r.Context(), who, chi.URLParam(r, "rule"))
	if err != nil {
		return err
	}
	page := &Rule{Frame: policyFrame(view.Title), Rule: view, When: whenWords(view.Effective, view.Sunset), Where: whereWords(view.Jurisdictions),
		MayWaive:  len(view.WaivableBy) > 0 && identity.Can(who, identity.GrantWaiver, identity.Target{Kind: "waiver"}) == nil,
		MayAnswer: identity.Can(who, identity.GiveOpinion, identity.Target{Kind: "opinion"}) == nil}
	for _, key := range view.Capabilities {
		name := key
		if c, _, err := snap.Capability(key); err == nil {
			name = c.Value.Name
		}
		page.Applies = append(page.Applies, Choice{key, name})
	}
	waivers, err := u.Policy.Waivers(r.Context(), who)
	for _, w := range waivers {
		if w.Value.RuleID == view.ID && w.Value.Revoked == nil && policy.Day(w.Value.Expires) > u.today() {
			page.Waivers = append(page.Waivers, w.Value)
		}
	}
	if err != nil {
		return err
	}
	return u.write(w, r, page)
}

func (u *UI) forecast(w http.ResponseWriter, r *http.Request) error {
	snap, err := u.snapshot(r, identity.Target{Kind: "policy"})
	if err != nil {
		return err
	}
	until := policy.Day(u.Now().UTC().AddDate(1, 0, 0).Format(time.DateOnly))
	if text := r.URL.Query().Get("until"); text != "" {
		if until, err = policy.ParseDay(text); err != nil {
			return fault.New(fault.Invalid, "bad_day", "%.20q is no day", text).Do("write it as 2027-01-01")
		}
	}
	found, err := u.Policy.Forecast(r.Context(), api.PrincipalFrom(r.Context()), until)
	if err != nil {
		return err
	}
	page := &Forecast{Frame: policyFrame("Forecast"), Until: string(until), Found: found}
	for _, t := range found.Events {
		page.Turns = append(page.Turns, TurnRow{Turn: t, Capability: capabilityName(snap, t.Capability), Region: placeNames(u.places(), []string{t.Region})})
	}
	return u.write(w, r, page)
}

func capabilityName(snap *flags.Snapshot, key string) string {
	if c, _, err := snap.Capability(key); err == nil {
		return c.Value.Name
	}
	return key
}

func (u *UI) bundlePage(r *http.Request) (*Bundle, error) {
	who := api.PrincipalFrom(r.Context())
	snap, err := u.snapshot(r, identity.Target{Kind: "policy"})
	if err != nil {
		return nil, err
	}
	pushed, err := u.Policy.Bundle(r.Context(), who, chi.URLParam(r, "digest"))
	if err != nil {
		return nil, err
	}
	preview, err := u.Policy.Preview(r.Context(), who, pushed.Digest)
	if err != nil {
		return nil, err
	}
	st, err := u.Policy.Standing(r.Context(), who)
	if err != nil {
		return nil, err
	}
	page := &Bundle{Frame: policyFrame("Preview of " + bundleName(pushed)), Pushed: pushed, Preview: preview, Key: newKey(), IsActive: activeIn(st.Active, pushed),
		MayActivate: identity.Can(who, activation(pushed.Manifest.Layer), identity.Target{Kind: "policy", Region: pushed.Manifest.Region}) == nil}
	rows := func(list []policy.Break) []BreakRow {
		var out []BreakRow
		for _, b := range list {
			out = append(out, BreakRow{Break: b, Key: b.Capability, Capability: capabilityName(snap, b.Capability), Region: placeNames(u.places(), []string{b.Region})})
		}
		return out
	}
	page.Groups = []BreakGroup{
		{"Newly off", "Permitted now, and not under these rules.", true, rows(preview.Broken)},
		{"Kept on by a waiver", "Permitted by a waiver alone.", false, rows(preview.Waived)},
		{"Off now, and off then", "Not permitted now, nor under these rules.", false, rows(preview.Existing)},
		{"Newly permitted", "Not permitted now, and would be.", false, rows(preview.Opened)},
	}
	for _, f := range preview.Unsent {
		page.Unsent = append(page.Unsent, UnsentRow{UnsentFact: f, Capability: capabilityName(snap, f.Capability), Region: placeNames(u.places(), []string{f.Region})})
	}
	return page, nil
}

func bundleName(p policy.Pushed) string {
	if p.Manifest.Name != "" {
		return p.Manifest.Name
	}
	return "bundle " + short(p.Digest)
}

// short is the beginning of a digest, for people.
func short(digest string) string { return digest[:min(len(digest), 12)] }

func activation(l policy.Layer) identity.Action {
	return map[policy.Layer]identity.Action{policy.Group: identity.ActivateGroupRules, policy.Region: identity.ActivateRegionRules,
		policy.Law: identity.ActivateLaw, "": identity.ActivateLaw}[l]
}

func activeIn(a policy.Active, p policy.Pushed) bool {
	one := a.Law
	switch p.Manifest.Layer {
	case policy.Group:
		one = a.Group
	case policy.Region:
		one = a.Regions[p.Manifest.Region]
	}
	return one != nil && one.Digest == p.Digest
}

func (u *UI) bundle(w http.ResponseWriter, r *http.Request) error {
	page, err := u.bundlePage(r)
	if err != nil {
		return err
	}
	page.Done = changeDid[r.URL.Query().Get("done")]
	return u.write(w, r, page)
}

// activate has a bundle hold, as it was previewed: an enablement that was written
// since then refuses it.
func (u *UI) activate(w http.ResponseWriter, r *http.Request) error {
	who, digest, reason := api.PrincipalFrom(r.Context()), chi.URLParam(r, "digest"), strings.TrimSpace(r.PostFormValue("reason"))
	if len(identity.Permitting(who, identity.ActivateLaw))+len(identity.Permitting(who, identity.ActivateGroupRules))+len(identity.Permitting(who, identity.ActivateRegionRules)) == 0 {
		return identity.Can(who, identity.ActivateLaw, identity.Target{Kind: "policy"})
	}
	pushed, err := u.Policy.Bundle(r.Context(), who, digest)
	if err != nil {
		return err
	}
	layer := pushed.Manifest.Layer
	if layer == "" {
		layer = policy.Law
	}
	_, receipt, err := u.Policy.Activate(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), reason, 0),
		policy.ActivateRequest{Layer: layer, Region: pushed.Manifest.Region, Digest: pushed.Digest, Previewed: numberOf(r.PostFormValue("previewed"))})
	if formFault(err) {
		page, pageErr := u.bundlePage(r)
		if pageErr != nil {
			return pageErr
		}
		return u.wrong(w, r, page, &page.Error, err, func() { page.Reason = reason })
	}
	if err != nil {
		return err
	}
	u.sendOn(w, r, receipt, "/policy/bundles/"+pushed.Digest+"?done=activated")
	return nil
}

// sendOn leads the browser to a change that waits, or to where its effect is seen.
func (u *UI) sendOn(w http.ResponseWriter, r *http.Request, receipt gate.Receipt, done string) {
	if receipt.Pending != nil && receipt.Pending.State.Open() {
		done = "/changes/" + receipt.Pending.Change + "?done=proposed"
	}
	http.Redirect(w, r, done, http.StatusSeeOther)
}
