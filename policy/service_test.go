package policy_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/policy"
	rules "github.com/quorate/quorate/policy/rego"
)

// From nothing permitted to a law that holds, and back to the one before.
func TestALawIsPushedActivatedAndRolledBack(t *testing.T) {
	s := newSite(t)
	if !s.records.Position().Without() {
		t.Error("something is permitted before any law is active")
	}
	first := s.push(rules.Law, "")
	if !s.records.Position().Without() {
		t.Error("pushing a bundle changed what holds")
	}
	if first.Rules != 60 || first.SignedBy != "counsel" || first.Act.By != "compliance" {
		t.Errorf("%+v", first)
	}
	s.activate()
	if got := s.records.Position(); got.Without() || got.PolicyRevision() != first.Digest || got.From.IsZero() || got.LawRevision == 0 {
		t.Errorf("%+v", got)
	}
	later := s.push(copied(t, ".manifest", "2026-07-01", "2026-09-01"), "")
	wantRevision := func(digest string) {
		t.Helper()
		if got := s.records.Position().PolicyRevision(); got != digest {
			t.Errorf("%.12s holds, want %.12s", got, digest)
		}
	}
	if _, _, err := s.service.Activate(t.Context(), by(counsel), policy.ActivateRequest{Layer: policy.Law, Digest: later.Digest}); err != nil {
		t.Fatal(err)
	}
	wantRevision(later.Digest)
	_, err := s.tryPush(copied(t, ".manifest", "2026-07-01", "2026-08-01"), "")
	wants(t, "an older bundle", err, "older_bundle")
	if _, _, err := s.service.Rollback(t.Context(), by(compliance), policy.Law, ""); err != nil {
		t.Fatal(err)
	}
	wantRevision(first.Digest)
	_, _, err = s.service.Activate(t.Context(), by(operator), policy.ActivateRequest{Layer: policy.Law, Digest: later.Digest})
	wants(t, "an operator activates a law", err, "forbidden")
	_, _, err = s.service.Activate(t.Context(), by(compliance), policy.ActivateRequest{Layer: policy.Law, Digest: strings.Repeat("0", 64)})
	wants(t, "a bundle that nobody pushed", err, "unknown_bundle")
	wantRevision(first.Digest)
	list, err := s.service.Bundles(t.Context(), lead)
	if err != nil || len(list) != 2 || list[0].Digest != later.Digest {
		t.Errorf("%d bundles, %v", len(list), err)
	}
}

// What the record says of a pushed bundle is its digest; the bytes are in the store.
func TestTheRecordOfAPushIsShort(t *testing.T) {
	s := newSite(t)
	s.push(rules.Law, "")
	leaves, err := audit.Newest(t.Context(), s.store, 1)
	if err != nil || len(leaves) != 1 || leaves[0].Action != identity.PushRules {
		t.Fatalf("%v, %v", leaves, err)
	}
	for _, e := range leaves[0].Edits {
		if len(e.After) > 200 {
			t.Errorf("%s: %d bytes in the record", e.Path, len(e.After))
		}
	}
}

// A bundle with faults is refused with their places, on the record, and what was
// active stays.
func TestABrokenBundleIsRefusedOnTheRecord(t *testing.T) {
	s := newSite(t)
	good := s.activate()
	_, err := s.tryPush(copied(t, "registry/federal/data.yaml", `effective: "2025-07-05"`, `effective: "2025-7-5"`), "")
	wants(t, "a malformed day", err, "bad_bundle")
	if err == nil || !strings.Contains(err.Error(), "registry/federal/data.yaml:") || !strings.Contains(err.Error(), `"2025-7-5" is not a day`) {
		t.Errorf("it is said: %v", err)
	}
	leaves, listErr := audit.Newest(t.Context(), s.store, 1)
	if listErr != nil || leaves[0].Result != audit.Refused || leaves[0].Refusal.Code != "bad_bundle" {
		t.Errorf("the newest entry: %+v, %v", leaves[0].Leaf, listErr)
	}
	if got := s.records.Position().PolicyRevision(); got != good.Digest {
		t.Errorf("%.12s holds", got)
	}
}

