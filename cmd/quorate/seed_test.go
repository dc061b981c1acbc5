package main

import (
	"slices"
	"testing"

	"github.com/quorate/quorate/flags"
)

// The demo is modelled on eight regions and holds a portal's whole range, each
// capability told for a patient and for a clinician.
func TestTheDemoIsWhole(t *testing.T) {
	d, err := readDemoData()
	if err != nil {
		t.Fatal(err)
	}
	var regions, capabilities []string
	for _, r := range d.Regions {
		regions = append(regions, r.Key)
		if err := r.Check(); err != nil || len(r.Facilities) == 0 {
			t.Errorf("region %s: %v, %d facilities", r.Key, err, len(r.Facilities))
		}
	}
	if want := []string{"nca", "sca", "co", "ga", "hi", "mas", "nw", "wa"}; !slices.Equal(regions, want) {
		t.Errorf("regions %v", regions)
	}
	for _, c := range d.Capabilities {
		capabilities = append(capabilities, c.Key)
		if err := c.Check(); err != nil || c.ForPatients == c.ForClinicians {
			t.Errorf("capability %s: %v", c.Key, err)
		}
	}
	if len(capabilities) < 25 || len(slices.Compact(slices.Sorted(slices.Values(capabilities)))) != len(capabilities) {
		t.Errorf("%d capabilities: %v", len(capabilities), capabilities)
	}
	leads := 0
	for _, a := range d.Accounts {
		if a.Role == "regional_lead" {
			leads++
		}
	}
	if leads != len(regions) {
		t.Errorf("%d leads for %d regions", leads, len(regions))
	}
	for _, e := range d.Enablements { // what the demo's user turns on is not answered yet
		if e.Capability == "video_visit" && (e.Region == "co" || e.Region == "hi") {
			t.Errorf("%s has answered video_visit: %s", e.Region, e.Answer)
		}
		if !slices.Contains(flags.Answers, e.Answer) || !slices.Contains(capabilities, e.Capability) {
			t.Errorf("%s in %s: %s", e.Capability, e.Region, e.Answer)
		}
	}
}
