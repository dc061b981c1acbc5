package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/internal/server"
	"github.com/quorate/quorate/policy/sandbox"
)

// TestMain lets the test binary be the store's child process, as the product's
// own binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == embedded.ChildArg {
		os.Exit(embedded.Main(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == sandbox.ChildArg {
		os.Exit(sandbox.Main())
	}
	os.Exit(m.Run())
}

// site is a running server, with its store in a process of its own, and tokens
// for the roles a test speaks as.
type site struct {
	*server.Server
	t        testing.TB
	cfg      server.Config
	operator string
}

func newSite(t testing.TB, dir string, change ...func(*server.Config)) *site {
	t.Helper()
	s := &site{t: t, cfg: server.Config{Listen: "127.0.0.1:0", DataDir: dir, Version: "test", SmallStore: true, Unregulated: true,
		Log: slog.New(slog.DiscardHandler), Now: time.Now}}
	for _, c := range change {
		c(&s.cfg)
	}
	s.start()
	t.Cleanup(s.stop)
	token, err := os.ReadFile(s.BootstrapFile())
	if err != nil {
		t.Fatal(err)
	}
	s.operator = strings.TrimSpace(string(token))
	return s
}

func (s *site) start() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	srv, err := server.Start(ctx, s.cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Server = srv
	if err := srv.Settled(ctx); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) stop() {
	if s.Server != nil {
		if err := s.Close(); err != nil {
			s.t.Errorf("stopping the server: %v", err)
		}
		s.Server = nil
	}
}

// token issues a token for a role, as the operator.
func (s *site) token(name string, role identity.Role, regions ...string) string {
	s.t.Helper()
	who, err := s.Directory.Authenticate(s.operator, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	secret, _, _, err := s.Access.Issue(context.Background(), gate.Origin{Actor: who, Reason: "test"}, access.TokenRequest{
		Name: name, Grants: []identity.Grant{{Role: role, Regions: regions}}, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		s.t.Fatal(err)
	}
	return secret
}

type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

// do sends a request; a body that is no string is sent as JSON.
func (s *site) do(method, path, token string, body any, headers ...string) answer {
	s.t.Helper()
	var reader io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, s.URL()+path, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	_ = json.Unmarshal(raw, &a.body) // not every answer is an object
	return a
}

func (s *site) must(a answer) answer {
	s.t.Helper()
	if a.status >= 300 {
		s.t.Fatalf("status %d: %s", a.status, a.raw)
	}
	return a
}

type object = map[string]any

// furnish founds co and hi and offers video_visit.
func (s *site) furnish() {
	s.t.Helper()
	for key, law := range map[string]string{"co": "US-CO", "hi": "US-HI"} {
		s.must(s.do("PUT", "/api/v1/regions/"+key, s.operator, object{"value": object{
			"key": key, "name": "Region " + key, "jurisdictions": []string{law}, "time_zone": "America/Denver"}}))
	}
	s.must(s.do("PUT", "/api/v1/capabilities/video_visit", s.operator, object{"value": capability("video_visit")}))
	s.must(s.do("PUT", "/api/v1/offers/video_visit", s.operator, object{"kind": "full", "reason": "test"}))
}

func capability(key string, prerequisites ...string) object {
	if prerequisites == nil {
		prerequisites = []string{}
	}
	return object{"key": key, "name": "Video visits", "kind": "clinical", "stage": "ready", "risk": "moderate",
		"for_patients": "See a clinician by video.", "for_clinicians": "Visits by video.",
		"impact": object{"access": 2, "transparency": 0, "interaction": 1, "connection": 1, "efficiency": 0}, "data_classes": []string{},
		"requires_systems": []string{}, "prerequisites": prerequisites, "context": []string{},
		"settings": []object{{"key": "max_minutes", "type": "integer", "description": "Length.", "off": 0, "default": 30}}}
}

// fullContext is what a portal sends; policy will ask for all of it.
var fullContext = object{"context": object{"targetingKey": "p1", "action": "start",
	"patient": object{"age": 44, "location_now": "US-CO"}, "clinician": object{"licenses": []string{"US-CO"}}}}

func (s *site) evaluate(region, token string) answer {
	s.t.Helper()
	return s.do("POST", "/regions/"+region+"/ofrep/v1/evaluate/flags/video_visit", token, fullContext)
}

// The main job, end to end over HTTP, with the store in its own process.
func TestALeadTurnsACapabilityOnAndThePortalSeesIt(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	lead, hawaii := s.token("Colorado lead", identity.RegionalLead, "co"), s.token("Hawaii lead", identity.RegionalLead, "hi")
	portal := s.token("portal", identity.Service, "*")

	if a := s.evaluate("co", portal); a.body["value"] != false || a.body["variant"] != "not-enabled" {
		t.Errorf("before: %s", a.raw)
	}
	a := s.do("PUT", "/api/v1/regions/co/enablements/video_visit", hawaii, object{"answer": "enable", "reason": "try"})
	if a.status != 403 || a.body["code"] != "forbidden" {
		t.Errorf("the Hawaii lead in Colorado: %d %s", a.status, a.raw)
	}
	a = s.must(s.do("PUT", "/api/v1/regions/co/enablements/video_visit", lead, object{"answer": "enable", "reason": "clinics are ready"}))
	if receipt, _ := a.body["receipt"].(object); receipt["revision"] == nil {
		t.Errorf("no receipt: %s", a.raw)
	}
	check := func(when string) {
		t.Helper()
		a := s.evaluate("co", portal)
		meta, _ := a.body["metadata"].(object)
		if a.body["value"] != true || a.body["variant"] != "on" || a.body["reason"] != "TARGETING_MATCH" ||
			meta["region"] != "co" || meta["capability"] != "video_visit" || meta["offer"] == nil || meta["revision"] == nil {
			t.Errorf("%s, in Colorado: %s", when, a.raw)
		}
		if a := s.evaluate("hi", portal); a.body["value"] != false || a.body["variant"] != "not-enabled" {
			t.Errorf("%s, in Hawaii: %s", when, a.raw)
		}
	}
	check("enabled")
	a = s.must(s.do("POST", "/api/v1/regions/co/explain/video_visit", lead, object{}))
	if line, _ := a.body["line"].(string); !strings.HasPrefix(line, "Video visits: on in Region co") || len(strings.Fields(line)) > 25 {
		t.Errorf("explained as %q", line)
	}
	s.stop()
	s.start()
	check("after a restart")
	record := s.must(s.do("GET", "/api/v1/audit?limit=10", s.operator, nil))
	if !strings.Contains(record.raw, `"result":"refused"`) || !strings.Contains(record.raw, "Hawaii lead may not answer an offer in region co") {
		t.Errorf("the refusal is not on the record: %s", record.raw)
	}
}

func TestASecondServerOnTheSameDirectoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := newSite(t, dir)
	cfg := s.cfg
	second, err := server.Start(context.Background(), cfg)
	if err == nil {
		_ = second.Close()
		t.Fatal("two servers on one data directory")
	}
	if msg := err.Error(); !fault.HasCode(err, "store_not_started") || !strings.Contains(msg, "in use by process") || !strings.Contains(msg, "--data-dir") {
		t.Errorf("refused with %q", msg)
	}
	if s.do("GET", "/healthz", "", nil).status != 200 {
		t.Error("the first server was disturbed")
	}
}

func TestAnAddressInUseIsSaidAtOnce(t *testing.T) {
	s := newSite(t, t.TempDir())
	cfg := s.cfg
	cfg.DataDir, cfg.Listen = t.TempDir(), strings.TrimPrefix(s.URL(), "http://")
	if second, err := server.Start(context.Background(), cfg); err == nil || !fault.HasCode(err, "cannot_listen") {
		if second != nil {
			_ = second.Close()
		}
		t.Errorf("a second server on %s: %v", cfg.Listen, err)
	}
}

func TestHealthAndMetrics(t *testing.T) {
	s := newSite(t, t.TempDir())
	if a := s.do("GET", "/healthz", "", nil); a.status != 200 || a.raw != "ok\n" {
		t.Errorf("/healthz: %d %q", a.status, a.raw)
	}
	if a := s.do("GET", "/readyz", "", nil); a.status != 200 || a.body["ready"] != true || a.body["fresh"] != true {
		t.Errorf("/readyz: %d %s", a.status, a.raw)
	}
	a := s.do("GET", "/metrics", "", nil)
	for _, name := range []string{"quorate_store_fresh 1", "quorate_snapshot_revision ", "quorate_changes_total{", "go_goroutines ",
		"quorate_store_bytes ", "quorate_store_quota_bytes 8.589934592e+09"} {
		if !strings.Contains(a.raw, name) {
			t.Errorf("/metrics has no %s", name)
		}
	}
}
