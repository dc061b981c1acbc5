package provider_test

import (
	"context"
	"fmt"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/flags/provider"
)

// A portal service of Colorado asks whether a patient may start a video visit,
// and tells that one was used.
func Example() {
	p, err := provider.New("https://quorate.internal:8013",
		provider.WithRegion("co"),
		provider.WithToken("qrt_…"),
		provider.WithFile("/var/lib/portal/co.flags"),
		provider.WithTracking("https://quorate.internal:8080"))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := openfeature.SetProviderWithContextAndWait(ctx, p); err != nil {
		fmt.Println("no flags yet, everything is off:", err) // it goes on trying
	}
	client := openfeature.NewClient("portal")
	patient := openfeature.NewEvaluationContext("patient-4711", map[string]any{
		"patient":  map[string]any{"age": 44, "location_now": "US-CO"},
		"facility": "co-1",
		"action":   "start",
	})
	on, err := client.BooleanValue(ctx, "video_visit", false, patient)
	if err != nil {
		fmt.Println("off:", err)
	}
	if on {
		client.Track(ctx, "video_visit", patient, openfeature.NewTrackingEventDetails(1).Add("group", "45-64"))
	}
}
