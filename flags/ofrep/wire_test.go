package ofrep_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/ofrep"
	"github.com/quorate/quorate/internal/identity"
)

// Whatever is wrong is told in this protocol's shape: JSON, a status that clients
// know, an error code, words, and metadata.
func TestWhatIsRefusedAndHow(t *testing.T) {
	h := newHouse(t, nil)
	everywhere, hawaii := h.portal(identity.Every), h.portal("hi")
	const flag = "/ofrep/v1/evaluate/flags/video_visit"
	selector := func(s string) []string { return []string{"Flagd-Selector", s} }
	for _, c := range []struct {
		what, method, path, token, body string
		headers                         []string
		status                          int
		code, says                      string
	}{
		{"nobody", "POST", one, "", full, nil, 401, "GENERAL", "credential"},
		{"a token that is none", "POST", one, "x", full, nil, 401, "GENERAL", "not a Quorate token"},
		{"another scheme", "POST", one, "", full, []string{"Authorization", "Basic eDp5"}, 401, "GENERAL", "not a Quorate token"},
		{"a token nobody issued", "POST", one, "", full, []string{"X-API-Key", "qrt_aaaaaaaaaaaaaaaa_" + strings.Repeat("a", 52)}, 401, "GENERAL", "not known"},
		{"another's region, by address", "POST", one, hawaii, full, nil, 403, "GENERAL", "portal may not"},
		{"another's region, by selector", "POST", flag, hawaii, full, selector("flagSetId=co"), 403, "GENERAL", "portal may not"},
		{"another's region, all flags", "POST", all, hawaii, full, nil, 403, "GENERAL", "portal may not"},
		{"no region named", "POST", flag, everywhere, full, nil, 400, "GENERAL", "names none"},
		{"a selector of another kind", "POST", flag, everywhere, full, selector("source=x"), 400, "GENERAL", "names no region"},
		{"an empty selector", "POST", flag, everywhere, full, selector("flagSetId="), 400, "GENERAL", "names no region"},
		{"an unknown region", "POST", "/regions/atlantis" + flag, everywhere, full, nil, 404, "GENERAL", "atlantis"},
		{"an unknown flag", "POST", "/regions/co/ofrep/v1/evaluate/flags/teleport", everywhere, full, nil, 404, "FLAG_NOT_FOUND", "no flag"},
		{"an endless key", "POST", "/regions/co/ofrep/v1/evaluate/flags/" + strings.Repeat("x", 10_000), everywhere, full, nil, 404, "FLAG_NOT_FOUND", "no flag"},
		{"no key", "POST", "/regions/co/ofrep/v1/evaluate/flags/", everywhere, full, nil, 404, "FLAG_NOT_FOUND", "names no flag"},
		{"what the protocol has no more", "GET", "/ofrep/v1/configuration", everywhere, "", nil, 404, "GENERAL", "nothing at"},
		{"a wrong method", "GET", one, everywhere, "", nil, 405, "GENERAL", "use POST"},
		{"a wrong method for all", "DELETE", all, everywhere, "", nil, 405, "GENERAL", "use POST"},
		{"a wrong method for events", "POST", "/regions/co/ofrep/v1/events", everywhere, "", nil, 405, "GENERAL", "use GET"},
		{"no JSON", "POST", one, everywhere, `{"context":`, nil, 400, "PARSE_ERROR", "not valid JSON"},
		{"no object", "POST", all, everywhere, `[]`, nil, 400, "PARSE_ERROR", "not a JSON object"},
		{"no body", "POST", one, everywhere, ``, nil, 400, "PARSE_ERROR", "not valid JSON"},
		{"a context that is none", "POST", one, everywhere, `{"context":[1]}`, nil, 400, "INVALID_CONTEXT", "not a JSON object"},
		{"a context that is none, for all", "POST", all, everywhere, `{"context":"x"}`, nil, 400, "INVALID_CONTEXT", "not a JSON object"},
		{"a context too deep", "POST", one, everywhere, strings.Repeat(`{"context":`, 100) + strings.Repeat("}", 100), nil, 400, "INVALID_CONTEXT", "64 levels"},
		{"a megabyte", "POST", one, everywhere, `{"context":{"x":"` + strings.Repeat("x", 1<<20) + `"}}`, nil, 413, "GENERAL", "1048576 bytes"},
		{"a compressed body", "POST", one, everywhere, "\x1f\x8b", []string{"Content-Encoding", "gzip"}, 415, "GENERAL", "uncompressed"},
		{"a stream of nobody", "GET", "/regions/co/ofrep/v1/events", "", "", nil, 401, "GENERAL", "credential"},
		{"a stream with a made-up token", "GET", "/regions/co/ofrep/v1/events?token=a.b", "", "", nil, 401, "GENERAL", "address"},
		{"a stream of another's region", "GET", "/regions/co/ofrep/v1/events", hawaii, "", nil, 403, "GENERAL", "portal may not"},
		{"a stream of no region", "GET", "/regions/atlantis/ofrep/v1/events", everywhere, "", nil, 404, "GENERAL", "atlantis"},
	} {
		a := h.send(c.method, c.path, c.token, c.body, c.headers...)
		details, _ := a.body["errorDetails"].(string)
		if a.status != c.status || a.body["errorCode"] != c.code || !strings.Contains(details, c.says) {
			t.Errorf("%s: %d %.300s; want %d %s saying %q", c.what, a.status, a.raw, c.status, c.code, c.says)
		}
		if a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: the type is %q", c.what, a.header.Get("Content-Type"))
		}
		if _, ok := a.body["metadata"].(object); !ok {
			t.Errorf("%s: no metadata in %.300s", c.what, a.raw)
		}
		if strings.Contains(c.path, "flags/") && len(c.path) < 300 && !strings.HasSuffix(c.path, "/") && a.body["key"] == nil {
			t.Errorf("%s: no key in %s", c.what, a.raw)
		}
		if len(a.raw) > 1000 {
			t.Errorf("%s: the answer has %d bytes", c.what, len(a.raw))
		}
		if (c.status == 401) != (a.header.Get("WWW-Authenticate") != "") || (c.status == 405) != (a.header.Get("Allow") != "") {
			t.Errorf("%s: headers %v", c.what, a.header)
		}
	}
}

