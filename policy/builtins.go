package policy

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// builtins are the functions that a rule may call. What is not here does not
// compile: no network, no clock, no chance, nothing of the host, and nothing
// whose cost a small input can blow up (bits.lsh, numbers.range, sprintf with a
// width, regular expressions, walks).
var builtins = []string{
	"abs", "all", "any", "and", "or", "minus", "plus", "mul", "div", "rem", "round", "ceil", "floor",
	"eq", "equal", "neq", "lt", "lte", "gt", "gte", "assign",
	"array.concat", "array.slice", "concat", "contains", "count", "endswith", "intersection",
	"internal.member_2", "internal.member_3", "is_array", "is_boolean", "is_null", "is_number", "is_object",
	"is_set", "is_string", "lower", "max", "min", "object.filter", "object.get", "object.keys", "object.union",
	"replace", "sort", "split", "startswith", "sum", "time.parse_rfc3339_ns", "to_number", "trim", "union", "upper",
}

// Capabilities is what a bundle's Rego may use.
func Capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool { return !slices.Contains(builtins, b.Name) })
	c.AllowNet = []string{} // not nil: nil would allow every host
	return c
}
