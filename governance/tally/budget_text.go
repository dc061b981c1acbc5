package tally

import (
	"fmt"
	"strings"
)

// The words for people. They must hold when read aloud to somebody who has
// never heard of the rule: short sentences, one thought each, no symbol.

// amountText writes an amount with thousands separated and at most two
// decimals: "1,250,000", "16.67".
func amountText(x Rat) string {
	s := x.view().FloatString(2)
	s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, rest, fraction := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction {
		whole += "." + rest
	}
	return sign + whole
}

// spoken writes an amount to be read aloud: whole from a hundred on. The count
// itself rounds nothing.
func spoken(x Rat) string {
	if x.Less(Int(100)) {
		return amountText(x)
	}
	return amountText(x.Add(Frac(1, 2)).Floor())
}

// few writes small whole numbers as words, which reads better at the start of
// a sentence.
func few(n int) string {
	words := []string{"No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"}
	if n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}

// budgetText is a result under a budget being put into words.
type budgetText struct {
	Result
	names map[string]string
	b     *BudgetReport
}

func newBudgetText(r Result) budgetText { return budgetText{r, r.titles(), r.Budget} }

func (t budgetText) equalShares() bool { return strings.HasPrefix(t.Rule, "equal_shares") }

func budgetSentence(r Result) string {
	t := newBudgetText(r)
	var won []string
	for _, k := range r.Winners {
		won = append(won, t.names[k])
	}
	if len(won) == 0 {
		return "No project is funded. " + t.why()
	}
	verb := "are"
	if len(won) == 1 {
		verb = "is"
	}
	s := fmt.Sprintf("%s of %d projects %s funded, for %s of a budget of %s: %s. %s",
		few(len(won)), len(t.b.Projects), verb, spoken(t.b.Spent), spoken(t.b.Budget), listed(won), t.why())
	if d, ok := t.nearest(); ok {
		s += fmt.Sprintf(" The nearest miss is %s: %s short.", t.names[d.Alternative], spoken(d.Missing))
	}
	return s
}

func (t budgetText) why() string {
	if t.equalShares() {
		return "Every member had the same share of the budget, and it went only to projects which that member supports."
	}
	if strings.HasSuffix(t.Rule, "per_cost") {
		return "Projects were taken in order of their " + t.b.Measure + ", as long as they fitted into the budget."
	}
	return "Projects were taken in order of their " + t.b.Measure + ", most first, as long as they fitted into the budget."
}

// nearest is the loser that misses least; the first on the ballot paper among
// equals.
func (t budgetText) nearest() (best Distance, ok bool) {
	for _, d := range t.Losers {
		if d.Missing.Sign() > 0 && (!ok || d.Missing.Less(best.Missing)) {
			best, ok = d, true
		}
	}
	return best, ok
}

// budgetExplain is the whole explanation, to be read aloud, then the tables.
func budgetExplain(r Result) string {
	t := newBudgetText(r)
	var paragraphs []string
	if t.equalShares() {
		paragraphs = append(paragraphs, t.opening(), t.method(), t.raising())
		for i := range t.b.Purchases {
			paragraphs = append(paragraphs, t.round(i))
		}
		paragraphs = append(paragraphs, t.ending(), t.losing())
	} else {
		paragraphs = append(paragraphs, budgetSentence(r))
	}
	paragraphs = append(paragraphs, t.tables()...)
	var out []string
	for _, p := range paragraphs {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, "\n\n") + "\n"
}

