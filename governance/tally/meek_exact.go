package tally

import (
	"errors"
	"slices"
)

// STVMeekExact fills seats by Meek's method in exact fractions: the quota has
// to be exceeded, equal ranks share a ballot equally, and all who together
// (with the surplus) cannot overtake the next are defeated at once. A round
// ends when the surplus is below 10^-10 of a vote.
//
// The fractions grow with every iteration. A count that would need numbers of
// more than a hundred thousand digits stops with an error; [STVMeek] counts
// any election.
func STVMeekExact(p Profile, seats int) (Result, error) {
	if err := p.check(); err != nil {
		return Result{}, err
	}
	if seats < 1 {
		return Result{}, errors.New("an election fills at least one seat")
	}
	list, scale, problems, err := p.rankings()
	if err != nil {
		return Result{}, err
	}
	n := len(p.Alternatives)
	m := &meekExact{
		p: p, keys: p.keys(), seats: seats, scale: scale, list: list,
		fate: make([]fate, n), keep: make([]Rat, n), votes: make([]Rat, n),
	}
	for i := range m.keep {
		m.keep[i] = Int(1)
	}
	m.result.Problems = problems
	if err := m.run(); err != nil {
		return Result{}, err
	}
	return m.result.done(p), nil
}

var errTooLong = errors.New("the exact fractions of this Meek count grow too long: count it by stv_meek, in nine decimals")

// maxBits is the length of numbers at which an exact Meek count stops.
const maxBits = 400_000

// meekExact is an exact Meek count in progress.
type meekExact struct {
	p      Profile
	keys   []string
	seats  int
	scale  int64
	list   []ranking
	fate   []fate
	keep   []Rat
	votes  []Rat
	quota  Rat
	excess Rat
	ties   *Ties
	result Result
}

func (m *meekExact) run() error {
	m.distribute()
	first := make(map[string]Rat)
	for i, k := range m.keys {
		first[k] = m.votes[i]
	}
	m.ties = NewTies(m.p.Ties, m.p.Alternatives, first)
	for !m.complete() {
		if err := m.round(); err != nil {
			return err
		}
	}
	m.finish()
	netChanges(m.result.Rounds)
	m.result.Ties = m.ties.Broken
	for i, k := range m.keys {
		if d, ok := lastSeen(m.result.Rounds, k); ok && m.fate[i] == eliminated {
			m.result.Losers = append(m.result.Losers, d)
		}
	}
	return nil
}

func (m *meekExact) having(f fate) (out []int) {
	for i, g := range m.fate {
		if g == f {
			out = append(out, i)
		}
	}
	return out
}

func (m *meekExact) complete() bool {
	won, open := len(m.having(elected)), len(m.having(hopeful))
	return won >= m.seats || won+open <= m.seats
}

func (m *meekExact) distribute() {
	clear(m.votes)
	for _, b := range m.list {
		left := Int(b.weight)
		for _, tier := range b.tiers {
			left = m.share(tier, left)
			if left.IsZero() {
				break
			}
		}
	}
	var sum Rat
	for _, v := range m.votes {
		sum = sum.Add(v)
	}
	m.quota = sum.Quo(Int(int64(m.seats + 1)))
}

// share lets the candidates of one tier keep their part of what is left, and
// returns the rest.
func (m *meekExact) share(tier []int32, left Rat) Rat {
	open := int64(0)
	for _, i := range tier {
		if m.fate[i] != eliminated {
			open++
		}
	}
	if open == 0 {
		return left
	}
	part, rest := left.Quo(Int(open)), Rat{}
	for _, i := range tier {
		if m.fate[i] == eliminated {
			continue
		}
		kept := part.Mul(m.keep[i])
		m.votes[i] = m.votes[i].Add(kept)
		rest = rest.Add(part.Sub(kept))
	}
	return rest
}

