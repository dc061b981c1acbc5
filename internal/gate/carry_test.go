package gate_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

func TestAScheduledChangeIsDecidedAgain(t *testing.T) {
	ctx := context.Background()
	k := newDesk(t, gate.Decision{By: "t"})
	at := k.now().Add(time.Hour)
	r, err := k.turn(ctx, gate.Origin{Actor: coLead, Reason: "later", ApplyAt: at}, true)
	if err != nil || r.Pending == nil {
		t.Fatal(r, err)
	}
	k.want("", k.Tend(ctx))
	if k.on() {
		t.Fatal("before its time")
	}
	k.pass(2 * time.Hour)
	k.law.set(gate.Decision{By: "t2", Deny: []gate.Finding{{Rule: "NO", Message: "since yesterday"}}})
	k.want("", k.Tend(ctx))
	if v := k.look(r.Pending.Change); k.on() || !strings.Contains(v.Held, "NO does not permit it") {
		t.Errorf("on %v, held %q", k.on(), v.Held)
	}
	k.law.set(gate.Decision{By: "t3"})
	k.want("", k.Tend(ctx))
	if v := k.look(r.Pending.Change); !k.on() || v.State != gate.Applied || v.Closed.By.ID != "clerk" {
		t.Errorf("on %v, %s", k.on(), v.State)
	}
	_, err = k.turn(ctx, gate.Origin{Actor: coLead, ApplyAt: k.now().Add(-time.Hour)}, false)
	k.want("bad_apply_at", err)
}

func TestADelayAndEvidenceAreWaitedFor(t *testing.T) {
	ctx := context.Background()
	proof := gate.Requirement{Finding: gate.Finding{Rule: "PROOF", Message: "on file first"}, Kind: gate.NeedEvidence, Evidence: "usability"}
	delay := gate.Requirement{Finding: gate.Finding{Rule: "COOL", Message: "a day"}, Kind: gate.NeedDelay, Delay: 24 * time.Hour}
	k := newDesk(t, gate.Decision{By: "t", Require: []gate.Requirement{proof, delay, signOff("RISK", identity.Compliance, 1)}})
	id := k.propose()
	k.want("", k.sign(compliance, id))
	proof.Met = true // it arrives, and voids no signature
	k.law.set(gate.Decision{By: "t", Require: []gate.Requirement{proof, delay, signOff("RISK", identity.Compliance, 1)}})
	k.want("", k.Tend(ctx))
	if v := k.look(id); k.on() || len(v.SignOffs) != 1 || len(v.Missing) != 1 || v.Missing[0].Kind != gate.NeedDelay {
		t.Errorf("on %v, missing %+v, void %+v", k.on(), v.Missing, v.Void)
	}
	k.pass(25 * time.Hour)
	k.want("", k.Tend(ctx))
	if !k.on() {
		t.Error("after the delay it is not in force")
	}
}

func TestAnEmergencyRevertsUnlessRatified(t *testing.T) {
	ctx := context.Background()
	emergency := gate.Origin{Actor: coLead, Reason: "the other way in is down", Emergency: 2 * time.Hour}
	begin := func(t *testing.T) (*desk, string) {
		k := newDesk(t, twoSign())
		r, err := k.turn(ctx, emergency, true)
		if err != nil || r.Pending == nil || r.Pending.State != gate.Emergency || !k.on() {
			t.Fatalf("%+v, %v", r, err)
		}
		return k, r.Pending.Change
	}
	t.Run("not ratified", func(t *testing.T) {
		k, id := begin(t)
		k.want("", k.sign(safety, id))
		_, err := k.turn(ctx, gate.Origin{Actor: coLead, Reason: "so that it stays"}, true)
		k.want("", err) // unchanged
		_, err = k.turn(ctx, gate.Origin{Actor: coLead, Reason: "build on it"}, false)
		k.want("emergency_open", err)
		k.pass(3 * time.Hour)
		k.want("", k.Tend(ctx))
		if v := k.look(id); k.on() || v.State != gate.Reverted {
			t.Errorf("on %v, %s", k.on(), v.State)
		}
	})
	t.Run("ratified", func(t *testing.T) {
		k, id := begin(t)
		k.want("", k.sign(safety, id))
		k.want("", k.sign(compliance, id))
		k.pass(3 * time.Hour)
		k.want("", k.Tend(ctx))
		if v := k.look(id); !k.on() || v.State != gate.Ratified {
			t.Errorf("on %v, %s", k.on(), v.State)
		}
	})
	t.Run("declined", func(t *testing.T) {
		k, id := begin(t)
		_, err := k.Decline(ctx, gate.Origin{Actor: safety, Reason: "unsafe"}, id)
		k.want("", err)
		if k.on() {
			t.Error("it stayed on")
		}
	})
	t.Run("turned off meanwhile", func(t *testing.T) {
		k, id := begin(t)
		c := change(coLead, identity.TurnOff, "co")
		if _, err := k.Submit(ctx, c, turn(false)); err != nil {
			t.Fatal(err)
		}
		k.pass(3 * time.Hour)
		k.want("", k.Tend(ctx))
		if v := k.look(id); k.on() || v.State != gate.Superseded {
			t.Errorf("on %v, %s", k.on(), v.State)
		}
	})
	for what, c := range map[string]struct {
		who  identity.Principal
		d    gate.Decision
		code string
	}{
		"never past a denial":      {coLead, gate.Decision{By: "t", Deny: []gate.Finding{{Rule: "NO", Message: "no"}}}, "policy_denied"},
		"never by a token":         {lead, twoSign(), "needs_a_person"},
		"never past missing proof": {coLead, gate.Decision{By: "t", Require: []gate.Requirement{{Finding: gate.Finding{Rule: "P", Message: "p"}, Kind: gate.NeedEvidence, Evidence: "x"}}}, "not_for_an_emergency"},
	} {
		t.Run(what, func(t *testing.T) {
			k := newDesk(t, c.d)
			o := emergency
			o.Actor = c.who
			_, err := k.turn(ctx, o, true)
			k.want(c.code, err)
			if k.on() {
				t.Error("it is on")
			}
		})
	}
}

