package access_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

func (f *foyer) lend(t *testing.T, from, to identity.Principal, role identity.Role, region string, life time.Duration) (access.Delegation, error) {
	t.Helper()
	d, receipt, err := f.Delegate(context.Background(), gate.Origin{Actor: from, Reason: "on leave"},
		access.DelegationRequest{To: to.ID, Role: role, Region: region, Expires: f.clock.now().Add(life)})
	if err == nil {
		f.sees(t, receipt.Revision)
	}
	return d, err
}

var answerCo = identity.Target{Kind: "enablement", Region: "co"}

func TestALeadLendsItsRoleForATime(t *testing.T) {
	f := newFoyer(t)
	leadSession, guestSession := f.signIn(t, "co-lead"), f.signIn(t, "guest")
	lead, guest := f.who(t, leadSession), f.who(t, guestSession)
	d, err := f.lend(t, lead, guest, identity.RegionalLead, "co", 20*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	guest = f.who(t, guestSession)
	if err := identity.Can(guest, identity.Answer, answerCo); err != nil || guest.RoleNames()[0] != "regional_lead(co) by delegation" {
		t.Errorf("what was lent: %v, %v", guest.RoleNames(), err)
	}
	if identity.Can(guest, identity.Answer, identity.Target{Region: "hi"}) == nil {
		t.Error("more was lent than Colorado")
	}
	other := f.who(t, f.signIn(t, "hi-lead"))
	if _, err := f.lend(t, guest, other, identity.RegionalLead, "co", time.Minute); !fault.HasCode(err, "not_yours_to_delegate") {
		t.Errorf("what was lent is lent on: %v", err)
	}
	profile, err := f.Profile(context.Background(), guest, "me", f.dir)
	if err != nil || len(profile.Held) != 1 || !strings.Contains(profile.Held[0].Why, "delegated by Colorado regional lead until ") {
		t.Errorf("why: %+v, %v", profile.Held, err)
	}

	// It counts only while the lender holds it.
	f.setGroups(t, access.Groups{})
	if got := f.who(t, guestSession).Grants; len(got) != 0 {
		t.Errorf("the lender lost it, the borrower holds %v", got)
	}
	f.setGroups(t, groups)
	f.clock.advance(20 * time.Minute)
	if got := f.who(t, guestSession).Grants; len(got) != 0 {
		t.Errorf("after its time: %v", got)
	}
	f.clock.advance(-20 * time.Minute)
	ended, receipt, err := f.EndDelegation(context.Background(), by(guest), d.ID) // given back
	if err != nil || ended.Ended == nil || ended.Ended.By != guest.ID {
		t.Fatal(ended, err)
	}
	f.sees(t, receipt.Revision)
	if got := f.who(t, guestSession).Grants; len(got) != 0 {
		t.Errorf("after its end: %v", got)
	}
}

func TestWhoIsLockedOutLendsNothing(t *testing.T) {
	f := newFoyer(t)
	guestSession := f.signIn(t, "guest")
	lead := f.who(t, f.signIn(t, "co-lead"))
	if _, err := f.lend(t, lead, f.who(t, guestSession), identity.RegionalLead, "co", time.Hour); err != nil {
		t.Fatal(err)
	}
	_, receipt, err := f.DisablePerson(context.Background(), by(operator), lead.ID)
	if err != nil {
		t.Fatal(err)
	}
	f.sees(t, receipt.Revision)
	if got := f.who(t, guestSession).Grants; len(got) != 0 {
		t.Errorf("lent by one who is locked out: %v", got)
	}
}

// What somebody asked for earlier stands as the person stands now.
func TestStandingIsThatOfNow(t *testing.T) {
	f := newFoyer(t)
	asked := f.who(t, f.signIn(t, "co-lead"))
	then := asked
	then.Grants = []identity.Grant{{Role: identity.Operator, Regions: []string{identity.Every}}} // what it held once
	if p, err := f.dir.Standing(then, f.clock.now()); err != nil || !slices.EqualFunc(p.Grants, asked.Grants, func(a, b identity.Grant) bool { return a.Role == b.Role }) {
		t.Errorf("the roles of now: %v %v, want %v", p.Grants, err, asked.Grants)
	}
	_, receipt, err := f.DisablePerson(context.Background(), by(operator), asked.ID)
	if err != nil {
		t.Fatal(err)
	}
	f.sees(t, receipt.Revision)
	if _, err := f.dir.Standing(then, f.clock.now()); !fault.HasCode(err, "person_disabled") {
		t.Errorf("locked out: %v", err)
	}
	if p, err := f.dir.Standing(identity.Clerk(), f.clock.now()); err != nil || p.ID != identity.Clerk().ID {
		t.Errorf("the clerk: %v %v", p, err)
	}
}

func TestDelegationsThatAreRefused(t *testing.T) {
	f := newFoyer(t)
	lead, guest := f.who(t, f.signIn(t, "co-lead")), f.who(t, f.signIn(t, "guest"))
	stranger := identity.Principal{ID: "person:" + strings.Repeat("a", 16)}
	token := lead
	token.Strength = identity.ByToken
	stale := lead
	stale.AuthTime = lead.AuthTime.Add(-6 * time.Minute)
	for what, c := range map[string]struct {
		from, to identity.Principal
		role     identity.Role
		region   string
		life     time.Duration
		code     string
	}{
		"another region":       {lead, guest, identity.RegionalLead, "hi", time.Hour, "forbidden"},
		"all regions":          {lead, guest, identity.RegionalLead, "*", time.Hour, "forbidden"},
		"a role it lacks":      {lead, guest, identity.Compliance, "co", time.Hour, "not_yours_to_delegate"},
		"one that is not lent": {lead, guest, identity.Operator, "co", time.Hour, "not_delegable"},
		"itself":               {lead, lead, identity.RegionalLead, "co", time.Hour, "delegates_to_self"},
		"nobody known":         {lead, stranger, identity.RegionalLead, "co", time.Hour, "unknown_person"},
		"a token":              {lead, operator, identity.RegionalLead, "co", time.Hour, "bad_person"},
		"too long":             {lead, guest, identity.RegionalLead, "co", access.MaxDelegation + time.Hour, "bad_expiry"},
		"in the past":          {lead, guest, identity.RegionalLead, "co", -time.Hour, "bad_expiry"},
		"by a token":           {token, guest, identity.RegionalLead, "co", time.Hour, "needs_a_person"},
		"signed in long ago":   {stale, guest, identity.RegionalLead, "co", time.Hour, "fresh_sign_in_needed"},
	} {
		if _, err := f.lend(t, c.from, c.to, c.role, c.region, c.life); !fault.HasCode(err, c.code) {
			t.Errorf("%s: %v, want %s", what, err, c.code)
		}
	}
}

func TestATokenIsRotatedWithAnOverlap(t *testing.T) {
	f := newFoyer(t)
	ctx := context.Background()
	req := request()
	req.Expires = f.clock.now().Add(30 * 24 * time.Hour)
	old, token := f.issue(t, req)
	_, revision, used, err := f.Show(ctx, operator, token.ID)
	if err != nil || !used.IsZero() {
		t.Fatal(used, err)
	}
	stale := by(operator)
	stale.IfRevision = revision - 1
	if _, _, _, err := f.Rotate(ctx, stale, token.ID, access.Rotation{Overlap: time.Hour}); !fault.HasCode(err, "stale_revision") {
		t.Errorf("made for an older one: %v", err)
	}
	if _, _, err := f.Revoke(ctx, stale, token.ID); !fault.HasCode(err, "stale_revision") {
		t.Errorf("revoked as it was before: %v", err)
	}
	fresh, next, receipt, err := f.Rotate(ctx, by(operator), token.ID, access.Rotation{Overlap: 24 * time.Hour})
	if err != nil || next.Replaces != token.ID || next.Expires.Sub(f.clock.now()) < 29*24*time.Hour {
		t.Fatal(next, err)
	}
	f.sees(t, receipt.Revision)
	accepted := func(token string) bool { _, err := f.dir.Authenticate(token, f.clock.now()); return err == nil }
	if !accepted(old) || !accepted(fresh) {
		t.Error("one of the two is not accepted during the overlap")
	}
	f.clock.advance(24 * time.Hour)
	if accepted(old) || !accepted(fresh) {
		t.Error("after the overlap the new one alone is accepted")
	}
	if _, _, _, err := f.Rotate(ctx, by(operator), token.ID, access.Rotation{}); !fault.HasCode(err, "token_not_live") {
		t.Errorf("rotating what has expired: %v", err)
	}
	for _, overlap := range []time.Duration{-time.Second, access.MaxOverlap + time.Second} {
		if _, _, _, err := f.Rotate(ctx, by(operator), next.ID, access.Rotation{Overlap: overlap}); !fault.HasCode(err, "bad_overlap") {
			t.Errorf("overlap %s: %v", overlap, err)
		}
	}
}

// The last use is written at most once a minute, and is no change.
func TestWhenATokenWasLastUsed(t *testing.T) {
	f := newFoyer(t)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx, f.dir) }()
	defer func() { stop(); <-done }()
	req := request()
	req.Expires = f.clock.now().Add(time.Hour)
	secret, token := f.issue(t, req)
	last := func() time.Time {
		uses, err := f.LastUses(context.Background(), operator)
		if err != nil {
			t.Fatal(err)
		}
		return uses[token.ID]
	}
	first := f.clock.now()
	for range 100 {
		if _, err := f.dir.Authenticate(secret, first); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the use is written", func() bool { return last().Equal(first.UTC().Truncate(time.Second)) })
	later := first.Add(2 * time.Minute)
	if _, err := f.dir.Authenticate(secret, later); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a later use is written", func() bool { return last().Equal(later.UTC().Truncate(time.Second)) })
}

