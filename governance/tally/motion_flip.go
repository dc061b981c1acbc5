package tally

import (
	"maps"
	"slices"
)

// Counterfactual is the smallest change that would have decided a motion
// otherwise: carried instead of lost, or lost instead of carried.
type Counterfactual struct {
	// Ballots is how few of the members who voted would have had to vote
	// otherwise; -1 if no change of theirs is enough.
	Ballots int `json:"ballots"`
	// Members is how few members would have had to act otherwise, where an
	// absent member may also vote and a voter may also stay away; -1 if none.
	Members int `json:"members"`
}

// counterfactual finds both numbers exactly. For a motion that was carried it
// is enough that one requirement fails, so the cheapest is taken; for a motion
// that was lost all have to hold together, which [house.toCarry] searches.
// Where weights differ so much that there are more than maxFront combinations
// to keep, it gives up and returns nil.
func (h *house) counterfactual(outcome string) *Counterfactual {
	if outcome == carried {
		return &Counterfactual{
			Ballots: least(h.toLose(false), never),
			Members: least(h.toLose(true), h.toBreakQuorum()),
		}
	}
	ballots, ok1 := h.toCarry(false)
	members, ok2 := h.toCarry(true)
	if !ok1 || !ok2 {
		return nil
	}
	return &Counterfactual{Ballots: ballots, Members: members}
}

// never marks what no number of changes can bring about.
const never = -1

func least(a, b int) int {
	switch {
	case a == never:
		return b
	case b == never:
		return a
	}
	return min(a, b)
}

// with returns the house after the chair's vote became v.
func (h *house) with(v Vote) *house {
	alt := *h
	alt.members = slices.Clone(h.members)
	alt.members[h.chair].vote, alt.members[h.chair].present = v, true
	return &alt
}

// chairChoices lists the house with the chair's vote as it is and, where a
// change is possible, as v: the chair decides ties, so no other member's
// change is worth the same.
func (h *house) chairChoices(v Vote, absentToo bool) []*house {
	choices := []*house{h}
	if h.chair >= 0 && h.members[h.chair].vote != v && (absentToo || h.members[h.chair].vote != "") {
		choices = append(choices, h.with(v))
	}
	return choices
}

// open reports whether member i may be among those who change to v.
func (h *house) open(i int, v Vote, absentToo bool) bool {
	m := h.members[i]
	return i != h.chair && m.vote != v && (absentToo || m.vote != "")
}

// toLose is the least number of members whose change to "no" makes the
// threshold, or the majority of regions, fail.
func (h *house) toLose(absentToo bool) int {
	most := never
	for changed, alt := range h.chairChoices(No, absentToo) {
		if n := alt.toFailThreshold(absentToo); n != never {
			most = least(most, n+changed)
		}
		if n := alt.toFailRegions(absentToo); n != never {
			most = least(most, n+changed)
		}
	}
	return most
}

func (h *house) toFailThreshold(absentToo bool) int {
	l := h.line()
	at := l.at(h.sums())
	var gains []Rat
	for i := range h.members {
		if h.open(i, No, absentToo) {
			gains = append(gains, h.gain(l, i, No).Neg())
		}
	}
	return fewest(gains, at, !l.strict) // below 0, or not above it
}

func (h *house) toFailRegions(absentToo bool) int {
	if !h.rule.DoubleMajority {
		return never
	}
	var costs []int
	yes := 0
	for _, name := range h.regions {
		lead, gains := h.lead(name, No, absentToo)
		if lead.Sign() <= 0 {
			continue
		}
		yes++
		if n := fewest(gains, lead, false); n != never {
			costs = append(costs, n)
		}
	}
	need := yes - len(h.regions)/2 // afterwards no more than half of all regions
	if need <= 0 {
		return 0
	}
	if need > len(costs) {
		return never
	}
	slices.Sort(costs)
	sum := 0
	for _, c := range costs[:need] {
		sum += c
	}
	return sum
}

// lead is yes less no in a region, with what each open member's change to v
// would take from it (v = no) or add to it (v = yes).
func (h *house) lead(region string, v Vote, absentToo bool) (lead Rat, gains []Rat) {
	for i, m := range h.members {
		if m.region != region {
			continue
		}
		d := sign(m.vote)
		lead = lead.Add(m.weight.Mul(Int(d)))
		if h.open(i, v, absentToo) {
			gains = append(gains, m.weight.Mul(Int(abs64(sign(v)-d))))
		}
	}
	return lead, gains
}

func sign(v Vote) int64 {
	switch v {
	case Yes:
		return 1
	case No:
		return -1
	}
	return 0
}

// fewest is how many gains, largest first, are needed to reach target, or to
// exceed it; never if all together do not.
func fewest(gains []Rat, target Rat, exceed bool) int {
	slices.SortFunc(gains, func(a, b Rat) int { return b.Cmp(a) })
	var sum Rat
	for n := 0; ; n++ {
		if c := sum.Cmp(target); c > 0 || c == 0 && !exceed {
			return n
		}
		if n == len(gains) {
			return never
		}
		sum = sum.Add(gains[n])
	}
}

// toBreakQuorum is the least number of members who, staying away, would leave
// the meeting without a quorum.
func (h *house) toBreakQuorum() int {
	r, _ := h.decide()
	var present []Rat
	groups := make(map[string]int)
	for _, m := range h.members {
		if m.present {
			present = append(present, m.weight)
			groups[m.region]++
		}
	}
	best := never
	if need := h.rule.Quorum.Mul(r.QuorumBase); !need.IsZero() {
		best = fewest(present, r.Present.Sub(need), !h.rule.QuorumStrict)
	}
	delete(groups, "")
	need := h.rule.RegionQuorum.Mul(Int(int64(len(h.regions))))
	if need.IsZero() {
		return best
	}
	sizes := slices.Sorted(maps.Values(groups))
	sum := 0
	for i, n := range sizes {
		sum += n
		if !reaches(Int(int64(len(sizes)-i-1)), need, h.rule.RegionQuorumStrict) {
			return least(best, sum)
		}
	}
	return best
}

// line is the threshold's sum with its strictness as this house has it: a
// chair who votes yes turns a tie, and where nobody voted for or against, a
// threshold that asks for at least one yes is strict.
func (h *house) line() line {
	l := thresholds[h.rule.Threshold]
	switch s := h.sums(); h.rule.Threshold {
	case Majority:
		l.strict = h.chairVote() != Yes
	case TwoThirds, ThreeQuarters:
		l.strict = s.yes.IsZero() && s.no.IsZero()
	}
	return l
}

// gain is what the threshold's sum gains when member i changes to v.
func (h *house) gain(l line, i int, v Vote) Rat {
	if !h.counts(i) {
		return Rat{}
	}
	m := h.members[i]
	return m.weight.Mul(Int(l.of(v, true) - l.of(m.vote, m.present)))
}

// of is the coefficient of one vote.
func (l line) of(v Vote, present bool) int64 {
	switch {
	case v == Yes:
		return l.yes
	case v == No:
		return l.no
	case v == Abstain:
		return l.abstain
	case present:
		return l.silent
	}
	return 0
}

// toCarry is the least number of members whose change to "yes" meets every
// requirement at once; the second result is false if there were too many
// combinations to try.
func (h *house) toCarry(absentToo bool) (int, bool) {
	best := never
	for changed, alt := range h.chairChoices(Yes, absentToo) {
		n, ok := alt.withoutIdleRegions().search(absentToo)
		if !ok {
			return never, false
		}
		if n != never {
			best = least(best, n+changed)
		}
	}
	return best, true
}
