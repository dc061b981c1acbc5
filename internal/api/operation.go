package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quorate/quorate/internal/gate"
)

// Keyed is embedded in the input of every operation that writes.
type Keyed struct {
	Key string `header:"Idempotency-Key" doc:"A UUIDv7 for this change. Sending the same change again with the same key does it once. Left out, one is made."`
}

// Origin is the origin of the change; see the function of the same name.
func (k Keyed) Origin(ctx context.Context, reason string, ifRevision int64) gate.Origin {
	return Origin(ctx, k.Key, reason, ifRevision)
}

// Out is the output of an operation that reads.
type Out[T any] struct{ Body T }

// Read is the output of a read, for a handler to return.
func Read[T any](value T, err error) (*Out[T], error) {
	if err != nil {
		return nil, err
	}
	return &Out[T]{Body: value}, nil
}

// List is the body of an operation that lists. It is an object, so that it can
// gain fields.
type List[T any] struct {
	Items []T `json:"items" nullable:"false"`
}

// Listed is the output of a list; no items are an empty array, never null.
func Listed[T any](items []T, err error) (*Out[List[T]], error) {
	if items == nil {
		items = []T{}
	}
	return Read(List[T]{Items: items}, err)
}

// Result is the body of an operation that writes: the state it left and the
// receipt of the change.
type Result[T any] struct {
	Result  T            `json:"result"`
	Receipt gate.Receipt `json:"receipt"`
}

// Written is the output of an operation that writes. Its status is 202 if the
// change waits for somebody, else the operation's own.
type Written[T any] struct {
	Status int
	Body   Result[T]
}

// Wrote is the output of a write, for a handler to return.
func Wrote[T any](value T, receipt gate.Receipt, err error) (*Written[T], error) {
	if err != nil {
		return nil, err
	}
	w := &Written[T]{Body: Result[T]{Result: value, Receipt: receipt}}
	if receipt.Pending != nil && receipt.Pending.State == gate.Pending {
		w.Status = http.StatusAccepted
	}
	return w, nil
}

// usualStatus gives an answer without a status the one that its operation has.
type usualStatus struct{ embedded }

// embedded is huma's Context under another name, since it has a method Context.
type embedded = huma.Context

// SetStatus is called once for each answer.
func (c usualStatus) SetStatus(code int) {
	if code == 0 {
		code = c.Operation().DefaultStatus
	}
	c.embedded.SetStatus(code)
}
