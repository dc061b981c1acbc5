package eval

import "strconv"

// code is one compiled expression. A constant has neither closure; the others
// have eval, and test where the truth can be had more cheaply than the value.
type code struct {
	eval  expr
	test  cond
	value value // of a constant
	// write appends the value as text, where that saves building it first.
	write func(*env, []byte) []byte
}

func constant(v value) code { return code{value: v} }

// condition is code whose value is a boolean.
func condition(test cond) code {
	return code{test: test, eval: func(e *env) value { return boolean(test(e)) }}
}

func (c code) constant() bool { return c.eval == nil }

func (c code) expr() expr {
	if c.eval != nil {
		return c.eval
	}
	v := c.value
	return func(*env) value { return v }
}

func (c code) cond() cond {
	switch {
	case c.test != nil:
		return c.test
	case c.eval != nil:
		eval := c.eval
		return func(e *env) bool { return eval(e).truthy() }
	}
	b := c.value.truthy()
	return func(*env) bool { return b }
}

// compiler turns the targeting of one flag into closures. There are three kinds
// of mistake. Problems (ps) refuse the document: a limit is exceeded. Faults
// are recorded, and broken holds the first that makes every evaluation an
// error; a fault that is not broken has a defined outcome, null.
type compiler struct {
	shared *Shared
	ps     *problems
	faults problems
	broken *Fault
	ops    int
	size   int  // bytes, with references replaced
	loops  int  // bodies of loops around this place
	inRef  bool // inside an evaluator
	over   bool // a limit is exceeded; the rest need not be read
}

func (c *flagCompiler) targeting(def *node, size int, at *path) {
	n, ok := def.get("targeting")
	if !ok || n.kind == nodeNull || (n.kind == nodeObject && len(n.members) == 0) {
		return
	}
	rc := &compiler{shared: c.shared, ps: c.ps, size: size}
	at = at.down("targeting")
	if n.kind != nodeObject {
		rc.breaks(at, "targeting must be an operation, not "+describe(n))
	} else {
		c.flag.targeting = rc.rule(n, at, 0).expr()
	}
	c.flag.fault, c.flag.faults = rc.broken, rc.faults.list
	if rc.broken != nil {
		c.flag.targeting = nil
	}
}

// breaks records a fault that makes every evaluation fail.
func (c *compiler) breaks(at *path, problem string) code {
	f := &Fault{Pointer: at.String(), Problem: problem}
	if c.broken == nil {
		c.broken = f
	}
	c.faults.addError(f)
	return code{}
}

// exceeds refuses the definition for a limit.
func (c *compiler) exceeds(at *path, problem string) code {
	if !c.over {
		c.over = true
		c.ps.add(at, problem)
	}
	return code{}
}

// rule compiles any JSON value of a targeting. An object is an operation, but
// for the empty one, which is itself; all else is itself.
func (c *compiler) rule(n *node, at *path, depth int) code {
	switch {
	case c.over:
		return code{}
	case n.kind == nodeArray:
		return c.list(n, at, depth)
	case n.kind != nodeObject:
		return constant(scalar(n))
	case len(n.members) == 0:
		return constant(value{kind: kObject, ref: map[string]any{}})
	case len(n.members) > 1:
		return c.breaks(at, "an operation has exactly one operator; this has "+
			strconv.Quote(excerpt(n.members[0].key))+" and "+strconv.Quote(excerpt(n.members[1].key)))
	case n.members[0].key == "$ref":
		return c.reference(n, at, depth)
	}
	return c.operation(&n.members[0], at, depth)
}

func scalar(n *node) value {
	switch n.kind {
	case nodeBool:
		return boolean(n.bool)
	case nodeNumber:
		f, _ := strconv.ParseFloat(n.str, 64) // checked by the parser
		return number(f)
	case nodeString:
		return text(n.str)
	}
	return value{}
}

