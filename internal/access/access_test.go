package access_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	operator = identity.Principal{ID: "token:operator", Name: "operator", Grants: []identity.Grant{{Role: identity.Operator, Regions: []string{identity.Every}}}}
	coLead   = identity.Grant{Role: identity.RegionalLead, Regions: []string{"co"}}
)

// house is a replica: a store, the service on it and a directory that follows it.
type house struct {
	*access.Service
	etcd     *clientv3.Client
	store    *kv.Store
	follower *kv.Follower
	dir      *access.Directory
	log      *bytes.Buffer
	registry *prometheus.Registry
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return newReplica(t, kvtest.Etcd(t))
}

func newReplica(t *testing.T, etcd *clientv3.Client) *house {
	t.Helper()
	return newReplicaAt(t, etcd, time.Now)
}

func newReplicaAt(t *testing.T, etcd *clientv3.Client, now func() time.Time) *house {
	t.Helper()
	h := &house{etcd: etcd, store: kvtest.Open(t, etcd, kv.Config{}), log: &bytes.Buffer{}, registry: prometheus.NewRegistry()}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	known := func(region string) bool { return region == "co" || region == "hi" }
	h.Service = access.NewService(gate.New(h.store, gate.Unregulated{}, now, log, nil), h.store, known, now)
	h.follower = h.store.NewFollower()
	h.dir = access.NewDirectory(h.follower, log, h.registry)
	h.dir.SignWith([]byte("a key that replicas share"))
	kvtest.Follow(t, h.follower)
	return h
}

// sees waits until the directory has taken over a revision.
func (h *house) sees(t *testing.T, revision int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.follower.Wait(ctx, revision); err != nil {
		t.Fatal(err)
	}
}

func by(p identity.Principal) gate.Origin {
	return gate.Origin{Actor: p, Key: uuid.Must(uuid.NewV7()).String(), Reason: "needed"}
}

func request() access.TokenRequest {
	return access.TokenRequest{Name: "Colorado regional lead", Grants: []identity.Grant{coLead}, Expires: time.Now().Add(time.Hour)}
}

func (h *house) issue(t *testing.T, req access.TokenRequest) (string, access.Token) {
	t.Helper()
	secret, token, receipt, err := h.Issue(context.Background(), by(operator), req)
	if err != nil {
		t.Fatal(err)
	}
	h.sees(t, receipt.Revision)
	return secret, token
}

func TestATokenLetsItsBearerInUntilItIsRevoked(t *testing.T) {
	h := newHouse(t)
	req := request()
	req.Verbs = []identity.Action{identity.TurnOff}
	secret, token := h.issue(t, req)
	got, err := h.dir.Authenticate(secret, time.Now())
	want := identity.Principal{ID: "token:" + token.ID, Name: req.Name, Grants: req.Grants, Verbs: req.Verbs, Behind: operator.ID, Strength: identity.ByToken}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Fatal(err, diff)
	}
	revoked, receipt, err := h.Revoke(context.Background(), by(operator), token.ID)
	if err != nil || revoked.Revoked == nil || revoked.Revoked.By != operator.ID || revoked.Revoked.Reason != "needed" || revoked.Revoked.Change != receipt.ID {
		t.Fatalf("%+v, %v", revoked, err)
	}
	h.sees(t, receipt.Revision)
	if _, err := h.dir.Authenticate(secret, time.Now()); !fault.HasCode(err, "token_revoked") {
		t.Errorf("a revoked token: %v", err)
	}
	again, receipt, err := h.Revoke(context.Background(), by(operator), token.ID)
	if err != nil || !receipt.Unchanged || !again.Revoked.At.Equal(revoked.Revoked.At) {
		t.Errorf("revoked twice: %+v %+v %v", again, receipt, err)
	}
}

