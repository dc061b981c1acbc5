package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// blow is a request that nobody means well.
type blow struct {
	what, method, url, contentType, encoding string
	body                                     []byte
	want                                     []int // statuses that are a clear refusal; flagd's protocols may also refuse within a 200
}

// What nobody means well, on every listener and all at once, is refused, and does
// not pile up: the server's memory after the second storm is what it was after the
// first, and then it answers as before.
func TestAStormOfHostileInputLeavesTheMemoryFlat(t *testing.T) {
	dir, flagd := t.TempDir(), freeAddress(t)
	p := startServe(t, "--data-dir", dir, "--log-level", "error", "--flagd-listen", flagd, "--flagd-trusted-region", "co")
	_, portal := p.furnish(p.bootstrapToken(dir))
	before := p.evaluate(portal).raw
	blows := hostile(p.url, "http://"+flagd)
	calm := memoryOf(t, p.cmd.Process.Pid)
	p.storm(blows, portal, flagd)
	first := memoryOf(t, p.cmd.Process.Pid)
	p.storm(blows, portal, flagd)
	second := memoryOf(t, p.cmd.Process.Pid)
	t.Logf("memory: %d MiB in calm, %d MiB after one storm, %d MiB after two", calm>>20, first>>20, second>>20)
	if limit := 300 << 20; first > calm+limit {
		t.Errorf("the first storm took %d MiB, which is more than %d", (first-calm)>>20, limit>>20)
	}
	if limit := 64 << 20; second > first+limit {
		t.Errorf("the second storm took %d MiB more than the first: something piles up", (second-first)>>20)
	}
	if after := p.evaluate(portal).raw; after != before {
		t.Errorf("then the server answers %s, and before %s", after, before)
	}
}

func hostile(api, flagd string) []blow {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write([]byte(`{"context":{"x":"`))
	for range 64 {
		_, _ = z.Write(bytes.Repeat([]byte("x"), 1<<20))
	}
	_ = z.Close()
	garbage := make([]byte, 64<<10)
	for i := range garbage {
		garbage[i] = byte(rand.Uint32())
	}
	copy(garbage, []byte{0, 0, 0, 255, 251}) // a message of the length that follows
	liar := []byte{0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3}
	huge := []byte(`{"flagKey":"video_visit","context":{"x":"` + strings.Repeat("x", 2<<20) + `"}}`)
	deep := []byte(`{"flagKey":"video_visit","context":{"x":` + strings.Repeat(`[`, 200_000) + strings.Repeat(`]`, 200_000) + `}}`)
	wide := []byte(`{"flagKey":"video_visit","context":{"x":[` + strings.Repeat(`{},`, 300_000) + `{}]}}`)
	one, all, v1 := "/regions/co/ofrep/v1/evaluate/flags/video_visit", "/regions/co/ofrep/v1/evaluate/flags", "/flagd.evaluation.v1.Service/ResolveAll"
	v2, stream := "/flagd.evaluation.v2.Service/ResolveBoolean", "/flagd.sync.v1.FlagSyncService/SyncFlags"
	const jsonType, protoType, grpc = "application/json", "application/proto", "application/grpc"
	no := []int{400, 413, 415}
	var list []blow
	for _, path := range []string{one, all, "/api/v1/track", "/api/v1/regions/co/explain/video_visit"} {
		list = append(list,
			blow{"too large a body", "POST", api + path, jsonType, "", huge, no},
			blow{"an abyss", "POST", api + path, jsonType, "", deep, append([]int{422}, no...)},
			blow{"a gzip bomb", "POST", api + path, jsonType, "gzip", bomb.Bytes(), append([]int{422}, no...)},
			blow{"garbage", "POST", api + path, jsonType, "", garbage, append([]int{422}, no...)})
	}
	list = append(list, blow{"too many values", "POST", api + one, jsonType, "", wide, no},
		blow{"too long a key", "POST", api + "/regions/co/ofrep/v1/evaluate/flags/" + strings.Repeat("k", 30_000), jsonType, "", []byte(`{}`), []int{400, 404}},
		blow{"too long a header", "POST", api + one + "?" + strings.Repeat("q", 100_000), jsonType, "", nil, []int{400, 414, 431}})
	for _, path := range []string{v1, v2} {
		list = append(list,
			blow{"too large a message", "POST", flagd + path, jsonType, "", huge, []int{400, 413, 429}},
			blow{"an abyss", "POST", flagd + path, jsonType, "", deep, []int{400}},
			blow{"a gzip bomb", "POST", flagd + path, jsonType, "gzip", bomb.Bytes(), []int{400, 413, 429}},
			blow{"garbage", "POST", flagd + path, protoType, "", garbage, []int{400}},
			blow{"garbage in a frame", "POST", flagd + path, grpc, "", garbage, []int{200, 400, 415, 464, 505}},
			blow{"a message that says it has 2 GB", "POST", flagd + path, grpc, "", liar, []int{200, 400, 415, 464, 505}})
	}
	return append(list, blow{"garbage in a frame", "POST", flagd + stream, grpc + "-web", "", garbage, []int{200, 400}},
		blow{"a message that says it has 2 GB", "POST", flagd + stream, grpc + "-web", "", liar, []int{200, 400}},
		blow{"no service", "POST", flagd + "/no.such.Service/Method", jsonType, "", []byte(`{}`), []int{404}})
}

