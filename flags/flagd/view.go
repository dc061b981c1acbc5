package flagd

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/eval"
)

// A view is one region at one revision, with everything that is sent of it made
// at most once, whoever asks for it. It is safe for concurrent use.
type view struct {
	region   string
	set      Set
	byKey    map[string]*served
	metadata *structpb.Struct
	leases   []time.Duration               // of the flags that have one, in order
	facts    atomic.Pointer[flags.Witness] // of ResolveAll; nil until somebody asked

	mu      sync.Mutex
	changes map[int64]*structpb.Struct // by the revision from which they lead here; guarded by mu
	sent    string                     // the document made last; guarded by mu
	granted time.Time                  // up to when its source spoke for it; guarded by mu
}

// served is a flag with its metadata in the form of the protocol.
type served struct {
	*eval.Flag
	lease    time.Duration                   // 0: none
	metadata atomic.Pointer[structpb.Struct] // nil until somebody asked
	counts   atomic.Pointer[counts]          // likewise
}

func newView(region string, set Set) *view {
	v := &view{region: region, set: set, byKey: make(map[string]*served, len(set.Flags)), metadata: structOf(set.Metadata)}
	for _, f := range set.Flags {
		v.byKey[f.Key()] = &served{Flag: f, lease: f.Lease()}
		if lease := f.Lease(); lease > 0 {
			v.leases = append(v.leases, lease)
		}
	}
	slices.Sort(v.leases)
	return v
}

// metadataOf is what travels with each value of the flag: that of the set,
// overridden by the flag's own. Shared: read only.
func (v *view) metadataOf(f *served) *structpb.Struct {
	if m := f.metadata.Load(); m != nil {
		return m
	}
	m := structOf(v.set.Metadata)
	for k, value := range f.Metadata() {
		m.Fields[k] = protoValue(value)
	}
	f.metadata.Store(m)
	return m
}

// document is the set in flagd's language, ready for any flagd provider. What has
// a lease is good for that long from when the source last spoke for the set. It is
// made once for all who are sent the same.
func (v *view) document(granted time.Time) string {
	if len(v.leases) == 0 {
		granted = time.Time{}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sent == "" || !v.granted.Equal(granted) {
		v.sent, v.granted = v.writeDocument(granted), granted
	}
	return v.sent
}

func (v *view) writeDocument(granted time.Time) string {
	var b strings.Builder
	if v.set.Origin != (Origin{}) {
		b.WriteString(`{"$quorate":`)
		b.Write(encoded(v.set.Origin))
		b.WriteString(`,"flags":{`)
	} else {
		b.WriteString(`{"flags":{`)
	}
	for i, f := range v.set.Flags {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(encoded(f.Key()))
		b.WriteByte(':')
		if lease := v.byKey[f.Key()].lease; lease > 0 {
			b.Write(f.DefinitionUntil(granted.Add(lease)))
			continue
		}
		b.Write(f.Definition())
	}
	b.WriteByte('}')
	if len(v.set.Metadata) > 0 {
		b.WriteString(`,"metadata":`)
		b.Write(encoded(v.set.Metadata))
	}
	b.WriteByte('}')
	return b.String()
}

// encoded is the JSON of a string, of flat metadata or of an origin, which always
// have one.
func encoded(x any) []byte {
	raw, err := json.Marshal(x)
	if err != nil {
		panic(err)
	}
	return raw
}

// maxChanges bounds how many differences a view remembers. Streams that are
// further behind than that many revisions have theirs made for themselves.
const maxChanges = 64

// changesSince is what a configuration_change tells of one region: the keys that
// were written, updated or deleted since an earlier view of it, {"flags": {key:
// {"type": …}}}. It is nil if no definition differs. Shared: read only.
func (v *view) changesSince(earlier *view) *structpb.Struct {
	v.mu.Lock()
	defer v.mu.Unlock()
	if known, ok := v.changes[earlier.set.Revision]; ok {
		return known
	}
	data := difference(earlier, v)
	if v.changes == nil {
		v.changes = map[int64]*structpb.Struct{}
	}
	if len(v.changes) < maxChanges {
		v.changes[earlier.set.Revision] = data
	}
	return data
}

func difference(from, to *view) *structpb.Struct {
	fields := map[string]*structpb.Value{}
	note := func(key, kind string) {
		fields[key] = structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"type": structpb.NewStringValue(kind)}})
	}
	for key, f := range to.byKey {
		switch was, had := from.byKey[key]; {
		case !had:
			note(key, "write")
		case was.Flag != f.Flag && string(was.Definition()) != string(f.Definition()):
			note(key, "update")
		}
	}
	for key := range from.byKey {
		if _, has := to.byKey[key]; !has {
			note(key, "delete")
		}
	}
	return flagsStruct(fields)
}

func flagsStruct(fields map[string]*structpb.Value) *structpb.Struct {
	if len(fields) == 0 {
		return nil
	}
	return &structpb.Struct{Fields: map[string]*structpb.Value{"flags": structpb.NewStructValue(&structpb.Struct{Fields: fields})}}
}

// changes is what a configuration_change tells of several regions.
func changes(from, to []*view) *structpb.Struct {
	if len(from) == 1 && len(to) == 1 && from[0].region == to[0].region {
		return to[0].changesSince(from[0])
	}
	earlier := map[string]*view{}
	for _, v := range from {
		earlier[v.region] = v
	}
	all := map[string]*structpb.Value{}
	for _, v := range to {
		was := earlier[v.region]
		if was == nil {
			was = newView(v.region, Set{}) // its region is new
		}
		if was == v {
			continue
		}
		maps.Copy(all, v.changesSince(was).GetFields()["flags"].GetStructValue().GetFields())
	}
	return flagsStruct(all)
}

// views finds the current view of each region. There are never more than there
// are regions.
type views struct {
	source Source
	mu     sync.RWMutex
	latest map[string]*view // guarded by mu
}

// of is what a region serves now. Errors are those of Source.
func (v *views) of(region string) (*view, error) {
	revision, err := v.source.Revision(region)
	if err != nil {
		return nil, err
	}
	v.mu.RLock()
	known := v.latest[region]
	v.mu.RUnlock()
	if known != nil && known.set.Revision == revision {
		return known, nil
	}
	return v.renew(region)
}

// renew holds the lock while it builds, so that a thousand streams that wake at
// once build one view.
func (v *views) renew(region string) (*view, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	set, err := v.source.Set(region)
	if err != nil {
		return nil, err
	}
	if known := v.latest[region]; known != nil && known.set.Revision == set.Revision {
		return known, nil
	}
	if v.latest == nil {
		v.latest = map[string]*view{}
	}
	v.latest[region] = newView(region, set)
	return v.latest[region], nil
}

// all is what each of several regions serves now.
func (v *views) all(regions []string) ([]*view, error) {
	list := make([]*view, 0, len(regions))
	for _, region := range regions {
		one, err := v.of(region)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}
