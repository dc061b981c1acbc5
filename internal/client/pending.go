package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/gate"
)

// A ChangeFilter says which changes to list.
type ChangeFilter struct {
	State, Region string
	Mine, ForMe   bool
}

// ListChanges lists changes that wait, or have waited lately, the newest first.
func (c *Client) ListChanges(ctx context.Context, f ChangeFilter) (Answer[api.List[gate.Proposal]], error) {
	q := url.Values{}
	for name, value := range map[string]string{"state": f.State, "region": f.Region} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, on := range map[string]bool{"mine": f.Mine, "for_me": f.ForMe} {
		if on {
			q.Set(name, "true")
		}
	}
	return read[api.List[gate.Proposal]](ctx, c, c.v1("changes")+"?"+q.Encode(), nil)
}

// ShowChange shows a change that waits, as it stands now.
func (c *Client) ShowChange(ctx context.Context, id string) (Answer[gate.View], error) {
	return read[gate.View](ctx, c, c.v1("changes", id), nil)
}

// SignChange signs off what binding says.
func (c *Client) SignChange(ctx context.Context, id, binding, reason string) (Written[gate.View], error) {
	return write[gate.View](ctx, c, http.MethodPost, c.v1("changes", id, "sign"), map[string]string{"binding": binding, "reason": reason})
}

// OnChange does one of decline, request-changes, withdraw and rebase.
func (c *Client) OnChange(ctx context.Context, id, verb, reason string) (Written[gate.View], error) {
	return write[gate.View](ctx, c, http.MethodPost, c.v1("changes", id, verb), map[string]string{"reason": reason})
}

// EditChange replaces what a change asks for.
func (c *Client) EditChange(ctx context.Context, id string, request json.RawMessage, applyAt time.Time, reason string) (Written[gate.View], error) {
	return write[gate.View](ctx, c, http.MethodPost, c.v1("changes", id, "edit"), struct {
		Reason  string          `json:"reason,omitempty"`
		Request json.RawMessage `json:"request"`
		ApplyAt time.Time       `json:"apply_at,omitzero"`
	}{reason, request, applyAt})
}
