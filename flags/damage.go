package flags

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/quorate/quorate/internal/kv"
)

// damage is the paths of records that are in the store and cannot be used: a
// flipped bit, or a schema of a newer version. Such a record is not the same as
// none: without its audience, its systems or its end a capability would reach
// more people, and a capability that is not known is answered with the caller's
// own default. So it stands as it last was, or as empty as its key, and whatever
// rests on it is off.
type damage map[string]bool

// note takes down whether the record at a path can be used.
func (b *builder) note(path string, usable bool) {
	if b.next.damaged[path] == !usable {
		return
	}
	b.next.damaged = maps.Clone(b.next.damaged)
	if b.next.damaged == nil {
		b.next.damaged = damage{}
	}
	if b.next.damaged[path] = !usable; usable {
		delete(b.next.damaged, path)
	}
}

// under reports whether a pair rests on a damaged record.
func (d damage) under(in *inputs, how How) bool {
	if len(d) == 0 {
		return false
	}
	region, capability := in.region.Key, in.capability.Key
	switch {
	case d[regions.Key(region).Path()], d[capabilities.Key(capability).Path()],
		d[offers.Key(capability).Path()], d[enablements.Key(region, capability).Path()]:
		return true
	case in.enablement.Follow && d[baselines.Key(capability).Path()]:
		return true
	}
	return how.timed() && d.below(freezes.Prefix(region))
}

func (d damage) below(prefix string) bool {
	for path := range d {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// record decodes an event. One that was deleted comes out as a record that does
// not exist; one that cannot be used keeps its revision and the value last.
func record[T any](b *builder, c kv.Collection[T], e kv.Event, last T) kv.Record[T] {
	if e.Value == nil {
		b.note(e.Path, true)
		return kv.Record[T]{}
	}
	decode := c.Decode
	if b.plain {
		decode = func(_ string, raw []byte) (value T, err error) { return value, json.Unmarshal(raw, &value) }
	}
	value, err := decode(e.Path, e.Value)
	if err != nil {
		b.quarantine(e.Path, err)
		value = last
	}
	b.note(e.Path, err == nil)
	return kv.Record[T]{Value: value, Created: e.Created, Revision: e.Revision}
}