func TestTurningOffIsNeverHeldUp(t *testing.T) {
	k := newDesk(t, twoSign())
	k.law.d.Deny = []gate.Finding{{Rule: "NO", Message: "no"}}
	if r, err := k.Submit(context.Background(), change(lead, identity.TurnOff, "co"), turn(true)); err != nil || r.Pending != nil || !k.on() {
		t.Errorf("%+v, %v", r, err)
	}
}

// What the decider does not say clearly refuses.
func TestADecisionThatIsNotUnderstoodRefuses(t *testing.T) {
	for what, r := range map[string]gate.Requirement{
		"a kind":  {Finding: gate.Finding{Rule: "X"}, Kind: "magic"},
		"a role":  {Finding: gate.Finding{Rule: "X"}, Kind: gate.NeedSignOff, Role: "emperor"},
		"a count": {Finding: gate.Finding{Rule: "X"}, Kind: gate.NeedSignOff, Role: identity.Compliance, Count: 1 << 20},
		"no rule": {Kind: gate.NeedSignOff, Role: identity.Compliance},
	} {
		k := newDesk(t, gate.Decision{By: "t", Require: []gate.Requirement{r}})
		if _, err := k.turn(context.Background(), gate.Origin{Actor: coLead}, true); err == nil || k.on() {
			t.Errorf("%s: %v, on %v", what, err, k.on())
		}
	}
	store := kvtest.New(t)
	g := gate.New(store, writer{}, time.Now, slog.New(slog.DiscardHandler), nil)
	if _, err := g.Submit(context.Background(), change(lead, identity.Answer, "co"), turn(true)); err == nil {
		t.Error("a decider that writes was let through")
	}
}

type writer struct{}

func (writer) Decide(_ context.Context, tx *kv.Tx, _ gate.Change) (gate.Decision, error) {
	return gate.Decision{By: "writer"}, kv.Put(tx, switches.Key("hi", "x"), switchState{On: true})
}

