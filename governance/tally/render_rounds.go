package tally

import (
	"fmt"
	"slices"
	"strings"
)

// roundsSentence: rules that count in rounds, for one seat or several.
func roundsSentence(r Result) string {
	s := chosenSentence(r)
	if len(r.Winners) == 0 {
		return s
	}
	s += fmt.Sprintf(" The count took %s.", plural(Int(int64(len(r.Rounds))), "round", "rounds"))
	if d, ok := r.lastOut(); ok {
		s += fmt.Sprintf(" Closest behind was %s: it %s.", r.name(d.Alternative), r.spell(d.Why, d.Against))
	}
	return s
}

// lastOut is the loser who stayed longest, and among those of one round the
// nearest.
func (r Result) lastOut() (best Distance, ok bool) {
	out := func(key string) int {
		for i, round := range r.Rounds {
			if slices.Contains(round.Dropped, key) {
				return i
			}
		}
		return len(r.Rounds)
	}
	for _, d := range r.Losers {
		n := out(d.Alternative) - out(best.Alternative)
		if !ok || n > 0 || n == 0 && d.Missing.Less(best.Missing) {
			best, ok = d, true
		}
	}
	return best, ok
}

// spell replaces the key at the end of a clause by its name.
func (r Result) spell(clause, key string) string {
	if key != "" && strings.HasSuffix(clause, " "+key) {
		return strings.TrimSuffix(clause, key) + r.name(key)
	}
	return clause
}

func roundsText(r Result) string {
	var b strings.Builder
	b.WriteString(roundsSentence(r) + "\n\n")
	for _, round := range r.Rounds {
		b.WriteString(r.roundWords(round) + "\n")
	}
	b.WriteString("\n")
	for from := 0; from < len(r.Rounds); from += roundsAbreast {
		b.WriteString(r.roundsTable(r.Rounds[from:min(from+roundsAbreast, len(r.Rounds))]) + "\n")
	}
	return b.String() + remarks(r)
}

// roundsAbreast is how many rounds a table shows side by side.
const roundsAbreast = 6

// roundWords tells one round.
func (r Result) roundWords(round Round) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Round %d.", round.Number)
	if round.Pass > 0 {
		b.Reset()
		fmt.Fprintf(&b, "Seat %d, round %d.", round.Pass, round.Number)
	}
	if len(round.Chosen) > 0 {
		fmt.Fprintf(&b, " Chosen: %s.", listed(r.called(round.Chosen)))
	}
	if len(round.Dropped) > 0 {
		fmt.Fprintf(&b, " Out: %s", listed(r.called(round.Dropped)))
		if len(round.Dropped) == 1 {
			fmt.Fprintf(&b, ", with %s", plural(round.of(round.Dropped[0]), "vote", "votes"))
		}
		b.WriteString(".")
	}
	if len(round.Chosen)+len(round.Dropped)+len(round.Moves) == 0 {
		b.WriteString(" " + upperFirst(round.What) + ".")
	}
	from := ""
	for i, m := range round.Moves {
		to := "nobody further"
		if m.To != "" {
			to = r.name(m.To)
		}
		if i == 0 || m.From != from {
			from = m.From
			fmt.Fprintf(&b, " From %s: %s to %s", r.name(from), m.Votes.Decimal(2), to)
		} else {
			fmt.Fprintf(&b, ", %s to %s", m.Votes.Decimal(2), to)
		}
		if i == len(round.Moves)-1 || round.Moves[i+1].From != from {
			b.WriteString(".")
		}
	}
	for i, c := range round.Changes {
		switch {
		case i == 0:
			b.WriteString(" Then:")
		default:
			b.WriteString(",")
		}
		sign := ""
		if c.Votes.Sign() > 0 {
			sign = "+"
		}
		fmt.Fprintf(&b, " %s %s%s", r.name(c.Alternative), sign, c.Votes.Decimal(2))
		if i == len(round.Changes)-1 {
			b.WriteString(".")
		}
	}
	return b.String()
}

// roundsTable shows tallies at the start of each round.
func (r Result) roundsTable(rounds []Round) string {
	header := []string{"alternative"}
	quota, idle := []string{"quota"}, []string{"no choice left"}
	any := false
	for _, round := range rounds {
		header = append(header, fmt.Sprintf("round %d", round.Number))
		quota, idle = append(quota, round.Quota.Decimal(2)), append(idle, round.Exhausted.Decimal(2))
		any = any || !round.Quota.IsZero()
	}
	var rows [][]string
	for _, a := range r.Alternatives {
		row := []string{a.Name()}
		for _, round := range rounds {
			cell := ""
			if slices.ContainsFunc(round.Tally, func(c Count) bool { return c.Alternative == a.Key }) {
				cell = round.of(a.Key).Decimal(2)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	if any {
		rows = append(rows, idle, quota)
	}
	return textTable(header, rows)
}

// roundsSVG draws the first round with the quota.
func roundsSVG(r Result) string {
	if len(r.Rounds) == 0 {
		return svgBars("Count", roundsSentence(r), nil, Rat{}, "")
	}
	first := r.Rounds[0]
	label := ""
	if !first.Quota.IsZero() {
		label = "quota " + first.Quota.Decimal(2)
	}
	return svgBars("First round, with those who were chosen in the end marked", roundsSentence(r), r.tallyBars(first), first.Quota, label)
}
