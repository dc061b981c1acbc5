package server_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// signedIn is a member who signed in at the identity provider just now.
func signedIn(name string) gate.Origin {
	return gate.Origin{Actor: identity.Principal{ID: "person:" + name, Name: "member " + name, Strength: identity.BySignIn, AuthTime: time.Now(),
		Grants: []identity.Grant{{Role: identity.Member, Regions: []string{identity.Every}}}}, Reason: "as agreed"}
}

// A motion over HTTP, with ballots from before and after a restart: the clerk closes
// and counts it by itself, what it decided is offered, and the export is counted
// again to the same result.
func TestAMotionFromItsMoverToItsOfferOverHTTP(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	s.must(s.do("PUT", "/api/v1/capabilities/messages", s.operator, object{"value": capability("messages")}))
	secretary := s.token("secretary", identity.Secretary, "*")
	who := s.must(s.do("GET", "/api/v1/tokens", s.operator, nil)).raw
	id := "token:" + strings.Split(secretary, "_")[1]
	if !strings.Contains(who, strings.Split(secretary, "_")[1]) {
		t.Fatalf("the secretary's token is not in %s", who)
	}
	charter := strings.NewReplacer(`[{"key":"a","name":"A","voting":true}]`,
		`[{"key":"a","name":"A","region":"co","voting":true},{"key":"b","name":"B","region":"hi","voting":true},{"key":"c","name":"C","voting":true}]`,
		`"charter":{"threshold":"two_thirds"}`, `"charter":{"threshold":"two_thirds"},"offer":{"threshold":"majority"}`,
		`"owns":[]`, `"owns":["clinical","administrative","financial"]`, `"close_when_all_voted":false`, `"close_when_all_voted":true`).Replace(charterJSON)
	var occupants []string
	for _, seat := range []string{"a", "b", "c"} {
		occupants = append(occupants, `{"seat":"`+seat+`","person":{"id":"person:`+seat+`","name":"member `+seat+`"},"place":"holder"}`)
	}
	s.must(s.do("POST", "/api/v1/bodies", s.operator, `{"reason":"founding","body":{"key":"strategy","name":"Strategy","charter":`+charter+
		`,"secretary":{"id":"`+id+`","name":"secretary"}},"occupants":[`+strings.Join(occupants, ",")+`]}`))
	if a := s.do("PUT", "/api/v1/offers/messages", s.operator, object{"kind": "full", "reason": "test"}); a.status != 422 || a.body["code"] != "offers_by_motion" {
		t.Errorf("an operator grants an offer: %d %s", a.status, a.raw)
	}
	ctx := context.Background()
	motion, _, err := s.Governance.Move(ctx, signedIn("a"), governance.Proposal{Body: "strategy", Kind: governance.OfferIt, Title: "Messages", Text: "Resolved.",
		Subject: governance.Subject{Capability: "messages", Offer: "full"}})
	if err == nil {
		_, err = s.Governance.Second(ctx, signedIn("b"), motion)
	}
	if err != nil {
		t.Fatal(err)
	}
	path := "/api/v1/motions/" + motion
	s.must(s.do("POST", path+"/open", secretary, object{"closes": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}))
	if a := s.do("PUT", path+"/ballots/a", s.token("a member's script", identity.Member, "*"), object{"vote": "yes"}); a.status != 403 || a.body["code"] != "needs_a_person" {
		t.Errorf("a token casts a ballot: %d %s", a.status, a.raw)
	}
	cast := func(seat string, v tally.Vote) {
		if _, _, err := s.Governance.Cast(ctx, signedIn(seat), motion, seat, governance.Vote{Vote: v}); err != nil {
			t.Fatal(err)
		}
	}
	cast("a", tally.Yes)
	cast("b", tally.No)
	if a := s.do("GET", path+"/count", s.operator, nil); a.status != 422 || a.body["code"] != "not_counted" {
		t.Errorf("counted while it is open: %d %s", a.status, a.raw)
	}
	s.stop()
	s.start()
	cast("b", tally.Yes)
	cast("c", tally.No)
	state := ""
	for deadline := time.Now().Add(30 * time.Second); state != "effective" && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		value, _ := s.must(s.do("GET", path, s.operator, nil)).body["value"].(object)
		state, _ = value["state"].(string)
	}
	if state != "effective" {
		t.Fatalf("the motion is %q: %s", state, s.do("GET", path, s.operator, nil).raw)
	}
	offer := s.must(s.do("GET", "/api/v1/offers/messages", s.operator, nil))
	if !strings.Contains(offer.raw, `"motion":"`+motion+`"`) {
		t.Errorf("the offer does not say by which motion: %s", offer.raw)
	}
	export, err := tally.ReadExport(strings.NewReader(s.must(s.do("GET", path+"/export", s.operator, nil)).raw)) // as quorate tally does
	if err != nil {
		t.Fatal(err)
	}
	result, err := tally.Recount(export)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := result.Digest()
	m, merr := s.Governance.Motion(ctx, motion)
	if err != nil || merr != nil || digest != m.Value.Outcome.Digest || m.Value.Outcome.Cast != 3 {
		t.Errorf("counted again: %s, %v; the outcome is %+v, %v", digest, err, m.Value.Outcome, merr)
	}
}
