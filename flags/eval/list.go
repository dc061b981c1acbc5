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

// in finds a needle by strict equality. Nothing is in null, 0 or false, as both
// engines say. On whether anything but text is in text, and on a true, a
// number or an object that one looks in, they differ, and asking is an error.
func in(e *env, needle, hay value) bool {
	switch hay.kind {
	case kNull:
		return false
	case kBool, kNumber:
		if !hay.truthy() {
			return false
		}
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

// buildMerge joins lists into one, taking what is no list for a list of one.
func buildMerge(k *call) code {
	in := k.operands(anyAlone)
	return code{eval: func(e *env) value {
		var out []value
		for i, seq := 0, in.open(e); i < seq.n; i++ {
			out = appendFlat(e, out, seq.at(e, i))
		}
		return list(out)
	}}
}

func appendFlat(e *env, out []value, v value) []value {
	if v.kind != kList {
		return append(out, v)
	}
	n := v.len()
	if !e.spend(n) {
		return out
	}
	for i := range n {
		out = append(out, v.at(i))
	}
	return out
}

// buildMissing lists those of the given paths that are absent or null. As a
// condition it stops at the first.
func buildMissing(k *call) code {
	in, data := k.operands(textAlone), k.data()
	return code{
		eval: func(e *env) value {
			seq := in.open(e)
			absent, _ := missing(e, &seq, data(e))
			return list(absent)
		},
		test: func(e *env) bool {
			from := data(e)
			for i, seq := 0, in.open(e); i < seq.n; i++ {
				if !present(e, from, seq.at(e, i)) {
					return true
				}
			}
			return false
		},
	}
}

// buildMissingSome is buildMissing if fewer than so many of the paths are there,
// else the empty list.
func buildMissingSome(k *call) code {
	need, paths, data := k.arg(0).expr(), k.arg(1).expr(), k.data()
	return code{eval: func(e *env) value {
		least, from := paths(e), data(e)
		enough := operand(e, need(e))
		if least.kind != kList {
			return e.fail(failOperand)
		}
		n := least.len()
		if !e.spend(n) {
			return value{}
		}
		seq := sequence{one: least, spread: true, n: n}
		absent, found := missing(e, &seq, from)
		if float64(found) >= enough {
			absent = nil
		}
		return list(absent)
	}}
}

func missing(e *env, paths *sequence, from value) (absent []value, found int) {
	for i := range paths.n {
		if path := paths.at(e, i); present(e, from, path) {
			found++
		} else {
			absent = append(absent, path)
		}
	}
	return absent, found
}

// present reports whether there is something other than null at a path.
func present(e *env, from, path value) bool {
	switch path.kind {
	case kString:
		return path.str == "" || find(from, path.str).kind != kNull
	case kNumber:
		var buf [32]byte
		return find(from, string(appendNumber(buf[:0], path.num))).kind != kNull
	}
	e.fail(failOperand)
	return true
}
