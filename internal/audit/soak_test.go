package audit

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/kv"
)

// The record at a size that few will reach: a million leaves. It prints what it
// measures and judges only what is true; set QUORATE_SOAK=1 to run it.
func TestAMillionLeaves(t *testing.T) {
	if os.Getenv("QUORATE_SOAK") != "1" {
		t.Skip("set QUORATE_SOAK=1: it takes minutes")
	}
	const prefilled, rate, seconds = 1_000_000, 5_000, 10
	b := newBench(t)
	b.log.rest = restTime
	b.now = noon // so that none is old enough to be removed
	watch := newWatch(t)

	b.fill(prefilled)
	watch.say("%d leaves filled in", prefilled)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.log.term(ctx) }()
	b.reached(prefilled)
	watch.say("listed, read, sequenced and signed, %d leaves that waited", prefilled)

	begun := time.Now()
	worst := int64(0)
	for i := range rate * seconds / 250 {
		b.fill(250)
		if c, _, err := b.log.Checkpoint(ctx); err == nil {
			worst = max(worst, int64(b.n)-c.Tree.N)
		}
		time.Sleep(time.Until(begun.Add(time.Duration(i+1) * 250 * time.Second / rate)))
	}
	wrote := time.Since(begun)
	b.reached(b.n)
	watch.say("%d leaves written at %.0f/s on top of it; at most %d (%.1f s) behind, all signed %.1f s after the last",
		rate*seconds, rate*seconds/wrote.Seconds(), worst, float64(worst)/rate, (time.Since(begun) - wrote).Seconds())

	b.proofs(watch)
	sealing := archivist{Log: b.log}
	if err := sealing.turn(ctx); err != nil {
		t.Fatal(err)
	}
	watch.say("sealed %d bundles to disk", sealing.next)
	stop()
	<-done
	b.exportAndVerify(watch)
}

// fill writes leaves many to a transaction, faster than any gate.
func (b *bench) fill(n int) {
	b.t.Helper()
	var writers sync.WaitGroup
	limit := make(chan struct{}, 8)
	for from := b.n; from < b.n+n; from += 100 {
		limit <- struct{}{}
		writers.Go(func() {
			defer func() { <-limit }()
			_, err := b.store.Update(context.Background(), "", func(tx *kv.Tx) error {
				for i := from; i < min(from+100, b.n+n); i++ {
					if err := Append(tx, leafNumber(i)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.t.Error(err)
			}
		})
	}
	writers.Wait()
	b.n += n
}

// reached waits until a checkpoint has n entries.
func (b *bench) reached(n int) {
	b.t.Helper()
	for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if c, _, err := b.log.Checkpoint(b.t.Context()); err == nil && c.Tree.N >= int64(n) {
			return
		}
		if p := b.log.Problem(); p != nil {
			b.t.Fatal(p)
		}
	}
	b.t.Fatalf("%d entries were not reached", n)
}

func (b *bench) proofs(w *stopwatch) {
	b.t.Helper()
	c, vkey, err := b.log.Checkpoint(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	const n = 200
	w.start()
	var making, finding time.Duration
	for i := range n {
		begun := time.Now()
		at, err := b.log.locate(b.t.Context(), c.Tree, leafNumber(i*(b.n/n)).key())
		if err != nil {
			b.t.Fatal(err)
		}
		finding += time.Since(begun)
		begun = time.Now()
		if _, err := b.log.proveAt(b.t.Context(), c, vkey, at); err != nil {
			b.t.Fatal(err)
		}
		making += time.Since(begun)
	}
	w.say("%d random proofs: %v each, checked; finding the entry by its key before that: %v", n, making/n, finding/n)
}

func (b *bench) exportAndVerify(w *stopwatch) {
	b.t.Helper()
	name := filepath.Join(b.t.TempDir(), "export")
	f, err := os.Create(name)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := Export(b.t.Context(), f, b.log); err != nil {
		b.t.Fatal(err)
	}
	size, _ := f.Seek(0, 1)
	w.say("exported %d entries, %d MiB", b.n, size>>20)
	if err := f.Close(); err != nil {
		b.t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestVerifyAlone$", "-test.v") // so that its memory is its own
	child.Env = append(os.Environ(), "QUORATE_VERIFY="+name)
	out, err := child.CombinedOutput()
	if err != nil {
		b.t.Fatalf("%v: %s", err, out)
	}
	w.say("verified, in a process of its own: %s", bytes.TrimSpace(out))
}

// TestVerifyAlone verifies one file; the test above runs it in a process of its
// own.
func TestVerifyAlone(t *testing.T) {
	name := os.Getenv("QUORATE_VERIFY")
	if name == "" {
		t.Skip("it is a part of TestAMillionLeaves")
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	begun := time.Now()
	v, err := Verify(f, Trust{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d entries in %.1f s, at most %d MiB", v.Size, time.Since(begun).Seconds(), residentMiB("VmHWM"))
}

// A stopwatch prints what took how long, and how much memory the process has.
type stopwatch struct {
	t    *testing.T
	from time.Time
}

func newWatch(t *testing.T) *stopwatch { return &stopwatch{t: t, from: time.Now()} }
func (w *stopwatch) start()            { w.from = time.Now() }

func (w *stopwatch) say(format string, args ...any) {
	w.t.Logf("%6.1f s  %4d MiB  %s", time.Since(w.from).Seconds(), residentMiB("VmRSS"), fmt.Sprintf(format, args...))
	w.from = time.Now()
}

// residentMiB is a line of the process's status, in MiB; 0 where there is none.
func residentMiB(line string) (mib int) {
	raw, _ := os.ReadFile("/proc/self/status")
	for l := range strings.Lines(string(raw)) {
		if _, err := fmt.Sscanf(l, line+": %d kB", &mib); err == nil {
			return mib >> 10
		}
	}
	return 0
}
