package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/api"
)

// The shapes of baselines and freezes, as the API answers them.
type (
	Baselines = Answer[api.List[api.Stored[flags.Baseline]]]
	Baseline  = Answer[api.Stored[flags.Baseline]]
	Freezes   = Answer[api.List[api.Stored[flags.Freeze]]]
)

// GrantOfferUnder offers a capability under terms.
func (c *Client) GrantOfferUnder(ctx context.Context, capability string, kind flags.OfferKind, terms flags.Terms, why Why) (Written[flags.OfferKind], error) {
	return write[flags.OfferKind](ctx, c, http.MethodPut, c.v1("offers", capability), struct {
		Why
		Kind flags.OfferKind `json:"kind"`
		flags.Terms
	}{why, kind, terms})
}

// ListBaselines lists the group's baselines.
func (c *Client) ListBaselines(ctx context.Context) (Baselines, error) {
	return read[api.List[api.Stored[flags.Baseline]]](ctx, c, c.v1("baselines"), nil)
}

// ShowBaseline shows the group's baseline of a capability.
func (c *Client) ShowBaseline(ctx context.Context, capability string) (Baseline, error) {
	return read[api.Stored[flags.Baseline]](ctx, c, c.v1("baselines", capability), nil)
}

// SetBaseline says how the group would have a capability on.
func (c *Client) SetBaseline(ctx context.Context, capability string, how flags.How, why Why) (Written[flags.How], error) {
	return write[flags.How](ctx, c, http.MethodPut, c.v1("baselines", capability), struct {
		Why
		How flags.How `json:"how"`
	}{why, how})
}

// AcceptBaseline takes over the group's baseline in a region.
func (c *Client) AcceptBaseline(ctx context.Context, region, capability string, why Why) (Written[flags.Standing], error) {
	return write[flags.Standing](ctx, c, http.MethodPost, c.v1("regions", region, "enablements", capability, "baseline"), why)
}

// ListFreezes lists a region's freezes.
func (c *Client) ListFreezes(ctx context.Context, region string) (Freezes, error) {
	return read[api.List[api.Stored[flags.Freeze]]](ctx, c, c.v1("regions", region, "freezes"), nil)
}

// SetFreeze adds or changes a freeze of a region.
func (c *Client) SetFreeze(ctx context.Context, region, id, from, to string, why Why) (Written[flags.Freeze], error) {
	return write[flags.Freeze](ctx, c, http.MethodPut, c.v1("regions", region, "freezes", id), struct {
		Why
		From string `json:"from,omitempty"`
		To   string `json:"to"`
	}{why, from, to})
}

// EndFreeze ends a freeze before its time.
func (c *Client) EndFreeze(ctx context.Context, region, id string, why Why) (Written[flags.Freeze], error) {
	return write[flags.Freeze](ctx, c, http.MethodPost, c.v1("regions", region, "freezes", id, "end"), why)
}

// Drift is every difference from the group's baselines, in every region or in one.
func (c *Client) Drift(ctx context.Context, region string) (Answer[flags.Drift], error) {
	address := c.v1("drift")
	if region != "" {
		address += "?region=" + url.QueryEscape(region)
	}
	return read[flags.Drift](ctx, c, address, nil)
}
