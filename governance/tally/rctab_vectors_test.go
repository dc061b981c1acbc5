package tally

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rctabCase is one election of the RCTab vectors.
type rctabCase struct {
	ID    string
	Rules struct {
		TiebreakMode, OvervoteRule, WinnerElectionMode, RandomSeed, NumberOfWinners string
		Percent                                                                     string `json:"multiSeatBottomsUpPercentageThreshold"`
		Decimals                                                                    string `json:"decimalPlacesForVoteArithmetic"`
		MaxSkipped                                                                  string `json:"maxSkippedRanksAllowed"`
		MaxRanks                                                                    string `json:"maxRankingsAllowed"`
		NonInteger                                                                  bool   `json:"nonIntegerWinningThreshold"`
		FirstRound                                                                  bool   `json:"doesFirstRoundDetermineThreshold"`
		HareQuota, BatchElimination                                                 bool
		UntilTwo                                                                    bool   `json:"continueUntilTwoCandidatesRemain"`
		StopAfter                                                                   string `json:"stopTabulationEarlyAfterRound"`
		Duplicate                                                                   bool   `json:"exhaustOnDuplicateCandidate"`
	}
	Candidates []struct {
		Name     string
		Excluded bool
	}
	Ballots []struct {
		Count int64
		Ranks []json.RawMessage
	}
	Expected []struct{ Results []rctabRound }
}

type rctabRound struct {
	InactiveBallots map[string]Rat
	Round           int
	Threshold       Rat
	Tally           map[string]Rat
	TallyResults    []struct {
		Elected, Eliminated string
		Transfers           map[string]Rat
	}
}

const writeIns = "Undeclared Write-ins"

func (c rctabCase) inputs(t *testing.T) (Profile, int, RCTabRules) {
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0
		}
		return n
	}
	skip := number(c.Rules.MaxSkipped)
	rules := RCTabRules{
		Mode: map[string]RCTabMode{
			"singleWinnerMajority": OneSeat, "multiWinnerAllowMultipleWinnersPerRound": SeatsAtOnce,
			"multiWinnerAllowOnlyOneWinnerPerRound": SeatByRound, "multiPassIrv": SeatByPass,
			"bottomsUpUsingPercentageThreshold": ShareAtLeast,
		}[c.Rules.WinnerElectionMode],
		Overvote: map[string]Overvote{
			"exhaustImmediately": OvervoteExhausts, "alwaysSkipToNextRank": OvervoteSkipped,
			"exhaustIfMultipleContinuing": OvervoteExhaustsIfOpen,
		}[c.Rules.OvervoteRule],
		MaxSkipped: &skip, MaxRanks: number(c.Rules.MaxRanks), DuplicateExhausts: c.Rules.Duplicate,
		Batch: c.Rules.BatchElimination, UntilTwo: c.Rules.UntilTwo, StopAfter: number(c.Rules.StopAfter),
		FirstRound: c.Rules.FirstRound, NonInteger: c.Rules.NonInteger, Hare: c.Rules.HareQuota,
		Decimals: number(c.Rules.Decimals), Percent: Int(int64(number(c.Rules.Percent))),
	}
	p := Profile{Ties: TieBreak{{By: ByOrder}}}
	if c.Rules.TiebreakMode == "random" {
		seed := int64(number(c.Rules.RandomSeed))
		rules.JavaSeed, p.Ties = &seed, nil
	}
	for _, a := range c.Candidates {
		p.Alternatives = append(p.Alternatives, Alternative{Key: a.Name})
		if a.Excluded {
			rules.Excluded = append(rules.Excluded, a.Name)
		}
	}
	for _, b := range c.Ballots {
		ranks := make([][]string, len(b.Ranks))
		for i, raw := range b.Ranks {
			ranks[i] = rctabMarks(t, raw)
			for _, name := range ranks[i] {
				if name == writeIns && rules.WriteIns == "" {
					rules.WriteIns = writeIns
					p.Alternatives = append(p.Alternatives, Alternative{Key: writeIns})
				}
			}
		}
		p.Ballots = append(p.Ballots, Ballot{Count: b.Count, Ranks: ranks})
	}
	_, listed := c.Expected[0].Results[0].Tally[writeIns]
	if listed && rules.WriteIns == "" { // on the paper although no ballot has it
		rules.WriteIns = writeIns
		p.Alternatives = append(p.Alternatives, Alternative{Key: writeIns})
	}
	return p, number(c.Rules.NumberOfWinners), rules
}

