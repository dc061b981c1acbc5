package gate

import (
	"context"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// RefusalsPerMinute is how many refusals of one principal are recorded each
// minute; the rest are counted, so that nobody can fill the store by asking.
const RefusalsPerMinute = 10

// recordRefusal writes a leaf for a request that was understood and denied. It
// cannot change the answer: if the store is away, the refusal is counted as
// unrecorded.
func (g *Gate) recordRefusal(ctx context.Context, c Change, refusal error) {
	f := fault.From(refusal)
	if !c.Actor.Known() || f.Kind != fault.Forbidden && f.Kind != fault.Refused {
		return
	}
	if !g.refusals.allow(c.Actor.ID, g.now()) {
		g.metrics.unrecorded.Inc()
		return
	}
	digest, err := Digest(c.Request)
	if err != nil {
		digest = ""
	}
	target := c.Target // as it was asked for: it may name nothing that exists
	target.ID, target.Region = cut(target.ID, 128), cut(target.Region, 128)
	leaf := audit.Leaf{
		ID: c.ID, At: c.At, Result: audit.Refused, Actor: audit.ActorOf(c.Actor), Action: c.Action, Target: target,
		Reason: cut(c.Reason, MaxReason), Request: digest, RequestID: c.RequestID,
		Refusal: &audit.Refusal{Kind: f.Kind.String(), Code: f.Code, Message: cut(f.Message, 500)},
	}
	if deadline, ok := ctx.Deadline(); ok { // the client may have gone; the record is made all the same
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(context.WithoutCancel(ctx), deadline)
		defer cancel()
	}
	_, err = g.store.Update(ctx, leaf.Path(), func(tx *kv.Tx) error { return audit.Append(tx, leaf) })
	if err != nil {
		g.metrics.unrecorded.Inc()
		g.log.Error("a refusal could not be recorded", "action", c.Action, "target", c.Target, "actor", c.Actor.ID, "error", err)
	}
}

// cut makes text from outside fit for the record: printable, and no longer than
// limit characters.
func cut(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unprintable(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return s
}

// refusalLimit allows each principal a burst of RefusalsPerMinute.
type refusalLimit struct {
	mu    sync.Mutex
	perID map[string]*rate.Limiter
}

func newRefusalLimit() *refusalLimit { return &refusalLimit{perID: map[string]*rate.Limiter{}} }

func (l *refusalLimit) allow(id string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.perID) > 10_000 { // principals come and go; forgetting them only records more
		clear(l.perID)
	}
	lim := l.perID[id]
	if lim == nil {
		lim = rate.NewLimiter(rate.Every(time.Minute/RefusalsPerMinute), RefusalsPerMinute)
		l.perID[id] = lim
	}
	return lim.AllowN(now, 1)
}
