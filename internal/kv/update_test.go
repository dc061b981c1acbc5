package kv_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

type counter struct {
	N    int    `json:"n"`
	Note string `json:"note,omitempty"`
}

type done struct {
	What string `json:"what"`
}

var (
	counters = kv.NewCollection[counter]("test/counters", 1)
	markers  = kv.NewCollection[done]("test/markers", 1)
)

// add raises a counter and leaves a marker, as every change of the domain does.
func add(store *kv.Store, name, id string) (kv.Outcome, error) {
	m := markers.Key(id)
	return store.Update(context.Background(), m.Path(), func(tx *kv.Tx) error {
		rec, err := kv.Get(tx, counters.Key(name))
		if err != nil {
			return err
		}
		rec.Value.N++
		if err := kv.Put(tx, counters.Key(name), rec.Value); err != nil {
			return err
		}
		return kv.Create(tx, m, done{What: "added one"})
	})
}

func read(t *testing.T, store *kv.Store, name string) kv.Record[counter] {
	t.Helper()
	rec, err := kv.Get(store.View(context.Background()), counters.Key(name))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestConcurrentWritersOfOneRecordLoseNothing(t *testing.T) {
	store := kvtest.New(t)
	const writers, each = 8, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if _, err := add(store, "hot", fmt.Sprintf("%d-%d", w, i)); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	if n := read(t, store, "hot").Value.N; n != writers*each {
		t.Errorf("the counter is %d after %d acknowledged additions", n, writers*each)
	}
}

func TestTheSameMarkerDoesTheWorkOnce(t *testing.T) {
	store := kvtest.New(t)
	first, err := add(store, "c", "same")
	if err != nil || first.Replayed {
		t.Fatalf("first: %+v, %v", first, err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			again, err := add(store, "c", "same")
			if err != nil || !again.Replayed || again.Revision != first.Revision {
				t.Errorf("again: %+v, %v; want replayed at %d", again, err, first.Revision)
			}
		})
	}
	wg.Wait()
	if n := read(t, store, "c").Value.N; n != 1 {
		t.Errorf("done %d times", n)
	}
}

func TestARepeatedUpdateIsReplayedEvenIfItWouldNowBeRefusedOrIdle(t *testing.T) {
	store := kvtest.New(t)
	if _, err := add(store, "c", "once"); err != nil {
		t.Fatal(err)
	}
	for what, fn := range map[string]func(*kv.Tx) error{
		"refused":       func(*kv.Tx) error { return fault.New(fault.Refused, "already_on", "it is on already") },
		"nothing to do": func(*kv.Tx) error { return nil },
	} {
		out, err := store.Update(context.Background(), markers.Key("once").Path(), fn)
		if err != nil || !out.Replayed {
			t.Errorf("%s: %+v, %v; want replayed", what, out, err)
		}
		if out, err = store.Update(context.Background(), markers.Key("never").Path(), fn); out.Replayed {
			t.Errorf("%s, marker never written: %+v, %v", what, out, err)
		}
	}
}

func TestEveryRecordReadIsGuarded(t *testing.T) {
	for what, meddle := range map[string]func(*testing.T, *clientv3.Client){
		"changed": func(t *testing.T, c *clientv3.Client) { put(t, c, "test/counters/read", "{}") },
		"deleted": func(t *testing.T, c *clientv3.Client) { del(t, c, "test/counters/read") },
		"appeared where nothing was": func(t *testing.T, c *clientv3.Client) {
			put(t, c, "test/counters/absent", "{}")
		},
		"appeared in a list": func(t *testing.T, c *clientv3.Client) { put(t, c, "test/listed/new", "{}") },
	} {
		t.Run(what, func(t *testing.T) {
			etcd := kvtest.Etcd(t)
			store := kvtest.Open(t, etcd, kv.Config{})
			if _, err := add(store, "read", "setup"); err != nil {
				t.Fatal(err)
			}
			listed := kv.NewCollection[counter]("test/listed", 1)
			runs := 0
			stop := errors.New("enough")
			_, err := store.Update(context.Background(), "", func(tx *kv.Tx) error {
				if runs++; runs > 1 {
					return stop
				}
				if _, err := kv.Get(tx, counters.Key("read")); err != nil {
					return err
				}
				if _, err := kv.Get(tx, counters.Key("absent")); err != nil {
					return err
				}
				if _, err := kv.List(tx, listed); err != nil {
					return err
				}
				meddle(t, etcd)
				return kv.Put(tx, counters.Key("written"), counter{N: 1})
			})
			if !errors.Is(err, stop) || runs != 2 {
				t.Errorf("the update committed over what it had read (runs %d, err %v)", runs, err)
			}
		})
	}
}