// list compiles an array: constant if all its elements are, else built anew for
// each evaluation.
func (c *compiler) list(n *node, at *path, depth int) code {
	codes := make([]code, len(n.items))
	fixed := true
	for i := range n.items {
		codes[i] = c.rule(&n.items[i], at.down(strconv.Itoa(i)), depth)
		fixed = fixed && codes[i].constant()
	}
	if fixed {
		vs := make([]value, len(codes))
		for i := range codes {
			vs[i] = codes[i].value
		}
		return constant(list(vs))
	}
	items := exprs(codes)
	return code{eval: func(e *env) value {
		if !e.spend(len(items)) {
			return value{}
		}
		vs := make([]value, len(items))
		for i, item := range items {
			vs[i] = item(e)
		}
		return list(vs)
	}}
}

func exprs(codes []code) []expr {
	out := make([]expr, len(codes))
	for i := range codes {
		out[i] = codes[i].expr()
	}
	return out
}

// reference compiles {"$ref": "name"} as if the evaluator's text stood there.
func (c *compiler) reference(n *node, at *path, depth int) code {
	to := &n.members[0].val
	if to.kind != nodeString {
		return c.breaks(at.down("$ref"), "a reference must be the name of an evaluator, not "+to.kind.String())
	}
	if c.inRef {
		return c.breaks(at.down("$ref"), "an evaluator must not refer to another")
	}
	ev := c.shared.lookup(n)
	if ev == nil {
		return c.breaks(at.down("$ref"), "there is no evaluator "+describe(to))
	}
	if c.size += ev.size; c.size > MaxDefinition {
		return c.exceeds(at, "the definition has more than "+strconv.Itoa(MaxDefinition)+" bytes with its references replaced")
	}
	c.inRef = true
	defer func() { c.inRef = false }()
	return c.rule(&ev.rule, top.down("$evaluators").down(to.str), depth)
}

// call is one operation being compiled.
type call struct {
	*compiler
	name  string
	args  []node // the arguments; a single one may stand without its array
	bare  bool   // it does
	at    *path  // of the arguments
	depth int
}

// operator says how an operation is compiled and how many arguments it takes;
// most < 0 is any number. A custom operator of flagd gives null when it is
// misused, one of JsonLogic is an error.
type operator struct {
	least, most int
	build       func(*call) code
	custom      bool
}

func (c *compiler) operation(m *member, at *path, depth int) code {
	k := &call{compiler: c, name: m.key, at: at.down(m.key), depth: depth + 1}
	if c.ops++; c.ops > MaxOperators {
		return c.exceeds(at, "the targeting has more than "+strconv.Itoa(MaxOperators)+" operators")
	}
	if k.depth > MaxDepth {
		return c.exceeds(at, "operators are nested deeper than "+strconv.Itoa(MaxDepth)+" levels")
	}
	k.args, k.bare = m.val.items, m.val.kind != nodeArray
	if k.bare {
		k.args = []node{m.val}
	}
	op, ok := operatorNamed(m.key)
	switch n := len(k.args); {
	case !ok:
		return c.breaks(at, "unknown operator "+strconv.Quote(excerpt(m.key)))
	case n < op.least || (op.most >= 0 && n > op.most):
		return k.misused(op, takes(op)+", not "+strconv.Itoa(n))
	}
	return op.build(k)
}

// misused is the outcome of a wrong number of arguments. The arguments are read
// all the same: what is broken in them breaks the targeting.
func (k *call) misused(op operator, problem string) code {
	for i := range k.args {
		k.arg(i)
	}
	if op.custom {
		return k.null(k.at, problem)
	}
	return k.breaks(k.at, strconv.Quote(k.name)+" "+problem)
}

// null records a fault whose outcome is null.
func (k *call) null(at *path, problem string) code {
	k.faults.add(at, strconv.Quote(k.name)+" "+problem+"; it would always give null")
	return code{}
}

