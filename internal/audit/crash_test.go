package audit

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// stopAt makes a log stop its work, as if it crashed, the nth time it comes to a
// step.
func stopAt(l *Log, step string, nth int) {
	l.step = func(s string) error {
		if s == step {
			if nth--; nth == 0 {
				return errStopped
			}
		}
		return nil
	}
}

// Wherever the sequencer stops, the next one goes on: no leaf is lost, doubled or
// moved, and every checkpoint that was ever seen is continued.
func TestACrashBetweenAnyTwoSteps(t *testing.T) {
	b := newBench(t)
	b.write(300)
	kept := []Checkpoint{b.mustServe(b.log)}
	for _, step := range []string{"before commit", "committed", "remembered", "signed", "published"} {
		b.write(130)
		stopAt(b.log, step, 1)
		if err := b.serve(b.log); !errors.Is(err, errStopped) && step != "published" {
			t.Fatalf("stopped at %q: %v", step, err)
		}
		if c, _, err := b.log.Checkpoint(t.Context()); err == nil {
			kept = append(kept, c)
		}
		next := b.replica(b.dir) // the process starts again, with its directory
		b.log = next
		kept = append(kept, b.mustServe(next))
		for _, c := range kept {
			b.verified(next, c)
		}
	}
	v := b.verified(b.log)
	if v.Size != int64(b.n) {
		t.Errorf("%d entries of %d leaves", v.Size, b.n)
	}
	b.eachOnce()
}

