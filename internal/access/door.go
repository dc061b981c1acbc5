package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// OIDC says which identity provider people sign in at. Issuer, ClientID and
// PublicURL are required.
type OIDC struct {
	Issuer       string   // as the provider writes it in its tokens, exactly
	ClientID     string   // as which this server is registered there
	ClientSecret string   // "" for a public client; PKCE is used either way
	GroupsClaim  string   // which claim lists a person's groups; "" means "groups"
	Scopes       []string // besides openid and profile
	PublicURL    string   // where browsers reach this server, without a path: "https://quorate.example"
}

// CallbackPath is where the provider sends a person back to. The whole address,
// OIDC.PublicURL and this, must be registered there, exactly.
const CallbackPath = "/sign-in/callback"

// CommandLinePath is the one page of the sign-in that a sign-in may return to: it
// asks whether a command line may act as the person.
const CommandLinePath = "/sign-in/command-line"

func (o OIDC) callback() string { return o.PublicURL + CallbackPath }

// Secure reports whether browsers reach the server over TLS. Only then can a
// cookie be bound to it; see cookieNames.
func (o OIDC) Secure() bool { return strings.HasPrefix(o.PublicURL, "https://") }

// check refuses a configuration that could not work or would not be safe.
func (o OIDC) check() error {
	issuer, err := url.Parse(o.Issuer)
	if err != nil || issuer.Host == "" || issuer.Scheme != "https" && !isLoopback(issuer) || issuer.RawQuery != "" || issuer.Fragment != "" || issuer.User != nil {
		return fault.New(fault.Invalid, "bad_issuer", "the identity provider's address %.100q is not one over https", o.Issuer).
			Do("give the issuer as the provider writes it, such as https://login.example.org").At("--oidc-issuer")
	}
	if o.ClientID == "" {
		return fault.New(fault.Invalid, "no_client_id", "no client id was given").Do("set --oidc-client-id to the one this server is registered with").At("--oidc-client-id")
	}
	public, err := url.Parse(o.PublicURL)
	if err != nil || public.Host == "" || public.Path != "" || public.RawQuery != "" || public.Fragment != "" || public.User != nil ||
		public.Scheme != "https" && !isLoopback(public) {
		return fault.New(fault.Invalid, "bad_public_url", "people cannot sign in at %.100q: it is not an address over https without a path", o.PublicURL).
			Do("give the address at which browsers reach this server, such as https://quorate.example.org; plain http is for this machine alone").At("--public-url")
	}
	return nil
}

// isLoopback reports whether a plain http address stays on this machine.
func isLoopback(u *url.URL) bool {
	host := u.Hostname()
	return u.Scheme == "http" && (host == "localhost" || host == "::1" || strings.HasPrefix(host, "127."))
}

// A Door is where people come in: sign-in at the identity provider, sessions,
// and the command line's way to one. It is safe for concurrent use. Make it with
// NewDoor.
type Door struct {
	oidc     OIDC
	store    *kv.Store
	dir      *Directory
	follower *kv.Follower
	now      func() time.Time
	log      *slog.Logger
	provider provider
	key      atomic.Pointer[[]byte]
}

// DoorConfig is what a door needs. All but Log are required.
type DoorConfig struct {
	OIDC      OIDC
	Store     *kv.Store
	Directory *Directory
	Follower  *kv.Follower // whoever is told "signed in" or "out" finds it so
	Now       func() time.Time
	Log       *slog.Logger
}

