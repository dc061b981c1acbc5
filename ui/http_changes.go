package ui

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

func (u *UI) changeRoutes(r chi.Router) {
	r.Get("/changes", u.page(u.changes))
	r.Get("/changes/{change}", u.page(u.change))
	r.Get("/changes/{change}/sign", u.page(u.askSign))
	r.Post("/changes/{change}/sign", u.page(u.sign))
	for _, act := range []struct {
		path string
		do   func(context.Context, gate.Origin, string) (gate.Receipt, error)
	}{
		{"decline", u.gateOf((*gate.Gate).Decline)}, {"request-changes", u.gateOf((*gate.Gate).RequestChanges)},
		{"withdraw", u.gateOf((*gate.Gate).Withdraw)}, {"rebase", u.gateOf((*gate.Gate).Rebase)},
	} {
		r.Post("/changes/{change}/"+act.path, u.page(func(w http.ResponseWriter, r *http.Request) error { return u.actOn(w, r, act.path, act.do) }))
	}
}

// gateOf binds an act to the gate that is there once a request comes.
func (u *UI) gateOf(act func(*gate.Gate, context.Context, gate.Origin, string) (gate.Receipt, error)) func(context.Context, gate.Origin, string) (gate.Receipt, error) {
	return func(ctx context.Context, o gate.Origin, id string) (gate.Receipt, error) {
		return act(u.Gate, ctx, o, id)
	}
}

// maxRows is how many rows one list has; what is older is found by a filter.
const maxRows = 200

func (u *UI) changes(w http.ResponseWriter, r *http.Request) error {
	snap, err := u.snapshot(r, identity.Target{Kind: "change"})
	if err != nil {
		return err
	}
	q, who := r.URL.Query(), api.PrincipalFrom(r.Context())
	f := ChangeFilter{State: q.Get("state"), Region: q.Get("region"), Whose: q.Get("whose")}
	ask := gate.Filter{State: gate.State(f.State), Region: f.Region}
	switch f.Whose {
	case "mine":
		ask.Author = who.ID
	case "forme":
		ask.ForMe = append([]identity.Grant{}, who.Grants...)
	}
	list, err := u.Gate.List(r.Context(), ask)
	if err != nil {
		return err
	}
	page := &Changes{Frame: Frame{Title: "Changes", Area: "changes"}, Filter: f, States: []Choice{{"", "Open"}, {"all", "All"}}, Places: regionHeads(snap)}
	for _, s := range gate.States {
		page.States = append(page.States, Choice{string(s), changeState(s)})
	}
	for _, p := range list {
		if p.MayLook(who) != nil {
			continue
		}
		if len(page.Rows) == maxRows {
			page.More = true
			break
		}
		page.Rows = append(page.Rows, u.changeRow(snap, p))
	}
	return u.write(w, r, page)
}

func regionHeads(snap *flags.Snapshot) []RegionHead {
	var list []RegionHead
	for _, r := range snap.Regions() {
		list = append(list, RegionHead{r.Value.Key, r.Value.Name})
	}
	return list
}

func (u *UI) changeRow(snap *flags.Snapshot, p gate.Proposal) ChangeRow {
	row := ChangeRow{ID: p.ID, Title: aboutTarget(snap, p.Action, p.Target), State: p.State, By: p.Author.Name, At: p.ProposedAt, Reason: p.Reason}
	for _, n := range p.Decision.Require {
		if p.State.Open() && !n.Met {
			row.Needs = append(row.Needs, needWords(u.places(), n))
		}
	}
	return row
}

// aboutTarget says an action and what it is directed at, by the names that people
// know: "Answer an offer: Video visits in Colorado".
func aboutTarget(snap *flags.Snapshot, a identity.Action, t identity.Target) string {
	what, where := t.ID, ""
	if t.Kind == "change" { // nobody knows one by its id
		what = ""
	}
	if t.Kind == "enablement" || t.Kind == "capability" || t.Kind == "offer" || t.Kind == "baseline" {
		if c, _, err := snap.Capability(t.ID); err == nil {
			what = c.Value.Name
		}
	}
	if t.Region != "" {
		where = t.Region
		if r, err := snap.Region(t.Region); err == nil {
			where = r.Value.Name
		}
	}
	text := verbName(a)
	if what != "" {
		text += ": " + what
	}
	if where != "" {
		text += " in " + where
	}
	return text
}

