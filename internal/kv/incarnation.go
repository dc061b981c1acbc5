package kv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/google/renameio/v2"
	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/fault"
)

// An Incarnation names one life of the store. Restoring a backup leaves etcd's
// cluster ID as it was and moves its revision back, so that a replica could go
// on as if nothing had happened and miss every change in between. The epoch is
// raised, on the record, by the operator who accepts a restore; it never falls.
type Incarnation struct {
	ID    string `json:"id"` // UUID, made when the store is first used
	Epoch int64  `json:"epoch"`
	// Restored says when the store was restored from a backup, in RFC 3339, until
	// an operator has accepted that; then "".
	Restored string `json:"restored,omitempty"`
}

var (
	meta           = NewCollection[Incarnation]("meta", 1)
	incarnationKey = meta.Key("incarnation")
)

// A Rollback says that the store is older than what this replica has seen.
type Rollback struct {
	Seen, Found          Incarnation
	SeenRevision         int64
	FoundRevision        int64
	DifferentIncarnation bool
}

// Error is for the operator: what was found, and how to accept it.
func (r Rollback) fault() *fault.Error {
	what := fmt.Sprintf("the store is at revision %d, and this replica has seen %d: an older backup was restored",
		r.FoundRevision, r.SeenRevision)
	switch {
	case r.Found.Restored != "":
		what = fmt.Sprintf("the store was restored from a backup at %s, and nobody has accepted yet what was lost by that", r.Found.Restored)
	case r.DifferentIncarnation:
		what = fmt.Sprintf("the store is not the one this replica knows (incarnation %s, seen %s)", r.Found.ID, r.Seen.ID)
	}
	return fault.New(fault.StoreUnavailable, "store_rolled_back", "%s; nothing is written to it and the last known state is served", what).
		Do("restore the newest state, or accept the loss on the record: `quorate restore accept`, or stop the server and start it once with --accept-restore REASON")
}

// seen is the newest state of the store that this replica knows of.
type seen struct {
	mu sync.Mutex
	seenState
	dirty bool
}

type seenState struct {
	Incarnation Incarnation `json:"incarnation"`
	Revision    int64       `json:"revision"`
}

func (s *seen) load(file string) error {
	if file == "" {
		return nil
	}
	raw, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &s.seenState)
	}
	if err != nil {
		return fault.New(fault.Internal, "seen_file", "the file %s, which tells how new the store was, cannot be read", file).
			Do("repair or remove it; without it a restored old backup goes unnoticed at this start").Because(err)
	}
	return nil
}

func (s *seen) save(file string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if file == "" || !s.dirty {
		return nil
	}
	raw, err := json.Marshal(s.seenState)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(file, raw, 0o600); err != nil {
		return fmt.Errorf("keeping %s: %w", file, err)
	}
	s.dirty = false
	return nil
}

// check holds what the store says against what was seen, and takes it over when
// it is no older.
func (s *seen) check(found Incarnation, revision int64) *Rollback {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.Incarnation.ID != ""
	accepted := found.Epoch > s.Incarnation.Epoch
	other := known && found.ID != s.Incarnation.ID
	if found.Restored != "" || known && !accepted && (other || found.Epoch < s.Incarnation.Epoch || revision < s.Revision) {
		return &Rollback{Seen: s.Incarnation, Found: found, SeenRevision: s.Revision, FoundRevision: revision, DifferentIncarnation: other}
	}
	s.seenState = seenState{Incarnation: found, Revision: revision}
	s.dirty = true
	return nil
}

// state is what has been seen so far.
func (s *seen) state() seenState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seenState
}

// goBack takes a lower revision for seen, for the one who accepts a restore.
func (s *seen) goBack(revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Revision = revision
}

// advance notes a newer revision of the same life.
func (s *seen) advance(revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if revision > s.Revision {
		s.Revision, s.dirty = revision, true
	}
}

func (s *Store) refuseRolledBack() error {
	if r := s.rolledBack.Load(); r != nil {
		return r.fault()
	}
	return nil
}

// RolledBack is the fault to show while the store is older than what was seen,
// nil otherwise.
func (s *Store) RolledBack() *fault.Error {
	if r := s.rolledBack.Load(); r != nil {
		return r.fault()
	}
	return nil
}

// Identify reads the store's incarnation, makes one if the store is new, and
// compares it with what this replica has seen before. A store that went back is
// remembered as such, and every Update is refused, until one that is no older
// comes along or its epoch has been raised.
func (s *Store) Identify(ctx context.Context) error {
	found, revision, err := s.incarnation(ctx)
	if err != nil {
		return err
	}
	r := s.seen.check(found, revision)
	s.rolledBack.Store(r)
	if r != nil {
		return r.fault()
	}
	return nil
}

