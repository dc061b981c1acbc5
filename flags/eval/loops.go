package eval

import "strconv"

// A loop evaluates its body once for each element of a list, with the element as
// all that var can see. The outer context is not visible, as JsonLogic documents
// it; flagd's Go engine lets it shine through in some loops and not in others.
// A null list is empty. Anything else that is no list is an error.

// loop is a compiled loop.
type loop struct {
	list expr
	body code
	cost int // work of one round
}

func (k *call) loop() loop {
	over := k.arg(0)
	if over.constant() && over.value.kind != kList && over.value.kind != kNull {
		k.breaks(k.argAt(0), strconv.Quote(k.name)+" loops over a list, not "+describe(&k.args[0]))
	}
	l := loop{list: over.expr()}
	before := k.ops
	k.loops++
	l.body = k.arg(1)
	k.loops--
	l.cost = 1 + k.ops - before
	return l
}

// each calls round with every element in scope until it returns false, work runs
// out or something fails.
func (l *loop) each(e *env, v value, round func(element value) bool) {
	outer := e.data
	for i, n := 0, v.len(); i < n && e.failure == failNone && e.spend(l.cost); i++ {
		e.data = v.at(i)
		if !round(e.data) {
			break
		}
	}
	e.data = outer
}

// open evaluates the list of a loop.
func (l *loop) open(e *env) value {
	v := l.list(e)
	if v.kind != kList && v.kind != kNull {
		return e.fail(failOperand)
	}
	return v
}

func buildMap(k *call) code {
	l := k.loop()
	body := l.body.expr()
	return code{eval: func(e *env) value {
		var out []value
		l.each(e, l.open(e), func(value) bool {
			out = append(out, body(e))
			return true
		})
		return list(out)
	}}
}

func buildFilter(k *call) code {
	l := k.loop()
	keep := l.body.cond()
	return code{eval: func(e *env) value {
		var out []value
		l.each(e, l.open(e), func(v value) bool {
			if keep(e) {
				out = append(out, v)
			}
			return true
		})
		return list(out)
	}}
}

// find reports whether any element makes the body's truth equal to want, and
// whether there are elements at all.
func (l *loop) find(want bool) func(e *env) (found, some bool) {
	test := l.body.cond()
	return func(e *env) (found, some bool) {
		v := l.open(e)
		outer := e.data
		for i, n := 0, v.len(); i < n && !found && e.failure == failNone && e.spend(l.cost); i++ {
			e.data = v.at(i)
			found = test(e) == want
		}
		e.data = outer
		return found, v.len() > 0
	}
}

// buildAll is true if there are elements and all pass.
func buildAll(k *call) code {
	l := k.loop()
	find := l.find(false)
	return condition(func(e *env) bool {
		found, some := find(e)
		return some && !found
	})
}

func buildSome(k *call) code {
	l := k.loop()
	find := l.find(true)
	return condition(func(e *env) bool {
		found, _ := find(e)
		return found
	})
}

func buildNone(k *call) code {
	l := k.loop()
	find := l.find(true)
	return condition(func(e *env) bool {
		found, _ := find(e)
		return !found
	})
}

// buildReduce carries an accumulator through the list; the body sees it and the
// current element, and the third argument is its start and the result of an
// empty list.
func buildReduce(k *call) code {
	l := k.loop()
	body, start := l.body.expr(), k.arg(2).expr()
	return code{eval: func(e *env) value {
		acc := start(e)
		l.each(e, l.open(e), func(v value) bool {
			e.data = value{kind: kObject, ref: &fold{current: v, accumulator: acc}}
			acc = body(e)
			return true
		})
		return acc
	}}
}
