package ui

import (
	"time"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/identity"
)

// Home is the page one comes to: who one is, or the way in.
type Home struct {
	Frame
	CanSignIn bool   // an identity provider is configured
	Why       string // why one is no longer signed in, "" if there is nothing to say
	Profile   *access.Profile
	SignedIn  time.Time // at the identity provider
	Now       time.Time
	Reads     bool // the reader holds a role that may read
	Waits     []TaskGroup
	Last      time.Time // the visit before, zero if it is not known
	News      []News
}

func (Home) name() string { return "home" }

// SignIn asks somebody to sign in before going on.
type SignIn struct {
	Frame
	CanSignIn bool
	Why       string
	ReturnTo  string // a path of this server
}

func (SignIn) name() string { return "signin" }

// Confirm asks the one who is signed in to prove again who it is.
type Confirm struct {
	Frame
	What     string // what for: "delegate a role"
	Minutes  int    // for how long that will do
	ReturnTo string
}

func (Confirm) name() string { return "confirm" }

// Access answers "what can X do, and why".
type Access struct {
	Frame
	Profile     access.Profile
	Own         bool // it is the reader's
	MayDelegate bool
	People      []access.Profile // who else has signed in here
	Delegations []DelegationRow  // that concern X, live and to come
	Actions     []identity.Action
	Done        string // what was just done, "" if nothing
}

func (Access) name() string { return "access" }

// A DelegationRow is a delegation with what its reader may do about it.
type DelegationRow struct {
	access.Delegation
	ToName string
	MayEnd bool
	Key    string // idempotency key of the form
}

// WhoCan answers "who can do Y".
type WhoCan struct {
	Frame
	Action  identity.Action
	Says    string
	Region  string // "" for any
	Actions []identity.Action
	Holders []access.Holder
}

func (WhoCan) name() string { return "whocan" }

// Delegate is the form with which a role is lent.
type Delegate struct {
	Frame
	Choices []RoleChoice     // what the reader itself holds and may lend
	People  []access.Profile // to whom
	Key     string           // idempotency key of the form
	Entered DelegateForm
	Error   *FormError // nil: nothing was wrong so far
}

func (Delegate) name() string { return "delegate" }

// A RoleChoice is a role for a region, as a form sends it.
type RoleChoice struct{ Value, Label string }

// DelegateForm is what was entered.
type DelegateForm struct{ Role, To, Until, Reason string }

// A FormError says what was wrong with a form, and where.
type FormError struct{ Field, Says, Do string }

// CommandLine asks whether a command line may act as the reader.
type CommandLine struct {
	Frame
	Challenge, State string
	Port             int
	Ends             time.Time
}

func (CommandLine) name() string { return "commandline" }

// Problem says what went wrong, and what to do.
type Problem struct {
	Frame
	Status    int
	Says, Do  string
	RequestID string
	Again     string // a path to try again at, "" for none
}

func (Problem) name() string { return "problem" }

// Accounts is the page of the demo's identity provider.
type Accounts struct {
	Frame
	Action   string // where the form leads
	Request  string // which sign-in it is about
	Again    bool   // somebody who is signed in must confirm
	Accounts []DemoAccount
}

// A DemoAccount is a role that can be chosen.
type DemoAccount struct{ Subject, Name, About string }

func (Accounts) name() string { return "accounts" }
