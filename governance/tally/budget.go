package tally

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// PortfolioRule holds the options of a count under a budget. They belong to
// the charter: on real elections each of them changes who is funded. The zero
// value is the plain rule.
type PortfolioRule struct {
	// Increment is by how much Add1 raises every voter's share at each step,
	// per unit of weight and in the unit of the costs; 0 means 1. It is part of
	// the rule because a coarser step can stop at another portfolio. An
	// increment of about a thousandth of the first share keeps counts short.
	Increment Rat `json:"increment,omitzero"`

	// IntegralStart rounds the first share down to a whole unit before Add1
	// begins, as some published counts do.
	IntegralStart bool `json:"integral_start,omitempty"`

	// MinSupport leaves out projects with fewer votes (or points) than this
	// before the count begins: Pabulib's "greedy-threshold".
	MinSupport Rat `json:"min_support,omitzero"`

	// RegionShares gives each region its part of the budget, split evenly
	// among its members who voted ("equal per medical group"). The parts must
	// sum to 1 and name every region that voted, "" for members of none. Empty
	// means equal per unit of weight ("equal per member"). Add1 then raises
	// every region in proportion, so that the parts stay as they are.
	RegionShares map[string]Rat `json:"region_shares,omitempty"`

	// MaxChoices is the most projects a ballot may name, 0 for no limit. A
	// ballot with more is not counted and reported as over-voted.
	MaxChoices int `json:"max_choices,omitempty"`

	// RankPoints is what the first rank of a ranked ballot is worth; the
	// second is worth one less, and so on down to 1. 0 means as much as the
	// longest ballot has ranks.
	RankPoints int `json:"rank_points,omitempty"`
}

// utility says what a funded project is worth to a voter who supports it.
type utility int

const (
	utilityCost   utility = iota // its cost: a big project is worth more
	utilityCount                 // one: every project is worth the same
	utilityPoints                // the points, or the rank, on the voter's ballot
)

// choice is one project that a ballot supports, with its points (1 for an
// approval).
type choice struct {
	project int32
	points  int32
}

// supporter is one counted ballot of a portfolio count.
type supporter struct {
	name    string // key on the roll, or the ballot's
	member  Member
	weight  Rat
	choices []choice // sorted by project, without repeats
	group   int32    // in the market; -1 for weight 0
}

// portfolio is a count under a budget made ready: amounts as whole numbers,
// ballots resolved to project numbers.
type portfolio struct {
	alts     []Alternative
	index    map[string]int
	rule     PortfolioRule
	budget   Rat
	ties     TieBreak
	voters   []supporter
	problems []Problem

	unit    int64    // money unit: amounts are in 1/unit of the budget's unit
	cost    []int64  // in that unit
	limit   int64    // budget in that unit
	support []Rat    // votes or points, weighted
	backing []Rat    // weight of the voters who support it
	out     []string // why a project is outside the count; "" while in
	weight  Rat      // of all counted ballots
	pointed bool     // ballots carry points or ranks

	// For tests of the engine's two halves: Add1 takes no leaps; balances are
	// kept to so few binary places (if above 0) that most comparisons are exact.
	everyStep bool
	coarse    uint
}

// maxMoney bounds the budget and costs, in the smallest unit used, so that
// sums stay within 64 bits: 2^50, a quadrillion.
const maxMoney = 1 << 50

// maxPoints bounds what one ballot can give one project.
const maxPoints = 1 << 20

func newPortfolio(e Export) (*portfolio, error) {
	p := &portfolio{alts: e.Alternatives, budget: e.Budget, ties: e.Ties, index: map[string]int{}}
	if e.Portfolio != nil {
		p.rule = *e.Portfolio
	}
	if err := p.rule.check(); err != nil {
		return nil, err
	}
	if p.budget.Sign() <= 0 {
		return nil, fmt.Errorf("the budget is %s; it must be above 0, in the unit of the costs", p.budget)
	}
	for i, a := range p.alts {
		p.index[a.Key] = i
	}
	if err := p.money(); err != nil {
		return nil, err
	}
	p.readBallots(e.Profile)
	p.sumSupport()
	return p, nil
}

