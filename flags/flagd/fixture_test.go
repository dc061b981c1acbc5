package flagd_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/evaluation/v1/evaluationv1connect"
	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/evaluation/v2/evaluationv2connect"
	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/sync/v1/syncv1connect"
	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/flags/flagd"
)

// site is a handler that listens, and the sets that it serves.
type site struct {
	*flagd.Handler
	t    testing.TB
	sets *flagd.Sets
	url  string
}

// newSite serves the region co on the trusted network, unless change says
// otherwise. Nothing is loaded yet.
func newSite(t testing.TB, change ...func(*flagd.Config)) *site {
	t.Helper()
	sets := &flagd.Sets{}
	cfg := flagd.Config{Source: sets, Now: time.Now, Log: slog.New(slog.DiscardHandler), TrustedRegion: "co"}
	for _, c := range change {
		c(&cfg)
	}
	s := &site{Handler: flagd.New(cfg), t: t, sets: sets}
	s.url = "http://" + s.listen(nil)
	return s
}

// listen serves everything on a port of its own until the test ends.
func (s *site) listen(secure *tls.Config) (address string) {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	server := flagd.NewServer(s.All(), secure)
	server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if secure != nil {
			_ = server.ServeTLS(l, "", "")
		} else {
			_ = server.Serve(l)
		}
	}()
	s.t.Cleanup(func() {
		s.Handler.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			_ = server.Close()
			s.t.Errorf("the server did not drain: %v", err)
		}
		<-done
	})
	return l.Addr().String()
}

// put gives co the flags of a document's member "flags".
func (s *site) put(region, flags string) {
	s.t.Helper()
	s.sets.Put(region, compile(s.t, `{"flags":`+flags+`}`))
}

func compile(t testing.TB, document string) *eval.Set {
	t.Helper()
	set, err := eval.Compile([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// A way is one of the manners in which flagd's protocols are spoken.
type way struct {
	name    string
	client  *http.Client
	options []connect.ClientOption
}

func ways(t testing.TB) []way {
	h2c, h1 := client(t, true, nil), client(t, false, nil)
	return []way{
		{"gRPC over h2c", h2c, []connect.ClientOption{connect.WithGRPC()}},
		{"gRPC-Web over HTTP/1.1", h1, []connect.ClientOption{connect.WithGRPCWeb()}},
		{"Connect, protobuf, HTTP/1.1", h1, nil},
		{"Connect, JSON, HTTP/1.1", h1, []connect.ClientOption{connect.WithProtoJSON()}},
		{"Connect, protobuf, h2c", h2c, nil},
	}
}

// client speaks nothing but HTTP/2 or nothing but HTTP/1.1.
func client(t testing.TB, h2 bool, secure *tls.Config) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!h2)
	protocols.SetHTTP2(h2 && secure != nil)
	protocols.SetUnencryptedHTTP2(h2 && secure == nil)
	transport := &http.Transport{Protocols: protocols, TLSClientConfig: secure}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (w way) v1(url string) evaluationv1connect.ServiceClient {
	return evaluationv1connect.NewServiceClient(w.client, url, w.options...)
}

func (w way) v2(url string) evaluationv2connect.ServiceClient {
	return evaluationv2connect.NewServiceClient(w.client, url, w.options...)
}

func (w way) sync(url string) syncv1connect.FlagSyncServiceClient {
	return syncv1connect.NewFlagSyncServiceClient(w.client, url, w.options...)
}

// request is a message with a selector and other headers, name and value in
// turn.
func request[T any](msg *T, headers ...string) *connect.Request[T] {
	req := connect.NewRequest(msg)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header().Set(headers[i], headers[i+1])
	}
	return req
}

func facts(t testing.TB, m map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// limited is a context that ends a test which would hang.
func limited(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// noon is when tests are that go by the clock.
var noon = time.Unix(1_767_268_800, 0)

type object = map[string]any

// post sends raw bytes and gives the status, the headers and the answer.
func (s *site) post(c *http.Client, path, contentType, body string, headers ...string) (int, http.Header, string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range resp.Trailer {
		resp.Header[name] = values
	}
	return resp.StatusCode, resp.Header, string(raw)
}

func decoded(t testing.TB, raw string) object {
	t.Helper()
	var m object
	if err := json.Unmarshal([]byte(raw), &m); err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	return m
}

// sharedFile reads a file of the public conformance suite, which lives beside
// the repository and not in it.
func sharedFile(t testing.TB, name string) []byte {
	t.Helper()
	root := os.Getenv("QUORATE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	b, err := os.ReadFile(filepath.Join(root, "openfeature", name))
	switch {
	case err == nil:
		return b
	case os.Getenv("CI") == "true":
		t.Fatalf("the conformance suite is missing; set QUORATE_SHARED: %v", err)
	default:
		t.Skipf("the conformance suite is not here; set QUORATE_SHARED: %v", err)
	}
	return nil
}
