package tally

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// These are the theorems of social choice that each rule is known to satisfy.
// Where a rule lacks a property, counterexamples_test.go keeps a profile that
// shows it.

// TestMonotonicity: a winner whom some ballot ranks higher still wins.
func TestMonotonicity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawRanked(t, true)
		book := ruleBook(1)
		for _, name := range []string{"plurality", "borda", "copeland", "minimax_margins", "schulze_margins", "schulze_winning_votes", "ranked_pairs_margins"} {
			before, err := book[name](p)
			if err != nil {
				continue // ranked pairs: too many equal majorities to try every order
			}
			w := rapid.SampledFrom(before.Winners).Draw(t, "winner")
			q := raised(t, p, w)
			after, err := book[name](q)
			if err == nil && !slices.Contains(after.Winners, w) {
				t.Fatalf("%s: %s wins, is raised, and loses to %v", name, w, after.Winners)
			}
		}
	})
}

// raised moves w up on one ballot.
func raised(t *rapid.T, p Profile, w string) Profile {
	at := rapid.IntRange(0, len(p.Ballots)-1).Draw(t, "ballot")
	b := p.Ballots[at]
	ranks := slices.DeleteFunc(slices.Clone(b.Ranks), func(tier []string) bool { return tier[0] == w })
	was := slices.IndexFunc(b.Ranks, func(tier []string) bool { return tier[0] == w })
	b.Ranks = slices.Insert(ranks, rapid.IntRange(0, was).Draw(t, "rank"), []string{w})
	p.Ballots = slices.Clone(p.Ballots)
	p.Ballots[at] = b
	return p
}

// TestMonotonicityOfGrades: an approval more, or a better grade, does not hurt.
func TestMonotonicityOfGrades(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawAll(t, true)
		book := ruleBook(1)
		for _, name := range []string{"approval", "score", "majority_judgment"} {
			before, err := book[name](p)
			if err != nil {
				t.Fatal(err)
			}
			w := rapid.SampledFrom(before.Winners).Draw(t, "winner")
			q := p
			q.Ballots = slices.Clone(p.Ballots)
			b := &q.Ballots[rapid.IntRange(0, len(p.Ballots)-1).Draw(t, "ballot")]
			b.Approves = distinct(append(slices.Clone(b.Approves), w))
			b.Points = maps.Clone(b.Points)
			b.Points[w]++
			after, err := book[name](q)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(after.Winners, w) {
				t.Fatalf("%s: %s wins, is graded better, and loses to %v", name, w, after.Winners)
			}
		}
	})
}

// TestCondorcetConsistency: who beats every other alone is the only winner.
func TestCondorcetConsistency(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawRanked(t, false)
		book := ruleBook(1)
		c, err := book["condorcet_winner"](p)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Winners) == 0 {
			t.Skip("no Condorcet winner")
		}
		for _, name := range []string{"smith_set", "copeland", "minimax_margins", "minimax_winning_votes", "schulze_margins", "schulze_winning_votes", "ranked_pairs_margins", "ranked_pairs_winning_votes"} {
			r, err := book[name](p)
			if err == nil && !slices.Equal(r.Winners, c.Winners) {
				t.Fatalf("%s: %v, though %v beats every other", name, r.Winners, c.Winners)
			}
		}
	})
}

// TestSmithCriterion: winners come from the smallest set that beats the rest.
func TestSmithCriterion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawRanked(t, false)
		book := ruleBook(1)
		smith, err := book["smith_set"](p)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"copeland", "schulze_margins", "schulze_winning_votes", "ranked_pairs_margins"} {
			r, err := book[name](p)
			for _, w := range r.Winners {
				if err == nil && !slices.Contains(smith.Winners, w) {
					t.Fatalf("%s: %s wins, outside the Smith set %v", name, w, smith.Winners)
				}
			}
		}
	})
}

// TestMajorityCriterion: whom more than half rank first, alone, wins.
func TestMajorityCriterion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawRanked(t, true)
		p.Ties = TieBreak{{By: ByKey}}
		first, total := make(map[string]int64), int64(0)
		for _, b := range p.Ballots {
			first[b.Ranks[0][0]] += b.Count
			total += b.Count
		}
		book := ruleBook(1)
		for k, n := range first {
			if 2*n <= total {
				continue
			}
			for _, name := range []string{
				"plurality", "irv", "copeland", "minimax_margins", "schulze_margins", "schulze_winning_votes", "ranked_pairs_margins",
				"ranked_pairs_winning_votes", "stv_scottish", "stv_wigm_prf", "stv_wigm_exact", "stv_meek", "stv_meek_exact",
			} {
				r, err := book[name](p)
				if errors.Is(err, errTooLong) {
					continue
				}
				if err != nil || !slices.Equal(r.Winners, []string{k}) {
					t.Fatalf("%s: %v (%v), though %d of %d rank %s first", name, r.Winners, err, n, total, k)
				}
			}
		}
	})
}

