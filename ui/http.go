package ui

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/policy"
)

// Config is what the pages need. Door may be nil, where people cannot sign in;
// all else but Notice is required.
type Config struct {
	Access    *access.Service
	Directory *access.Directory
	Door      *access.Door
	Cookies   access.Cookies
	Flags     *flags.Service
	Replica   *flags.Replica
	Gate      *gate.Gate
	Policy    *policy.Service
	Record    *audit.Log
	// Asks is what the group's rules over changes say of one, see policy.ChangePack.
	Asks func(context.Context, gate.Change, map[string]any) (gate.Decision, error)
	// Share is the part of the lately seen requests that carried a fact, see
	// policy.World.
	Share func(region, capability, fact string) (float64, bool)
	// Changed is closed when something changed that pages show.
	Changed func() <-chan struct{}
	Health  func() Health
	Now     func() time.Time
	Log     *slog.Logger
	Notice  string // on every page; "" for none
}

// UI serves the pages. It is safe for concurrent use.
type UI struct {
	Config
}

// New makes the pages.
func New(cfg Config) *UI { return &UI{cfg} }

// Routes adds the pages to a router that finds out who asks; see access.Sessions.
func (u *UI) Routes(r chi.Router) {
	r.Get("/", u.page(u.home))
	r.Get("/static/{file}", u.static)
	r.Get("/sign-in", u.page(u.signIn))
	r.Get("/sign-in/begin", u.page(u.beginSignIn))
	r.Get(access.CallbackPath, u.page(u.finishSignIn))
	r.Get("/sign-in/command-line", u.page(u.askCommandLine))
	r.Post("/sign-in/command-line", u.page(u.letCommandLine))
	r.Post("/sign-out", u.page(u.signOut))
	r.Post("/sign-out/everywhere", u.page(u.signOutEverywhere))
	u.boardRoutes(r)
	u.changeRoutes(r)
	u.policyRoutes(r)
	u.recordRoutes(r)
	u.systemRoutes(r)
	r.Get(EventsPath, u.page(u.events))
	u.lostRoutes(r)
	r.Get("/access", u.page(u.access))
	r.Get("/access/who", u.page(u.whoCan))
	r.Get("/access/delegate", u.page(u.askDelegate))
	r.Post("/access/delegate", u.page(u.delegate))
	r.Post("/access/delegations/{id}/end", u.page(u.endDelegation))
	r.Get("/access/{id}", u.page(u.access))
}

// page makes a handler of one that may fail: what it returns is shown as a page.
func (u *UI) page(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			u.fail(w, r, err)
		}
	}
}

// write answers with a page, whose frame it fills in.
func (u *UI) write(w http.ResponseWriter, r *http.Request, p Page) error {
	return u.writeStatus(w, r, http.StatusOK, p)
}

func (u *UI) writeStatus(w http.ResponseWriter, r *http.Request, status int, p Page) error {
	f := p.frame()
	f.Notice, f.places = u.Notice, u.places()
	f.Who = whoOf(api.PrincipalFrom(r.Context()), f.places)
	return Write(w, r, status, p)
}

// fail shows what went wrong. Somebody who is not signed in is asked to; one whose
// sign-in is too long ago is asked to confirm it.
func (u *UI) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := api.Report(r.Context(), err)
	var p Page
	switch {
	case f.Code == "fresh_sign_in_needed": // a form is at the address that it is sent to
		p = &Confirm{Frame: Frame{Title: "Confirm it is you", Bare: true}, What: "go on", Minutes: freshMinutes, ReturnTo: here(r)}
	case f.Kind == fault.Unauthenticated && r.Method == http.MethodGet:
		p = &SignIn{Frame: Frame{Title: "Sign in", Bare: true}, CanSignIn: u.Door != nil, Why: whySignedOut(r), ReturnTo: here(r)}
	default:
		p = &Problem{Frame: Frame{Title: problemTitle(f)}, Status: f.Kind.HTTPStatus(), Says: capital(f.Message), Do: f.Remedy, RequestID: shownID(r, f), Again: again(f)}
	}
	if u.writeStatus(w, r, f.Kind.HTTPStatus(), p) != nil {
		api.Problem(w, r, err)
	}
}

// static serves a file that pages need.
func (u *UI) static(w http.ResponseWriter, r *http.Request) {
	if !serveAsset(w, r, chi.URLParam(r, "file")) {
		api.Problem(w, r, fault.New(fault.NotFound, "no_such_file", "there is no such file").Do("load the page again"))
	}
}