// NewDoor makes a door. The identity provider is not asked before the first
// person signs in: it may be away while the server starts.
func NewDoor(cfg DoorConfig) (*Door, error) {
	if cfg.OIDC.GroupsClaim == "" {
		cfg.OIDC.GroupsClaim = "groups"
	}
	cfg.OIDC.PublicURL = strings.TrimSuffix(cfg.OIDC.PublicURL, "/")
	if err := cfg.OIDC.check(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Door{oidc: cfg.OIDC, store: cfg.Store, dir: cfg.Directory, follower: cfg.Follower, now: cfg.Now, log: cfg.Log,
		provider: newProvider(cfg.OIDC, cfg.Now)}, nil
}

// SealWith gives the door the key that all replicas share. Until then nobody can
// sign in.
func (d *Door) SealWith(key []byte) { d.key.Store(&key) }

// Issuer is the identity provider's address.
func (d *Door) Issuer() string { return d.oidc.Issuer }

// Began is a sign-in that has begun: where to send the browser, and the cookie it
// must bring back.
type Began struct {
	Redirect string
	Sealed   string
}

// Begin begins a sign-in, after which the browser is to go on at returnTo, a path
// of this server. With fresh set, that person must prove again who it is.
func (d *Door) Begin(ctx context.Context, returnTo string, fresh identity.Principal) (Began, error) {
	key := d.key.Load()
	if key == nil {
		return Began{}, fault.New(fault.NotReady, "sign_in_not_ready", "this server is still starting").Do("try again in a moment")
	}
	p, err := d.provider.get(ctx)
	if err != nil {
		return Began{}, err
	}
	a := attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), ReturnTo: LocalPath(returnTo), Fresh: fresh.ID, Began: d.now().UTC()}
	options := []oauth2.AuthCodeOption{oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	if fresh.Known() {
		options = append(options, oauth2.SetAuthURLParam("max_age", "0"), oauth2.SetAuthURLParam("prompt", "login"))
	} else { // asking for max_age makes the provider say when the person proved who it is
		options = append(options, oauth2.SetAuthURLParam("max_age", "43200"))
	}
	sealed, err := seal(*key, a)
	if err != nil {
		return Began{}, err
	}
	return Began{Redirect: p.oauth2.AuthCodeURL(a.State, options...), Sealed: sealed}, nil
}

// LocalPath is path if it is one on this server, and "/" otherwise, so that
// nobody can be sent elsewhere by a link to the sign-in.
func LocalPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || len(path) > 1000 ||
		!strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") ||
		strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == '\\' || r > '~' }) ||
		strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, "\\") || strings.HasPrefix(u.Path, "/sign-in") && u.Path != CommandLinePath {
		return "/"
	}
	return path
}

// A Return is what the browser brings back from the identity provider.
type Return struct {
	Sealed string // the cookie of Began
	State  string
	Code   string
	Issuer string // as RFC 9207 has it; "" if the provider does not say
	Error  string // the provider's word for why not, "" if it has a code
	Old    string // the secret of the session the browser had, if any
}

// Entry is a sign-in that has ended well.
type Entry struct {
	Secret   string // of the new session, for the browser's cookie
	ReturnTo string // a path of this server
	Expires  time.Time
}

// Finish ends a sign-in: the browser is the one that began it, the code is good
// once, the provider's word is signed, meant for this server and for this
// sign-in. The session that the browser had before is ended.
func (d *Door) Finish(ctx context.Context, r Return) (Entry, error) {
	a, err := d.attemptOf(r)
	if err != nil {
		return Entry{}, err
	}
	if err := d.refusedBy(r); err != nil {
		return Entry{}, err
	}
	p, err := d.provider.get(ctx)
	if err != nil {
		return Entry{}, err
	}
	claims, err := p.redeem(ctx, r.Code, a, d.now())
	if err != nil {
		return Entry{}, err
	}
	if a.Fresh != "" {
		if err := checkFresh(a, claims); err != nil {
			return Entry{}, err
		}
	}
	return d.enter(ctx, a, claims, r.Old)
}

func (d *Door) attemptOf(r Return) (attempt, error) {
	key := d.key.Load()
	if key == nil {
		return attempt{}, fault.New(fault.NotReady, "sign_in_not_ready", "this server is still starting").Do("try again in a moment")
	}
	a, err := unseal(*key, r.Sealed, d.now())
	switch {
	case err != nil:
		return attempt{}, fault.New(fault.Invalid, "sign_in_expired", "this browser has begun no sign-in in the last %d minutes", attemptLife/time.Minute).
			Do("sign in again, and let the browser keep the cookies of this site")
	case r.State == "" || subtle.ConstantTimeCompare([]byte(a.State), []byte(r.State)) != 1:
		return attempt{}, fault.New(fault.Invalid, "sign_in_mismatch", "the answer of the identity provider is to another sign-in than the one this browser began last").
			Do("sign in again")
	}
	return a, nil
}

// refusedBy tells what the provider, or somebody in its place, said instead of
// giving a code.
func (d *Door) refusedBy(r Return) error {
	switch {
	case r.Issuer != "" && r.Issuer != d.oidc.Issuer:
		return fault.New(fault.Invalid, "wrong_issuer", "the answer is of another identity provider than the one that was asked").Do("sign in again")
	case r.Error != "":
		return fault.New(fault.Forbidden, "sign_in_refused", "the identity provider did not let you in (%.40q)", r.Error).
			Do("sign in again, or ask those who run the identity provider")
	case r.Code == "":
		return fault.New(fault.Invalid, "no_code", "the identity provider sent no code").Do("sign in again")
	}
	return nil
}

