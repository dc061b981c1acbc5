package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/client"
)

// Killed again and again while it records: whatever was acknowledged is in the
// record once, and every record continues the one before.
func TestTheRecordOfAServerThatIsKilled(t *testing.T) {
	dir := t.TempDir()
	p := startServe(t, "--data-dir", dir)
	token := p.bootstrapToken(dir)
	p.furnish(token)
	var acknowledged []string
	var earlier []byte
	for round := range 3 {
		acknowledged = append(acknowledged, p.killedWhileWriting(token, round, time.Duration(300+rand.IntN(700))*time.Millisecond)...)
		p.start()
		var file []byte
		p.eventually(20*time.Second, "in a checkpoint with all that was acknowledged", func() bool {
			file = p.exported(token)
			for _, key := range acknowledged {
				if n := bytes.Count(file, []byte(`{"id":"`+key+`","at"`)); n > 1 {
					t.Fatalf("the change %s is in the record %d times", key, n)
				} else if n == 0 {
					return false
				}
			}
			return true
		})
		if _, err := audit.Verify(bytes.NewReader(file), audit.Trust{Earlier: earlier}); err != nil {
			t.Fatalf("after kill %d: %v", round+1, err)
		}
		earlier = p.checkpoint(token)
	}
	if len(acknowledged) < 30 {
		t.Errorf("only %d changes were acknowledged between the kills", len(acknowledged))
	}
}

// killedWhileWriting has four writers at work, kills server and store under
// them, and returns the keys of the changes that were acknowledged.
func (p *process) killedWhileWriting(token string, round int, after time.Duration) (acknowledged []string) {
	var mu sync.Mutex
	var writers sync.WaitGroup
	stop := make(chan struct{})
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				key, id := newKey(p.t), fmt.Sprintf("co-%d-%d-%d", round, w, i)
				r := p.send("PUT", "/api/v1/regions/co/facilities/"+id, token, key, map[string]any{"value": map[string]any{
					"key": id, "region": "co", "name": "Clinic", "kind": "clinic", "jurisdiction": "US-CO", "systems": []string{}}})
				if r.status != 200 {
					continue
				}
				mu.Lock()
				acknowledged = append(acknowledged, key)
				mu.Unlock()
			}
		})
	}
	time.Sleep(after)
	p.kill(true)
	close(stop)
	writers.Wait()
	return acknowledged
}

func (p *process) source(token string) audit.Source {
	c, err := client.New(p.url, token)
	if err != nil {
		p.t.Fatal(err)
	}
	return c.RecordLog()
}

// exported is the record of now; nil if it cannot be had yet.
func (p *process) exported(token string) []byte {
	var file bytes.Buffer
	if _, err := audit.Export(context.Background(), &file, p.source(token)); err != nil {
		return nil
	}
	return file.Bytes()
}

func (p *process) checkpoint(token string) []byte {
	c, _, err := p.source(token).Checkpoint(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	return c.Note
}
