package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
)

// question is one request, ready to be sent any number of times.
type question struct {
	method string
	url    string
	key    string // idempotency key; "" for a read
	body   []byte // JSON; nil for none
}

// exchange sends a question once and returns the JSON of the answer. If err is
// not nil, reached tells whether the server may have acted on the question.
func (c *Client) exchange(ctx context.Context, q question) (answer json.RawMessage, reached bool, err error) {
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, q.method, q.url, bytes.NewReader(q.body))
	if err != nil {
		return nil, false, fault.New(fault.Invalid, "bad_url", "no request can be made of this").Do("check --url").Because(err)
	}
	c.fillHeader(req.Header, q)
	res, err := c.http.Do(req)
	if err != nil {
		return nil, sent.Load(), c.noAnswer(err, sent.Load())
	}
	defer func() { _ = res.Body.Close() }() // it was read to the end, or is given up
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, true, c.noAnswer(err, true)
	case len(body) > maxAnswer:
		return nil, true, fault.New(fault.Internal, "answer_too_large", "the answer of %s has more than %d MiB", c.base, maxAnswer>>20).Do("ask for less at once")
	}
	return c.understand(res, body)
}

func (c *Client) fillHeader(h http.Header, q question) {
	h.Set("Accept", "application/json")
	h.Set("User-Agent", "quorate")
	if c.token != "" {
		h.Set("Authorization", "Bearer "+c.token)
	}
	if q.body != nil {
		h.Set("Content-Type", "application/json")
	}
	if q.key != "" {
		h.Set("Idempotency-Key", q.key)
	}
}

// understand tells an answer from a problem, and both from what something that
// is not Quorate says.
func (c *Client) understand(res *http.Response, body []byte) (json.RawMessage, bool, error) {
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case mediaType == "application/problem+json":
		f := problem(body)
		return nil, !untouched(f), f
	case mediaType == "application/json" && res.StatusCode < 300 && json.Valid(body):
		return body, true, nil
	case mediaType == "application/json":
		if f := notEvaluated(res.StatusCode, body); f != nil {
			return nil, true, f
		}
	}
	kind := fault.Internal
	switch res.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout: // said by something in between
		kind = fault.StoreUnavailable
	}
	return nil, true, fault.New(kind, "not_quorate", "%s answered %d %s, which is not how Quorate answers",
		c.base, res.StatusCode, http.StatusText(res.StatusCode)).Do("check --url and what stands between")
}

// untouched reports whether the server says that it did nothing.
func untouched(f *fault.Error) bool {
	return f.Kind == fault.StoreUnavailable || f.Kind == fault.NotReady && f.Code != "time_limit"
}

// problem rebuilds the fault behind a problem response.
func problem(body []byte) *fault.Error {
	var d api.Details
	if err := json.Unmarshal(body, &d); err != nil || d.Code == "" {
		return fault.New(fault.Internal, "bad_problem", "the server answered with a problem that cannot be read")
	}
	f := d.Fault()
	if len(d.Errors) > 1 {
		var all []string
		for _, v := range d.Errors {
			all = append(all, v.Field+": "+v.Detail)
		}
		f.Message = strings.Join(all, ", ")
	}
	if f.Kind == fault.Internal && d.RequestID != "" {
		f.Message += " (request id " + d.RequestID + ")"
	}
	return f
}

// notEvaluated is the fault behind a failure of OFREP, which has a shape of its
// own; nil if body is none.
func notEvaluated(status int, body []byte) *fault.Error {
	var failure struct {
		Code    string `json:"errorCode"`
		Details string `json:"errorDetails"`
	}
	if err := json.Unmarshal(body, &failure); err != nil || failure.Code == "" {
		return nil
	}
	kinds := map[int]fault.Kind{}
	for _, k := range []fault.Kind{fault.Invalid, fault.TooLarge, fault.Unauthenticated, fault.Forbidden, fault.NotFound, fault.RateLimited, fault.NotReady} {
		kinds[k.HTTPStatus()] = k
	}
	message, remedy, _ := strings.Cut(failure.Details, "; ")
	return fault.New(kinds[status], strings.ToLower(failure.Code), "%s", message).Do("%s", remedy)
}

// noAnswer is the fault of a question that was not answered.
func (c *Client) noAnswer(err error, sent bool) *fault.Error {
	var certificate *tls.CertificateVerificationError
	var u *url.Error
	switch {
	case errors.As(err, &certificate):
		return fault.New(fault.StoreUnavailable, "untrusted_server", "the certificate of %s is not trusted here: %v", c.base, certificate.Err).
			Do("check --url, or make its authority known (SSL_CERT_FILE)").At("--url").Because(err)
	case sent && errors.As(err, &u) && u.Timeout():
		return fault.New(fault.StoreUnavailable, "no_answer", "%s does not answer", c.base).Do("try again later").Because(err)
	case sent:
		return fault.New(fault.StoreUnavailable, "no_answer", "%s broke off without an answer", c.base).Do("try again").Because(err)
	}
	return fault.New(fault.StoreUnavailable, "no_server", "no server answers at %s", c.base).
		Do("start one with `quorate serve` or set --url").At("--url").Because(err)
}
