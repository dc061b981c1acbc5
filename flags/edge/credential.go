package edge

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

const (
	// believed is how long an answer about a token is not asked for again.
	believed = time.Minute
	// disbelieved is the same for a token that was refused.
	disbelieved = 5 * time.Second
	maxTokens   = 10_000
)

// directory finds out who asks: by a token, which the upstream is asked about, or
// as the network, where the network is trusted.
type directory struct {
	network identity.Principal // nobody, if it is not trusted
	ask     func(ctx context.Context, token string) (bearer, error)
	key     []byte // for signatures, of this process

	mu     sync.Mutex
	tokens map[[sha256.Size]byte]*known // by the digest of the token; guarded by mu
	byID   map[string]identity.Principal
}

// bearer is whom a token belongs to, and until when.
type bearer struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Grants  []identity.Grant  `json:"grants"`
	Verbs   []identity.Action `json:"verbs"`
	Expires time.Time         `json:"expires"`
}

// known is what was last heard of a token.
type known struct {
	mu      sync.Mutex // held while it is asked for
	heard   time.Time
	who     bearer
	refused error
}

func newDirectory(network identity.Principal, ask func(context.Context, string) (bearer, error)) *directory {
	d := &directory{network: network, ask: ask, key: make([]byte, 32), tokens: map[[sha256.Size]byte]*known{}, byID: map[string]identity.Principal{}}
	_, _ = rand.Read(d.key) // never fails
	return d
}

// Identify says who sent a request; see ofrep.Directory.
func (d *directory) Identify(r *http.Request, now time.Time) (identity.Principal, error) {
	token := r.Header.Get("X-API-Key")
	if h := r.Header.Get("Authorization"); h != "" {
		kind, rest, _ := strings.Cut(h, " ")
		if token = strings.TrimSpace(rest); !strings.EqualFold(kind, "Bearer") {
			token = ""
		}
	} else if token == "" {
		return d.network, nil
	}
	return d.Authenticate(token, now)
}

// Authenticate says whom a token belongs to. What was heard is believed for a
// minute, and, while nobody can be asked, for as long as the token lives.
func (d *directory) Authenticate(token string, now time.Time) (identity.Principal, error) {
	if d.ask == nil {
		return identity.Principal{}, fault.New(fault.Unauthenticated, "no_tokens", "tokens are not accepted by this edge").
			Do("connect without one, or start the edge with --introspect")
	}
	if len(token) < 20 || len(token) > 200 {
		return identity.Principal{}, fault.New(fault.Unauthenticated, "bad_token", "the credential that was sent is not a Quorate token").
			Do("send one that begins with qrt_")
	}
	k := d.known(sha256.Sum256([]byte(token)), now)
	k.mu.Lock()
	defer k.mu.Unlock()
	age := now.Sub(k.heard)
	if !k.heard.IsZero() && age >= 0 && (k.refused == nil && age < believed || k.refused != nil && age < disbelieved) {
		return d.answer(k, now)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	who, err := d.ask(ctx, token)
	switch {
	case err == nil:
		k.heard, k.who, k.refused = now, who, nil
	case fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.Forbidden):
		k.heard, k.who, k.refused = now, bearer{}, err
	case k.who.ID == "":
		return identity.Principal{}, err // not known, and nobody can be asked
	}
	return d.answer(k, now)
}

func (d *directory) answer(k *known, now time.Time) (identity.Principal, error) {
	switch {
	case k.refused != nil:
		return identity.Principal{}, k.refused
	case !now.Before(k.who.Expires):
		return identity.Principal{}, fault.New(fault.Unauthenticated, "token_expired", "the token (%s) expired at %s", k.who.Name, k.who.Expires.UTC().Format(time.RFC3339)).
			Do("ask an operator for a new token")
	}
	p := identity.Principal{ID: k.who.ID, Name: k.who.Name, Grants: k.who.Grants, Verbs: k.who.Verbs}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byID[p.ID] = p
	return p, nil
}

// known is the place of a token. Of too many, those that are no longer believed
// go, and then all.
func (d *directory) known(digest [sha256.Size]byte, now time.Time) *known {
	d.mu.Lock()
	defer d.mu.Unlock()
	if k := d.tokens[digest]; k != nil {
		return k
	}
	if len(d.tokens) >= maxTokens {
		for key, k := range d.tokens {
			if k.mu.TryLock() {
				if k.refused != nil || k.who.ID == "" || !now.Before(k.who.Expires) {
					delete(d.tokens, key)
				}
				k.mu.Unlock()
			}
		}
		if len(d.tokens) >= maxTokens {
			clear(d.tokens)
			clear(d.byID)
		}
	}
	k := &known{}
	d.tokens[digest] = k
	return k
}

// Sign proves that somebody was given something by this process; see
// ofrep.Directory.
func (d *directory) Sign(id, given string, _ time.Time) (identity.Principal, []byte, error) {
	id = strings.TrimPrefix(id, "token:")
	who, ok := d.network, d.network.Known() && id == d.network.ID
	if !ok {
		d.mu.Lock()
		who, ok = d.byID["token:"+id]
		d.mu.Unlock()
	}
	if !ok {
		return identity.Principal{}, nil, fault.New(fault.Unauthenticated, "unknown_token", "the address of the stream was not given by this edge").Do("ask again")
	}
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte(id + "\n" + given))
	return who, mac.Sum(nil), nil
}

// introspect asks a server's API whom a token belongs to.
func introspect(client *http.Client, url string) func(context.Context, string) (bearer, error) {
	away := func(cause error) error {
		return fault.New(fault.NotReady, "introspection_unavailable", "whom the token belongs to cannot be asked now").Do("ask again in a second").Because(cause)
	}
	return func(ctx context.Context, token string) (bearer, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(url, "/")+"/api/v1/introspect", http.NoBody)
		if err != nil {
			return bearer{}, away(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := client.Do(req)
		if err != nil {
			return bearer{}, away(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		switch {
		case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
			return bearer{}, fault.New(fault.Unauthenticated, "unknown_token", "the server does not accept the token that was sent").Do("ask an operator for a new token")
		case err != nil || resp.StatusCode != http.StatusOK:
			return bearer{}, away(err)
		}
		var b bearer
		if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&b); err != nil || b.ID == "" || b.Expires.IsZero() {
			return bearer{}, away(err)
		}
		return b, nil
	}
}
