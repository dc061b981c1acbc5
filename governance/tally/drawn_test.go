package tally

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawRanked draws a small ranked profile; with strict, ballots are full
// orders without equal ranks.
func drawRanked(t *rapid.T, strict bool) Profile {
	n := rapid.IntRange(2, 5).Draw(t, "alternatives")
	var p Profile
	var keys []string
	for i := range n {
		keys = append(keys, string(rune('a'+i)))
		p.Alternatives = append(p.Alternatives, Alternative{Key: keys[i]})
	}
	for range rapid.IntRange(1, 9).Draw(t, "ballots") {
		order := rapid.Permutation(keys).Draw(t, "order")
		b := Ballot{Count: rapid.Int64Range(1, 4).Draw(t, "count")}
		if !strict {
			order = order[:rapid.IntRange(1, n).Draw(t, "ranked")]
		}
		for _, k := range order {
			if !strict && len(b.Ranks) > 0 && rapid.IntRange(0, 3).Draw(t, "equal") == 0 {
				last := len(b.Ranks) - 1
				b.Ranks[last] = append(b.Ranks[last], k)
				continue
			}
			b.Ranks = append(b.Ranks, []string{k})
		}
		p.Ballots = append(p.Ballots, b)
	}
	return p
}

// drawAll draws a profile whose ballots can be read by every rule.
func drawAll(t *rapid.T, strict bool) Profile {
	p := drawRanked(t, strict)
	for i := range p.Ballots {
		b := &p.Ballots[i]
		b.Points = make(map[string]int64)
		for _, a := range p.Alternatives {
			if rapid.Bool().Draw(t, "approves") {
				b.Approves = append(b.Approves, a.Key)
			}
			b.Points[a.Key] = rapid.Int64Range(0, 5).Draw(t, "grade")
		}
	}
	return p
}

// ruleBook is every rule for alternatives and seats, with options as a charter
// would set them.
func ruleBook(seats int) map[string]func(Profile) (Result, error) {
	pairs := func(f func(Profile, RankedRule) (Result, error), s Strength) func(Profile) (Result, error) {
		return func(p Profile) (Result, error) { return f(p, RankedRule{Strength: s}) }
	}
	fill := func(f func(Profile, int) (Result, error)) func(Profile) (Result, error) {
		return func(p Profile) (Result, error) { return f(p, min(seats, len(p.Alternatives))) }
	}
	shares := func(c Completion) func(Profile) (Result, error) {
		return fill(func(p Profile, k int) (Result, error) { return EqualSharesCommittee(p, k, c) })
	}
	book := map[string]func(Profile) (Result, error){
		"plurality": Plurality, "plurality_split": PluralitySplit, "approval": Approval, "irv": IRV,
		"score":             func(p Profile) (Result, error) { return Score(p, GradeRule{}) },
		"majority_judgment": func(p Profile) (Result, error) { return MajorityJudgment(p, GradeRule{}) },
		"condorcet_winner":  pairs(CondorcetWinner, Margins),
		"smith_set":         pairs(SmithSet, Margins),
		"copeland":          pairs(Copeland, Margins),
		"borda":             pairs(Borda, Margins),
		"rctab_seats": fill(func(p Profile, k int) (Result, error) {
			return RCTab(p, k, RCTabRules{Mode: SeatsAtOnce, Decimals: 4})
		}),
		"stv_scottish": fill(STVScottish), "stv_wigm_prf": fill(STVWIGM), "stv_wigm_exact": fill(STVExact),
		"stv_meek": fill(STVMeek), "stv_meek_exact": fill(STVMeekExact),
		"phragmen": fill(Phragmen), "seq_pav": fill(SeqPAV), "pav": fill(PAV),
		"shares": shares(CompleteByPhragmen), "shares_approval": shares(CompleteByApproval),
		"shares_increment": shares(CompleteByIncrement), "shares_partial": shares(CompleteNot),
	}
	for _, s := range []Strength{Margins, WinningVotes} {
		book["schulze_"+string(s)] = pairs(Schulze, s)
		book["ranked_pairs_"+string(s)] = pairs(RankedPairs, s)
		book["minimax_"+string(s)] = pairs(Minimax, s)
	}
	return book
}

// irresolute names the rules that list every tied winner when no tie-break is
// stated, and so need none to be compared.
var irresolute = []string{
	"plurality", "plurality_split", "approval", "score", "majority_judgment", "condorcet_winner", "smith_set",
	"copeland", "borda", "schulze_margins", "schulze_winning_votes", "minimax_margins", "minimax_winning_votes",
	"phragmen", "seq_pav", "pav", "shares", "shares_approval", "shares_partial",
}

// inOrder visits the rule book in a fixed order.
func inOrder(book map[string]func(Profile) (Result, error), visit func(name string, count func(Profile) (Result, error))) {
	for _, name := range slices.Sorted(maps.Keys(book)) {
		visit(name, book[name])
	}
}

