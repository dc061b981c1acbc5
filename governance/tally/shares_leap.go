package tally

import (
	"math/big"
	"math/bits"
	"slices"
)

// Add1 raises every share by a small step and runs again, often thousands of
// times with the same outcome. While a run goes the same way (the same project
// in each round, the same supporters emptied by it), every amount in it is a
// linear function of the number of steps. So a run can tell, from its own
// comparisons, for how many steps more all of them must hold, and Add1 leaps
// over those. No run that could differ is skipped, so Add1 still stops at the
// first overspend.
//
// All slacks and slopes are whole numbers in units of 2^-shift, rounded against
// the leap. A comparison too close for that allows no leap at all.

// maxLeapGroups is up to how many groups of like voters runs keep track of the
// room for a leap. With more voters something changes at nearly every step.
const maxLeapGroups = 2000

// maxLeap bounds one leap, so that shares cannot outgrow exact arithmetic in it.
const maxLeap = 1 << 20

// stepBits is about how many bits a step has in the unit of a run that tracks
// its room; maxSlope is where slopes are given up as too steep to leave any;
// maxLeapWeight keeps weighted sums of slopes within 64 bits.
const (
	stepBits      = 36
	maxSlope      = 1 << 42
	maxLeapWeight = 1 << 18
)

// leap is what a run knows of its room.
type leap struct {
	step  []*big.Rat // per class: what one step adds to a share; nil: not tracked
	on    bool
	room  int64   // steps for which the run goes the same way
	slope []int64 // per group: change of its balance per step
	err   int64   // of slope
	low   []int64 // per project: change of its lower bound per step, at least
	flat  []bool  // per project: when last solved exactly, no backer was poor
}

func (l *leap) stop() { l.room, l.on = 0, false }

// narrow takes a comparison into account: it holds with at least slack now, and
// slack changes by at least slope per step.
func (l *leap) narrow(slack, slope int64) {
	switch {
	case slack < 1:
		l.stop()
	case slope < 0:
		if l.room = min(l.room, (slack-1)/-slope); l.room == 0 {
			l.on = false
		}
	}
}

// leapShift decides whether the run tracks its room and makes its unit no
// finer than that allows.
func (s *shareState) leapShift() {
	l, weight := &s.leap, int64(0)
	for _, g := range s.m.groups {
		weight += g.weight
	}
	l.on = l.step != nil && len(s.m.groups) <= maxLeapGroups && weight < maxLeapWeight
	for _, step := range l.step {
		fine := stepBits - step.Num().BitLen() + step.Denom().BitLen()
		l.on = l.on && fine >= 0
		if l.on {
			s.shift = min(s.shift, uint(fine))
		}
	}
}

func (s *shareState) resetLeap() {
	l := &s.leap
	if !l.on {
		l.room = 0
		return
	}
	l.room, l.err = maxLeap, 1
	if l.slope == nil {
		l.slope, l.low = make([]int64, len(s.m.groups)), make([]int64, len(s.m.projects))
		l.flat = make([]bool, len(s.m.projects))
	}
	clear(l.low)
	per := make([]int64, len(l.step))
	for c, step := range l.step {
		n := new(big.Int).Lsh(step.Num(), s.shift)
		n.Quo(n, step.Denom())
		per[c] = n.Int64() // at most about 2^stepBits, see leapShift
	}
	for g := range l.slope {
		l.slope[g] = per[s.m.groups[g].class]
	}
}

// leapUnpaid notes that the project's backers cannot pay: they have have (at
// most) and would need want.
func (s *shareState) leapUnpaid(p int, have, want int64) {
	l := &s.leap
	if !l.on {
		return
	}
	slope := int64(0)
	for _, b := range s.backers[p] {
		slope -= s.m.groups[b.group].weight * (l.slope[b.group] + l.err)
	}
	l.narrow(want-have, slope)
}

