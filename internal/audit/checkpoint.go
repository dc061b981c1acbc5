package audit

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// A Checkpoint is a signed statement: the log of this origin has this size and
// this root (c2sp.org/tlog-checkpoint, a signed note). Whoever keeps one can
// later tell whether what is shown continues it.
type Checkpoint struct {
	Origin string
	Tree   tlog.Tree
	Note   []byte // as signed, with its signatures
}

// originOf names the log of one life of the store. Restoring a backup, once
// accepted, begins a log of another name that continues what was restored: the
// two may differ at one size, and neither contradicts the other.
func originOf(i kv.Incarnation) string {
	if i.Epoch > 1 {
		return fmt.Sprintf("quorate/%s/%d", i.ID, i.Epoch)
	}
	return "quorate/" + i.ID
}

func checkpointText(origin string, t tlog.Tree) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, t.N, t.Hash)
}

// maxNote bounds a checkpoint with its signatures, those of witnesses included.
const maxNote = 64 << 10

// parseCheckpoint reads a note without asking who signed it.
func parseCheckpoint(signed []byte) (Checkpoint, error) {
	text, _, ok := strings.Cut(string(signed), "\n\n")
	lines := strings.Split(text, "\n")
	if !ok || len(signed) > maxNote || len(lines) != 3 || lines[0] == "" {
		return Checkpoint{}, errors.New("it is not three lines and a signature")
	}
	n, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("its size %.30q is no number", lines[1])
	}
	h, err := parseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("its root %.60q is no hash", lines[2])
	}
	return Checkpoint{Origin: lines[0], Tree: tlog.Tree{N: n, Hash: h}, Note: signed}, nil
}

var strict = base64.StdEncoding.Strict()

func parseHash(s string) (h tlog.Hash, err error) {
	raw, err := strict.DecodeString(s)
	if err != nil || len(raw) != tlog.HashSize || strings.ContainsAny(s, "\r\n") {
		return h, errors.New("no hash")
	}
	copy(h[:], raw)
	return h, nil
}

// OpenCheckpoint reads a checkpoint and checks that the key signed it for the
// origin that it names.
func OpenCheckpoint(signed []byte, key ed25519.PublicKey) (Checkpoint, error) {
	c, err := parseCheckpoint(signed)
	if err != nil {
		return c, err
	}
	vkey, err := VerifierKey(c.Origin, key)
	if err != nil {
		return c, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return c, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return c, fmt.Errorf("the key %s did not sign it", vkey)
	}
	for _, s := range opened.Sigs {
		if _, err := strict.DecodeString(s.Base64); err != nil {
			return c, errors.New("its signature is written in another way than it was made")
		}
	}
	return c, nil
}

// VerifierKey is a public key as signed notes write it, for the log of an origin.
func VerifierKey(origin string, key ed25519.PublicKey) (string, error) {
	return note.NewEd25519VerifierKey(origin, key)
}

// ParseVerifierKey reads such a key. Of what it says only the key itself binds,
// since one key signs for every life of a store.
func ParseVerifierKey(vkey string) (ed25519.PublicKey, error) {
	bad := fault.New(fault.Invalid, "bad_key", "%.100q is no public key of a record", vkey).Do("copy it from `quorate audit key`").At("--key")
	if _, err := note.NewVerifier(vkey); err != nil {
		return nil, bad
	}
	_, encoded, _ := strings.Cut(vkey[strings.IndexByte(vkey, '+')+1:], "+")
	raw, err := strict.DecodeString(encoded)
	if err != nil || len(raw) != 1+ed25519.PublicKeySize {
		return nil, bad
	}
	key := ed25519.PublicKey(raw[1:])
	name, _, _ := strings.Cut(vkey, "+")
	if same, err := VerifierKey(name, key); err != nil || same != vkey { // one way to write it
		return nil, bad
	}
	return key, nil
}

// noteSigner signs notes in the name of an origin.
type noteSigner struct {
	name string
	hash uint32
	key  ed25519.PrivateKey
}

func newNoteSigner(origin string, key ed25519.PrivateKey) (*noteSigner, error) {
	vkey, err := VerifierKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	return &noteSigner{name: v.Name(), hash: v.KeyHash(), key: key}, nil
}

func (s *noteSigner) Name() string                    { return s.name }
func (s *noteSigner) KeyHash() uint32                 { return s.hash }
func (s *noteSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// sign makes the checkpoint of a tree. Ed25519 has no randomness: signing the
// same tree again gives the same bytes.
func sign(origin string, t tlog.Tree, key ed25519.PrivateKey) (Checkpoint, error) {
	s, err := newNoteSigner(origin, key)
	if err != nil {
		return Checkpoint{}, err
	}
	signed, err := note.Sign(&note.Note{Text: checkpointText(origin, t)}, s)
	return Checkpoint{Origin: origin, Tree: t, Note: signed}, err
}

// KeyID is the short name by which people compare a public key.
func KeyID(key ed25519.PublicKey) string {
	h := tlog.RecordHash(key)
	return fmt.Sprintf("%08x-%08x", binary.BigEndian.Uint32(h[:4]), binary.BigEndian.Uint32(h[4:8]))
}
