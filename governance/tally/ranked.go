package tally

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Strength says how strong a majority of one alternative over another is.
type Strength string

// The measures of strength. With N[a,b] the votes that put a strictly above b:
const (
	Margins      Strength = "margins"       // N[a,b] - N[b,a]; the default
	WinningVotes Strength = "winning_votes" // N[a,b], where it exceeds N[b,a]
	Opposition   Strength = "opposition"    // N[a,b]; minimax only
)

// Unranked says what a ballot means that leaves an alternative out.
type Unranked string

// The policies for alternatives that a ballot leaves out. They can change the
// winner of a real election, so a charter names one.
const (
	UnrankedLast       Unranked = "last_tied"   // below all that are ranked, equal among themselves; the default
	UnrankedNotCounted Unranked = "not_counted" // the ballot is silent on every pair with it
)

// RankedRule holds the options of rules that compare pairs.
type RankedRule struct {
	Strength Strength `json:"strength,omitempty"`
	Unranked Unranked `json:"unranked,omitempty"`

	// StatusQuo, if set, is the alternative "leave things as they are". An
	// alternative that does not beat it, with more than StatusQuoRatio (at
	// least 1; 0 means 1) times the votes of the opposite preference, is struck
	// before the count, as with Debian's "none of the above".
	StatusQuo      string `json:"status_quo,omitempty"`
	StatusQuoRatio Rat    `json:"status_quo_ratio,omitzero"`
}

func (r RankedRule) check(p Profile) error {
	if !slices.Contains([]Strength{"", Margins, WinningVotes, Opposition}, r.Strength) {
		return fmt.Errorf("no strength is called %q", r.Strength)
	}
	if !slices.Contains([]Unranked{"", UnrankedLast, UnrankedNotCounted}, r.Unranked) {
		return fmt.Errorf("no policy for unranked alternatives is called %q", r.Unranked)
	}
	if r.StatusQuo != "" && !slices.ContainsFunc(p.Alternatives, func(a Alternative) bool { return a.Key == r.StatusQuo }) {
		return fmt.Errorf("the status quo %q is not on the ballot paper", r.StatusQuo)
	}
	if r.StatusQuoRatio.Sign() != 0 && r.StatusQuoRatio.Less(Int(1)) {
		return fmt.Errorf("the ratio to the status quo is %s, below 1", r.StatusQuoRatio)
	}
	if len(p.Alternatives) > maxPaired {
		return fmt.Errorf("%d alternatives: rules that compare pairs take at most %d", len(p.Alternatives), maxPaired)
	}
	return p.check()
}

// maxPaired bounds the table of pairs.
const maxPaired = 1000

// ranking is one readable ranked ballot: the tier of each alternative by its
// index, from 0, and unranked for those left out.
type ranking struct {
	tier   []int32
	tiers  [][]int32 // alternatives per tier, in the order of the ballot paper
	weight int64     // in units of 1/scale votes
}

const unranked = math.MaxInt32

// rankings reads the ranked ballots of a profile. Weights are brought to a
// common denominator, scale, so that the counts are integers.
func (p Profile) rankings() (list []ranking, scale int64, problems []Problem, err error) {
	in, problems := p.admit()
	scale, err = commonScale(in)
	if err != nil {
		return nil, 0, nil, err
	}
	index := p.index()
	for _, b := range in {
		r, found := readRanking(b, index)
		problems = append(problems, found...)
		if len(r.tiers) > 0 {
			r.weight = scaled(b.weight, scale)
			list = append(list, r)
		}
	}
	return list, scale, problems, nil
}

func (p Profile) index() map[string]int {
	index := make(map[string]int, len(p.Alternatives))
	for i, a := range p.Alternatives {
		index[a.Key] = i
	}
	return index
}

func (p Profile) keys() []string {
	keys := make([]string, len(p.Alternatives))
	for i, a := range p.Alternatives {
		keys[i] = a.Key
	}
	return keys
}

