package tally

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// approvals is a profile of approval ballots, for rules that fill seats.
type approvals struct {
	p        Profile
	keys     []string
	seats    int
	voters   []approver
	backers  [][]int // per alternative: who approves of it
	total    Rat     // weight of all voters
	problems []Problem
	ties     *Ties // nil: all tied committees are wanted
}

// approver is one ballot. A voter of weight w counts as w voters who vote
// alike, each with their own share.
type approver struct {
	counted
	sets   []int
	weight Rat
}

func newApprovals(p Profile, seats int) (*approvals, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if seats < 1 || seats > len(p.Alternatives) {
		return nil, fmt.Errorf("%d seats for %d alternatives: want from 1 to that many", seats, len(p.Alternatives))
	}
	in, problems := p.admit()
	a := &approvals{p: p, keys: p.keys(), seats: seats, problems: problems, backers: make([][]int, len(p.Alternatives))}
	index := p.index()
	votes := make(map[string]Rat)
	for _, b := range in {
		v := approver{counted: b, weight: b.weight}
		for _, k := range distinct(b.Approves) {
			i, ok := index[k]
			if !ok {
				a.problems = append(a.problems, Problem{b.name, Unknown, quote(k) + " is not on the ballot paper", "that mark not counted"})
				continue
			}
			v.sets = append(v.sets, i)
			votes[k] = votes[k].Add(b.weight)
		}
		if len(v.sets) == 0 {
			a.problems = append(a.problems, Problem{b.name, Empty, "approves of nobody", "counted as a voter without a choice"})
		}
		if v.weight.Sign() == 0 {
			continue
		}
		for _, i := range v.sets {
			a.backers[i] = append(a.backers[i], len(a.voters))
		}
		a.voters, a.total = append(a.voters, v), a.total.Add(v.weight)
	}
	if len(p.Ties) > 0 {
		a.ties = NewTies(p.Ties, p.Alternatives, votes)
	}
	return a, nil
}

// filling is a committee in the making.
type filling struct {
	chosen []int
	in     []bool
	share  []Rat // per voter: load, money left or seats gained, as the rule has it
	phase  int
	rounds []Round
}

func (f *filling) with(i int) *filling {
	g := &filling{
		chosen: append(slices.Clone(f.chosen), i), in: slices.Clone(f.in),
		share: slices.Clone(f.share), phase: f.phase, rounds: slices.Clone(f.rounds),
	}
	g.in[i] = true
	return g
}

// key tells fillings apart that go on alike.
func (f *filling) key() string {
	var b strings.Builder
	fmt.Fprint(&b, f.phase, f.in)
	for _, s := range f.share {
		b.WriteString(s.String())
		b.WriteByte(' ')
	}
	return b.String()
}

// method is a rule that fills seats one by one.
type method struct {
	start func() *filling
	// cost of choosing i next, the least is chosen; false: it cannot be chosen
	cost func(f *filling, i int) (Rat, bool)
	// take books the choice of i at that cost into a filling that has it
	take func(f *filling, i int, cost Rat, r *Round)
	// stuck is asked when nobody can be chosen; false ends the filling
	stuck func(f *filling) bool
	what  string // what the cost is, for the record
	gain  bool   // the cost is a gain with its sign turned; it is recorded as a gain
}

// shown is a cost as it is recorded.
func (m method) shown(cost Rat) Rat {
	if m.gain {
		return cost.Neg()
	}
	return cost
}

// run fills all seats. With a tie-break there is one committee; without, every
// committee that some way of breaking ties gives.
func (a *approvals) run(m method) ([]*filling, error) {
	open, done := []*filling{m.start()}, []*filling{}
	seen, sets := make(map[string]bool), make(map[string]bool)
	for len(open) > 0 {
		f := open[0]
		open = open[1:]
		least, cost := a.offers(m, f)
		if len(f.chosen) == a.seats || len(least) == 0 {
			if set := fmt.Sprint(f.in); !sets[set] {
				sets[set] = true
				done = append(done, f)
			}
			continue
		}
		pick, err := a.choose(least, len(f.chosen)+1)
		if err != nil {
			return nil, err
		}
		for _, i := range pick {
			g := a.seat(m, f, i, cost)
			if k := g.key(); !seen[k] {
				seen[k] = true
				open = append(open, g)
			}
		}
		if len(open) > maxFront {
			return nil, errors.New("too many tied committees to list: state a tie-break")
		}
	}
	return done, nil
}

// offers are the alternatives of least cost.
func (a *approvals) offers(m method, f *filling) (least []int, cost Rat) {
	for len(f.chosen) < a.seats {
		for i := range a.keys {
			if f.in[i] {
				continue
			}
			c, ok := m.cost(f, i)
			switch n := 0; {
			case !ok:
			case len(least) == 0:
				least, cost = []int{i}, c
			default:
				if n = c.Cmp(cost); n < 0 {
					least, cost = []int{i}, c
				} else if n == 0 {
					least = append(least, i)
				}
			}
		}
		if len(least) > 0 || !m.stuck(f) {
			return least, cost
		}
	}
	return nil, Rat{}
}

// choose breaks a tie, or keeps it where all committees are wanted.
func (a *approvals) choose(tied []int, round int) ([]int, error) {
	if a.ties == nil || len(tied) == 1 {
		return tied, nil
	}
	a.ties.Round = round
	k, err := a.ties.First("seat", names(a.keys, tied))
	if err != nil {
		return nil, err
	}
	return []int{slices.Index(a.keys, k)}, nil
}

