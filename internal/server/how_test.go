package server_test

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/identity"
)

// How a region has a capability on, over HTTP: the group's baseline, a region's
// own fields over it, a freeze, and what differs.
func TestALeadSaysHow(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	lead, portal := s.token("Colorado lead", identity.RegionalLead, "co"), s.token("portal", identity.Service, "*")
	const (
		answer = "/api/v1/regions/co/enablements/video_visit"
		flag   = "/regions/co/ofrep/v1/evaluate/flags/video_visit"
	)
	s.must(s.do("PUT", "/api/v1/baselines/video_visit", s.operator, object{"how": object{"settings": object{"max_minutes": 20}}, "reason": "two regions tried it"}))
	a := s.must(s.do("PUT", answer, lead, object{"answer": "enable", "reason": "r", "baseline": "accept", "how": object{"rollout": object{"percent": 0}}}))
	if result, _ := a.body["result"].(object); result["on"] != false || result["cause"] != "not-in-rollout" || result["how"] == nil {
		t.Errorf("at 0 %%: %s", a.raw)
	}
	s.must(s.do("PUT", answer, lead, object{"answer": "enable", "reason": "r", "how": object{}}))
	if a := s.must(s.do("POST", flag+".max_minutes", portal, fullContext)); a.body["value"] != 20.0 {
		t.Errorf("the accepted baseline: %s", a.raw)
	}
	s.must(s.do("PUT", "/api/v1/baselines/video_visit", s.operator, object{"how": object{"settings": object{"max_minutes": 40}}, "reason": "longer is better"}))
	drift := s.must(s.do("GET", "/api/v1/drift?region=co", lead, nil))
	if !strings.Contains(drift.raw, `"class":"not_yet_accepted"`) || drift.body["unexplained"] != 0.0 {
		t.Errorf("drift: %s", drift.raw)
	}
	s.must(s.do("POST", answer+"/baseline", lead, object{"reason": "agreed"}))
	if a := s.must(s.do("POST", flag+".max_minutes", portal, fullContext)); a.body["value"] != 40.0 {
		t.Errorf("the newer baseline, accepted: %s", a.raw)
	}
	s.must(s.do("PUT", "/api/v1/regions/co/freezes/year_end", lead, object{"to": "2099-01-02T06:00", "reason": "year end"}))
	s.must(s.do("POST", answer+"/off", lead, object{"reason": "calls drop"}))
	if a := s.do("PUT", answer, lead, object{"answer": "enable", "reason": "r"}); a.status != 422 || a.body["code"] != "frozen" || !strings.Contains(a.raw, "2099-01-02T06:00") {
		t.Errorf("enabling while frozen: %d %s", a.status, a.raw)
	}
	if a := s.must(s.do("POST", "/api/v1/regions/co/freezes/year_end/end", lead, object{"reason": "done early"})); !strings.Contains(a.raw, `"ended"`) {
		t.Errorf("ended: %s", a.raw)
	}
	s.must(s.do("PUT", answer, lead, object{"answer": "enable", "reason": "r"}))
	for field, body := range map[string]object{
		"/how/variant":         {"answer": "enable", "reason": "r", "how": object{"variant": "huge"}},
		"/how/rollout/percent": {"answer": "enable", "reason": "r", "how": object{"rollout": object{"percent": 101}}},
	} {
		if a := s.do("PUT", answer, lead, body); a.status != 400 || !strings.Contains(a.raw, field) {
			t.Errorf("%s: %d %s", field, a.status, a.raw)
		}
	}
	if a := s.do("PUT", answer, lead, object{"answer": "enable", "reason": "r", "how": object{"audience": object{"shoe_size": 44}}}); a.status != 400 || !strings.Contains(a.raw, "shoe_size") {
		t.Errorf("an unknown field: %d %s", a.status, a.raw)
	}
	s.must(s.do("POST", "/api/v1/offers/video_visit/withdraw", s.operator, object{"reason": "a pilot instead"}))
	if a := s.do("PUT", "/api/v1/offers/video_visit", s.operator, object{"kind": "pilot", "reason": "r", "cap_percent": 10, "end": "2099-01-01", "hypothesis": "h", "facilities": object{"co": []string{"co-1"}}}); a.status != 400 || !strings.Contains(a.raw, "co-1") {
		t.Errorf("a pilot at a facility that does not exist: %d %s", a.status, a.raw)
	}
}
