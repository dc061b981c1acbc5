package eval

import (
	"math"
	"strconv"

	"github.com/twmb/murmur3"
)

// maxWeight bounds a weight and the sum of weights (flagd: MaxInt32).
const maxWeight = math.MaxInt32

// fractional is a compiled rollout, by the second version of flagd's algorithm
// (core 0.15.0 and later). A person's key is hashed to a point of a line that the
// weights divide; the entry that owns the point wins. Entries keep their order,
// so whoever is below a percentage stays below when it is raised.
type fractional struct {
	// key writes what is hashed, and is nil if it is the flag's key followed by
	// the targeting key. first is a first argument that is known at evaluation
	// only: text is the key, null is dropped, a list is the first entry.
	key     func(*env, []byte) []byte
	first   expr
	entries []entry
	total   uint64 // of the fixed weights
	fixed   bool   // all is
}

// entry is one share: a variant and its weight.
type entry struct {
	variant expr   // nil if fixed
	name    value  // the fixed variant
	weight  expr   // nil if fixed
	share   uint64 // the fixed weight
	whole   expr   // an expression that gives the entry as a list; then alone
}

func (en *entry) fixed() bool { return en.variant == nil && en.weight == nil && en.whole == nil }

func buildFractional(k *call) code {
	f := &fractional{}
	first := 0
	head := &k.args[0]
	switch {
	case k.bare:
		k.arg(0)
		return k.null(k.at, "takes its entries in an array")
	case head.kind == nodeString:
		s := head.str
		f.key, first = func(_ *env, b []byte) []byte { return append(b, s...) }, 1
	case head.kind == nodeNull:
		first = 1
	case head.kind == nodeObject:
		c := k.arg(0)
		f.key, f.first, first = c.write, c.expr(), 1
	}
	ok := k.entries(f, first)
	if k.loops > 0 {
		return k.null(k.at, "buckets by the context, which a loop hides")
	}
	if !ok {
		return code{}
	}
	return code{eval: f.eval}
}

// entries compiles the shares and reports whether the operator can give
// anything but null.
func (k *call) entries(f *fractional, from int) bool {
	ok := true
	f.entries = make([]entry, 0, len(k.args)-from)
	f.fixed = true
	for i := from; i < len(k.args); i++ {
		en, good := k.entry(i)
		ok = ok && good
		f.entries = append(f.entries, en)
		f.fixed = f.fixed && en.fixed()
		f.total += en.share
	}
	if f.total > maxWeight {
		k.null(k.at, "has weights of "+strconv.FormatUint(f.total, 10)+" together; the most is "+strconv.Itoa(maxWeight))
		return false
	}
	return ok
}

func (k *call) entry(i int) (entry, bool) {
	n, at := &k.args[i], k.argAt(i)
	switch {
	case n.kind == nodeObject && len(n.members) > 0:
		return entry{whole: k.arg(i).expr()}, true
	case n.kind != nodeArray:
		k.null(at, "takes entries of variant and weight, not "+describe(n))
		return entry{}, false
	case len(n.items) != 1 && len(n.items) != 2:
		for j := range n.items {
			k.rule(&n.items[j], at.down(strconv.Itoa(j)), k.depth)
		}
		k.null(at, "takes entries of a variant and perhaps a weight; this has "+strconv.Itoa(len(n.items))+" parts")
		return entry{}, false
	}
	variant := k.rule(&n.items[0], at.down("0"), k.depth)
	en := entry{variant: variant.eval, name: variant.value, share: 1}
	ok := !variant.constant() || nameable(variant.value)
	if !ok {
		k.null(at.down("0"), "takes a string, a boolean, a number or null for a variant, not "+describe(&n.items[0]))
	}
	if len(n.items) == 2 {
		ok = k.weight(&en, &n.items[1], at.down("1")) && ok
	}
	return en, ok
}

func (k *call) weight(en *entry, n *node, at *path) bool {
	c := k.rule(n, at, k.depth)
	if !c.constant() {
		en.weight, en.share = c.eval, 0
		return true
	}
	share, ok := weightOf(c.value)
	switch {
	case !ok:
		k.null(at, "takes whole numbers from 0 to "+strconv.Itoa(maxWeight)+" for weights, not "+describe(n))
	case c.value.num < 0:
		k.faults.add(at, "a weight must not be negative; this counts as 0")
	}
	en.share = share
	return ok
}

