package policy

import (
	"fmt"
	"strings"
)

// sentence says a decision for people: where it is allowed, where not and by
// which rule, and what is needed.
func (b *Bundle) sentence(d *Decision) string {
	if len(d.OnWhereAllowed) == len(d.ByJurisdiction) {
		return b.allowed(d)
	}
	var parts []string
	if len(d.OnWhereAllowed) > 0 {
		parts = append(parts, "On where allowed: "+b.names(d.OnWhereAllowed))
	}
	for _, s := range []struct {
		status Status
		says   string
		by     func(*Verdict) []string
	}{
		{Deny, "refused in %s by %s", func(v *Verdict) []string { return v.Denials }},
		{NeedsLegalReview, "waits for counsel in %s on %s", func(v *Verdict) []string { return reviewed(v) }},
		{NeedsEvidence, "needs evidence in %s: %s", func(v *Verdict) []string { return v.EvidenceMissing }},
		{NeedsContext, "needs to know in %s: %s", func(v *Verdict) []string { return paths(v) }},
	} {
		var where, by []string
		for _, j := range sortedKeys(d.ByJurisdiction) {
			if v := d.ByJurisdiction[j]; v.Status == s.status {
				where, by = append(where, j), union(by, s.by(v))
			}
		}
		if len(where) > 0 {
			parts = append(parts, fmt.Sprintf(s.says, b.names(where), some(by)))
		}
	}
	return capital(strings.Join(parts, "; ") + ".")
}

func (b *Bundle) allowed(d *Decision) string {
	s := "No encoded rule forbids this in " + b.names(d.OnWhereAllowed)
	owed := map[string]bool{}
	for _, v := range d.ByJurisdiction {
		for _, o := range v.Obligations {
			owed[o.Kind] = true
		}
	}
	if len(owed) > 0 {
		s += "; required besides: " + some(sortedKeys(owed))
	}
	if len(d.Residual) > 0 {
		s += fmt.Sprintf("; %d rules decide each case", len(d.Residual))
	}
	if d.ValidUntil != "" {
		s += "; valid until " + string(d.ValidUntil)
	}
	return s + "."
}

func partly(items map[string]Status) string {
	n := 0
	for _, s := range items {
		if s == Allow {
			n++
		}
	}
	return fmt.Sprintf("Allowed for %d of %d items; the others each have their reason.", n, len(items))
}

// names lists places as people call them, and counts them when they are many.
func (b *Bundle) names(places []string) string {
	if len(places) > 3 {
		return fmt.Sprintf("%d jurisdictions", len(places))
	}
	var list []string
	for _, p := range places {
		list = append(list, b.places.Places[p].Name)
	}
	return enumerate(list)
}

func some(list []string) string {
	const most = 3
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return enumerate(list)
}

func enumerate(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

func reviewed(v *Verdict) []string {
	var ids []string
	for _, r := range v.Reviews {
		ids = append(ids, r.RuleID)
	}
	return ids
}

func paths(v *Verdict) []string {
	var list []string
	for _, m := range v.Missing {
		list = append(list, m.Path)
	}
	return union(list, nil)
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
