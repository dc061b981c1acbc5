package tally

import (
	"cmp"
	"slices"
)

// RankedPairs locks majorities from the strongest to the weakest, leaving out
// each that would close a cycle (N. Tideman, "Independence of clones as a
// criterion for voting rules", 1987). Whoever no locked majority beats wins.
//
// Majorities of equal strength are taken in the order of the tie-break: the
// one whose winner it prefers, then the one whose loser it prefers least
// (T. Zavist and N. Tideman, 1989). A profile without a tie-break gets all
// winners over all orders of equal majorities, if no more than seven are
// equal; otherwise the count stops with a [TieError].
func RankedPairs(p Profile, rule RankedRule) (Result, error) {
	c, err := newMajorities(p, rule)
	if err != nil {
		return Result{}, err
	}
	r := Result{Pairs: c.pairs(), Problems: c.problems, Rounds: c.struckRound()}
	groups := c.majorities()
	if len(p.Ties) == 0 {
		err = c.lockAllOrders(&r, groups)
	} else {
		err = c.lockInOrder(&r, groups)
	}
	if err != nil {
		return Result{}, err
	}
	r.Losers = c.behindLocks(r.Winners)
	return r.done(p), nil
}

// majority is a beats b.
type majority struct{ a, b int }

// majorities groups the majorities by strength, strongest group first.
func (c *contest) majorities() [][]majority {
	var all []majority
	for a := range c.n {
		for b := range c.n {
			if !c.struck[a] && !c.struck[b] && c.pull(a, b) > 0 {
				all = append(all, majority{a, b})
			}
		}
	}
	slices.SortStableFunc(all, func(x, y majority) int { return c.stronger(x, y) })
	var groups [][]majority
	for i, m := range all {
		if i == 0 || c.stronger(all[i-1], m) != 0 {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], m)
	}
	return groups
}

func (c *contest) stronger(x, y majority) int {
	return cmp.Compare(c.pull(y.a, y.b), c.pull(x.a, x.b))
}

// pull is the strength with which a pair asks to be locked. Under winning
// votes an exactly tied pair asks in both directions with its votes, as in
// Tideman's original and in the published reference counts; under margins it
// has nothing to ask with.
func (c *contest) pull(a, b int) int64 {
	if a != b && c.rule.Strength == WinningVotes && c.margin(a, b) == 0 {
		return c.N(a, b)
	}
	return c.strength(a, b)
}

// locks is the set of locked majorities with what follows from them: reach[a]
// has a bit for every b that a chain of locks leads to.
type locks struct {
	n     int
	reach [][]uint64
}

func newLocks(n int) *locks {
	l := &locks{n: n, reach: make([][]uint64, n)}
	for a := range l.reach {
		l.reach[a] = make([]uint64, (n+63)/64)
		l.reach[a][a/64] |= 1 << (a % 64)
	}
	return l
}

func (l *locks) leads(a, b int) bool { return l.reach[a][b/64]&(1<<(b%64)) != 0 }

// lock adds a beats b unless b already leads to a.
func (l *locks) lock(m majority) bool {
	if l.leads(m.b, m.a) {
		return false
	}
	if l.leads(m.a, m.b) {
		return true
	}
	for x := range l.n {
		if !l.leads(x, m.a) {
			continue
		}
		for w, bits := range l.reach[m.b] {
			l.reach[x][w] |= bits
		}
	}
	return true
}

func (l *locks) clone() *locks {
	c := &locks{n: l.n, reach: make([][]uint64, l.n)}
	for a := range c.reach {
		c.reach[a] = slices.Clone(l.reach[a])
	}
	return c
}

// top lists those whom no lock beats.
func (c *contest) top(l *locks) []string {
	tiers := c.layers(func(a, b int) bool { return a != b && l.leads(a, b) })
	if len(tiers) == 0 {
		return nil
	}
	return tiers[0]
}

func (c *contest) lockInOrder(r *Result, groups [][]majority) error {
	ties := NewTies(c.p.Ties, c.p.Alternatives, c.first())
	order, err := ties.Sort("order of equal majorities", c.keys)
	ties.Broken = nil // only the ties that arise are recorded
	if err != nil && slices.ContainsFunc(groups, func(g []majority) bool { return len(g) > 1 }) {
		return err
	}
	rank := make(map[string]int, len(order))
	for i, k := range order {
		rank[k] = i
	}
	l := newLocks(c.n)
	for _, g := range groups {
		slices.SortStableFunc(g, func(x, y majority) int {
			return cmp.Or(rank[c.keys[x.a]]-rank[c.keys[y.a]], rank[c.keys[y.b]]-rank[c.keys[x.b]])
		})
		c.lockGroup(r, l, g)
	}
	r.Ranking = c.layers(func(a, b int) bool { return a != b && l.leads(a, b) })
	if len(r.Ranking) == 0 {
		return nil
	}
	broken := r.Ties
	err = resolve(r, c.p, r.Ranking[0], c.first())
	r.Ties = append(broken, r.Ties...)
	return err
}

