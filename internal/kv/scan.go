package kv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/fault"
)

// Count is how many records stand below a prefix at a revision, 0 for now, and
// that revision. It reads no values. A revision that etcd has compacted is the
// fault "compacted".
func (s *Store) Count(ctx context.Context, prefix string, at int64) (n, revision int64, err error) {
	resp, err := s.client.Get(ctx, Root+prefix, clientv3.WithPrefix(), clientv3.WithCountOnly(), clientv3.WithRev(at))
	if err != nil {
		return 0, 0, readFault(err)
	}
	if at == 0 {
		at = resp.Header.Revision
	}
	return resp.Count, at, nil
}

const (
	scanPage    = 20_000 // records in one call; etcd counts the rest of the range for each
	scanTimeout = 10 * time.Second
)

// Scan hands over every record below a prefix, as of one revision, in the order
// of their paths and without their values, and returns that revision.
func (s *Store) Scan(ctx context.Context, prefix string, each func(Event)) (int64, error) {
	from, end, revision := Root+prefix, clientv3.GetPrefixRangeEnd(Root+prefix), int64(0)
	for {
		call, cancel := context.WithTimeout(ctx, scanTimeout)
		resp, err := s.client.Get(call, from, clientv3.WithRange(end), clientv3.WithRev(revision),
			clientv3.WithLimit(scanPage), clientv3.WithKeysOnly())
		cancel()
		if err != nil {
			return 0, readFault(err)
		}
		if revision == 0 {
			revision = resp.Header.Revision
		}
		for _, kv := range resp.Kvs {
			each(eventOf(kv))
		}
		if !resp.More {
			return revision, nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
	}
}

// Tail hands over every record that is written below a prefix after a revision,
// in the order of the store, until ctx ends or the feed breaks. A feed may fall
// silent, or lose something, without saying so; the caller must check with Count.
func (s *Store) Tail(ctx context.Context, prefix string, after int64, apply func([]Event)) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	events := s.client.Watch(ctx, Root+prefix, clientv3.WithPrefix(), clientv3.WithRev(after+1),
		clientv3.WithFragment(), clientv3.WithFilterDelete())
	for resp := range events {
		if err := resp.Err(); err != nil {
			return readFault(err)
		}
		apply(batchOf(resp).Events)
	}
	return fmt.Errorf("the feed of %s ended: %w", prefix, context.Cause(ctx))
}

// readEach is how many records ReadMany asks for in one call.
const readEach = 64

// ReadMany reads the records at these paths, in this order, as of one revision
// for each 64 of them. One that does not exist has Revision 0.
func (s *Store) ReadMany(ctx context.Context, paths []string) ([]Event, error) {
	out := make([]Event, 0, len(paths))
	for len(paths) > 0 {
		n := min(len(paths), readEach)
		ops := make([]clientv3.Op, n)
		for i, p := range paths[:n] {
			ops[i] = clientv3.OpGet(Root + p)
		}
		resp, err := s.client.Txn(ctx).Then(ops...).Commit()
		if err != nil {
			return nil, readFault(err)
		}
		for i, r := range resp.Responses {
			e := Event{Path: paths[i]}
			if kvs := r.GetResponseRange().GetKvs(); len(kvs) == 1 {
				e = eventOf(kvs[0])
			}
			out = append(out, e)
		}
		paths = paths[n:]
	}
	return out, nil
}

// Unwrap checks a stored value against its checksum and returns the version of
// its schema and the bytes that were written, unchanged.
func Unwrap(path string, stored []byte) (schema int, value json.RawMessage, err error) {
	var e envelope
	if err := json.Unmarshal(stored, &e); err != nil {
		return 0, nil, damaged(path, err)
	}
	if e.Sum != checksum(path, e.Value) {
		return 0, nil, damaged(path, fmt.Errorf("checksum is %s, stored %s", checksum(path, e.Value), e.Sum))
	}
	return e.Schema, e.Value, nil
}

func readFault(err error) error {
	if errors.Is(err, rpctypes.ErrCompacted) {
		return fault.New(fault.StoreUnavailable, "compacted", "the store no longer keeps that revision").
			Do("read the present one").Because(err)
	}
	return unavailable(err)
}
