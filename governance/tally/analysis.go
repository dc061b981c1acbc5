package tally

import "errors"

// The rules of this file are for analysis: they answer whether another rule
// would have chosen differently. They list every tied winner and break no tie.

// CondorcetWinner finds the alternative that beats every other, if there is
// one: more votes put it above than below.
func CondorcetWinner(p Profile, rule RankedRule) (Result, error) {
	return analyse(p, rule, func(c *contest) ([]Rat, error) {
		score := make([]Rat, c.n)
		for a := range c.n {
			wins := int64(0)
			for b := range c.n {
				if a != b && c.margin(a, b) > 0 {
					wins++
				}
			}
			if wins == int64(c.n-1) {
				score[a] = Int(1)
			}
		}
		return score, nil
	}, "beats every rival (1) or not (0)", true)
}

// SmithSet finds the smallest set whose members all beat everybody outside it.
// If there is a Condorcet winner it is alone in it.
func SmithSet(p Profile, rule RankedRule) (Result, error) {
	return analyse(p, rule, func(c *contest) ([]Rat, error) {
		score := make([]Rat, c.n)
		for a, in := range c.smith() {
			if in {
				score[a] = Int(1)
			}
		}
		return score, nil
	}, "in the Smith set (1) or not (0)", true)
}

// smith starts from the best Copeland score and adds whoever a member does not
// beat, until nobody is left to add.
func (c *contest) smith() []bool {
	in := make([]bool, c.n)
	score := c.copeland()
	best := 0
	for a := range score {
		if score[best] < score[a] {
			best = a
		}
	}
	if c.n == 0 {
		return in
	}
	todo := []int{best}
	in[best] = true
	for len(todo) > 0 {
		a := todo[0]
		todo = todo[1:]
		for b := range c.n {
			if !in[b] && c.margin(a, b) <= 0 {
				in[b] = true
				todo = append(todo, b)
			}
		}
	}
	return in
}

// Copeland ranks by rivals beaten less rivals lost to.
func Copeland(p Profile, rule RankedRule) (Result, error) {
	return analyse(p, rule, func(c *contest) ([]Rat, error) {
		score := make([]Rat, c.n)
		for a, s := range c.copeland() {
			score[a] = Int(s)
		}
		return score, nil
	}, "rivals beaten less rivals lost to", false)
}

func (c *contest) copeland() []int64 {
	score := make([]int64, c.n)
	for a := range c.n {
		for b := range c.n {
			switch m := c.margin(a, b); {
			case m > 0:
				score[a]++
			case m < 0:
				score[a]--
			}
		}
	}
	return score
}

// Minimax ranks by the worst defeat, the smallest first: the greatest margin
// by which a rival is preferred (which for a Condorcet winner is below 0), or
// with [WinningVotes] the most votes of a rival that wins, or with [Opposition]
// the most votes of any rival.
func Minimax(p Profile, rule RankedRule) (Result, error) {
	return analyse(p, rule, func(c *contest) ([]Rat, error) {
		score := make([]Rat, c.n)
		for a := range c.n {
			score[a] = c.votes(c.worstDefeat(a)).Neg()
		}
		return score, nil
	}, "worst defeat, as a negative number", false)
}

func (c *contest) worstDefeat(a int) int64 {
	worst, first := int64(0), true
	for b := range c.n {
		if a == b {
			continue
		}
		d := c.margin(b, a)
		switch c.rule.Strength {
		case WinningVotes:
			d = c.strength(b, a)
		case Opposition:
			d = c.N(b, a)
		}
		if first || d > worst {
			worst, first = d, false
		}
	}
	return worst
}

// Borda ranks by points, symmetric so that ballots may be short or have ties:
// for every ballot an alternative gains the number of rivals ranked below it
// less the number ranked above. On full ballots without ties this orders as
// the usual m-1, m-2, ..., 0.
func Borda(p Profile, rule RankedRule) (Result, error) {
	return analyse(p, rule, func(c *contest) ([]Rat, error) {
		score := make([]Rat, c.n)
		for a := range c.n {
			sum := int64(0)
			for b := range c.n {
				sum += c.margin(a, b)
			}
			score[a] = c.votes(sum)
		}
		return score, nil
	}, "rivals ranked below less rivals ranked above, over all ballots", false)
}

// analyse ranks by score. With only, those of score 0 have not won.
func analyse(p Profile, rule RankedRule, score func(*contest) ([]Rat, error), what string, only bool) (Result, error) {
	if rule.StatusQuo != "" {
		return Result{}, errors.New("an analysis compares all alternatives: it takes no status quo")
	}
	c, err := newContest(p, rule)
	if err != nil {
		return Result{}, err
	}
	s, err := score(c)
	if err != nil {
		return Result{}, err
	}
	r := Result{Pairs: c.pairs(), Problems: c.problems}
	r.Ranking = tiersBy(c.keys, func(i int) Rat { return s[i] })
	round := Round{Number: 1, What: what}
	for a, k := range c.keys {
		round.Tally = append(round.Tally, Count{k, s[a]})
	}
	r.Rounds = []Round{round}
	r.Losers = behindScore(r.Ranking, round)
	if len(r.Ranking) > 0 && !(only && s[c.p.index()[r.Ranking[0][0]]].IsZero()) {
		r.Winners = r.Ranking[0]
	}
	return r.done(p), nil
}

// behindScore says by how much each stays behind the best score.
func behindScore(ranking [][]string, round Round) (out []Distance) {
	if len(ranking) == 0 {
		return nil
	}
	first := ranking[0][0]
	for _, c := range round.Tally {
		if gap := round.of(first).Sub(c.Votes); gap.Sign() > 0 {
			out = append(out, Distance{
				Alternative: c.Alternative, Missing: gap, Unit: "points", Against: first,
				Why: c.Votes.Decimal(2) + " against " + round.of(first).Decimal(2),
			})
		}
	}
	return out
}
