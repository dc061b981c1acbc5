package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A translation turns what partial evaluation leaves of a rule into logic. It knows
// a fragment of Rego (docs/policy-authors.md); whatever is beyond it is an error
// with the file and the line.
type translation struct {
	words   *vocabulary
	support map[string][]*ast.Rule // by the reference that names them
	done    map[string]*logic      // support rules that are true or not
	doing   map[string]bool
	reads   map[string]string // fact → what it must be: a type, or whole
	loop    *element          // within some or every
	at      *ast.Location     // of the expression that is read
	err     error             // the first
}

// An element is what a loop looks at: references that begin with list, then at, or
// with value.
type element struct {
	list  ast.Ref
	at    ast.Var
	value ast.Var
}

// A value is an expression that is no condition. known is true where it is defined.
type value struct {
	is    *logic
	known *logic
	typ   string // number, string, boolean, strings
	// closed is text of which only a known few are possible.
	closed bool
	path   string // of a fact
	count  *logic // of the number of a list: the list
	sets   []*logic
}

func newTranslation(words *vocabulary, support []*ast.Module) *translation {
	t := &translation{words: words, support: map[string][]*ast.Rule{}, done: map[string]*logic{}, doing: map[string]bool{}, reads: map[string]string{}}
	for _, m := range support {
		for _, r := range m.Rules {
			name := m.Package.Path
			for _, part := range r.Head.Ref() {
				if v, ok := part.Value.(ast.Var); ok {
					part = ast.StringTerm(string(v))
				}
				name = name.Append(part)
			}
			t.support[name.String()] = append(t.support[name.String()], r)
		}
	}
	return t
}

// beyond notes that something is beyond the fragment. What is returned is never
// used, since the whole is refused.
func (t *translation) beyond(at *ast.Location, format string, args ...any) *logic {
	if at == nil || at.File == "" {
		at = t.at
	}
	if t.err == nil {
		where := "?"
		if at != nil {
			where = fmt.Sprintf("%s:%d", at.File, at.Row)
		}
		t.err = fmt.Errorf("%s: a flag cannot carry this: %s", where, fmt.Sprintf(format, args...))
	}
	return no
}

func (t *translation) unknown(at *ast.Location, format string, args ...any) value {
	return value{is: t.beyond(at, format, args...), known: no}
}

// any is true where one of several bodies holds.
func (t *translation) any(bodies []ast.Body) *logic {
	list := make([]*logic, len(bodies))
	for i, b := range bodies {
		list[i] = t.body(b)
	}
	return or(list...)
}

// body is true where every expression of a body holds. Names for intermediate
// values are replaced by what they stand for; what concerns an element of a list
// is gathered into one loop.
func (t *translation) body(b ast.Body) *logic {
	b, defined := bind(b)
	var conditions []*logic
	for _, term := range defined {
		if loopIn(term) == nil {
			conditions = append(conditions, t.term(term).known)
		}
	}
	loops := map[ast.Var][]*ast.Expr{}
	var order []ast.Var
	for _, e := range b {
		over := loopsOf(e)
		switch {
		case len(over) == 0 || t.loop != nil && len(over) == 1 && over[0] == t.loop.at:
			conditions = append(conditions, t.expr(e))
		case len(over) > 1 || t.loop != nil:
			t.beyond(e.Location, "a loop within a loop")
		default:
			if loops[over[0]] == nil {
				order = append(order, over[0])
			}
			loops[over[0]] = append(loops[over[0]], e)
		}
	}
	for _, v := range order {
		conditions = append(conditions, t.some(v, loops[v]))
	}
	return and(conditions...)
}

// bind replaces each name by what it stands for. It gives the other expressions,
// and the terms that must be defined all the same.
func bind(b ast.Body) (rest ast.Body, defined []*ast.Term) {
	b = b.Copy()
	for {
		i, v, term := nextBinding(b)
		if i < 0 {
			return b, defined
		}
		b = append(b[:i:i], b[i+1:]...)
		for j := range b {
			b[j] = substitute(b[j], v, term)
		}
		for j := range defined {
			defined[j] = substituteTerm(defined[j], v, term)
		}
		defined = append(defined, term)
	}
}

