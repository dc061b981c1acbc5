package edge

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/flags/flagd"
	"github.com/quorate/quorate/flags/ofrep"
	"github.com/quorate/quorate/internal/fault"
)

// reading is what one source says now.
type reading struct {
	name   string // as a selector names it
	set    *eval.Set
	origin flagd.Origin
}

// world is everything that is served at one moment, by what a selector may name.
// It is never changed, only replaced.
type world struct {
	serial int64 // unix microseconds, so that it goes on growing over restarts
	sets   map[string]*served
}

// served is what one selector chooses.
type served struct {
	flagd.Set
	boundaries []int64 // when its values may change by the clock alone, in order
	restless   bool    // they may change each second
}

const (
	everything = ""          // the key of all flags together
	bySource   = "source="   // begins the key of a source
	bySet      = "flagSetId" // begins a selector; the key of a set is its id
	withoutSet = "flagSetId="
)

// newWorld puts the readings together. all is false for an edge that must not mix
// its sources.
func newWorld(serial int64, readings []reading, all bool) *world {
	w := &world{serial: serial, sets: map[string]*served{}}
	if all || len(readings) == 1 {
		w.sets[everything] = w.merge(readings, func(*eval.Flag) bool { return true })
	}
	ids := map[string]bool{}
	defer func() {
		for _, r := range readings {
			if !all { // a region is served under its name, whatever its set is called
				w.sets[r.name] = w.sets[bySource+r.name]
			}
		}
	}()
	for _, r := range readings {
		w.sets[bySource+r.name] = w.merge([]reading{r}, func(*eval.Flag) bool { return true })
		for _, key := range r.set.Keys() {
			f, _ := r.set.Flag(key)
			ids[setOf(f)] = true
		}
		if id, ok := r.set.Metadata()[bySet].(string); ok {
			ids[id] = true // also while it has no flags
		}
	}
	for id := range ids {
		key := id
		if id == "" || strings.HasPrefix(id, bySource) {
			key = withoutSet + id
		}
		w.sets[key] = w.merge(readings, func(f *eval.Flag) bool { return setOf(f) == id })
		if w.sets[key].Metadata == nil && id != "" {
			w.sets[key].Metadata = map[string]any{bySet: id}
		}
	}
	return w
}

// setOf is the id of the set that a flag belongs to.
func setOf(f *eval.Flag) string {
	id, _ := f.Metadata()[bySet].(string)
	return id
}

// merge takes the flags that are meant, of the later reading where there are two.
// The metadata of a set that shares the answer with others goes to its flags.
func (w *world) merge(readings []reading, meant func(*eval.Flag) bool) *served {
	byKey := map[string]*eval.Flag{}
	var from []reading
	for _, r := range readings {
		any := false
		for _, key := range r.set.Keys() {
			if f, _ := r.set.Flag(key); meant(f) {
				byKey[key], any = f, true
			}
		}
		if any {
			from = append(from, r)
		}
	}
	s := &served{Set: flagd.Set{Revision: w.serial}}
	if len(from) == 0 && len(readings) == 1 {
		from = readings
	}
	if len(from) == 1 {
		s.Metadata, s.Origin = from[0].set.Metadata(), from[0].origin
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		f := byKey[key]
		if len(from) > 1 {
			f = f.WithMetadata(f.Metadata())
		}
		s.Flags = append(s.Flags, f)
	}
	s.readTimes()
	return s
}

// boundary is how a rule compares the time with a number.
var boundary = regexp.MustCompile(`\{"(<=?|>=?)":\[\{"var":"\$flagd\.timestamp"\},(\d{1,12})\]\}`)

// readTimes finds the moments at which the flags' values may change by the clock
// alone. A rule that reads the time in another way may change at any.
func (s *served) readTimes() {
	for _, f := range s.Flags {
		definition := string(f.Definition())
		found := boundary.FindAllStringSubmatch(definition, -1)
		for _, m := range found {
			n, _ := strconv.ParseInt(m[2], 10, 64)
			if m[1] == "<=" || m[1] == ">" { // they change once that second is over
				n++
			}
			s.boundaries = append(s.boundaries, n)
		}
		reads := strings.Count(definition, "$flagd") - strings.Count(definition, `{"var":"$flagd.flagKey"}`)
		s.restless = s.restless || reads != len(found)
	}
	slices.Sort(s.boundaries)
	s.boundaries = slices.Compact(s.boundaries)
}

