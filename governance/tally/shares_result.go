package tally

import (
	"fmt"
	"math/big"
)

// offer is one project as it stood in a round: its least payment per point.
type offer struct {
	project  int
	perPoint *big.Rat
}

// maxCompared bounds the work of solving for every project in every round;
// above it only the winner's figures are in the rounds. It changes what is
// told, never what is decided.
const maxCompared = 4_000_000

// maxPayers is up to how many voters a round lists one by one; above it the
// payments are summed by region.
const maxPayers = 2000

// watch notes, for the run that counts, what was compared and who could no
// longer pay, while the balances are those of the round.
func (c *sharesCount) watch(round shareRound) {
	t := len(c.offers)
	s := c.state
	c.noteShort(t)
	offers := []offer{{round.project, round.perPoint}}
	if c.worth() {
		for p := range s.m.projects {
			if s.gone[p] >= 0 || p == round.project {
				continue
			}
			if num, den, ok := s.exact(p); ok {
				offers = append(offers, offer{p, new(big.Rat).SetFrac(num, s.over(den))})
			}
		}
	}
	c.offers = append(c.offers, offers)
	s.exact(round.project)
	var full, all int64
	for i, b := range s.backers[round.project] {
		w := s.m.groups[b.group].weight
		all += w
		if s.mark[i] >= 0 {
			full += w
		}
	}
	c.inFull = append(c.inFull, [2]Rat{Frac(full, s.m.per), Frac(all, s.m.per)})
}

func (c *sharesCount) worth() bool {
	return len(c.state.arena)*len(c.p.alts) <= maxCompared
}

// noteShort records the projects whose supporters can no longer pay, with what
// they have.
func (c *sharesCount) noteShort(round int) {
	s := c.state
	for p := range s.m.projects {
		if s.bought[p] || c.short[p] != nil || len(s.m.projects[p].backers) == 0 {
			continue
		}
		if s.gone[p] < 0 && !s.canPay(p) {
			s.gone[p] = round
		}
		if s.gone[p] < 0 {
			continue
		}
		s.clearSums()
		for _, b := range s.backers[p] {
			if s.approx[b.group] != groupEmpty {
				s.addSum(b.group)
			}
		}
		have := c.rat(s.money(s.sum()))
		cost := c.p.amount(c.p.cost[p])
		c.short[p] = &Shortfall{c.p.alts[p].Key, cost, have, cost.Sub(have)}
	}
}

// result assembles the outcome and its explanation.
func (c *sharesCount) result() Result {
	r := Result{Problems: c.p.problems, Notes: c.p.allNotes(), Ties: c.ties.Broken, Budget: c.p.report()}
	c.money(r.Budget)
	regions := c.grouped(func(m Member) string { return m.Region })
	disciplines := c.grouped(func(m Member) string { return m.Discipline })
	r.Budget.Regions, r.Budget.Disciplines = regions, disciplines
	c.purchases(&r)
	c.projects(&r)
	for _, w := range c.winners() {
		r.Winners = append(r.Winners, c.p.alts[w].Key)
		r.Budget.Spent = r.Budget.Spent.Add(c.p.amount(c.p.cost[w]))
	}
	r.Budget.Left = r.Budget.Budget.Sub(r.Budget.Spent)
	return r
}

func (c *sharesCount) money(b *BudgetReport) {
	b.Measure = map[utility]string{
		utilityCost: "effective votes", utilityCount: "support share per voter", utilityPoints: "support share per point",
	}[c.rule.utility]
	b.Runs, b.Steps, b.Stopped = c.runs, c.steps, c.stopped
	if c.overrun != nil {
		b.Overrun = c.p.amount(c.overrun.cost / c.state.m.per)
	}
	if c.rule.complete == completeAdd1 || c.rule.complete == completeAdd1Exhaustive {
		if b.Increment = c.p.rule.Increment; b.Increment.IsZero() {
			b.Increment = Int(1)
		}
	}
	if len(c.first) == 0 {
		return
	}
	if c.class == nil {
		b.Shares = []Share{{First: c.rat(c.first[0]), Final: c.rat(c.run.endow[0])}}
		return
	}
	for _, region := range c.p.regions() {
		i := c.class[region]
		b.Shares = append(b.Shares, Share{region, c.rat(c.first[i]), c.rat(c.run.endow[i])})
	}
}

