package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

func TestTheLastSignOffCarriesAChangeOut(t *testing.T) {
	k := newDesk(t, twoSign())
	id := k.propose()
	if k.on() {
		t.Fatal("it was applied before anybody signed")
	}
	k.want("", k.sign(safety, id))
	if v := k.look(id); k.on() || len(v.SignOffs) != 1 || len(v.Missing) != 1 || v.Missing[0].Role != identity.Compliance {
		t.Errorf("after one of two: on %v, %+v", k.on(), v.Missing)
	}
	k.want("", k.sign(compliance, id))
	v := k.look(id)
	if !k.on() || v.State != gate.Applied {
		t.Errorf("after both: on %v, %s", k.on(), v.State)
	}
	last := record(t, k.store)[0]
	if last.ID != v.Closed.Leaf || last.Change != id || len(last.SignOffs) != 2 || last.SignOffs[1].Meaning != "reviewed by compliance" ||
		last.SignOffs[0].Binds == "" || last.Decision == nil || len(last.Decision.Findings) != 2 {
		t.Errorf("the leaf names %+v", last)
	}
	k.want("change_closed", k.sign(safety, id))
}

func TestNobodySignsTheirOwn(t *testing.T) {
	k := newDesk(t, gate.Decision{By: "t", Require: []gate.Requirement{signOff("RISK", identity.RegionalLead, 1)}})
	k.law.d.Require[0].Region = "co"
	id := k.propose()
	k.want("own_change", k.sign(coLead, id))
	k.want("not_asked", k.sign(safety, id))
	k.want("not_asked", k.sign(person("hi lead", identity.RegionalLead, "hi"), id))
	k.want("forbidden", k.sign(person("auditor", identity.Auditor, identity.Every), id))
	k.want("unauthenticated", k.sign(identity.Principal{}, id))
	k.want("", k.sign(person("other lead", identity.RegionalLead, "co"), id))
	if !k.on() {
		t.Error("a second lead's sign-off did not carry it out")
	}
}

// What a sign-off binds: move one thing after it was given, and it is void, and
// the reason names that thing.
func TestASignOffBinds(t *testing.T) {
	unrelated, related := twoSign(), twoSign()
	unrelated.By, unrelated.InputDigest = "bundle 2", "ff"
	related.Warn = []gate.Finding{{Rule: "NEW-RULE", Message: "tell the clinics"}}
	for _, c := range []struct {
		what string
		move func(*desk, string)
		why  string // "": it still counts
	}{
		{"nothing", func(*desk, string) {}, ""},
		{"a bundle with an unrelated rule", func(k *desk, _ string) { k.law.set(unrelated) }, ""},
		{"a bundle with a related rule", func(k *desk, _ string) { k.law.set(related) }, "now warn NEW-RULE"},
		{"a rule that is gone", func(k *desk, _ string) {
			k.law.set(gate.Decision{By: "bundle 2", Require: twoSign().Require[1:]})
		}, "no longer require RISK (clinical_safety)"},
		{"the base", func(k *desk, _ string) { k.move() }, "the base has moved: test/switches/base"},
		{"an edit", func(k *desk, id string) {
			if _, err := k.Edit(context.Background(), gate.Origin{Actor: coLead, Reason: "again"}, id, json.RawMessage(`{"on":true}`)); err != nil {
				k.t.Fatal(err)
			}
		}, "made edition 2"},
	} {
		t.Run(c.what, func(t *testing.T) {
			k := newDesk(t, twoSign())
			id := k.propose()
			k.want("", k.sign(safety, id))
			c.move(k, id)
			v := k.look(id)
			if c.why == "" && (len(v.SignOffs) != 1 || len(v.Void) != 0) {
				t.Errorf("void: %+v", v.Void)
			}
			if c.why != "" && (len(v.SignOffs) != 0 || len(v.Void) != 1 || !strings.Contains(v.Void[0].Why, c.why)) {
				t.Errorf("counts %d, void %+v, want %q", len(v.SignOffs), v.Void, c.why)
			}
			if c.what != "the base" && c.what != "a rule that is gone" {
				k.want("", k.sign(compliance, id))
				if k.on() != (c.why == "") {
					t.Errorf("applied: %v", k.on())
				}
			}
		})
	}
}

