package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"

	"github.com/quorate/quorate/internal/fault"
)

// A handover is an entry with which one key hands over to another.
type handover struct {
	Replacement
	index int64
}

// replaces is the replacement of the key that a leaf is about, if it is about one.
func replaces(l Leaf) (r Replacement, ok bool, err error) {
	for _, e := range l.Edits {
		if e.Path == keyPath && l.Result == Applied {
			return r, true, json.Unmarshal(e.After, &r)
		}
	}
	return r, false, nil
}

// handsOver notes an entry that replaces the key; it must be endorsed.
func (v *verifier) handsOver(i int64, l Leaf) error {
	r, ok, err := replaces(l)
	if !ok {
		return nil
	}
	if err == nil {
		err = r.check(lifeOf(v.verdict.Origin))
	}
	if err != nil {
		return flaw(i, "key", "it replaces the signing key, and the new one is not endorsed: %v", err)
	}
	if n := len(v.handovers); n > 0 && !bytes.Equal(v.handovers[n-1].New, r.Old) {
		return flaw(i, "key", "it replaces the key %s, and the record was signed with %s", KeyID(r.Old), KeyID(v.handovers[n-1].New))
	}
	v.handovers = append(v.handovers, handover{Replacement: r, index: i})
	return nil
}

// keys is reached when the entries are known to be those of the checkpoint. It
// follows the keys from the one that was brought to the one that signed the file,
// and finds the one that signed the earlier checkpoint.
func (v *verifier) keys() error {
	if err := v.signedInTime(); err != nil {
		return err
	}
	if err := v.trusted(); err != nil {
		return err
	}
	if v.earlierWaits {
		if err := v.earlierKey(); err != nil {
			return err
		}
	}
	return v.earlierFlaw
}

// signedInTime refuses a file that is signed with a key that was replaced in it.
func (v *verifier) signedInTime() error {
	if len(v.handovers) == 0 {
		return nil
	}
	last := v.handovers[len(v.handovers)-1]
	if v.fileKey.Equal(ed25519.PublicKey(last.New)) || last.index == v.tree.N-1 && v.fileKey.Equal(ed25519.PublicKey(last.Old)) {
		return nil
	}
	return flaw(last.index, "key", "the file is signed with the key %s, and its entry %d has %s sign from there on", KeyID(v.fileKey), last.index, KeyID(last.New))
}

func (v *verifier) trusted() error {
	if v.trust.Key == nil || v.verdict.KeyTrusted {
		return nil
	}
	for _, h := range v.handovers {
		if v.trust.Key.Equal(ed25519.PublicKey(h.Old)) {
			v.verdict.KeyTrusted = true
		}
		if v.verdict.KeyTrusted {
			v.verdict.Handovers = append(v.verdict.Handovers, h.index)
		}
	}
	if v.verdict.KeyTrusted {
		return nil
	}
	return flaw(0, "checkpoint", "the file names the key %s, the one to trust is %s, and no entry replaces the one by the other", KeyID(v.fileKey), KeyID(v.trust.Key))
}

// earlierKey finds which of the keys that were replaced signed the earlier
// checkpoint. It must have been that key's time.
func (v *verifier) earlierKey() error {
	for _, h := range v.handovers {
		if _, err := OpenCheckpoint(v.trust.Earlier, h.Old); err != nil {
			continue
		}
		if n := v.earlier.Tree.N; n > h.index+1 && v.earlier.Origin == v.verdict.Origin {
			return flaw(h.index+1, "earlier", "the earlier checkpoint is of %d entries and signed with the key %s, which entry %d has replaced: whoever has that key has signed another record",
				n, KeyID(h.Old), h.index)
		}
		return nil
	}
	return notItsKey()
}

func notItsKey() error {
	return fault.New(fault.Invalid, "bad_checkpoint", "the earlier checkpoint is not signed with the key of this record, nor with one that it has replaced").
		Do("check that it is of the same server").At("--checkpoint")
}

// openEarlier reads the checkpoint that was brought. If the file's key did not
// sign it, a key may have that the record replaces further on: until then it is not
// known whether it is one at all, and what does not agree with it waits.
func (v *verifier) openEarlier(key ed25519.PublicKey) (err error) {
	if v.earlier, err = OpenCheckpoint(v.trust.Earlier, key); err == nil {
		return nil
	}
	if v.earlier, err = parseCheckpoint(v.trust.Earlier); err != nil {
		return notItsKey()
	}
	v.earlierWaits = true
	return nil
}

// disagrees says that the file does not continue the earlier checkpoint, at once
// or, if it is not known yet who signed that, later.
func (v *verifier) disagrees(err error) error {
	if !v.earlierWaits {
		return err
	}
	if v.earlierFlaw == nil {
		v.earlierFlaw = err
	}
	return nil
}
