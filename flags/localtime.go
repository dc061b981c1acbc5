package flags

import "time"

// Schedules are local: a region that opens at eight opens at eight by the clock
// on its wall, whatever daylight saving time does. LocalLayout is how a local
// date and time is written.
const LocalLayout = "2006-01-02T15:04"

// instant is the moment at which a region's clocks show a local date and time.
// Once a year there is one that does not exist, since the clocks skip it: it
// stands for the first moment after. And there is one that the clocks show
// twice: it means the first time.
func instant(local string, zone *time.Location) (time.Time, error) {
	wall, err := time.Parse(LocalLayout, local)
	if err != nil {
		return time.Time{}, err
	}
	return wallTime(wall, zone), nil
}

// wallTime turns a clock reading, given as if it were UTC, into a moment.
func wallTime(wall time.Time, zone *time.Location) time.Time {
	before, after := offsetAt(wall.Add(-24*time.Hour), zone), offsetAt(wall.Add(24*time.Hour), zone)
	first, last := wall.Add(-before), wall.Add(-after)
	switch {
	case offsetAt(first, zone) == before:
		return first
	case offsetAt(last, zone) == after:
		return last
	}
	skipped, _ := first.In(zone).ZoneBounds()
	return skipped
}

// offsetAt is how far the zone's clocks are ahead of UTC at a moment.
func offsetAt(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// endOfDay is the moment at which a local date is over.
func endOfDay(date string, zone *time.Location) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return time.Time{}, err
	}
	return wallTime(day.AddDate(0, 0, 1), zone), nil
}

// localTime is a moment as the region's clocks show it.
func localTime(unix int64, zone *time.Location) string {
	return time.Unix(unix, 0).In(zone).Format(LocalLayout)
}

// lastZone is where a local date and time comes last on earth: what has passed
// there has passed everywhere.
var lastZone = time.FixedZone("everywhere", -12*60*60)
