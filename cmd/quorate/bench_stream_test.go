package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkWriteToEvent measures how long after a write was acknowledged its
// event arrives at each of a thousand listeners, all of them in this process. One
// operation is one write heard by all.
func BenchmarkWriteToEvent(b *testing.B) {
	dir := b.TempDir()
	p := startServe(b, "--data-dir", dir, "--log-level", "warn")
	lead, portal := p.furnish(p.bootstrapToken(dir))
	all := p.must(p.send("POST", "/regions/co/ofrep/v1/evaluate/flags", portal, "", map[string]any{"context": map[string]any{}}))
	path := findString(all.body, "/regions/co/ofrep/v1/events")
	if path == "" {
		b.Fatalf("no stream in %s", all.raw)
	}
	const listeners = 1000
	heard := make(chan time.Time, listeners)
	var opened sync.WaitGroup
	for range listeners {
		opened.Add(1)
		conn := listen(b, p.url, path, heard, opened.Done)
		b.Cleanup(func() { _ = conn.Close() })
	}
	opened.Wait()
	var took, last []float64 // milliseconds
	on := true
	for b.Loop() {
		on = !on
		p.must(p.answer(lead, newKey(b), map[bool]string{true: "enable", false: "later"}[on]))
		acked := time.Now()
		slowest := 0.0
		for range listeners {
			select {
			case at := <-heard:
				ms := at.Sub(acked).Seconds() * 1000
				took, slowest = append(took, ms), max(slowest, ms)
			case <-time.After(5 * time.Second):
				b.Fatal("an event did not arrive")
			}
		}
		last = append(last, slowest)
	}
	b.ReportMetric(0, "ns/op")
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "p50-ms")
	b.ReportMetric(took[len(took)*99/100], "p99-ms")
	b.ReportMetric(median(last), "last-ms")
	b.ReportMetric(float64(memoryOf(b, p.cmd.Process.Pid))/(1<<20), "server-MiB")
}

// listen opens a stream over a raw connection. The first event comes at once, to
// a client that does not say what it knows; of the others heard is told.
func listen(b *testing.B, url, path string, heard chan<- time.Time, opened func()) net.Conn {
	b.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	go func() {
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			if !strings.HasPrefix(lines.Text(), "data: ") {
				continue
			}
			if opened != nil {
				opened()
				opened = nil
				continue
			}
			heard <- time.Now()
		}
	}()
	return conn
}

// memoryOf is the resident memory of a process in bytes (proc(5), the second
// field of statm, in pages).
func memoryOf(b testing.TB, pid int) int {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Skipf("the memory of another process is read from /proc: %v", err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(raw))[1])
	return pages * os.Getpagesize()
}