// inArray refuses a single argument without its array where the engines do.
func inArray(build func(*call) code) func(*call) code {
	return func(k *call) code {
		if k.bare {
			k.breaks(k.at, strconv.Quote(k.name)+" takes its arguments in an array")
		}
		return build(k)
	}
}

// inArrayOrRule allows a single operation that gives the list of arguments.
func inArrayOrRule(build func(*call) code) func(*call) code {
	return func(k *call) code {
		if k.bare && k.args[0].kind == nodeObject {
			return build(k)
		}
		return inArray(build)(k)
	}
}

func takes(op operator) string {
	s := "takes " + strconv.Itoa(op.least)
	switch {
	case op.most < 0:
		s += " or more"
	case op.most == op.least+1:
		s += " or " + strconv.Itoa(op.most)
	case op.most != op.least:
		s += " to " + strconv.Itoa(op.most)
	}
	if op.least == 1 && op.most == 1 {
		return s + " argument"
	}
	return s + " arguments"
}

// argAt is the place of an argument.
func (k *call) argAt(i int) *path {
	if k.bare {
		return k.at
	}
	return k.at.down(strconv.Itoa(i))
}

// arg compiles an argument.
func (k *call) arg(i int) code { return k.rule(&k.args[i], k.argAt(i), k.depth) }

func (k *call) all() []code {
	out := make([]code, len(k.args))
	for i := range out {
		out[i] = k.arg(i)
	}
	return out
}

// operatorNamed lists the language: JsonLogic as far as flagd's engines share
// it, and the operators that flagd adds. Left out on purpose: "log", which no
// current engine has, and what a single engine adds ("set", "val", "try", …).
func operatorNamed(name string) (operator, bool) {
	switch name {
	case "var":
		return operator{0, 2, buildVar, false}, true
	case "if", "?:":
		return operator{1, -1, inArray(buildIf), false}, true
	case "and":
		return operator{1, -1, inArray(buildAnd), false}, true
	case "or":
		return operator{1, -1, inArray(buildOr), false}, true
	case "!":
		return operator{1, 1, buildNot, false}, true
	case "!!":
		return operator{1, 1, buildTruth, false}, true
	case "==", "!=", "===", "!==":
		return operator{2, 2, buildEqual, false}, true
	case "<", "<=", ">", ">=":
		return operator{2, 3, buildOrder, false}, true
	case "in":
		return operator{2, 2, buildIn, false}, true
	case "+":
		return operator{0, -1, buildSum, false}, true
	case "*":
		return operator{0, -1, inArrayOrRule(buildProduct), false}, true
	case "-":
		return operator{1, -1, buildDifference, false}, true
	case "/":
		return operator{2, -1, buildQuotient, false}, true
	case "%":
		return operator{2, 2, buildRemainder, false}, true
	case "max":
		return operator{1, -1, inArrayOrRule(buildMax), false}, true
	case "min":
		return operator{1, -1, inArrayOrRule(buildMin), false}, true
	case "cat":
		return operator{0, -1, buildCat, false}, true
	case "substr":
		return operator{2, 3, buildSubstr, false}, true
	case "merge":
		return operator{0, -1, buildMerge, false}, true
	case "missing":
		return operator{0, -1, buildMissing, false}, true
	case "missing_some":
		return operator{2, 2, buildMissingSome, false}, true
	case "map":
		return operator{2, 2, buildMap, false}, true
	case "filter":
		return operator{2, 2, buildFilter, false}, true
	case "all":
		return operator{2, 2, buildAll, false}, true
	case "some":
		return operator{2, 2, buildSome, false}, true
	case "none":
		return operator{2, 2, buildNone, false}, true
	case "reduce":
		return operator{3, 3, buildReduce, false}, true
	case "fractional":
		return operator{1, -1, buildFractional, true}, true
	case "starts_with":
		return operator{2, 2, buildStartsWith, true}, true
	case "ends_with":
		return operator{2, 2, buildEndsWith, true}, true
	case "sem_ver":
		return operator{3, 3, buildSemVer, true}, true
	}
	return operator{}, false
}