// A new bundle voids exactly the sign-offs of those changes on which it decides
// otherwise; what was shown is what is signed.
func TestWhatIsSignedIsWhatWasShown(t *testing.T) {
	k := newDesk(t, twoSign())
	id := k.propose()
	shown := k.look(id).Binding
	d := twoSign()
	d.Warn = []gate.Finding{{Rule: "NEW-RULE", Message: "tell the clinics"}}
	k.law.set(d)
	_, err := k.Sign(context.Background(), gate.Origin{Actor: safety, Reason: "as I saw it"}, id, shown)
	k.want("binding_differs", err)
	k.law.set(gate.Decision{By: "b", Deny: []gate.Finding{{Rule: "NO", Citation: "1 CFR 1", Message: "forbidden now"}}, Require: d.Require})
	k.want("policy_denied", k.sign(safety, id))
}

func TestAMovedBaseIsRebased(t *testing.T) {
	k := newDesk(t, twoSign())
	id := k.propose()
	k.want("", k.sign(safety, id))
	k.move()
	k.want("base_moved", k.sign(compliance, id))
	_, err := k.Rebase(context.Background(), gate.Origin{Actor: safety}, id)
	k.want("not_yours", err)
	_, err = k.Rebase(context.Background(), gate.Origin{Actor: coLead}, id)
	k.want("", err)
	k.want("", k.sign(compliance, id))
	if k.on() {
		t.Fatal("a sign-off of the old base counted")
	}
	k.want("", k.sign(safety, id))
	if v := k.look(id); !k.on() || v.Edition != 2 || v.Plan.Edits[0].Path != "test/switches/co/video_visit" {
		t.Errorf("on %v, %+v", k.on(), v)
	}
}

func TestHowAChangeEndsWithoutEffect(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		what  string
		end   func(*desk, string) error
		state gate.State
	}{
		{"declined", func(k *desk, id string) error {
			_, err := k.Decline(ctx, gate.Origin{Actor: safety, Reason: "not now"}, id)
			return err
		}, gate.Declined},
		{"withdrawn", func(k *desk, id string) error {
			_, err := k.Withdraw(ctx, gate.Origin{Actor: coLead}, id)
			return err
		}, gate.Withdrawn},
		{"expired", func(k *desk, id string) error {
			k.pass(gate.Patience + time.Minute)
			if err := k.sign(compliance, id); !fault.HasCode(err, "change_expired") {
				return fmt.Errorf("signed after its time: %w", err)
			}
			return k.Tend(ctx)
		}, gate.Expired},
	} {
		t.Run(c.what, func(t *testing.T) {
			k := newDesk(t, twoSign())
			id := k.propose()
			k.want("", k.sign(safety, id))
			k.want("", c.end(k, id))
			if v := k.look(id); v.State != c.state || v.Closed == nil || k.on() {
				t.Errorf("%s, on %v", v.State, k.on())
			}
			k.want("change_closed", k.sign(compliance, id))
			k.pass(gate.Keep + time.Hour)
			k.want("", k.Tend(ctx))
			_, err := k.Look(ctx, id)
			k.want("unknown_change", err)
		})
	}
}

func TestWhoCannotSignCannotDecline(t *testing.T) {
	k := newDesk(t, twoSign())
	id := k.propose()
	ctx := context.Background()
	_, err := k.Decline(ctx, gate.Origin{Actor: person("plan", identity.HealthPlan, identity.Every), Reason: "no"}, id)
	k.want("not_asked", err)
	_, err = k.Decline(ctx, gate.Origin{Actor: coLead, Reason: "no"}, id)
	k.want("own_change", err)
	_, err = k.Decline(ctx, gate.Origin{Actor: safety}, id)
	k.want("bad_reason", err)
	_, err = k.RequestChanges(ctx, gate.Origin{Actor: safety, Reason: "fewer people first"}, id)
	k.want("", err)
	if v := k.look(id); len(v.Remarks) != 1 || v.State != gate.Pending {
		t.Errorf("%+v", v.Remarks)
	}
	_, err = k.Edit(ctx, gate.Origin{Actor: coLead}, id, json.RawMessage(`{`))
	k.want("bad_request", err)
	for _, bad := range []string{"", "x", "../x", "01930000-0000-7000-8000-000000000000"} {
		_, err := k.Withdraw(ctx, gate.Origin{Actor: coLead}, bad)
		k.want("unknown_change", err)
	}
}

