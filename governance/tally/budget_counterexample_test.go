package tally

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// spending writes an election in short: "ab" approves a and b.
func spending(rule string, budget int64, costs map[string]int64, ballots ...string) Export {
	e := Export{Format: ExportFormat, Rule: rule, Budget: Int(budget)}
	e.Ties = TieBreak{{By: ByCost}, {By: ByVotes}, {By: ByOrder}}
	for _, k := range sortedKeys(costs) {
		e.Alternatives = append(e.Alternatives, Alternative{Key: k, Cost: Int(costs[k])})
	}
	for i, b := range ballots {
		ballot := Ballot{Key: "v" + string(rune('0'+i))}
		for _, k := range b {
			ballot.Approves = append(ballot.Approves, string(k))
		}
		e.Ballots = append(e.Ballots, ballot)
	}
	return e
}

// TestAdd1MoreSupportCanHurt: under Add1 a funded project can lose because one
// more voter supports it. Its new supporter leaves others more money, so a
// cheap project joins the portfolio at a smaller share, and the next steps
// overspend sooner.
func TestAdd1MoreSupportCanHurt(t *testing.T) {
	costs := map[string]int64{"a": 6, "b": 1, "c": 3}
	before := mustWin(t, spending("equal_shares_cost_add1", 9, costs, "c", "abc", "a", "abc", "c"))
	after := mustWin(t, spending("equal_shares_cost_add1", 9, costs, "ca", "abc", "a", "abc", "c"))
	if d := cmp.Diff([][]string{{"c", "a"}, {"c", "b"}}, [][]string{before, after}); d != "" {
		t.Errorf("funded before and after (-want +got):\n%s", d)
	}
}

// TestAdd1CheaperCanHurt: nor does it always help to become cheaper.
func TestAdd1CheaperCanHurt(t *testing.T) {
	ballots := []string{"d", "abcd", "abc"}
	at6 := mustWin(t, spending("equal_shares_cost_add1", 10, map[string]int64{"a": 6, "b": 7, "c": 4, "d": 6}, ballots...))
	at5 := mustWin(t, spending("equal_shares_cost_add1", 10, map[string]int64{"a": 5, "b": 7, "c": 4, "d": 6}, ballots...))
	if d := cmp.Diff([][]string{{"c", "a"}, {"c", "d"}}, [][]string{at6, at5}); d != "" {
		t.Errorf("funded at 6 and at 5 (-want +got):\n%s", d)
	}
}

// TestPlainSharesFundNothing: without completion, equal shares can leave the
// whole budget unspent (Gdynia, Babie Doły 2021).
func TestPlainSharesFundNothing(t *testing.T) {
	e := readInstance(t, "Poland_Gdynia_2021_Babie_Doly__large.pb", "").Export
	e.Rule = "equal_shares_cost"
	if won := mustWin(t, e); len(won) != 0 {
		t.Errorf("funded %v, want nothing", won)
	}
}

// TestSpendingFallsWithShare: spending does not grow with the share, which is
// why Add1 must stop at the first overspend and must not search by halving.
// Rembertów 2022: the 44th step lowers it from 748,700 to 745,500.
func TestSpendingFallsWithShare(t *testing.T) {
	e := readInstance(t, "Poland_Warszawa_2022_Rembertow.pb", "").Export
	p, err := newPortfolio(e)
	if err != nil {
		t.Fatal(err)
	}
	c := &sharesCount{rule: sharesRule{utility: utilityCost, complete: completeAdd1}, p: p, ties: p.newTies()}
	if c.first, c.class, err = p.endowments(); err != nil {
		t.Fatal(err)
	}
	m, err := p.market(utilityCost, c.class, 1)
	if err != nil {
		t.Fatal(err)
	}
	c.state = newShareState(m)
	var spent []int64
	endow := c.first
	for range 45 {
		run, err := c.once(endow, nil)
		if err != nil {
			t.Fatal(err)
		}
		spent = append(spent, run.cost)
		endow = addTimes(endow, c.increments(), 1)
	}
	if spent[43] != 748700 || spent[44] != 745500 {
		t.Errorf("spent %d after 43 steps and %d after 44, want 748700 and 745500", spent[43], spent[44])
	}
}

// TestGreedyLeavesGroupsOut: the larger bloc takes all; the smaller one could
// have carried its project from its own shares.
func TestGreedyLeavesGroupsOut(t *testing.T) {
	e := twoBlocs()
	if o, err := Audit(e, mustWin(t, e)); err != nil || len(o) != 1 || o[0].Alternative != "s1" {
		t.Errorf("objections %+v (%v), want one for s1", o, err)
	}
}

func mustWin(t *testing.T, e Export) []string {
	t.Helper()
	return mustCountT(t, e).Winners
}

