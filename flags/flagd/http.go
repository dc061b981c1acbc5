package flagd

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/evaluation/v1/evaluationv1connect"
	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/evaluation/v2/evaluationv2connect"
	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/sync/v1/syncv1connect"
	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// MaxBody is the largest message in bytes that is read, after decompression.
const MaxBody = 1 << 20

// Config says what to serve, and to whom.
type Config struct {
	Source Source           // required
	Now    func() time.Time // the clock; required. Deadlines of streams go by it too
	Log    *slog.Logger     // required
	// Registry is where the counters are published; nil: nowhere.
	Registry prometheus.Registerer
	// Authenticate finds who a token belongs to; nil: tokens are not accepted.
	// Its errors are faults.
	Authenticate func(token string, now time.Time) (identity.Principal, error)
	Certificates Certificates // which regions a client certificate stands for
	// TrustedRegion is served to whoever brings no credential. "": nothing is.
	TrustedRegion string
	// Select says which region a selector means, "" where none was sent; nil:
	// flagSetId=REGION, or the only region that the credential covers.
	Select func(selector string) (region string, err error)
	// Origins are those of web pages that may ask, "https://portal.example.org",
	// or "*" for any. None by default: whatever a browser may fetch, every page
	// that somebody on the trusted network visits may fetch too.
	Origins []string
	// Context is what the server says of itself in every evaluation, before what
	// callers send. It is also the sync_context.
	Context map[string]any
	// Usage counts what is served, and which declared facts come; nil: nothing is
	// counted.
	Usage *flags.Usage
	// HeaderContext are headers that go into the evaluation context, before
	// everything else: name → key.
	HeaderContext map[string]string
	MaxStreams    int // open at once; 0 means 20,000
}

// Handler serves flagd's protocols. It is safe for concurrent use.
type Handler struct {
	cfg              Config
	views            views
	streams          streams
	metrics          *metrics
	syncContext      *structpb.Struct // nil: none
	sendingDocuments chan struct{}    // one element for each document on its way
	keepAlive        time.Duration
	patience         time.Duration
	closing          chan struct{}
	close            sync.Once
	evaluation, sync http.Handler
}

// New makes a handler. Close ends its streams.
func New(cfg Config) *Handler {
	if cfg.MaxStreams == 0 {
		cfg.MaxStreams = 20_000
	}
	h := &Handler{cfg: cfg, views: views{source: cfg.Source}, keepAlive: keepAlive, patience: patience,
		sendingDocuments: make(chan struct{}, maxSending), closing: make(chan struct{})}
	h.streams = streams{slots: make(chan struct{}, cfg.MaxStreams), closing: h.closing}
	h.metrics = newMetrics(cfg.Registry, h)
	if len(cfg.Context) > 0 {
		h.syncContext = structOf(cfg.Context)
	}
	evaluation, sync := http.NewServeMux(), http.NewServeMux()
	evaluation.Handle(evaluationv1connect.NewServiceHandler(evaluationV1{h}, h.options()...))
	evaluation.Handle(evaluationv2connect.NewServiceHandler(evaluationV2{h}, h.options()...))
	sync.Handle(syncv1connect.NewFlagSyncServiceHandler(syncV1{h}, h.options()...))
	h.evaluation, h.sync = h.enclose(evaluation), h.enclose(sync)
	return h
}

// Evaluation answers flagd.evaluation.v1 and v2.
func (h *Handler) Evaluation() http.Handler { return h.evaluation }

// Sync answers flagd.sync.v1.
func (h *Handler) Sync() http.Handler { return h.sync }

// All answers everything, for one listener.
func (h *Handler) All() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/"+syncv1connect.FlagSyncServiceName+"/") {
			h.sync.ServeHTTP(w, r)
			return
		}
		h.evaluation.ServeHTTP(w, r)
	})
}

// Close ends all streams, each with its farewell, and lets no new one begin.
// Questions are still answered. It may be called more than once.
func (h *Handler) Close() { h.close.Do(func() { close(h.closing) }) }

// options are those of every service. Answers are not compressed: providers
// accept it from everyone, and would have each stream compress the same set.
func (h *Handler) options() []connect.HandlerOption {
	return []connect.HandlerOption{
		connect.WithCodec(jsonCodec{"json"}),
		connect.WithCodec(jsonCodec{"json; charset=utf-8"}),
		connect.WithReadMaxBytes(MaxBody),
		connect.WithCompressMinBytes(math.MaxInt),
		connect.WithInterceptors(h.metrics),
		connect.WithRecover(h.recovered),
	}
}

// recovered turns a panic into an answer that says nothing of it.
func (h *Handler) recovered(_ context.Context, spec connect.Spec, _ http.Header, p any) error {
	h.cfg.Log.Error("a request panicked", "procedure", spec.Procedure, "panic", p, "stack", string(debug.Stack()))
	return protocolError(fault.New(fault.Internal, "internal", "something went wrong inside Quorate"))
}

// enclose is what every request passes: the rules of browsers, and who asks.
func (h *Handler) enclose(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if h.browser(w, r) {
			return
		}
		ctx := context.WithValue(r.Context(), callerKey{}, h.callerOf(r))
		if isStream(r.URL.Path) {
			rc := http.NewResponseController(w)
			_ = rc.SetReadDeadline(time.Time{}) // on HTTP/1.1 it would end the stream
			ctx = context.WithValue(ctx, controllerKey{}, rc)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func isStream(path string) bool {
	return strings.HasSuffix(path, "/EventStream") || strings.HasSuffix(path, "/SyncFlags")
}

// What a page may send and see: the headers of Connect and gRPC-Web, the
// credential and the selector.
const (
	sendable = "Authorization, Connect-Protocol-Version, Connect-Timeout-Ms, Content-Type, Flagd-Selector, Grpc-Timeout, X-Api-Key, X-Grpc-Web, X-User-Agent"
	visible  = "Grpc-Message, Grpc-Status, Grpc-Status-Details-Bin"
)

// browser answers a preflight request and reports whether it did. Pages of other
// origins than those named are kept from asking anything.
func (h *Handler) browser(w http.ResponseWriter, r *http.Request) (answered bool) {
	if len(h.cfg.Origins) == 0 {
		return false
	}
	header, origin := w.Header(), r.Header.Get("Origin")
	header.Add("Vary", "Origin")
	if origin == "" || !slices.Contains(h.cfg.Origins, origin) && !slices.Contains(h.cfg.Origins, "*") {
		return false
	}
	header.Set("Access-Control-Allow-Origin", origin)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		header.Set("Access-Control-Expose-Headers", visible)
		return false
	}
	header.Set("Access-Control-Allow-Methods", "GET, POST")
	header.Set("Access-Control-Allow-Headers", sendable)
	header.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// NewServer is an http.Server as flagd's clients need it: HTTP/1.1 and HTTP/2 on
// one port, with and without TLS, no limit to how long an answer may take, and a
// sign of life asked of connections that have become silent. secure is nil for a
// server without TLS.
func NewServer(handler http.Handler, secure *tls.Config) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(secure == nil)
	return &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		TLSConfig:         secure,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		HTTP2:             &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
}