// What providers send, each in its own way.
func TestWhatIsAccepted(t *testing.T) {
	h := newHouse(t, nil)
	everywhere, hawaii := h.portal(identity.Every), h.portal("hi")
	const flag = "/ofrep/v1/evaluate/flags/video_visit"
	for _, c := range []struct {
		what, path, token, body string
		headers                 []string
		region                  string
	}{
		{"the region in the address", one, everywhere, full, nil, "co"},
		{"the region as selector", flag, everywhere, full, []string{"Flagd-Selector", "flagSetId=co"}, "co"},
		{"the only region of the credential", flag, hawaii, full, nil, "hi"},
		{"the address before the selector", one, everywhere, full, []string{"Flagd-Selector", "flagSetId=hi"}, "co"},
		{"the other header", one, "", full, []string{"X-API-Key", everywhere}, "co"},
		{"no context", one, everywhere, `{}`, nil, "co"},
		{"an empty context", one, everywhere, `{"context":{}}`, nil, "co"},
		{"unknown members", one, everywhere, `{"types":["boolean"],"context":{"targetingKey":"p1"}}`, nil, "co"},
		{"a type with its charset", one, everywhere, full, []string{"Content-Type", "application/json; charset=utf-8"}, "co"},
		{"no type", one, everywhere, full, []string{"Content-Type", ""}, "co"},
		{"an escaped key", "/regions/co/ofrep/v1/evaluate/flags/video%5Fvisit", everywhere, full, nil, "co"},
		{"an escaped region", "/regions/%63o" + flag, everywhere, full, nil, "co"},
		{"a body said to be as it is", one, everywhere, full, []string{"Content-Encoding", "identity"}, "co"},
	} {
		a := h.send("POST", c.path, c.token, c.body, c.headers...)
		metadata, _ := a.body["metadata"].(object)
		if a.status != 200 || a.body["key"] != "video_visit" || metadata["region"] != c.region {
			t.Errorf("%s: %d %s", c.what, a.status, a.raw)
		}
	}
	for _, path := range []string{"a%2Fb", "a/b", "a%2fb"} {
		if a := h.send("POST", "/regions/co/ofrep/v1/evaluate/flags/"+path, everywhere, full); a.status != 404 || a.body["key"] != "a/b" {
			t.Errorf("the key %s is read as %v", path, a.body["key"])
		}
	}
}

