package access_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// crooked is an identity provider that says whatever a test has it say.
type crooked struct {
	t      *testing.T
	server *httptest.Server
	key    *ecdsa.PrivateKey
	token  string // the identity token it answers with
}

const crookedSecret = "a secret that the client and the provider share"

func newCrooked(t *testing.T) *crooked {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &crooked{t: t, key: key}
	mux := http.NewServeMux()
	answer := func(path string, body func() any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(body())
		})
	}
	answer("/.well-known/openid-configuration", func() any {
		return map[string]any{"issuer": c.server.URL, "authorization_endpoint": c.server.URL + "/authorize", "token_endpoint": c.server.URL + "/token",
			"jwks_uri": c.server.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}}
	})
	answer("/keys", func() any {
		return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "1", Algorithm: "ES256", Use: "sig"}}}
	})
	answer("/token", func() any {
		return map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": c.token}
	})
	c.server = httptest.NewServer(mux)
	t.Cleanup(c.server.Close)
	return c
}

// sign makes a token of claims, with the provider's key or with another.
func (c *crooked) sign(alg jose.SignatureAlgorithm, key any, claims map[string]any) string {
	c.t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		c.t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "1"))
	if err != nil {
		c.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		c.t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		c.t.Fatal(err)
	}
	return token
}

func (c *crooked) unsigned(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		c.t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + "."
}

// What an identity provider says is believed only if it is signed with its own key,
// meant for this server, of now, and answers what was asked. Otherwise nobody comes in,
// and nothing is kept of whoever it was about.
func TestAProviderThatMisbehaves(t *testing.T) {
	c := newCrooked(t)
	clk := &clock{}
	h := newReplicaAt(t, kvtest.Etcd(t), clk.now)
	door, err := access.NewDoor(access.DoorConfig{OIDC: access.OIDC{Issuer: c.server.URL, ClientID: "quorate", ClientSecret: crookedSecret, PublicURL: at8080},
		Store: h.store, Directory: h.dir, Follower: h.follower, Now: clk.now})
	if err != nil {
		t.Fatal(err)
	}
	door.SealWith([]byte("a key that replicas share"))
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	known := identity.Principal{ID: access.PersonID(c.server.URL, "s-1"), Name: "s-1", Strength: identity.BySignIn}
	with := func(name string, value any) func(map[string]any) {
		return func(claims map[string]any) { claims[name] = value }
	}
	without := func(name string) func(map[string]any) {
		return func(claims map[string]any) { delete(claims, name) }
	}
	ago := func(d time.Duration) int64 { return clk.now().Add(-d).Unix() }
	for _, v := range []struct {
		what  string
		bend  func(map[string]any)
		make  func(map[string]any) string // nil: signed as it should be
		fresh bool
		code  string // "" means let in
	}{
		{"all as it should be", func(map[string]any) {}, nil, false, ""},
		{"and asked again", func(map[string]any) {}, nil, true, ""},
		{"for this client among others, which it names", func(m map[string]any) { m["aud"], m["azp"] = []string{"quorate", "other"}, "quorate" }, nil, false, ""},
		{"signed by nobody", func(map[string]any) {}, c.unsigned, false, "bad_id_token"},
		{"signed with the client's secret", func(map[string]any) {}, func(m map[string]any) string { return c.sign(jose.HS256, []byte(crookedSecret), m) }, false, "bad_id_token"},
		{"signed with another key of the same name", func(map[string]any) {}, func(m map[string]any) string { return c.sign(jose.ES256, stranger, m) }, false, "bad_id_token"},
		{"no token at all", func(map[string]any) {}, func(map[string]any) string { return "" }, false, "bad_id_token"},
		{"made for another client", with("aud", "other"), nil, false, "bad_id_token"},
		{"for several, and it does not say for which", with("aud", []string{"quorate", "other"}), nil, false, "bad_id_token"},
		{"handed to another client", with("azp", "other"), nil, false, "bad_id_token"},
		{"of another issuer", with("iss", "https://elsewhere.example"), nil, false, "bad_id_token"},
		{"expired", with("exp", ago(time.Minute)), nil, false, "bad_id_token"},
		{"of another sign-in", with("nonce", "another"), nil, false, "bad_id_token"},
		{"about nobody", with("sub", ""), nil, false, "bad_id_token"},
		{"not saying when the person proved who it is", without("auth_time"), nil, false, "bad_id_token"},
		{"nor when asked for a fresh sign-in", without("auth_time"), nil, true, "bad_id_token"},
		{"proved in the future", with("auth_time", ago(-time.Hour)), nil, false, "bad_id_token"},
		{"proved yesterday", with("auth_time", ago(25*time.Hour)), nil, false, "bad_id_token"},
		{"not asked again", with("auth_time", ago(10*time.Minute)), nil, true, "not_asked_again"},
		{"another person confirms", with("sub", "s-2"), nil, true, "another_person"},
		{"groups that are no names", with("groups", 7), nil, false, "bad_id_token"},
	} {
		t.Run(v.what, func(t *testing.T) {
			who := identity.Principal{}
			if v.fresh {
				who = known
			}
			began, err := door.Begin(context.Background(), "/", who)
			if err != nil {
				t.Fatal(err)
			}
			asked, err := url.Parse(began.Redirect)
			if err != nil {
				t.Fatal(err)
			}
			claims := map[string]any{"iss": c.server.URL, "sub": "s-1", "aud": "quorate", "exp": ago(-time.Hour), "iat": ago(0),
				"auth_time": ago(0), "nonce": asked.Query().Get("nonce"), "name": "s-1", "groups": []string{"staff"}}
			v.bend(claims)
			if c.token = c.sign(jose.ES256, c.key, claims); v.make != nil {
				c.token = v.make(claims)
			}
			entry, err := door.Finish(context.Background(), access.Return{Sealed: began.Sealed, State: asked.Query().Get("state"), Code: "code"})
			if v.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				if p, err := h.dir.Session(entry.Secret, clk.now()); err != nil || p.ID != known.ID {
					t.Errorf("%s %v", p.ID, err)
				}
				return
			}
			if !fault.HasCode(err, v.code) || entry.Secret != "" {
				t.Errorf("let in: %v, %v, want %s", entry.Secret != "", err, v.code)
			}
		})
	}
}
