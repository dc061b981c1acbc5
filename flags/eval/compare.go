package eval

import "strings"

// buildEqual compiles the four equalities.
func buildEqual(k *call) code {
	a, b := k.arg(0), k.arg(1)
	if a.constant() {
		a, b = b, a
	}
	var test cond
	switch strict := len(k.name) == 3; {
	case b.constant() && b.value.kind == kString:
		test = equalText(a.expr(), b.value.str, strict)
	case strict:
		test = equalWith(a.expr(), b.expr(), strictEqual)
	default:
		test = equalWith(a.expr(), b.expr(), looseEqual)
	}
	if k.name[0] == '!' {
		return condition(func(e *env) bool { return !test(e) })
	}
	return condition(test)
}

func equalWith(a, b expr, equal func(a, b value) bool) cond {
	return func(e *env) bool { return equal(a(e), b(e)) }
}

// equalText is the common case of a comparison with fixed text.
func equalText(a expr, s string, strict bool) cond {
	fixed := text(s)
	return func(e *env) bool {
		v := a(e)
		if v.kind == kString {
			return v.str == s
		}
		return !strict && looseEqual(v, fixed)
	}
}

// strictEqual is equality without coercion. Lists and objects equal nothing,
// not even themselves: the engines compare them by identity or not at all.
func strictEqual(a, b value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case kNull:
		return true
	case kString:
		return a.str == b.str
	case kBool, kNumber:
		return a.num == b.num
	}
	return false
}

// looseEqual compares null only with null, strings with strings as they are,
// and everything else as numbers.
func looseEqual(a, b value) bool {
	switch {
	case a.kind == kNull || b.kind == kNull:
		return a.kind == b.kind
	case a.kind == kString && b.kind == kString:
		return a.str == b.str
	}
	return a.numeric() == b.numeric() // NaN equals nothing
}

// buildOrder compiles <, <=, >, >= of two operands, or of three: between.
func buildOrder(k *call) code {
	codes := k.all()
	holds := order(k.name)
	a, b := codes[0].expr(), codes[1].expr()
	if len(codes) == 2 {
		return condition(func(e *env) bool { return holds(e, a(e), b(e)) })
	}
	c := codes[2].expr()
	return condition(func(e *env) bool {
		mid := b(e)
		first, second := a(e), c(e)
		return holds(e, first, mid) && holds(e, mid, second)
	})
}

func order(name string) func(e *env, a, b value) bool {
	switch name {
	case "<":
		return less
	case "<=":
		return lessEqual
	case ">":
		return func(e *env, a, b value) bool { return less(e, b, a) }
	}
	return func(e *env, a, b value) bool { return lessEqual(e, b, a) }
}

// less orders strings bytewise and everything else as numbers. An operand that
// is no number is an error: flagd's Go engine calls the comparison false, which
// a rule that switches something off below a bound would take for "go on"; its
// JavaScript engine refuses, and so do we. Null beside text is false in both.
func less(e *env, a, b value) bool {
	if a.kind == kString && b.kind == kString {
		e.spend(min(len(a.str), len(b.str)) / 256)
		return strings.Compare(a.str, b.str) < 0
	}
	x, y := a.numeric(), b.numeric()
	if (x != x || y != y) && a.kind != kNull && b.kind != kNull {
		e.fail(failOperand)
	}
	return x < y
}

// lessEqual is less or equal, so that null, which is less than 1, is not <= 0:
// a missing number satisfies no bound by being equal to it.
func lessEqual(e *env, a, b value) bool {
	return less(e, a, b) || looseEqual(a, b)
}
