package flags

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/quorate/quorate/flags/eval"
)

// Which facts arrive is counted by name, for the facts that are declared: those
// that a rule or a capability may read. A key that nobody declared can itself say
// something of a patient, so it is counted as "other" and its name is kept
// nowhere. A value is never looked at, but for whether there is one.

// MaxFacts is how many declared facts are counted; further ones count as other.
const MaxFacts = 512

// maxFactCells bounds the memory: a cell counts for one capability, region and
// service. Services beyond that share one name.
const maxFactCells = 20_000

// otherService stands for services beyond what is counted one by one.
const otherService = "other services"

// factCounts are the counts of this hour and the one before.
type factCounts struct {
	current  atomic.Pointer[factHour] // nil until something is declared
	previous atomic.Pointer[factHour] // nil in the first hour
}

// factHour is one list of declared facts and what was counted by it. The list
// never changes; a new one begins a new factHour.
type factHour struct {
	names []string
	root  *factNode
	mu    sync.Mutex
	cells map[factKey]*factCell // guarded by mu
}

type factKey struct{ region, capability, service string } // capability "": all of the region at once

// factCell counts requests. Its numbers only grow.
type factCell struct {
	hour     *factHour
	service  string
	requests atomic.Uint64
	other    atomic.Uint64   // requests with something that nobody declared
	present  []atomic.Uint64 // by the fact's place in names
	taken    []uint64        // what has been taken of each, requests and other last; guarded by hour.mu
}

// factNode is a step in the tree of declared paths.
type factNode struct {
	fact     int // place in names; -1: only leads further
	children map[string]*factNode
}

// Declare says which facts are counted from now on, by their paths in the
// evaluation context ("patient.age"). What was counted by the list before is kept
// for as long as an hour's counts are. The same list again changes nothing.
func (u *Usage) Declare(names []string) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	names = names[:min(len(names), MaxFacts)]
	if hour := u.facts.current.Load(); hour != nil && slices.Equal(hour.names, names) {
		return
	}
	u.facts.previous.Store(u.facts.current.Swap(newFactHour(names)))
}

// turnFacts begins a new hour.
func (u *Usage) turnFacts() {
	if hour := u.facts.current.Load(); hour != nil {
		u.facts.previous.Store(u.facts.current.Swap(newFactHour(hour.names)))
	}
}

func newFactHour(names []string) *factHour {
	h := &factHour{names: names, root: &factNode{fact: -1}, cells: map[factKey]*factCell{}}
	for i, name := range names {
		at := h.root
		for part := range strings.SplitSeq(name, ".") {
			if at.children == nil {
				at.children = map[string]*factNode{}
			}
			if at.children[part] == nil {
				at.children[part] = &factNode{fact: -1}
			}
			at = at.children[part]
		}
		at.fact = i
	}
	return h
}

// cell finds or makes the cell of a key.
func (h *factHour) cell(k factKey) *factCell {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.cells[k]; c != nil {
		return c
	}
	if len(h.cells) >= maxFactCells {
		k.service = otherService
	}
	if h.cells[k] == nil {
		h.cells[k] = &factCell{hour: h, service: k.service, present: make([]atomic.Uint64, len(h.names)), taken: make([]uint64, len(h.names)+2)}
	}
	return h.cells[k]
}

// A Witness counts which declared facts come with the requests for one capability
// in one region. It takes no lock for a service that it has met before, allocates
// nothing, and keeps nothing of a context. It is safe for concurrent use.
type Witness struct {
	usage  *Usage
	key    factKey // without the service
	known  atomic.Pointer[[]*factCell]
	making sync.Mutex // held while known is replaced
}

// Witness makes the witness of a capability in a region; "" stands for requests
// for all of them at once.
func (u *Usage) Witness(region, capability string) *Witness {
	return &Witness{usage: u, key: factKey{region: region, capability: capability}}
}

// WitnessOf is the witness of the capability that a flag belongs to.
func (u *Usage) WitnessOf(region string, f *eval.Flag) *Witness {
	capability, _ := capabilityOf(f)
	return u.Witness(region, capability)
}

// Saw counts one request of a service, which goes by its name: a service that is
// given a new token remains the same.
func (w *Witness) Saw(service string, context eval.Context) {
	if w.usage == nil {
		return
	}
	hour := w.usage.facts.current.Load()
	if hour == nil {
		return
	}
	c := w.cell(hour, service)
	c.requests.Add(1)
	if c.count(hour.root, context) {
		c.other.Add(1)
	}
}

