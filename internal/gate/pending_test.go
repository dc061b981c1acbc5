package gate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

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
