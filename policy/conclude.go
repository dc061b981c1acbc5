package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// conclude folds the verdicts of the jurisdictions into one decision. The
// strictest verdict holds for the whole only as an answer; whether it may also be
// applied everywhere depends on the rules: a hold that one place demands breaks
// the law of the next.
func (e *Engine) conclude(d *Decision, in *Input, at time.Time) {
	d.Status = weakest(d.ByJurisdiction)
	d.Uniform = e.uniform(d, in)
	for _, j := range sortedKeys(d.ByJurisdiction) {
		v := d.ByJurisdiction[j]
		if v.Allow {
			d.OnWhereAllowed = append(d.OnWhereAllowed, j)
		}
		d.Residual = union(d.Residual, v.Residual)
		d.until(e.bundle, v.ValidUntil, j)
	}
	d.SplitRequired = in.Phase == Enablement && e.split(d)
	if scope, _ := in.Request["scope"].(string); scope == "region" && d.SplitRequired && d.Status != Deny && d.Status != NeedsLegalReview {
		d.Status = NeedsSplit
	}
	d.Allow = d.Status == Allow
	d.SuggestedConfig = e.suggest(d, in, at)
	d.Sentence = e.bundle.sentence(d)
}

// until keeps the earliest boundary, as the day of its place and as a moment.
func (d *Decision) until(b *Bundle, day Day, jurisdiction string) {
	at, ok := b.moment(day, jurisdiction)
	if !ok {
		return
	}
	if d.ValidUntil == "" || day < d.ValidUntil {
		d.ValidUntil = day
	}
	if text := at.Format(time.RFC3339); d.ValidUntilAt == "" || text < d.ValidUntilAt {
		d.ValidUntilAt = text
	}
}

// uniform reports whether every jurisdiction has the same verdict on the same
// request.
func (e *Engine) uniform(d *Decision, in *Input) bool {
	var first string
	for i, j := range sortedKeys(d.ByJurisdiction) {
		v := *d.ByJurisdiction[j]
		v.ValidUntil = ""
		raw, _ := json.Marshal([]any{v, in.ByJurisdiction[j]})
		if i == 0 {
			first = string(raw)
		} else if string(raw) != first {
			return false
		}
	}
	return true
}

// split reports whether the answer must differ by jurisdiction: it is allowed in
// one and not in another, and a rule that makes the difference may not be spread
// to its neighbours.
func (e *Engine) split(d *Decision) bool {
	if n := len(d.OnWhereAllowed); n == 0 || n == len(d.ByJurisdiction) {
		return false
	}
	for _, v := range d.ByJurisdiction {
		for _, id := range v.causes {
			if r := e.bundle.Records[id]; r == nil || !r.Monotone {
				return true
			}
		}
	}
	return false
}

// suggest gives each jurisdiction's own item-level default where hiding from
// parents was refused.
func (e *Engine) suggest(d *Decision, in *Input, at time.Time) map[string]string {
	restriction, _ := in.Request["restriction"].(string)
	if in.act() != "restrict" || !strings.HasPrefix(restriction, "hide:") || d.Status != Deny || !e.aboutMinors(d) {
		return nil
	}
	suggested := map[string]string{}
	for _, j := range in.Jurisdictions {
		row, _ := e.bundle.tables["minors"].current(e.bundle.today(at, j))[j].(map[string]any)
		if text, ok := row["suggested"].(string); ok {
			suggested[j] = text
		}
	}
	return suggested
}

func (e *Engine) aboutMinors(d *Decision) bool {
	for _, v := range d.ByJurisdiction {
		if slices.Contains(v.Denials, "FED-HIPAA-502G-PARENT") {
			return true
		}
	}
	return false
}
