package gate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

var portal = identity.Principal{ID: "token:portal", Name: "portal", Grants: []identity.Grant{{Role: identity.Service, Regions: []string{"co"}}}}

// Different requests that are refused under one key are all on the record.
func TestEveryRefusalIsRecorded(t *testing.T) {
	store := kvtest.New(t)
	g := newGate(store, gate.Unregulated{})
	key := uuid.Must(uuid.NewV7()).String()
	for i, region := range []string{"hi", "nca", "sca"} {
		c := change(lead, identity.Answer, region)
		c.ID = key
		c.Reason = fmt.Sprint("attempt ", i)
		if _, err := g.Submit(context.Background(), c, turn(true)); !fault.Is(err, fault.Forbidden) {
			t.Fatal(err)
		}
	}
	if n := len(record(t, store)); n != 3 {
		t.Errorf("%d of 3 refusals are on the record", n)
	}
}

// A refused request cannot carry what it likes into the store.
func TestARefusalIsSmall(t *testing.T) {
	store := kvtest.New(t)
	g := newGate(store, gate.Unregulated{})
	total := 0
	for range 10 {
		c := change(portal, identity.Answer, "co")
		c.Reason = "\x1b[2J" + strings.Repeat("x", 1_000_000)
		if _, err := g.Submit(context.Background(), c, turn(true)); !fault.Is(err, fault.Forbidden) {
			t.Fatal(err)
		}
	}
	for _, e := range record(t, store) {
		total += len(e.Reason)
	}
	if total > 100_000 {
		t.Errorf("a portal's token put %d bytes into the record in ten requests", total)
	}
}

func TestALongReasonDoesNotHideARefusal(t *testing.T) {
	store := kvtest.New(t)
	g := newGate(store, gate.Unregulated{})
	c := change(lead, identity.Answer, "hi")
	c.Reason = strings.Repeat("<", 300_000)
	if _, err := g.Submit(context.Background(), c, turn(true)); !fault.Is(err, fault.Forbidden) {
		t.Fatal(err)
	}
	if n := len(record(t, store)); n != 1 {
		t.Errorf("%d leaves for a forbidden request with a reason of 300 kB", n)
	}
}

type gets struct {
	clientv3.KV
	get func(ctx context.Context, key string, do func() (*clientv3.GetResponse, error)) (*clientv3.GetResponse, error)
}

func (g gets) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return g.get(ctx, key, func() (*clientv3.GetResponse, error) { return g.KV.Get(ctx, key, opts...) })
}

func hooked(t *testing.T, get func(ctx context.Context, key string, do func() (*clientv3.GetResponse, error)) (*clientv3.GetResponse, error)) *kv.Store {
	etcd := kvtest.Etcd(t)
	client := clientv3.NewCtxClient(context.Background())
	client.KV, client.Watcher = gets{etcd.KV, get}, etcd.Watcher
	return kvtest.Open(t, client, kv.Config{})
}

// A repeated change that stands is never answered "nothing was changed".
func TestARepeatThatStandsIsNotCalledFailed(t *testing.T) {
	away := false
	store := hooked(t, func(_ context.Context, key string, do func() (*clientv3.GetResponse, error)) (*clientv3.GetResponse, error) {
		if away && strings.Contains(key, "audit/leaves/") {
			return nil, errors.New("away")
		}
		return do()
	})
	g := newGate(store, gate.Unregulated{})
	c := change(lead, identity.Answer, "co")
	if _, err := g.Submit(context.Background(), c, turn(true)); err != nil {
		t.Fatal(err)
	}
	away = true
	// a rule that still writes, so that the transaction itself finds the marker
	_, err := g.Submit(context.Background(), c, func(tx *kv.Tx, _ gate.Change) error {
		return kv.Put(tx, switches.Key("co", "video_visit"), switchState{On: false})
	})
	if fault.Is(err, fault.StoreUnavailable) {
		t.Errorf("a change that stands is answered %q", err)
	}
}

// Whenever the store freezes, everybody is answered within 3 s.
func TestAnAnswerWithinThreeSeconds(t *testing.T) {
	frozen := false
	store := hooked(t, func(ctx context.Context, key string, do func() (*clientv3.GetResponse, error)) (*clientv3.GetResponse, error) {
		if frozen {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return do()
	})
	g := newGate(store, gate.Unregulated{})
	// Frozen right after the rule ran: the marker is looked for, then the refusal
	// is recorded.
	start := time.Now()
	_, err := g.Submit(context.Background(), change(lead, identity.Answer, "co"), func(tx *kv.Tx, _ gate.Change) error {
		frozen = true
		return refuse(tx, gate.Change{})
	})
	if took := time.Since(start); err == nil || took > 3*time.Second {
		t.Errorf("refused after %s: %v", took, err)
	}
	frozen = false
	c := change(lead, identity.Answer, "co")
	if _, err := g.Submit(context.Background(), c, turn(true)); err != nil {
		t.Fatal(err)
	}
	start = time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // the HTTP limit
	defer cancel()
	_, err = g.Submit(ctx, c, func(tx *kv.Tx, _ gate.Change) error {
		if err := kv.Put(tx, switches.Key("co", "video_visit"), switchState{On: false}); err != nil {
			return err
		}
		frozen = true
		return nil
	})
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("answered after %s: %v", took, err)
	}
}

type frozenKV struct {
	clientv3.KV
	frozen *bool
}
type frozenTxn struct {
	clientv3.Txn
	ctx context.Context
	f   *bool
}

func (k frozenKV) Get(ctx context.Context, key string, o ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	if *k.frozen {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return k.KV.Get(ctx, key, o...)
}
func (k frozenKV) Txn(ctx context.Context) clientv3.Txn {
	return frozenTxn{k.KV.Txn(ctx), ctx, k.frozen}
}
func (x frozenTxn) If(c ...clientv3.Cmp) clientv3.Txn { return frozenTxn{x.Txn.If(c...), x.ctx, x.f} }
func (x frozenTxn) Then(c ...clientv3.Op) clientv3.Txn {
	return frozenTxn{x.Txn.Then(c...), x.ctx, x.f}
}
func (x frozenTxn) Else(c ...clientv3.Op) clientv3.Txn {
	return frozenTxn{x.Txn.Else(c...), x.ctx, x.f}
}
func (x frozenTxn) Commit() (*clientv3.TxnResponse, error) {
	if *x.f {
		<-x.ctx.Done()
		return nil, x.ctx.Err()
	}
	return x.Txn.Commit()
}

func TestARefusalWithinThreeSeconds(t *testing.T) {
	etcd := kvtest.Etcd(t)
	frozen := false
	client := clientv3.NewCtxClient(context.Background())
	client.KV, client.Watcher = frozenKV{etcd.KV, &frozen}, etcd.Watcher
	g := newGate(kvtest.Open(t, client, kv.Config{}), gate.Unregulated{})
	start := time.Now()
	_, err := g.Submit(context.Background(), change(lead, identity.Answer, "co"), func(tx *kv.Tx, _ gate.Change) error {
		frozen = true
		return refuse(tx, gate.Change{})
	})
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("answered after %s: %v", took, err)
	}
}
