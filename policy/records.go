package policy

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/internal/kv"
)

// Records follows what is on file, and keeps the Position that follows from it.
// Whoever owns the follower hands it every batch.
//
// Preparing an engine takes most of a second, so it begins when a bundle is pushed,
// and an activation finds it ready. One that is not ready yet is waited for: until
// then the position before it stands. There is no moment in between in which less
// is forbidden than by one of the two.
type Records struct {
	log     *slog.Logger
	metrics *metrics
	engines engines

	// The rest belongs to the goroutine that calls Apply.
	active      kv.Record[Active]
	damaged     bool // the pointer cannot be read: nothing is permitted
	bundles     map[string]map[int]Part
	proofs      map[string]kv.Record[Proof]
	waivers     map[string]kv.Record[GrantedWaiver]
	opinions    map[string]GivenOpinion
	law         *Engine // of the present pointer and opinions
	lawOutdated bool
	loading     bool // the batch is the first, which holds every bundle that was ever pushed
	revision    int64

	position atomic.Pointer[Position]
	archives atomic.Pointer[map[string][]byte] // of whole bundles, for other goroutines
	halted   atomic.Pointer[map[string]Halt]   // likewise; what is noted as off by regulation
}

// NewRecords follows nothing yet. reg may be nil.
func NewRecords(log *slog.Logger, reg prometheus.Registerer) *Records {
	r := &Records{log: log, metrics: newMetrics(reg), bundles: map[string]map[int]Part{}, proofs: map[string]kv.Record[Proof]{},
		waivers: map[string]kv.Record[GrantedWaiver]{}, opinions: map[string]GivenOpinion{}}
	r.engines.ready = map[string]*preparing{}
	r.position.Store(&Position{})
	r.archives.Store(&map[string][]byte{})
	r.halted.Store(&map[string]Halt{})
	return r
}

// Prefixes are what the records stand under.
func (r *Records) Prefixes() []string {
	return []string{active.Path(), parts.Prefix(), waivers.Prefix(), proofs.Prefix(), opinions.Prefix(), halts.Prefix()}
}

// Position is the one after the last Apply. It is safe for concurrent use.
func (r *Records) Position() *Position { return r.position.Load() }

// Apply takes a batch over, of which others' records may be a part, and reports
// whether the position changed by it. It is called on one goroutine.
func (r *Records) Apply(b kv.Batch) (changed bool) {
	r.loading = b.First
	for _, e := range b.Events {
		changed = r.take(e) || changed
	}
	if !changed {
		return false
	}
	if r.lawOutdated {
		r.law, r.lawOutdated = r.lawNow(), false
	}
	next := &Position{Law: r.law, Revision: r.revision, LawRevision: r.active.Revision}
	if a := r.active.Value.Law; a != nil {
		next.From = a.Act.At
	}
	for _, id := range sortedKeys(r.proofs) {
		if p := r.proofs[id]; p.Value.Revoked == nil {
			e := p.Value.Evidence
			e.Revision = p.Revision
			next.Evidence = append(next.Evidence, e)
		}
	}
	for _, id := range sortedKeys(r.waivers) {
		if w := r.waivers[id]; w.Value.Revoked == nil {
			one := w.Value.Waiver
			one.Revision = w.Revision
			next.Waivers = append(next.Waivers, one)
		}
	}
	r.position.Store(next)
	r.metrics.holds(next)
	return true
}

// take notes one record, and reports whether the position may change by it.
func (r *Records) take(e kv.Event) bool {
	switch {
	case e.Path == active.Path():
		r.takeActive(e)
	case strings.HasPrefix(e.Path, parts.Prefix()):
		r.takePart(e)
		return false
	case strings.HasPrefix(e.Path, proofs.Prefix()):
		note(r, proofs, r.proofs, e)
	case strings.HasPrefix(e.Path, waivers.Prefix()):
		note(r, waivers, r.waivers, e)
	case strings.HasPrefix(e.Path, halts.Prefix()):
		r.takeHalt(e)
		return false
	case strings.HasPrefix(e.Path, opinions.Prefix()):
		r.takeOpinion(e)
	default:
		return false
	}
	r.revision = max(r.revision, e.Revision)
	return true
}

// note keeps a record, or forgets one that is gone or cannot be read: evidence that
// is unreadable proves nothing, and an unreadable waiver waives nothing.
func note[T any](r *Records, c kv.Collection[T], into map[string]kv.Record[T], e kv.Event) {
	delete(into, e.Path)
	if e.Value == nil {
		return
	}
	value, err := c.Decode(e.Path, e.Value)
	if err != nil {
		r.unusable(e.Path, err)
		return
	}
	into[e.Path] = kv.Record[T]{Value: value, Created: e.Created, Revision: e.Revision}
}

func (r *Records) unusable(path string, err error) {
	r.metrics.damaged.Inc()
	r.log.Error("a record of policy cannot be used; what rests on it is not permitted", "path", path, "error", err)
}

func (r *Records) takeActive(e kv.Event) {
	r.lawOutdated, r.damaged = true, false
	r.active = kv.Record[Active]{Revision: e.Revision}
	if e.Value == nil {
		return
	}
	value, err := pointers.Decode(e.Path, e.Value)
	if err != nil {
		r.damaged = true
		r.unusable(e.Path, err)
		return
	}
	r.active.Value = value
}