// An activation rests on what somebody looked at: an enablement since then has it
// fail, and so does one between the look and the commit.
func TestAnActivationFailsIfAnEnablementMoved(t *testing.T) {
	s := newSite(t)
	p := s.push(rules.Law, "")
	out, err := s.store.Update(t.Context(), "", func(tx *kv.Tx) error {
		return kv.Put(tx, kv.NewCollection[string]("enablements", 1).Key("co", "video_visit"), "on")
	})
	if err != nil {
		t.Fatal(err)
	}
	request := policy.ActivateRequest{Layer: policy.Law, Digest: p.Digest, Previewed: out.Revision - 1}
	_, _, err = s.service.Activate(t.Context(), by(compliance), request)
	wants(t, "looked at before the enablement", err, "moved_since")
	if !s.records.Position().Without() {
		t.Error("it was activated all the same")
	}
	request.Previewed = out.Revision
	if _, _, err := s.service.Activate(t.Context(), by(compliance), request); err != nil {
		t.Errorf("looked at after the enablement: %v", err)
	}
}

const ownManifest = `{"metadata":{"layer":"region","region":"co","as_last_confirmed":"2026-07-01"}}`

func own(manifest string) fstest.MapFS {
	return fstest.MapFS{
		".manifest": {Data: []byte(manifest)},
		"registry/own/data.yaml": {Data: []byte(`CO-OWN-CONSENT:
  title: Consent first
  citation: Operating procedure 7
  jurisdictions: ["*"]
  actors: [provider]
  capabilities: [video_visit]
  phase: E
  acts: [enable]
  time_zone: local
  status: in_force
  waivable_by: [risk]
  point: flag
  monotone: true
  confidence: source
  review_due: "2099-01-01"
`)},
		"rules/own/a.rego": {Data: []byte("package quorate.rules[\"CO-OWN-CONSENT\"]\n\nfinding contains {\"effect\": \"deny\", \"why\": \"consent first\"} if input.act == \"enable\"\n")},
	}
}

var colorado = policy.Question{Region: "co", Jurisdictions: []string{"US-CO"}, Capability: "video_visit"}

// denied lists who denies the enablement in Colorado at the site's time.
func (s *site) denied(q policy.Question) []string {
	s.t.Helper()
	q.AsOf = s.now
	d := s.records.Position().Enable(s.t.Context(), q)
	if len(d.BadInput) > 0 {
		s.t.Fatal(d.BadInput)
	}
	var list []string
	for _, v := range d.ByJurisdiction {
		list = append(list, v.Denials...)
	}
	return list
}

// A region's own procedure holds there, by its lead's word alone, and goes away
// again; the law under it cannot be taken away by it.
func TestARegionAddsItsOwnProcedure(t *testing.T) {
	s := newSite(t)
	request := policy.ActivateRequest{Layer: policy.Region, Region: "co"}
	request.Digest = s.push(own(ownManifest), "co").Digest
	_, _, err := s.service.Activate(t.Context(), by(lead), request)
	wants(t, "without a law", err, "no_law")
	s.activate()
	_, _, err = s.service.Activate(t.Context(), by(compliance), request)
	wants(t, "by compliance", err, "forbidden")
	if _, _, err := s.service.Activate(t.Context(), by(lead), request); err != nil {
		t.Fatal(err)
	}
	if got := s.denied(colorado); !slices.Contains(got, "CO-OWN-CONSENT") {
		t.Errorf("denied by %v", got)
	}
	hawaii := policy.Question{Region: "hi", Jurisdictions: []string{"US-HI"}, Capability: "video_visit"}
	if got := s.denied(hawaii); slices.Contains(got, "CO-OWN-CONSENT") {
		t.Errorf("in Hawaii denied by %v", got)
	}
	_, err = s.tryPush(own(strings.Replace(ownManifest, `"co"`, `"hi"`, 1)), "co")
	wants(t, "another region's procedure", err, "bad_bundle") // its rules are Colorado's by name
	if _, _, err := s.service.Rollback(t.Context(), by(lead), policy.Region, "co"); err != nil {
		t.Fatal(err)
	}
	if got := s.denied(colorado); slices.Contains(got, "CO-OWN-CONSENT") {
		t.Error("it holds after it was taken back")
	}
}

