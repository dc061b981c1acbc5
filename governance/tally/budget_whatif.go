package tally

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// WhatIf says what would have to be otherwise for one losing project to be
// funded, everything else being as it was. Each answer was found by counting
// again, never by a formula, so each is true of the whole rule, completions
// and tie-breaks included.
//
// The measures are those of Boehmer et al., "Evaluation of Project Performance
// in Participatory Budgeting" (arXiv 2312.14723).
type WhatIf struct {
	Alternative string `json:"alternative"`
	Cost        Rat    `json:"cost"`

	// WinsAtCost is a cost at which it is funded, while at one unit more
	// (Step) it is not; nil if no lower cost was found. A rule that raises
	// shares may have further such costs.
	WinsAtCost *Rat `json:"wins_at_cost,omitempty"`
	Step       Rat  `json:"step"`

	// SupportersMissing is with how many further supporters it is funded, taken
	// from those who did not support it, those with most of their share left
	// first; with one fewer of them it is not. 0: not with all of them.
	SupportersMissing int      `json:"supporters_missing"`
	NewSupporters     []string `json:"new_supporters,omitempty"`

	MoneyMissing Rat `json:"money_missing"` // as in [Distance]

	// Rival is the funded project without which it would be funded: of several,
	// the one that its supporters gave most. Empty if there is no single one.
	Rival string `json:"rival,omitempty"`

	Flip Flip `json:"flip"`
}

// Flip bounds the smallest number of ballots which, filled in otherwise, turn
// one funding decision around. AtMost comes with the ballots and was counted;
// AtLeast is proved. They are equal when the number is exact.
type Flip struct {
	Alternative string   `json:"alternative"`
	Funded      bool     `json:"funded"`  // today
	AtMost      int      `json:"at_most"` // 0: none found
	Ballots     []string `json:"ballots,omitempty"`
	Change      string   `json:"change,omitempty"` // what those ballots say instead
	AtLeast     int      `json:"at_least"`
}

// maxFlipVoters is up to how many ballots are tried one by one as the single
// ballot that turns a decision.
const maxFlipVoters = 200

// WhatIfs answers for every project that was not funded, in the order of the
// ballot paper. It counts some dozens of times per project; for elections with
// very many voters ask for single projects with [WhatIfFor].
func WhatIfs(e Export) ([]WhatIf, error) {
	r, err := Recount(e)
	if err != nil {
		return nil, err
	}
	var out []WhatIf
	for _, a := range e.Alternatives {
		if slices.Contains(r.Winners, a.Key) || a.Cost.IsZero() {
			continue
		}
		w, err := whatIf(e, r, a)
		if err != nil {
			return nil, fmt.Errorf("what if %q: %w", a.Key, err)
		}
		out = append(out, w)
	}
	return out, nil
}

// WhatIfFor answers for one project that was not funded.
func WhatIfFor(e Export, key string) (WhatIf, error) {
	r, err := Recount(e)
	if err != nil {
		return WhatIf{}, err
	}
	for _, a := range e.Alternatives {
		if a.Key == key && !slices.Contains(r.Winners, key) {
			return whatIf(e, r, a)
		}
	}
	return WhatIf{}, fmt.Errorf("%q is not on the ballot paper, or it is funded", key)
}

func whatIf(e Export, r Result, a Alternative) (WhatIf, error) {
	if r.Budget == nil {
		return WhatIf{}, fmt.Errorf("rule %q spends no budget", e.Rule)
	}
	w := WhatIf{Alternative: a.Key, Cost: a.Cost, Step: Frac(1, moneyUnit(e))}
	against := ""
	for _, d := range r.Losers {
		if d.Alternative == a.Key {
			w.MoneyMissing, against = d.Missing, d.Against
		}
	}
	var err error
	if w.WinsAtCost, err = winsAt(e, a, w.Step); err != nil {
		return w, err
	}
	order := leastInvolved(e, r)
	if w.NewSupporters, err = joiners(e, a.Key, order); err != nil {
		return w, err
	}
	w.SupportersMissing = len(w.NewSupporters)
	if w.Rival, err = rival(e, r, a.Key, against); err != nil {
		return w, err
	}
	w.Flip, err = flip(e, r, a.Key)
	return w, err
}

// moneyUnit is the number of smallest units in the unit of the budget.
func moneyUnit(e Export) int64 {
	unit := e.Budget.view().Denom()
	for _, a := range e.Alternatives {
		unit = lcm(unit, a.Cost.view().Denom())
	}
	return unit.Int64()
}

// fundedIn counts e and says whether the project is funded. A tie that cannot
// be broken decides nothing, so it counts as not funded.
func fundedIn(e Export, key string) (bool, error) {
	won, err := winnersOf(e)
	return slices.Contains(won, key), err
}

func withCost(e Export, key string, cost Rat) Export {
	e.Alternatives = slices.Clone(e.Alternatives)
	for i := range e.Alternatives {
		if e.Alternatives[i].Key == key {
			e.Alternatives[i].Cost = cost
		}
	}
	return e
}

