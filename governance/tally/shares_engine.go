package tally

import (
	"errors"
	"math/big"
	"math/bits"
	"slices"
)

// shareMarket is an equal-shares problem in whole numbers: the projects and
// their backers, with voters who would always act alike merged into groups.
// A market is built once and run many times (Add1 raises the endowment and
// runs again), so nothing in it changes during a run.
type shareMarket struct {
	projects []shareProject
	groups   []shareGroup
	classes  int   // number of endowment classes (one, or one per region)
	per      int64 // weights and costs are in units of 1/per
}

// shareProject has its cost in whole units of the market's money.
type shareProject struct {
	cost    int64
	scale   int64 // rho is the top payment per point divided by scale: the cost itself for cost utilities, else 1
	backers []shareBacker
	points  int64 // sum over the backers of weight times points
}

// shareBacker is a group that gives the project a positive utility. For
// approval ballots points is 1; the cost, if it counts, is in scale.
type shareBacker struct {
	group  int32
	points int32
}

// shareGroup stands for weight copies of one voter.
type shareGroup struct {
	weight int64
	class  int32
	size   int32 // number of projects it backs: the most rounds it can pay in
}

// shareRound is one purchase of a run. Every backer pays perPoint times its
// points, or what it has left when that is less.
type shareRound struct {
	project  int
	perPoint *big.Rat // exact; per unit of weight
	tied     []int    // all projects with the same rho, winner included; nil when there was no tie
}

// shareRun is a finished run. Who paid what stays in the state that ran it
// until the next run.
type shareRun struct {
	endow  []*big.Rat // per class and unit of weight
	rounds []shareRound
	cost   int64 // of all projects bought
}

// tieChooser picks one of several projects with equal rho.
type tieChooser func(round int, tied []int) (winner int, err error)

const groupEmpty = -1 << 63

// shareState is the working memory of runs. Balances are kept as whole
// numbers in units of 2^-shift, each within err units of the true, rational
// balance; they only ever decide a comparison whose two sides differ by more
// than that error. Whatever is closer is compared exactly, from the linear
// form every balance has: endowment minus the rounds paid.
type shareState struct {
	m     *shareMarket
	shift uint
	err   int64

	approx  []int64 // per group, or groupEmpty
	emptied []int32 // round in which the group spent its last money, or -1
	paidN   []int32
	paidAt  []int32
	paidPts []int32
	paidOff []int32

	arena   []shareBacker
	backers [][]shareBacker // alive backers per project, compacted as groups run dry
	low     []int64         // lower bound of the payment per point, in 2^-shift; it never falls during a run
	fresh   []int32         // round of the last evaluation of low
	gone    []int           // round in which the project left the race (bought or unaffordable), -1 while in
	bought  []bool
	done    []int // stamp of the round in which rho was last computed exactly
	stamp   int

	leap   leap
	coarse uint // if above 0, shift is at most this
	tmp    [2]big.Int

	den    *big.Int   // common denominator of all exact values of the run
	endNum []*big.Int // endowments over den
	payNum []*big.Int // payments per point of past rounds over den

	classW []int64
	coef   []int64
	mark   []int8 // classification scratch, per backer of the project at hand
}

func newShareState(m *shareMarket) *shareState {
	s := &shareState{m: m}
	n, total := len(m.groups), 0
	s.paidOff = make([]int32, n+1)
	for g := range m.groups {
		s.paidOff[g] = int32(total)
		total += int(m.groups[g].size)
	}
	s.paidOff[n] = int32(total)
	s.approx, s.emptied, s.paidN = make([]int64, n), make([]int32, n), make([]int32, n)
	s.paidAt, s.paidPts = make([]int32, total), make([]int32, total)
	p := len(m.projects)
	s.arena, s.backers = make([]shareBacker, total), make([][]shareBacker, p)
	s.low, s.fresh, s.gone = make([]int64, p), make([]int32, p), make([]int, p)
	s.bought, s.done = make([]bool, p), make([]int, p)
	s.classW, s.coef = make([]int64, m.classes), make([]int64, p)
	return s
}

