package client

import (
	"context"
	"net/http"
	"time"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/identity"
)

// A Token is a token as the API shows it: without its secret.
type Token struct {
	ID       string             `json:"id"`
	Name     string             `json:"name"`
	State    string             `json:"state"` // live, expired or revoked
	Grants   []identity.Grant   `json:"grants"`
	Verbs    []identity.Action  `json:"verbs"`
	Expires  time.Time          `json:"expires"`
	IssuedBy string             `json:"issued_by"`
	IssuedAt time.Time          `json:"issued_at"`
	Revoked  *access.Revocation `json:"revoked"`

	Replaces   string     `json:"replaces"`
	ReplacedBy string     `json:"replaced_by"`
	LastUsed   *time.Time `json:"last_used"`
	Revision   int64      `json:"revision"` // only of a token that was asked for by itself
}

// An Issued is a new token, with the secret that is shown this once.
type Issued struct {
	Token  Token  `json:"token"`
	Secret string `json:"secret"`
}

// Who is whom the client's own token belongs to.
type Who struct {
	ID     string            `json:"id"`
	Name   string            `json:"name"`
	Grants []identity.Grant  `json:"grants"`
	Verbs  []identity.Action `json:"verbs"`
}

// Whoami tells whom the client's token belongs to.
func (c *Client) Whoami(ctx context.Context) (Answer[Who], error) {
	return read[Who](ctx, c, c.v1("whoami"), nil)
}

// ListTokens lists all tokens.
func (c *Client) ListTokens(ctx context.Context) (Answer[api.List[Token]], error) {
	return read[api.List[Token]](ctx, c, c.v1("tokens"), nil)
}

// IssueToken issues a token. If the answer to a try is lost, so is the secret:
// the fault then says which token to revoke.
func (c *Client) IssueToken(ctx context.Context, r access.TokenRequest, reason string) (Written[Issued], error) {
	return write[Issued](ctx, c, http.MethodPost, c.v1("tokens"), struct {
		access.TokenRequest
		Reason string `json:"reason,omitempty"`
	}{r, reason})
}

// RevokeToken revokes a token by its id.
func (c *Client) RevokeToken(ctx context.Context, id string, why Why) (Written[Token], error) {
	return write[Token](ctx, c, http.MethodPost, c.v1("tokens", id, "revoke"), why)
}
