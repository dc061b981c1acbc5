package eval_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/murmur3"

	"github.com/quorate/quorate/flags/eval"
)

// This file is the language said a second time, the slow and obvious way: a
// walk over decoded JSON. It shares no code with the package, so that a
// disagreement is a mistake in one of them.

// wrong is the panic of an operation whose operand will not do.
type wrong struct{}

type walker struct {
	key string
	now float64
}

// interpret gives what EvaluateBool should: variant, reason and code.
func interpret(key string, def, context map[string]any, at time.Time) (variant string, reason eval.Reason, code eval.ErrorCode) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(wrong); !ok {
				panic(r)
			}
			variant, reason, code = "", eval.Error, eval.ParseError
		}
	}()
	w := walker{key, float64(at.Unix())}
	data := map[string]any{}
	for k, v := range context {
		data[k] = v
	}
	data["$flagd"] = map[string]any{"flagKey": key, "timestamp": w.now}
	byDefault, _ := def["defaultVariant"].(string)
	result := w.rule(def["targeting"], data)
	if result == nil {
		return byDefault, eval.Default, ""
	}
	name := "\x00"
	switch r := result.(type) {
	case string:
		name = r
	case bool, float64:
		name = jsText(r)
	}
	if _, ok := def["variants"].(map[string]any)[name]; !ok {
		return "", eval.Error, eval.General
	}
	return name, eval.TargetingMatch, ""
}

func (w walker) rule(n, data any) any {
	switch n := n.(type) {
	case []any:
		out := []any{}
		for _, item := range n {
			out = append(out, w.rule(item, data))
		}
		return out
	case map[string]any:
		for op, args := range n {
			return w.operation(op, args, data)
		}
	}
	return n
}

// lazy are the operations that decide themselves which arguments to evaluate.
func (w walker) operation(op string, raw, data any) any {
	args, isList := raw.([]any)
	if !isList {
		args = []any{raw}
	}
	switch op {
	case "if", "?:":
		for len(args) > 1 {
			if truth(w.rule(args[0], data)) {
				return w.rule(args[1], data)
			}
			args = args[2:]
		}
		if len(args) == 1 {
			return w.rule(args[0], data)
		}
		return nil
	case "and", "or":
		var v any
		for _, arg := range args {
			if v = w.rule(arg, data); truth(v) == (op == "or") {
				return v
			}
		}
		return v
	case "map", "filter", "all", "some", "none", "reduce":
		return w.loop(op, args, data)
	case "var":
		return w.variable(args, data)
	case "fractional":
		return w.fractional(args, data)
	}
	values := w.rule(args, data).([]any)
	if _, isRule := raw.(map[string]any); isRule && slices.Contains(spreading, op) {
		l, ok := values[0].([]any)
		if !ok && !alone(op, values[0]) {
			panic(wrong{})
		}
		if ok {
			values = l
		}
	}
	return w.apply(op, values, data)
}

var spreading = []string{"+", "*", "max", "min", "cat", "merge", "missing"}

// alone reports whether a computed single argument will do instead of a list.
func alone(op string, v any) bool {
	_, isNumber := v.(float64)
	switch op {
	case "merge":
		return v != nil
	case "+":
		return isText(v) || isNumber
	case "cat", "missing":
		return isText(v)
	}
	return false
}

func (w walker) apply(op string, v []any, data any) any {
	switch op {
	case "!":
		return !truth(v[0])
	case "!!":
		return truth(v[0])
	case "==":
		return loose(v[0], v[1])
	case "!=":
		return !loose(v[0], v[1])
	case "===":
		return strict(v[0], v[1])
	case "!==":
		return !strict(v[0], v[1])
	case "<", "<=", ">", ">=":
		return ordered(op, v)
	case "+", "*", "-", "/", "%", "max", "min":
		return arithmetic(op, v)
	case "in":
		return inside(v[0], v[1])
	case "cat":
		s := ""
		for _, x := range v {
			s += joined(x)
		}
		return s
	case "substr":
		return substring(v)
	case "merge":
		out := []any{}
		for _, x := range v {
			if l, ok := x.([]any); ok {
				out = append(out, l...)
			} else {
				out = append(out, x)
			}
		}
		return out
	case "missing":
		return absent(v, data)
	case "missing_some":
		need, paths := float(v[0]), elements(v[1], false)
		if gone := absent(paths, data); float64(len(paths)-len(gone)) < need {
			return gone
		}
		return []any{}
	case "starts_with", "ends_with":
		s, ok1 := v[0].(string)
		part, ok2 := v[1].(string)
		if !ok1 || !ok2 {
			return nil
		}
		if op == "starts_with" {
			return strings.HasPrefix(s, part)
		}
		return strings.HasSuffix(s, part)
	}
	panic("operation not interpreted: " + op)
}

