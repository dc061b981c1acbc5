package eval

// buildIf compiles if and ?:, which are if/then/else-if chains of any length; a
// last argument without a condition is the else, and without one it is null.
func buildIf(k *call) code {
	codes := k.all()
	var fall expr
	if len(codes)%2 == 1 {
		fall = codes[len(codes)-1].expr()
	} else {
		fall = code{}.expr()
	}
	switch len(codes) / 2 {
	case 0:
		return codes[0]
	case 1:
		test, then := codes[0].cond(), codes[1].expr()
		return code{eval: func(e *env) value {
			if test(e) {
				return then(e)
			}
			return fall(e)
		}}
	}
	tests, thens := make([]cond, len(codes)/2), make([]expr, len(codes)/2)
	for i := range tests {
		tests[i], thens[i] = codes[2*i].cond(), codes[2*i+1].expr()
	}
	return code{eval: func(e *env) value {
		for i, test := range tests {
			if test(e) {
				return thens[i](e)
			}
		}
		return fall(e)
	}}
}

// buildAnd gives the first falsy operand, else the last.
func buildAnd(k *call) code { return junction(k.all(), false) }

// buildOr gives the first truthy operand, else the last.
func buildOr(k *call) code { return junction(k.all(), true) }

// junction gives the first operand whose truth is stop, else the last.
func junction(codes []code, stop bool) code {
	evals := exprs(codes)
	return code{
		eval: func(e *env) (v value) {
			for _, eval := range evals {
				if v = eval(e); v.truthy() == stop {
					break
				}
			}
			return v
		},
		test: junctionTest(codes, stop),
	}
}

func junctionTest(codes []code, stop bool) cond {
	tests := make([]cond, len(codes))
	for i := range codes {
		tests[i] = codes[i].cond()
	}
	return func(e *env) bool {
		for _, test := range tests {
			if test(e) == stop {
				return stop
			}
		}
		return !stop
	}
}

func buildNot(k *call) code {
	test := k.arg(0).cond()
	return condition(func(e *env) bool { return !test(e) })
}

func buildTruth(k *call) code { return condition(k.arg(0).cond()) }
