package ui

import (
	"net/http"
	"strings"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

const freshMinutes = int(identity.FreshFor / 60e9)

// here is the page that was asked for, to come back to.
func here(r *http.Request) string { return access.LocalPath(r.URL.RequestURI()) }

// whySignedOut says why a browser that had a session is not let in, "" if it had
// none.
func whySignedOut(r *http.Request) string {
	if err := access.SessionFault(r.Context()); err != nil {
		f := fault.From(err)
		return capital(f.Message) + ". " + capital(f.Remedy) + "."
	}
	return ""
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// titles of the kinds of problem, for people.
var titles = map[fault.Kind]string{
	fault.Unauthenticated: "You are not signed in", fault.Forbidden: "You may not do this", fault.NotFound: "There is nothing here",
	fault.Conflict: "Somebody was faster", fault.Refused: "This is not possible", fault.RateLimited: "Too many requests",
	fault.StoreUnavailable: "Not possible at this moment", fault.NotReady: "Not possible at this moment",
	fault.OutcomeUnknown: "It is not known whether this was done", fault.Internal: "Something went wrong here",
}

func problemTitle(f *fault.Error) string {
	if strings.HasPrefix(f.Code, "sign_in") || f.Code == "code_refused" || f.Code == "bad_id_token" {
		return "The sign-in did not work"
	}
	if t, ok := titles[f.Kind]; ok {
		return t
	}
	return "This cannot be done"
}

// shownID is the id of the request where an operator could find out more by it.
func shownID(r *http.Request, f *fault.Error) string {
	switch f.Kind {
	case fault.Internal, fault.StoreUnavailable, fault.NotReady, fault.OutcomeUnknown:
		return api.RequestID(r.Context())
	}
	return ""
}

// again is where to try again after a sign-in that did not work.
func again(f *fault.Error) string {
	if strings.HasPrefix(f.Code, "sign_in") || f.Code == "code_refused" || f.Code == "bad_id_token" || f.Code == "identity_provider_away" {
		return signInPath("/")
	}
	return ""
}
