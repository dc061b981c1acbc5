package policy

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
)

// fold turns the findings of one jurisdiction into its verdict.
func (c *situation) fold(v *Verdict, f *found) {
	if c.act == "restrict" && c.in.Phase == Enablement {
		for _, id := range f.based { // who gives the basis also governs the single case
			if c.bundle.Records[id].acts(Evaluation, "use") {
				v.Residual = append(v.Residual, id)
			}
		}
	}
	relaxed := c.denials(v, f)
	c.requirements(v, f)
	if len(v.Denials) == 0 {
		c.obligations(v, f, "")
		c.enforceable(v)
	}
	if len(v.Denials) > 0 {
		v.Obligations, v.Unassigned = []Obligation{}, []string{}
		c.obligations(v, f, "denied")
	}
	v.sort()
	v.settle()
	v.causes = union(v.causes, union(v.Denials, reviewed(v)))
	if relaxed && v.Status == Deny {
		v.Status = NeedsLegalReview // were the relaxation law, nothing would deny
	}
}

// denials collects who denies. It reports whether every denial would be lifted by
// a relaxation that counsel has not yet settled.
func (c *situation) denials(v *Verdict, f *found) bool {
	open := len(v.Denials) == 0
	for _, id := range sortedKeys(f.findings) {
		r := c.bundle.Records[id]
		denied := slices.IndexFunc(f.findings[id], func(one finding) bool { return one.effect == "deny" }) >= 0
		if !denied {
			continue
		}
		if waiver, ok := c.waived(r); ok {
			v.WaiversApplied = append(v.WaiversApplied, waiver)
			continue
		}
		unsettled, lifted := c.relaxes(r, f.relaxations[id], v)
		if lifted {
			continue
		}
		open = open && unsettled
		for _, one := range f.findings[id] {
			if one.effect == "deny" {
				v.deny(id, one.why, r.Citation)
			}
		}
	}
	return open && len(v.Denials) > 0
}

// relaxes looks at the relaxations whose conditions hold: confirmed by counsel
// they lift the denial, rejected they do nothing, otherwise the question is open.
func (c *situation) relaxes(r *Record, holding []string, v *Verdict) (unsettled, lifted bool) {
	for _, x := range r.Relaxations {
		if !slices.Contains(holding, x.ID) || !x.Effective.begun(c.today) {
			continue
		}
		outcome := x.Opinion.says(c.today)
		switch {
		case outcome == "confirmed", outcome == "" && x.Status == "in_force":
			lifted = true
		case outcome == "" && x.Status == "unverified":
			unsettled = true
			v.Reviews = append(v.Reviews, Review{r.ID, x.Question, x.Owner, x.Due, x.Citation})
		}
	}
	return unsettled, lifted
}

// requirements matches the evidence and collects the open questions.
func (c *situation) requirements(v *Verdict, f *found) {
	for _, id := range sortedKeys(f.findings) {
		r := c.bundle.Records[id]
		for _, one := range f.findings[id] {
			switch one.effect {
			case "review":
				v.Reviews = append(v.Reviews, Review{id, one.question, cmp.Or(r.Owner, "counsel"), r.ReviewDue, r.Citation})
			case "require":
				c.require(v, r, one.evidence)
			}
		}
	}
}

func (c *situation) require(v *Verdict, r *Record, kind string) {
	lapse, ok := c.shown(kind, r.GraceDays)
	if ok {
		if lapse.Within >= 0 && !slices.Contains(v.EvidenceLapsing, lapse) {
			v.EvidenceLapsing = append(v.EvidenceLapsing, lapse)
		}
		return
	}
	if waiver, ok := c.waived(r); ok {
		v.WaiversApplied = append(v.WaiversApplied, waiver)
		return
	}
	v.EvidenceMissing = append(v.EvidenceMissing, kind)
	v.causes = append(v.causes, r.ID)
	v.want(kind, r.ID)
}

// want notes which rule misses evidence of a kind; of several the first.
func (v *Verdict) want(kind, rule string) {
	if v.wants == nil {
		v.wants = map[string]string{}
	}
	if v.wants[kind] == "" {
		v.wants[kind] = rule
	}
}

// obligations collects what must be done besides: on a denial only what is owed
// although the act is refused.
func (c *situation) obligations(v *Verdict, f *found, on string) {
	for _, id := range sortedKeys(f.findings) {
		for _, one := range f.findings[id] {
			if one.effect == "oblige" && one.on == on {
				c.oblige(v, c.bundle.Records[id], one)
			}
		}
	}
}