func (t budgetText) opening() string {
	s := budgetHeadline(t) + fmt.Sprintf(" The budget is %s, and %s voted.", spoken(t.b.Budget), plural(Int(int64(t.b.Voters)), "member", "members"))
	if len(t.b.Shares) == 1 && t.b.Shares[0].Region == "" {
		s += fmt.Sprintf(" The budget was divided evenly, so every member had a share of %s.", spoken(t.b.Shares[0].First))
	} else {
		s += " Every region had its part of the budget, divided evenly among its members who voted:"
		var parts []string
		for _, share := range t.b.Shares {
			parts = append(parts, fmt.Sprintf("%s for each member in %s", spoken(share.First), groupName(share.Region)))
		}
		s += " " + listed(parts) + "."
	}
	if !t.b.Weight.Equal(Int(int64(t.b.Voters))) {
		s += fmt.Sprintf(" Some members have more than one vote: there are %s together. A member with two votes has two shares, and gives twice as much.",
			plural(t.b.Weight, "vote", "votes"))
	}
	return s
}

func budgetHeadline(t budgetText) string {
	return fmt.Sprintf("%s of %d projects are funded.", few(len(t.Winners)), len(t.b.Projects))
}

// method is the rule in plain words.
func (t budgetText) method() string {
	s := "A share is not a member's own money. It is the part of the budget that follows this member's wishes. " +
		"It goes only to projects that the member supports. " +
		"A project is funded when the shares of its supporters together carry its cost. " +
		"They split the cost evenly. What a member gives to a project is called the member's support share. Whoever has too little left for an even part gives what is left, and the others make up for it. "
	switch t.b.Measure {
	case "effective votes":
		s += "In each round we fund the project with the broadest backing. To compare, we ask how many members, all giving the same, would carry its cost. " +
			"While all its supporters can give the same, that is simply their number. When some have little left, they count for less."
	case "support share per voter":
		s += "In each round we fund the project that asks the least of any one supporter."
	default:
		s += "In each round we fund the project that asks the least for each point that members gave it. Whoever gave it more points gives more."
	}
	return s
}

// raising explains Add1.
func (t budgetText) raising() string {
	if t.b.Increment.IsZero() {
		return ""
	}
	if t.b.Steps == 0 {
		return "No share had to be raised: " + t.b.Stopped + "."
	}
	s := "With these shares alone, part of the budget would have stayed unspent. So every share was raised by the same small step, and the count was run again. " +
		"This was repeated as long as what was funded still fitted into the budget. "
	if len(t.b.Shares) == 1 {
		s += fmt.Sprintf("After %s of %s, every share stood at %s.", plural(Int(int64(t.b.Steps)), "step", "steps"), spoken(t.b.Increment), spoken(t.b.Shares[0].Final))
	} else {
		s += fmt.Sprintf("There were %s, each of %s on average, in proportion to the regions' parts.", plural(Int(int64(t.b.Steps)), "step", "steps"), spoken(t.b.Increment))
	}
	s += " There the count stopped, because " + t.b.Stopped
	if t.b.Overrun.Sign() > 0 {
		s += ": it would cost " + spoken(t.b.Overrun)
	}
	return s + "."
}

// round tells one round of equal shares.
func (t budgetText) round(i int) string {
	p := t.b.Purchases[i]
	s := fmt.Sprintf("Round %d: %s. It costs %s. ", p.Round, t.names[p.Alternative], spoken(p.Cost))
	if p.InFull.Equal(p.Supporters) && t.b.Measure != "support share per point" {
		s += fmt.Sprintf("It has %s who still had enough left, so each gave the same: %s.", plural(p.Supporters, "supporter", "supporters"), spoken(p.TopShare))
	} else if t.b.Measure == "support share per point" {
		s += fmt.Sprintf("Its supporters gave %s for each point.", spoken(p.TopShare))
	} else {
		s += fmt.Sprintf("It has %s with something left. %s gave %s each. %s had less than that left and gave all of it.",
			plural(p.Supporters, "supporter", "supporters"), upperFirst(inWords(p.InFull)), spoken(p.TopShare), others(p.Supporters.Sub(p.InFull)))
	}
	s += t.compared(i) + t.tied(p.Round)
	if given := t.byRegion(p.Regions); given != "" {
		s += " " + given
	}
	return s
}

