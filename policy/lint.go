package policy

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

// negatedCalls finds a trap of the language: `not input.x in {…}` does not hold
// when x is absent, because the reference is looked up outside the negation and
// the whole body fails. A denial written so would lapse just when a fact is
// missing. Only a rule, a reference or an equality may be negated.
func negatedCalls(name string, module *ast.Module) []error {
	var found []error
	ast.WalkExprs(module, func(e *ast.Expr) bool {
		if e.Negated && e.IsCall() {
			for _, operand := range e.Operands() {
				if call, ok := operand.Value.(ast.Call); ok {
					found = append(found, fmt.Errorf("%s:%d: not %s(…) == …: a call may not be negated, name it as a rule and negate that", name, e.Location.Row, call[0]))
				}
			}
			if op := e.Operator().String(); op != "equal" && op != "eq" {
				found = append(found, fmt.Errorf("%s:%d: not %s(…): a call may not be negated, name it as a rule and negate that", name, e.Location.Row, op))
			}
		}
		return false
	})
	return found
}