func (m *meekExact) round() error {
	for {
		m.distribute()
		if m.tooLong() {
			return errTooLong
		}
		r := m.record()
		won := m.overQuota()
		for _, i := range won {
			m.fate[i] = elected
			r.Chosen = append(r.Chosen, m.keys[i])
			m.result.Winners = append(m.result.Winners, m.keys[i])
		}
		m.excess = Rat{}
		for _, i := range m.having(elected) {
			if d := m.votes[i].Sub(m.quota); d.Sign() > 0 {
				m.excess = m.excess.Add(d)
			}
		}
		switch losers := m.certainLosers(); {
		case len(won) > 0:
			r.What = "elected: " + listed(r.Chosen)
			m.result.Rounds = append(m.result.Rounds, r)
			m.lowerKeep()
			return nil
		case m.excess.Less(Frac(1, 10_000_000_000)):
			return m.defeatLowest(r)
		case len(losers) > 0:
			r.What = "defeated: " + listed(names(m.keys, losers)) + ", who cannot overtake the next"
			m.defeat(r, losers)
			return nil
		}
		m.lowerKeep()
	}
}

func (m *meekExact) tooLong() bool {
	total := 0
	for _, v := range m.votes {
		if v.big != nil {
			total += v.big.Denom().BitLen() + v.big.Num().BitLen()
		}
	}
	return total > maxBits
}

func (m *meekExact) overQuota() (won []int) {
	for _, i := range m.having(hopeful) {
		if m.quota.Less(m.votes[i]) {
			won = append(won, i)
		}
	}
	return won
}

func (m *meekExact) lowerKeep() {
	for _, i := range m.having(elected) {
		if m.votes[i].Sign() > 0 {
			m.keep[i] = m.keep[i].Mul(m.quota).Quo(m.votes[i]).Min(Int(1))
		}
	}
}

// certainLosers is the largest set of the lowest who, with all the surplus,
// stay below the next, and without whom enough are left for the seats.
func (m *meekExact) certainLosers() []int {
	open := m.having(hopeful)
	spare := len(open) - (m.seats - len(m.having(elected)))
	order := slices.Clone(open)
	slices.SortStableFunc(order, func(a, b int) int { return m.votes[a].Cmp(m.votes[b]) })
	sum, cut := m.excess, 0
	for at := 1; at < len(order) && at <= spare; at++ {
		sum = sum.Add(m.votes[order[at-1]])
		if sum.Less(m.votes[order[at]]) {
			cut = at
		}
	}
	losers := order[:cut]
	slices.Sort(losers)
	return losers
}

func (m *meekExact) record() Round {
	scale := Int(m.scale)
	r := Round{Number: len(m.result.Rounds) + 1, Quota: m.quota.Quo(scale)}
	m.ties.Round = r.Number
	var cast, held Rat
	for _, b := range m.list {
		cast = cast.Add(Int(b.weight))
	}
	for i, k := range m.keys {
		r.Tally = append(r.Tally, Count{k, m.votes[i].Quo(scale)})
		held = held.Add(m.votes[i])
	}
	r.Exhausted = cast.Sub(held).Quo(scale)
	return r
}

func (m *meekExact) defeat(r Round, losers []int) {
	for _, i := range losers {
		m.fate[i], m.keep[i] = eliminated, Rat{}
		r.Dropped = append(r.Dropped, m.keys[i])
	}
	m.result.Rounds = append(m.result.Rounds, r)
}

func (m *meekExact) defeatLowest(r Round) error {
	tied := extremes(m.having(hopeful), m.votes, -1)
	k, err := m.ties.First("defeat", names(m.keys, tied))
	if err != nil {
		return err
	}
	i := slices.Index(m.keys, k)
	r.What = "defeated: " + k + ", with the fewest votes, " + m.votes[i].Quo(Int(m.scale)).Decimal(5)
	m.defeat(r, []int{i})
	return nil
}

// finish elects whoever is left if seats are, and defeats them otherwise.
func (m *meekExact) finish() {
	m.distribute()
	r := m.record()
	r.What = "count complete"
	for _, i := range m.having(hopeful) {
		if len(m.having(elected)) < m.seats {
			m.fate[i] = elected
			r.Chosen = append(r.Chosen, m.keys[i])
			m.result.Winners = append(m.result.Winners, m.keys[i])
		} else {
			m.fate[i] = eliminated
			r.Dropped = append(r.Dropped, m.keys[i])
		}
	}
	if len(r.Chosen) > 0 {
		r.What += ": " + listed(r.Chosen) + " fill the seats that are left"
	}
	m.result.Rounds = append(m.result.Rounds, r)
}
