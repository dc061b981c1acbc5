package flagd

import (
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/fault"
)

// Source is where a Handler reads what each region serves. It MUST be safe for
// concurrent use and MUST NOT wait for anything: it is asked on every request.
type Source interface {
	// Revision names what a region serves now: as long as it stays the same,
	// so does the set. Errors are faults: NotReady until the first state has
	// been loaded, and only after that NotFound for a region that is not.
	Revision(region string) (int64, error)
	// Set is what a region serves now, whole. Errors as of Revision.
	Set(region string) (Set, error)
	// Regions lists the regions that there are. The error is NotReady until the
	// first state has been loaded.
	Regions() ([]string, error)
	// Fresh reports whether the source is in contact with whence it has its
	// state, and when it last was.
	Fresh() (bool, time.Time)
	// Silence is how long ago, at a time, the source was last known to speak for
	// its state, by whichever clock says more. Leases are compared with it.
	Silence(at time.Time) time.Duration
	// Changed is closed when a Revision has changed. It is taken before
	// Revision, or a change in between is missed.
	Changed() <-chan struct{}
}

// A Set is the flags of one region at one revision. Nothing in it is changed
// once it has been given away.
type Set struct {
	Revision int64
	Origin   Origin
	Metadata map[string]any // flat: string, bool, json.Number
	Flags    []*eval.Flag   // each key once
}

// Origin tells those who keep a set whence it comes, so that they can refuse one
// that is older. The zero value says nothing.
type Origin struct {
	Incarnation string `json:"incarnation"`
	Epoch       int64  `json:"epoch"`
	Revision    int64  `json:"revision"` // of the set, in that life of the store
}

// FromReplica is the source of a server: what its replica has of the store.
func FromReplica(r *flags.Replica) Source { return replica{r} }

type replica struct{ *flags.Replica }

func (r replica) snapshot(region string) (*flags.Snapshot, error) {
	s := r.Snapshot()
	switch {
	case s == nil:
		return nil, notReady()
	case !s.HasRegion(region):
		return nil, unknownRegion(region)
	}
	return s, nil
}

func (r replica) Revision(region string) (int64, error) {
	s, err := r.snapshot(region)
	if err != nil {
		return 0, err
	}
	return s.RegionRevision(region), nil
}

func (r replica) Set(region string) (Set, error) {
	s, err := r.snapshot(region)
	if err != nil {
		return Set{}, err
	}
	revision := s.RegionRevision(region)
	metadata := map[string]any{"flagSetId": region, "version": strconv.FormatInt(revision, 10)}
	origin := Origin{Incarnation: s.Life.ID, Epoch: s.Life.Epoch, Revision: revision}
	return Set{Revision: revision, Origin: origin, Metadata: metadata, Flags: s.FlagSet(region)}, nil
}

func (r replica) Regions() ([]string, error) {
	s := r.Snapshot()
	if s == nil {
		return nil, notReady()
	}
	var keys []string
	for _, rec := range s.Regions() {
		keys = append(keys, rec.Value.Key)
	}
	return keys, nil
}

// Sets is a Source of compiled sets that somebody else keeps current: an edge,
// or a test. The zero value is ready for use and not ready to serve.
type Sets struct {
	mu       sync.Mutex
	revision int64
	byRegion map[string]Set
	changed  chan struct{} // closed and replaced with each Put; nil: nobody asked yet
}

// Put replaces what a region serves.
func (s *Sets) Put(region string, set *eval.Set) {
	list := make([]*eval.Flag, 0, len(set.Keys()))
	for _, key := range set.Keys() {
		f, _ := set.Flag(key)
		list = append(list, f)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byRegion == nil {
		s.byRegion = map[string]Set{}
	}
	s.revision++
	s.byRegion[region] = Set{Revision: s.revision, Metadata: set.Metadata(), Flags: list}
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Revision is the number of the Put that the region's set came with.
func (s *Sets) Revision(region string) (int64, error) {
	set, err := s.Set(region)
	return set.Revision, err
}

// Set is what was put last for the region.
func (s *Sets) Set(region string) (Set, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set, ok := s.byRegion[region]
	switch {
	case len(s.byRegion) == 0:
		return Set{}, notReady()
	case !ok:
		return Set{}, unknownRegion(region)
	}
	return set, nil
}

// Regions lists the regions that something was put for, ordered by key.
func (s *Sets) Regions() ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byRegion) == 0 {
		return nil, notReady()
	}
	return slices.Sorted(maps.Keys(s.byRegion)), nil
}

// Fresh is always true: what was put is what there is.
func (s *Sets) Fresh() (bool, time.Time) { return true, time.Time{} }

// Silence is always none.
func (s *Sets) Silence(time.Time) time.Duration { return 0 }

// Changed is closed with the next Put.
func (s *Sets) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

func notReady() error {
	return fault.New(fault.NotReady, "not_ready", "this replica has not loaded the state yet").Do("ask again in a second")
}

func unknownRegion(region string) error {
	return fault.New(fault.NotFound, "unknown_region", "there is no region %.80q", region).Do("check the selector of the provider")
}
