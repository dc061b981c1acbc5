package gate

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/quorate/quorate/internal/kv"
)

// A board is the open changes as this replica has heard of them. It is for
// warnings and to know where to look; whatever is done about a change reads it
// again.
type board struct {
	mu   sync.Mutex
	open map[string]Proposal
}

// Follow has the gate hear of changes that wait, and has Submit wait for f as
// SettleOn does. It is called once, before f runs and before the first Submit.
func (g *Gate) Follow(f *kv.Follower) {
	g.board = &board{open: map[string]Proposal{}}
	f.Subscribe(g.board.apply, Prefixes()...)
	g.SettleOn(f)
}

func (b *board) apply(batch kv.Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range batch.Events {
		parts, ok := changes.Split(e.Path)
		if !ok || len(parts) != 1 {
			continue
		}
		p, err := changes.Decode(e.Path, e.Value)
		if e.Value == nil || err != nil || !p.State.Open() { // what is damaged cannot be carried out
			delete(b.open, parts[0])
			continue
		}
		b.open[parts[0]] = p
	}
}

func (b *board) list() []Proposal {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Values(b.open), func(x, y Proposal) int { return cmp.Compare(x.ID, y.ID) })
}

// openChanges lists the open changes, the oldest first: as heard of, or as stored.
func (g *Gate) openChanges(ctx context.Context) ([]Proposal, error) {
	if g.board != nil {
		return g.board.list(), nil
	}
	found, _, err := kv.ListSound(g.store.View(ctx), changes)
	if err != nil {
		return nil, err
	}
	var list []Proposal
	for _, e := range found {
		if e.Value.State.Open() {
			list = append(list, e.Value)
		}
	}
	return list, nil
}
