package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/identity"
)

// Token is a token as it is stored: everything but its secret.
type Token struct {
	ID       string            `json:"id"`
	Hash     string            `json:"hash"` // sha256 of the secret, in hex
	Name     string            `json:"name"` // by role: "Colorado regional lead"
	Grants   []identity.Grant  `json:"grants"`
	Verbs    []identity.Action `json:"verbs,omitempty"`  // if not empty, the only actions it is good for
	Expires  time.Time         `json:"expires"`          // UTC, whole seconds; from then on it is refused
	IssuedBy string            `json:"issued_by"`        // principal
	Behind   string            `json:"behind,omitempty"` // see identity.Principal
	IssuedAt time.Time         `json:"issued_at"`        // UTC
	Change   string            `json:"change"`           // the leaf of its issue
	Revoked  *Revocation       `json:"revoked,omitempty"`
	// Replaces and ReplacedBy are the ids of the token it was rotated from and into.
	Replaces   string `json:"replaces,omitempty"`
	ReplacedBy string `json:"replaced_by,omitempty"`
}

// Revocation says who made a token useless, when and why.
type Revocation struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	Change string    `json:"change"`
}

// TokenRequest is what a token is asked for with.
type TokenRequest struct {
	Name    string            `json:"name" doc:"Who holds it, by role: Colorado regional lead"`
	Grants  []identity.Grant  `json:"grants" doc:"The roles it holds, each for some regions or for all (*)"`
	Verbs   []identity.Action `json:"verbs,omitempty" doc:"If given, the only actions it is good for"`
	Expires time.Time         `json:"expires" doc:"When it stops being accepted; at most a year ahead"`
}

// Principal is who the bearer of the token is.
func (t Token) Principal() identity.Principal {
	return identity.Principal{ID: "token:" + t.ID, Name: t.Name, Grants: t.Grants, Verbs: t.Verbs, Behind: t.Behind, Strength: identity.ByToken}
}

// Live reports whether the token is accepted at that time.
func (t Token) Live(now time.Time) bool { return t.Revoked == nil && now.Before(t.Expires) }

// MayIssue reports whether its bearer could let others in at that time.
func (t Token) MayIssue(now time.Time) bool {
	return t.Live(now) && identity.Can(t.Principal(), identity.IssueToken, target(t.ID)) == nil
}

func target(id string) identity.Target { return identity.Target{Kind: "token", ID: id} }

const (
	scheme      = "qrt_"
	idLength    = 16 // 80 bits in base32
	secretBytes = 32
	secretChars = 52 // 256 bits in base32
)

// alphabet has no character that a shell, a URL or a double click would break at.
var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func newSecret() string {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails: the program ends if the system has no randomness
	return alphabet.EncodeToString(b)
}

// newID makes the id of a token. It follows from the idempotency key if there is
// one, so that a request sent again speaks of the same token.
func newID(key string) string {
	seed := make([]byte, sha256.Size)
	if key == "" {
		_, _ = rand.Read(seed)
	} else {
		sum := sha256.Sum256([]byte("token of change " + key))
		seed = sum[:]
	}
	return alphabet.EncodeToString(seed)[:idLength]
}

func bearer(id, secret string) string { return scheme + id + "_" + secret }

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// split takes a token apart; ok is false if it does not look like one.
func split(token string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(token, scheme)
	if !ok || len(rest) != idLength+1+secretChars || rest[idLength] != '_' {
		return "", "", false
	}
	return rest[:idLength], rest[idLength+1:], true
}

func wellFormedID(id string) bool {
	return len(id) == idLength && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}
