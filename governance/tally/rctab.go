package tally

import (
	"fmt"
	"slices"
)

// RCTabMode says how a count by the rules of the Ranked Choice Voting
// Tabulator fills seats.
type RCTabMode string

// The modes.
const (
	OneSeat      RCTabMode = "single"        // instant runoff
	SeatsAtOnce  RCTabMode = "multi"         // STV; everybody at the threshold is elected in the same round
	SeatByRound  RCTabMode = "one_per_round" // STV; the highest only, the others wait
	SeatByPass   RCTabMode = "multi_pass"    // instant runoff again and again, without those elected before
	ShareAtLeast RCTabMode = "bottoms_up"    // the lowest go until all left have Percent of the votes
)

// Overvote says what happens at a rank with more than one mark.
type Overvote string

// The over-vote rules.
const (
	OvervoteExhausts       Overvote = "exhaust"                        // the ballot ends there; the default
	OvervoteSkipped        Overvote = "skip"                           // the rank is passed over
	OvervoteExhaustsIfOpen Overvote = "exhaust_if_multiple_continuing" // it ends unless at most one of the marks still continues
)

// RCTabRules are the options that American ranked-choice statutes differ in,
// as the open-source tabulator RCTab names them. The zero value is an instant
// runoff in which an over-voted rank ends the ballot.
type RCTabRules struct {
	Mode     RCTabMode `json:"mode,omitempty"`
	Overvote Overvote  `json:"overvote,omitempty"`

	// MaxSkipped is how many consecutive empty ranks a ballot may have before
	// it ends; nil allows any number.
	MaxSkipped *int `json:"max_skipped,omitempty"`
	// MaxRanks is how many ranks are read; 0 reads all.
	MaxRanks int `json:"max_ranks,omitempty"`
	// DuplicateExhausts ends a ballot at a second mark for one alternative;
	// otherwise that mark is passed over.
	DuplicateExhausts bool `json:"duplicate_exhausts,omitempty"`

	Batch bool `json:"batch,omitempty"` // drop together all who together cannot overtake the next
	// Voteless drops together all who have no vote at all: no ballot moves, so
	// there is no tie between them to break.
	Voteless  bool `json:"voteless_together,omitempty"`
	UntilTwo  bool `json:"until_two,omitempty"`  // go on until two are left, also after a winner is known
	StopAfter int  `json:"stop_after,omitempty"` // last round to count; 0: no limit

	FirstRound bool `json:"first_round_threshold,omitempty"` // the threshold of round 1 stays
	NonInteger bool `json:"non_integer,omitempty"`           // threshold to Decimals places instead of a whole number
	Hare       bool `json:"hare,omitempty"`                  // votes per seat, instead of per seat and one more
	Decimals   int  `json:"decimals,omitempty"`              // places of vote arithmetic, truncated, 0 to 9
	Percent    Rat  `json:"percent,omitzero"`                // for ShareAtLeast, of votes in the round
	MinVotes   Rat  `json:"min_votes,omitzero"`              // fewer in round 1 and an alternative is dropped

	Excluded []string `json:"excluded,omitempty"`  // on the paper, but votes pass over them
	WriteIns string   `json:"write_ins,omitempty"` // stands for all undeclared names: dropped first, cannot win

	// JavaSeed, if set, draws every tie anew with java.util.Random, as that
	// tabulator does, instead of by the profile's tie-break.
	JavaSeed *int64 `json:"java_seed,omitempty"`
}

func (r RCTabRules) check(p Profile, seats int) error {
	if !slices.Contains([]RCTabMode{"", OneSeat, SeatsAtOnce, SeatByRound, SeatByPass, ShareAtLeast}, r.Mode) {
		return fmt.Errorf("no mode is called %q", r.Mode)
	}
	if !slices.Contains([]Overvote{"", OvervoteExhausts, OvervoteSkipped, OvervoteExhaustsIfOpen}, r.Overvote) {
		return fmt.Errorf("no over-vote rule is called %q", r.Overvote)
	}
	if r.Decimals < 0 || r.Decimals > 9 {
		return fmt.Errorf("%d decimals: from 0 to 9 are possible", r.Decimals)
	}
	if seats < 0 || seats > 1 && (r.Mode == "" || r.Mode == OneSeat) {
		return fmt.Errorf("%d seats: an instant runoff fills one", seats)
	}
	return p.check()
}

// IRV is the instant runoff: the lowest is eliminated and its ballots move to
// their next preference, until one alternative has more than half of the
// continuing ballots. Alternatives without any vote go together; otherwise the
// options are the defaults of [RCTabRules].
func IRV(p Profile) (Result, error) { return RCTab(p, 1, RCTabRules{Voteless: true}) }

// RCTab counts an instant runoff, or a single transferable vote by the
// weighted inclusive Gregory method, with the options of [RCTabRules].
//
// A tie for elimination takes whom the tie-break prefers least; a tie for
// election whom it prefers most. A name "" in a rank stands for a mark that
// the scanner flagged as over-voted.
func RCTab(p Profile, seats int, rules RCTabRules) (Result, error) {
	if err := rules.check(p, seats); err != nil {
		return Result{}, err
	}
	t := newTabulation(p, max(seats, 1), rules)
	passes := 1
	if rules.Mode == SeatByPass {
		passes, t.seats = t.seats, 1
	}
	for pass := 1; pass <= passes; pass++ {
		if passes > 1 {
			t.pass = pass
		}
		if err := t.run(); err != nil {
			return Result{}, err
		}
	}
	t.result.Ties = t.ties.Broken
	t.result.Losers = t.behind()
	if passes == 1 && t.oneSeat() {
		t.result.Ranking = t.order()
	}
	return t.result.done(p), nil
}

