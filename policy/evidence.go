package policy

import "time"

// Evidence is a typed proof: who it is for, from when, until when. It is inherited
// from the organization ("*") to a region to a jurisdiction, and from all
// capabilities to one; a version narrows it to that version.
type Evidence struct {
	Type              string `json:"type"`
	Scope             string `json:"scope"`                // "*", a region, or a jurisdiction
	Capability        string `json:"capability,omitempty"` // empty: every one
	CapabilityVersion string `json:"capability_version,omitempty"`
	Issued            string `json:"issued,omitempty"`
	Expires           string `json:"expires"` // first day on which it no longer counts
	URI               string `json:"uri,omitempty"`
	Hash              string `json:"hash,omitempty"`
	// Revision is that of its record in the store, 0 if it is in none.
	Revision int64 `json:"-"`
}

// covers reports whether the evidence is about this case, whatever the day.
func (e *Evidence) covers(kind string, c *situation) bool {
	return e.Type == kind &&
		(e.Scope == "*" || e.Scope == c.in.Region || e.Scope == c.jurisdiction) && e.Scope != "" &&
		(e.Capability == "" || e.Capability == c.in.Capability) &&
		(e.CapabilityVersion == "" || e.CapabilityVersion == c.in.CapabilityVersion)
}

// shown looks for evidence of a kind, with the days of grace that the rule gives
// after its end. Of several pieces the one that lasts longest counts. Evidence
// without an end, or with one that is no day, does not count.
func (c *situation) shown(kind string, grace int) (Lapse, bool) {
	best := Lapse{Type: kind}
	found := false
	for i := range c.in.Evidence {
		e := &c.in.Evidence[i]
		if !e.covers(kind, c) {
			continue
		}
		expires, err := ParseDay(e.Expires)
		if err != nil || !issued(e.Issued, c.today) || shift(expires, grace) <= c.today {
			continue
		}
		if !found || expires > best.Expires {
			best.Expires, found = expires, true
		}
	}
	if found {
		best.Within = warning(c.today, best.Expires)
		c.boundary.see(best.Expires, shift(best.Expires, grace))
	}
	return best, found
}

// issued reports whether a piece has begun to count. An unknown day of issue is no
// obstacle, a malformed one is.
func issued(day string, today Day) bool {
	if day == "" {
		return true
	}
	from, err := ParseDay(day)
	return err == nil && from.begun(today)
}

// warning is the stage that a lapse has reached: 90, 30 or 7 days, 0 past its end,
// -1 not yet.
func warning(today, expires Day) int {
	if expires <= today {
		return 0
	}
	for _, days := range []int{7, 30, 90} {
		if expires <= shift(today, days) {
			return days
		}
	}
	return -1
}

// shift moves a day.
func shift(d Day, days int) Day {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return d
	}
	return Day(t.AddDate(0, 0, days).Format(time.DateOnly))
}
