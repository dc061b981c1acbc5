package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

const problemType = "application/problem+json"

// Details is the body of every failure: RFC 9457 problem details with what a
// fault says besides. Its Type is a relative URI that ends in the code; Status
// is the HTTP status, decided by the kind except where HTTP has one of its own
// for a malformed request (405, 406, 408, 415).
type Details struct {
	Type      string        `json:"type" doc:"URI of this sort of problem, relative to the server" example:"/problems/unknown_region"`
	Title     string        `json:"title" doc:"The sort of problem, for people" example:"Unknown region"`
	Status    int           `json:"status" doc:"The HTTP status" example:"404"`
	Detail    string        `json:"detail" doc:"What was wrong, with which value"`
	Code      string        `json:"code" doc:"Stable word for programs" example:"unknown_region"`
	Kind      string        `json:"kind" doc:"One of a dozen kinds; decides status and exit code" example:"not_found"`
	Remedy    string        `json:"remedy,omitempty" doc:"What to do now"`
	Field     string        `json:"field,omitempty" doc:"JSON pointer, parameter or header that carried the bad value"`
	RequestID string        `json:"request_id,omitempty" doc:"Give this to the operator"`
	Outcome   string        `json:"outcome,omitempty" doc:"Where to ask whether a change was applied"`
	Errors    []Violation   `json:"errors,omitempty" doc:"Each thing that was wrong, if more than one"`
	after     time.Duration // when to ask again; 0: unknown
}

// Violation is one of several things that were wrong with a request.
type Violation struct {
	Field  string `json:"field" doc:"JSON pointer, parameter or header"`
	Detail string `json:"detail"`
}

// Error makes Details an error, as huma asks of its error bodies.
func (d *Details) Error() string { return d.Fault().Error() }

// GetStatus is the HTTP status, for huma.
func (d *Details) GetStatus() int { return d.Status }

// ContentType is the type of the body, for huma.
func (d *Details) ContentType(string) string { return problemType }

// Fault is the fault that a client finds in a problem it was sent.
func (d *Details) Fault() *fault.Error {
	kind, _ := fault.KindOf(d.Kind)
	return fault.New(kind, d.Code, "%s", d.Detail).Do("%s", d.Remedy).At(d.Field).See(d.Outcome)
}

// Problem answers a request with the problem that err is, and logs what the
// operator should know of it. It must be called before anything was written; it
// keeps a Retry-After that the caller has set.
func Problem(w http.ResponseWriter, r *http.Request, err error) {
	answer(w, r, detailsOf(r.Context(), err))
}

func answer(w http.ResponseWriter, r *http.Request, d *Details) {
	body, err := json.Marshal(d)
	if err != nil { // strings and numbers always encode
		panic(err)
	}
	h := w.Header()
	for name, value := range headersOf(d) {
		if name != "Retry-After" || !positive(h.Get(name)) {
			h.Set(name, value)
		}
	}
	h.Set("Content-Type", problemType)
	w.WriteHeader(d.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(append(body, '\n')) // the client has gone; nobody is left to be told
	}
}

// detailsOf says, for the one who asked, what err is. This is the only place
// where an operator's detail is logged for a request.
func detailsOf(ctx context.Context, err error) *Details {
	return detailsOfFault(ctx, Report(ctx, err))
}

// Report is the fault that err is to the one who asked, once the operator was
// told what is for the operator. It is for pages, which show a fault themselves.
func Report(ctx context.Context, err error) *fault.Error {
	f := tooManyGuesses(ctx, classify(ctx, err))
	logFault(ctx, f)
	return f
}

func detailsOfFault(ctx context.Context, f *fault.Error) *Details {
	return &Details{
		Type: "/problems/" + f.Code, Title: title(strings.ReplaceAll(f.Code, "_", " ")), Status: f.Kind.HTTPStatus(),
		Detail: f.Message, Code: f.Code, Kind: f.Kind.String(), Remedy: f.Remedy, Field: f.Field,
		RequestID: RequestID(ctx), Outcome: f.Link, after: f.After,
	}
}

// classify finds the fault in err. Two foreign errors are known by what they
// mean to a request: a body over the limit, and the end of the request's time.
func classify(ctx context.Context, err error) *fault.Error {
	var f *fault.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &tooLarge):
		return bodyTooLarge(tooLarge.Limit)
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil:
		return fault.New(fault.NotReady, "time_limit", "the request took longer than this server gives to one").
			Do("try again, or ask for less at once").Because(err)
	}
	return fault.From(err)
}

func bodyTooLarge(limit int64) *fault.Error {
	return fault.New(fault.TooLarge, "body_too_large", "the request body is larger than %d bytes", limit).
		Do("send less at once")
}

// headersOf is what HTTP itself wants to know of some problems.
func headersOf(d *Details) map[string]string {
	h := map[string]string{}
	switch d.Status {
	case http.StatusUnauthorized:
		h["WWW-Authenticate"] = `Bearer realm="quorate"`
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h["Retry-After"] = seconds(d.after)
	}
	if d.Outcome != "" {
		h["Location"] = d.Outcome
	}
	return h
}

// seconds is a delay as every client understands it: a whole number, at least 1.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}

func positive(seconds string) bool {
	n, err := strconv.Atoi(seconds)
	return err == nil && n >= 1
}

// logFault tells the operator what the client is not told. A fault without a
// detail is the client's own affair and not worth a line.
func logFault(ctx context.Context, f *fault.Error) {
	if f.Detail == nil && f.Kind != fault.Internal {
		return
	}
	level := slog.LevelWarn
	switch {
	case f.Kind == fault.Internal && !errors.Is(ctx.Err(), context.Canceled):
		level = slog.LevelError
	case f.Kind == fault.Invalid, errors.Is(ctx.Err(), context.Canceled): // the client's doing, or the client has gone
		level = slog.LevelDebug
	}
	logger(ctx).Log(ctx, level, "a request failed", "request_id", RequestID(ctx), "code", f.Code, "message", f.Message, "detail", f.Detail)
}
