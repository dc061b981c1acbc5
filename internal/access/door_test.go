package access_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/access/issuer"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// clock is a clock that tests set ahead.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

const at8080 = "http://127.0.0.1:8080" // where the server would be

// accounts of the tests' identity provider.
var accounts = []issuer.Account{
	{Subject: "co-lead", Name: "Colorado regional lead", Groups: []string{"co-leads", "staff"}},
	{Subject: "hi-lead", Name: "Hawaii regional lead", Groups: []string{"hi-leads"}},
	{Subject: "operator", Name: "Operator", Groups: []string{"operators"}},
	{Subject: "guest", Name: "Guest"},
}

var groups = access.Groups{Roles: []access.GroupRole{
	{Group: "co-leads", Role: identity.RegionalLead, Regions: []string{"co"}},
	{Group: "hi-leads", Role: identity.RegionalLead, Regions: []string{"hi"}},
	{Group: "operators", Role: identity.Operator, Regions: []string{identity.Every}},
}}

// foyer is a replica where people sign in.
type foyer struct {
	*house
	clock  *clock
	issuer *issuer.Issuer
	door   *access.Door
}

func newFoyer(t *testing.T) *foyer {
	t.Helper()
	clk := &clock{}
	i, err := issuer.Start(issuer.Config{Listen: "127.0.0.1:0", Accounts: accounts, Now: clk.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Close() })
	i.Register(at8080 + access.CallbackPath)
	f := anotherFoyer(t, kvtest.Etcd(t), i, clk)
	f.setGroups(t, groups)
	return f
}

// anotherFoyer is a replica on the same store.
func anotherFoyer(t *testing.T, etcd *clientv3.Client, i *issuer.Issuer, clk *clock) *foyer {
	t.Helper()
	f := &foyer{house: newReplicaAt(t, etcd, clk.now), clock: clk, issuer: i}
	var err error
	f.door, err = access.NewDoor(access.DoorConfig{OIDC: access.OIDC{Issuer: i.URL, ClientID: i.ClientID, ClientSecret: i.ClientSecret, PublicURL: at8080},
		Store: f.store, Directory: f.dir, Follower: f.follower, Now: clk.now})
	if err != nil {
		t.Fatal(err)
	}
	f.door.SealWith([]byte("a key that replicas share"))
	return f
}

func (f *foyer) setGroups(t *testing.T, g access.Groups) {
	t.Helper()
	_, receipt, err := f.SetGroups(context.Background(), by(operator), g)
	if err != nil {
		t.Fatal(err)
	}
	f.sees(t, receipt.Revision)
}

