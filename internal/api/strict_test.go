package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// strictServer has one operation of every sort and tells what reached it.
type strictServer struct {
	*server
	reached []string
	now     time.Time
}

func newStrictServer(t *testing.T, rates api.Rates) *strictServer {
	t.Helper()
	s := &strictServer{server: newServer(t), now: time.Unix(1_800_000_000, 0)}
	router := chi.NewRouter()
	now := func() time.Time { return s.now }
	api.Use(router, api.Config{Now: now, Rates: rates})
	router.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch token := r.Header.Get("Authorization"); token {
			case "":
			case "Bearer good", "Bearer other":
				r = r.WithContext(api.WithPrincipal(r.Context(), identity.Principal{ID: token, Name: "somebody"}))
			default:
				api.Problem(w, r, fault.New(fault.Unauthenticated, "unknown_token", "the token is not known here"))
				return
			}
			next.ServeHTTP(w, r)
		})
	}, api.LimitRates(now, rates))
	a := api.New(router, "1.2.3")
	note := func(ctx context.Context, name string) { s.reached = append(s.reached, name) }
	type body struct {
		Text    string         `json:"text,omitempty" maxLength:"20"`
		Context map[string]any `json:"context,omitempty"`
	}
	type input struct {
		Region string `path:"region"`
		Body   body
	}
	open := huma.Operation{OperationID: "open", Method: http.MethodPost, Path: "/api/v1/regions/{region}/open"}
	huma.Register(a, open, func(ctx context.Context, in *input) (*api.Out[string], error) {
		note(ctx, "open "+in.Region)
		return api.Read("", nil)
	})
	discreet := huma.Operation{OperationID: "discreet", Method: http.MethodPost, Path: "/api/v1/regions/{region}/discreet"}
	huma.Register(a, api.Confidential(discreet), func(ctx context.Context, in *input) (*api.Out[string], error) {
		note(ctx, "discreet "+in.Region)
		return api.Read("", nil)
	})
	huma.Register(a, huma.Operation{OperationID: "late", Method: http.MethodGet, Path: "/api/v1/late"}, func(context.Context, *struct{}) (*api.Out[string], error) {
		return nil, fault.New(fault.RateLimited, "busy", "too much at once").Wait(2500 * time.Millisecond)
	})
	s.Handler = router
	return s
}

const okBody = `{"text":"x"}`

// Only one way to write a path leads to a route.
func TestAPathCanBeWrittenInOneWayOnly(t *testing.T) {
	s := newStrictServer(t, api.Rates{})
	for path, want := range map[string]string{
		"/api/v1/regions/co/open":            "open co",
		"/api/v1/regions/a:b/open":           "open a:b",
		"/api/v1/regions/a%3Ab/open":         "open a:b",
		"/api/v1/regions/%63o/open":          "open co", // the region that is meant is the one that is checked
		"/api/v1/regions/a%20b/open":         "open a b",
		"//api/v1/regions/co/open":           "",
		"/api//v1/regions/co/open":           "",
		"/api/v1/./regions/co/open":          "",
		"/api/v1/regions/../regions/co/open": "",
		"/api/v1/regions/co/open/":           "",
		"/api/v1/regions/%2e/open":           "",
		"/api/v1/regions/%2E%2E/open":        "",
		"/api/v1/regions/hi%2f..%2fco/open":  "",
		"/api/v1/regions/co%2Fopen/open":     "",
		"/api/v1/regions/co%5Cx/open":        "",
		"/api/v1/regions/co;region=hi/open":  "",
		"/api/v1/regions/co%3Bx/open":        "",
		"/api/v1/regions/%2563o/open":        "",
		"/api/v1/regions/co%00/open":         "",
		"/api/v1/regions/co%0a/open":         "",
		"/api/v1/regions/co%3fx=/open":       "",
		"/API/v1/regions/co/open":            "",
		"/api/v1/regions/co/Open":            "",
		"/api/v1/REGIONS/co/open":            "",
	} {
		s.reached = nil
		resp := s.do(http.MethodPost, path, okBody, "Content-Type", "application/json")
		if got := strings.Join(s.reached, ","); got != want || want == "" && resp.StatusCode != 404 {
			t.Errorf("%s: %d, reached %q, want %q", path, resp.StatusCode, got, want)
		}
	}
}

