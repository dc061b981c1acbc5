package kv

import (
	"context"
	"log/slog"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/kv/embedded"
)

// A follower that outlives an accepted restore takes over every value of the
// new life, also where a record stands at the revision of an old one.
func TestAFollowerAcrossAnAcceptedRestore(t *testing.T) {
	ctx := context.Background()
	c := NewCollection[string]("test/x", 1)
	open := func(value string, epoch int) (*clientv3.Client, *Store) {
		client, stop, err := embedded.InProcess(ctx, embedded.Config{Dir: t.TempDir(), SmallWAL: true, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = stop() })
		s, err := Open(Config{Client: client, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Identify(ctx); err != nil {
			t.Fatal(err)
		}
		if epoch > 1 { // accepted by another replica
			if _, err := s.Update(ctx, "", func(tx *Tx) error { return RaiseEpoch(tx, 1) }); err != nil {
				t.Fatal(err)
			}
		} else if _, err := s.Update(ctx, "", func(tx *Tx) error { return Put(tx, c.Key("other"), "x") }); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Update(ctx, "", func(tx *Tx) error { return Put(tx, c.Key("video"), value) }); err != nil {
			t.Fatal(err)
		}
		return client, s
	}
	_, before := open("enabled", 1)
	after, _ := open("declined", 2)
	got := ""
	f := before.NewFollower()
	f.Subscribe(func(b Batch) {
		for _, e := range b.Events {
			if e.Path == "test/x/video" && e.Value != nil {
				got, _ = c.Decode(e.Path, e.Value)
			}
		}
	}, c.Prefix())
	if _, err := f.load(ctx); err != nil {
		t.Fatal(err)
	}
	before.client = after
	if _, err := f.load(ctx); err != nil {
		t.Fatal(err)
	}
	if got != "declined" {
		t.Errorf("the follower still says %q", got)
	}
}
