package governance_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// losesAnswers is an etcd of which some transactions go unanswered: half of those
// happen, as when a server is killed before or after it wrote. It is also slow
// between reading and writing, so that much can happen meanwhile.
type losesAnswers struct {
	clientv3.KV
	lost *atomic.Int64
}

type lossyTxn struct {
	clientv3.Txn
	lost *atomic.Int64
}

func (k losesAnswers) Txn(ctx context.Context) clientv3.Txn { return lossyTxn{k.KV.Txn(ctx), k.lost} }
func (x lossyTxn) If(c ...clientv3.Cmp) clientv3.Txn        { return lossyTxn{x.Txn.If(c...), x.lost} }
func (x lossyTxn) Then(o ...clientv3.Op) clientv3.Txn       { return lossyTxn{x.Txn.Then(o...), x.lost} }
func (x lossyTxn) Else(o ...clientv3.Op) clientv3.Txn       { return lossyTxn{x.Txn.Else(o...), x.lost} }

func (x lossyTxn) Commit() (*clientv3.TxnResponse, error) {
	time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
	if rand.IntN(6) == 0 { // longer than a close and a count take
		time.Sleep(200 * time.Millisecond)
	}
	switch rand.IntN(20) {
	case 0:
		x.lost.Add(1)
		return nil, errors.New("killed before it was written")
	case 1:
		x.lost.Add(1)
		if _, err := x.Txn.Commit(); err != nil {
			return nil, err
		}
		return nil, errors.New("killed after it was written")
	}
	return x.Txn.Commit()
}

// replicas are two halls on one store, one of which keeps losing answers.
func replicas(t *testing.T) (sound, lossy *hall, lost *atomic.Int64) {
	t.Helper()
	key, err := governance.NewSealKey()
	if err != nil {
		t.Fatal(err)
	}
	etcd := kvtest.Etcd(t)
	sound = hallOn(t, kvtest.Open(t, etcd, kv.Config{}), key)
	lost = &atomic.Int64{}
	client := clientv3.NewCtxClient(context.Background())
	client.KV, client.Watcher = losesAnswers{etcd.KV, lost}, etcd.Watcher
	lossy = hallOn(t, kvtest.Open(t, client, kv.Config{}), key)
	return sound, lossy, lost
}

// many is a body of so many seats, all of them filled.
func (h *hall) many(n int) []string {
	h.t.Helper()
	c := governance.Charter{PhysicianLed: false, Chair: "s0", Quorum: governance.Quorum{Members: tally.Frac(1, 10)},
		Movers: []governance.Capacity{governance.AsVoting}, Motions: map[governance.Kind]governance.Terms{
			governance.Amendment: {Threshold: tally.TwoThirds}, governance.Resolution: {Threshold: tally.Majority}},
		WithoutQuorum: governance.LapseLost, Objections: governance.ObjectionNoted}
	f := governance.Founding{Body: governance.Body{Key: "assembly", Name: "Assembly", Charter: c,
		Secretary: governance.Person{ID: "person:secretary", Name: "the secretary"}}}
	var keys []string
	for i := range n {
		key := fmt.Sprintf("s%d", i)
		keys = append(keys, key)
		f.Body.Charter.Seats = append(f.Body.Charter.Seats, governance.SeatRule{Key: key, Name: key, Region: fmt.Sprintf("r%d", i%7), Voting: true})
	}
	const first = 105
	for _, key := range keys[:min(n, first)] {
		f.Occupants = append(f.Occupants, holds(key, key, false))
	}
	h.must(h.FoundBody(ctx, h.operator(), f))
	for _, key := range keys[min(n, first):] {
		h.must(h.Appoint(ctx, h.secretary(), "assembly", holds(key, key, false)))
	}
	return keys
}

// What happens to one seat's ballot, for the checker.
type input struct {
	what string // "cast", "close", "count"
	vote tally.Vote
}
type output struct {
	ok   bool
	vote tally.Vote // counted
}
type seatState struct {
	vote   tally.Vote
	closed bool
}

// ballotBox is one seat's ballot as the charter has it: a ballot that is
// acknowledged is cast before the close, and the last of them is the one counted.
var ballotBox = porcupine.Model{
	Init: func() any { return seatState{} },
	Step: func(state, in, out any) (bool, any) {
		s, i, o := state.(seatState), in.(input), out.(output)
		switch {
		case i.what == "close":
			s.closed = true
			return true, s
		case i.what == "count":
			return s.closed && o.vote == s.vote, s
		case !o.ok:
			return true, s // refused: nothing happened
		}
		accepted := !s.closed
		s.vote = i.vote
		return accepted, s
	},
}

type history struct {
	mu    sync.Mutex
	began time.Time
	ops   map[string][]porcupine.Operation // by seat
	acked int
}

func (y *history) tick() int64 { return int64(time.Since(y.began)) }

