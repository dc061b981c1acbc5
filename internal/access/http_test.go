package access_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/identity"
)

// serve puts the house behind the same steps as the server does.
func (h *house) serve() http.Handler {
	router := chi.NewRouter()
	api.Use(router, api.Config{Now: time.Now, Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	router.Use(access.Middleware(h.dir, time.Now))
	access.Routes(api.New(router, "test"), h.Service, time.Now)
	return router
}

// ask sends a request and returns the status and the body. headers are pairs.
func ask(t *testing.T, to http.Handler, method, path, body string, headers ...string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	to.ServeHTTP(w, r)
	raw, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(raw)
}

func issueBody(name string) string {
	return fmt.Sprintf(`{"name":%q,"grants":[{"role":"regional_lead","regions":["co"]}],"expires":%q,"reason":"new lead"}`,
		name, time.Now().Add(time.Hour).Format(time.RFC3339))
}

func TestHowACredentialIsSent(t *testing.T) {
	h := newHouse(t)
	bearer, token := h.issue(t, request())
	srv := h.serve()
	for _, c := range []struct {
		what    string
		headers []string
		status  int
		says    string
	}{
		{"Authorization", []string{"Authorization", "Bearer " + bearer}, 200, `"id":"token:` + token.ID},
		{"the scheme in any case", []string{"Authorization", "bearer  " + bearer}, 200, token.ID},
		{"X-API-Key", []string{"X-API-Key", bearer}, 200, token.ID},
		{"Authorization goes first", []string{"Authorization", "Bearer x", "X-API-Key", bearer}, 401, "bad_token"},
		{"another scheme", []string{"Authorization", "Basic " + bearer}, 401, "bad_token"},
		{"no scheme", []string{"Authorization", bearer}, 401, "bad_token"},
		{"a wrong token", []string{"X-API-Key", bearer[:len(bearer)-4] + "aaaa"}, 401, "unknown_token"},
		{"none", nil, 401, `"unauthenticated"`},
	} {
		status, body := ask(t, srv, "GET", "/api/v1/whoami", "", c.headers...)
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s, want %d saying %s", c.what, status, body, c.status, c.says)
		}
		if strings.Contains(body, bearer[25:50]) {
			t.Errorf("%s: the answer repeats the secret: %s", c.what, body)
		}
	}
	if status, _ := ask(t, srv, "GET", "/api/v1/openapi.json", ""); status != 200 {
		t.Errorf("what needs nobody is refused to nobody: %d", status)
	}
	if status, _ := ask(t, srv, "GET", "/api/v1/openapi.json", "", "X-API-Key", "x"); status != 401 {
		t.Errorf("a bad credential is answered %d where none is needed", status)
	}
	if strings.Contains(h.log.String(), bearer[25:50]) {
		t.Error("the log holds the secret")
	}
}

func TestTheLifeOfATokenOverHTTP(t *testing.T) {
	h := newHouse(t)
	everything := request()
	everything.Name, everything.Grants = "operator", []identity.Grant{{Role: identity.Operator, Regions: []string{identity.Every}}}
	admin, _ := h.issue(t, everything)
	srv := h.serve()
	as := []string{"X-API-Key", admin, "Idempotency-Key", uuid.Must(uuid.NewV7()).String()}

	first := issueBody("Colorado regional lead")
	status, body := ask(t, srv, "POST", "/api/v1/tokens", first, as...)
	var made struct {
		Result struct {
			Secret string
			Token  struct{ ID, State string }
		}
		Receipt struct{ Revision int64 }
	}
	if err := json.Unmarshal([]byte(body), &made); err != nil || status != 201 || made.Result.Token.State != "live" {
		t.Fatalf("issue: %d %s %v", status, body, err)
	}
	if strings.Contains(body, `"hash"`) {
		t.Errorf("the hash is shown: %s", body)
	}
	h.sees(t, made.Receipt.Revision)
	lead := []string{"Authorization", "Bearer " + made.Result.Secret}

	for _, c := range []struct {
		what, method, path, body string
		as                       []string
		status                   int
		says                     string
	}{
		{"the same issue again", "POST", "/api/v1/tokens", first, as, 409, "token_already_issued"},
		{"the lead lists", "GET", "/api/v1/tokens", "", lead, 403, "regional"},
		{"the lead issues", "POST", "/api/v1/tokens", issueBody("x"), lead, 403, "may not issue a token"},
		{"nobody lists", "GET", "/api/v1/tokens", "", nil, 401, "unauthenticated"},
		{"nobody issues", "POST", "/api/v1/tokens", issueBody("x"), nil, 401, "unauthenticated"},
		{"a bad name", "POST", "/api/v1/tokens", issueBody(" "), as[:2], 400, `"field":"/name"`},
		{"a misspelt field", "POST", "/api/v1/tokens", `{"nmae":"x"}`, as[:2], 400, "/nmae"},
		{"a time that is none", "POST", "/api/v1/tokens", `{"name":"x","grants":[],"expires":"noon"}`, as[:2], 400, `"field":"/expires"`},
		{"an unknown id", "POST", "/api/v1/tokens/aaaaaaaaaaaaaaaa/revoke", "", as[:2], 404, "unknown_token_id"},
		{"a token for an id", "POST", "/api/v1/tokens/" + made.Result.Secret + "/revoke", "", as[:2], 400, "not_a_token_id"},
		{"list", "GET", "/api/v1/tokens", "", as[:2], 200, made.Result.Token.ID},
		{"revoke", "POST", "/api/v1/tokens/" + made.Result.Token.ID + "/revoke", `{"reason":"left"}`, as[:2], 200, `"state":"revoked"`},
	} {
		status, body := ask(t, srv, c.method, c.path, c.body, c.as...)
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s, want %d saying %s", c.what, status, body, c.status, c.says)
		}
		if strings.Contains(body, made.Result.Secret[21:]) {
			t.Errorf("%s: the answer repeats the secret", c.what)
		}
	}
	if strings.Contains(h.log.String(), made.Result.Secret[21:]) {
		t.Error("the log holds the secret")
	}
}
