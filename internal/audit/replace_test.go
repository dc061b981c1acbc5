package audit

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// replace has the key replaced by one that the log makes, as the gate does.
func (b *bench) replace(l *Log) Replacement {
	b.t.Helper()
	r, err := l.Successor(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.put(r); err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) put(r Replacement) error {
	l := leafNumber(b.n)
	l.Result, l.Action = Applied, identity.ReplaceKey
	_, err := b.store.Update(b.t.Context(), l.Path(), func(tx *kv.Tx) error {
		if err := r.Put(tx); err != nil {
			return err
		}
		l.Edits = tx.Edits()
		return Append(tx, l)
	})
	if err == nil {
		b.n++
	}
	return err
}

func TestTheSigningKeyIsReplacedAndWhoTrustsTheOldOneIsLedToTheNew(t *testing.T) {
	b := newBench(t)
	first := b.log.publicKey()
	b.write(3)
	kept := b.mustServe(b.log)
	b.replace(b.log)
	b.write(4)
	b.mustServe(b.log)
	second := b.log.publicKey()
	if second.Equal(first) {
		t.Fatal("the old key signs still")
	}
	for _, name := range []string{KeyFile, KeyFile + "." + KeyID(first)} {
		if info, err := os.Stat(filepath.Join(b.dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	b.replace(b.log)
	b.write(1)
	top := b.mustServe(b.log)
	third := b.log.publicKey()
	if _, err := OpenCheckpoint(top.Note, third); err != nil {
		t.Errorf("the newest checkpoint is not signed with the newest key: %v", err)
	}

	export := b.export(b.log)
	for name, c := range map[string]struct {
		key  ed25519.PublicKey
		want []int64
	}{"the first": {first, []int64{3, 8}}, "the second": {second, []int64{8}}, "the third": {third, nil}} {
		v, err := Verify(bytes.NewReader(export), Trust{Key: c.key, Earlier: kept.Note})
		if err != nil || !v.KeyTrusted || v.KeyID != KeyID(third) || !slices.Equal(v.Handovers, c.want) || v.Earlier != 3 {
			t.Errorf("with %s key: %+v, %v", name, v, err)
		}
	}
	if _, err := Verify(bytes.NewReader(export), Trust{Key: public(testKey(9))}); flawOf(err) == nil || !strings.Contains(err.Error(), "no entry replaces the one by the other") {
		t.Errorf("a key that has nothing to do with it is trusted: %v", err)
	}
	again := b.replica(b.dir) // started anew
	if !again.publicKey().Equal(third) {
		t.Error("the key is another after a start")
	}
	b.write(1)
	b.mustServe(again)
}

// Whoever holds the office carries the replacement out, up to the new key, which
// only the server has that made it.
func TestAServerWithoutTheNewKeyHandsOverToTheOneThatHasIt(t *testing.T) {
	b := newBench(t)
	b.write(2)
	b.mustServe(b.log)
	other := b.replica(t.TempDir())
	other.key = b.log.key
	b.replace(b.log)
	b.write(2)
	if err := b.serve(other); !fault.HasCode(err, "another_audit_key") {
		t.Fatalf("it has not got the new key: %v", err)
	}
	c, vkey, err := other.Checkpoint(t.Context())
	if err != nil || c.Tree.N != 3 {
		t.Fatalf("the old key signs the tree that ends with its replacement: %d entries, %v", c.Tree.N, err)
	}
	if key, err := ParseVerifierKey(vkey); err != nil || !key.Equal(other.publicKey()) {
		t.Errorf("the checkpoint comes with another key than signed it: %v", err)
	}
	if _, err := other.Backup(t.Context(), new(bytes.Buffer)); !fault.HasCode(err, "another_audit_key") {
		t.Errorf("a backup is signed with a key that was replaced: %v", err)
	}
	b.mustServe(b.log)
	b.verified(b.log, c)
}

func TestAReplacementSurvivesACrashAtEveryStep(t *testing.T) {
	for _, step := range []string{"before commit", "committed", "remembered", "signed", "published", "endorsed", "handed over"} {
		t.Run(step, func(t *testing.T) {
			b := newBench(t)
			b.write(2)
			kept := b.mustServe(b.log)
			old := b.log.publicKey()
			b.replace(b.log)
			b.write(2)
			b.log.step = func(s string) error {
				if s == step {
					return errStopped
				}
				return nil
			}
			if err := b.serve(b.log); err == nil {
				t.Fatal("nothing stopped it")
			}
			again := b.replica(b.dir)
			b.mustServe(again)
			v, err := Verify(bytes.NewReader(b.export(again)), Trust{Key: old, Earlier: kept.Note})
			if err != nil || !slices.Equal(v.Handovers, []int64{2}) || v.KeyID == KeyID(old) {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}

func TestOneReplacementAtATime(t *testing.T) {
	b := newBench(t)
	b.write(1)
	b.mustServe(b.log)
	other := b.replica(t.TempDir())
	other.key = b.log.key
	late, err := other.Successor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.replace(b.log)
	if err := b.put(late); !fault.HasCode(err, "key_is_being_replaced") {
		t.Errorf("two replacements at once: %v", err)
	}
	b.write(1)
	b.mustServe(b.log)
	if err := b.put(late); !fault.HasCode(err, "key_was_replaced") {
		t.Errorf("a key that signs no more endorses another: %v", err)
	}
	if _, err := other.Successor(t.Context()); !fault.HasCode(err, "another_audit_key") {
		t.Errorf("a server endorses with a key that signs no more: %v", err)
	}
}

// Whoever writes to the store past the servers cannot have another key sign.
func TestAKeyThatIsNotEndorsedDoesNotSign(t *testing.T) {
	thief, stranger := testKey(8), testKey(9)
	for name, forge := range map[string]func(b *bench) (Replacement, bool){
		"endorsed by nobody": func(b *bench) (Replacement, bool) {
			return Replacement{Old: b.log.publicKey(), New: public(thief)}, true
		},
		"endorsed by another key": func(b *bench) (Replacement, bool) {
			r, _ := endorse(b.store.Incarnation().ID, stranger, thief)
			r.Old = b.log.publicKey()
			return r, true
		},
		"endorsed by another key, and says so": func(b *bench) (Replacement, bool) {
			r, _ := endorse(b.store.Incarnation().ID, stranger, thief)
			return r, true
		},
		"endorsed for another store": func(b *bench) (Replacement, bool) {
			r, _ := endorse("00000000-0000-4000-8000-000000000000", b.log.key, thief)
			return r, true
		},
		"endorsed, and not on the record": func(b *bench) (Replacement, bool) {
			r, _ := endorse(b.store.Incarnation().ID, b.log.key, thief)
			return r, false
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.write(2)
			kept := b.mustServe(b.log)
			r, recorded := forge(b)
			l := leafNumber(b.n)
			l.Result = Applied
			_, err := b.store.Update(t.Context(), "", func(tx *kv.Tx) error {
				if err := kv.Put(tx, theKey, r); err != nil || !recorded {
					return err
				}
				l.Edits = tx.Edits()
				return Append(tx, l)
			})
			if err != nil {
				t.Fatal(err)
			}
			if recorded {
				b.n++
			}
			b.write(1)
			if err := b.log.term(t.Context()); !fault.HasCode(err, "key_not_endorsed") {
				t.Errorf("the forged key: %v", err)
			}
			c, vkey, err := b.log.Checkpoint(t.Context())
			if err != nil || c.Tree.N < kept.Tree.N || !strings.HasSuffix(vkey, mustVerifierKey(t, b.log)) {
				t.Errorf("the old key's checkpoint stands: %d entries, %s, %v", c.Tree.N, vkey, err)
			}
		})
	}
}

func mustVerifierKey(t *testing.T, l *Log) string {
	t.Helper()
	vkey, err := VerifierKey(originOf(l.store.Incarnation()), l.publicKey())
	if err != nil {
		t.Fatal(err)
	}
	return vkey
}

// handedOver is a shelf whose entry at has key hand over to next, which signs.
func handedOver(n, at int, next ed25519.PrivateKey, alter func(*Replacement)) *shelf {
	s := newShelf(n)
	r, err := endorse(lifeOf(s.origin), s.key, next)
	if err != nil {
		panic(err)
	}
	if alter != nil {
		alter(&r)
	}
	l := leafNumber(at)
	l.Result, l.Action, l.Refusal = Applied, identity.ReplaceKey, nil
	l.Edits = []kv.Edit{{Path: keyPath, After: mustJSON(r)}}
	s.records[at] = newRecord(s.records[at].Revision, 1, mustJSON(l))
	s.key = next
	return s
}

func TestWhatIsSaidOfAnExportWhoseKeyWasReplaced(t *testing.T) {
	old, next := testKey(1), testKey(2)
	good := handedOver(20, 10, next, nil)
	by := func(s *shelf, key ed25519.PrivateKey, n int) *shelf {
		c := s.upTo(n)
		c.key = key
		return c
	}
	otherHistory := handedOver(20, 10, next, nil)
	otherHistory.records[3] = newRecord(otherHistory.records[3].Revision, 1, mustJSON(leafNumber(333)))
	for name, c := range map[string]struct {
		of      *shelf
		key     ed25519.PrivateKey
		earlier *shelf
		index   int64  // of the flaw
		want    string // part of what is said; "": it is true
	}{
		"the old key is pinned":                             {of: good, key: old},
		"the new key is pinned":                             {of: good, key: next},
		"a checkpoint of the old key":                       {of: good, key: old, earlier: by(good, old, 7)},
		"and with the new key pinned":                       {of: good, key: next, earlier: by(good, old, 11)},
		"a checkpoint of the new key, and the old pinned":   {of: good, key: old, earlier: by(good, next, 15)},
		"the moment of the replacement, signed by the old":  {of: by(good, old, 11), key: old},
		"the old key signs on":                              {of: by(good, old, 20), key: old, index: 10, want: "its entry 10 has"},
		"the old key signs on, and nobody pinned one":       {of: by(good, old, 20), index: 10, want: "its entry 10 has"},
		"a third key signs":                                 {of: by(good, testKey(3), 20), key: old, index: 10, want: "its entry 10 has"},
		"the old key's record, before the replacement":      {of: by(good, old, 9), key: next, want: "no entry replaces the one by the other"},
		"a checkpoint of the old key after its replacement": {of: good, key: next, earlier: by(good, old, 15), index: 11, want: "whoever has that key has signed another record"},
		"a checkpoint of the old key of another history":    {of: good, key: next, earlier: by(otherHistory, old, 8), want: "the record was rewritten"},
		"a checkpoint of a third key":                       {of: good, key: next, earlier: by(good, testKey(3), 8), want: "nor with one that it has replaced"},
		"rolled back, by the old key's checkpoint": {of: by(handedOver(20, 2, next, nil), next, 5), key: old, earlier: by(good, old, 9),
			index: 3, want: "whoever has that key"},
		"not signed by the old key": {of: handedOver(20, 10, next, func(r *Replacement) {
			forged, _ := endorse("6b1f0c1e-0000-4000-8000-000000000001", testKey(3), next)
			r.Endorsement = forged.Endorsement
		}), key: old, index: 10, want: "not endorsed"},
		"not signed by the new key": {of: handedOver(20, 10, next, func(r *Replacement) {
			signed, _ := endorse("6b1f0c1e-0000-4000-8000-000000000001", testKey(1), testKey(3))
			r.Endorsement = signed.Endorsement
		}), key: old, index: 10, want: "not endorsed"},
		"for another store": {of: handedOver(20, 10, next, func(r *Replacement) {
			*r, _ = endorse("6b1f0c1e-0000-4000-8000-000000000002", testKey(1), next)
		}), key: old, index: 10, want: "not endorsed"},
		"by a key that did not sign before": {of: handedOver(20, 10, next, func(r *Replacement) {
			*r, _ = endorse("6b1f0c1e-0000-4000-8000-000000000001", testKey(3), next)
		}), key: old, want: "no entry replaces the one by the other"},
	} {
		t.Run(name, func(t *testing.T) {
			trust := Trust{}
			if c.key != nil {
				trust.Key = public(c.key)
			}
			if c.earlier != nil {
				trust.Earlier = c.earlier.note()
			}
			v, err := Verify(bytes.NewReader(c.of.export()), trust)
			switch f := flawOf(err); {
			case c.want == "" && (err != nil || c.key != nil && !v.KeyTrusted):
				t.Errorf("it is true: %+v, %v", v, err)
			case c.want == "":
			case err == nil || !strings.Contains(err.Error(), c.want) || f != nil && f.Index != c.index:
				t.Errorf("want %q at %d, got %v", c.want, c.index, err)
			}
		})
	}
}
