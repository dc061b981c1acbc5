package tally

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rankedCase is one profile of the ranked vectors.
type rankedCase struct {
	ID         string
	Candidates []string
	Policy     Unranked `json:"unranked_policy"`
	Ballots    []struct {
		Count   int64
		Ranking [][]string
	}
	Pairwise  map[string]map[string]Rat
	Expected  json.RawMessage
	Published struct {
		IRV string `json:"irv_winner"`
	}
	NotCounted *struct {
		Winners []string   `json:"schulze_margins_winners"`
		Ranking [][]string `json:"schulze_margins_ranking"`
	} `json:"expected_if_unranked_not_counted"`
}

func (c rankedCase) profile() Profile {
	p := Profile{}
	for _, k := range c.Candidates {
		p.Alternatives = append(p.Alternatives, Alternative{Key: k})
	}
	for _, b := range c.Ballots {
		p.Ballots = append(p.Ballots, Ballot{Count: b.Count, Ranks: b.Ranking})
	}
	return p
}

// rankedExpected is what the reference implementations say of a profile.
type rankedExpected struct {
	CondorcetWinner *string                   `json:"condorcet_winner"`
	Smith           []string                  `json:"smith_set"`
	Copeland        []string                  `json:"copeland_winners"`
	CopelandScore   map[string]Rat            `json:"copeland_score_wins_minus_losses"`
	Minimax         []string                  `json:"minimax_margins_winners"`
	MinimaxScore    map[string]Rat            `json:"minimax_margins_scores"`
	MinimaxWV       []string                  `json:"minimax_winning_votes_winners"`
	MinimaxWVScore  map[string]Rat            `json:"minimax_winning_votes_scores"`
	Schulze         []string                  `json:"schulze_margins_winners"`
	SchulzePaths    map[string]map[string]Rat `json:"schulze_margins_strengths"`
	SchulzeRanking  [][]string                `json:"schulze_margins_ranking"`
	SchulzeWV       []string                  `json:"schulze_winning_votes_winners"`
	SchulzeWVPaths  map[string]map[string]Rat `json:"schulze_winning_votes_strengths"`
	SchulzeWVRank   [][]string                `json:"schulze_winning_votes_ranking"`
	RankedPairs     []string                  `json:"ranked_pairs_margins_all_winners"`
	RankedPairsWV   []string                  `json:"ranked_pairs_winning_votes_all_winners"`
	Borda           []string                  `json:"borda_symmetric_winners"`
	BordaScore      map[string]Rat            `json:"borda_symmetric_scores"`
	PluralityScore  map[string]Rat            `json:"plurality_scores"`
	BordaFull       map[string]Rat            `json:"borda_scores"` // m-1, ..., 0 on full ballots
	IRV             *irvExpected              `json:"irv"`
}

type irvExpected struct {
	Winner *string
	Rounds []struct {
		Tally      map[string]Rat
		Exhausted  Rat
		Eliminated []string
		Winner     string
		Tie        []string
	}
}

func TestRankedVectors(t *testing.T) {
	var file struct{ Cases []rankedCase }
	readJSON(t, &file, "ranked", "synthetic.json")
	real, err := filepath.Glob(vectors(t, "ranked") + "/real-*.json")
	if err != nil || len(real) == 0 {
		t.Fatalf("no real elections found: %v", err)
	}
	for _, path := range real {
		var c rankedCase
		readJSON(t, &c, "ranked", filepath.Base(path))
		file.Cases = append(file.Cases, c)
	}
	for _, c := range file.Cases {
		t.Run(c.ID, func(t *testing.T) { checkRanked(t, c) })
	}
	t.Logf("%d profiles under plurality, Schulze, ranked pairs, IRV, Borda, Copeland, minimax, Condorcet winner, Smith set; not built, by name: split_cycle, irv_simultaneous_elimination, irv_parallel_universe", len(file.Cases))
}

