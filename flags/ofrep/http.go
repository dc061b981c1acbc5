package ofrep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

const base = "/ofrep/v1/evaluate/flags"

// Handler serves OFREP from a replica. It is safe for concurrent use.
type Handler struct {
	replica *flags.Replica
	now     func() time.Time
}

// Routes registers the protocol, with and without a region in the address.
func Routes(router chi.Router, replica *flags.Replica, now func() time.Time) {
	h := &Handler{replica: replica, now: now}
	for _, prefix := range []string{"", "/regions/{region}"} {
		router.Post(prefix+base, h.bulk)
		router.Post(prefix+base+"/*", h.single)
	}
}

// success and failure are the protocol's two items. Metadata and errorDetails
// are always present: providers in two languages fail without them.
type success struct {
	Key      string         `json:"key"`
	Value    any            `json:"value,omitempty"`
	Reason   eval.Reason    `json:"reason"`
	Variant  string         `json:"variant"`
	Metadata map[string]any `json:"metadata"`
}

type failure struct {
	Key          string         `json:"key,omitempty"`
	ErrorCode    eval.ErrorCode `json:"errorCode"`
	ErrorDetails string         `json:"errorDetails"`
	Metadata     map[string]any `json:"metadata"`
}

// question is what has been made of a request: which region's snapshot to ask,
// with which context.
type question struct {
	region   string
	snapshot *flags.Snapshot
	context  eval.Context
	at       time.Time
	stale    bool
	since    time.Time // of the store's last sign of life
}

func (h *Handler) single(w http.ResponseWriter, r *http.Request) {
	key, ok := flagKey(r)
	if !ok {
		refuse(w, key, fault.New(fault.NotFound, "no_flag", "the address names no flag"), eval.FlagNotFound)
		return
	}
	q, code, err := h.ask(r)
	if err != nil {
		refuse(w, key, err, code)
		return
	}
	result, found := q.snapshot.Evaluate(q.region, key, q.context, q.at)
	if !found {
		answer(w, http.StatusNotFound, failure{Key: key, ErrorCode: eval.FlagNotFound,
			ErrorDetails: "region " + q.region + " has no flag of this key", Metadata: map[string]any{}})
		return
	}
	status := http.StatusOK
	if result.ErrorCode != "" {
		status = http.StatusBadRequest
	}
	answer(w, status, q.item(key, result))
}

func (h *Handler) bulk(w http.ResponseWriter, r *http.Request) {
	q, code, err := h.ask(r)
	if err != nil {
		refuse(w, "", err, code)
		return
	}
	tag, err := q.etag()
	if err != nil {
		refuse(w, "", err, eval.General)
		return
	}
	w.Header().Set("ETag", tag)
	if matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	values := q.snapshot.EvaluateAll(q.region, q.context, q.at)
	items := make([]any, 0, len(values))
	for _, v := range values {
		items = append(items, q.item(v.Key, v.Result))
	}
	answer(w, http.StatusOK, map[string]any{"flags": items, "metadata": map[string]any{"region": q.region, "revision": q.snapshot.RegionRevision(q.region)}})
}

// item is one flag's answer. While the store is out of contact the last known
// value is served, and says so.
func (q *question) item(key string, r eval.Result) any {
	metadata := r.Metadata
	if q.stale {
		metadata = maps.Clone(metadata)
		metadata["staleSince"] = q.since.UTC().Format(time.RFC3339)
		if r.ErrorCode == "" {
			r.Reason = eval.Stale
		}
	}
	if r.ErrorCode != "" {
		return failure{Key: key, ErrorCode: r.ErrorCode, ErrorDetails: r.ErrorDetails, Metadata: metadata}
	}
	return success{Key: key, Value: r.Value, Reason: r.Reason, Variant: r.Variant, Metadata: metadata}
}