func (c *situation) oblige(v *Verdict, r *Record, one finding) {
	kind, known := c.bundle.words.Obligations[one.kind]
	if !known {
		v.deny(r.ID, "it asks for "+clip(one.kind)+", which nobody knows how to perform", r.Citation)
		return
	}
	o := Obligation{RuleID: r.ID, Kind: one.kind, Params: one.params, Point: kind.Point, Citation: r.Citation}
	for i := range v.Obligations {
		if v.Obligations[i].merge(o, kind.Merge) {
			return
		}
	}
	v.Obligations = append(v.Obligations, o)
}

// merge takes another rule's obligation into this one, if they ask for the same
// but for figures of which one is stricter. Jurisdictions are never merged.
func (o *Obligation) merge(other Obligation, stricter map[string]string) bool {
	if o.Kind != other.Kind || o.RuleID == other.RuleID && !reflect.DeepEqual(o.Params, other.Params) {
		return false
	}
	merged := map[string]any{}
	for k, v := range o.Params {
		merged[k] = v
	}
	for k, v := range other.Params {
		mine, has := o.Params[k]
		switch {
		case has && reflect.DeepEqual(mine, v):
		case has && stricter[k] == "max" && less(mine, v), has && stricter[k] == "min" && less(v, mine):
			merged[k] = v
		case has && stricter[k] == "", !has && stricter[k] == "":
			return false
		case !has:
			merged[k] = v
		}
	}
	for k := range o.Params {
		if _, has := other.Params[k]; !has && stricter[k] == "" {
			return false
		}
	}
	o.Params = merged
	if o.RuleID != other.RuleID && !slices.Contains(o.Also, other.RuleID) {
		o.Also = append(o.Also, other.RuleID)
	}
	return true
}

// less compares numbers and days.
func less(a, b any) bool {
	x, isNumber := a.(json.Number)
	y, both := b.(json.Number)
	if isNumber && both {
		f, _ := x.Float64()
		g, _ := y.Float64()
		return f < g
	}
	s, _ := a.(string)
	t, _ := b.(string)
	return s < t
}

// enforceable refuses what an enforcement point cannot carry out. A point that
// nobody asked is named, not judged.
func (c *situation) enforceable(v *Verdict) {
	for _, o := range v.Obligations {
		if o.Point == "organization" {
			continue
		}
		kinds, asked := c.in.Performs[o.Point]
		switch {
		case !asked:
			if !slices.Contains(v.Unassigned, o.Kind) {
				v.Unassigned = append(v.Unassigned, o.Kind)
			}
		case !slices.Contains(kinds, o.Kind):
			v.deny(o.RuleID, "the "+o.Point+" cannot perform "+o.Kind, o.Citation)
		}
	}
}

// sort puts everything into one order, so that equal decisions are equal bytes.
func (v *Verdict) sort() {
	slices.Sort(v.Denials)
	slices.Sort(v.Residual)
	v.Residual = slices.Compact(v.Residual)
	slices.Sort(v.EvidenceMissing)
	v.EvidenceMissing = slices.Compact(v.EvidenceMissing)
	slices.Sort(v.WaiversApplied)
	v.WaiversApplied = slices.Compact(v.WaiversApplied)
	slices.Sort(v.Unassigned)
	slices.SortFunc(v.Reasons, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(a.RuleID, b.RuleID), cmp.Compare(a.Why, b.Why))
	})
	v.Reasons = slices.Compact(v.Reasons)
	slices.SortFunc(v.Missing, func(a, b MissingFact) int {
		return cmp.Or(cmp.Compare(a.RuleID, b.RuleID), cmp.Compare(a.Path, b.Path))
	})
	v.Missing = slices.Compact(v.Missing)
	slices.SortFunc(v.Reviews, func(a, b Review) int {
		return cmp.Or(cmp.Compare(a.RuleID, b.RuleID), cmp.Compare(a.Question, b.Question))
	})
	v.Reviews = slices.Compact(v.Reviews)
	slices.SortFunc(v.EvidenceLapsing, func(a, b Lapse) int { return cmp.Compare(a.Type, b.Type) })
	slices.SortStableFunc(v.Obligations, func(a, b Obligation) int {
		return cmp.Or(cmp.Compare(a.RuleID, b.RuleID), cmp.Compare(a.Kind, b.Kind))
	})
}
