package tally

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// STVMeek fills seats by Meek's method as the reference rule of the
// Proportional Representation Foundation states it (I. Hill, B. Wichmann and
// D. Woodall, "Algorithm 123: single transferable vote by Meek's method",
// 1987, in fixed-point decimals of nine places).
//
// Every ballot reaches all its choices in turn: an elected candidate keeps the
// fraction of it that holds its votes at the quota (the keep factor), a
// defeated one keeps nothing, and the rest goes on. So a ballot whose first
// choice was elected long ago counts for its later choices as any other does.
// The quota falls as ballots run out. A round iterates until somebody is
// elected, the total surplus is below a millionth of a vote, or it no longer
// falls; in the latter cases the lowest is defeated.
//
// A tie for defeat is among those whose votes are within the remaining surplus
// of the lowest; whom the tie-break prefers is taken first, as from a drawn
// order. Ranks with several marks are passed over.
func STVMeek(p Profile, seats int) (Result, error) {
	if err := p.check(); err != nil {
		return Result{}, err
	}
	if seats < 1 {
		return Result{}, errors.New("an election fills at least one seat")
	}
	piles, scale, problems, err := p.choose()
	if err != nil {
		return Result{}, err
	}
	m := &meek{p: p, keys: p.keys(), seats: seats, scale: scale, piles: group(piles)}
	m.result.Problems = problems
	total := int64(0)
	for _, b := range piles {
		total += b.times
	}
	if total > maxMeek {
		return Result{}, fmt.Errorf("%d votes in units of 1/%d: a Meek count takes at most %d", total, scale, int64(maxMeek))
	}
	if scale > 1 {
		m.result.Notes = append(m.result.Notes, fmt.Sprintf("weights are fractions: counted in units of 1/%d vote", scale))
	}
	if err := m.run(total); err != nil {
		return Result{}, err
	}
	return m.result.done(p), nil
}

// Arithmetic of the rule: integers that stand for billionths.
const (
	nano    = 1_000_000_000
	omega   = 1000          // a millionth
	maxMeek = 4_000_000_000 // so that votes in billionths fit in an int64
)

// meek is a Meek count in progress.
type meek struct {
	p      Profile
	keys   []string
	seats  int
	scale  int64
	piles  []pile
	fate   []fate
	keep   []int64
	votes  []int64
	quota  int64
	excess int64 // total surplus of the elected
	ties   *Ties
	result Result
}

// group puts equal ballots together, because a count goes over all of them
// many times.
func group(piles []pile) []pile {
	at := make(map[string]int, len(piles))
	var out []pile
	var key []byte
	for _, p := range piles {
		key = key[:0]
		for _, c := range p.choices {
			key = append(key, byte(c), byte(c>>8), byte(c>>16))
		}
		i, ok := at[string(key)]
		if !ok {
			i = len(out)
			at[string(key)] = i
			out = append(out, pile{choices: p.choices})
		}
		out[i].times += p.times
	}
	return out
}

