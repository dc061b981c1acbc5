package tally

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// PanelReport is a panel's judgment of one indication over all rounds. The
// last round decides.
type PanelReport struct {
	Rounds  []Appropriateness `json:"rounds"`
	Changes []RoundChange     `json:"changes"` // between one round and the next; one fewer than rounds
	Outcome Class             `json:"outcome"`
}

// RoundChange says how a panel moved between two rounds.
type RoundChange struct {
	From   int `json:"from"`   // number of the earlier round
	Median Rat `json:"median"` // later less earlier
	IPR    Rat `json:"ipr"`    // negative: the panel drew together

	Settled   bool `json:"settled"`   // disagreement before, none after
	Unsettled bool `json:"unsettled"` // none before, disagreement after
	Class     bool `json:"class"`     // the judgment changed

	Rated       int      `json:"rated"`       // members who rated in both rounds
	Moved       int      `json:"moved"`       // of them, with another rating
	Towards     int      `json:"towards"`     // of those, nearer to the earlier median
	Away        int      `json:"away"`        // of those, further from it
	Joined      []string `json:"joined"`      // rated only in the later round
	Left        []string `json:"left"`        // rated only in the earlier one
	Regions     []Shift  `json:"regions"`     // movement by region
	Disciplines []Shift  `json:"disciplines"` // and by discipline
}

// Shift is the movement of one group of panellists: the sum of their changes,
// so that a group of one is not shown as a mean.
type Shift struct {
	Group string `json:"group"`
	Rated int    `json:"rated"`
	Moved int    `json:"moved"`
	Sum   int    `json:"sum"` // of later less earlier ratings
}

// RatePanel judges every round and the change between rounds.
func RatePanel(rule ClinicalRule, rounds []ClinicalRound) (PanelReport, error) {
	if len(rounds) == 0 {
		return PanelReport{}, errors.New("no round of ratings; a panel needs at least one")
	}
	p := PanelReport{Changes: []RoundChange{}}
	for i, r := range rounds {
		a, err := Rate(rule, r)
		if err != nil {
			return PanelReport{}, fmt.Errorf("round %d: %w", i+1, err)
		}
		p.Rounds = append(p.Rounds, a)
		p.Outcome = a.Class
		if i > 0 {
			p.Changes = append(p.Changes, change(i, p.Rounds[i-1], a, rounds[i-1], r))
		}
	}
	return p, nil
}

func change(from int, a, b Appropriateness, before, after ClinicalRound) RoundChange {
	c := RoundChange{
		From: from, Median: b.Median.Sub(a.Median), IPR: b.Spread.IPR.Sub(a.Spread.IPR),
		Settled: a.disagrees() && !b.disagrees(), Unsettled: !a.disagrees() && b.disagrees(), Class: a.Class != b.Class,
		Joined: []string{}, Left: []string{},
	}
	old, now := before.byMember(), after.byMember()
	regions, disciplines := map[string]*Shift{}, map[string]*Shift{}
	for _, m := range sortedKeys(now) {
		was, both := old[m]
		if !both {
			c.Joined = append(c.Joined, m)
			continue
		}
		is := now[m]
		c.Rated++
		shift(regions, is.Region, is.Rating-was.Rating)
		shift(disciplines, is.Discipline, is.Rating-was.Rating)
		if is.Rating == was.Rating {
			continue
		}
		c.Moved++
		switch cmp.Compare(0, distance(is.Rating, a.Median).Cmp(distance(was.Rating, a.Median))) {
		case 1:
			c.Towards++
		case -1:
			c.Away++
		}
	}
	for _, m := range sortedKeys(old) {
		if _, both := now[m]; !both {
			c.Left = append(c.Left, m)
		}
	}
	c.Regions, c.Disciplines = shifts(regions), shifts(disciplines)
	return c
}

// disagrees applies the definition that the rule chose.
func (a Appropriateness) disagrees() bool {
	if a.Rule.Classic {
		return a.Classic.Status == "disagreement"
	}
	return a.Spread.Disagreement
}

// byMember keeps each named member's last valid rating.
func (r ClinicalRound) byMember() map[string]ClinicalRating {
	m := map[string]ClinicalRating{}
	for _, x := range r.Ratings {
		if x.Member != "" && 1 <= x.Rating && x.Rating <= 9 {
			m[x.Member] = x
		}
	}
	return m
}

func distance(rating int, median Rat) Rat {
	d := Int(int64(rating)).Sub(median)
	if d.Sign() < 0 {
		return d.Neg()
	}
	return d
}

func shift(groups map[string]*Shift, group string, by int) {
	s := groups[group]
	if s == nil {
		s = &Shift{Group: group}
		groups[group] = s
	}
	s.Rated++
	s.Sum += by
	if by != 0 {
		s.Moved++
	}
}

func shifts(groups map[string]*Shift) []Shift {
	out := make([]Shift, 0, len(groups))
	for _, g := range sortedKeys(groups) {
		out = append(out, *groups[g])
	}
	return slices.Clip(out)
}

// PanelSentence says a panel's judgment in words.
func PanelSentence(p PanelReport) string {
	last := p.Rounds[len(p.Rounds)-1]
	agree := "without disagreement"
	if last.disagrees() {
		agree = "with disagreement, which makes it uncertain whatever the median"
	}
	s := fmt.Sprintf("The panel judged it %s: %d ratings, median %s, %s.", p.Outcome, last.Number, last.Median.Decimal(1), agree)
	for _, c := range p.Changes {
		s += fmt.Sprintf(" Between rounds %d and %d, %d of %d members changed their rating, %d of them towards the middle of the panel.",
			c.From, c.From+1, c.Moved, c.Rated, c.Towards)
	}
	return s
}
