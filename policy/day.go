package policy

import (
	"fmt"
	"time"
	_ "time/tzdata" // a day of law must not hang on what the host has installed
)

// A Day is a date in a jurisdiction's own calendar, as 2027-01-01. Days compare
// as strings do. The empty Day is no day: since ever, or without end.
type Day string

// ParseDay accepts a date of exactly this form that exists.
func ParseDay(s string) (Day, error) {
	if t, err := time.Parse(time.DateOnly, s); err != nil || t.Format(time.DateOnly) != s {
		return "", fmt.Errorf("%q is not a day such as 2027-01-01", s)
	}
	return Day(s), nil
}

// UnmarshalYAML takes any text; the check of the bundle then refuses what is no
// day and says whose it is.
func (d *Day) UnmarshalYAML(decode func(any) error) error {
	var v any
	if err := decode(&v); err != nil {
		return err
	}
	*d = ""
	if v != nil {
		*d = Day(fmt.Sprint(v))
	}
	return nil
}

// begun and over read a rule's two dates: it begins at midnight of the first day
// in force, and is over at midnight of the first day not in force.
func (d Day) begun(today Day) bool { return d == "" || d <= today }
func (d Day) over(today Day) bool  { return d != "" && d <= today }

// midnight is the moment at which the day begins there.
func (d Day) midnight(zone *time.Location) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, string(d), zone)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// today is the day there at that moment.
func today(at time.Time, zone *time.Location) Day {
	return Day(at.In(zone).Format(time.DateOnly))
}

// next keeps the earliest of the days that are still to come.
type next struct{ today, day Day }

func (n *next) see(days ...Day) {
	for _, d := range days {
		if d > n.today && (n.day == "" || d < n.day) {
			n.day = d
		}
	}
}
