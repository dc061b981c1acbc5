package flags

import (
	"maps"
	"slices"
	"time"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/kv"
)

// builder makes a snapshot out of an older one and events. The older one may be
// in use, so whatever is changed is copied first, and nothing else is.
type builder struct {
	next       Snapshot
	ownCatalog bool
	ownFlags   bool
	ownRegion  map[string]bool
	pairs      map[pairKey]progress // what is to be compiled anew
	keys       bool                 // the set of flags, or the graph of prerequisites, changed
	quarantine func(path string, err error)
	known      compilations      // nil: compile everything anew
	plain      bool              // records come as plain JSON, not as stored
	failed     map[pairKey]error // pairs whose definition cannot be used
	recompiled int
}

type pairKey struct{ region, capability string }

type progress int

const (
	touched progress = iota + 1
	deciding
	decided
)

func newBuilder(from *Snapshot, quarantine func(string, error)) *builder {
	if from == nil {
		from = &Snapshot{catalog: &catalog{flags: map[string]flagRef{}}, regions: map[string]*regionView{}, position: unregulated}
	}
	return &builder{
		next: Snapshot{catalog: from.catalog, regions: maps.Clone(from.regions), damaged: from.damaged,
			serial: from.serial + 1, position: from.position},
		ownRegion: map[string]bool{}, pairs: map[pairKey]progress{}, quarantine: quarantine, failed: map[pairKey]error{},
	}
}

// take takes one event over.
func (b *builder) take(e kv.Event) {
	if parts, ok := regions.Split(e.Path); ok {
		b.takeRegion(parts[0], e)
	} else if parts, ok := facilities.Split(e.Path); ok && len(parts) == 2 {
		b.takeFacility(parts[0], parts[1], e)
	} else if parts, ok := capabilities.Split(e.Path); ok {
		b.takeCapability(parts[0], e)
	} else if parts, ok := offers.Split(e.Path); ok {
		i := b.ordinal(parts[0])
		b.catalog().offers[i] = record(b, offers, e, b.next.catalog.offers[i].Value)
		b.touchEverywhere(parts[0])
	} else if parts, ok := enablements.Split(e.Path); ok && len(parts) == 2 {
		b.takeEnablement(parts[0], parts[1], e)
	} else if parts, ok := freezes.Split(e.Path); ok && len(parts) == 2 {
		b.takeFreeze(parts[0], parts[1], e)
	} else if parts, ok := baselines.Split(e.Path); ok {
		b.takeBaseline(parts[0], e)
	}
}

func (b *builder) takeRegion(key string, e kv.Event) {
	view := b.view(key)
	last := view.region.Value
	last.Key = key
	rec := record(b, regions, e, last)
	view.region, view.zone = rec, time.UTC
	if zone, err := zones.load(rec.Value.TimeZone); err == nil {
		view.zone = zone
	}
	view.readFreezes()
	for _, c := range b.next.catalog.capabilities {
		if c.Exists() {
			b.touch(pairKey{key, c.Value.Key})
		}
	}
}

// takeFacility takes a facility over. One that cannot be read runs no system.
func (b *builder) takeFacility(region, key string, e kv.Event) {
	rec := record(b, facilities, e, Facility{Key: key, Region: region})
	view := b.view(region)
	view.facilities = maps.Clone(view.facilities)
	if view.facilities == nil {
		view.facilities = map[string]kv.Record[Facility]{}
	}
	if view.facilities[key] = rec; !rec.Exists() {
		delete(view.facilities, key)
	}
	for i, c := range b.next.catalog.capabilities {
		if len(c.Value.RequiresSystems) > 0 && view.enablement(i).Value.On() {
			b.touch(pairKey{region, c.Value.Key})
		}
	}
}

// takeFreeze takes a freeze over. It moves starts and stages, so it touches what
// has any.
func (b *builder) takeFreeze(region, id string, e kv.Event) {
	view := b.view(region)
	rec := record(b, freezes, e, view.freezes[id].Value)
	view.freezes = maps.Clone(view.freezes)
	if view.freezes == nil {
		view.freezes = map[string]kv.Record[Freeze]{}
	}
	if view.freezes[id] = rec; !rec.Exists() {
		delete(view.freezes, id)
	}
	view.readFreezes()
	for i, c := range b.next.catalog.capabilities {
		if e := view.enablement(i).Value; e.On() && e.Effective(b.next.catalog.baselines[i].Value).timed() {
			b.touch(pairKey{region, c.Value.Key})
		}
	}
}

