package identity

import (
	"slices"

	"github.com/quorate/quorate/internal/fault"
)

// Action is something a principal can try to do, "noun.verb".
type Action string

// The actions. Each mutating one names a Change that goes through the gate.
const (
	SetRegion      Action = "region.set"
	SetFacility    Action = "facility.set"
	SetCapability  Action = "capability.set"
	GrantOffer     Action = "offer.grant"
	WithdrawOffer  Action = "offer.withdraw"
	Answer         Action = "enablement.answer"   // enable, later, decline
	TurnOff        Action = "enablement.turn_off" // at once, for safety
	SetBaseline    Action = "baseline.set"        // how the group would have it
	AcceptBaseline Action = "baseline.accept"     // by a region
	SetFreeze      Action = "freeze.set"
	EndFreeze      Action = "freeze.end"
	IssueToken     Action = "token.issue"
	RotateToken    Action = "token.rotate" // a successor, with an overlap
	RevokeToken    Action = "token.revoke"
	SetGroups      Action = "access.set_groups" // which groups of the identity provider hold which roles
	DisablePerson  Action = "person.disable"    // at once, everywhere
	EnablePerson   Action = "person.enable"
	Delegate       Action = "delegation.grant" // one's own role to another person, for a time
	EndDelegation  Action = "delegation.end"
	AcceptRestore  Action = "store.accept_restore"
	Backup         Action = "store.backup" // whoever has one has everything, hashes of tokens included

	ReplaceKey Action = "audit.replace_key" // that signs the record

	ReadState  Action = "state.read"
	ReadTokens Action = "token.read"
	ReadAccess Action = "access.read" // who holds which role, and what it may do
	ReadRecord Action = "audit.read"
	Evaluate   Action = "evaluate"

	TrackUse       Action = "usage.track"
	ReadUsage      Action = "usage.read"
	SetDenominator Action = "denominator.set" // by a region: the members of whom use is a share
)

// Actions lists every action, in the order above.
var Actions = slices.Concat([]Action{SetRegion, SetFacility, SetCapability, GrantOffer, WithdrawOffer, Answer, TurnOff,
	SetBaseline, AcceptBaseline, SetFreeze, EndFreeze, IssueToken, RotateToken, RevokeToken,
	SetGroups, DisablePerson, EnablePerson, Delegate, EndDelegation, TrackUse, ReadUsage, SetDenominator, AcceptRestore, Backup, ReplaceKey, ReadState, ReadTokens, ReadAccess, ReadRecord, Evaluate}, governanceActions, changeActions, policyActions)

// Known reports whether a is one of Actions.
func (a Action) Known() bool { return slices.Contains(Actions, a) }

// A Target is what an action is directed at. Region is empty for what belongs
// to no single region.
type Target struct {
	Kind   string `json:"kind"` // "enablement", "capability", "token", …
	ID     string `json:"id,omitempty"`
	Region string `json:"region,omitempty"`
}

// String is the target for people: "enablement co/video_visit".
func (t Target) String() string {
	switch {
	case t.Region != "" && t.ID != "":
		return t.Kind + " " + t.Region + "/" + t.ID
	case t.Region != "":
		return t.Kind + " " + t.Region
	case t.ID != "":
		return t.Kind + " " + t.ID
	}
	return t.Kind
}

// table is the whole of power in Quorate. A role may take the actions beside it
// on targets of the regions it is granted for; on targets of no region only if
// it is granted for every region. Default deny.
var table = with(map[Role][]Action{
	Operator: {ReadUsage, SetRegion, SetFacility, SetCapability, GrantOffer, WithdrawOffer, TurnOff,
		SetBaseline, SetFreeze, EndFreeze, IssueToken, RotateToken, RevokeToken, SetGroups, DisablePerson, EnablePerson, EndDelegation,
		AcceptRestore, Backup, ReplaceKey, ReadState, ReadTokens, ReadAccess, ReadRecord, Evaluate},
	RegionalLead:   {ReadUsage, SetDenominator, SetFacility, Answer, TurnOff, AcceptBaseline, SetFreeze, EndFreeze, Delegate, EndDelegation, ReadState, ReadAccess, ReadRecord, Evaluate},
	ClinicalSafety: {ReadUsage, TurnOff, Delegate, EndDelegation, ReadState, ReadAccess, ReadRecord, Evaluate},
	Compliance:     {ReadUsage, TurnOff, DisablePerson, Delegate, EndDelegation, ReadState, ReadAccess, ReadRecord, Evaluate},
	Auditor:        {ReadUsage, ReadState, ReadTokens, ReadAccess, ReadRecord, Evaluate},
	Counsel:        {ReadUsage, Delegate, EndDelegation, ReadState, ReadAccess, ReadRecord},
	HealthPlan:     {ReadUsage, Delegate, EndDelegation, ReadState, ReadAccess, ReadRecord},
	Chair:          {ReadUsage, ReadState, ReadAccess, ReadRecord},
	Secretary:      {ReadUsage, ReadState, ReadAccess, ReadRecord},
	Member:         {ReadUsage, ReadState, ReadAccess, ReadRecord},
	Contributor:    {ReadUsage, ReadState, ReadAccess},
	Service:        {TrackUse, Evaluate},
}, with(governanceTable, with(changeTable, policyTable)))

