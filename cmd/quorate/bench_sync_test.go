package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// bareSyncEnv makes the test binary a bare server of streams over h2c: it sends
// the bytes that the variable names, at once and again whenever /push is asked for.
// It is the floor that flagd.sync.v1 is measured by.
const bareSyncEnv = "QUORATE_BENCH_BARE_SYNC"

func init() {
	file, ok := os.LookupEnv(bareSyncEnv)
	if !ok {
		return
	}
	frame, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + l.Addr().String())
	s := &http.Server{Handler: newBareStreams(frame), Protocols: &http.Protocols{}}
	s.Protocols.SetUnencryptedHTTP2(true)
	panic(s.Serve(l))
}

// newBareStreams does for a stream what cannot be left out: wait, write, flush.
func newBareStreams(frame []byte) http.Handler {
	var mu sync.Mutex
	push := make(chan struct{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/push" {
			mu.Lock()
			close(push)
			push = make(chan struct{})
			mu.Unlock()
			return
		}
		w.Header().Set("Content-Type", "application/grpc")
		for rc := http.NewResponseController(w); ; {
			mu.Lock()
			pushed := push
			mu.Unlock()
			if _, err := w.Write(frame); err != nil || rc.Flush() != nil {
				return
			}
			select {
			case <-pushed:
			case <-r.Context().Done():
				return
			}
		}
	})
}

// syncStreams are open streams of flagd.sync.v1, or of the bare server.
type syncStreams struct {
	b      testing.TB
	heard  chan int // bytes of each message
	cancel context.CancelFunc
}

// newH2C is a client that speaks HTTP/2 without TLS.
func newH2C() *http.Client {
	t := &http.Transport{Protocols: &http.Protocols{}}
	t.Protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: t}
}

func openSync(b testing.TB, url string, n int) *syncStreams {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &syncStreams{b: b, heard: make(chan int, n), cancel: cancel}
	b.Cleanup(cancel)
	client := newH2C()
	for range n {
		res, err := syncOnce(ctx, client, url)
		if err != nil {
			b.Fatal(err)
		}
		go readFrames(res.Body, func(frame []byte) { s.heard <- len(frame) })
	}
	return s
}

// syncOnce opens one stream, as a gRPC client does.
func syncOnce(ctx context.Context, client *http.Client, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", url+"/flagd.sync.v1.FlagSyncService/SyncFlags", bytes.NewReader(make([]byte, 5)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	res, err := client.Do(req)
	if err == nil && res.StatusCode != 200 {
		err = errors.New(res.Status)
	}
	return res, err
}

// readFrames reads gRPC messages until the stream ends.
func readFrames(body io.ReadCloser, each func([]byte)) {
	defer body.Close()
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(body, head); err != nil {
			return
		}
		frame := make([]byte, 5+binary.BigEndian.Uint32(head[1:]))
		copy(frame, head)
		if _, err := io.ReadFull(body, frame[5:]); err != nil {
			return
		}
		each(frame)
	}
}

// wait returns once n messages have come, and how large the last was.
func (s *syncStreams) wait(n int) (size int) {
	s.b.Helper()
	limit := time.After(30 * time.Second)
	for range n {
		select {
		case size = <-s.heard:
		case <-limit:
			s.b.Fatal("not every stream was told within 30 s")
		}
	}
	return size
}

// freeAddress is one that nobody listens at.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// manyCapabilities adds capabilities, so that a set has some size.
func (p *process) manyCapabilities(operator string, n int) {
	p.t.Helper()
	for i := range n {
		key := "capability_" + strconv.Itoa(i)
		p.must(p.send("PUT", "/api/v1/capabilities/"+key, operator, "", map[string]any{"value": map[string]any{
			"key": key, "name": "Capability " + strconv.Itoa(i), "kind": "clinical", "stage": "ready", "risk": "low",
			"for_patients": "It is one of many.", "for_clinicians": "It is one of many.",
			"impact":       map[string]int{"access": 0, "transparency": 0, "interaction": 0, "connection": 0, "efficiency": 0},
			"data_classes": []string{}, "requires_systems": []string{}, "prerequisites": []string{}, "settings": []string{}, "context": []string{}}}))
	}
}

