package governance

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// SealKeyFile is the seal key's name in the data directory.
const SealKeyFile = "seal-key"

// A SealKey is the host's: each motion's key is derived from it. It is never in the
// store. Whoever holds it can read every ballot that is in the store with it.
type SealKey struct{ seed [32]byte }

const saltSize = 32

var (
	kem  = hpke.DHKEM(ecdh.X25519())
	kdf  = hpke.HKDFSHA256()
	aead = hpke.AES256GCM()
)

// LoadSealKey reads the seal key, and makes one, for this user alone, if there is
// none. All replicas of one store need the same file.
func LoadSealKey(file string) (SealKey, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSealKey(file)
	}
	unusable := fault.New(fault.Invalid, "bad_seal_key", "the file %s, which opens sealed ballots, cannot be used", file).
		Do("restore it from where you keep its copy; without it no open motion can be counted")
	if err != nil {
		return SealKey{}, unusable.Because(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		return SealKey{}, fault.New(fault.Invalid, "open_seal_key", "the file %s, which opens sealed ballots, can be read by others", file).
			Do("say `chmod 600 %s`", file)
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil || len(seed) != 32 {
		return SealKey{}, unusable
	}
	return SealKey{seed: [32]byte(seed)}, nil
}

func makeSealKey(file string) (SealKey, error) {
	key, err := NewSealKey()
	if err != nil {
		return key, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return key, err
	}
	// If we crash before it is in its place, nothing was sealed with it.
	return key, renameio.WriteFile(file, []byte(hex.EncodeToString(key.seed[:])+"\n"), 0o600)
}

// NewSealKey draws one.
func NewSealKey() (SealKey, error) {
	var k SealKey
	_, err := rand.Read(k.seed[:])
	return k, err
}

// Fingerprint names the key without telling it.
func (k SealKey) Fingerprint() string {
	return hex.EncodeToString(k.derive("fingerprint", "", 8))
}

func (k SealKey) derive(use, of string, n int) []byte {
	out, err := hkdf.Key(sha256.New, k.seed[:], nil, "quorate seal 1\n"+use+"\n"+of, n)
	if err != nil {
		panic(err) // only for lengths that SHA-256 cannot give
	}
	return out
}

// privateKey is a motion's, by the hash of its paper.
func (k SealKey) privateKey(paper string) (hpke.PrivateKey, error) {
	return kem.DeriveKeyPair(k.derive("motion", paper, 32))
}

func (k SealKey) publicKey(paper string) (string, error) {
	private, err := k.privateKey(paper)
	if err != nil {
		return "", fmt.Errorf("deriving the motion's key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(private.PublicKey().Bytes()), nil
}

// salt is drawn from the change that casts, so that the same change sent again makes
// the same commitment, and nobody without the key can guess it.
func (k SealKey) salt(paper, seat, change string) []byte {
	mac := hmac.New(sha256.New, k.derive("salt", paper, 32))
	mac.Write([]byte(seat + "\n" + change))
	return mac.Sum(nil)
}

// plaintext is salt, length and the vote as JSON, padded with zeros.
func plaintext(v Vote, salt []byte, length int) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding a ballot: %w", err)
	}
	if len(raw) > length || length > 1<<16-1 {
		return nil, fault.New(fault.TooLarge, "ballot_too_long", "the ballot is longer than any on this paper can be").Do("name each alternative once")
	}
	out := make([]byte, saltSize+2+length)
	copy(out, salt)
	binary.BigEndian.PutUint16(out[saltSize:], uint16(len(raw)))
	copy(out[saltSize+2:], raw)
	return out, nil
}

// Commitment is what the record holds of a ballot: sha256 over the paper's hash, the
// seat, and the padded ballot, which begins with a salt of 32 bytes.
func commitment(paper, seat string, plain []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "quorate ballot 1\n%s\n%s\n", paper, seat)
	h.Write(plain)
	return hex.EncodeToString(h.Sum(nil))
}

