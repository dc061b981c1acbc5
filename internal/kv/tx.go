package kv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/fault"
)

// The limits of one etcd transaction. A larger change must write immutable
// records first and flip one pointer last.
const (
	MaxRecords = 128             // operations, and compared records, in one transaction
	MaxBytes   = 3 * 512 << 10   // 1.5 MiB, all keys and values together
	maxValue   = MaxBytes - 4096 // one value, leaving room for the record of the change
)

// A Tx reads and, in an Update, writes records. It belongs to one goroutine and
// to one run of the function it was given to; it must not be kept.
type Tx struct {
	ctx      context.Context
	store    *Store
	readOnly bool
	reads    map[string]readState
	ranges   []clientv3.Cmp
	lists    []ListBase // the same as ranges, for a Plan
	sealed   bool       // within Sealed
	writes   map[string]write
	order    []string // paths in the order in which they were first written
	lease    clientv3.LeaseID
}

type readState struct {
	stored            []byte
	created, revision int64
}

type write struct {
	stored []byte // nil deletes
	value  json.RawMessage
}

// An Edit is one record as a transaction found it and as it will leave it. An
// empty Before means it is created, an empty After that it is deleted.
type Edit struct {
	Path         string          `json:"path"`
	BaseRevision int64           `json:"base_revision"`
	Before       json.RawMessage `json:"before,omitempty"`
	After        json.RawMessage `json:"after,omitempty"`
}

func newTx(ctx context.Context, store *Store, readOnly bool) *Tx {
	return &Tx{ctx: ctx, store: store, readOnly: readOnly,
		reads: map[string]readState{}, writes: map[string]write{}}
}

// Context is the context of the transaction, with its deadline.
func (tx *Tx) Context() context.Context { return tx.ctx }

// Get reads one record, linearizably. One that does not exist is no error: see
// Record.Exists. In an Update its revision (or its absence) is compared again
// on commit. A record written earlier in the same transaction reads as written.
func Get[T any](tx *Tx, k Key[T]) (Record[T], error) {
	if k.err != nil {
		return Record[T]{}, fault.New(fault.Invalid, "bad_key", "%v", k.err)
	}
	if w, ok := tx.writes[k.path]; ok {
		return written[T](tx, k, w)
	}
	st, err := tx.read(k.path)
	if err != nil || st.revision == 0 {
		return Record[T]{}, err
	}
	value, err := decode[T](k.path, k.schema, st.stored)
	return Record[T]{Value: value, Created: st.created, Revision: st.revision}, err
}

func written[T any](tx *Tx, k Key[T], w write) (Record[T], error) {
	if w.stored == nil {
		return Record[T]{}, nil
	}
	st := tx.reads[k.path]
	value, err := decode[T](k.path, k.schema, w.stored)
	return Record[T]{Value: value, Created: st.created, Revision: max(st.revision, 1)}, err
}

func (tx *Tx) read(path string) (readState, error) {
	if st, ok := tx.reads[path]; ok {
		return st, nil
	}
	resp, err := tx.get(Root + path)
	if err != nil {
		return readState{}, err
	}
	var st readState
	if len(resp.Kvs) == 1 {
		kv := resp.Kvs[0]
		st = readState{stored: kv.Value, created: kv.CreateRevision, revision: kv.ModRevision}
	}
	tx.reads[path] = st
	return st, nil
}

// get asks the store, linearizably. An Update refuses an answer from before what
// this replica had seen: the store went back since, and the watch, which may be
// silent, has not said so yet.
func (tx *Tx) get(key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	before := tx.store.seen.state()
	resp, err := tx.store.client.Get(tx.ctx, key, opts...)
	if err != nil {
		return nil, unavailable(err)
	}
	if !tx.readOnly && resp.Header.Revision < before.Revision {
		return nil, Rollback{Seen: before.Incarnation, Found: before.Incarnation,
			SeenRevision: before.Revision, FoundRevision: resp.Header.Revision}.fault()
	}
	return resp, nil
}

// Put writes a record. Writing what already stands there is no write at all.
func Put[T any](tx *Tx, k Key[T], value T) error {
	if k.err != nil {
		return fault.New(fault.Invalid, "bad_key", "%v", k.err)
	}
	stored, err := encode(k.path, k.schema, value)
	if err != nil {
		return err
	}
	if len(stored) > maxValue {
		return fault.New(fault.TooLarge, "record_too_large", "the record %s has %d bytes; the store takes at most %d", k.path, len(stored), maxValue).
			Do("make it smaller")
	}
	return tx.write(k.path, write{stored: stored, value: plain(stored)})
}

// Create writes a record that must not exist yet, without reading it first. If
// it does exist by the time of the commit, the commit fails.
func Create[T any](tx *Tx, k Key[T], value T) error {
	if _, read := tx.reads[k.path]; !read && k.err == nil {
		tx.reads[k.path] = readState{}
	}
	return Put(tx, k, value)
}

// Delete removes a record; one that is not there is left alone.
func Delete[T any](tx *Tx, k Key[T]) error {
	if k.err != nil {
		return fault.New(fault.Invalid, "bad_key", "%v", k.err)
	}
	return tx.write(k.path, write{})
}

func (tx *Tx) write(path string, w write) error {
	if tx.readOnly {
		return errors.New("kv: write in a View")
	}
	if tx.sealed {
		return errSealed
	}
	st, err := tx.read(path)
	if err != nil {
		return err
	}
	if bytes.Equal(st.stored, w.stored) {
		delete(tx.writes, path)
		tx.order = slices.DeleteFunc(tx.order, func(p string) bool { return p == path })
		return nil
	}
	if _, again := tx.writes[path]; !again {
		tx.order = append(tx.order, path)
	}
	tx.writes[path] = w
	return nil
}

