package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
)

// read asks for something that changes nothing. body is nil for GET.
func read[T any](ctx context.Context, c *Client, address string, body any) (Answer[T], error) {
	q := question{method: http.MethodGet, url: address}
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return Answer[T]{}, fmt.Errorf("encoding a question: %w", err)
		}
		q.method, q.body = http.MethodPost, raw
	}
	raw, _, err := c.exchange(ctx, q)
	if err != nil {
		return Answer[T]{}, orGivenUp(ctx, err)
	}
	return decode[T](raw)
}

// orGivenUp prefers to say that the one who asked gave up.
func orGivenUp(ctx context.Context, err error) error {
	if gone := ctx.Err(); gone != nil {
		return gone
	}
	return err
}

func decode[T any](raw json.RawMessage) (Answer[T], error) {
	a := Answer[T]{Raw: raw}
	if err := json.Unmarshal(raw, &a.Value); err != nil {
		return a, fault.New(fault.Internal, "bad_answer", "the server's answer does not have the shape this version knows").
			Do("use the version of the server; --output json shows the answer as it is").Because(err)
	}
	return a, nil
}

// Written is the answer to a change: what it left, and the receipt.
type Written[T any] = Answer[api.Result[T]]

// The pauses between tries of one change.
const (
	firstPause = 200 * time.Millisecond
	maxPause   = 2 * time.Second
)

// write makes a change. See the essay of the package for its three ends.
func write[T any](ctx context.Context, c *Client, method, address string, body any) (Written[T], error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return Written[T]{}, fmt.Errorf("encoding a change: %w", err)
	}
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	key, err := gate.NewKey(now())
	if err != nil {
		return Written[T]{}, err
	}
	answer, err := c.persist(ctx, question{method: method, url: address, key: key, body: raw})
	if err != nil {
		return Written[T]{}, err
	}
	return decode[api.Result[T]](answer)
}

// tryTime is how long one try of a change may take: a little more than a server
// takes to say that its store does not answer.
const tryTime = 5 * time.Second

// persist sends a change until its outcome is known or Patience is over.
func (c *Client) persist(ctx context.Context, q question) (json.RawMessage, error) {
	window, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	doubt := false // whether some try may have been applied
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		answer, reached, err := c.try(ctx, q)
		switch {
		case err == nil || !doubt && !again(err) || doubt && settles(err):
			return answer, err
		case !again(err):
			return nil, ended(ctx, err, doubt, q.key)
		}
		doubt = doubt || reached
		select {
		case <-time.After(pause):
		case <-window.Done():
		}
		if window.Err() != nil {
			return nil, ended(ctx, err, doubt, q.key)
		}
	}
}

func (c *Client) try(ctx context.Context, q question) (json.RawMessage, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	return c.exchange(ctx, q)
}

// again reports whether the change may be sent again: what the server has
// decided stands.
func again(err error) bool {
	f := fault.From(err)
	switch f.Kind {
	case fault.StoreUnavailable, fault.OutcomeUnknown, fault.NotReady:
		return f.Code != "untrusted_server"
	}
	return false
}

// settles reports whether an answer also settles what became of earlier tries:
// a server that gets as far as a rule has looked for the change's own leaf.
func settles(err error) bool {
	switch fault.From(err).Kind {
	case fault.Conflict, fault.Refused, fault.NotFound, fault.Invalid:
		return true
	}
	return false
}

// ended is what to say when no more is tried. Only a change that never reached a
// store may be called not made.
func ended(ctx context.Context, last error, doubt bool, key string) error {
	if doubt {
		return fault.New(fault.OutcomeUnknown, "outcome_unknown", "it is not known whether the change was made").
			Do("ask with `quorate outcome %s`", key).See("/api/v1/outcomes/" + key).Because(last)
	}
	return orGivenUp(ctx, last)
}