// Behind a token stands whoever began the chain of those who issued it, and goes on
// standing there when it is rotated.
func TestBehindATokenStandsWhoeverIssuedIt(t *testing.T) {
	h := newHouse(t)
	person := identity.Principal{ID: "person:aaaaaaaaaaaaaaaa", Name: "Operator", Strength: identity.BySignIn, Grants: operator.Grants}
	first, _, receipt, err := h.Issue(context.Background(), by(person), access.TokenRequest{Name: "script", Grants: operator.Grants, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	h.sees(t, receipt.Revision)
	script, err := h.dir.Authenticate(first, time.Now())
	if err != nil || script.Behind != person.ID {
		t.Fatalf("behind it stands %q, %v", script.Behind, err)
	}
	second, _, receipt, err := h.Issue(context.Background(), by(script), access.TokenRequest{Name: "lead", Grants: []identity.Grant{coLead}, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	h.sees(t, receipt.Revision)
	lead, err := h.dir.Authenticate(second, time.Now())
	if err != nil || lead.Behind != person.ID {
		t.Fatalf("behind the second stands %q, %v", lead.Behind, err)
	}
	third, _, receipt, err := h.Rotate(context.Background(), by(script), strings.TrimPrefix(lead.ID, "token:"), access.Rotation{})
	if err != nil {
		t.Fatal(err)
	}
	h.sees(t, receipt.Revision)
	if rotated, err := h.dir.Authenticate(third, time.Now()); err != nil || rotated.Behind != person.ID {
		t.Errorf("behind its successor stands %q, %v", rotated.Behind, err)
	}
}

// The refusals, as somebody who stands before the door is told them.
func TestWhoIsNotLetIn(t *testing.T) {
	h := newHouse(t)
	good, token := h.issue(t, request())
	other, _ := h.issue(t, request())
	_, secret, _ := strings.Cut(strings.TrimPrefix(good, "qrt_"), "_")
	_, otherSecret, _ := strings.Cut(strings.TrimPrefix(other, "qrt_"), "_")
	for _, c := range []struct {
		what, token string
		at          time.Time
		code, says  string
	}{
		{"nothing", "", time.Now(), "bad_token", "qrt_"},
		{"another product's token", "ghp_" + strings.Repeat("x", 60), time.Now(), "bad_token", "not a Quorate token"},
		{"cut short", good[:len(good)-1], time.Now(), "bad_token", "not a Quorate token"},
		{"too long", good + "x", time.Now(), "bad_token", "not a Quorate token"},
		{"very long", strings.Repeat(good, 1000), time.Now(), "bad_token", "not a Quorate token"},
		{"no secret", "qrt_" + token.ID, time.Now(), "bad_token", "not a Quorate token"},
		{"an unknown id", "qrt_aaaaaaaaaaaaaaaa_" + secret, time.Now(), "unknown_token", "not known"},
		{"another token's secret", "qrt_" + token.ID + "_" + otherSecret, time.Now(), "unknown_token", "not known"},
		{"the hash as the secret", "qrt_" + token.ID + "_" + token.Hash[:52], time.Now(), "unknown_token", "not known"},
		{"expired at that very second", good, token.Expires, "token_expired", token.Expires.Format(time.RFC3339)},
		{"wrong and expired is only wrong", "qrt_" + token.ID + "_" + otherSecret, token.Expires, "unknown_token", "not known"},
	} {
		p, err := h.dir.Authenticate(c.token, c.at)
		if p.Known() || !fault.Is(err, fault.Unauthenticated) || !fault.HasCode(err, c.code) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v; want %s", c.what, p, err, c.code)
		}
		if fault.From(err).Remedy == "" || strings.Contains(err.Error(), secret[:8]) || strings.Contains(err.Error(), otherSecret[:8]) {
			t.Errorf("%s: %v lacks a remedy or repeats the secret", c.what, err)
		}
	}
	if _, err := h.dir.Authenticate(good, token.Expires.Add(-time.Nanosecond)); err != nil {
		t.Errorf("in its last nanosecond: %v", err)
	}
}

func TestWhatATokenCannotBe(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		what              string
		change            func(*access.TokenRequest)
		code, field, says string
	}{
		{"no name", func(r *access.TokenRequest) { r.Name = " " }, "bad_name", "/name", "is empty"},
		{"a name with a line break", func(r *access.TokenRequest) { r.Name = "lead\nroot" }, "bad_name", "/name", `lead\nroot`},
		{"a name that turns the writing", func(r *access.TokenRequest) { r.Name = "lead\u202Etoor" }, "bad_name", "/name", "cannot be printed"},
		{"a name that is not text", func(r *access.TokenRequest) { r.Name = "lead\xff" }, "bad_name", "/name", "cannot be printed"},
		{"a name that ends with a space", func(r *access.TokenRequest) { r.Name = "lead " }, "bad_name", "/name", "space"},
		{"a long name", func(r *access.TokenRequest) { r.Name = strings.Repeat("ä", 101) }, "bad_name", "/name", "101"},
		{"no grants", func(r *access.TokenRequest) { r.Grants = nil }, "bad_grants", "/grants", "0 roles"},
		{"many grants", func(r *access.TokenRequest) { r.Grants = make([]identity.Grant, 21) }, "bad_grants", "/grants", "21 roles"},
		{"an unknown role", func(r *access.TokenRequest) { r.Grants[0].Role = "emperor" }, "unknown_role", "/grants/0/role", `"emperor"`},
		{"no region", func(r *access.TokenRequest) { r.Grants[0].Regions = nil }, "bad_regions", "/grants/0/regions", "0 regions"},
		{"an unknown region", func(r *access.TokenRequest) { r.Grants[0].Regions = []string{"co", "xx"} }, "unknown_region", "/grants/0/regions/1", `"xx"`},
		{"an empty region", func(r *access.TokenRequest) { r.Grants[0].Regions = []string{""} }, "unknown_region", "/grants/0/regions/0", `""`},
		{"an unknown verb", func(r *access.TokenRequest) { r.Verbs = []identity.Action{"token.issue", "fly"} }, "unknown_verb", "/verbs/1", `"fly"`},
		{"no expiry", func(r *access.TokenRequest) { r.Expires = time.Time{} }, "bad_expiry", "/expires", "no expiry"},
		{"expired already", func(r *access.TokenRequest) { r.Expires = time.Now().Add(-time.Second) }, "bad_expiry", "/expires", "in the past"},
		{"for more than a year", func(r *access.TokenRequest) { r.Expires = time.Now().Add(access.MaxLife + time.Minute) }, "bad_expiry", "/expires", "more than a year"},
	} {
		req := request()
		req.Grants = []identity.Grant{{Role: identity.RegionalLead, Regions: []string{"co"}}}
		c.change(&req)
		secret, _, _, err := h.Issue(context.Background(), by(operator), req)
		f := fault.From(err)
		if secret != "" || !fault.Is(err, fault.Invalid) || f.Code != c.code || f.Field != c.field || !strings.Contains(f.Message, c.says) || f.Remedy == "" {
			t.Errorf("%s: %+v; want %s at %s saying %q", c.what, f, c.code, c.field, c.says)
		}
	}
	if all, err := h.List(context.Background(), operator); len(all) != 0 || err != nil {
		t.Errorf("the refused requests left %v, %v", all, err)
	}
}

func TestWhoMayHandleTokens(t *testing.T) {
	h := newHouse(t)
	_, token := h.issue(t, request())
	as := func(role identity.Role, region string) identity.Principal {
		return identity.Principal{ID: "token:x", Name: string(role), Grants: []identity.Grant{{Role: role, Regions: []string{region}}}}
	}
	for _, c := range []struct {
		who         identity.Principal
		issue, list bool
	}{
		{as(identity.Operator, identity.Every), true, true},
		{as(identity.Operator, "co"), false, false},
		{as(identity.RegionalLead, identity.Every), false, false},
		{as(identity.Auditor, identity.Every), false, true},
		{as(identity.Service, identity.Every), false, false},
		{identity.Host(), false, false}, // it founds the first token, through Bootstrap, and no other
		{identity.Principal{}, false, false},
	} {
		_, _, _, issueErr := h.Issue(context.Background(), by(c.who), request())
		_, listErr := h.List(context.Background(), c.who)
		if (issueErr == nil) != c.issue || (listErr == nil) != c.list {
			t.Errorf("%s %v: issue %v, list %v", c.who.Name, c.who.Grants, issueErr, listErr)
		}
		if !c.issue {
			if _, _, err := h.Revoke(context.Background(), by(c.who), token.ID); err == nil {
				t.Errorf("%s %v may revoke", c.who.Name, c.who.Grants)
			}
		}
	}
}

func TestRevokingNamesATokenByItsID(t *testing.T) {
	h := newHouse(t)
	secret, token := h.issue(t, request())
	for id, code := range map[string]string{"": "unknown_token_id", "a/b": "unknown_token_id", "aaaaaaaaaaaaaaaa": "unknown_token_id", secret: "not_a_token_id"} {
		_, _, err := h.Revoke(context.Background(), by(operator), id)
		if !fault.HasCode(err, code) || strings.Contains(err.Error(), secret[25:]) {
			t.Errorf("revoking %q: %v, want %s", id, err, code)
		}
	}
	o := by(operator)
	o.IfRevision = 1
	if _, _, err := h.Revoke(context.Background(), o, token.ID); !fault.HasCode(err, "stale_revision") {
		t.Errorf("for another revision: %v", err)
	}
	o = by(operator)
	o.Reason = "\x1b[2J"
	if _, _, err := h.Revoke(context.Background(), o, token.ID); !fault.HasCode(err, "bad_reason") {
		t.Errorf("with control characters: %v", err)
	}
}

// A lost answer cannot be repeated: the secret was in it and nowhere else.
func TestAnIssueSentAgainShowsNoSecret(t *testing.T) {
	h := newHouse(t)
	o, req := by(operator), request()
	_, token, first, err := h.Issue(context.Background(), o, req)
	if err != nil {
		t.Fatal(err)
	}
	secret, _, receipt, err := h.Issue(context.Background(), o, req)
	if secret != "" || !fault.HasCode(err, "token_already_issued") || !strings.Contains(err.Error(), token.ID) ||
		!receipt.Replayed || receipt.Revision != first.Revision {
		t.Errorf("%q %+v %v", secret, receipt, err)
	}
	req.Name = "Hawaii regional lead"
	if _, _, _, err := h.Issue(context.Background(), o, req); !fault.HasCode(err, "idempotency_key_reused") {
		t.Errorf("another request under the same key: %v", err)
	}
	if all, _ := h.List(context.Background(), operator); len(all) != 1 {
		t.Errorf("%d tokens", len(all))
	}
}

// Of many that send the same request at once, one is shown a secret, and it works.
func TestOfManyOneIsShownTheSecret(t *testing.T) {
	h := newHouse(t)
	o, req := by(operator), request()
	var mu sync.Mutex
	var secrets []string
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			secret, _, _, err := h.Issue(context.Background(), o, req)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				secrets = append(secrets, secret)
			} else if !fault.HasCode(err, "token_already_issued") {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(secrets) != 1 {
		t.Fatalf("%d secrets", len(secrets))
	}
	entries, err := audit.Newest(context.Background(), h.store, 10)
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	h.sees(t, entries[0].Revision)
	if _, err := h.dir.Authenticate(secrets[0], time.Now()); err != nil {
		t.Error(err)
	}
}

func TestTheSecretIsNowhereButInTheAnswer(t *testing.T) {
	h := newHouse(t)
	bearer, token := h.issue(t, request())
	_, _, err := h.Revoke(context.Background(), by(operator), bearer)
	secret := bearer[len("qrt_")+len(token.ID)+1:]
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Error(err)
	}
	resp, err := h.etcd.Get(context.Background(), "", clientv3.WithPrefix())
	if err != nil || len(resp.Kvs) < 2 {
		t.Fatal(resp, err)
	}
	for _, kv := range resp.Kvs {
		if bytes.Contains(kv.Value, []byte(secret)) || bytes.Contains(kv.Key, []byte(secret)) {
			t.Errorf("the store holds the secret at %s", kv.Key)
		}
	}
	if strings.Contains(h.log.String(), secret) {
		t.Error("the log holds the secret")
	}
}

func TestADamagedRecordLetsNobodyIn(t *testing.T) {
	h := newHouse(t)
	bearer, token := h.issue(t, request())
	fine, _ := h.issue(t, request())
	put := func(value string) {
		resp, err := h.etcd.Put(context.Background(), kv.Root+"tokens/"+token.ID, value)
		if err != nil {
			t.Fatal(err)
		}
		h.sees(t, resp.Header.Revision)
	}
	stored, err := h.etcd.Get(context.Background(), kv.Root+"tokens/"+token.ID)
	if err != nil {
		t.Fatal(err)
	}
	good := string(stored.Kvs[0].Value)
	for _, value := range []string{"{}", "garbage", strings.Replace(good, "Colorado", "Kolorado", 1), strings.Replace(good, `"schema":1`, `"schema":2`, 1)} {
		put(value)
		if _, err := h.dir.Authenticate(bearer, time.Now()); !fault.HasCode(err, "token_unusable") {
			t.Errorf("with the record %q: %v", value, err)
		}
		if n := h.metric(t, "quorate_tokens_damaged"); n != 1 {
			t.Errorf("%v damaged tokens are counted", n)
		}
	}
	if !strings.Contains(h.log.String(), "tokens/"+token.ID) {
		t.Error("the log does not name the damaged record")
	}
	if _, err := h.dir.Authenticate(fine, time.Now()); err != nil {
		t.Errorf("the other token: %v", err)
	}
	put(good)
	if _, err := h.dir.Authenticate(bearer, time.Now()); err != nil || h.metric(t, "quorate_tokens_damaged") != 0 {
		t.Errorf("restored: %v", err)
	}
	resp, err := h.etcd.Delete(context.Background(), kv.Root+"tokens/"+token.ID)
	if err != nil {
		t.Fatal(err)
	}
	h.sees(t, resp.Header.Revision)
	if _, err := h.dir.Authenticate(bearer, time.Now()); !fault.HasCode(err, "unknown_token") {
		t.Errorf("deleted: %v", err)
	}
}

func (h *house) metric(t *testing.T, name string) float64 {
	t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestBeforeTheStoreWasReadNobodyIsCalledUnknown(t *testing.T) {
	store := kvtest.New(t)
	dir := access.NewDirectory(store.NewFollower(), slog.New(slog.DiscardHandler), nil)
	_, err := dir.Authenticate("qrt_aaaaaaaaaaaaaaaa_"+strings.Repeat("a", 52), time.Now())
	if !fault.Is(err, fault.NotReady) {
		t.Errorf("got %v", err)
	}
}

// A follower that was away finds the revocation when it comes back.
func TestTokensOutliveTheStoreAndRevocationsAreCaughtUp(t *testing.T) {
	h := newHouse(t)
	away := newStopped(t, h.store)
	bearer, token := h.issue(t, request())
	away.run(t)
	if _, err := away.dir.Authenticate(bearer, time.Now()); err != nil {
		t.Fatalf("a token from before: %v", err)
	}
	away.stop()
	_, receipt, err := h.Revoke(context.Background(), by(operator), token.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := away.dir.Authenticate(bearer, time.Now()); err != nil {
		t.Errorf("without contact: %v", err)
	}
	if _, err := away.dir.Authenticate(bearer, token.Expires); !fault.HasCode(err, "token_expired") {
		t.Errorf("without contact, expired: %v", err)
	}
	away.run(t)
	if err := away.follower.Wait(t.Context(), receipt.Revision); err != nil {
		t.Fatal(err)
	}
	if _, err := away.dir.Authenticate(bearer, time.Now()); !fault.HasCode(err, "token_revoked") {
		t.Errorf("back in contact: %v", err)
	}
	away.stop()
}

// stopped is a directory whose contact with the store can be ended.
type stopped struct {
	follower *kv.Follower
	dir      *access.Directory
	stop     func()
}

func newStopped(t *testing.T, store *kv.Store) *stopped {
	t.Helper()
	f := store.NewFollower()
	return &stopped{follower: f, dir: access.NewDirectory(f, slog.New(slog.DiscardHandler), nil)}
}

func (s *stopped) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.follower.Run(ctx) }()
	s.stop = func() { cancel(); <-done }
	<-s.follower.Ready()
}

func TestAnAuthenticationCostsNextToNothing(t *testing.T) {
	h := newHouse(t)
	bearer, _ := h.issue(t, request())
	now := time.Now()
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := h.dir.Authenticate(bearer, now); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	store := kvtest.New(b)
	service := access.NewService(gate.New(store, gate.Unregulated{}, time.Now, slog.New(slog.DiscardHandler), nil), store, nil, time.Now)
	bearer, _, _, err := service.Issue(context.Background(), by(operator), request())
	if err != nil {
		b.Fatal(err)
	}
	f := store.NewFollower()
	dir := access.NewDirectory(f, slog.New(slog.DiscardHandler), nil)
	kvtest.Follow(b, f)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dir.Authenticate(bearer, now); err != nil {
			b.Fatal(err)
		}
	}
}