// A second replica that starts later holds the same; and one that starts with a
// damaged pointer permits nothing.
func TestAReplicaComesToTheSamePosition(t *testing.T) {
	s := newSite(t)
	s.activate()
	s.push(own(ownManifest), "co")
	records := policy.NewRecords(slog.New(slog.DiscardHandler), nil)
	follower := s.store.NewFollower()
	follower.Subscribe(func(b kv.Batch) { records.Apply(b) }, records.Prefixes()...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); follower.Run(ctx) }()
	<-follower.Ready()
	cancel()
	<-done
	a, b := s.records.Position(), records.Position()
	if b.Without() || a.PolicyRevision() != b.PolicyRevision() || a.LawRevision != b.LawRevision || !a.From.Equal(b.From) {
		t.Errorf("%s at %d, %s at %d", a.PolicyRevision(), a.LawRevision, b.PolicyRevision(), b.LawRevision)
	}
	if n := records.Preparing(); n != 1 {
		t.Errorf("a replica that starts prepares %d stacks of bundles, where one holds", n)
	}
	if !records.Apply(kv.Batch{Events: []kv.Event{{Path: "policy/active", Value: []byte(`{"schema":1,"sum":"00000000","value":{}}`), Revision: 999}}}) || !records.Position().Without() {
		t.Error("a damaged pointer permits something")
	}
}