// nextBinding finds an expression that gives a name to a term: v = term, or a call
// with a name for its output.
func nextBinding(b ast.Body) (int, ast.Var, *ast.Term) {
	for i, e := range b {
		if e.Negated || !e.IsCall() {
			continue
		}
		args := e.Operands()
		if name := e.Operator().String(); name == "eq" || name == "equal" || name == "assign" {
			for k := range 2 {
				if v, ok := args[k].Value.(ast.Var); ok && !mentions(args[1-k], v) {
					return i, v, args[1-k]
				}
			}
			continue
		}
		if builtin := ast.BuiltinMap[e.Operator().String()]; builtin != nil && len(args) == builtin.Decl.Arity()+1 {
			if v, ok := args[len(args)-1].Value.(ast.Var); ok {
				terms := e.Terms.([]*ast.Term)
				return i, v, ast.CallTerm(terms[:len(terms)-1]...).SetLocation(e.Location)
			}
		}
	}
	return -1, "", nil
}

func mentions(x any, v ast.Var) bool {
	found := false
	ast.WalkVars(x, func(w ast.Var) bool { found = found || w == v; return found })
	return found
}

func substitute(e *ast.Expr, v ast.Var, term *ast.Term) *ast.Expr {
	if !mentions(e, v) {
		return e
	}
	e = e.Copy()
	switch terms := e.Terms.(type) {
	case *ast.Term:
		e.Terms = substituteTerm(terms, v, term)
	case []*ast.Term:
		for i := range terms {
			terms[i] = substituteTerm(terms[i], v, term)
		}
	case *ast.Every:
		terms.Domain = substituteTerm(terms.Domain, v, term)
		for i := range terms.Body {
			terms.Body[i] = substitute(terms.Body[i], v, term)
		}
	}
	return e
}

func substituteTerm(t *ast.Term, v ast.Var, by *ast.Term) *ast.Term {
	switch x := t.Value.(type) {
	case ast.Var:
		if x == v {
			return by
		}
	case ast.Ref:
		if head, ok := x[0].Value.(ast.Var); ok && head == v {
			if ref, isRef := by.Value.(ast.Ref); isRef {
				return ast.NewTerm(ref.Concat(x[1:])).SetLocation(t.Location)
			}
		}
		parts := make([]*ast.Term, len(x))
		for i := range x {
			parts[i] = x[i]
			if i > 0 {
				parts[i] = substituteTerm(x[i], v, by)
			}
		}
		return ast.NewTerm(ast.Ref(parts)).SetLocation(t.Location)
	case ast.Call:
		parts := make([]*ast.Term, len(x))
		for i := range x {
			parts[i] = x[i]
			if i > 0 {
				parts[i] = substituteTerm(x[i], v, by)
			}
		}
		return ast.NewTerm(ast.Call(parts)).SetLocation(t.Location)
	}
	return t
}

// loopIn is the name of the place in a list that a reference loops over.
func loopIn(x any) []ast.Var {
	var list []ast.Var
	ast.WalkRefs(x, func(r ast.Ref) bool {
		if !r[0].Equal(ast.InputRootDocument) {
			return false
		}
		for _, part := range r[1:] {
			if v, ok := part.Value.(ast.Var); ok && !slices.Contains(list, v) {
				list = append(list, v)
			}
		}
		return false
	})
	return list
}

func loopsOf(e *ast.Expr) []ast.Var {
	if every, ok := e.Terms.(*ast.Every); ok {
		return loopIn(every.Domain)
	}
	return loopIn(e)
}