// takeBaseline takes a baseline over. Only who follows it is touched.
func (b *builder) takeBaseline(capability string, e kv.Event) {
	i := b.ordinal(capability)
	b.catalog().baselines[i] = record(b, baselines, e, b.next.catalog.baselines[i].Value)
	for region, view := range b.next.regions {
		if view.enablement(i).Value.Follow {
			b.touch(pairKey{region, capability})
		}
	}
}

func (b *builder) takeCapability(key string, e kv.Event) {
	i := b.ordinal(key)
	last := b.next.catalog.capabilities[i].Value
	last.Key = key
	rec := record(b, capabilities, e, last)
	b.keys = b.keys || !sameFlags(b.next.catalog.capabilities[i], rec)
	b.catalog().capabilities[i] = rec
	b.touchEverywhere(key)
}

// sameFlags reports whether a capability has the same flags as before, and the
// same place in the graph of prerequisites.
func sameFlags(a, b kv.Record[Capability]) bool {
	return a.Exists() == b.Exists() && slices.Equal(a.Value.Prerequisites, b.Value.Prerequisites) &&
		slices.EqualFunc(a.Value.Settings, b.Value.Settings, func(x, y Setting) bool { return x.Key == y.Key })
}

func (b *builder) takeEnablement(region, capability string, e kv.Event) {
	i := b.ordinal(capability)
	view := b.view(region)
	rec := record(b, enablements, e, view.enablement(i).Value)
	view.enablements = grown(view.enablements, i+1)
	if view.enablements[i] = &rec; !rec.Exists() {
		view.enablements[i] = nil
	}
	b.touch(pairKey{region, capability})
}

func (b *builder) touch(key pairKey) { b.pairs[key] = touched }

func (b *builder) touchEverywhere(capability string) {
	for region := range b.next.regions {
		b.touch(pairKey{region, capability})
	}
}

// catalog is the catalog that may be changed.
func (b *builder) catalog() *catalog {
	if !b.ownCatalog {
		c := *b.next.catalog
		c.capabilities, c.offers, c.baselines = slices.Clone(c.capabilities), slices.Clone(c.offers), slices.Clone(c.baselines)
		b.next.catalog, b.ownCatalog = &c, true
	}
	return b.next.catalog
}

// view is a region's view that may be changed. A region of which only an answer
// is known yet gets an empty one; it is served once its record comes.
func (b *builder) view(region string) *regionView {
	view := b.next.regions[region]
	if b.ownRegion[region] {
		return view
	}
	own := regionView{zone: time.UTC}
	if view != nil {
		own = *view
	}
	own.enablements, own.pairs = slices.Clone(own.enablements), slices.Clone(own.pairs)
	b.next.regions[region], b.ownRegion[region] = &own, true
	return &own
}

func grown[T any](list []T, n int) []T {
	if len(list) < n {
		list = append(list, make([]T, n-len(list))...)
	}
	return list
}

// ordinal is the capability's place in every slice; a new one gets the next.
func (b *builder) ordinal(capability string) int {
	if ref, ok := b.next.catalog.flags[capability]; ok {
		return ref.capability
	}
	c := b.catalog()
	if !b.ownFlags {
		c.flags, b.ownFlags = maps.Clone(c.flags), true
	}
	b.keys = true
	c.flags[capability] = flagRef{capability: len(c.capabilities)}
	c.capabilities = append(c.capabilities, kv.Record[Capability]{})
	c.offers = append(c.offers, kv.Record[Offer]{})
	c.baselines = append(c.baselines, kv.Record[Baseline]{})
	return len(c.capabilities) - 1
}

// build finishes the snapshot: the index of flags if it changed, then every
// pair that was touched and, through prerequisites, those that depend on it.
func (b *builder) build(revision int64) *Snapshot {
	if b.keys {
		b.index()
	}
	for key := range b.pairs {
		b.spread(key)
	}
	for key := range b.pairs {
		b.decide(key)
	}
	for region := range b.ownRegion {
		b.next.regions[region].sum()
	}
	b.next.Revision = revision
	return &b.next
}

