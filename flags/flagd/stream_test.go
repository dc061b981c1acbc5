package flagd_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v1"
	v2 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v2"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/quorate/quorate/flags/flagd"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

const (
	onFlag  = `{"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"}`
	offFlag = `{"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}`
)

// heard is a stream as a channel, closed with the stream; why tells its end.
type heard struct {
	messages chan object
	why      error // read after messages is closed
}

func listen[T any](stream *connect.ServerStreamForClient[T], err error, read func(*T) object) *heard {
	h := &heard{messages: make(chan object, 1000), why: err}
	go func() {
		defer close(h.messages)
		for err == nil && stream.Receive() {
			h.messages <- read(stream.Msg())
		}
		if err == nil {
			h.why = stream.Err()
		}
	}()
	return h
}

// next is the next message, or the code with which the stream ended.
func (h *heard) next(t *testing.T) object {
	t.Helper()
	select {
	case m, ok := <-h.messages:
		if !ok {
			return object{"code": connect.CodeOf(h.why).String()}
		}
		return m
	case <-time.After(5 * time.Second):
		t.Fatal("nothing was heard for 5 s")
		return nil
	}
}

// silence fails if anything is heard.
func (h *heard) silence(t *testing.T) {
	t.Helper()
	select {
	case m := <-h.messages:
		t.Errorf("heard %v", m)
	case <-time.After(50 * time.Millisecond):
	}
}

func eventOf(kind string, data *structpb.Struct) object {
	return object{"type": kind, "data": data.AsMap()}
}

func (w way) events1(ctx context.Context, url string) *heard {
	stream, err := w.v1(url).EventStream(ctx, request(&v1.EventStreamRequest{}))
	return listen(stream, err, func(m *v1.EventStreamResponse) object { return eventOf(m.GetType(), m.GetData()) })
}

func (w way) events2(ctx context.Context, url string, headers ...string) *heard {
	stream, err := w.v2(url).EventStream(ctx, request(&v2.EventStreamRequest{}, headers...))
	return listen(stream, err, func(m *v2.EventStreamResponse) object { return eventOf(m.GetType(), m.GetData()) })
}

func (w way) syncs(ctx context.Context, url string, req *syncv1.SyncFlagsRequest, headers ...string) *heard {
	stream, err := w.sync(url).SyncFlags(ctx, request(req, headers...))
	return listen(stream, err, func(m *syncv1.SyncFlagsResponse) object {
		return object{"set": m.GetFlagConfiguration(), "context": m.GetSyncContext().AsMap()}
	})
}

func changeOf(kinds ...string) object {
	flags := object{}
	for i := 0; i < len(kinds); i += 2 {
		flags[kinds[i]] = object{"type": kinds[i+1]}
	}
	return object{"type": "configuration_change", "data": object{"flags": flags}}
}

var nothing = object{}

// The life of an event stream, in both versions and every way of speaking them.
func TestAnEventStreamTellsWhatChanges(t *testing.T) {
	for _, w := range ways(t) {
		for version, open := range map[string]func(context.Context, string) *heard{
			"v1": w.events1, "v2": func(ctx context.Context, url string) *heard { return w.events2(ctx, url) },
		} {
			t.Run(version+" "+w.name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				s.Hurry(300*time.Millisecond, 10*time.Second)
				s.put("co", `{"a": `+onFlag+`, "b": `+onFlag+`}`)
				h := open(limited(t), s.url)
				expect := func(what string, want object) {
					t.Helper()
					if diff := cmp.Diff(want, h.next(t)); diff != "" {
						t.Errorf("%s (-want +got):\n%s", what, diff)
					}
				}
				expect("at once", object{"type": "provider_ready", "data": nothing})
				s.put("co", `{"a": `+offFlag+`, "c": `+onFlag+`}`)
				expect("a change", changeOf("a", "update", "b", "delete", "c", "write"))
				s.put("hi", `{"a": `+onFlag+`}`)
				s.put("co", `{"a": `+offFlag+`, "c": `+onFlag+`}`)
				expect("another region, and a change of nothing, are not told", object{"type": "keep_alive", "data": nothing})
				s.Close()
				expect("the farewell", object{"type": "provider_shutdown", "data": nothing})
				expect("the end, after which providers come back", object{"code": "unavailable"})
				h = open(limited(t), s.url)
				expect("who comes back too early", object{"code": "unavailable"})
			})
		}
	}
}

