package flags

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/policy"
)

// NoEncodedLaw is the cause of everything that is off while no law is active.
const NoEncodedLaw Cause = policy.NoEncodedLaw

// actsAs is whom the law takes the organization for in a capability: what moves money
// is the health plan's, everything else is care.
func (c Capability) actsAs() string {
	if c.Kind == "financial" {
		return "plan"
	}
	return "provider"
}

// question is what is asked of regulation about a capability in a region, if it is on
// this way.
func question(r Region, c Capability, h How) policy.Question {
	places := r.Jurisdictions
	if len(h.Audience.Jurisdictions) > 0 {
		places = h.Audience.Jurisdictions
	}
	return policy.Question{Region: r.Key, Jurisdictions: places, Actor: c.actsAs(), Capability: c.Key, Version: c.Version, Config: c.config(h)}
}

// config is what the settings say in the vocabulary of the rules.
func (c Capability) config(h How) map[string]any {
	var m map[string]any
	for _, s := range c.Settings {
		if s.Policy == "" {
			continue
		}
		if m == nil {
			m = map[string]any{}
		}
		m[s.Policy] = h.value(c, s)
	}
	return m
}

// law adds what regulation says: its part of the sentence, for all places and times.
// What the patient, the place and the day decide becomes comparisons, so that a law
// that begins at midnight acts at midnight, without a write and without a message.
func (in *inputs) law(cs *conditions) {
	if in.position.Without() {
		cs.last = NoEncodedLaw
		return
	}
	if in.guard == nil {
		return // it is off by the group's or the region's own word
	}
	for i := range in.guard.Checks {
		c := &in.guard.Checks[i]
		cs.add(condition{cause: Cause(c.Variant), field: byLaw, says: c.Says, fails: c.Fails, reads: c.Reads, times: c.Times, shut: c.Shut, check: c})
	}
}

// byLaw is the field of a condition that regulation makes.
const byLaw = "law"

// regulate works out what regulation says of a pair that is offered and enabled.
func (in *inputs) regulate(p *policy.Position, how How) {
	in.position = p
	if in.cause() == On && !p.Without() {
		in.guard = p.Compile(context.Background(), question(in.region, in.capability, how))
	}
}

// strictFor is how long a pair's flags are good after the store was last heard of;
// 0 is for ever. What needs a strict capability is as strict as the strictest of
// them: it must not outlive what it rests on.
func (in *inputs) strictFor(needed []time.Duration) (lease time.Duration) {
	if in.cause() != On {
		return 0
	}
	if in.guard != nil {
		needed = append(needed, in.guard.Lease)
	}
	for _, l := range needed {
		if l > 0 && (lease == 0 || l < lease) {
			lease = l
		}
	}
	return lease
}

// stamp adds what regulation has to say to the metadata of a pair's flags.
func (in *inputs) stamp(m map[string]any, lease time.Duration) {
	if lease > 0 {
		m["lease"] = json.Number(strconv.FormatInt(int64(lease/time.Second), 10))
	}
	if in.guard == nil {
		return
	}
	if revision := in.position.PolicyRevision(); revision != "" {
		m["policyRevision"] = revision
	}
	if in.guard.Obligations != "" {
		m["obligations"] = in.guard.Obligations
	}
}

// takePosition goes over to another position and touches what may change by it.
func (b *builder) takePosition(next *policy.Position) {
	before := b.next.position
	b.next.position = next
	if before == next {
		return
	}
	for region, view := range b.next.regions {
		for i, c := range b.next.catalog.capabilities {
			if c.Exists() && view.enablement(i).Value.On() && before.Touches(next, region, c.Value.Key, view.region.Value.Jurisdictions) {
				b.touch(pairKey{region, c.Value.Key})
			}
		}
	}
}

// refusedBy is the check of regulation by which nobody in the region gets past at a
// time, nil if there is none.
func (cs *conditions) refusedBy(unix int64) *policy.Check {
	for _, c := range cs.list {
		if c.failsAt(unix) {
			return c.check
		}
	}
	return nil
}

// lawful reports whether a cause is one of regulation.
func (p compiled) lawful(cause Cause) bool {
	if cause == NoEncodedLaw {
		return true
	}
	for _, c := range p.list {
		if c.check != nil && c.cause == cause {
			return true
		}
	}
	return false
}

// about is the rule with its citation, for people.
func about(c *policy.Check) string {
	if c.Rule == "" {
		return c.Why
	}
	var b strings.Builder
	b.WriteString(c.Rule)
	if c.Title != "" {
		b.WriteString(" (" + c.Title + "; " + c.Citation + ")")
	}
	if c.Where != "" {
		b.WriteString(", in " + c.Where)
	}
	if c.When != "" {
		b.WriteString(", " + c.When)
	}
	return b.String()
}
