package tally

// greedyRule is one variant of the greedy rule: take the projects in order of
// support and fund each that fits. It is the rule of most cities (Pabulib's
// "greedy", "greedy-threshold" and "greedy-no-skip") and, per cost, the usual
// approximation of the most votes that the budget can buy.
//
// Skipping and stopping are different laws; both are in use.
type greedyRule struct {
	perCost bool // order by support per unit of cost
	stop    bool // stop at the first project that does not fit, rather than skip it
}

// fillStep is one project looked at, in order.
type fillStep struct {
	project int
	funded  bool
	left    int64 // money left before it
}

// greedyCount is a greedy count under way, possibly one that completes another
// rule's portfolio.
type greedyCount struct {
	p     *portfolio
	ties  *Ties
	left  int64
	done  []bool // funded or looked at
	steps []fillStep
}

func (r greedyRule) count(p *portfolio) (*greedyCount, error) {
	g := &greedyCount{p: p, ties: p.newTies(), left: p.limit, done: make([]bool, len(p.alts))}
	return g, g.spend(r)
}

func (g *greedyCount) spend(r greedyRule) error {
	for {
		tied := g.best(r)
		if len(tied) == 0 {
			return nil
		}
		g.ties.Round++
		at, err := g.next(tied)
		if err != nil {
			return err
		}
		fits := g.p.cost[at] <= g.left
		g.done[at] = true
		g.steps = append(g.steps, fillStep{at, fits, g.left})
		if fits {
			g.left -= g.p.cost[at]
		} else if r.stop {
			return nil
		}
	}
}

// next applies the tie-break. A tie between projects that all do not fit, or
// that all fit together, decides nothing, but its order is still the record's.
func (g *greedyCount) next(tied []int) (int, error) {
	keys := make([]string, len(tied))
	for i, t := range tied {
		keys[i] = g.p.alts[t].Key
	}
	key, err := g.ties.First("funding", keys)
	return g.p.index[key], err
}

// best lists the projects not yet looked at with the most support.
func (g *greedyCount) best(r greedyRule) []int {
	var tied []int
	for i := range g.p.alts {
		if g.done[i] || g.p.out[i] != "" {
			continue
		}
		c := 1
		if len(tied) > 0 {
			c = r.score(g.p, i).Cmp(r.score(g.p, tied[0]))
		}
		if c > 0 {
			tied = tied[:0]
		}
		if c >= 0 {
			tied = append(tied, i)
		}
	}
	return tied
}

// score is what the rule orders by: support, or support per unit of money.
func (r greedyRule) score(p *portfolio, i int) Rat {
	if r.perCost {
		return p.support[i].Quo(p.amount(p.cost[i]))
	}
	return p.support[i]
}

func (g *greedyCount) winners() []int {
	var won []int
	for _, s := range g.steps {
		if s.funded {
			won = append(won, s.project)
		}
	}
	return won
}
