package tally

import (
	"cmp"
	"fmt"
	"slices"
)

// Completion says who fills the seats that equal shares leaves empty because
// no group of voters has enough left.
type Completion string

// The completions.
const (
	CompleteByPhragmen  Completion = "phragmen"  // Phragmén's method, starting from what everybody has left; the default
	CompleteByApproval  Completion = "approval"  // the most approved
	CompleteByIncrement Completion = "increment" // the share of everybody is raised as if there were more seats
	CompleteNot         Completion = "none"      // they stay empty
)

// EqualSharesCommittee fills seats by the method of equal shares (D. Peters and
// P. Skowron, "Proportionality and the limits of welfarism", 2020). Every voter
// gets an equal share of the seats. A seat costs 1, which supporters pay: all
// the same, except who has less left and pays that. In each round the seat goes
// to the alternative for which the greatest payment is least. A voter of weight
// w is w voters.
func EqualSharesCommittee(p Profile, seats int, completion Completion) (Result, error) {
	a, err := newApprovals(p, seats)
	if err != nil {
		return Result{}, err
	}
	m := a.shares(seats, completion)
	done, err := a.run(m)
	for virtual := seats; err == nil && completion == CompleteByIncrement && len(done[0].chosen) < seats; {
		virtual++
		if virtual > seats*len(a.keys)*(len(a.voters)+1) || !a.enoughBacked() {
			m = a.shares(seats, CompleteByApproval)
		} else {
			m = a.shares(virtual, completion)
		}
		if a.ties != nil {
			a.ties.Broken = nil
		}
		done, err = a.run(m)
	}
	if err != nil {
		return Result{}, err
	}
	r := a.finish(m, done, "payment of a seat", "its supporters would each have paid up to")
	return r, nil
}

// enoughBacked: at least as many alternatives have support as there are seats.
func (a *approvals) enoughBacked() bool {
	n := 0
	for _, b := range a.backers {
		if len(b) > 0 {
			n++
		}
	}
	return n >= a.seats
}

// Phases of equal shares.
const (
	buying = iota
	completing
)

func (a *approvals) shares(virtual int, completion Completion) method {
	start := make([]Rat, len(a.voters))
	for v := range start {
		start[v] = Int(int64(virtual)).Quo(a.total)
	}
	m := method{
		start: func() *filling { return a.fresh(slices.Clone(start)) },
		cost: func(f *filling, i int) (Rat, bool) {
			switch {
			case f.phase == buying:
				return a.price(f, i)
			case f.phase == completing && completion == CompleteByApproval:
				return a.approved(i).Neg(), true
			}
			return a.load(f, i)
		},
		take: func(f *filling, i int, cost Rat, r *Round) {
			if f.phase != buying {
				r.What = fmt.Sprintf("seat %d to %s: no group has enough left for a seat, so it is filled by the completion (%s)",
					r.Number, a.keys[i], cmp.Or(completion, CompleteByPhragmen))
			}
			switch {
			case f.phase == buying:
				a.pay(f, i, cost, r)
			case completion != CompleteByApproval:
				a.carry(f, i, cost, r)
			}
		},
		what: "greatest payment of a supporter",
	}
	m.stuck = func(f *filling) bool {
		switch {
		case f.phase == lastResort, completion == CompleteNot, completion == CompleteByIncrement:
			return false
		case f.phase == completing:
			f.phase = lastResort
			return true
		}
		f.phase = completing
		for v := range f.share { // money left is a head start
			f.share[v] = f.share[v].Neg()
		}
		return true
	}
	return m
}

func (a *approvals) approved(i int) (sum Rat) {
	for _, v := range a.backers[i] {
		sum = sum.Add(a.voters[v].weight)
	}
	return sum
}

// price is the least q such that supporters, each paying q or what they have
// left, raise 1; false if all they have is less.
func (a *approvals) price(f *filling, i int) (Rat, bool) {
	order := slices.Clone(a.backers[i])
	slices.SortStableFunc(order, func(v, w int) int { return f.share[v].Cmp(f.share[w]) })
	var weight Rat
	for _, v := range order {
		weight = weight.Add(a.voters[v].weight)
	}
	left := Int(1)
	for _, v := range order { // the poorest first: whoever cannot pay q pays all
		w := a.voters[v].weight
		if !left.Less(Rat{}) && !f.share[v].Mul(weight).Less(left) {
			return left.Quo(weight), true
		}
		left = left.Sub(f.share[v].Mul(w))
		weight = weight.Sub(w)
	}
	return Rat{}, false
}

func (a *approvals) pay(f *filling, i int, q Rat, r *Round) {
	for _, v := range a.backers[i] {
		each := f.share[v].Min(q)
		f.share[v] = f.share[v].Sub(each)
		b := a.voters[v]
		r.Payments = append(r.Payments, Pay{
			Voter: b.name, Region: b.member.Region, Discipline: b.member.Discipline,
			Alternative: a.keys[i], Amount: each.Mul(b.weight),
		})
	}
}