func put(t *testing.T, c *clientv3.Client, path, value string) {
	t.Helper()
	if _, err := c.Put(context.Background(), kv.Root+path, value); err != nil {
		t.Fatal(err)
	}
}

func del(t *testing.T, c *clientv3.Client, path string) {
	t.Helper()
	if _, err := c.Delete(context.Background(), kv.Root+path); err != nil {
		t.Fatal(err)
	}
}

func TestLimitsAreSaidBeforeEtcdSaysThem(t *testing.T) {
	store := kvtest.New(t)
	many := func(n int) error {
		_, err := store.Update(context.Background(), "", func(tx *kv.Tx) error {
			for i := range n {
				if err := kv.Create(tx, counters.Key(fmt.Sprintf("many-%d-%d", n, i)), counter{N: i}); err != nil {
					return err
				}
			}
			return nil
		})
		return err
	}
	big := func(n int) error {
		_, err := store.Update(context.Background(), "", func(tx *kv.Tx) error {
			for i := range 2 {
				k := counters.Key(fmt.Sprintf("big-%d", i))
				if err := kv.Create(tx, k, counter{Note: strings.Repeat("x", n/2)}); err != nil {
					return err
				}
			}
			return nil
		})
		return err
	}
	for _, c := range []struct {
		what string
		err  error
		code string
	}{
		{"128 records", many(128), ""},
		{"129 records", many(129), "too_many_records"},
		{"1.4 MiB", big(14 << 20 / 10), ""},
		{"1.6 MiB", big(16 << 20 / 10), "change_too_large"},
		{"one record of 2 MiB", big(4 << 20), "record_too_large"},
	} {
		if c.code == "" && c.err != nil || c.code != "" && !fault.HasCode(c.err, c.code) {
			t.Errorf("%s: %v, want code %q", c.what, c.err, c.code)
		}
	}
}

func TestABadKeyIsRefused(t *testing.T) {
	store := kvtest.New(t)
	for _, part := range []string{"", "a/b", strings.Repeat("x", 257)} {
		if _, err := kv.Get(store.View(context.Background()), counters.Key(part)); !fault.HasCode(err, "bad_key") {
			t.Errorf("key part %q: %v", part, err)
		}
	}
}

func TestDamagedAndNewerRecordsAreNotUsed(t *testing.T) {
	etcd := kvtest.Etcd(t)
	store := kvtest.Open(t, etcd, kv.Config{})
	if _, err := add(store, "c", "m"); err != nil {
		t.Fatal(err)
	}
	resp, err := etcd.Get(context.Background(), kv.Root+"test/counters/c")
	if err != nil {
		t.Fatal(err)
	}
	good := string(resp.Kvs[0].Value)
	for what, c := range map[string]struct{ stored, code string }{
		"a flipped bit":          {strings.Replace(good, `"n":1`, `"n":3`, 1), "damaged_record"},
		"moved from another key": {strings.Replace(good, `"sum":"`, `"sum":"0`, 1), "damaged_record"},
		"not JSON":               {good[1:], "damaged_record"},
		"a newer schema":         {strings.Replace(good, `"schema":1`, `"schema":2`, 1), "newer_schema"},
	} {
		put(t, etcd, "test/counters/c", c.stored)
		if _, err := kv.Get(store.View(context.Background()), counters.Key("c")); !fault.HasCode(err, c.code) {
			t.Errorf("%s: %v, want %s", what, err, c.code)
		}
	}
}

func TestWritingWhatStandsThereIsNoWrite(t *testing.T) {
	store := kvtest.New(t)
	if _, err := add(store, "c", "m"); err != nil {
		t.Fatal(err)
	}
	before := read(t, store, "c")
	out, err := store.Update(context.Background(), "", func(tx *kv.Tx) error {
		if err := kv.Put(tx, counters.Key("c"), counter{N: 9}); err != nil {
			return err
		}
		return kv.Put(tx, counters.Key("c"), before.Value)
	})
	if err != nil || out.Revision != 0 || read(t, store, "c").Revision != before.Revision {
		t.Errorf("outcome %+v, %v; record %+v", out, err, read(t, store, "c"))
	}
}

