package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// The key that signs can be replaced, by itself alone: an entry of the record holds
// a statement that the old key and the new one have both signed. The old key signs
// the tree that ends with this entry, and nothing after it; the new one signs from
// there on. So whoever trusts the old key finds, in the record itself, why to trust
// the new one.

const (
	keyWord = "quorate-key/1"
	// nextKeyFile is the key that is to sign, until the record is signed with it.
	nextKeyFile = KeyFile + ".next"
	keyPath     = "audit/keys/signing"
)

var theKey = kv.NewCollection[Replacement]("audit/keys", 1).Key("signing")

// A Replacement says that one key signs in place of another.
type Replacement struct {
	Old         []byte `json:"old"` // Ed25519 public keys
	New         []byte `json:"new"`
	Endorsement string `json:"endorsement"` // a note that both have signed
}

func endorsementText(life string, next ed25519.PublicKey) string {
	return fmt.Sprintf("%s\n%s\n%s\n", keyWord, life, base64.StdEncoding.EncodeToString(next))
}

// nameOf names a store, whatever its epoch, where keys are spoken of.
func nameOf(life string) string { return "quorate/" + life }

// endorse makes the statement by which one key hands over to another, for the
// store of that life. The new one signs too, so that nobody endorses a key that
// nobody has.
func endorse(life string, old, next ed25519.PrivateKey) (Replacement, error) {
	r := Replacement{Old: public(old), New: public(next)}
	var signers []note.Signer
	for _, key := range []ed25519.PrivateKey{old, next} {
		s, err := newNoteSigner(nameOf(life), key)
		if err != nil {
			return r, err
		}
		signers = append(signers, s)
	}
	signed, err := note.Sign(&note.Note{Text: endorsementText(life, r.New)}, signers...)
	r.Endorsement = string(signed)
	return r, err
}

// check says why the endorsement does not hold, nil if it does.
func (r Replacement) check(life string) error {
	if len(r.Old) != ed25519.PublicKeySize || len(r.New) != ed25519.PublicKeySize || bytes.Equal(r.Old, r.New) {
		return errors.New("it does not name two keys")
	}
	var verifiers []note.Verifier
	for _, key := range []ed25519.PublicKey{r.Old, r.New} {
		vkey, err := VerifierKey(nameOf(life), key)
		if err != nil {
			return err
		}
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return err
		}
		verifiers = append(verifiers, v)
	}
	opened, err := note.Open([]byte(r.Endorsement), note.VerifierList(verifiers...))
	switch {
	case err != nil || len(opened.Sigs) != 2 || len(opened.UnverifiedSigs) != 0:
		return fmt.Errorf("the keys %s and %s have not both signed it", KeyID(r.Old), KeyID(r.New))
	case opened.Text != endorsementText(life, r.New):
		return errors.New("it is signed, and says something else")
	}
	return nil
}

// Successor is the replacement of the key that signs by one that this server makes
// now, or has made before and not used. Only a server that has the key that signs
// can endorse another. Put it in the store, through the gate.
func (l *Log) Successor(ctx context.Context) (Replacement, error) {
	if err := l.mayHold(ctx); err != nil {
		return Replacement{}, err
	}
	l.keys.Lock()
	defer l.keys.Unlock()
	if l.next == nil {
		next, err := makeKey(l.cfg.DataDir, nextKeyFile)
		if err != nil {
			return Replacement{}, err
		}
		l.next = next
	}
	// If we crash from here on, the new key is on the disk, and either the store does
	// not know of it, and it is used the next time, or it does, and Open finds it.
	return endorse(l.store.Incarnation().ID, l.key, l.next)
}

// Put writes the replacement. It takes effect once its entry is in the tree.
func (r Replacement) Put(tx *kv.Tx) error {
	h, err := readHead(tx)
	if err != nil {
		return err
	}
	before, err := kv.Get(tx, theKey)
	switch {
	case err != nil:
		return err
	case before.Exists() && !bytes.Equal(before.Value.New, h.Value.Key):
		return fault.New(fault.Conflict, "key_is_being_replaced", "the key %s is being replaced by %s already", KeyID(h.Value.Key), KeyID(before.Value.New)).
			Do("wait a few seconds, and see `quorate audit key`")
	case !bytes.Equal(h.Value.Key, r.Old):
		return fault.New(fault.Conflict, "key_was_replaced", "the record is signed with the key %s, not with %s", KeyID(h.Value.Key), KeyID(r.Old)).
			Do("see `quorate audit key`")
	}
	return kv.Put(tx, theKey, r)
}