// Clients in typed languages tell 10 from 10.0, and fail without members that
// others can do without.
func TestValuesAsTheyAreWritten(t *testing.T) {
	h := newHouse(t, nil)
	token := h.portal(identity.Every)
	for _, on := range []bool{false, true} {
		if on {
			h.answer("co", flags.Enable)
			h.settle()
		}
		a := h.send("POST", all, token, full)
		for key, want := range map[string][2]string{
			"video_visit": {"false", "true"}, "video_visit.max_minutes": {"0", "30"},
			"video_visit.share": {"0.0", "0.5"}, "video_visit.label": {`""`, `"Video"`},
		} {
			value := want[map[bool]int{false: 0, true: 1}[on]]
			pattern := `\{"key":"` + key + `","value":` + regexp.QuoteMeta(value) + `,"reason":"TARGETING_MATCH","variant":"[a-z-]+","metadata":\{"[^{}]*\}\}`
			if !regexp.MustCompile(pattern).MatchString(a.raw) {
				t.Errorf("%s is not %s in %s", key, value, a.raw)
			}
			if single := h.send("POST", "/regions/co/ofrep/v1/evaluate/flags/"+key, token, full); !strings.Contains(a.raw, single.raw) {
				t.Errorf("asked alone, %s is %s", key, single.raw)
			}
		}
	}
}

func TestTheTagOfAllFlags(t *testing.T) {
	h := newHouse(t, nil)
	token := h.portal(identity.Every)
	first := h.send("POST", all, token, full)
	tag := first.header.Get("ETag")
	expect := func(what string, status int, body string, header string) {
		t.Helper()
		a := h.send("POST", all, token, body, "If-None-Match", header)
		if a.status != status || status == 304 && (a.raw != "" || a.header.Get("ETag") != tag) {
			t.Errorf("%s: %d %q with tag %s", what, a.status, a.raw, a.header.Get("ETag"))
		}
	}
	expect("the same", 304, full, tag)
	expect("weakened by a proxy", 304, full, "W/"+tag)
	expect("one of several", 304, full, `"x", W/`+tag)
	expect("any", 304, full, "*")
	expect("another", 200, full, `"x"`)
	expect("another context", 200, `{"context":{"targetingKey":"p2"}}`, tag)
	expect("the same context in another order", 304, `{"context":{"clinician":{"licenses":["US-CO"]},
		"patient":{"location_now":"US-CO","age":44},"targetingKey":"p1","action":"start"}}`, tag)
	h.answer("hi", flags.Enable)
	h.settle()
	expect("a change in another region", 304, full, tag)
	h.answer("co", flags.Enable)
	h.settle()
	expect("a change", 200, full, tag)
	if streams := fmt.Sprint(first.body["eventStreams"]); fmt.Sprint(h.send("POST", all, token, full).body["eventStreams"]) != streams {
		t.Error("the address of the stream changed, which a client that was answered 304 would not learn")
	}
}

