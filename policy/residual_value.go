package policy

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

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
