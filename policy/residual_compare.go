package policy

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

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