// shared are the actions a role may take outside its own regions: regions learn
// from each other, so what one decides, why, and who decides there is open to all
// who may read.
var shared = slices.Concat([]Action{ReadState, ReadAccess}, governanceShared, changeShared)

// Can decides whether the principal may do this to that. It is pure: no clock,
// no store, no policy. The error is nil, Unauthenticated, or Forbidden with who
// could do it instead.
func Can(p Principal, a Action, t Target) error {
	if !p.Known() {
		return fault.New(fault.Unauthenticated, "unauthenticated", "a credential is needed to %s", describe(a)).
			Do("send a token as `Authorization: Bearer …` or set QUORATE_TOKEN")
	}
	if len(p.Verbs) > 0 && !slices.Contains(p.Verbs, a) {
		return fault.New(fault.Forbidden, "verb_not_in_token", "%s's token does not cover %s", p.Name, a).
			Do("use a token issued for it")
	}
	for _, g := range p.Grants {
		if slices.Contains(table[g.Role], a) && (g.Covers(t.Region) || slices.Contains(shared, a)) {
			return nil
		}
	}
	return forbidden(p, a, t)
}

func forbidden(p Principal, a Action, t Target) error {
	where, reach := "", " for all regions"
	if t.Region != "" {
		where, reach = " in region "+t.Region, ""
	}
	err := fault.New(fault.Forbidden, "forbidden", "%s may not %s%s", p.Name, describe(a), where)
	if held := holders(a); len(held) > 0 {
		err = err.Do("ask someone who may%s: %s%s", reach, held, where)
	}
	return err
}

// holders names the roles that may take an action, in the order of Roles.
func holders(a Action) string {
	names := ""
	for _, r := range Roles {
		if slices.Contains(table[r], a) {
			if names != "" {
				names += ", "
			}
			names += string(r)
		}
	}
	return names
}

// May lists the roles that may take the action, for help texts and the access
// page.
func May(a Action) []Role {
	var roles []Role
	for _, r := range Roles {
		if slices.Contains(table[r], a) {
			roles = append(roles, r)
		}
	}
	return roles
}

// Description says an action for people: "answer an offer".
func Description(a Action) string { return describe(a) }

// Permitting lists the grants of a principal that let it take the action
// somewhere: those for other regions included, but none that its credential does
// not cover. It is why Can says yes, where it does.
func Permitting(p Principal, a Action) []Grant {
	if len(p.Verbs) > 0 && !slices.Contains(p.Verbs, a) {
		return nil
	}
	var grants []Grant
	for _, g := range p.Grants {
		if slices.Contains(table[g.Role], a) {
			grants = append(grants, g)
		}
	}
	return grants
}

// Everywhere reports whether a role that may take the action for one region may
// take it for all.
func (a Action) Everywhere() bool { return slices.Contains(shared, a) }

func describe(a Action) string {
	if d, ok := changeDescriptions[a]; ok {
		return d
	}
	if d, ok := governanceDescriptions[a]; ok {
		return d
	}
	if d, ok := policyDescriptions[a]; ok {
		return d
	}
	if d, ok := descriptions[a]; ok {
		return d
	}
	return string(a)
}

var descriptions = map[Action]string{
	SetRegion:      "change a region",
	SetFacility:    "change a facility",
	SetCapability:  "change a capability",
	GrantOffer:     "grant an offer",
	WithdrawOffer:  "withdraw an offer",
	Answer:         "answer an offer",
	TurnOff:        "turn a capability off",
	SetBaseline:    "set the group's baseline",
	AcceptBaseline: "accept the group's baseline",
	SetFreeze:      "set a freeze",
	EndFreeze:      "end a freeze",
	IssueToken:     "issue a token",
	RotateToken:    "rotate a token",
	RevokeToken:    "revoke a token",
	SetGroups:      "say which groups hold which roles",
	DisablePerson:  "lock a person out",
	EnablePerson:   "let a person in again",
	Delegate:       "delegate a role",
	EndDelegation:  "end a delegation",
	AcceptRestore:  "accept a restored store",
	Backup:         "back the store up",
	ReplaceKey:     "replace the key that signs the record",
	ReadState:      "read regions, capabilities and their state",
	ReadTokens:     "read the list of tokens",
	ReadAccess:     "read who may do what",
	ReadRecord:     "read the record",
	Evaluate:       "evaluate capabilities",
	TrackUse:       "count uses",
	ReadUsage:      "read usage",
	SetDenominator: "enter how many members there are",
}
