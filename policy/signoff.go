package policy

import (
	"context"
	"slices"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// LawSignOff is the part of a gate.Decider that no bundle can take away: rules of any
// layer are activated, and rolled back, by a person who has just signed in; a law
// holds by the word of counsel and of compliance, and nobody signs off their own. So
// what the one proposes waits for the other. What else is required of changes is for
// rules that can be changed; this is what they are changed by.
type LawSignOff struct{}

var activations = []identity.Action{identity.ActivateLaw, identity.ActivateGroupRules, identity.ActivateRegionRules}

// Decide is gate.Decider's.
func (LawSignOff) Decide(_ context.Context, _ *kv.Tx, c gate.Change) (gate.Decision, error) {
	d := gate.Decision{By: "the sign-off of laws"}
	if slices.Contains(activations, c.Action) {
		d.Require = append(d.Require, gate.Requirement{Kind: gate.NeedFresh,
			Finding: gate.Finding{Rule: "rules-activation", Message: "rules are activated by a person who has just signed in"}})
	}
	if c.Action != identity.ActivateLaw {
		return d, nil
	}
	roles := []identity.Role{identity.Counsel, identity.Compliance}
	for i, role := range roles {
		if _, every := c.Actor.Regions(role); every { // this office has spoken by proposing it
			roles = append(roles[:i:i], roles[i+1:]...)
			break
		}
	}
	for _, role := range roles {
		d.Require = append(d.Require, gate.Requirement{Kind: gate.NeedSignOff, Role: role, Count: 1, Apart: true,
			Finding: gate.Finding{Rule: "law-activation", Message: "a law is activated with the sign-off of counsel and of compliance"}})
	}
	return d, nil
}