// some is true where an element of a list meets every expression.
func (t *translation) some(v ast.Var, exprs []*ast.Expr) *logic {
	var list ast.Ref
	ast.WalkRefs(exprs[0], func(r ast.Ref) bool {
		for i := 1; i < len(r) && list == nil; i++ {
			if w, ok := r[i].Value.(ast.Var); ok && w == v {
				list = r[:i]
			}
		}
		return list != nil
	})
	at := exprs[0].Location
	over := t.listOf(ast.NewTerm(list).SetLocation(at))
	t.loop = &element{list: list, at: v}
	defer func() { t.loop = nil }()
	if fact, ok := t.elementIs(exprs); ok {
		t.loop = nil
		return t.member(at, t.term(fact), value{is: over, known: present(over), typ: "strings"})
	}
	var body []*logic
	for _, e := range exprs {
		body = append(body, t.expr(e))
	}
	return operate("some", over, and(body...))
}

// elementIs recognizes that the element is nothing but another fact, which is
// membership.
func (t *translation) elementIs(exprs []*ast.Expr) (fact *ast.Term, ok bool) {
	if len(exprs) != 1 || exprs[0].Negated || !exprs[0].IsEquality() {
		return nil, false
	}
	args := exprs[0].Operands()
	for k := range 2 {
		rest, isElement := t.loop.rest(args[k])
		ref, isRef := args[1-k].Value.(ast.Ref)
		if _, both := t.loop.rest(args[1-k]); isElement && len(rest) == 0 && isRef && !both && ref[0].Equal(ast.InputRootDocument) {
			return args[1-k], true
		}
	}
	return nil, false
}

// rest is what follows the element in a reference to it or into it.
func (e *element) rest(term *ast.Term) (ast.Ref, bool) {
	switch x := term.Value.(type) {
	case ast.Var:
		return nil, e.value != "" && x == e.value
	case ast.Ref:
		if v, ok := x[0].Value.(ast.Var); ok && e.value != "" && v == e.value {
			return x[1:], true
		}
		if n := len(e.list); n > 0 && len(x) > n && x[:n].Equal(e.list) {
			if v, ok := x[n].Value.(ast.Var); ok && v == e.at {
				return x[n+1:], true
			}
		}
	}
	return nil, false
}

// listOf is a fact that is a list of texts. What the objects of a list hold is in no
// vocabulary, so a flag cannot see to it that they are of their types.
func (t *translation) listOf(term *ast.Term) *logic {
	v := t.term(term)
	if v.typ != "strings" {
		return t.beyond(term.Location, "%s is no list of texts of the vocabulary", term)
	}
	return v.is
}

// expr is true where an expression holds.
func (t *translation) expr(e *ast.Expr) *logic {
	if e.Location != nil {
		t.at = e.Location
	}
	if len(e.With) > 0 {
		return t.beyond(e.Location, "with")
	}
	var holds *logic
	switch terms := e.Terms.(type) {
	case *ast.Term:
		holds = t.truth(terms)
	case *ast.Every:
		holds = t.every(terms)
	case []*ast.Term:
		holds = t.call(e.Location, e.Operator().String(), e.Operands())
	default:
		return t.beyond(e.Location, "%s", e)
	}
	if e.Negated {
		return not(holds)
	}
	return holds
}

// truth is true where a term is defined and not false.
func (t *translation) truth(term *ast.Term) *logic {
	if c, ok := term.Value.(ast.Call); ok {
		return t.call(term.Location, c[0].String(), c[1:])
	}
	v := t.term(term)
	switch {
	case v.is.op == "" && v.is.lit != nil:
		return literal(v.is.lit != false)
	case v.typ == "boolean" && boolean[v.is.op]:
		return v.is
	case v.typ == "boolean":
		return operate("===", v.is, yes)
	}
	return v.known
}

func (t *translation) every(e *ast.Every) *logic {
	if t.loop != nil {
		return t.beyond(e.Location, "a loop within a loop")
	}
	over := t.listOf(e.Domain)
	v, _ := e.Value.Value.(ast.Var)
	t.loop = &element{value: v}
	defer func() { t.loop = nil }()
	return and(present(over), not(operate("some", over, not(t.body(e.Body)))))
}

