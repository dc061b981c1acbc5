package policy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A situation is an input as one jurisdiction sees it.
type situation struct {
	bundle       *Bundle
	in           *Input
	jurisdiction string
	today        Day
	act          string
	request      map[string]any
	config       map[string]any
	facts        map[string]any
	travelling   bool               // asked only because a location fact points here
	only         func(*Record) bool // the rules that are asked at all; nil: all
	boundary     next
	overdue      map[string]bool
}

func (b *Bundle) situation(in *Input, at time.Time, jurisdiction string) *situation {
	day := b.today(at, jurisdiction)
	own := in.ByJurisdiction[jurisdiction]
	return &situation{
		bundle: b, in: in, jurisdiction: jurisdiction, today: day, act: in.act(),
		request: overlay(in.Request, own.Request), config: overlay(in.Config, own.Config), facts: given(in.Facts),
		boundary: next{today: day}, overdue: map[string]bool{},
	}
}

// overlay lays one object's members over another's. Null is absent.
func overlay(under, over map[string]any) map[string]any {
	m := make(map[string]any, len(under)+len(over))
	maps.Copy(m, under)
	maps.Copy(m, over)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return m
}

// given is the facts without those that are null, however deep: in Rego null is less
// than every number, so a null age would be a child's.
func given(facts map[string]any) map[string]any {
	m := make(map[string]any, len(facts))
	for k, v := range facts {
		if under, ok := v.(map[string]any); ok {
			v = given(under)
		}
		if v != nil {
			m[k] = v
		}
	}
	return m
}

// decide asks the rules in force here and reads the verdict.
func (c *situation) decide(ctx context.Context, e *Engine) *Verdict {
	v := newVerdict()
	asked := map[string]any{}
	for _, id := range c.bundle.ids {
		r := c.bundle.Records[id]
		if !r.reaches(c) || c.only != nil && !c.only(r) {
			continue
		}
		if r.acts(c.in.Phase, c.act) || r.acts(Evaluation, "use") {
			c.boundary.see(r.boundaries()...)
		}
		if !r.inForce(c.today) {
			continue
		}
		if c.in.Phase == Enablement && c.act == "enable" && r.acts(Evaluation, "use") {
			v.Residual = append(v.Residual, id)
		}
		if r.acts(c.in.Phase, c.act) && c.concerns(r, v) {
			asked[id] = map[string]any(r.setting(c.today))
			if !c.today.before(r.ReviewDue) {
				c.overdue[id] = true
			}
		}
	}
	if c.travelling && len(asked) == 0 && len(v.Missing) == 0 && len(v.Denials) == 0 && len(v.Reviews) == 0 {
		return nil
	}
	f, err := e.askOnce(ctx, c, asked)
	if err != nil {
		v.deny("", "the rules could not be asked: "+clipError(err), "")
		v.settle()
		return v
	}
	c.fold(v, f)
	v.ValidUntil = c.boundary.day
	return v
}

func (d Day) before(other Day) bool { return other == "" || d < other }

// concerns decides whether a rule in force is to be asked. It notes what the rule
// needs and does not get; such a rule is not asked, for its silence would mean
// nothing.
func (c *situation) concerns(r *Record, v *Verdict) bool {
	if c.travelling && (r.Location == "" || c.fact("patient."+r.Location) != c.jurisdiction) {
		return false
	}
	if c.in.Phase == Evaluation && r.Location != "" {
		switch place := c.fact("patient." + r.Location); {
		case place == nil && r.LocationAbsent == "missing":
			v.Missing = append(v.Missing, MissingFact{r.ID, "patient." + r.Location})
			return false
		case place != nil && place != c.jurisdiction:
			return false // another place's law
		}
	}
	if r.Status == "unverified" {
		switch r.Opinion.says(c.today) {
		case "rejected":
			return false
		case "confirmed":
		default:
			v.Reviews = append(v.Reviews, Review{r.ID, "Is this rule law?", r.Owner, r.ReviewDue, r.Citation})
			return false
		}
	}
	return c.supplied(r, v)
}

// supplied checks the facts that a rule needs.
func (c *situation) supplied(r *Record, v *Verdict) bool {
	if c.in.Phase != Evaluation {
		return true
	}
	action, _ := c.request["action"].(string)
	complete := true
	for _, n := range r.Needs {
		if len(n.For) > 0 && !slices.Contains(n.For, c.in.Capability) {
			continue
		}
		value := c.fact(n.Fact)
		if place, ok := value.(string); ok && n.Fact == "patient.location_now" && c.bundle.places.zones[place] == nil {
			v.deny(r.ID, "no law is encoded for "+clip(place), r.Citation)
			complete = false
		}
		if value == nil && n.Absent == "missing" && !slices.Contains(n.NotFor, action) {
			v.Missing = append(v.Missing, MissingFact{r.ID, n.Fact})
			complete = false
		}
	}
	return complete
}

// fact is a fact of the case, or nil.
func (c *situation) fact(path string) any {
	v, _ := lookup(c.facts, path)
	return v
}

// document is what the predicates see.
func (c *situation) document(rules map[string]any) map[string]any {
	facts := map[string]any{}
	if c.in.Phase == Evaluation {
		facts = c.facts
	}
	tables := map[string]any{}
	for name, t := range c.bundle.tables {
		tables[name] = t.current(c.today)
	}
	return map[string]any{
		"as_of": c.in.AsOf, "today": string(c.today), "jurisdiction": c.jurisdiction, "region": c.in.Region,
		"actor": c.in.Actor, "capability": c.in.Capability, "phase": string(c.in.Phase), "act": c.act,
		"request": c.request, "config": c.config, "facts": facts, "rules": rules, "tables": tables,
	}
}

func clipError(err error) string {
	s := fmt.Sprint(err)
	if len(s) > 300 {
		s = s[:300] + "…"
	}
	return s
}

// failClosed stands in the place of a rule where there was no answer.
const failClosed = "FAIL-CLOSED"

func (v *Verdict) deny(rule, why, citation string) {
	if rule == "" {
		rule = failClosed
	}
	if !slices.Contains(v.Denials, rule) {
		v.Denials = append(v.Denials, rule)
	}
	v.Reasons = append(v.Reasons, Reason{rule, why, citation})
}