// winsAt halves the interval between a cost that wins and one that does not.
func winsAt(e Export, a Alternative, step Rat) (*Rat, error) {
	low, high := Int(1), a.Cost.Quo(step) // in steps
	if !low.Less(high) {
		return nil, nil
	}
	if won, err := fundedIn(withCost(e, a.Key, step), a.Key); err != nil || !won {
		return nil, err
	}
	for low.Add(Int(1)).Less(high) {
		middle := low.Add(high).Quo(Int(2)).Floor()
		won, err := fundedIn(withCost(e, a.Key, middle.Mul(step)), a.Key)
		if err != nil {
			return nil, err
		}
		if won {
			low = middle
		} else {
			high = middle
		}
	}
	cost := low.Mul(step)
	return &cost, nil
}

// leastInvolved orders the ballots by how little of their share they gave.
func leastInvolved(e Export, r Result) []int {
	gave := map[string]Rat{}
	for _, round := range r.Rounds {
		for _, p := range round.Payments {
			gave[p.Voter] = gave[p.Voter].Add(p.Amount)
		}
	}
	order := make([]int, len(e.Ballots))
	for i := range order {
		order[i] = i
	}
	given := func(i int) Rat { return gave[cmp.Or(e.Ballots[i].Voter, ballotName(e.Ballots[i], i))] }
	slices.SortStableFunc(order, func(a, b int) int { return given(a).Cmp(given(b)) })
	return order
}

// joiners finds with how many more supporters the project is funded.
func joiners(e Export, key string, order []int) ([]string, error) {
	var free []int
	for _, i := range order {
		if !supports(e.Ballots[i], key) {
			free = append(free, i)
		}
	}
	won := func(n int) (bool, error) {
		return fundedIn(changed(e, free[:n], func(b Ballot) Ballot { return withSupport(b, key) }), key)
	}
	n, err := leastThatWorks(len(free), won)
	return ballotNames(e, free[:n]), err
}

// leastThatWorks finds a number that works while one less does not, by
// doubling and halving; 0 if not even most does.
func leastThatWorks(most int, works func(int) (bool, error)) (int, error) {
	low, high := 0, 1
	for ; ; high = min(2*high, most) {
		if most == 0 {
			return 0, nil
		}
		ok, err := works(high)
		if err != nil {
			return 0, err
		}
		if ok {
			break
		}
		if high == most {
			return 0, nil
		}
		low = high
	}
	for low+1 < high {
		middle := (low + high) / 2
		ok, err := works(middle)
		if err != nil {
			return 0, err
		}
		if ok {
			high = middle
		} else {
			low = middle
		}
	}
	return high, nil
}

func supports(b Ballot, key string) bool {
	if b.Points[key] > 0 || slices.Contains(b.Approves, key) {
		return true
	}
	return slices.ContainsFunc(b.Ranks, func(tier []string) bool { return slices.Contains(tier, key) })
}

// withSupport adds the project to a ballot, with as much as the ballot gives
// any project.
func withSupport(b Ballot, key string) Ballot {
	switch {
	case len(b.Points) > 0:
		b.Points = maps.Clone(b.Points)
		b.Points[key] = max(1, slices.Max(slices.Collect(maps.Values(b.Points))))
	case len(b.Ranks) > 0:
		b.Ranks = slices.Clone(b.Ranks)
		b.Ranks[0] = append(slices.Clone(b.Ranks[0]), key)
	default:
		b.Approves = append(slices.Clone(b.Approves), key)
	}
	return b
}

// onlyFor makes a ballot support this project alone.
func onlyFor(b Ballot, key string) Ballot {
	switch {
	case len(b.Points) > 0:
		b.Points = map[string]int64{key: max(1, slices.Max(slices.Collect(maps.Values(b.Points))))}
	case len(b.Ranks) > 0:
		b.Ranks = append([][]string{{key}}, make([][]string, len(b.Ranks)-1)...)
	default:
		b.Approves = []string{key}
	}
	return b
}

// without takes the project off a ballot.
func without(b Ballot, key string) Ballot {
	is := func(k string) bool { return k == key }
	b.Points = maps.Clone(b.Points)
	delete(b.Points, key)
	b.Approves = slices.DeleteFunc(slices.Clone(b.Approves), is)
	b.Ranks = slices.Clone(b.Ranks)
	for i := range b.Ranks {
		b.Ranks[i] = slices.DeleteFunc(slices.Clone(b.Ranks[i]), is)
	}
	return b
}

func changed(e Export, which []int, change func(Ballot) Ballot) Export {
	e.Ballots = slices.Clone(e.Ballots)
	for _, i := range which {
		e.Ballots[i] = change(e.Ballots[i])
	}
	return e
}

func ballotNames(e Export, which []int) []string {
	var names []string
	for _, i := range which {
		names = append(names, cmp.Or(e.Ballots[i].Voter, ballotName(e.Ballots[i], i)))
	}
	return names
}

// rival looks for the funded project whose absence would fund this one: first
// the one its supporters gave most, then the others in order of funding.
func rival(e Export, r Result, key, first string) (string, error) {
	tried := r.Winners
	if first != "" {
		tried = append([]string{first}, tried...)
	}
	for _, other := range tried {
		gone := e
		gone.Alternatives = slices.DeleteFunc(slices.Clone(e.Alternatives), func(a Alternative) bool { return a.Key == other })
		if won, err := fundedIn(gone, key); err != nil || won {
			return other, err
		}
	}
	return "", nil
}