func (y *history) add(seat string, in input, out output, call int64) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if in.what == "cast" && out.ok {
		y.acked++
	}
	y.ops[seat] = append(y.ops[seat], porcupine.Operation{Input: in, Output: out, Call: call, Return: y.tick(), ClientId: len(y.ops[seat])})
}

// castSurely casts until the outcome is known, with one key, at either replica, as a
// client does whose server was killed.
func castSurely(halls []*hall, id, seat string, v tally.Vote) (bool, error) {
	o := halls[0].person(seat, "member")
	o.Actor.AuthTime = start // fresh by either clock
	var err error
	if o.Key, err = gate.NewKey(start); err != nil {
		return false, err
	}
	for try := range 100 {
		_, _, err = halls[(try+rand.IntN(2))%2].Cast(ctx, o, id, seat, governance.Vote{Vote: v})
		switch {
		case err == nil:
			return true, nil
		case fault.HasCode(err, "motion_closed"):
			return false, nil
		case !fault.Is(err, fault.OutcomeUnknown) && !fault.Is(err, fault.StoreUnavailable) && !fault.Is(err, fault.Conflict):
			return false, err
		}
	}
	return false, err
}

// 200 seats cast and replace their ballots at two replicas, one of which loses
// answers and has a clock that is behind, while the other closes and counts: every acknowledged ballot is counted once, in
// its last acknowledged version before the close.
func TestEveryAcknowledgedBallotIsCountedOnce(t *testing.T) {
	sound, lossy, lost := replicas(t)
	halls := []*hall{sound, lossy}
	all := sound.many(200)
	id, r, err := sound.Move(ctx, sound.person("s0", "member"), governance.Proposal{Body: "assembly", Kind: governance.Resolution, Title: "T", Text: "Resolved."})
	sound.must(r, err)
	closes := start.Add(3 * time.Minute) // within which a sign-in is still fresh
	sound.must(sound.Open(ctx, sound.secretary(), id, closes))

	y := &history{began: time.Now(), ops: map[string][]porcupine.Operation{}}
	jobs := make(chan int, 600)
	for i := range 600 { // each seat three times, in an order of its own
		jobs <- i
	}
	close(jobs)
	var done atomic.Int64
	halfway := make(chan struct{})
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			for i := range jobs {
				seat, vote := all[rand.IntN(len(all))], []tally.Vote{tally.Yes, tally.No, tally.Abstain}[i%3]
				call := y.tick()
				ok, err := castSurely(halls, id, seat, vote)
				if err != nil {
					t.Errorf("%s: %v", seat, err)
				}
				y.add(seat, input{"cast", vote}, output{ok: ok}, call)
				if done.Add(1) == 400 {
					sound.pass(3 * time.Minute) // the other's clock stays behind: only the store tells it
					close(halfway)
				}
			}
		})
	}
	<-halfway
	callClose := y.tick()
	wg.Go(func() { surely(t, sound, id, sound.Close, sound.Settle) }) // counted at once, while ballots are still on their way
	wg.Go(func() { surely(t, lossy, id, lossy.Settle) })
	wg.Wait()
	returnClose := y.tick()
	callCount := y.tick()
	count, err := lossy.Count(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	counted := 0
	for _, c := range count.RollCall {
		var v tally.Vote
		if c.Counted {
			v = c.Vote.Vote
			counted++
		}
		y.ops[c.Seat] = append(y.ops[c.Seat], porcupine.Operation{Input: input{what: "close"}, Output: output{}, Call: callClose, Return: returnClose, ClientId: 1000})
		y.add(c.Seat, input{what: "count"}, output{vote: v}, callCount)
	}
	for seat, ops := range y.ops {
		if !porcupine.CheckOperations(ballotBox, ops) {
			t.Errorf("%s: no order of these explains them: %+v", seat, ops)
		}
	}
	if n := castLeaves(t, sound); n != y.acked {
		t.Errorf("%d ballots acknowledged, %d in the record", y.acked, n)
	}
	if y.acked < 300 || y.acked == 600 || lost.Load() == 0 || counted < 100 {
		t.Errorf("the test did not meet what it is about: %d of 600 acknowledged, %d answers lost, %d counted", y.acked, lost.Load(), counted)
	}
	t.Logf("%d of 600 acknowledged, %d answers lost, %d ballots counted", y.acked, lost.Load(), counted)
}

func surely(t *testing.T, h *hall, id string, steps ...func(context.Context, gate.Origin, string) (gate.Receipt, error)) {
	for _, step := range steps {
		var err error
		for range 100 {
			if _, err = step(ctx, h.clerk(), id); err == nil {
				break
			}
		}
		if err != nil {
			t.Errorf("closing or counting: %v", err)
		}
	}
}

func castLeaves(t *testing.T, h *hall) (n int) {
	t.Helper()
	leaves, err := audit.Newest(ctx, h.store, 10000)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leaves {
		if l.Action == "ballot.cast" && l.Result == audit.Applied {
			n++
		}
	}
	return n
}
