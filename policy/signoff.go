package policy

import (
	"context"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// LawSignOff is the part of a gate.Decider that no bundle can take away: a law holds
// by the word of counsel and of compliance, and nobody signs off their own. So what
// the one proposes waits for the other. What else is required of changes is for rules
// that can be changed; this is what they are changed by.
type LawSignOff struct{}

// Decide is gate.Decider's.
func (LawSignOff) Decide(_ context.Context, _ *kv.Tx, c gate.Change) (gate.Decision, error) {
	d := gate.Decision{By: "the sign-off of laws"}
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
