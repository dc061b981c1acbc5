package flags

import (
	"testing"
	"time"
)

// What a region's clocks show, read as a moment: in each zone of the demo, on a
// plain day and on both days on which the clocks change.
func TestALocalTimeIsOneMoment(t *testing.T) {
	for _, c := range []struct{ zone, local, utc string }{
		{"America/Los_Angeles", "2027-01-10T08:00", "2027-01-10T16:00:00Z"},
		{"America/Los_Angeles", "2027-07-10T08:00", "2027-07-10T15:00:00Z"},
		{"America/Los_Angeles", "2027-03-14T01:59", "2027-03-14T09:59:00Z"},
		{"America/Los_Angeles", "2027-03-14T02:00", "2027-03-14T10:00:00Z"}, // does not exist: the first that does
		{"America/Los_Angeles", "2027-03-14T02:30", "2027-03-14T10:00:00Z"},
		{"America/Los_Angeles", "2027-03-14T03:00", "2027-03-14T10:00:00Z"},
		{"America/Los_Angeles", "2027-03-14T03:01", "2027-03-14T10:01:00Z"},
		{"America/Los_Angeles", "2027-11-07T00:59", "2027-11-07T07:59:00Z"},
		{"America/Los_Angeles", "2027-11-07T01:30", "2027-11-07T08:30:00Z"}, // twice: the first
		{"America/Los_Angeles", "2027-11-07T02:00", "2027-11-07T10:00:00Z"},
		{"America/Denver", "2027-03-14T02:30", "2027-03-14T09:00:00Z"},
		{"America/Denver", "2027-11-07T01:30", "2027-11-07T07:30:00Z"},
		{"America/New_York", "2027-03-14T02:30", "2027-03-14T07:00:00Z"},
		{"America/New_York", "2027-11-07T01:30", "2027-11-07T05:30:00Z"},
		{"Pacific/Honolulu", "2027-03-14T02:30", "2027-03-14T12:30:00Z"}, // its clocks never change
		{"Pacific/Honolulu", "2027-11-07T01:30", "2027-11-07T11:30:00Z"},
		{"Europe/London", "2027-03-28T01:15", "2027-03-28T01:00:00Z"},
		{"Australia/Lord_Howe", "2027-10-03T02:10", "2027-10-02T15:30:00Z"}, // by half an hour
		{"Asia/Kathmandu", "2027-03-14T02:30", "2027-03-13T20:45:00Z"},
	} {
		zone, err := zones.load(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, err := instant(c.local, zone)
		if err != nil || got.UTC().Format(time.RFC3339) != c.utc {
			t.Errorf("%s in %s is %s (%v), want %s", c.local, c.zone, got.UTC().Format(time.RFC3339), err, c.utc)
		}
	}
}

// Every minute of three years, in zones whose clocks change: the moments never
// run backwards, and what exists reads back as what was written.
func TestLocalTimesRunForward(t *testing.T) {
	for _, name := range []string{"America/Los_Angeles", "America/New_York", "Pacific/Honolulu", "Australia/Lord_Howe"} {
		zone, err := zones.load(name)
		if err != nil {
			t.Fatal(err)
		}
		var last time.Time
		wall := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for ; wall.Year() < 2029; wall = wall.Add(7 * time.Minute) {
			at := wallTime(wall, zone)
			if at.Before(last) {
				t.Fatalf("%s: %s is before the minute before it", name, wall.Format(LocalLayout))
			}
			last = at
			if shown, written := at.In(zone).Format(LocalLayout), wall.Format(LocalLayout); shown < written {
				t.Fatalf("%s: %s reads as %s, which is earlier", name, written, shown)
			}
		}
	}
}

func TestADayEndsAtMidnightOfItsZone(t *testing.T) {
	for _, c := range []struct{ zone, date, utc string }{
		{"America/Denver", "2027-03-14", "2027-03-15T06:00:00Z"},
		{"America/Denver", "2027-12-31", "2028-01-01T07:00:00Z"},
		{"Pacific/Honolulu", "2027-02-28", "2027-03-01T10:00:00Z"},
	} {
		zone, _ := zones.load(c.zone)
		if got, err := endOfDay(c.date, zone); err != nil || got.UTC().Format(time.RFC3339) != c.utc {
			t.Errorf("%s in %s ends at %s (%v), want %s", c.date, c.zone, got, err, c.utc)
		}
	}
}
