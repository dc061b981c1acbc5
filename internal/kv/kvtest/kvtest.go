// Package kvtest gives every test a store of its own: a real etcd, in the test's
// process, without a network listener, in about 100 ms. There is no fake store.
package kvtest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/embedded"
)

// New starts an empty etcd and opens a store on it; both end with the test.
func New(t testing.TB) *kv.Store {
	t.Helper()
	return Open(t, Etcd(t), kv.Config{})
}

// Etcd starts an empty etcd and returns its client, for tests that need to do
// to it what Quorate never does.
func Etcd(t testing.TB) *clientv3.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, stop, err := embedded.InProcess(ctx, embedded.Config{
		Dir: t.TempDir(), SmallWAL: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("starting etcd: %v", err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stopping etcd: %v", err)
		}
	})
	return client
}

// Open opens a store on a running etcd, as a second replica would.
func Open(t testing.TB, client *clientv3.Client, cfg kv.Config) *kv.Store {
	t.Helper()
	cfg.Client = client
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	store, err := kv.Open(cfg)
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return store
}

// Follow runs a follower until the test ends. Subscribe to it first.
func Follow(t testing.TB, f *kv.Follower) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	select {
	case <-f.Ready():
	case <-time.After(10 * time.Second):
		t.Fatal("the follower was not ready within 10 s")
	}
}
