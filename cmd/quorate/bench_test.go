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
	ours, theirs := &served{b: b, pid: p.cmd.Process.Pid}, &served{b: b, pid: bare}
	for b.Loop() {
		ours.window(client, target, portal, window)
		theirs.window(client, bareURL, portal, window)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(slices.Clone(ours.rate)), "req/s")
	b.ReportMetric(median(slices.Clone(theirs.rate)), "bare-req/s")
	for unit, of := range map[string][2][]float64{"of-bare-throughput": {ours.rate, theirs.rate}, "×bare-server-CPU": {ours.cpu, theirs.cpu},
		"×bare-p50": {ours.p50, theirs.p50}, "×bare-p99": {ours.p99, theirs.p99}} {
		b.ReportMetric(medianRatio(of[0], of[1]), unit)
	}
}

// medianRatio compares window by window, since the machine is not the same from
// one minute to the next.
func medianRatio(ours, theirs []float64) float64 {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / theirs[i]
	}
	return median(ratios)
}

func startBare(b testing.TB, answer string) (pid int, url string) {
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

// served is what was measured of one server, window by window.
type served struct {
	b                   *testing.B
	pid                 int
	rate, cpu, p50, p99 []float64 // requests a second; its own CPU seconds a request; seconds
}

// window loads the server for a while.
func (s *served) window(client *http.Client, url, token string, d time.Duration) {
	s.b.Helper()
	before, began := cpuSeconds(s.b, s.pid), time.Now()
	took := load(client, url, token, d)
	if len(took) == 0 {
		s.b.Fatalf("no request to %s succeeded", url)
	}
	n := float64(len(took))
	s.rate = append(s.rate, n/time.Since(began).Seconds())
	s.cpu = append(s.cpu, (cpuSeconds(s.b, s.pid)-before)/n)
	slices.Sort(took)
	s.p50 = append(s.p50, took[len(took)/2].Seconds())
	s.p99 = append(s.p99, took[len(took)*99/100].Seconds())
}

// load sends requests over 8 connections and returns how long each took that was
// answered 200.
func load(client *http.Client, url, token string, d time.Duration) (all []time.Duration) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var mine []time.Duration
			for end := time.Now().Add(d); time.Now().Before(end); {
				began := time.Now()
				if evaluateOnce(client, url, token) == http.StatusOK {
					mine = append(mine, time.Since(began))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	wg.Wait()
	return all
}

// evaluateOnce sends one request and returns the status, 0 if there was no answer.
func evaluateOnce(client *http.Client, url, token string) int {
	req, err := http.NewRequest("POST", url, strings.NewReader(evaluation))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
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
		there = append(there, servedAt(b, other, portal, on, acked))
		here = append(here, servedAt(b, same, portal, on, acked))
		write = append(write, r.took.Seconds()*1000)
	}
	b.ReportMetric(0, "ns/op")
	for name, list := range map[string][]float64{"write-ms": write, "served-here-ms": here, "served-there-ms": there} {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], "p50-"+name)
		b.ReportMetric(list[len(list)*99/100], "p99-"+name)
	}
}

// servedAt is how many milliseconds after acked the value is served.
func servedAt(b *testing.B, p *process, portal string, want bool, acked time.Time) float64 {
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