// ask checks who asks, of which region, with what context.
func (h *Handler) ask(r *http.Request) (*question, eval.ErrorCode, error) {
	who := api.PrincipalFrom(r.Context())
	region, err := regionOf(r, who)
	if err != nil {
		return nil, eval.General, err
	}
	if err := identity.Can(who, identity.Evaluate, identity.Target{Kind: "region", Region: region}); err != nil {
		return nil, eval.General, err
	}
	snapshot := h.replica.Snapshot()
	if snapshot == nil {
		return nil, eval.General, fault.New(fault.NotReady, "not_ready", "this replica has not loaded the state yet").Do("ask again in a second")
	}
	if !snapshot.HasRegion(region) {
		return nil, eval.General, fault.New(fault.NotFound, "unknown_region", "there is no region %.80q", region).Do("check the address of the provider")
	}
	context, code, err := readContext(r)
	if err != nil {
		return nil, code, err
	}
	fresh, since := h.replica.Fresh()
	return &question{region: region, snapshot: snapshot, context: context, at: h.now(), stale: !fresh, since: since}, "", nil
}

// regionOf finds the region asked for: the address, the selector, or the only
// one the credential covers. Whether the credential covers it is checked after.
func regionOf(r *http.Request, who identity.Principal) (string, error) {
	if region := chi.URLParam(r, "region"); region != "" {
		return region, nil
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
	if regions, every := who.Regions(identity.Service); !every && len(regions) == 1 {
		return regions[0], nil
	}
	return "", fault.New(fault.Invalid, "region_needed", "the credential covers several regions and the request names none").
		Do("use the base address /regions/REGION, or send Flagd-Selector: flagSetId=REGION")
}

func readContext(r *http.Request) (eval.Context, eval.ErrorCode, error) {
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, eval.General, fault.New(fault.TooLarge, "body_too_large", "the body has more than %d bytes", tooLarge.Limit).Do("send a smaller context")
	}
	if err != nil {
		return nil, eval.ParseError, fault.New(fault.Invalid, "unreadable_body", "the body could not be read").Because(err)
	}
	var in struct {
		Context json.RawMessage `json:"context"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, eval.ParseError, fault.New(fault.Invalid, "malformed_json", "the body is not a JSON object").Do(`send {"context": {…}}`)
	}
	if len(in.Context) == 0 || string(in.Context) == "null" {
		return eval.Context{}, "", nil
	}
	var context eval.Context
	if err := json.Unmarshal(in.Context, &context); err != nil {
		return nil, eval.InvalidContext, fault.New(fault.Invalid, "invalid_context", "the context is not a JSON object").Do(`send {"context": {…}}`)
	}
	return context, "", nil
}

// flagKey is the rest of the address: providers send keys escaped or as they
// are. It is unescaped once.
func flagKey(r *http.Request) (string, bool) {
	_, rest, _ := strings.Cut(r.URL.EscapedPath(), base+"/")
	key, err := url.PathUnescape(rest)
	return key, err == nil && key != ""
}

// etag depends on everything that the answer depends on: the region's values,
// the context, and whether they are stale.
func (q *question) etag() (string, error) {
	canonical, err := json.Marshal(q.context) // map keys sorted
	if err != nil {
		return "", err
	}
	h := sha256.New()
	h.Write(strconv.AppendInt([]byte(q.region+"\n"), q.snapshot.RegionRevision(q.region), 10))
	h.Write(strconv.AppendInt([]byte{'\n'}, int64(q.snapshot.TimeStage(q.region, q.at)), 10))
	if q.stale {
		h.Write([]byte(q.since.UTC().Format(time.RFC3339)))
	}
	h.Write([]byte{'\n'})
	h.Write(canonical)
	return `"` + hex.EncodeToString(h.Sum(nil)[:16]) + `"`, nil
}

// matches compares weakly, as RFC 9110 asks of If-None-Match.
func matches(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == "*" || candidate == tag {
			return true
		}
	}
	return false
}

func refuse(w http.ResponseWriter, key string, err error, code eval.ErrorCode) {
	f := fault.From(err)
	if f.Kind == fault.NotReady {
		w.Header().Set("Retry-After", "1")
	}
	if f.Kind == fault.Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer realm="quorate"`)
	}
	answer(w, f.Kind.HTTPStatus(), failure{Key: key, ErrorCode: code, ErrorDetails: f.Error(), Metadata: map[string]any{}})
}

func answer(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil { // no value of ours fails to encode
		status, raw = http.StatusInternalServerError, []byte(`{"errorCode":"GENERAL","errorDetails":"the answer could not be encoded","metadata":{}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the client has gone; nobody is left to be told
}
