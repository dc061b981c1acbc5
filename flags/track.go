package flags

import (
	"fmt"
	"slices"

	"github.com/quorate/quorate/internal/fault"
)

// A TrackEvent says that a capability was used, so many times. It is what a
// portal service sends: use is not evaluation, since loading one page evaluates
// many flags. It names a place and a coarse group, never a person.
type TrackEvent struct {
	Capability string `json:"capability" maxLength:"64" doc:"Capability, e.g. video_visit."`
	Region     string `json:"region" maxLength:"16" doc:"Region, e.g. co."`
	Facility   string `json:"facility,omitempty" maxLength:"64" doc:"Facility of the region, e.g. co-1; left out if there is none."`
	Group      string `json:"group,omitempty" maxLength:"64" doc:"Coarse group of the person, one of 0-17, 18-44, 45-64, 65+; anything else counts as other."`
	Event      string `json:"event" maxLength:"64" doc:"What happened: used, started, completed or abandoned; anything else counts as other."`
	Count      uint64 `json:"count,omitempty" minimum:"0" maximum:"1000000" doc:"How often; left out: once."`
}

// TrackGroups are the coarse groups that are counted, as bands of age: few enough
// for nobody to be found in them. Everything else is OtherGroup.
var TrackGroups = []string{"0-17", "18-44", "45-64", "65+"}

// TrackEvents are the events that are counted. Everything else is OtherGroup: the
// name of an event could itself say something of a person.
var TrackEvents = []string{"used", "started", "completed", "abandoned"}

// OtherGroup stands for every group and event that is not declared.
const OtherGroup = "other"

// The limits of what is tracked.
const (
	MaxTracked      = 1_000     // events in one request
	MaxTrackedCount = 1_000_000 // uses in one event, which a provider may have added up
)

// coarse replaces what is not declared, and counts once what names no number.
func (e TrackEvent) coarse() TrackEvent {
	if !slices.Contains(TrackGroups, e.Group) {
		e.Group = OtherGroup
	}
	if !slices.Contains(TrackEvents, e.Event) {
		e.Event = OtherGroup
	}
	e.Count = max(e.Count, 1)
	return e
}

// check refuses what names something that does not exist. at is the event's place
// in the request.
func (e TrackEvent) check(s *Snapshot, at int) error {
	field := func(name string) string { return fmt.Sprintf("/events/%d/%s", at, name) }
	if !s.HasRegion(e.Region) {
		return bad(field("region"), e.Region, "name a region; `quorate region list` lists them")
	}
	if _, _, err := s.Capability(e.Capability); err != nil {
		return bad(field("capability"), e.Capability, "name a capability; `quorate capability list` lists them")
	}
	if e.Facility != "" {
		if _, err := s.Facility(e.Region, e.Facility); err != nil {
			return bad(field("facility"), e.Facility, "name a facility of %s, or leave it out; `quorate facility list --region %s` lists them", e.Region, e.Region)
		}
	}
	if e.Event == "" {
		return bad(field("event"), e.Event, "say what happened: %v", TrackEvents)
	}
	if e.Count > MaxTrackedCount {
		return bad(field("count"), fmt.Sprint(e.Count), "count at most %d in one event", MaxTrackedCount)
	}
	return nil
}

func checkTracked(n int) error {
	if n == 0 || n > MaxTracked {
		return fault.New(fault.Invalid, "bad_events", "the request has %d events", n).Do("send 1 to %d", MaxTracked).At("/events")
	}
	return nil
}
