package eval

import "math"

// Arithmetic takes numbers and numeric text. On null, booleans and other text
// the engines differ (one refuses null, the other takes it for 0; one takes
// "abc" for 0, the other refuses), so all three are errors here: a missing age
// is not 0. What has no finite result, like a division by zero, is an error too.

func operand(e *env, v value) float64 {
	if v.kind == kNumber {
		return v.num
	}
	if v.kind == kString {
		if f := numericText(v.str); f == f {
			return f
		}
	}
	e.fail(failOperand)
	return 0
}

func finite(e *env, f float64) value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return e.fail(failOperand)
	}
	return number(f)
}

func buildSum(k *call) code {
	return fold2(k.operands(numericAlone), 0, func(a, b float64) float64 { return a + b })
}

func buildProduct(k *call) code {
	return fold2(k.operands(noneAlone), 1, func(a, b float64) float64 { return a * b })
}

// fold2 combines all operands, starting from the neutral one.
func fold2(in operands, neutral float64, combine func(a, b float64) float64) code {
	return code{eval: func(e *env) value {
		out := neutral
		for i, seq := 0, in.open(e); i < seq.n; i++ {
			out = combine(out, operand(e, seq.at(e, i)))
		}
		return finite(e, out)
	}}
}

// buildDifference compiles -: of one operand its negation, else the first less
// all others.
func buildDifference(k *call) code {
	args := exprs(k.all())
	if len(args) == 1 {
		return code{eval: func(e *env) value { return number(-operand(e, args[0](e))) }}
	}
	return chain(args, func(a, b float64) float64 { return a - b })
}

func buildQuotient(k *call) code {
	return chain(exprs(k.all()), func(a, b float64) float64 { return a / b })
}

// buildRemainder compiles %, which takes the sign of the dividend.
func buildRemainder(k *call) code { return chain(exprs(k.all()), math.Mod) }

// chain combines the first operand with each of the others in turn.
func chain(args []expr, combine func(a, b float64) float64) code {
	return code{eval: func(e *env) value {
		out := operand(e, args[0](e))
		for _, arg := range args[1:] {
			out = combine(out, operand(e, arg(e)))
		}
		return finite(e, out)
	}}
}

func buildMax(k *call) code { return extreme(k, func(a, b float64) bool { return a > b }) }
func buildMin(k *call) code { return extreme(k, func(a, b float64) bool { return a < b }) }

// extreme picks one of at least one number. Numeric text is no number here: one
// engine reads it, the other refuses.
func extreme(k *call, better func(a, b float64) bool) code {
	in := k.operands(noneAlone)
	return code{eval: func(e *env) value {
		seq := in.open(e)
		if seq.n == 0 {
			return e.fail(failOperand)
		}
		var out float64
		for i := range seq.n {
			v := seq.at(e, i)
			if v.kind != kNumber {
				return e.fail(failOperand)
			}
			if i == 0 || better(v.num, out) {
				out = v.num
			}
		}
		return finite(e, out)
	}}
}
