package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/server"
)

// canary begins everything that stands for a patient's data. Each place where one
// is put has a number of its own, so that what sang can be found.
const canary = "canarybird"

// A cage is where canaries are put, and whether an answer may repeat them.
type cage struct {
	what  string
	body  string // N stands for the canary
	query string // sent besides
}

// cages are evaluation contexts of every kind, right and wrong.
var cages = []cage{
	{what: "a context as it should be", body: `{"context":{"targetingKey":"N","action":"start","patient":{"age":44,"location_now":"US-CO","name":"N"}}}`},
	{what: "names of facts", body: `{"context":{"targetingKey":"p","N":true,"patient":{"N":{"N":1}}}}`},
	{what: "ill-typed facts", body: `{"context":{"targetingKey":["N"],"action":{"N":"N"},"patient":{"age":"N","location_now":["N"]},"clinician":{"licenses":"N"},"facility":{"N":1}}}`},
	{what: "a patient that is a text", body: `{"context":{"targetingKey":"N","patient":"N"}}`},
	{what: "a fact that is too long", body: `{"context":{"targetingKey":"N` + strings.Repeat("N", 20_000) + `"}}`},
	{what: "a body that is too long", body: `{"context":{"targetingKey":"N","x":"` + strings.Repeat("x", 1<<20) + `"}}`},
	{what: "nested deep", body: `{"context":{"patient":` + strings.Repeat(`{"N":`, 200) + `"N"` + strings.Repeat(`}`, 200) + `}}`},
	{what: "a context that is a text", body: `{"context":"N"}`},
	{what: "a context that is a list", body: `{"context":["N",{"N":"N"}]}`},
	{what: "a number with a canary behind", body: `{"context":{"patient":{"age":44N}}}`},
	{what: "a body that is a text", body: `"N"`},
	{what: "no JSON", body: `N`},
	{what: "broken off", body: `{"context":{"targetingKey":"N`},
	{what: "a name twice", body: `{"context":{"N":1,"N":2}}`},
	{what: "bad UTF-8", body: "{\"context\":{\"targetingKey\":\"N\xff\",\"N\xfe\":1}}"},
	{what: "fields that there are not", body: `{"N":"N","context":{},"targetingKey":"N"}`},
	{what: "a query", body: `{"context":{}}`, query: "?patient=N&N=1"},
}

// confidentialOperations are those of the API whose body holds a context. One
// that is not here fails the test.
var confidentialOperations = map[string]string{
	"explain": "/api/v1/regions/co/explain/video_visit",
}