func (w walker) loop(op string, args []any, data any) any {
	var acc any
	list := elements(w.rule(args[0], data), true)
	if op == "reduce" {
		acc = w.rule(args[2], data)
	}
	mapped, kept, passed := []any{}, []any{}, 0
	for _, x := range list {
		scope := x
		if op == "reduce" {
			scope = map[string]any{"current": x, "accumulator": acc}
		}
		v := w.rule(args[1], scope)
		acc = v
		mapped = append(mapped, v)
		if truth(v) {
			passed++
			kept = append(kept, x)
		}
		if (op == "all" && !truth(v)) || (op == "some" || op == "none") && truth(v) {
			break // what is left is not evaluated and cannot go wrong
		}
	}
	switch op {
	case "map":
		return mapped
	case "filter":
		return kept
	case "all":
		return len(list) > 0 && passed == len(list)
	case "some":
		return passed > 0
	case "none":
		return passed == 0
	}
	return acc
}

func (w walker) variable(args []any, data any) any {
	if len(args) == 0 {
		return data
	}
	path := w.rule(args[0], data)
	if path == nil && args[0] != nil {
		panic(wrong{})
	}
	v := lookup(path, data)
	if v == nil && len(args) == 2 {
		return w.rule(args[1], data)
	}
	return v
}

func lookup(path, data any) any {
	var tokens []string
	switch p := path.(type) {
	case nil:
		return data
	case string:
		if p == "" {
			return data
		}
		tokens = strings.Split(p, ".")
	case float64:
		tokens = strings.Split(jsText(p), ".")
	default:
		panic(wrong{})
	}
	for _, token := range tokens {
		switch d := data.(type) {
		case map[string]any:
			if data = d[token]; token == "" {
				return nil
			}
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(d) || strconv.Itoa(i) != token {
				return nil
			}
			data = d[i]
		default:
			return nil
		}
	}
	return data
}

func absent(paths []any, data any) []any {
	out := []any{}
	for _, p := range paths {
		if p == nil {
			panic(wrong{})
		}
		if lookup(p, data) == nil {
			out = append(out, p)
		}
	}
	return out
}

func (w walker) fractional(args []any, data any) any {
	root, inContext := data.(map[string]any)
	var head any
	if _, isList := args[0].([]any); !isList {
		if head = w.rule(args[0], data); head == nil || isText(head) {
			args = args[1:]
		}
	}
	values := w.rule(args, data).([]any)
	key, explicit := head.(string)
	if !explicit {
		person, _ := root["targetingKey"].(string)
		if key = w.key + person; person == "" {
			return nil
		}
	}
	var entries [][]any
	var weights []float64
	total := 0.0
	for _, v := range values {
		entry, ok := v.([]any)
		if !ok || len(entry) < 1 || len(entry) > 2 {
			return nil
		}
		switch entry[0].(type) {
		case []any, map[string]any:
			return nil
		}
		weight := 1.0
		if len(entry) == 2 && entry[1] != nil {
			if weight, ok = entry[1].(float64); !ok || weight != math.Trunc(weight) || weight > math.MaxInt32 {
				return nil
			}
		}
		entries, weights = append(entries, entry), append(weights, max(weight, 0))
		total += max(weight, 0)
	}
	if total > math.MaxInt32 || !inContext {
		return nil
	}
	bucket := uint64(murmur3.Sum32([]byte(key))) * uint64(total) >> 32
	sum := 0.0
	for i, entry := range entries {
		if sum += weights[i]; sum > float64(bucket) {
			return entry[0]
		}
	}
	return nil
}