// index makes the table of flags anew: capabilities that exist, their settings,
// and who depends on whom. Ordinals stay as they are.
func (b *builder) index() {
	c := b.catalog()
	flags := make(map[string]flagRef, len(c.flags))
	for key, ref := range c.flags {
		if ref.flag == 0 {
			flags[key] = ref // an offer or an answer may have come before its capability
		}
	}
	c.sorted, c.dependants = nil, map[string][]string{}
	for i, rec := range c.capabilities {
		if !rec.Exists() {
			continue
		}
		c.sorted = append(c.sorted, rec.Value.Key)
		for j, s := range rec.Value.Settings {
			key := rec.Value.Key + "." + s.Key
			flags[key] = flagRef{capability: i, flag: j + 1}
			c.sorted = append(c.sorted, key)
		}
		for _, p := range rec.Value.Prerequisites {
			c.dependants[p] = append(c.dependants[p], rec.Value.Key)
		}
	}
	slices.Sort(c.sorted)
	c.flags = flags
}

// spread marks whatever depends on a touched pair.
func (b *builder) spread(key pairKey) {
	for _, d := range b.next.catalog.dependants[key.capability] {
		if next := (pairKey{key.region, d}); b.pairs[next] == 0 {
			b.touch(next)
			b.spread(next)
		}
	}
}

// decide finds what must hold for a pair, prerequisites first, and compiles its
// flags. The graph has no cycle: a change that would make one is refused. Should
// the store hold one all the same, whoever is met again counts as off.
func (b *builder) decide(key pairKey) compiled {
	c := b.next.catalog
	ref, known := c.flags[key.capability]
	if !known {
		return compiled{conditions: conditions{last: NoOffer}}
	}
	i := ref.capability
	switch b.pairs[key] {
	case touched:
		b.pairs[key] = deciding
	case deciding:
		return compiled{conditions: conditions{last: Prerequisite}}
	default:
		return b.next.regions[key.region].pair(i)
	}
	view := b.view(key.region)
	view.pairs = grown(view.pairs, i+1)
	view.pairs[i] = nil
	if capability := c.capabilities[i]; capability.Exists() {
		p := b.decidePair(key, view, i, capability) // may grow view.pairs
		view.pairs[i] = p
	}
	b.pairs[key] = decided
	return view.pair(i)
}

func (b *builder) decidePair(key pairKey, view *regionView, i int, c kv.Record[Capability]) *compiled {
	offer, enablement, baseline := b.next.catalog.offers[i], view.enablement(i), b.next.catalog.baselines[i]
	in := inputs{region: view.region.Value, zone: view.zone, facilities: view.facilities, frozen: view.frozen,
		capability: c.Value, offer: offer.Value, enablement: enablement.Value, baseline: baseline.Value}
	p := &compiled{revision: max(view.region.Revision, c.Revision, offer.Revision, enablement.Revision)}
	var leases []time.Duration
	for _, prerequisite := range c.Value.Prerequisites {
		needed := b.decide(pairKey{key.region, prerequisite})
		leases = append(leases, needed.lease)
		in.needs = append(in.needs, needed.conditions)
		p.revision = max(p.revision, needed.revision)
	}
	how := enablement.Value.Effective(baseline.Value)
	p.revision = max(p.revision, view.revisionFor(&in, how, baseline.Revision))
	if in.regulate(b.next.position, how); in.guard != nil {
		p.revision = max(p.revision, in.guard.Revision)
		p.guard = in.guard
	}
	p.lease = in.strictFor(leases)
	p.conditions = in.decide()
	if b.next.damaged.under(&in, how) {
		p.conditions = conditions{of: c.Value.Key, last: Off}
	}
	flags, err := b.known.compile(c.Value, how, &p.conditions)
	if err != nil {
		flags = b.giveUp(key, p, c.Value, err)
	}
	metadata := metadataOf(key.region, c.Value, offer.Value, p.revision)
	in.stamp(metadata, p.lease)
	p.flags = label(flags, metadata)
	b.recompiled++
	return p
}

// giveUp serves an explicit off where a definition cannot be used.
func (b *builder) giveUp(key pairKey, p *compiled, c Capability, cause error) []*eval.Flag {
	b.failed[key] = cause
	b.quarantine("capabilities/"+key.capability, cause)
	p.conditions = conditions{of: key.capability, last: Off}
	flags, err := b.known.compile(c, How{}, &p.conditions)
	if err != nil {
		b.quarantine("capabilities/"+key.capability, err)
	}
	return flags
}
