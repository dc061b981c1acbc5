package flags

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/policy"
)

// A Snapshot is everything this slice knows at one revision of the store, with
// every pair compiled. It is never changed after it has been published, so any
// number of readers may use it without a lock. Maps and slices it returns are
// shared: read only.
type Snapshot struct {
	Revision int64          // of the store; evaluation says it
	Life     kv.Incarnation // of the store
	catalog  *catalog
	regions  map[string]*regionView
	damaged  damage
	position *policy.Position // of regulation, at the same revision
	serial   int64            // counts the snapshots of this replica
}

// catalog is what all regions share. Capabilities have an ordinal, so that a
// region's pairs are a slice that is copied in microseconds.
type catalog struct {
	capabilities []kv.Record[Capability] // by ordinal; a place may be empty
	offers       []kv.Record[Offer]      // by ordinal
	baselines    []kv.Record[Baseline]   // by ordinal
	flags        map[string]flagRef      // flag key → where it stands in every region
	sorted       []string                // flag keys in order
	dependants   map[string][]string     // capability → those that name it as prerequisite
}

type flagRef struct{ capability, flag int }

// A Value is an evaluated flag, with its key.
type Value struct {
	Key string
	eval.Result
}

// After reports whether this replica made s later than other. Revisions do not
// tell: that of an accepted restore is lower than what was before.
func (s *Snapshot) After(other *Snapshot) bool { return s.serial > other.serial }

// Position is what regulation says at this revision. Never nil.
func (s *Snapshot) Position() *policy.Position { return s.position }

// unregulated is the position of a replica that follows no policy: law that says
// nothing.
var unregulated = &policy.Position{Law: policy.EmptyLaw()}

// HasRegion reports whether the region exists.
func (s *Snapshot) HasRegion(region string) bool { return s.view(region) != nil }

// view is a region that exists, nil if it does not or cannot be used.
func (s *Snapshot) view(region string) *regionView {
	if v := s.regions[region]; v != nil && v.region.Exists() {
		return v
	}
	return nil
}

// Evaluate gives a flag's value in a region for one evaluation context at one
// time. found is false if there is no such flag. It neither blocks nor fails for
// want of the store.
func (s *Snapshot) Evaluate(region, key string, ctx eval.Context, at time.Time) (r eval.Result, found bool) {
	f := s.flag(region, key)
	if f == nil {
		return eval.Result{}, false
	}
	return f.Evaluate(ctx, at), true
}

func (s *Snapshot) flag(region, key string) *eval.Flag {
	view := s.view(region)
	if view == nil {
		return nil
	}
	ref, ok := s.catalog.flags[key]
	if !ok {
		return nil
	}
	if flags := view.pair(ref.capability).flags; ref.flag < len(flags) {
		return flags[ref.flag]
	}
	return nil
}

// Flags lists a region's compiled flags, ordered by key: what Evaluate evaluates.
// A flag that did not change from one snapshot to the next is the same one, so
// what a protocol makes of it can be kept. nil if there is no such region.
func (s *Snapshot) Flags(region string) []*eval.Flag {
	if !s.HasRegion(region) {
		return nil
	}
	list := make([]*eval.Flag, 0, len(s.catalog.sorted))
	for _, key := range s.catalog.sorted {
		if f := s.flag(region, key); f != nil {
			list = append(list, f)
		}
	}
	return list
}

// EvaluateAll evaluates every flag of a region, ordered by key.
func (s *Snapshot) EvaluateAll(region string, ctx eval.Context, at time.Time) []Value {
	if !s.HasRegion(region) {
		return nil
	}
	values := make([]Value, 0, len(s.catalog.sorted))
	for _, key := range s.catalog.sorted {
		if f := s.flag(region, key); f != nil {
			values = append(values, Value{key, f.Evaluate(ctx, at)})
		}
	}
	return values
}

// RegionRevision is the newest revision among everything that a region's values
// rest on: two snapshots with the same one serve the same values.
func (s *Snapshot) RegionRevision(region string) int64 {
	if view := s.view(region); view != nil {
		return view.newest
	}
	return 0
}

// Regions lists the regions, ordered by key.
func (s *Snapshot) Regions() []kv.Record[Region] {
	list := make([]kv.Record[Region], 0, len(s.regions))
	for _, key := range slices.Sorted(maps.Keys(s.regions)) {
		if s.HasRegion(key) {
			list = append(list, s.regions[key].region)
		}
	}
	return list
}

// Region finds a region.
func (s *Snapshot) Region(key string) (kv.Record[Region], error) {
	if view := s.view(key); view != nil {
		return view.region, nil
	}
	return kv.Record[Region]{}, unknownRegion(key)
}

