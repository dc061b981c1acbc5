package access

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
)

// tokens stand under tokens/ID.
var tokens = kv.NewCollection[Token]("tokens", 1)

// NewService makes the service of a store. known says which regions exist, nil
// lets every region pass; it may be called from several goroutines.
func NewService(g *gate.Gate, store *kv.Store, known func(region string) bool, now func() time.Time) *Service {
	return &Service{gate: g, records: records{store}, known: known, now: now}
}

// records reads tokens, linearizably.
type records struct{ store *kv.Store }

func (r records) get(ctx context.Context, id string) (Token, error) {
	rec, err := kv.Get(r.store.View(ctx), tokens.Key(id))
	return rec.Value, err
}

func (r records) all(ctx context.Context) ([]Token, error) { return list(r.store.View(ctx)) }

// list leaves out a token whose record is damaged: it lets nobody in, and must
// not keep everybody else out. The directory reports it.
func list(tx *kv.Tx) ([]Token, error) {
	sound, _, err := kv.ListSound(tx, tokens)
	if err != nil {
		return nil, err
	}
	all := make([]Token, 0, len(sound))
	for _, e := range sound {
		all = append(all, e.Value)
	}
	return all, nil
}

// createRule completes a new token and writes it once check has passed.
func createRule(t *Token, check func(now time.Time) error) gate.Rule {
	return func(tx *kv.Tx, c gate.Change) error {
		if err := check(c.At); err != nil {
			return err
		}
		return create(tx, t, c)
	}
}

func create(tx *kv.Tx, t *Token, c gate.Change) error {
	t.IssuedBy, t.Behind, t.IssuedAt, t.Change = c.Actor.ID, cmp.Or(c.Actor.Behind, c.Actor.ID), c.At, c.ID
	return kv.Create(tx, tokens.Key(t.ID), *t)
}

// bootstrapRule looks at all tokens within the transaction, so that of two
// replicas that found none the second sees the first one's.
func bootstrapRule(t *Token) gate.Rule {
	return func(tx *kv.Tx, c gate.Change) error {
		all, err := list(tx)
		if err != nil || anyMayIssue(all, c.At) {
			return err
		}
		t.Expires = c.At.Add(BootstrapLife).Truncate(time.Second)
		return create(tx, t, c)
	}
}

// revokeRule revokes a token that is not revoked yet, and leaves in t how it
// stands afterwards.
func revokeRule(t *Token, o gate.Origin) gate.Rule {
	return func(tx *kv.Tx, c gate.Change) error {
		if err := checkReason(o.Reason); err != nil {
			return err
		}
		rec, err := kv.Get(tx, tokens.Key(c.Target.ID))
		switch {
		case err != nil:
			return err
		case !rec.Exists():
			return unknownID(c.Target.ID)
		}
		if *t = rec.Value; t.Revoked != nil {
			return nil
		}
		if err := o.CheckBase(c.Target, rec.Revision); err != nil {
			return err
		}
		t.Revoked = &Revocation{At: c.At, By: c.Actor.ID, Reason: o.Reason, Change: c.ID}
		return kv.Put(tx, tokens.Key(t.ID), *t)
	}
}

// NewDirectory makes a directory that follows the store. It must be made before
// the follower runs. reg may be nil.
func NewDirectory(f *kv.Follower, log *slog.Logger, reg prometheus.Registerer) *Directory {
	d := &Directory{log: log, metrics: newMetrics(reg), crowd: newCrowd(), used: make(chan use, waiting)}
	f.Subscribe(d.followPeople, peoplePrefixes()...) // before the tokens: the first of those says that all is read
	f.Subscribe(d.apply, tokens.Prefix())
	return d
}

// apply takes over a batch as a whole: readers see the tokens before it or after
// it. It is called from the follower's goroutine alone.
func (d *Directory) apply(b kv.Batch) {
	next := map[string]*entry{}
	if old := d.entries.Load(); old != nil {
		next = maps.Clone(*old)
	}
	for _, e := range b.Events {
		parts, ok := tokens.Split(e.Path)
		if !ok || len(parts) != 1 {
			continue
		}
		if e.Value == nil {
			delete(next, parts[0])
			continue
		}
		fresh := d.read(e)
		if old := next[parts[0]]; old != nil {
			fresh.usage = old.usage
		}
		next[parts[0]] = fresh
	}
	d.entries.Store(&next)
	d.metrics.damaged.Set(float64(countDamaged(next)))
}

// read makes an entry of a stored record. One that cannot be read lets nobody
// in: what it said before may have been revoked by it.
func (d *Directory) read(e kv.Event) *entry {
	t, err := tokens.Decode(e.Path, e.Value)
	if err == nil {
		var known *entry
		if known, err = entryOf(t, e.Path == tokens.Key(t.ID).Path()); err == nil {
			return known
		}
	}
	d.log.Error("a token cannot be read and is not accepted", "path", e.Path, "revision", e.Revision, "error", err)
	return &entry{damaged: true, usage: &usage{}}
}
