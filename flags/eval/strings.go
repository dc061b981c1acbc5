package eval

import (
	"math"
	"strings"
	"unicode/utf8"
)

// buildCat joins its operands as text; null is empty. Nothing is trimmed, as
// flagd's Go engine does and nobody documents.
func buildCat(k *call) code {
	in := k.operands(textAlone)
	write := func(e *env, b []byte) []byte {
		for i, seq := 0, in.open(e); i < seq.n && e.failure == failNone; i++ {
			b = appendText(e, b, seq.at(e, i))
		}
		return b
	}
	return code{
		write: write,
		eval: func(e *env) value {
			return text(string(write(e, nil)))
		},
	}
}

// appendText adds a value as text. Lists and objects have none that the engines
// agree on.
func appendText(e *env, b []byte, v value) []byte {
	n := len(b)
	switch v.kind {
	case kNull:
	case kString:
		b = append(b, v.str...)
	case kNumber:
		b = appendNumber(b, v.num)
	case kBool:
		if v.num != 0 {
			b = append(b, "true"...)
		} else {
			b = append(b, "false"...)
		}
	default:
		e.fail(failOperand)
	}
	if len(b) > MaxText || !e.spend((len(b)-n)/64) {
		e.fail(failWork)
	}
	return b
}

// buildSubstr takes part of a text, counted in characters (code points): from a
// position, or from the end if it is negative; for a length, or up to that many
// before the end if it is negative. Positions outside are the nearest inside.
func buildSubstr(k *call) code {
	codes := k.all()
	source, from := codes[0].expr(), codes[1].expr()
	length := func(*env) value { return number(math.MaxInt32) }
	if len(codes) == 3 {
		length = codes[2].expr()
	}
	return code{eval: func(e *env) value {
		s := source(e)
		start, count := whole(e, from(e)), whole(e, length(e))
		if s.kind != kString {
			return e.fail(failOperand)
		}
		if !e.spend(len(s.str) / 64) {
			return value{}
		}
		return text(substr(s.str, start, count))
	}}
}

func substr(s string, from, count int) string {
	total := utf8.RuneCountInString(s)
	if from < 0 {
		from += total
	}
	from = min(max(from, 0), total)
	to := from + count
	if count < 0 {
		to = total + count
	}
	to = min(max(to, from), total)
	return s[runeOffset(s, from):runeOffset(s, to)]
}

// runeOffset is where the n-th character of s starts.
func runeOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// whole is an operand as an integer, cut off after the point.
func whole(e *env, v value) int {
	f := operand(e, v)
	return int(min(max(f, math.MinInt32), math.MaxInt32))
}

func buildStartsWith(k *call) code { return affix(k, strings.HasPrefix) }
func buildEndsWith(k *call) code   { return affix(k, strings.HasSuffix) }

// affix compares two texts; null if either is none.
func affix(k *call, holds func(s, part string) bool) code {
	a, b := k.arg(0), k.arg(1)
	for i, c := range []code{a, b} {
		if c.constant() && c.value.kind != kString {
			return k.null(k.argAt(i), "takes two strings, not "+describe(&k.args[i]))
		}
	}
	s, part := a.expr(), b.expr()
	return code{eval: func(e *env) value {
		x, y := s(e), part(e)
		if x.kind != kString || y.kind != kString {
			return value{}
		}
		return boolean(holds(x.str, y.str))
	}}
}
