package tally

import (
	"fmt"
	"slices"
)

func (p *portfolio) report() *BudgetReport {
	return &BudgetReport{Budget: p.budget, Voters: len(p.voters), Weight: p.weight}
}

// allNotes states the conventions that mattered.
func (p *portfolio) allNotes() []string {
	var notes []string
	for i, a := range p.alts {
		if p.out[i] != "" {
			notes = append(notes, a.Name()+": "+p.out[i])
		}
	}
	for _, region := range sortedKeys(p.rule.RegionShares) {
		if !slices.Contains(p.regions(), region) {
			notes = append(notes, fmt.Sprintf("region %q has %s of the budget, but none of its members voted", region, p.rule.RegionShares[region]))
		}
	}
	return notes
}

func (p *portfolio) projectSums() []ProjectSum {
	sums := make([]ProjectSum, len(p.alts))
	for i, a := range p.alts {
		sums[i] = ProjectSum{Alternative: a.Key, Cost: a.Cost, Votes: p.support[i], Supporters: p.backing[i]}
	}
	return sums
}

// sortCounts puts counts in order, most first or least first, equals by key.
func sortCounts(list []Count, mostFirst bool) {
	slices.SortStableFunc(list, func(a, b Count) int {
		c := a.Votes.Cmp(b.Votes)
		if mostFirst {
			c = -c
		}
		if c == 0 && a.Alternative < b.Alternative {
			return -1
		}
		return c
	})
}

// result assembles the outcome of a greedy count.
func (g *greedyCount) result(rule greedyRule) Result {
	p := g.p
	r := Result{Problems: p.problems, Notes: p.allNotes(), Ties: g.ties.Broken, Budget: p.report()}
	r.Budget.Measure = "votes"
	if p.pointed {
		r.Budget.Measure = "points"
	}
	if rule.perCost {
		r.Budget.Measure += " per unit of cost"
	}
	sums := p.projectSums()
	ahead := "" // the last project funded so far
	for i, s := range g.steps {
		a := p.alts[s.project]
		step := Round{Number: i + 1, Tally: []Count{{a.Key, rule.score(p, s.project)}}}
		sum := &sums[s.project]
		sum.Round, sum.Funded = i+1, s.funded
		if s.funded {
			r.Winners, step.Chosen = append(r.Winners, a.Key), []string{a.Key}
			r.Budget.Spent = r.Budget.Spent.Add(a.Cost)
			step.What = a.Name() + " is funded"
			sum.By, sum.Why = "votes", fmt.Sprintf("it was next in order of %s, and it fitted", r.Budget.Measure)
			ahead = a.Key
		} else {
			step.Dropped = []string{a.Key}
			step.What = a.Name() + " does not fit"
			sum.Why = fmt.Sprintf("%s were left when its turn came and it costs %s", p.amount(s.left).Decimal(2), a.Cost.Decimal(2))
			r.Losers = append(r.Losers, Distance{a.Key, a.Cost.Sub(p.amount(s.left)), "money", ahead, sum.Why})
		}
		r.Rounds = append(r.Rounds, step)
	}
	r.Budget.Left = p.budget.Sub(r.Budget.Spent)
	g.unreached(&r, sums)
	r.Budget.Projects = sums
	return r
}

// unreached accounts for the projects that never had their turn.
func (g *greedyCount) unreached(r *Result, sums []ProjectSum) {
	for i := range sums {
		if sums[i].Round > 0 {
			continue
		}
		sums[i].Why = g.p.out[i]
		if sums[i].Why == "" {
			sums[i].Why = "the count stopped before its turn, at the first project that did not fit"
		}
		r.Losers = append(r.Losers, Distance{Alternative: sums[i].Alternative, Missing: sums[i].Cost, Unit: "money", Why: sums[i].Why})
	}
}