// BenchmarkSyncFanOut turns a capability on and off with a thousand streams of
// flagd.sync.v1 open, each of which is sent the whole set, against a bare h2c
// handler that sends the same bytes. Both are processes of their own, and their
// readers are all in this one. One operation is ten changes told to all. What a
// change costs that nobody hears (the gate, the record, the snapshot) is measured
// first and left out of the first ratio.
func BenchmarkSyncFanOut(b *testing.B) {
	const n, changes = 1000, 10
	dir, address := b.TempDir(), freeAddress(b)
	p := startServe(b, "--data-dir", dir, "--log-level", "warn", "--flagd-listen", address, "--flagd-trusted-region", "co")
	operator := p.bootstrapToken(dir)
	lead, _ := p.furnish(operator)
	p.manyCapabilities(operator, 20)
	frame := firstFrame(b, "http://"+address)
	on, size := true, 0
	change := func() {
		on = !on
		p.must(p.answer(lead, newKey(b), map[bool]string{true: "enable", false: "later"}[on]))
	}
	began := cpuSeconds(b, p.cmd.Process.Pid)
	const alone = 100 // changes that nobody hears
	for range alone {
		change()
	}
	perChange := (cpuSeconds(b, p.cmd.Process.Pid) - began) / alone
	ours := openSync(b, "http://"+address, n)
	ours.wait(n)
	barePID, bareURL := startBareSync(b, frame)
	bare := openSync(b, bareURL, n)
	bare.wait(n)
	h2c := newH2C()

	var cpu, all, bareCPU, last, bareLast []float64
	for b.Loop() {
		took, before := 0.0, cpuSeconds(b, p.cmd.Process.Pid)
		for range changes {
			change()
			acked := time.Now()
			size = ours.wait(n)
			took = max(took, time.Since(acked).Seconds())
		}
		used := cpuSeconds(b, p.cmd.Process.Pid) - before
		all, cpu, last = append(all, used), append(cpu, used-changes*perChange), append(last, took)
		took, before = 0, cpuSeconds(b, barePID)
		for range changes {
			res, err := h2c.Post(bareURL+"/push", "text/plain", strings.NewReader(""))
			if err != nil {
				b.Fatal(err)
			}
			_ = res.Body.Close()
			acked := time.Now()
			bare.wait(n)
			took = max(took, time.Since(acked).Seconds())
		}
		bareCPU, bareLast = append(bareCPU, cpuSeconds(b, barePID)-before), append(bareLast, took)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(size)/1024, "KiB-set")
	b.ReportMetric(1e6*median(slices.Clone(cpu))/(n*changes), "CPU-µs/stream")
	b.ReportMetric(1e6*median(slices.Clone(bareCPU))/(n*changes), "bare-CPU-µs/stream")
	b.ReportMetric(medianRatio(cpu, bareCPU), "×bare-CPU")
	b.ReportMetric(medianRatio(all, bareCPU), "×bare-CPU-with-the-changes")
	b.ReportMetric(medianRatio(last, bareLast), "×bare-last")
}

// firstFrame is what a stream is sent first.
func firstFrame(b testing.TB, url string) []byte {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	res, err := syncOnce(ctx, newH2C(), url)
	if err != nil {
		b.Fatal(err)
	}
	first := make(chan []byte, 100)
	go readFrames(res.Body, func(f []byte) { first <- f })
	select {
	case f := <-first:
		return f
	case <-time.After(10 * time.Second):
		b.Fatal("the stream says nothing")
	}
	return nil
}

func startBareSync(b testing.TB, frame []byte) (pid int, url string) {
	b.Helper()
	file := b.TempDir() + "/frame"
	if err := os.WriteFile(file, frame, 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), bareSyncEnv+"="+file)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line := make([]byte, 100)
	k, err := out.Read(line)
	if err != nil {
		b.Fatal(err)
	}
	return cmd.Process.Pid, strings.TrimSpace(string(line[:k]))
}
