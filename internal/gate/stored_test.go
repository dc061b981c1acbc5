package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// What is in a store today must be readable for ever: a change of these files is a
// change of schema.
func TestTheStoredFormIsFixed(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	lead := audit.Actor{ID: "person:aaaaaaaaaaaaaaaa", Name: "Colorado regional lead", Roles: []string{"regional_lead(co)"}}
	d := Decision{By: "gate rules 0123456789ab", Warn: []Finding{{Rule: "W", Citation: "group rule", Message: "mind it"}}, InputDigest: "ab", Patience: time.Hour,
		Require: []Requirement{
			{Finding: Finding{Rule: "R", Message: "it is risky"}, Kind: NeedSignOff, Role: identity.Compliance, Region: "co", Count: 2, Apart: true},
			{Finding: Finding{Rule: "E", Message: "a proof"}, Kind: NeedEvidence, Evidence: "vendor_baa", Met: true},
			{Finding: Finding{Rule: "D", Message: "a day"}, Kind: NeedDelay, Delay: 24 * time.Hour},
			{Finding: Finding{Rule: "F", Message: "a person"}, Kind: NeedFresh}}}
	p := Proposal{ID: "019504a1-0000-7000-8000-000000000000", Edition: 2, State: Emergency,
		Author: Author{ID: "token:abcdefghijklmnop", Name: "script", Grants: []identity.Grant{{Role: identity.RegionalLead, Regions: []string{"co"}}},
			Verbs: []identity.Action{identity.Answer}, Behind: lead.ID},
		Action: identity.Answer, Target: identity.Target{Kind: "enablement", Region: "co", ID: "video_visit"}, Reason: "ready", Request: json.RawMessage(`{"answer":"enable"}`),
		ProposedAt: at, EditedAt: at.Add(time.Minute), Expires: at.Add(time.Hour), ApplyAt: at.Add(2 * time.Hour), Veiled: []string{"tokens/"},
		Plan: kv.Plan{Edits: []kv.PlannedEdit{{Edit: kv.Edit{Path: "enablements/co/video_visit", After: json.RawMessage(`{"answer":"enable"}`)}, Schema: 1}},
			Bases: []kv.Base{{Path: "enablements/co/video_visit"}}, Lists: []kv.ListBase{{Prefix: "freezes/co/", Revision: 7, Count: 1}}},
		Decision: d, Remarks: []Remark{{By: lead, At: at, Edition: 1, Act: identity.RequestChanges, Text: "less"}}, Held: "no",
		Until: at.Add(3 * time.Hour), Closed: &Closing{By: lead, At: at, Reason: "done", Leaf: "019504a1-0000-7000-8000-000000000001"}}
	s := SignOff{Change: p.ID, By: lead, Grants: p.Author.Grants, At: at, Meaning: "safe", As: []string{"regional_lead"}, Strength: identity.BySignIn, SignedIn: at,
		Edition: 2, Binds: "cd", Decision: Decision{By: "gate rules 0123456789ab"}}
	fixed(t, changes.Key(p.ID), changes, p, "change.json")
	fixed(t, signoffs.Key(p.ID, lead.ID), signoffs, s, "signoff.json")
	fixed(t, holds.Key(p.ID), holds, hold{Paths: []string{"enablements/co/video_visit"}, Until: at}, "hold.json")
}

func fixed[T any](t *testing.T, key kv.Key[T], from kv.Collection[T], value T, file string) {
	t.Helper()
	etcd := kvtest.Etcd(t)
	store := kvtest.Open(t, etcd, kv.Config{})
	if _, err := store.Update(context.Background(), "", func(tx *kv.Tx) error { return kv.Put(tx, key, value) }); err != nil {
		t.Fatal(err)
	}
	resp, err := etcd.Get(context.Background(), kv.Root+key.Path())
	if err != nil || len(resp.Kvs) != 1 {
		t.Fatal(resp, err)
	}
	golden := filepath.Join("testdata", file)
	if os.Getenv("QUORATE_UPDATE") != "" {
		if err := os.WriteFile(golden, append(resp.Kvs[0].Value, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want = bytes.TrimSpace(want)
	if diff := cmp.Diff(string(want), string(resp.Kvs[0].Value)); diff != "" {
		t.Errorf("the stored form of %s changed:\n%s", file, diff)
	}
	got, err := from.Decode(key.Path(), want)
	if diff := cmp.Diff(value, got); diff != "" || err != nil {
		t.Errorf("%s: %v\n%s", file, err, diff)
	}
}
