package server_test

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/server"
)

// A server starts without any law, and then nothing can be turned on: the refusal
// says who can change that.
func TestWithoutALawNothingIsTurnedOn(t *testing.T) {
	s := newSite(t, t.TempDir(), func(c *server.Config) { c.Unregulated = false })
	s.furnish()
	lead, portal := s.token("Colorado lead", identity.RegionalLead, "co"), s.token("portal", identity.Service, "*")
	a := s.do("PUT", "/api/v1/regions/co/enablements/video_visit", lead, object{"answer": "enable", "reason": "clinics are ready"})
	if a.status != 422 || !strings.Contains(a.raw, "Counsel and compliance can activate one") {
		t.Errorf("enabling: %d %s", a.status, a.raw)
	}
	if a := s.evaluate("co", portal); a.body["value"] != false {
		t.Errorf("served: %s", a.raw)
	}
	if a := s.do("GET", "/api/v1/policy", lead, nil); a.body["policy"] != "no-encoded-law" {
		t.Errorf("the policy: %s", a.raw)
	}
	a = s.do("POST", "/api/v1/policy/bundles", s.token("compliance", identity.Compliance, "*"), object{"archive": []byte("not a bundle"), "reason": "test"})
	if a.status != 422 || a.body["code"] != "bad_bundle" {
		t.Errorf("garbage for a bundle: %d %s", a.status, a.raw)
	}
}
