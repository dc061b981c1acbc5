package ofrep

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/eval"
)

// table is a region's compiled flags as this protocol shows them. It is never
// changed; a flag that is the same in the next snapshot keeps its face.
type table struct {
	of       State
	faces    []*face // ordered by key
	byKey    map[string]*face
	metadata []byte          // of the set, as JSON
	leases   []time.Duration // of the flags that have one, in order
	facts    *flags.Witness  // of requests for all flags at once
}

// table is the table of a region in a snapshot, nil if there is no such region.
// After a change the first to ask makes it: some 20 µs for a hundred flags.
func (h *Handler) table(s State, region string) *table {
	if t := (*h.tables.Load())[region]; t != nil && t.of == s {
		return t
	}
	if !s.HasRegion(region) {
		return nil
	}
	h.making.Lock()
	defer h.making.Unlock()
	old := (*h.tables.Load())[region]
	if old != nil && (old.of == s || old.of.After(s)) {
		return old // made meanwhile
	}
	next := maps.Clone(*h.tables.Load())
	maps.DeleteFunc(next, func(region string, _ *table) bool { return !s.HasRegion(region) })
	next[region] = h.newTable(s, region, old)
	h.tables.Store(&next)
	return next[region]
}

func (h *Handler) newTable(s State, region string, old *table) *table {
	list := s.Flags(region)
	t := &table{of: s, faces: make([]*face, len(list)), byKey: make(map[string]*face, len(list)), metadata: encoded(s.Metadata(region)),
		facts: h.cfg.Usage.Witness(region, "")}
	if old != nil {
		t.facts = old.facts
	}
	for i, flag := range list {
		f := &face{flag: flag, region: region, usage: h.cfg.Usage, lease: flag.Lease(), facts: h.cfg.Usage.WitnessOf(region, flag)}
		if old != nil && old.byKey[flag.Key()] != nil && old.byKey[flag.Key()].flag == flag {
			f = old.byKey[flag.Key()]
		}
		t.faces[i], t.byKey[flag.Key()] = f, f
		if f.lease > 0 {
			t.leases = append(t.leases, f.lease)
		}
	}
	slices.Sort(t.leases)
	return t
}

// lapsed counts the leases that a silence has outlasted.
func (t *table) lapsed(silence time.Duration) int {
	n, _ := slices.BinarySearch(t.leases, min(silence, math.MaxInt64-1)+1)
	return n
}

// face is a compiled flag with what was said of it. There is little to say: one
// answer for each variant and reason, so its bytes and its counter are kept. That
// spares an evaluation 2 µs of encoding, a third of what is ours in a request.
type face struct {
	flag   *eval.Flag
	region string
	usage  *flags.Usage
	lease  time.Duration // 0: none
	facts  *flags.Witness
	known  atomic.Pointer[[]*said] // replaced, never changed
	mu     sync.Mutex              // held while known is replaced
}

// said is one answer.
type said struct {
	variant string
	reason  eval.Reason
	details string // of an error
	since   int64  // unix seconds; since when stale, 0 if not
	failed  bool
	item    []byte
	uses    *atomic.Uint64
}

// maxSaid bounds what is kept of a flag. Every silence of the store adds answers,
// and those of the last one are of no more use.
const maxSaid = 64

func (f *face) say(r *eval.Result, since int64) *said {
	if known := f.known.Load(); known != nil {
		for _, s := range *known {
			if s.variant == r.Variant && s.reason == r.Reason && s.since == since && s.details == r.ErrorDetails {
				return s
			}
		}
	}
	return f.sayFirst(r, since)
}

func (f *face) sayFirst(r *eval.Result, since int64) *said {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &said{variant: r.Variant, reason: r.Reason, details: r.ErrorDetails, since: since, failed: r.ErrorCode != "",
		item: itemOf(f.flag.Key(), *r, since)}
	s.uses = f.usage.Counter(f.use(r, since))
	next := []*said{s}
	if known := f.known.Load(); known != nil && len(*known) < maxSaid {
		next = append(append(make([]*said, 0, len(*known)+1), *known...), s)
	}
	f.known.Store(&next)
	return s
}

// use is what an answer is counted as: under its capability, which the metadata
// tells, and the setting if it is one.
func (f *face) use(r *eval.Result, since int64) flags.Use {
	u := flags.Use{Region: f.region, Capability: f.flag.Key(), Variant: r.Variant, Reason: servedReason(r, since)}
	if c, ok := r.Metadata["capability"].(string); ok && len(c) < len(u.Capability) && u.Capability[:len(c)] == c {
		u.Capability, u.Setting = c, u.Capability[len(c)+1:]
	}
	return u
}

// servedReason is the reason that is told: while the store is out of contact the
// last known value is served, and says so.
func servedReason(r *eval.Result, since int64) eval.Reason {
	if since != 0 && r.ErrorCode == "" {
		return eval.Stale
	}
	return r.Reason
}

// success is the protocol's word for a value. Its variant is always present, and
// so is metadata: providers fail without them. Without a value the caller's own
// default is served.
type success struct {
	Key      string         `json:"key"`
	Value    any            `json:"value,omitempty"`
	Reason   eval.Reason    `json:"reason"`
	Variant  string         `json:"variant"`
	Metadata map[string]any `json:"metadata"`
}

// itemOf is one flag's answer as it is sent. Number literals are kept: 10 is an
// integer to clients, and 10.0 is not.
func itemOf(key string, r eval.Result, since int64) []byte {
	metadata := r.Metadata
	if since != 0 {
		metadata = maps.Clone(metadata)
		metadata["staleSince"] = time.Unix(since, 0).UTC().Format(time.RFC3339)
	}
	var item any = success{key, nil, servedReason(&r, since), r.Variant, metadata}
	switch {
	case r.ErrorCode != "":
		item = failure{key, r.ErrorCode, r.ErrorDetails, metadata}
	case r.HasValue:
		item = success{key, r.Value, servedReason(&r, since), r.Variant, metadata}
	}
	raw, err := json.Marshal(item)
	if err != nil { // values come from JSON
		raw, _ = json.Marshal(failure{key, eval.General, "the value could not be encoded", map[string]any{}})
	}
	return raw
}
