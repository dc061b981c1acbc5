package eval

import "strings"

// buildIn compiles in: a needle in a list, or text in text.
func buildIn(k *call) code {
	a, b := k.arg(0), k.arg(1)
	needle := a.expr()
	if b.constant() && b.value.kind == kList {
		return condition(inFixed(needle, b.value))
	}
	hay := b.expr()
	return condition(func(e *env) bool { return in(e, needle(e), hay(e)) })
}

// inFixed looks in a list known in advance: an index once it is long.
func inFixed(needle expr, hay value) cond {
	vs := hay.ref.([]value)
	if len(vs) <= 8 {
		return func(e *env) bool { return contains(vs, needle(e)) }
	}
	type atom struct {
		kind kind
		num  float64
		str  string
	}
	index := make(map[atom]struct{}, len(vs))
	for _, v := range vs {
		if v.kind != kList && v.kind != kObject {
			index[atom{v.kind, v.num, v.str}] = struct{}{}
		}
	}
	return func(e *env) bool {
		v := needle(e)
		_, ok := index[atom{v.kind, v.num, v.str}]
		return ok
	}
}

func contains(vs []value, needle value) bool {
	for i := range vs {
		if strictEqual(vs[i], needle) {
			return true
		}
	}
	return false
}

// in finds a needle by strict equality. Nothing is in null, as both engines say;
// a number or an object holds nothing, and text holds only text: there they
// differ, and asking is an error.
func in(e *env, needle, hay value) bool {
	switch hay.kind {
	case kNull:
		return false
	case kString:
		if needle.kind != kString {
			e.fail(failOperand)
			return false
		}
		e.spend(len(hay.str) / 64)
		return strings.Contains(hay.str, needle.str)
	case kList:
		n := hay.len()
		if !e.spend(n) {
			return false
		}
		for i := range n {
			if strictEqual(hay.at(i), needle) {
				return true
			}
		}
		return false
	}
	e.fail(failOperand)
	return false
}
