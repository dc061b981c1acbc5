package kv

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/fault"
)

// conflictTries bounds how often a transaction is run again because another one
// changed what it had read. At 64 writers on one record a writer loses about
// 50 times in a row, which no record of ours meets.
const conflictTries = 64

// An Outcome says at which revision a change stands in the store.
type Outcome struct {
	Revision int64
	Replayed bool // the marker was there already: the work had been done before
}

// Update runs fn and commits what it wrote as one transaction that holds only
// if nothing fn read has changed meanwhile; otherwise fn is run again on the
// new state. fn must therefore have no effect but through its Tx.
//
// marker is the path of a record that fn puts and that nobody else ever writes.
// It makes the update happen once: if the marker already stands, nothing is
// written and the outcome is Replayed at the marker's revision, even if fn would
// fail by now. With a marker an unknown outcome is tried again until it is known
// or the store's WriteTimeout has passed. Without one ("") it is reported at
// once. An fn that writes nothing commits nothing and returns revision 0.
//
// Errors: whatever fn returned; store_unavailable if nothing was ever sent;
// outcome_unknown if something was; quota_exceeded; conflict if others kept
// changing the same records; too_large before anything is sent.
func (s *Store) Update(ctx context.Context, marker string, fn func(*Tx) error) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
	defer cancel()
	if err := s.refuseRolledBack(); err != nil {
		return Outcome{}, err
	}
	sent := false
	for try := 0; ; try++ {
		out, again, err := s.attempt(ctx, marker, fn, sent)
		if !again {
			return out, err
		}
		sent = sent || fault.Is(err, fault.OutcomeUnknown)
		if sent && marker == "" || !sleep(ctx, pause(try, sent)) || try == conflictTries {
			return Outcome{}, s.giveUp(err, sent)
		}
	}
}

// attempt runs fn once and tries to commit. again says that the same update may
// be tried once more, err then says why this one did not settle it.
func (s *Store) attempt(ctx context.Context, marker string, fn func(*Tx) error, sent bool) (out Outcome, again bool, err error) {
	tx := newTx(ctx, s, false)
	if err := fn(tx); err != nil {
		return s.settleRefused(ctx, marker, err, sent)
	}
	if len(tx.order) == 0 {
		return s.settleRefused(ctx, marker, nil, sent)
	}
	if _, ok := tx.writes[marker]; marker != "" && !ok {
		return Outcome{}, false, fmt.Errorf("kv: the update did not write its marker %s", marker)
	}
	if err := tx.checkLimits(); err != nil {
		return Outcome{}, false, err
	}
	// If we crash here nothing was sent; after the next line the marker tells.
	resp, err := s.client.Txn(ctx).If(tx.compares()...).Then(tx.ops()...).Else(readMarker(marker)...).Commit()
	switch {
	case err != nil:
		return s.settleFailed(ctx, marker, err, sent)
	case resp.Succeeded:
		return Outcome{Revision: resp.Header.Revision}, false, nil
	}
	if rev := markerRevision(resp); rev > 0 {
		return Outcome{Revision: rev, Replayed: true}, false, nil
	}
	return Outcome{}, true, fault.New(fault.Conflict, "conflict", "others are changing the same records at this moment").
		Do("look at the new state and try again")
}

func readMarker(marker string) []clientv3.Op {
	if marker == "" {
		return nil
	}
	return []clientv3.Op{clientv3.OpGet(Root+marker, clientv3.WithKeysOnly())}
}

func markerRevision(resp *clientv3.TxnResponse) int64 {
	if len(resp.Responses) == 0 {
		return 0
	}
	if kvs := resp.Responses[0].GetResponseRange().GetKvs(); len(kvs) == 1 {
		return kvs[0].CreateRevision
	}
	return 0
}

// settleRefused looks whether the work was done by an earlier try before it
// believes fn's refusal, or that there is nothing to do (refusal nil): a
// repeated "turn on" finds the capability on.
func (s *Store) settleRefused(ctx context.Context, marker string, refusal error, sent bool) (Outcome, bool, error) {
	if fault.Is(refusal, fault.StoreUnavailable) {
		if sent {
			return Outcome{}, true, unknown(refusal)
		}
		return Outcome{}, false, refusal
	}
	if marker == "" {
		return Outcome{}, false, refusal
	}
	rev, err := s.created(ctx, marker)
	switch {
	case rev > 0:
		return Outcome{Revision: rev, Replayed: true}, false, nil
	case err != nil && sent:
		return Outcome{}, true, unknown(err)
	case err != nil:
		return Outcome{}, false, unavailable(err)
	}
	return Outcome{}, false, refusal
}

// settleFailed sorts a failed commit into never applied, applied, and unknown.
func (s *Store) settleFailed(ctx context.Context, marker string, cause error, sent bool) (Outcome, bool, error) {
	switch {
	case sent: // an earlier try may have been applied, whatever became of this one
	case errors.Is(cause, rpctypes.ErrRequestTooLarge), errors.Is(cause, rpctypes.ErrTooManyOps):
		return Outcome{}, false, fault.New(fault.TooLarge, "change_too_large", "the store refused the change for its size").
			Do("split it into smaller changes").Because(cause)
	case errors.Is(cause, rpctypes.ErrNoSpace):
		return s.settleNoSpace(ctx, marker, cause)
	case errors.Is(cause, rpctypes.ErrPermissionDenied), errors.Is(cause, rpctypes.ErrInvalidAuthToken):
		return Outcome{}, false, unavailable(cause)
	}
	return Outcome{}, true, unknown(cause)
}

// settleNoSpace: etcd checks the quota while it applies, so a transaction that
// was answered "no space" may have been written all the same.
func (s *Store) settleNoSpace(ctx context.Context, marker string, cause error) (Outcome, bool, error) {
	full := fault.New(fault.QuotaExceeded, "quota_exceeded", "the store is full; nothing was changed").
		Do("ask the operator to free space in the store").Because(cause)
	if marker == "" {
		return Outcome{}, false, unknown(cause)
	}
	rev, err := s.created(ctx, marker)
	if err != nil {
		return Outcome{}, true, unknown(cause)
	}
	if rev > 0 {
		return Outcome{Revision: rev}, false, nil
	}
	return Outcome{}, false, full
}

// created is the revision at which a path came into being, 0 if it is absent.
func (s *Store) created(ctx context.Context, path string) (int64, error) {
	resp, err := s.client.Get(ctx, Root+path, clientv3.WithKeysOnly())
	if err != nil {
		return 0, err
	}
	if len(resp.Kvs) == 0 {
		return 0, nil
	}
	return resp.Kvs[0].CreateRevision, nil
}

func (s *Store) giveUp(err error, sent bool) error {
	if sent {
		return unknown(err)
	}
	return err
}

func unknown(cause error) error {
	return fault.New(fault.OutcomeUnknown, "outcome_unknown", "the change was sent, but the store did not say in time whether it was applied").
		Do("ask for its outcome, or send it again with the same idempotency key: it will not be done twice").
		Because(cause)
}

// pause spreads writers that met on one record over a few milliseconds, and
// waits longer for a store that is on its way back.
func pause(try int, waiting bool) time.Duration {
	if waiting {
		return 50 * time.Millisecond
	}
	return time.Duration(rand.Int64N(int64(time.Millisecond) << min(try, 5)))
}

// sleep waits, and reports false if the context ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
