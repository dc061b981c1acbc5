package tally

import (
	"cmp"
	"slices"
)

// option is one way to change some members to yes: how many, and what it
// brings towards each requirement.
type option struct {
	n            int
	sum          Rat // towards the threshold
	present      Rat // towards the quorum
	lead         Rat // yes less no in the region at hand
	noes, yes    int // for unanimity: members won over from no, and yes votes
	turned, seen int // regions that take the position yes; regions present
}

// class is members who are alike, so that only their number matters.
type class struct {
	option
	size int
}

// maxFront bounds the search. Weights in practice take a few values, so there
// are a few hundred options.
const maxFront = 3000

// needs is how much each requirement is short of; what goes beyond is of no
// use, and options that differ only in that are the same.
type needs struct {
	sum, present Rat
	inRegion     bool // while one region is put together, which is seen once at most
}

func (h *house) needs() needs {
	r, _ := h.decide()
	return needs{sum: h.line().at(h.sums()).Neg(), present: h.rule.Quorum.Mul(r.QuorumBase).Sub(r.Present)}
}

func (n needs) cap(o option) option {
	o.sum, o.present, o.lead = enough(o.sum, n.sum), enough(o.present, n.present), enough(o.lead, Rat{})
	if n.inRegion {
		o.seen = min(o.seen, 1)
	}
	return o
}

// enough is x, or need + 1 where x exceeds the need. A requirement that is met
// needs 0: less would let what one region has to spare be lost in the sum.
func enough(x, need Rat) Rat {
	if need.Sign() < 0 {
		need = Rat{}
	}
	if need.Less(x) {
		return need.Add(Int(1))
	}
	return x
}

// withoutIdleRegions drops regions from a house whose charter asks nothing of
// them.
func (h *house) withoutIdleRegions() *house {
	if h.rule.DoubleMajority || !h.rule.RegionQuorum.IsZero() {
		return h
	}
	alt := *h
	alt.regions, alt.members = nil, slices.Clone(h.members)
	for i := range alt.members {
		alt.members[i].region = ""
	}
	return &alt
}

// search combines, region by region, the options that no other dominates.
func (h *house) search(absentToo bool) (int, bool) {
	need, front := h.needs(), []option{{}}
	for _, region := range append([]string{""}, h.regions...) {
		here, ok := h.regionOptions(region, absentToo, need)
		if !ok {
			return never, false
		}
		if front, ok = combine(front, here, need); !ok {
			return never, false
		}
	}
	best := never
	for _, o := range front {
		if h.wouldCarry(o) {
			best = least(best, o.n)
		}
	}
	return best, true
}

// combine adds every option of one list to every option of the other.
func combine(as, bs []option, need needs) ([]option, bool) {
	if len(as)*len(bs) > 20*maxFront {
		return nil, false
	}
	next := make([]option, 0, len(as)*len(bs))
	for _, a := range as {
		for _, b := range bs {
			next = append(next, need.cap(a.plus(b)))
		}
	}
	next = undominated(next)
	return next, len(next) <= maxFront
}

func (o option) plus(p option) option {
	return option{
		o.n + p.n, o.sum.Add(p.sum), o.present.Add(p.present), o.lead.Add(p.lead),
		o.noes + p.noes, o.yes + p.yes, o.turned + p.turned, o.seen + p.seen,
	}
}

// times is k members who do what o is for one.
func (o option) times(k int) option {
	t := Int(int64(k))
	return option{
		n: o.n * k, sum: o.sum.Mul(t), present: o.present.Mul(t), lead: o.lead.Mul(t),
		noes: o.noes * k, yes: o.yes * k, seen: o.seen * k,
	}
}

