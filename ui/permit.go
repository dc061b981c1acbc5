package ui

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/policy"
)

// A Permit is what would come of turning a capability on: what regulation says in each
// place, what is missing, and who must sign.
type Permit struct {
	Line    string
	Places  []PermitPlace
	Lacks   []PermitFact // facts that will be needed and that requests lack
	Signs   []string     // sign-offs that the group's rules ask for
	Refused []string     // why it cannot be done at all
	Nowhere bool         // it would be on nowhere
}

// A PermitPlace is what regulation says in one jurisdiction.
type PermitPlace struct {
	Place   string
	Mark    Mark
	Why     []PermitWhy
	Missing []PermitProof
	Owed    []string // what must be done while it is on
	Asks    []string // facts of a patient that its rules look at
}

// A PermitWhy is one rule's reason.
type PermitWhy struct{ Says, Rule, Citation string }

// A PermitProof is a proof that is not on file, and where it can be added.
type PermitProof struct{ Kind, Rule, Path string }

// A PermitFact is a fact that requests lack, and the share of them that do.
type PermitFact struct{ Fact, Share string }

// permit works out what would come of an answer. Nothing is changed by it.
func (u *UI) permit(ctx context.Context, pl place, reply flags.Reply, who identity.Principal) (*Permit, error) {
	var how flags.How
	if reply.How != nil {
		how = *reply.How
	}
	asked, err := pl.snap.Permission(ctx, pl.region.Key, pl.capability.Key, how, u.Now())
	if err != nil {
		return nil, err
	}
	p := permitOf(pl, asked.Decision)
	for _, fact := range asked.Reads {
		share, seen := u.shareOf(pl, fact)
		if seen && share < 0.995 {
			p.Lacks = append(p.Lacks, PermitFact{fact, percent(1 - share)})
		}
	}
	for _, f := range asked.Findings.Deny {
		if f.Rule == string(flags.NoEncodedLaw) {
			p.Refused = append(p.Refused, capital(f.Message))
		}
	}
	return p, u.addSigns(ctx, p, pl, how, who)
}

func (u *UI) shareOf(pl place, fact string) (float64, bool) {
	if u.Share == nil || fact == "action" {
		return 0, false
	}
	return u.Share(pl.region.Key, pl.capability.Key, fact)
}

// permitOf arranges a decision by place.
func permitOf(pl place, d policy.Decision) *Permit {
	p := &Permit{Nowhere: len(d.ByJurisdiction) > 0 && len(d.OnWhereAllowed) == 0}
	var blocked []string
	for _, name := range slices.Sorted(maps.Keys(d.ByJurisdiction)) {
		v := d.ByJurisdiction[name]
		row := PermitPlace{Place: name, Mark: Mark{"on", "allowed"}}
		if !v.Allow {
			row.Mark = verdictMarks[v.Status]
			if row.Mark.Word == "" {
				row.Mark = Mark{"law", "blocked"}
			}
		}
		for _, r := range v.Reasons {
			row.Why = append(row.Why, PermitWhy{r.Why, r.RuleID, r.Citation})
		}
		for _, r := range v.Reviews {
			row.Why = append(row.Why, PermitWhy{"counsel must say: " + r.Question, r.RuleID, r.Citation})
		}
		for _, kind := range v.EvidenceMissing {
			row.Missing = append(row.Missing, PermitProof{kind, v.WantedBy(kind), evidencePath(kind, pl.region.Key, pl.capability.Key, pl.path()+"/answer")})
		}
		for _, o := range v.Obligations {
			row.Owed = append(row.Owed, plainWords(o.Kind)+" by the "+o.Point+" ("+o.RuleID+")")
		}
		slices.Sort(row.Owed)
		row.Owed = slices.Compact(row.Owed)
		for _, m := range v.Missing {
			if !slices.Contains(row.Asks, m.Path) {
				row.Asks = append(row.Asks, m.Path)
			}
		}
		if !v.Allow && !slices.Contains(d.OnWhereAllowed, name) {
			blocked = append(blocked, blockedWords(name, row))
		}
		p.Places = append(p.Places, row)
	}
	p.Line = permitLine(d, blocked)
	return p
}

var verdictMarks = map[policy.Status]Mark{policy.NeedsEvidence: {"wait", "evidence missing"}, policy.NeedsLegalReview: {"wait", "legal review"},
	policy.Deny: {"law", "blocked"}, policy.NeedsContext: {"part", "depends on the patient"}, policy.NeedsSplit: {"part", "differs"}, policy.Allow: {"on", "allowed"}}

func blockedWords(name string, row PermitPlace) string {
	switch {
	case len(row.Missing) > 0:
		return name + " lacks evidence (" + row.Missing[0].Kind + ")"
	case len(row.Why) > 0:
		return name + " is blocked by " + row.Why[0].Rule
	}
	return name + " is blocked"
}

// permitLine is the whole in one sentence.
func permitLine(d policy.Decision, blocked []string) string {
	switch {
	case len(d.ByJurisdiction) == 0:
		return capital(d.Sentence)
	case len(blocked) == 0:
		return "No encoded rule forbids this in " + strings.Join(d.OnWhereAllowed, ", ") + "."
	case len(d.OnWhereAllowed) == 0:
		return "It would be on nowhere: " + strings.Join(blocked, "; ") + "."
	}
	return fmt.Sprintf("On where allowed (%s); %s.", strings.Join(d.OnWhereAllowed, ", "), strings.Join(blocked, "; "))
}

// addSigns asks the group's rules over changes who would have to sign.
func (u *UI) addSigns(ctx context.Context, p *Permit, pl place, how flags.How, who identity.Principal) error {
	if u.Asks == nil {
		return nil
	}
	change, facts, err := pl.snap.Asked(who, pl.region.Key, pl.capability.Key, how, u.Now())
	if err != nil {
		return err
	}
	d, err := u.Asks(ctx, change, facts)
	if err != nil {
		return err
	}
	for _, n := range d.Require {
		p.Signs = append(p.Signs, needWords(u.places(), n)+": "+n.Message)
	}
	for _, f := range d.Deny {
		p.Refused = append(p.Refused, capital(f.Message))
	}
	return nil
}
