package kv_test

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

func TestReplicasThatAskAtOnceShareOneSecret(t *testing.T) {
	etcd := kvtest.Etcd(t)
	got := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range got {
		store := kvtest.Open(t, etcd, kv.Config{})
		wg.Go(func() {
			var err error
			if got[i], err = store.Secret(context.Background(), "test"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, key := range got {
		if len(key) != 32 || !bytes.Equal(key, got[0]) {
			t.Errorf("one has %x, another %x", key, got[0])
		}
	}
	other, err := kvtest.Open(t, etcd, kv.Config{}).Secret(context.Background(), "other")
	if err != nil || bytes.Equal(other, got[0]) {
		t.Errorf("two names, one secret (%v)", err)
	}
}