func checkRanked(t *testing.T, c rankedCase) {
	var want rankedExpected
	if err := json.Unmarshal(c.Expected, &want); err != nil {
		t.Fatal(err)
	}
	p := c.profile()
	margins, wv := RankedRule{Strength: Margins, Unranked: c.Policy}, RankedRule{Strength: WinningVotes, Unranked: c.Policy}
	count := func(f func(Profile, RankedRule) (Result, error), rule RankedRule) Result {
		t.Helper()
		r, err := f(p, rule)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	same := func(what string, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	var condorcet []string
	if want.CondorcetWinner != nil {
		condorcet = []string{*want.CondorcetWinner}
	}
	s, swv := count(Schulze, margins), count(Schulze, wv)
	same("pairwise", c.Pairwise, byPair(s.Pairs.Order, s.Pairs.Prefer))
	same("schulze", want.Schulze, sorted(s.Winners))
	same("schulze paths", want.SchulzePaths, byPair(s.Pairs.Order, s.Pairs.Paths))
	same("schulze ranking", tiers(want.SchulzeRanking), tiers(s.Ranking))
	same("schulze wv", want.SchulzeWV, sorted(swv.Winners))
	same("schulze wv paths", want.SchulzeWVPaths, byPair(s.Pairs.Order, swv.Pairs.Paths))
	same("schulze wv ranking", tiers(want.SchulzeWVRank), tiers(swv.Ranking))
	same("condorcet", sorted(condorcet), sorted(count(CondorcetWinner, margins).Winners))
	same("smith", sorted(want.Smith), sorted(count(SmithSet, margins).Winners))
	cop, mm, mwv, bor := count(Copeland, margins), count(Minimax, margins), count(Minimax, wv), count(Borda, margins)
	same("copeland", want.Copeland, sorted(cop.Winners))
	same("copeland scores", want.CopelandScore, scores(cop, Int(1)))
	same("minimax", want.Minimax, sorted(mm.Winners))
	same("minimax scores", want.MinimaxScore, scores(mm, Int(-1)))
	same("minimax wv", want.MinimaxWV, sorted(mwv.Winners))
	same("minimax wv scores", want.MinimaxWVScore, scores(mwv, Int(-1)))
	same("borda", want.Borda, sorted(bor.Winners))
	same("borda scores", want.BordaScore, scores(bor, Int(1)))
	if want.RankedPairs != nil { // the reference gives up where many pairs are equal
		same("ranked pairs", want.RankedPairs, sorted(count(RankedPairs, margins).Winners))
		same("ranked pairs wv", want.RankedPairsWV, sorted(count(RankedPairs, wv).Winners))
	}
	if want.PluralityScore != nil {
		r, err := Plurality(p)
		if err != nil {
			t.Fatal(err)
		}
		same("plurality", want.PluralityScore, scores(r, Int(1)))
	}
	if c.Published.IRV != "" {
		p := p
		p.Ties = TieBreak{{By: ByOrder}}
		r, err := IRV(p)
		if err != nil {
			t.Fatal(err)
		}
		same("irv", []string{c.Published.IRV}, r.Winners)
	}
	if want.BordaFull != nil { // m-1, ..., 0 are half of symmetric points and of all comparisons
		half := func(sym Rat) Rat {
			return sym.Add(c.total().Mul(Int(int64(len(c.Candidates) - 1)))).Quo(Int(2))
		}
		got := scores(bor, Int(1))
		for k, v := range got {
			got[k] = half(v)
		}
		same("borda points", want.BordaFull, got)
	}
	if want.IRV != nil {
		want.IRV.check(t, p)
	}
	if c.NotCounted != nil {
		r := count(Schulze, RankedRule{Unranked: UnrankedNotCounted})
		same("schulze, unranked not counted", c.NotCounted.Winners, sorted(r.Winners))
		same("schulze ranking, unranked not counted", tiers(c.NotCounted.Ranking), tiers(r.Ranking))
	}
}

// byPair turns a matrix into the form of the vectors, without the diagonal.
func byPair(order []string, m [][]Rat) map[string]map[string]Rat {
	out := make(map[string]map[string]Rat)
	for a, row := range m {
		out[order[a]] = make(map[string]Rat)
		for b, v := range row {
			if a != b {
				out[order[a]][order[b]] = v
			}
		}
	}
	return out
}

func scores(r Result, times Rat) map[string]Rat {
	out := make(map[string]Rat)
	for _, c := range r.Rounds[0].Tally {
		out[c.Alternative] = c.Votes.Mul(times)
	}
	return out
}

func sorted(keys []string) []string {
	out := append([]string{}, keys...)
	slices.Sort(out)
	return out
}

// tiers sorts within each tier, where the order means nothing.
func tiers(in [][]string) [][]string {
	var out [][]string
	for _, t := range in {
		out = append(out, sorted(t))
	}
	return out
}

// check compares every round. Where the reference stops at a tie, so does the
// count without a tie-break, and the rounds before it are compared.
func (w irvExpected) check(t *testing.T, p Profile) {
	t.Helper()
	last := w.Rounds[len(w.Rounds)-1]
	_, err := IRV(p)
	tie := (*TieError)(nil)
	if errors.As(err, &tie) != (last.Tie != nil) || tie != nil && !slices.Equal(last.Tie, sorted(tie.Tie.Tied)) {
		t.Errorf("irv without a tie-break: %v, want a tie of %v", err, last.Tie)
	}
	p.Ties = TieBreak{{By: ByKey}}
	r, err := IRV(p)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range w.Rounds {
		got := r.Rounds[i]
		tally := make(map[string]Rat)
		for _, c := range got.Tally {
			tally[c.Alternative] = c.Votes
		}
		if diff := cmp.Diff(want.Tally, tally); diff != "" || !want.Exhausted.Equal(got.Exhausted) {
			t.Errorf("irv round %d, exhausted %s, want %s (-want +got):\n%s", i+1, got.Exhausted, want.Exhausted, diff)
		}
		if want.Tie == nil && !slices.Equal(sorted(want.Eliminated), sorted(got.Dropped)) {
			t.Errorf("irv round %d eliminates %v, want %v", i+1, got.Dropped, want.Eliminated)
		}
	}
	if w.Winner != nil && !slices.Equal(r.Winners, []string{*w.Winner}) {
		t.Errorf("irv winner %v, want %s", r.Winners, *w.Winner)
	}
}
