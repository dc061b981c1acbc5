package tally

import (
	"fmt"
	"strings"
)

// committeeSentence: rules that fill seats from approvals.
func committeeSentence(r Result) string {
	s := chosenSentence(r)
	if d, ok := nearest(r); ok && len(r.Winners) > 0 {
		s += fmt.Sprintf(" Closest behind was %s: %s.", r.name(d.Alternative), d.Why)
	}
	return s
}

func committeeText(r Result) string {
	var b strings.Builder
	b.WriteString(committeeSentence(r) + "\n\n")
	var rows [][]string
	for _, round := range r.Rounds {
		for _, k := range round.Chosen {
			rows = append(rows, []string{fmt.Sprint(round.Number), r.name(k), short(round.of(k)), r.second(round)})
		}
	}
	b.WriteString(textTable([]string{"round", "chosen", "at", "others"}, rows))
	if len(r.Rounds) > 0 {
		fmt.Fprintf(&b, "\nLast round: %s.\n", r.Rounds[len(r.Rounds)-1].What)
	}
	if paid := r.paidBy(); len(paid) > 0 {
		b.WriteString("\n" + textTable([]string{"region", "chosen", "paid"}, paid))
	}
	if len(r.Committees) > 1 {
		b.WriteString("\nCommittees that tie:\n")
		for _, c := range r.Committees {
			b.WriteString("  " + listed(r.called(c)) + "\n")
		}
	}
	return b.String() + remarks(r)
}

// second lists what the others stood at in a round of one choice.
func (r Result) second(round Round) string {
	if len(round.Chosen) != 1 {
		return ""
	}
	var out []string
	for _, c := range round.Tally {
		if c.Alternative != round.Chosen[0] {
			out = append(out, r.name(c.Alternative)+" "+short(c.Votes))
		}
	}
	return strings.Join(out, ", ")
}

// paidBy adds up by region who paid for whom, where voters have regions.
func (r Result) paidBy() (rows [][]string) {
	for _, round := range r.Rounds {
		sums := make(map[string]Rat)
		var regions []string
		for _, p := range round.Payments {
			if p.Region == "" {
				continue
			}
			if _, ok := sums[p.Region]; !ok {
				regions = append(regions, p.Region)
			}
			sums[p.Region] = sums[p.Region].Add(p.Amount)
		}
		for _, region := range regions {
			rows = append(rows, []string{region, listed(r.called(round.Chosen)), short(sums[region])})
		}
	}
	return rows
}

func committeeSVG(r Result) string {
	if len(r.Rounds) == 0 {
		return svgBars("Committee", committeeSentence(r), nil, Rat{}, "")
	}
	return svgBars("First round, with those who were chosen in the end marked", committeeSentence(r), r.tallyBars(r.Rounds[0]), Rat{}, "")
}
