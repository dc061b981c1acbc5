package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// noon is when the tests' first leaf was written; each leaf is a second later.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// bench is a store with a log on it, as one replica has.
type bench struct {
	t      testing.TB
	client *clientv3.Client
	store  *kv.Store
	log    *Log
	dir    string
	n      int // leaves written
	mu     sync.Mutex
	now    time.Time
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, client: kvtest.Etcd(t), dir: t.TempDir(), now: noon.Add(time.Hour)}
	b.store = kvtest.Open(t, b.client, kv.Config{})
	if err := b.store.Identify(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.log = b.replica(b.dir)
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// replica opens a log with its own data directory on the same store.
func (b *bench) replica(dir string) *Log {
	b.t.Helper()
	l, err := Open(Config{Store: b.store, DataDir: dir, Who: dir, Now: b.clock, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.t.Fatal(err)
	}
	l.rest = time.Millisecond
	return l
}

func leafNumber(i int, edits ...kv.Edit) Leaf {
	at := noon.Add(time.Duration(i) * time.Second)
	l := Leaf{ID: keyNumber(i), At: at, Result: Applied, Action: identity.Answer,
		Actor:  Actor{ID: fmt.Sprintf("token:%d", i%3), Name: fmt.Sprintf("lead %d", i%3), Roles: []string{"regional_lead(co)"}},
		Target: identity.Target{Kind: "enablement", ID: "video_visit", Region: []string{"co", "hi"}[i%2]},
		Reason: fmt.Sprintf("reason %d", i), Request: "00", Edits: edits, Decision: &Decision{By: "test"}}
	if i%7 == 0 {
		l.Result, l.Decision, l.Refusal = Refused, nil, &Refusal{Kind: "forbidden", Code: "forbidden", Message: "no"}
	}
	return l
}

// keyNumber is a UUIDv7 of the time of leaf i.
func keyNumber(i int) string {
	ms := noon.Add(time.Duration(i) * time.Second).UnixMilli()
	return fmt.Sprintf("%08x-%04x-7000-8000-%012x", ms>>16, ms&0xffff, i)
}

// write adds n leaves, each in a transaction of its own, as the gate does.
func (b *bench) write(n int, edits ...kv.Edit) {
	b.t.Helper()
	for range n {
		l := leafNumber(b.n, edits...)
		b.n++
		if _, err := b.store.Update(b.t.Context(), l.Path(), func(tx *kv.Tx) error { return Append(tx, l) }); err != nil {
			b.t.Fatal(err)
		}
	}
}

// big is an edit that makes a leaf too long for an entry.
func big() kv.Edit {
	raw, _ := json.Marshal(string(bytes.Repeat([]byte("x"), 70_000)))
	return kv.Edit{Path: "policy/bundles/1", After: raw}
}

var errStopped = errors.New("stopped between two steps")

// serve runs one term of office until every leaf is in a signed checkpoint, or
// the term ends.
func (b *bench) serve(l *Log) error {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- l.term(ctx) }()
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(5 * time.Millisecond):
		}
		if c, _, err := l.Checkpoint(ctx); err == nil && c.Tree.N == int64(b.n) {
			cancel()
			<-done // it may complain of the call that was cut off
			return nil
		}
	}
}

func (b *bench) mustServe(l *Log) Checkpoint {
	b.t.Helper()
	if err := b.serve(l); err != nil {
		b.t.Fatalf("a term of office ended with: %v", err)
	}
	c, _, err := l.Checkpoint(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *bench) export(l *Log) []byte {
	b.t.Helper()
	var out bytes.Buffer
	if _, err := Export(b.t.Context(), &out, l); err != nil {
		b.t.Fatal(err)
	}
	return out.Bytes()
}

// verified exports and verifies, with the key brought along.
func (b *bench) verified(l *Log, earlier ...Checkpoint) Verdict {
	b.t.Helper()
	trust := Trust{Key: l.publicKey()}
	if len(earlier) > 0 {
		trust.Earlier = earlier[0].Note
	}
	v, err := Verify(bytes.NewReader(b.export(l)), trust)
	if err != nil {
		b.t.Fatalf("a true export is not verified: %v", err)
	}
	return v
}

func flawOf(err error) *Flaw {
	var f *Flaw
	errors.As(err, &f)
	return f
}

func mustJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}