// checkFresh makes sure that the provider did ask, and that the same person
// answered.
func checkFresh(a attempt, c claims) error {
	switch {
	case c.id() != a.Fresh:
		return fault.New(fault.Forbidden, "another_person", "you confirmed as %s, who is not the one signed in here", c.name()).
			Do("confirm as the one who is signed in, or sign out first")
	case c.authTime.Before(a.Began.Add(-providerSlack)):
		return fault.New(fault.Forbidden, "not_asked_again", "the identity provider did not ask again who you are").
			Do("ask those who run it to honour max_age=0")
	}
	return nil
}

func (d *Door) enter(ctx context.Context, a attempt, c claims, old string) (Entry, error) {
	now := d.now().UTC().Truncate(time.Second)
	s := Session{Person: c.id(), Channel: Browser, AuthTime: c.authTime, Methods: c.methods, Created: now, Seen: now, Expires: now.Add(SessionLife)}
	v := Visit{Issuer: c.issuer, Subject: c.subject, Name: c.name(), Groups: plainGroups(c.groups), LastSignIn: now}
	secret := newSecret()
	revision, err := d.openSession(ctx, hashOf(secret), s, v, a.State)
	if err != nil {
		return Entry{}, err
	}
	if old != "" {
		if later, err := d.drop(ctx, hashOf(old)); err == nil {
			revision = max(revision, later)
		}
	}
	d.settle(ctx, revision)
	return Entry{Secret: secret, ReturnTo: a.ReturnTo, Expires: s.Expires}, nil
}

// settleTime is how long whoever was signed in or out is kept, so that this
// replica knows of it.
const settleTime = time.Second

func (d *Door) settle(ctx context.Context, revision int64) {
	if revision == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	_ = d.follower.Wait(ctx, revision) // late is not lost
}

// SignOut ends the session of that secret, here and on every replica. One that is
// none is no error.
func (d *Door) SignOut(ctx context.Context, secret string) error {
	revision, err := d.drop(ctx, hashOf(secret))
	d.settle(ctx, revision)
	return err
}

// SignOutEverywhere ends all sessions of a person, in browsers and on command
// lines, those that are just being opened included.
func (d *Door) SignOutEverywhere(ctx context.Context, who identity.Principal) error {
	if who.Strength != identity.BySignIn {
		return identity.RequireFresh(who, d.now(), identity.FreshFor)
	}
	revision, err := d.nextGeneration(ctx, who.ID)
	d.settle(ctx, revision)
	return err
}

// relayLife is how long the command line may take to redeem a code.
const relayLife = time.Minute

// Relay makes a code with which the command line that knows the verifier of
// challenge (base64url of its sha256) can take over the sign-in of the browser
// whose session has that secret.
func (d *Door) Relay(ctx context.Context, secret, challenge string) (code string, err error) {
	if raw, err := base64.RawURLEncoding.DecodeString(challenge); err != nil || len(raw) != sha256.Size {
		return "", fault.New(fault.Invalid, "bad_challenge", "the command line sent no challenge").Do("say `quorate login` again")
	}
	s, err := d.dir.session(hashOf(secret), d.now())
	if err != nil {
		return "", err
	}
	code = rand.Text()
	return code, d.putRelay(ctx, code, relay{Person: s.Person, Challenge: challenge, AuthTime: s.AuthTime, Methods: slices.Clone(s.Methods),
		Expires: d.now().UTC().Add(relayLife), Until: s.Expires})
}

// Redeem gives the command line a token qrt_… for the code of Relay, once. The
// token is a session of the person: it may do what the person may do at each
// moment, ends when the browser's would have at the latest, and with SignOutEverywhere.
func (d *Door) Redeem(ctx context.Context, code, verifier string) (token string, s Session, err error) {
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	secret, id, now := newSecret(), newID(""), d.now().UTC().Truncate(time.Second)
	s, revision, err := d.redeem(ctx, code, challenge, hashOf(secret), now, func(r relay) Session {
		return Session{Person: r.Person, Channel: CommandLine, TokenID: id, AuthTime: r.AuthTime, Methods: r.Methods, Created: now, Seen: now, Expires: r.Until}
	})
	if err != nil {
		return "", Session{}, err
	}
	d.settle(ctx, revision)
	return bearer(id, secret), s, nil
}

// SignOutToken ends the session behind a token of Redeem. A token of another kind
// is not ended here: it is revoked.
func (d *Door) SignOutToken(ctx context.Context, token string) error {
	if _, secret, ok := split(token); ok {
		return d.SignOut(ctx, secret)
	}
	return badToken()
}
