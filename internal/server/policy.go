package server

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/policy"
	"github.com/quorate/quorate/policy/sandbox"
)

// newReplica makes the replica: under regulation, but for tests that have none.
func (s *Server) newReplica() *flags.Replica {
	if s.cfg.Unregulated {
		s.follower.Subscribe(func(b kv.Batch) { s.records.Apply(b) }, s.records.Prefixes()...)
		return flags.NewReplica(s.follower, s.cfg.Now, s.cfg.Log, s.registry)
	}
	return flags.NewReplicaUnder(s.follower, s.records, s.cfg.Now, s.cfg.Log, s.registry)
}

// decider says what policy makes of a change. The gate is made before the replica by
// which it decides.
type decider struct{ s *Server }

func (d decider) Decide(ctx context.Context, tx *kv.Tx, c gate.Change) (gate.Decision, error) {
	return policy.NewChangeDecider(d.s.pack, flags.ChangeFacts, d.law(c)...).Decide(ctx, tx, c)
}

// law is what the law has to say of a change, besides the group's own rules: of
// what is to be active, and of what would turn something on.
func (d decider) law(c gate.Change) []gate.Decider {
	if d.s.cfg.Unregulated {
		return nil
	}
	law := []gate.Decider{policy.LawSignOff{}}
	if slices.ContainsFunc(c.Edits, func(e kv.Edit) bool { return strings.HasPrefix(e.Path, "enablements/") }) {
		law = append(law, flags.NewPermits(d.s.Replica))
	}
	return law
}

// Gate is the way of every change, for the demo's second signature.
func (s *Server) Gate() *gate.Gate { return s.gate }

// buildPolicy makes the verbs of policy, once the replica is there.
func (s *Server) buildPolicy() {
	s.Policy = policy.NewService(s.gate, s.store, s.records, regulated{s}, s.checkBundle, s.cfg.Now)
	s.gate.Verbs(s.Flags.Verbs())
	s.gate.Verbs(s.Policy.Verbs())
}

// checkBundle has a bundle looked at in a process of its own.
func (s *Server) checkBundle(ctx context.Context, archive, law []byte) (policy.Report, error) {
	return sandbox.Check(ctx, sandbox.Request{Archive: archive, Law: law, Keys: s.trusted()})
}

// trusted are the keys by which bundles are signed.
func (s *Server) trusted() policy.TrustedKeys {
	if keys := s.trustedKeys.Load(); keys != nil {
		return *keys
	}
	return s.cfg.PolicyKeys
}

// Trust takes bundles signed by these keys from now on, besides those of the
// configuration. It is for the demo, which makes a key of its own.
func (s *Server) Trust(keys policy.TrustedKeys) {
	all := policy.TrustedKeys{}
	for _, some := range []policy.TrustedKeys{s.cfg.PolicyKeys, keys} {
		for id, key := range some {
			all[id] = key
		}
	}
	s.trustedKeys.Store(&all)
}

// trustedKeys can be added to while the server runs.
type trustedKeys = atomic.Pointer[policy.TrustedKeys]

// regulated is what there is to regulate, as flags holds it.
type regulated struct{ s *Server }

func (r regulated) snapshot() *flags.Snapshot { return r.s.Replica.Snapshot() }

func (r regulated) HasRegion(region string) bool { return r.s.hasRegion(region) }

func (r regulated) HasCapability(capability string) bool {
	snapshot := r.snapshot()
	if snapshot == nil {
		return false
	}
	_, _, err := snapshot.Capability(capability)
	return err == nil
}

func (r regulated) Live() ([]policy.Question, int64) {
	snapshot := r.snapshot()
	if snapshot == nil {
		return nil, 0
	}
	return snapshot.Questions(), snapshot.Revision
}

// Share adds up what each service sent to this replica within the last hours.
func (r regulated) Share(region, capability, fact string) (float64, bool) {
	var requests, present uint64
	for _, service := range r.s.usage.FactShare(region, capability) {
		n, declared := service.Present[fact]
		if !declared {
			continue
		}
		requests += service.Requests
		present += n
	}
	if requests == 0 {
		return 0, false
	}
	return float64(present) / float64(requests), true
}
