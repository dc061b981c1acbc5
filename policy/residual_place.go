package policy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A stand is what holds for a capability in one place from one day to the next.
type stand struct {
	never  *check // it may not be on there, whoever asks
	checks []check
	owes   []standing
	lease  int // seconds, 0 for ever
}

// A check is one reason for a flag to be off.
type check struct {
	class   class
	variant string
	rule    string
	why     string
	fails   *logic
	whole   map[string]bool // facts it reckons with, which must be whole numbers
}

// class is the order in which checks are made: who is where and of what type the
// facts are, before what they say.
type class int

const (
	inPlace class = iota
	illTyped
	refused
	unknownFact
	denied
)

// standing is an obligation with the rule that imposes it and who performs it.
type standing struct {
	owing
	rule, point string
}

// enable decides at enablement: what the rules say, and whether all that they leave
// to others is known to be performed.
func (e *Engine) enable(ctx context.Context, in Input) Decision {
	if e.empty() || e.silentOn(in.Capability) && e.placesKnown(in.Jurisdictions) {
		return e.unobjected(in)
	}
	d := e.blank(in)
	at, problems := e.bundle.problems(&in)
	if len(problems) > 0 {
		return d.refuse(problems)
	}
	overdue := map[string]bool{}
	for _, j := range in.Jurisdictions {
		c := e.bundle.situation(&in, at, j)
		v, _ := e.verdict(ctx, c)
		d.ByJurisdiction[j] = v
		for id := range c.overdue {
			overdue[id] = true
		}
	}
	d.ReviewOverdue = sortedKeys(overdue)
	e.conclude(&d, &in, at)
	return d
}

// silentOn reports whether no rule is about a capability.
func (e *Engine) silentOn(capability string) bool {
	for _, r := range e.bundle.Records {
		if slices.Contains(r.Capabilities, capability) {
			return false
		}
	}
	return true
}

func (e *Engine) placesKnown(places []string) bool {
	return !slices.ContainsFunc(places, func(j string) bool { return e.bundle.places.zones[j] == nil })
}

// verdict is what the rules say at enablement in one place, and what they leave over
// for the single case there.
func (e *Engine) verdict(ctx context.Context, c *situation) (*Verdict, *stand) {
	v := c.decide(ctx, e)
	s := &stand{}
	if c.act == "enable" {
		e.leave(ctx, c, v, s)
	}
	v.sort()
	if len(v.Denials) > 0 && v.Status != NeedsLegalReview || len(v.Denials) == 0 {
		v.settle()
	}
	v.ValidUntil = c.boundary.day
	return v, s
}

// leave goes through the rules that are asked in the single case. Those that a flag
// enforces become its checks; the others, and whatever is required besides, must be
// known to be performed.
func (e *Engine) leave(ctx context.Context, c *situation, v *Verdict, s *stand) {
	using := c.using()
	all, own := map[string]any{}, map[string]any{}
	for _, id := range c.bundle.ids {
		r := c.bundle.Records[id]
		if !r.reaches(c) || !r.inForce(c.today) {
			continue
		}
		if r.Lease > 0 && (s.lease == 0 || r.Lease < s.lease) {
			s.lease = r.Lease
		}
		if !r.acts(Evaluation, "use") || !c.settled(r, v) {
			continue
		}
		all[id] = map[string]any(r.setting(c.today))
		if r.enforcedBy(c.in.Capability) == "flag" {
			own[id] = all[id]
		}
	}
	for _, o := range v.Obligations {
		e.owe(c, v, s, o.RuleID, owing{o.Kind, string(canonicalJSON(o.Params))})
	}
	for _, id := range sortedKeys(all) {
		r := c.bundle.Records[id]
		if own[id] != nil {
			e.own(ctx, using, c, v, s, r, own)
			continue
		}
		_, waived := using.waived(r)
		d := e.duty(ctx, using, id, all)
		if d.denies && !waived {
			e.perform(c, v, id, id)
			s.owes = append(s.owes, standing{owing{kind: "enforce"}, id, r.enforcedBy(c.in.Capability)})
		}
		for _, o := range d.owes {
			e.owe(c, v, s, id, o)
		}
	}
}