// List reads all records below a collection's prefix, ordered by path, at one
// revision. In an Update the commit fails if any of them has changed or a new
// one has appeared since; one that was deleted is not noticed, so a rule must
// not rest on a record that others may delete. It does not see the writes of
// its own transaction.
func List[T any](tx *Tx, c Collection[T], parts ...string) (map[string]Record[T], error) {
	prefix := Root + c.Prefix(parts...)
	resp, err := tx.getList(prefix)
	if err != nil {
		return nil, err
	}
	sound, damaged := recordsOf(c, resp)
	if len(damaged) > 0 {
		return nil, damaged[0]
	}
	out := make(map[string]Record[T], len(sound))
	for _, e := range sound {
		out[e.Path] = e.Record
	}
	return out, nil
}

// ListSound is List for a caller that goes on without the records that cannot be
// used; it is told how many those are.
func ListSound[T any](tx *Tx, c Collection[T], parts ...string) (sound []Entry[T], damaged []error, err error) {
	prefix := Root + c.Prefix(parts...)
	resp, err := tx.getList(prefix)
	if err != nil {
		return nil, nil, err
	}
	sound, damaged = recordsOf(c, resp)
	return sound, damaged, nil
}

// recordsOf decodes what was read, in its order, and says of the rest why not.
func recordsOf[T any](c Collection[T], resp *clientv3.GetResponse) (sound []Entry[T], damaged []error) {
	for _, kv := range resp.Kvs {
		path := string(kv.Key[len(Root):])
		value, err := decode[T](path, c.schema, kv.Value)
		if err != nil {
			damaged = append(damaged, err)
			continue
		}
		sound = append(sound, Entry[T]{path, Record[T]{Value: value, Created: kv.CreateRevision, Revision: kv.ModRevision}})
	}
	return sound, damaged
}

// Unmoved refuses if anything below a prefix, such as "enablements/", was written
// after a revision, and has the commit fail if that happens by then. As with List,
// a deletion is not noticed.
func (tx *Tx) Unmoved(prefix string, since int64) error {
	resp, err := tx.getList(Root+prefix, clientv3.WithKeysOnly())
	if err != nil {
		return err
	}
	for _, found := range resp.Kvs {
		if found.ModRevision > since {
			return fault.New(fault.Conflict, "moved_since", "%s has changed at revision %d, after revision %d that was looked at",
				string(found.Key[len(Root):]), found.ModRevision, since).Do("look again and decide again")
		}
	}
	return nil
}

// Edits lists what the transaction would write, in the order of writing.
func (tx *Tx) Edits() []Edit {
	edits := make([]Edit, 0, len(tx.order))
	for _, path := range tx.order {
		st := tx.reads[path]
		edits = append(edits, Edit{Path: path, BaseRevision: st.revision, Before: plain(st.stored), After: tx.writes[path].value})
	}
	return edits
}

// compares guards every record read: unchanged, or still absent.
func (tx *Tx) compares() []clientv3.Cmp {
	cmps := slices.Clone(tx.ranges)
	for path, st := range tx.reads {
		cmps = append(cmps, clientv3.Compare(clientv3.ModRevision(Root+path), "=", st.revision))
	}
	return cmps
}

func (tx *Tx) ops() []clientv3.Op {
	ops := make([]clientv3.Op, 0, len(tx.order))
	for _, path := range tx.order {
		if w := tx.writes[path]; w.stored == nil {
			ops = append(ops, clientv3.OpDelete(Root+path))
		} else {
			ops = append(ops, clientv3.OpPut(Root+path, string(w.stored), tx.putOptions(path)...))
		}
	}
	return ops
}

// checkLimits refuses what etcd would refuse, before it is sent, saying by how much.
func (tx *Tx) checkLimits() error {
	if n := max(len(tx.order), len(tx.reads)+len(tx.ranges)); n > MaxRecords {
		return fault.New(fault.TooLarge, "too_many_records", "the change touches %d records; one transaction takes at most %d", n, MaxRecords).
			Do("split it into smaller changes")
	}
	size := 0
	for path, w := range tx.writes {
		size += len(Root) + len(path) + len(w.stored)
	}
	if size > MaxBytes {
		return fault.New(fault.TooLarge, "change_too_large", "the change has %d bytes; one transaction takes at most %d", size, MaxBytes).
			Do("split it into smaller changes")
	}
	return nil
}

func unavailable(cause error) error {
	return fault.New(fault.StoreUnavailable, "store_unavailable", "the store cannot be reached; nothing was changed").
		Do("try again in a moment").Because(fmt.Errorf("etcd: %w", cause))
}

// An Entry is a record with its path.
type Entry[T any] struct {
	Path string
	Record[T]
}

// Newest reads up to limit records of a collection, the last created first, and
// leaves out those that cannot be used. The store sorts all of them for it, so it
// is for people, not for hot paths.
func Newest[T any](tx *Tx, c Collection[T], limit int) ([]Entry[T], error) {
	resp, err := tx.get(Root+c.Prefix(), clientv3.WithPrefix(), clientv3.WithLimit(int64(limit)),
		clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortDescend))
	if err != nil {
		return nil, err
	}
	sound, _ := recordsOf(c, resp)
	return sound, nil
}
