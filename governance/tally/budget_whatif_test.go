package tally

import (
	"slices"
	"testing"
)

// TestWhatIf checks every counterfactual by making the change it describes and
// counting again.
func TestWhatIf(t *testing.T) {
	for _, rule := range []string{"equal_shares_cost_add1", "equal_shares_cost", "equal_shares_count_then_votes", "greedy_votes", "greedy_per_cost"} {
		t.Run(rule, func(t *testing.T) {
			e := readExport(t, "portfolio12.json")
			e.Rule = rule
			all, err := WhatIfs(e)
			if err != nil {
				t.Fatal(err)
			}
			if len(all) == 0 {
				t.Fatal("no losing project")
			}
			for _, w := range all {
				checkWhatIf(t, e, w)
			}
		})
	}
}

func checkWhatIf(t *testing.T, e Export, w WhatIf) {
	t.Helper()
	funded := func(e Export) bool {
		won, err := fundedIn(e, w.Alternative)
		if err != nil {
			t.Fatal(err)
		}
		return won
	}
	if w.WinsAtCost == nil || !funded(withCost(e, w.Alternative, *w.WinsAtCost)) || funded(withCost(e, w.Alternative, w.WinsAtCost.Add(w.Step))) {
		t.Errorf("%s: wins at %v does not hold", w.Alternative, w.WinsAtCost)
	}
	if n := len(w.NewSupporters); n > 0 {
		join := func(names []string) Export {
			return changed(e, positions(e, names), func(b Ballot) Ballot { return withSupport(b, w.Alternative) })
		}
		if !funded(join(w.NewSupporters)) || funded(join(w.NewSupporters[:n-1])) {
			t.Errorf("%s: %d further supporters do not decide", w.Alternative, n)
		}
	}
	if w.Rival != "" {
		gone := e
		gone.Alternatives = slices.DeleteFunc(slices.Clone(e.Alternatives), func(a Alternative) bool { return a.Key == w.Rival })
		if !funded(gone) {
			t.Errorf("%s is not funded without %s", w.Alternative, w.Rival)
		}
	}
	if f := w.Flip; f.AtMost < f.AtLeast && f.AtMost > 0 {
		t.Errorf("%s: at most %d, at least %d", w.Alternative, f.AtMost, f.AtLeast)
	} else if f.AtMost > 0 && !funded(changed(e, positions(e, f.Ballots), func(b Ballot) Ballot { return onlyFor(b, w.Alternative) })) {
		t.Errorf("%s: the %d ballots %v do not turn the decision", w.Alternative, f.AtMost, f.Ballots)
	}
}

func positions(e Export, voters []string) []int {
	var at []int
	for _, v := range voters {
		at = append(at, slices.IndexFunc(e.Ballots, func(b Ballot) bool { return b.Voter == v }))
	}
	return at
}

// TestFlips: for funded projects too, the ballots named turn the decision.
func TestFlips(t *testing.T) {
	e := readExport(t, "portfolio12.json")
	flips, err := Flips(e)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range flips {
		change := func(b Ballot) Ballot { return onlyFor(b, f.Alternative) }
		if f.Funded {
			change = func(b Ballot) Ballot { return without(b, f.Alternative) }
		}
		won, err := fundedIn(changed(e, positions(e, f.Ballots), change), f.Alternative)
		if err != nil || f.AtMost == 0 || won == f.Funded {
			t.Errorf("%s (funded %t): %d ballots %v leave it so (%v)", f.Alternative, f.Funded, f.AtMost, f.Ballots, err)
		}
	}
}

// TestWhatIfKnown: three members, 30 to spend. A costs 20 and two support it;
// B costs 12 and only the third does, with a share of 10.
func TestWhatIfKnown(t *testing.T) {
	e := Export{Format: ExportFormat, Rule: "equal_shares_cost", Budget: Int(30)}
	e.Alternatives = []Alternative{{Key: "A", Cost: Int(20)}, {Key: "B", Cost: Int(12)}}
	e.Ballots = []Ballot{{Key: "x", Approves: []string{"A"}}, {Key: "y", Approves: []string{"A"}}, {Key: "z", Approves: []string{"B"}}}
	e.Ties = publishedTies
	w, err := WhatIfFor(e, "B")
	if err != nil {
		t.Fatal(err)
	}
	if !w.WinsAtCost.Equal(Int(10)) || !w.MoneyMissing.Equal(Int(2)) || w.SupportersMissing != 1 || w.Flip.AtMost != 1 || w.Flip.AtLeast != 1 {
		t.Errorf("got %+v", w)
	}
	if _, err := WhatIfFor(e, "A"); err == nil {
		t.Error("A is funded: want an error")
	}
	e.Rule = "schulze"
	if _, err := WhatIfFor(e, "B"); err == nil {
		t.Error("a rule without budget: want an error")
	}
}