// browse goes from the server to the provider and back, as a browser does, and
// returns what it brings back.
func (f *foyer) browse(t *testing.T, redirect, account string) access.Return {
	t.Helper()
	browser := &http.Client{Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	next := func(res *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		to, err := res.Location()
		if err != nil {
			t.Fatalf("%s: %v", res.Status, err)
		}
		return to.String()
	}
	choose := next(browser.Get(redirect))
	to, err := url.Parse(choose)
	if err != nil {
		t.Fatal(err)
	}
	callback := next(browser.PostForm(f.issuer.URL+to.Path, url.Values{"request": {to.Query().Get("request")}, "account": {account}}))
	back, err := url.Parse(next(browser.Get(callback)))
	if err != nil || back.Scheme+"://"+back.Host+back.Path != at8080+access.CallbackPath {
		t.Fatalf("sent back to %s, %v", back, err)
	}
	q := back.Query()
	return access.Return{State: q.Get("state"), Code: q.Get("code"), Issuer: q.Get("iss"), Error: q.Get("error")}
}

func (f *foyer) begin(t *testing.T, fresh identity.Principal) access.Began {
	t.Helper()
	began, err := f.door.Begin(context.Background(), "/access", fresh)
	if err != nil {
		t.Fatal(err)
	}
	return began
}

// signIn signs an account in and returns the session's secret.
func (f *foyer) signIn(t *testing.T, account string) string {
	t.Helper()
	began := f.begin(t, identity.Principal{})
	back := f.browse(t, began.Redirect, account)
	back.Sealed = began.Sealed
	entry, err := f.door.Finish(context.Background(), back)
	if err != nil {
		t.Fatal(err)
	}
	return entry.Secret
}

func (f *foyer) who(t *testing.T, secret string) identity.Principal {
	t.Helper()
	p, err := f.dir.Session(secret, f.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (f *foyer) refused(t *testing.T, secret, code string) {
	t.Helper()
	if p, err := f.dir.Session(secret, f.clock.now()); !fault.HasCode(err, code) {
		t.Errorf("session is %v %v, want %s", p.Name, err, code)
	}
}

func TestAPersonSignsInAtTheIdentityProvider(t *testing.T) {
	f := newFoyer(t)
	before := f.clock.now().Add(-2 * time.Second)
	p := f.who(t, f.signIn(t, "co-lead"))
	want := identity.Principal{ID: access.PersonID(f.issuer.URL, "co-lead"), Name: "Colorado regional lead", Strength: identity.BySignIn,
		Methods: []string{"demo"}, Grants: []identity.Grant{coLead}, AuthTime: p.AuthTime}
	if diff := cmp.Diff(want, p); diff != "" || p.AuthTime.Before(before) || !p.Fresh(f.clock.now(), identity.FreshFor) {
		t.Error(diff, p.AuthTime)
	}
	if again := f.who(t, f.signIn(t, "co-lead")); again.ID != p.ID {
		t.Errorf("the same person is %s, then %s", p.ID, again.ID)
	}
	if guest := f.who(t, f.signIn(t, "guest")); len(guest.Grants) != 0 || identity.Can(guest, identity.ReadState, identity.Target{}) == nil {
		t.Errorf("somebody in no group holds %v", guest.Grants)
	}
}

// Everything a browser brings back is good once, and only together.
func TestWhatIsReplayedOrMixedUpIsRefused(t *testing.T) {
	f := newFoyer(t)
	ctx := context.Background()
	began := f.begin(t, identity.Principal{})
	back := f.browse(t, began.Redirect, "co-lead")
	back.Sealed = began.Sealed
	other := f.begin(t, identity.Principal{})
	otherBack := f.browse(t, other.Redirect, "hi-lead")

	for _, c := range []struct {
		what string
		back access.Return
		code string
	}{
		{"no cookie: another browser", access.Return{State: back.State, Code: back.Code}, "sign_in_expired"},
		{"a cookie made up", access.Return{Sealed: "AAAA" + began.Sealed[4:], State: back.State, Code: back.Code}, "sign_in_expired"},
		{"a cookie that is no base64", access.Return{Sealed: "%%%", State: back.State, Code: back.Code}, "sign_in_expired"},
		{"the cookie of another sign-in: login CSRF", access.Return{Sealed: other.Sealed, State: back.State, Code: back.Code}, "sign_in_mismatch"},
		{"no state", access.Return{Sealed: began.Sealed, Code: back.Code}, "sign_in_mismatch"},
		{"no code", access.Return{Sealed: began.Sealed, State: back.State}, "no_code"},
		{"a code made up", access.Return{Sealed: began.Sealed, State: back.State, Code: "AAAA"}, "code_refused"},
		{"another provider's answer", access.Return{Sealed: began.Sealed, State: back.State, Code: back.Code, Issuer: "https://evil.example"}, "wrong_issuer"},
		{"the provider's refusal", access.Return{Sealed: began.Sealed, State: back.State, Error: "access_denied"}, "sign_in_refused"},
		// The code of another person's sign-in, put under one's own cookie and state:
		// PKCE has the provider refuse it before the nonce would.
		{"a code injected", access.Return{Sealed: began.Sealed, State: back.State, Code: otherBack.Code}, "code_refused"},
	} {
		if _, err := f.door.Finish(ctx, c.back); !fault.HasCode(err, c.code) {
			t.Errorf("%s: %v, want %s", c.what, err, c.code)
		}
	}

	if _, err := f.door.Finish(ctx, back); err != nil {
		t.Fatalf("the untouched one: %v", err)
	}
	if _, err := f.door.Finish(ctx, back); !fault.HasCode(err, "code_refused") {
		t.Errorf("code, state and cookie replayed: %v", err)
	}
}

// Even a provider that honours a code twice cannot have a sign-in used twice.
func TestASignInIsUsedUpHere(t *testing.T) {
	f := newFoyer(t)
	began := f.begin(t, identity.Principal{})
	back := f.browse(t, began.Redirect, "co-lead")
	back.Sealed = began.Sealed
	if _, err := f.door.Finish(context.Background(), back); err != nil {
		t.Fatal(err)
	}
	// The same attempt again, with a code that is new: PKCE and nonce are those of
	// the attempt, so the provider is content.
	again := f.browse(t, began.Redirect, "co-lead")
	again.Sealed = began.Sealed
	if _, err := f.door.Finish(context.Background(), again); !fault.HasCode(err, "sign_in_replayed") {
		t.Errorf("state, nonce and cookie replayed with a new code: %v", err)
	}
}

func TestASignInUnderWayEnds(t *testing.T) {
	f := newFoyer(t)
	began := f.begin(t, identity.Principal{})
	back := f.browse(t, began.Redirect, "co-lead")
	back.Sealed = began.Sealed
	f.clock.advance(11 * time.Minute)
	if _, err := f.door.Finish(context.Background(), back); !fault.HasCode(err, "sign_in_expired") {
		t.Errorf("after eleven minutes: %v", err)
	}
}

func TestASessionEnds(t *testing.T) {
	f := newFoyer(t)
	secret := f.signIn(t, "co-lead")
	f.clock.advance(29 * time.Minute)
	f.who(t, secret)
	f.clock.advance(29 * time.Minute)
	f.who(t, secret) // each request counts anew
	f.clock.advance(30 * time.Minute)
	f.refused(t, secret, "session_idle")

	busy := &foyer{house: f.house, clock: &clock{}, issuer: f.issuer, door: f.door}
	f.clock.advance(-88 * time.Minute)
	secret = f.signIn(t, "co-lead")
	for range 35 {
		busy.clock.advance(20 * time.Minute)
		busy.who(t, secret)
	}
	busy.clock.advance(21 * time.Minute)
	busy.refused(t, secret, "session_expired")
}

func TestSigningOut(t *testing.T) {
	f := newFoyer(t)
	one, two, other := f.signIn(t, "co-lead"), f.signIn(t, "co-lead"), f.signIn(t, "hi-lead")
	if err := f.door.SignOut(context.Background(), one); err != nil {
		t.Fatal(err)
	}
	f.refused(t, one, "signed_out")
	lead := f.who(t, two)
	token := f.commandLine(t, two)
	if err := f.door.SignOutEverywhere(context.Background(), lead); err != nil {
		t.Fatal(err)
	}
	f.refused(t, two, "signed_out")
	if _, err := f.dir.Authenticate(token, f.clock.now()); !fault.HasCode(err, "signed_out") {
		t.Errorf("the command line after signing out everywhere: %v", err)
	}
	f.who(t, other)
	f.who(t, f.signIn(t, "co-lead")) // may come back
	f.refused(t, two, "signed_out")  // which does not bring the old one back
	f.refused(t, strings.Repeat("a", 52), "signed_out")
	f.refused(t, "", "signed_out")
}

// A sign-in makes a new session and ends the one the browser had, whoever put it
// there: session fixation.
func TestASignInReplacesTheSession(t *testing.T) {
	f := newFoyer(t)
	planted := f.signIn(t, "guest")
	began := f.begin(t, identity.Principal{})
	back := f.browse(t, began.Redirect, "co-lead")
	back.Sealed, back.Old = began.Sealed, planted
	entry, err := f.door.Finish(context.Background(), back)
	if err != nil || entry.Secret == planted || entry.ReturnTo != "/access" {
		t.Fatal(entry, err)
	}
	f.refused(t, planted, "signed_out")
}

func TestAFreshSignInIsByTheSamePerson(t *testing.T) {
	f := newFoyer(t)
	secret := f.signIn(t, "co-lead")
	f.clock.advance(6 * time.Minute)
	lead := f.who(t, secret)
	if lead.Fresh(f.clock.now(), identity.FreshFor) {
		t.Fatal("six minutes are fresh")
	}
	began := f.begin(t, lead)
	if q := began.Redirect; !strings.Contains(q, "max_age=0") || !strings.Contains(q, "prompt=login") || !strings.Contains(q, "code_challenge_method=S256") {
		t.Errorf("the provider is asked %s", q)
	}
	wrong := f.browse(t, began.Redirect, "hi-lead")
	wrong.Sealed, wrong.Old = began.Sealed, secret
	if _, err := f.door.Finish(context.Background(), wrong); !fault.HasCode(err, "another_person") {
		t.Errorf("another person confirmed: %v", err)
	}
	f.who(t, secret) // and the session stands
	began = f.begin(t, lead)
	back := f.browse(t, began.Redirect, "co-lead")
	back.Sealed, back.Old = began.Sealed, secret
	entry, err := f.door.Finish(context.Background(), back)
	if err != nil {
		t.Fatal(err)
	}
	if p := f.who(t, entry.Secret); p.ID != lead.ID || !p.Fresh(f.clock.now(), identity.FreshFor) {
		t.Errorf("after confirming: %+v", p)
	}
}

func TestOnlyPathsOfThisServerAreReturnedTo(t *testing.T) {
	for path, want := range map[string]string{
		"/access": "/access", "/access?who=me": "/access?who=me", "/": "/", "": "/",
		"https://evil.example": "/", "//evil.example": "/", "/\\evil.example": "/", "\\\\evil.example": "/", "/%5Cevil.example": "/",
		"javascript:alert(1)": "/", "/\tevil": "/", "/a\r\nSet-Cookie: x=y": "/", "evil": "/", "/%2Fevil.example": "/", "http:/evil": "/",
		"///evil.example": "/", "/sign-in/begin": "/", "/sign-in/command-line?port=4000": "/sign-in/command-line?port=4000", "/" + strings.Repeat("a", 2000): "/", "/caf\u00e9": "/",
	} {
		if got := access.LocalPath(path); got != want {
			t.Errorf("%q is returned to as %q, want %q", path, got, want)
		}
	}
}

// What a person may do is found out at each request, on every replica.
func TestWhoIsLockedOutIsGoneEverywhere(t *testing.T) {
	f := newFoyer(t)
	far := anotherFoyer(t, f.etcd, f.issuer, f.clock)
	secret := f.signIn(t, "co-lead")
	token := f.commandLine(t, secret)
	eventually(t, "the other replica knows the session", func() bool { _, err := far.dir.Session(secret, far.clock.now()); return err == nil })

	id := f.who(t, secret).ID
	person, receipt, err := f.DisablePerson(context.Background(), by(operator), id)
	if err != nil || !person.Disabled || person.By != operator.ID || person.Reason != "needed" {
		t.Fatal(person, err)
	}
	f.sees(t, receipt.Revision)
	far.sees(t, receipt.Revision)
	for _, r := range []*foyer{f, far} {
		r.refused(t, secret, "person_disabled")
		if _, err := r.dir.Authenticate(token, r.clock.now()); !fault.HasCode(err, "person_disabled") {
			t.Errorf("the command line: %v", err)
		}
	}
	began := far.begin(t, identity.Principal{})
	back := far.browse(t, began.Redirect, "co-lead")
	back.Sealed = began.Sealed
	if _, err := far.door.Finish(context.Background(), back); !fault.HasCode(err, "person_disabled") {
		t.Errorf("signing in again: %v", err)
	}
	_, receipt, err = f.EnablePerson(context.Background(), by(operator), id)
	if err != nil {
		t.Fatal(err)
	}
	f.sees(t, receipt.Revision)
	f.refused(t, secret, "signed_out") // let in again, but not by the old session
	f.who(t, f.signIn(t, "co-lead"))
}

func TestGroupsCountAtOnce(t *testing.T) {
	f := newFoyer(t)
	secret := f.signIn(t, "co-lead")
	f.setGroups(t, access.Groups{Roles: []access.GroupRole{{Group: "staff", Role: identity.Auditor, Regions: []string{identity.Every}}}})
	if got := strings.Join(f.who(t, secret).RoleNames(), " "); got != "auditor" {
		t.Errorf("after the table changed: %s", got)
	}
	f.setGroups(t, access.Groups{})
	if got := f.who(t, secret).Grants; len(got) != 0 {
		t.Errorf("with an empty table: %v", got)
	}
}

func TestTablesOfGroupsThatMakeNoSense(t *testing.T) {
	f := newFoyer(t)
	line := func(group string, role identity.Role, region string) access.Groups {
		return access.Groups{Roles: []access.GroupRole{{Group: group, Role: role, Regions: []string{region}}}}
	}
	for what, c := range map[string]struct {
		g    access.Groups
		code string
	}{
		"no group":       {line("", identity.Auditor, "co"), "bad_group"},
		"no such role":   {line("x", "emperor", "co"), "unknown_role"},
		"no such region": {line("x", identity.Auditor, "atlantis"), "unknown_region"},
		"a program":      {line("x", identity.Service, "co"), "bad_role"},
		"a long name":    {line(strings.Repeat("x", 201), identity.Auditor, "co"), "bad_group"},
		"unprintable":    {line("x\u202e", identity.Auditor, "co"), "bad_group"},
		"too many":       {access.Groups{Roles: make([]access.GroupRole, access.MaxGroupRoles+1)}, "too_many_groups"},
	} {
		if _, _, err := f.SetGroups(context.Background(), by(operator), c.g); !fault.HasCode(err, c.code) {
			t.Errorf("%s: %v, want %s", what, err, c.code)
		}
	}
	_, revision, err := f.Groups(context.Background(), operator)
	if err != nil {
		t.Fatal(err)
	}
	stale := by(operator)
	stale.IfRevision = revision - 1
	if _, _, err := f.SetGroups(context.Background(), stale, access.Groups{}); !fault.HasCode(err, "stale_revision") {
		t.Errorf("made for an older table: %v", err)
	}
	lead := f.who(t, f.signIn(t, "co-lead"))
	if _, _, err := f.SetGroups(context.Background(), by(lead), access.Groups{}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("by a regional lead: %v", err)
	}
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// commandLine takes a browser's sign-in over, as `quorate login` does.
func (f *foyer) commandLine(t *testing.T, secret string) string {
	t.Helper()
	verifier := strings.Repeat("v", 43)
	code, err := f.door.Relay(context.Background(), secret, challengeOf(verifier))
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := f.door.Redeem(context.Background(), code, verifier)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTheCommandLineTakesASignInOver(t *testing.T) {
	f := newFoyer(t)
	ctx := context.Background()
	secret := f.signIn(t, "co-lead")
	token := f.commandLine(t, secret)
	person := f.who(t, secret)
	p, err := f.dir.Authenticate(token, f.clock.now())
	if diff := cmp.Diff(person, p); diff != "" || err != nil || !strings.HasPrefix(token, "qrt_") {
		t.Error(err, diff)
	}
	f.refused(t, strings.Split(token, "_")[2], "signed_out") // its secret is no browser's session
	if _, err := f.dir.Authenticate("qrt_"+strings.Repeat("a", 16)+"_"+strings.Split(token, "_")[2], f.clock.now()); !fault.HasCode(err, "unknown_token") {
		t.Errorf("its secret under another id: %v", err)
	}
	if _, err := f.dir.Authenticate("qrt_"+strings.Repeat("a", 16)+"_"+secret, f.clock.now()); !fault.HasCode(err, "unknown_token") {
		t.Errorf("a browser's session as a token: %v", err)
	}
	f.clock.advance(11 * time.Hour)
	if _, err := f.dir.Authenticate(token, f.clock.now()); err != nil {
		t.Errorf("after eleven hours: %v", err)
	}
	f.clock.advance(time.Hour)
	if _, err := f.dir.Authenticate(token, f.clock.now()); !fault.HasCode(err, "session_expired") {
		t.Errorf("after twelve hours: %v", err)
	}
	f.clock.advance(-12 * time.Hour)
	if err := f.door.SignOutToken(ctx, token); err != nil {
		t.Fatal(err)
	}
	if _, err := f.dir.Authenticate(token, f.clock.now()); !fault.HasCode(err, "unknown_token") {
		t.Errorf("after signing out: %v", err)
	}
	f.who(t, secret) // the browser's stands
}

func TestACodeForTheCommandLineIsGoodOnce(t *testing.T) {
	f := newFoyer(t)
	ctx := context.Background()
	secret, verifier := f.signIn(t, "co-lead"), strings.Repeat("v", 43)
	relay := func() string {
		t.Helper()
		code, err := f.door.Relay(ctx, secret, challengeOf(verifier))
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	code := relay()
	if _, _, err := f.door.Redeem(ctx, code, verifier); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.door.Redeem(ctx, code, verifier); !fault.HasCode(err, "bad_code") {
		t.Errorf("replayed: %v", err)
	}
	code = relay()
	if _, _, err := f.door.Redeem(ctx, code, strings.Repeat("w", 43)); !fault.HasCode(err, "bad_code") {
		t.Errorf("by a thief: %v", err)
	}
	if _, _, err := f.door.Redeem(ctx, code, verifier); !fault.HasCode(err, "bad_code") {
		t.Errorf("after a thief tried: %v", err)
	}
	code = relay()
	f.clock.advance(2 * time.Minute)
	if _, _, err := f.door.Redeem(ctx, code, verifier); !fault.HasCode(err, "bad_code") {
		t.Errorf("two minutes late: %v", err)
	}
	code = relay()
	if err := f.door.SignOutEverywhere(ctx, f.who(t, secret)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.door.Redeem(ctx, code, verifier); !fault.HasCode(err, "bad_code") {
		t.Errorf("after signing out everywhere: %v", err)
	}
	if _, err := f.door.Relay(ctx, secret, challengeOf(verifier)); !fault.HasCode(err, "signed_out") {
		t.Errorf("a code for one who is signed out: %v", err)
	}
	for _, bad := range []string{"", "short", "%%%"} {
		if _, err := f.door.Relay(ctx, f.signIn(t, "co-lead"), bad); !fault.HasCode(err, "bad_challenge") {
			t.Errorf("challenge %q: %v", bad, err)
		}
	}
}

func TestWhereSignInIsSafe(t *testing.T) {
	good := access.OIDC{Issuer: "https://login.example", ClientID: "quorate", PublicURL: "https://quorate.example"}
	for what, c := range map[string]struct {
		change func(*access.OIDC)
		code   string
	}{
		"as it should be":           {func(*access.OIDC) {}, ""},
		"this machine alone":        {func(o *access.OIDC) { o.PublicURL = "http://127.0.0.1:8080" }, ""},
		"a provider over http":      {func(o *access.OIDC) { o.Issuer = "http://login.example" }, "bad_issuer"},
		"no provider":               {func(o *access.OIDC) { o.Issuer = "" }, "bad_issuer"},
		"a provider with a query":   {func(o *access.OIDC) { o.Issuer += "?x" }, "bad_issuer"},
		"no client":                 {func(o *access.OIDC) { o.ClientID = "" }, "no_client_id"},
		"plain http for the world":  {func(o *access.OIDC) { o.PublicURL = "http://quorate.example" }, "bad_public_url"},
		"a path":                    {func(o *access.OIDC) { o.PublicURL = "https://quorate.example/x" }, "bad_public_url"},
		"a password in the address": {func(o *access.OIDC) { o.PublicURL = "https://a:b@quorate.example" }, "bad_public_url"},
	} {
		o := good
		c.change(&o)
		_, err := access.NewDoor(access.DoorConfig{OIDC: o, Now: time.Now})
		if (err == nil) != (c.code == "") || err != nil && !fault.HasCode(err, c.code) {
			t.Errorf("%s: %v, want %q", what, err, c.code)
		}
	}
}

func TestAProviderThatIsAway(t *testing.T) {
	f := newFoyer(t)
	if err := f.issuer.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.door.Begin(context.Background(), "/", identity.Principal{}); !fault.HasCode(err, "identity_provider_away") {
		t.Errorf("%v", err)
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not within 10 s: %s", what)
}
