package tally

import (
	"errors"
	"fmt"
	"slices"
)

// Gregory describes one method of the weighted inclusive Gregory family of the
// single transferable vote. In all of them a ballot counts for its first
// continuing choice; whoever has the quota is elected; the surplus goes on to
// the next choices, each ballot of the pile at the same share of its value; if
// nobody has a surplus, the lowest is defeated and its ballots go on at the
// value they have.
type Gregory struct {
	name   string
	places int // decimal places of ballot values, truncated; -1: exact
	// quota for so many votes and seats
	quota func(votes, seats int64) Rat
	// over: more than the quota is needed, not just as much
	over bool
	// lookBack breaks ties by the latest earlier stage in which they differed
	lookBack bool
	// stopAtOnce: when all seats are filled no further surplus is transferred
	stopAtOnce bool
}

// The Gregory methods.
var (
	// scottish is the count of Scottish local elections (SSI 2011/399, rules 45
	// to 52): a whole-number quota, values truncated to five places, ties
	// broken by the latest stage that differed and then by lot.
	scottish = Gregory{
		name: "stv_scottish", places: 5, lookBack: true, stopAtOnce: true,
		quota: func(v, s int64) Rat { return Int(v/(s+1) + 1) },
	}
	// wigmPRF is the reference rule of the Proportional Representation
	// Foundation: quota and values to four places, ties by a drawn order.
	wigmPRF = Gregory{
		name: "stv_wigm_prf", places: 4,
		quota: func(v, s int64) Rat { return truncate(Frac(v, s+1), 4).Add(Frac(1, 10000)) },
	}
	// wigmExact uses no rounding at all; the quota has to be exceeded.
	wigmExact = Gregory{
		name: "stv_wigm_exact", places: -1, over: true,
		quota: func(v, s int64) Rat { return Frac(v, s+1) },
	}
)

// STVScottish fills seats by the Scottish rules; [Gregory] tells what the
// family has in common. Ties that no earlier stage decides go to the tie-break:
// whom it prefers is taken first, be it for a surplus or for defeat, as from an
// order drawn by lot.
func STVScottish(p Profile, seats int) (Result, error) { return scottish.count(p, seats) }

// STVWIGM fills seats by the WIGM reference rule of the Proportional
// Representation Foundation. Ties go to the tie-break as in [STVScottish].
func STVWIGM(p Profile, seats int) (Result, error) { return wigmPRF.count(p, seats) }

// STVExact fills seats by the weighted inclusive Gregory method in exact
// fractions. Ties go to the tie-break as in [STVScottish].
func STVExact(p Profile, seats int) (Result, error) { return wigmExact.count(p, seats) }

// pile is one ballot, or several alike, in an STV count.
type pile struct {
	choices []int32
	at      int   // the choice it counts for; len(choices): none left
	times   int64 // votes
	value   Rat   // of each
}

// choose reads ballots for rules that know strict orders only: a rank with
// several marks is passed over, and reported.
func (p Profile) choose() (piles []pile, scale int64, problems []Problem, err error) {
	for i := range p.Ballots {
		b := &p.Ballots[i]
		for rank, marks := range b.Ranks {
			if len(distinct(marks)) > 1 {
				problems = append(problems, Problem{ballotName(*b, i), Overvoted, fmt.Sprintf("%d marks at rank %d", len(marks), rank+1), "that rank not counted"})
			}
		}
	}
	list, scale, found, err := p.rankings()
	if err != nil {
		return nil, 0, nil, err
	}
	for _, r := range list {
		one := pile{times: r.weight, value: Int(1)}
		for _, tier := range r.tiers {
			if len(tier) == 1 {
				one.choices = append(one.choices, tier[0])
			}
		}
		piles = append(piles, one)
	}
	return piles, scale, append(found, problems...), nil
}

// stvCount is an STV count in progress.
type stvCount struct {
	rule     Gregory
	p        Profile
	keys     []string
	seats    int
	scale    int64
	piles    []pile
	fate     []fate
	pending  []int // elected, surplus not yet transferred, in order of election
	tally    []Rat
	history  [][]Rat // tallies of earlier stages
	quota    Rat
	nobody   Rat // votes without a further choice
	residual Rat // lost to truncation
	ties     *Ties
	result   Result
}

