package kv_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// A replica that starts while the store is over its quota loads and serves.
func TestAReplicaStartsOnAFullStore(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	child, err := embedded.Start(ctx, embedded.Config{Dir: t.TempDir(), SmallWAL: true, QuotaBytes: 16 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{child.Endpoint()}})
	if err != nil {
		t.Fatal(err)
	}
	defer etcd.Close()
	store := kvtest.Open(t, etcd, kv.Config{})
	if err := store.Identify(ctx); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 100 && err == nil; i++ {
		m := markers.Key(fmt.Sprint(i))
		_, err = store.Update(ctx, m.Path(), func(tx *kv.Tx) error {
			if err := kv.Put(tx, counters.Key("big"), counter{N: i, Note: strings.Repeat("x", 1<<20)}); err != nil {
				return err
			}
			return kv.Create(tx, m, done{What: "filled"})
		})
	}
	if !fault.Is(err, fault.QuotaExceeded) {
		t.Fatal(err)
	}
	again := kvtest.Open(t, etcd, kv.Config{})
	if err := again.Identify(ctx); err != nil {
		t.Errorf("Identify on a full store: %v / %v", err, errors.Unwrap(err))
	}
	f := again.NewFollower()
	f.Subscribe(func(kv.Batch) {}, counters.Prefix())
	fctx, stop := context.WithCancel(ctx)
	fin := make(chan struct{})
	go func() { defer close(fin); f.Run(fctx) }()
	select {
	case <-f.Ready():
	case <-time.After(5 * time.Second):
		t.Error("a follower on a full store was not ready within 5 s")
	}
	stop()
	<-fin
}

// A store that went back is noticed by the write itself, before the watch says so.
func TestNoWriteOnAStoreThatWentBack(t *testing.T) {
	store := kvtest.New(t)
	if err := store.Identify(context.Background()); err != nil {
		t.Fatal(err)
	}
	kv.Advance(store, 1_000_000)
	if out, err := add(store, "c", "x"); err == nil {
		t.Errorf("acknowledged at revision %d though revision 1000000 has been seen", out.Revision)
	}
}

// A repeated update whose marker cannot be looked up is not told what its rule
// would say now.
func TestARepeatWhoseLookUpFailsIsNotRefused(t *testing.T) {
	store := kvtest.New(t)
	if _, err := add(store, "c", "same"); err != nil {
		t.Fatal(err)
	}
	for _, refusal := range []error{fault.New(fault.Refused, "already_offered", "x"), nil} {
		ctx, cancel := context.WithCancel(context.Background())
		out, err := store.Update(ctx, markers.Key("same").Path(), func(tx *kv.Tx) error {
			cancel() // the store goes away here
			return refusal
		})
		if err == nil || fault.Is(err, fault.Refused) {
			t.Errorf("told %v, %+v for a change that had been applied", err, out)
		}
	}
}

// Setting the wall clock back does not make silence look fresh.
func TestSilenceIsSeenWhenTheClockWentBack(t *testing.T) {
	off := time.Duration(0)
	now := func() time.Time { return time.Now().Add(off) }
	store := kvtest.Open(t, kvtest.Etcd(t), kv.Config{Now: now})
	f := store.NewFollower()
	f.Subscribe(func(kv.Batch) {}, counters.Prefix())
	ctx, cancel := context.WithCancel(context.Background())
	fin := make(chan struct{})
	go func() { defer close(fin); f.Run(ctx) }()
	<-f.Ready()
	cancel()
	<-fin // no contact from here on
	off = -time.Hour
	time.Sleep(3500 * time.Millisecond)
	if f.Fresh() {
		t.Error("fresh after 3.5 s of silence")
	}
}

// txnHook lets a test stand between a transaction and its answer.
type txnHook struct {
	clientv3.KV
	commit func(n int, do func() (*clientv3.TxnResponse, error)) (*clientv3.TxnResponse, error)
	n      *int
}
type txn struct {
	clientv3.Txn
	h txnHook
}

func (h txnHook) Txn(ctx context.Context) clientv3.Txn { return txn{h.KV.Txn(ctx), h} }
func (x txn) If(c ...clientv3.Cmp) clientv3.Txn        { return txn{x.Txn.If(c...), x.h} }
func (x txn) Then(c ...clientv3.Op) clientv3.Txn       { return txn{x.Txn.Then(c...), x.h} }
func (x txn) Else(c ...clientv3.Op) clientv3.Txn       { return txn{x.Txn.Else(c...), x.h} }
func (x txn) Commit() (*clientv3.TxnResponse, error) {
	*x.h.n++
	return x.h.commit(*x.h.n, x.Txn.Commit)
}

// An error of credentials on the second try says nothing of the first.
func TestAnAuthErrorAfterAnUnknownTryIsUnknown(t *testing.T) {
	etcd := kvtest.Etcd(t)
	n := 0
	hooked := clientv3.NewCtxClient(context.Background())
	hooked.KV = txnHook{KV: etcd.KV, n: &n, commit: func(n int, do func() (*clientv3.TxnResponse, error)) (*clientv3.TxnResponse, error) {
		if n == 1 {
			_, _ = do() // applied, the answer is lost
			return nil, status.Error(codes.Unavailable, "reset")
		}
		return nil, rpctypes.ErrInvalidAuthToken
	}}
	store := kvtest.Open(t, hooked, kv.Config{})
	_, err := add(store, "c", "x")
	applied := read(t, store, "c").Value.N == 1
	if applied && fault.Is(err, fault.StoreUnavailable) {
		t.Errorf("told %q for a change that was applied", err)
	}
}
