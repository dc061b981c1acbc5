package flags

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/kv"
)

// world is a snapshot that is made by hand, without a store: for what needs many
// states, or a clock that no store shares.
type world struct {
	t        testing.TB
	snap     *Snapshot
	revision int64
}

// put takes one record over, as a batch of its own.
func (w *world) put(path string, value any) {
	w.t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		w.t.Fatal(err)
	}
	w.revision++
	b := newBuilder(w.snap, func(path string, err error) { w.t.Errorf("%s: %v", path, err) })
	b.plain = true
	b.take(kv.Event{Path: path, Value: raw, Created: w.revision, Revision: w.revision})
	w.snap = b.build(w.revision)
}

func (w *world) region(key, zone string) {
	w.put("regions/"+key, Region{Key: key, Name: key, Jurisdictions: []string{"US-CO"}, TimeZone: zone})
}

// offer adds a capability that reads everything, and offers it in full.
func (w *world) offer(c Capability) {
	c.Name, c.Stage = c.Key, Offered
	c.Context = []string{readsLanguage, readsAge, readsFacility, readsServiceLine, readsCohorts, readsDevice}
	w.put("capabilities/"+c.Key, c)
	w.put("offers/"+c.Key, Offer{Capability: c.Key, Kind: Full, Granted: Act{At: time.Unix(0, 0)}})
}

func (w *world) enable(region, capability string, how How) {
	w.put("enablements/"+region+"/"+capability, Enablement{Region: region, Capability: capability, Answer: Enable, How: how})
}

func (w *world) variant(region, key string, ctx map[string]any, at time.Time) string {
	r, found := w.snap.Evaluate(region, key, ctx, at)
	if !found {
		w.t.Fatalf("no flag %s in %s", key, region)
	}
	return r.Variant
}
