package gate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"pgregory.net/rapid"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// modelChange is what a change that waits is to a small model of the gate: which
// edition, whose sign-offs count, and whether it is open.
type modelChange struct {
	open    bool
	signed  map[string]bool
	basedOn int // how often the world had moved
	rules   int // under which rules each counts
}

// Random sequences of everything that can be done, against a model that knows only
// this: a change takes effect when clinical safety and compliance, neither of them
// its author, have signed this edition, on this base, under these rules; nothing
// else ever turns anything on.
func TestRandomSequencesNeverPassTheGateUnsigned(t *testing.T) {
	etcd := kvtest.Etcd(t)
	store := kvtest.Open(t, etcd, kv.Config{})
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := etcd.Delete(t.Context(), kv.Root, clientv3.WithPrefix()); err != nil { // each case begins with nothing
			rt.Fatal(err)
		}
		k := deskOn(t, store, &law{d: twoSign()})
		ctx := context.Background()
		changes, ids := map[string]*modelChange{}, []string{}
		on, moves, rules := false, 0, 0
		pick := func() (string, *modelChange) {
			if len(ids) == 0 {
				rt.Skip("no change waits yet")
			}
			id := rapid.SampledFrom(ids).Draw(rt, "change")
			return id, changes[id]
		}
		sign := func(who identity.Principal, name string) {
			id, m := pick()
			if m.rules != rules { // what was signed under other rules counts no more
				m.signed, m.rules = map[string]bool{}, rules
			}
			err := k.sign(who, id)
			if can := m.open && m.basedOn == moves; (err == nil) != can {
				rt.Fatalf("%s signs %s: %v, the model says %v", name, id, err, can)
			}
			if err != nil {
				return
			}
			if m.signed[name] = true; m.signed["safety"] && m.signed["compliance"] {
				m.open, on = false, true
				moves++ // the record that all of them write has moved
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"propose": func(rt *rapid.T) {
				r, err := k.turn(ctx, gate.Origin{Actor: coLead, Reason: "ready"}, true)
				switch {
				case err != nil:
					rt.Fatal(err)
				case on != r.Unchanged:
					rt.Fatalf("on %v, %+v", on, r)
				case !on:
					ids = append(ids, r.Pending.Change)
					changes[r.Pending.Change] = &modelChange{open: true, signed: map[string]bool{}, basedOn: moves, rules: rules}
				}
			},
			"safety signs":     func(*rapid.T) { sign(safety, "safety") },
			"compliance signs": func(*rapid.T) { sign(compliance, "compliance") },
			"the author signs": func(rt *rapid.T) {
				id, _ := pick()
				if err := k.sign(coLead, id); err == nil {
					rt.Fatal("the author signed their own")
				}
			},
			"edit": func(rt *rapid.T) {
				id, m := pick()
				_, err := k.Edit(ctx, gate.Origin{Actor: coLead}, id, json.RawMessage(`{"on":true}`))
				if can := m.open && !on; (err == nil) != can {
					rt.Fatalf("edit: %v, the model says %v", err, can)
				} else if can {
					m.signed, m.basedOn, m.rules = map[string]bool{}, moves, rules
				}
			},
			"rebase by another": func(rt *rapid.T) {
				id, _ := pick()
				if _, err := k.Rebase(ctx, gate.Origin{Actor: safety}, id); err == nil {
					rt.Fatal("another rebased it")
				}
			},
			"decline": func(rt *rapid.T) {
				id, m := pick()
				_, err := k.Decline(ctx, gate.Origin{Actor: compliance, Reason: "no"}, id)
				if (err == nil) != m.open {
					rt.Fatalf("decline: %v, the model says %v", err, m.open)
				}
				m.open = false
			},
			"the world moves": func(*rapid.T) { k.move(); moves++ },
			"other rules": func(*rapid.T) {
				rules++
				d := twoSign()
				d.Warn = []gate.Finding{{Rule: fmt.Sprint("RULE-", rules), Message: "new"}}
				k.law.set(d)
			},
			"the same rules again": func(*rapid.T) {
				k.law.mu.Lock()
				defer k.law.mu.Unlock()
				k.law.d.By += "'"
			},
			"turn off": func(rt *rapid.T) {
				if _, err := k.Submit(ctx, change(safety, identity.TurnOff, "co"), func(tx *kv.Tx, _ gate.Change) error {
					rec, err := kv.Get(tx, switches.Key("co", "video_visit"))
					if err != nil || !rec.Value.On {
						return err
					}
					return turn(false)(tx, gate.Change{})
				}); err != nil {
					rt.Fatal(err)
				}
				if on {
					on = false
					moves++
				}
			},
			"time passes": func(rt *rapid.T) {
				k.pass(time.Minute)
				if err := k.Tend(ctx); err != nil {
					rt.Fatal(err)
				}
			},
			"": func(rt *rapid.T) {
				if k.on() != on {
					rt.Fatalf("it is on: %v, the model says %v", k.on(), on)
				}
			},
		})
	})
}