// incarnation reads before it writes: a store over its quota refuses any
// transaction that could write, and a replica must load all the same.
func (s *Store) incarnation(ctx context.Context) (Incarnation, int64, error) {
	resp, err := s.client.Get(ctx, Root+incarnationKey.path)
	if err != nil {
		return Incarnation{}, 0, unavailable(err)
	}
	if len(resp.Kvs) == 1 {
		found, err := meta.Decode(incarnationKey.path, resp.Kvs[0].Value)
		return found, resp.Header.Revision, err
	}
	return s.firstIncarnation(ctx)
}

// firstIncarnation makes the incarnation of a new store; of several replicas
// that try at once, one does, and all read that one.
func (s *Store) firstIncarnation(ctx context.Context) (Incarnation, int64, error) {
	first, err := encode(incarnationKey.path, meta.schema, Incarnation{ID: uuid.NewString(), Epoch: 1})
	if err != nil {
		return Incarnation{}, 0, err
	}
	key := Root + incarnationKey.path
	resp, err := s.client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, string(first)), clientv3.OpGet(key)).
		Else(clientv3.OpGet(key), clientv3.OpGet(key)).Commit()
	if err != nil {
		return Incarnation{}, 0, unavailable(err)
	}
	kvs := resp.Responses[1].GetResponseRange().GetKvs()
	if len(kvs) != 1 {
		return Incarnation{}, 0, unavailable(errors.New("the incarnation vanished"))
	}
	found, err := meta.Decode(incarnationKey.path, kvs[0].Value)
	return found, resp.Header.Revision, err
}

// RaiseEpoch is the write with which an operator accepts a restored store. It
// belongs to a change that goes through the gate; see Store.AcceptRestore.
func RaiseEpoch(tx *Tx, epoch int64) error {
	rec, err := Get(tx, incarnationKey)
	if err != nil {
		return err
	}
	rec.Value.Epoch, rec.Value.Restored = max(rec.Value.Epoch, epoch)+1, ""
	return Put(tx, incarnationKey, rec.Value)
}

// MarkRestored notes, in a store that was made from a backup and serves nobody
// yet, that it was: every replica refuses it until an operator accepts it. The
// epoch becomes the time, unless it is later already: the same backup may be
// restored twice, and each life of the store must have an epoch of its own. What
// it returns is for embedded.Restore; marked is set to what was noted.
func MarkRestored(now time.Time, marked *Incarnation) func(context.Context, *clientv3.Client) error {
	return func(ctx context.Context, client *clientv3.Client) (err error) {
		*marked, err = markRestored(ctx, client, now)
		return err
	}
}

func markRestored(ctx context.Context, client *clientv3.Client, now time.Time) (Incarnation, error) {
	resp, err := client.Get(ctx, Root+incarnationKey.path)
	if err != nil {
		return Incarnation{}, unavailable(err)
	}
	if len(resp.Kvs) != 1 {
		return Incarnation{}, fault.New(fault.Refused, "not_a_store", "the backup holds no store of Quorate").Do("check that it is the right file")
	}
	life, err := meta.Decode(incarnationKey.path, resp.Kvs[0].Value)
	if err != nil {
		return life, err
	}
	life.Epoch, life.Restored = max(life.Epoch+1, now.Unix()), now.UTC().Format(time.RFC3339)
	raw, err := encode(incarnationKey.path, meta.schema, life)
	if err != nil {
		return life, err
	}
	// Whoever held an office, or was signed in, is long gone.
	_, err = client.Txn(ctx).Then(clientv3.OpPut(Root+incarnationKey.path, string(raw)),
		clientv3.OpDelete(Root+"clerk/", clientv3.WithPrefix()), clientv3.OpDelete(Root+"sessions/", clientv3.WithPrefix())).Commit()
	if err != nil {
		return life, unavailable(err)
	}
	return life, nil
}

// AcceptRestore lets write run although the store is older than what was seen,
// for the one change that raises the epoch. It returns the epoch to surpass.
func (s *Store) AcceptRestore(write func(epoch int64) error) error {
	r := s.rolledBack.Swap(nil)
	if r == nil {
		return nil
	}
	s.seen.goBack(r.FoundRevision)
	if err := write(max(r.Seen.Epoch, r.Found.Epoch)); err != nil {
		s.seen.advance(r.SeenRevision)
		s.rolledBack.Store(r)
		return err
	}
	return nil
}
