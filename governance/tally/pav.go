package tally

import (
	"errors"
	"math/big"
	"slices"
)

// maxNodes bounds the search of [PAV] for the best committee.
const maxNodes = 3_000_000

// PAV finds the committee of the greatest score: a voter with j alternatives
// in it counts 1 + 1/2 + ... + 1/j (T. Thiele, 1895). It tries all committees
// that could be best, which takes long for many alternatives; the count then
// stops with an error that names [SeqPAV].
func PAV(p Profile, seats int) (Result, error) {
	a, err := newApprovals(p, seats)
	if err != nil {
		return Result{}, err
	}
	s := newThiele(a)
	if s.search(0); s.nodes > maxNodes {
		return Result{}, errors.New("too many committees to find the best by proportional approval voting: use seq_pav, equal_shares_committee or phragmen")
	}
	sets, err := a.preferred(s.sets)
	if err != nil {
		return Result{}, err
	}
	done := make([]*filling, len(sets))
	for at, set := range sets {
		f := a.fresh(nil)
		r := Round{Number: 1, What: "committee of the greatest score: " + s.value(s.best).String(), Tally: s.counts(set)}
		for _, i := range set {
			f.chosen, f.in[i] = append(f.chosen, i), true
			r.Chosen = append(r.Chosen, a.keys[i])
		}
		f.rounds = []Round{r}
		done[at] = f
	}
	r := a.result(done)
	if len(done) == 1 {
		r.Losers = s.swaps(done[0].chosen)
	}
	return r.done(p), nil
}

// preferred reduces tied committees to one by the tie-break: the alternative it
// prefers among those that not all have decides, then the next.
func (a *approvals) preferred(sets [][]int) ([][]int, error) {
	for a.ties != nil && len(sets) > 1 {
		var disputed []int
		for i := range a.keys {
			n := 0
			for _, set := range sets {
				if slices.Contains(set, i) {
					n++
				}
			}
			if n > 0 && n < len(sets) {
				disputed = append(disputed, i)
			}
		}
		k, err := a.ties.First("seat", names(a.keys, disputed))
		if err != nil {
			return nil, err
		}
		i := slices.Index(a.keys, k)
		sets = slices.DeleteFunc(sets, func(set []int) bool { return !slices.Contains(set, i) })
	}
	return sets, nil
}

// thiele is the search for the best committee. Scores are whole numbers: the
// weights and 1, 1/2, ... 1/seats brought to a common denominator.
type thiele struct {
	a      *approvals
	unit   *big.Int   // common denominator
	step   []*big.Int // step[j]: what a voter's j-th alternative counts
	weight []*big.Int
	has    []int // per voter: alternatives in the committee at hand
	set    []int
	score  *big.Int
	best   *big.Int
	sets   [][]int
	nodes  int
}

func newThiele(a *approvals) *thiele {
	s := &thiele{a: a, unit: big.NewInt(1), has: make([]int, len(a.voters)), score: new(big.Int), best: big.NewInt(-1)}
	lcm := func(d *big.Int) {
		g := new(big.Int).GCD(nil, nil, s.unit, d)
		s.unit.Mul(s.unit, g.Div(d, g))
	}
	for j := 1; j <= a.seats; j++ {
		lcm(big.NewInt(int64(j)))
	}
	harmonic := new(big.Int).Set(s.unit)
	for j := 1; j <= a.seats; j++ {
		s.step = append(s.step, new(big.Int).Div(harmonic, big.NewInt(int64(j))))
	}
	weights := big.NewInt(1)
	for _, v := range a.voters {
		d := v.weight.view().Denom()
		g := new(big.Int).GCD(nil, nil, weights, d)
		weights.Mul(weights, g.Div(d, g))
	}
	for _, v := range a.voters {
		w := v.weight.view()
		s.weight = append(s.weight, new(big.Int).Mul(w.Num(), new(big.Int).Div(weights, w.Denom())))
	}
	s.unit.Mul(s.unit, weights)
	return s
}

// value turns a score into a number.
func (s *thiele) value(score *big.Int) Rat { return fromBig(new(big.Rat).SetFrac(score, s.unit)) }

func (s *thiele) gain(i int) *big.Int {
	sum, part := new(big.Int), new(big.Int)
	for _, v := range s.a.backers[i] {
		sum.Add(sum, part.Mul(s.weight[v], s.step[s.has[v]]))
	}
	return sum
}

func (s *thiele) add(i, by int) {
	for _, v := range s.a.backers[i] {
		s.has[v] += by
	}
}

// search tries alternatives from the from-th on. Gains only shrink as a
// committee grows, so the greatest gains of today bound what can still come.
func (s *thiele) search(from int) {
	if s.nodes++; s.nodes > maxNodes {
		return
	}
	need := s.a.seats - len(s.set)
	if need == 0 {
		switch s.score.Cmp(s.best) {
		case 1:
			s.best.Set(s.score)
			s.sets = nil
			fallthrough
		case 0:
			if len(s.sets) <= maxFront {
				s.sets = append(s.sets, slices.Clone(s.set))
			}
		}
		return
	}
	gains := make([]*big.Int, 0, len(s.a.keys)-from)
	for i := from; i < len(s.a.keys); i++ {
		gains = append(gains, s.gain(i))
	}
	if len(gains) < need {
		return
	}
	top := slices.SortedFunc(slices.Values(gains), func(a, b *big.Int) int { return b.Cmp(a) })
	bound := new(big.Int).Set(s.score)
	for _, g := range top[:need] {
		bound.Add(bound, g)
	}
	if bound.Cmp(s.best) < 0 {
		return
	}
	s.set = append(s.set, from)
	s.score.Add(s.score, gains[0])
	s.add(from, 1)
	s.search(from + 1)
	s.add(from, -1)
	s.score.Sub(s.score, gains[0])
	s.set = s.set[:len(s.set)-1]
	s.search(from + 1)
}

// counts tells how many votes each member of a committee has.
func (s *thiele) counts(set []int) (out []Count) {
	for _, i := range set {
		var votes Rat
		for _, v := range s.a.backers[i] {
			votes = votes.Add(s.a.voters[v].weight)
		}
		out = append(out, Count{s.a.keys[i], votes})
	}
	return out
}

// swaps says for each loser by how much the best exchange with one member
// falls short.
func (s *thiele) swaps(set []int) (out []Distance) {
	for _, i := range set {
		s.add(i, 1)
	}
	for l, k := range s.a.keys {
		if slices.Contains(set, l) {
			continue
		}
		d := Distance{Alternative: k, Unit: "points of score"}
		for at, i := range set {
			s.add(i, -1)
			gap := s.value(new(big.Int).Sub(s.gain(i), s.gain(l)))
			s.add(i, 1)
			if at == 0 || gap.Less(d.Missing) {
				d.Missing, d.Against = gap, s.a.keys[i]
			}
		}
		d.Why = "in place of " + d.Against + " the score would be lower by " + d.Missing.Decimal(4)
		out = append(out, d)
	}
	return out
}
