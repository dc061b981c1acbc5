package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/quorate/quorate/internal/kv/embedded"
)

func newKey(t testing.TB) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// writes is a number of changes that can be told apart afterwards: each adds a
// facility of its own under a key of its own.
type writes struct {
	p        *process
	operator string
	keys     []string
	acked    []int64 // revision of the receipt, 0 if none came
}

func (w *writes) send(i int) reply {
	return w.p.send("PUT", fmt.Sprintf("/api/v1/regions/co/facilities/co-%d", i), w.operator, w.keys[i], map[string]any{
		"value": map[string]any{"key": fmt.Sprintf("co-%d", i), "region": "co", "name": fmt.Sprintf("Clinic %d", i),
			"kind": "clinic", "jurisdiction": "US-CO", "systems": []string{"ehr"}}})
}

func revisionOf(r reply) int64 {
	receipt, _ := r.body["receipt"].(map[string]any)
	revision, _ := receipt["revision"].(float64)
	return int64(revision)
}

// facilities are the stored records: facility → revision at which it was last written.
func (w *writes) facilities() map[string]int64 {
	w.p.t.Helper()
	found := map[string]int64{}
	items, _ := w.p.must(w.p.send("GET", "/api/v1/regions/co/facilities", w.operator, "", nil)).body["items"].([]any)
	for _, item := range items {
		record := item.(map[string]any)
		found[record["value"].(map[string]any)["key"].(string)] = int64(record["revision"].(float64))
	}
	return found
}

// outcome is the revision of the leaf of write i, 0 if it has none.
func (w *writes) outcome(i int) int64 {
	r := w.p.must(w.p.send("GET", "/api/v1/outcomes/"+w.keys[i], w.operator, "", nil))
	revision, _ := r.body["revision"].(float64)
	return int64(revision)
}

// Kill the server, and in the second case its store, amid a thousand concurrent
// writes: what was acknowledged is there, nothing is there twice, and each has
// its leaf. Sending everything again with the same keys settles the rest.
func TestKilledAmidAThousandWrites(t *testing.T) {
	for what, storeToo := range map[string]bool{"the server": false, "the server and its store": true} {
		t.Run(what, func(t *testing.T) { killAmidWrites(t, storeToo) })
	}
}

func killAmidWrites(t *testing.T, storeToo bool) {
	const total, writers, killAfter = 1000, 32, 300
	dir := t.TempDir()
	p := startServe(t, "--data-dir", dir, "--log-level", "error")
	w := &writes{p: p, operator: p.bootstrapToken(dir), keys: make([]string, total), acked: make([]int64, total)}
	p.furnish(w.operator)
	for i := range w.keys {
		w.keys[i] = newKey(t)
	}
	var next, acks atomic.Int64
	kill := make(chan struct{})
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < total; i = next.Add(1) - 1 {
				if r := w.send(int(i)); r.status == 200 {
					w.acked[i] = revisionOf(r)
					if acks.Add(1) == killAfter {
						close(kill)
					}
				}
			}
		})
	}
	<-kill
	p.kill(storeToo)
	wg.Wait()
	p.start()

	stored := w.facilities()
	unacked := 0
	for i, revision := range w.acked {
		name := fmt.Sprintf("co-%d", i)
		leaf := w.outcome(i)
		switch {
		case revision > 0 && (stored[name] != revision || leaf != revision):
			t.Errorf("write %d was acknowledged at %d; the record is at %d, its leaf at %d", i, revision, stored[name], leaf)
		case stored[name] != leaf:
			t.Errorf("write %d: the record is at %d and its leaf at %d", i, stored[name], leaf)
		case revision == 0 && leaf > 0:
			unacked++
		}
	}
	t.Logf("%d acknowledged, %d applied without an acknowledgement", acks.Load(), unacked)
	for i := range w.keys {
		if r := w.send(i); r.status != 200 || w.acked[i] > 0 && revisionOf(r) != w.acked[i] {
			t.Errorf("write %d sent again: %d %s", i, r.status, r.raw)
		}
	}
	again := w.facilities()
	if len(again) != total {
		t.Errorf("%d records for %d writes", len(again), total)
	}
	for name, revision := range stored {
		if again[name] != revision {
			t.Errorf("%s was written at %d and once more at %d", name, revision, again[name])
		}
	}
}

