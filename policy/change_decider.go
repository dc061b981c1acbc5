package policy

import (
	"context"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
)

// A ChangeDecider decides on every change of a server: by the group's rules over
// changes, and by each of the others that it is made with, such as the law's. What
// any of them denies is denied, what any requires is required. It is safe for
// concurrent use if they are.
type ChangeDecider struct {
	pack   *ChangePack
	facts  ChangeFacts
	others []gate.Decider
}

// NewChangeDecider joins deciders.
func NewChangeDecider(pack *ChangePack, facts ChangeFacts, others ...gate.Decider) *ChangeDecider {
	return &ChangeDecider{pack: pack, facts: facts, others: others}
}

// Decide asks all of them. One that fails fails all.
func (d *ChangeDecider) Decide(ctx context.Context, tx *kv.Tx, c gate.Change) (gate.Decision, error) {
	facts, err := d.facts(tx, c)
	if err != nil {
		return gate.Decision{}, err
	}
	joint, err := d.pack.Decide(ctx, c, facts)
	if err != nil {
		return joint, err
	}
	inputs := []string{joint.InputDigest}
	for _, other := range d.others {
		said, err := other.Decide(ctx, tx, c)
		if err != nil {
			return joint, err
		}
		joint.By += "; " + said.By
		joint.Deny = append(joint.Deny, said.Deny...)
		joint.Warn = append(joint.Warn, said.Warn...)
		joint.Require = append(joint.Require, said.Require...)
		inputs = append(inputs, said.InputDigest)
	}
	if len(inputs) > 1 {
		joint.InputDigest, err = gate.Digest(inputs)
	}
	return joint, err
}
