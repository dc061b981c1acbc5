package kv

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Snapshot writes the whole store, as it is at one moment, in the form of etcd's
// own snapshots: its database, with a SHA-256 behind. It holds all that the store
// does, hashes of tokens and shared secrets included.
func (s *Store) Snapshot(ctx context.Context, w io.Writer) (n int64, err error) {
	if err := s.refuseRolledBack(); err != nil {
		return 0, err
	}
	from, err := s.client.Snapshot(ctx)
	if err != nil {
		return 0, unavailable(err)
	}
	n, err = io.Copy(w, from)
	if err = errors.Join(err, from.Close()); err != nil {
		return n, fmt.Errorf("reading a snapshot of the store: %w", err)
	}
	return n, nil
}
