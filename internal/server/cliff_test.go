package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/internal/server"
	"github.com/quorate/quorate/policy"
	rules "github.com/quorate/quorate/policy/rego"
)

// shifted is a clock that runs, and that a test sets ahead. It never goes back.
type shifted struct{ by atomic.Int64 }

func (c *shifted) now() time.Time { return time.Now().Add(time.Duration(c.by.Load())) }

// until sets it to a time, less what the machine takes.
func (c *shifted) set(at time.Time) { c.by.Store(int64(time.Until(at))) }

// The telemedicine window for controlled substances ends with 2026, by each place's
// own clock. Two replicas of one store, with their clocks set to just before and just
// after: on before, off after on both without a write, and afterwards exactly one
// record of it in each region, with one leaf. The forecast said so, and a definition
// that a client took before says the same without contact.
func TestTheWindowClosesOnTwoReplicas(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	etcd, err := embedded.Start(ctx, embedded.Config{Dir: t.TempDir(), SmallWAL: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = etcd.Close() })
	clock := &shifted{}
	under := func(c *server.Config) {
		c.Unregulated, c.Now = false, clock.now
		c.Etcd = server.Etcd{Endpoints: []string{etcd.Endpoint()}}
	}
	one := newSite(t, t.TempDir(), under)
	one.furnish()
	regions := map[string]string{"co": "2027-01-01T07:00:00Z", "hi": "2027-01-01T10:00:00Z"}
	one.must(one.do("PUT", "/api/v1/capabilities/epcs_video", one.operator, object{"value": capability("epcs_video")}))
	one.must(one.do("PUT", "/api/v1/offers/epcs_video", one.operator, object{"kind": "full", "reason": "test"}))
	one.activate(rules.Law)
	one.provePerformed(ctx, "epcs_video", "co", "hi")
	for region := range regions {
		lead := one.token(region+" lead", identity.RegionalLead, region)
		one.must(one.do("PUT", "/api/v1/regions/"+region+"/enablements/epcs_video", lead, object{"answer": "enable", "reason": "clinics are ready"}))
	}
	two := &site{t: t, cfg: server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), Version: "test", SmallStore: true, Log: slog.New(slog.DiscardHandler), Now: time.Now}}
	under(&two.cfg)
	two.start()
	t.Cleanup(two.stop)
	two.operator = one.operator

	forecast := one.must(one.do("GET", "/api/v1/policy/forecast?until=2027-01-31", one.operator, nil))
	held := map[string]*eval.Flag{}
	for region, text := range regions {
		if !strings.Contains(forecast.raw, text) || !strings.Contains(forecast.raw, "FED-DEA-TELE-FLEX") {
			t.Errorf("the forecast does not say that %s ends at %s: %s", region, text, forecast.raw)
		}
		held[region] = one.definition(region, "epcs_video")
	}
	portal := one.token("portal", identity.Service, "*")
	auditor := one.lasting(ctx, identity.Auditor) // until after the window
	facts := func(region string) object {
		place := "US-" + strings.ToUpper(region)
		return object{"targetingKey": "p1", "action": "start", "patient": object{"age": 44, "location_now": place}, "clinician": object{"licenses": []any{place}}}
	}
	ask := func(s *site, region string) string {
		a := s.do("POST", "/regions/"+region+"/ofrep/v1/evaluate/flags/epcs_video", portal, object{"context": facts(region)})
		return fmt.Sprint(a.body["variant"])
	}
	for _, region := range []string{"co", "hi"} {
		at, _ := time.Parse(time.RFC3339, regions[region])
		revision := one.Replica.Snapshot().Revision
		for _, c := range []struct {
			at   time.Time
			want string
		}{{at.Add(-2 * time.Minute), "on"}, {at.Add(time.Second), "FED-DEA-TELE-FLEX"}} {
			for _, s := range []*site{one, two} {
				r, ok := s.Replica.Snapshot().Evaluate(region, "epcs_video", facts(region), c.at)
				if !ok || r.Variant != c.want {
					t.Errorf("%s at %s: %s %v, want %s", region, c.at, r.Variant, ok, c.want)
				}
			}
			if r := held[region].Evaluate(facts(region), c.at); r.Variant != c.want {
				t.Errorf("%s at %s: without contact %s, want %s", region, c.at, r.Variant, c.want)
			}
		}
		if now := one.Replica.Snapshot().Revision; now != revision {
			t.Errorf("%s: something was written meanwhile: %d, %d", region, revision, now)
		}
	}
	if got := ask(one, "co"); got != "on" {
		t.Errorf("in November: %s", got)
	}
	if list := one.halts(ctx); len(list) != 0 {
		t.Errorf("before: %+v", list)
	}
	// Both clerks look, several times over.
	clock.set(time.Date(2027, 1, 1, 10, 0, 1, 0, time.UTC))
	for range 3 {
		for _, s := range []*site{one, two} {
			if err := s.Policy.Tick(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	list := one.halts(ctx)
	if len(list) != 2 {
		t.Fatalf("after: %+v", list)
	}
	for _, h := range list {
		if h.Rule != "FED-DEA-TELE-FLEX" || h.Capability != "epcs_video" || h.Since.Format(time.RFC3339) != regions[h.Region] || h.Ended != nil {
			t.Errorf("the record says %+v", h)
		}
	}
	if err := one.Record.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	a := one.must(one.do("GET", "/api/v1/audit?action=halt.note", auditor, nil))
	if n := strings.Count(a.raw, `"halt.note"`); n != 2 {
		t.Errorf("%d leaves, want one for each region: %s", n, a.raw)
	}
	listed := one.must(one.do("GET", "/api/v1/policy/halts?region=hi", auditor, nil))
	if strings.Count(listed.raw, "FED-DEA-TELE-FLEX") < 1 || strings.Contains(listed.raw, `"co"`) {
		t.Errorf("over HTTP: %s", listed.raw)
	}
}

// provePerformed puts on file what the law asks for before it permits a capability.
func (s *site) provePerformed(ctx context.Context, capability string, regions ...string) {
	s.t.Helper()
	who, err := s.Directory.Authenticate(s.token("evidence", identity.Compliance, "*"), s.cfg.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	e, err := policy.Default(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	p := &policy.Position{Law: e}
	filed := map[string]bool{}
	for range 5 {
		for _, region := range regions {
			d := p.Enable(ctx, policy.Question{Region: region, Jurisdictions: []string{"US-" + strings.ToUpper(region)}, Capability: capability, AsOf: s.cfg.Now()})
			for _, v := range d.ByJurisdiction {
				for _, kind := range v.EvidenceMissing {
					if filed[kind] {
						continue
					}
					filed[kind] = true
					service := ""
					if strings.HasPrefix(kind, policy.PerformsPrefix) {
						service = "portal"
					}
					r := policy.EvidenceRequest{Service: service, Type: kind, Scope: "*", Expires: "2027-11-01", URI: "https://example.org/" + "proof", Hash: "sha256:" + strings.Repeat("a", 64)}
					p.Evidence = append(p.Evidence, policy.Evidence{Type: kind, Scope: "*", Expires: "2027-11-01"})
					if _, _, err := s.Policy.AddEvidence(ctx, gate.Origin{Actor: who, Reason: "test"}, r); err != nil {
						s.t.Fatalf("%s: %v", kind, err)
					}
				}
			}
		}
	}
}

// lasting is a token that outlives the year.
func (s *site) lasting(ctx context.Context, role identity.Role) string {
	s.t.Helper()
	who, err := s.Directory.Authenticate(s.operator, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	secret, _, _, err := s.Access.Issue(ctx, gate.Origin{Actor: who, Reason: "test"}, access.TokenRequest{Name: "lasting",
		Grants: []identity.Grant{{Role: role, Regions: []string{identity.Every}}}, Expires: time.Date(2027, 1, 20, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		s.t.Fatal(err)
	}
	return secret
}

func (s *site) halts(ctx context.Context) []policy.Halt {
	s.t.Helper()
	reader := identity.Principal{ID: "test", Name: "test", Grants: []identity.Grant{{Role: identity.Auditor, Regions: []string{identity.Every}}}}
	list, err := s.Policy.Halted(ctx, reader, "", true)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// definition is what a provider in a portal's own process holds of a flag.
func (s *site) definition(region, flag string) *eval.Flag {
	s.t.Helper()
	for _, f := range s.Replica.Snapshot().Flags(region) {
		if f.Key() == flag {
			held, err := eval.CompileFlag(flag, f.Definition(), nil)
			if err != nil {
				s.t.Fatal(err)
			}
			return held
		}
	}
	s.t.Fatalf("%s has no flag %s", region, flag)
	return nil
}
