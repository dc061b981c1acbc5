package tally

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Rehearsal shows what a draft charter would do with a profile, last year's or
// an invented one, before anybody knows who gains. It is for choosing a rule,
// so it is never shown beside the result of a real ballot.
type Rehearsal struct {
	Rule      string             `json:"rule"` // of the draft charter
	Outcomes  []RuleOutcome      `json:"outcomes"`
	Projects  []ProjectAgreement `json:"projects"`
	Abstained []RegionAbsent     `json:"abstained"` // under the draft's rule
	Warnings  []string           `json:"warnings"`
}

// RuleOutcome is what one rule would fund.
type RuleOutcome struct {
	Rule       string      `json:"rule"`
	Error      string      `json:"error,omitempty"` // for example a tie that the draft's list cannot break
	Winners    []string    `json:"winners"`
	Spent      Rat         `json:"spent"`
	Objections []Objection `json:"objections"` // groups that are owed more: EJR+ up to any project
	Empty      int         `json:"empty"`      // voters who supported something and get nothing
}

// ProjectAgreement says under how many of the rules a project is funded.
type ProjectAgreement struct {
	Alternative string   `json:"alternative"`
	Under       string   `json:"under"` // "all", "some" or "none"
	Rules       []string `json:"rules"` // those that fund it
}

// RegionAbsent is what would have changed had no member of a region voted.
type RegionAbsent struct {
	Region string   `json:"region"`
	Voters int      `json:"voters"`
	Gained []string `json:"gained"` // funded only without the region
	Lost   []string `json:"lost"`   // funded only with it
	Error  string   `json:"error,omitempty"`
}

// Rehearse counts the profile by every rule that applies to its ballots, with
// the options of the draft charter, audits each outcome, and counts again
// without each region. The export's rule is the draft's.
func Rehearse(e Export) (Rehearsal, error) {
	p, err := newPortfolio(e)
	if err != nil {
		return Rehearsal{}, err
	}
	if quietCounter(e.Rule) == nil {
		return Rehearsal{}, fmt.Errorf("rule %q spends no budget, so there is no portfolio to rehearse", e.Rule)
	}
	r := Rehearsal{Rule: e.Rule}
	for _, v := range budgetVariants() {
		if v.points && !p.pointed && v.name != e.Rule {
			continue
		}
		o, err := p.outcome(v)
		if err != nil {
			return r, fmt.Errorf("rehearse %s: %w", v.name, err)
		}
		r.Outcomes = append(r.Outcomes, o)
	}
	r.Projects = p.agreement(r.Outcomes)
	if r.Abstained, err = absences(e, p); err != nil {
		return r, err
	}
	r.Warnings = r.warn()
	return r, nil
}

// outcome counts by one rule. A tie that stops the count is an outcome; other
// errors are not.
func (p *portfolio) outcome(v budgetVariant) (RuleOutcome, error) {
	o := RuleOutcome{Rule: v.name, Winners: []string{}, Objections: []Objection{}}
	won, err := v.winners(p)
	var tie *TieError
	if errors.As(err, &tie) {
		o.Error = err.Error()
		return o, nil
	}
	if err != nil {
		return o, err
	}
	for _, w := range won {
		o.Winners = append(o.Winners, p.alts[w].Key)
		o.Spent = o.Spent.Add(p.alts[w].Cost)
	}
	found, err := p.objections(o.Winners)
	o.Objections = append(o.Objections, found...)
	for _, voter := range p.voters {
		if len(voter.choices) > 0 && !slices.ContainsFunc(voter.choices, func(c choice) bool { return slices.Contains(won, int(c.project)) }) {
			o.Empty++
		}
	}
	return o, err
}

func (p *portfolio) agreement(outcomes []RuleOutcome) []ProjectAgreement {
	out := make([]ProjectAgreement, len(p.alts))
	for i, a := range p.alts {
		out[i] = ProjectAgreement{Alternative: a.Key, Under: "some", Rules: []string{}}
		counted := 0
		for _, o := range outcomes {
			if o.Error != "" {
				continue
			}
			counted++
			if slices.Contains(o.Winners, a.Key) {
				out[i].Rules = append(out[i].Rules, o.Rule)
			}
		}
		switch len(out[i].Rules) {
		case 0:
			out[i].Under = "none"
		case counted:
			out[i].Under = "all"
		}
	}
	return out
}

