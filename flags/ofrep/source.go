package ofrep

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/identity"
)

// Source is whence a Handler has what regions serve: a server's replica, or the
// sets of an edge. It is safe for concurrent use, and nothing of it but Wait waits.
type Source interface {
	State() State // nil until there is one
	// Changed is closed when State is replaced. It is taken before State, or a
	// change in between is missed.
	Changed() <-chan struct{}
	Ready() <-chan struct{} // closed once there is a State
	// Fresh reports whether the source is in contact with whence it has its
	// state, and when it last was.
	Fresh() (bool, time.Time)
	// Silence is how long ago, at a time, the source was last known to speak for
	// its state. Leases are compared with it.
	Silence(at time.Time) time.Duration
	// Wait returns once State shows a revision, or ctx ends.
	Wait(ctx context.Context, revision int64) error
}

// State is what every region serves at one moment. It never changes, and can be
// compared with ==.
type State interface {
	HasRegion(region string) bool
	RegionKeys() []string
	Flags(region string) []*eval.Flag
	Metadata(region string) map[string]any // of the set; flat
	RegionRevision(region string) int64
	TimeStage(region string, at time.Time) int
	Newest() int64      // revision of the whole
	After(o State) bool // this source made it later than the other
}

// Directory finds out who asks. See access.Directory.
type Directory interface {
	Identify(r *http.Request, now time.Time) (identity.Principal, error)
	Sign(id, given string, now time.Time) (identity.Principal, []byte, error)
}

// replica is a server's source.
type replica struct{ *flags.Replica }

func (r replica) State() State {
	if s := r.Snapshot(); s != nil {
		return snapshot{s}
	}
	return nil
}

type snapshot struct{ *flags.Snapshot }

func (s snapshot) Newest() int64 { return s.Revision }

func (s snapshot) After(o State) bool { return s.Snapshot.After(o.(snapshot).Snapshot) }

func (s snapshot) RegionKeys() []string {
	var keys []string
	for _, r := range s.Regions() {
		keys = append(keys, r.Value.Key)
	}
	return keys
}

func (s snapshot) Metadata(region string) map[string]any {
	return map[string]any{"region": region, "revision": s.RegionRevision(region)}
}

// encoded is flat metadata as JSON, which it always has.
func encoded(metadata map[string]any) []byte {
	raw, err := json.Marshal(metadata)
	if err != nil {
		panic(err)
	}
	return raw
}