// Facilities lists a region's facilities, ordered by key.
func (s *Snapshot) Facilities(region string) ([]kv.Record[Facility], error) {
	view := s.view(region)
	if view == nil {
		return nil, unknownRegion(region)
	}
	list := make([]kv.Record[Facility], 0, len(view.facilities))
	for _, key := range slices.Sorted(maps.Keys(view.facilities)) {
		list = append(list, view.facilities[key])
	}
	return list, nil
}

// Facility finds a facility of a region.
func (s *Snapshot) Facility(region, key string) (kv.Record[Facility], error) {
	view := s.view(region)
	if view == nil {
		return kv.Record[Facility]{}, unknownRegion(region)
	}
	if f, ok := view.facilities[key]; ok {
		return f, nil
	}
	return kv.Record[Facility]{}, unknownFacility(region, key)
}

// Capabilities lists the capabilities, ordered by key.
func (s *Snapshot) Capabilities() []kv.Record[Capability] {
	list := make([]kv.Record[Capability], 0, len(s.catalog.capabilities))
	for _, c := range s.catalog.capabilities {
		if c.Exists() {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b kv.Record[Capability]) int { return strings.Compare(a.Value.Key, b.Value.Key) })
	return list
}

// Capability finds a capability and its offer; an offer that was never made does
// not exist.
func (s *Snapshot) Capability(key string) (kv.Record[Capability], kv.Record[Offer], error) {
	ref, ok := s.catalog.flags[key]
	if !ok || ref.flag != 0 || !s.catalog.capabilities[ref.capability].Exists() {
		return kv.Record[Capability]{}, kv.Record[Offer]{}, unknownCapability(key)
	}
	return s.catalog.capabilities[ref.capability], s.catalog.offers[ref.capability], nil
}

// Offers lists every offer ever made, ordered by capability.
func (s *Snapshot) Offers() []kv.Record[Offer] {
	var list []kv.Record[Offer]
	for _, o := range s.catalog.offers {
		if o.Exists() {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b kv.Record[Offer]) int { return strings.Compare(a.Value.Capability, b.Value.Capability) })
	return list
}

// State is one pair: what stands in the store, and what follows from it.
type State struct {
	Region     kv.Record[Region]
	Capability kv.Record[Capability]
	Offer      kv.Record[Offer]
	Enablement kv.Record[Enablement]
	Baseline   kv.Record[Baseline]
	How        How   // the effective one, within the terms of the offer; of an enablement
	Cause      Cause // served, at the time asked about, to whoever meets what is asked of the context
	Revision   int64
	pair       compiled
	view       *regionView
	at         int64 // the time asked about
}

// State finds a pair, as it is at a time.
func (s *Snapshot) State(region, capability string, at time.Time) (State, error) {
	view := s.view(region)
	if view == nil {
		return State{}, unknownRegion(region)
	}
	c, o, err := s.Capability(capability)
	if err != nil {
		return State{}, err
	}
	i := s.catalog.flags[capability].capability
	st := State{Region: view.region, Capability: c, Offer: o, Enablement: view.enablement(i), Baseline: s.catalog.baselines[i],
		pair: view.pair(i), view: view, at: at.Unix()}
	st.Revision, st.Cause = st.pair.revision, st.pair.causeAt(at.Unix())
	if st.Enablement.Value.Answer == Enable {
		st.How = o.Value.within(region, st.Enablement.Value.Effective(st.Baseline.Value))
	}
	return st, nil
}

// Baselines lists every baseline, ordered by capability.
func (s *Snapshot) Baselines() []kv.Record[Baseline] {
	var list []kv.Record[Baseline]
	for _, b := range s.catalog.baselines {
		if b.Exists() {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b kv.Record[Baseline]) int { return strings.Compare(a.Value.Capability, b.Value.Capability) })
	return list
}

// Baseline finds a capability's baseline; one that was never set is a fault.
func (s *Snapshot) Baseline(capability string) (kv.Record[Baseline], error) {
	if _, _, err := s.Capability(capability); err != nil {
		return kv.Record[Baseline]{}, err
	}
	b := s.catalog.baselines[s.catalog.flags[capability].capability]
	if !b.Exists() {
		return b, noBaseline(capability)
	}
	return b, nil
}

// Freezes lists a region's freezes, those that are over included, by id.
func (s *Snapshot) Freezes(region string) ([]kv.Record[Freeze], error) {
	view := s.view(region)
	if view == nil {
		return nil, unknownRegion(region)
	}
	list := make([]kv.Record[Freeze], 0, len(view.freezes))
	for _, key := range slices.Sorted(maps.Keys(view.freezes)) {
		list = append(list, view.freezes[key])
	}
	return list, nil
}

// Freeze finds a freeze of a region.
func (s *Snapshot) Freeze(region, id string) (kv.Record[Freeze], error) {
	view := s.view(region)
	if view == nil {
		return kv.Record[Freeze]{}, unknownRegion(region)
	}
	if f, ok := view.freezes[id]; ok {
		return f, nil
	}
	return kv.Record[Freeze]{}, unknownFreeze(region, id)
}
