package ui

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// said are the sentences after something was done, by the word in the address.
var said = map[string]string{"delegated": "The role is delegated.", "ended": "The delegation has ended."}

// access shows what somebody can do; oneself, if nobody is named.
func (u *UI) access(w http.ResponseWriter, r *http.Request) error {
	p := api.PrincipalFrom(r.Context())
	if err := identity.Can(p, identity.ReadAccess, identity.Target{Kind: "access"}); err != nil {
		return err
	}
	id := chi.URLParam(r, "id")
	if id == "" {
		id = p.ID
	}
	profile, err := u.Access.Profile(r.Context(), p, id, u.Directory)
	if err != nil {
		return err
	}
	page := &Access{Frame: Frame{Title: profile.Name, Area: "access"}, Profile: profile, Own: profile.ID == p.ID, Actions: identity.Actions,
		MayDelegate: len(u.choices(p)) > 0, Done: said[r.URL.Query().Get("done")]}
	people, err := u.Access.People(p, u.Directory)
	if err != nil {
		return err
	}
	if page.Delegations, err = u.delegations(r, p, profile.ID, people); err != nil {
		return err
	}
	page.People = slices.DeleteFunc(people, func(o access.Profile) bool { return o.ID == profile.ID })
	return u.write(w, r, page)
}

// delegations are those that concern somebody and have not ended.
func (u *UI) delegations(r *http.Request, reader identity.Principal, about string, people []access.Profile) ([]DelegationRow, error) {
	all, err := u.Access.Delegations(r.Context(), reader)
	if err != nil {
		return nil, err
	}
	var rows []DelegationRow
	for _, d := range all {
		if d.From != about && d.To != about || d.Ended != nil || !u.Now().Before(d.Expires) {
			continue
		}
		row := DelegationRow{Delegation: d, ToName: d.To, Key: newKey()}
		if i := slices.IndexFunc(people, func(o access.Profile) bool { return o.ID == d.To }); i >= 0 {
			row.ToName = people[i].Name
		}
		region := d.Region
		if region == identity.Every {
			region = ""
		}
		row.MayEnd = identity.Can(reader, identity.EndDelegation, identity.Target{Kind: "delegation", Region: region}) == nil
		rows = append(rows, row)
	}
	return rows, nil
}

// newKey is an idempotency key for a form: posting it twice does it once.
func newKey() string { return uuid.Must(uuid.NewV7()).String() }

func (u *UI) whoCan(w http.ResponseWriter, r *http.Request) error {
	a, region := identity.Action(r.URL.Query().Get("action")), strings.TrimSpace(r.URL.Query().Get("region"))
	holders, err := u.Access.WhoCan(r.Context(), api.PrincipalFrom(r.Context()), a, region, u.Directory)
	if err != nil {
		return err
	}
	return u.write(w, r, &WhoCan{Frame: Frame{Title: "Who can " + identity.Description(a), Area: "access"}, Action: a, Says: identity.Description(a),
		Region: region, Actions: identity.Actions, Holders: holders})
}

// choices are the roles that a person may lend: its own, region by region.
func (u *UI) choices(p identity.Principal) []RoleChoice {
	var list []RoleChoice
	for _, g := range p.Grants {
		if g.Via != "" || !slices.Contains(identity.May(identity.Delegate), g.Role) {
			continue
		}
		for _, region := range g.Regions {
			list = append(list, RoleChoice{Value: string(g.Role) + " " + region, Label: roleName(g.Role) + " for " + placeNames(u.places(), []string{region})})
		}
	}
	return list
}

func (u *UI) delegateForm(r *http.Request, entered DelegateForm) (*Delegate, error) {
	p := api.PrincipalFrom(r.Context())
	page := &Delegate{Frame: Frame{Title: "Delegate a role", Area: "access"}, Choices: u.choices(p), Key: newKey(), Entered: entered}
	if len(page.Choices) == 0 {
		return nil, fault.New(fault.Forbidden, "nothing_to_delegate", "you hold no role that can be delegated").
			Do("ask one who holds one of: %s", roleList(identity.May(identity.Delegate)))
	}
	people, err := u.Access.People(p, u.Directory)
	page.People = slices.DeleteFunc(people, func(o access.Profile) bool { return o.ID == p.ID || o.State != "live" })
	return page, err
}

func roleList(roles []identity.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = strings.ToLower(roleName(r))
	}
	return strings.Join(names, ", ")
}

// askDelegate shows the form, once the person has proved lately who it is.
func (u *UI) askDelegate(w http.ResponseWriter, r *http.Request) error {
	p, err := needPerson(r)
	if err != nil {
		return err
	}
	page, err := u.delegateForm(r, DelegateForm{Until: u.Now().UTC().AddDate(0, 0, 14).Format(time.DateOnly)})
	if err != nil {
		return err
	}
	if !p.Fresh(u.Now(), identity.FreshFor) {
		return u.write(w, r, &Confirm{Frame: Frame{Title: "Confirm it is you", Bare: true}, What: "delegate a role", Minutes: freshMinutes, ReturnTo: here(r)})
	}
	return u.write(w, r, page)
}

func (u *UI) delegate(w http.ResponseWriter, r *http.Request) error {
	if _, err := needPerson(r); err != nil {
		return err
	}
	entered := DelegateForm{Role: r.PostFormValue("role"), To: r.PostFormValue("to"), Until: r.PostFormValue("until"), Reason: r.PostFormValue("reason")}
	role, region, _ := strings.Cut(entered.Role, " ")
	until, err := time.Parse(time.DateOnly, entered.Until)
	if err != nil {
		return u.again(w, r, entered, fault.New(fault.Invalid, "bad_expiry", "the last day %.20q is no date", entered.Until).Do("choose a day").At("/expires"))
	}
	_, _, err = u.Access.Delegate(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), entered.Reason, 0), access.DelegationRequest{
		To: entered.To, Role: identity.Role(role), Region: region, Expires: until.AddDate(0, 0, 1)})
	switch {
	case fault.Is(err, fault.Invalid):
		return u.again(w, r, entered, err)
	case err != nil:
		return err
	}
	http.Redirect(w, r, "/access?done=delegated", http.StatusSeeOther)
	return nil
}

// again shows the form as it was filled in, with what was wrong.
func (u *UI) again(w http.ResponseWriter, r *http.Request, entered DelegateForm, why error) error {
	page, err := u.delegateForm(r, entered)
	if err != nil {
		return err
	}
	f := fault.From(why)
	page.Title = "Error: " + page.Title
	page.Error = &FormError{Field: strings.TrimPrefix(f.Field, "/"), Says: capital(f.Message), Do: capital(f.Remedy)}
	return u.writeStatus(w, r, f.Kind.HTTPStatus(), page)
}

func (u *UI) endDelegation(w http.ResponseWriter, r *http.Request) error {
	_, _, err := u.Access.EndDelegation(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), "ended on the access page", 0), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/access?done=ended", http.StatusSeeOther)
	return nil
}
