package edge_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/evaluation/v2/evaluationv2connect"
	v2 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v2"
	"connectrpc.com/connect"
)

// everyListener are an edge's, each with a question that it answers with 200.
var everyListener = []struct{ option, path, contentType, body string }{
	{"--port", "/flagd.evaluation.v2.Service/ResolveString", "application/json", `{"flagKey":"a"}`},
	{"--sync-port", "/flagd.sync.v1.FlagSyncService/FetchAllFlags", "application/json", `{}`},
	{"--ofrep-port", "/ofrep/v1/evaluate/flags/a", "application/json", `{}`},
}

func bomb(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(`{"context":{"a":"` + strings.Repeat("x", 64<<20) + `"}}`)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What nobody means well is refused on every listener of an edge, with a reason, and
// the next question is answered.
func TestHostileInputOnEveryListener(t *testing.T) {
	e, _ := files(t, nil, words("co", "a=one"))
	zipped := bomb(t)
	for _, l := range everyListener {
		url := "http://" + e.Addr(l.option) + l.path
		for what, attack := range map[string]struct {
			body    string
			headers []string
		}{
			"two megabytes": {body: `{"context":{"a":"` + strings.Repeat("x", 2<<20) + `"}}`},
			"an abyss":      {body: `{"context":{"a":` + strings.Repeat(`[`, 100_000)},
			"no JSON":       {body: "\x00\xff{{{"},
			"a bomb":        {body: zipped, headers: []string{"Content-Encoding", "gzip"}},
			"no selector":   {body: l.body, headers: []string{"Flagd-Selector", "source=a,flagSetId=co"}},
			"another host":  {body: l.body, headers: []string{"Host", "evil.example"}},
		} {
			status, body := knock(t, url, l.contentType, attack.body, attack.headers...)
			if status < 400 || status >= 500 || len(body) == 0 || len(body) > 4<<10 {
				t.Errorf("%s, %s: %d %.200q", l.option, what, status, body)
			}
		}
		if status, body := knock(t, url, l.contentType, l.body); status != 200 || !strings.Contains(body, "one") {
			t.Errorf("%s, afterwards: %d %.200q", l.option, status, body)
		}
	}
}

func knock(t *testing.T, url, contentType, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// Who sends half a request and waits is let go on every listener.
func TestHalfARequestHoldsNoListener(t *testing.T) {
	e, _ := files(t, nil, words("co", "a=one"))
	for _, option := range []string{"--port", "--sync-port", "--ofrep-port", "--management-port"} {
		t.Run(option, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", e.Addr(option))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Write([]byte("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")); err != nil {
				t.Fatal(err)
			}
			_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
			if _, err := io.ReadAll(c); err != nil {
				t.Errorf("after 30 s the connection still waits: %v", err)
			}
		})
	}
}

// An edge that stops says farewell to who listens, and waits for nobody who does.
func TestAnEdgeSaysFarewell(t *testing.T) {
	e, _ := files(t, nil, words("co", "a=one"))
	stream, err := evaluationv2connect.NewServiceClient(http.DefaultClient, "http://"+e.Addr("--port")).EventStream(ctx, connect.NewRequest(&v2.EventStreamRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if !stream.Receive() || stream.Msg().GetType() != "provider_ready" {
		t.Fatalf("first it says %v, %v", stream.Msg(), stream.Err())
	}
	page, err := http.Get("http://" + e.Addr("--ofrep-port") + "/regions/co/ofrep/v1/events")
	if err != nil || page.StatusCode != 200 {
		t.Fatalf("the stream of pages: %v, %v", page, err)
	}
	defer page.Body.Close()
	closed := make(chan error, 1)
	go func() { closed <- e.Close() }()
	last := ""
	for stream.Receive() {
		last = stream.Msg().GetType()
	}
	if last != "provider_shutdown" {
		t.Errorf("last it says %q, %v", last, stream.Err())
	}
	if _, err := io.Copy(io.Discard, page.Body); err != nil {
		t.Errorf("the stream of pages breaks off: %v", err)
	}
	select {
	case err := <-closed:
		if err != nil {
			t.Errorf("stopping: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it has not stopped within 30 s")
	}
	e.Edge = nil
}
