package eval_test

import (
	"pgregory.net/rapid"
)

// Rules and contexts for property tests. Operands mostly fit their operator,
// for an error hides whatever stands beside it, but not always.

var (
	attributes = []string{"age", "name", "flags", "home", "home.city", "home.zip", "list.0", "list.1.n", "list", "absent", "", "$flagd.flagKey", "$flagd.timestamp", "targetingKey", "on"}
	words      = []string{"", "on", "off", "a", "abc", "bc", "Kaʻū", "7", "1.5", " ", "x1", "true", "1.2.3"}
	numbers    = []float64{0, 1, -1, 2, 7, 1.5, 44, 1e21, 1e-7, 100}
)

func pick[T any](t *rapid.T, from []T) T { return rapid.SampledFrom(from).Draw(t, "") }

func dice(t *rapid.T, n int) int { return rapid.IntRange(0, n-1).Draw(t, "") }

// operation writes an operation; one argument may lose its array.
func operation(t *rapid.T, op string, args ...any) any {
	if len(args) == 1 && op != "fractional" && dice(t, 3) == 0 {
		if _, isList := args[0].([]any); !isList {
			return map[string]any{op: args[0]}
		}
	}
	return map[string]any{op: args}
}

func anyRule(t *rapid.T, depth int) any {
	if depth <= 0 {
		switch dice(t, 6) {
		case 0:
			return pick(t, numbers)
		case 1:
			return pick(t, words)
		case 2:
			return pick(t, []any{nil, true, false, map[string]any{}})
		default:
			return map[string]any{"var": pick(t, attributes)}
		}
	}
	switch dice(t, 12) {
	case 0, 1:
		return numberRule(t, depth)
	case 2, 3:
		return textRule(t, depth)
	case 4, 5:
		return listRule(t, depth)
	case 6, 7:
		return rollout(t, depth)
	case 8:
		return operation(t, pick(t, []string{"and", "or"}), some(t, depth-1, 1, 3, anyRule)...)
	case 9:
		return operation(t, pick(t, []string{"if", "?:"}), some(t, depth-1, 1, 5, anyRule)...)
	case 10:
		return variableRule(t, depth)
	}
	return conditionRule(t, depth)
}

func some(t *rapid.T, depth, least, most int, make func(*rapid.T, int) any) []any {
	out := []any{}
	for range rapid.IntRange(least, most).Draw(t, "") {
		out = append(out, make(t, depth))
	}
	return out
}

func variableRule(t *rapid.T, depth int) any {
	switch dice(t, 4) {
	case 0:
		return operation(t, "var", pick(t, attributes), anyRule(t, depth-1))
	case 1:
		return operation(t, "var", textRule(t, depth-1))
	case 2:
		return operation(t, "var", pick(t, []any{0.0, 1.0, nil}))
	}
	return operation(t, "var", pick(t, attributes))
}

func conditionRule(t *rapid.T, depth int) any {
	sub := func(t *rapid.T) any { return mostly(t, depth-1, conditionRule) }
	if depth <= 0 {
		return pick(t, []any{true, false, map[string]any{"var": "on"}})
	}
	switch dice(t, 10) {
	case 0:
		return operation(t, pick(t, []string{"!", "!!"}), sub(t))
	case 1:
		return operation(t, pick(t, []string{"and", "or"}), sub(t), sub(t))
	case 2, 3:
		return operation(t, pick(t, []string{"==", "!=", "===", "!=="}), anyRule(t, depth-1), anyRule(t, depth-1))
	case 4:
		return operation(t, pick(t, []string{"<", "<=", ">", ">="}), some(t, depth-1, 2, 3, numberRule)...)
	case 5:
		return operation(t, pick(t, []string{"<", "<=", ">", ">="}), some(t, depth-1, 2, 3, anyRule)...)
	case 6:
		return operation(t, pick(t, []string{"starts_with", "ends_with"}), mostly(t, depth-1, textRule), mostly(t, depth-1, textRule))
	case 7:
		return operation(t, "in", textRule(t, depth-1), mostly(t, depth-1, textRule))
	case 8:
		return operation(t, "in", anyRule(t, depth-1), mostly(t, depth-1, listRule))
	}
	return operation(t, pick(t, []string{"all", "some", "none"}), mostly(t, depth-1, listRule), mostly(t, depth-1, conditionRule))
}

