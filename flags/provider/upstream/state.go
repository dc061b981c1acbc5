package upstream

import (
	"math"
	"time"

	"github.com/quorate/quorate/flags/eval"
)

// Origin says whence a set comes and how new it is. The zero value is of a server
// that does not say.
type Origin struct {
	Incarnation string `json:"incarnation"` // of the store; made when it is first used
	Epoch       int64  `json:"epoch"`       // raised when a restored backup is accepted; never falls
	Revision    int64  `json:"revision"`    // of the set
}

// stale reports whether a set of this origin may not follow one of another.
func (o Origin) stale(seen Origin) bool {
	switch {
	case o.Incarnation == "" || seen.Incarnation == "": // one of them does not say
		return false
	case o.Epoch != seen.Epoch:
		return o.Epoch < seen.Epoch
	case o.Incarnation != seen.Incarnation:
		return true // another store, which is no newer
	}
	return o.Revision < seen.Revision
}

// State is one set and how good it is. It is never changed, only replaced, so
// readers need no lock. Do not change what it refers to.
type State struct {
	Set     *eval.Set      // the flags, without the bounds of their leases
	Context map[string]any // what the server says of itself in every evaluation; nil: nothing
	Origin  Origin
	// Connected reports whether the stream is open and has brought a set that
	// was good. Since is when the server was last heard of.
	Connected bool
	Since     time.Time
	// Serial counts the sets that were applied.
	Serial int64

	document string
	granted  time.Time // up to then the server spoke for it, by its clock; zero: it did not say
	received time.Time // when that came, by ours, with the monotonic reading if it was in this process
}

// Silence is how long ago, at a time, the server last spoke for this set: what a
// lease is compared with. If the clock says that the set comes from the future,
// nothing is known, and it is for ever.
func (s *State) Silence(at time.Time) time.Duration {
	silence := at.Sub(s.received)
	if silence < 0 {
		return math.MaxInt64
	}
	if s.granted.IsZero() {
		return silence
	}
	return max(silence, at.Round(0).Sub(s.granted))
}

// Lapsed reports whether a lease, if it is one, has run out.
func (s *State) Lapsed(lease time.Duration, at time.Time) bool {
	return lease > 0 && s.Silence(at) >= lease
}

// Document is the set in flagd's language, without the bounds of leases.
func (s *State) Document() string { return s.document }