// leapLow returns the slope of the lower bound that the given poor imply.
func (s *shareState) leapLow(p int, poor func(i int, b shareBacker) bool) int64 {
	var sum, rich int64
	for i, b := range s.backers[p] {
		w := s.m.groups[b.group].weight
		if poor(i, b) {
			sum += w * (s.leap.slope[b.group] + s.leap.err)
		} else {
			rich += w * int64(b.points)
		}
	}
	return floorDiv(-sum, rich)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// leapBuy takes into account all that a purchase compared, then lets the
// slopes of those who pay follow. s.mark is that of the project's exact call.
func (s *shareState) leapBuy(p int, pay int64, tied []int) {
	l := &s.leap
	if !l.on {
		return
	}
	for _, q := range tied {
		// A tie lasts if nobody is poor in it: then rho does not depend on the
		// shares at all. Other ties may end with the next step.
		if !l.flat[q] {
			l.stop()
			return
		}
	}
	var sum, poor, rich, most int64
	for i, b := range s.backers[p] {
		w := s.m.groups[b.group].weight
		if s.mark[i] < 0 {
			sum, poor = sum+w*l.slope[b.group], poor+w
		} else {
			rich += w * int64(b.points)
		}
		most = max(most, int64(b.points))
	}
	slope := floorDiv(-sum, rich) // of the payment per point
	err := l.err*poor/rich + 2
	if slope < -maxSlope || slope > maxSlope || err > maxSlope {
		l.stop()
		return
	}
	s.leapSupporters(p, pay, slope, err)
	s.leapRivals(p, pay+1, slope+err, tied)
	for i, b := range s.backers[p] {
		if s.mark[i] > 0 {
			l.slope[b.group] -= slope * int64(b.points)
			if l.slope[b.group] > maxSlope || l.slope[b.group] < -maxSlope {
				l.stop()
			}
		}
	}
	if l.err += err * most; l.err > maxSlope {
		l.stop()
	}
}

// leapSupporters: the emptied stay emptied, the others keep something.
func (s *shareState) leapSupporters(p int, pay, slope, err int64) {
	l := &s.leap
	for i, b := range s.backers[p] {
		v, a, d := int64(b.points), s.approx[b.group], l.slope[b.group]
		least, ok1 := mul64(pay, v)
		most, ok2 := mul64(pay+1, v)
		switch {
		case !ok1 || !ok2 || most >= 1<<62 || s.mark[i] == 0:
			l.stop()
		case s.mark[i] < 0:
			l.narrow(least-a-s.err, (slope-err)*v-d-l.err)
		default:
			l.narrow(a-s.err-most, d-l.err-(slope+err)*v)
		}
		if !l.on {
			return
		}
	}
}

// leapRivals: every other project in the race keeps a greater rho.
func (s *shareState) leapRivals(p int, pay, slope int64, tied []int) {
	l := &s.leap
	mine := s.m.projects[p].scale
	for q := range s.m.projects {
		if q == p || s.gone[q] >= 0 || slices.Contains(tied, q) {
			continue
		}
		its := s.m.projects[q].scale
		slack := product(s.low[q], mine).less(product(pay, its))
		change := product(l.low[q], mine).less(product(slope, its))
		l.narrow(slack.scaleDown(change))
		if !l.on {
			return
		}
	}
}

// wide is a signed number of 128 bits.
type wide struct{ hi, lo uint64 }

func product(a, b int64) wide {
	hi, lo := bits.Mul64(uint64(abs64(a)), uint64(abs64(b)))
	w := wide{hi, lo}
	if (a < 0) != (b < 0) {
		return wide{}.less(w)
	}
	return w
}

func (w wide) less(v wide) wide {
	lo, borrow := bits.Sub64(w.lo, v.lo, 0)
	hi, _ := bits.Sub64(w.hi, v.hi, borrow)
	return wide{hi, lo}
}

func (w wide) shift(n uint) int64 {
	if n >= 64 {
		return int64(w.hi) >> (n - 64)
	}
	return int64(w.lo>>n | w.hi<<(64-n))
}

// bits is how many bits the magnitude has, or one more.
func (w wide) bits() uint {
	if int64(w.hi) < 0 {
		w = wide{^w.hi, ^w.lo}
	}
	if w.hi > 0 {
		return uint(64 + bits.Len64(w.hi))
	}
	return uint(bits.Len64(w.lo))
}

// scaleDown brings w and v to 62 bits by the same power of two. Both are
// rounded down, so w, a slack, and v, its slope, never seem to leave more room.
func (w wide) scaleDown(v wide) (int64, int64) {
	n := max(w.bits(), v.bits(), 62) - 62
	return w.shift(n), v.shift(n)
}
