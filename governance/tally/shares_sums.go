package tally

import (
	"cmp"
	"math/big"
	"slices"
)

// stake is how much weight (in copies) of one market group belongs to whoever
// is summed up.
type stake struct {
	group  int32
	weight int64
}

// ledger is what a set of voters had, gave and has left, in money units.
type ledger struct {
	had, left *big.Rat
	gave      []*big.Rat // per round; nil for nothing
}

// ledger sums up exactly what the stakes paid in the last run. Each amount is
// a linear form in the shares and the payments per point of the rounds, so the
// sum is taken over whole numbers first and becomes a fraction once.
func (s *shareState) ledger(stakes []stake, rounds int) ledger {
	full := make([]int64, rounds)
	last := make([]*linear, rounds) // of those who gave their last money in the round
	had, left := s.newLinear(), s.newLinear()
	for _, k := range stakes {
		had.class[s.m.groups[k.group].class] += k.weight
		for i := s.paidOff[k.group]; i < s.paidOff[k.group]+s.paidN[k.group]; i++ {
			full[s.paidAt[i]] += k.weight * int64(s.paidPts[i])
		}
		if at := s.emptied[k.group]; at < 0 {
			left.add(s, k)
		} else {
			if last[at] == nil {
				last[at] = s.newLinear()
			}
			last[at].add(s, k)
		}
	}
	l := ledger{had: s.money(s.value(had)), left: s.money(s.value(left)), gave: make([]*big.Rat, rounds)}
	for r := range rounds {
		if full[r] == 0 && last[r] == nil {
			continue
		}
		sum := new(big.Int)
		if last[r] != nil {
			sum = s.value(last[r])
		}
		l.gave[r] = s.money(sum.Add(sum, new(big.Int).Mul(big.NewInt(full[r]), s.payNum[r])))
	}
	return l
}

// linear is a weighted sum of balances: shares by class, less payments by round.
type linear struct{ class, coef []int64 }

func (s *shareState) newLinear() *linear {
	return &linear{make([]int64, s.m.classes), make([]int64, len(s.payNum))}
}

func (l *linear) add(s *shareState, k stake) {
	l.class[s.m.groups[k.group].class] += k.weight
	for i := s.paidOff[k.group]; i < s.paidOff[k.group]+s.paidN[k.group]; i++ {
		l.coef[s.paidAt[i]] += k.weight * int64(s.paidPts[i])
	}
}

func (s *shareState) value(l *linear) *big.Int {
	copy(s.classW, l.class)
	clear(s.coef)
	copy(s.coef, l.coef)
	return s.sum()
}

// money turns a value over s.den, for weights in copies, into money units.
func (s *shareState) money(num *big.Int) *big.Rat {
	return new(big.Rat).SetFrac(num, s.over(s.m.per))
}

// backing returns the stakes of a project's supporters.
func (m *shareMarket) backing(p int) []stake {
	stakes := make([]stake, len(m.projects[p].backers))
	for i, b := range m.projects[p].backers {
		stakes[i] = stake{b.group, m.groups[b.group].weight}
	}
	return stakes
}

// grouped sums up the voters by a label such as their region, sorted by label.
func (c *sharesCount) grouped(label func(Member) string) []GroupSum {
	type place struct {
		label string
		group int32
	}
	weights, sums := map[place]int64{}, map[string]*GroupSum{}
	for _, v := range c.p.voters {
		l := label(v.member)
		if sums[l] == nil {
			sums[l] = &GroupSum{Group: l}
		}
		sums[l].Voters++
		if v.group >= 0 {
			n, _ := whole(v.weight, c.state.m.per)
			weights[place{l, v.group}] += n
		}
	}
	stakes := map[string][]stake{}
	for at, w := range weights {
		stakes[at.label] = append(stakes[at.label], stake{at.group, w})
	}
	var out []GroupSum
	for _, l := range sortedKeys(sums) {
		g := *sums[l]
		slices.SortFunc(stakes[l], func(a, b stake) int { return cmp.Compare(a.group, b.group) })
		c.sumUp(&g, stakes[l])
		out = append(out, g)
	}
	return out
}

func (c *sharesCount) sumUp(g *GroupSum, stakes []stake) {
	if c.run == nil {
		return
	}
	l := c.state.ledger(stakes, len(c.run.rounds))
	g.Had, g.Left = c.rat(l.had), c.rat(l.left)
	for r, round := range c.run.rounds {
		if l.gave[r] != nil && l.gave[r].Sign() > 0 {
			amount := c.rat(l.gave[r])
			g.Gave = g.Gave.Add(amount)
			g.For = append(g.For, Gift{c.p.alts[round.project].Key, amount})
		}
	}
}

// rat turns money units into the unit of the budget.
func (c *sharesCount) rat(x *big.Rat) Rat {
	return fromBig(new(big.Rat).Quo(x, new(big.Rat).SetInt64(c.p.unit)))
}