func (g Gregory) count(p Profile, seats int) (Result, error) {
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
	c := &stvCount{rule: g, p: p, keys: p.keys(), seats: seats, scale: scale, piles: piles}
	c.result.Problems = problems
	if scale > 1 {
		c.result.Notes = append(c.result.Notes, fmt.Sprintf("weights are fractions: counted in units of 1/%d vote", scale))
	}
	c.start()
	for !c.complete() {
		if err := c.round(); err != nil {
			return Result{}, err
		}
	}
	c.finish()
	c.result.Ties = c.ties.Broken
	c.result.Losers = c.behind()
	return c.result.done(p), nil
}

func (c *stvCount) start() {
	c.fate, c.tally = make([]fate, len(c.keys)), make([]Rat, len(c.keys))
	total := int64(0)
	for i := range c.piles {
		total += c.piles[i].times
		c.deal(&c.piles[i])
	}
	c.quota = c.rule.quota(total, int64(c.seats))
	first := make(map[string]Rat)
	for i, k := range c.keys {
		first[k] = c.tally[i]
	}
	c.ties = NewTies(c.p.Ties, c.p.Alternatives, first)
}

// deal counts a pile for its next continuing choice and returns it, or -1.
func (c *stvCount) deal(p *pile) int {
	votes := p.value.Mul(Int(p.times))
	for ; p.at < len(p.choices); p.at++ {
		if to := p.choices[p.at]; c.fate[to] == hopeful {
			c.tally[to] = c.tally[to].Add(votes)
			return int(to)
		}
	}
	c.nobody = c.nobody.Add(votes)
	return -1
}

func (c *stvCount) having(f fate) (out []int) {
	for i, g := range c.fate {
		if g == f {
			out = append(out, i)
		}
	}
	return out
}

// complete: all seats are filled, or only as many are left as seats.
func (c *stvCount) complete() bool {
	won, open := len(c.having(elected)), len(c.having(hopeful))
	return won >= c.seats || won+open <= c.seats
}

// votes turns units into votes for the record.
func (c *stvCount) votes(units Rat) Rat { return units.Quo(Int(c.scale)) }

// record opens a round with the tally as it stands.
func (c *stvCount) record() Round {
	r := Round{
		Number: len(c.result.Rounds) + 1, Quota: c.votes(c.quota),
		Exhausted: c.votes(c.nobody), Residual: c.votes(c.residual),
	}
	c.ties.Round = r.Number
	for i, k := range c.keys {
		r.Tally = append(r.Tally, Count{k, c.votes(c.tally[i])})
	}
	return r
}

// round elects whom the quota elects, then transfers the highest surplus or
// defeats the lowest.
func (c *stvCount) round() error {
	r := c.record()
	if err := c.electAtQuota(&r); err != nil {
		return err
	}
	if c.rule.stopAtOnce && c.complete() {
		r.What = "elected: " + listed(r.Chosen)
		c.result.Rounds = append(c.result.Rounds, r)
		return nil
	}
	var err error
	if len(c.pending) > 0 {
		err = c.transferSurplus(&r)
	} else {
		err = c.defeatLowest(&r)
	}
	c.history = append(c.history, slices.Clone(c.tally))
	c.result.Rounds = append(c.result.Rounds, r)
	return err
}

// electAtQuota elects in the order of votes, equal ones in the order of the
// paper; the order decides nothing.
func (c *stvCount) electAtQuota(r *Round) error {
	if len(c.history) == 0 {
		c.history = append(c.history, slices.Clone(c.tally))
	}
	var over []int
	for _, i := range c.having(hopeful) {
		if n := c.tally[i].Cmp(c.quota); n > 0 || n == 0 && !c.rule.over {
			over = append(over, i)
		}
	}
	slices.SortStableFunc(over, func(a, b int) int { return c.tally[b].Cmp(c.tally[a]) })
	for _, i := range over {
		c.elect(r, i)
		c.pending = append(c.pending, i)
	}
	return nil
}

func (c *stvCount) elect(r *Round, i int) {
	c.fate[i] = elected
	r.Chosen = append(r.Chosen, c.keys[i])
	c.result.Winners = append(c.result.Winners, c.keys[i])
}