// using is the situation of the single case at the same place and day.
func (c *situation) using() *situation {
	in := *c.in
	in.Phase, in.Request = Evaluation, nil
	using := *c
	using.in, using.act, using.request, using.facts = &in, "use", map[string]any{}, map[string]any{}
	using.boundary, using.overdue = next{today: c.today}, map[string]bool{}
	return &using
}

// settled reports whether a rule is law. One that nobody has confirmed is sent to
// counsel, and one that counsel rejected says nothing.
func (c *situation) settled(r *Record, v *Verdict) bool {
	if r.Status != "unverified" {
		return true
	}
	switch r.Opinion.says(c.today) {
	case "confirmed":
		return true
	case "rejected":
		return false
	}
	v.Reviews = append(v.Reviews, Review{r.ID, "Is this rule law?", r.Owner, r.ReviewDue, r.Citation})
	return false
}

// perform requires the evidence that somebody performs what a rule asks for.
func (e *Engine) perform(c *situation, v *Verdict, rule, what string) {
	kind := PerformsPrefix + what
	if _, ok := c.shown(kind, 0); ok {
		return
	}
	if !slices.Contains(v.EvidenceMissing, kind) {
		v.EvidenceMissing = append(v.EvidenceMissing, kind)
	}
	v.causes = append(v.causes, rule)
	v.want(kind, rule)
}

// owe notes an obligation. A plan that an organization makes needs no performer.
func (e *Engine) owe(c *situation, v *Verdict, s *stand, rule string, o owing) {
	kind, known := c.bundle.words.Obligations[o.kind]
	if !known {
		v.deny(rule, "it asks for "+clip(o.kind)+", which nobody knows how to perform", c.bundle.Records[rule].Citation)
		return
	}
	if kind.Point == "service" || kind.Point == "ehr" {
		e.perform(c, v, rule, o.kind)
	}
	if one := (standing{o, rule, kind.Point}); !slices.Contains(s.owes, one) {
		s.owes = append(s.owes, one)
	}
}

// own turns a rule that flags enforce into checks.
func (e *Engine) own(ctx context.Context, using, c *situation, v *Verdict, s *stand, r *Record, asked map[string]any) {
	left, err := e.residual(ctx, using, r.ID, asked)
	if err != nil {
		v.deny(r.ID, "it cannot be carried by a flag: "+clipError(err), r.Citation)
		return
	}
	for _, o := range left.owes {
		e.owe(c, v, s, r.ID, o)
	}
	whole := map[string]bool{}
	for fact, typ := range left.reads {
		whole[fact] = typ == "whole"
	}
	add := func(k class, suffix, why string, fails *logic) {
		if !fails.is(false) {
			s.checks = append(s.checks, check{k, r.ID + suffix, r.ID, why, fails, whole})
		}
	}
	for _, m := range r.missing(c.in.Capability) {
		add(unknownFact, "/missing/"+m.fact, m.fact+" is given", m.fails)
	}
	if _, waived := using.waived(r); waived {
		return
	}
	deny := left.deny
	for _, x := range r.Relaxations {
		outcome := x.Opinion.says(c.today)
		lifts := outcome == "confirmed" || outcome == "" && x.Status == "in_force"
		if holds := left.relaxed[x.ID]; lifts && holds != nil && x.Effective.begun(c.today) {
			deny = and(deny, not(holds))
		}
	}
	add(denied, "", left.why, deny)
	add(denied, "/review", left.question, left.review)
	for _, kind := range sortedKeys(left.requires) {
		if _, ok := using.shown(kind, r.GraceDays); !ok {
			add(denied, "/evidence/"+kind, "evidence "+kind+" is on file", left.requires[kind])
		}
	}
}