// regionOptions lists what members of one region ("" for those of none) can do.
func (h *house) regionOptions(region string, absentToo bool, need needs) ([]option, bool) {
	lead, _ := h.lead(region, Yes, absentToo)
	start := option{lead: lead}
	if region != "" && slices.ContainsFunc(h.members, func(m voter) bool { return m.region == region && m.present }) {
		start.seen = 1
	}
	need.inRegion = true
	ways := []option{start}
	for _, c := range h.classes(region, absentToo) {
		steps := make([]option, 0, c.size+1)
		for k := range c.size + 1 {
			steps = append(steps, c.times(k))
		}
		var ok bool
		if ways, ok = combine(ways, steps, need); !ok {
			return nil, false
		}
	}
	for i := range ways {
		w := &ways[i]
		if region != "" && h.rule.DoubleMajority && w.lead.Sign() > 0 {
			w.turned = 1
		}
		w.lead = Rat{}
	}
	return undominated(ways), true
}

// classes groups the open members of a region by what their change brings.
func (h *house) classes(region string, absentToo bool) []class {
	var out []class
	for i, m := range h.members {
		if m.region != region || !h.open(i, Yes, absentToo) {
			continue
		}
		c := h.change(i)
		at := slices.IndexFunc(out, func(o class) bool { return o.covers(c) && c.covers(o.option) })
		if at < 0 {
			out = append(out, class{c, 1})
		} else {
			out[at].size++
		}
	}
	return out
}

// change is what member i's change to yes brings.
func (h *house) change(i int) option {
	m := h.members[i]
	o := option{n: 1}
	if m.region != "" {
		o.seen = 1
	}
	if h.rule.DoubleMajority {
		o.lead = m.weight.Mul(Int(1 - sign(m.vote)))
	}
	if !m.present {
		o.present = m.weight
	}
	if t := h.rule.Threshold; t != UnanimousCast && t != UnanimousConsent {
		o.sum = h.gain(h.line(), i, Yes)
		return o
	}
	if h.counts(i) && m.weight.Sign() > 0 {
		o.yes = 1
		if m.vote == No {
			o.noes = 1
		}
	}
	return o
}

// undominated drops options for which another is at least as good in every
// respect.
func undominated(options []option) []option {
	slices.SortFunc(options, func(a, b option) int {
		return cmp.Or(a.n-b.n, b.sum.Cmp(a.sum), b.present.Cmp(a.present), b.lead.Cmp(a.lead), b.noes-a.noes, b.yes-a.yes, b.turned-a.turned, b.seen-a.seen)
	})
	var kept []option
	for _, o := range options {
		if !slices.ContainsFunc(kept, func(k option) bool { return k.covers(o) }) {
			kept = append(kept, o)
		}
	}
	return kept
}

func (o option) covers(p option) bool {
	return o.n <= p.n && !o.sum.Less(p.sum) && !o.present.Less(p.present) && !o.lead.Less(p.lead) &&
		o.noes >= p.noes && o.yes >= p.yes && o.turned >= p.turned && o.seen >= p.seen
}

// wouldCarry applies every requirement to the house changed by o.
func (h *house) wouldCarry(o option) bool {
	r, _ := h.decide()
	l := h.line()
	sum := l.at(h.sums()).Add(o.sum).Sign()
	members := sum > 0 || sum == 0 && !l.strict
	if t := h.rule.Threshold; t == UnanimousCast || t == UnanimousConsent {
		noes, yes := h.heads()
		members = noes == o.noes && (t == UnanimousConsent || yes+o.yes > 0)
	}
	present := reaches(r.Present.Add(o.present), h.rule.Quorum.Mul(r.QuorumBase), h.rule.QuorumStrict)
	regions := reaches(Int(int64(o.seen)), h.rule.RegionQuorum.Mul(Int(int64(len(h.regions)))), h.rule.RegionQuorumStrict)
	double := !h.rule.DoubleMajority || 2*o.turned > len(h.regions)
	return members && present && regions && double
}

// heads counts members, of weight above 0, who voted no and yes.
func (h *house) heads() (noes, yes int) {
	for i, m := range h.members {
		if !h.counts(i) || m.weight.Sign() == 0 {
			continue
		}
		switch m.vote {
		case No:
			noes++
		case Yes:
			yes++
		}
	}
	return noes, yes
}
