package flags

import (
	"regexp"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// A Region is a self-governing unit. It decides for itself whether and how each
// offered capability is on.
type Region struct {
	Key           string   `json:"key"`           // "co"; also its OpenFeature flag set
	Name          string   `json:"name"`          // "Colorado"
	Jurisdictions []string `json:"jurisdictions"` // ISO 3166-2, "US-CO"; whose law applies in it
	TimeZone      string   `json:"time_zone"`     // IANA; its schedules and deadlines are local
}

// A Facility is a place of care in a region, with the systems it runs.
type Facility struct {
	Key          string   `json:"key"` // "co-1"
	Region       string   `json:"region"`
	Name         string   `json:"name"`
	Kind         string   `json:"kind"` // one of FacilityKinds
	Jurisdiction string   `json:"jurisdiction"`
	Systems      []string `json:"systems"` // sorted keys, "video_platform"
}

// FacilityKinds are the kinds of places of care.
var FacilityKinds = []string{"clinic", "hospital", "virtual", "pharmacy", "lab"}

var (
	regionKey    = regexp.MustCompile(`^[a-z][a-z0-9]{1,15}$`)
	facilityKey  = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	jurisdiction = regexp.MustCompile(`^[A-Z]{2}(-[A-Z0-9]{1,3})?$`)
	systemKey    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
)

// Check says what is wrong with a region, nil if nothing is.
func (r Region) Check() error {
	switch {
	case !regionKey.MatchString(r.Key):
		return bad("/key", r.Key, "a region key has 2 to 16 lower-case letters and digits and begins with a letter")
	case !plainText(r.Name, 80):
		return bad("/name", r.Name, "a name has 1 to 80 printable characters")
	case len(r.Jurisdictions) == 0 || len(r.Jurisdictions) > 20:
		return bad("/jurisdictions", "", "a region lies in 1 to 20 jurisdictions, such as US-CO")
	}
	for _, j := range r.Jurisdictions {
		if !jurisdiction.MatchString(j) {
			return bad("/jurisdictions", j, "a jurisdiction is an ISO 3166-2 code such as US-CO")
		}
	}
	if repeated, ok := firstRepeated(r.Jurisdictions); ok {
		return bad("/jurisdictions", repeated, "each jurisdiction is named once")
	}
	return checkTimeZone(r.TimeZone)
}

func checkTimeZone(name string) error {
	if _, err := time.LoadLocation(name); err != nil || name == "" || name == "Local" {
		return bad("/time_zone", name, "a time zone is an IANA name such as America/Denver")
	}
	return nil
}

// Check says what is wrong with a facility of a region, nil if nothing is.
func (f Facility) Check(r Region) error {
	switch {
	case !facilityKey.MatchString(f.Key) || len(f.Key) > 64:
		return bad("/key", f.Key, "a facility key has up to 64 lower-case letters, digits and single hyphens")
	case !plainText(f.Name, 80):
		return bad("/name", f.Name, "a name has 1 to 80 printable characters")
	case !slices.Contains(FacilityKinds, f.Kind):
		return bad("/kind", f.Kind, "the kinds are %v", FacilityKinds)
	case !slices.Contains(r.Jurisdictions, f.Jurisdiction):
		return bad("/jurisdiction", f.Jurisdiction, "region %s lies in %v", r.Key, r.Jurisdictions)
	}
	return checkSystems("/systems", f.Systems)
}

func checkSystems(field string, systems []string) error {
	if len(systems) > 100 {
		return bad(field, "", "at most 100 systems are named")
	}
	for _, s := range systems {
		if !systemKey.MatchString(s) {
			return bad(field, s, "a system key has lower-case letters, digits and underscores, such as video_platform")
		}
	}
	if repeated, ok := firstRepeated(systems); ok {
		return bad(field, repeated, "each system is named once")
	}
	return nil
}

// bad is the fault for one bad value: where it stands, what it is, what would do.
func bad(field, value, remedy string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "bad_value", "%s: %.80q is not valid", field, value).Do(remedy, args...).At(field)
}

func firstRepeated(list []string) (string, bool) {
	for i, s := range list {
		if slices.Contains(list[:i], s) {
			return s, true
		}
	}
	return "", false
}
