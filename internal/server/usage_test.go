package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/provider"
	"github.com/quorate/quorate/internal/identity"
)

// event is one that a portal service may track.
func event(changes ...string) object {
	e := object{"capability": "video_visit", "region": "co", "event": "used", "count": 20}
	for i := 0; i < len(changes); i += 2 {
		e[changes[i]] = changes[i+1]
	}
	return e
}

func TestTrackingCountsAllOrNothing(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	s.must(s.do("PUT", "/api/v1/regions/co/facilities/co-1", s.operator, object{"value": object{"key": "co-1", "region": "co",
		"name": "Clinic", "kind": "clinic", "jurisdiction": "US-CO", "systems": []string{}}}))
	colorado, hawaii := s.token("Colorado portal", identity.Service, "co"), s.token("Hawaii portal", identity.Service, "hi")
	lead := s.token("Colorado lead", identity.RegionalLead, "co")
	many := make([]object, 1001)
	for i := range many {
		many[i] = event()
	}
	fractional, huge, negative := event(), event(), event()
	fractional["count"], huge["count"], negative["count"] = 1.5, 1_000_001, -1
	for _, c := range []struct {
		what, token string
		body        any
		status      int
		code        string
	}{
		{"nobody", "", object{"events": []object{event()}}, 401, "unauthenticated"},
		{"a person", lead, object{"events": []object{event()}}, 403, "forbidden"},
		{"another region's credential", hawaii, object{"events": []object{event()}}, 403, "forbidden"},
		{"another region among one's own", colorado, object{"events": []object{event(), event("region", "hi")}}, 403, "forbidden"},
		{"unknown region", s.token("portal", identity.Service, "*"), object{"events": []object{event("region", "atlantis")}}, 400, "bad_value"},
		{"unknown capability", colorado, object{"events": []object{event(), event("capability", "teleport")}}, 400, "bad_value"},
		{"a facility of nowhere", colorado, object{"events": []object{event(), event("facility", "co-9")}}, 400, "bad_value"},
		{"no event", colorado, object{"events": []object{event("event", "")}}, 400, "bad_value"},
		{"none", colorado, object{"events": []object{}}, 400, "bad_events"},
		{"too many", colorado, object{"events": many}, 400, "bad_events"},
		{"a fraction", colorado, object{"events": []object{fractional}}, 400, ""},
		{"too often in one", colorado, object{"events": []object{huge}}, 400, ""},
		{"less than none", colorado, object{"events": []object{negative}}, 400, ""},
		{"a member that is not known", colorado, object{"events": []object{event("patient", "p1")}}, 400, ""},
		{"no JSON", colorado, `{"events":`, 400, ""},
		{"too large", colorado, `{"events":[{"event":"` + strings.Repeat("x", 300<<10) + `"}]}`, 413, ""},
	} {
		a := s.do("POST", "/api/v1/track", c.token, c.body)
		if a.status != c.status || c.code != "" && a.body["code"] != c.code {
			t.Errorf("%s: %d %.300s; want %d %s", c.what, a.status, a.raw, c.status, c.code)
		}
	}
	if items := s.usage(lead, "?region=co"); len(items) != 0 {
		t.Fatalf("something was counted: %v", items)
	}
	a := s.must(s.do("POST", "/api/v1/track", colorado, object{"events": []object{event("facility", "co-1", "group", "65+"),
		event("group", "the widow of Elm Street", "event", "typed: chest pain"), event("facility", "co-1", "group", "18-44")}}))
	if a.body["counted"] != 3.0 {
		t.Errorf("%s", a.raw)
	}
	shown := s.must(s.do("GET", "/api/v1/usage?region=co&capability=video_visit", lead, nil))
	for _, secret := range []string{"widow", "chest"} {
		if strings.Contains(shown.raw, secret) {
			t.Errorf("what is not declared is shown: %s", shown.raw)
		}
	}
	if !strings.Contains(shown.raw, `"event":"used"`) || !strings.Contains(shown.raw, `"event":"other"`) {
		t.Errorf("%s", shown.raw)
	}
}

func (s *site) usage(token, query string) []any {
	s.t.Helper()
	items, ok := s.must(s.do("GET", "/api/v1/usage"+query, token, nil)).body["items"].([]any)
	if !ok {
		s.t.Fatal("no items")
	}
	return items
}