// storm sends every blow from several sides, while slow readers, half requests and
// streams that are reset at once go on beside it.
func (p *process) storm(blows []blow, portal, flagd string) {
	p.t.Helper()
	const sides, times = 4, 3
	ctx, cancel := context.WithCancel(context.Background())
	var wg, beside sync.WaitGroup
	for range 20 {
		beside.Go(func() { dawdle(ctx, strings.TrimPrefix(p.url, "http://")) })
		beside.Go(func() { dawdle(ctx, flagd) })
	}
	wg.Go(func() { resets(ctx, "http://"+flagd, 1000) })
	for range sides {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
			defer client.CloseIdleConnections()
			for range times {
				for _, b := range blows {
					p.strike(client, b, portal)
				}
			}
		})
	}
	wg.Wait()
	cancel()
	beside.Wait()
}

func (p *process) strike(client *http.Client, b blow, portal string) {
	req, err := http.NewRequest(b.method, b.url, bytes.NewReader(b.body))
	if err != nil {
		p.t.Error(err)
		return
	}
	req.Header.Set("Content-Type", b.contentType)
	if strings.HasPrefix(b.url, p.url) {
		req.Header.Set("Authorization", "Bearer "+portal)
	}
	if b.encoding != "" {
		req.Header.Set("Content-Encoding", b.encoding)
	}
	res, err := client.Do(req)
	if err != nil {
		return // it may break the connection off while the body is still being sent
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	for _, want := range append([]int{403}, b.want...) { // a portal may not explain
		if res.StatusCode == want {
			return
		}
	}
	p.t.Errorf("%s at %.90s: %d %.200s; want one of %v", b.what, b.url, res.StatusCode, answer, b.want)
}

// dawdle sends half a request, a byte at a time, until it is cut off.
func dawdle(ctx context.Context, address string) {
	for ctx.Err() == nil {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		fmt.Fprint(conn, "POST /ofrep/v1/evaluate/flags HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n")
		for ctx.Err() == nil {
			if _, err := conn.Write([]byte("X")); err != nil {
				break
			}
			sleepFor(ctx, 50*time.Millisecond)
		}
		_ = conn.Close()
	}
}

// resets opens streams over HTTP/2 and takes each back at once.
func resets(ctx context.Context, url string, n int) {
	client := newH2C()
	defer client.CloseIdleConnections()
	for range n {
		one, cancel := context.WithTimeout(ctx, time.Duration(rand.Int64N(int64(3*time.Millisecond))))
		if res, err := syncOnce(one, client, url); err == nil {
			_ = res.Body.Close()
		}
		cancel()
	}
}
