package access

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"
)

// An attempt is a sign-in on its way through the identity provider. It travels
// sealed in a cookie of the browser that began it, so that nothing is stored for
// whoever only knocks, and no other browser can finish it.
type attempt struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"` // of PKCE
	ReturnTo string    `json:"r"`
	Fresh    string    `json:"f,omitempty"` // the person who is to sign in anew, "" for any
	Began    time.Time `json:"b"`
}

// attemptLife is how long a person may take at the identity provider.
const attemptLife = 10 * time.Minute

// aead is made of the key that all replicas share.
func aead(key []byte) cipher.AEAD {
	sum := sha256.Sum256(append([]byte("quorate sign-in cookie\n"), key...))
	block, err := aes.NewCipher(sum[:])
	if err != nil { // the key has 32 bytes
		panic(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil { // AES has blocks of 16 bytes
		panic(err)
	}
	return gcm
}

func seal(key []byte, a attempt) (string, error) {
	raw, err := json.Marshal(a)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(aead(key).Seal(nil, nil, raw, nil)), nil
}

var errNotSealed = errors.New("not sealed here, or too old")

// unseal opens what seal has made, if it was not longer ago than attemptLife.
func unseal(key []byte, sealed string, now time.Time) (a attempt, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return a, errNotSealed
	}
	if raw, err = aead(key).Open(nil, nil, raw, nil); err != nil {
		return a, errNotSealed
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return a, errNotSealed
	}
	if age := now.Sub(a.Began); age < 0 && -age > time.Minute || age > attemptLife {
		return a, errNotSealed
	}
	return a, nil
}
