package tally

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// GradeRule is the scale of grades.
type GradeRule struct {
	// Min and Max bound the grades, both included; both 0 leaves them
	// unbounded. A grade outside is reported and not counted.
	Min int64 `json:"min,omitempty"`
	Max int64 `json:"max,omitempty"`
	// LowIsBest says that the lowest grade is the best, as in "1st class".
	LowIsBest bool `json:"low_is_best,omitempty"`
	// All demands a grade for every alternative; a ballot that leaves one out
	// is not counted. Otherwise an absent grade is "no opinion".
	All bool `json:"all,omitempty"`
}

// GradeReport is what one alternative was given.
type GradeReport struct {
	Alternative string       `json:"alternative"`
	Voters      Rat          `json:"voters"` // weight of those who graded it
	Sum         Rat          `json:"sum"`
	Median      *int64       `json:"median,omitempty"` // lower median; absent where nobody graded it
	Grades      []GradeCount `json:"grades"`           // worst first
}

// GradeCount is how often a grade was given.
type GradeCount struct {
	Grade int64 `json:"grade"`
	Votes Rat   `json:"votes"`
}

// Plurality counts first preferences: the alternative that most put first
// wins. A ballot that ranks several first is over-voted and not counted; a
// ballot without ranks may instead approve of exactly one alternative.
func Plurality(p Profile) (Result, error) {
	return addUp(p, func(b counted) ([]string, *Problem) {
		first := b.first()
		if len(first) > 1 {
			return nil, &Problem{b.name, Overvoted, fmt.Sprintf("%d alternatives are marked first", len(first)), "not counted"}
		}
		return first, nil
	}, wholeVote, "first preferences")
}

// PluralitySplit is the variant of [Plurality] in which a ballot that ranks
// several first gives each of them an equal part of its vote.
func PluralitySplit(p Profile) (Result, error) {
	return addUp(p, func(b counted) ([]string, *Problem) { return b.first(), nil }, equalPart, "first preferences, shared where equal")
}

// first is what the ballot marks first, by rank or by approval.
func (b counted) first() []string {
	for _, tier := range b.Ranks {
		if len(tier) > 0 {
			return distinct(tier)
		}
	}
	return distinct(b.Approves)
}

func wholeVote(int) Rat { return Int(1) }

func equalPart(marks int) Rat { return Frac(1, int64(marks)) }

// Approval counts approvals: each ballot gives one vote to every alternative
// it approves of.
func Approval(p Profile) (Result, error) {
	return addUp(p, func(b counted) ([]string, *Problem) { return distinct(b.Approves), nil }, wholeVote, "approvals")
}

// addUp gives each ballot's weight, times part, to those it marks.
func addUp(p Profile, marks func(counted) ([]string, *Problem), part func(marks int) Rat, what string) (Result, error) {
	if err := p.check(); err != nil {
		return Result{}, err
	}
	in, problems := p.admit()
	index := p.index()
	votes := make([]Rat, len(index))
	for _, b := range in {
		marked, problem := marks(b)
		if problem == nil && len(marked) == 0 {
			problem = &Problem{b.name, Empty, "marks nothing", "not counted"}
		}
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		for _, k := range marked {
			i, ok := index[k]
			if !ok {
				problems = append(problems, Problem{b.name, Unknown, quote(k) + " is not on the ballot paper", "that mark not counted"})
				continue
			}
			votes[i] = votes[i].Add(b.weight.Mul(part(len(marked))))
		}
	}
	r := Result{Problems: problems}
	return rankByVotes(p, r, votes, what, "votes")
}

