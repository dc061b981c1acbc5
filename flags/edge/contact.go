package edge

import (
	"time"

	"github.com/quorate/quorate/flags/provider/upstream"
)

// always is the contact of files: what stands there is what there is.
type always struct{ now func() time.Time }

func (a always) Fresh() (bool, time.Time)      { return true, a.now() }
func (always) Silence(time.Time) time.Duration { return 0 }

// streams is the contact of an upstream's regions: as good as that of the worst.
type streams []*upstream.Follower

func (s streams) Fresh() (fresh bool, since time.Time) {
	fresh = true
	for _, f := range s {
		state := f.State()
		if state == nil {
			return false, time.Time{}
		}
		if fresh = fresh && state.Connected; since.IsZero() || state.Since.Before(since) {
			since = state.Since
		}
	}
	return fresh, since
}

func (s streams) Silence(at time.Time) (longest time.Duration) {
	for _, f := range s {
		if state := f.State(); state != nil {
			longest = max(longest, state.Silence(at))
		}
	}
	return longest
}
