package tally

import (
	"math/big"
	"slices"
)

// The exact half of the engine. A balance is an endowment less payments of past
// rounds, so the balances of any set of voters sum to a linear form with whole
// coefficients, which is evaluated over one common denominator.

// exact solves sum of min(balance, r*points) = cost for r = num/(s.den*den),
// and leaves in s.mark which backers would be emptied by it. It reports false
// when the backers together cannot pay. Newton's method from any split of the
// backers ends after finitely many steps, and each step is exact.
func (s *shareState) exact(p int) (num *big.Int, den int64, ok bool) {
	if !s.canPay(p) {
		return nil, 0, false
	}
	num, den = s.mustExact(p)
	return num, den, true
}

// mustExact is exact for a project whose backers are known to be able to pay.
func (s *shareState) mustExact(p int) (num *big.Int, den int64) {
	back := s.backers[p]
	s.mark = slices.Grow(s.mark[:0], len(back))[:len(back)]
	for i, b := range back {
		s.mark[i] = 0
		if lessPay(s.approx[b.group], s.low[p], b.points) {
			s.mark[i] = -1
		}
	}
	s.unmarkAllPoor(back)
	for {
		num, den = s.solve(p, back)
		if !s.classify(back, num, den) {
			return num, den
		}
		s.unmarkAllPoor(back)
	}
}

// unmarkAllPoor keeps the equation solvable: with money enough, somebody is
// not poor, and treating all as able to pay is again a valid lower bound.
func (s *shareState) unmarkAllPoor(back []shareBacker) {
	for i := range back {
		if s.mark[i] >= 0 {
			return
		}
	}
	clear(s.mark)
}

func (s *shareState) solve(p int, back []shareBacker) (*big.Int, int64) {
	s.clearSums()
	var rich int64
	for i, b := range back {
		if s.mark[i] < 0 {
			s.addSum(b.group)
		} else {
			rich += s.m.groups[b.group].weight * int64(b.points)
		}
	}
	num := new(big.Int).Mul(big.NewInt(s.m.projects[p].cost), s.den)
	return num.Sub(num, s.sum()), rich
}

// classify marks each backer -1 (has less than r*points), 0 (exactly that:
// emptied too) or 1 (keeps something) and reports whether the poor changed.
func (s *shareState) classify(back []shareBacker, num *big.Int, den int64) (changed bool) {
	if num.Sign() < 0 {
		clear(s.mark)
		return true
	}
	low := s.fixed(num, den)
	high := low + 1
	for i, b := range back {
		a := s.approx[b.group]
		was := s.mark[i] < 0
		switch {
		case lessPay(a+s.err, low, b.points):
			s.mark[i] = -1
		case !lessPay(a-s.err-1, high, b.points):
			s.mark[i] = 1
		default:
			s.mark[i] = int8(s.compareBalance(b, num, den))
		}
		changed = changed || was != (s.mark[i] < 0)
	}
	return changed
}

// compareBalance compares the group's exact balance with points*num/(den*s.den).
func (s *shareState) compareBalance(b shareBacker, num *big.Int, den int64) int {
	bal := s.balance(b.group)
	bal.Mul(bal, big.NewInt(den))
	return bal.Cmp(new(big.Int).Mul(num, big.NewInt(int64(b.points))))
}

// balance is the exact balance of an unspent group, over s.den.
func (s *shareState) balance(g int32) *big.Int {
	v, t := new(big.Int).Set(s.endNum[s.m.groups[g].class]), new(big.Int)
	for i := s.paidOff[g]; i < s.paidOff[g]+s.paidN[g]; i++ {
		v.Sub(v, t.Mul(s.payNum[s.paidAt[i]], big.NewInt(int64(s.paidPts[i]))))
	}
	return v
}

func (s *shareState) clearSums() {
	clear(s.classW)
	clear(s.coef)
}

// addSum adds the group's weighted balance to the linear form.
func (s *shareState) addSum(g int32) {
	w := s.m.groups[g].weight
	s.classW[s.m.groups[g].class] += w
	for i := s.paidOff[g]; i < s.paidOff[g]+s.paidN[g]; i++ {
		s.coef[s.paidAt[i]] += w * int64(s.paidPts[i])
	}
}

// sum is the value of the linear form, over s.den.
func (s *shareState) sum() *big.Int {
	v, t := new(big.Int), new(big.Int)
	for c, w := range s.classW {
		if w != 0 {
			v.Add(v, t.Mul(t.SetInt64(w), s.endNum[c]))
		}
	}
	for r := range s.payNum {
		if k := s.coef[r]; k != 0 {
			v.Sub(v, t.Mul(t.SetInt64(k), s.payNum[r]))
		}
	}
	return v
}

// rescale brings all exact values over the denominator that the new payment
// needs.
func (s *shareState) rescale(num *big.Int, den int64) {
	t := new(big.Int)
	g := t.GCD(nil, nil, new(big.Int).Abs(num), big.NewInt(den)).Int64()
	f := big.NewInt(den / g)
	s.den = new(big.Int).Mul(s.den, f)
	for _, n := range s.endNum {
		n.Mul(n, f)
	}
	for _, n := range s.payNum {
		n.Mul(n, f)
	}
	s.payNum = append(s.payNum, new(big.Int).Quo(num, big.NewInt(g)))
}

// paid is what one unit of weight of the group paid in the round, exactly.
func (s *shareState) paid(g int32, round int) *big.Rat {
	for i := s.paidOff[g]; i < s.paidOff[g]+s.paidN[g]; i++ {
		if int(s.paidAt[i]) == round {
			n := big.NewInt(int64(s.paidPts[i]))
			return new(big.Rat).SetFrac(n.Mul(n, s.payNum[round]), s.den)
		}
	}
	if int(s.emptied[g]) == round {
		return new(big.Rat).SetFrac(s.balance(g), s.den)
	}
	return new(big.Rat)
}

func lcm(a, b *big.Int) *big.Int {
	g := new(big.Int).GCD(nil, nil, a, b)
	return g.Mul(g.Quo(a, g), b)
}
