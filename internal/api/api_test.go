package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// canary stands for whatever must never reach a log: it is sent as token, query,
// body and context, and hidden in the texts of foreign errors.
const canary = "canary-4711"

var lead = identity.Principal{ID: "token:lead", Name: "Colorado regional lead"}

type note struct {
	Text  string `json:"text"`
	Count int    `json:"count,omitempty" maximum:"9"`
}

type noteInput struct {
	api.Keyed
	Region string `path:"region" pattern:"^[a-z]+$"`
	Body   struct {
		Text   string   `json:"text"`
		Count  int      `json:"count,omitempty" maximum:"9"`
		Until  string   `json:"until,omitempty" format:"date-time"`
		Tags   []string `json:"tags,omitempty"`
		Reason string   `json:"reason,omitempty"`
	}
}

// server is a small service behind everything that a request passes. fail is
// what its read answers.
type server struct {
	http.Handler
	log      *bytes.Buffer
	registry *prometheus.Registry
	fail     error
	origin   gate.Origin // of the last write
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{log: &bytes.Buffer{}, registry: prometheus.NewRegistry()}
	router := chi.NewRouter()
	api.Use(router, api.Config{
		Now: time.Now, Registry: s.registry, Timeout: 200 * time.Millisecond,
		Log:     slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Streams: func(r *http.Request) bool { return r.URL.Path == "/events" },
	})
	router.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				r = r.WithContext(api.WithPrincipal(r.Context(), lead))
			}
			next.ServeHTTP(w, r)
		})
	})
	s.routes(api.New(router, "1.2.3"), router)
	s.Handler = router
	return s
}

func (s *server) routes(a huma.API, router chi.Router) {
	huma.Register(a, huma.Operation{OperationID: "write-note", Method: http.MethodPut, Path: "/api/v1/regions/{region}/note"},
		func(ctx context.Context, in *noteInput) (*api.Written[note], error) {
			s.origin = in.Origin(ctx, in.Body.Reason, 7)
			return api.Wrote(note{Text: in.Body.Text, Count: in.Body.Count}, gate.Receipt{ID: in.Key, Revision: 8}, s.fail)
		})
	huma.Register(a, huma.Operation{OperationID: "read-notes", Method: http.MethodGet, Path: "/api/v1/notes"},
		func(context.Context, *struct{}) (*api.Out[api.List[note]], error) {
			return api.Listed[note](nil, s.fail)
		})
	router.Get("/plain", func(w http.ResponseWriter, r *http.Request) { api.Problem(w, r, s.fail) })
	router.Post("/read", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			api.Problem(w, r, err)
		}
	})
	router.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("a bug") })
	router.Get("/half", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic("a bug")
	})
	router.Get("/slow", func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		api.Problem(w, r, r.Context().Err())
	})
	router.Get("/events", func(w http.ResponseWriter, r *http.Request) {
		if _, limited := r.Context().Deadline(); limited {
			panic("a stream was given a deadline")
		}
		w.(http.Flusher).Flush()
	})
}

func (s *server) do(method, target, body string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func problemOf(t *testing.T, resp *http.Response) (d api.Details, raw string) {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatalf("%v in %q", err, b)
	}
	return d, string(b)
}