// Two of one role are two persons, and who counts for one requirement counts for
// no other.
func TestDistinctPersons(t *testing.T) {
	both := identity.Principal{ID: "person:both", Name: "both", Strength: identity.BySignIn, Grants: []identity.Grant{
		{Role: identity.ClinicalSafety, Regions: []string{identity.Every}}, {Role: identity.Compliance, Regions: []string{identity.Every}}}}
	k := newDesk(t, twoSign())
	id := k.propose()
	k.want("", k.sign(both, id))
	k.want("", k.sign(both, id)) // again: nothing more
	if v := k.look(id); k.on() || len(v.Missing) != 1 || len(v.SignOffs) != 1 {
		t.Fatalf("one person in two roles: on %v, missing %+v", k.on(), v.Missing)
	}
	k.want("", k.sign(safety, id)) // both moves over to compliance
	if !k.on() {
		t.Error("two persons who could be matched were not")
	}

	k = newDesk(t, gate.Decision{By: "t", Require: []gate.Requirement{signOff("RISK", identity.ClinicalSafety, 2)}})
	id = k.propose()
	k.want("", k.sign(safety, id))
	k.want("", k.sign(safety, id))
	if k.on() {
		t.Fatal("one person counted twice")
	}
	k.want("not_asked", k.sign(person("of one region", identity.ClinicalSafety, "co"), id))
	k.want("", k.sign(person("second", identity.ClinicalSafety, identity.Every), id))
	if !k.on() {
		t.Error("two persons did not carry it out")
	}
}

// Nobody signs with a token, nor with a sign-in of long ago.
func TestASignOffNeedsAFreshSignIn(t *testing.T) {
	k := newDesk(t, twoSign())
	id := k.propose()
	token := safety
	token.Strength, token.AuthTime = identity.ByToken, time.Time{}
	k.want("needs_a_person", k.signAs(token, id))
	token.Strength = ""
	k.want("needs_a_person", k.signAs(token, id))
	before := safety
	before.AuthTime = k.now()
	k.pass(identity.FreshFor + time.Minute)
	k.want("fresh_sign_in_needed", k.signAs(before, id))
	if v := k.look(id); len(v.SignOffs) > 0 {
		t.Fatalf("it was signed: %+v", v.SignOffs)
	}
	k.want("", k.sign(safety, id))
	if v := k.look(id); len(v.SignOffs) != 1 || v.SignOffs[0].Strength != identity.BySignIn || !v.SignOffs[0].SignedIn.Equal(k.now()) {
		t.Errorf("%+v", v.SignOffs)
	}
}

// A person is one person: signed in twice, or with a token that it issued.
func TestAChangeOfOnesOwnTokenIsOnesOwn(t *testing.T) {
	need := signOff("RISK", identity.RegionalLead, 1)
	need.Region = "co"
	k := newDesk(t, gate.Decision{By: "t", Require: []gate.Requirement{need}})
	script := identity.Principal{ID: "token:script", Name: "script", Grants: coLead.Grants, Behind: coLead.ID, Strength: identity.ByToken}
	for _, author := range []identity.Principal{coLead, script} {
		r, err := k.turn(context.Background(), gate.Origin{Actor: author, Reason: "ready"}, true)
		if err != nil || r.Pending == nil {
			t.Fatal(r, err)
		}
		k.want("own_change", k.sign(coLead, r.Pending.Change))
		_, err = k.Withdraw(context.Background(), gate.Origin{Actor: coLead}, r.Pending.Change)
		k.want("", err)
	}
	r, err := k.turn(context.Background(), gate.Origin{Actor: script, Reason: "ready"}, true)
	if err != nil {
		t.Fatal(err)
	}
	k.want("", k.sign(person("another lead", identity.RegionalLead, "co"), r.Pending.Change))
	if !k.on() {
		t.Error("another person's signature does not count")
	}
}

// Whoever has lost the role by the time a change is carried out has not signed it.
func TestARoleThatIsLostCountsNoMore(t *testing.T) {
	k := newDesk(t, twoSign())
	var mu sync.Mutex
	lost := map[string]bool{}
	lose := func(id string, does bool) {
		mu.Lock()
		defer mu.Unlock()
		lost[id] = does
	}
	k.AskStanding(func(p identity.Principal, _ time.Time) (identity.Principal, error) {
		mu.Lock()
		defer mu.Unlock()
		if lost[p.ID] {
			p.Grants = person("", identity.ClinicalSafety, "hi").Grants // of another region, by now
		}
		return p, nil
	})
	id := k.propose()
	k.want("", k.sign(safety, id))
	lose(safety.ID, true)
	k.want("", k.sign(compliance, id))
	if v := k.look(id); k.on() || len(v.SignOffs) != 1 || len(v.Void) != 1 || !strings.Contains(v.Void[0].Why, "no longer holds a role") {
		t.Fatalf("on %v, %+v, void %+v", k.on(), v.SignOffs, v.Void)
	}
	k.want("", k.sign(person("another", identity.ClinicalSafety, identity.Every), id))
	if !k.on() {
		t.Error("two who hold their roles have signed")
	}
}

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

func (x losingTxn) If(c ...clientv3.Cmp) clientv3.Txn  { return losingTxn{x.Txn.If(c...), x.lose} }
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
