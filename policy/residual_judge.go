package policy

import (
	"context"
	"slices"
	"strings"
)

// Judge says by the rules themselves what a compiled flag must answer: whether the
// capability may be on for a patient of whom these facts are known. It is far slower,
// and exists so that the two can be held against each other. Facts that no check of
// the flag looks at are not looked at here either.
func (p *Position) Judge(ctx context.Context, q Question, g *Guard, facts map[string]any) (allowed bool, why Decision) {
	return p.judge(ctx, q, g, facts, p.Enable)
}

func (p *Position) judge(ctx context.Context, q Question, g *Guard, facts map[string]any, enable func(context.Context, Question) Decision) (allowed bool, why Decision) {
	if p.Without() {
		return false, p.Enable(ctx, q)
	}
	places, ok := p.Law.whereFrom(q, p.input(q).Actor, facts)
	if !ok {
		return false, Decision{Status: Deny, Sentence: "elsewhere"}
	}
	q.Jurisdictions = places
	d := enable(ctx, q)
	if p.Law.silentOn(q.Capability) {
		return d.Allow, d
	}
	for _, j := range places {
		if v := d.ByJurisdiction[j]; v == nil || !v.Allow {
			return false, d
		}
	}
	in := p.input(q)
	in.Phase, in.Request, in.Facts = Evaluation, map[string]any{}, map[string]any{}
	for _, path := range g.Reads {
		if v := reach(facts, path); v != nil && path == "action" {
			in.Request["action"] = v
		} else if v != nil {
			plant(in.Facts, strings.Split(path, "."), v)
		}
	}
	d = p.Law.decide(ctx, in, func(r *Record) bool { return r.enforcedBy(q.Capability) == "flag" })
	return d.Allow, d
}

// whereFrom are the jurisdictions whose law a single case is under.
func (e *Engine) whereFrom(q Question, actor string, facts map[string]any) ([]string, bool) {
	if e.empty() || e.silentOn(q.Capability) {
		return q.Jurisdictions, true
	}
	fact := e.governing(q.Capability, actor)
	if fact == "" {
		if lives, _ := reach(facts, residence).(string); slices.Contains(q.Jurisdictions, lives) {
			return []string{lives}, true
		}
		return q.Jurisdictions, true
	}
	switch place := reach(facts, fact).(type) {
	case nil:
		return q.Jurisdictions, true
	case string:
		return []string{place}, e.bundle.places.zones[place] != nil
	}
	return nil, false
}

// reach is the value at a path, nil where there is none.
func reach(facts map[string]any, path string) any {
	var v any = facts
	for _, part := range strings.Split(path, ".") {
		m, _ := v.(map[string]any)
		v = m[part]
	}
	return v
}

func plant(into map[string]any, path []string, v any) {
	for len(path) > 1 {
		next, _ := into[path[0]].(map[string]any)
		if next == nil {
			next = map[string]any{}
			into[path[0]] = next
		}
		into, path = next, path[1:]
	}
	into[path[0]] = v
}