var comparisons = map[string]string{"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}

var mirrored = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}

func (t *translation) call(at *ast.Location, name string, args []*ast.Term) *logic {
	switch name {
	case "eq", "equal", "assign":
		return t.equal(at, t.term(args[0]), t.term(args[1]))
	case "neq":
		a, b := t.term(args[0]), t.term(args[1])
		return and(a.known, b.known, not(t.equal(at, a, b)))
	}
	if builtin := ast.BuiltinMap[name]; builtin != nil && len(args) == builtin.Decl.Arity()+1 {
		n := len(args) - 1
		result := t.apply(at, name, args[:n])
		return t.equal(at, result, t.term(args[n]))
	}
	if symbol, ok := comparisons[name]; ok {
		return t.order(at, symbol, t.term(args[0]), t.term(args[1]))
	}
	v := t.apply(at, name, args)
	if v.typ != "boolean" {
		return v.known
	}
	return v.is
}

// apply is the value of a function.
func (t *translation) apply(at *ast.Location, name string, args []*ast.Term) value {
	condition := func(l *logic) value { return value{is: l, known: yes, typ: "boolean"} }
	switch name {
	case "internal.member_2":
		return condition(t.member(at, t.term(args[0]), t.collection(args[1])))
	case "startswith", "endswith", "contains":
		return condition(t.affix(at, name, t.term(args[0]), t.term(args[1])))
	case "plus", "minus", "mul":
		return t.arithmetic(at, name, t.term(args[0]), t.term(args[1]))
	case "count":
		return t.count(at, args[0])
	case "object.get":
		return t.get(at, args)
	case "lt", "lte", "gt", "gte":
		return condition(t.order(at, comparisons[name], t.term(args[0]), t.term(args[1])))
	}
	return t.unknown(at, "the function %s", name)
}

// equal compares two values strictly. Text, numbers and truth only: engines compare
// lists and objects each in its own way.
func (t *translation) equal(at *ast.Location, a, b value) *logic {
	if a.is.op == "" && b.is.op == "" {
		return literal(a.is.lit == b.is.lit)
	}
	if a.is.op == "" {
		a, b = b, a
	}
	if a.count != nil && b.is.op == "" {
		return t.counted(at, "===", a, b)
	}
	for _, v := range []value{a, b} {
		if !slices.Contains([]string{"number", "string", "boolean"}, v.typ) {
			return t.beyond(at, "an equality of %s", v.typ)
		}
	}
	if a.typ != b.typ {
		return no // a text is no number; that the fact is of its type is seen to
	}
	if a.typ == "boolean" && boolean[a.is.op] && b.is.op == "" {
		if b.is.lit == true {
			return a.is
		}
		return and(a.known, not(a.is))
	}
	return and(a.needed(b), b.needed(a), operate("===", a.is, b.is))
}

// needed is what must be known beforehand for a strict comparison to be right: of a
// fact nothing beside a literal, since nothing absent is equal to one.
func (v value) needed(beside value) *logic {
	if v.is.op == "var" && beside.is.op == "" {
		return yes
	}
	return v.known
}

func (t *translation) order(at *ast.Location, symbol string, a, b value) *logic {
	if a.count != nil && b.is.op == "" {
		return t.counted(at, symbol, a, b)
	}
	if b.count != nil && a.is.op == "" {
		return t.counted(at, mirrored[symbol], b, a)
	}
	if a.typ != "number" || b.typ != "number" {
		return t.beyond(at, "an order of %s and %s; only numbers of the vocabulary are ordered", a.typ, b.typ)
	}
	return and(a.known, b.known, operate(symbol, a.is, b.is))
}

