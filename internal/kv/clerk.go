package kv

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/fault"
)

const (
	officeTTL  = 5               // seconds: how long an office outlives a replica that fell silent
	officePoll = time.Second     // how often a candidate looks whether the office is free
	officeCall = 2 * time.Second // one call while campaigning
)

// An Office is a piece of work that one replica does for all of them, held
// through an etcd lease. A lease elects; it does not exclude: a holder that was
// frozen may wake up and believe itself in office while another already works.
// Therefore nothing correct may rest on holding an Office, only on writing
// through Store.UpdateFenced, which compares, in the transaction itself, that the
// key which elected this holder still stands.
type Office struct {
	store *Store
	path  string
	fence int64 // create revision of the key that elected this holder
	lease clientv3.LeaseID
	lost  chan struct{}
	stop  context.CancelFunc
}

// Campaign waits until this replica holds the office of that name, or ctx ends.
// who says, for people, which replica it is. The caller must Resign.
func (s *Store) Campaign(ctx context.Context, name, who string) (*Office, error) {
	for {
		if o, err := s.stand(ctx, "clerk/"+name, who); err == nil && o != nil {
			return o, nil
		}
		if !sleep(ctx, officePoll) {
			return nil, ctx.Err()
		}
	}
}

// stand tries once; nil without an error means that another holds the office.
func (s *Store) stand(ctx context.Context, path, who string) (*Office, error) {
	call, cancel := context.WithTimeout(ctx, officeCall)
	defer cancel()
	if rev, err := s.created(call, path); err != nil || rev > 0 {
		return nil, err
	}
	lease, err := s.client.Grant(call, officeTTL)
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Txn(call).If(clientv3.Compare(clientv3.CreateRevision(Root+path), "=", 0)).
		Then(clientv3.OpPut(Root+path, who, clientv3.WithLease(lease.ID))).Commit()
	if err != nil || !resp.Succeeded {
		// If the answer was lost we may be elected without knowing it: giving the
		// lease back takes the key away again.
		s.revoke(lease.ID)
		return nil, err
	}
	return s.hold(ctx, path, lease.ID, resp.Header.Revision)
}

func (s *Store) hold(ctx context.Context, path string, lease clientv3.LeaseID, fence int64) (*Office, error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	alive, err := s.client.KeepAlive(ctx, lease)
	if err != nil {
		stop()
		s.revoke(lease)
		return nil, err
	}
	o := &Office{store: s, path: path, fence: fence, lease: lease, lost: make(chan struct{}), stop: stop}
	go func() {
		defer close(o.lost)
		for range alive { // closed when the lease has ended or we resign
		}
	}()
	return o, nil
}

func (s *Store) revoke(lease clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(context.Background(), officeCall)
	defer cancel()
	_, _ = s.client.Revoke(ctx, lease) // otherwise it runs out by itself
}

// Lost is closed when the lease is known to have ended. It may be late.
func (o *Office) Lost() <-chan struct{} { return o.lost }

// Resign gives the office back, so that another need not wait for the lease.
func (o *Office) Resign() {
	o.stop()
	<-o.lost
	o.store.revoke(o.lease)
}

// UpdateFenced is Update for the holder of an office: it commits only if the key
// that elected this holder still stands, and says office_lost otherwise.
func (s *Store) UpdateFenced(ctx context.Context, o *Office, marker string, fn func(*Tx) error) (Outcome, error) {
	return s.Update(ctx, marker, func(tx *Tx) error {
		if err := o.Guard(tx); err != nil {
			return err
		}
		return fn(tx)
	})
}

// Guard has a transaction commit only if the key that elected this holder still
// stands; it says office_lost if that is known to be gone.
func (o *Office) Guard(tx *Tx) error {
	st, err := tx.read(o.path)
	if err != nil {
		return err
	}
	if st.created != o.fence {
		return fault.New(fault.Conflict, "office_lost", "this replica no longer holds the office %s", o.path).
			Do("nothing: another replica does the work")
	}
	tx.ranges = append(tx.ranges, clientv3.Compare(clientv3.CreateRevision(Root+o.path), "=", o.fence))
	return nil
}

// Incarnation is the store's, as last identified; its ID is empty before.
func (s *Store) Incarnation() Incarnation {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	return s.seen.Incarnation
}
