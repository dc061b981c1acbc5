package gate_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// What waits is carried out in the name of its author, who may have been locked out,
// or have lost the role, since it was proposed.
func TestWhoMayNoMoreHasNothingCarriedOut(t *testing.T) {
	ctx := context.Background()
	for name, gone := range map[string]func(identity.Principal) (identity.Principal, error){
		"locked out": func(p identity.Principal) (identity.Principal, error) {
			return p, fault.New(fault.Unauthenticated, "person_disabled", "locked out")
		},
		"another role": func(p identity.Principal) (identity.Principal, error) { p.Grants = safety.Grants; return p, nil },
		"another region": func(p identity.Principal) (identity.Principal, error) {
			p.Grants = person("", identity.RegionalLead, "hi").Grants
			return p, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			var left atomic.Bool
			k := newDesk(t, gate.Decision{By: "t"})
			k.AskStanding(func(p identity.Principal, _ time.Time) (identity.Principal, error) {
				if left.Load() {
					return gone(p)
				}
				return p, nil
			})
			r, err := k.turn(ctx, gate.Origin{Actor: coLead, Reason: "later", ApplyAt: k.now().Add(time.Hour)}, true)
			if err != nil || r.Pending == nil {
				t.Fatal(r, err)
			}
			scheduled := r.Pending.Change
			k.pass(2 * time.Hour)
			left.Store(true)
			k.want("", k.Tend(ctx))
			if v := k.look(scheduled); k.on() || !strings.Contains(v.Held, "may no longer make it") {
				t.Errorf("scheduled: on %v, held %q", k.on(), v.Held)
			}
			left.Store(false) // let in again, or given the role back
			k.want("", k.Tend(ctx))
			if !k.on() {
				t.Error("its author may again, and it was not carried out")
			}
		})
	}
	k := newDesk(t, twoSign())
	var left atomic.Bool
	k.AskStanding(func(p identity.Principal, _ time.Time) (identity.Principal, error) {
		if left.Load() {
			p.Grants = nil
		}
		return p, nil
	})
	id := k.propose()
	k.want("", k.sign(safety, id))
	left.Store(true)
	k.want("author_may_not", k.sign(compliance, id))
	if k.on() {
		t.Error("signed into force for somebody who may no longer make it")
	}
	_, err := k.Decline(ctx, gate.Origin{Actor: compliance, Reason: "nobody's any more"}, id)
	k.want("", err)
}