// Every bad request is told what was wrong with it, in one shape.
func TestBadRequests(t *testing.T) {
	const notes, put = "/api/v1/regions/co/note", http.MethodPut
	big := `{"text":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, c := range []struct {
		what, method, target, body, contentType string
		status                                  int
		code, field, says                       string
	}{
		{"malformed JSON", put, notes, `{"text":`, "", 400, "malformed_json", "", "the body is not JSON"},
		{"trailing garbage", put, notes, `{"text":"x"} y`, "", 400, "malformed_json", "", "after top-level value"},
		{"two values", put, notes, `{"text":"x"}{}`, "", 400, "malformed_json", "", "after top-level value"},
		{"no body", put, notes, ``, "", 400, "bad_request", "", "request body is required"},
		{"another kind of value", put, notes, `[]`, "", 400, "invalid_request", "body", "expected object"},
		{"another content type", put, notes, `text=x`, "application/x-www-form-urlencoded", 415, "unsupported_media_type", "Content-Type", "x-www-form-urlencoded"},
		{"plain text", put, notes, `{"text":"x"}`, "text/plain", 415, "unsupported_media_type", "Content-Type", "text/plain"},
		{"a body over the limit", put, notes, big, "", 413, "body_too_large", "", "1048576 bytes"},
		{"a body over the limit, in a plain handler", "POST", "/read", big, "", 413, "body_too_large", "", "1048576 bytes"},
		{"an unknown field", put, notes, `{"text":"x","txet":"y"}`, "", 400, "unknown_field", "/txet", "/txet: is not a field"},
		{"a missing field", put, notes, `{"count":1}`, "", 400, "missing_field", "/text", "/text: is required"},
		{"a wrong type", put, notes, `{"text":"x","count":"many"}`, "", 400, "invalid_request", "/count", `expected integer, got "many"`},
		{"a fraction", put, notes, `{"text":"x","count":1.5}`, "", 400, "invalid_request", "/count", `expected integer, got 1.5`},
		{"a number too large", put, notes, `{"text":"x","count":10}`, "", 400, "invalid_request", "/count", `<= 9, got 10`},
		{"no time", put, notes, `{"text":"x","until":"noon"}`, "", 400, "invalid_request", "/until", `date-time, got "noon"`},
		{"a wrong item", put, notes, `{"text":"x","tags":["a",2]}`, "", 400, "invalid_request", "/tags/1", "expected string"},
		{"a wrong path parameter", put, "/api/v1/regions/CO/note", `{"text":"x"}`, "", 400, "invalid_request", "region", `got "CO"`},
		{"an unknown route", "GET", "/api/v1/nowhere?token=" + canary, "", "", 404, "no_such_route", "", "/api/v1/nowhere"},
		{"an unknown route at the top", "GET", "/nowhere", "", "", 404, "no_such_route", "", "/nowhere"},
		{"a wrong method", "DELETE", notes, "", "", 405, "method_not_allowed", "", "DELETE"},
		{"a panic", "GET", "/panic?token=" + canary, "", "", 500, "internal", "", "something went wrong"},
		{"too slow", "GET", "/slow", "", "", 503, "time_limit", "", "took longer"},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newServer(t)
			headers := []string{"Authorization", "Bearer " + canary}
			if c.contentType != "" {
				headers = append(headers, "Content-Type", c.contentType)
			}
			resp := s.do(c.method, c.target, c.body, headers...)
			d, raw := problemOf(t, resp)
			if resp.StatusCode != c.status || d.Status != c.status || d.Code != c.code || d.Field != c.field {
				t.Errorf("answered %d %+v, want %d %s at %q", resp.StatusCode, d, c.status, c.code, c.field)
			}
			if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("the type is %q", got)
			}
			if !strings.Contains(d.Detail, c.says) || d.Remedy == "" || d.Type != "/problems/"+c.code || d.Title == "" || d.Kind == "" {
				t.Errorf("%+v does not say %q, a remedy, a title and a kind", d, c.says)
			}
			if d.RequestID == "" || d.RequestID != resp.Header.Get("X-Request-Id") {
				t.Errorf("request id %q in the body, %q in the header", d.RequestID, resp.Header.Get("X-Request-Id"))
			}
			for _, leak := range []string{"a bug", "goroutine", ".go:", "quorate/internal", canary, "json:"} {
				if strings.Contains(raw, leak) {
					t.Errorf("the answer leaks %q: %s", leak, raw)
				}
			}
			if strings.Contains(s.log.String(), canary) {
				t.Errorf("the log holds the canary: %s", s.log)
			}
		})
	}
}

func TestSeveralMistakesAreAllTold(t *testing.T) {
	d, _ := problemOf(t, newServer(t).do("PUT", "/api/v1/regions/co/note", `{"text":1,"count":"x"}`))
	got := map[string]string{}
	for _, v := range d.Errors {
		got[v.Field] = v.Detail
	}
	want := map[string]string{"/text": "expected string, got 1", "/count": `expected integer, got "x"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A fault is answered alike by a huma operation and by a plain handler.
func TestFaultsAreAnsweredByTheirKind(t *testing.T) {
	for _, c := range []struct {
		err                error
		status             int
		code               string
		header, value, log string
	}{
		{fault.New(fault.NotFound, "unknown_region", "there is no region %q", "xx").Do("list them").At("region"), 404, "unknown_region", "", "", ""},
		{fault.New(fault.Unauthenticated, "unknown_token", "no"), 401, "unknown_token", "Www-Authenticate", `Bearer realm="quorate"`, ""},
		{fault.New(fault.Refused, "no_offer", "no"), 422, "no_offer", "", "", ""},
		{fault.New(fault.RateLimited, "rate_limited", "no"), 429, "rate_limited", "Retry-After", "1", ""},
		{fault.New(fault.StoreUnavailable, "store_unavailable", "no").Because(errors.New("etcd: refused")), 503, "store_unavailable", "Retry-After", "1", "etcd: refused"},
		{fault.New(fault.NotReady, "not_ready", "no"), 503, "not_ready", "Retry-After", "1", ""},
		{fault.New(fault.OutcomeUnknown, "outcome_unknown", "no").See("/api/v1/outcomes/1"), 202, "outcome_unknown", "Location", "/api/v1/outcomes/1", ""},
		{errors.New("pq: " + canary), 500, "internal", "", "", "pq: " + canary},
		{&http.MaxBytesError{Limit: 9}, 413, "body_too_large", "", "", ""},
	} {
		for _, target := range []string{"/plain", "/api/v1/notes"} {
			s := newServer(t)
			s.fail = c.err
			resp := s.do("GET", target, "")
			d, raw := problemOf(t, resp)
			if resp.StatusCode != c.status || d.Status != c.status || d.Code != c.code || resp.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: %v is answered %d %s", target, c.err, resp.StatusCode, raw)
			}
			if got := resp.Header.Get(c.header); c.header != "" && got != c.value {
				t.Errorf("%s: %s: header %s is %q", target, c.code, c.header, got)
			}
			if strings.Contains(raw, canary) || strings.Contains(raw, "etcd") {
				t.Errorf("%s: the operator's detail was sent: %s", target, raw)
			}
			if !strings.Contains(s.log.String(), c.log) || c.log != "" && !strings.Contains(s.log.String(), d.RequestID) {
				t.Errorf("%s: the log lacks %q with the request id: %s", target, c.log, s.log)
			}
		}
	}
}

func TestAClientFindsTheFaultInAProblem(t *testing.T) {
	s := newServer(t)
	f := fault.New(fault.OutcomeUnknown, "outcome_unknown", "100%% unsure").Do("ask").At("/x").See("/api/v1/outcomes/1")
	s.fail = f
	d, _ := problemOf(t, s.do("GET", "/plain", ""))
	if diff := cmp.Diff(f, d.Fault()); diff != "" {
		t.Error(diff)
	}
}

func TestARetryAfterOfTheHandlerIsKept(t *testing.T) {
	for given, want := range map[string]string{"30": "30", "0": "1", "soon": "1", "": "1"} {
		w := httptest.NewRecorder()
		w.Header().Set("Retry-After", given)
		api.Problem(w, httptest.NewRequest("GET", "/", nil), fault.New(fault.RateLimited, "rate_limited", "no"))
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("set to %q it became %q", given, got)
		}
	}
}

