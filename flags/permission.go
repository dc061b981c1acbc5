package flags

import (
	"context"
	"encoding/json"
	"time"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/policy"
)

// A Permission is what regulation says of turning a capability on in a region,
// before anybody has asked for it.
type Permission struct {
	Decision policy.Decision
	Findings gate.Decision // the same as the gate will be told it
	Reads    []string      // the facts that the flag will look at, beyond which place and action
}

// Permission asks regulation, as the gate will ask it, whether a region may have a
// capability on in a way. It changes nothing, and what it says may be another by the
// time that the answer is given.
func (s *Snapshot) Permission(ctx context.Context, region, capability string, how How, at time.Time) (Permission, error) {
	r, err := s.Region(region)
	if err != nil {
		return Permission{}, err
	}
	c, _, err := s.Capability(capability)
	if err != nil {
		return Permission{}, err
	}
	base, err := s.Baseline(capability)
	if err != nil {
		base.Value = Baseline{}
	}
	q := question(r.Value, c.Value, Enablement{How: how}.Effective(base.Value))
	q.AsOf = at
	pos := s.Position()
	p := Permission{Decision: pos.Enable(ctx, q)}
	permit(&p.Findings, pos, p.Decision)
	if !pos.Without() {
		p.Reads = pos.Compile(ctx, q).Reads
	}
	return p, nil
}

// Asked is the change that such an answer would be, with the facts that rules over
// changes are told beside it, so that they can be asked who would have to sign. It is
// not submitted.
func (s *Snapshot) Asked(who identity.Principal, region, capability string, how How, at time.Time) (gate.Change, map[string]any, error) {
	r, err := s.Region(region)
	if err != nil {
		return gate.Change{}, nil, err
	}
	c, _, err := s.Capability(capability)
	if err != nil {
		return gate.Change{}, nil, err
	}
	st, err := s.Standing(region, capability, at)
	if err != nil {
		return gate.Change{}, nil, err
	}
	edit := kv.Edit{Path: "enablements/" + region + "/" + capability}
	after := Enablement{Region: region, Capability: capability, Answer: Enable, How: how}
	if st.Enablement != nil {
		after.Offer, after.Follow, after.Accepted = st.Enablement.Offer, st.Enablement.Follow, st.Enablement.Accepted
		if edit.Before, err = json.Marshal(st.Enablement); err != nil {
			return gate.Change{}, nil, err
		}
	}
	if edit.After, err = json.Marshal(after); err != nil {
		return gate.Change{}, nil, err
	}
	zone, err := zones.load(r.Value.TimeZone)
	if err != nil {
		return gate.Change{}, nil, err
	}
	list, err := s.Freezes(region)
	if err != nil {
		return gate.Change{}, nil, err
	}
	running := []string{}
	for _, f := range list {
		if _, now := spansOf([]Freeze{f.Value}, zone).at(at.Unix()); now {
			running = append(running, f.Value.ID)
		}
	}
	facts := map[string]any{"frozen": map[string]any{region: running},
		"capabilities": map[string]any{capability: map[string]any{"kind": c.Value.Kind, "risk": c.Value.Risk}}}
	return gate.Change{Actor: who, Action: identity.Answer, Target: identity.Target{Kind: "enablement", Region: region, ID: capability},
		At: at, Edits: []kv.Edit{edit}}, facts, nil
}
