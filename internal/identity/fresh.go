package identity

import (
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// Strength says how a principal proved who it is, for the record and for what
// asks for more than a token.
type Strength string

// The strengths, the weakest first.
const (
	ByToken  Strength = "token"   // whoever has the token: a service, or a person's script
	ByHost   Strength = "host"    // whoever can start the server
	BySignIn Strength = "sign_in" // a person, at the identity provider, at AuthTime
)

// FreshFor is how long a sign-in counts as fresh where one is asked for: long
// enough to read what is signed, short enough that a tablet left in a clinic is
// no longer its owner.
const FreshFor = 5 * time.Minute

// clockSlack is how far the identity provider's clock may be ahead of ours.
const clockSlack = time.Minute

// Fresh reports whether the person behind p signed in at the identity provider
// no longer than within before now.
func (p Principal) Fresh(now time.Time, within time.Duration) bool {
	age := now.Sub(p.AuthTime)
	return p.Strength == BySignIn && !p.AuthTime.IsZero() && age <= within && age >= -clockSlack
}

// RequireFresh refuses an act that only a person who has just signed in may do.
// It is nil if p is Fresh; Forbidden, needs_a_person, for whoever is no
// signed-in person, since no new sign-in of theirs could help; else
// Unauthenticated, fresh_sign_in_needed, which says how to sign in again.
func RequireFresh(p Principal, now time.Time, within time.Duration) error {
	switch {
	case p.Fresh(now, within):
		return nil
	case !p.Known():
		return fault.New(fault.Unauthenticated, "unauthenticated", "a person's sign-in is needed").Do("sign in, or say `quorate login`")
	case p.Strength != BySignIn:
		return fault.New(fault.Forbidden, "needs_a_person", "%s came with a token, and this is for a person who has just signed in", p.Name).
			Do("sign in, in the browser or with `quorate login`")
	}
	return fault.New(fault.Unauthenticated, "fresh_sign_in_needed", "%s signed in more than %s ago", p.Name, within).
		Do("sign in again, in the browser or with `quorate login`")
}
