package tally

import (
	"errors"
	"math/big"
	"slices"
)

// completion says what is done with the money that equal shares leave over.
type completion int

const (
	completeNone           completion = iota
	completeVotes                     // fill the rest by votes
	completePerCost                   // fill the rest by votes per unit of cost
	completeAdd1                      // raise every share by the increment while the portfolio still fits
	completeAdd1Exhaustive            // the same, but stop as soon as no further project fits
)

// sharesRule is one variant of the Method of Equal Shares.
//
// Definition: Peters, Pierczyński and Skowron, "Proportional Participatory
// Budgeting with Additive Utilities" (NeurIPS 2021). Every voter has an equal
// share of the budget. A project is rho-affordable if its supporters can pay
// its cost with nobody paying more than rho times the utility it has for them:
// the sum of min(balance, rho*utility) over its supporters is the cost. The
// project of least rho is funded, its supporters pay, and so on until no
// project's supporters can pay for it.
//
// Completions are those of equalshares.net. Add1 raises every share by one
// increment, runs again, and stops at the first run that would overspend; it
// keeps the run before. Spending is not monotone in the share, so a bisection
// would find another portfolio.
type sharesRule struct {
	utility   utility
	complete  completion
	fillVotes bool // after Add1, fill what is still left by votes
}

// sharesCount is a finished count: the last run, how it was reached, and what
// was added by votes.
type sharesCount struct {
	rule    sharesRule
	quiet   bool // no explanation wanted
	p       *portfolio
	state   *shareState
	run     *shareRun
	class   map[string]int32
	first   []*big.Rat // shares before Add1, per class and unit of weight
	steps   int        // increments of Add1
	runs    int
	stopped string     // why Add1 stopped
	overrun *shareRun  // the run that would have overspent, if one was tried
	filled  []fillStep // completion by votes
	ties    *Ties
	offers  [][]offer    // per round: what was compared
	short   []*Shortfall // per project: when its supporters could first not pay; nil while they could
	inFull  [][2]Rat     // per round: weight of supporters who gave the top share, and of all who gave
}

// maxAdd1Runs bounds how often Add1 repeats the count. A charter whose
// increment needs more is asked for a coarser one rather than kept waiting.
const maxAdd1Runs = 200_000

// count runs the rule. With quiet it finds the winners and nothing more.
func (r sharesRule) count(p *portfolio, quiet bool) (*sharesCount, error) {
	c := &sharesCount{rule: r, p: p, ties: p.newTies(), quiet: quiet}
	var err error
	if c.first, c.class, err = p.endowments(); err != nil {
		return nil, err
	}
	m, err := p.market(r.utility, c.class, len(c.first))
	if err != nil {
		return nil, err
	}
	c.state, c.short = newShareState(m), make([]*Shortfall, len(p.alts))
	c.state.coarse = p.coarse
	if err := c.raise(); err != nil {
		return nil, err
	}
	if r.complete == completeVotes || r.complete == completePerCost || r.fillVotes {
		err = c.fill()
	}
	return c, err
}

// raise runs once, or as often as Add1 asks, and leaves the state at the run
// that counts.
func (c *sharesCount) raise() error {
	endow := c.first
	if c.p.rule.IntegralStart {
		endow = floorAll(endow)
	}
	if c.rule.complete == completeAdd1 || c.rule.complete == completeAdd1Exhaustive {
		if !c.p.everyStep {
			c.state.leap.step = c.increments()
		}
		last, err := c.once(endow, nil)
		if err == nil {
			last, err = c.add1(endow, last)
		}
		if err != nil {
			return err
		}
		if c.quiet {
			c.run = last
			return nil
		}
		endow, c.state.leap.step = last.endow, nil
	}
	watch := c.watch
	if c.quiet {
		watch = nil
	}
	var err error
	c.run, err = c.once(endow, watch)
	return err
}

// once runs the market with the given shares. Ties of earlier runs are
// forgotten: only those of the run that counts are on the record.
func (c *sharesCount) once(endow []*big.Rat, watch func(shareRound)) (*shareRun, error) {
	c.ties.Broken, c.runs = nil, c.runs+1
	return c.state.run(endow, c.chooseTied, watch)
}

func (c *sharesCount) chooseTied(round int, tied []int) (int, error) {
	keys := make([]string, len(tied))
	for i, t := range tied {
		keys[i] = c.p.alts[t].Key
	}
	c.ties.Round = round + 1
	key, err := c.ties.First("funding", keys)
	if err != nil {
		return 0, err
	}
	return c.p.index[key], nil
}

