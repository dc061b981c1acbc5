package policy

import (
	"fmt"
	"slices"

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