// No header makes a request another method's.
func TestNoHeaderOverridesTheMethod(t *testing.T) {
	s := newStrictServer(t, api.Rates{})
	for _, header := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		if resp := s.do(http.MethodGet, "/api/v1/regions/co/open", okBody, header, "POST"); resp.StatusCode != 405 {
			t.Errorf("%s: %d", header, resp.StatusCode)
		}
	}
	if resp := s.do(http.MethodGet, "/api/v1/regions/co/open?_method=POST", okBody); resp.StatusCode != 405 || len(s.reached) > 0 {
		t.Errorf("_method: %d, %v", resp.StatusCode, s.reached)
	}
}

func TestAPageOfAnotherOriginMayChangeNothing(t *testing.T) {
	s := newStrictServer(t, api.Rates{})
	for _, c := range []struct {
		what    string
		headers []string
		want    int
	}{
		{"no browser", nil, 200},
		{"our own page", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"}, 200},
		{"an older browser, our own page", []string{"Origin", "http://example.com"}, 200},
		{"another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://attacker.example"}, 403},
		{"a sister domain", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://blog.example.com"}, 403},
		{"an older browser, another site", []string{"Origin", "https://attacker.example"}, 403},
		{"a page without an origin", []string{"Origin", "null"}, 403},
		{"another site with a token", []string{"Sec-Fetch-Site", "cross-site", "Authorization", "Bearer good"}, 403},
	} {
		s.reached = nil
		resp := s.do(http.MethodPost, "/api/v1/regions/co/open", okBody, append(c.headers, "Content-Type", "application/json")...)
		if resp.StatusCode != c.want || (len(s.reached) > 0) != (c.want == 200) {
			t.Errorf("%s: %d, reached %v, want %d", c.what, resp.StatusCode, s.reached, c.want)
		}
	}
	if resp := s.do(http.MethodPost, "/api/v1/regions/co/open", "text=x", "Content-Type", "application/x-www-form-urlencoded"); resp.StatusCode != 415 {
		t.Errorf("a form: %d", resp.StatusCode)
	}
}

func TestABodyCanBeReadInOneWayOnly(t *testing.T) {
	s := newStrictServer(t, api.Rates{})
	for body, want := range map[string]string{
		okBody: "",
		`{"context":{"a":1,"b":{"a":2},"c":[{"a":1},{"a":1}]}}`:                       "",
		`{"text":"x","text":"y"}`:                                                     "duplicate_name",
		`{"text":"x","te\u0078t":"y"}`:                                                "duplicate_name",
		`{"context":{"a":{"b":1,"b":2}}}`:                                             "duplicate_name",
		`{"context":{"l":[1,{"b":1,"b":2}]}}`:                                         "duplicate_name",
		`{"text":"x","Text":"y"}`:                                                     "unknown_field",
		`{"context":` + strings.Repeat(`{"a":`, 70) + `1` + strings.Repeat(`}`, 71):   "nested_too_deep",
		`{"context":{"l":` + strings.Repeat(`[`, 70) + strings.Repeat(`]`, 70) + `}}`: "nested_too_deep",
		`{"text":"x"} {"text":"y"}`:                                                   "malformed_json",
		`{"text":`:                                                                    "malformed_json",
		`[`:                                                                           "malformed_json",
	} {
		s.reached = nil
		resp := s.do(http.MethodPost, "/api/v1/regions/co/open", body, "Content-Type", "application/json")
		if want == "" {
			if resp.StatusCode != 200 {
				t.Errorf("%s: %d", body, resp.StatusCode)
			}
			continue
		}
		if d, _ := problemOf(t, resp); d.Code != want || d.Status != 400 && d.Status != 422 || len(s.reached) > 0 {
			t.Errorf("%.60s: %d %s, want %s", body, d.Status, d.Code, want)
		}
	}
}

// What may be a patient's is never repeated, however wrong the request.
func TestAConfidentialBodyIsNotRepeated(t *testing.T) {
	s := newStrictServer(t, api.Rates{})
	for _, body := range []string{
		`{"context":"` + canary + `"}`,
		`{"context":["` + canary + `"]}`,
		`{"context":{"` + canary + `":1,"` + canary + `":2}}`,
		`{"` + canary + `":1}`,
		`{"text":"much too long for it ` + canary + `"}`,
		`{"text":{"` + canary + `":1}}`,
		`"` + canary + `"`,
		`{"context":{"x":"` + canary + `"`,
		`{"context":` + canary,
		canary,
	} {
		_, raw := problemOf(t, s.do(http.MethodPost, "/api/v1/regions/co/discreet", body, "Content-Type", "application/json"))
		if strings.Contains(raw, canary) {
			t.Errorf("%s is answered with %s", body, raw)
		}
	}
	if len(s.reached) > 0 {
		t.Errorf("reached %v", s.reached)
	}
	_, raw := problemOf(t, s.do(http.MethodPost, "/api/v1/regions/co/open", `{"text":"much too long for it `+canary+`"}`, "Content-Type", "application/json"))
	if !strings.Contains(raw, canary) {
		t.Errorf("elsewhere the value that was wrong is named: %s", raw)
	}
	if strings.Contains(s.log.String(), canary) {
		t.Error("the log has it")
	}
}

func TestHowOftenOneMayAsk(t *testing.T) {
	s := newStrictServer(t, api.Rates{Caller: 10, Address: 5, Guesses: 1, Free: func(r *http.Request) bool { return r.URL.Path == "/plain" }})
	ask := func(token string, n int) (ok int, last *http.Response) {
		for range n {
			var headers []string
			if token != "" {
				headers = []string{"Authorization", token}
			}
			if last = s.do(http.MethodGet, "/api/v1/late", "", headers...); last.Header.Get("Content-Type") != "" {
				if d, _ := problemOf(t, last); d.Code == "busy" {
					ok++
				}
			}
		}
		return ok, last
	}
	if n, _ := ask("Bearer good", 100); n != 20 { // two seconds' worth
		t.Errorf("one caller was let through %d times", n)
	}
	n, last := ask("Bearer good", 1)
	if n != 0 || last.StatusCode != 429 || last.Header.Get("Retry-After") != "1" {
		t.Errorf("and then: %d %v", last.StatusCode, last.Header)
	}
	if n, _ := ask("Bearer other", 1); n != 1 {
		t.Error("another caller was held up by the first")
	}
	if n, _ := ask("", 100); n != 10 {
		t.Errorf("an address without a credential was let through %d times", n)
	}
	s.now = s.now.Add(500 * time.Millisecond)
	if n, _ := ask("Bearer good", 100); n != 5 {
		t.Errorf("half a second later: %d times", n)
	}

	status := map[int]int{}
	for range 30 {
		resp := s.do(http.MethodGet, "/api/v1/late", "", "Authorization", "Bearer guess")
		status[resp.StatusCode]++
	}
	if status[401] != 10 || status[429] != 20 {
		t.Errorf("thirty guesses were answered %v", status)
	}
	s.now = s.now.Add(time.Second)
	if n, _ := ask("Bearer other", 1); n != 1 {
		t.Error("a guesser locks out those who share the address")
	}
}

// The delay that a fault names is the one that the client is told, on huma's
// routes too.
func TestRetryAfterIsTheDelayOfTheFault(t *testing.T) {
	s := newStrictServer(t, api.Rates{})
	if resp := s.do(http.MethodGet, "/api/v1/late", ""); resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "3" {
		t.Errorf("%d, Retry-After %q, want 3", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
}

func TestThePolicyOfPagesHasNothingInline(t *testing.T) {
	h := http.Header{}
	api.ForPage(h)
	policy := h.Get("Content-Security-Policy")
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "data:") {
		t.Errorf("%s", policy)
	}
	for _, must := range []string{"default-src 'none'", "script-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, must) {
			t.Errorf("%s lacks %s", policy, must)
		}
	}
}