// look finds a change for whoever may see it.
func (u *UI) look(r *http.Request) (*flags.Snapshot, gate.View, error) {
	id := chi.URLParam(r, "change")
	snap, err := u.snapshot(r, identity.Target{Kind: "change", ID: id})
	if err != nil {
		return nil, gate.View{}, err
	}
	v, err := u.Gate.Look(r.Context(), id)
	if err != nil {
		return snap, v, err
	}
	return snap, v, v.MayLook(api.PrincipalFrom(r.Context()))
}

var changeDid = map[string]string{
	"signed": "Signed. The change still waits for others.", "applied": "Signed. The change is in force.", "declined": "Declined. It cannot be applied any more.",
	"request-changes": "The author is asked for another edition.", "withdrawn": "Withdrawn.", "rebased": "Asked for again on what stands now. Earlier sign-offs count no more.",
	"activated": "Activated. These rules hold from now on.",
	"proposed":  "Proposed. It takes effect once it is signed off; those who can sign find it on their first page.",
}

func (u *UI) change(w http.ResponseWriter, r *http.Request) error {
	snap, v, err := u.look(r)
	if err != nil {
		return err
	}
	page := u.changePage(snap, v, api.PrincipalFrom(r.Context()))
	page.Done = changeDid[r.URL.Query().Get("done")]
	return u.write(w, r, page)
}

func (u *UI) changePage(snap *flags.Snapshot, v gate.View, who identity.Principal) *Change {
	title := aboutTarget(snap, v.Action, v.Target)
	p := &Change{Frame: Frame{Title: title, Area: "changes"}, What: title, View: v, Diff: diffParts(v.Words), Key: newKey()}
	places := u.places()
	for _, n := range v.Now.Require {
		missing := slices.ContainsFunc(v.Missing, func(m gate.Requirement) bool {
			return m.Kind == n.Kind && m.Rule == n.Rule && m.Role == n.Role && m.Region == n.Region && m.Evidence == n.Evidence
		})
		p.Needs = append(p.Needs, NeedRow{What: needWords(places, n), Why: n.Message, Rule: n.Rule, Citation: n.Citation, Met: !missing})
	}
	for _, e := range v.Plan.Edits {
		p.Data = append(p.Data, DataPart{Path: e.Path, Before: pretty(e.Before), After: pretty(e.After)})
	}
	p.May = powersOver(v, who)
	return p
}

// powersOver is what somebody may do about a change, as far as a page can know; the
// gate decides.
func powersOver(v gate.View, who identity.Principal) ChangePowers {
	var p ChangePowers
	if !v.State.Open() {
		return p
	}
	if who.ID == v.Author.ID {
		p.Withdraw = true
		p.Rebase = len(v.Moved) > 0 || len(v.Void) > 0
		return p
	}
	target := identity.Target{Kind: "change", ID: v.ID, Region: v.Target.Region}
	asked := func(list []gate.Requirement) bool {
		return slices.ContainsFunc(list, func(n gate.Requirement) bool { return asksOf(n, who) })
	}
	signed := slices.ContainsFunc(v.SignOffs, func(s gate.SignOff) bool { return s.By.ID == who.ID })
	p.Sign = !signed && len(v.Moved) == 0 && asked(v.Missing) && identity.Can(who, identity.SignChange, target) == nil
	p.Decline = asked(v.Now.Require) && identity.Can(who, identity.DeclineChange, target) == nil
	p.Ask = asked(v.Now.Require) && identity.Can(who, identity.RequestChanges, target) == nil
	return p
}

// asksOf reports whether a requirement is a sign-off that somebody's roles can give.
func asksOf(n gate.Requirement, who identity.Principal) bool {
	return n.Kind == gate.NeedSignOff && slices.ContainsFunc(who.Grants, func(g identity.Grant) bool { return g.Role == n.Role && g.Covers(n.Region) })
}

