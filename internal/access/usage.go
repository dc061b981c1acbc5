package access

import (
	"context"
	"sync/atomic"
	"time"
)

// waiting is how many uses may wait to be written. What does not fit is not
// written: the next use, a minute later, is.
const waiting = 1024

// A use is the last time that something was used.
type use struct {
	token   string // id of a token, or
	session string // hash of a session
	at      time.Time
}

// usage is when a token was last used here, in Unix seconds, as it was last
// handed over to be written.
type usage struct{ noted atomic.Int64 }

// use notes that a token was used. Between two notes of a minute it costs one
// load, so that thousands of questions a second do not meet on a cache line.
func (d *Directory) use(e *entry, token string, now time.Time) {
	last := e.usage.noted.Load()
	if now.Unix()-last < int64(touchEach/time.Second) || !e.usage.noted.CompareAndSwap(last, now.Unix()) {
		return
	}
	id, _, _ := split(token)
	d.handOver(use{token: id, at: now})
}

func (d *Directory) handOver(u use) {
	select {
	case d.used <- u:
	default:
	}
}

// writeTime is how long the writing of one use may take. If it fails the next one
// says the same.
const writeTime = 5 * time.Second

// Run writes when tokens and sessions were last used, until ctx ends. It is no
// change and has no leaf.
func (s *Service) Run(ctx context.Context, d *Directory) {
	for {
		select {
		case <-ctx.Done():
			return
		case u := <-d.used:
			if err := s.records.write(ctx, u); err != nil && ctx.Err() == nil {
				d.log.Debug("when something was last used could not be written", "error", err)
			}
		}
	}
}

func (r records) write(ctx context.Context, u use) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	if u.token != "" {
		return r.used(ctx, u.token, u.at)
	}
	return touch(ctx, r.store, u.session, u.at)
}
