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
	// retried is how often it is asked again about a token that is known, while
	// nobody answers.
	retried   = time.Second
	patience  = 2 * time.Second // how long an answer is waited for
	maxTokens = 10_000
)

// directory finds out who asks: by a token, which the upstream is asked about, or
// as the network, where the network is trusted.
type directory struct {
	network identity.Principal // nobody, if it is not trusted
	ask     func(ctx context.Context, token string) (bearer, error)
	key     []byte // for signatures, of this process

	mu     sync.Mutex
	tokens map[[sha256.Size]byte]*known // by the digest of the token; guarded by mu
	byID   map[string]bearer
}

// bearer is whom a token belongs to, and until when.
type bearer struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Grants  []identity.Grant  `json:"grants"`
	Verbs   []identity.Action `json:"verbs"`
	Expires time.Time         `json:"expires"`
}

func (b bearer) principal() identity.Principal {
	return identity.Principal{ID: b.ID, Name: b.Name, Grants: b.Grants, Verbs: b.Verbs}
}

// accepted refuses a bearer whose token has run out.
func (b bearer) accepted(now time.Time) error {
	if now.Before(b.Expires) {
		return nil
	}
	return fault.New(fault.Unauthenticated, "token_expired", "the token (%s) expired at %s", b.Name, b.Expires.UTC().Format(time.RFC3339)).
		Do("ask an operator for a new token")
}

// known is what was last heard of a token.
type known struct {
	mu      sync.Mutex // held while it is asked for by somebody who has to wait
	heard   time.Time
	who     bearer
	refused error
	failed  time.Time // when nobody answered last; zero once somebody does
	asking  bool      // by somebody for whom nobody waits
}

func newDirectory(network identity.Principal, ask func(context.Context, string) (bearer, error)) *directory {
	d := &directory{network: network, ask: ask, key: make([]byte, 32), tokens: map[[sha256.Size]byte]*known{}, byID: map[string]bearer{}}
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
	if d.ask == nil && d.network.Known() { // whoever reaches it is served; a credential adds nothing, as at flagd
		return d.network, nil
	}
	return d.Authenticate(token, now)
}

// Authenticate says whom a token belongs to. What was heard is believed for a
// minute, and, while nobody can be asked, for as long as the token lives. The first
// who finds that nobody answers waits for it; in the minute after nobody does, since
// it may be long that the upstream is not there.
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
	if silent := now.Sub(k.failed); k.who.ID != "" && silent >= 0 && silent < believed { // zero is long ago
		if silent >= retried && !k.asking {
			k.asking = true
			go d.askAgain(k, token, now)
		}
		return d.answer(k, now)
	}
	if err := d.learn(k, now, func() (bearer, error) { return d.wait(token) }); err != nil {
		return identity.Principal{}, err
	}
	return d.answer(k, now)
}

// wait asks the upstream.
func (d *directory) wait(token string) (bearer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return d.ask(ctx, token)
}

// askAgain asks whether somebody answers by now, as of a time at which nobody did.
func (d *directory) askAgain(k *known, token string, now time.Time) {
	who, err := d.wait(token)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asking = false
	_ = d.learn(k, now, func() (bearer, error) { return who, err }) // it is known, so there is an answer
}

// learn notes what is said of a token. Its error says that it is not known, and
// nobody can be asked. k.mu is held.
func (d *directory) learn(k *known, now time.Time, ask func() (bearer, error)) error {
	who, err := ask()
	switch {
	case err == nil:
		k.heard, k.who, k.refused, k.failed = now, who, nil, time.Time{}
	case fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.Forbidden):
		d.forget(k.who.ID)
		k.heard, k.who, k.refused, k.failed = now, bearer{}, err, time.Time{}
	case k.who.ID == "":
		return err
	default:
		k.failed = now
	}
	return nil
}

// forget has no stream of a bearer opened again.
func (d *directory) forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.byID, id)
}

func (d *directory) answer(k *known, now time.Time) (identity.Principal, error) {
	if k.refused != nil {
		return identity.Principal{}, k.refused
	}
	if err := k.who.accepted(now); err != nil {
		return identity.Principal{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byID[k.who.ID] = k.who
	return k.who.principal(), nil
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
// ofrep.Directory. It is not said of a token that has expired, or was refused since.
func (d *directory) Sign(id, given string, now time.Time) (identity.Principal, []byte, error) {
	id = strings.TrimPrefix(id, "token:")
	who := d.network
	if !who.Known() || id != who.ID {
		d.mu.Lock()
		b, ok := d.byID["token:"+id]
		d.mu.Unlock()
		if !ok {
			return identity.Principal{}, nil, fault.New(fault.Unauthenticated, "unknown_token", "the address of the stream was not given by this edge").Do("ask again")
		}
		if err := b.accepted(now); err != nil {
			return identity.Principal{}, nil, err
		}
		who = b.principal()
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
