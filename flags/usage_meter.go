package flags

import (
	"sync/atomic"

	"github.com/quorate/quorate/flags/eval"
)

// A Meter counts what is served of one flag in one region, for a protocol that
// keeps nothing else of its answers. It takes no lock for what it has counted
// before. It is safe for concurrent use.
type Meter struct {
	usage *Usage
	use   Use                       // without variant and reason
	known atomic.Pointer[[]metered] // replaced, never changed
}

type metered struct {
	variant string
	reason  eval.Reason
	n       *atomic.Uint64
}

// maxMetered bounds what a Meter keeps: a flag has fewer variants and reasons.
const maxMetered = 64

// Meter makes the meter of a flag of a region. A nil Usage makes one that counts
// nothing.
func (u *Usage) Meter(region string, f *eval.Flag) *Meter {
	capability, setting := capabilityOf(f)
	return &Meter{usage: u, use: Use{Region: region, Capability: capability, Setting: setting}}
}

// Count counts one evaluation.
func (m *Meter) Count(variant string, reason eval.Reason) {
	if m.usage == nil {
		return
	}
	if known := m.known.Load(); known != nil {
		for _, k := range *known {
			if k.variant == variant && k.reason == reason {
				k.n.Add(1)
				return
			}
		}
	}
	m.first(variant, reason).Add(1)
}

// first fetches a counter. Two that meet here may lose one from the list, which
// is fetched again the next time.
func (m *Meter) first(variant string, reason eval.Reason) *atomic.Uint64 {
	use := m.use
	use.Variant, use.Reason = variant, reason
	n := m.usage.Counter(use)
	next := []metered{{variant, reason, n}}
	if known := m.known.Load(); known != nil && len(*known) < maxMetered {
		next = append(append(make([]metered, 0, len(*known)+1), *known...), next...)
	}
	m.known.Store(&next)
	return n
}

// capabilityOf is the capability that a flag belongs to, which its metadata
// tells, and the setting if it is one.
func capabilityOf(f *eval.Flag) (capability, setting string) {
	key := f.Key()
	if c, ok := f.Metadata()["capability"].(string); ok && len(c) < len(key) && key[:len(c)] == c {
		return c, key[len(c)+1:]
	}
	return key, ""
}