// watchEvaluations evaluates without a pause until the returned function is
// called, which reports how many there were; none may fail or be false.
func watchEvaluations(p *process, portal string) (stop func() int) {
	done := make(chan struct{})
	var n atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if r := p.evaluate(portal); r.status != 200 || r.body["value"] != true {
				p.t.Errorf("evaluation: %d %s", r.status, r.raw)
			}
			n.Add(1)
		}
	})
	return func() int { close(done); wg.Wait(); return int(n.Load()) }
}

func servedWithLead(t *testing.T, dir string, args ...string) (p *process, lead, portal string) {
	p = startServe(t, append([]string{"--data-dir", dir, "--log-level", "error"}, args...)...)
	lead, portal = p.furnish(p.bootstrapToken(dir))
	return p, lead, portal
}

func TestTheStoreKilledIsBackByItself(t *testing.T) {
	p, lead, portal := servedWithLead(t, t.TempDir())
	stop := watchEvaluations(p, portal)
	for range 3 {
		before := p.store()
		p.signalStore(syscall.SIGKILL)
		key := newKey(t)
		began := time.Now()
		p.eventually(15*time.Second, "writable again", func() bool {
			r := p.answer(lead, key, "enable")
			if r.took > 3*time.Second {
				t.Errorf("a write was answered after %s", r.took)
			}
			return r.status == 200
		})
		if p.store() == before {
			t.Error("the store was not killed")
		}
		t.Logf("writable %s after the kill", time.Since(began).Round(time.Millisecond))
	}
	if n := stop(); n < 100 {
		t.Errorf("only %d evaluations", n)
	}
}

// Frozen, the store gives no error: writes must still be answered within 3 s,
// saying truthfully whether they may have been applied.
func TestTheStoreFrozen(t *testing.T) {
	p, lead, portal := servedWithLead(t, t.TempDir())
	stop := watchEvaluations(p, portal)
	defer stop()
	unknown := map[string]string{} // key → status URL
	var mu sync.Mutex
	for round := 0; round < 8 && len(unknown) == 0; round++ {
		halt := make(chan struct{})
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for {
					select {
					case <-halt:
						return
					default:
					}
					key := newKey(t)
					r := p.answer(lead, key, "enable")
					if r.took > 3*time.Second {
						t.Errorf("answered after %s with %d", r.took, r.status)
					}
					switch {
					case r.status == 200 || r.status == 409 && r.code() == "conflict":
					case r.status == 503 && r.code() == "store_unavailable":
					case r.status == 202 && r.code() == "outcome_unknown":
						mu.Lock()
						unknown[key], _ = r.body["outcome"].(string)
						mu.Unlock()
					default:
						t.Errorf("answered %d %s", r.status, r.raw)
					}
				}
			})
		}
		time.Sleep(150 * time.Millisecond)
		p.signalStore(syscall.SIGSTOP)
		time.Sleep(100 * time.Millisecond)
		close(halt)
		wg.Wait()
		if r := p.answer(lead, newKey(t), "enable"); r.status != 503 || r.code() != "store_unavailable" || r.took > 3*time.Second {
			t.Errorf("a write to a frozen store: %d %s after %s", r.status, r.code(), r.took)
		}
		p.eventually(6*time.Second, "stale", func() bool { return p.evaluate(portal).body["reason"] == "STALE" })
		p.signalStore(syscall.SIGCONT)
		p.eventually(5*time.Second, "fresh again", func() bool {
			return p.get("/readyz").body["fresh"] == true && p.answer(lead, newKey(t), "enable").status == 200
		})
	}
	if len(unknown) == 0 {
		t.Fatal("no write was caught between sending and answer; the unknown outcome was not tested")
	}
	for key, url := range unknown {
		before := p.must(p.send("GET", url, lead, "", nil)).body
		again := p.must(p.answer(lead, key, "enable"))
		after := p.must(p.send("GET", url, lead, "", nil)).body
		if before["applied"] == true && (after["revision"] != before["revision"] || revisionOf(again) != int64(before["revision"].(float64))) {
			t.Errorf("the change %s was applied twice: %v, then %v", key, before, after)
		}
		if after["applied"] != true && again.body["receipt"].(map[string]any)["unchanged"] != true {
			t.Errorf("the change %s is not settled: %v", key, after)
		}
	}
	t.Logf("%d writes with an unknown outcome, all settled", len(unknown))
}