// run buys projects until no project's backers can pay for it together.
//
// watch, if not nil, is told of each purchase before it happens, while the
// balances are still those that were compared.
func (s *shareState) run(endow []*big.Rat, choose tieChooser, watch func(round shareRound)) (*shareRun, error) {
	if err := s.reset(endow); err != nil {
		return nil, err
	}
	r := &shareRun{endow: endow}
	for {
		tied := s.cheapest(len(r.rounds))
		if len(tied) == 0 {
			return r, nil
		}
		round := shareRound{project: tied[0], perPoint: new(big.Rat)}
		if len(tied) > 1 {
			slices.Sort(tied)
			w, err := choose(len(r.rounds), tied)
			if err != nil {
				return nil, err
			}
			round.project, round.tied = w, tied
		}
		num, den := s.mustExact(round.project)
		round.perPoint.SetFrac(num, s.over(den))
		if watch != nil {
			watch(round)
			s.mustExact(round.project) // watch may have solved for others
		}
		s.leapBuy(round.project, s.fixed(num, den), round.tied)
		s.buy(round.project, num, den, len(r.rounds))
		r.rounds = append(r.rounds, round)
		r.cost += s.m.projects[round.project].cost
	}
}

func (s *shareState) reset(endow []*big.Rat) error {
	s.den = big.NewInt(1)
	for _, e := range endow {
		s.den = lcm(s.den, e.Denom())
	}
	s.endNum, s.payNum = s.endNum[:0], s.payNum[:0]
	for _, e := range endow {
		n := new(big.Int).Div(s.den, e.Denom())
		s.endNum = append(s.endNum, n.Mul(n, e.Num()))
	}
	if err := s.setShift(); err != nil {
		return err
	}
	s.err = 1
	s.resetLeap()
	for g := range s.approx {
		s.approx[g], s.emptied[g], s.paidN[g] = s.fixed(s.endNum[s.m.groups[g].class], 1), -1, 0
	}
	off := 0
	for p := range s.m.projects {
		pr := &s.m.projects[p]
		k := copy(s.arena[off:], pr.backers)
		s.backers[p] = s.arena[off : off+k : off+k]
		off += k
		s.gone[p], s.fresh[p], s.bought[p], s.low[p] = -1, -1, false, 0
		if pr.cost <= 0 || k == 0 || !s.canPay(p) {
			s.gone[p] = 0
		} else {
			s.low[p] = (pr.cost << s.shift) / pr.points
		}
	}
	return nil
}

// setShift takes the finest fixed-point unit in which all the money there is
// still fits 61 bits.
func (s *shareState) setShift() error {
	for i := range s.classW {
		s.classW[i] = 0
	}
	for g := range s.m.groups {
		s.classW[s.m.groups[g].class] += s.m.groups[g].weight
	}
	total, t := new(big.Int), new(big.Int)
	for c, w := range s.classW {
		total.Add(total, t.Mul(big.NewInt(w), s.endNum[c]))
	}
	total.Div(total, s.den)
	if total.BitLen() > 60 {
		return errors.New("the voters' shares have grown too large to count exactly")
	}
	s.shift = uint(60 - total.BitLen())
	if s.coarse > 0 {
		s.shift = min(s.shift, s.coarse)
	}
	s.leapShift()
	return nil
}

// fixed is floor(num / (den*u)) in units of 2^-shift.
func (s *shareState) fixed(num *big.Int, u int64) int64 {
	d := s.tmp[0].SetInt64(u)
	d.Mul(d, s.den)
	n := s.tmp[1].Lsh(num, s.shift)
	return n.Div(n, d).Int64()
}

// over is s.den*u.
func (s *shareState) over(u int64) *big.Int {
	d := big.NewInt(u)
	return d.Mul(d, s.den)
}

// canPay compares the backers' whole money with the cost, exactly if need be.
func (s *shareState) canPay(p int) bool {
	pr := &s.m.projects[p]
	var sum, weight int64
	alive := s.backers[p][:0]
	for _, b := range s.backers[p] {
		if a := s.approx[b.group]; a != groupEmpty {
			w := s.m.groups[b.group].weight
			sum, weight = sum+w*a, weight+w
			alive = append(alive, b)
		}
	}
	s.backers[p] = alive
	if pr.cost > 1<<61>>s.shift {
		s.leapUnpaid(p, sum+weight*s.err, 1<<61)
		return false
	}
	want, slack := pr.cost<<s.shift, weight*s.err
	switch {
	case sum-slack > want:
		return true
	case sum+slack < want:
		s.leapUnpaid(p, sum+slack, want)
		return false
	}
	s.leap.stop()
	s.clearSums()
	for _, b := range alive {
		s.addSum(b.group)
	}
	need := new(big.Int).Mul(big.NewInt(pr.cost), s.den)
	return s.sum().Cmp(need) >= 0
}