// An update whose answer is lost must find its own work when it is tried again.
// The client here loses the first answer of each transaction, on purpose.
func TestALostAnswerIsFoundAgain(t *testing.T) {
	etcd := kvtest.Etcd(t)
	lossy := &losesAnswers{KV: etcd.KV}
	client := clientv3.NewCtxClient(context.Background())
	client.KV, client.Watcher = lossy, etcd.Watcher
	store := kvtest.Open(t, client, kv.Config{})
	for i := range 10 {
		lossy.next.Store(true)
		if _, err := add(store, "c", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := read(t, store, "c").Value.N; n != 10 || lossy.lost.Load() != 10 {
		t.Errorf("%d additions in the store after 10 acknowledged, %d answers lost", n, lossy.lost.Load())
	}
	lossy.next.Store(true)
	_, err := store.Update(context.Background(), "", func(tx *kv.Tx) error {
		return kv.Put(tx, counters.Key("d"), counter{N: 1})
	})
	if !fault.Is(err, fault.OutcomeUnknown) {
		t.Errorf("without a marker a lost answer is %v, want outcome_unknown", err)
	}
}

type losesAnswers struct {
	clientv3.KV
	next atomic.Bool
	lost atomic.Int64
}

func (l *losesAnswers) Txn(ctx context.Context) clientv3.Txn {
	return &lossyTxn{Txn: l.KV.Txn(ctx), l: l}
}

type lossyTxn struct {
	clientv3.Txn
	l *losesAnswers
}

func (x *lossyTxn) If(c ...clientv3.Cmp) clientv3.Txn  { x.Txn = x.Txn.If(c...); return x }
func (x *lossyTxn) Then(o ...clientv3.Op) clientv3.Txn { x.Txn = x.Txn.Then(o...); return x }
func (x *lossyTxn) Else(o ...clientv3.Op) clientv3.Txn { x.Txn = x.Txn.Else(o...); return x }
func (x *lossyTxn) Commit() (*clientv3.TxnResponse, error) {
	resp, err := x.Txn.Commit()
	if err == nil && x.l.next.CompareAndSwap(true, false) {
		x.l.lost.Add(1)
		return nil, errors.New("the connection broke before the answer came")
	}
	return resp, err
}

// Unmoved looks at a whole prefix: what was written since is refused, what is
// written before the commit has it fail.
func TestUnmovedGuardsAPrefix(t *testing.T) {
	store := kvtest.New(t)
	below := kv.NewCollection[string]("below", 1)
	put := func(key, value string) int64 {
		t.Helper()
		out, err := store.Update(t.Context(), "", func(tx *kv.Tx) error { return kv.Put(tx, below.Key(key), value) })
		if err != nil {
			t.Fatal(err)
		}
		return out.Revision
	}
	asked := 0
	guarded := func(since int64, between func()) error {
		tries := 0
		asked++
		_, err := store.Update(t.Context(), "", func(tx *kv.Tx) error {
			if err := tx.Unmoved("below/", since); err != nil {
				return err
			}
			if tries++; tries == 1 && between != nil {
				between()
			}
			return kv.Put(tx, kv.NewCollection[int]("pointer", 1).Key("x"), asked)
		})
		return err
	}
	if err := guarded(0, nil); err != nil {
		t.Errorf("an empty prefix: %v", err)
	}
	first := put("a", "1")
	if err := guarded(first, nil); err != nil {
		t.Errorf("looked at since: %v", err)
	}
	if err := guarded(first-1, nil); !fault.HasCode(err, "moved_since") {
		t.Errorf("written since: %v", err)
	}
	if err := guarded(first, func() { put("b", "2") }); !fault.HasCode(err, "moved_since") {
		t.Errorf("a new one before the commit: %v", err)
	}
	now := put("a", "3")
	if err := guarded(now, func() { put("a", "4") }); !fault.HasCode(err, "moved_since") {
		t.Errorf("a changed one before the commit: %v", err)
	}
}