// What was given with a token can be recognised without it, for as long as the
// token is good.
func TestAProofLivesAsLongAsItsToken(t *testing.T) {
	h := newHouse(t)
	_, token := h.issue(t, request())
	now, id := time.Now(), "token:"+token.ID
	who, first, err := h.dir.Sign(id, "a bell in co", now)
	if err != nil || who.ID != id {
		t.Fatalf("%+v, %v", who, err)
	}
	if _, again, _ := h.dir.Sign(id, "a bell in co", now); !bytes.Equal(first, again) {
		t.Error("it changes by itself")
	}
	if _, other, _ := h.dir.Sign(id, "a bell in hi", now); bytes.Equal(first, other) {
		t.Error("it is good for something else")
	}
	_, another := h.issue(t, request())
	if _, others, _ := h.dir.Sign("token:"+another.ID, "a bell in co", now); bytes.Equal(first, others) {
		t.Error("two tokens have the same")
	}
	for what, c := range map[string]struct {
		id   string
		at   time.Time
		code string
	}{
		"expired":  {id, token.Expires, "token_expired"},
		"unknown":  {"token:" + strings.Repeat("a", 16), now, "unknown_token"},
		"no token": {"host", now, "unknown_token"},
	} {
		if _, proof, err := h.dir.Sign(c.id, "a bell in co", c.at); !fault.HasCode(err, c.code) || proof != nil {
			t.Errorf("%s: %x, %v", what, proof, err)
		}
	}
}
