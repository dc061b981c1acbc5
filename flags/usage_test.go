package flags_test

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/eval"
)

func TestUsageIsCountedPerUseAndBounded(t *testing.T) {
	registry := prometheus.NewRegistry()
	u := flags.NewUsage(registry)
	visit := flags.Use{Region: "co", Capability: "video_visit", Variant: "on", Reason: eval.TargetingMatch}
	u.Counter(visit).Add(2)
	u.Counter(visit).Add(1)
	if n := u.Counter(visit).Load(); n != 3 {
		t.Errorf("counted %d, want 3", n)
	}
	for i := range 30_000 {
		u.Counter(flags.Use{Region: "co", Capability: fmt.Sprint(i)}).Add(1)
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 1 {
		t.Fatal(families, err)
	}
	total := 0.0
	for _, m := range families[0].GetMetric() {
		total += m.GetCounter().GetValue()
	}
	if n := len(families[0].GetMetric()); n > 20_010 || total != 30_003 {
		t.Errorf("%d series hold %v evaluations: want at most 20,000 or so, and every evaluation in one of them", n, total)
	}
}