// purchases writes the rounds of equal shares, then those filled by votes.
func (c *sharesCount) purchases(r *Result) {
	free, spent := Rat{}, Rat{}
	for _, g := range r.Budget.Regions {
		free = free.Add(g.Had)
	}
	for i, round := range c.run.rounds {
		a := c.p.alts[round.project]
		top := c.rat(round.perPoint)
		spent = spent.Add(a.Cost)
		p := Purchase{
			Round: i + 1, Alternative: a.Key, Cost: a.Cost, TopShare: top, Effective: a.Cost.Quo(top),
			InFull: c.inFull[i][0], Supporters: c.inFull[i][1],
			Regions: giftsFor(r.Budget.Regions, a.Key), Disciplines: giftsFor(r.Budget.Disciplines, a.Key),
			MoneyLeft: free.Sub(spent), BudgetLeft: c.p.budget.Sub(spent),
		}
		step := Round{Number: i + 1, What: a.Name() + " is funded", Chosen: []string{a.Key}, Tally: c.tally(i), Payments: c.payments(i, p.Regions)}
		for q, short := range c.short {
			if short != nil && c.state.gone[q] == i+1 {
				p.Dropped = append(p.Dropped, *short)
				step.Dropped = append(step.Dropped, short.Alternative)
			}
		}
		r.Budget.Purchases = append(r.Budget.Purchases, p)
		r.Rounds = append(r.Rounds, step)
	}
	for _, f := range c.filled {
		a := c.p.alts[f.project]
		r.Rounds = append(r.Rounds, Round{
			Number: len(r.Rounds) + 1, What: a.Name() + " is funded from the money left, by votes", Chosen: []string{a.Key},
			Tally: []Count{{a.Key, c.p.support[f.project]}},
		})
	}
}

// tally lists what was compared in a round, best first.
func (c *sharesCount) tally(round int) []Count {
	var list []Count
	for _, o := range c.offers[round] {
		a := c.p.alts[o.project]
		value := c.rat(o.perPoint)
		if c.rule.utility == utilityCost {
			value = a.Cost.Quo(value)
		}
		list = append(list, Count{a.Key, value})
	}
	sortCounts(list, c.rule.utility == utilityCost)
	return list
}

// payments lists who paid for the round's project: by voter, or by region
// where there are very many.
func (c *sharesCount) payments(round int, regions []GroupSum) []Pay {
	key := c.p.alts[c.run.rounds[round].project].Key
	var pays []Pay
	if len(c.p.voters) > maxPayers {
		for _, g := range regions {
			pays = append(pays, Pay{Region: g.Group, Alternative: key, Amount: g.Gave})
		}
		return pays
	}
	for _, v := range c.p.voters {
		if v.group < 0 {
			continue
		}
		if paid := c.state.paid(v.group, round); paid.Sign() > 0 {
			amount := c.rat(paid.Mul(paid, v.weight.view()))
			pays = append(pays, Pay{v.name, v.member.Region, v.member.Discipline, key, amount})
		}
	}
	return pays
}

// giftsFor picks what each group gave for one project.
func giftsFor(groups []GroupSum, key string) []GroupSum {
	var out []GroupSum
	for _, g := range groups {
		for _, gift := range g.For {
			if gift.Alternative == key {
				out = append(out, GroupSum{Group: g.Group, Gave: gift.Amount})
			}
		}
	}
	return out
}

// projects says for every project what became of it and, for a loser, how far
// it was from winning and which funded project took most of its supporters'
// shares.
func (c *sharesCount) projects(r *Result) {
	c.noteShort(len(c.run.rounds))
	sums := c.p.projectSums()
	for i, round := range c.run.rounds {
		s := &sums[round.project]
		p := r.Budget.Purchases[i]
		s.Funded, s.Round, s.By = true, i+1, "equal shares"
		s.Why = fmt.Sprintf("its supporters carried it, nobody with more than %s", p.TopShare.Decimal(2))
	}
	for i, f := range c.filled {
		s := &sums[f.project]
		s.Funded, s.Round, s.By = true, len(c.run.rounds)+i+1, "votes"
		s.Why = fmt.Sprintf("it had the most votes (%s) of what still fitted", s.Votes.Decimal(2))
	}
	for i := range sums {
		if sums[i].Funded {
			continue
		}
		d := c.distance(i, &sums[i])
		sums[i].Why = d.Why
		r.Losers = append(r.Losers, d)
	}
	r.Budget.Projects = sums
}

func (c *sharesCount) distance(i int, sum *ProjectSum) Distance {
	a := c.p.alts[i]
	d := Distance{Alternative: a.Key, Missing: a.Cost, Unit: "money"}
	switch {
	case c.p.out[i] != "":
		d.Why = c.p.out[i]
	case c.p.backing[i].IsZero():
		d.Why = "nobody who voted supports it"
	case c.p.cost[i] > c.p.limit:
		d.Missing, d.Why = a.Cost.Sub(c.p.budget), "it costs more than the whole budget"
	default:
		sum.Round = c.state.gone[i]
		l := c.state.ledger(c.state.m.backing(i), len(c.run.rounds))
		have := c.rat(l.left)
		d.Missing = a.Cost.Sub(have)
		best := -1
		for t, gave := range l.gave {
			if gave != nil && (best < 0 || gave.Cmp(l.gave[best]) > 0) {
				best = t
			}
		}
		d.Why = fmt.Sprintf("its supporters have %s left together and it costs %s", have.Decimal(2), a.Cost.Decimal(2))
		if best >= 0 {
			d.Against = c.p.alts[c.run.rounds[best].project].Key
		}
	}
	return d
}