// seat books one choice.
func (a *approvals) seat(m method, f *filling, i int, cost Rat) *filling {
	r := Round{Number: len(f.chosen) + 1, Chosen: []string{a.keys[i]}}
	for j, k := range a.keys {
		if f.in[j] {
			continue
		}
		if c, ok := m.cost(f, j); ok {
			r.Tally = append(r.Tally, Count{k, m.shown(c)})
		}
	}
	r.What = fmt.Sprintf("seat %d to %s: %s %s", r.Number, a.keys[i], m.what, short(m.shown(cost)))
	g := f.with(i)
	m.take(g, i, cost, &r)
	g.rounds = append(g.rounds, r)
	return g
}

// result turns fillings into a result. Winners are set only where there is one
// committee; Committees lists all that tie.
func (a *approvals) result(done []*filling) Result {
	r := Result{Problems: a.problems, Rounds: done[0].rounds}
	for _, f := range done {
		var set []string
		for i, in := range f.in {
			if in {
				set = append(set, a.keys[i])
			}
		}
		r.Committees = append(r.Committees, set)
	}
	slices.SortFunc(r.Committees, func(x, y []string) int {
		return slices.CompareFunc(x, y, func(s, t string) int { return slices.Index(a.keys, s) - slices.Index(a.keys, t) })
	})
	if len(done) == 1 {
		r.Winners = names(a.keys, done[0].chosen)
	} else {
		r.Notes = append(r.Notes, fmt.Sprintf("%d committees tie and no tie-break was stated; the rounds show how one of them was filled", len(done)))
	}
	if a.ties != nil {
		r.Ties = a.ties.Broken
	}
	return r
}

// finish completes a result with how far losers were from the last seat.
func (a *approvals) finish(m method, done []*filling, unit, why string) Result {
	r := a.result(done)
	f := done[0]
	if len(done) > 1 || len(f.rounds) == 0 {
		return r.done(a.p)
	}
	last := f.rounds[len(f.rounds)-1]
	var paid Rat
	for _, c := range last.Tally {
		if c.Alternative == last.Chosen[0] {
			paid = c.Votes
		}
	}
	for _, c := range last.Tally {
		if !slices.Contains(r.Winners, c.Alternative) {
			r.Losers = append(r.Losers, Distance{
				Alternative: c.Alternative, Missing: m.shown(c.Votes.Sub(paid)), Unit: unit, Against: last.Chosen[0],
				Why: fmt.Sprintf("%s %s for the last seat, against %s", why, short(c.Votes), short(paid)),
			})
		}
	}
	return r.done(a.p)
}

// short writes a number exactly where that is short.
func short(x Rat) string {
	if s := x.String(); len(s) <= 12 {
		return s
	}
	return x.Decimal(6)
}

// Phragmen fills seats by Phragmén's sequential method (E. Phragmén, 1894):
// every seat costs 1, which its supporters share so that their loads, with
// what they carry already, become equal; the seat goes to the alternative for
// which that load is least.
func Phragmen(p Profile, seats int) (Result, error) {
	a, err := newApprovals(p, seats)
	if err != nil {
		return Result{}, err
	}
	m := a.phragmen(make([]Rat, len(a.voters)))
	done, err := a.run(m)
	if err != nil {
		return Result{}, err
	}
	return a.finish(m, done, "load per supporter", "its supporters would have carried"), nil
}

func (a *approvals) fresh(share []Rat) *filling {
	return &filling{in: make([]bool, len(a.keys)), share: share}
}

func (a *approvals) phragmen(loads []Rat) method {
	return method{
		start: func() *filling { return a.fresh(loads) },
		cost:  a.load,
		take:  a.carry,
		stuck: a.anybody,
		what:  "load",
	}
}

// load is what each supporter of i would carry; false without supporters,
// unless nobody else is left.
func (a *approvals) load(f *filling, i int) (Rat, bool) {
	if len(a.backers[i]) == 0 {
		return Rat{}, f.phase == lastResort
	}
	sum, weight := Int(1), Rat{}
	for _, v := range a.backers[i] {
		w := a.voters[v].weight
		sum, weight = sum.Add(w.Mul(f.share[v])), weight.Add(w)
	}
	return sum.Quo(weight), true
}

func (a *approvals) carry(f *filling, i int, load Rat, _ *Round) {
	for _, v := range a.backers[i] {
		f.share[v] = load
	}
}

// lastResort is the phase in which alternatives without support fill seats
// that are left.
const lastResort = 99

func (a *approvals) anybody(f *filling) bool {
	if f.phase == lastResort {
		return false
	}
	f.phase = lastResort
	return true
}

// SeqPAV fills seats by proportional approval voting one by one (T. Thiele,
// 1895): the seat goes to the alternative that adds most to the score of
// [PAV].
func SeqPAV(p Profile, seats int) (Result, error) {
	a, err := newApprovals(p, seats)
	if err != nil {
		return Result{}, err
	}
	m := method{
		start: func() *filling { return a.fresh(make([]Rat, len(a.voters))) },
		cost: func(f *filling, i int) (Rat, bool) { // the gain, as a negative cost
			var gain Rat
			for _, v := range a.backers[i] {
				gain = gain.Add(a.voters[v].weight.Quo(f.share[v].Add(Int(1))))
			}
			return gain.Neg(), true
		},
		take: func(f *filling, i int, _ Rat, _ *Round) {
			for _, v := range a.backers[i] {
				f.share[v] = f.share[v].Add(Int(1))
			}
		},
		stuck: func(*filling) bool { return false },
		what:  "score added",
		gain:  true,
	}
	done, err := a.run(m)
	if err != nil {
		return Result{}, err
	}
	return a.finish(m, done, "points of score", "it would have added a score of"), nil
}