// TestCloneIndependence replaces one alternative by several that stand side by
// side on every ballot. It changes neither whether the others win nor whether
// one of the clones wins where the original did. For ranked pairs the theorem
// needs that no two majorities are equally strong.
func TestCloneIndependence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawRanked(t, true)
		original := rapid.SampledFrom(p.keys()).Draw(t, "original")
		q := cloned(t, p, original, rapid.IntRange(2, 3).Draw(t, "clones"))
		book := ruleBook(1)
		for _, name := range []string{"schulze_margins", "schulze_winning_votes", "ranked_pairs_margins"} {
			if name == "ranked_pairs_margins" && !distinctMajorities(p) {
				continue
			}
			before, err1 := book[name](p)
			after, err2 := book[name](q)
			if err1 != nil || err2 != nil {
				continue
			}
			var merged []string
			for _, w := range after.Winners {
				if w[0] == original[0] {
					w = original
				}
				merged = append(merged, w)
			}
			if want, got := sorted(before.Winners), sorted(distinct(merged)); !slices.Equal(want, got) {
				t.Fatalf("%s: winners %v, with clones of %s %v", name, want, original, after.Winners)
			}
		}
	})
}

func cloned(t *rapid.T, p Profile, original string, n int) Profile {
	var clones []string
	var q Profile
	for i := range n {
		clones = append(clones, fmt.Sprint(original, i))
	}
	for _, a := range p.Alternatives {
		if a.Key != original {
			q.Alternatives = append(q.Alternatives, a)
		}
	}
	for _, k := range clones {
		q.Alternatives = append(q.Alternatives, Alternative{Key: k})
	}
	for _, b := range p.Ballots {
		var ranks [][]string
		for _, tier := range b.Ranks {
			if tier[0] != original {
				ranks = append(ranks, tier)
				continue
			}
			for _, k := range rapid.Permutation(clones).Draw(t, "order") {
				ranks = append(ranks, []string{k})
			}
		}
		b.Ranks = ranks
		q.Ballots = append(q.Ballots, b)
	}
	return q
}

func distinctMajorities(p Profile) bool {
	c, err := newContest(p, RankedRule{})
	if err != nil {
		return false
	}
	seen := map[int64]bool{0: true}
	for a := range c.n {
		for b := range a {
			m := abs64(c.margin(a, b))
			if seen[m] {
				return false
			}
			seen[m] = true
		}
	}
	return true
}

// TestSolidCoalitions: where more than j quotas of voters (a quota is one more
// than the seats of all) rank the same candidates before all others, at least
// j of these are elected, or all of them. It holds for STV without rounding.
func TestSolidCoalitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawRanked(t, true)
		p.Ties = TieBreak{{By: ByKey}}
		seats := rapid.IntRange(1, len(p.Alternatives)).Draw(t, "seats")
		book := ruleBook(seats)
		for _, name := range []string{"stv_wigm_exact", "stv_meek_exact"} {
			r, err := book[name](p)
			if errors.Is(err, errTooLong) {
				continue // the rule declines such a count, and says so
			}
			if err != nil {
				t.Fatal(err)
			}
			checkCoalitions(t, name, p, seats, r.Winners)
		}
	})
}

func checkCoalitions(t *rapid.T, name string, p Profile, seats int, winners []string) {
	keys := p.keys()
	for set := 1; set < 1<<len(keys); set++ {
		var members []string
		for i, k := range keys {
			if set&(1<<i) != 0 {
				members = append(members, k)
			}
		}
		solid, total, won := int64(0), int64(0), 0
		for _, b := range p.Ballots {
			total += b.Count
			top := slices.Concat(b.Ranks[:len(members)]...)
			if slices.Equal(sorted(top), members) {
				solid += b.Count
			}
		}
		for _, w := range winners {
			if slices.Contains(members, w) {
				won++
			}
		}
		for j := 1; j <= min(seats, len(members)); j++ {
			if solid*int64(seats+1) > int64(j)*total && won < j {
				t.Fatalf("%s: %d of %d voters stand solidly behind %v, which earns %d of %d seats; it has %d", name, solid, total, members, j, seats, won)
			}
		}
	}
}

// TestJustifiedRepresentation: equal shares and PAV satisfy extended justified
// representation: among voters who are l shares of the seats and agree on l
// alternatives, somebody has l of those they approve of in the committee.
func TestJustifiedRepresentation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawAll(t, true)
		p.Ties = TieBreak{{By: ByKey}}
		seats := rapid.IntRange(1, len(p.Alternatives)).Draw(t, "seats")
		book := ruleBook(seats)
		for _, name := range []string{"pav", "shares", "shares_approval", "shares_increment", "shares_partial"} {
			r, err := book[name](p)
			if err != nil {
				t.Fatal(err)
			}
			if why := deniedEJR(p, seats, r.Winners); why != "" {
				t.Fatalf("%s chose %v: %s", name, r.Winners, why)
			}
		}
	})
}

// deniedEJR names a group whose claim the committee does not meet. It looks at
// every set of alternatives, so it is for small profiles.
func deniedEJR(p Profile, seats int, committee []string) string {
	keys := p.keys()
	for set := 1; set < 1<<len(keys); set++ {
		var agreed []string
		for i, k := range keys {
			if set&(1<<i) != 0 {
				agreed = append(agreed, k)
			}
		}
		total, group := int64(0), int64(0)
		for _, b := range p.Ballots {
			total += b.Count
			has, all := 0, true
			for _, k := range agreed {
				all = all && slices.Contains(b.Approves, k)
			}
			for _, k := range b.Approves {
				if slices.Contains(committee, k) {
					has++
				}
			}
			if all && has < len(agreed) {
				group += b.Count
			}
		}
		if group*int64(seats) >= int64(len(agreed))*total {
			return fmt.Sprintf("%d of %d voters agree on %v and none of them has %d", group, total, agreed, len(agreed))
		}
	}
	return ""
}