// world as OFREP's state.

func (w *world) of(region string) *served {
	if s := w.sets[region]; s != nil {
		return s
	}
	return &served{}
}

func (w *world) HasRegion(region string) bool          { return w.sets[region] != nil }
func (w *world) RegionKeys() []string                  { return slices.Sorted(maps.Keys(w.sets)) }
func (w *world) Flags(region string) []*eval.Flag      { return w.of(region).Set.Flags }
func (w *world) Metadata(region string) map[string]any { return orEmpty(w.of(region).Set.Metadata) }
func (w *world) RegionRevision(string) int64           { return w.serial }
func (w *world) Newest() int64                         { return w.serial }
func (w *world) After(o ofrep.State) bool              { return w.serial > o.(*world).serial }

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

func (w *world) TimeStage(region string, at time.Time) int {
	s := w.of(region)
	if s.restless {
		return int(at.Unix())
	}
	n, found := slices.BinarySearch(s.boundaries, at.Unix())
	if found {
		n++
	}
	return n
}

// contact is how good what is served is.
type contact interface {
	Fresh() (bool, time.Time)
	Silence(at time.Time) time.Duration
}

// worlds keeps the newest world. It is the source of both protocols.
type worlds struct {
	contact
	mu      sync.RWMutex
	now     *world        // guarded by mu
	changed chan struct{} // closed and replaced with now; guarded by mu
	ready   chan struct{} // closed with the first
}

func newWorlds(c contact) *worlds {
	return &worlds{contact: c, changed: make(chan struct{}), ready: make(chan struct{})}
}

func (w *worlds) put(next *world) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now == nil {
		close(w.ready)
	}
	w.now = next
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *worlds) world() *world {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.now
}

func (w *worlds) Changed() <-chan struct{} {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.changed
}

// selectKey finds the key that a selector stands for.
func selectKey(selector string) (string, error) {
	kind, value, named := strings.Cut(selector, "=")
	switch {
	case selector == "":
		return everything, nil
	case !named:
		return bySource + selector, nil // as flagd reads it
	case strings.Contains(value, ","):
	case kind == "source":
		return selector, nil
	case kind == bySet && (value == "" || strings.HasPrefix(value, bySource)):
		return selector, nil
	case kind == bySet:
		return value, nil
	}
	return "", fault.New(fault.Invalid, "bad_selector", "the selector %.80q is none", selector).Do("use flagSetId=SET, source=SOURCE or none")
}

// forFlagd is the worlds as the source of flagd's protocols.
type forFlagd struct{ *worlds }

func (w forFlagd) find(region string) (*served, error) {
	now := w.world()
	if now == nil {
		return nil, fault.New(fault.NotReady, "not_ready", "this edge has not read its sources yet").Do("ask again in a second")
	}
	s := now.sets[region]
	switch {
	case s == nil && region == everything:
		return nil, fault.New(fault.Invalid, "region_needed", "this edge serves several regions and the request names none").
			Do("set the selector of the provider to flagSetId=REGION")
	case s == nil:
		return nil, fault.New(fault.NotFound, "unknown_region", "nothing is selected by %.80q", region).Do("check the selector of the provider")
	}
	return s, nil
}

func (w forFlagd) Revision(region string) (int64, error) {
	s, err := w.find(region)
	if err != nil {
		return 0, err
	}
	return s.Set.Revision, nil
}

func (w forFlagd) Set(region string) (flagd.Set, error) {
	s, err := w.find(region)
	if err != nil {
		return flagd.Set{}, err
	}
	return s.Set, nil
}

func (w forFlagd) Regions() ([]string, error) {
	now := w.world()
	if now == nil {
		_, err := w.find(everything)
		return nil, err
	}
	if now.HasRegion(everything) {
		return []string{everything}, nil
	}
	return slices.DeleteFunc(now.RegionKeys(), func(k string) bool { return strings.Contains(k, "=") }), nil
}

// forOFREP is the worlds as the source of OFREP.
type forOFREP struct{ *worlds }

func (w forOFREP) State() ofrep.State {
	if now := w.world(); now != nil {
		return now
	}
	return nil
}

func (w forOFREP) Ready() <-chan struct{} { return w.ready }

// Wait waits for nothing: revisions of an edge are its own.
func (w forOFREP) Wait(context.Context, int64) error { return nil }