// counted compares the number of a list with a whole number. Whether there is
// anything at all needs no counting.
func (t *translation) counted(at *ast.Location, symbol string, a, b value) *logic {
	n, ok := b.is.lit.(int64)
	if !ok {
		return t.beyond(at, "a number compared with what is none")
	}
	filled := operate("some", a.count, yes)
	if a.sets != nil {
		filled = or(a.sets...)
	}
	switch {
	case symbol == "===" && n == 0, symbol == "<" && n == 1, symbol == "<=" && n == 0:
		return and(a.known, not(filled))
	case symbol == ">" && n == 0, symbol == ">=" && n == 1:
		return filled
	}
	return and(a.known, operate(symbol, a.is, b.is))
}

// member is membership: a fact in a list that is written down, something written
// down in a list that is a fact, or a fact in a fact.
func (t *translation) member(at *ast.Location, a, list value) *logic {
	switch {
	case list.sets != nil:
		return t.memberOfSet(a, list)
	case list.typ != "strings":
		return t.beyond(at, "membership in %s; a list of texts is needed", list.typ)
	case a.is.op == "" && a.typ == "string":
		return and(present(list.is), operate("some", list.is, operate("===", variable(""), a.is)))
	case a.typ != "string" || t.loop != nil:
		return t.beyond(at, "membership of %s in a fact", a.typ)
	case !a.closed:
		return t.beyond(at, "membership of %s in a fact: engines read numbers in free text; only a fact of few known values may be looked for", a.path)
	}
	return and(a.known, present(list.is), operate("in", a.is, list.is))
}

func (t *translation) memberOfSet(a, set value) *logic {
	var values []any
	for _, l := range set.sets {
		values = append(values, l.lit)
	}
	if a.is.op == "" {
		return literal(slices.Contains(values, a.is.lit))
	}
	return and(a.needed(value{is: no}), anyOf(a.is, values))
}

// collection is a list or set of literals, or a fact that is a list.
func (t *translation) collection(term *ast.Term) value {
	list := value{is: no, known: yes, typ: "strings", sets: []*logic{}}
	add := func(x *ast.Term) {
		v := t.term(x)
		if v.is.op != "" {
			t.beyond(term.Location, "a list that is partly facts")
		}
		list.sets = append(list.sets, v.is)
	}
	switch x := term.Value.(type) {
	case ast.Set:
		x.Foreach(add)
	case *ast.Array:
		x.Foreach(add)
	default:
		return t.term(term)
	}
	return list
}

func (t *translation) affix(at *ast.Location, name string, s, part value) *logic {
	if s.typ != "string" || part.typ != "string" {
		return t.beyond(at, "%s of %s and %s", name, s.typ, part.typ)
	}
	switch name {
	case "contains":
		return and(s.known, part.known, operate("in", part.is, s.is))
	case "startswith":
		return and(s.known, part.known, operate("starts_with", s.is, part.is))
	}
	return and(s.known, part.known, operate("ends_with", s.is, part.is))
}

// arithmetic takes whole numbers: on fractions the engines round differently.
func (t *translation) arithmetic(at *ast.Location, name string, a, b value) value {
	if a.typ != "number" || b.typ != "number" {
		return t.unknown(at, "arithmetic on %s and %s", a.typ, b.typ)
	}
	for _, v := range []value{a, b} {
		if v.path != "" {
			t.reads[v.path] = "whole"
		}
	}
	symbol := map[string]string{"plus": "+", "minus": "-", "mul": "*"}[name]
	return value{is: operate(symbol, a.is, b.is), known: and(a.known, b.known), typ: "number"}
}

// count is the number of a list, or of a set that rules make up.
func (t *translation) count(at *ast.Location, term *ast.Term) value {
	switch x := term.Value.(type) {
	case ast.Set:
		return value{is: literal(int64(x.Len())), known: yes, typ: "number"}
	case *ast.Array:
		return value{is: literal(int64(x.Len())), known: yes, typ: "number"}
	case ast.Ref:
		if rules := t.support[x.String()]; rules != nil {
			return t.countSet(at, rules)
		}
	}
	list := t.listOf(term)
	each := operate("reduce", list, operate("+", variable("accumulator"), literal(int64(1))), literal(int64(0)))
	return value{is: each, known: present(list), typ: "number", count: list}
}

