package eval

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"time"
)

type kind uint8

const (
	kNull kind = iota
	kBool
	kNumber
	kString
	kList
	kObject
)

// value is what an operator takes and gives. It is a struct and not an any,
// because boxing a number or a string would allocate at every step.
type value struct {
	kind kind
	num  float64 // of a number; 1 for true
	str  string  // of a string
	// ref is a []any or a []value for a list; for an object a map[string]any, a
	// *fold (what the body of reduce sees), a *env ($flagd), or a scope (the
	// whole evaluation context).
	ref any
}

// scope marks the evaluation context itself, in which $flagd is visible and
// hides whatever the caller put there.
type scope struct{ *env }

// fold is the object that the body of a reduce sees.
type fold struct{ current, accumulator value }

func boolean(b bool) value {
	if b {
		return value{kind: kBool, num: 1}
	}
	return value{kind: kBool}
}

func number(f float64) value { return value{kind: kNumber, num: f} }
func text(s string) value    { return value{kind: kString, str: s} }
func list(vs []value) value  { return value{kind: kList, ref: vs} }

// valueOf reads one value of an evaluation context, one level deep.
func valueOf(boxed any) value {
	switch x := boxed.(type) {
	case nil:
		return value{}
	case string:
		return text(x)
	case bool:
		return boolean(x)
	case float64:
		return number(x)
	case int:
		return number(float64(x))
	case int64:
		return number(float64(x))
	case map[string]any:
		return value{kind: kObject, ref: x}
	case []any:
		return value{kind: kList, ref: boxed} // x would be boxed again
	case json.Number:
		return literal(string(x))
	case time.Time:
		return text(x.Format(time.RFC3339Nano))
	default:
		return reflected(reflect.ValueOf(x))
	}
}

// reflected reads the Go types that encoding/json would write as a JSON scalar,
// array or object. Structs and everything else are absent: a rule cannot know
// their names.
func reflected(v reflect.Value) value {
	switch v.Kind() {
	case reflect.String:
		return text(v.String())
	case reflect.Bool:
		return boolean(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return number(float64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return number(float64(v.Uint()))
	case reflect.Float32, reflect.Float64:
		return number(v.Float())
	case reflect.Slice, reflect.Array:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = v.Index(i).Interface()
		}
		return value{kind: kList, ref: out}
	case reflect.Map:
		return reflectedMap(v)
	case reflect.Pointer:
		if e := v.Elem(); e.IsValid() && e.Kind() != reflect.Pointer && e.Kind() != reflect.Interface {
			return valueOf(e.Interface())
		}
	}
	return value{}
}

func reflectedMap(v reflect.Value) value {
	if v.Type().Key().Kind() != reflect.String {
		return value{}
	}
	out := make(map[string]any, v.Len())
	for it := v.MapRange(); it.Next(); {
		out[it.Key().String()] = it.Value().Interface()
	}
	return value{kind: kObject, ref: out}
}

// literal reads the literal of a JSON number; what is none is absent.
func literal(s string) value {
	if end, ok := numberEnd(s, 0); !ok || end != len(s) {
		return value{}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return value{}
	}
	return number(f)
}

// truthy is JsonLogic's truth: "", 0, NaN, null, the empty list and the empty
// object are false; everything else is true, "0" and "false" included.
func (v value) truthy() bool {
	switch v.kind {
	case kBool:
		return v.num != 0
	case kNumber:
		return v.num != 0 && !math.IsNaN(v.num)
	case kString:
		return v.str != ""
	case kList:
		return v.len() > 0
	case kObject:
		m, ok := v.ref.(map[string]any)
		return !ok || len(m) > 0
	}
	return false
}

// len is the number of elements of a list, 0 for anything else.
func (v value) len() int {
	switch l := v.ref.(type) {
	case []any:
		return len(l)
	case []value:
		return len(l)
	}
	return 0
}

// at is the element of a list; i MUST be in range.
func (v value) at(i int) value {
	if l, ok := v.ref.([]any); ok {
		return valueOf(l[i])
	}
	return v.ref.([]value)[i]
}

// numeric is v as a number where JsonLogic coerces: null is 0, booleans are 0
// and 1, strings are read as decimal numbers (blank is 0). Lists, objects and
// other strings are NaN.
func (v value) numeric() float64 {
	switch v.kind {
	case kNull:
		return 0
	case kBool, kNumber:
		return v.num
	case kString:
		return numericText(v.str)
	}
	return math.NaN()
}

// numericText reads decimal notation only. The engines also read their own
// languages' "0x10", "Infinity" or "inf", each differently; for us none is a
// number.
func numericText(s string) float64 {
	if blank(s) {
		return 0
	}
	const longest = 64 // of a number anyone means; bounds the work
	if len(s) > longest || !decimal(s) {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

func blank(s string) bool {
	for i := range len(s) {
		if s[i] != ' ' && (s[i] < '\t' || s[i] > '\r') {
			return false
		}
	}
	return true
}

// decimal accepts [+-]digits[.digits][e[+-]digits] with digits on at least one
// side of the point.
func decimal(s string) bool {
	i := 0
	if s[0] == '+' || s[0] == '-' {
		i++
	}
	whole := digitsEnd(s, i)
	digits := whole - i
	if i = whole; i < len(s) && s[i] == '.' {
		frac := digitsEnd(s, i+1)
		digits += frac - i - 1
		i = frac
	}
	if digits == 0 {
		return false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		exp := digitsEnd(s, i)
		if exp == i {
			return false
		}
		i = exp
	}
	return i == len(s)
}

// appendNumber writes a number as JSON and JavaScript do: 10, 1.5, 1e+21.
func appendNumber(b []byte, f float64) []byte {
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		b = strconv.AppendFloat(b, f, 'e', -1, 64)
		// Go pads the exponent to two digits, JSON writers do not.
		if n := len(b); n >= 4 && b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' {
			b[n-2] = b[n-1]
			b = b[:n-1]
		}
		return b
	}
	return strconv.AppendFloat(b, f+0, 'f', -1, 64)
}

// index is the position that a path token names in a list: plain decimal digits
// without leading zeros, else -1.
func index(token string) int {
	if token == "" || len(token) > 9 || (token[0] == '0' && len(token) > 1) {
		return -1
	}
	i := 0
	for _, c := range []byte(token) {
		if c < '0' || c > '9' {
			return -1
		}
		i = i*10 + int(c-'0')
	}
	return i
}
