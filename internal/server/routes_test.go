package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/identity"
)

// mutations holds, for every operation that changes something, a request that
// would succeed if the principal were allowed. An operation without a row here
// fails the test below: no route can be added that changes state past the gate
// unseen.
var mutations = map[string]struct{ path, body string }{
	"set-region":         {"/api/v1/regions/co", `{"value":{"key":"co","name":"Colorado","jurisdictions":["US-CO"],"time_zone":"America/Denver"}}`},
	"set-facility":       {"/api/v1/regions/co/facilities/co-1", `{"value":{"key":"co-1","region":"co","name":"Clinic","kind":"clinic","jurisdiction":"US-CO","systems":[]}}`},
	"set-capability":     {"/api/v1/capabilities/video_visit", ""}, // filled in below
	"grant-offer":        {"/api/v1/offers/video_visit", `{"kind":"full","reason":"test"}`},
	"withdraw-offer":     {"/api/v1/offers/video_visit/withdraw", `{"reason":"test"}`},
	"answer-offer":       {"/api/v1/regions/co/enablements/video_visit", `{"answer":"enable","reason":"test"}`},
	"turn-off":           {"/api/v1/regions/co/enablements/video_visit/off", `{"reason":"test"}`},
	"set-baseline":       {"/api/v1/baselines/video_visit", `{"how":{},"reason":"test"}`},
	"accept-baseline":    {"/api/v1/regions/co/enablements/video_visit/baseline", `{"reason":"test"}`},
	"set-freeze":         {"/api/v1/regions/co/freezes/year_end", `{"to":"2099-01-02T06:00","reason":"test"}`},
	"end-freeze":         {"/api/v1/regions/co/freezes/year_end/end", `{"reason":"test"}`},
	"set-denominator":    {"/api/v1/regions/co/denominator", `{"members":1000,"as_of":"2026-01-01","reason":"test"}`},
	"issue-token":        {"/api/v1/tokens", `{"name":"x","grants":[{"role":"auditor","regions":["*"]}],"expires":"EXPIRES","reason":"test"}`},
	"rotate-token":       {"/api/v1/tokens/TOKEN/rotate", `{"overlap":"24h","reason":"test"}`},
	"set-groups":         {"/api/v1/access/groups", `{"roles":[{"group":"co-leads","role":"regional_lead","regions":["co"]}],"reason":"test"}`},
	"disable-person":     {"/api/v1/access/people/person:aaaaaaaaaaaaaaaa/disable", `{"reason":"test"}`},
	"enable-person":      {"/api/v1/access/people/person:aaaaaaaaaaaaaaaa/enable", `{"reason":"test"}`},
	"delegate":           {"/api/v1/access/delegations", `{"to":"person:aaaaaaaaaaaaaaaa","role":"regional_lead","region":"co","expires":"EXPIRES","reason":"test"}`},
	"end-delegation":     {"/api/v1/access/delegations/aaaaaaaaaaaaaaaa/end", `{"reason":"test"}`},
	"push-bundle":        {"/api/v1/policy/bundles", `{"archive":"H4sIAAAA","reason":"test"}`},
	"activate-policy":    {"/api/v1/policy/activate", `{"layer":"law","digest":"000000","reason":"test"}`},
	"rollback-policy":    {"/api/v1/policy/rollback", `{"layer":"law","reason":"test"}`},
	"give-opinion":       {"/api/v1/policy/opinions/HI-329-CS-INPERSON", `{"relaxation":"HI-HB951","outcome":"rejected","reason":"test"}`},
	"add-evidence":       {"/api/v1/evidence", `{"type":"readiness:clinics","scope":"co","expires":"` + nextYear() + `","reason":"test"}`},
	"revoke-evidence":    {"/api/v1/evidence/ev-none/revoke", `{"reason":"test"}`},
	"grant-waiver":       {"/api/v1/waivers", `{"rule_id":"FED-504-WEB","jurisdiction":"US-CO","capability":"video_visit","class":"risk","expires":"` + nextYear() + `","reason":"test"}`},
	"revoke-waiver":      {"/api/v1/waivers/wv-none/revoke", `{"reason":"test"}`},
	"revoke-token":       {"/api/v1/tokens/TOKEN/revoke", `{"reason":"test"}`},
	"replace-record-key": {"/api/v1/audit/key/replace", `{"reason":"test"}`},
	"accept-restore":     {"/api/v1/restore/accept", `{"reason":"test"}`},
	"sign-change":        {"/api/v1/changes/CHANGE/sign", `{"binding":"` + strings.Repeat("0", 64) + `","reason":"test"}`},
	"decline-change":     {"/api/v1/changes/CHANGE/decline", `{"reason":"test"}`},
	"request-changes":    {"/api/v1/changes/CHANGE/request-changes", `{"reason":"test"}`},
	"withdraw-change":    {"/api/v1/changes/CHANGE/withdraw", `{"reason":"test"}`},
	"rebase-change":      {"/api/v1/changes/CHANGE/rebase", `{"reason":"test"}`},
	"edit-change":        {"/api/v1/changes/CHANGE/edit", `{"reason":"test","request":{}}`},
}

