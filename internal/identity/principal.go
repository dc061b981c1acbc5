package identity

import (
	"slices"
	"strings"
	"time"
)

// Role is one of the offices a principal can hold.
type Role string

// The roles. Member, Chair, Secretary and Contributor belong to the governance
// group; ClinicalSafety, HealthPlan, Compliance and Counsel are asked for
// sign-offs; Auditor reads everything and changes nothing.
const (
	Member         Role = "member"
	Chair          Role = "chair"
	Secretary      Role = "secretary"
	Contributor    Role = "contributor"
	RegionalLead   Role = "regional_lead"
	ClinicalSafety Role = "clinical_safety"
	HealthPlan     Role = "health_plan"
	Compliance     Role = "compliance"
	Counsel        Role = "counsel"
	Auditor        Role = "auditor"
	Operator       Role = "operator"
	Service        Role = "service"
)

// Roles lists every role, in the order above.
var Roles = []Role{Member, Chair, Secretary, Contributor, RegionalLead, ClinicalSafety,
	HealthPlan, Compliance, Counsel, Auditor, Operator, Service}

// Known reports whether r is one of Roles.
func (r Role) Known() bool { return slices.Contains(Roles, r) }

// Every is the region that stands for all regions in a Grant.
const Every = "*"

// A Grant is one role, for the regions named; Every covers all of them, those
// founded later included.
type Grant struct {
	Role    Role     `json:"role"`
	Regions []string `json:"regions"`
	// Via is the id of the delegation it comes from, "" if it is the principal's
	// own. It is never stored: a grant that is delegated cannot be given away.
	Via string `json:"-"`
}

// Covers reports whether the grant reaches a region. The empty region stands
// for what belongs to no region, which only a grant for Every reaches.
func (g Grant) Covers(region string) bool {
	return slices.Contains(g.Regions, Every) || region != "" && slices.Contains(g.Regions, region)
}

// String is the grant for people and for the record: "regional_lead(co)", or
// "regional_lead(co) by delegation".
func (g Grant) String() string {
	name := string(g.Role)
	if !slices.Contains(g.Regions, Every) {
		name += "(" + strings.Join(g.Regions, ",") + ")"
	}
	if g.Via != "" {
		name += " by delegation"
	}
	return name
}

// A Principal is who acts. The zero value is nobody and may do nothing.
type Principal struct {
	ID     string   // stable: "token:4f7c…", "person:9ab2…", "host"
	Name   string   // by role, for people: "Colorado regional lead"
	Grants []Grant  // what it holds at this moment
	Verbs  []Action // if not empty, the only actions it may take, whatever its roles

	// Behind is, of a token, the person or the token that began the chain of those who
	// issued it. It has seen the token's secret, and so can do all that the token can.
	// "" for a person.
	Behind string

	Strength Strength  // how it proved who it is; "" counts as a token
	Methods  []string  // what the identity provider says of how: "pwd", "mfa"; only if BySignIn
	AuthTime time.Time // when the person last signed in at the identity provider; zero unless BySignIn
}

// Host is whoever can start the server: it founds the store's first token and
// accepts a restored backup, and nothing else.
func Host() Principal {
	return Principal{ID: "host", Name: "operator of the host", Grants: []Grant{{Role: Operator, Regions: []string{Every}}},
		Verbs: []Action{IssueToken, AcceptRestore}, Strength: ByHost}
}

// Clerk is whoever does what the clock asks of changes: the server itself. No
// token and no sign-in makes one.
func Clerk() Principal {
	return Principal{ID: "clerk", Name: "clerk", Grants: []Grant{{Role: Operator, Regions: []string{Every}}},
		Verbs: []Action{TendChange}, Strength: ByHost}
}

// Known reports whether somebody is behind the principal.
func (p Principal) Known() bool { return p.ID != "" }

// Regions lists, sorted, the regions in which the principal holds the role;
// every is true if it holds it everywhere.
func (p Principal) Regions(role Role) (regions []string, every bool) {
	for _, g := range p.Grants {
		if g.Role != role {
			continue
		}
		every = every || slices.Contains(g.Regions, Every)
		regions = append(regions, g.Regions...)
	}
	slices.Sort(regions)
	return slices.DeleteFunc(slices.Compact(regions), func(r string) bool { return r == Every }), every
}

// OnlyRegion is the one region that all of the principal's roles are granted for,
// if there is just one.
func (p Principal) OnlyRegion() (region string, ok bool) {
	for _, g := range p.Grants {
		for _, r := range g.Regions {
			if r == Every || region != "" && r != region {
				return "", false
			}
			region = r
		}
	}
	return region, region != ""
}

// RoleNames says the principal's roles for people and for the record, e.g.
// "regional_lead(co)".
func (p Principal) RoleNames() []string {
	names := make([]string, 0, len(p.Grants))
	for _, g := range p.Grants {
		names = append(names, g.String())
	}
	return names
}
