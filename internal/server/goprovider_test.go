package server_test

import (
	"context"
	"testing"

	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/internal/identity"
)

// The official Go OFREP provider, one OpenFeature domain per region, gets the
// same answers as every other client.
func TestTheOfficialGoProvider(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	s.enrich()
	lead, portal := s.token("Colorado lead", identity.RegionalLead, "co"), s.token("portal", identity.Service, "*")
	s.must(s.do("PUT", "/api/v1/regions/co/enablements/video_visit", lead, object{"answer": "enable", "reason": "clinics are ready"}))
	t.Cleanup(openfeature.Shutdown)
	patient := openfeature.NewEvaluationContext("p1", map[string]any{"action": "start",
		"patient": object{"age": 44, "location_now": "US-CO"}, "clinician": object{"licenses": []string{"US-CO"}}})
	for region, want := range map[string]struct {
		on      bool
		variant string
		minutes int64
		share   float64
		label   string
	}{"co": {true, "on", 30, 0.5, "Video"}, "hi": {false, "not-enabled", 0, 0, ""}} {
		provider := ofrep.NewProvider(s.URL()+"/regions/"+region, ofrep.WithBearerToken(portal))
		if err := openfeature.SetNamedProviderWithContextAndWait(context.Background(), region, provider); err != nil {
			t.Fatal(err)
		}
		client := openfeature.NewClient(region)
		// The default is the opposite of what is expected.
		visit, err := client.BooleanValueDetails(context.Background(), "video_visit", !want.on, patient)
		if err != nil || visit.Value != want.on || visit.Variant != want.variant || visit.FlagMetadata["region"] != region {
			t.Errorf("%s: %+v, %v", region, visit, err)
		}
		minutes, err := client.IntValue(context.Background(), "video_visit.max_minutes", -1, patient)
		if err != nil || minutes != want.minutes {
			t.Errorf("%s: max_minutes %d, %v", region, minutes, err)
		}
		share, err := client.FloatValue(context.Background(), "video_visit.share", -1, patient)
		if err != nil || share != want.share {
			t.Errorf("%s: share %v, %v", region, share, err)
		}
		label, err := client.StringValue(context.Background(), "video_visit.label", "none", patient)
		if err != nil || label != want.label {
			t.Errorf("%s: label %q, %v", region, label, err)
		}
		if d, err := client.BooleanValueDetails(context.Background(), "teleport", false, patient); err == nil || d.ErrorCode != openfeature.FlagNotFoundCode {
			t.Errorf("%s: a capability that does not exist: %+v, %v", region, d, err)
		}
		if d, err := client.StringValueDetails(context.Background(), "video_visit", "none", patient); err == nil || d.ErrorCode != openfeature.TypeMismatchCode || d.Value != "none" {
			t.Errorf("%s: asked for a string: %+v, %v", region, d, err)
		}
	}
}