// rctabMarks reads a rank: null, one name or several.
func rctabMarks(t *testing.T, raw json.RawMessage) (marks []string) {
	t.Helper()
	if json.Unmarshal(raw, &marks) != nil {
		marks = []string{""}
		if err := json.Unmarshal(raw, &marks[0]); err != nil {
			t.Fatal(err)
		}
	}
	for i, m := range marks {
		if m == "__explicit_overvote__" {
			marks[i] = ""
		}
	}
	return marks
}

func TestRCTabVectors(t *testing.T) {
	files, err := filepath.Glob(vectors(t, "stv", "rctab") + "/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var c rctabCase
			if err := json.Unmarshal(b, &c); err != nil {
				t.Fatal(err)
			}
			got, err := RCTab(c.inputs(t))
			if err != nil {
				t.Fatal(err)
			}
			checkRCTab(t, c, got)
		})
	}
	t.Logf("%d elections, every round", len(files))
}

func checkRCTab(t *testing.T, c rctabCase, got Result) {
	var want []rctabRound
	for _, pass := range c.Expected {
		want = append(want, pass.Results...)
	}
	if len(want) != len(got.Rounds) {
		t.Errorf("%d rounds, want %d", len(got.Rounds), len(want))
	}
	for i, w := range want {
		if i >= len(got.Rounds) {
			break
		}
		if diff := cmp.Diff(w.comparable(), rctabReport(got.Rounds[i])); diff != "" {
			t.Errorf("round %d (-want +got):\n%s", i+1, diff)
		}
	}
}

// rctabFacts is what both sides can say of a round.
type rctabFacts struct {
	Number              int
	Threshold           Rat
	Tally               map[string]Rat
	Elected, Eliminated []string
	Transfers           map[string]Rat // by receiver; exhausted and residual included
	Inactive            map[string]Rat
}

func (r rctabRound) comparable() rctabFacts {
	f := rctabFacts{Number: r.Round, Threshold: r.Threshold, Tally: r.Tally, Transfers: map[string]Rat{}, Inactive: map[string]Rat{}}
	for _, e := range r.TallyResults {
		if e.Elected != "" {
			f.Elected = append(f.Elected, e.Elected)
		}
		if e.Eliminated != "" {
			f.Eliminated = append(f.Eliminated, e.Eliminated)
		}
		for to, v := range e.Transfers {
			addTo(f.Transfers, to, v)
		}
	}
	for why, v := range r.InactiveBallots {
		if why == "finalRoundSurplus" { // set apart there, a kind of exhaustion here
			why = "exhaustedChoices"
		}
		addTo(f.Inactive, why, v)
	}
	f.Elected, f.Eliminated = sorted(f.Elected), sorted(f.Eliminated)
	return f
}

func rctabReport(r Round) rctabFacts {
	f := rctabFacts{
		Number: r.Number, Threshold: r.Quota, Tally: map[string]Rat{}, Elected: sorted(r.Chosen), Eliminated: sorted(r.Dropped),
		Transfers: map[string]Rat{}, Inactive: map[string]Rat{},
	}
	for _, c := range r.Tally {
		f.Tally[c.Alternative] = c.Votes
	}
	for _, m := range r.Moves {
		to := m.To
		if to == "" {
			to = "exhausted"
		}
		addTo(f.Transfers, to, m.Votes)
	}
	addTo(f.Transfers, "residual surplus", r.Residual)
	addTo(f.Inactive, "exhaustedChoices", r.Inactive.OutOfChoices)
	addTo(f.Inactive, "exhaustedChoices", r.Inactive.FinalSurplus)
	addTo(f.Inactive, "overvotes", r.Inactive.Overvoted)
	addTo(f.Inactive, "repeatedRankings", r.Inactive.Repeated)
	addTo(f.Inactive, "skippedRankings", r.Inactive.Skipped)
	return f
}

func addTo(m map[string]Rat, k string, v Rat) {
	if !v.IsZero() {
		m[k] = m[k].Add(v)
	}
}