// Evaluations are counted over OFREP, by flag, variant and reason; the facts that
// came by name and service, never a value; and a server that stops keeps them.
func TestUsageIsShownAndOutlivesARestart(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	portal, lead := s.token("Colorado portal", identity.Service, "co"), s.token("Colorado lead", identity.RegionalLead, "co")
	eventually(t, "facts are declared", func() bool {
		s.evaluate("co", portal)
		return strings.Contains(s.do("GET", "/api/v1/usage?region=co&capability=video_visit", lead, nil).raw, `"service":"Colorado portal"`)
	})
	before := s.evaluations(lead)
	const more = 7
	for range more {
		s.evaluate("co", portal)
	}
	secret := s.must(s.do("POST", "/regions/co/ofrep/v1/evaluate/flags/video_visit", portal,
		object{"context": object{"targetingKey": "patient-4711", "patient 4711 has": "a secret"}}))
	if secret.body["value"] != false {
		t.Errorf("%s", secret.raw)
	}
	if n := s.evaluations(lead); n != before+more+1 {
		t.Errorf("%v evaluations are shown, want %v", n, before+more+1)
	}
	s.stop()
	s.start()
	if n := s.evaluations(lead); n != before+more+1 {
		t.Errorf("after a restart %v evaluations are shown, want %v", n, before+more+1)
	}
	shown := s.do("GET", "/api/v1/usage?region=co&capability=video_visit", lead, nil).raw
	if strings.Contains(shown, "4711") || strings.Contains(shown, "secret") || !strings.Contains(shown, `"other":`) || !strings.Contains(shown, `"targetingKey":`) {
		t.Errorf("%s", shown)
	}
	for _, c := range []struct {
		what, query, token string
		status             int
	}{
		{"nobody", "?region=co", "", 401},
		{"a service", "?region=co", portal, 403},
		{"another region", "?region=hi", lead, 403},
		{"all regions", "", lead, 403},
		{"all regions, an auditor", "", s.token("auditor", identity.Auditor, "*"), 200},
		{"unknown region", "?region=atlantis", s.token("auditor", identity.Auditor, "*"), 404},
		{"unknown capability", "?region=co&capability=teleport", lead, 404},
		{"no month", "?region=co&month=2027-13", lead, 400},
		{"a month long ago", "?region=co&month=1999-01", lead, 200},
	} {
		if a := s.do(http.MethodGet, "/api/v1/usage"+c.query, c.token, nil); a.status != c.status {
			t.Errorf("%s: %d %.200s, want %d", c.what, a.status, a.raw, c.status)
		}
	}
}

// evaluations is how often video_visit was served in Colorado this month.
func (s *site) evaluations(token string) (n float64) {
	s.t.Helper()
	for _, item := range s.usage(token, "?region=co&capability=video_visit") {
		for _, e := range item.(object)["evaluations"].([]any) {
			n += e.(object)["count"].(float64)
		}
	}
	return n
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not within 20 s: %s", what)
}

// Use that our Go provider tracks arrives.
func TestTheGoProviderTracks(t *testing.T) {
	s := newFlagdSite(t)
	token, lead := s.token("Colorado portal", identity.Service, "co"), s.lead
	p, err := provider.New("http://"+s.FlagdAddr(), provider.WithRegion("co"), provider.WithToken(token), provider.WithTracking(s.URL()))
	if err != nil {
		t.Fatal(err)
	}
	if err := openfeature.SetNamedProviderWithContextAndWait(t.Context(), "tracking", p); err != nil {
		t.Fatal(err)
	}
	client := openfeature.NewClient("tracking")
	patient := openfeature.NewEvaluationContext("patient-4711", map[string]any{"group": "65+"})
	for range 30 {
		client.Track(t.Context(), "video_visit", patient, openfeature.NewTrackingEventDetails(1))
	}
	p.Shutdown() // sends what is left
	shown := s.must(s.do("GET", "/api/v1/usage?region=co&capability=video_visit", lead, nil)).raw
	if !strings.Contains(shown, `"total":{"count":30}`) || !strings.Contains(shown, `"group":"65+"`) || strings.Contains(shown, "4711") {
		t.Errorf("%s", shown)
	}
}

// A group that an example or a page names is one that is counted: any other is
// "other" without a word.
func TestTheExamplesTrackDeclaredGroups(t *testing.T) {
	named := regexp.MustCompile(`Add\("group", "([^"]*)"\)|"group": ?"([^"]*)"`)
	n := 0
	for _, pattern := range []string{"../../flags/provider/*.go", "../../docs/*.md", "../../docs/connect/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range named.FindAllStringSubmatch(string(raw), -1) {
				if n++; !slices.Contains(flags.TrackGroups, m[1]+m[2]) {
					t.Errorf("%s names the group %q", file, m[1]+m[2])
				}
			}
		}
	}
	if n < 3 {
		t.Errorf("only %d groups are named", n)
	}
}

// FuzzTrack sends whatever comes to be tracked: it is counted whole or refused with
// a reason, and a name that nobody declared is shown nowhere.
func FuzzTrack(f *testing.F) {
	for _, body := range []string{`{"events":[{"capability":"video_visit","region":"co","event":"used","group":"canary"}]}`, `{"events":null}`, `{"events":[{}]}`,
		`{"events":[{"capability":"video_visit","region":"co","event":"canary","count":1e400}]}`, `{"events":[{"capability":"video_visit","region":"hi","event":"used"}]}`,
		"{\"events\":[{\"region\":\"\xff\"}]}", `[[[[`, ``} {
		f.Add(body)
	}
	s := newSite(f, f.TempDir())
	s.furnish()
	portal, lead := s.token("Colorado portal", identity.Service, "co"), s.token("Colorado lead", identity.RegionalLead, "co")
	f.Fuzz(func(t *testing.T, body string) {
		here := *s
		here.t = t
		a := here.do("POST", "/api/v1/track", portal, body)
		switch a.status {
		case 200:
			if n, ok := a.body["counted"].(float64); !ok || n < 1 {
				t.Errorf("counted: %s", a.raw)
			}
		case 400, 403, 413, 422, 429:
			if a.body["code"] == nil || a.body["detail"] == nil {
				t.Errorf("%d without a reason: %s", a.status, a.raw)
			}
		default:
			t.Errorf("%d %s", a.status, a.raw)
		}
		if shown := here.do("GET", "/api/v1/usage?region=co", lead, nil); strings.Contains(shown.raw, "canary") {
			t.Errorf("what is not declared is shown: %s", shown.raw)
		}
	})
}
