package governance_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// holdsBallots is an etcd that holds the first transaction that writes a ballot
// between its reading and its commit, until it is released.
type holdsBallots struct {
	clientv3.KV
	once    *sync.Once
	reached chan struct{} // closed when it is held
	release chan struct{}
}

type heldTxn struct {
	clientv3.Txn
	kv     holdsBallots
	ballot bool
}

func (k holdsBallots) Txn(ctx context.Context) clientv3.Txn {
	return heldTxn{Txn: k.KV.Txn(ctx), kv: k}
}
func (x heldTxn) If(c ...clientv3.Cmp) clientv3.Txn { return heldTxn{x.Txn.If(c...), x.kv, x.ballot} }
func (x heldTxn) Else(o ...clientv3.Op) clientv3.Txn {
	return heldTxn{x.Txn.Else(o...), x.kv, x.ballot}
}

func (x heldTxn) Then(o ...clientv3.Op) clientv3.Txn {
	for _, op := range o {
		x.ballot = x.ballot || op.IsPut() && strings.Contains(string(op.KeyBytes()), "/ballots/")
	}
	return heldTxn{x.Txn.Then(o...), x.kv, x.ballot}
}

func (x heldTxn) Commit() (*clientv3.TxnResponse, error) {
	if x.ballot {
		x.kv.once.Do(func() {
			close(x.kv.reached)
			<-x.kv.release
		})
	}
	return x.Txn.Commit()
}

// A ballot that was made up before the close, and reaches the store after close and
// count, is refused and counts for nothing: the order of transactions decides, and
// the cast compares the motion as it read it. The replica that casts has a clock of
// its own, which is still before the deadline.
func TestABallotHeldOverTheCloseIsNotCast(t *testing.T) {
	key, err := governance.NewSealKey()
	if err != nil {
		t.Fatal(err)
	}
	etcd := kvtest.Etcd(t)
	hold := holdsBallots{etcd.KV, &sync.Once{}, make(chan struct{}), make(chan struct{})}
	client := clientv3.NewCtxClient(context.Background())
	client.KV, client.Watcher = hold, etcd.Watcher
	sound, slow := hallOn(t, kvtest.Open(t, etcd, kv.Config{}), key), hallOn(t, kvtest.Open(t, client, kv.Config{}), key)
	sound.furnish()
	sound.must(sound.FoundBody(ctx, sound.operator(), strategyGroup()))
	id := sound.opened(offerVideo())
	for _, seat := range votingSeats[1:6] {
		sound.cast(id, seat, yes())
	}

	answer := make(chan error, 1)
	go func() {
		_, _, err := slow.Cast(ctx, slow.member("nca"), id, "nca", no())
		answer <- err
	}()
	select {
	case <-hold.reached:
	case <-time.After(time.Minute):
		t.Fatal("the ballot never came to its commit")
	}
	m := sound.ended(id)
	close(hold.release)
	// Beyond the time within which everybody is answered it may be said to be
	// unknown; it must not be acknowledged.
	if err := <-answer; !fault.HasCode(err, "motion_closed") && !fault.Is(err, fault.OutcomeUnknown) && !fault.Is(err, fault.StoreUnavailable) {
		t.Errorf("a ballot that came after the count: %v", err)
	}
	list, err := sound.WhoCast(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if c.Seat == "nca" {
			t.Errorf("it stands in the store: %+v", c)
		}
	}
	if m.Outcome == nil || m.Outcome.Cast != 5 {
		t.Errorf("counted: %+v", m.Outcome)
	}
	if n := castLeaves(t, sound); n != 5 {
		t.Errorf("%d ballots in the record", n)
	}
}