func (c *sharesCount) add1(endow []*big.Rat, last *shareRun) (*shareRun, error) {
	step := c.increments()
	reachable := c.reachable(step)
	for {
		if c.stopped = c.enough(last, reachable); c.stopped != "" {
			return last, nil
		}
		if c.runs == maxAdd1Runs {
			return nil, errors.New("Add1 needs more than 200,000 runs; state a larger increment, about a thousandth of a voter's share")
		}
		if n := c.state.leap.room; n > 0 { // these steps change nothing
			endow, c.steps = addTimes(endow, step, n), c.steps+int(n)
			last = &shareRun{endow: endow, rounds: last.rounds, cost: last.cost}
		}
		endow = addTimes(endow, step, 1)
		next, err := c.once(endow, nil)
		if err != nil {
			return nil, err
		}
		if next.cost > c.limit() {
			c.stopped, c.overrun = "the next step would cost more than the budget", next
			return last, nil
		}
		last = next
		c.steps++
	}
}

// reachable says for each project whether some supporter's share grows with
// the steps. One whose supporters all belong to regions without a part of the
// budget would be waited for in vain.
func (c *sharesCount) reachable(step []*big.Rat) []bool {
	can := make([]bool, len(c.state.m.projects))
	for i := range c.state.m.projects {
		for _, b := range c.state.m.projects[i].backers {
			can[i] = can[i] || step[c.state.m.groups[b.group].class].Sign() > 0
		}
	}
	return can
}

// enough says why no step can or need follow this run, or "".
func (c *sharesCount) enough(run *shareRun, reachable []bool) string {
	rest, bought := c.limit()-run.cost, make([]bool, len(c.p.alts))
	for _, r := range run.rounds {
		bought[r.project] = true
	}
	all, fits := true, false
	for i := range c.state.m.projects {
		pr := &c.state.m.projects[i]
		if bought[i] || !reachable[i] {
			continue
		}
		all, fits = false, fits || pr.cost <= rest
	}
	switch {
	case all:
		return "every project that somebody with a share supports is funded"
	case !fits && c.rule.complete == completeAdd1Exhaustive:
		return "no further project fits into the money left"
	}
	return ""
}

// limit is the budget in the market's money.
func (c *sharesCount) limit() int64 { return c.p.limit * c.state.m.per }

// increments is what one step adds to each class's share. With region shares
// the increment is that of an average voter, spread in proportion.
func (c *sharesCount) increments() []*big.Rat {
	inc := c.p.rule.Increment
	if inc.IsZero() {
		inc = Int(1)
	}
	inc = inc.Mul(Int(c.p.unit))
	steps := make([]*big.Rat, len(c.first))
	for i, f := range c.first {
		steps[i] = inc.Big()
		if len(c.p.rule.RegionShares) > 0 {
			average := new(big.Rat).SetInt64(c.p.limit)
			average.Quo(average, c.p.weight.view())
			steps[i].Mul(steps[i], f).Quo(steps[i], average)
		}
	}
	return steps
}

func addTimes(a, b []*big.Rat, n int64) []*big.Rat {
	sum := make([]*big.Rat, len(a))
	for i := range a {
		sum[i] = new(big.Rat).SetInt64(n)
		sum[i].Add(a[i], sum[i].Mul(sum[i], b[i]))
	}
	return sum
}

func floorAll(a []*big.Rat) []*big.Rat {
	out := make([]*big.Rat, len(a))
	for i, x := range a {
		out[i] = new(big.Rat).SetInt(new(big.Int).Quo(x.Num(), x.Denom()))
	}
	return out
}

// fill spends what is left by votes, or by votes per unit of cost, skipping
// what does not fit.
func (c *sharesCount) fill() error {
	g := greedyCount{p: c.p, ties: c.ties, left: c.p.limit - c.run.cost/c.state.m.per, done: make([]bool, len(c.p.alts))}
	for _, r := range c.run.rounds {
		g.done[r.project] = true
	}
	c.ties.Round = len(c.run.rounds)
	err := g.spend(greedyRule{perCost: c.rule.complete == completePerCost})
	c.filled = slices.DeleteFunc(g.steps, func(s fillStep) bool { return !s.funded })
	return err
}

// winners lists the funded projects in the order in which they were chosen.
func (c *sharesCount) winners() []int {
	var won []int
	for _, r := range c.run.rounds {
		won = append(won, r.project)
	}
	for _, f := range c.filled {
		won = append(won, f.project)
	}
	return won
}