// A missing fact keeps a flag off.
type missingFact struct {
	fact  string
	fails *logic
}

// missing are the facts without which a rule cannot be asked.
func (r *Record) missing(capability string) []missingFact {
	var list []missingFact
	if r.Location != "" && r.LocationAbsent == "missing" {
		fact := "patient." + r.Location
		list = append(list, missingFact{fact, absent(variable(fact))})
	}
	for _, n := range r.Needs {
		if n.Absent != "missing" || len(n.For) > 0 && !slices.Contains(n.For, capability) {
			continue
		}
		fails := []*logic{absent(variable(n.Fact))}
		for _, action := range n.NotFor {
			fails = append(fails, operate("!==", variable("action"), literal(action)))
		}
		list = append(list, missingFact{n.Fact, and(fails...)})
	}
	return list
}

// standOn is what holds in a place on a day: in says how the region would have the
// capability on, at enablement.
func (e *Engine) standOn(ctx context.Context, in *Input, place string, d Day) *stand {
	at, _ := e.bundle.moment(d, place)
	own := *in
	own.AsOf = at.Format(time.RFC3339)
	c := e.bundle.situation(&own, at, place)
	v, s := e.verdict(ctx, c)
	s.never = e.refusal(v)
	if s.never != nil {
		s.checks = nil
	}
	return s
}

// refusal is why a verdict keeps a flag off, nil if it does not.
func (e *Engine) refusal(v *Verdict) *check {
	switch {
	case v.Allow:
		return nil
	case len(v.Denials) > 0:
		rule := v.Denials[0]
		why := ""
		for _, r := range v.Reasons {
			if r.RuleID == rule {
				why = joined(why, r.Why)
			}
		}
		return &check{refused, rule, rule, why, yes, nil}
	case len(v.Reviews) > 0:
		rule := v.Reviews[0].RuleID
		return &check{refused, rule + "/review", rule, "counsel must say: " + v.Reviews[0].Question, yes, nil}
	case len(v.EvidenceMissing) > 0:
		kind := v.EvidenceMissing[0]
		rule := v.wants[kind]
		return &check{refused, rule + "/evidence/" + kind, rule, "evidence " + kind + " is not on file", yes, nil}
	}
	return &check{refused, failClosed, failClosed, "it could not be decided", yes, nil}
}

// readers finds which rules look at the time, and whether any looks at the region.
func (b *Bundle) readers() (region bool, clock map[string]bool) {
	clock = map[string]bool{}
	for _, name := range sortedKeys(b.modules) {
		m := b.modules[name]
		ast.WalkRefs(m, func(r ast.Ref) bool {
			switch text := r.String(); {
			case strings.HasPrefix(text, "input.region"):
				region = true
			case strings.HasPrefix(text, "input.as_of"), strings.HasPrefix(text, "input.today"):
				clock[idOf(m)] = true
			}
			return false
		})
	}
	return region, clock
}

// idOf is the rule whose package a module is, "" for a shared one.
func idOf(m *ast.Module) string {
	if len(m.Package.Path) == 4 {
		if id, ok := m.Package.Path[3].Value.(ast.String); ok {
			return string(id)
		}
	}
	return ""
}

// askOnce asks the rules, or remembers what they said to the very same question.
func (e *Engine) askOnce(ctx context.Context, c *situation, asked map[string]any) (*found, error) {
	timed := e.readsClock[""]
	for id := range asked {
		timed = timed || e.readsClock[id]
	}
	if timed || c.in.Phase != Enablement {
		return e.ask(ctx, c.document(asked), asked)
	}
	key := "ask\x00" + e.key(c, asked)
	if known, ok := e.partials.recall(key); ok {
		return known.(*found), nil
	}
	document, err := e.shownNow(c, asked)
	if err != nil {
		return nil, err
	}
	f, err := e.askValue(ctx, document, asked)
	if err == nil {
		e.partials.keep(key, f)
	}
	return f, err
}