// canarySite is a server whose log is kept.
type canarySite struct {
	*site
	log  *lockedBuffer
	dir  string
	n    int
	sung []string // answers that repeat a canary
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newCanarySite(t *testing.T) *canarySite {
	s := &canarySite{log: &lockedBuffer{}, dir: t.TempDir()}
	s.site = newSite(t, s.dir, func(c *server.Config) {
		c.Flagd = server.Flagd{Listen: "127.0.0.1:0"}
		c.Log = slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	s.furnish()
	lead := s.token("Colorado lead", identity.RegionalLead, "co")
	s.must(s.do("PUT", "/api/v1/regions/co/enablements/video_visit", lead, object{"answer": "enable", "reason": "positive-control"}))
	return s
}

// next puts new canaries in a cage.
func (s *canarySite) next(template string) string {
	s.n++
	return strings.ReplaceAll(template, "N", fmt.Sprintf("%s%d", canary, s.n))
}

// heard notes an answer in which a canary sings.
func (s *canarySite) heard(where string, c cage, raw string) {
	if i := strings.Index(raw, canary); i >= 0 {
		s.sung = append(s.sung, fmt.Sprintf("%s, %s: …%.120s", where, c.what, raw[max(0, i-60):]))
	}
}

func TestNoCanarySings(t *testing.T) {
	s := newCanarySite(t)
	portal, auditor := s.token("portal", identity.Service, "co"), s.token("auditor", identity.Auditor, "*")
	for _, op := range operations(t, s.site) {
		if _, ok := confidentialOperations[op.id]; !ok && holdsContext(t, s.site, op) {
			t.Errorf("%s takes an evaluation context: mark it with api.Confidential and add it to `confidentialOperations` in canary_test.go", op.id)
		}
	}
	for _, c := range cages {
		for _, token := range []string{portal, ""} {
			for _, path := range []string{"/regions/co/ofrep/v1/evaluate/flags/video_visit", "/regions/co/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/video_visit.max_minutes", "/ofrep/v1/evaluate/flags"} {
				s.heard(path, c, s.do("POST", path+s.next(c.query), token, s.next(c.body)).raw)
			}
		}
		for id, path := range confidentialOperations {
			for _, token := range []string{auditor, portal, ""} {
				s.heard(id, c, s.do("POST", path+s.next(c.query), token, s.next(c.body)).raw)
			}
		}
		s.flagd(c, portal)
	}
	s.stream(portal)
	for _, path := range []string{"/ofrep/v1/evaluate/flags/N", "/regions/N/ofrep/v1/evaluate/flags", "/ofrep/N", "/N", "/api/v1/N?N=N"} { // what it repeats, it repeats to the sender alone
		s.do("POST", s.next(path), portal, `{"context":{}}`)
	}
	for _, where := range s.sung {
		t.Errorf("an answer repeats it: %s", where)
	}
	metrics, record := s.do("GET", "/metrics", "", nil).raw, s.must(s.do("GET", "/api/v1/audit?limit=500", auditor, nil)).raw
	if err := s.Record.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.stop()
	s.silent("the metrics", metrics, "quorate_http_request_duration_seconds")
	s.silent("the record", record, "positive-control")
	s.silent("the log", s.log.String(), `"route":"/regions/{region}/ofrep/v1/evaluate/flags"`)
	s.silentFiles(portal, auditor)
}

// silent fails if a canary sings; the control shows that it would be heard.
func (s *canarySite) silent(where, text, control string) {
	s.t.Helper()
	if !strings.Contains(text, control) {
		s.t.Errorf("%s does not even hold %q: the test does not see it", where, control)
	}
	if i := strings.Index(text, canary); i >= 0 {
		s.t.Errorf("in %s: …%.200s", where, text[max(0, i-100):])
	}
}

// silentFiles looks through everything that is left on the disk: the store's
// database and log as they are, sealed tiles, what was seen and signed.
func (s *canarySite) silentFiles(tokens ...string) {
	s.t.Helper()
	files, controls := 0, 0
	var secrets []string
	for _, token := range tokens {
		secrets = append(secrets, strings.Split(token, "_")[2])
	}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		files++
		if bytes.Contains(raw, []byte("positive-control")) {
			controls++
		}
		for _, what := range append(secrets, canary) {
			if bytes.Contains(raw, []byte(what)) {
				s.t.Errorf("%s holds %.20s…", strings.TrimPrefix(path, s.dir), what)
			}
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if files < 5 || controls < 2 { // the database and its log
		s.t.Errorf("%d files, %d of them with what must be there: the test does not see them", files, controls)
	}
	for _, secret := range secrets {
		if strings.Contains(s.log.String(), secret) {
			s.t.Error("the log holds the secret of a token")
		}
	}
}

// flagd asks every method of flagd's protocols.
func (s *canarySite) flagd(c cage, token string) {
	for _, method := range flagdMethods() {
		for _, key := range []string{"video_visit", "N", ""} {
			body := strings.Replace(c.body, "{", `{"flagKey":"`+key+`",`, 1)
			if len(body) > 60_000 && method.IsStreamingServer() {
				continue
			}
			_, raw := callFlagd(s.t, s.FlagdAddr(), method, s.next(body), token)
			if key != "N" { // the key of a flag is the sender's own word
				s.heard(string(method.FullName()), c, raw)
			}
		}
	}
}

// stream listens to OFREP's events while contexts are asked with.
func (s *canarySite) stream(token string) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.URL()+"/regions/co/ofrep/v1/events"+s.next("?N=N"), http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	first := make([]byte, 4096)
	n, _ := resp.Body.Read(first)
	s.heard("events", cage{what: "a stream"}, string(first[:n]))
	_ = resp.Body.Close()
}

// holdsContext reports whether the body of an operation has a place for facts of
// a patient.
func holdsContext(t *testing.T, s *site, op operation) bool {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					} `json:"schema"`
				} `json:"content"`
			} `json:"requestBody"`
		} `json:"paths"`
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(s.must(s.do("GET", "/api/v1/openapi.json", "", nil)).raw), &doc); err != nil {
		t.Fatal(err)
	}
	for _, content := range doc.Paths[op.path][strings.ToLower(op.method)].RequestBody.Content {
		name := content.Schema.Ref[strings.LastIndexByte(content.Schema.Ref, '/')+1:]
		for property := range doc.Components.Schemas[name].Properties {
			if slices.Contains([]string{"context", "contexts", "facts", "targetingKey", "targeting_key"}, property) {
				return true
			}
		}
	}
	return false
}
