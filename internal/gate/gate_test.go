package gate_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

type switchState struct {
	On bool `json:"on"`
}

var switches = kv.NewCollection[switchState]("test/switches", 1)

var (
	lead     = identity.Principal{ID: "token:lead", Name: "Colorado regional lead", Grants: []identity.Grant{{Role: identity.RegionalLead, Regions: []string{"co"}}}}
	deniesIt = decider{gate.Decision{By: "test", Deny: []gate.Finding{{Rule: "RULE-1", Citation: "1 CFR 1.1", Message: "not here"}}}}
)

type decider struct{ d gate.Decision }

func (d decider) Decide(_ context.Context, _ *kv.Tx, c gate.Change) (gate.Decision, error) {
	if len(c.Edits) == 0 {
		panic("the decider was not shown the edits")
	}
	return d.d, nil
}

func newGate(store *kv.Store, d gate.Decider) *gate.Gate {
	return gate.New(store, d, time.Now, slog.New(slog.DiscardHandler), nil)
}

func turn(on bool) gate.Rule {
	return func(tx *kv.Tx, _ gate.Change) error {
		return kv.Put(tx, switches.Key("co", "video_visit"), switchState{On: on})
	}
}

func refuse(*kv.Tx, gate.Change) error {
	return fault.New(fault.Refused, "no_offer", "there is no offer")
}

func change(actor identity.Principal, action identity.Action, region string) gate.Change {
	return gate.Change{ID: uuid.Must(uuid.NewV7()).String(), Actor: actor, Action: action,
		Target: identity.Target{Kind: "enablement", Region: region, ID: "video_visit"},
		Reason: "clinics are ready", Request: map[string]any{"answer": "enable"}}
}