// inWords writes a number of votes in words where it is small and whole.
func inWords(n Rat) string {
	if n.IsInt() && n.Less(Int(13)) {
		return strings.ToLower(few(int(n.view().Num().Int64())))
	}
	return n.Decimal(2)
}

func others(n Rat) string {
	if n.Equal(Int(1)) {
		return "The other one"
	}
	return "The other " + inWords(n)
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// compared says why this project and not the runner-up.
func (t budgetText) compared(i int) string {
	tally := t.Rounds[i].Tally
	if t.b.Measure != "effective votes" {
		return ""
	}
	s := fmt.Sprintf(" That counts as %s", plural(t.b.Purchases[i].Effective, "full supporter", "full supporters"))
	for _, c := range tally {
		if c.Alternative == t.b.Purchases[i].Alternative {
			continue
		}
		if c.Votes.Equal(t.b.Purchases[i].Effective) {
			return s + "."
		}
		return s + fmt.Sprintf("; the next was %s, with %s.", t.names[c.Alternative], c.Votes.Decimal(2))
	}
	return s + "."
}

func (t budgetText) tied(round int) string {
	for _, tie := range t.Ties {
		if tie.Round != round {
			continue
		}
		var names []string
		for _, k := range tie.Tied {
			names = append(names, t.names[k])
		}
		return fmt.Sprintf(" %s stood equal; %s came first %s.", listed(names), t.names[tie.Chosen], budgetTieWords[tie.By])
	}
	return ""
}

var budgetTieWords = map[TieBy]string{
	ByCost:  "because it costs less",
	ByVotes: "because more members support it",
	ByOrder: "by the order the chair laid down before the vote",
	ByLot:   "by the lot drawn before the count",
	ByKey:   "by the order of the keys, as the charter says",
}

func (t budgetText) byRegion(groups []GroupSum) string {
	var parts []string
	for _, g := range groups {
		if g.Group != "" {
			parts = append(parts, fmt.Sprintf("%s %s", g.Group, spoken(g.Gave)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "By region: " + strings.Join(parts, ", ") + "."
}

func groupName(g string) string {
	if g == "" {
		return "no region"
	}
	return g
}

func (t budgetText) ending() string {
	var s string
	if len(t.b.Purchases) == 0 {
		s = "No project's supporters have shares enough to carry its cost."
	} else {
		s = fmt.Sprintf("After round %d, no remaining project's supporters have enough left to carry its cost.", len(t.b.Purchases))
	}
	var filled []string
	for _, p := range t.b.Projects {
		if p.By == "votes" {
			filled = append(filled, t.names[p.Alternative])
		}
	}
	if len(filled) > 0 {
		s += fmt.Sprintf(" What was left of the budget was then spent in order of votes, on %s.", listed(filled))
	}
	return s + fmt.Sprintf(" In all, %s is spent and %s stays unspent. Amounts are rounded here; the count is exact.", spoken(t.b.Spent), spoken(t.b.Left))
}

// losing says for each project that is not funded how near it was.
func (t budgetText) losing() string {
	if len(t.Losers) == 0 {
		return ""
	}
	lines := []string{"Not funded:"}
	sums := map[string]ProjectSum{}
	for _, p := range t.b.Projects {
		sums[p.Alternative] = p
	}
	for _, d := range t.Losers {
		p := sums[d.Alternative]
		s := t.names[d.Alternative] + ": " + d.Why + "."
		if d.Unit == "money" && p.Round > 0 || d.Against != "" {
			s = fmt.Sprintf("%s. It costs %s and has %s. They have %s left together, so %s is missing.",
				t.names[d.Alternative], spoken(p.Cost), plural(p.Supporters, "supporter", "supporters"), spoken(p.Cost.Sub(d.Missing)), spoken(d.Missing))
			if d.Against != "" {
				s += " Most of what they gave went to " + t.names[d.Against] + "."
			}
		}
		lines = append(lines, s)
	}
	return strings.Join(lines, "\n")
}