// countSet is the number of different members that rules put into a set.
func (t *translation) countSet(at *ast.Location, rules []*ast.Rule) value {
	byKey := map[string][]ast.Body{}
	for _, r := range rules {
		if r.Head.Key == nil || !r.Head.Key.IsGround() {
			return t.unknown(at, "the number of what depends on facts")
		}
		byKey[r.Head.Key.String()] = append(byKey[r.Head.Key.String()], r.Body)
	}
	v := value{known: yes, typ: "number", sets: []*logic{}}
	var sum []*logic
	for _, key := range sortedKeys(byKey) {
		in := t.any(byKey[key])
		v.sets = append(v.sets, in)
		sum = append(sum, operate("if", in, literal(int64(1)), literal(int64(0))))
	}
	v.is, v.count = operate("+", sum...), literal(nil)
	return v
}

// get is object.get: a fact with a value for where it is absent.
func (t *translation) get(at *ast.Location, args []*ast.Term) value {
	ref, ok := args[0].Value.(ast.Ref)
	if !ok {
		return t.unknown(at, "object.get of %s", args[0])
	}
	path := ref
	if keys, isList := args[1].Value.(*ast.Array); isList {
		keys.Foreach(func(k *ast.Term) { path = path.Append(k) })
	} else {
		path = path.Append(args[1])
	}
	v := t.term(ast.NewTerm(path).SetLocation(at))
	other := t.term(args[2])
	if v.typ != other.typ || other.is.op != "" || !slices.Contains([]string{"number", "string", "boolean"}, v.typ) {
		return t.unknown(at, "object.get of %s with a default that is no literal of its type", path)
	}
	v.is = operate("var", v.is.args[0], other.is)
	v.known, v.path = yes, ""
	if len(ref) > 2 { // of what is absent itself it gives nothing
		v.known = present(variable(pathOf(ref)))
	}
	return v
}

func pathOf(ref ast.Ref) string {
	var parts []string
	for _, p := range ref[2:] {
		s, _ := p.Value.(ast.String)
		parts = append(parts, string(s))
	}
	return strings.Join(parts, ".")
}

// term is the value of a term.
func (t *translation) term(term *ast.Term) value {
	switch x := term.Value.(type) {
	case ast.String:
		return value{is: literal(string(x)), known: yes, typ: "string", closed: true}
	case ast.Boolean:
		return value{is: literal(bool(x)), known: yes, typ: "boolean"}
	case ast.Number:
		n, ok := x.Int64()
		if !ok || n > 1<<53-1 || n < -(1<<53-1) {
			return t.unknown(term.Location, "%s, which is no whole number", x)
		}
		return value{is: literal(n), known: yes, typ: "number"}
	case ast.Call:
		return t.apply(term.Location, x[0].String(), x[1:])
	case ast.Var, ast.Ref:
		if t.loop != nil {
			if rest, ok := t.loop.rest(term); ok && len(rest) == 0 {
				return value{is: variable(""), known: yes, typ: "string"}
			}
		}
		if ref, ok := x.(ast.Ref); ok {
			return t.ref(term, ref)
		}
	}
	return t.unknown(term.Location, "%s", term)
}

func (t *translation) ref(term *ast.Term, ref ast.Ref) value {
	if t.support[ref.String()] != nil {
		return t.rule(term, ref.String())
	}
	if t.loop != nil {
		return t.unknown(term.Location, "%s within a loop, where only the element is seen", term)
	}
	if !ref[0].Equal(ast.InputRootDocument) || len(ref) < 3 || !ref.IsGround() {
		return t.unknown(term.Location, "%s", term)
	}
	root, _ := ref[1].Value.(ast.String)
	path := pathOf(ref)
	switch known := t.kindOf(string(root), path).(type) {
	case string:
		return t.fact(root, path, known, isPlace(path))
	case []any:
		return t.fact(root, path, "string", true)
	}
	return t.unknown(term.Location, "%s is not in the vocabulary", term)
}