func absences(e Export, p *portfolio) ([]RegionAbsent, error) {
	out := []RegionAbsent{}
	regions := p.regions()
	if len(regions) < 2 {
		return out, nil
	}
	with, err := winnersOf(e)
	if err != nil {
		return nil, err
	}
	of := map[string]string{}
	for _, m := range e.Roll {
		of[m.Key] = m.Region
	}
	for _, region := range regions {
		a := RegionAbsent{Region: region, Gained: []string{}, Lost: []string{}}
		silent := e
		silent.Ballots = nil
		for _, b := range e.Ballots {
			if of[b.Voter] != region {
				silent.Ballots = append(silent.Ballots, b)
			}
		}
		for _, v := range p.voters {
			if v.member.Region == region {
				a.Voters++
			}
		}
		without, err := winnersOf(silent)
		if err != nil {
			a.Error = err.Error()
		} else {
			a.Gained, a.Lost = minus(without, with), minus(with, without)
		}
		out = append(out, a)
	}
	return out, nil
}

func minus(a, b []string) []string {
	out := []string{}
	for _, x := range a {
		if !slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

// warn names what a draft charter should settle: variants of its rule that
// differ on these ballots, groups left out, ties it cannot break.
func (r Rehearsal) warn() []string {
	out := []string{}
	var draft RuleOutcome
	for _, o := range r.Outcomes {
		if o.Rule == r.Rule {
			draft = o
		}
	}
	if draft.Error != "" {
		out = append(out, "the draft's rule stops: "+draft.Error)
	}
	if n := len(draft.Objections); n > 0 {
		out = append(out, fmt.Sprintf("under the draft's rule %d projects are not funded although a group of supporters could carry each from its own shares", n))
	}
	for _, o := range r.Outcomes {
		if o.Rule != r.Rule && o.Error == "" && draft.Error == "" && family(o.Rule) == family(r.Rule) &&
			(len(minus(o.Winners, draft.Winners)) > 0 || len(minus(draft.Winners, o.Winners)) > 0) {
			out = append(out, fmt.Sprintf("%s funds other projects than %s on these ballots: the charter must name the variant", o.Rule, r.Rule))
		}
	}
	return out
}

// family is the rule's name without its completion.
func family(rule string) string {
	parts := strings.SplitN(rule, "_", 4)
	return strings.Join(parts[:min(len(parts), 3)], "_")
}

// RehearsalText sets a rehearsal in tables: rules down, then projects, regions
// and warnings.
func RehearsalText(e Export, r Rehearsal) string {
	names := Result{Alternatives: e.Alternatives}.titles()
	var rules, projects, regions [][]string
	for _, o := range r.Outcomes {
		if o.Error != "" {
			rules = append(rules, []string{o.Rule, "", "", "", "", o.Error})
			continue
		}
		rules = append(rules, []string{o.Rule, fmt.Sprint(len(o.Winners)), amountText(o.Spent), fmt.Sprint(o.Empty), fmt.Sprint(len(o.Objections)), o.groups(names)})
	}
	for _, a := range r.Projects {
		projects = append(projects, []string{clip(names[a.Alternative], 40), a.Under, fmt.Sprintf("%d of %d", len(a.Rules), len(r.Outcomes))})
	}
	for _, a := range r.Abstained {
		regions = append(regions, []string{groupName(a.Region), fmt.Sprint(a.Voters), named(a.Lost, names), named(a.Gained, names)})
	}
	s := "Rehearsal of " + r.Rule + ". It is for choosing a rule, not for judging a result.\n\n" +
		textTable([]string{"rule", "funded", "spent", "voters with nothing", "objections", "who could carry what"}, rules) + "\n" +
		textTable([]string{"project", "funded under", "rules"}, projects)
	if len(regions) > 0 {
		s += "\n" + textTable([]string{"had this region abstained", "voters", "no longer funded", "funded instead"}, regions)
	}
	for i, w := range r.Warnings {
		if i == 0 {
			s += "\n"
		}
		s += "Note: " + w + ".\n"
	}
	return s
}

func named(keys []string, names map[string]string) string {
	if len(keys) == 0 {
		return "-"
	}
	var out []string
	for _, k := range keys {
		out = append(out, names[k])
	}
	return strings.Join(out, ", ")
}

// groups says of each objection who it is and what they could carry.
func (o RuleOutcome) groups(names map[string]string) string {
	var out []string
	for _, x := range o.Objections {
		who := fmt.Sprintf("%d voters", len(x.Voters))
		if len(x.Regions) > 0 {
			who += " of " + listed(x.Regions)
		}
		out = append(out, fmt.Sprintf("%s: %s (%s of %s)", names[x.Alternative], who, amountText(x.Cost), amountText(x.Share)))
	}
	return strings.Join(out, "; ")
}
