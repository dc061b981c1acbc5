package eval

import "strings"

// buildVar compiles var: a dotted path into the context, or into the element
// within a loop, and a default for what is absent or null. An empty path is the
// whole.
func buildVar(k *call) code {
	if len(k.args) == 0 {
		return code{eval: k.data()}
	}
	path := k.arg(0)
	absent := code{}
	if len(k.args) == 2 {
		absent = k.arg(1)
	}
	if !path.constant() {
		return orDefault(dynamicPath(path.expr(), k.data()), absent)
	}
	switch path.value.kind {
	case kNull:
		return orDefault(k.data(), absent)
	case kString:
		if path.value.str == "" {
			return orDefault(k.data(), absent)
		}
	case kNumber:
		path.value = text(string(appendNumber(nil, path.value.num)))
	default:
		return k.breaks(k.argAt(0), `"var" needs a path: a string or a number`)
	}
	if problem := badPath(path.value.str); problem != "" {
		return k.breaks(k.argAt(0), problem)
	}
	return orDefault(k.fixedPath(path.value.str), absent)
}

// badPath refuses paths on which the engines differ.
func badPath(s string) string {
	switch {
	case strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || strings.Contains(s, ".."):
		return "the path has an empty part"
	case strings.Contains(s, `\`):
		return `the path has a backslash, which is an escape to one engine and a character to another`
	}
	return ""
}

// data gives what a path starts from.
func (k *call) data() expr {
	if k.loops > 0 {
		return func(e *env) value { return e.data }
	}
	return (*env).root
}

func orDefault(get expr, absent code) code {
	if absent.constant() && absent.value.kind == kNull {
		return code{eval: get}
	}
	other := absent.expr()
	return code{eval: func(e *env) value {
		if v := get(e); v.kind != kNull {
			return v
		}
		return other(e)
	}}
}

// step is one part of a path.
type step struct {
	name string
	at   int // as a position in a list; -1 if it is none
}

func steps(path string) []step {
	var out []step
	for _, name := range strings.Split(path, ".") {
		out = append(out, step{name, index(name)})
	}
	return out
}

// fixedPath compiles a path known in advance. One or two names into the context
// are what targeting mostly reads.
func (k *call) fixedPath(path string) expr {
	s := steps(path)
	switch {
	case k.loops > 0:
		return func(e *env) value { return walk(e.data, s) }
	case path == "$flagd.timestamp":
		return func(e *env) value { return number(float64(e.unix)) }
	case path == "$flagd.flagKey":
		return func(e *env) value { return text(e.flag.key) }
	case s[0].name == "$flagd":
		return func(e *env) value { return walk(e.root(), s) }
	case len(s) == 1:
		name := s[0].name
		return func(e *env) value { return valueOf(e.ctx[name]) }
	}
	first, second, rest := s[0].name, s[1].name, s[1:]
	if len(rest) > 1 {
		return func(e *env) value { return walk(valueOf(e.ctx[first]), rest) }
	}
	return func(e *env) value {
		if m, ok := e.ctx[first].(map[string]any); ok {
			return valueOf(m[second])
		}
		return walk(valueOf(e.ctx[first]), rest)
	}
}

func walk(v value, path []step) value {
	for i := range path {
		if v = v.child(path[i].name, path[i].at); v.kind == kNull {
			break
		}
	}
	return v
}

// child is the member or element of that name; null if there is none.
func (v value) child(name string, at int) value {
	switch r := v.ref.(type) {
	case map[string]any:
		return valueOf(r[name])
	case []any:
		if at >= 0 && at < len(r) {
			return valueOf(r[at])
		}
	case []value:
		if at >= 0 && at < len(r) {
			return r[at]
		}
	case scope:
		if name == "$flagd" {
			return value{kind: kObject, ref: r.env}
		}
		return valueOf(r.ctx[name])
	case *env:
		switch name {
		case "flagKey":
			return text(r.flag.key)
		case "timestamp":
			return number(float64(r.unix))
		}
	case *fold:
		switch name {
		case "current":
			return r.current
		case "accumulator":
			return r.accumulator
		}
	}
	return value{}
}

// dynamicPath reads a path that is itself computed.
func dynamicPath(path, data expr) expr {
	return func(e *env) value {
		switch p := path(e); p.kind {
		case kString:
			return find(data(e), p.str)
		case kNumber:
			var buf [32]byte
			return find(data(e), string(appendNumber(buf[:0], p.num)))
		}
		return e.fail(failOperand)
	}
}

// find walks a path without splitting it first.
func find(v value, path string) value {
	for path != "" && v.kind != kNull {
		name, rest, more := strings.Cut(path, ".")
		if name == "" || (more && rest == "") {
			return value{}
		}
		v, path = v.child(name, index(name)), rest
	}
	return v
}
