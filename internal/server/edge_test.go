package server_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/flags/edge"
	"github.com/quorate/quorate/internal/identity"
)

// An edge of a server: the same values over OFREP for the same tokens, a change at
// once, and the last value for a known token while the server is gone.
func TestAnEdgeOfAServer(t *testing.T) {
	s := newFlagdSite(t)
	portal, elsewhere := s.token("portal", identity.Service, "co"), s.token("portal of Hawaii", identity.Service, "hi")
	e, err := edge.Start(t.Context(), edge.Config{Upstream: edge.Upstream{URL: "http://" + s.FlagdAddr(), Regions: []string{"co"}, DataDir: t.TempDir()},
		Introspect: s.URL(), Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	<-e.Ready()
	at := &edgeSite{t, "http://" + e.Addr("--ofrep-port")}
	becomes := func(variant, reason string) {
		t.Helper()
		var got answer
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if got = at.ask(portal); got.status == 200 && got.body["variant"] == variant && got.body["reason"] == reason {
				return
			}
		}
		t.Fatalf("not %s, %s within 20 s: %d %s", variant, reason, got.status, got.raw)
	}
	becomes("not-enabled", "TARGETING_MATCH")
	s.turn(true)
	becomes("on", "TARGETING_MATCH")
	if a := at.ask(elsewhere); a.status != 403 {
		t.Errorf("a token of Hawaii: %d %s", a.status, a.raw)
	}
	if a := at.ask("qrt_aaaaaaaaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"); a.status != 401 {
		t.Errorf("an unknown token: %d %s", a.status, a.raw)
	}
	s.stop()
	becomes("on", "STALE")
}

// edgeSite is an edge's OFREP.
type edgeSite struct {
	t   *testing.T
	url string
}

func (e *edgeSite) ask(token string) (a answer) {
	e.t.Helper()
	req, err := http.NewRequest(http.MethodPost, e.url+"/regions/co/ofrep/v1/evaluate/flags/video_visit", strings.NewReader(`{"context":{"targetingKey":"p1"}}`))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	a = answer{status: resp.StatusCode, raw: string(raw)}
	if err := json.Unmarshal(raw, &a.body); err != nil {
		e.t.Fatal(err)
	}
	return a
}
