package server_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/server"
	rules "github.com/quorate/quorate/policy/rego"
)

// A region enables what wants proofs that are not on file: the change waits and names
// each of them, nothing is served, and once all are on file it takes effect without
// anybody asking again. Why, over HTTP, names the rules and what they still look at.
func TestAnEnablementWaitsForItsProofs(t *testing.T) {
	s := newSite(t, t.TempDir(), func(c *server.Config) { c.Unregulated = false })
	s.furnish()
	s.must(s.do("PUT", "/api/v1/capabilities/epcs_video", s.operator, object{"value": capability("epcs_video")}))
	s.must(s.do("PUT", "/api/v1/offers/epcs_video", s.operator, object{"kind": "full", "reason": "test"}))
	s.activate(rules.Law)
	lead, portal := s.token("Colorado lead", identity.RegionalLead, "co"), s.token("portal", identity.Service, "co")
	a := s.do("PUT", "/api/v1/regions/co/enablements/epcs_video", lead, object{"answer": "enable", "reason": "clinics are ready"})
	if a.status >= 300 || !strings.Contains(a.raw, `"state":"pending"`) {
		t.Fatalf("without proofs: %d %s", a.status, a.raw)
	}
	for _, name := range []string{"performs:FED-DEA-TELE-FLEX", "epcs_cert"} {
		if !strings.Contains(a.raw, name) {
			t.Errorf("what waits does not name %s: %s", name, a.raw)
		}
	}
	ask := func() any {
		return s.do("POST", "/regions/co/ofrep/v1/evaluate/flags/epcs_video", portal, fullContext).body["variant"]
	}
	if got := ask(); got != "not-enabled" {
		t.Errorf("while it waits: %v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.Gate().Tend(ctx); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != "not-enabled" {
		t.Errorf("the clerk carried out what waits for proofs: %v", got)
	}
	s.provePerformed(ctx, "epcs_video", "co")
	for ask() != "on" {
		if err := s.Gate().Tend(ctx); err != nil {
			t.Fatal(err)
		}
		if ctx.Err() != nil {
			t.Fatalf("with all proofs on file: %v", ask())
		}
		time.Sleep(50 * time.Millisecond)
	}
	why := s.must(s.do("POST", "/api/v1/regions/co/explain/epcs_video", lead, object{"context": object{}}))
	for _, name := range []string{"CO-TELEHEALTH-REG", `"citation"`, `"off_where"`, "no encoded rule forbids this"} {
		if !strings.Contains(why.raw, name) {
			t.Errorf("why does not say %s: %s", name, why.raw)
		}
	}
}