// A set is sent whole, at once and after each change of its region, and of no
// other.
func TestSyncSendsTheWholeSet(t *testing.T) {
	for _, w := range ways(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *flagd.Config) { c.Context = map[string]any{"zone": "west"} })
			s.put("co", `{"a": `+onFlag+`, "b": `+onFlag+`}`)
			h := w.syncs(limited(t), s.url, &syncv1.SyncFlagsRequest{ProviderId: "test"})
			first := h.next(t)
			if diff := cmp.Diff(object{"zone": "west"}, first["context"]); diff != "" {
				t.Errorf("sync_context: %s", diff)
			}
			if keys := compile(t, first["set"].(string)).Keys(); !cmp.Equal(keys, []string{"a", "b"}) {
				t.Errorf("the first set has %v", keys)
			}
			s.put("hi", `{"x": `+onFlag+`}`)
			h.silence(t)
			s.put("co", `{"b": `+offFlag+`}`)
			if set := compile(t, h.next(t)["set"].(string)); !cmp.Equal(set.Keys(), []string{"b"}) {
				t.Errorf("the second set has %v", set.Keys())
			}
			all, err := w.sync(s.url).FetchAllFlags(limited(t), request(&syncv1.FetchAllFlagsRequest{}))
			if err != nil || !cmp.Equal(compile(t, all.Msg.GetFlagConfiguration()).Keys(), []string{"b"}) {
				t.Errorf("FetchAllFlags: %v, %v", all, err)
			}
			//lint:ignore SA1019 older providers ask for it
			metadata, err := w.sync(s.url).GetMetadata(limited(t), request(&syncv1.GetMetadataRequest{}))
			if err != nil || !cmp.Equal(metadata.Msg.GetMetadata().AsMap(), object{"zone": "west"}) {
				t.Errorf("GetMetadata: %v, %v", metadata, err)
			}
			s.Close()
			if end := h.next(t); end["code"] != "unavailable" {
				t.Errorf("at the end: %v", end)
			}
		})
	}
}

// Before anything is loaded nothing is NOT_FOUND, and no set is empty.
func TestUntilTheFirstStateEverythingIsUnavailable(t *testing.T) {
	s := newSite(t)
	ctx := limited(t)
	for _, w := range ways(t) {
		_, boolean := w.v2(s.url).ResolveBoolean(ctx, request(&v2.ResolveBooleanRequest{FlagKey: "a"}))
		_, older := w.v1(s.url).ResolveBoolean(ctx, request(&v1.ResolveBooleanRequest{FlagKey: "a"}))
		_, all := w.v1(s.url).ResolveAll(ctx, request(&v1.ResolveAllRequest{}))
		_, fetched := w.sync(s.url).FetchAllFlags(ctx, request(&syncv1.FetchAllFlagsRequest{}))
		for what, err := range map[string]error{"v2": boolean, "v1": older, "ResolveAll": all, "FetchAllFlags": fetched} {
			if connect.CodeOf(err) != connect.CodeUnavailable {
				t.Errorf("%s, %s: %v", w.name, what, err)
			}
		}
		for what, h := range map[string]*heard{"events v1": w.events1(ctx, s.url), "events v2": w.events2(ctx, s.url), "sync": w.syncs(ctx, s.url, &syncv1.SyncFlagsRequest{})} {
			if m := h.next(t); m["code"] != "unavailable" {
				t.Errorf("%s, %s: %v", w.name, what, m)
			}
		}
	}
}

// A client that asks for a sign of life five times a second is served, and hears
// of a change after it.
func TestPingsEvery200MillisecondsAreNoOffence(t *testing.T) {
	s := newSite(t)
	s.put("co", `{"a": `+onFlag+`}`)
	c := client(t, true, nil)
	c.Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{SendPingTimeout: 200 * time.Millisecond, PingTimeout: time.Second}
	h := way{"", c, []connect.ClientOption{connect.WithGRPC()}}.syncs(limited(t), s.url, &syncv1.SyncFlagsRequest{})
	h.next(t)
	time.Sleep(1500 * time.Millisecond)
	s.put("co", `{"b": `+onFlag+`}`)
	if m := h.next(t); m["set"] == nil {
		t.Errorf("after the pings: %v", m)
	}
}

// The latest wins: whoever was busy is told once of all that happened.
func TestChangesInBetweenAreSkipped(t *testing.T) {
	s := newSite(t)
	s.put("co", `{"a": `+onFlag+`}`)
	h := ways(t)[0].syncs(limited(t), s.url, &syncv1.SyncFlagsRequest{})
	h.next(t)
	const changes = 2000
	for i := range changes {
		s.put("co", fmt.Sprintf(`{"a": %s, "n%d": %s}`, onFlag, i, onFlag))
	}
	last, n := "", 0
	for !strings.Contains(last, fmt.Sprintf(`"n%d"`, changes-1)) {
		last = h.next(t)["set"].(string)
		n++
	}
	if n > changes {
		t.Errorf("%d messages for %d changes", n, changes)
	}
	h.silence(t)
	t.Logf("%d messages for %d changes", n, changes)
}

