package eval

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// maxWhole is the largest whole number that every client can hold.
const maxWhole = 1<<53 - 1

// Integer gives a value of a definition as an integer, if it is a number that is
// whole and that every client can hold: 10, 10.0 and 1e3, but not 3.14.
func Integer(value any) (int64, bool) {
	literal, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(literal), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > maxWhole {
		return 0, false
	}
	return int64(f), true
}

// Float gives a value of a definition as a float, if it is a number, unless it is
// written as a whole one that a float cannot be relied on to hold.
func Float(value any) (float64, bool) {
	literal, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(literal), 64)
	whole := !strings.ContainsAny(string(literal), ".eE")
	if err != nil || whole && math.Abs(f) > maxWhole {
		return 0, false
	}
	return f, true
}