func (r *Records) takeOpinion(e kv.Event) {
	r.lawOutdated = true
	delete(r.opinions, e.Path)
	if e.Value == nil {
		return
	}
	value, err := opinions.Decode(e.Path, e.Value)
	if err != nil {
		r.unusable(e.Path, err)
		return
	}
	r.opinions[e.Path] = value
}

// Halts are what is noted as off by regulation, by region, capability and rule. What
// it returns is never changed. It is safe for concurrent use.
func (r *Records) Halts() map[string]Halt { return *r.halted.Load() }

func (r *Records) takeHalt(e kv.Event) {
	all := maps.Clone(r.Halts())
	key := strings.TrimPrefix(e.Path, halts.Prefix())
	delete(all, key)
	if e.Value != nil {
		h, err := halts.Decode(e.Path, e.Value)
		if err != nil {
			r.unusable(e.Path, err)
		} else {
			all[key] = h
		}
	}
	r.halted.Store(&all)
}

func (r *Records) takePart(e kv.Event) {
	digest, n, err := partOf(e.Path)
	if err != nil {
		r.unusable(e.Path, err)
		return
	}
	if e.Value == nil {
		delete(r.bundles[digest], n)
		return
	}
	part, err := parts.Decode(e.Path, e.Value)
	if err != nil {
		r.unusable(e.Path, err)
		return
	}
	if r.bundles[digest] == nil {
		r.bundles[digest] = map[int]Part{}
	}
	r.bundles[digest][n] = part
	archive, whole := assembled(r.bundles[digest])
	if !whole {
		return
	}
	all := maps.Clone(*r.archives.Load())
	all[digest] = archive
	r.archives.Store(&all)
	if !r.loading { // whoever starts prepares what holds, and not all that ever was there
		r.ahead(r.bundles[digest][0].Pushed)
	}
}

// assembled puts a bundle together from its parts, if all are there.
func assembled(have map[int]Part) (archive []byte, whole bool) {
	p := have[0].Pushed
	if p == nil {
		return nil, false
	}
	for i := range p.Parts {
		part, ok := have[i+1]
		if !ok {
			return nil, false
		}
		archive = append(archive, part.Data...)
	}
	return archive, len(archive) == p.Size
}

// ahead prepares what would hold if a bundle that was just pushed were activated.
func (r *Records) ahead(p *Pushed) {
	if r.active.Value.Law == nil && p.Manifest.Layer != Law {
		return
	}
	would := r.active.Value.with(p.Manifest.Layer, p.Manifest.Region, &Activation{Digest: p.Digest})
	go func() { _, _ = r.prepare(would.stack()) }() // what is wrong is said when it is activated
}

// lawNow is the engine of what is active, with counsel's opinions; nil, and so
// nothing is permitted, if there is none or it cannot be had.
func (r *Records) lawNow() *Engine {
	stack := r.active.Value.stack()
	if r.damaged || len(stack) == 0 {
		return nil
	}
	engine, err := r.prepare(stack)
	if err != nil {
		r.metrics.damaged.Inc()
		r.log.Error("the active law cannot be loaded; nothing is permitted", "bundles", stack, "error", err)
		return nil
	}
	given := slices.SortedFunc(maps.Values(r.opinions), func(a, b GivenOpinion) int { return strings.Compare(a.key(), b.key()) })
	return engine.advised(given)
}

// engines are those that were prepared, by the digests of their bundles.
type engines struct {
	mu    sync.Mutex
	ready map[string]*preparing
}

// preparing is an engine, or why there is none, once done is closed.
type preparing struct {
	done   chan struct{}
	engine *Engine
	err    error
}

// keepEngines is how many are kept: what holds, what held, and some that were looked
// at.
const keepEngines = 8

// prepare gives the engine of a stack of bundles, law first. The same stack is
// prepared once at a time, and kept unless it failed. It is safe for concurrent use.
func (r *Records) prepare(stack []string) (*Engine, error) {
	key := strings.Join(stack, "+")
	r.engines.mu.Lock()
	p, begun := r.engines.ready[key]
	if !begun {
		if len(r.engines.ready) >= keepEngines {
			clear(r.engines.ready) // those in use are held by their users
		}
		p = &preparing{done: make(chan struct{})}
		r.engines.ready[key] = p
	}
	r.engines.mu.Unlock()
	if begun {
		<-p.done
		return p.engine, p.err
	}
	p.engine, p.err = r.load(stack)
	if p.err != nil {
		r.engines.mu.Lock()
		delete(r.engines.ready, key)
		r.engines.mu.Unlock()
	}
	close(p.done)
	return p.engine, p.err
}

// load makes the engine of bundles that this replica has seen whole. That the bytes
// are those that were checked and activated is seen by their digest.
func (r *Records) load(stack []string) (*Engine, error) {
	var layers []fs.FS
	for _, digest := range stack {
		archive, ok := (*r.archives.Load())[digest]
		if !ok {
			return nil, incomplete(digest)
		}
		files, err := Unpack(archive)
		if err != nil {
			return nil, fmt.Errorf("bundle %.12s: %w", digest, err)
		}
		if b, err := Identify(files); err != nil || b.Revision != digest {
			return nil, fmt.Errorf("bundle %.12s is not what its digest says", digest)
		}
		layers = append(layers, files)
	}
	return New(context.Background(), layers[0], layers[1:]...)
}
