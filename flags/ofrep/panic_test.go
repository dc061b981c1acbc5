package ofrep_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/flags/ofrep"
	"github.com/quorate/quorate/internal/identity"
)

// broken panics with something that nobody may see.
type broken struct{ ofrep.Directory }

func (broken) Identify(*http.Request, time.Time) (identity.Principal, error) {
	panic("a bug, with patient 4711 in it")
}

// A bug of ours is answered in the shape of the protocol, so that a provider
// reports an error instead of failing over an empty answer.
func TestAPanicIsAnsweredInTheShapeOfTheProtocol(t *testing.T) {
	h := newHouse(t, func(c *ofrep.Config) { c.Directory = broken{c.Directory} })
	for _, path := range []string{"/regions/co/ofrep/v1/evaluate/flags/video_visit", "/regions/co/ofrep/v1/evaluate/flags"} {
		res, err := http.Post(h.url+path, "application/json", strings.NewReader(`{"context":{"targetingKey":"4711"}}`))
		if err != nil {
			t.Fatalf("%s: no answer: %v", path, err)
		}
		raw, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		var body struct {
			ErrorCode, ErrorDetails string
			Metadata                map[string]any
		}
		if err != nil || json.Unmarshal(raw, &body) != nil || res.StatusCode != 500 || res.Header.Get("Content-Type") != "application/json" ||
			body.ErrorCode != "GENERAL" || body.ErrorDetails == "" || body.Metadata == nil || strings.Contains(string(raw), "4711") {
			t.Errorf("%s: %d %s %s %v", path, res.StatusCode, res.Header.Get("Content-Type"), raw, err)
		}
	}
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "route" && strings.HasPrefix(l.GetValue(), "/regions/{region}/ofrep/") && m.GetHistogram() != nil {
					counted += float64(m.GetHistogram().GetSampleCount())
				}
			}
		}
	}
	if counted != 2 {
		t.Errorf("%v requests were counted under their routes, want 2", counted)
	}
}
