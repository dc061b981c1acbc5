package server

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/internal/kv/embedded"
)

const (
	measureSpaceEach = 15 * time.Second
	spaceTimeout     = 2 * time.Second
	// warnAt is the share of its quota at which the store is reported: early
	// enough to act, since over the quota it refuses writes.
	warnAt = 0.70
)

// space is how full the store is, as last measured; zero before the first time.
type space struct{ total, inUse atomic.Int64 }

// watchSpace measures the store until ctx ends.
func (s *Server) watchSpace(ctx context.Context) {
	tick := time.NewTicker(measureSpaceEach)
	defer tick.Stop()
	for {
		s.measureSpace(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// measureSpace leaves the last figures as they are when the store is silent:
// that is reported elsewhere.
func (s *Server) measureSpace(ctx context.Context) {
	ask, cancel := context.WithTimeout(ctx, spaceTimeout)
	defer cancel()
	total, inUse, err := s.store.Size(ask)
	if err != nil {
		return
	}
	s.space.total.Store(total)
	s.space.inUse.Store(inUse)
	if full(total, embedded.DefaultQuotaBytes) {
		s.cfg.Log.Error("the store is filling up; over its quota it refuses writes",
			"bytes", total, "in_use", inUse, "quota", embedded.DefaultQuotaBytes)
	}
}

func full(total, quota int64) bool { return float64(total) >= warnAt*float64(quota) }
