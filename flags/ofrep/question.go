package ofrep

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// question is what has been made of a request: who asks which region's values,
// with which context, at which time.
type question struct {
	who     identity.Principal
	region  string
	state   State
	flags   *table
	context eval.Context
	at      time.Time
	stale   bool
	since   time.Time     // of the store's last sign of life
	silence time.Duration // of the source, as leases see it
}

// ask checks who asks and of which region, and reads the context. The body may
// come slowly, and the answer is that of the moment at which it is whole.
func (h *Handler) ask(q *question, r *http.Request, a *address) *refusal {
	if f := h.admit(q, r, a); f != nil {
		return f
	}
	var f *refusal
	if q.context, f = h.context(r); f != nil {
		return f
	}
	q.at = h.cfg.Now()
	if q.state = h.source.State(); q.state == nil {
		return refused(eval.General, fault.New(fault.NotReady, "not_ready", "this replica has not loaded the state yet").Do("ask again in a second"))
	}
	if q.flags = h.table(q.state, q.region); q.flags == nil {
		return refused(eval.General, fault.New(fault.NotFound, "unknown_region", "there is no region %.80q", q.region).Do("check the address of the provider"))
	}
	fresh, since := h.source.Fresh()
	q.stale, q.since = !fresh, since
	if len(q.flags.leases) > 0 {
		q.silence = h.source.Silence(q.at)
	}
	maps.Copy(q.context, h.cfg.Context)
	return nil
}

// admit checks who asks, whether they may, and whether not too often.
func (h *Handler) admit(q *question, r *http.Request, a *address) *refusal {
	var err error
	q.at = h.cfg.Now()
	if q.who, err = h.cfg.Directory.Identify(r, q.at); err != nil {
		return refused(eval.General, err)
	}
	api.WithPrincipal(r.Context(), q.who) // for the log
	if q.region, err = h.regionOf(r, a, q.who); err != nil {
		return refused(eval.General, err)
	}
	if err := identity.Can(q.who, identity.Evaluate, identity.Target{Kind: "region", Region: q.region}); err != nil {
		return refused(eval.General, err)
	}
	if wait := h.limit.take(q.who.ID, q.at); wait > 0 {
		f := refused(eval.General, fault.New(fault.RateLimited, "rate_limited", "this credential asks more than %d times a second", h.cfg.Rate).
			Do("ask again after %s s", seconds(wait)))
		f.after = wait
		return f
	}
	return nil
}

// regionOf finds the region asked for: the address, the selector, or the only
// one the credential covers. Whether the credential covers it is checked after.
func (h *Handler) regionOf(r *http.Request, a *address, who identity.Principal) (string, error) {
	if h.cfg.Select != nil {
		if a.scoped {
			return h.cfg.Select("flagSetId=" + a.region)
		}
		return h.cfg.Select(r.Header.Get("Flagd-Selector"))
	}
	if a.scoped {
		return a.region, nil
	}
	if selector := r.Header.Get("Flagd-Selector"); selector != "" {
		region, ok := strings.CutPrefix(selector, "flagSetId=")
		if !ok || region == "" {
			return "", fault.New(fault.Invalid, "bad_selector", "the selector %.80q names no region", selector).Do("send Flagd-Selector: flagSetId=REGION")
		}
		return region, nil
	}
	if !who.Known() {
		return "", nil // nobody: refused by Can, whatever the region
	}
	if region, ok := who.OnlyRegion(); ok {
		return region, nil
	}
	return "", fault.New(fault.Invalid, "region_needed", "the credential covers several regions and the request names none").
		Do("use the base address /regions/REGION, or send Flagd-Selector: flagSetId=REGION")
}

// context reads the body. Its bytes are held by nothing when the request is done.
func (h *Handler) context(r *http.Request) (eval.Context, *refusal) {
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		f := refused(eval.General, fault.New(fault.Invalid, "encoded_body", "a body in the encoding %.20q is not read", e).Do("send it uncompressed"))
		f.status = http.StatusUnsupportedMediaType
		return nil, f
	}
	text, err := h.body(r)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, refused(eval.General, fault.New(fault.TooLarge, "body_too_large", "the body has more than %d bytes", h.cfg.MaxBody).Do("send a smaller context"))
	case err != nil:
		return nil, refused(eval.ParseError, fault.New(fault.Invalid, "unreadable_body", "the body could not be read").Do("send it again").Because(err))
	}
	context, wrong := readBody(text)
	if wrong != nil {
		return nil, refused(wrong.code, fault.New(fault.Invalid, "bad_body", "%s", wrong.says).Do(`send {"context": {…}}`))
	}
	return context, nil
}

var errTooLarge = errors.New("the body is too large")

const (
	usualBody = 4 << 10  // bytes
	kept      = 64 << 10 // a larger buffer is not kept
)

// buffers hold bodies while they are read. They go back empty: nothing of a
// patient's context may outlive the request.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, usualBody); return &b }}

// body reads the whole body, up to the limit.
func (h *Handler) body(r *http.Request) (string, error) {
	if r.ContentLength > h.cfg.MaxBody {
		return "", errTooLarge
	}
	buffer := buffers.Get().(*[]byte)
	b := (*buffer)[:0]
	defer func() {
		clear(b)
		if *buffer = b[:0]; cap(b) <= kept {
			buffers.Put(buffer)
		}
	}()
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > h.cfg.MaxBody:
			return "", errTooLarge
		case err == io.EOF:
			return string(b), nil
		case err != nil:
			return "", err
		}
	}
}