func TestTheDiskFull(t *testing.T) {
	dir := smallDisk(t, 400)
	p, lead, portal := servedWithLead(t, filepath.Join(dir, "data"))
	stop := watchEvaluations(p, portal)
	defer stop()
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	// The log is preallocated, so the store notices when a segment is full: keep
	// writing large reasons until it cannot.
	refused := false
	for i := 0; i < 400 && !refused; i++ {
		r := p.bulky(lead, i)
		if r.took > 3*time.Second {
			t.Errorf("answered after %s with %d", r.took, r.status)
		}
		refused = r.status != 200
		if refused && r.status != 503 && r.status != 202 && r.status != 507 {
			t.Errorf("a write on a full disk: %d %s", r.status, r.raw)
		}
	}
	if !refused {
		t.Fatal("the disk never became full")
	}
	if r := p.evaluate(portal); r.status != 200 || r.body["value"] != true {
		t.Errorf("evaluation on a full disk: %d %s", r.status, r.raw)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p.eventually(20*time.Second, "writable again", func() bool { return p.answer(lead, newKey(t), "enable").status == 200 })
}

// bulky writes about 900 kB into the store's log: a region's facility with many
// systems under a long name is the largest record a lead may write.
func (p *process) bulky(lead string, i int) reply {
	systems := make([]string, 100)
	for j := range systems {
		systems[j] = fmt.Sprintf("s%02d_%s", j, strings.Repeat("x", 58))
	}
	var wg sync.WaitGroup
	replies := make([]reply, 32)
	for j := range replies {
		wg.Go(func() {
			name := fmt.Sprintf("co-%d-%d", i, j)
			replies[j] = p.send("PUT", "/api/v1/regions/co/facilities/"+name, lead, "", map[string]any{"value": map[string]any{
				"key": name, "region": "co", "name": name, "kind": "clinic", "jurisdiction": "US-CO", "systems": systems}})
		})
	}
	wg.Wait()
	worst := replies[0]
	for _, r := range replies {
		if r.status != 200 {
			worst = r
		}
	}
	return worst
}

// smallDisk mounts a file system of so many megabytes, or says why it cannot.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", megabytes), "tmpfs", dir).CombinedOutput()
	if err != nil {
		if os.Getenv("CI") == "true" && os.Getuid() == 0 {
			t.Fatalf("mounting a small disk: %v: %s", err, out)
		}
		t.Skipf("a full disk needs a file system of its own, and mounting one needs root: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("unmounting: %v: %s", err, out)
		}
	})
	return dir
}

func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for {
		if _, err := f.Write(block); err != nil {
			return // full
		}
	}
}

// Two servers, each a process of its own, on one etcd that is neither's child.
func TestTwoReplicasSeeEachOthersWrites(t *testing.T) {
	file, err := program()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	etcd, err := embedded.Start(ctx, embedded.Config{Dir: t.TempDir(), SmallWAL: true, Logger: slog.New(slog.DiscardHandler),
		Command: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := etcd.Close(); err != nil {
			t.Error(err)
		}
	})
	dirA := t.TempDir()
	a := startServe(t, "--data-dir", dirA, "--etcd-endpoints", etcd.Endpoint())
	b := startServe(t, "--data-dir", t.TempDir(), "--etcd-endpoints", etcd.Endpoint())
	lead, portal := a.furnish(a.bootstrapToken(dirA))
	for i := range 20 {
		writer, reader, want := a, b, i%2 == 0
		if i%4 >= 2 {
			writer, reader = b, a
		}
		answer := "later"
		if want {
			answer = "enable"
		}
		r := writer.answer(lead, newKey(t), answer)
		if r.status != 200 {
			t.Fatalf("write %d: %d %s", i, r.status, r.raw)
		}
		began := time.Now()
		reader.eventually(time.Second, fmt.Sprintf("value %v at the other replica", want), func() bool {
			return reader.evaluate(portal).body["value"] == want
		})
		if i == 0 {
			t.Logf("seen at the other replica after %s", time.Since(began).Round(time.Millisecond))
		}
	}
}