// seal encrypts a ballot to the motion's key. The ciphertext holds for this paper
// and this seat alone.
func seal(o Opening, seat string, plain []byte) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(o.PublicKey)
	if err != nil {
		return "", fmt.Errorf("reading the motion's key: %w", err)
	}
	public, err := kem.NewPublicKey(raw)
	if err != nil {
		return "", fmt.Errorf("reading the motion's key: %w", err)
	}
	sealed, err := hpke.Seal(public, kdf, aead, sealInfo(o.Hash, seat), plain)
	if err != nil {
		return "", fmt.Errorf("sealing a ballot: %w", err)
	}
	return base64.StdEncoding.EncodeToString(sealed), nil
}

func sealInfo(paper, seat string) []byte { return []byte("quorate ballot 1\n" + paper + "\n" + seat) }

var errNotThisBallot = errors.New("it does not hold what its commitment says")

// unseal decrypts a ballot and checks that it is the one committed to.
func (k SealKey) unseal(o Opening, b Ballot) (v Vote, salt []byte, err error) {
	sealed, err := base64.StdEncoding.DecodeString(b.Sealed)
	if err != nil {
		return v, nil, err
	}
	private, err := k.privateKey(o.Hash)
	if err != nil {
		return v, nil, err
	}
	plain, err := hpke.Open(private, kdf, aead, sealInfo(o.Hash, b.Seat), sealed)
	if err != nil {
		return v, nil, err
	}
	if len(plain) != saltSize+2+o.Length || b.Commitment != commitment(o.Hash, b.Seat, plain) {
		return v, nil, errNotThisBallot
	}
	n := int(binary.BigEndian.Uint16(plain[saltSize:]))
	if n > o.Length {
		return v, nil, errNotThisBallot
	}
	d := json.NewDecoder(bytes.NewReader(plain[saltSize+2 : saltSize+2+n]))
	d.DisallowUnknownFields()
	return v, plain[:saltSize], d.Decode(&v)
}

// checkKey refuses a motion that was sealed with another key.
func (k SealKey) check(o Opening) error {
	if o.SealKey == k.Fingerprint() {
		return nil
	}
	return fault.New(fault.NotReady, "other_seal_key", "this server has the seal key %s, and the motion was opened with %s", k.Fingerprint(), o.SealKey).
		Do("give every server the same --seal-key-file")
}

// A Seal says which seal key the ballots of a store are for. It is written when the
// first body is founded, so that no replica with another key opens a motion that the
// others could neither take ballots on nor count.
type Seal struct {
	Fingerprint string `json:"fingerprint"`
	Since       Act    `json:"since"`
}

// hold records the key of a store in which there is none yet, and refuses another.
func (k SealKey) hold(tx *kv.Tx, act Act) error {
	rec, err := kv.Get(tx, seals.Key("store"))
	if err != nil {
		return err
	}
	if !rec.Exists() {
		return kv.Put(tx, seals.Key("store"), Seal{Fingerprint: k.Fingerprint(), Since: act})
	}
	return k.match(rec.Value)
}

func (k SealKey) match(held Seal) error {
	if held.Fingerprint == k.Fingerprint() {
		return nil
	}
	return fault.New(fault.NotReady, "other_seal_key", "this server has the seal key %s, and the ballots of this store are sealed for %s", k.Fingerprint(), held.Fingerprint).
		Do("give every server the same --seal-key-file, and restore it where it was lost")
}

// A Receipt is what a member keeps of a ballot: enough to show, to themselves and
// after the close to anyone, which vote the record's commitment stands for.
type Receipt struct {
	Motion     string `json:"motion"`
	Seat       string `json:"seat"`
	Paper      string `json:"paper"`
	Commitment string `json:"commitment"`
	Salt       string `json:"salt"`   // hex; who has it and guesses the vote can check the guess
	Length     int    `json:"length"` // of a ballot of this motion
	Change     string `json:"change"` // its leaf in the record
}

// Confirms reports whether a receipt is for this vote. Anyone can do it, without the
// server and without any key.
func (r Receipt) Confirms(v Vote) bool {
	salt, err := hex.DecodeString(r.Salt)
	if err != nil || len(salt) != saltSize {
		return false
	}
	plain, err := plaintext(v, salt, r.Length)
	if err != nil {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(commitment(r.Paper, r.Seat, plain)), []byte(r.Commitment)) == 1
}
