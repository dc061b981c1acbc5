package eval

import (
	"sync"
	"time"
)

// expr computes a value, cond the truth of one. Both are compiled closures; the
// second exists because most operators of a targeting only feed a condition,
// and a bool is cheaper than a value.
type (
	expr func(*env) value
	cond func(*env) bool
)

// env is one evaluation under way. It comes from a pool, since closures make it
// escape and a flag must cost no allocation.
type env struct {
	ctx  Context
	flag *Flag
	unix int64
	// data is what var reads inside the body of a loop; outside it is unused.
	data value
	work int
	// failure is the first thing that went wrong. Evaluation carries on with
	// null, which is harmless since the work is bounded, and the result is then
	// discarded: no operator has to look after the errors of its operands.
	failure failure
	// scratch is where a rollout puts together the text it hashes.
	scratch     [96]byte
	scratchLent bool // to one rollout at a time: the key of one may be built from another
	scratchUsed bool
}

type failure uint8

const (
	failNone failure = iota
	failOperand
	failWork
	failVariant
)

func (f failure) code() ErrorCode {
	switch f {
	case failNone:
		return ""
	case failOperand:
		return ParseError
	}
	return General
}

func (f failure) details() string {
	switch f {
	case failOperand:
		return "targeting: an operand is not of the type that its operator needs"
	case failWork:
		return "targeting: the evaluation needs more work or text than is allowed"
	case failVariant:
		return "targeting: the result is not a variant of the flag"
	}
	return ""
}

func (e *env) fail(f failure) value {
	if e.failure == failNone {
		e.failure = f
	}
	return value{}
}

// spend pays for n units of work and reports whether there is any left.
func (e *env) spend(n int) bool {
	if e.work -= n; e.work < 0 {
		e.fail(failWork)
		return false
	}
	return true
}

func (e *env) root() value { return value{kind: kObject, ref: scope{e}} }

// envs holds nothing but empty evaluations; see forget.
var envs = sync.Pool{New: func() any { return new(env) }}

// target evaluates the targeting to the index of a variant. none means that it
// gave null.
func (f *Flag) target(ctx Context, at time.Time) (variant int, none bool, failed failure) {
	e := envs.Get().(*env)
	e.ctx, e.flag, e.unix = ctx, f, at.Unix()
	e.work, e.failure = MaxWork, failNone
	v := f.targeting(e)
	failed = e.failure
	e.forget()
	envs.Put(e)
	if failed != failNone {
		return -1, false, failed
	}
	if v.kind == kNull {
		return -1, true, failNone
	}
	if i := f.named(v); i >= 0 {
		return i, false, failNone
	}
	return -1, false, failVariant
}

// forget drops what the evaluation knew: nothing of a patient's context may
// outlive it in the pool.
func (e *env) forget() {
	e.ctx, e.flag, e.data = nil, nil, value{}
	if e.scratchUsed {
		clear(e.scratch[:])
		e.scratchUsed = false
	}
}

// named finds the variant that a targeting result names: a string as it is, a
// boolean or number by its JSON text. Nothing else names a variant.
func (f *Flag) named(v value) int {
	switch v.kind {
	case kString:
		return f.variant(v.str)
	case kBool:
		if v.num != 0 {
			return f.variant("true")
		}
		return f.variant("false")
	case kNumber:
		var buf [32]byte
		return f.variant(string(appendNumber(buf[:0], v.num)))
	}
	return -1
}