// untranslatable tries every rule that flags enforce, in every place, for every
// capability and on every day on which something changes, so that what a flag cannot
// carry is an error when the bundle is loaded and never a surprise.
func (e *Engine) untranslatable(ctx context.Context) []error {
	var list []error
	seen := map[string]bool{}
	note := func(err error) {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			list = append(list, err)
		}
	}
	for _, capability := range e.bundle.words.Capabilities {
		for _, actor := range e.bundle.words.Actors {
			note(e.oneLocation(capability, actor))
			for _, place := range sortedKeys(e.bundle.places.Places) {
				e.tryAll(ctx, capability, actor, place, note)
			}
		}
	}
	return list
}

// oneLocation sees to it that the flag rules of a capability go by one location, so
// that whose law applies is one question.
func (e *Engine) oneLocation(capability, actor string) error {
	first := ""
	for _, id := range e.bundle.ids {
		r := e.bundle.Records[id]
		if r.Location == "" || r.enforcedBy(capability) != "flag" || !slices.Contains(r.Capabilities, capability) || !slices.Contains(r.Actors, actor) || !r.acts(Evaluation, "use") {
			continue
		}
		if first != "" && e.bundle.Records[first].Location != r.Location {
			return fmt.Errorf("%s: %s: a flag for %s cannot go by %s and, for %s, by %s", e.bundle.origin[id], id, capability, r.Location, first, e.bundle.Records[first].Location)
		}
		first = id
	}
	return nil
}

func (e *Engine) tryAll(ctx context.Context, capability, actor, place string, note func(error)) {
	days := []Day{"0001-01-01"}
	var rules []*Record
	in := &Input{Phase: Enablement, Capability: capability, Actor: actor, Jurisdictions: []string{place}}
	for _, id := range e.bundle.ids {
		r := e.bundle.Records[id]
		in.Region = r.Region // one of a region's own is tried as in that region
		c := &situation{bundle: e.bundle, in: in, jurisdiction: place}
		if r.reaches(c) && r.acts(Evaluation, "use") && r.enforcedBy(capability) == "flag" {
			rules, days = append(rules, r), union2(days, r.boundaries())
		}
	}
	for _, day := range days {
		asked := map[string]any{}
		for _, r := range rules {
			if r.inForce(day) {
				asked[r.ID] = map[string]any(r.setting(day))
			}
		}
		c := &situation{bundle: e.bundle, in: &Input{Phase: Evaluation, Capability: capability, Actor: actor}, jurisdiction: place, today: day,
			act: "use", request: map[string]any{}, config: map[string]any{}, facts: map[string]any{}}
		for _, id := range sortedKeys(asked) {
			note(e.carried(ctx, c, id, asked))
		}
	}
}

// carried translates one rule, and holds it to what a flag may know.
func (e *Engine) carried(ctx context.Context, c *situation, id string, asked map[string]any) error {
	r := e.bundle.Records[id]
	left, err := e.residual(ctx, c, id, asked)
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	facts := sortedKeys(left.reads)
	for _, m := range r.missing(c.in.Capability) {
		facts = append(facts, m.fact)
	}
	for _, fact := range facts {
		if !slices.Contains(e.bundle.words.FlagFacts, fact) {
			return fmt.Errorf("%s: %s: %s is an item-level fact, which never travels to a flag; let a service or the EHR enforce the rule for %s", e.bundle.origin["rego:"+id], id, fact, c.in.Capability)
		}
	}
	for _, o := range left.owes {
		if _, known := e.bundle.words.Obligations[o.kind]; !known {
			return fmt.Errorf("%s: %s: obligation %q is not in the vocabulary", e.bundle.origin["rego:"+id], id, clip(o.kind))
		}
	}
	return nil
}

func union2(a, b []Day) []Day {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(d Day) bool { return d == "" })
}
