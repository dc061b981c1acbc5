package ofrep

import (
	"sync"
	"sync/atomic"
	"time"
)

// limiter lets each credential make so many requests a second, with a second's
// worth at once (the generic cell rate algorithm: one number per credential says
// up to when its requests are used up). It takes no lock and holds one number for
// every credential seen, of which there are no more than tokens.
type limiter struct {
	gap    int64    // nanoseconds that one request uses up
	usedUp sync.Map // credential → *atomic.Int64, unix nanoseconds
}

func newLimiter(perSecond int) *limiter {
	return &limiter{gap: max(1, int64(time.Second)/int64(perSecond))}
}

// take uses up one request, or says how long to wait for one.
func (l *limiter) take(credential string, now time.Time) (wait time.Duration) {
	found, ok := l.usedUp.Load(credential)
	if !ok {
		found, _ = l.usedUp.LoadOrStore(credential, new(atomic.Int64))
	}
	upTo, at := found.(*atomic.Int64), now.UnixNano()
	for {
		old := upTo.Load()
		next := max(old, at) + l.gap
		if old > at+int64(time.Second) { // the clock was set back: use alone never leads so far ahead
			next = at + l.gap
		}
		if wait := next - at - int64(time.Second); wait > 0 {
			return time.Duration(wait)
		}
		if upTo.CompareAndSwap(old, next) {
			return 0
		}
	}
}
