package flags

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// usageShares stand at usage/REGION/PERIOD/REPLICA. Usage is no domain state: it
// is written past the gate and has no leaf in the record. This file is its one
// writer.
var usageShares = kv.NewCollection[UsageShare]("usage", 1)

const (
	collectEvery = time.Minute
	writeEvery   = 10 * time.Minute
	finalWrite   = 2 * time.Second // for what is left when the server stops
)

// A Ledger rolls up what this replica counts: each hour and month, region by
// region, it keeps one record of its own. Each record is written whole, so that
// one whose fate is unknown can be written again without counting anything twice.
// A replica that is killed loses what it counted since the last writing, ten
// minutes at most; one that stops writes first. It is safe for concurrent use.
type Ledger struct {
	store   *kv.Store
	usage   *Usage
	replica string
	// declared lists the facts that are counted by name. It is asked each minute,
	// so that it can follow the rules that are in force; nothing until it is known.
	declared func() []string
	now      func() time.Time
	log      *slog.Logger
	failed   prometheus.Counter

	mu      sync.Mutex // guards what follows
	pages   map[pageKey]*usagePage
	since   time.Time // up to when it has been collected
	pruned  string    // the hour in which old records were last looked for
	writing sync.Mutex
}

type pageKey struct{ region, period string }

// usagePage is one record in the making: what this process counted, on top of
// what an earlier one of the same replica had written.
type usagePage struct {
	counted UsageShare
	before  *UsageShare // nil until the store was asked
	dirty   bool
}

// NewLedger makes the ledger of a replica, whose name must be its own for as long
// as its data directory lives.
func NewLedger(store *kv.Store, usage *Usage, replica string, declared func() []string, now func() time.Time, log *slog.Logger, reg prometheus.Registerer) *Ledger {
	return &Ledger{store: store, usage: usage, replica: replica, declared: declared, now: now, log: log, pages: map[pageKey]*usagePage{}, since: now(),
		failed: promauto.With(reg).NewCounter(prometheus.CounterOpts{Name: "quorate_usage_unwritten_total",
			Help: "Records of usage that could not be written and are kept in memory."})}
}

// Run collects each minute and writes every ten, and once more when ctx ends.
func (l *Ledger) Run(ctx context.Context) {
	for len(l.declared()) == 0 && pauseFor(ctx, time.Second) { // the state is not loaded yet
	}
	l.usage.Declare(l.declared())
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	written := l.now()
	for {
		select {
		case <-tick.C:
			now := l.now()
			l.Collect()
			if now.Sub(written) >= writeEvery || hourOf(now) != hourOf(written) || now.Before(written) {
				written = now
				l.write(ctx)
			}
		case <-ctx.Done():
			final, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalWrite)
			l.Collect()
			l.write(final)
			cancel()
			return
		}
	}
}

// pauseFor waits, and reports false if ctx ends first.
func pauseFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *Ledger) write(ctx context.Context) {
	if err := l.Write(ctx); err != nil {
		l.log.Warn("usage could not be written; it is kept and tried again", "error", err)
	}
}

// Collect takes over what has been counted, as of the time since it was last
// called.
func (l *Ledger) Collect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, began := l.now(), l.since
	l.since = now
	l.usage.take(func(u Use, n uint64) {
		for _, period := range []string{hourOf(began), monthOf(began)} {
			p := l.page(u.Region, period)
			p.counted.evaluated(u, n)
			p.dirty = true
		}
	})
	l.usage.takeFacts(func(k factKey, name string, n uint64) {
		p := l.page(k.region, hourOf(began))
		p.counted.saw(k, name, n)
		p.dirty = true
	})
	if hourOf(now) != hourOf(began) {
		l.usage.turnFacts()
	}
	if names := l.declared(); len(names) > 0 {
		l.usage.Declare(names)
	}
}

// Track counts uses. The events have been checked, and are coarse.
func (l *Ledger) Track(events []TrackEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	month := monthOf(l.now())
	for _, e := range events {
		p := l.page(e.Region, month)
		p.counted.tracked(e, e.Count)
		p.dirty = true
	}
}

