package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// logic is an expression of flagd's JsonLogic. The engines that evaluate it differ
// on operands of another type than an operator expects, so what is built here
// compares strictly, orders numbers that are there, and looks at a list before it
// loops over it.
type logic struct {
	op   string // "" for a literal
	args []*logic
	lit  any // a literal: string, int64 or bool; nil is null
}

var (
	yes = &logic{lit: true}
	no  = &logic{lit: false}
)

func literal(v any) *logic                       { return &logic{lit: v} }
func operate(name string, args ...*logic) *logic { return &logic{op: name, args: args} }
func variable(path string) *logic                { return operate("var", literal(path)) }

// MarshalJSON is of a literal in a list.
func (l *logic) MarshalJSON() ([]byte, error) { return []byte(l.String()), nil }

func (l *logic) is(v bool) bool { return l.op == "" && l.lit == v }

// String is the expression as compact JSON.
func (l *logic) String() string {
	var b strings.Builder
	l.write(&b)
	return b.String()
}

func (l *logic) write(b *strings.Builder) {
	switch {
	case l.op == "":
		raw, _ := json.Marshal(l.lit) // strings, whole numbers, booleans, null, lists of them
		b.Write(raw)
	case l.op == "var" && len(l.args) == 1:
		b.WriteString(`{"var":`)
		l.args[0].write(b)
		b.WriteByte('}')
	default:
		b.WriteString(`{"` + l.op + `":[`)
		for i, a := range l.args {
			if i > 0 {
				b.WriteByte(',')
			}
			a.write(b)
		}
		b.WriteString(`]}`)
	}
}

func (l *logic) equal(other *logic) bool { return l == other || l.String() == other.String() }

// and, or and not simplify: they flatten, drop what decides nothing, and say a
// thing once.
func and(list ...*logic) *logic { return junction("and", yes, no, list) }

func or(list ...*logic) *logic { return junction("or", no, yes, list) }

func junction(name string, neutral, decisive *logic, list []*logic) *logic {
	var args []*logic
	for _, l := range list {
		parts := []*logic{l}
		if l.op == name {
			parts = l.args
		}
		for _, p := range parts {
			switch {
			case p.is(decisive.lit.(bool)):
				return decisive
			case p.is(neutral.lit.(bool)):
			case !slices.ContainsFunc(args, p.equal):
				args = append(args, p)
			}
		}
	}
	switch len(args) {
	case 0:
		return neutral
	case 1:
		return args[0]
	}
	return operate(name, args...)
}

func not(l *logic) *logic {
	switch {
	case l.op == "":
		return literal(!truth(l.lit))
	case l.op == "!" && boolean[l.args[0].op]:
		return l.args[0]
	case l.op == "===":
		return operate("!==", l.args...)
	case l.op == "!==":
		return operate("===", l.args...)
	}
	return operate("!", l)
}

func truth(v any) bool {
	b, isBool := v.(bool)
	return isBool && b
}

// boolean are the operators that give true or false.
var boolean = map[string]bool{"and": true, "or": true, "!": true, "===": true, "!==": true, "<": true, "<=": true, ">": true, ">=": true, "some": true, "in": true}

// looksNumeric reports whether a literal is anything but text that begins with a
// letter.
func looksNumeric(v any) bool {
	s, ok := v.(string)
	return !ok || s == "" || !(s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z') || s == "NaN" || strings.HasPrefix(strings.ToLower(s), "inf") || strings.HasPrefix(strings.ToLower(s), "nan")
}

func present(l *logic) *logic { return operate("!==", l, literal(nil)) }
func absent(l *logic) *logic  { return operate("===", l, literal(nil)) }

// anyOf is true where operand is one of the literals. Few are a chain, and so are
// those that look like numbers: in a list an engine takes "1.0" for "1".
func anyOf(operand *logic, values []any) *logic {
	if len(values) > 2 && !slices.ContainsFunc(values, looksNumeric) {
		list := make([]*logic, len(values))
		for i, v := range values {
			list[i] = literal(v)
		}
		// To an engine a number is in a list of texts, so text comes first.
		return operate("and", operate("starts_with", operand, literal("")), operate("in", operand, &logic{lit: list}))
	}
	tests := make([]*logic, len(values))
	for i, v := range values {
		tests[i] = operate("===", operand, literal(v))
	}
	return or(tests...)
}

// words says an expression for people.
func (l *logic) words() string { return l.phrase(false) }

// phrase puts what is joined by "or" into brackets if it stands inside something.
func (l *logic) phrase(inside bool) string {
	switch l.op {
	case "":
		return plain(l.lit)
	case "var":
		return name(l)
	case "and", "or":
		parts := make([]string, 0, len(l.args))
		for _, a := range l.args {
			if !implied(a, l.args) && !(a.op == "starts_with" && a.args[1].lit == "") {
				parts = append(parts, a.phrase(true))
			}
		}
		text := strings.Join(parts, " "+l.op+" ")
		if inside && len(parts) > 1 {
			text = "(" + text + ")"
		}
		return text
	case "!":
		return "not " + l.args[0].phrase(true)
	}
	return l.comparison()
}

func (l *logic) comparison() string {
	a := func(i int) string { return l.args[i].phrase(true) }
	switch l.op {
	case "===":
		if l.args[1].op == "" && l.args[1].lit == nil {
			return a(0) + " is not given"
		}
		return a(0) + " is " + a(1)
	case "!==":
		if l.args[1].op == "" && l.args[1].lit == nil {
			return a(0) + " is given"
		}
		return a(0) + " is not " + a(1)
	case "<":
		return a(0) + " is below " + a(1)
	case "<=":
		return a(0) + " is at most " + a(1)
	case ">":
		return a(0) + " is above " + a(1)
	case ">=":
		return a(0) + " is at least " + a(1)
	case "in":
		if l.args[1].op == "" {
			return a(0) + " is one of " + a(1)
		}
		return a(0) + " is in " + a(1)
	case "starts_with":
		return a(0) + " begins with " + a(1)
	case "ends_with":
		return a(0) + " ends with " + a(1)
	case "some":
		if l.args[1].is(true) {
			return a(0) + " is not empty"
		}
		return "some of " + a(0) + ": " + a(1)
	case "reduce":
		return "the number of " + a(0)
	case "+", "-", "*":
		parts := make([]string, len(l.args))
		for i := range l.args {
			parts[i] = a(i)
		}
		return strings.Join(parts, " "+l.op+" ")
	}
	return l.String()
}

// implied reports whether a test for presence is said already by another of the
// same list.
func implied(test *logic, list []*logic) bool {
	if test.op != "!==" || test.args[1].op != "" || test.args[1].lit != nil {
		return false
	}
	return slices.ContainsFunc(list, func(l *logic) bool {
		return l != test && len(l.args) > 0 && l.args[0].equal(test.args[0]) && slices.Contains([]string{"<", "<=", ">", ">=", "in", "some", "!=="}, l.op)
	})
}

func name(l *logic) string {
	path, _ := l.args[0].lit.(string)
	if path == "" {
		return "it"
	}
	if len(l.args) == 2 {
		return path + " (else " + l.args[1].phrase(true) + ")"
	}
	return path
}

func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case []*logic:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = plain(x.lit)
		}
		return strings.Join(parts, ", ")
	case nil:
		return "nothing"
	}
	return fmt.Sprint(v)
}
