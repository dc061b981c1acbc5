package ui

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

func (u *UI) systemRoutes(r chi.Router) {
	r.Get("/system", u.page(u.system))
	r.Get("/system/tokens", u.page(u.tokens))
	r.Post("/system/tokens", u.page(u.issueToken))
	r.Post("/system/tokens/{id}/revoke", u.page(u.revokeToken))
}

func (u *UI) system(w http.ResponseWriter, r *http.Request) error {
	snap, err := u.snapshot(r, identity.Target{Kind: "system"})
	if err != nil {
		return err
	}
	page := &System{Frame: Frame{Title: "System", Area: "system"}, Now: u.Now(),
		MayTokens: identity.Can(api.PrincipalFrom(r.Context()), identity.ReadTokens, identity.Target{Kind: "token"}) == nil}
	if u.Health != nil {
		page.Health = u.Health()
	}
	for _, region := range snap.Regions() {
		row := RegionRow{Region: region.Value}
		facilities, err := snap.Facilities(region.Value.Key)
		if err != nil {
			return err
		}
		for _, f := range facilities {
			row.Facilities = append(row.Facilities, f.Value)
		}
		page.Regions = append(page.Regions, row)
	}
	return u.write(w, r, page)
}

func (u *UI) tokensPage(r *http.Request) (*Tokens, error) {
	who := api.PrincipalFrom(r.Context())
	list, err := u.Access.List(r.Context(), who)
	if err != nil {
		return nil, err
	}
	used, err := u.Access.LastUses(r.Context(), who)
	if err != nil {
		return nil, err
	}
	page := &Tokens{Frame: Frame{Title: "Tokens", Area: "system"}, Roles: identity.Roles, Key: newKey(), Done: tokenDid[r.URL.Query().Get("done")],
		MayIssue: identity.Can(who, identity.IssueToken, identity.Target{Kind: "token"}) == nil,
		Entered:  TokenForm{Expires: u.Now().UTC().AddDate(0, 3, 0).Format(time.DateOnly)}}
	if snap := u.Replica.Snapshot(); snap != nil {
		page.Places = regionHeads(snap)
	}
	places := u.places()
	for _, t := range list {
		row := TokenRow{Token: t, State: "live", LastUse: used[t.ID], Key: newKey()}
		switch {
		case t.Revoked != nil:
			row.State = "revoked"
		case !t.Live(u.Now()):
			row.State = "expired"
		}
		for _, g := range t.Grants {
			row.Holds = append(row.Holds, grantName(g, places))
		}
		page.Rows = append(page.Rows, row)
	}
	return page, nil
}

var tokenDid = map[string]string{"revoked": "Revoked. It is refused everywhere from now on."}

func (u *UI) tokens(w http.ResponseWriter, r *http.Request) error {
	page, err := u.tokensPage(r)
	if err != nil {
		return err
	}
	return u.write(w, r, page)
}

// issueToken makes a token and shows it, in the answer to the form and nowhere else:
// there is no address at which it can be had again.
func (u *UI) issueToken(w http.ResponseWriter, r *http.Request) error {
	who := api.PrincipalFrom(r.Context())
	if err := identity.Can(who, identity.IssueToken, identity.Target{Kind: "token"}); err != nil {
		return err
	}
	text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	f := TokenForm{Name: text("name"), Role: text("role"), Region: text("region"), Expires: text("expires"), Reason: text("reason")}
	expires, err := time.Parse(time.DateOnly, f.Expires)
	if err != nil {
		err = fault.New(fault.Invalid, "bad_expiry", "the last day %.20q is no date", f.Expires).Do("choose a day").At("/expires")
	}
	var bearer string
	var token access.Token
	if err == nil {
		bearer, token, _, err = u.Access.Issue(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), f.Reason, 0), access.TokenRequest{Name: f.Name,
			Grants: []identity.Grant{{Role: identity.Role(f.Role), Regions: []string{f.Region}}}, Expires: expires})
	}
	if formFault(err) {
		page, pageErr := u.tokensPage(r)
		if pageErr != nil {
			return pageErr
		}
		return u.wrong(w, r, page, &page.Error, err, func() { page.Entered = f })
	}
	if err != nil {
		return err
	}
	page := &Issued{Frame: Frame{Title: "Token issued", Area: "system", Secret: true}, Token: token, Bearer: bearer}
	for _, g := range token.Grants {
		page.Holds = append(page.Holds, grantName(g, u.places()))
	}
	return u.write(w, r, page)
}

func (u *UI) revokeToken(w http.ResponseWriter, r *http.Request) error {
	_, receipt, err := u.Access.Revoke(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), strings.TrimSpace(r.PostFormValue("reason")), 0), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	u.sendOn(w, r, receipt, "/system/tokens?done=revoked")
	return nil
}