// page is the record of a region and period in the making. l.mu is held.
func (l *Ledger) page(region, period string) *usagePage {
	key := pageKey{region, period}
	if l.pages[key] == nil {
		l.pages[key] = &usagePage{counted: UsageShare{Region: region, Period: period, Replica: l.replica}}
	}
	return l.pages[key]
}

// Write writes every record that has grown, and removes those that are too old.
// What cannot be written is kept and tried again. It returns the first error.
func (l *Ledger) Write(ctx context.Context) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	keys := slices.Collect(maps.Keys(l.pages))
	l.mu.Unlock()
	var errs []error
	for _, key := range keys {
		if err := l.writePage(ctx, key); err != nil {
			l.failed.Inc()
			errs = append(errs, err)
			if !fault.Is(err, fault.TooLarge) {
				break // the store is away
			}
		}
	}
	if len(errs) == 0 {
		errs = append(errs, l.prune(ctx))
	}
	return errors.Join(errs...)
}

func (l *Ledger) writePage(ctx context.Context, key pageKey) error {
	l.mu.Lock()
	p := l.pages[key]
	dirty, counted, before := p.dirty, p.counted.plus(UsageShare{}), p.before
	p.dirty = false
	l.mu.Unlock()
	if !dirty {
		l.forget(key)
		return nil
	}
	at := usageShares.Key(key.region, key.period, l.replica)
	_, err := l.store.Update(ctx, "", func(tx *kv.Tx) error {
		rec, err := kv.Get(tx, at)
		if err != nil {
			return err
		}
		if before == nil { // nobody else writes it, so it stands as an earlier process left it
			before = &rec.Value
		}
		return kv.Put(tx, at, counted.plus(*before))
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	p.before = before // also if it failed: it may have been written
	if err != nil {
		p.dirty = true
		return fmt.Errorf("writing the usage of %s in %s: %w", key.region, key.period, err)
	}
	return nil
}

// forget drops a page that is written and belongs to a period that is over.
func (l *Ledger) forget(key pageKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if p := l.pages[key]; !p.dirty && key.period != hourOf(now) && key.period != monthOf(now) && key.period != hourOf(l.since) && key.period != monthOf(l.since) {
		delete(l.pages, key)
	}
}

// pruneAtOnce is how many old records one transaction removes.
const pruneAtOnce = 100

// prune removes what is too old, whoever wrote it, once an hour. Replicas that do
// it together do each other no harm.
func (l *Ledger) prune(ctx context.Context) error {
	now := l.now()
	if l.pruned == hourOf(now) {
		return nil
	}
	var old [][]string
	_, err := l.store.Scan(ctx, usageShares.Prefix(), func(e kv.Event) {
		if parts, ok := usageShares.Split(e.Path); ok && len(parts) == 3 && expired(parts[1], now) {
			old = append(old, parts)
		}
	})
	for err == nil && len(old) > 0 {
		n := min(len(old), pruneAtOnce)
		_, err = l.store.Update(ctx, "", func(tx *kv.Tx) error {
			for _, parts := range old[:n] {
				if err := kv.Delete(tx, usageShares.Key(parts...)); err != nil {
					return err
				}
			}
			return nil
		})
		old = old[n:]
	}
	if err != nil {
		return fmt.Errorf("removing old usage: %w", err)
	}
	l.pruned = hourOf(now)
	return nil
}

// maxShares bounds what one question reads.
const maxShares = 5_000

// sum is what all replicas counted in a region in a period, this one as of now.
// Shares that cannot be read are left out, and said to be.
func (l *Ledger) sum(ctx context.Context, region, period string) (total UsageShare, damaged int, err error) {
	l.Collect()
	entries, bad, err := kv.ListSound(l.store.View(ctx), usageShares, region, period)
	if err != nil {
		return total, 0, err
	}
	total = UsageShare{Region: region, Period: period}
	own := false
	l.mu.Lock()
	page := l.pages[pageKey{region, period}]
	for _, e := range entries[:min(len(entries), maxShares)] {
		share := e.Value
		if share.Replica == l.replica && page != nil {
			own = true
			if page.before != nil {
				share = *page.before
			}
			share = share.plus(page.counted)
		}
		total = total.plus(share)
	}
	if !own && page != nil {
		total = total.plus(page.counted)
	}
	l.mu.Unlock()
	return total, len(bad), nil
}
