package issuer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The limits of what is kept.
const (
	requestLife = 10 * time.Minute // of a sign-in under way
	tokenLife   = 15 * time.Minute
	maxRequests = 1000
)

var errGone = errors.New("not known, or no longer")

// storage keeps sign-ins under way, in memory.
type storage struct {
	issuer *Issuer
	key    signingKey
	client *client

	mu       sync.Mutex
	requests map[string]*authRequest // guarded by mu, as are those below
	codes    map[string]string       // code → request
	tokens   map[string]string       // access token → subject
}

func newStorage(i *Issuer) (*storage, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &storage{issuer: i, key: signingKey{id: rand.Text(), key: key}, client: &client{id: i.ClientID, now: i.cfg.Now},
		requests: map[string]*authRequest{}, codes: map[string]string{}, tokens: map[string]string{}}, err
}

func (s *storage) now() time.Time { return s.issuer.cfg.Now() }

func (s *storage) register(redirectURI string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = &client{id: s.issuer.ClientID, now: s.now, redirects: append(slices.Clone(s.client.redirects), redirectURI)}
}

func (s *storage) request(id string) (*authRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[id]
	if r == nil || s.now().Sub(r.made) > requestLife {
		return nil, errGone
	}
	copied := *r
	return &copied, nil
}

func (s *storage) choose(id, subject string) error {
	if _, known := s.account(subject); !known {
		return errGone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[id]
	if r == nil || r.subject != "" || s.now().Sub(r.made) > requestLife {
		return errGone
	}
	r.subject, r.authTime = subject, s.now().UTC().Truncate(time.Second)
	return nil
}

func (s *storage) account(subject string) (Account, bool) {
	i := slices.IndexFunc(s.issuer.cfg.Accounts, func(a Account) bool { return a.Subject == subject })
	if i < 0 {
		return Account{}, false
	}
	return s.issuer.cfg.Accounts[i], true
}

// CreateAuthRequest begins a sign-in. Nobody is remembered, so one that must not
// show a page cannot succeed.
func (s *storage) CreateAuthRequest(_ context.Context, req *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if slices.Contains(req.Prompt, oidc.PromptNone) {
		return nil, oidc.ErrLoginRequired()
	}
	if req.CodeChallenge == "" || req.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE with S256 is required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) >= maxRequests { // old ones first; a demo has a handful
		clear(s.requests)
		clear(s.codes)
	}
	r := &authRequest{ID: rand.Text(), AuthRequest: *req, made: s.now()}
	s.requests[r.ID] = r
	return r, nil
}

// AuthRequestByID is a sign-in under way.
func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	r, err := s.request(id)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// AuthRequestByCode takes the code away: it is good once.
func (s *storage) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id := s.codes[code]
	delete(s.codes, code)
	s.mu.Unlock()
	r, err := s.request(id)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	return nil
}

func (s *storage) CreateAccessToken(_ context.Context, req op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tokens) >= maxRequests {
		clear(s.tokens)
	}
	id := rand.Text()
	s.tokens[id] = req.GetSubject()
	return id, s.now().Add(tokenLife), nil
}

func (s *storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errGone // there are no refresh tokens
}

func (s *storage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, op.ErrInvalidRefreshToken
}

func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

func (s *storage) RevokeToken(_ context.Context, id, _, _ string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, id)
	return nil
}

func (s *storage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) { return []op.Key{publicKey{s.key}}, nil }

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != s.client.id {
		return nil, errGone
	}
	return s.client, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != s.issuer.ClientID || secret != s.issuer.ClientSecret {
		return errGone
	}
	return nil
}

func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// SetUserinfoFromRequest puts name and groups into the identity token.
func (s *storage) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, req op.IDTokenRequest, _ []string) error {
	return s.describe(info, req.GetSubject())
}

func (s *storage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, token, _, _ string) error {
	s.mu.Lock()
	subject, known := s.tokens[token]
	s.mu.Unlock()
	if !known {
		return errGone
	}
	return s.describe(info, subject)
}

func (s *storage) describe(info *oidc.UserInfo, subject string) error {
	a, known := s.account(subject)
	if !known {
		return errGone
	}
	info.Subject, info.Name = a.Subject, a.Name
	info.AppendClaims("groups", a.Groups)
	return nil
}

func (s *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errGone
}

func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errGone
}

func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errGone
}

func (s *storage) Health(context.Context) error { return nil }

// authRequest is a sign-in under way.
type authRequest struct {
	ID string
	oidc.AuthRequest
	made     time.Time
	subject  string // "" until an account was chosen
	authTime time.Time
}

// again reports whether the server wants the person to prove anew who it is.
func (r *authRequest) again() bool {
	return slices.Contains(r.Prompt, oidc.PromptLogin) || r.MaxAge != nil && *r.MaxAge == 0
}

func (r *authRequest) GetID() string          { return r.ID }
func (r *authRequest) GetACR() string         { return "" }
func (r *authRequest) GetAMR() []string       { return []string{"demo"} }
func (r *authRequest) GetAudience() []string  { return []string{r.ClientID} }
func (r *authRequest) GetAuthTime() time.Time { return r.authTime }
func (r *authRequest) GetClientID() string    { return r.ClientID }
func (r *authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}
func (r *authRequest) GetNonce() string                   { return r.Nonce }
func (r *authRequest) GetRedirectURI() string             { return r.RedirectURI }
func (r *authRequest) GetResponseType() oidc.ResponseType { return r.ResponseType }
func (r *authRequest) GetResponseMode() oidc.ResponseMode { return r.ResponseMode }
func (r *authRequest) GetScopes() []string                { return r.Scopes }
func (r *authRequest) GetState() string                   { return r.State }
func (r *authRequest) GetSubject() string                 { return r.subject }
func (r *authRequest) Done() bool                         { return r.subject != "" }

// client is the one server that may use the issuer. It is never changed.
type client struct {
	id        string
	redirects []string
	now       func() time.Time
}

func (c *client) GetID() string                       { return c.id }
func (c *client) RedirectURIs() []string              { return c.redirects }
func (c *client) PostLogoutRedirectURIs() []string    { return nil }
func (c *client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c *client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c *client) GrantTypes() []oidc.GrantType        { return []oidc.GrantType{oidc.GrantTypeCode} }
func (c *client) LoginURL(id string) string           { return choosePath + "?request=" + id }
func (c *client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }

// IDTokenLifetime is counted by the library from the machine's clock, of which the
// issuer's may be ahead.
func (c *client) IDTokenLifetime() time.Duration       { return tokenLife + time.Until(c.now()) }
func (c *client) DevMode() bool                        { return false }
func (c *client) IsScopeAllowed(string) bool           { return false }
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c *client) ClockSkew() time.Duration             { return 0 }
func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

type signingKey struct {
	id  string
	key *ecdsa.PrivateKey
}

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k signingKey) Key() any                                    { return k.key }
func (k signingKey) ID() string                                  { return k.id }

type publicKey struct{ signingKey }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return &k.key.PublicKey }