// fate is where an alternative stands in a count.
type fate uint8

const (
	hopeful fate = iota
	elected
	eliminated
	excluded
)

// tabulation is one count by RCTab's rules.
type tabulation struct {
	p      Profile
	rules  RCTabRules
	keys   []string
	seats  int
	pass   int // 0: only one
	ties   *Ties
	papers []paper
	result Result

	fate       []fate
	tally      []Rat
	threshold  Rat
	round      int
	writeIns   int  // index; -1: none
	settled    bool // the winner of a single seat is known
	inactive   map[inactive]Rat
	past       []int // elected in earlier passes
	chosenNow  bool  // somebody was elected in this round
	droppedNow bool
}

// paper is one ballot, or several alike, in the course of a count.
type paper struct {
	ranks  [][]int32 // -1: flagged as over-voted
	times  Rat       // how many votes
	value  Rat       // what is left of each
	holder int       // whose pile it is in; -1: none
}

// inactive is why a ballot counts for nobody any more.
type inactive uint8

const (
	active inactive = iota
	outOfChoices
	overvote
	repeated
	skipped
	finalSurplus
)

func newTabulation(p Profile, seats int, rules RCTabRules) *tabulation {
	t := &tabulation{p: p, rules: rules, keys: p.keys(), seats: seats, writeIns: -1}
	in, problems := p.admit()
	index := p.index()
	for _, b := range in {
		paper, found := readPaper(b, index, rules)
		problems = append(problems, found...)
		if len(paper.ranks) > 0 {
			t.papers = append(t.papers, paper)
		}
	}
	t.result.Problems = problems
	first := make(map[string]Rat)
	for _, b := range t.papers {
		if len(b.ranks[0]) == 1 && b.ranks[0][0] >= 0 {
			k := t.keys[b.ranks[0][0]]
			first[k] = first[k].Add(b.times)
		}
	}
	t.ties = NewTies(p.Ties, p.Alternatives, first)
	if rules.JavaSeed != nil {
		t.ties.draw = javaDraw(*rules.JavaSeed)
	}
	if i, ok := index[rules.WriteIns]; ok && rules.WriteIns != "" {
		t.writeIns = i
	}
	return t
}

// readPaper reads the ranks; a rank is empty where it was skipped.
func readPaper(b counted, index map[string]int, rules RCTabRules) (paper, []Problem) {
	var problems []Problem
	p := paper{times: b.weight, value: Int(1), holder: -1}
	any := false
	for i, names := range b.Ranks {
		if rules.MaxRanks > 0 && i >= rules.MaxRanks {
			problems = append(problems, Problem{b.name, Overvoted, fmt.Sprintf("%d ranks, %d are read", len(b.Ranks), rules.MaxRanks), "further ranks not counted"})
			break
		}
		var here []int32
		for _, name := range names {
			at, ok := index[name]
			switch {
			case name == "":
				here = append(here, -1, -1)
			case !ok:
				problems = append(problems, Problem{b.name, Unknown, quote(name) + " is not on the ballot paper", "that mark not counted"})
			case !slices.Contains(here, int32(at)):
				here = append(here, int32(at))
			}
		}
		if len(here) > 1 {
			problems = append(problems, Problem{b.name, Overvoted, fmt.Sprintf("more than one mark at rank %d", i+1), "as the rules for over-votes say"})
		}
		any = any || len(here) > 0
		p.ranks = append(p.ranks, here)
	}
	if !any {
		return paper{}, append(problems, Problem{b.name, Empty, "ranks nothing", "not counted"})
	}
	return p, append(problems, duplicateMarks(b.name, p)...)
}

// duplicateMarks reports alternatives that stand at two ranks.
func duplicateMarks(name string, p paper) []Problem {
	var seen []int32
	for i, rank := range p.ranks {
		for _, a := range rank {
			if a >= 0 && slices.Contains(seen, a) {
				return []Problem{{name, Duplicate, fmt.Sprintf("rank %d repeats an earlier mark", i+1), "as the rules for repeated marks say"}}
			}
		}
		seen = append(seen, rank...)
	}
	return nil
}

// next finds the first continuing choice, or why there is none.
func (t *tabulation) next(p *paper) (int, inactive) {
	last := -1
	var seen []int32
	for i, rank := range p.ranks {
		if len(rank) == 0 {
			continue
		}
		if t.rules.MaxSkipped != nil && i-last-1 > *t.rules.MaxSkipped {
			return -1, skipped
		}
		last = i
		if t.rules.DuplicateExhausts {
			for _, a := range rank {
				if a >= 0 && slices.Contains(seen, a) {
					return -1, repeated
				}
			}
			seen = append(seen, rank...)
		}
		if len(rank) > 1 {
			a, why := t.overvoted(rank)
			if a >= 0 || why != active {
				return a, why
			}
			continue
		}
		if t.fate[rank[0]] == hopeful {
			return int(rank[0]), active
		}
	}
	return -1, outOfChoices
}

// overvoted applies the over-vote rule: an alternative, an end, or neither.
func (t *tabulation) overvoted(rank []int32) (int, inactive) {
	switch t.rules.Overvote {
	case OvervoteSkipped:
		return -1, active
	case OvervoteExhaustsIfOpen:
		open := -1
		for _, a := range rank {
			if a < 0 || t.fate[a] != hopeful {
				continue
			}
			if open >= 0 {
				return -1, overvote
			}
			open = int(a)
		}
		return open, active
	}
	return -1, overvote
}
