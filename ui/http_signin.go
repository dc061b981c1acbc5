package ui

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

func (u *UI) signIn(w http.ResponseWriter, r *http.Request) error {
	return u.write(w, r, &SignIn{Frame: Frame{Title: "Sign in", Bare: true}, CanSignIn: u.Door != nil, Why: whySignedOut(r),
		ReturnTo: access.LocalPath(r.URL.Query().Get("return_to"))})
}

func (u *UI) needDoor() (*access.Door, error) {
	if u.Door == nil {
		return nil, fault.New(fault.NotFound, "no_sign_in", "people cannot sign in here: no identity provider is configured").Do("ask an operator")
	}
	return u.Door, nil
}

// beginSignIn sends the browser to the identity provider.
func (u *UI) beginSignIn(w http.ResponseWriter, r *http.Request) error {
	door, err := u.needDoor()
	if err != nil {
		return err
	}
	var fresh identity.Principal
	if r.URL.Query().Get("fresh") != "" {
		if fresh = api.PrincipalFrom(r.Context()); fresh.Strength != identity.BySignIn {
			fresh = identity.Principal{}
		}
	}
	began, err := door.Begin(r.Context(), r.URL.Query().Get("return_to"), fresh)
	if err != nil {
		return err
	}
	u.Cookies.SetAttempt(w, began.Sealed)
	http.Redirect(w, r, began.Redirect, http.StatusSeeOther)
	return nil
}

// finishSignIn takes the browser back from the identity provider.
func (u *UI) finishSignIn(w http.ResponseWriter, r *http.Request) error {
	door, err := u.needDoor()
	if err != nil {
		return err
	}
	u.Cookies.ClearAttempt(w) // it is good once, whatever becomes of it
	q := r.URL.Query()
	entry, err := door.Finish(r.Context(), access.Return{Sealed: u.Cookies.Attempt(r), State: q.Get("state"), Code: q.Get("code"),
		Issuer: q.Get("iss"), Error: q.Get("error"), Old: u.Cookies.Session(r)})
	if err != nil {
		return err
	}
	u.Cookies.SetSession(w, entry.Secret)
	http.Redirect(w, r, entry.ReturnTo, http.StatusSeeOther)
	return nil
}

func (u *UI) signOut(w http.ResponseWriter, r *http.Request) error {
	if secret := u.Cookies.Session(r); secret != "" && u.Door != nil {
		if err := u.Door.SignOut(r.Context(), secret); err != nil {
			return err
		}
	}
	u.Cookies.ClearSession(w)
	http.Redirect(w, r, "/?signed-out=1", http.StatusSeeOther)
	return nil
}

func (u *UI) signOutEverywhere(w http.ResponseWriter, r *http.Request) error {
	p, err := needPerson(r)
	if err != nil {
		return err
	}
	door, err := u.needDoor()
	if err != nil {
		return err
	}
	if err := door.SignOutEverywhere(r.Context(), p); err != nil {
		return err
	}
	u.Cookies.ClearSession(w)
	http.Redirect(w, r, "/?signed-out=1", http.StatusSeeOther)
	return nil
}

// commandLine reads what `quorate login` asks with. The browser is only ever sent
// to a port of its own machine.
func commandLine(get func(string) string) (CommandLine, error) {
	port, err := strconv.Atoi(get("port"))
	c := CommandLine{Port: port, Challenge: get("challenge"), State: get("state")}
	if err != nil || port < 1024 || port > 65535 || len(c.Challenge) != 43 || c.State == "" || len(c.State) > 100 {
		return c, fault.New(fault.Invalid, "bad_command_line", "this is no address that `quorate login` made").Do("say `quorate login` again")
	}
	return c, nil
}

func (c CommandLine) origin() string { return fmt.Sprintf("http://127.0.0.1:%d", c.Port) }

// askCommandLine asks the person whether the command line may act in its name:
// whoever can send its browser here could otherwise take its sign-in over.
func (u *UI) askCommandLine(w http.ResponseWriter, r *http.Request) error {
	p, err := needPerson(r)
	if err != nil {
		return err
	}
	page, err := commandLine(r.URL.Query().Get)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("fresh") != "" {
		if err := identity.RequireFresh(p, u.Now(), identity.FreshFor); err != nil {
			return err
		}
	}
	page.Frame = Frame{Title: "Let a command line act as you", Bare: true, FormsTo: page.origin()}
	page.Ends = p.AuthTime.Add(access.SessionLife)
	return u.write(w, r, &page)
}

func needPerson(r *http.Request) (identity.Principal, error) {
	p := api.PrincipalFrom(r.Context())
	switch {
	case !p.Known():
		return p, fault.New(fault.Unauthenticated, "unauthenticated", "you are not signed in").Do("sign in")
	case p.Strength != identity.BySignIn:
		return p, fault.New(fault.Forbidden, "needs_a_person", "%s came with a token, and this is for people who have signed in", p.Name).Do("sign in")
	}
	return p, nil
}

// letCommandLine sends the browser to the command line, with a code.
func (u *UI) letCommandLine(w http.ResponseWriter, r *http.Request) error {
	if _, err := needPerson(r); err != nil {
		return err
	}
	c, err := commandLine(r.PostFormValue)
	if err != nil {
		return err
	}
	door, err := u.needDoor()
	if err != nil {
		return err
	}
	code, err := door.Relay(r.Context(), u.Cookies.Session(r), c.Challenge)
	if err != nil {
		return err
	}
	http.Redirect(w, r, c.origin()+"/?"+url.Values{"code": {code}, "state": {c.State}}.Encode(), http.StatusSeeOther)
	return nil
}