func TestWhoCanDoWhat(t *testing.T) {
	f := newFoyer(t)
	ctx := context.Background()
	lead := f.who(t, f.signIn(t, "co-lead"))
	f.issue(t, access.TokenRequest{Name: "Hawaii lead's script", Grants: []identity.Grant{{Role: identity.RegionalLead, Regions: []string{"hi"}}}, Expires: f.clock.now().Add(time.Hour)})
	holders, err := f.WhoCan(ctx, lead, identity.Answer, "co", f.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range holders {
		names = append(names, h.Kind+" "+h.Name)
	}
	if want := []string{"group co-leads", "person Colorado regional lead"}; !slices.Equal(names, want) {
		t.Errorf("in Colorado: %v, want %v", names, want)
	}
	if all, err := f.WhoCan(ctx, lead, identity.Answer, "", f.dir); err != nil || len(all) != 4 {
		t.Errorf("anywhere: %v, %v", all, err)
	}
	for _, bad := range []struct {
		who            identity.Principal
		action, region string
		code           string
	}{{lead, "fly", "", "unknown_verb"}, {lead, "evaluate", "atlantis", "unknown_region"}, {f.who(t, f.signIn(t, "guest")), "evaluate", "", "forbidden"}} {
		if _, err := f.WhoCan(ctx, bad.who, identity.Action(bad.action), bad.region, f.dir); !fault.HasCode(err, bad.code) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
