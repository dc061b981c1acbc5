package policy

import (
	"context"
	"encoding/json"
)

// canonicalJSON is a value's JSON, members in order; equal values are equal bytes.
func canonicalJSON(v any) []byte {
	raw, _ := json.Marshal(v) // what was read from JSON always marshals
	return raw
}

// enable decides at enablement.
func (e *Engine) enable(ctx context.Context, in Input) Decision {
	if e.empty() {
		return e.unobjected(in)
	}
	return e.Decide(ctx, in)
}
