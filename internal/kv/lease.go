package kv

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// UpdateLeased is Update for records that mean nothing once life has passed,
// such as sessions. What fn creates goes away by itself some time after that;
// what it changes keeps the life it had. The lease only collects what nobody
// reads any more: etcd counts it anew when a member is elected, so a record may
// outlive it, and whoever reads one must look at the time in it.
func (s *Store) UpdateLeased(ctx context.Context, life time.Duration, marker string, fn func(*Tx) error) (Outcome, error) {
	granted, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
	defer cancel()
	lease, err := s.client.Grant(granted, int64(life/time.Second)+1)
	if err != nil {
		return Outcome{}, unavailable(err)
	}
	out, err := s.Update(ctx, marker, func(tx *Tx) error {
		tx.lease = lease.ID
		return fn(tx)
	})
	if err == nil && out.Revision == 0 {
		s.revoke(lease.ID) // nothing was written under it
	}
	return out, err
}

// UpdateBrief is Update for records that are no state of the domain: what fn
// changes keeps the life it had, what it creates stays until it is deleted.
func (s *Store) UpdateBrief(ctx context.Context, marker string, fn func(*Tx) error) (Outcome, error) {
	return s.Update(ctx, marker, func(tx *Tx) error {
		tx.lease = keepsLease
		return fn(tx)
	})
}

// keepsLease is no lease that etcd gives out.
const keepsLease clientv3.LeaseID = -1

// putOptions says which lease a written record gets: none outside of UpdateLeased
// and UpdateBrief, else that of the transaction if it is new, and its own if not.
func (tx *Tx) putOptions(path string) []clientv3.OpOption {
	switch {
	case tx.lease == clientv3.NoLease:
		return nil
	case tx.reads[path].revision > 0:
		return []clientv3.OpOption{clientv3.WithIgnoreLease()}
	case tx.lease == keepsLease:
		return nil
	}
	return []clientv3.OpOption{clientv3.WithLease(tx.lease)}
}