func isPlace(path string) bool {
	return path == "patient.location_now" || path == "patient.treatment_site" || path == "patient.residence"
}

func (t *translation) kindOf(root, path string) any {
	switch root {
	case "facts":
		return t.words.Facts[path]
	case "request":
		if path == "action" {
			return "string"
		}
	case "config":
		return t.words.Config[path]
	}
	return nil
}

func (t *translation) fact(root ast.String, path, typ string, closed bool) value {
	switch root {
	case "facts":
		if t.reads[path] == "" {
			t.reads[path] = typ
		}
	case "config":
		path = "config." + path
	}
	is := variable(path)
	return value{is: is, known: present(is), typ: typ, closed: closed, path: path}
}

// rule is the value of a helper rule that partial evaluation left standing.
func (t *translation) rule(term *ast.Term, name string) value {
	rules := t.support[name]
	if t.doing[name] {
		return t.unknown(term.Location, "%s depends on itself", name)
	}
	outer := t.loop
	t.loop = nil
	defer func() { t.loop = outer }()
	t.doing[name] = true
	defer delete(t.doing, name)
	if onlyTrue(rules) {
		holds := t.done[name]
		if holds == nil {
			var bodies []ast.Body
			for _, r := range rules {
				if r.Else != nil {
					return t.unknown(r.Location, "else")
				}
				bodies = append(bodies, r.Body)
			}
			holds = t.any(bodies)
			t.done[name] = holds
		}
		return value{is: or(holds, no), known: holds, typ: "boolean", closed: true}
	}
	return t.choice(term, rules)
}

func onlyTrue(rules []*ast.Rule) bool {
	return !slices.ContainsFunc(rules, func(r *ast.Rule) bool {
		return r.Default || r.Head.Key != nil || r.Head.Value == nil || !r.Head.Value.Equal(ast.BooleanTerm(true))
	})
}

// choice is a helper that has one of several values.
func (t *translation) choice(term *ast.Term, rules []*ast.Rule) value {
	var tests, picks []*logic
	var other *logic
	v := value{}
	for _, r := range rules {
		if r.Head.Key != nil || r.Head.Value == nil || r.Else != nil {
			return t.unknown(term.Location, "%s as a value", term)
		}
		one := t.term(r.Head.Value)
		if v.typ != "" && one.typ != v.typ {
			return t.unknown(term.Location, "%s, which is of several types", term)
		}
		v.typ = one.typ
		if r.Default {
			other = one.is
			continue
		}
		holds := and(t.body(r.Body), one.known)
		tests, picks = append(tests, holds), append(picks, holds, one.is)
	}
	v.known = or(tests...)
	if other != nil {
		v.known = yes
	} else {
		other = literal(nil)
	}
	v.is = operate("if", append(picks, other)...)
	return v
}

// whole numbers in arithmetic are at most so large, far from where doubles round.
const largestWhole = 1_000_000_000

// typed is true where a fact is absent or of its type.
func typed(path, typ string, values []any) *logic {
	v := variable(path)
	switch typ {
	case "boolean":
		return or(absent(v), operate("===", v, yes), operate("===", v, no))
	case "number", "whole":
		list := []*logic{operate("===", v, operate("+", v))}
		if typ == "whole" {
			list = append(list, operate("===", operate("%", v, literal(int64(1))), literal(int64(0))),
				operate("<=", v, literal(int64(largestWhole))), operate(">=", v, literal(int64(-largestWhole))))
		}
		return or(absent(v), and(list...))
	case "string":
		if len(values) > 0 {
			return or(absent(v), anyOf(v, values))
		}
		return or(absent(v), operate("starts_with", v, literal("")))
	case "strings":
		// An engine finds nothing in what is no list instead of refusing it; merged
		// into a list it is an element like others, and no text.
		text := operate("starts_with", variable(""), literal(""))
		return or(absent(v), and(operate("!", operate("starts_with", v, literal(""))), operate("!", operate("some", operate("merge", v), operate("!", text)))))
	}
	return no
}
