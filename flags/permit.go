package flags

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/policy"
)

// Permits is the law's part of a gate.Decider: whether a region may turn a capability
// on. It decides on every answer that a change would leave on, jurisdiction by
// jurisdiction, and on nothing else; turning off needs no permission.
//
// Where only some of a region's jurisdictions allow it, the answer stands and means
// on where allowed: the flag is off in the others by the same rules, and the warning
// says so. Where none does, the change is refused, or waits for the evidence that is
// missing.
type Permits struct{ replica *Replica }

// NewPermits decides by the position of a replica.
func NewPermits(r *Replica) *Permits { return &Permits{replica: r} }

// activePolicy is the record that says which bundles hold. It is policy's own; what
// is decided here is compared with it when the change is committed, so that an
// activation and an enablement cannot slip past each other.
const activePolicy = "policy/active"

// Decide is gate.Decider's.
func (p *Permits) Decide(ctx context.Context, tx *kv.Tx, c gate.Change) (gate.Decision, error) {
	snap := p.replica.Snapshot()
	if snap == nil {
		return gate.Decision{}, behind()
	}
	pos := snap.Position()
	out := gate.Decision{By: "policy " + pos.PolicyRevision()}
	var asked []policy.Input
	for _, e := range c.Edits {
		after, ok := turnedOn(e)
		if !ok {
			continue
		}
		if p.replica.records != nil {
			revision, err := tx.RevisionOf(activePolicy)
			if err != nil {
				return out, err
			}
			if revision != pos.LawRevision {
				return out, behind()
			}
		}
		now, err := getPair(tx, after.Region, after.Capability)
		if err != nil {
			return out, err
		}
		q := question(now.region.Value, now.capability.Value, now.enablement.Value.Effective(now.baseline.Value))
		q.AsOf = c.At
		asked = append(asked, pos.Input(q))
		permit(&out, pos, pos.Enable(ctx, q))
	}
	if len(asked) == 0 {
		return out, nil
	}
	digest, err := gate.Digest(asked)
	out.InputDigest = digest
	return out, err
}

func behind() error {
	return fault.New(fault.NotReady, "policy_not_seen", "this replica has not seen yet which rules are active").Do("try again in a moment")
}

// turnedOn reads an answer that an edit leaves on.
func turnedOn(e kv.Edit) (Enablement, bool) {
	if _, ok := enablements.Split(e.Path); !ok || e.After == nil {
		return Enablement{}, false
	}
	var after Enablement
	if err := json.Unmarshal(e.After, &after); err != nil {
		return Enablement{}, false
	}
	return after, after.On()
}

// permit adds what regulation decided to a decision.
func permit(out *gate.Decision, pos *policy.Position, d policy.Decision) {
	switch {
	case pos.Without():
		out.Deny = append(out.Deny, gate.Finding{Rule: string(NoEncodedLaw), Message: d.Sentence})
	case len(d.BadInput) > 0:
		out.Deny = append(out.Deny, gate.Finding{Rule: "bad-input", Message: d.Sentence})
	case len(d.OnWhereAllowed) == 0 && d.Status == policy.NeedsEvidence:
		out.Require = append(out.Require, evidenceOf(pos, d)...)
	case len(d.OnWhereAllowed) == 0:
		out.Deny = append(out.Deny, refusals(pos, d)...)
	case len(d.OnWhereAllowed) < len(d.ByJurisdiction):
		out.Warn = append(out.Warn, gate.Finding{Rule: "on-where-allowed", Message: d.Sentence})
		out.Warn = append(out.Warn, refusals(pos, d)...)
	}
	if f, owed := owedBesides(pos, d); owed && len(out.Deny) == 0 {
		out.Warn = append(out.Warn, f)
	}
}

// refusals are the findings that keep it off in some place, each with its rule, said
// once for all places in which it is the same.
func refusals(pos *policy.Position, d policy.Decision) []gate.Finding {
	var list []gate.Finding
	where := map[gate.Finding][]string{}
	add := func(place string, f gate.Finding) {
		if where[f] == nil {
			list = append(list, f)
		}
		where[f] = append(where[f], place)
	}
	for _, place := range sortedPlaces(d) {
		v := d.ByJurisdiction[place]
		for _, r := range v.Reasons {
			add(place, gate.Finding{Rule: r.RuleID, Citation: r.Citation, Message: r.Why})
		}
		for _, r := range v.Reviews {
			text := "counsel must say: " + r.Question
			if r.Due != "" {
				text += fmt.Sprintf(" (%s, due %s)", r.Owner, r.Due)
			}
			add(place, gate.Finding{Rule: r.RuleID, Citation: r.Citation, Message: text})
		}
		for _, kind := range v.EvidenceMissing {
			rule := v.WantedBy(kind)
			add(place, gate.Finding{Rule: rule, Citation: pos.Citation(rule), Message: "evidence " + kind + " is not on file"})
		}
	}
	for i, f := range list {
		list[i].Message += " (" + strings.Join(where[f], ", ") + ")"
	}
	return list
}

// evidenceOf is what must be on file before it may be on: in the place that asks for
// least, since it is then on where allowed.
func evidenceOf(pos *policy.Position, d policy.Decision) []gate.Requirement {
	var least []gate.Requirement
	for _, place := range sortedPlaces(d) {
		v := d.ByJurisdiction[place]
		if v.Status != policy.NeedsEvidence || least != nil && len(v.EvidenceMissing) >= len(least) {
			continue
		}
		least = nil
		for _, kind := range v.EvidenceMissing {
			rule := v.WantedBy(kind)
			least = append(least, gate.Requirement{Kind: gate.NeedEvidence, Evidence: kind,
				Finding: gate.Finding{Rule: rule, Citation: pos.Citation(rule), Message: "evidence " + kind + " is to be on file for " + place}})
		}
	}
	return least
}

// owedBesides says in one finding what somebody must do while it is on.
func owedBesides(pos *policy.Position, d policy.Decision) (f gate.Finding, owed bool) {
	var kinds []string
	for _, place := range d.OnWhereAllowed {
		for _, o := range d.ByJurisdiction[place].Obligations {
			text := o.Kind + " by the " + o.Point + " (" + o.RuleID + ")"
			if !slices.Contains(kinds, text) {
				kinds = append(kinds, text)
			}
			if f.Rule == "" {
				f.Rule, f.Citation = o.RuleID, o.Citation
			}
		}
	}
	f.Message = "required besides: " + strings.Join(kinds, ", ")
	return f, len(kinds) > 0
}

func sortedPlaces(d policy.Decision) []string {
	return slices.Sorted(maps.Keys(d.ByJurisdiction))
}
