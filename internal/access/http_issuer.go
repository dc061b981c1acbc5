package access

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/quorate/quorate/internal/fault"
)

const (
	providerTime  = 8 * time.Second // for one call to the identity provider
	providerBytes = 1 << 20         // of one of its answers
	providerSlack = time.Minute     // its clock may differ by so much from ours
)

// provider finds the identity provider when it is first needed, and again until
// it is found.
type provider struct {
	oidc   OIDC
	now    func() time.Time
	client *http.Client
	state  *providerState
}

type providerState struct {
	mu    sync.Mutex
	found *relyingParty // guarded by mu; nil until found
}

// relyingParty is this server as the provider knows it. It is never changed.
type relyingParty struct {
	oidc     OIDC
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	oauth2   *oauth2.Config
	client   *http.Client
}

func newProvider(cfg OIDC, now func() time.Time) provider {
	return provider{oidc: cfg, now: now, state: &providerState{}, client: &http.Client{
		Timeout:   providerTime,
		Transport: limitedTransport{&http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}, // sign-ins are rare
		// A provider that moves says so in its configuration, not by sending a secret on.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// limitedTransport breaks off an answer that is too long to be one.
type limitedTransport struct{ next http.RoundTripper }

func (t limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, providerBytes), res.Body}
	}
	return res, err
}

// signatures are the algorithms a provider may sign with: none of those that
// would take the client's secret, or nothing, for a key.
var signatures = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}

func (p provider) get(ctx context.Context) (*relyingParty, error) {
	p.state.mu.Lock()
	defer p.state.mu.Unlock()
	if p.state.found != nil {
		return p.state.found, nil
	}
	// The keys are fetched later too, with this context's client and not its end.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.oidc.Issuer)
	if err != nil {
		return nil, providerAway(err)
	}
	p.state.found = &relyingParty{
		oidc: p.oidc, provider: found, client: p.client,
		verifier: found.Verifier(&oidc.Config{ClientID: p.oidc.ClientID, SupportedSigningAlgs: signatures, Now: p.now}),
		oauth2: &oauth2.Config{ClientID: p.oidc.ClientID, ClientSecret: p.oidc.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: p.oidc.callback(),
			Scopes: append([]string{oidc.ScopeOpenID, "profile"}, p.oidc.Scopes...)},
	}
	return p.state.found, nil
}

func providerAway(cause error) error {
	return fault.New(fault.NotReady, "identity_provider_away", "the identity provider cannot be asked at this moment").
		Do("try again in a moment; if it stays, tell an operator").Because(cause)
}

// claims is what the provider says of a person, checked.
type claims struct {
	issuer, subject string
	shown           string // name
	groups          []string
	methods         []string
	authTime        time.Time
}

func (c claims) id() string   { return PersonID(c.issuer, c.subject) }
func (c claims) name() string { return plainName(c.shown, c.subject) }

// redeem exchanges the code and checks the provider's word: its signature, that
// it is of this provider, for this server, in answer to this attempt, and of now.
func (p *relyingParty) redeem(ctx context.Context, code string, a attempt, now time.Time) (claims, error) {
	ctx = oidc.ClientContext(ctx, p.client)
	tokens, err := p.oauth2.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response.StatusCode < http.StatusInternalServerError:
		return claims{}, fault.New(fault.Invalid, "code_refused", "the identity provider does not know the code, or it has been used").Do("sign in again").Because(oauthWord(refused))
	case err != nil:
		return claims{}, providerAway(errors.New("the code could not be exchanged"))
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return claims{}, badIDToken(err)
	}
	return p.claimsOf(ctx, token, tokens, a, now)
}

// oauthWord is the provider's word for an error, which holds no secret; the rest
// of its answer may.
func oauthWord(e *oauth2.RetrieveError) error {
	return fmt.Errorf("the identity provider says %.60q", e.ErrorCode)
}

func badIDToken(cause error) error {
	return fault.New(fault.Forbidden, "bad_id_token", "what the identity provider says of you cannot be relied on").
		Do("sign in again; if it stays, tell an operator").Because(cause)
}