func nextYear() string { return time.Now().AddDate(1, 0, 0).UTC().Format(time.DateOnly) }

// reads are the operations that use a method other than GET without changing
// anything, each with its reason.
var reads = map[string]string{
	"introspect-token": "POST carries a credential, which nothing may keep",
	"explain":          "POST carries the evaluation context, which must not stand in an address",
	"track":            "what it counts is no domain state and has no leaf; usage_store.go writes it",
}

// sessions are the operations that change nothing but who is signed in, which is no
// state of the domain and has no leaf.
var sessions = map[string]string{"redeem-sign-in": "opens a session of a command line", "sign-out": "ends one"}

type operation struct{ id, method, path string }

func operations(t *testing.T, s *site) []operation {
	t.Helper()
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			OperationID string `json:"operationId"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(s.must(s.do("GET", "/api/v1/openapi.json", "", nil)).raw), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %q", doc.OpenAPI)
	}
	var list []operation
	for path, methods := range doc.Paths {
		for method, op := range methods {
			list = append(list, operation{op.OperationID, strings.ToUpper(method), path})
		}
	}
	slices.SortFunc(list, func(a, b operation) int { return strings.Compare(a.id, b.id) })
	return list
}

func TestEveryMutatingRouteGoesThroughTheGate(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	auditor := s.token("auditor", identity.Auditor, "*")
	raw, err := json.Marshal(object{"value": capability("video_visit")})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, op := range operations(t, s) {
		if op.method == http.MethodGet || reads[op.id] != "" || sessions[op.id] != "" {
			continue
		}
		m, ok := mutations[op.id]
		if !ok {
			t.Errorf("%s %s (%s) has no row in the table of mutations", op.method, op.path, op.id)
			continue
		}
		seen[op.id] = true
		if op.id == "set-capability" {
			m.body = string(raw)
		}
		m.body = strings.ReplaceAll(m.body, "EXPIRES", time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		path := strings.ReplaceAll(m.path, "TOKEN", strings.Split(auditor, "_")[1])
		if a := s.do(op.method, path, "", m.body); a.status != 401 {
			t.Errorf("%s by nobody: %d %s", op.id, a.status, a.raw)
		}
		before := gateRefusals(t, s)
		if a := s.do(op.method, path, auditor, m.body); a.status != 403 {
			t.Errorf("%s by an auditor: %d %s", op.id, a.status, a.raw)
		}
		if after := gateRefusals(t, s); after != before+1 {
			t.Errorf("%s: the gate refused %d changes, want 1: the route does not go through it", op.id, after-before)
		}
	}
	for id := range mutations {
		if !seen[id] {
			t.Errorf("the table has a row for %s, which is no operation", id)
		}
	}
}

var refusedChange = regexp.MustCompile(`(?m)^quorate_changes_total\{action="[^"]*",result="forbidden"\} (\d+)$`)

func gateRefusals(t *testing.T, s *site) (n int) {
	t.Helper()
	for _, m := range refusedChange.FindAllStringSubmatch(s.do("GET", "/metrics", "", nil).raw, -1) {
		var one int
		if _, err := fmt.Sscan(m[1], &one); err != nil {
			t.Fatal(err)
		}
		n += one
	}
	return n
}

// The document in docs is the one that is served. Set QUORATE_UPDATE=1 to write
// it anew after a change of the API.
func TestTheOpenAPIDocumentIsKeptTrue(t *testing.T) {
	s := newSite(t, t.TempDir())
	file := filepath.Join("..", "..", "docs", "openapi.yaml")
	served := s.must(s.do("GET", "/api/v1/openapi.yaml", "", nil)).raw
	if os.Getenv("QUORATE_UPDATE") == "1" {
		if err := os.WriteFile(file, []byte(served), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != served {
		t.Error("docs/openapi.yaml differs from the served document; run the test with QUORATE_UPDATE=1 and look at the change")
	}
}

// Every read is refused to nobody, and every problem has its shape.
func TestEveryReadNeedsACredential(t *testing.T) {
	s := newSite(t, t.TempDir())
	for _, op := range operations(t, s) {
		if op.method != http.MethodGet && reads[op.id] == "" {
			continue
		}
		path := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(op.path, "co")
		if op.id == "show-outcome" {
			path = strings.Replace(op.path, "{key}", "01930000-0000-7000-8000-000000000000", 1)
		}
		a := s.do(op.method, path, "", map[string]string{"GET": "", "POST": "{}"}[op.method])
		if a.status != 401 || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s by nobody: %d %s %s", op.id, a.status, a.header.Get("Content-Type"), a.raw)
		}
	}
}

// Bad input over HTTP: status, code, the value and a remedy, and the state as it
// was. What the domain refuses has a table of its own in flags.
func TestBadInputOverHTTP(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	s.must(s.do("PUT", "/api/v1/capabilities/epcs_video", s.operator, object{"value": capability("epcs_video", "video_visit")}))
	lead, portal := s.token("Colorado lead", identity.RegionalLead, "co"), s.token("portal", identity.Service, "*")
	s.must(s.do("PUT", "/api/v1/regions/co/enablements/video_visit", lead, object{"answer": "enable", "reason": "clinics are ready"}))
	revoked := s.token("revoked", identity.RegionalLead, "co")
	s.must(s.do("POST", "/api/v1/tokens/"+strings.Split(revoked, "_")[1]+"/revoke", s.operator, object{"reason": "lost"}))
	cyclic := capability("video_visit", "epcs_video")
	badType := capability("video_visit")
	badType["settings"] = []object{{"key": "max_minutes", "type": "colour", "description": "x", "off": 0, "default": 1}}
	badStage := capability("video_visit")
	badStage["stage"] = "limbo"
	const (
		answer = "/api/v1/regions/co/enablements/video_visit"
		enable = `{"answer":"enable","reason":"x"}`
	)
	before := s.state()
	for _, c := range []struct {
		what, method, path, token string
		body                      any
		status                    int
		code, says                string
	}{
		{"unknown region", "GET", "/api/v1/regions/atlantis", lead, nil, 404, "unknown_region", "atlantis"},
		{"unknown capability", "PUT", "/api/v1/regions/co/enablements/teleport", lead, enable, 404, "unknown_capability", "teleport"},
		{"unknown answer", "PUT", answer, lead, `{"answer":"maybe","reason":"x"}`, 400, "", "enable, later, decline"},
		{"unknown stage", "PUT", "/api/v1/capabilities/video_visit", s.operator, object{"value": badStage}, 400, "bad_value", "limbo"},
		{"unknown setting type", "PUT", "/api/v1/capabilities/video_visit", s.operator, object{"value": badType}, 400, "bad_value", "colour"},
		{"malformed JSON", "PUT", answer, lead, `{"answer":`, 400, "", "JSON"},
		{"a field that does not exist", "PUT", answer, lead, `{"answer":"enable","reason":"x","force":true}`, 400, "", "force"},
		{"oversized body", "PUT", answer, lead, `{"reason":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "", "1048576"},
		{"no credential", "PUT", answer, "", enable, 401, "unauthenticated", "credential"},
		{"garbage for a token", "PUT", answer, "garbage", enable, 401, "bad_token", "token"},
		{"a token nobody issued", "PUT", answer, "qrt_aaaaaaaaaaaaaaaa_" + strings.Repeat("a", 52), enable, 401, "unknown_token", "token"},
		{"a revoked token", "PUT", answer, revoked, enable, 401, "token_revoked", "revoked"},
		{"a service that writes", "PUT", answer, portal, enable, 403, "forbidden", "answer an offer"},
		{"stale revision", "PUT", answer, lead, `{"answer":"later","until":"2099-01-01","reason":"x","if_revision":1}`, 409, "stale_revision", "revision 1"},
		{"prerequisite cycle", "PUT", "/api/v1/capabilities/video_visit", s.operator, object{"value": cyclic}, 422, "prerequisite_cycle", "video_visit needs epcs_video"},
		{"a bad idempotency key", "PUT", answer, lead, enable, 400, "bad_idempotency_key", "not-a-key"},
		{"two names", "PUT", "/api/v1/regions/hi", s.operator, object{"value": object{"key": "co", "name": "x", "jurisdictions": []string{"US-CO"}, "time_zone": "UTC"}}, 400, "name_mismatch", "co"},
		{"no such route", "GET", "/api/v1/nowhere", lead, nil, 404, "", "nowhere"},
		{"wrong method", "DELETE", answer, lead, nil, 405, "", "DELETE"},
	} {
		var headers []string
		if c.code == "bad_idempotency_key" {
			headers = []string{"Idempotency-Key", "not-a-key"}
		}
		a := s.do(c.method, c.path, c.token, c.body, headers...)
		if a.status != c.status || c.code != "" && a.body["code"] != c.code || !strings.Contains(a.raw, c.says) {
			t.Errorf("%s: %d %s; want %d %s saying %q", c.what, a.status, a.raw, c.status, c.code, c.says)
		}
		if remedy, _ := a.body["remedy"].(string); remedy == "" || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: no remedy, or no problem: %s %s", c.what, a.header.Get("Content-Type"), a.raw)
		}
		if after := s.state(); after != before {
			t.Fatalf("%s: the state changed", c.what)
		}
	}
}

func (s *site) state() string {
	s.t.Helper()
	all := ""
	for _, path := range []string{"/regions", "/capabilities", "/offers", "/regions/co/enablements", "/regions/hi/enablements"} {
		all += s.must(s.do("GET", "/api/v1"+path, s.operator, nil)).raw
	}
	return all
}

func TestAnExpiredTokenIsRefused(t *testing.T) {
	s := newSite(t, t.TempDir())
	now := time.Now()
	s.stop()
	s.cfg.Now = func() time.Time { return now.Add(2 * time.Hour) } // past the first token's hour
	s.start()
	a := s.do("GET", "/api/v1/regions", s.operator, nil)
	if a.status != 401 || a.body["code"] != "token_expired" {
		t.Errorf("two hours later: %d %s", a.status, a.raw)
	}
	renewed, err := os.ReadFile(s.BootstrapFile())
	if err != nil || strings.TrimSpace(string(renewed)) == s.operator {
		t.Errorf("with no operator left, no new first token was written (%v)", err)
	}
}

func TestOFREPRefusals(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	everywhere, hawaii := s.token("portal", identity.Service, "*"), s.token("hi portal", identity.Service, "hi")
	lead := s.token("Colorado lead", identity.RegionalLead, "co")
	const flag = "/ofrep/v1/evaluate/flags/video_visit"
	body, err := json.Marshal(fullContext)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, path, token, body string
		headers                 []string
		status                  int
		code                    string
	}{
		{"region from the address", "/regions/co" + flag, everywhere, string(body), nil, 200, ""},
		{"region from the selector", flag, everywhere, string(body), []string{"Flagd-Selector", "flagSetId=co"}, 200, ""},
		{"the only region of the credential", flag, hawaii, string(body), nil, 200, ""},
		{"the other header for a credential", "/regions/co" + flag, "", string(body), []string{"X-API-Key", everywhere}, 200, ""},
		{"a lead may try it out", "/regions/co" + flag, lead, string(body), nil, 200, ""},
		{"an empty context", "/regions/co" + flag, everywhere, `{}`, nil, 200, ""},
		{"region not named", flag, everywhere, string(body), nil, 400, "GENERAL"},
		{"region of another credential, by address", "/regions/co" + flag, hawaii, string(body), nil, 403, "GENERAL"},
		{"region of another credential, by selector", flag, hawaii, string(body), []string{"Flagd-Selector", "flagSetId=co"}, 403, "GENERAL"},
		{"a selector that names none", flag, everywhere, string(body), []string{"Flagd-Selector", "source=x"}, 400, "GENERAL"},
		{"nobody", "/regions/co" + flag, "", string(body), nil, 401, "GENERAL"},
		{"unknown region", "/regions/atlantis" + flag, everywhere, string(body), nil, 404, "GENERAL"},
		{"unknown flag", "/regions/co/ofrep/v1/evaluate/flags/teleport", everywhere, string(body), nil, 404, "FLAG_NOT_FOUND"},
		{"an escaped key", "/regions/co/ofrep/v1/evaluate/flags/a%2Fb", everywhere, string(body), nil, 404, "FLAG_NOT_FOUND"},
		{"malformed JSON", "/regions/co" + flag, everywhere, `{"context":`, nil, 400, "PARSE_ERROR"},
		{"a context that is none", "/regions/co" + flag, everywhere, `{"context":[1]}`, nil, 400, "INVALID_CONTEXT"},
	} {
		a := s.do("POST", c.path, c.token, c.body, c.headers...)
		if code, _ := a.body["errorCode"].(string); a.status != c.status || code != c.code {
			t.Errorf("%s: %d %s; want %d %s", c.what, a.status, a.raw, c.status, c.code)
		}
		if _, ok := a.body["metadata"].(object); !ok {
			t.Errorf("%s: no metadata in %s", c.what, a.raw)
		}
		if details, _ := a.body["errorDetails"].(string); c.status >= 400 && details == "" {
			t.Errorf("%s: no errorDetails in %s", c.what, a.raw)
		}
	}
	if a := s.do("POST", "/regions/co"+flag, everywhere, `{"context":{"x":"`+strings.Repeat("x", 2<<20)+`"}}`); a.status != 413 || a.body == nil {
		t.Errorf("an oversized context: %d %.200s", a.status, a.raw)
	}
}

func TestOFREPBulkAndItsTag(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	lead, portal := s.token("Colorado lead", identity.RegionalLead, "co"), s.token("portal", identity.Service, "*")
	const all = "/regions/co/ofrep/v1/evaluate/flags"
	first := s.must(s.do("POST", all, portal, fullContext))
	keys := map[string]any{}
	for _, item := range first.body["flags"].([]any) {
		f := item.(object)
		keys[f["key"].(string)] = f["value"]
	}
	if !maps.Equal(keys, map[string]any{"video_visit": false, "video_visit.max_minutes": 0.0}) {
		t.Errorf("bulk: %v", keys)
	}
	tag := first.header.Get("ETag")
	for _, header := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		if a := s.do("POST", all, portal, fullContext, "If-None-Match", header); a.status != 304 || a.raw != "" {
			t.Errorf("If-None-Match %s: %d %q", header, a.status, a.raw)
		}
	}
	if a := s.do("POST", all, portal, object{"context": object{"targetingKey": "p2"}}, "If-None-Match", tag); a.status != 200 {
		t.Errorf("another context: %d", a.status)
	}
	s.must(s.do("PUT", "/api/v1/regions/hi/enablements/video_visit", s.token("Hawaii lead", identity.RegionalLead, "hi"), object{"answer": "enable", "reason": "x"}))
	if a := s.do("POST", all, portal, fullContext, "If-None-Match", tag); a.status != 304 {
		t.Errorf("after a change in Hawaii, Colorado's tag is %d", a.status)
	}
	s.must(s.do("PUT", "/api/v1/regions/co/enablements/video_visit", lead, object{"answer": "enable", "reason": "x"}))
	if a := s.do("POST", all, portal, fullContext, "If-None-Match", tag); a.status != 200 || a.header.Get("ETag") == tag {
		t.Errorf("after a change in Colorado: %d %s", a.status, a.header.Get("ETag"))
	}
}
