package kv_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// TestMain lets the test binary be the store's child process.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == embedded.ChildArg {
		os.Exit(embedded.Main(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// A store over its quota refuses writes with a clear fault and goes on reading;
// once space was made it takes writes again.
func TestAFullStoreSaysSo(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	child, err := embedded.Start(ctx, embedded.Config{Dir: t.TempDir(), SmallWAL: true, QuotaBytes: 16 << 20,
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := child.Close(); err != nil {
			t.Error(err)
		}
	}()
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{child.Endpoint()}})
	if err != nil {
		t.Fatal(err)
	}
	defer etcd.Close()
	store := kvtest.Open(t, etcd, kv.Config{})
	fill := func(i int) error {
		m := markers.Key(fmt.Sprint(i))
		_, err := store.Update(ctx, m.Path(), func(tx *kv.Tx) error {
			if err := kv.Put(tx, counters.Key("big"), counter{N: i, Note: strings.Repeat("x", 1<<20)}); err != nil {
				return err
			}
			return kv.Create(tx, m, done{What: "filled"})
		})
		return err
	}
	acked := 0
	for i := 1; i < 100 && err == nil; i++ {
		if err = fill(i); err == nil {
			acked = i
		}
	}
	if !fault.Is(err, fault.QuotaExceeded) || acked == 0 {
		t.Fatalf("after %d writes of 1 MiB into 16 MiB: %v", acked, err)
	}
	if n := read(t, store, "big").Value.N; n != acked {
		t.Errorf("the record holds write %d, and %d was the last acknowledged", n, acked)
	}
	free(t, ctx, etcd)
	if err := fill(1000); err != nil {
		t.Errorf("after space was made: %v", err)
	}
}

// free compacts, defragments and takes the alarm away, as an operator does.
func free(t *testing.T, ctx context.Context, etcd *clientv3.Client) {
	t.Helper()
	now, err := etcd.Get(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := etcd.Compact(ctx, now.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	if _, err := etcd.Defragment(ctx, etcd.Endpoints()[0]); err != nil {
		t.Fatal(err)
	}
	alarm := clientv3.AlarmMember{MemberID: now.Header.MemberId, Alarm: etcdserverpb.AlarmType_NOSPACE}
	if _, err := etcd.AlarmDisarm(ctx, &alarm); err != nil {
		t.Fatal(err)
	}
}