// Two replicas are given the last two sign-offs at once, each again and again: the
// change happens once, and one leaf says so.
func TestTwoReplicasCarryOutOnce(t *testing.T) {
	etcd := kvtest.Etcd(t)
	l := &law{d: twoSign()}
	a, b := deskOn(t, kvtest.Open(t, etcd, kv.Config{}), l), deskOn(t, kvtest.Open(t, etcd, kv.Config{}), l)
	for range 5 {
		id := a.propose()
		binding := a.look(id).Binding
		var wg sync.WaitGroup
		for i := range 8 {
			k, who := a, safety
			if i%2 == 1 {
				k, who = b, compliance
			}
			wg.Go(func() {
				_, err := k.Sign(context.Background(), gate.Origin{Actor: who, Reason: "reviewed"}, id, binding)
				if err != nil && !fault.HasCode(err, "change_closed") && !fault.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
			wg.Go(func() { _ = k.Tend(context.Background()) })
		}
		wg.Wait()
		applied := 0
		for _, e := range record(t, a.store) {
			if e.Change == id && len(e.SignOffs) > 0 {
				applied++
			}
		}
		if v := a.look(id); v.State != gate.Applied || applied != 1 || !a.on() {
			t.Fatalf("%s, %d leaves carry it out", v.State, applied)
		}
		if _, err := a.Submit(context.Background(), change(coLead, identity.TurnOff, "co"), turn(false)); err != nil {
			t.Fatal(err)
		}
	}
}

// The answer to the last sign-off gets lost after the store has taken it. Sent
// again it finds its own work.
func TestASignOffWhoseAnswerIsLost(t *testing.T) {
	etcd := kvtest.Etcd(t)
	lose := false
	client := clientv3.NewCtxClient(context.Background())
	client.KV, client.Watcher, client.Lease = losing{etcd.KV, &lose}, etcd.Watcher, etcd.Lease
	k := deskOn(t, kvtest.Open(t, client, kv.Config{}), &law{d: twoSign()})
	id := k.propose()
	k.want("", k.sign(safety, id))
	key, err := gate.NewKey(k.now())
	if err != nil {
		t.Fatal(err)
	}
	o, binding := gate.Origin{Actor: compliance, Reason: "reviewed", Key: key}, k.look(id).Binding
	lose = true
	first, err := k.Sign(context.Background(), o, id, binding)
	k.want("", err)
	again, err := k.Sign(context.Background(), o, id, binding)
	k.want("", err)
	if !k.on() || first.ID != key || !again.Replayed || again.Revision != first.Revision || again.Pending == nil || again.Pending.State != gate.Applied {
		t.Errorf("on %v, first %+v, again %+v", k.on(), first, again)
	}
	leaf, err := audit.Find(k.store.View(context.Background()), key)
	if err != nil || len(leaf.Value.SignOffs) != 2 {
		t.Errorf("%+v, %v", leaf.Value, err)
	}
}

// losing loses the answer to one transaction.
type losing struct {
	clientv3.KV
	lose *bool
}

func (l losing) Txn(ctx context.Context) clientv3.Txn { return losingTxn{l.KV.Txn(ctx), l.lose} }

type losingTxn struct {
	clientv3.Txn
	lose *bool
}

func (x losingTxn) If(c ...clientv3.Cmp) clientv3.Txn { return losingTxn{x.Txn.If(c...), x.lose} }

func (x losingTxn) Then(o ...clientv3.Op) clientv3.Txn { return losingTxn{x.Txn.Then(o...), x.lose} }

func (x losingTxn) Else(o ...clientv3.Op) clientv3.Txn { return losingTxn{x.Txn.Else(o...), x.lose} }

func (x losingTxn) Commit() (*clientv3.TxnResponse, error) {
	resp, err := x.Txn.Commit()
	if *x.lose {
		*x.lose = false
		return nil, errors.New("the connection broke")
	}
	return resp, err
}

// The same proposal sent again is the same proposal, and the answer says what has
// become of it.
func TestAProposalSentAgain(t *testing.T) {
	k := newDesk(t, twoSign())
	key, err := gate.NewKey(k.now())
	if err != nil {
		t.Fatal(err)
	}
	o := gate.Origin{Actor: coLead, Reason: "clinics are ready", Key: key}
	for i := range 2 {
		r, err := k.turn(context.Background(), o, true)
		if err != nil || r.Replayed != (i > 0) || r.Pending == nil || r.Pending.State != gate.Pending || len(r.Pending.Needs) != 2 {
			t.Errorf("try %d: %+v, %v", i, r, err)
		}
	}
	k.want("", k.sign(safety, key))
	k.want("", k.sign(compliance, key))
	if r, err := k.turn(context.Background(), o, true); err != nil || r.Pending.State != gate.Applied {
		t.Errorf("%+v, %v", r.Pending, err)
	}
	if r := record(t, k.store); r[len(r)-1].Result != audit.Proposed || len(r) != 3 {
		t.Errorf("%d leaves, the first %s", len(r), r[len(r)-1].Result)
	}
}

func TestConflictsAreToldBefore(t *testing.T) {
	k := newDesk(t, twoSign())
	first := k.propose()
	r, err := k.turn(context.Background(), gate.Origin{Actor: person("second", identity.RegionalLead, "co"), Reason: "me too"}, true)
	if err != nil || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], first) {
		t.Errorf("%+v, %v", r.Warnings, err)
	}
}