func TestAWriteKnowsWhoAsksAndAnswersWithItsReceipt(t *testing.T) {
	s := newServer(t)
	resp := s.do("PUT", "/api/v1/regions/co/note", `{"text":"hello","reason":"because"}`,
		"Authorization", "x", "Idempotency-Key", "0190", "X-Request-Id", "req-1", "Content-Type", "application/json; charset=utf-8")
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%d %s %v", resp.StatusCode, body, err)
	}
	want := gate.Origin{Actor: lead, Key: "0190", Reason: "because", RequestID: "req-1", IfRevision: 7}
	if diff := cmp.Diff(want, s.origin, cmpopts.IgnoreUnexported(gate.Origin{})); diff != "" {
		t.Error(diff)
	}
	if got, want := string(body), `{"result":{"text":"hello"},"receipt":{"id":"0190","revision":8,"at":"0001-01-01T00:00:00Z"}}`+"\n"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
	for _, word := range []string{`"principal":"token:lead"`, `"route":"/api/v1/regions/{region}/note"`, `"request_id":"req-1"`, `"status":200`} {
		if !strings.Contains(s.log.String(), word) {
			t.Errorf("the log lacks %s: %s", word, s.log)
		}
	}
	if strings.Contains(s.log.String(), "hello") {
		t.Errorf("the log holds the body: %s", s.log)
	}
}

func TestAnEmptyListIsAnArrayAndHasNoSchemaLink(t *testing.T) {
	resp := newServer(t).do("GET", "/api/v1/notes", "")
	body, _ := io.ReadAll(resp.Body)
	if string(body) != `{"items":[]}`+"\n" || resp.Header.Get("Link") != "" {
		t.Errorf("%s %v", body, resp.Header)
	}
}

func TestEveryAnswerTellsBrowsersToKeepOut(t *testing.T) {
	for _, target := range []string{"/api/v1/notes", "/nowhere", "/panic", "/api/v1/openapi.json"} {
		h := newServer(t).do("GET", target, "").Header
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Referrer-Policy": "no-referrer"} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", target, name, h.Get(name))
			}
		}
	}
}

