package tally

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPublishedRankedVectors counts textbook cases and the examples that
// M. Schulze published for his rule.
func TestPublishedRankedVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			rankedCase
			Seats    *int
			Expected []publishedExpected
		}
	}
	readJSON(t, &file, "ranked", "published-condorcet-php.json")
	checked := 0
	for _, c := range file.Cases {
		t.Run(c.ID, func(t *testing.T) {
			for _, e := range c.Expected {
				checked++
				if c.Seats != nil {
					e.checkSeats(t, c.rankedCase, *c.Seats)
					continue
				}
				e.check(t, c.rankedCase)
			}
		})
	}
	t.Logf("%d published results", checked)
}

type publishedExpected struct {
	Method, Type string
	Value        json.RawMessage
}

// count runs the rule of that name. What is a winner there may be tied.
func (e publishedExpected) count(c rankedCase) (Result, error) {
	p := c.profile()
	rule := RankedRule{Unranked: c.Policy}
	switch {
	case strings.HasSuffix(e.Method, "Winning"):
		rule.Strength = WinningVotes
	case strings.HasSuffix(e.Method, "Opposition"):
		rule.Strength = Opposition
	}
	switch strings.Fields(e.Method)[0] {
	case "Borda":
		return Borda(p, rule)
	case "Copeland":
		return Copeland(p, rule)
	case "Minimax":
		return Minimax(p, rule)
	case "Ranked":
		p.Ties = TieBreak{{By: ByOrder}}
		return RankedPairs(p, rule)
	case "Schulze":
		return Schulze(p, rule)
	case "Fptp":
		return PluralitySplit(p)
	}
	p.Ties = TieBreak{{By: ByOrder}}
	return IRV(p)
}

func (e publishedExpected) check(t *testing.T, c rankedCase) {
	t.Helper()
	r, err := e.count(c)
	if err != nil {
		t.Fatalf("%s: %v", e.Method, err)
	}
	switch e.Type {
	case "winner":
		var many []string
		if json.Unmarshal(e.Value, &many) != nil {
			many = []string{""}
			mustDecode(t, e.Value, &many[0])
		}
		if diff := cmp.Diff(sorted(many), sorted(r.Winners)); diff != "" {
			t.Errorf("%s winners (-want +got):\n%s", e.Method, diff)
		}
	case "ranking":
		var want [][]string
		mustDecode(t, e.Value, &want)
		if e.Method == "InstantRunoff" && refines(r.Ranking, want) {
			return
		}
		if diff := cmp.Diff(tiers(want), tiers(r.Ranking)); diff != "" {
			t.Errorf("%s ranking (-want +got):\n%s", e.Method, diff)
		}
	case "stats":
		e.checkStats(t, c, r)
	}
}

// checkSeats: the source fills seats by STV with the Droop quota; on these
// ballots the Scottish rules elect the same.
func (e publishedExpected) checkSeats(t *testing.T, c rankedCase, seats int) {
	t.Helper()
	p := c.profile()
	p.Ties = TieBreak{{By: ByOrder}}
	r, err := STVScottish(p, seats)
	if err != nil {
		t.Fatal(err)
	}
	var want [][]string
	mustDecode(t, e.Value, &want)
	if diff := cmp.Diff(sorted(slices.Concat(want...)), sorted(r.Winners)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", e.Method, diff)
	}
}

// refines reports whether the ranking got, which ties may have been broken in,
// agrees with want, in which they are left.
func refines(got, want [][]string) bool {
	flat := slices.Concat(got...)
	for _, tier := range want {
		if len(flat) < len(tier) || !slices.Equal(sorted(flat[:len(tier)]), sorted(tier)) {
			return false
		}
		flat = flat[len(tier):]
	}
	return len(flat) == 0
}

func (e publishedExpected) checkStats(t *testing.T, c rankedCase, r Result) {
	t.Helper()
	want := make(map[string]json.RawMessage)
	mustDecode(t, e.Value, &want)
	switch e.Method {
	case "Schulze Winning":
		paths := byPair(r.Pairs.Order, r.Pairs.Paths)
		for a, raw := range want {
			row := make(map[string]Rat)
			mustDecode(t, raw, &row)
			if diff := cmp.Diff(row, paths[a]); diff != "" {
				t.Errorf("paths from %s (-want +got):\n%s", a, diff)
			}
		}
		return
	case "Fptp":
		if strings.HasSuffix(c.ID, "result_3") {
			return // the source rounds halves here, and not to one side
		}
		mustDecode(t, want["1"], &want)
		delete(want, "1")
	}
	got := scores(r, Int(1))
	for k, raw := range want {
		w := firstNumber(t, raw)
		if e.Method == "Borda Count" { // points m..1 there, symmetric here: 2*points - votes*(m+1)
			w = w.Mul(Int(2)).Sub(c.total().Mul(Int(int64(len(c.Candidates) + 1))))
		}
		if strings.HasPrefix(e.Method, "Minimax") {
			w = w.Neg()
		}
		if !w.Equal(got[k]) {
			t.Errorf("%s of %s = %s, want %s", e.Method, k, got[k], w)
		}
	}
}

func (c rankedCase) total() (sum Rat) {
	for _, b := range c.Ballots {
		sum = sum.Add(Int(b.Count))
	}
	return sum
}

// firstNumber reads 3 or {"name": 3}.
func firstNumber(t *testing.T, raw json.RawMessage) (n Rat) {
	t.Helper()
	var named map[string]Rat
	if json.Unmarshal(raw, &named) == nil {
		for _, n = range named {
			return n
		}
	}
	mustDecode(t, raw, &n)
	return n
}

func mustDecode(t *testing.T, raw json.RawMessage, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
}
