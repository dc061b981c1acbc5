package flags

import (
	"slices"
	"time"
)

// A widening asks whether a change would turn something on for somebody while a
// freeze lasts: from now to its end. Turning off, narrowing, lowering, and what
// begins after the freeze never do.
type widening struct {
	zone     *time.Location
	frozen   spans
	now, end int64
}

// of names what would be turned on, "" if nothing would.
func (w widening) of(before, after Enablement, was, is Baseline) string {
	if !after.On() {
		return ""
	}
	old, how := before.Effective(was), after.Effective(is)
	switch {
	case w.start(how) >= w.end:
		return "" // it begins after the freeze
	case !before.On() || w.stop(old) <= w.now:
		return "it cannot be turned on"
	case w.start(old) > w.now && w.start(how) < w.start(old):
		return "its start cannot be earlier"
	case w.stop(old) < w.end && w.stop(how) > w.stop(old):
		return "its end cannot be later"
	case w.share(how) > w.share(old):
		return "its rollout cannot be raised"
	case how.Audience.wider(old.Audience):
		return "its audience cannot be wider"
	}
	return ""
}

const (
	always  = int64(0)
	endless = int64(1) << 62
)

func (w widening) start(h How) int64 {
	t, err := instant(h.Schedule.From, w.zone)
	if err != nil {
		return always
	}
	unix, _ := w.frozen.shift(t.Unix())
	return unix
}

func (w widening) stop(h How) int64 {
	t, err := instant(h.Schedule.Until, w.zone)
	if err != nil {
		return endless
	}
	return t.Unix()
}

// share is how many are in now. No stage takes effect before the freeze is over,
// so it is how many are in until then.
func (w widening) share(h How) (share int64) {
	for _, s := range h.Rollout.steps(w.zone, w.frozen, everyone) {
		if s.at <= w.now {
			share = s.share
		}
	}
	return share
}

// wider reports whether an audience may take in somebody whom another does not.
func (a Audience) wider(than Audience) bool {
	for _, lists := range [][2][]string{{a.Languages, than.Languages}, {a.Facilities, than.Facilities},
		{a.ServiceLines, than.ServiceLines}, {a.Cohorts, than.Cohorts}, {a.Jurisdictions, than.Jurisdictions}} {
		if widerList(lists[0], lists[1]) {
			return true
		}
	}
	youngest, oldest := orElse(a.AgeMin, 0), orElse(a.AgeMax, maxAge)
	return youngest < orElse(than.AgeMin, 0) || oldest > orElse(than.AgeMax, maxAge) ||
		a.AgeMin == nil && a.AgeMax == nil && (than.AgeMin != nil || than.AgeMax != nil) ||
		a.RegisteredDevice == nil && than.RegisteredDevice != nil
}

// widerList reports whether a list allows what another does not; an empty one
// allows everything.
func widerList(list, than []string) bool {
	if len(than) == 0 {
		return false
	}
	return len(list) == 0 || slices.ContainsFunc(list, func(v string) bool { return !slices.Contains(than, v) })
}

func orElse(n *int, other int) int {
	if n == nil {
		return other
	}
	return *n
}