// outcome is who won, without the order in which ties were listed.
func outcomeOf(r Result) string {
	return fmt.Sprint(r.Outcome, sorted(r.Winners), r.Committees, tiers(r.Ranking))
}

func TestAnonymity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawAll(t, false)
		p.Ties = TieBreak{{By: ByKey}}
		q := p
		q.Ballots = rapid.Permutation(p.Ballots).Draw(t, "shuffled")
		for i := range q.Ballots { // and three alike are one that counts three times
			if b := q.Ballots[i]; b.Count == 3 {
				b.Count = 1
				q.Ballots[i] = b
				q.Ballots = append(q.Ballots, b, b)
			}
		}
		inOrder(ruleBook(2), func(name string, count func(Profile) (Result, error)) {
			a, err1 := count(p)
			b, err2 := count(q)
			if (err1 == nil) != (err2 == nil) || outcomeOf(a) != outcomeOf(b) {
				t.Fatalf("%s: %s (%v), shuffled %s (%v)", name, outcomeOf(a), err1, outcomeOf(b), err2)
			}
		})
	})
}

// TestNeutrality renames the alternatives: the outcome is renamed with them.
// The tie-break is the chair's order, renamed as well.
func TestNeutrality(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawAll(t, false)
		keys := p.keys()
		to := make(map[string]string)
		for i, k := range rapid.Permutation(keys).Draw(t, "names") {
			to[keys[i]] = k
		}
		p.Ties = TieBreak{{By: ByOrder, Order: keys}}
		q := withNames(p, to)
		inOrder(ruleBook(2), func(name string, count func(Profile) (Result, error)) {
			a, err1 := count(p)
			b, err2 := count(q)
			if errors.Is(err1, errTooLong) && errors.Is(err2, errTooLong) {
				return
			}
			if err1 != nil || err2 != nil {
				t.Fatalf("%s: %v, %v", name, err1, err2)
			}
			a.Winners = mapped(a.Winners, to)
			for i := range a.Ranking {
				a.Ranking[i] = mapped(a.Ranking[i], to)
			}
			a.Committees, b.Committees = nil, nil // each in the order of its own paper
			if outcomeOf(a) != outcomeOf(b) {
				t.Fatalf("%s: renamed %s, counted %s", name, outcomeOf(a), outcomeOf(b))
			}
		})
	})
}

// TestPaperOrderDecidesNothing: without a tie-break the order of the ballot
// paper changes no winner.
func TestPaperOrderDecidesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawAll(t, false)
		q := p
		q.Alternatives = rapid.Permutation(p.Alternatives).Draw(t, "paper")
		book := ruleBook(2)
		for _, name := range irresolute {
			a, err1 := book[name](p)
			b, err2 := book[name](q)
			if err1 != nil || err2 != nil {
				t.Fatalf("%s: %v, %v", name, err1, err2)
			}
			if len(a.Committees) > 0 {
				a.Committees, b.Committees = sortedSets(a.Committees), sortedSets(b.Committees)
			}
			if outcomeOf(a) != outcomeOf(b) {
				t.Fatalf("%s: %s, on another paper %s", name, outcomeOf(a), outcomeOf(b))
			}
		}
	})
}

func sortedSets(sets [][]string) [][]string {
	out := tiers(sets)
	slices.SortFunc(out, slices.Compare)
	return out
}

func withNames(p Profile, to map[string]string) Profile {
	q := Profile{}
	for _, a := range p.Alternatives {
		q.Alternatives = append(q.Alternatives, Alternative{Key: to[a.Key]})
	}
	for _, b := range p.Ballots {
		c := Ballot{Count: b.Count, Approves: mapped(b.Approves, to), Points: make(map[string]int64)}
		for _, tier := range b.Ranks {
			c.Ranks = append(c.Ranks, mapped(tier, to))
		}
		for k, v := range b.Points {
			c.Points[to[k]] = v
		}
		q.Ballots = append(q.Ballots, c)
	}
	for _, s := range p.Ties {
		q.Ties = append(q.Ties, TieStep{By: s.By, Order: mapped(s.Order, to)})
	}
	return q
}

func mapped(keys []string, to map[string]string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = to[k]
	}
	return out
}

// TestDeterminism: the same inputs give the same result, byte for byte.
func TestDeterminism(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawAll(t, false)
		p.Ties = TieBreak{{By: ByVotes}, {By: ByLot, Seed: "seed"}}
		inOrder(ruleBook(2), func(name string, count func(Profile) (Result, error)) {
			a, err := count(p)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			b, _ := count(p)
			x, err1 := a.Digest()
			y, err2 := b.Digest()
			if err1 != nil || err2 != nil || x != y {
				t.Fatalf("%s: digests %s and %s (%v, %v)", name, x, y, err1, err2)
			}
		})
	})
}