func (m *meek) run(total int64) error {
	n := len(m.keys)
	m.fate, m.keep, m.votes = make([]fate, n), make([]int64, n), make([]int64, n)
	for i := range m.keep {
		m.keep[i] = nano
	}
	m.distribute()
	first := make(map[string]Rat)
	for i, k := range m.keys {
		first[k] = m.toVotes(m.votes[i])
	}
	m.ties = NewTies(m.p.Ties, m.p.Alternatives, first)
	m.quota = total*nano/int64(m.seats+1) + 1
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

func (m *meek) having(f fate) (out []int) {
	for i, g := range m.fate {
		if g == f {
			out = append(out, i)
		}
	}
	return out
}

func (m *meek) complete() bool {
	won, open := len(m.having(elected)), len(m.having(hopeful))
	return won >= m.seats || won+open <= m.seats
}

// toVotes turns billionths of a unit into votes.
func (m *meek) toVotes(n int64) Rat { return Frac(n, nano).Quo(Int(m.scale)) }

// distribute lets every ballot reach its choices in turn.
func (m *meek) distribute() {
	clear(m.votes)
	for i := range m.piles {
		p := &m.piles[i]
		left := int64(nano)
		for _, c := range p.choices {
			kept := left
			switch k := m.keep[c]; k {
			case 0:
				continue
			case nano:
			default:
				kept = (left*k + nano - 1) / nano // rounded up
			}
			m.votes[c] += kept * p.times
			if left -= kept; left == 0 {
				break
			}
		}
	}
}

// round iterates until it can elect or has to defeat.
func (m *meek) round() error {
	before := int64(-1)
	for {
		m.distribute()
		sum := int64(0)
		for _, v := range m.votes {
			sum += v
		}
		m.quota = sum/int64(m.seats+1) + 1
		won := m.atQuota()
		r := m.record()
		for _, i := range won {
			m.elect(&r, i)
		}
		m.excess = m.surplus()
		if len(won) > 0 {
			r.What = "elected: " + listed(r.Chosen)
			m.result.Rounds = append(m.result.Rounds, r)
			m.lowerKeep()
			return nil
		}
		if m.excess < omega || before >= 0 && m.excess >= before {
			return m.defeat(r)
		}
		before = m.excess
		m.lowerKeep()
	}
}

func (m *meek) atQuota() (won []int) {
	for _, i := range m.having(hopeful) {
		if m.votes[i] >= m.quota {
			won = append(won, i)
		}
	}
	return won
}

func (m *meek) surplus() (sum int64) {
	for _, i := range m.having(elected) {
		sum += max(m.votes[i]-m.quota, 0)
	}
	return sum
}

// lowerKeep moves the votes of each elected candidate towards the quota:
// keep * quota / votes, both steps rounded up.
func (m *meek) lowerKeep() {
	for _, i := range m.having(elected) {
		if m.votes[i] == 0 {
			continue
		}
		m.keep[i] = min(divUp(mulUp(m.keep[i], m.quota), m.votes[i]), nano)
	}
}

// mulUp returns a*b in billionths, rounded up.
func mulUp(a, b int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	q, rem := bits.Div64(hi, lo, nano)
	if rem > 0 {
		q++
	}
	return int64(q)
}

// divUp returns a/b in billionths, rounded up. a is not much greater than b.
func divUp(a, b int64) int64 {
	hi, lo := bits.Mul64(uint64(a), nano)
	q, rem := bits.Div64(hi, lo, uint64(b))
	if rem > 0 {
		q++
	}
	return int64(q)
}

func (m *meek) record() Round {
	r := Round{Number: len(m.result.Rounds) + 1, Quota: m.toVotes(m.quota)}
	m.ties.Round = r.Number
	total := int64(0)
	for i, k := range m.keys {
		r.Tally = append(r.Tally, Count{k, m.toVotes(m.votes[i])})
		total += m.votes[i]
	}
	cast := int64(0)
	for i := range m.piles {
		cast += m.piles[i].times
	}
	r.Exhausted = m.toVotes(cast*nano - total)
	return r
}

func (m *meek) elect(r *Round, i int) {
	m.fate[i] = elected
	r.Chosen = append(r.Chosen, m.keys[i])
	m.result.Winners = append(m.result.Winners, m.keys[i])
}

// defeat takes the lowest out.
func (m *meek) defeat(r Round) error {
	open := m.having(hopeful)
	low := m.votes[open[0]]
	for _, i := range open {
		low = min(low, m.votes[i])
	}
	var tied []int
	for _, i := range open {
		if m.votes[i] <= low+m.excess {
			tied = append(tied, i)
		}
	}
	k, err := m.ties.First("defeat", names(m.keys, tied))
	if err != nil {
		return err
	}
	i := slices.Index(m.keys, k)
	m.fate[i], m.keep[i] = eliminated, 0
	r.Dropped = []string{k}
	r.What = "defeated: " + k + ", with the fewest votes, " + m.toVotes(m.votes[i]).Decimal(5)
	m.result.Rounds = append(m.result.Rounds, r)
	return nil
}

// finish elects whoever is left if seats are, and defeats them otherwise.
func (m *meek) finish() {
	m.distribute()
	r := m.record()
	r.What = "count complete"
	for _, i := range m.having(hopeful) {
		if len(m.having(elected)) < m.seats {
			m.elect(&r, i)
		} else {
			m.fate[i], m.keep[i] = eliminated, 0
			r.Dropped = append(r.Dropped, m.keys[i])
		}
	}
	if len(r.Chosen) > 0 {
		r.What += ": " + listed(r.Chosen) + " fill the seats that are left"
	}
	m.result.Rounds = append(m.result.Rounds, r)
}

// netChanges fills in what each tally gains or loses until the next round. In
// a Meek count a ballot reaches all its choices, so votes do not move from one
// pile to another; the net change is what can be told.
func netChanges(rounds []Round) {
	for i := range max(len(rounds)-1, 0) {
		for k, c := range rounds[i].Tally {
			if d := rounds[i+1].Tally[k].Votes.Sub(c.Votes); !d.IsZero() {
				rounds[i].Changes = append(rounds[i].Changes, Count{c.Alternative, d})
			}
		}
	}
}
