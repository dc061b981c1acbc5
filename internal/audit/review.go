package audit

import (
	"context"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// A Query is what a reviewer looks for; a zero field asks for nothing.
type Query struct {
	Who    string          // an actor's id or name
	Action identity.Action // exactly
	Region string          // of the target
	Result Result
	From   time.Time // inclusive
	To     time.Time // exclusive
	Before int64     // only entries of a lower index: where the last page ended; 0: from the newest
	Limit  int       // at least 1
}

func (q Query) wants(l Leaf) bool {
	return (q.Who == "" || q.Who == l.Actor.ID || q.Who == l.Actor.Name) &&
		(q.Action == "" || q.Action == l.Action) &&
		(q.Region == "" || q.Region == l.Target.Region) &&
		(q.Result == "" || q.Result == l.Result) &&
		(q.From.IsZero() || !l.At.Before(q.From)) &&
		(q.To.IsZero() || l.At.Before(q.To))
}

// A Page is a part of what was found, the newest first.
type Page struct {
	Entries []Entry
	// Next is the Before of the following page; 0 if there is none.
	Next int64
}

// maxRead is how many bundles one page may read: a query that finds little is
// answered in time, with what it has and where it stopped.
const maxRead = 200

// Review reads the record for people, the newest first. Leaves that have no
// place in the tree yet come before all others, without an index.
func (l *Log) Review(ctx context.Context, q Query) (Page, error) {
	h, err := readHead(l.store.View(ctx))
	if err != nil {
		return Page{}, err
	}
	var p Page
	if q.Before == 0 {
		if p.Entries, err = l.unsequenced(ctx, h.Value, q); err != nil {
			return p, err
		}
		q.Before = h.Value.Size
	}
	q.Before = min(q.Before, h.Value.Size)
	t := h.Value.tree()
	for read := 0; q.Before > 0; read++ {
		if len(p.Entries) >= q.Limit || read == maxRead {
			p.Next = q.Before
			return p, nil
		}
		n := (q.Before - 1) / tileWidth
		records, err := l.records(ctx, n, widthOf(t, n))
		if err != nil {
			return p, err
		}
		over, err := p.take(q, n*tileWidth, records[:q.Before-n*tileWidth])
		if err != nil {
			return p, err
		}
		q.Before = n * tileWidth
		switch {
		case len(p.Entries) > q.Limit: // the page ends within this bundle
			p.Entries = p.Entries[:q.Limit]
			q.Before = *p.Entries[q.Limit-1].Index
		case over:
			return p, nil
		}
	}
	return p, nil
}

// take adds what is wanted of a bundle. over says that nothing older is wanted.
func (p *Page) take(q Query, first int64, records []Record) (over bool, err error) {
	for i := len(records) - 1; i >= 0; i-- {
		leaf, err := records[i].Leaf()
		if err != nil {
			return false, fault.From(err)
		}
		if !q.From.IsZero() && leaf.At.Before(q.From.Add(-clocks)) {
			return true, nil
		}
		if q.wants(leaf) {
			index := first + int64(i)
			p.Entries = append(p.Entries, Entry{Revision: records[i].Revision, Index: &index, Leaf: leaf})
		}
	}
	return false, nil
}

// unsequenced is what waits for its place in the tree. The store counts first,
// and sorts only if something waits.
func (l *Log) unsequenced(ctx context.Context, h head, q Query) ([]Entry, error) {
	have, _, err := l.store.Count(ctx, Prefix, 0)
	if err != nil {
		return nil, err
	}
	wait := have - (h.Size - h.Removed)
	if wait <= 0 {
		return nil, nil
	}
	found, err := kv.Newest(l.store.View(ctx), leaves, int(min(wait, int64(q.Limit))))
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, e := range found {
		if e.Created > h.Last && q.wants(e.Value) {
			entries = append(entries, Entry{Revision: e.Created, Leaf: e.Value})
		}
	}
	return entries, nil
}
