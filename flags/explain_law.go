package flags

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/policy"
)

// A RuleSays is what one rule has to do with a capability in a region.
type RuleSays struct {
	Rule     string `json:"rule"`
	Title    string `json:"title,omitempty"`
	Citation string `json:"citation,omitempty"`
	Where    string `json:"where,omitempty"` // "" is everywhere
	When     string `json:"when,omitempty"`  // "" is always
	Why      string `json:"why,omitempty"`
	OffWhere string `json:"off_where"` // the condition that is left over, in words
	Variant  string `json:"variant"`
}

// permitted says what regulation has to do with it: for a context what keeps it off,
// else what may.
func (s *Snapshot) permitted(st State, failing *condition, at time.Time) Layer {
	l := Layer{Name: "permitted", Holds: true, Revision: s.position.LawRevision}
	switch {
	case s.position == unregulated:
		l.Says, l.Revision = "no regulation is encoded in this server, so none was checked", 0
	case s.position.Without():
		l.Holds, l.Says = false, "no law is active, so nothing is permitted; counsel and compliance can activate one"
	case st.pair.guard == nil:
		q := question(st.Region.Value, st.Capability.Value, st.How)
		q.AsOf = at
		d := s.position.Enable(context.Background(), q)
		l.Holds, l.Says = len(d.OnWhereAllowed) > 0, "if it were enabled: "+d.Sentence
	default:
		l = s.regulated(l, st, failing, at)
	}
	return l
}

func (s *Snapshot) regulated(l Layer, st State, failing *condition, at time.Time) Layer {
	for i := range st.pair.guard.Checks {
		if c := &st.pair.guard.Checks[i]; c.Rule != "" {
			l.Rules = append(l.Rules, RuleSays{c.Rule, c.Title, c.Citation, c.Where, c.When, c.Why, c.Says, c.Variant})
		}
	}
	says := "no encoded rule forbids this (bundle " + firstOfText(s.position.PolicyRevision(), 12) + ")"
	check := st.pair.refusedBy(at.Unix())
	if failing != nil && failing.check != nil {
		check = failing.check
	}
	if check != nil {
		l.Holds, says = false, about(check)+": "+check.Why
		if check.Says != "always" {
			says += "; it keeps it off where " + check.Says
		}
	}
	if n := len(l.Rules); check == nil && n == 1 {
		says += "; one rule decides each case"
	} else if check == nil && n > 1 {
		says += fmt.Sprintf("; %d rules decide each case", n)
	}
	if where := st.whereOn(at.Unix()); where != "" {
		says += "; " + where
	}
	if st.pair.guard.Obligations != "" {
		says += "; required besides: " + st.pair.guard.Obligations
	}
	l.Says = says
	return l
}

func firstOfText(s string, n int) string { return s[:min(n, len(s))] }

// offByLaw is the end of the first line where regulation keeps it off for everybody.
func offByLaw(cause Cause) string {
	rule, rest, _ := strings.Cut(string(cause), "/")
	kind, what, _ := strings.Cut(rest, "/")
	switch {
	case cause == NoEncodedLaw:
		return ", because no law is active. Counsel and compliance can activate one."
	case kind == "evidence":
		return fmt.Sprintf(", because %s asks for evidence %s. The compliance officer can file it.", rule, what)
	case kind == "review":
		return fmt.Sprintf(", because %s is not settled. Counsel can give an opinion.", rule)
	}
	return fmt.Sprintf(", because %s does not allow it. Counsel can say what would.", rule)
}

// offByRule is the end of the first line where regulation keeps one patient out.
func offByRule(c *policy.Check, missing []string) string {
	switch {
	case len(missing) > 0:
		return "because " + missing[0] + " is missing. The portal service must send it."
	case c.Variant == "elsewhere":
		return "whose place has no encoded law. Nobody can turn it on there."
	case strings.HasPrefix(c.Variant, "ill-typed/"):
		return "because " + strings.TrimPrefix(c.Variant, "ill-typed/") + " is malformed. The portal service must correct it."
	}
	return "because of " + c.Rule + ". Counsel can say what would be allowed."
}

// missingFor are the facts whose absence is why a condition does not hold.
func missingFor(c *condition, ctx eval.Context) []string {
	if c.check == nil {
		return absent(c.reads, ctx)
	}
	if _, fact, ok := strings.Cut(c.check.Variant, "/missing/"); ok {
		return []string{fact}
	}
	return nil
}