func record(t *testing.T, store *kv.Store) []audit.Entry {
	t.Helper()
	entries, err := audit.Newest(context.Background(), store, 100)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestAChangeAndItsLeafAreOneTransaction(t *testing.T) {
	store := kvtest.New(t)
	g := newGate(store, gate.Unregulated{})
	c := change(lead, identity.Answer, "co")
	receipt, err := g.Submit(context.Background(), c, turn(true))
	if err != nil {
		t.Fatal(err)
	}
	state, err := kv.Get(store.View(context.Background()), switches.Key("co", "video_visit"))
	if err != nil || !state.Value.On || state.Revision != receipt.Revision {
		t.Errorf("state %+v (%v), receipt %+v", state, err, receipt)
	}
	entries := record(t, store)
	if len(entries) != 1 {
		t.Fatalf("%d leaves for one change", len(entries))
	}
	leaf := entries[0]
	if leaf.Revision != receipt.Revision || leaf.ID != c.ID || leaf.Result != audit.Applied || leaf.Reason != c.Reason ||
		leaf.Actor.Name != lead.Name || leaf.Actor.Roles[0] != "regional_lead(co)" || leaf.Request == "" {
		t.Errorf("leaf %+v", leaf)
	}
	if len(leaf.Edits) != 1 || string(leaf.Edits[0].After) != `{"on":true}` || leaf.Edits[0].Before != nil {
		t.Errorf("edits %+v", leaf.Edits)
	}
}

func TestWhoIsRefusedAndWhatIsRecorded(t *testing.T) {
	auditor := identity.Principal{ID: "token:auditor", Name: "auditor", Grants: []identity.Grant{{Role: identity.Auditor, Regions: []string{"*"}}}}
	for _, c := range []struct {
		what     string
		decider  gate.Decider
		change   gate.Change
		rule     gate.Rule
		code     string
		recorded audit.Result
		on       bool
	}{
		{"a lead in its region", gate.Unregulated{}, change(lead, identity.Answer, "co"), turn(true), "", audit.Applied, true},
		{"a lead in another region", gate.Unregulated{}, change(lead, identity.Answer, "hi"), turn(true), "forbidden", audit.Refused, false},
		{"an auditor", gate.Unregulated{}, change(auditor, identity.Answer, "co"), turn(true), "forbidden", audit.Refused, false},
		{"nobody", gate.Unregulated{}, change(identity.Principal{}, identity.Answer, "co"), turn(true), "unauthenticated", "", false},
		{"the domain says no", gate.Unregulated{}, change(lead, identity.Answer, "co"), refuse, "no_offer", audit.Refused, false},
		{"policy says no", deniesIt, change(lead, identity.Answer, "co"), turn(true), "policy_denied", audit.Refused, false},
		{"policy cannot hold up turning off", deniesIt, change(lead, identity.TurnOff, "co"), turn(true), "", audit.Applied, true},
		{"a malformed request is not on the record", gate.Unregulated{}, change(lead, identity.Answer, "co"),
			func(*kv.Tx, gate.Change) error { return fault.New(fault.Invalid, "bad", "bad") }, "bad", "", false},
	} {
		t.Run(c.what, func(t *testing.T) {
			store := kvtest.New(t)
			_, err := newGate(store, c.decider).Submit(context.Background(), c.change, c.rule)
			if c.code == "" && err != nil || c.code != "" && !fault.HasCode(err, c.code) {
				t.Errorf("got %v, want code %q", err, c.code)
			}
			state, err := kv.Get(store.View(context.Background()), switches.Key("co", "video_visit"))
			if err != nil || state.Value.On != c.on {
				t.Errorf("state %+v, %v", state, err)
			}
			entries := record(t, store)
			if c.recorded == "" && len(entries) > 0 || c.recorded != "" && (len(entries) != 1 || entries[0].Result != c.recorded) {
				t.Errorf("the record holds %+v, want %q", entries, c.recorded)
			}
			if c.recorded == audit.Refused && (entries[0].Refusal.Code != c.code || len(entries[0].Edits) > 0) {
				t.Errorf("refusal %+v", entries[0])
			}
		})
	}
}

func TestAChangeSentAgainHappensOnce(t *testing.T) {
	store := kvtest.New(t)
	g := newGate(store, gate.Unregulated{})
	c := change(lead, identity.Answer, "co")
	var wg sync.WaitGroup
	revisions := make([]int64, 20)
	for i := range revisions {
		wg.Go(func() {
			r, err := g.Submit(context.Background(), c, turn(true))
			if err != nil {
				t.Error(err)
			}
			revisions[i] = r.Revision
		})
	}
	wg.Wait()
	for _, r := range revisions {
		if r != revisions[0] || r == 0 {
			t.Errorf("receipts differ: %v", revisions)
			break
		}
	}
	if n := len(record(t, store)); n != 1 {
		t.Errorf("%d leaves", n)
	}
}

func TestAKeyBelongsToOneChange(t *testing.T) {
	store := kvtest.New(t)
	g := newGate(store, gate.Unregulated{})
	first := change(lead, identity.Answer, "co")
	if _, err := g.Submit(context.Background(), first, turn(true)); err != nil {
		t.Fatal(err)
	}
	other := first
	other.Request = map[string]any{"answer": "decline"}
	if _, err := g.Submit(context.Background(), other, turn(false)); !fault.HasCode(err, "idempotency_key_reused") {
		t.Errorf("another request under the same key: %v", err)
	}
	old := change(lead, identity.Answer, "co")
	for id, code := range map[string]string{
		"not-a-uuid":                           "bad_idempotency_key",
		"9b2a1c9e-6f0e-4f5e-8c39-1e6f6a1c2b3d": "bad_idempotency_key", // version 4
		"018c2f4e-0000-7000-8000-000000000000": "idempotency_key_too_old",
	} {
		old.ID = id
		if _, err := g.Submit(context.Background(), old, turn(false)); !fault.HasCode(err, code) {
			t.Errorf("key %s: %v, want %s", id, err, code)
		}
	}
}

func TestWhatIsSoAlreadyLeavesNoLeaf(t *testing.T) {
	store := kvtest.New(t)
	g := newGate(store, gate.Unregulated{})
	for i, unchanged := range []bool{false, true} {
		r, err := g.Submit(context.Background(), change(lead, identity.Answer, "co"), turn(true))
		if err != nil || r.Unchanged != unchanged {
			t.Errorf("try %d: %+v, %v", i, r, err)
		}
	}
	if n := len(record(t, store)); n != 1 {
		t.Errorf("%d leaves", n)
	}
}

func TestNobodyFillsTheStoreWithRefusals(t *testing.T) {
	store := kvtest.New(t)
	g := newGate(store, gate.Unregulated{})
	for range gate.RefusalsPerMinute + 15 {
		if _, err := g.Submit(context.Background(), change(lead, identity.Answer, "hi"), turn(true)); !fault.Is(err, fault.Forbidden) {
			t.Fatal(err)
		}
	}
	if n := len(record(t, store)); n != gate.RefusalsPerMinute {
		t.Errorf("%d refusals recorded in one burst, want %d", n, gate.RefusalsPerMinute)
	}
}
