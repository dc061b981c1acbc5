package ofrep_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/ofrep"
	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/identity"
)

// listener reads a stream as a browser does.
type listener struct {
	t      *testing.T
	status int
	header http.Header
	lines  chan string // closed when the stream ends
	close  func()
}

func (h *house) listen(path string, headers ...string) *listener {
	h.t.Helper()
	r, err := http.NewRequest("GET", h.url+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		h.t.Fatal(err)
	}
	l := &listener{t: h.t.(*testing.T), status: resp.StatusCode, header: resp.Header, lines: make(chan string, 100), close: func() { _ = resp.Body.Close() }}
	go func() {
		defer close(l.lines)
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			l.lines <- s.Text()
		}
	}()
	h.t.Cleanup(l.close)
	return l
}

type event struct {
	id           string
	Type         string
	ETag         string
	LastModified int64
}

// next is the next event, or nil if none comes within the time.
func (l *listener) next(within time.Duration) *event {
	l.t.Helper()
	end := time.After(within)
	e := &event{}
	for {
		select {
		case line, open := <-l.lines:
			if !open {
				return nil
			}
			if id, ok := strings.CutPrefix(line, "id: "); ok {
				e.id = id
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				if err := json.Unmarshal([]byte(data), e); err != nil {
					l.t.Error(err)
				}
			}
			if line == "" && e.Type != "" {
				return e
			}
		case <-end:
			return nil
		}
	}
}

// ends reports whether the stream ends within the time.
func (l *listener) ends(within time.Duration) bool {
	for end := time.After(within); ; {
		select {
		case _, open := <-l.lines:
			if !open {
				return true
			}
		case <-end:
			return false
		}
	}
}

// streamOf is the address of the stream in an answer.
func (h *house) streamOf(token string) string {
	h.t.Helper()
	a := h.send("POST", all, token, full)
	streams, _ := a.body["eventStreams"].([]any)
	if len(streams) != 1 {
		h.t.Fatalf("no stream in %s", a.raw)
	}
	stream := streams[0].(object)
	endpoint, _ := stream["endpoint"].(object)
	uri, _ := endpoint["requestUri"].(string)
	if stream["type"] != "sse" || stream["url"] != nil || endpoint["origin"] != nil || !strings.HasPrefix(uri, "/regions/co/ofrep/v1/events?token=") {
		h.t.Fatalf("the stream is %v", stream)
	}
	return uri
}

func TestAChangeIsToldToWhomItConcerns(t *testing.T) {
	h := newHouse(t, func(cfg *ofrep.Config) { cfg.Heartbeat = 50 * time.Millisecond; cfg.Origins = []string{"*"} })
	token := h.portal(identity.Every)
	uri := h.streamOf(token)
	if again := h.streamOf(token); again != uri {
		t.Errorf("the address is %s, then %s", uri, again)
	}
	l := h.listen(uri, "Origin", "https://portal.example")
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"} {
		if l.status != 200 || l.header.Get(name) != want {
			t.Errorf("%d, %s is %q", l.status, name, l.header.Get(name))
		}
	}
	if line := <-l.lines; !strings.HasPrefix(line, "retry: ") {
		t.Errorf("the stream begins with %q", line)
	}
	first := l.next(time.Second)
	if first == nil || first.Type != "refetchEvaluation" || first.ETag != first.id || first.LastModified == 0 {
		t.Fatalf("who does not say what it knows is told %+v", first)
	}
	h.answer("hi", flags.Enable)
	if e := l.next(300 * time.Millisecond); e != nil {
		t.Errorf("a change in Hawaii is told in Colorado: %+v", e)
	}
	r := h.answer("co", flags.Enable)
	e := l.next(2 * time.Second)
	if e == nil || e.id != fmt.Sprint(r.Revision) {
		t.Errorf("a change at revision %d is told as %+v", r.Revision, e)
	}
	if a := h.send("POST", all+"?flagConfigEtag="+e.ETag, token, full); !strings.Contains(a.raw, `"variant":"on"`) {
		t.Errorf("asked again: %s", a.raw)
	}
	beats := 0
	for end := time.After(400 * time.Millisecond); beats < 3; {
		select {
		case line := <-l.lines:
			if line == ":" {
				beats++
			}
		case <-end:
			t.Fatalf("%d heartbeats", beats)
		}
	}
}

// Who comes back with what it knows is told at once if there is something newer,
// and nothing otherwise.
func TestWhoComesBackIsToldWhatWasMissed(t *testing.T) {
	h := newHouse(t, nil)
	uri := h.streamOf(h.portal(identity.Every))
	l := h.listen(uri)
	known := l.next(time.Second).id
	l.close()
	if e := h.listen(uri, "Last-Event-ID", known).next(300 * time.Millisecond); e != nil {
		t.Errorf("nothing changed, but %+v is told", e)
	}
	r := h.answer("co", flags.Enable)
	h.settle()
	for _, id := range []string{known, "1", "99999999", "x"} {
		if e := h.listen(uri, "Last-Event-ID", id).next(time.Second); e == nil || e.id != fmt.Sprint(r.Revision) {
			t.Errorf("who knows %s is told %+v", id, e)
		}
	}
}

