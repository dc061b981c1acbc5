package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/policy"
)

// The shapes of what policy answers.
type (
	Evidence = Answer[api.List[policy.Stored[policy.Proof]]]
	Waivers  = Answer[api.List[policy.Stored[policy.GrantedWaiver]]]
	Bundles  = Answer[api.List[policy.Pushed]]
)

// ShowPolicy shows which law and rules hold.
func (c *Client) ShowPolicy(ctx context.Context) (Answer[policy.Standing], error) {
	return read[policy.Standing](ctx, c, c.v1("policy"), nil)
}

// ShowRule shows one rule of what holds.
func (c *Client) ShowRule(ctx context.Context, id string) (Answer[policy.RuleView], error) {
	return read[policy.RuleView](ctx, c, c.v1("policy", "rules", id), nil)
}

// ListBundles lists the bundles that were pushed.
func (c *Client) ListBundles(ctx context.Context) (Bundles, error) {
	return read[api.List[policy.Pushed]](ctx, c, c.v1("policy", "bundles"), nil)
}

// PushBundle brings a bundle of rules; it changes nothing until it is activated.
func (c *Client) PushBundle(ctx context.Context, r policy.PushRequest, reason string) (Written[policy.Pushed], error) {
	return write[policy.Pushed](ctx, c, http.MethodPost, c.v1("policy", "bundles"), struct {
		policy.PushRequest
		Reason string `json:"reason,omitempty"`
	}{r, reason})
}

// ShowBundle shows a bundle by its digest, or the beginning of it.
func (c *Client) ShowBundle(ctx context.Context, digest string) (Answer[policy.Pushed], error) {
	return read[policy.Pushed](ctx, c, c.v1("policy", "bundles", digest), nil)
}

// PreviewBundle says what would break if a bundle held.
func (c *Client) PreviewBundle(ctx context.Context, digest string) (Answer[policy.Preview], error) {
	return read[policy.Preview](ctx, c, c.v1("policy", "bundles", digest, "preview"), nil)
}

// Forecast says what will break by a day, if nothing is done.
func (c *Client) Forecast(ctx context.Context, until string) (Answer[policy.Forecasted], error) {
	return read[policy.Forecasted](ctx, c, c.v1("policy", "forecast")+"?until="+url.QueryEscape(until), nil)
}

// ActivateBundle has a pushed bundle hold.
func (c *Client) ActivateBundle(ctx context.Context, r policy.ActivateRequest, why Why) (Written[policy.Active], error) {
	return write[policy.Active](ctx, c, http.MethodPost, c.v1("policy", "activate"), struct {
		policy.ActivateRequest
		Why
	}{r, why})
}

// RollbackPolicy has the bundle hold that held before.
func (c *Client) RollbackPolicy(ctx context.Context, layer policy.Layer, region string, why Why) (Written[policy.Active], error) {
	return write[policy.Active](ctx, c, http.MethodPost, c.v1("policy", "rollback"), struct {
		Layer  policy.Layer `json:"layer"`
		Region string       `json:"region,omitempty"`
		Why
	}{layer, region, why})
}

// ListEvidence lists what is on file.
func (c *Client) ListEvidence(ctx context.Context) (Evidence, error) {
	return read[api.List[policy.Stored[policy.Proof]]](ctx, c, c.v1("evidence"), nil)
}

// ShowEvidence shows one piece.
func (c *Client) ShowEvidence(ctx context.Context, id string) (Answer[policy.Stored[policy.Proof]], error) {
	return read[policy.Stored[policy.Proof]](ctx, c, c.v1("evidence", id), nil)
}

// AddEvidence puts a proof on file.
func (c *Client) AddEvidence(ctx context.Context, r policy.EvidenceRequest, why Why) (Written[policy.Proof], error) {
	return write[policy.Proof](ctx, c, http.MethodPost, c.v1("evidence"), struct {
		policy.EvidenceRequest
		Why
	}{r, why})
}

// RevokeEvidence takes a proof off the file.
func (c *Client) RevokeEvidence(ctx context.Context, id string, why Why) (Written[policy.Proof], error) {
	return write[policy.Proof](ctx, c, http.MethodPost, c.v1("evidence", id, "revoke"), why)
}

// ListWaivers lists the waivers on file.
func (c *Client) ListWaivers(ctx context.Context) (Waivers, error) {
	return read[api.List[policy.Stored[policy.GrantedWaiver]]](ctx, c, c.v1("waivers"), nil)
}

// ShowWaiver shows one waiver.
func (c *Client) ShowWaiver(ctx context.Context, id string) (Answer[policy.Stored[policy.GrantedWaiver]], error) {
	return read[policy.Stored[policy.GrantedWaiver]](ctx, c, c.v1("waivers", id), nil)
}

// GrantWaiver grants a waiver.
func (c *Client) GrantWaiver(ctx context.Context, r policy.WaiverRequest, why Why) (Written[policy.GrantedWaiver], error) {
	return write[policy.GrantedWaiver](ctx, c, http.MethodPost, c.v1("waivers"), struct {
		policy.WaiverRequest
		Why
	}{r, why})
}

// RevokeWaiver ends a waiver.
func (c *Client) RevokeWaiver(ctx context.Context, id string, why Why) (Written[policy.GrantedWaiver], error) {
	return write[policy.GrantedWaiver](ctx, c, http.MethodPost, c.v1("waivers", id, "revoke"), why)
}
