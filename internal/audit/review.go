package audit

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// A Query is what a reviewer looks for; a zero field asks for nothing.
type Query struct {
	Who    string          // an actor's id or name
	Action identity.Action // exactly
	Region string          // of the target
	Result Result
	Role   identity.Role     // among those that the actor held, for whichever region
	By     identity.Strength // how the actor proved who it is
	// Emergency wants only what was asked for ahead of its sign-offs.
	Emergency bool
	From      time.Time // inclusive
	To        time.Time // exclusive
	Before    int64     // only entries of a lower index: where the last page ended; 0: from the newest
	Limit     int       // at least 1
}

func (q Query) wants(l Leaf) bool {
	return (q.Who == "" || q.Who == l.Actor.ID || q.Who == l.Actor.Name) &&
		(q.Action == "" || q.Action == l.Action) &&
		(q.Region == "" || q.Region == l.Target.Region) &&
		(q.Result == "" || q.Result == l.Result) &&
		(q.Role == "" || l.Actor.held(q.Role)) &&
		(q.By == "" || q.By == l.Actor.Strength) &&
		(!q.Emergency || l.Emergency) &&
		(q.From.IsZero() || !l.At.Before(q.From)) &&
		(q.To.IsZero() || l.At.Before(q.To))
}

// held reports whether the actor held the role: "regional_lead" is found in
// "regional_lead(co)".
func (a Actor) held(role identity.Role) bool {
	return slices.ContainsFunc(a.Roles, func(name string) bool {
		name, _, _ = strings.Cut(name, "(")
		return name == string(role)
	})
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
// place in the tree yet come before all others, without an index. Since the order
// is decided when a leaf is written, their places are known all the same, and a
// page can end among them.
func (l *Log) Review(ctx context.Context, q Query) (Page, error) {
	h, waiting, err := l.present(ctx)
	if err != nil {
		return Page{}, err
	}
	var p Page
	t, end := h.tree(), h.Size+int64(len(waiting))
	if q.Before == 0 || q.Before > end {
		q.Before = end
	}
	for read := 0; q.Before > 0; read++ {
		if len(p.Entries) >= q.Limit || read == maxRead {
			p.Next = q.Before
			return p, nil
		}
		first, records := h.Size, waiting
		if q.Before <= h.Size {
			n := (q.Before - 1) / tileWidth
			first = n * tileWidth
			if records, err = l.records(ctx, n, widthOf(t, n)); err != nil {
				return p, err
			}
		}
		over, err := p.take(q, first, records[:q.Before-first], first < h.Size)
		if err != nil || over {
			return p, err
		}
		q.Before = max(first, p.Next)
		p.Next = 0
	}
	return p, nil
}

// take adds what is wanted of some records, up to the limit; where it had to stop
// is left in Next. over says that nothing older is wanted.
func (p *Page) take(q Query, first int64, records []Record, placed bool) (over bool, err error) {
	for i := len(records) - 1; i >= 0; i-- {
		if len(p.Entries) == q.Limit {
			p.Next = first + int64(i) + 1
			return false, nil
		}
		leaf, err := records[i].Leaf()
		if err != nil {
			return false, fault.From(err)
		}
		if !q.From.IsZero() && leaf.At.Before(q.From.Add(-clocks)) {
			return true, nil
		}
		if q.wants(leaf) {
			e := Entry{Revision: records[i].Revision, Leaf: leaf}
			if index := first + int64(i); placed {
				e.Index = &index
			}
			p.Entries = append(p.Entries, e)
		}
	}
	return false, nil
}

// maxWaiting is how many leaves may wait for their place before a review asks for
// patience; the sequencer puts thousands in the tree each second.
const maxWaiting = 5000

const spare = 100 // leaves that may be written between the count and the reading

// present is the head and what waits behind it, in order.
func (l *Log) present(ctx context.Context) (head, []Record, error) {
	for range 5 {
		tx := l.store.View(ctx)
		h, err := readHead(tx)
		if err != nil {
			return head{}, nil, err
		}
		have, at, err := l.store.Count(ctx, Prefix, 0)
		if err != nil {
			return head{}, nil, err
		}
		wait := have - (h.Value.Size - h.Value.Removed)
		if wait > maxWaiting {
			return head{}, nil, fault.New(fault.NotReady, "record_behind", "%d entries wait for their place in the record", wait).Do("try again in a few seconds")
		}
		var waiting []Record
		if wait > 0 {
			if waiting, err = newest(ctx, l.store, int(wait)+spare, h.Value.Last, at); err != nil {
				return head{}, nil, err
			}
		}
		if int64(len(waiting)) == wait && standsAt(l.store.View(ctx), h.Revision) == nil { // all of them, and nothing moved meanwhile
			return h.Value, waiting, nil
		}
	}
	return head{}, nil, fault.New(fault.NotReady, "record_moving", "the record moves faster than it can be read").Do("try again in a moment")
}