// replacedKey is the key that signed before, and where it ended.
type replacedKey struct {
	Key  []byte `json:"key"`
	Size int64  `json:"size"`
}

// turn is the replacement that has not taken effect; one of revision 0 if none
// waits.
func (s *sequencer) turn(ctx context.Context) (kv.Record[Replacement], error) {
	rec, err := kv.Get(s.store.View(ctx), theKey)
	if err != nil || bytes.Equal(rec.Value.New, s.head.Key) {
		return kv.Record[Replacement]{}, err
	}
	return rec, nil
}

// cutAfter ends a batch with the leaf of that revision, if it is among them: what
// stands behind the replacement of a key is signed with the new one.
func cutAfter(batch []pendingLeaf, revision int64) []pendingLeaf {
	for i, p := range batch {
		if revision != 0 && p.revision == revision {
			return batch[:i+1]
		}
	}
	return batch
}

// succeed has the new key sign from here on, if its entry is the last in the tree,
// which the old key has signed.
func (s *sequencer) succeed(ctx context.Context, turn kv.Record[Replacement]) error {
	if turn.Revision == 0 || s.head.Last < turn.Revision || bytes.Equal(turn.Value.New, s.head.Key) {
		return nil
	}
	err := turn.Value.check(lifeOf(s.head.Origin))
	switch {
	case err == nil && s.head.Last != turn.Revision:
		err = errors.New("no entry of the record says so")
	case err == nil && !bytes.Equal(turn.Value.Old, s.head.Key):
		err = fmt.Errorf("the record is signed with the key %s", KeyID(s.head.Key))
	}
	if err != nil {
		return fault.New(fault.Refused, "key_not_endorsed", "the store says that another key is to sign the record, and that is not endorsed: %v", err).
			Do("somebody wrote to the store behind the servers: compare it with a backup")
	}
	next := s.head
	next.Key, next.Replaced = turn.Value.New, &replacedKey{Key: s.head.Key, Size: s.head.Size}
	if err := s.between("endorsed"); err != nil {
		return err
	}
	if err := s.move(ctx, next, nil, nil); err != nil {
		return err
	}
	// If we crash here, or have not got the new key, whoever has it signs this tree
	// again with it.
	if err := s.between("handed over"); err != nil {
		return err
	}
	if err := s.mayHold(ctx); err != nil {
		return err
	}
	return s.sign(ctx)
}

// promote makes the new key the one that signs. The old one is kept: backups that
// were made before cannot be continued without it.
func (l *Log) promote() error {
	l.keys.Lock()
	defer l.keys.Unlock()
	if l.next == nil {
		return nil
	}
	file := filepath.Join(l.cfg.DataDir, KeyFile)
	if err := os.Link(file, file+"."+KeyID(public(l.key))); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keeping the key that was replaced: %w", err)
	}
	if err := os.Rename(filepath.Join(l.cfg.DataDir, nextKeyFile), file); err != nil {
		return fmt.Errorf("putting the new signing key in its place: %w", err)
	}
	if err := syncDir(l.cfg.DataDir); err != nil {
		return err
	}
	l.cfg.Logger.Warn("the key that signs the record was replaced: copy it to the other servers, and keep a copy elsewhere",
		"file", file, "key", KeyID(public(l.next)), "replaced", KeyID(public(l.key)))
	l.key, l.next = l.next, nil
	return nil
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func (l *Log) publicKey() ed25519.PublicKey { return public(l.signer()) }

func (l *Log) signer() ed25519.PrivateKey {
	l.keys.Lock()
	defer l.keys.Unlock()
	return l.key
}

// isNext reports whether this server holds that key, and it does not sign yet.
func (l *Log) isNext(key ed25519.PublicKey) bool {
	l.keys.Lock()
	defer l.keys.Unlock()
	return l.next != nil && public(l.next).Equal(key)
}