// A law holds by the word of counsel and of compliance, and of nobody twice.
func TestALawNeedsCounselAndCompliance(t *testing.T) {
	s := newSiteUnder(t, policy.LawSignOff{})
	p := s.push(rules.Law, "")
	for _, c := range []struct{ author, other identity.Principal }{{compliance, counsel}, {counsel, compliance}} {
		_, receipt, err := s.service.Activate(t.Context(), by(c.author), policy.ActivateRequest{Layer: policy.Law, Digest: p.Digest})
		if err != nil || receipt.Pending == nil {
			t.Fatalf("by %s: %+v, %v", c.author.Name, receipt, err)
		}
		v, err := s.gate.Look(t.Context(), receipt.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.gate.Sign(t.Context(), by(c.author), receipt.ID, v.Binding)
		wants(t, "the author signs", err, "own_change")
		_, err = s.gate.Sign(t.Context(), by(operator), receipt.ID, v.Binding)
		if err == nil {
			t.Error("an operator signed a law")
		}
		if got := s.records.Position().PolicyRevision() == p.Digest; got {
			t.Fatal("it holds before the other has signed")
		}
		if _, err := s.gate.Sign(t.Context(), by(c.other), receipt.ID, v.Binding); err != nil {
			t.Fatal(err)
		}
		if s.records.Position().PolicyRevision() != p.Digest {
			t.Error("signed, and it does not hold")
		}
		p = s.push(copied(t, ".manifest", "2026-07-01", "2026-09-01"), "")
	}
}

// Rules of any layer are activated, and rolled back, by a person who has just signed
// in: neither by a token nor by a sign-in of this morning.
func TestActivatingNeedsAFreshSignIn(t *testing.T) {
	s := newSiteUnder(t, policy.LawSignOff{})
	p := s.push(rules.Law, "")
	stale, token := by(compliance), by(compliance)
	stale.Actor.AuthTime = s.now.Add(-time.Hour)
	token.Actor.ID, token.Actor.Strength, token.Actor.AuthTime = "token:script", identity.ByToken, time.Time{}
	for code, o := range map[string]gate.Origin{"fresh_sign_in_needed": stale, "needs_a_person": token} {
		_, receipt, err := s.service.Activate(t.Context(), o, policy.ActivateRequest{Layer: policy.Law, Digest: p.Digest})
		wants(t, "activating", err, code)
		if receipt.Pending != nil {
			t.Errorf("%s: it was proposed", code)
		}
	}
	_, receipt, err := s.service.Activate(t.Context(), by(compliance), policy.ActivateRequest{Layer: policy.Law, Digest: p.Digest})
	if err != nil || receipt.Pending == nil {
		t.Fatalf("a fresh sign-in: %+v, %v", receipt, err)
	}
	v, err := s.gate.Look(t.Context(), receipt.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.gate.Sign(t.Context(), by(counsel), receipt.ID, v.Binding); err != nil {
		t.Fatal(err)
	}
	own := s.push(own(ownManifest), "co")
	stale.Actor.Grants, token.Actor.Grants = lead.Grants, lead.Grants
	for code, o := range map[string]gate.Origin{"fresh_sign_in_needed": stale, "needs_a_person": token} {
		r := policy.ActivateRequest{Layer: policy.Region, Region: "co", Digest: own.Digest}
		_, _, err := s.service.Activate(t.Context(), o, r)
		wants(t, "activating a region's own", err, code)
	}
	if _, _, err := s.service.Activate(t.Context(), by(lead), policy.ActivateRequest{Layer: policy.Region, Region: "co", Digest: own.Digest}); err != nil {
		t.Fatal(err)
	}
	for code, o := range map[string]gate.Origin{"fresh_sign_in_needed": stale, "needs_a_person": token} {
		_, _, err := s.service.Rollback(t.Context(), o, policy.Region, "co")
		wants(t, "rolling back a region's own", err, code)
	}
}

// An enablement that is written while a law waits for its second signature voids what
// was looked at: the law must be proposed anew.
func TestAnEnablementVoidsAWaitingLaw(t *testing.T) {
	s := newSiteUnder(t, policy.LawSignOff{})
	p := s.push(rules.Law, "")
	_, receipt, err := s.service.Activate(t.Context(), by(compliance), policy.ActivateRequest{Layer: policy.Law, Digest: p.Digest})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.Update(t.Context(), "", func(tx *kv.Tx) error {
		return kv.Put(tx, kv.NewCollection[string]("enablements", 1).Key("co", "video_visit"), "on")
	}); err != nil {
		t.Fatal(err)
	}
	v, err := s.gate.Look(t.Context(), receipt.ID)
	if err != nil || !slices.Contains(v.Moved, "enablements/") {
		t.Errorf("moved: %v, %v", v.Moved, err)
	}
	if _, err := s.gate.Sign(t.Context(), by(counsel), receipt.ID, v.Binding); err == nil {
		t.Error("it was carried out on a base that moved")
	}
	if _, err := s.gate.Rebase(t.Context(), by(compliance), receipt.ID); err != nil {
		t.Fatal(err)
	}
	if v, err = s.gate.Look(t.Context(), receipt.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.gate.Sign(t.Context(), by(counsel), receipt.ID, v.Binding); err != nil {
		t.Errorf("after a rebase: %v", err)
	}
	if s.records.Position().Without() {
		t.Error("rebased and signed, and it does not hold")
	}
}

// A preview says what would break, and changes nothing; a forecast says when.
func TestPreviewAndForecast(t *testing.T) {
	s := newSite(t, colorado)
	s.activate()
	r := policy.EvidenceRequest{Type: "performs:consent", Service: "portal", Scope: "*", Expires: policy.Day(s.now.AddDate(1, 0, 0).Format(time.DateOnly))}
	for _, kind := range []string{"consent", "capture_location_attestation", "keep_record", "obtain_history", "record_exception", "registration_disclosures"} {
		r.Type = "performs:" + kind
		if _, _, err := s.service.AddEvidence(t.Context(), by(compliance), r); err != nil {
			t.Fatal(err)
		}
	}
	p := s.push(own(ownManifest), "co")
	v, err := s.service.Preview(t.Context(), lead, p.Digest)
	if err != nil || v.Pairs != 1 || len(v.Broken) != 1 || v.Broken[0].Capability != "video_visit" || !slices.Contains(v.Broken[0].Rules, "CO-OWN-CONSENT") {
		t.Errorf("%+v, %v", v, err)
	}
	if got := s.denied(colorado); len(got) > 0 {
		t.Errorf("looking changed what holds: %v", got)
	}
	f, err := s.service.Forecast(t.Context(), lead, policy.Day(s.now.AddDate(2, 0, 0).Format(time.DateOnly)))
	if err != nil || f.Pairs != 1 || len(f.Events) == 0 {
		t.Fatalf("%+v, %v", f, err)
	}
	if e := f.Events[len(f.Events)-1]; e.Permitted || e.Region != "co" || !e.At.After(s.now) {
		t.Errorf("%+v", e)
	}
	for _, day := range []policy.Day{"", "2020-01-01", "soon", "2999-01-01"} {
		_, err := s.service.Forecast(t.Context(), lead, day)
		wants(t, "until "+string(day), err, "bad_day")
	}
}