func (w *Witness) cell(hour *factHour, service string) *factCell {
	if known := w.known.Load(); known != nil {
		for _, c := range *known {
			if c.service == service && c.hour == hour {
				return c
			}
		}
	}
	w.making.Lock()
	defer w.making.Unlock()
	key := w.key
	key.service = service
	c := hour.cell(key)
	next := []*factCell{c}
	if known := w.known.Load(); known != nil {
		for _, k := range *known {
			if k.hour == hour && k != c && len(next) < maxMetered {
				next = append(next, k)
			}
		}
	}
	w.known.Store(&next)
	return c
}

// count counts the facts below a node and reports whether there is anything else.
// Its work is bounded by what is declared, not by what is sent.
func (c *factCell) count(n *factNode, context map[string]any) (other bool) {
	if len(context) > 4*len(n.children)+16 {
		for name, child := range n.children {
			if v, ok := context[name]; ok {
				c.one(child, v)
			}
		}
		return true // there are more members than declared ones
	}
	for name, v := range context {
		child := n.children[name]
		if child == nil || c.one(child, v) {
			other = true
		}
	}
	return other
}

func (c *factCell) one(n *factNode, v any) (other bool) {
	if v == nil {
		return false // null is absent
	}
	if n.fact >= 0 {
		c.present[n.fact].Add(1)
	}
	if inner, ok := v.(map[string]any); ok && n.children != nil {
		return c.count(n, inner)
	}
	return n.fact < 0
}

// takeFacts hands over what was counted since it was called last, by name.
func (u *Usage) takeFacts(each func(k factKey, name string, n uint64)) {
	for _, hour := range []*factHour{u.facts.previous.Load(), u.facts.current.Load()} {
		if hour == nil {
			continue
		}
		hour.mu.Lock()
		for k, c := range hour.cells {
			one := func(i int, name string, n uint64) {
				if n > c.taken[i] {
					each(k, name, n-c.taken[i])
					c.taken[i] = n
				}
			}
			for i, name := range hour.names {
				one(i, name, c.present[i].Load())
			}
			one(len(hour.names), allRequests, c.requests.Load())
			one(len(hour.names)+1, otherRow, c.other.Load())
		}
		hour.mu.Unlock()
	}
}

// ServiceFacts says which declared facts a service sends.
type ServiceFacts struct {
	Service  string            `json:"service"`  // its name, as its credential says it
	Requests uint64            `json:"requests"` // of this hour and the one before
	Present  map[string]uint64 `json:"present"`  // requests by the declared fact that came with them
	Other    uint64            `json:"other"`    // requests with anything that is not declared
}

// FactShare says, for each service that asked for a capability in a region within
// this hour or the one before, how many of its requests each declared fact came
// with. A fact that is declared and never came is there with 0. Requests for all
// of a region's capabilities at once count for each. It knows what came to this
// replica.
func (u *Usage) FactShare(region, capability string) []ServiceFacts {
	by := map[string]*ServiceFacts{}
	for _, hour := range []*factHour{u.facts.current.Load(), u.facts.previous.Load()} {
		if hour == nil {
			continue
		}
		hour.mu.Lock()
		for k, c := range hour.cells {
			if k.region == region && (k.capability == capability || k.capability == "") {
				if by[k.service] == nil {
					by[k.service] = &ServiceFacts{Service: k.service, Present: map[string]uint64{}}
				}
				by[k.service].add(c)
			}
		}
		hour.mu.Unlock()
	}
	list := make([]ServiceFacts, 0, len(by))
	for _, s := range by {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b ServiceFacts) int { return cmp.Compare(a.Service, b.Service) })
	return list
}

func (s *ServiceFacts) add(c *factCell) {
	s.Requests += c.requests.Load()
	s.Other += c.other.Load()
	for i, name := range c.hour.names {
		s.Present[name] += c.present[i].Load()
	}
}

// DeclaredFacts are the facts that the capabilities of a snapshot may read, those
// that what is compiled reads, rules of the active law included, and those that
// every evaluation may: who asks, where, for what.
func (s *Snapshot) DeclaredFacts() []string {
	names := map[string]bool{targetingKey: true, readsFacility: true, "action": true}
	for _, c := range s.catalog.capabilities {
		for _, name := range c.Value.Context {
			names[name] = true
		}
	}
	for _, view := range s.regions {
		for _, pair := range view.pairs {
			if pair == nil {
				continue
			}
			for _, c := range pair.list {
				for _, name := range c.reads {
					names[name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}
