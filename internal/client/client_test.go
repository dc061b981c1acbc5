package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/fault"
)

const secret = "qrt_aaaaaaaaaaaaaaaa_secret"

// play is a server that answers the first request with the first answer, and so
// on; the last answer is given for ever.
type play struct {
	t       *testing.T
	answers []http.HandlerFunc
	mu      sync.Mutex
	keys    []string
	bodies  []string
}

func (p *play) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	n := min(len(p.keys), len(p.answers)-1)
	p.keys = append(p.keys, r.Header.Get("Idempotency-Key"))
	p.bodies = append(p.bodies, string(body))
	p.mu.Unlock()
	if got := r.Header.Get("Authorization"); got != "Bearer "+secret {
		p.t.Errorf("Authorization is %q", got)
	}
	p.answers[n](w, r)
}

func (p *play) tries() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.keys)
}

func start(t *testing.T, answers ...http.HandlerFunc) (*Client, *play) {
	t.Helper()
	p := &play{t: t, answers: answers}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	c, err := New(server.URL+"/", secret)
	if err != nil {
		t.Fatal(err)
	}
	c.Patience = 700 * time.Millisecond
	return c, p
}

func says(status int, mediaType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func problemOf(k fault.Kind, code string) http.HandlerFunc {
	body := fmt.Sprintf(`{"status":%d,"detail":"it was wrong","code":%q,"kind":%q,"remedy":"do better","request_id":"R1"}`, k.HTTPStatus(), code, k)
	return says(k.HTTPStatus(), "application/problem+json", body)
}

var (
	done  = says(200, "application/json; charset=utf-8", `{"result":{"line":"on"},"receipt":{"id":"k","revision":7}}`)
	tired = problemOf(fault.StoreUnavailable, "store_unavailable")
	young = problemOf(fault.NotReady, "not_ready")
	late  = problemOf(fault.NotReady, "time_limit")
	doubt = problemOf(fault.OutcomeUnknown, "outcome_unknown")
	ours  = problemOf(fault.Refused, "no_offer")
	moved = problemOf(fault.Conflict, "stale_revision")
	proxy = says(502, "text/html", "<h1>Bad gateway</h1>")
)

func cut(w http.ResponseWriter, _ *http.Request) { // breaks off without an answer
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func half(w http.ResponseWriter, _ *http.Request) { // breaks off in the answer
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"result":`)
}

// A change ends in one of three ways, and each is told as what it is: made, not
// made, not known. Until one is reached the same change goes out under the same
// key.
func TestAChangeIsTriedUntilItsOutcomeIsKnown(t *testing.T) {
	for _, c := range []struct {
		what    string
		answers []http.HandlerFunc
		kind    fault.Kind // of the error
		code    string     // "": it was made
		tries   int        // 0: more than one
	}{
		{"at once", []http.HandlerFunc{done}, 0, "", 1},
		{"the store was away for a moment", []http.HandlerFunc{tired, tired, done}, 0, "", 3},
		{"the server had just started", []http.HandlerFunc{young, done}, 0, "", 2},
		{"the outcome of a try was unknown", []http.HandlerFunc{doubt, done}, 0, "", 2},
		{"a proxy answered", []http.HandlerFunc{proxy, done}, 0, "", 2},
		{"the answer broke off", []http.HandlerFunc{half, done}, 0, "", 2},
		{"the server's time was over", []http.HandlerFunc{late, done}, 0, "", 2},

		{"refused", []http.HandlerFunc{ours}, fault.Refused, "no_offer", 1},
		{"refused after a pause", []http.HandlerFunc{tired, ours}, fault.Refused, "no_offer", 2},
		{"not allowed", []http.HandlerFunc{problemOf(fault.Forbidden, "forbidden")}, fault.Forbidden, "forbidden", 1},
		{"the server's own mistake", []http.HandlerFunc{problemOf(fault.Internal, "internal")}, fault.Internal, "internal", 1},
		{"too many requests", []http.HandlerFunc{problemOf(fault.RateLimited, "slow")}, fault.RateLimited, "slow", 1},
		{"not Quorate", []http.HandlerFunc{says(200, "text/html", "<h1>Welcome</h1>")}, fault.Internal, "not_quorate", 1},
		{"elsewhere", []http.HandlerFunc{http.RedirectHandler("http://example.org/", http.StatusTemporaryRedirect).ServeHTTP}, fault.Internal, "not_quorate", 1},

		{"the store stays away: not made", []http.HandlerFunc{tired}, fault.StoreUnavailable, "store_unavailable", 0},
		{"never known", []http.HandlerFunc{doubt}, fault.OutcomeUnknown, "outcome_unknown", 0},
		{"one doubt is enough", []http.HandlerFunc{doubt, tired}, fault.OutcomeUnknown, "outcome_unknown", 0},
		{"broken off: it may have been made", []http.HandlerFunc{cut, tired}, fault.OutcomeUnknown, "outcome_unknown", 0},
		{"time over: it may have been made", []http.HandlerFunc{late, tired}, fault.OutcomeUnknown, "outcome_unknown", 0},
		{"a rule's answer settles a doubt", []http.HandlerFunc{doubt, moved}, fault.Conflict, "stale_revision", 2},
		{"a refusal of the caller does not", []http.HandlerFunc{doubt, problemOf(fault.Unauthenticated, "token_expired")}, fault.OutcomeUnknown, "outcome_unknown", 2},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			server, p := start(t, c.answers...)
			w, err := server.AnswerOffer(context.Background(), "co", "video_visit", flags.Reply{Answer: flags.Enable}, Why{Reason: "r"})
			switch {
			case c.code == "" && (err != nil || w.Value.Receipt.Revision != 7 || w.Value.Result.Line != "on"):
				t.Errorf("%+v, %v", w.Value, err)
			case c.code != "" && (!fault.HasCode(err, c.code) || !fault.Is(err, c.kind)):
				t.Errorf("%v, want %v %s", err, c.kind, c.code)
			case c.kind == fault.OutcomeUnknown && !strings.Contains(err.Error(), "`quorate outcome "+p.keys[0]+"`"):
				t.Errorf("%v does not say how to ask", err)
			case err != nil && strings.Contains(err.Error(), secret):
				t.Errorf("the token stands in %v", err)
			}
			if n := p.tries(); n != c.tries && (c.tries > 0 || n < 2) {
				t.Errorf("%d tries, want %d", n, c.tries)
			}
			checkTries(t, p)
		})
	}
}

// checkTries demands that all tries were the same.
func checkTries(t *testing.T, p *play) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	id, err := uuid.Parse(p.keys[0])
	if err != nil || id.Version() != 7 || id.String() != p.keys[0] {
		t.Errorf("the key is %q", p.keys[0])
	}
	for i := range p.keys {
		if p.keys[i] != p.keys[0] || p.bodies[i] != p.bodies[0] {
			t.Errorf("try %d is another change: %s %s", i, p.keys[i], p.bodies[i])
		}
	}
}

func TestWithoutPatienceAChangeIsSentOnce(t *testing.T) {
	server, p := start(t, tired, done)
	server.Patience = 0
	if _, err := server.TurnOff(context.Background(), "co", "video_visit", "r"); !fault.Is(err, fault.StoreUnavailable) || p.tries() != 1 {
		t.Errorf("%v after %d tries", err, p.tries())
	}
}

// Whoever stops a command is told the truth too: what was sent may have been made.
func TestStoppedInTheMiddle(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	hold := make(chan struct{})
	server, p := start(t, func(http.ResponseWriter, *http.Request) { stop(); <-hold })
	defer close(hold)
	if _, err := server.TurnOff(ctx, "co", "video_visit", "r"); !fault.Is(err, fault.OutcomeUnknown) {
		t.Errorf("a change that was sent: %v", err)
	}
	if _, err := server.Board(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a read: %v", err)
	}
	tries := p.tries()
	if _, err := server.TurnOff(ctx, "co", "video_visit", "r"); !errors.Is(err, context.Canceled) || p.tries() != tries {
		t.Errorf("a change that was never sent: %v", err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	c, err := New(gone.URL, secret)
	if err != nil {
		t.Fatal(err)
	}
	c.Patience = 300 * time.Millisecond
	want := "no server answers at " + gone.URL + "; start one with `quorate serve` or set --url"
	for what, ask := range map[string]func() error{
		"a read":   func() error { _, err := c.Board(context.Background()); return err },
		"a change": func() error { _, err := c.TurnOff(context.Background(), "co", "x", "r"); return err },
	} {
		if err := ask(); !fault.Is(err, fault.StoreUnavailable) || err.Error() != want {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A server whose certificate nobody vouches for is not asked again.
func TestAnUntrustedServer(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	c, err := New(server.URL, secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.TurnOff(context.Background(), "co", "x", "r"); !fault.HasCode(err, "untrusted_server") {
		t.Error(err)
	}
}

func TestAProblemIsTheFaultItWas(t *testing.T) {
	c, _ := start(t,
		says(404, "application/problem+json", `{"status":404,"detail":"there is no region \"xx\"","code":"unknown_region","kind":"not_found","remedy":"list them","field":"region"}`),
		says(422, "application/problem+json", `{"status":422,"detail":"first","code":"missing_field","kind":"invalid","errors":[{"field":"/a","detail":"is required"},{"field":"/b","detail":"is required"}]}`),
		problemOf(fault.Internal, "internal"),
		says(403, "application/json", `{"key":"x","errorCode":"GENERAL","errorDetails":"you may not evaluate; ask someone","metadata":{}}`),
		says(404, "application/json", `{"key":"x","errorCode":"FLAG_NOT_FOUND","errorDetails":"no such flag","metadata":{}}`),
		says(500, "application/problem+json", `what?`),
		says(418, "text/plain", secret),
	)
	for _, want := range []struct {
		kind fault.Kind
		text string
	}{
		{fault.NotFound, `there is no region "xx"; list them`},
		{fault.Invalid, "/a: is required, /b: is required"},
		{fault.Internal, "it was wrong (request id R1); do better"},
		{fault.Forbidden, "you may not evaluate; ask someone"},
		{fault.NotFound, "no such flag"},
		{fault.Internal, "the server answered with a problem that cannot be read"},
		{fault.Internal, "answered 418 I'm a teapot, which is not how Quorate answers"},
	} {
		_, err := c.Evaluate(context.Background(), "co", "x", json.RawMessage(`{"patient":"secret"}`))
		if !fault.Is(err, want.kind) || !strings.Contains(err.Error(), want.text) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v, want %v %q", err, want.kind, want.text)
		}
	}
}

func TestAnAnswerThatIsTooLong(t *testing.T) {
	c, _ := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		chunk := []byte(strings.Repeat(" ", 1<<20))
		for range maxAnswer>>20 + 1 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	if _, err := c.Board(context.Background()); !fault.HasCode(err, "answer_too_large") {
		t.Error(err)
	}
}

// What a person types as a name stays one part of the path.
func TestNamesStayInTheirPlace(t *testing.T) {
	var asked []string
	c, _ := start(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI)
		tired(w, r)
	})
	for _, name := range []string{"co", "../tokens", "..", ".", "a/b", "a?b=c#d", "a b", "%2e%2e", "é"} {
		_, _ = c.ShowRegion(context.Background(), name) // the answer does not matter
	}
	want := []string{"co", "..%2Ftokens", "%2E%2E", "%2E", "a%2Fb", "a%3Fb=c%23d", "a%20b", "%252e%252e", "%C3%A9"}
	for i, w := range want {
		if i >= len(asked) || asked[i] != "/api/v1/regions/"+w {
			t.Errorf("asked for %v", asked)
			break
		}
	}
}

func TestAddressesAndTokens(t *testing.T) {
	for _, c := range []struct{ url, token, code string }{
		{"http://127.0.0.1:8080", "", ""},
		{"https://quorate.example.org/base/", secret, ""},
		{"quorate.example.org", "", "bad_url"},
		{"ftp://quorate.example.org", "", "bad_url"},
		{"http://", "", "bad_url"},
		{"http://me:hidden@quorate.example.org", "", "bad_url"},
		{"http://quorate.example.org?x=hidden", "", "bad_url"},
		{"http://quorate.example.org", "hidden\n", "bad_token"},
		{"http://quorate.example.org", "hidden ", "bad_token"},
	} {
		_, err := New(c.url, c.token)
		if (err == nil) != (c.code == "") || err != nil && (!fault.HasCode(err, c.code) || strings.Contains(err.Error(), "hidden")) {
			t.Errorf("%q, %q: %v", c.url, c.token, err)
		}
	}
}

// The secret of a token goes out once and is not asked for again under another
// key, whatever happens.
func TestIssuingKeepsItsKey(t *testing.T) {
	c, p := start(t, cut, problemOf(fault.Conflict, "token_already_issued"))
	_, err := c.IssueToken(context.Background(), access.TokenRequest{Name: "x"}, "r")
	if !fault.HasCode(err, "token_already_issued") {
		t.Error(err)
	}
	checkTries(t, p)
}
