package ofrep

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

const (
	// patience is how long a client waits for the first snapshot.
	patience = 10 * time.Second
	// A client that lost its stream comes back within this many milliseconds. Each
	// is told another number, so that they do not all come at once.
	soonest, latest = 1000, 6000
)

// A browser cannot send a header with an EventSource, so the address carries what
// stands for the credential: its id and a proof made with it. Whoever finds the
// address can hear that something changed in the region, until the credential
// expires or is revoked, and can do nothing else.

// purpose is what the proof is given for.
func purpose(region string) string { return "ofrep events\n" + region }

// appendStream names the stream at which changes are told. The address is the
// same in every answer, since a client keeps it when it is answered 304. It names
// the whole path: a client puts the origin of its base address before it.
func (h *Handler) appendStream(b []byte, q *question) []byte {
	_, proof, err := h.cfg.Directory.Sign(q.who.ID, purpose(q.region), q.at)
	if err != nil {
		return b // not a token: it can listen with its own credential
	}
	b = append(b, `,"eventStreams":[{"type":"sse","endpoint":{"requestUri":"/regions/`...)
	b = append(b, url.PathEscape(q.region)...)
	b = append(b, `/ofrep/v1/events?token=`...)
	b = append(b, strings.TrimPrefix(q.who.ID, "token:")...)
	b = append(b, '.')
	b = base64.RawURLEncoding.AppendEncode(b, proof)
	return append(b, `"}}]`...)
}

// listener is who listens to what.
type listener struct {
	who    identity.Principal
	region string
}

