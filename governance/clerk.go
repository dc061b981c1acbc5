package governance

import (
	"context"
	"log/slog"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
)

const (
	clerkEvery = 2 * time.Second // how often what is due is looked for
	retryEvery = time.Minute     // for what is carried and waits
)

// Run does what the clock brings about until ctx ends: it closes what is due, counts
// what is closed, and lets take effect what no longer waits. Every replica runs it;
// whichever comes first does it, and for the others there is nothing left to do.
func (s *Service) Run(ctx context.Context, log *slog.Logger) {
	tried := map[string]time.Time{}
	said := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(clerkEvery):
		}
		if err := s.CheckKey(ctx); !said && fault.HasCode(err, "other_seal_key") {
			said = true
			log.Error("this server neither opens motions nor takes ballots nor counts; the other servers do", "error", err)
		}
		if err := s.Tick(ctx, tried); err != nil && ctx.Err() == nil && !fault.Is(err, fault.StoreUnavailable) {
			log.Error("the clerk could not finish its round; it goes on trying", "error", err)
		}
	}
}

// Tick is one round of the clerk. tried says when a motion that waits was last tried.
func (s *Service) Tick(ctx context.Context, tried map[string]time.Time) error {
	list, err := s.Motions(ctx)
	if err != nil {
		return err
	}
	var first error
	for _, rec := range list {
		if err := s.attend(ctx, rec.Value, tried); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// attend does for one motion what is due.
func (s *Service) attend(ctx context.Context, m Motion, tried map[string]time.Time) error {
	now := s.now()
	clerk := gate.Origin{Actor: Clerk()}
	switch m.State {
	case Open:
		ready, err := s.isDue(s.store.View(ctx), m, now)
		if err != nil || !ready {
			return err
		}
		if _, err := s.Close(ctx, clerk, m.ID); err != nil {
			return err
		}
	case Closed:
	case Carried:
		if now.Before(m.challengeEnds()) || now.Sub(tried[m.ID]) < retryEvery {
			return nil
		}
		tried[m.ID] = now
	case Effective:
		if !m.retires(now) {
			return nil
		}
	default:
		return nil
	}
	_, err := s.Settle(ctx, clerk, m.ID)
	return err
}

func (s *Service) isDue(tx *kv.Tx, m Motion, now time.Time) (bool, error) {
	if !now.Before(m.Opened.Closes) {
		return true, nil
	}
	p, err := getPaper(tx, m)
	if err != nil || !p.CloseWhenAllVoted {
		return false, err
	}
	cast, err := whoCast(tx, m)
	return m.allVoted(p, cast), err
}