func TestARequestIDIsTakenOverOnlyIfItIsHarmless(t *testing.T) {
	for id, kept := range map[string]bool{
		"abc-1.2_3": true, strings.Repeat("x", 64): true,
		strings.Repeat("x", 65): false, "a b": false, "a\tb": false, "ä": false, "": false, "<script>": false,
	} {
		got := newServer(t).do("GET", "/api/v1/notes", "", "X-Request-Id", id).Header.Get("X-Request-Id")
		if (got == id) != kept || got == "" {
			t.Errorf("%q became %q", id, got)
		}
	}
}

func TestAWrongMethodIsToldTheRightOnes(t *testing.T) {
	if got := newServer(t).do("DELETE", "/api/v1/notes", "").Header.Get("Allow"); got != "GET" {
		t.Errorf("Allow: %q", got)
	}
}

func TestAHalfAnswerIsCutOff(t *testing.T) {
	s := newServer(t)
	srv := httptest.NewServer(s)
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/half")
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	if err == nil {
		t.Error("a client took half an answer for the whole")
	}
}

func TestAStreamHasNoTimeLimitAndCanFlush(t *testing.T) {
	if resp := newServer(t).do("GET", "/events", ""); resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestRequestsAreCountedByPatternMethodAndClass(t *testing.T) {
	s := newServer(t)
	s.do("PUT", "/api/v1/regions/co/note", `{"text":"x"}`)
	s.do("PUT", "/api/v1/regions/hi/note", `{}`)
	s.do("GET", "/nowhere/1", "")
	s.do("BREW", "/nowhere/2", "")
	s.do("GET", "/panic", "")
	families, err := s.registry.Gather()
	if err != nil || len(families) != 1 {
		t.Fatal(families, err)
	}
	got := map[string]uint64{}
	for _, m := range families[0].GetMetric() {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		got[labels["method"]+" "+labels["route"]+" "+labels["status"]] = m.GetHistogram().GetSampleCount()
	}
	want := map[string]uint64{"PUT /api/v1/regions/{region}/note 2xx": 1, "PUT /api/v1/regions/{region}/note 4xx": 1,
		"GET none 4xx": 1, "other none 4xx": 1, "GET /panic 5xx": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheDocumentIsServed(t *testing.T) {
	s := newServer(t)
	body, _ := io.ReadAll(s.do("GET", "/api/v1/openapi.json", "").Body)
	for _, word := range []string{`"openapi":"3.1.0"`, `"title":"Quorate"`, `"version":"1.2.3"`, `"scheme":"bearer"`, `"X-API-Key"`,
		`"application/problem+json"`, `"Idempotency-Key"`, `"ResultApi_testNote"`, `"GateReceipt"`, `"Details"`} {
		if !strings.Contains(string(body), word) {
			t.Errorf("the document lacks %s: %s", word, body)
		}
	}
	yaml, _ := io.ReadAll(s.do("GET", "/api/v1/openapi.yaml", "").Body)
	if !strings.Contains(string(yaml), "openapi: 3.1.0") {
		t.Errorf("%.100s", yaml)
	}
	if resp := s.do("GET", "/docs", ""); resp.StatusCode != 404 {
		t.Errorf("a page that loads scripts from elsewhere is served: %d", resp.StatusCode)
	}
}

// A protocol with its own shape of errors is asked first, and is counted and
// marked like every other request.
func TestAProtocolMayAnswerDirectly(t *testing.T) {
	registry, router := prometheus.NewRegistry(), chi.NewRouter()
	api.Use(router, api.Config{Now: time.Now, Registry: registry, Log: slog.New(slog.DiscardHandler), MaxBody: 4,
		Direct: func(w http.ResponseWriter, r *http.Request) (string, bool) {
			if r.URL.Path != "/own" {
				return "", false
			}
			w.WriteHeader(http.StatusTeapot)
			return "/own", true
		}})
	router.Post("/other", func(http.ResponseWriter, *http.Request) {})
	for path, want := range map[string]int{"/own": 418, "/other": 413} {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest("POST", path, strings.NewReader("12345")))
		if w.Code != want || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s: %d %v, want %d with an id", path, w.Code, w.Header(), want)
		}
	}
	families, err := registry.Gather()
	if err != nil || !strings.Contains(fmt.Sprint(families), `value:"/own"`) {
		t.Errorf("the direct route is not counted: %v %v", families, err)
	}
}
