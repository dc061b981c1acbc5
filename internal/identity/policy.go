package identity

// The actions on law and rules. A law is activated by counsel or compliance, with
// the sign-off of the other; the group's own rules as offers are granted; a region's
// procedures by the region.
const (
	PushRules           Action = "policy.push" // store a bundle; it changes nothing yet
	ActivateLaw         Action = "policy.activate_law"
	ActivateGroupRules  Action = "policy.activate_group"
	ActivateRegionRules Action = "policy.activate_region"
	GrantWaiver         Action = "waiver.grant"
	RevokeWaiver        Action = "waiver.revoke"
	AddEvidence         Action = "evidence.add" // a readiness attestation too
	RevokeEvidence      Action = "evidence.revoke"
	GiveOpinion         Action = "opinion.give" // counsel's answer to a legal question
	NoteHalt            Action = "halt.note"    // that something went off by regulation; the clerk does it
)

var policyActions = []Action{PushRules, ActivateLaw, ActivateGroupRules, ActivateRegionRules,
	GrantWaiver, RevokeWaiver, AddEvidence, RevokeEvidence, GiveOpinion, NoteHalt}

// policyTable: a regional lead pushes and activates for the own region, and vouches
// for it; what holds for all regions, or for a place whose law several share, is for
// compliance and counsel.
var policyTable = map[Role][]Action{
	Compliance:   {PushRules, ActivateLaw, GrantWaiver, RevokeWaiver, AddEvidence, RevokeEvidence},
	Counsel:      {PushRules, ActivateLaw, RevokeWaiver, AddEvidence, RevokeEvidence, GiveOpinion},
	Operator:     {PushRules, ActivateGroupRules, NoteHalt},
	RegionalLead: {PushRules, ActivateRegionRules, AddEvidence, RevokeEvidence},
}

var policyDescriptions = map[Action]string{
	PushRules:           "push a bundle of rules",
	ActivateLaw:         "activate a law",
	ActivateGroupRules:  "activate the group's rules",
	ActivateRegionRules: "activate a region's own procedures",
	GrantWaiver:         "grant a waiver",
	RevokeWaiver:        "revoke a waiver",
	AddEvidence:         "add evidence",
	RevokeEvidence:      "revoke evidence",
	GiveOpinion:         "give a legal opinion",
	NoteHalt:            "note that something went off by regulation",
}
