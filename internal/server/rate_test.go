package server_test

import (
	"strconv"
	"testing"

	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/server"
)

// One credential that asks too often is told when to come again; another is not
// held up by it.
func TestTheRateLimitIsPerCredential(t *testing.T) {
	s := newSite(t, t.TempDir(), func(c *server.Config) { c.RateLimit = 1 })
	s.furnish()
	portal, other := s.token("portal", identity.Service, "co"), s.token("other portal", identity.Service, "co")
	limited := answer{}
	for range 20 {
		if limited = s.evaluate("co", portal); limited.status == 429 {
			break
		}
	}
	after, err := strconv.Atoi(limited.header.Get("Retry-After"))
	if limited.status != 429 || err != nil || after < 1 || limited.body["errorCode"] != "GENERAL" {
		t.Errorf("%d %s, Retry-After %q", limited.status, limited.raw, limited.header.Get("Retry-After"))
	}
	if a := s.evaluate("co", other); a.status != 200 {
		t.Errorf("another credential: %d %s", a.status, a.raw)
	}
}