// mostly makes what fits, and sometimes anything.
func mostly(t *rapid.T, depth int, fits func(*rapid.T, int) any) any {
	if dice(t, 8) == 0 {
		return anyRule(t, depth)
	}
	return fits(t, depth)
}

func numberRule(t *rapid.T, depth int) any {
	if depth <= 0 {
		return pick(t, []any{pick(t, numbers), map[string]any{"var": "age"}, "7"})
	}
	switch dice(t, 4) {
	case 0:
		return operation(t, pick(t, []string{"+", "*", "max", "min", "-"}), mostly(t, depth-1, numberRule))
	case 1:
		return operation(t, pick(t, []string{"/", "%"}), mostly(t, depth-1, numberRule), numberRule(t, depth-1))
	case 2:
		return operation(t, "reduce", mostly(t, depth-1, listRule), mostly(t, depth-1, anyRule), numberRule(t, depth-1))
	}
	return operation(t, pick(t, []string{"+", "*", "max", "min", "-"}), some(t, depth-1, 1, 3, numberRule)...)
}

func textRule(t *rapid.T, depth int) any {
	if depth <= 0 {
		return pick(t, []any{pick(t, words), map[string]any{"var": "name"}, map[string]any{"var": "home.city"}})
	}
	switch dice(t, 3) {
	case 0:
		args := append([]any{mostly(t, depth-1, textRule)}, some(t, depth-1, 1, 2, numberRule)...)
		return operation(t, "substr", args...)
	case 1:
		return operation(t, "if", conditionRule(t, depth-1), textRule(t, depth-1), textRule(t, depth-1))
	}
	return operation(t, "cat", some(t, depth-1, 1, 3, textRule)...)
}

func listRule(t *rapid.T, depth int) any {
	if depth <= 0 {
		return pick(t, []any{map[string]any{"var": "list"}, map[string]any{"var": "flags"}, []any{"a", 1.0, nil}, []any{}})
	}
	switch dice(t, 6) {
	case 0:
		return operation(t, "map", mostly(t, depth-1, listRule), anyRule(t, depth-1))
	case 1:
		return operation(t, "filter", mostly(t, depth-1, listRule), conditionRule(t, depth-1))
	case 2:
		return operation(t, "merge", some(t, depth-1, 1, 3, anyRule)...)
	case 3:
		return operation(t, "missing", pick(t, attributes), pick(t, attributes))
	case 4:
		return operation(t, "missing_some", numberRule(t, 0), []any{pick(t, attributes), pick(t, attributes), pick(t, attributes)})
	}
	return some(t, depth-1, 0, 3, anyRule)
}

func rollout(t *rapid.T, depth int) any {
	args := []any{}
	switch dice(t, 4) {
	case 0:
		args = append(args, mostly(t, depth-1, textRule))
	case 1:
		args = append(args, nil)
	}
	for range rapid.IntRange(1, 4).Draw(t, "") {
		entry := []any{mostly(t, depth-1, textRule)}
		switch dice(t, 4) {
		case 0:
			entry = append(entry, mostly(t, depth-1, numberRule))
		case 1, 2:
			entry = append(entry, float64(rapid.IntRange(0, 100).Draw(t, "")))
		}
		args = append(args, entry)
	}
	return map[string]any{"fractional": args}
}

func someContext(t *rapid.T) map[string]any {
	ctx := map[string]any{}
	put := func(key string, values ...any) {
		if dice(t, 5) > 0 {
			ctx[key] = pick(t, values)
		}
	}
	put("targetingKey", "p-1", "p-2", "jon@company.com", "", 7.0)
	put("age", 17.0, 18.0, 44.0, "44", "old", nil, true)
	put("name", "abc", "on", "off", "", "7", 7.0, nil, []any{"on"})
	put("on", true, false, nil, "x")
	put("flags", []any{"a", "bc", "7"}, []any{1.0, 2.0}, "abc", nil, []any{[]any{1.0, 9.0}, true})
	put("home", map[string]any{"city": "Hilo", "zip": "96720"}, map[string]any{}, "Hilo", nil)
	put("list", []any{map[string]any{"n": 1.0, "name": "abc"}, map[string]any{"n": 2.0}}, []any{}, []any{0.0, "", nil}, map[string]any{"0": "z"})
	put("$flagd", map[string]any{"flagKey": "forged"})
	return ctx
}