func mustCountT(t *testing.T, e Export) Result {
	t.Helper()
	r, err := Recount(e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestBudgetRuleBook reads like the rules: one small case each.
func TestBudgetRuleBook(t *testing.T) {
	costs := map[string]int64{"a": 6, "b": 5, "c": 4, "d": 1}
	ballots := []string{"ab", "ab", "a", "bc", "c", "d"}
	lot := TieBreak{{By: ByCost}, {By: ByVotes}, {By: ByLot, Seed: "1"}}
	for _, c := range []struct {
		name string
		e    Export
		edit func(*Export)
		want []string
	}{
		{"most votes first, skipping what does not fit", spending("greedy_votes", 10, costs, ballots...), nil, []string{"b", "c", "d"}},
		{"or stopping there", spending("greedy_votes_stop", 10, costs, ballots...), nil, []string{"b"}},
		{"most votes per cost first", spending("greedy_per_cost", 10, costs, ballots...), nil, []string{"d", "b", "c"}},
		{"less than the minimum support is out", spending("greedy_votes", 10, costs, ballots...),
			func(e *Export) { e.Portfolio = &PortfolioRule{MinSupport: Int(2)} }, []string{"b", "c"}},
		{"nothing votes for: nothing funded", spending("equal_shares_cost", 10, costs), nil, []string{}},
		{"a project that costs nothing is outside the rule", spending("greedy_votes", 10, map[string]int64{"a": 0, "b": 5}, "a", "b"), nil, []string{"b"}},
		{"a share of 5/3 each: two supporters carry 3, not 4", spending("equal_shares_cost", 5, map[string]int64{"a": 4, "b": 3}, "a", "ab", "b"), nil, []string{"b"}},
		{"Add1 raises the shares until the next step overspends", spending("equal_shares_cost_add1", 5, map[string]int64{"a": 4, "b": 3}, "a", "ab", "b"), nil, []string{"b"}},
		{"equal in everything: the lot, drawn before", spending("equal_shares_cost", 2, map[string]int64{"a": 2, "b": 2}, "ab"),
			func(e *Export) { e.Ties = lot }, []string{firstByLot("1", "a", "b")}},
		{"two votes: two shares", spending("equal_shares_cost", 9, map[string]int64{"a": 6, "b": 6}, "a", "b"),
			func(e *Export) { two := Int(2); e.Ballots[0].Weight = &two }, []string{"a"}},
		{"a region with two thirds of the budget", spending("equal_shares_cost", 9, map[string]int64{"a": 6, "b": 6}, "a", "b"),
			func(e *Export) {
				e.Portfolio = &PortfolioRule{RegionShares: map[string]Rat{"north": Frac(1, 3), "south": Frac(2, 3)}}
				e.Roll = []Member{{Key: "n", Region: "north"}, {Key: "s", Region: "south"}}
				e.Ballots[0].Voter, e.Ballots[1].Voter = "n", "s"
			}, []string{"b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.edit != nil {
				c.edit(&c.e)
			}
			if d := cmp.Diff(c.want, mustWin(t, c.e)); d != "" {
				t.Errorf("funded (-want +got):\n%s", d)
			}
		})
	}
}

func firstByLot(seed string, keys ...string) string {
	slices.SortFunc(keys, func(a, b string) int {
		if lot(seed, a) < lot(seed, b) {
			return -1
		}
		return 1
	})
	return keys[0]
}

// TestFiftyOnePerCent is the example with which electowiki.org motivates the
// rule ("Method of Equal Shares", Motivation): 51 % support ten red projects,
// 49 % ten blue ones, and the money suffices for ten. By votes alone all ten
// are red; by equal shares five are red and five blue. Without completion the
// blue voters' 4.9 shares carry four; Add1 makes it five.
func TestFiftyOnePerCent(t *testing.T) {
	e := Export{Format: ExportFormat, Budget: Int(10)}
	e.Ties = publishedTies
	bloc := map[string][]string{}
	for i := range 10 {
		for _, c := range []string{"blue", "red"} {
			key := c + string(rune('0'+i))
			e.Alternatives = append(e.Alternatives, Alternative{Key: key, Cost: Int(1)})
			bloc[c] = append(bloc[c], key)
		}
	}
	e.Ballots = []Ballot{{Key: "red voters", Count: 51, Approves: bloc["red"]}, {Key: "blue voters", Count: 49, Approves: bloc["blue"]}}
	e.Portfolio = &PortfolioRule{Increment: Frac(1, 1000)}
	for _, c := range []struct {
		rule      string
		red, blue int
	}{{"greedy_votes", 10, 0}, {"equal_shares_cost", 5, 4}, {"equal_shares_cost_add1", 5, 5}} {
		e.Rule = c.rule
		red, blue := 0, 0
		for _, w := range mustWin(t, e) {
			if w[0] == 'r' {
				red++
			} else {
				blue++
			}
		}
		if red != c.red || blue != c.blue {
			t.Errorf("%s funds %d red and %d blue, want %d and %d", c.rule, red, blue, c.red, c.blue)
		}
	}
}