// diffParts gathers the lines of a diff under the record that each is about.
func diffParts(words []string) []DiffPart {
	var parts []DiffPart
	for _, line := range words {
		if rest, inner := strings.CutPrefix(line, "  "); inner && len(parts) > 0 {
			parts[len(parts)-1].Lines = append(parts[len(parts)-1].Lines, rest)
			continue
		}
		parts = append(parts, DiffPart{Head: line})
	}
	return parts
}

// askSign shows what is signed, to a person who has proved lately who it is.
func (u *UI) askSign(w http.ResponseWriter, r *http.Request) error {
	who := api.PrincipalFrom(r.Context())
	if err := identity.Can(who, identity.SignChange, identity.Target{Kind: "change", ID: chi.URLParam(r, "change")}); err != nil {
		return err
	}
	snap, v, err := u.look(r)
	if err != nil {
		return err
	}
	if who.Strength == identity.BySignIn && !who.Fresh(u.Now(), identity.FreshFor) {
		return u.write(w, r, &Confirm{Frame: Frame{Title: "Confirm it is you", Bare: true}, What: "sign off a change", Minutes: freshMinutes, ReturnTo: here(r)})
	}
	return u.write(w, r, signPage(snap, v))
}

func signPage(snap *flags.Snapshot, v gate.View) *Sign {
	title := aboutTarget(snap, v.Action, v.Target)
	return &Sign{Frame: Frame{Title: "Sign off: " + title, Area: "changes"}, What: title, View: v, Diff: diffParts(v.Words), Key: newKey()}
}

func (u *UI) sign(w http.ResponseWriter, r *http.Request) error {
	id, reason := chi.URLParam(r, "change"), strings.TrimSpace(r.PostFormValue("reason"))
	receipt, err := u.Gate.Sign(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), reason, 0), id, r.PostFormValue("binding"))
	if fault.Is(err, fault.Invalid) || fault.HasCode(err, "binding_differs") {
		snap, v, lookErr := u.look(r)
		if lookErr != nil {
			return lookErr
		}
		page, f := signPage(snap, v), fault.From(err)
		page.Title, page.Reason = "Error: "+page.Title, reason
		page.Error = &FormError{Field: "reason", Says: capital(f.Message), Do: capital(f.Remedy)}
		return u.writeStatus(w, r, f.Kind.HTTPStatus(), page)
	}
	if err != nil {
		return err
	}
	done := "applied"
	if receipt.Pending != nil && receipt.Pending.State.Open() {
		done = "signed"
	}
	http.Redirect(w, r, "/changes/"+id+"?done="+done, http.StatusSeeOther)
	return nil
}

// actDone is the word for what was done, by the path of the act.
var actDone = map[string]string{"decline": "declined", "request-changes": "request-changes", "withdraw": "withdrawn", "rebase": "rebased"}

// actOn does something about a change; what was wrong with it is said on its page.
func (u *UI) actOn(w http.ResponseWriter, r *http.Request, act string, do func(context.Context, gate.Origin, string) (gate.Receipt, error)) error {
	id, reason := chi.URLParam(r, "change"), strings.TrimSpace(r.PostFormValue("reason"))
	receipt, err := do(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), reason, 0), id)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Refused) || fault.Is(err, fault.Conflict) {
		snap, v, lookErr := u.look(r)
		if lookErr != nil {
			return err
		}
		page, f := u.changePage(snap, v, api.PrincipalFrom(r.Context())), fault.From(err)
		page.Title, page.Reason = "Error: "+page.Title, reason
		page.Error = &FormError{Field: "reason", Says: capital(f.Message), Do: capital(f.Remedy)}
		return u.writeStatus(w, r, f.Kind.HTTPStatus(), page)
	}
	if err != nil {
		return err
	}
	if act == "rebase" && receipt.Pending == nil {
		http.Redirect(w, r, "/changes/"+id+"?done=applied", http.StatusSeeOther)
		return nil
	}
	http.Redirect(w, r, "/changes/"+id+"?done="+actDone[act], http.StatusSeeOther)
	return nil
}
