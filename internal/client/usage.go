package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/api"
)

// The shapes of usage, as the API answers it.
type (
	Usage        = Answer[api.List[flags.UsageView]]
	Denominators = Answer[api.List[flags.Denominator]]
	Tracked      = Answer[flags.Tracked]
)

// ShowUsage shows what was counted in a month, "" for this one; of every region
// and capability unless some are named.
func (c *Client) ShowUsage(ctx context.Context, region, capability, month string) (Usage, error) {
	query := url.Values{}
	for name, value := range map[string]string{"region": region, "capability": capability, "month": month} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return read[api.List[flags.UsageView]](ctx, c, c.v1("usage")+"?"+query.Encode(), nil)
}

// ListDenominators lists the members that a region entered.
func (c *Client) ListDenominators(ctx context.Context, region string) (Denominators, error) {
	return read[api.List[flags.Denominator]](ctx, c, c.v1("regions", region, "denominators"), nil)
}

// SetDenominator enters how many members there are in a region, or in a facility
// or group of it.
func (c *Client) SetDenominator(ctx context.Context, d flags.Denominator, why Why) (Written[flags.Denominator], error) {
	return write[flags.Denominator](ctx, c, http.MethodPut, c.v1("regions", d.Region, "denominator"), struct {
		Why
		Facility string `json:"facility,omitempty"`
		Group    string `json:"group,omitempty"`
		Members  int64  `json:"members"`
		AsOf     string `json:"as_of"`
	}{why, d.Facility, d.Group, d.Members, d.AsOf})
}

// Track counts uses. It is sent once: sent again, it would count again.
func (c *Client) Track(ctx context.Context, events []flags.TrackEvent) (Tracked, error) {
	return read[flags.Tracked](ctx, c, c.v1("track"), map[string]any{"events": events})
}
