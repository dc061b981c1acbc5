package tally

import (
	"fmt"
	"strings"
)

// tables sets the numbers behind the words.
func (t budgetText) tables() []string {
	out := []string{t.projectTable()}
	for _, g := range []struct {
		title  string
		groups []GroupSum
	}{{"region", t.b.Regions}, {"discipline", t.b.Disciplines}} {
		if len(g.groups) > 1 {
			out = append(out, t.groupTable(g.title, g.groups))
		}
	}
	if len(t.Problems) > 0 {
		out = append(out, problemTable(t.Problems))
	}
	if len(t.Notes) > 0 {
		out = append(out, "Notes:\n"+strings.Join(t.Notes, "\n"))
	}
	return out
}

func (t budgetText) projectTable() string {
	header := []string{"project", "cost", "votes", "outcome", "round"}
	if t.equalShares() {
		header = append(header, "top support share", "counts as", "missing")
	}
	missing := map[string]Rat{}
	for _, d := range t.Losers {
		missing[d.Alternative] = d.Missing
	}
	var rows [][]string
	sums := map[string]ProjectSum{}
	for _, p := range t.b.Projects {
		sums[p.Alternative] = p
	}
	for _, key := range t.inOrder() {
		p := sums[key]
		row := []string{clip(t.names[key], 40), amountText(p.Cost), p.Votes.Decimal(2), "not funded", ""}
		if p.Funded {
			row[3], row[4] = "funded", fmt.Sprint(p.Round)
			if t.equalShares() && p.By == "votes" {
				row[3] = "funded by votes"
			}
		}
		if t.equalShares() {
			top, effective := "", ""
			if p.Funded && p.Round <= len(t.b.Purchases) {
				top, effective = amountText(t.b.Purchases[p.Round-1].TopShare), t.b.Purchases[p.Round-1].Effective.Decimal(2)
			}
			short := ""
			if !p.Funded {
				short = amountText(missing[key])
			}
			row = append(row, top, effective, short)
		}
		rows = append(rows, row)
	}
	return textTable(header, rows)
}

// inOrder lists the funded projects in order of funding, then the others in
// that of the ballot paper.
func (t budgetText) inOrder() []string {
	keys := append([]string{}, t.Winners...)
	for _, p := range t.b.Projects {
		if !p.Funded {
			keys = append(keys, p.Alternative)
		}
	}
	return keys
}

func (t budgetText) groupTable(title string, groups []GroupSum) string {
	var rows [][]string
	for _, g := range groups {
		most, name := Rat{}, ""
		for _, gift := range g.For {
			if most.Less(gift.Amount) {
				most, name = gift.Amount, t.names[gift.Alternative]
			}
		}
		label := g.Group
		if label == "" {
			label = "(none)"
		}
		rows = append(rows, []string{label, fmt.Sprint(g.Voters), amountText(g.Had), amountText(g.Gave), amountText(g.Left), clip(name, 40)})
	}
	return textTable([]string{title, "members", "shares", "gave", "left", "most for"}, rows)
}

func problemTable(problems []Problem) string {
	const most = 50
	var rows [][]string
	for i, p := range problems {
		if i == most {
			rows = append(rows, []string{"...", fmt.Sprintf("%d more", len(problems)-most), "", ""})
			break
		}
		rows = append(rows, []string{clip(p.Ballot, 30), string(p.Kind), p.Detail, p.Effect})
	}
	return textTable([]string{"ballot", "problem", "detail", "effect"}, rows)
}

// budgetSVG draws one bar per project: for a funded one, who carried it; for
// another, what its supporters have left and what is missing.
func budgetSVG(r Result) string {
	t := newBudgetText(r)
	sums := map[string]ProjectSum{}
	for _, p := range t.b.Projects {
		sums[p.Alternative] = p
	}
	missing := map[string]Rat{}
	for _, d := range r.Losers {
		missing[d.Alternative] = d.Missing
	}
	var bars []bar
	for _, key := range t.inOrder() {
		p := sums[key]
		b := bar{label: t.names[key]}
		switch {
		case p.Funded && p.By == "equal shares":
			b.note = fmt.Sprintf("round %d", p.Round)
			for _, g := range t.b.Purchases[p.Round-1].Regions {
				b.parts = append(b.parts, part{g.Gave, "won", groupName(g.Group) + " gave " + amountText(g.Gave)})
			}
		case p.Funded:
			b.note = "by votes"
			b.parts = []part{{p.Cost, "won", "funded: " + amountText(p.Cost)}}
		default:
			b.note = spoken(missing[key]) + " short"
			have := p.Cost.Sub(missing[key])
			b.parts = []part{{have, "lost", "available: " + amountText(have)}, {missing[key], "off", "missing: " + amountText(missing[key])}}
		}
		bars = append(bars, b)
	}
	return svgBars("Funded and not funded", budgetSentence(r), bars, Rat{}, "")
}
