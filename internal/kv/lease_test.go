package kv_test

import (
	"context"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// What is made with a life goes away with its lease, also after it was changed;
// what stood there before stays.
func TestALeasedRecordGoesAwayWithItsLease(t *testing.T) {
	etcd := kvtest.Etcd(t)
	store := kvtest.Open(t, etcd, kv.Config{})
	ctx := context.Background()
	briefs := kv.NewCollection[string]("test/briefs", 1)
	mine, standing := briefs.Key("mine"), briefs.Key("standing")
	put := func(key kv.Key[string], value string) func(*kv.Tx) error {
		return func(tx *kv.Tx) error { return kv.Put(tx, key, value) }
	}
	if _, err := store.UpdateLeased(ctx, time.Hour, mine.Path(), put(mine, "one")); err != nil {
		t.Fatal(err)
	}
	lease := leaseOf(t, etcd, mine.Path())
	if lease == clientv3.NoLease {
		t.Fatal("a leased record has no lease")
	}
	if ttl, err := etcd.TimeToLive(ctx, lease); err != nil || ttl.GrantedTTL < 3600 || ttl.GrantedTTL > 3700 {
		t.Errorf("its life is %v s, %v", ttl.GrantedTTL, err)
	}
	if _, err := store.UpdateBrief(ctx, "", put(mine, "two")); err != nil {
		t.Fatal(err)
	}
	if again := leaseOf(t, etcd, mine.Path()); again != lease {
		t.Errorf("changed, it has the lease %x, not its own %x", again, lease)
	}
	if _, err := store.Update(ctx, "", put(standing, "one")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.UpdateLeased(ctx, time.Hour, "", put(standing, "two")); err != nil {
		t.Fatal(err)
	}
	if _, err := etcd.Revoke(ctx, lease); err != nil { // as when it runs out
		t.Fatal(err)
	}
	if rec, err := kv.Get(store.View(ctx), mine); err != nil || rec.Exists() {
		t.Errorf("after its lease: %+v, %v", rec, err)
	}
	if rec, err := kv.Get(store.View(ctx), standing); err != nil || rec.Value != "two" || leaseOf(t, etcd, standing.Path()) != clientv3.NoLease {
		t.Errorf("a record that was to stay: %+v, %v", rec, err)
	}
	if out, err := store.UpdateLeased(ctx, time.Hour, "", put(standing, "two")); err != nil || out.Revision != 0 {
		t.Errorf("nothing to write: %+v, %v", out, err)
	}
	if left, err := etcd.Leases(ctx); err != nil || len(left.Leases) != 1 { // that of the change to standing, which holds nothing
		t.Errorf("leases left: %v, %v", left.Leases, err)
	}
}

func leaseOf(t *testing.T, etcd *clientv3.Client, path string) clientv3.LeaseID {
	t.Helper()
	resp, err := etcd.Get(context.Background(), kv.Root+path)
	if err != nil || len(resp.Kvs) != 1 {
		t.Fatal(resp, err)
	}
	return clientv3.LeaseID(resp.Kvs[0].Lease)
}
