package ofrep

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/fault"
)

// failure is the protocol's word for an error, of a flag or of a whole request.
// All but the key are always present.
type failure struct {
	Key          string         `json:"key,omitempty"`
	ErrorCode    eval.ErrorCode `json:"errorCode"`
	ErrorDetails string         `json:"errorDetails"`
	Metadata     map[string]any `json:"metadata"`
}

// refusal is why a request is not answered: what is wrong, and how the protocol
// calls it.
type refusal struct {
	*fault.Error
	code   eval.ErrorCode
	status int           // 0: that of the fault's kind
	after  time.Duration // when to ask again; 0: the fault's kind decides
}

func refused(code eval.ErrorCode, err error) *refusal {
	return &refusal{Error: fault.From(err), code: code}
}

func noSuchRoute(r *http.Request) *refusal {
	if _, rest, _ := strings.Cut(r.URL.Path, "/ofrep/"); rest == "v1/evaluate/flags/" {
		return refused(eval.FlagNotFound, fault.New(fault.NotFound, "no_flag", "the address names no flag").
			Do("put its key behind /ofrep/v1/evaluate/flags/, or leave the last slash out to ask for all flags"))
	}
	return refused(eval.General, fault.New(fault.NotFound, "no_such_route", "there is nothing at %.100q", r.URL.Path).
		Do("the base address of a provider is that of the server, or ends in /regions/REGION"))
}

func wrongMethod(w http.ResponseWriter, r *http.Request, a *address) *refusal {
	w.Header().Set("Allow", a.what.method()+", OPTIONS")
	f := refused(eval.General, fault.New(fault.Invalid, "method_not_allowed", "%.20q is not possible here", r.Method).Do("use %s", a.what.method()))
	f.status = http.StatusMethodNotAllowed
	return f
}

// refuse answers a request that is not answered otherwise.
func refuse(w http.ResponseWriter, a *address, f *refusal) {
	status := f.status
	if status == 0 {
		status = f.Kind.HTTPStatus()
	}
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="quorate"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", seconds(f.after))
	case http.StatusRequestEntityTooLarge:
		w.Header().Set("Connection", "close") // the rest of the body is not read
	}
	answer(w, status, failure{Key: cut(a.key), ErrorCode: f.code, ErrorDetails: f.Error.Error(), Metadata: map[string]any{}})
}

// seconds is a delay as every client understands it: a whole number, at least 1.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}

// cut keeps a key that somebody made up from coming back whole.
func cut(key string) string {
	if len(key) > MaxKey {
		return strings.ToValidUTF8(key[:MaxKey], "")
	}
	return key
}

func answer(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil { // no value of ours fails to encode
		status, raw = http.StatusInternalServerError, []byte(`{"errorCode":"GENERAL","errorDetails":"the answer could not be encoded","metadata":{}}`)
	}
	send(w, status, raw)
}

// jsonType is shared by all answers: a header's values are never written to.
var jsonType = []string{"application/json"}

func send(w http.ResponseWriter, status int, raw []byte) {
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the client has gone; nobody is left to be told
}