func (r PortfolioRule) check() error {
	if r.Increment.Sign() < 0 || r.MinSupport.Sign() < 0 || r.MaxChoices < 0 || r.RankPoints < 0 {
		return errors.New("increment, minimum support, choices and rank points must not be below 0")
	}
	if len(r.RegionShares) == 0 {
		return nil
	}
	sum := Rat{}
	for region, s := range r.RegionShares {
		if s.Sign() < 0 {
			return fmt.Errorf("region %q has the part %s of the budget; parts must not be below 0", region, s)
		}
		sum = sum.Add(s)
	}
	if !sum.Equal(Int(1)) {
		return fmt.Errorf("the regions' parts of the budget sum to %s; they must sum to 1", sum)
	}
	return nil
}

// money brings the budget and all costs to whole numbers of one unit.
func (p *portfolio) money() error {
	unit := p.budget.view().Denom()
	for _, a := range p.alts {
		if a.Cost.Sign() < 0 {
			return fmt.Errorf("project %q has the cost %s; a cost must not be below 0", a.Key, a.Cost)
		}
		unit = lcm(unit, a.Cost.view().Denom())
	}
	if unit.BitLen() > 40 {
		return errors.New("costs and budget have too many different fractions; state them in whole cents")
	}
	p.unit = unit.Int64()
	var ok bool
	if p.limit, ok = whole(p.budget, p.unit); !ok {
		return fmt.Errorf("the budget %s is too large: in units of 1/%d it must be below %d", p.budget, p.unit, int64(maxMoney))
	}
	p.cost, p.out = make([]int64, len(p.alts)), make([]string, len(p.alts))
	for i, a := range p.alts {
		c, ok := whole(a.Cost, p.unit)
		if a.Cost.IsZero() {
			p.out[i] = "it costs nothing, so no budget decides it: adopt it by motion"
		}
		if !ok { // beyond what can be counted, hence beyond any budget
			p.out[i] = "it costs more than the whole budget"
		}
		p.cost[i] = c
	}
	return nil
}

func whole(x Rat, unit int64) (int64, bool) {
	n := x.Mul(Int(unit)).Floor().view().Num()
	if !n.IsInt64() || n.Int64() >= maxMoney {
		return maxMoney, false
	}
	return n.Int64(), true
}

func (p *portfolio) amount(units int64) Rat { return Frac(units, p.unit) }

// readBallots resolves the admitted ballots to choices.
func (p *portfolio) readBallots(profile Profile) {
	in, problems := profile.admit()
	p.problems = problems
	ranks := p.rule.RankPoints
	for _, c := range in {
		p.pointed = p.pointed || len(c.Points) > 0 || len(c.Ranks) > 0
		if p.rule.RankPoints == 0 {
			ranks = max(ranks, len(c.Ranks))
		}
	}
	for _, c := range in {
		v := supporter{name: cmp.Or(c.Voter, c.name), member: c.member, weight: c.weight, group: -1}
		if p.readChoices(&v, c, ranks) {
			p.voters = append(p.voters, v)
		}
	}
}