// lockGroup locks majorities of equal strength in the given order, and records
// a tie where the order decided which of them hold.
func (c *contest) lockGroup(r *Result, l *locks, g []majority) {
	before := l.clone()
	refused := false
	for _, m := range g {
		ok := l.lock(m)
		refused = refused || !ok && !before.leads(m.b, m.a)
		r.Pairs.Locked = append(r.Pairs.Locked, Lock{c.keys[m.a], c.keys[m.b], c.votes(c.pull(m.a, m.b)), ok})
	}
	if !refused {
		return
	}
	tie := Tie{For: "order of equal majorities", By: c.p.Ties[0].By, Chosen: c.keys[g[0].a] + " over " + c.keys[g[0].b]}
	for _, m := range g {
		tie.Tied = append(tie.Tied, c.keys[m.a]+" over "+c.keys[m.b])
	}
	r.Ties = append(r.Ties, tie)
}

// maxTiedOrders is how many equal majorities are tried in every order.
const maxTiedOrders = 7

// lockAllOrders finds every winner that some order of equal majorities gives.
func (c *contest) lockAllOrders(r *Result, groups [][]majority) error {
	states := []*locks{newLocks(c.n)}
	for _, g := range groups {
		next, seen := []*locks{}, map[string]bool{}
		for _, l := range states {
			open := slices.DeleteFunc(slices.Clone(g), func(m majority) bool { return l.leads(m.b, m.a) || l.leads(m.a, m.b) })
			if len(open) > maxTiedOrders {
				if one := tryOnce(l, open); one != nil { // no order matters: all hold together
					next = addState(next, seen, one)
					continue
				}
				return &TieError{Tie{For: "order of equal majorities", Tied: c.names(open)}}
			}
			permute(l, open, func(done *locks) { next = addState(next, seen, done) })
		}
		if states = next; len(states) > maxFront {
			return &TieError{Tie{For: "order of equal majorities", Tied: c.names(g)}}
		}
		if l := states[0]; len(states) == 1 {
			for _, m := range g {
				r.Pairs.Locked = append(r.Pairs.Locked, Lock{c.keys[m.a], c.keys[m.b], c.votes(c.pull(m.a, m.b)), l.leads(m.a, m.b)})
			}
		}
	}
	won := make(map[string]bool)
	for _, l := range states {
		for _, k := range c.top(l) {
			won[k] = true
		}
	}
	for _, k := range c.keys {
		if won[k] {
			r.Winners = append(r.Winners, k)
		}
	}
	if len(states) == 1 {
		r.Ranking = c.layers(func(a, b int) bool { return a != b && states[0].leads(a, b) })
	}
	return nil
}

func (c *contest) names(g []majority) (out []string) {
	for _, m := range g {
		out = append(out, c.keys[m.a]+" over "+c.keys[m.b])
	}
	return out
}

// tryOnce locks all of g, or returns nil if one of them is refused.
func tryOnce(l *locks, g []majority) *locks {
	l = l.clone()
	for _, m := range g {
		if !l.lock(m) {
			return nil
		}
	}
	return l
}

func addState(list []*locks, seen map[string]bool, l *locks) []*locks {
	var key []byte
	for _, row := range l.reach {
		for _, w := range row {
			for s := 0; s < 64; s += 8 {
				key = append(key, byte(w>>s))
			}
		}
	}
	if seen[string(key)] {
		return list
	}
	seen[string(key)] = true
	return append(list, l)
}

// permute visits the outcome of locking rest in every order.
func permute(l *locks, rest []majority, visit func(*locks)) {
	if len(rest) == 0 {
		visit(l)
		return
	}
	for i, m := range rest {
		next := l.clone()
		next.lock(m)
		permute(next, slices.Concat(rest[:i], rest[i+1:]), visit)
	}
}

// behindLocks says by how much each loser lost against the winner directly.
func (c *contest) behindLocks(winners []string) []Distance {
	if len(winners) == 0 {
		return nil
	}
	w := c.p.index()[winners[0]]
	var out []Distance
	for b := range c.n {
		if b == w || c.struck[b] || slices.Contains(winners, c.keys[b]) {
			continue
		}
		d := Distance{Alternative: c.keys[b], Against: winners[0], Unit: "votes of margin"}
		d.Missing = c.votes(max(c.margin(w, b), 0))
		d.Why = c.votes(c.N(w, b)).String() + " votes put " + winners[0] + " above it, " + c.votes(c.N(b, w)).String() + " below"
		out = append(out, d)
	}
	return out
}