// An event may come from a replica that is ahead of the one asked next.
func TestAskedForARevisionThatIsNotHereYet(t *testing.T) {
	h := newHouse(t, nil)
	token := h.portal(identity.Every)
	tag := h.send("POST", all, token, full).header.Get("ETag")
	soon := h.replica.Snapshot().Revision + 1
	time.AfterFunc(100*time.Millisecond, func() { h.answer("co", flags.Enable) })
	if a := h.send("POST", fmt.Sprintf("%s?flagConfigEtag=%d&flagConfigLastModified=1", all, soon), token, full, "If-None-Match", tag); a.status != 200 {
		t.Errorf("asked for a change on its way: %d", a.status)
	}
	began := time.Now()
	for _, made := range []string{"99999999", "x", "-1", "1.2-stale"} {
		if a := h.send("POST", all+"?flagConfigEtag="+made, token, full); a.status != 200 {
			t.Errorf("asked for %s: %d", made, a.status)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("waited %s for revisions that do not come", took)
	}
}

func TestTooManyRequests(t *testing.T) {
	now := time.Now()
	h := newHouse(t, func(cfg *ofrep.Config) { cfg.Rate = 10 })
	token, other := h.portal(identity.Every), h.portal("co")
	h.setClock(func() time.Time { return now })
	refused := func(token string) (n int) {
		for range 15 {
			a := h.send("POST", one, token, full)
			if a.status == 429 {
				n++
				if a.header.Get("Retry-After") != "1" || a.body["errorCode"] != "GENERAL" || a.body["errorDetails"] == nil {
					t.Errorf("%v %s", a.header, a.raw)
				}
			}
		}
		return n
	}
	if n := refused(token); n != 5 {
		t.Errorf("of 15 requests at once %d are refused, want all but 10", n)
	}
	if n := refused(other); n != 5 {
		t.Errorf("another credential is refused %d of 15", n)
	}
	later := now.Add(500 * time.Millisecond)
	h.setClock(func() time.Time { return later })
	if n := refused(token); n != 10 {
		t.Errorf("half a second later %d of 15 are refused, want all but 5", n)
	}
}

// The browser asks first, and needs each header by its name.
func TestWebPages(t *testing.T) {
	h := newHouse(t, func(cfg *ofrep.Config) { cfg.Origins = []string{"https://portal.example"} })
	token := h.portal(identity.Every)
	for path, method := range map[string]string{one: "POST", all: "POST", "/regions/co/ofrep/v1/events": "GET"} {
		a := h.send("OPTIONS", path, "", "", "Origin", "https://portal.example", "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization")
		for name, want := range map[string]string{"Access-Control-Allow-Origin": "https://portal.example", "Access-Control-Allow-Methods": method,
			"Access-Control-Max-Age": "7200", "Vary": "Origin"} {
			if !strings.Contains(a.header.Get(name), want) || a.status != 204 {
				t.Errorf("%s: %d, %s is %q", path, a.status, name, a.header.Get(name))
			}
		}
		for _, name := range []string{"authorization", "content-type", "if-none-match", "x-api-key", "flagd-selector"} {
			if !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), name) {
				t.Errorf("%s: %s is not allowed", path, name)
			}
		}
	}
	for what, a := range map[string]reply{
		"an answer":    h.send("POST", all, token, full, "Origin", "https://portal.example"),
		"a refusal":    h.send("POST", all, "x", full, "Origin", "https://portal.example"),
		"a large body": h.send("POST", all, token, strings.Repeat(" ", 2<<20), "Origin", "https://portal.example"),
		"no route":     h.send("GET", "/ofrep/v2", token, "", "Origin", "https://portal.example"),
	} {
		if a.header.Get("Access-Control-Allow-Origin") != "https://portal.example" || a.header.Get("Access-Control-Expose-Headers") != "ETag, Retry-After" || a.header.Get("Vary") != "Origin" {
			t.Errorf("%s (%d) cannot be read by the page: %v", what, a.status, a.header)
		}
	}
	if a := h.send("OPTIONS", one, "", "", "Origin", "https://elsewhere.example"); a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Access-Control-Allow-Headers") != "" {
		t.Errorf("another origin is allowed: %v", a.header)
	}
	closed := newHouse(t, nil)
	if a := closed.send("POST", one, closed.portal("co"), full, "Origin", "https://portal.example"); a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without the option: %d %v", a.status, a.header)
	}
}

// Evaluations are counted by what was served, never by whom.
func TestEvaluationsAreCounted(t *testing.T) {
	h := newHouse(t, nil)
	token := h.portal(identity.Every)
	for range 3 {
		h.send("POST", one, token, full)
	}
	h.send("POST", all, token, full)
	h.answer("co", flags.Enable)
	h.settle()
	h.send("POST", one, token, full)
	h.send("POST", "/regions/co/ofrep/v1/evaluate/flags/made-up", token, full)
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "quorate_evaluations_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := ""
			for _, l := range m.GetLabel() {
				labels += l.GetValue() + " "
			}
			got[labels] = m.GetCounter().GetValue()
		}
	}
	for labels, n := range map[string]float64{ // capability, reason, region, setting, variant
		"video_visit TARGETING_MATCH co  not-enabled ": 4, "video_visit TARGETING_MATCH co  on ": 1,
		"video_visit TARGETING_MATCH co max_minutes not-enabled ": 1,
	} {
		if got[labels] != n {
			t.Errorf("%q was counted %v times, want %v", labels, got[labels], n)
		}
	}
	if len(got) != 5 {
		t.Errorf("%d series: %v", len(got), got)
	}
}

// A request that never ends, or that lies about its length, holds up nobody.
func TestABodyThatLies(t *testing.T) {
	h := newHouse(t, nil)
	token := h.portal(identity.Every)
	endless := func(ctx context.Context) *http.Request {
		r, err := http.NewRequestWithContext(ctx, "POST", h.url+one, &spaces{left: 64 << 20})
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		return r
	}
	resp, err := http.DefaultClient.Do(endless(ctx))
	if err == nil { // the connection may be closed before the answer is read
		if resp.StatusCode != 413 {
			t.Errorf("a body without a length and without an end: %d", resp.StatusCode)
		}
		_ = resp.Body.Close()
	}
	if a := h.send("POST", one, token, full); a.status != 200 {
		t.Errorf("the next one: %d", a.status)
	}
}

// spaces is a body of unknown length.
type spaces struct{ left int }

func (s *spaces) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, fmt.Errorf("the server read all of it")
	}
	s.left -= len(p)
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