// eachOnce: the record holds every leaf once, in the order in which it was written.
func (b *bench) eachOnce() {
	b.t.Helper()
	c, _, err := b.log.Checkpoint(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	i := 0
	for n := range bundles(c.Tree) {
		records, err := b.log.records(b.t.Context(), n, widthOf(c.Tree, n))
		if err != nil {
			b.t.Fatal(err)
		}
		for _, r := range records {
			if l, err := r.Leaf(); err != nil || l.ID != keyNumber(i) {
				b.t.Fatalf("entry %d is %s (%v)", i, l.ID, err)
			}
			i++
		}
	}
	if i != b.n {
		b.t.Fatalf("%d entries of %d leaves", i, b.n)
	}
}

// An answer that got lost must not make a second tree: the head moved, the
// holder does not know, and the next term finds it.
func TestTwoReplicasRaceForTheClerk(t *testing.T) {
	b := newBench(t)
	other := t.TempDir()
	if err := copyKey(b.dir, other); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	replicas := []*Log{b.log, b.replica(other)}
	done := make(chan error, 2)
	var seen []Checkpoint
	for _, l := range replicas {
		go func() {
			for ctx.Err() == nil {
				// Each term ends soon, so that the office changes hands often.
				turn, end := context.WithTimeout(ctx, 300*time.Millisecond)
				err := l.term(turn)
				end()
				if err != nil && turn.Err() == nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.StoreUnavailable) {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 30 {
		b.write(40)
		if c, _, err := b.log.Checkpoint(t.Context()); err == nil {
			seen = append(seen, c)
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if c, _, err := b.log.Checkpoint(t.Context()); err == nil && c.Tree.N == int64(b.n) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	for range replicas {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for _, c := range seen {
		b.verified(b.log, c)
	}
	b.eachOnce()
}

func copyKey(from, to string) error {
	key, err := LoadKey(from)
	if err != nil {
		return err
	}
	return keepKey(filepath.Join(to, KeyFile), key)
}

// The holder is frozen, its lease runs out, another takes over: when the first
// wakes up in the middle of its work, the store refuses what it writes.
func TestALeaderThatLostItsLeaseWritesNothing(t *testing.T) {
	for _, step := range []string{"before commit", "remembered", "signed"} {
		t.Run(step, func(t *testing.T) {
			b := newBench(t)
			b.mustServe(b.log)
			b.write(5)
			frozen, other := b.replica(b.dir), b.replica(t.TempDir())
			other.key = b.log.key
			frozen.step = func(s string) error {
				if s != step {
					return nil
				}
				frozen.step = nil
				if _, err := b.client.Delete(t.Context(), kv.Root+"clerk/audit"); err != nil { // as when its lease ran out
					return err
				}
				b.mustServe(other)
				b.write(2)
				b.mustServe(other)
				return nil
			}
			err := frozen.term(t.Context())
			if !fault.HasCode(err, "office_lost") {
				t.Errorf("the frozen holder's write: %v", err)
			}
			if v := b.verified(other); v.Size != 7 {
				t.Errorf("%d entries", v.Size)
			}
			b.log = other
			b.eachOnce()
		})
	}
}

// Whoever tampers with the store behind the servers is found before anything is
// signed on top of it.
func TestTheSequencerRefusesAStoreThatWasTamperedWith(t *testing.T) {
	leaf := func(i int) string { return kv.Root + Prefix + keyNumber(i) }
	for _, c := range []struct {
		what   string
		tamper func(*bench) error
		code   string
	}{
		{"a leaf in the tree is removed", func(b *bench) error { return del(b.client, leaf(2)) }, "leaves_missing"},
		{"a leaf that waits is removed, another in the tree is put twice", func(b *bench) error {
			return errors.Join(del(b.client, leaf(9)), rewrite(b.client, leaf(3)))
		}, "leaf_changed"},
		{"a leaf in the tree is changed", func(b *bench) error { return rewrite(b.client, leaf(1)) }, "leaf_changed"},
		{"a leaf in the tree is removed and written again", func(b *bench) error {
			return errors.Join(remake(b.client, leaf(4)))
		}, "leaves_missing"},
		{"the newest tile is changed", func(b *bench) error {
			return edit(b, tileKey(0, 0), func(t *tile) { t.Hashes[7] ^= 1 })
		}, "tree_damaged"},
		{"the head is set back", func(b *bench) error {
			return edit(b, theNow, func(h *head) { h.Size-- })
		}, "tree_damaged"},
		{"the head is of another store", func(b *bench) error {
			return edit(b, theNow, func(h *head) { h.Origin = "quorate/other" })
		}, "another_store"},
		{"a bit of a leaf that waits has flipped", func(b *bench) error {
			return flip(b.client, leaf(9))
		}, "leaf_changed"},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := newBench(t)
			b.write(8)
			kept := b.mustServe(b.log)
			b.write(4)
			if err := c.tamper(b); err != nil {
				t.Fatal(err)
			}
			err := b.replica(b.dir).term(t.Context())
			if !fault.HasCode(err, c.code) {
				t.Errorf("found: %v, want %s", err, c.code)
			}
			if now, _, err := b.log.Checkpoint(t.Context()); err != nil || now.Tree != kept.Tree {
				t.Errorf("signed on top of it: %v %v", now.Tree, err)
			}
		})
	}
}

// The store was rolled back and nobody noticed: its record grows again with
// other entries. The key remembers what it signed and does not sign a second
// history; once the restore is accepted, the log goes on under another name.
func TestAKeyNeverSignsTwoHistories(t *testing.T) {
	b := newBench(t)
	b.write(5)
	kept := b.mustServe(b.log)
	rolledBack := newBench(t) // another store that says it is the first one
	rolledBack.dir = b.dir
	id := b.store.Incarnation().ID
	rolledBack.become(id)
	rolledBack.write(3)
	rolledBack.n = 100
	rolledBack.write(4)
	l := rolledBack.replica(b.dir)
	if err := l.term(t.Context()); !fault.HasCode(err, "record_forked") {
		t.Fatalf("a second history of 7 entries: %v", err)
	}
	if _, _, err := l.Checkpoint(t.Context()); err == nil {
		t.Error("it was signed")
	}
	if _, err := rolledBack.store.Update(t.Context(), "", func(tx *kv.Tx) error { return kv.RaiseEpoch(tx, 1) }); err != nil {
		t.Fatal(err)
	}
	if err := rolledBack.store.Identify(t.Context()); err != nil {
		t.Fatal(err)
	}
	rolledBack.n = 7
	next := rolledBack.replica(b.dir)
	c := rolledBack.mustServe(next)
	if want := "quorate/" + id + "/2"; c.Origin != want {
		t.Errorf("the log after a restore is called %s, want %s", c.Origin, want)
	}
	_, err := Verify(bytes.NewReader(rolledBack.export(next)), Trust{Key: b.log.publicKey(), Earlier: kept.Note})
	if f := flawOf(err); f == nil || f.Part != "earlier" || !strings.Contains(f.What, "restored backup") {
		t.Errorf("held against the checkpoint before the restore: %v", err)
	}
}

// become gives the store another incarnation.
func (b *bench) become(id string) {
	b.t.Helper()
	if _, err := b.client.Delete(b.t.Context(), kv.Root+"meta/incarnation"); err != nil {
		b.t.Fatal(err)
	}
	type incarnation = kv.Incarnation
	meta := kv.NewCollection[incarnation]("meta", 1)
	if _, err := b.store.Update(b.t.Context(), "", func(tx *kv.Tx) error {
		return kv.Put(tx, meta.Key("incarnation"), incarnation{ID: id, Epoch: 1})
	}); err != nil {
		b.t.Fatal(err)
	}
	b.store = kvtest.Open(b.t, b.client, kv.Config{})
	if err := b.store.Identify(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func TestAReplicaWithAnotherKeyLeavesTheRecordToOthers(t *testing.T) {
	b := newBench(t)
	b.write(2)
	b.mustServe(b.log)
	stranger := b.replica(t.TempDir())
	if err := stranger.term(t.Context()); !fault.HasCode(err, "another_audit_key") {
		t.Errorf("it took the office: %v", err)
	}
	if v := b.verified(b.log); v.Size != 2 {
		t.Errorf("%+v", v)
	}
}

func del(c *clientv3.Client, key string) error {
	resp, err := c.Delete(context.Background(), key)
	if err == nil && resp.Deleted != 1 {
		return errors.New("there is no " + key)
	}
	return err
}

func get(c *clientv3.Client, key string) string {
	resp, err := c.Get(context.Background(), key)
	if err != nil || len(resp.Kvs) != 1 {
		return ""
	}
	return string(resp.Kvs[0].Value)
}

func rewrite(c *clientv3.Client, key string) error {
	if get(c, key) == "" {
		return errors.New("there is no " + key)
	}
	_, err := c.Put(context.Background(), key, get(c, key))
	return err
}

func remake(c *clientv3.Client, key string) error {
	value := get(c, key)
	if err := del(c, key); err != nil {
		return err
	}
	_, err := c.Put(context.Background(), key, value)
	return err
}

func flip(c *clientv3.Client, key string) error {
	value := []byte(get(c, key))
	value[len(value)/2] ^= 1
	_, err := c.Put(context.Background(), key, string(value))
	return err
}

func edit[T any](b *bench, k kv.Key[T], change func(*T)) error {
	_, err := b.store.Update(b.t.Context(), "", func(tx *kv.Tx) error {
		rec, err := kv.Get(tx, k)
		if err != nil {
			return err
		}
		change(&rec.Value)
		return kv.Put(tx, k, rec.Value)
	})
	return err
}