func readRanking(b counted, index map[string]int) (ranking, []Problem) {
	r := ranking{tier: make([]int32, len(index))}
	for i := range r.tier {
		r.tier[i] = unranked
	}
	marks := 0
	for _, names := range b.Ranks {
		marks += len(names)
	}
	all := make([]int32, 0, min(marks, len(index))) // one allocation for all tiers
	r.tiers = make([][]int32, 0, min(len(b.Ranks), len(index)))
	var problems []Problem
	for _, names := range b.Ranks {
		start := len(all)
		for _, name := range names {
			i, ok := index[name]
			switch {
			case !ok:
				problems = append(problems, Problem{b.name, Unknown, quote(name) + " is not on the ballot paper", "that mark not counted"})
			case r.tier[i] != unranked:
				problems = append(problems, Problem{b.name, Duplicate, quote(name) + " is ranked twice", "only its first rank counted"})
			default:
				r.tier[i] = int32(len(r.tiers))
				all = append(all, int32(i))
			}
		}
		if here := all[start:len(all):len(all)]; len(here) > 0 {
			slices.Sort(here)
			r.tiers = append(r.tiers, here)
		}
	}
	if len(r.tiers) == 0 {
		problems = append(problems, Problem{b.name, Empty, "ranks nothing", "not counted"})
	}
	return r, problems
}

// maxUnits bounds the sum of all weights in units of their common denominator,
// so that counts, also multiplied by the number of alternatives, fit.
const maxUnits = 1 << 44

var errWeights = errors.New("the weights have no common denominator small enough to count in: use weights that are multiples of a simple fraction")

// commonScale is the least common denominator of all weights.
func commonScale(in []counted) (int64, error) {
	scale := int64(1)
	for _, b := range in {
		if b.weight.big != nil {
			return 0, errWeights
		}
		d := b.weight.den()
		var ok bool
		if scale, ok = mul64(scale, d/gcd(scale, d)); !ok || scale > maxUnits {
			return 0, errWeights
		}
	}
	total := int64(0)
	for _, b := range in {
		units, ok := mul64(b.weight.num, scale/b.weight.den())
		if total += units; !ok || units > maxUnits || total > maxUnits {
			return 0, errWeights
		}
	}
	return scale, nil
}

func scaled(w Rat, scale int64) int64 { return w.num * (scale / w.den()) }

// prefer counts N[a,b] as one row of len(alternatives) numbers per a.
func prefer(list []ranking, n int, policy Unranked) []int64 {
	count := make([]int64, n*n)
	for _, r := range list {
		r.addPairs(count, n, policy)
	}
	return count
}

// addPairs visits the alternatives from the last tier to the first and counts
// each above all that were visited before its tier.
func (r ranking) addPairs(count []int64, n int, policy Unranked) {
	below := make([]int32, 0, n)
	if policy != UnrankedNotCounted {
		for i, t := range r.tier {
			if t == unranked {
				below = append(below, int32(i))
			}
		}
	}
	for _, tier := range slices.Backward(r.tiers) {
		for _, a := range tier {
			row := count[int(a)*n : int(a)*n+n]
			for _, b := range below {
				row[b] += r.weight
			}
		}
		below = append(below, tier...)
	}
}

// contest is a profile reduced to what rules about pairs need.
type contest struct {
	p        Profile
	rule     RankedRule
	keys     []string
	n        int
	scale    int64
	prefer   []int64 // N[a,b] at a*n+b, in units of 1/scale votes
	list     []ranking
	struck   []bool // did not beat the status quo
	problems []Problem
}

// newMajorities is newContest for rules that ask which majority is stronger.
func newMajorities(p Profile, rule RankedRule) (*contest, error) {
	if rule.Strength == Opposition {
		return nil, errors.New("opposition measures no majority: it is for minimax")
	}
	return newContest(p, rule)
}

func newContest(p Profile, rule RankedRule) (*contest, error) {
	if err := rule.check(p); err != nil {
		return nil, err
	}
	list, scale, problems, err := p.rankings()
	if err != nil {
		return nil, err
	}
	c := &contest{p: p, rule: rule, keys: p.keys(), n: len(p.Alternatives), scale: scale, list: list, problems: problems}
	c.prefer = prefer(list, c.n, rule.Unranked)
	c.strike()
	return c, nil
}

