package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
)

// SignedIn is a sign-in that the command line has taken over from the browser.
type SignedIn struct {
	Secret  string    `json:"secret"`
	Person  string    `json:"person"`
	Expires time.Time `json:"expires"`
}

// A GroupTable is the table of groups with its revision.
type GroupTable struct {
	access.Groups
	Revision int64 `json:"revision"`
}

// BeginSignIn is the address at which a person signs in in a browser for the
// command line that listens on that port of the same machine.
func (c *Client) BeginSignIn(port, challenge, state string, fresh bool) string {
	q := url.Values{"port": {port}, "challenge": {challenge}, "state": {state}}
	if fresh {
		q.Set("fresh", "1")
	}
	return c.at("sign-in", "command-line") + "?" + q.Encode()
}

// Base is the address of the server, as its answers are kept apart by.
func (c *Client) Base() string { return c.base.String() }

// RedeemSignIn exchanges the code that the browser brought for a token.
func (c *Client) RedeemSignIn(ctx context.Context, code, verifier string) (Answer[SignedIn], error) {
	return read[SignedIn](ctx, c, c.v1("sign-in", "token"), map[string]string{"code": code, "verifier": verifier})
}

// SignOut ends the sign-in of the client's own token, or all of the person's.
func (c *Client) SignOut(ctx context.Context, everywhere bool) error {
	address := c.v1("sign-out")
	if everywhere {
		address += "?everywhere=true"
	}
	_, err := read[map[string]any](ctx, c, address, struct{}{})
	return err
}

// ShowAccess tells what a person or a token can do, and why; "me" is oneself.
func (c *Client) ShowAccess(ctx context.Context, id string) (Answer[access.Profile], error) {
	return read[access.Profile](ctx, c, c.v1("access", "principals", id), nil)
}

// WhoCan lists who can take an action, for a region or, with "", for any.
func (c *Client) WhoCan(ctx context.Context, action, region string) (Answer[api.List[access.Holder]], error) {
	address := c.v1("access", "actions", action)
	if region != "" {
		address += "?" + url.Values{"region": {region}}.Encode()
	}
	return read[api.List[access.Holder]](ctx, c, address, nil)
}

// ListPeople lists who has signed in.
func (c *Client) ListPeople(ctx context.Context) (Answer[api.List[access.Profile]], error) {
	return read[api.List[access.Profile]](ctx, c, c.v1("access", "people"), nil)
}

// ShowGroups is the table of groups.
func (c *Client) ShowGroups(ctx context.Context) (Answer[GroupTable], error) {
	return read[GroupTable](ctx, c, c.v1("access", "groups"), nil)
}

// SetGroups replaces the table of groups.
func (c *Client) SetGroups(ctx context.Context, g access.Groups, why Why) (Written[access.Groups], error) {
	return write[access.Groups](ctx, c, http.MethodPut, c.v1("access", "groups"), struct {
		access.Groups
		Why
	}{g, why})
}

// LockPerson locks a person out, or lets it in again.
func (c *Client) LockPerson(ctx context.Context, id string, out bool, reason string) (Written[access.Person], error) {
	verb := "enable"
	if out {
		verb = "disable"
	}
	return write[access.Person](ctx, c, http.MethodPost, c.v1("access", "people", id, verb), Why{Reason: reason})
}

// ListDelegations lists all delegations.
func (c *Client) ListDelegations(ctx context.Context) (Answer[api.List[access.Delegation]], error) {
	return read[api.List[access.Delegation]](ctx, c, c.v1("access", "delegations"), nil)
}

// Delegate lends a role of one's own.
func (c *Client) Delegate(ctx context.Context, r access.DelegationRequest, reason string) (Written[access.Delegation], error) {
	return write[access.Delegation](ctx, c, http.MethodPost, c.v1("access", "delegations"), struct {
		access.DelegationRequest
		Reason string `json:"reason"`
	}{r, reason})
}

// EndDelegation ends one before its time.
func (c *Client) EndDelegation(ctx context.Context, id, reason string) (Written[access.Delegation], error) {
	return write[access.Delegation](ctx, c, http.MethodPost, c.v1("access", "delegations", id, "end"), Why{Reason: reason})
}

// ShowToken shows a token, without its secret.
func (c *Client) ShowToken(ctx context.Context, id string) (Answer[Token], error) {
	return read[Token](ctx, c, c.v1("tokens", id), nil)
}

// RotateToken issues a token's successor.
func (c *Client) RotateToken(ctx context.Context, id string, overlap time.Duration, expires time.Time, why Why) (Written[Issued], error) {
	return write[Issued](ctx, c, http.MethodPost, c.v1("tokens", id, "rotate"), struct {
		Overlap string    `json:"overlap,omitempty"`
		Expires time.Time `json:"expires,omitzero"`
		Why
	}{overlap.String(), expires, why})
}
