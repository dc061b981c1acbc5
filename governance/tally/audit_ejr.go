package tally

import (
	"cmp"
	"math/big"
	"slices"
)

// Objection is a group of voters that a portfolio leaves out although its own
// share of the budget would have carried one project more: a violation of
// EJR+ up to any project.
//
// Definition (Brill and Peters, "Robust and Verifiable Proportionality Axioms
// for Multiwinner Voting", EC 2023, adapted to costs): a project p that is not
// funded, and a group of its supporters, such that for every member the worth
// of the funded projects it supports, plus the worth of p, is at most what the
// group's shares together could buy. The worth of a project is its cost.
type Objection struct {
	Alternative string   `json:"alternative"` // the project that the group could carry
	Voters      []string `json:"voters"`      // the group: keys on the roll, or of ballots; the largest there is
	Regions     []string `json:"regions,omitempty"`
	Weight      Rat      `json:"weight"` // of the group
	Share       Rat      `json:"share"`  // of the budget that the group's members have together
	Cost        Rat      `json:"cost"`   // of the project
	// Most is the greatest worth of funded projects that any member of the
	// group has. Most + Cost is at most Share: that is the objection.
	Most Rat `json:"most"`
}

// Audit checks any portfolio, however it was chosen, for EJR+ up to any
// project. An empty list means that no group of voters can object. The check
// is exact and takes time proportional to the supporters of what lost.
//
// It reads approvals; points and ranks above 0 count as approvals. The shares
// are those before Add1, equal per unit of weight or by region as the
// export's options say.
func Audit(e Export, funded []string) ([]Objection, error) {
	p, err := newPortfolio(e)
	if err != nil {
		return nil, err
	}
	return p.objections(funded)
}

func (p *portfolio) objections(funded []string) ([]Objection, error) {
	won := make([]bool, len(p.alts))
	for _, key := range funded {
		if i, known := p.index[key]; known {
			won[i] = true
		}
	}
	shares, class, err := p.endowments()
	if err != nil || len(shares) == 0 { // nobody voted
		return nil, err
	}
	worth := make([]int64, len(p.voters)) // money units of funded projects each supports
	backers := make([][]int32, len(p.alts))
	for v := range p.voters {
		for _, c := range p.voters[v].choices {
			if won[c.project] {
				worth[v] += p.cost[c.project]
			} else if p.out[c.project] == "" {
				backers[c.project] = append(backers[c.project], int32(v))
			}
		}
	}
	var found []Objection
	for i := range p.alts {
		if o, bad := p.objection(i, backers[i], worth, shares, class); bad {
			found = append(found, o)
		}
	}
	return found, nil
}

// objection looks for the largest prefix of the project's supporters, those
// with the least first, whose members are all owed more. Only prefixes matter:
// whoever has no more than the best-off member of a group can join it.
func (p *portfolio) objection(i int, backers []int32, worth []int64, shares []*big.Rat, class map[string]int32) (Objection, bool) {
	slices.SortStableFunc(backers, func(a, b int32) int { return cmp.Compare(worth[a], worth[b]) })
	have, best, most := new(big.Rat), 0, new(big.Rat)
	var share *big.Rat
	for k, v := range backers {
		voter := &p.voters[v]
		have.Add(have, new(big.Rat).Mul(shares[class[voter.member.Region]], voter.weight.view()))
		if k+1 < len(backers) && worth[backers[k+1]] == worth[v] {
			continue
		}
		if most.SetInt64(worth[v]+p.cost[i]).Cmp(have) <= 0 {
			best, share = k+1, new(big.Rat).Set(have)
		}
	}
	if best == 0 {
		return Objection{}, false
	}
	o := Objection{
		Alternative: p.alts[i].Key, Cost: p.alts[i].Cost, Most: p.amount(worth[backers[best-1]]),
		Share: fromBig(share.Quo(share, new(big.Rat).SetInt64(p.unit))),
	}
	regions := map[string]bool{}
	for _, v := range backers[:best] {
		o.Voters = append(o.Voters, p.voters[v].name)
		o.Weight = o.Weight.Add(p.voters[v].weight)
		if r := p.voters[v].member.Region; r != "" {
			regions[r] = true
		}
	}
	slices.Sort(o.Voters)
	o.Regions = sortedKeys(regions)
	return o, true
}
