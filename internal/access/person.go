package access

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// The limits of what an identity provider says of a person.
const (
	MaxGroups    = 500 // groups of one person that are looked at
	maxGroupName = 200 // characters
	maxSubject   = 255 // bytes, as OpenID Connect has it
)

const personScheme = "person:"

// PersonID is who somebody is to Quorate: the issuer and the subject it vouches
// for, and nothing else. An e-mail address is none of it, since it can be given
// to another person.
func PersonID(issuer, subject string) string {
	sum := sha256.Sum256([]byte(issuer + "\n" + subject))
	return personScheme + alphabet.EncodeToString(sum[:])[:idLength]
}

// A Visit is what the identity provider said of a person when it last signed in.
// It is no change of anything, and has no leaf in the record.
type Visit struct {
	Issuer     string    `json:"issuer"`
	Subject    string    `json:"subject"`
	Name       string    `json:"name"`             // as the provider shows it
	Groups     []string  `json:"groups,omitempty"` // sorted
	LastSignIn time.Time `json:"last_sign_in"`     // UTC
	// Generation counts how often all sessions of the person were ended. A session
	// of an earlier generation is no longer one.
	Generation int64 `json:"generation"`
}

// ID is the person's.
func (v Visit) ID() string { return PersonID(v.Issuer, v.Subject) }

// A Person is what was decided about a person here: so far, whether it may come
// in.
type Person struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"` // as it was known then
	Disabled bool      `json:"disabled"`
	At       time.Time `json:"at"`
	By       string    `json:"by"` // principal
	Reason   string    `json:"reason,omitempty"`
	Change   string    `json:"change"`
}

// plainName makes what a provider calls a person fit to be shown: printable, not
// longer than a token's name. Without any it is the subject.
func plainName(name, subject string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name))
	if runes := []rune(name); len(runes) > MaxName {
		name = string(runes[:MaxName])
	}
	if name == "" && subject != "" {
		return plainName(subject, "")
	}
	return name
}

// plainGroups keeps the groups that could stand in the table of groups, sorted.
func plainGroups(groups []string) []string {
	kept := slices.DeleteFunc(slices.Clone(groups), func(g string) bool {
		return g == "" || utf8.RuneCountInString(g) > maxGroupName || !printable(g)
	})
	slices.Sort(kept)
	kept = slices.Compact(kept)
	return kept[:min(len(kept), MaxGroups)]
}

// A GroupRole gives a role, for some regions, to everybody in a group of the
// identity provider.
type GroupRole struct {
	Group   string        `json:"group" doc:"A group as the identity provider names it"`
	Role    identity.Role `json:"role"`
	Regions []string      `json:"regions" doc:"The regions it is held for, or * for all"`
}

// Groups says which groups of the identity provider hold which roles. It is
// data, and setting it is a change. A group that it does not name holds nothing.
type Groups struct {
	Roles []GroupRole `json:"roles"`
}

// MaxGroupRoles is how many lines the table of groups may have.
const MaxGroupRoles = 500

// grants is what somebody in these groups, which are sorted, holds. It is pure.
func (g Groups) grants(groups []string) []identity.Grant {
	var held []identity.Grant
	for _, r := range g.Roles {
		if _, in := slices.BinarySearch(groups, r.Group); in {
			held = append(held, identity.Grant{Role: r.Role, Regions: r.Regions})
		}
	}
	return held
}

// check refuses a table that makes no sense. known says which regions exist; nil
// lets every region pass.
func (g Groups) check(known func(region string) bool) error {
	if n := len(g.Roles); n > MaxGroupRoles {
		return fault.New(fault.TooLarge, "too_many_groups", "the table of groups has %d lines", n).
			Do("use at most %d", MaxGroupRoles).At("/roles")
	}
	for i, r := range g.Roles {
		at := at("/roles", i)
		if r.Group == "" || utf8.RuneCountInString(r.Group) > maxGroupName || !printable(r.Group) {
			return fault.New(fault.Invalid, "bad_group", "the group %.60q cannot be one", r.Group).
				Do("write it as the identity provider does, in at most %d printable characters", maxGroupName).At(at + "/group")
		}
		if r.Role == identity.Service {
			return fault.New(fault.Invalid, "bad_role", "the group %.60q would hold the role service, which is for programs", r.Group).
				Do("issue a token for the program").At(at + "/role")
		}
		if err := checkGrant(identity.Grant{Role: r.Role, Regions: r.Regions}, at, known); err != nil {
			return err
		}
	}
	return nil
}