// Readers that take nothing are let go, on HTTP/1.1 and on HTTP/2, and what was
// made for them with them.
func TestSlowReadersAreDropped(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		s := newSite(t)
		s.Hurry(20*time.Second, 200*time.Millisecond)
		var flags []string
		for i := range 20_000 {
			flags = append(flags, fmt.Sprintf(`"flag%05d": {"state": "ENABLED", "variants": {"on": "%s"}, "defaultVariant": "on"}`, i, strings.Repeat("x", 400)))
		}
		s.put("co", "{"+strings.Join(flags, ",")+"}") // 9 MB: more than the buffers between us hold
		c := client(t, h2, nil)
		var open sync.WaitGroup
		for range 10 {
			open.Go(func() {
				req, _ := http.NewRequestWithContext(limited(t), http.MethodPost, s.url+"/flagd.sync.v1.FlagSyncService/SyncFlags", strings.NewReader("\x00\x00\x00\x00\x02{}"))
				req.Header.Set("Content-Type", "application/connect+json")
				resp, err := c.Do(req) // and never reads
				if err == nil {
					t.Cleanup(func() { _ = resp.Body.Close() })
				}
			})
		}
		open.Wait()
		for deadline := time.Now().Add(8 * time.Second); s.OpenStreams() > 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("HTTP/2 %v: %d streams are still open", h2, s.OpenStreams())
			}
		}
	}
}

// A token is asked again while its stream is open.
func TestARevokedTokenEndsItsStream(t *testing.T) {
	var mu sync.Mutex
	revoked := false
	s := newSite(t, func(c *flagd.Config) {
		c.Authenticate = func(string, time.Time) (identity.Principal, error) {
			mu.Lock()
			defer mu.Unlock()
			if revoked {
				return identity.Principal{}, fault.New(fault.Unauthenticated, "revoked", "the token was revoked")
			}
			return identity.Principal{ID: "token:1", Grants: []identity.Grant{{Role: identity.Service, Regions: []string{"co"}}}}, nil
		}
	})
	s.put("co", `{"a": `+onFlag+`}`)
	w := ways(t)[0]
	events, set := w.events2(limited(t), s.url, "Authorization", "Bearer x"), w.syncs(limited(t), s.url, &syncv1.SyncFlagsRequest{}, "Authorization", "Bearer x")
	events.next(t)
	set.next(t)
	mu.Lock()
	revoked = true
	mu.Unlock()
	s.put("co", `{"b": `+onFlag+`}`)
	for what, h := range map[string]*heard{"events": events, "sync": set} {
		if m := h.next(t); m["code"] != "unauthenticated" {
			t.Errorf("%s went on with %v", what, m)
		}
	}
}

func TestStreamsAreBounded(t *testing.T) {
	s := newSite(t, func(c *flagd.Config) { c.MaxStreams = 2 })
	s.put("co", `{"a": `+onFlag+`}`)
	w, ctx := ways(t)[0], limited(t)
	first, leave := context.WithCancel(ctx)
	defer leave()
	w.events2(first, s.url).next(t)
	w.events2(ctx, s.url).next(t)
	if m := w.events2(ctx, s.url).next(t); m["code"] != "resource_exhausted" {
		t.Errorf("the third: %v", m)
	}
	leave()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if w.events2(ctx, s.url).next(t)["type"] == "provider_ready" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a place that became free stays taken")
		}
	}
}

// A thousand streams are told of a change within a moment, and their memory is
// that of goroutines.
func TestAThousandStreams(t *testing.T) {
	const n = 1000
	s := newSite(t)
	s.put("co", `{"a": `+onFlag+`}`)
	ctx := limited(t)
	w := ways(t)[0]
	before := heap()
	all := make([]*heard, n)
	for i := range all {
		if i%200 == 0 { // a connection takes 250
			w.client = client(t, true, nil)
		}
		all[i] = w.syncs(ctx, s.url, &syncv1.SyncFlagsRequest{})
		all[i].next(t)
	}
	each := (heap() - before) / n
	began := time.Now()
	s.put("co", `{"b": `+onFlag+`}`)
	for _, h := range all {
		if m := h.next(t); m["set"] == nil {
			t.Fatal(m)
		}
	}
	t.Logf("%d streams heard of a change within %v; both ends of one hold %d KB", n, time.Since(began).Round(time.Millisecond), each>>10)
	if each > 200<<10 {
		t.Errorf("a stream holds %d bytes", each)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
