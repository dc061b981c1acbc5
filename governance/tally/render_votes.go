package tally

import (
	"fmt"
	"slices"
	"strings"
)

// votesSentence: rules that add up votes, approvals or grades.
func votesSentence(r Result) string {
	s := chosenSentence(r)
	if len(r.Winners) == 0 || len(r.Rounds) == 0 {
		return s
	}
	have := r.Rounds[0].of(r.Winners[0])
	s += fmt.Sprintf(" It has %s (%s).", have.Decimal(2), r.Rounds[0].What)
	if d, ok := nearest(r); ok {
		s += fmt.Sprintf(" The next, %s, has %s less.", r.name(d.Alternative), d.Missing.Decimal(2))
	}
	return s
}

// of is what an alternative had in a round.
func (r Round) of(key string) Rat {
	for _, c := range r.Tally {
		if c.Alternative == key {
			return c.Votes
		}
	}
	return Rat{}
}

func votesText(r Result) string {
	var b strings.Builder
	b.WriteString(votesSentence(r) + "\n\n")
	if len(r.Grades) > 0 {
		b.WriteString(gradesTable(r))
	} else if len(r.Rounds) > 0 {
		b.WriteString(rankTable(r, r.Rounds[0]))
	}
	return b.String() + remarks(r)
}

func gradesTable(r Result) string {
	var rows [][]string
	for _, k := range slices.Concat(r.Ranking...) {
		for _, g := range r.Grades {
			if g.Alternative != k {
				continue
			}
			median := "none"
			if g.Median != nil {
				median = fmt.Sprint(*g.Median)
			}
			rows = append(rows, []string{r.place(k), r.name(k), g.Sum.Decimal(2), g.Voters.Decimal(2), median})
		}
	}
	return textTable([]string{"place", "alternative", "sum", "voters", "lower median"}, rows)
}

// place is the tier of an alternative, from 1; equals share one.
func (r Result) place(key string) string {
	above := 0
	for _, tier := range r.Ranking {
		if slices.Contains(tier, key) {
			return fmt.Sprint(above + 1)
		}
		above += len(tier)
	}
	return ""
}

func rankTable(r Result, round Round) string {
	var rows [][]string
	for _, k := range slices.Concat(r.Ranking...) {
		rows = append(rows, []string{r.place(k), r.name(k), round.of(k).Decimal(2)})
	}
	return textTable([]string{"place", "alternative", round.What}, rows)
}

func votesSVG(r Result) string {
	if len(r.Rounds) == 0 {
		return svgBars("Votes", votesSentence(r), nil, Rat{}, "")
	}
	return svgBars("Votes: "+r.Rounds[0].What, votesSentence(r), r.tallyBars(r.Rounds[0]), Rat{}, "")
}

// tallyBars draws what each alternative had; what is below 0 has no length.
func (r Result) tallyBars(round Round) []bar {
	var bars []bar
	for _, c := range round.Tally {
		class := "lost"
		if slices.Contains(r.Winners, c.Alternative) {
			class = "won"
		}
		v := c.Votes
		if v.Sign() < 0 {
			v = Rat{}
		}
		name := r.name(c.Alternative)
		bars = append(bars, bar{label: name, note: short(c.Votes), parts: []part{{v, class, name + ": " + short(c.Votes)}}})
	}
	return bars
}

// pairsSentence: rules that compare pairs.
func pairsSentence(r Result) string {
	s := chosenSentence(r)
	if len(r.Winners) != 1 {
		return s
	}
	w := slices.Index(r.Pairs.Order, r.Winners[0])
	var lost []string
	closest, margin := "", Rat{}
	for i, k := range r.Pairs.Order {
		if i == w {
			continue
		}
		m := r.Pairs.Prefer[w][i].Sub(r.Pairs.Prefer[i][w])
		if m.Sign() <= 0 {
			lost = append(lost, r.name(k))
		}
		if closest == "" || m.Less(margin) {
			closest, margin = k, m
		}
	}
	switch {
	case closest == "":
		return s
	case len(lost) == 0:
		i := slices.Index(r.Pairs.Order, closest)
		return s + fmt.Sprintf(" It would win against each of the others alone. The closest is %s: %s to %s.",
			r.name(closest), plural(r.Pairs.Prefer[w][i], "voter prefers the winner", "voters prefer the winner"), r.Pairs.Prefer[i][w].Decimal(2))
	}
	return s + fmt.Sprintf(" It does not win against %s alone, but the majorities go in a circle, or are tied, and the rule decides where the circle is weakest.", listed(lost))
}

// shownPairs is the size up to which a text shows the whole matrix.
const shownPairs = 12

func pairsText(r Result) string {
	var b strings.Builder
	b.WriteString(pairsSentence(r) + "\n\n")
	if len(r.Ranking) > 0 && len(r.Rounds) > 0 {
		b.WriteString(rankTable(r, r.Rounds[len(r.Rounds)-1]) + "\n")
	}
	if len(r.Pairs.Struck) > 0 {
		fmt.Fprintf(&b, "Struck, because they do not beat the status quo: %s.\n", listed(r.called(r.Pairs.Struck)))
	}
	if n := len(r.Pairs.Order); n > 0 && n <= shownPairs {
		b.WriteString("Votes that prefer the alternative of the row to that of the column:\n")
		b.WriteString(matrixTable(r, r.Pairs.Prefer))
		if r.Pairs.Paths != nil {
			b.WriteString("\nStrength of the strongest chain of majorities from row to column:\n")
			b.WriteString(matrixTable(r, r.Pairs.Paths))
		}
	}
	var rows [][]string
	for _, l := range r.Pairs.Locked {
		kept := "locked"
		if !l.Locked {
			kept = "left out: it would close a circle"
		}
		rows = append(rows, []string{r.name(l.Winner), r.name(l.Loser), l.Strength.Decimal(2), kept})
	}
	if len(rows) > 0 {
		b.WriteString("\n" + textTable([]string{"winner", "loser", "strength", ""}, rows))
	}
	return b.String() + remarks(r)
}

func matrixTable(r Result, m [][]Rat) string {
	header := append([]string{""}, r.called(r.Pairs.Order)...)
	var rows [][]string
	for a, k := range r.Pairs.Order {
		row := []string{r.name(k)}
		for b := range r.Pairs.Order {
			cell := m[a][b].Decimal(2)
			if a == b {
				cell = ""
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return textTable(header, rows)
}

// pairsSVG draws, for each rival, who prefers the winner and who the rival.
func pairsSVG(r Result) string {
	if len(r.Winners) == 0 {
		return svgBars("Pairs", pairsSentence(r), nil, Rat{}, "")
	}
	w := slices.Index(r.Pairs.Order, r.Winners[0])
	var bars []bar
	for i, k := range r.Pairs.Order {
		if i == w {
			continue
		}
		win, lose := r.Pairs.Prefer[w][i], r.Pairs.Prefer[i][w]
		bars = append(bars, bar{label: r.name(k), note: win.Decimal(2) + " : " + lose.Decimal(2), parts: []part{
			{win, "won", win.Decimal(2) + " prefer " + r.name(r.Winners[0])},
			{lose, "no", lose.Decimal(2) + " prefer " + r.name(k)},
		}})
	}
	return svgBars(r.name(r.Winners[0])+" against each of the others", pairsSentence(r), bars, Rat{}, "")
}
