package policy_test

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
	"github.com/quorate/quorate/policy"
	rules "github.com/quorate/quorate/policy/rego"
	"github.com/quorate/quorate/policy/sandbox"
)

// TestMain lets the test binary be the process that looks at bundles.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.ChildArg {
		os.Exit(sandbox.Main())
	}
	os.Exit(m.Run())
}

func as(role identity.Role, regions ...string) identity.Principal {
	return identity.Principal{ID: "person:" + string(role), Name: string(role), Grants: []identity.Grant{{Role: role, Regions: regions}}, Strength: identity.BySignIn}
}

var (
	compliance = as(identity.Compliance, identity.Every)
	counsel    = as(identity.Counsel, identity.Every)
	lead       = as(identity.RegionalLead, "co")
	operator   = as(identity.Operator, identity.Every)
)

// world is a place with two regions, one capability and what is on in it.
type world struct{ live []policy.Question }

func (world) HasRegion(r string) bool { return r == "co" || r == "hi" }

func (world) HasCapability(c string) bool {
	return c == "video_visit" || c == "ai_triage" || c == "epcs_video"
}

func (w world) Live() ([]policy.Question, int64) { return w.live, 0 }

func (world) Share(_, _, fact string) (float64, bool) { return 0, fact == "patient.location_now" }

// site is a store with the verbs of policy, and a replica that follows it.
type site struct {
	t       *testing.T
	store   *kv.Store
	gate    *gate.Gate
	service *policy.Service
	records *policy.Records
	key     policy.SigningKey
	now     time.Time
}

func newSite(t *testing.T, live ...policy.Question) *site {
	t.Helper()
	return newSiteUnder(t, gate.Unregulated{}, live...)
}

func newSiteUnder(t *testing.T, decider gate.Decider, live ...policy.Question) *site {
	t.Helper()
	s := &site{t: t, store: kvtest.New(t), now: time.Now()}
	var trusted policy.TrustedKeys
	s.key, trusted = newKey(t)
	clock := func() time.Time { return s.now }
	g := gate.New(s.store, decider, clock, slog.New(slog.DiscardHandler), nil)
	s.gate = g
	s.records = policy.NewRecords(slog.New(slog.DiscardHandler), nil)
	follower := s.store.NewFollower()
	follower.Subscribe(func(b kv.Batch) { s.records.Apply(b) }, append(s.records.Prefixes(), "enablements/")...)
	g.SettleOn(follower)
	s.service = policy.NewService(g, s.store, s.records, world{live}, func(ctx context.Context, archive, law []byte) (policy.Report, error) {
		return sandbox.Check(ctx, sandbox.Request{Archive: archive, Law: law, Keys: trusted})
	}, clock)
	g.Verbs(s.service.Verbs())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); follower.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	<-follower.Ready()
	return s
}

func newKey(t *testing.T) (policy.SigningKey, policy.TrustedKeys) {
	t.Helper()
	key, trusted, err := policy.NewKey("counsel")
	if err != nil {
		t.Fatal(err)
	}
	return key, trusted
}

// by is somebody who has just signed in.
func by(p identity.Principal) gate.Origin {
	p.AuthTime = time.Now()
	return gate.Origin{Actor: p, Reason: "test"}
}

func (s *site) push(files fs.FS, region string) policy.Pushed {
	s.t.Helper()
	p, err := s.tryPush(files, region)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *site) tryPush(files fs.FS, region string) (policy.Pushed, error) {
	s.t.Helper()
	archive, err := policy.Pack(files, s.key)
	if err != nil {
		s.t.Fatal(err)
	}
	who := compliance
	if region != "" {
		who = lead
	}
	p, _, err := s.service.Push(s.t.Context(), by(who), policy.PushRequest{Archive: archive, Region: region})
	return p, err
}

// activate has the embedded law hold.
func (s *site) activate() policy.Pushed {
	s.t.Helper()
	p := s.push(rules.Law, "")
	if _, _, err := s.service.Activate(s.t.Context(), by(compliance), policy.ActivateRequest{Layer: policy.Law, Digest: p.Digest}); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// copied is the embedded law with one text in the place of another.
func copied(t *testing.T, name, old, new string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	if err := fs.WalkDir(rules.Law, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(rules.Law, path)
		if path == name && !strings.Contains(string(raw), old) {
			t.Fatalf("%s does not say %q", name, old)
		}
		if path == name {
			raw = []byte(strings.Replace(string(raw), old, new, 1))
		}
		files[path] = &fstest.MapFile{Data: raw}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return files
}

func wants(t *testing.T, what string, err error, code string) {
	t.Helper()
	if !fault.HasCode(err, code) {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}
