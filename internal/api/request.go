package api

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// request is what is known of one request while it is served. There is one per
// request, owned by the goroutine that serves it and filled in as it passes the
// steps, so that the outermost step can log what an inner one found out.
type request struct {
	id        string
	log       *slog.Logger
	principal identity.Principal
	route     string // "" if chi knows it
	reply     reply
	from      string   // whom the connection is with; see peerOf
	sent      bool     // a credential came with it
	guesses   *limiter // of credentials that are not accepted, by peer
	now       func() time.Time
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	q, _ := ctx.Value(requestKey{}).(*request)
	return q
}

// RequestID is the id of the request that ctx belongs to, "" outside of one. It
// joins the answer, the log and the record.
func RequestID(ctx context.Context) string {
	if q := requestOf(ctx); q != nil {
		return q.id
	}
	return ""
}

// PrincipalFrom is who asks; the zero Principal, nobody, if no credential was
// sent.
func PrincipalFrom(ctx context.Context) identity.Principal {
	if q := requestOf(ctx); q != nil {
		return q.principal
	}
	return identity.Principal{}
}

// WithPrincipal says who asks. Within a request that passed Use it is noted
// there and ctx is returned as it is; it is called once, before the handler.
func WithPrincipal(ctx context.Context, p identity.Principal) context.Context {
	if q := requestOf(ctx); q != nil {
		q.principal = p
		return ctx
	}
	return context.WithValue(ctx, requestKey{}, &request{principal: p})
}

// Origin is what a verb needs to know of the request: who asks, its id, and what
// the caller gives: idempotency key, reason, and the revision it was made for
// (0: any).
func Origin(ctx context.Context, key, reason string, ifRevision int64) gate.Origin {
	return gate.Origin{Actor: PrincipalFrom(ctx), Key: key, Reason: reason, RequestID: RequestID(ctx), IfRevision: ifRevision}
}

// logger is the log to use for a request.
func logger(ctx context.Context) *slog.Logger {
	if q := requestOf(ctx); q != nil && q.log != nil {
		return q.log
	}
	return slog.Default()
}

const maxRequestID = 64

// ids makes the ids of requests: what is random is the process's, and behind it
// stands a count. An id of 128 random bits for each took a tenth of what a served
// evaluation costs besides net/http.
type ids struct {
	process string
	count   atomic.Uint64
}

func newIDs() *ids { return &ids{process: rand.Text()[:16] + "-"} }

// of takes over the caller's id if it can do no harm in a log or a header, and
// makes one otherwise.
func (i *ids) of(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); saneID(id) {
		return id
	}
	return i.process + strconv.FormatUint(i.count.Add(1), 36)
}

func saneID(id string) bool {
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return id != "" && len(id) <= maxRequestID
}
