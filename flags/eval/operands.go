package eval

// operands are the arguments of an operator that takes any number of them. A
// single argument without its array that is itself an operation stands for the
// elements of the list it gives: {"merge": {"var": "a"}}, {"max": {"var": "a"}}.
type operands struct {
	fixed  []expr
	spread expr
	lone   func(value) bool // which single value will do instead of a list
}

func (k *call) operands(lone func(value) bool) operands {
	if k.bare && k.args[0].kind == nodeObject {
		return operands{spread: k.arg(0).expr(), lone: lone}
	}
	return operands{fixed: exprs(k.all())}
}

func noneAlone(value) bool      { return false }
func textAlone(v value) bool    { return v.kind == kString }
func anyAlone(v value) bool     { return v.kind != kNull }
func numericAlone(v value) bool { return v.kind == kNumber || v.kind == kString }

// open starts reading the operands of one evaluation.
func (o *operands) open(e *env) sequence {
	if o.spread == nil {
		return sequence{fixed: o.fixed, n: len(o.fixed)}
	}
	v := o.spread(e)
	switch {
	case v.kind == kList:
	case o.lone(v):
		return sequence{one: v, n: 1}
	default:
		e.fail(failOperand)
		return sequence{}
	}
	n := v.len()
	if !e.spend(n) {
		n = 0
	}
	return sequence{one: v, spread: true, n: n}
}

type sequence struct {
	fixed  []expr
	one    value
	spread bool
	n      int
}

// at evaluates the i-th operand.
func (s *sequence) at(e *env, i int) value {
	switch {
	case s.fixed != nil:
		return s.fixed[i](e)
	case s.spread:
		return s.one.at(i)
	}
	return s.one
}