// transferSurplus passes on the highest surplus.
func (c *stvCount) transferSurplus(r *Round) error {
	i, err := c.extreme("surplus", c.pending, 1)
	if err != nil {
		return err
	}
	c.pending = slices.DeleteFunc(c.pending, func(j int) bool { return j == i })
	total := c.tally[i]
	surplus := total.Sub(c.quota)
	c.tally[i] = c.quota
	m, passed := newMoves(c.keys[i]), Rat{}
	for j := range c.piles {
		p := &c.piles[j]
		if p.at >= len(p.choices) || p.choices[p.at] != int32(i) {
			continue
		}
		p.value = p.value.Mul(surplus).Quo(total)
		if c.rule.places >= 0 {
			p.value = truncate(p.value, c.rule.places)
		}
		to, votes := c.deal(p), p.value.Mul(Int(p.times))
		passed = passed.Add(votes)
		m.add(nameOf(c.keys, to), c.votes(votes))
	}
	c.residual = c.residual.Add(surplus.Sub(passed))
	r.Moves = m.list(c.keys)
	r.What = "surplus of " + c.keys[i] + " transferred: " + plural(c.votes(surplus), "vote", "votes")
	return nil
}

func nameOf(keys []string, i int) string {
	if i < 0 {
		return ""
	}
	return keys[i]
}

// defeatLowest passes on the ballots of the lowest.
func (c *stvCount) defeatLowest(r *Round) error {
	i, err := c.extreme("defeat", c.having(hopeful), -1)
	if err != nil {
		return err
	}
	c.fate[i] = eliminated
	r.Dropped = []string{c.keys[i]}
	r.What = "defeated: " + c.keys[i] + ", with the fewest votes, " + c.votes(c.tally[i]).Decimal(5)
	c.tally[i] = Rat{}
	m := newMoves(c.keys[i])
	for j := range c.piles {
		p := &c.piles[j]
		if p.at >= len(p.choices) || p.choices[p.at] != int32(i) {
			continue
		}
		to := c.deal(p)
		m.add(nameOf(c.keys, to), c.votes(p.value.Mul(Int(p.times))))
	}
	r.Moves = m.list(c.keys)
	return nil
}

// extreme picks the highest (sign 1) or the lowest (-1) of list.
func (c *stvCount) extreme(what string, list []int, sign int) (int, error) {
	tied := extremes(list, c.tally, sign)
	if c.rule.lookBack {
		for _, stage := range slices.Backward(c.history) {
			if len(tied) == 1 {
				break
			}
			narrowed := extremes(tied, stage, sign)
			if len(narrowed) == 1 {
				c.ties.Broken = append(c.ties.Broken, Tie{
					Round: c.ties.Round, For: what, Tied: names(c.keys, tied), Chosen: c.keys[narrowed[0]], By: ByEarlierStage,
				})
			}
			tied = narrowed
		}
	}
	k, err := c.ties.First(what, names(c.keys, tied))
	return slices.Index(c.keys, k), err
}

func extremes(list []int, tally []Rat, sign int) (out []int) {
	for _, i := range list {
		switch n := 0; {
		case len(out) == 0:
			out = []int{i}
		default:
			if n = tally[i].Cmp(tally[out[0]]) * sign; n > 0 {
				out = []int{i}
			} else if n == 0 {
				out = append(out, i)
			}
		}
	}
	return out
}

func names(keys []string, list []int) []string {
	out := make([]string, len(list))
	for at, i := range list {
		out[at] = keys[i]
	}
	return out
}

// finish elects whoever is left if seats are, and defeats them otherwise.
func (c *stvCount) finish() {
	r := c.record()
	r.What = "count complete"
	for _, i := range c.having(hopeful) {
		if len(c.having(elected)) < c.seats {
			c.elect(&r, i)
		} else {
			c.fate[i] = eliminated
			r.Dropped = append(r.Dropped, c.keys[i])
		}
	}
	if len(r.Chosen) > 0 {
		r.What += ": " + listed(r.Chosen) + " fill the seats that are left"
	}
	c.result.Rounds = append(c.result.Rounds, r)
}

func (c *stvCount) behind() (out []Distance) {
	for i, k := range c.keys {
		if c.fate[i] != eliminated {
			continue
		}
		if d, ok := lastSeen(c.result.Rounds, k); ok {
			out = append(out, d)
		}
	}
	return out
}
