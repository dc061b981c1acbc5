package tally

import (
	"errors"
	"fmt"
	"slices"
)

// Flips bounds, for every project, how many changed ballots turn its decision.
func Flips(e Export) ([]Flip, error) {
	r, err := Recount(e)
	if err != nil {
		return nil, err
	}
	var out []Flip
	for _, a := range e.Alternatives {
		if a.Cost.IsZero() {
			continue
		}
		f, err := flip(e, r, a.Key)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// flip tries two kinds of change. To fund a project, ballots support it alone;
// to unfund it, its supporters leave it off their ballots. A single ballot is
// tried one by one where the voters are few; more are taken in a fixed order.
func flip(e Export, r Result, key string) (Flip, error) {
	f := Flip{Alternative: key, Funded: slices.Contains(r.Winners, key), AtLeast: 1}
	order := leastInvolved(e, r)
	change := func(b Ballot) Ballot { return onlyFor(b, key) }
	f.Change = "supports this project alone"
	var candidates []int
	if f.Funded {
		change = func(b Ballot) Ballot { return without(b, key) }
		f.Change = "does not support this project"
		for _, i := range slices.Backward(order) {
			if supports(e.Ballots[i], key) {
				candidates = append(candidates, i)
			}
		}
	} else {
		candidates = f.newcomersFirst(e, order)
	}
	works := func(which []int) (bool, error) {
		won, err := fundedIn(changed(e, which, change), key)
		return won != f.Funded, err
	}
	if len(candidates) <= maxFlipVoters {
		for _, i := range candidates {
			if ok, err := works([]int{i}); err != nil || ok {
				f.AtMost, f.Ballots = 1, ballotNames(e, []int{i})
				return f, err
			}
		}
	}
	n, err := leastThatWorks(len(candidates), func(n int) (bool, error) { return works(candidates[:n]) })
	f.AtMost, f.Ballots = n, ballotNames(e, candidates[:n])
	if n == 0 {
		f.Change = ""
	}
	if !f.Funded {
		f.AtLeast = max(1, mustHave(e, r, key))
	}
	return f, err
}

// newcomersFirst puts those who do not support the project before its
// supporters, who could still free their share for it.
func (f Flip) newcomersFirst(e Export, order []int) []int {
	var news, olds []int
	for _, i := range order {
		if supports(e.Ballots[i], f.Alternative) {
			olds = append(olds, i)
		} else {
			news = append(news, i)
		}
	}
	slices.Reverse(olds)
	return append(news, olds...)
}

// mustHave is a lower bound that holds for equal shares without completion and
// with one vote and one share per member: whatever the ballots say, a project
// needs supporters whose whole shares carry its cost.
func mustHave(e Export, r Result, key string) int {
	plain := []string{"equal_shares_cost", "equal_shares_count", "equal_shares_points"}
	if !slices.Contains(plain, r.Rule) || len(r.Budget.Shares) != 1 || !r.Budget.Weight.Equal(Int(int64(r.Budget.Voters))) {
		return 1
	}
	for _, p := range r.Budget.Projects {
		if p.Alternative != key || r.Budget.Shares[0].First.IsZero() {
			continue
		}
		need := p.Cost.Quo(r.Budget.Shares[0].First).Sub(p.Supporters)
		return int(need.Neg().Floor().Neg().view().Num().Int64()) // rounded up
	}
	return 1
}

// winnersOf counts without the explanation.
func winnersOf(e Export) ([]string, error) {
	p, err := newPortfolio(e)
	if err != nil {
		return nil, err
	}
	count := quietCounter(e.Rule)
	if count == nil {
		return nil, fmt.Errorf("rule %q spends no budget", e.Rule)
	}
	won, err := count(p)
	var tie *TieError
	if errors.As(err, &tie) {
		return nil, nil
	}
	keys := make([]string, len(won))
	for i, w := range won {
		keys[i] = p.alts[w].Key
	}
	return keys, err
}