// listen answers with a stream of events, for as long as the client listens, the
// credential is good and the server runs.
func (h *Handler) listen(w http.ResponseWriter, r *http.Request, a *address) {
	if !h.ready(r.Context()) {
		refuse(w, a, refused(eval.General, fault.New(fault.NotReady, "not_ready", "this replica has not loaded the state yet").Do("come again in a second")))
		return
	}
	l, f := h.listener(r, a)
	if f != nil {
		refuse(w, a, f)
		return
	}
	b := h.bell(l.region)
	if b == nil {
		refuse(w, a, refused(eval.General, fault.New(fault.NotFound, "unknown_region", "there is no region %.80q", l.region).Do("check the address")))
		return
	}
	defer h.streams.Add(-1)
	if int(h.streams.Add(1)) > h.cfg.MaxStreams {
		refuse(w, a, refused(eval.General, fault.New(fault.NotReady, "too_many_streams", "this replica has %d streams already", h.cfg.MaxStreams).Do("come again later")))
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Accel-Buffering", "no") // some proxies hold streams back otherwise
	h.stream(r, &stream{to: w, control: http.NewResponseController(w), patience: h.cfg.Patience}, l, b)
}

// ready waits for the first snapshot. A browser gives up for good on a stream
// that is refused, so one that comes right after a restart is let wait.
func (h *Handler) ready(ctx context.Context) bool {
	select {
	case <-h.source.Ready():
		return true
	default:
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-h.source.Ready():
		return true
	case <-late.C:
	case <-ctx.Done():
	case <-h.closing:
	}
	return false
}

// listener finds out who listens, by the address or by a credential.
func (h *Handler) listener(r *http.Request, a *address) (*listener, *refusal) {
	token := r.URL.Query().Get("token")
	if token == "" {
		var q question
		if f := h.admit(&q, r, a); f != nil {
			return nil, f
		}
		return &listener{q.who, q.region}, nil
	}
	now := h.cfg.Now()
	id, sent, _ := strings.Cut(token, ".")
	proof, err := base64.RawURLEncoding.DecodeString(sent)
	who, want, err2 := h.cfg.Directory.Sign("token:"+id, purpose(a.region), now)
	if err != nil || err2 != nil || !hmac.Equal(proof, want) {
		return nil, refused(eval.General, fault.New(fault.Unauthenticated, "bad_stream_token", "the address of the stream is not, or no longer, good").
			Do("ask for all flags again and take the address in the answer"))
	}
	api.WithPrincipal(r.Context(), who)
	l := &listener{who, a.region}
	if err := l.may(); err != nil {
		return nil, refused(eval.General, err)
	}
	if wait := h.limit.take(who.ID, now); wait > 0 {
		f := refused(eval.General, fault.New(fault.RateLimited, "rate_limited", "too many streams are opened at once").Do("come again after %s s", seconds(wait)))
		f.after = wait
		return nil, f
	}
	return l, nil
}

func (l *listener) may() error {
	return identity.Can(l.who, identity.Evaluate, identity.Target{Kind: "region", Region: l.region})
}

// welcome reports whether the credential is still good. One that is no token is
// asked for again when the stream is opened again.
func (h *Handler) welcome(l *listener) bool {
	if !strings.HasPrefix(l.who.ID, "token:") {
		return true
	}
	who, _, err := h.cfg.Directory.Sign(l.who.ID, purpose(l.region), h.cfg.Now())
	l.who = who
	return err == nil && l.may() == nil
}

// stream tells of every change from the one the client knows. Nothing is queued:
// whoever is busy while several things change is told of the last. A client that
// says nothing of what it knows is told at once, since something may have changed
// between its first answer and now; asked again unchanged, we answer 304.
func (h *Handler) stream(r *http.Request, s *stream, l *listener, b *bell) {
	_ = s.control.SetReadDeadline(time.Time{}) // the server's limit on requests must not end it
	known := r.Header.Get("Last-Event-ID")
	if !s.send([]byte("retry: " + strconv.Itoa(soonest+rand.IntN(latest-soonest)) + "\n\n")) {
		return
	}
	beat := time.NewTicker(h.cfg.Heartbeat)
	defer beat.Stop()
	for going := true; going; {
		event, rung := b.last()
		if event.id != known {
			if !s.send(event.text) {
				break
			}
			h.metrics.events.Inc()
			known = event.id
		}
		going = h.wait(r.Context(), s, rung, beat.C) && h.welcome(l) && !b.removed.Load()
	}
	if s.late {
		h.metrics.dropped.Inc()
	}
}

// wait returns when there may be something new; false ends the stream.
func (h *Handler) wait(ctx context.Context, s *stream, rung <-chan struct{}, beat <-chan time.Time) bool {
	select {
	case <-rung:
		return true
	case <-beat:
		return s.send([]byte(":\n\n"))
	case <-ctx.Done():
	case <-h.closing:
	}
	return false
}

// stream is the way to one client.
type stream struct {
	to       http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	late     bool // the client did not read
}

// send writes and flushes, within its patience. The deadline is set by a timer and not
// ahead, because no clock is read here.
func (s *stream) send(text []byte) bool {
	_ = s.control.SetWriteDeadline(time.Time{})
	late := time.AfterFunc(s.patience, func() { _ = s.control.SetWriteDeadline(time.Unix(1, 0)) })
	defer late.Stop()
	_, err := s.to.Write(text)
	if err == nil {
		err = s.control.Flush()
	}
	s.late = errors.Is(err, os.ErrDeadlineExceeded)
	return err == nil
}

// Drain ends all streams and lets no new one begin. Clients come back by
// themselves, to another replica if there is one.
func (h *Handler) Drain() { h.drain.Do(func() { close(h.closing) }) }

// event is what clients are told, ready to be sent.
type event struct {
	id   string
	text []byte
}

// newEvent tells to ask again. What is sent as etag comes back in the client's
// next request; see catchUp.
func newEvent(id string, at time.Time) *event {
	data, err := json.Marshal(struct {
		Type         string `json:"type"`
		ETag         string `json:"etag"`
		LastModified int64  `json:"lastModified"` // unix seconds
	}{"refetchEvaluation", id, at.Unix()})
	if err != nil { // strings and numbers always encode
		panic(err)
	}
	return &event{id, bytes.Join([][]byte{[]byte("id: " + id), []byte("data: " + string(data)), nil, nil}, []byte("\n"))}
}