func distinct(keys []string) []string {
	var out []string
	for _, k := range keys {
		if !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// rankByVotes completes a result in which the most votes win.
func rankByVotes(p Profile, r Result, votes []Rat, what, unit string) (Result, error) {
	keys := p.keys()
	byKey := make(map[string]Rat, len(keys))
	round := Round{Number: 1, What: what}
	for i, k := range keys {
		byKey[k] = votes[i]
		round.Tally = append(round.Tally, Count{k, votes[i]})
	}
	r.Rounds = []Round{round}
	r.Ranking = tiersBy(keys, func(i int) Rat { return votes[i] })
	if len(keys) == 0 {
		return r.done(p), nil
	}
	if err := resolve(&r, p, r.Ranking[0], byKey); err != nil {
		return Result{}, err
	}
	for _, k := range keys {
		if slices.Contains(r.Winners, k) {
			continue
		}
		gap := byKey[r.Winners[0]].Sub(byKey[k])
		r.Losers = append(r.Losers, Distance{
			Alternative: k, Missing: gap, Unit: unit, Against: r.Winners[0],
			Why: byKey[k].Decimal(2) + " " + unit + " against " + byKey[r.Winners[0]].Decimal(2),
		})
	}
	return r.done(p), nil
}

// Score adds up grades: the greatest sum wins (the least, where low is best).
// Whoever gave no grade has no opinion and is not counted as 0; the report
// states sum and number of voters, and the lower median besides.
func Score(p Profile, rule GradeRule) (Result, error) {
	g, problems, err := p.grades(rule)
	if err != nil {
		return Result{}, err
	}
	sums := make([]Rat, len(g))
	for i := range g {
		sums[i] = g[i].report.Sum
		if rule.LowIsBest {
			sums[i] = sums[i].Neg()
		}
	}
	return rankByVotes(p, Result{Problems: problems, Grades: reports(g)}, sums, "sum of grades", "points")
}

// MajorityJudgment elects the best lower median. Equal medians are compared
// again after taking one median grade away from each, as often as needed
// (M. Balinski and R. Laraki, "Majority Judgment", 2011), until they differ or
// no grade is left. Shortcuts that look only at the shares above and below the
// median choose differently on some profiles and are not this rule. An
// alternative that runs out of grades first is behind.
func MajorityJudgment(p Profile, rule GradeRule) (Result, error) {
	g, problems, err := p.grades(rule)
	if err != nil {
		return Result{}, err
	}
	total := int64(0)
	for i := range g {
		for _, n := range g[i].units {
			if total += n; total > maxJudged {
				return Result{}, errors.New("too many grades, or weights too fine, for majority judgment: it takes grades away one by one")
			}
		}
	}
	r := Result{Problems: problems, Grades: reports(g)}
	r.Ranking = judge(g)
	r.Rounds = []Round{medianRound(g)}
	if len(r.Ranking) > 0 {
		if err := resolve(&r, p, r.Ranking[0], nil); err != nil {
			return Result{}, err
		}
		r.Losers = behindMedian(g, r.Ranking[0][0])
	}
	return r.done(p), nil
}

// maxJudged bounds the work of taking grades away one by one.
const maxJudged = 5_000_000

// graded is the grades of one alternative, worst first.
type graded struct {
	report GradeReport
	grades []int64
	units  []int64 // how often, in units of the common scale
	sign   int64   // -1 where low is best
}

func reports(g []graded) []GradeReport {
	out := make([]GradeReport, len(g))
	for i := range g {
		out[i] = g[i].report
	}
	return out
}

// grades reads the graded ballots.
func (p Profile) grades(rule GradeRule) ([]graded, []Problem, error) {
	if err := p.check(); err != nil {
		return nil, nil, err
	}
	if rule.Min > rule.Max {
		return nil, nil, fmt.Errorf("grades from %d to %d: the first is greater", rule.Min, rule.Max)
	}
	in, problems := p.admit()
	scale, err := commonScale(in)
	if err != nil {
		return nil, nil, err
	}
	index := p.index()
	units := make([]map[int64]int64, len(index))
	for _, b := range in {
		points, found, ok := rule.read(b, index)
		problems = append(problems, found...)
		if !ok {
			continue
		}
		for k, grade := range points {
			i := index[k]
			if units[i] == nil {
				units[i] = make(map[int64]int64)
			}
			units[i][grade] += scaled(b.weight, scale)
		}
	}
	out := make([]graded, len(index))
	for i, k := range p.keys() {
		out[i] = newGraded(k, units[i], scale, rule.LowIsBest)
	}
	return out, problems, nil
}

// read returns the grades that count, and whether the ballot does.
func (r GradeRule) read(b counted, index map[string]int) (map[string]int64, []Problem, bool) {
	var problems []Problem
	points := make(map[string]int64, len(b.Points))
	for _, k := range slices.Sorted(maps.Keys(b.Points)) {
		grade := b.Points[k]
		_, known := index[k]
		switch {
		case !known:
			problems = append(problems, Problem{b.name, Unknown, quote(k) + " is not on the ballot paper", "that grade not counted"})
		case (r.Min != 0 || r.Max != 0) && (grade < r.Min || grade > r.Max), grade > maxGrade, grade < -maxGrade:
			problems = append(problems, Problem{b.name, OutOfRange, fmt.Sprintf("grade %d for %s", grade, quote(k)), "that grade not counted"})
		default:
			points[k] = grade
		}
	}
	switch {
	case len(points) == 0:
		return nil, append(problems, Problem{b.name, Empty, "grades nothing", "not counted"}), false
	case r.All && len(points) < len(index):
		return nil, append(problems, Problem{b.name, Malformed, fmt.Sprintf("grades %d of %d alternatives", len(points), len(index)), "not counted"}), false
	}
	return points, problems, true
}

// maxGrade bounds a grade so that sums stay exact in integers.
const maxGrade = 1 << 18

func newGraded(key string, units map[int64]int64, scale int64, lowIsBest bool) graded {
	g := graded{report: GradeReport{Alternative: key, Grades: []GradeCount{}}, sign: 1}
	if lowIsBest {
		g.sign = -1
	}
	for grade, n := range units {
		if n > 0 {
			g.grades = append(g.grades, grade)
		}
	}
	slices.SortFunc(g.grades, func(a, b int64) int { return cmp64(a*g.sign, b*g.sign) })
	total := int64(0)
	for _, grade := range g.grades {
		n := units[grade]
		g.units = append(g.units, n)
		total += n
		g.report.Grades = append(g.report.Grades, GradeCount{grade, Frac(n, scale)})
		g.report.Sum = g.report.Sum.Add(Int(grade).Mul(Frac(n, scale)))
	}
	g.report.Voters = Frac(total, scale)
	if total > 0 {
		m := g.grades[g.middle(g.units, total)]
		g.report.Median = &m
	}
	return g
}

// middle is the index of the lower median: element floor((k-1)/2) of the k
// sorted grades.
func (g graded) middle(units []int64, total int64) int {
	at := (total - 1) / 2
	for i, n := range units {
		if at < n {
			return i
		}
		at -= n
	}
	return len(units) - 1
}

func medianRound(g []graded) Round {
	r := Round{Number: 1, What: "lower medians"}
	for i := range g {
		if m := g[i].report.Median; m != nil {
			r.Tally = append(r.Tally, Count{g[i].report.Alternative, Int(*m)})
		}
	}
	return r
}

// judge ranks by full removal.
func judge(g []graded) [][]string {
	order := make([]int, len(g))
	values := make([][]int64, len(g))
	for i := range g {
		order[i], values[i] = i, g[i].removal()
	}
	slices.SortStableFunc(order, func(a, b int) int { return slices.Compare(values[b], values[a]) })
	var tiers [][]string
	for at, i := range order {
		if at == 0 || slices.Compare(values[i], values[order[at-1]]) != 0 {
			tiers = append(tiers, nil)
		}
		tiers[len(tiers)-1] = append(tiers[len(tiers)-1], g[i].report.Alternative)
	}
	return tiers
}

// behindMedian says at which comparison each loser fell behind, and by how
// many grades.
func behindMedian(g []graded, winner string) (out []Distance) {
	best := g[slices.IndexFunc(g, func(x graded) bool { return x.report.Alternative == winner })].removal()
	for i := range g {
		mine := g[i].removal()
		at := 0
		for at < len(mine) && at < len(best) && mine[at] == best[at] {
			at++
		}
		switch {
		case at == len(best) && at == len(mine): // the winner, or tied with it
			continue
		case at == len(mine):
			out = append(out, Distance{Alternative: g[i].report.Alternative, Missing: Int(1), Unit: "voters with an opinion", Against: winner,
				Why: fmt.Sprintf("the same medians %d times, and then no grade left", at)})
			continue
		}
		d := Distance{Alternative: g[i].report.Alternative, Missing: Int(best[at] - mine[at]), Unit: "grades", Against: winner}
		d.Why = fmt.Sprintf("median %d against %d", mine[at]*g[i].sign, best[at]*g[i].sign)
		if at > 0 {
			d.Why += fmt.Sprintf(", once %s taken away from each", plural(Int(int64(at)), "median grade was", "median grades were"))
		}
		out = append(out, d)
	}
	return out
}

// removal lists the median grades in the order in which they are taken away,
// better grades greater.
func (g graded) removal() []int64 {
	units := slices.Clone(g.units)
	total := int64(0)
	for _, n := range units {
		total += n
	}
	out := make([]int64, 0, total)
	for ; total > 0; total-- {
		i := g.middle(units, total)
		out = append(out, g.grades[i]*g.sign)
		units[i]--
	}
	return out
}
