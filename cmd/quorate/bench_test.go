package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/kv/embedded"
)

// bareEnv makes the test binary a bare server: it reads the body and writes the
// bytes that the variable holds. It is the floor that serving is measured by.
const bareEnv = "QUORATE_BENCH_BARE"

func init() {
	answer, ok := os.LookupEnv(bareEnv)
	if !ok {
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + l.Addr().String())
	panic(http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	})))
}

const evaluation = `{"context":{"targetingKey":"p1","action":"start","patient":{"age":44,"location_now":"US-CO"},"clinician":{"licenses":["US-CO"]}}}`

// BenchmarkServing compares OFREP requests, authenticated and measured as in
// production, with the bare server, in alternating windows of one run. Both are
// processes of their own; the load comes from this one over 8 connections.
func BenchmarkServing(b *testing.B) {
	dir := b.TempDir()
	p := startServe(b, "--data-dir", dir, "--log-level", "warn")
	_, portal := p.furnish(p.bootstrapToken(dir))
	target := p.url + "/regions/co/ofrep/v1/evaluate/flags/video_visit"
	answer := p.evaluate(portal).raw
	bare, bareURL := startBare(b, answer)

	const window = time.Second
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	load(client, target, portal, window/2) // warm up
	load(client, bareURL, portal, window/2)
	var ratios, cpuRatios, rates, bareRates []float64
	for b.Loop() {
		ours, ourCPU := windowOf(b, client, target, portal, p.cmd.Process.Pid, window)
		theirs, theirCPU := windowOf(b, client, bareURL, portal, bare, window)
		ratios, cpuRatios = append(ratios, ours/theirs), append(cpuRatios, ourCPU/theirCPU)
		rates, bareRates = append(rates, ours), append(bareRates, theirs)
	}
	b.ReportMetric(median(rates), "req/s")
	b.ReportMetric(median(bareRates), "bare-req/s")
	b.ReportMetric(median(ratios), "of-bare-throughput")
	b.ReportMetric(median(cpuRatios), "×bare-server-CPU")
	b.ReportMetric(0, "ns/op")
}

func startBare(b *testing.B, answer string) (pid int, url string) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), bareEnv+"="+answer)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line := make([]byte, 100)
	n, err := out.Read(line)
	if err != nil {
		b.Fatal(err)
	}
	return cmd.Process.Pid, strings.TrimSpace(string(line[:n]))
}

// windowOf loads a server for a while: requests per second, and its own CPU
// seconds per request.
func windowOf(b *testing.B, client *http.Client, url, token string, pid int, d time.Duration) (rate, cpu float64) {
	b.Helper()
	before, began := cpuSeconds(b, pid), time.Now()
	n := load(client, url, token, d)
	if n == 0 {
		b.Fatalf("no request to %s succeeded", url)
	}
	return float64(n) / time.Since(began).Seconds(), (cpuSeconds(b, pid) - before) / float64(n)
}

// load sends requests over 8 connections and returns how many were answered 200.
func load(client *http.Client, url, token string, d time.Duration) int64 {
	var n atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for end := time.Now().Add(d); time.Now().Before(end); {
				req, err := http.NewRequest("POST", url, bytes.NewReader([]byte(evaluation)))
				if err != nil {
					return
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Authorization", "Bearer "+token)
				resp, err := client.Do(req)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					n.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return n.Load()
}

// cpuSeconds is the user and system time of a process so far (proc(5), fields 14
// and 15, in hundredths of a second).
func cpuSeconds(b *testing.B, pid int) float64 {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skipf("the CPU time of another process is read from /proc: %v", err)
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

// BenchmarkWriteToServed measures how long after a write was acknowledged the
// new value is served: by the replica that took it, and by another on the same
// etcd. One operation is one write seen at both.
func BenchmarkWriteToServed(b *testing.B) {
	file, err := program()
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	etcd, err := embedded.Start(ctx, embedded.Config{Dir: b.TempDir(), SmallWAL: true, Logger: slog.New(slog.DiscardHandler),
		Command: []string{file}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = etcd.Close() })
	dir := b.TempDir()
	same := startServe(b, "--data-dir", dir, "--etcd-endpoints", etcd.Endpoint(), "--log-level", "warn")
	other := startServe(b, "--data-dir", b.TempDir(), "--etcd-endpoints", etcd.Endpoint(), "--log-level", "warn")
	lead, portal := same.furnish(same.bootstrapToken(dir))
	var write, here, there []float64
	on := true
	for b.Loop() {
		on = !on
		answer := map[bool]string{true: "enable", false: "later"}[on]
		r := same.must(same.answer(lead, newKey(b), answer))
		acked := time.Now()
		there = append(there, served(b, other, portal, on, acked))
		here = append(here, served(b, same, portal, on, acked))
		write = append(write, r.took.Seconds()*1000)
	}
	b.ReportMetric(0, "ns/op")
	for name, list := range map[string][]float64{"write-ms": write, "served-here-ms": here, "served-there-ms": there} {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], "p50-"+name)
		b.ReportMetric(list[len(list)*99/100], "p99-"+name)
	}
}

// served is how many milliseconds after acked the value is served.
func served(b *testing.B, p *process, portal string, want bool, acked time.Time) float64 {
	for end := acked.Add(5 * time.Second); time.Now().Before(end); {
		if p.evaluate(portal).body["value"] == want {
			return time.Since(acked).Seconds() * 1000
		}
	}
	b.Fatalf("the value %v was not served within 5 s", want)
	return 0
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