// cheapest returns the projects of least rho this round, several on a tie.
// It works on lower bounds: a project is evaluated again only when its old
// bound is the least of all, and exactly only when its new one still is.
func (s *shareState) cheapest(round int) []int {
	var tied []int
	var num *big.Int // rho of tied[0], as its payment per point
	var den, high int64
	s.stamp++
	for {
		p := s.leastBound()
		if p < 0 || (len(tied) > 0 && s.above(p, s.low[p], tied[0], high)) {
			return tied
		}
		if int(s.fresh[p]) != round {
			s.fresh[p] = int32(round)
			s.evaluate(p, round)
			continue
		}
		n, d := s.mustExact(p) // evaluate has seen to it that they can pay
		s.done[p] = s.stamp
		s.low[p] = s.fixed(n, d)
		if s.leap.on {
			s.leap.low[p] = s.leapLow(p, func(i int, _ shareBacker) bool { return s.mark[i] < 0 })
			s.leap.flat[p] = !slices.Contains(s.mark, -1)
		}
		c := -1
		if len(tied) > 0 {
			c = s.compare(n, d, p, num, den, tied[0])
		}
		if c < 0 {
			tied, num, den, high = []int{p}, n, d, s.low[p]+1
		} else if c == 0 {
			tied = append(tied, p)
		}
	}
}

// leastBound returns the project with the least lower bound of rho among
// those not computed exactly in this round, or -1.
func (s *shareState) leastBound() int {
	best := -1
	for p := range s.low {
		if s.gone[p] < 0 && s.done[p] != s.stamp && (best < 0 || s.above(best, s.low[best], p, s.low[p])) {
			best = p
		}
	}
	return best
}

// above says whether rho of p, with payment a, is greater than that of q with
// payment b.
func (s *shareState) above(p int, a int64, q int, b int64) bool {
	h1, l1 := bits.Mul64(uint64(a), uint64(s.m.projects[q].scale))
	h2, l2 := bits.Mul64(uint64(b), uint64(s.m.projects[p].scale))
	return h1 > h2 || h1 == h2 && l1 > l2
}

func (s *shareState) compare(n1 *big.Int, d1 int64, p1 int, n2 *big.Int, d2 int64, p2 int) int {
	a, b, t := new(big.Int), new(big.Int), new(big.Int)
	a.Mul(n1, t.SetInt64(d2)).Mul(a, t.SetInt64(s.m.projects[p2].scale))
	b.Mul(n2, t.SetInt64(d1)).Mul(b, t.SetInt64(s.m.projects[p1].scale))
	return a.Cmp(b)
}

// evaluate raises the project's lower bound with Newton's method from the
// left: take as poor all backers who cannot pay the present bound, let the
// others share the rest, repeat. Any split gives a valid lower bound, because
// min(b, r*u) never exceeds either of its sides.
func (s *shareState) evaluate(p, round int) {
	if !s.canPay(p) {
		s.gone[p] = round
		return
	}
	want := s.m.projects[p].cost << s.shift
	r := s.low[p]
	for {
		var poor, poorW, rich int64
		for _, b := range s.backers[p] {
			a, w := s.approx[b.group], s.m.groups[b.group].weight
			if lessPay(a, r, b.points) {
				poor, poorW = poor+w*a, poorW+w
			} else {
				rich += w * int64(b.points)
			}
		}
		if rich == 0 {
			return // so close that only the exact comparison can tell
		}
		next := (want - poor - poorW*s.err) / rich
		if next <= r {
			return
		}
		if s.leap.on {
			s.leap.low[p] = s.leapLow(p, func(_ int, b shareBacker) bool { return lessPay(s.approx[b.group], r, b.points) })
		}
		r = next
		s.low[p] = r
	}
}

// lessPay is a < r*points for r >= 0.
func lessPay(a, r int64, points int32) bool {
	if points == 1 || a <= 0 {
		return a < r
	}
	h, l := bits.Mul64(uint64(r), uint64(points))
	return h > 0 || uint64(a) < l
}

// buy lets the backers pay num/(s.den*den) per point. s.mark must be that of
// the project's exact call.
func (s *shareState) buy(p int, num *big.Int, den int64, round int) {
	pays := map[int32]int64{}
	for i, b := range s.backers[p] {
		g := b.group
		if s.mark[i] <= 0 {
			s.approx[g], s.emptied[g] = groupEmpty, int32(round)
			continue
		}
		pay, known := pays[b.points]
		if !known {
			pay = s.fixed(new(big.Int).Mul(num, big.NewInt(int64(b.points))), den)
			pays[b.points] = pay
		}
		s.approx[g] -= pay
		at := s.paidOff[g] + s.paidN[g]
		s.paidAt[at], s.paidPts[at] = int32(round), b.points
		s.paidN[g]++
	}
	s.err++
	s.gone[p], s.bought[p] = round, true
	s.rescale(num, den)
}