// strike marks what does not beat the status quo.
func (c *contest) strike() {
	c.struck = make([]bool, c.n)
	quo := slices.Index(c.keys, c.rule.StatusQuo)
	if c.rule.StatusQuo == "" || quo < 0 {
		return
	}
	ratio := c.rule.StatusQuoRatio
	if ratio.IsZero() {
		ratio = Int(1)
	}
	for a := range c.n {
		over, under := Int(c.N(a, quo)), Int(c.N(quo, a))
		c.struck[a] = a != quo && !under.Mul(ratio).Less(over)
	}
}

// N is the votes that put a strictly above b, in units.
func (c *contest) N(a, b int) int64 { return c.prefer[a*c.n+b] }

func (c *contest) margin(a, b int) int64 { return c.N(a, b) - c.N(b, a) }

// strength of a over b; 0 unless a beats b.
func (c *contest) strength(a, b int) int64 {
	switch m := c.margin(a, b); {
	case m <= 0:
		return 0
	case c.rule.Strength == WinningVotes:
		return c.N(a, b)
	default:
		return m
	}
}

// votes turns units into votes.
func (c *contest) votes(units int64) Rat { return Frac(units, c.scale) }

// matrix turns units at a*n+b into rows of votes.
func (c *contest) matrix(units []int64) [][]Rat {
	rows := make([][]Rat, c.n)
	for a := range rows {
		rows[a] = make([]Rat, c.n)
		for b := range rows[a] {
			rows[a][b] = c.votes(units[a*c.n+b])
		}
	}
	return rows
}

// Pairs compares every alternative with every other.
type Pairs struct {
	Order    []string `json:"order"`  // the alternatives; rows and columns follow it
	Prefer   [][]Rat  `json:"prefer"` // Prefer[a][b]: votes that put a strictly above b
	Strength Strength `json:"strength,omitempty"`
	Paths    [][]Rat  `json:"paths,omitempty"`  // Schulze: strength of the strongest path from a to b
	Locked   []Lock   `json:"locked,omitempty"` // ranked pairs, strongest first
	Struck   []string `json:"struck,omitempty"` // did not beat the status quo
}

// Lock is one majority that ranked pairs considered.
type Lock struct {
	Winner   string `json:"winner"`
	Loser    string `json:"loser"`
	Strength Rat    `json:"strength"`
	Locked   bool   `json:"locked"` // false: it would have closed a cycle of stronger majorities
}

func (c *contest) pairs() *Pairs {
	s := c.rule.Strength
	if s == "" {
		s = Margins
	}
	pr := &Pairs{Order: c.keys, Prefer: c.matrix(c.prefer), Strength: s}
	for a, out := range c.struck {
		if out {
			pr.Struck = append(pr.Struck, c.keys[a])
		}
	}
	return pr
}

// first returns how many votes put each alternative alone or jointly first,
// for tie-breaks that ask for votes.
func (c *contest) first() map[string]Rat {
	units := make([]int64, c.n)
	for _, r := range c.list {
		for _, a := range r.tiers[0] {
			units[a] += r.weight
		}
	}
	votes := make(map[string]Rat, c.n)
	for a, u := range units {
		votes[c.keys[a]] = c.votes(u)
	}
	return votes
}

// resolve turns tied winners into the result's winners. A profile without any
// tie-break keeps them all; the order of the ballot paper then says nothing.
func resolve(r *Result, p Profile, tied []string, votes map[string]Rat) error {
	if len(tied) < 2 || len(p.Ties) == 0 {
		r.Winners = tied
		return nil
	}
	ties := NewTies(p.Ties, p.Alternatives, votes)
	winner, err := ties.First("first place", tied)
	if err != nil {
		return err
	}
	r.Winners, r.Ties = []string{winner}, ties.Broken
	return nil
}

// tiersBy sorts keys into tiers by score, best first.
func tiersBy(keys []string, score func(i int) Rat) [][]string {
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return score(b).Cmp(score(a)) })
	var tiers [][]string
	for at, i := range order {
		if at == 0 || !score(i).Equal(score(order[at-1])) {
			tiers = append(tiers, nil)
		}
		tiers[len(tiers)-1] = append(tiers[len(tiers)-1], keys[i])
	}
	return tiers
}
