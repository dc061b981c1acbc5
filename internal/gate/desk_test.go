package gate_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// person is somebody who signed in a moment ago, in one role.
func person(id string, role identity.Role, regions ...string) identity.Principal {
	return identity.Principal{ID: "person:" + id, Name: id, Grants: []identity.Grant{{Role: role, Regions: regions}},
		Strength: identity.BySignIn, AuthTime: time.Now()}
}

var (
	safety     = person("safety", identity.ClinicalSafety, identity.Every)
	compliance = person("compliance", identity.Compliance, identity.Every)
	coLead     = person("co lead", identity.RegionalLead, "co")
)

// law is a decider whose answer can change, as when another bundle is activated.
// What holds is read through the transaction, as policy does.
type law struct {
	mu sync.Mutex
	d  gate.Decision
}

func (l *law) Decide(context.Context, *kv.Tx, gate.Change) (gate.Decision, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.d, nil
}

func (l *law) set(d gate.Decision) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.d = d
}

func signOff(rule string, role identity.Role, count int) gate.Requirement {
	return gate.Requirement{Finding: gate.Finding{Rule: rule, Message: "it is risky"}, Kind: gate.NeedSignOff, Role: role, Count: count, Apart: true}
}

func twoSign() gate.Decision {
	return gate.Decision{By: "bundle 1", Require: []gate.Requirement{signOff("RISK", identity.ClinicalSafety, 1), signOff("RISK", identity.Compliance, 1)}}
}

// desk is a gate with a clock and a law that a test can move.
type desk struct {
	*gate.Gate
	t     *testing.T
	store *kv.Store
	law   *law
	mu    sync.Mutex
	at    time.Time
}

func newDesk(t *testing.T, d gate.Decision) *desk { return deskOn(t, kvtest.New(t), &law{d: d}) }

func deskOn(t *testing.T, store *kv.Store, l *law) *desk {
	k := &desk{t: t, store: store, law: l, at: time.Now()}
	k.Gate = gate.New(store, l, k.now, slog.New(slog.DiscardHandler), nil)
	k.Verbs(map[identity.Action]gate.Verb{identity.Answer: func(ctx context.Context, o gate.Origin, t identity.Target, raw json.RawMessage) (gate.Receipt, error) {
		var r struct {
			On bool `json:"on"`
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			return gate.Receipt{}, err
		}
		return k.turn(ctx, o, r.On)
	}})
	return k
}

func (k *desk) now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.at
}

func (k *desk) pass(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at = k.at.Add(d)
}

func (k *desk) turn(ctx context.Context, o gate.Origin, on bool) (gate.Receipt, error) {
	target := identity.Target{Kind: "enablement", Region: "co", ID: "video_visit"}
	return k.Submit(ctx, o.Change(identity.Answer, target, map[string]any{"on": on}), func(tx *kv.Tx, _ gate.Change) error {
		if _, err := kv.Get(tx, switches.Key("base")); err != nil { // what the rule reads is its base
			return err
		}
		return turn(on)(tx, gate.Change{})
	})
}

// propose has the lead turn it on, and returns the change that waits.
func (k *desk) propose() string {
	k.t.Helper()
	r, err := k.turn(context.Background(), gate.Origin{Actor: coLead, Reason: "clinics are ready"}, true)
	if err != nil || r.Pending == nil || r.Pending.State != gate.Pending {
		k.t.Fatalf("%+v, %v", r, err)
	}
	return r.Pending.Change
}

func (k *desk) look(id string) gate.View {
	k.t.Helper()
	v, err := k.Look(context.Background(), id)
	if err != nil {
		k.t.Fatal(err)
	}
	return v
}

func (k *desk) sign(who identity.Principal, id string) error {
	k.t.Helper()
	if who.Strength == identity.BySignIn {
		who.AuthTime = k.now()
	}
	return k.signAs(who, id)
}

// signAs is sign of somebody who signed in when it says.
func (k *desk) signAs(who identity.Principal, id string) error {
	k.t.Helper()
	_, err := k.Sign(context.Background(), gate.Origin{Actor: who, Reason: "reviewed by " + who.Name}, id, k.look(id).Binding)
	return err
}

func (k *desk) on() bool {
	k.t.Helper()
	rec, err := kv.Get(k.store.View(context.Background()), switches.Key("co", "video_visit"))
	if err != nil {
		k.t.Fatal(err)
	}
	return rec.Value.On
}

// move changes what the rule of a change that waits has read.
func (k *desk) move() {
	k.t.Helper()
	if _, err := k.store.Update(context.Background(), "", func(tx *kv.Tx) error {
		rec, err := kv.Get(tx, switches.Key("base"))
		if err != nil {
			return err
		}
		return kv.Put(tx, switches.Key("base"), switchState{On: !rec.Value.On})
	}); err != nil {
		k.t.Fatal(err)
	}
}

func (k *desk) want(code string, err error) {
	k.t.Helper()
	if code == "" && err != nil || code != "" && !fault.HasCode(err, code) {
		k.t.Errorf("got %v, want code %q", err, code)
	}
}
