package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// Directory knows all tokens, from memory. Authenticate may be called from any
// number of goroutines and takes no lock: the map is replaced, never changed.
type Directory struct {
	entries atomic.Pointer[map[string]*entry] // by id; nil until the store was read once
	key     atomic.Pointer[[]byte]            // to sign with; nil until it was read
	crowd   *crowd                            // people and their sessions
	used    chan use                          // what Run writes
	log     *slog.Logger
	metrics *metrics
}

// entry is a token made ready for comparing. It is never changed.
type entry struct {
	hash      [sha256.Size]byte
	principal identity.Principal
	expires   time.Time
	revoked   time.Time // zero if not
	damaged   bool      // its record cannot be read
	usage     *usage    // survives a change of the record
}

// entryOf prepares a token; inPlace says whether it stands under its own id.
func entryOf(t Token, inPlace bool) (*entry, error) {
	e := &entry{principal: t.Principal(), expires: t.Expires, usage: &usage{}}
	n, err := hex.Decode(e.hash[:], []byte(t.Hash[:min(len(t.Hash), 2*sha256.Size)]))
	switch {
	case err != nil:
		return nil, fmt.Errorf("its hash: %w", err)
	case n != sha256.Size || len(t.Hash) != 2*sha256.Size:
		return nil, errors.New("its hash is no sha256")
	case !inPlace:
		return nil, errors.New("it stands in the place of another")
	}
	if t.Revoked != nil {
		e.revoked = t.Revoked.At
	}
	return e, nil
}

func countDamaged(entries map[string]*entry) int {
	n := 0
	for _, e := range entries {
		if e.damaged {
			n++
		}
	}
	return n
}

// Authenticate says who the bearer of a token is. The Principal is shared: its
// slices must not be changed.
//
// Errors, all Unauthenticated: bad_token (it does not look like one),
// unknown_token (no such token, or a wrong secret), token_expired, token_revoked,
// token_unusable (its record is damaged). NotReady, tokens_not_loaded, before the
// store has been read for the first time. No error repeats the token; the last
// three are told only to someone who has the secret, if it can be compared.
func (d *Directory) Authenticate(token string, now time.Time) (identity.Principal, error) {
	e, err := d.find(token, now)
	if err == nil {
		d.use(e, token, now)
		return e.principal, nil
	}
	if fault.HasCode(err, "unknown_token") {
		if p, ok, why := d.personal(token, now); ok {
			d.countRefusal(why)
			return p, why
		}
	}
	d.metrics.refuse(err)
	return identity.Principal{}, err
}

// personal says who holds a token that `quorate login` made; ok is false if it is
// none of those. Only whoever has the secret is told why it counts no more.
func (d *Directory) personal(token string, now time.Time) (p identity.Principal, ok bool, err error) {
	id, secret, _ := split(token)
	hash := hashOf(secret)
	if s := d.crowd.session(hash); s == nil || s.Channel != CommandLine || s.TokenID != id {
		return p, false, nil
	}
	p, _, err = d.crowd.principal(hash, now)
	return p, true, err
}

// Session says who holds the session of that secret, in a browser. Its errors are
// all Unauthenticated: signed_out, session_idle, session_expired,
// person_disabled; or NotReady, before the store has been read.
func (d *Directory) Session(secret string, now time.Time) (identity.Principal, error) {
	if d.entries.Load() == nil {
		return identity.Principal{}, notLoaded()
	}
	hash := hashOf(secret)
	if s := d.crowd.session(hash); s == nil || s.Channel != Browser {
		d.metrics.refuse(signedOut())
		return identity.Principal{}, signedOut()
	}
	p, touch, err := d.crowd.principal(hash, now)
	if touch {
		d.handOver(use{session: hash, at: now})
	}
	d.countRefusal(err)
	return p, err
}

func (d *Directory) countRefusal(err error) {
	if err != nil {
		d.metrics.refuse(err)
	}
}

// session is the record behind a browser's session that is accepted at that time.
func (d *Directory) session(hash string, now time.Time) (Session, error) {
	s := d.crowd.session(hash)
	if s == nil || s.Channel != Browser {
		return Session{}, signedOut()
	}
	_, _, err := d.crowd.principal(hash, now)
	return s.Session, err
}

func (d *Directory) find(token string, now time.Time) (*entry, error) {
	id, secret, ok := split(token)
	if !ok {
		return nil, badToken()
	}
	entries := d.entries.Load()
	if entries == nil {
		return nil, notLoaded()
	}
	e := (*entries)[id]
	switch {
	case e == nil:
		return nil, unknownToken()
	case e.damaged:
		return nil, fault.New(fault.Unauthenticated, "token_unusable", "the record of the token %s is damaged", id).
			Do("ask an operator for a new token")
	}
	sum := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(sum[:], e.hash[:]) != 1 {
		return nil, unknownToken()
	}
	if err := e.accepted(id, now); err != nil {
		return nil, err
	}
	return e, nil
}

// accepted tells whether the token is neither revoked nor expired.
func (e *entry) accepted(id string, now time.Time) error {
	switch {
	case !e.revoked.IsZero():
		return fault.New(fault.Unauthenticated, "token_revoked", "the token %s (%s) was revoked at %s", id, e.principal.Name, e.revoked.UTC().Format(time.RFC3339)).
			Do("ask an operator for a new token")
	case !now.Before(e.expires):
		return fault.New(fault.Unauthenticated, "token_expired", "the token %s (%s) expired at %s", id, e.principal.Name, e.expires.UTC().Format(time.RFC3339)).
			Do("ask an operator for a new token")
	}
	return nil
}

// SignWith gives the directory the key that all replicas sign with. Until then
// Sign says that the tokens are not loaded.
func (d *Directory) SignWith(key []byte) { d.key.Store(&key) }

// Sign proves, without the token, that its bearer was given something by a server
// of this store: an HMAC of the token's id, its stored hash and what was given. The
// hash alone would not do, since it stands in the record. It is the same on every
// replica and after every restart, and no longer made once the token is expired or
// revoked, so whatever is compared with it is good for as long as the token. id is
// that of the Principal. Errors: see Authenticate.
func (d *Directory) Sign(id, given string, now time.Time) (identity.Principal, []byte, error) {
	name, isToken := strings.CutPrefix(id, "token:")
	entries, key := d.entries.Load(), d.key.Load()
	if entries == nil || key == nil {
		return identity.Principal{}, nil, notLoaded()
	}
	e := (*entries)[name]
	if !isToken || e == nil || e.damaged {
		return identity.Principal{}, nil, unknownToken()
	}
	if err := e.accepted(name, now); err != nil {
		return identity.Principal{}, nil, err
	}
	mac := hmac.New(sha256.New, *key)
	mac.Write([]byte(name + "\n"))
	mac.Write(e.hash[:])
	mac.Write([]byte(given))
	return e.principal, mac.Sum(nil), nil
}

func notLoaded() error {
	return fault.New(fault.NotReady, "tokens_not_loaded", "this replica has not read the tokens yet").Do("try again in a moment")
}

func badToken() error {
	return fault.New(fault.Unauthenticated, "bad_token", "the credential that was sent is not a Quorate token").
		Do("send one that begins with qrt_ as `Authorization: Bearer …` or `X-API-Key: …`")
}

// unknownToken does not tell whether the id exists.
func unknownToken() error {
	return fault.New(fault.Unauthenticated, "unknown_token", "the token that was sent is not known here").
		Do("check that it is complete and meant for this server, or ask an operator for a new one")
}
