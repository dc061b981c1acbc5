package ofrep

import (
	"net/http"

	"github.com/quorate/quorate/flags/eval"
)

// evaluate answers for one flag.
func (h *Handler) evaluate(w http.ResponseWriter, r *http.Request, a *address) {
	var q question
	if f := h.ask(&q, r, a); f != nil {
		refuse(w, a, f)
		return
	}
	f := q.flags.byKey[a.key]
	if f == nil {
		answer(w, http.StatusNotFound, failure{Key: cut(a.key), ErrorCode: eval.FlagNotFound,
			ErrorDetails: "region " + q.region + " has no flag of this key", Metadata: map[string]any{}})
		return
	}
	f.facts.Saw(q.who.Name, q.context)
	said := q.evaluate(f)
	status := http.StatusOK
	if said.failed {
		status = http.StatusBadRequest
	}
	send(w, status, said.item)
}

// evaluate evaluates one flag and counts it.
func (q *question) evaluate(f *face) *said {
	result := q.result(f)
	since := int64(0)
	if q.stale {
		since = q.since.Unix()
	}
	s := f.say(&result, since)
	s.uses.Add(1)
	return s
}

// result gives the flag's value, as long as its lease lasts.
func (q *question) result(f *face) eval.Result {
	if f.lease > 0 && q.silence >= f.lease {
		return f.flag.Lapsed()
	}
	return f.flag.Evaluate(q.context, q.at)
}

// evaluateAll answers for all flags of a region. Some may have failed: the answer
// is 200 all the same, with their failures in it.
func (h *Handler) evaluateAll(w http.ResponseWriter, r *http.Request, a *address) {
	var q question
	if f := h.ask(&q, r, a); f != nil {
		refuse(w, a, f)
		return
	}
	h.catchUp(&q, r)
	tag, err := q.etag()
	if err != nil {
		refuse(w, a, refused(eval.General, err))
		return
	}
	w.Header().Set("ETag", tag)
	if matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	q.flags.facts.Saw(q.who.Name, q.context)
	buffer := buffers.Get().(*[]byte)
	b := h.appendAll((*buffer)[:0], &q)
	send(w, http.StatusOK, b)
	if *buffer = b[:0]; cap(b) <= kept {
		buffers.Put(buffer)
	}
}

func (h *Handler) appendAll(b []byte, q *question) []byte {
	b = append(b, `{"flags":[`...)
	for i, f := range q.flags.faces {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, q.evaluate(f).item...)
	}
	b = append(b, `],"metadata":`...)
	b = append(b, q.flags.metadata...)
	b = h.appendStream(b, q)
	return append(b, '}')
}
