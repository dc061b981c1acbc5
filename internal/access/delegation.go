package access

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// MaxDelegation is how long a role can be delegated for.
const MaxDelegation = 90 * 24 * time.Hour

// A Delegation lends a person's own role, for one region or for all, to another
// person for a time. It never gives more than the one who lends it has: it counts
// only while that person holds the role, and what is lent cannot be lent on.
type Delegation struct {
	ID      string        `json:"id"`
	From    string        `json:"from"` // person
	FromAs  string        `json:"from_name"`
	To      string        `json:"to"` // person
	Role    identity.Role `json:"role"`
	Region  string        `json:"region"`  // or * for all
	Begins  time.Time     `json:"begins"`  // UTC, whole seconds
	Expires time.Time     `json:"expires"` // UTC, whole seconds; from then on it counts no more
	Reason  string        `json:"reason"`
	Change  string        `json:"change"`
	Ended   *Revocation   `json:"ended,omitempty"`
}

// DelegationRequest is what a delegation is asked for with.
type DelegationRequest struct {
	To      string        `json:"to" doc:"The person who is to hold the role, as person:…; whoami and the list of access show it"`
	Role    identity.Role `json:"role"`
	Region  string        `json:"region" doc:"The region, or * for all"`
	Begins  time.Time     `json:"begins,omitzero" doc:"From when on; left out, now"`
	Expires time.Time     `json:"expires" doc:"Until when; at most 90 days after it begins"`
}

// Live reports whether the delegation counts at that time, as far as itself goes.
func (d Delegation) Live(now time.Time) bool {
	return d.Ended == nil && !now.Before(d.Begins) && now.Before(d.Expires)
}

func (d Delegation) grant() identity.Grant {
	return identity.Grant{Role: d.Role, Regions: []string{d.Region}, Via: d.ID}
}

// target is what delegating is directed at: the region, or none if it is for all.
func (d Delegation) target() identity.Target {
	t := identity.Target{Kind: "delegation", ID: d.ID}
	if d.Region != identity.Every {
		t.Region = d.Region
	}
	return t
}

// holds reports whether one of the grants, not counting those that are delegated,
// is the role for that region.
func holds(grants []identity.Grant, role identity.Role, region string) bool {
	return slices.ContainsFunc(grants, func(g identity.Grant) bool {
		return g.Role == role && g.Via == "" && (slices.Contains(g.Regions, identity.Every) || slices.Contains(g.Regions, region))
	})
}

// check refuses a delegation that makes no sense at that time, or of what the
// principal does not itself hold. It is pure.
func (d Delegation) check(from identity.Principal, now time.Time, known func(region string) bool) error {
	if err := identity.RequireFresh(from, now, identity.FreshFor); err != nil {
		return err
	}
	if err := checkGrant(identity.Grant{Role: d.Role, Regions: []string{d.Region}}, "", known); err != nil {
		return err
	}
	switch {
	case !strings.HasPrefix(d.To, personScheme) || !wellFormedID(strings.TrimPrefix(d.To, personScheme)):
		return fault.New(fault.Invalid, "bad_person", "%.60q is no person", d.To).Do("give the id that begins with person:").At("/to")
	case d.To == from.ID:
		return fault.New(fault.Invalid, "delegates_to_self", "%s would delegate to itself", from.Name).Do("name another person").At("/to")
	case !slices.Contains(identity.May(identity.Delegate), d.Role):
		return fault.New(fault.Refused, "not_delegable", "the role %s cannot be delegated", d.Role).
			Do("delegate one of: %s", words(identity.May(identity.Delegate))).At("/role")
	case !holds(from.Grants, d.Role, d.Region):
		return fault.New(fault.Forbidden, "not_yours_to_delegate", "%s does not itself hold the role %s for %s", from.Name, d.Role, d.Region).
			Do("delegate only what you hold, for no more regions; what was delegated to you cannot be passed on").At("/role")
	case !d.Expires.After(now) || !d.Expires.After(d.Begins):
		return fault.New(fault.Invalid, "bad_expiry", "the delegation would end at %s, before it has begun", d.Expires.UTC().Format(time.RFC3339)).
			Do("choose a later end").At("/expires")
	case d.Expires.Sub(d.Begins) > MaxDelegation || d.Begins.Sub(now) > MaxDelegation:
		return fault.New(fault.Invalid, "bad_expiry", "the delegation would last from %s until %s", d.Begins.UTC().Format(time.RFC3339), d.Expires.UTC().Format(time.RFC3339)).
			Do("let it begin within %d days and last no longer", MaxDelegation/(24*time.Hour)).At("/expires")
	}
	return nil
}

func at(list string, i int) string { return fmt.Sprintf("%s/%d", list, i) }
