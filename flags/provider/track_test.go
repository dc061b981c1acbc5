package provider_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/flags/provider"
)

// counter is the server's end of tracking.
type counter struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string // guarded by mu
	auth   string   // guarded by mu
	status int      // guarded by mu
}

func newCounter(t *testing.T) *counter {
	c := &counter{status: http.StatusAccepted}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		if r.Method != http.MethodPost || r.URL.Path != "/api/v1/track" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		c.bodies, c.auth = append(c.bodies, string(raw)), r.Header.Get("Authorization")
		w.WriteHeader(c.status)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *counter) events(t *testing.T) (events []object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, raw := range c.bodies {
		var body struct{ Events []object }
		if err := json.Unmarshal([]byte(raw), &body); err != nil {
			t.Fatal(err)
		}
		events = append(events, body.Events...)
	}
	slices.SortFunc(events, func(a, b object) int { return strings.Compare(toJSON(a), toJSON(b)) })
	return events
}

func toJSON(v any) string { raw, _ := json.Marshal(v); return string(raw) }

// Use is counted by capability, event, facility and group, and nothing else of
// the context leaves the process.
func TestTrack(t *testing.T) {
	c := newCounter(t)
	a := newSite(t, colorado).application(provider.WithTracking(c.URL))
	if err := a.Init(openfeature.EvaluationContext{}); err != nil {
		t.Fatal(err)
	}
	defer a.Provider.Shutdown()
	patient := openfeature.NewEvaluationContext("canary-key", object{"facility": "co-1", "name": "canary-name", "patient": object{"mrn": "canary-mrn"}})
	track := func(name string, d openfeature.TrackingEventDetails) { a.Provider.Track(ctx, name, patient, d) }
	track("video_visit", openfeature.NewTrackingEventDetails(1).Add("group", "65+").Add("note", "canary-note"))
	track("video_visit", openfeature.NewTrackingEventDetails(0).Add("group", "65+"))
	track("video_visit", openfeature.NewTrackingEventDetails(3).Add("facility", "co-2").Add("event", "started"))
	track("ended", openfeature.NewTrackingEventDetails(1e9).Add("capability", "video_visit"))
	track("", openfeature.NewTrackingEventDetails(1))
	track(strings.Repeat("x", 65), openfeature.NewTrackingEventDetails(1))
	a.Provider.Shutdown()
	want := []object{
		{"capability": "video_visit", "region": "co", "facility": "co-1", "event": "ended", "count": 1.0},
		{"capability": "video_visit", "region": "co", "facility": "co-1", "group": "65+", "event": "used", "count": 2.0},
		{"capability": "video_visit", "region": "co", "facility": "co-2", "event": "started", "count": 3.0},
	}
	slices.SortFunc(want, func(a, b object) int { return strings.Compare(toJSON(a), toJSON(b)) })
	if diff := cmp.Diff(want, c.events(t)); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if strings.Contains(strings.Join(c.bodies, ""), "canary") {
		t.Errorf("something of the context was sent: %s", c.bodies)
	}
	if n := a.Dropped(); n != 2 {
		t.Errorf("%d were dropped, want the two without a name that can be", n)
	}
}

// Tracking never blocks and never grows: too many are dropped, those the server
// may have counted are not sent again, and those it cannot have seen are.
func TestTrackIsBounded(t *testing.T) {
	c := newCounter(t)
	s := newSite(t, colorado)
	a := s.application(provider.WithTracking(c.URL), provider.WithToken("qrt_service"))
	for i := range 5000 { // nothing runs that would send
		a.Provider.Track(ctx, "c"+toJSON(i), openfeature.EvaluationContext{}, openfeature.NewTrackingEventDetails(1))
	}
	if n := a.Dropped(); n != 4000 {
		t.Errorf("%d were dropped, want 4000", n)
	}
	run := func() {
		if err := a.Init(openfeature.EvaluationContext{}); err != nil {
			t.Fatal(err)
		}
		a.Provider.Shutdown()
	}
	c.mu.Lock()
	c.status = http.StatusServiceUnavailable
	c.mu.Unlock()
	run()
	c.mu.Lock()
	c.status, c.bodies = http.StatusBadRequest, nil
	c.mu.Unlock()
	run()
	if n := len(c.events(t)); n != 1000 || a.Dropped() != 5000 {
		t.Errorf("sent %d again, dropped %d", n, a.Dropped())
	}
	c.mu.Lock()
	c.bodies = nil
	if c.auth != "Bearer qrt_service" {
		t.Errorf("sent with %q", c.auth)
	}
	c.mu.Unlock()
	run()
	if n := len(c.events(t)); n != 0 {
		t.Errorf("%d were sent twice", n)
	}
}

// Without an address nothing is counted.
func TestTrackIsOffUnlessAsked(t *testing.T) {
	a := newSite(t, colorado).application()
	a.Provider.Track(ctx, "video_visit", openfeature.EvaluationContext{}, openfeature.NewTrackingEventDetails(1))
	if a.Dropped() != 0 {
		t.Error("something was counted")
	}
}