// readChoices fills in what the ballot supports and reports what it could not
// use. It returns false if the ballot does not count at all.
func (p *portfolio) readChoices(v *supporter, c counted, ranks int) bool {
	report := func(kind ProblemKind, detail, effect string) {
		p.problems = append(p.problems, Problem{c.name, kind, detail, effect})
	}
	add := func(key string, points int64) {
		i, known := p.index[key]
		switch {
		case !known:
			report(Unknown, quote(key)+" is not on the ballot paper", "this name is ignored, the rest counted")
		case points < 0 || points > maxPoints:
			report(OutOfRange, fmt.Sprintf("%d points for %s; want 0 to %d", points, quote(key), maxPoints), "these points are ignored, the rest counted")
		case points > 0:
			v.choices = append(v.choices, choice{int32(i), int32(points)})
		}
	}
	p.eachMark(c, ranks, add)
	slices.SortStableFunc(v.choices, func(a, b choice) int { return cmp.Compare(a.project, b.project) })
	for i := len(v.choices) - 1; i > 0; i-- {
		if v.choices[i].project == v.choices[i-1].project {
			report(Duplicate, quote(p.alts[v.choices[i].project].Key)+" stands on the ballot twice", "counted once")
			v.choices = slices.Delete(v.choices, i, i+1)
		}
	}
	if p.rule.MaxChoices > 0 && len(v.choices) > p.rule.MaxChoices {
		report(Overvoted, fmt.Sprintf("%d projects; at most %d are allowed", len(v.choices), p.rule.MaxChoices), "not counted")
		return false
	}
	if len(v.choices) == 0 {
		report(Empty, "supports no project", "counted as a voter whose share supports nothing")
	}
	return true
}

// eachMark visits the ballot's marks in an order that does not depend on maps.
func (p *portfolio) eachMark(c counted, ranks int, add func(key string, points int64)) {
	switch {
	case len(c.Points) > 0:
		for _, key := range sortedKeys(c.Points) {
			add(key, c.Points[key])
		}
	case len(c.Ranks) > 0:
		for i, tier := range c.Ranks {
			for _, key := range tier {
				add(key, int64(max(0, ranks-i)))
			}
		}
	default:
		for _, key := range c.Approves {
			add(key, 1)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// sumSupport counts votes or points, and applies the threshold.
func (p *portfolio) sumSupport() {
	p.support, p.backing = make([]Rat, len(p.alts)), make([]Rat, len(p.alts))
	for _, v := range p.voters {
		p.weight = p.weight.Add(v.weight)
		for _, c := range v.choices {
			p.support[c.project] = p.support[c.project].Add(v.weight.Mul(Int(int64(c.points))))
			p.backing[c.project] = p.backing[c.project].Add(v.weight)
		}
	}
	for i := range p.alts {
		if p.out[i] == "" && p.support[i].Less(p.rule.MinSupport) {
			p.out[i] = fmt.Sprintf("it has less than the minimum support of %s", p.rule.MinSupport)
		}
	}
}

// newTies draws the tie-break orders of one count.
func (p *portfolio) newTies() *Ties {
	votes := make(map[string]Rat, len(p.alts))
	for i, a := range p.alts {
		votes[a.Key] = p.support[i]
	}
	return NewTies(p.ties, p.alts, votes)
}

// regions lists the regions of the counted voters, sorted.
func (p *portfolio) regions() []string {
	seen := map[string]bool{}
	for _, v := range p.voters {
		seen[v.member.Region] = true
	}
	return sortedKeys(seen)
}

// endowments returns each class's share per unit of weight, in money units,
// and each voter's class. There is one class, or one per region.
func (p *portfolio) endowments() (shares []*big.Rat, class map[string]int32, err error) {
	limit := new(big.Rat).SetInt64(p.limit)
	if p.weight.IsZero() {
		return nil, nil, nil
	}
	if len(p.rule.RegionShares) == 0 {
		return []*big.Rat{limit.Quo(limit, p.weight.view())}, nil, nil
	}
	weights := map[string]Rat{}
	for _, v := range p.voters {
		weights[v.member.Region] = weights[v.member.Region].Add(v.weight)
	}
	class = map[string]int32{}
	for _, region := range p.regions() {
		part, named := p.rule.RegionShares[region]
		if !named {
			return nil, nil, fmt.Errorf("region %q voted but has no part of the budget in region_shares; name it, with 0 if it has none", region)
		}
		share := new(big.Rat)
		if w := weights[region]; w.Sign() > 0 {
			share.Mul(limit, part.view())
			share.Quo(share, w.view())
		}
		class[region] = int32(len(shares))
		shares = append(shares, share)
	}
	return shares, class, nil
}