func (p *relyingParty) claimsOf(ctx context.Context, token *oidc.IDToken, tokens *oauth2.Token, a attempt, now time.Time) (claims, error) {
	var own struct {
		Name      string   `json:"name"`
		Preferred string   `json:"preferred_username"`
		AuthTime  int64    `json:"auth_time"`
		Methods   []string `json:"amr"`
		Party     string   `json:"azp"`
	}
	if err := token.Claims(&own); err != nil {
		return claims{}, badIDToken(err)
	}
	if own.Name == "" {
		own.Name = own.Preferred
	}
	authTime := time.Unix(own.AuthTime, 0).UTC()
	switch {
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(a.Nonce)) != 1:
		return claims{}, badIDToken(errors.New("its nonce is that of another sign-in"))
	case token.Subject == "" || len(token.Subject) > maxSubject:
		return claims{}, badIDToken(errors.New("it has no subject, or one that is too long"))
	case len(token.Audience) > 1 && own.Party != p.oidc.ClientID, own.Party != "" && own.Party != p.oidc.ClientID:
		return claims{}, badIDToken(errors.New("it was made for another client (azp)"))
	case own.AuthTime == 0:
		return claims{}, badIDToken(errors.New("it does not say when the person proved who it is (auth_time), though it was asked for max_age"))
	case authTime.After(now.Add(providerSlack)), authTime.Before(now.Add(-SessionLife - providerSlack)):
		return claims{}, badIDToken(fmt.Errorf("the person is said to have proved who it is at %s", authTime.Format(time.RFC3339)))
	}
	if token.AccessTokenHash != "" {
		if err := token.VerifyAccessToken(tokens.AccessToken); err != nil {
			return claims{}, badIDToken(err)
		}
	}
	groups, err := p.groupsOf(ctx, token, tokens)
	return claims{issuer: token.Issuer, subject: token.Subject, shown: own.Name, groups: groups, methods: plainMethods(own.Methods), authTime: authTime}, err
}

// groupsOf reads the claim of groups from the token, or, if it is not there, from
// the provider's userinfo. Nobody has to be in a group.
func (p *relyingParty) groupsOf(ctx context.Context, token *oidc.IDToken, tokens *oauth2.Token) ([]string, error) {
	var all map[string]json.RawMessage
	if err := token.Claims(&all); err != nil {
		return nil, badIDToken(err)
	}
	if raw, said := all[p.oidc.GroupsClaim]; said {
		return groupsIn(raw)
	}
	if p.provider.UserInfoEndpoint() == "" {
		return nil, nil
	}
	info, err := p.provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	switch {
	case err != nil:
		return nil, providerAway(fmt.Errorf("its userinfo: %w", err))
	case info.Subject != token.Subject:
		return nil, badIDToken(errors.New("its userinfo is of another person"))
	}
	if err := info.Claims(&all); err != nil {
		return nil, badIDToken(err)
	}
	if raw, said := all[p.oidc.GroupsClaim]; said {
		return groupsIn(raw)
	}
	return nil, nil
}

// groupsIn reads a list of groups, or one.
func groupsIn(raw json.RawMessage) ([]string, error) {
	var many []string
	if err := json.Unmarshal(raw, &many); err == nil {
		return many, nil
	}
	var one string
	if err := json.Unmarshal(raw, &one); err != nil {
		return nil, badIDToken(errors.New("its groups are no list of names"))
	}
	return []string{one}, nil
}

// plainMethods keeps the provider's words for how a person proved who it is, for
// the record: a few short ones.
func plainMethods(methods []string) []string {
	kept := slices.DeleteFunc(slices.Clone(methods), func(m string) bool {
		return m == "" || len(m) > 40 || strings.ContainsFunc(m, func(r rune) bool { return r <= ' ' || r > '~' })
	})
	slices.Sort(kept)
	kept = slices.Compact(kept)
	return kept[:min(len(kept), 8)]
}
