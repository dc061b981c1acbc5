package policy

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Decide says what the encoded rules say of an input: for each jurisdiction by
// itself, then as a whole. It always answers; what cannot be decided is denied,
// with its reason. It reads no clock: the same input and bundle give the same
// bytes, today and in ten years.
func (e *Engine) Decide(ctx context.Context, in Input) Decision { return e.decide(ctx, in, nil) }

// decide is Decide by some of the rules; nil is all.
func (e *Engine) decide(ctx context.Context, in Input, only func(*Record) bool) Decision {
	d := e.blank(in)
	at, problems := e.bundle.problems(&in)
	if len(problems) > 0 {
		return d.refuse(problems)
	}
	parts := items(&in)
	if len(parts) == 0 {
		overdue := map[string]bool{}
		d.ByJurisdiction = e.verdicts(ctx, &in, at, overdue, only)
		d.ReviewOverdue = sortedKeys(overdue)
		e.conclude(&d, &in, at)
		return d
	}
	e.itemwise(ctx, &d, &in, at, parts, only)
	return d
}

// DecideJSON is Decide for a document; one that cannot be read is denied.
func (e *Engine) DecideJSON(ctx context.Context, raw []byte) Decision {
	in, err := ParseInput(raw)
	if err != nil {
		d := e.blank(in)
		return d.refuse([]string{"the input cannot be read: " + clipError(err)})
	}
	return e.Decide(ctx, in)
}

func (e *Engine) blank(in Input) Decision {
	return Decision{
		Status: Deny, ByJurisdiction: map[string]*Verdict{}, OnWhereAllowed: []string{}, Residual: []string{}, BadInput: []string{},
		ReviewOverdue: []string{}, AsOf: clip(in.AsOf), RegistryRev: e.bundle.RegistryRev, BundleRev: e.bundle.Revision,
	}
}

func (d Decision) refuse(problems []string) Decision {
	const most = 20
	if len(problems) > most {
		problems = append(problems[:most:most], "and more")
	}
	d.BadInput = problems
	d.Sentence = "Refused: the question cannot be decided. " + problems[0] + "."
	return d
}

// verdicts decides every jurisdiction that is asked about, and every other one to
// which a location fact of the case points.
func (e *Engine) verdicts(ctx context.Context, in *Input, at time.Time, overdue map[string]bool, only func(*Record) bool) map[string]*Verdict {
	all := map[string]*Verdict{}
	for _, j := range slices.Concat(in.Jurisdictions, e.elsewhere(in)) {
		c := e.bundle.situation(in, at, j)
		c.travelling, c.only = !slices.Contains(in.Jurisdictions, j), only
		if v := c.decide(ctx, e); v != nil {
			all[j] = v
			maps.Copy(overdue, c.overdue)
		}
	}
	return all
}

// elsewhere lists the places that the case's location facts name beside those
// asked about: law follows the patient, not the region's flag.
func (e *Engine) elsewhere(in *Input) []string {
	if in.Phase != Evaluation {
		return nil
	}
	var list []string
	for _, fact := range e.bundle.words.Locations {
		v, _ := lookup(in.Facts, "patient."+fact)
		place, _ := v.(string)
		if e.bundle.places.zones[place] != nil && !slices.Contains(in.Jurisdictions, place) && !slices.Contains(list, place) {
			list = append(list, place)
		}
	}
	slices.Sort(list)
	return list
}

// items are the parts of a request over several record items.
func items(in *Input) []map[string]any {
	if in.Phase != Evaluation {
		return nil
	}
	list, _ := in.Facts["items"].([]any)
	var parts []map[string]any
	for _, v := range list {
		if m, ok := v.(map[string]any); ok {
			parts = append(parts, m)
		}
	}
	return parts
}

// itemwise decides each item by itself: a bundle of items is never all or nothing.
func (e *Engine) itemwise(ctx context.Context, d *Decision, in *Input, at time.Time, parts []map[string]any, only func(*Record) bool) {
	overdue := map[string]bool{}
	d.Items = map[string]Status{}
	for _, part := range parts {
		one := *in
		one.Facts = merged(in.Facts, part)
		delete(one.Facts, "items")
		verdicts := e.verdicts(ctx, &one, at, overdue, only)
		id, _ := part["id"].(string)
		d.Items[id] = weakest(verdicts)
		for j, v := range verdicts {
			d.ByJurisdiction[j] = v.join(d.ByJurisdiction[j])
		}
	}
	d.ReviewOverdue = sortedKeys(overdue)
	e.conclude(d, in, at)
	seen := map[Status]bool{}
	for _, s := range d.Items {
		seen[s] = true
	}
	if len(seen) > 1 {
		d.Status, d.Allow = Partial, false
		d.Sentence = partly(d.Items)
	}
}

// merged lays an item over the common facts, object by object.
func merged(under, over map[string]any) map[string]any {
	m := maps.Clone(under)
	for k, v := range over {
		mine, isMap := m[k].(map[string]any)
		theirs, both := v.(map[string]any)
		if isMap && both {
			m[k] = merged(mine, theirs)
		} else if k != "id" {
			m[k] = v
		}
	}
	return m
}

// weakest is the status that outranks all others.
func weakest(verdicts map[string]*Verdict) Status {
	worst := Allow
	for _, v := range verdicts {
		if slices.Index(precedence, v.Status) < slices.Index(precedence, worst) {
			worst = v.Status
		}
	}
	return worst
}

// join adds what another item of the same jurisdiction found.
func (v *Verdict) join(other *Verdict) *Verdict {
	if other == nil {
		return v
	}
	status := v.Status
	if slices.Index(precedence, other.Status) < slices.Index(precedence, status) {
		status = other.Status
	}
	v.Denials = union(v.Denials, other.Denials)
	v.Residual = union(v.Residual, other.Residual)
	v.EvidenceMissing = union(v.EvidenceMissing, other.EvidenceMissing)
	v.WaiversApplied = union(v.WaiversApplied, other.WaiversApplied)
	v.Unassigned = union(v.Unassigned, other.Unassigned)
	v.Reasons = append(other.Reasons, v.Reasons...)
	v.Missing = append(other.Missing, v.Missing...)
	v.Reviews = append(other.Reviews, v.Reviews...)
	v.causes = union(v.causes, other.causes)
	for _, o := range other.Obligations {
		if !slices.ContainsFunc(v.Obligations, func(mine Obligation) bool { return mine.equal(o) }) {
			v.Obligations = append(v.Obligations, o)
		}
	}
	v.sort()
	v.Status, v.Allow = status, status == Allow
	if other.ValidUntil != "" && (v.ValidUntil == "" || other.ValidUntil < v.ValidUntil) {
		v.ValidUntil = other.ValidUntil
	}
	return v
}

func (o Obligation) equal(other Obligation) bool {
	a, _ := json.Marshal(o)
	b, _ := json.Marshal(other)
	return string(a) == string(b)
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(slices.Clip(all))
}
