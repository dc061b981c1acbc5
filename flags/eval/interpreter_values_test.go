package eval_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// What the interpreter thinks of values.

func isText(x any) bool {
	_, ok := x.(string)
	return ok
}

func truth(x any) bool {
	switch x := x.(type) {
	case bool:
		return x
	case float64:
		return x != 0
	case string:
		return x != ""
	case []any:
		return len(x) > 0
	case map[string]any:
		return len(x) > 0
	}
	return false
}

func strict(a, b any) bool {
	switch a.(type) {
	case []any, map[string]any:
		return false
	}
	switch b.(type) {
	case []any, map[string]any:
		return false
	}
	return a == b
}

func loose(a, b any) bool {
	if a == nil || b == nil || (isText(a) && isText(b)) {
		return strict(a, b)
	}
	return coerced(a) == coerced(b)
}

func coerced(x any) float64 {
	switch x := x.(type) {
	case nil:
		return 0
	case float64:
		return x
	case bool:
		if x {
			return 1
		}
		return 0
	case string:
		if strings.TrimSpace(x) == "" {
			return 0
		}
		if strings.Trim(x, "0123456789+-.eE") != "" {
			return math.NaN()
		}
		if f, err := strconv.ParseFloat(x, 64); err == nil {
			return f
		}
	}
	return math.NaN()
}

func ordered(op string, v []any) bool {
	for i := range len(v) - 1 {
		a, b := v[i], v[i+1]
		if op[0] == '>' {
			a, b = b, a
		}
		var ok bool
		if isText(a) && isText(b) {
			ok = a.(string) < b.(string)
		} else {
			x, y := coerced(a), coerced(b)
			if (math.IsNaN(x) || math.IsNaN(y)) && a != nil && b != nil {
				panic(wrong{})
			}
			ok = x < y
		}
		if !ok && (len(op) == 1 || !loose(a, b)) {
			return false
		}
	}
	return true
}

func float(x any) float64 {
	switch x := x.(type) {
	case float64:
		return x
	case string:
		if f := coerced(x); !math.IsNaN(f) {
			return f
		}
	}
	panic(wrong{})
}

func arithmetic(op string, v []any) any {
	var out float64
	if op == "*" {
		out = 1
	}
	if len(v) == 0 && (op == "max" || op == "min") {
		panic(wrong{})
	}
	for i, x := range v {
		f := float(x)
		if isText(x) && (op == "max" || op == "min") {
			panic(wrong{})
		}
		switch {
		case op == "+":
			out += f
		case op == "*":
			out *= f
		case i == 0 && op == "-" && len(v) == 1:
			out = -f
		case i == 0:
			out = f
		case op == "-":
			out -= f
		case op == "/":
			out /= f
		case op == "%":
			out = math.Mod(out, f)
		case op == "max":
			out = max(out, f)
		case op == "min":
			out = min(out, f)
		}
	}
	if math.IsNaN(out) || math.IsInf(out, 0) {
		panic(wrong{})
	}
	return out
}

func inside(needle, hay any) bool {
	switch h := hay.(type) {
	case nil:
		return false
	case bool, float64:
		if !truth(h) {
			return false
		}
	case string:
		s, ok := needle.(string)
		if !ok {
			panic(wrong{})
		}
		return strings.Contains(h, s)
	case []any:
		return slices.ContainsFunc(h, func(x any) bool { return strict(x, needle) })
	}
	panic(wrong{})
}

func joined(x any) string {
	switch x := x.(type) {
	case nil:
		return ""
	case string:
		return x
	case bool, float64:
		return jsText(x)
	}
	panic(wrong{})
}

// jsText is a number or boolean as JSON writes it.
func jsText(x any) string {
	f, ok := x.(float64)
	if !ok {
		return fmt.Sprint(x)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strings.Replace(strconv.FormatFloat(f, 'e', -1, 64), "e-0", "e-", 1)
	}
	return strconv.FormatFloat(f+0, 'f', -1, 64)
}

func substring(v []any) string {
	s, ok := v[0].(string)
	if !ok {
		panic(wrong{})
	}
	r := []rune(s)
	clip := func(f float64) int { return int(cmp.Compare(f, 0)) * int(math.Min(math.Abs(f), 1e6)) }
	from, to := clip(float(v[1])), len(r)
	if from < 0 {
		from += len(r)
	}
	from = min(max(from, 0), len(r))
	if len(v) == 3 {
		if to = from + clip(float(v[2])); clip(float(v[2])) < 0 {
			to = len(r) + clip(float(v[2]))
		}
	}
	return string(r[from:min(max(to, from), len(r))])
}

func elements(x any, nullIsEmpty bool) []any {
	if l, ok := x.([]any); ok {
		return l
	}
	if x == nil && nullIsEmpty {
		return nil
	}
	panic(wrong{})
}
