package flags

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/quorate/quorate/internal/kv"
)

// regionView is one region: its record, facilities and freezes, and by
// capability's ordinal its enablements (nil where there is none) and compiled
// pairs (nil where there is nothing to serve). Both slices may be shorter than
// the catalog.
type regionView struct {
	region      kv.Record[Region]
	zone        *time.Location // of the region; UTC until its record comes
	facilities  map[string]kv.Record[Facility]
	freezes     map[string]kv.Record[Freeze]
	frozen      spans // the freezes, read in the zone
	enablements []*kv.Record[Enablement]
	pairs       []*compiled
	newest      int64   // newest revision among what its values rest on
	boundaries  []int64 // when its values may change by the clock alone, in order
}

func (v *regionView) enablement(ordinal int) kv.Record[Enablement] {
	if ordinal < len(v.enablements) && v.enablements[ordinal] != nil {
		return *v.enablements[ordinal]
	}
	return kv.Record[Enablement]{}
}

func (v *regionView) pair(ordinal int) compiled {
	if ordinal < len(v.pairs) && v.pairs[ordinal] != nil {
		return *v.pairs[ordinal]
	}
	return compiled{}
}

// readFreezes reads the freezes anew, after one of them or the zone changed.
func (v *regionView) readFreezes() {
	var list []Freeze
	for _, f := range v.freezes {
		list = append(list, f.Value)
	}
	v.frozen = spansOf(list, v.zone)
}

// revisionFor is the newest revision among those inputs of a pair that count only
// for some: the facilities where it requires systems, the freezes where it has a
// start or stages, the baseline where the region follows it.
func (v *regionView) revisionFor(in *inputs, how How, baseline int64) (newest int64) {
	if !in.enablement.On() {
		return 0
	}
	if len(in.capability.RequiresSystems) > 0 {
		for _, f := range v.facilities {
			newest = max(newest, f.Revision)
		}
	}
	if how.timed() {
		for _, f := range v.freezes {
			newest = max(newest, f.Revision)
		}
	}
	if in.enablement.Follow {
		newest = max(newest, baseline)
	}
	return newest
}

// timed reports whether a freeze may hold something of it back.
func (h How) timed() bool {
	return h.Schedule.From != "" || h.Rollout != nil && len(h.Rollout.Stages) > 0
}

// sum puts together what is known of a region as a whole.
func (v *regionView) sum() {
	v.newest, v.boundaries = v.region.Revision, nil
	for _, p := range v.pairs {
		if p != nil {
			v.newest = max(v.newest, p.revision)
			v.boundaries = append(v.boundaries, p.boundaries()...)
		}
	}
	slices.Sort(v.boundaries)
	v.boundaries = slices.Compact(v.boundaries)
}

// TimeStage counts the moments, up to a time, at which a region's values changed
// or may have changed by the clock alone. Two evaluations of one region at the
// same revision and the same time stage, with the same context, have the same
// values.
func (s *Snapshot) TimeStage(region string, at time.Time) int {
	view := s.view(region)
	if view == nil {
		return 0
	}
	n, found := slices.BinarySearch(view.boundaries, at.Unix())
	if found {
		n++
	}
	return n
}

// NextBoundary is the first moment after a time at which some region's values may
// change by the clock alone; ok is false if there is none.
func (s *Snapshot) NextBoundary(at time.Time) (next time.Time, ok bool) {
	for region := range s.regions {
		view := s.view(region)
		if view == nil {
			continue
		}
		if i := s.TimeStage(region, at); i < len(view.boundaries) {
			if t := time.Unix(view.boundaries[i], 0).UTC(); !ok || t.Before(next) {
				next, ok = t, true
			}
		}
	}
	return next, ok
}

// zones keeps the time zones that were loaded: reading one takes a file.
var zones zoneCache

type zoneCache struct{ loaded sync.Map }

func (z *zoneCache) load(name string) (*time.Location, error) {
	if zone, ok := z.loaded.Load(name); ok {
		return zone.(*time.Location), nil
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is no time zone", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	z.loaded.Store(name, zone)
	return zone, nil
}