// Whoever is busy is told of the last change, once.
func TestTheLastChangeWins(t *testing.T) {
	h := newHouse(t, nil)
	l := h.listen(h.streamOf(h.portal(identity.Every)))
	l.next(time.Second)
	var r int64
	for i := range 20 {
		r = h.answer("co", map[bool]flags.Answer{true: flags.Enable, false: flags.Later}[i%2 == 0]).Revision
	}
	last := ""
	for e := l.next(time.Second); e != nil; e = l.next(300 * time.Millisecond) {
		last = e.id
	}
	if last != fmt.Sprint(r) {
		t.Errorf("the last one told is %s, of revision %d", last, r)
	}
}

// The address is good as long as the credential, for its region, and for nothing
// but being told.
func TestTheAddressOfAStream(t *testing.T) {
	h := newHouse(t, func(cfg *ofrep.Config) { cfg.Heartbeat = 20 * time.Millisecond })
	secret, token, _, err := h.access.Issue(ctx, operator, access.TokenRequest{Name: "portal",
		Grants: []identity.Grant{{Role: identity.Service, Regions: []string{identity.Every}}}, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	h.settle()
	uri := h.streamOf(secret)
	if strings.Contains(uri, strings.Split(secret, "_")[2]) {
		t.Error("the address holds the secret")
	}
	for what, bad := range map[string]string{
		"for another region":    strings.Replace(uri, "/co/", "/hi/", 1),
		"without its end":       uri[:len(uri)-2],
		"with another's id":     strings.Replace(uri, token.ID, strings.Repeat("a", 16), 1),
		"without the region":    strings.TrimPrefix(uri, "/regions/co"),
		"without a proof":       uri[:strings.LastIndex(uri, ".")],
		"with an empty proof":   uri[:strings.LastIndex(uri, ".")+1],
		"with something behind": uri + "A",
	} {
		if a := h.send("GET", bad, "", ""); a.status != 401 {
			t.Errorf("%s: %d", what, a.status)
		}
	}
	query := uri[strings.Index(uri, "?"):]
	if a := h.send("POST", one+query, "", full); a.status != 401 {
		t.Errorf("it is good for evaluating: %d %s", a.status, a.raw)
	}
	if proof := query[strings.LastIndex(query, ".")+1:]; h.send("POST", one, proof, full).status != 401 {
		t.Error("the proof is good as a credential")
	}
	l := h.listen(uri)
	l.next(time.Second)
	if _, _, err := h.access.Revoke(ctx, operator, token.ID); err != nil {
		t.Fatal(err)
	}
	if !l.ends(2 * time.Second) {
		t.Error("the stream outlives the credential")
	}
	if a := h.send("GET", uri, "", ""); a.status != 401 {
		t.Errorf("the address outlives the credential: %d", a.status)
	}
}

// A server that stops ends its streams at once; one that is full says so.
func TestStreamsEndAndAreBounded(t *testing.T) {
	h := newHouse(t, func(cfg *ofrep.Config) { cfg.MaxStreams = 2 })
	uri := h.streamOf(h.portal(identity.Every))
	one, two := h.listen(uri), h.listen(uri)
	one.next(time.Second)
	two.next(time.Second)
	if a := h.send("GET", uri, "", ""); a.status != 503 || a.header.Get("Retry-After") == "" || a.body["errorCode"] != "GENERAL" {
		t.Errorf("the third of two: %d %s", a.status, a.raw)
	}
	h.Drain()
	h.Drain()
	if !one.ends(time.Second) || !two.ends(time.Second) {
		t.Error("a stream goes on after the server stopped")
	}
}

// The store's silence changes what is told of a value without a revision.
func TestSilenceIsToldToo(t *testing.T) {
	h := newHouse(t, nil)
	token := h.portal(identity.Every)
	h.answer("co", flags.Enable)
	h.settle()
	l := h.listen(h.streamOf(token))
	fresh := l.next(time.Second)
	tag := h.send("POST", all, token, full).header.Get("ETag")
	h.stopEtcd()
	stale := l.next(10 * time.Second)
	if stale == nil || stale.id != fresh.id+"-stale" {
		t.Fatalf("after %+v the silence is told as %+v", fresh, stale)
	}
	a := h.send("POST", one, token, full)
	since, _ := a.body["metadata"].(object)["staleSince"].(string)
	if _, err := time.Parse(time.RFC3339, since); a.body["value"] != true || a.body["reason"] != "STALE" || err != nil {
		t.Errorf("in silence: %s", a.raw)
	}
	all := h.send("POST", all, token, full, "If-None-Match", tag)
	if all.status != 200 || strings.Count(all.raw, `"STALE"`) != 4 {
		t.Errorf("in silence, all: %d %s", all.status, all.raw)
	}
}

// A reader that does not read is given up; the others do not notice.
func TestASlowReaderIsDropped(t *testing.T) {
	h := newHouse(t, func(cfg *ofrep.Config) { cfg.Heartbeat, cfg.Patience = time.Millisecond, 300*time.Millisecond })
	uri := h.streamOf(h.portal(identity.Every))
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(1)
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", uri)
	l := h.listen(uri)
	l.next(time.Second)
	go func() {
		for range l.lines { // the other one reads
		}
	}()
	for end := time.Now().Add(20 * time.Second); h.metric("quorate_ofrep_streams_dropped_total") == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a reader that never reads was not given up")
		}
	}
	if n := h.metric("quorate_ofrep_streams"); n != 1 {
		t.Errorf("%v streams are left, want the other one", n)
	}
}

// metric is the value of a metric without labels.
func (h *house) metric(name string) float64 {
	h.t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue() + f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return 0
}
