package tally

// Schulze ranks by strongest paths: a beats b if the strongest chain of
// majorities from a to b, which is as strong as its weakest link, is stronger
// than the strongest from b to a (M. Schulze, "A new monotonic,
// clone-independent, reversal symmetric, and Condorcet-consistent
// single-winner election method", 2011). Winners are those whom nobody beats.
//
// By default strength is the margin; with [WinningVotes] the variant that
// Debian uses. Ties among winners are broken by the profile's tie-break; the
// ranking leaves them tied.
func Schulze(p Profile, rule RankedRule) (Result, error) {
	c, err := newMajorities(p, rule)
	if err != nil {
		return Result{}, err
	}
	paths := c.strongestPaths()
	pairs := c.pairs()
	pairs.Paths = c.matrix(paths)
	r := Result{Pairs: pairs, Problems: c.problems, Rounds: c.struckRound()}
	beats := func(a, b int) bool { return paths[a*c.n+b] > paths[b*c.n+a] }
	r.Ranking = c.layers(beats)
	r.Rounds = append(r.Rounds, c.beatRound(len(r.Rounds)+1, "strongest paths compared: how many rivals each beats", beats))
	if len(r.Ranking) > 0 {
		if err := resolve(&r, p, r.Ranking[0], c.first()); err != nil {
			return Result{}, err
		}
	}
	r.Losers = c.behindPaths(r.Winners, paths)
	return r.done(p), nil
}

// strongestPaths is the Floyd-Warshall algorithm with (max, min) for (min, +).
func (c *contest) strongestPaths() []int64 {
	n := c.n
	p := make([]int64, n*n)
	for a := range n {
		for b := range n {
			if a != b && !c.struck[a] && !c.struck[b] {
				p[a*n+b] = c.strength(a, b)
			}
		}
	}
	for k := range n {
		via := p[k*n : k*n+n]
		for a := range n {
			row := p[a*n : a*n+n]
			to := row[k]
			if to == 0 || a == k {
				continue
			}
			for b, on := range via {
				if s := min(to, on); s > row[b] && a != b {
					row[b] = s
				}
			}
		}
	}
	return p
}

// layers takes, again and again, those whom nobody left beats. Struck
// alternatives take no part.
func (c *contest) layers(beats func(a, b int) bool) [][]string {
	var left []int
	for a := range c.n {
		if !c.struck[a] {
			left = append(left, a)
		}
	}
	var tiers [][]string
	for len(left) > 0 {
		var tier []string
		var rest []int
		for _, b := range left {
			if c.beatenBy(b, left, beats) {
				rest = append(rest, b)
			} else {
				tier = append(tier, c.keys[b])
			}
		}
		if len(tier) == 0 { // cannot happen where beats has no cycles
			break
		}
		tiers, left = append(tiers, tier), rest
	}
	return tiers
}

func (c *contest) beatenBy(b int, left []int, beats func(a, b int) bool) bool {
	for _, a := range left {
		if beats(a, b) {
			return true
		}
	}
	return false
}

// struckRound tells which alternatives did not beat the status quo.
func (c *contest) struckRound() []Round {
	pr := c.pairs()
	if len(pr.Struck) == 0 {
		return nil
	}
	return []Round{{Number: 1, What: "struck: did not beat the status quo " + quote(c.rule.StatusQuo), Dropped: pr.Struck}}
}

// beatRound counts how many rivals each alternative beats.
func (c *contest) beatRound(number int, what string, beats func(a, b int) bool) Round {
	r := Round{Number: number, What: what}
	for a := range c.n {
		if c.struck[a] {
			continue
		}
		won := int64(0)
		for b := range c.n {
			if a != b && !c.struck[b] && beats(a, b) {
				won++
			}
		}
		r.Tally = append(r.Tally, Count{c.keys[a], Int(won)})
	}
	return r
}

// behindPaths says how much stronger the winner's path was than the way back.
func (c *contest) behindPaths(winners []string, paths []int64) []Distance {
	if len(winners) == 0 {
		return nil
	}
	w := c.p.index()[winners[0]]
	var out []Distance
	for b := range c.n {
		if b == w || c.struck[b] {
			continue
		}
		d := Distance{Alternative: c.keys[b], Against: winners[0], Unit: "votes of path strength"}
		d.Missing = c.votes(max(paths[w*c.n+b]-paths[b*c.n+w], 0))
		d.Why = "the strongest chain of majorities from " + winners[0] + " is as strong as " + c.votes(paths[w*c.n+b]).String() +
			", the strongest back to it " + c.votes(paths[b*c.n+w]).String()
		out = append(out, d)
	}
	return out
}
