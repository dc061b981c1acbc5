package kv

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// A Plan is what a transaction would write and everything it rested on when it
// was made, so that exactly that can be written later, or not at all.
type Plan struct {
	Edits []PlannedEdit `json:"edits"`
	// Bases are the records that were read, ordered by path; revision 0 is one that
	// was not there.
	Bases []Base `json:"bases"`
	// Lists are the collections that were listed.
	Lists []ListBase `json:"lists,omitempty"`
}

// A PlannedEdit is an Edit with the schema version of what it writes.
type PlannedEdit struct {
	Edit
	Schema int `json:"schema,omitempty"` // 0 if it deletes
}

// A Base is a record as it was read.
type Base struct {
	Path     string `json:"path"`
	Revision int64  `json:"revision"`
}

// A ListBase is a list as it was read: at a revision, with so many records.
type ListBase struct {
	Prefix   string `json:"prefix"`
	Revision int64  `json:"revision"`
	Count    int64  `json:"count"`
}

// Plan says what the transaction would write so far, and what it has read.
func (tx *Tx) Plan() (Plan, error) {
	p := Plan{Edits: []PlannedEdit{}, Bases: []Base{}, Lists: slices.Clone(tx.lists)}
	for _, e := range tx.Edits() {
		schema := 0
		if w := tx.writes[e.Path]; w.stored != nil {
			env, err := open(w.stored)
			if err != nil {
				return p, fmt.Errorf("reading back what %s would hold: %w", e.Path, err)
			}
			schema = env.Schema
		}
		p.Edits = append(p.Edits, PlannedEdit{Edit: e, Schema: schema})
	}
	for _, path := range slices.Sorted(maps.Keys(tx.reads)) {
		p.Bases = append(p.Bases, Base{Path: path, Revision: tx.reads[path].revision})
	}
	return p, nil
}

// Replay writes what a plan says, if everything the plan rested on stands as it
// did; otherwise it writes nothing and says what has moved: paths, and prefixes
// for lists. The commit compares all of it again.
func (tx *Tx) Replay(p Plan) (moved []string, err error) {
	for _, b := range p.Bases {
		st, err := tx.read(b.Path)
		if err != nil {
			return nil, err
		}
		if st.revision != b.Revision {
			moved = append(moved, b.Path)
		}
	}
	for _, l := range p.Lists {
		resp, err := tx.getList(Root+l.Prefix, clientv3.WithKeysOnly())
		if err != nil {
			return nil, err
		}
		if !l.stands(resp) {
			moved = append(moved, l.Prefix)
		}
	}
	if len(moved) > 0 {
		return moved, nil
	}
	return nil, tx.replay(p.Edits)
}

func (l ListBase) stands(resp *clientv3.GetResponse) bool {
	newer := func(r int64) bool { return r > l.Revision }
	for _, kv := range resp.Kvs {
		if newer(kv.ModRevision) {
			return false
		}
	}
	return int64(len(resp.Kvs)) == l.Count
}

func (tx *Tx) replay(edits []PlannedEdit) error {
	for _, e := range edits {
		var w write
		if e.After != nil {
			stored, err := encode(e.Path, e.Schema, e.After)
			if err != nil {
				return err
			}
			w = write{stored: stored, value: plain(stored)}
		}
		if err := tx.write(e.Path, w); err != nil {
			return err
		}
	}
	return nil
}

// Restore writes back what stood before a plan was carried out, or deletes what it
// created, whatever else has happened meanwhile to what the plan rested on. It is
// for the caller to know that its records are as the plan left them.
func (tx *Tx) Restore(p Plan) error {
	back := make([]PlannedEdit, 0, len(p.Edits))
	for _, e := range p.Edits {
		back = append(back, PlannedEdit{Edit: Edit{Path: e.Path, After: e.Before}, Schema: max(e.Schema, 1)})
	}
	return tx.replay(back)
}

// Discard takes back everything the transaction would have written. What it read
// stays guarded.
func (tx *Tx) Discard() {
	tx.writes, tx.order = map[string]write{}, nil
}

var errSealed = errors.New("kv: a write by one who may only read")

// Sealed runs fn, which may read through tx, seeing what is written so far, and
// whose reads are guarded like any other. A write within it fails.
func (tx *Tx) Sealed(fn func() error) error {
	was := tx.sealed
	tx.sealed = true
	defer func() { tx.sealed = was }()
	return fn()
}

// RevisionOf is the revision at which a record stands, 0 if it is not there,
// without what the transaction itself would write. It is guarded like any read.
func (tx *Tx) RevisionOf(path string) (int64, error) {
	st, err := tx.read(path)
	return st.revision, err
}

// Draft is a transaction that is never committed: to see what would come of a
// plan.
func (s *Store) Draft(ctx context.Context) *Tx { return newTx(ctx, s, false) }

// getList reads everything below a key prefix and guards it.
func (tx *Tx) getList(prefix string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	resp, err := tx.get(prefix, append(opts, clientv3.WithPrefix())...)
	if err != nil {
		return nil, err
	}
	tx.ranges = append(tx.ranges,
		clientv3.Compare(clientv3.ModRevision(prefix).WithPrefix(), "<", resp.Header.Revision+1))
	tx.lists = append(tx.lists, ListBase{Prefix: prefix[len(Root):], Revision: resp.Header.Revision, Count: resp.Count})
	return resp, nil
}

// Without is the plan without some of its edits.
func (p Plan) Without(paths []string) Plan {
	p.Edits = slices.DeleteFunc(slices.Clone(p.Edits), func(e PlannedEdit) bool { return slices.Contains(paths, e.Path) })
	return p
}