// weightOf reads a weight: null is 1 and a negative one is 0, since it may be
// computed from a date.
func weightOf(v value) (uint64, bool) {
	switch {
	case v.kind == kNull:
		return 1, true
	case v.kind != kNumber || v.num != math.Trunc(v.num) || v.num > maxWeight:
		return 0, false
	case v.num < 0:
		return 0, true
	}
	return uint64(v.num), true
}

// nameable reports whether a value may stand for a variant.
func nameable(v value) bool { return v.kind != kList && v.kind != kObject }

func (f *fractional) eval(e *env) value {
	var head value
	if f.first != nil && f.key == nil {
		head = f.first(e)
	}
	if !f.fixed || head.kind == kList {
		return f.weigh(e, head)
	}
	h, ok := f.hash(e, head)
	if !ok {
		return value{}
	}
	at, end := point(h, f.total), uint64(0)
	for i := range f.entries {
		if end += f.entries[i].share; end > at {
			return f.entries[i].name
		}
	}
	return value{} // no entry has a weight
}

// hash hashes the bucketing key; without one there is no bucket.
func (f *fractional) hash(e *env, head value) (uint32, bool) {
	switch {
	case f.key != nil:
		return f.hashKey(e), true
	case head.kind == kString:
		return murmur3.StringSum32(head.str), true
	case head.kind != kNull && head.kind != kList:
		return 0, false
	}
	person := valueOf(e.ctx["targetingKey"])
	if person.kind != kString || person.str == "" {
		return 0, false
	}
	b, lent := e.borrow()
	b = append(append(b, e.flag.key...), person.str...)
	e.giveBack(lent)
	return murmur3.Sum32(b), true
}

func (f *fractional) hashKey(e *env) uint32 {
	b, lent := e.borrow()
	b = f.key(e, b)
	e.giveBack(lent)
	return murmur3.Sum32(b)
}

// borrow lends the scratch buffer, if it is not lent already.
func (e *env) borrow() (b []byte, lent bool) {
	if e.scratchLent {
		return nil, false
	}
	e.scratchLent, e.scratchUsed = true, true
	return e.scratch[:0], true
}

func (e *env) giveBack(lent bool) {
	if lent {
		e.scratchLent = false
	}
}

// point maps a hash onto [0, total).
func point(h uint32, total uint64) uint64 { return uint64(h) * total >> 32 }

// weigh finds the winner where variants, weights or whole entries are computed.
// All of them are, first and always, as the engines do: what is wrong with one
// entry shows for everyone, and not only for whoever is in its bucket.
func (f *fractional) weigh(e *env, head value) value {
	var few [16]share
	shares := few[:0]
	if head.kind == kList {
		shares = append(shares, shareOf(head))
	}
	for i := range f.entries {
		shares = append(shares, f.entries[i].open(e))
	}
	total, ok := uint64(0), true
	for i := range shares {
		total += shares[i].weight
		ok = ok && shares[i].ok
	}
	h, found := f.hash(e, head)
	if !ok || !found || total > maxWeight {
		return value{}
	}
	at, end := point(h, total), uint64(0)
	for i := range shares {
		if end += shares[i].weight; end > at {
			return shares[i].variant
		}
	}
	return value{}
}

// share is an entry weighed.
type share struct {
	variant value
	weight  uint64
	ok      bool
}

func (en *entry) open(e *env) share {
	if en.whole != nil {
		return shareOf(en.whole(e))
	}
	s := share{variant: en.name, weight: en.share, ok: true}
	if en.variant != nil {
		s.variant = en.variant(e)
		s.ok = nameable(s.variant)
	}
	if en.weight != nil {
		weight, ok := weightOf(en.weight(e))
		s.weight, s.ok = weight, s.ok && ok
	}
	return s
}

// shareOf reads an entry given as a list.
func shareOf(v value) share {
	n := v.len()
	if v.kind != kList || n < 1 || n > 2 || !nameable(v.at(0)) {
		return share{}
	}
	s := share{variant: v.at(0), weight: 1, ok: true}
	if n == 2 {
		s.weight, s.ok = weightOf(v.at(1))
	}
	return s
}
