package flags

import (
	"maps"
	"slices"

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
		from = &Snapshot{catalog: &catalog{flags: map[string]flagRef{}}, regions: map[string]*regionView{}}
	}
	return &builder{
		next:      Snapshot{catalog: from.catalog, regions: maps.Clone(from.regions)},
		ownRegion: map[string]bool{}, pairs: map[pairKey]progress{}, quarantine: quarantine,
	}
}

// record decodes an event; one that was deleted, or that cannot be used, comes
// out as a record that does not exist.
func record[T any](b *builder, c kv.Collection[T], e kv.Event) kv.Record[T] {
	if e.Value == nil {
		return kv.Record[T]{}
	}
	value, err := c.Decode(e.Path, e.Value)
	if err != nil {
		b.quarantine(e.Path, err)
		return kv.Record[T]{}
	}
	return kv.Record[T]{Value: value, Created: e.Created, Revision: e.Revision}
}

// take takes one event over.
func (b *builder) take(e kv.Event) {
	if parts, ok := regions.Split(e.Path); ok {
		b.takeRegion(parts[0], record(b, regions, e))
	} else if parts, ok := facilities.Split(e.Path); ok && len(parts) == 2 {
		b.takeFacility(parts[0], parts[1], record(b, facilities, e))
	} else if parts, ok := capabilities.Split(e.Path); ok {
		b.takeCapability(parts[0], record(b, capabilities, e))
	} else if parts, ok := offers.Split(e.Path); ok {
		i := b.ordinal(parts[0])
		b.catalog().offers[i] = record(b, offers, e)
		b.touchEverywhere(parts[0])
	} else if parts, ok := enablements.Split(e.Path); ok && len(parts) == 2 {
		b.takeEnablement(parts[0], parts[1], record(b, enablements, e))
	}
}

func (b *builder) takeRegion(key string, rec kv.Record[Region]) {
	b.view(key).region = rec
	for _, c := range b.next.catalog.capabilities {
		if c.Exists() {
			b.touch(pairKey{key, c.Value.Key})
		}
	}
}

func (b *builder) takeFacility(region, key string, rec kv.Record[Facility]) {
	view := b.view(region)
	view.facilities = maps.Clone(view.facilities)
	if view.facilities == nil {
		view.facilities = map[string]kv.Record[Facility]{}
	}
	if view.facilities[key] = rec; !rec.Exists() {
		delete(view.facilities, key)
	}
}

func (b *builder) takeCapability(key string, rec kv.Record[Capability]) {
	i := b.ordinal(key)
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

func (b *builder) takeEnablement(region, capability string, rec kv.Record[Enablement]) {
	i := b.ordinal(capability)
	view := b.view(region)
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
		c.capabilities, c.offers = slices.Clone(c.capabilities), slices.Clone(c.offers)
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
	own := regionView{}
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
		view := b.next.regions[region]
		view.newest = view.region.Revision
		for _, p := range view.pairs {
			if p != nil {
				view.newest = max(view.newest, p.revision)
			}
		}
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

// decide finds a pair's cause, prerequisites first, and compiles its flags. The
// graph has no cycle: a change that would make one is refused. Should the store
// hold one all the same, whoever is met again counts as off.
func (b *builder) decide(key pairKey) Cause {
	c := b.next.catalog
	ref, known := c.flags[key.capability]
	if !known {
		return NoOffer
	}
	i := ref.capability
	switch b.pairs[key] {
	case touched:
		b.pairs[key] = deciding
	case deciding:
		return Prerequisite
	default:
		return b.next.regions[key.region].pair(i).cause
	}
	view := b.view(key.region)
	view.pairs = grown(view.pairs, i+1)
	view.pairs[i] = nil
	if capability := c.capabilities[i]; capability.Exists() {
		p := b.decidePair(key, view, i, capability) // may grow view.pairs
		view.pairs[i] = p
	}
	b.pairs[key] = decided
	return view.pair(i).cause
}

func (b *builder) decidePair(key pairKey, view *regionView, i int, c kv.Record[Capability]) *compiled {
	offer, enablement := b.next.catalog.offers[i], view.enablement(i)
	newest := max(view.region.Revision, c.Revision, offer.Revision, enablement.Revision)
	ready := true
	for _, p := range c.Value.Prerequisites {
		ready = b.decide(pairKey{key.region, p}) == On && ready
		if ref, ok := b.next.catalog.flags[p]; ok {
			newest = max(newest, view.pair(ref.capability).revision)
		}
	}
	why := cause(c.Value, offer.Value, enablement.Value, ready)
	flags, err := compile(c.Value, why, metadataOf(key.region, c.Value, offer.Value, newest))
	if err != nil {
		b.quarantine("capabilities/"+key.capability, err)
		why = Off
	}
	b.recompiled++
	return &compiled{cause: why, revision: newest, flags: flags}
}
