package flags

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/flags/eval"
)

// maxUses bounds how many counters there are, and so the size of a scrape: far
// above eight regions with hundreds of capabilities, each off for some reason.
const maxUses = 20_000

// A Use is what is counted: which value was served where, and why. It says
// nothing of whom it was served to; evaluation contexts are never recorded.
type Use struct {
	Region, Capability string
	Setting            string // "" for the capability itself
	Variant            string // "" if the caller's own default was served
	Reason             eval.Reason
}

// Usage counts evaluations, and which declared facts come with them (Witness). It
// is safe for concurrent use: the lock is taken when a counter is fetched, never
// when it is counted with.
type Usage struct {
	mu       sync.Mutex
	counters map[Use]*atomic.Uint64
	taken    map[Use]uint64 // how much of each counter has been taken; guarded by mu
	facts    factCounts
}

// NewUsage counts from zero and publishes what it counts.
func NewUsage(reg prometheus.Registerer) *Usage {
	u := &Usage{counters: map[Use]*atomic.Uint64{}, taken: map[Use]uint64{}}
	if reg != nil {
		reg.MustRegister(u)
	}
	return u
}

// Counter is the counter of a use, the same one for as long as the process lives.
// Whoever evaluates keeps it beside the compiled flag and adds to it. Once there
// are too many, those that are new share one per region.
func (u *Usage) Counter(of Use) *atomic.Uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if c := u.counters[of]; c != nil {
		return c
	}
	if len(u.counters) >= maxUses {
		of = Use{Region: of.Region, Capability: "other"}
	}
	if u.counters[of] == nil {
		u.counters[of] = new(atomic.Uint64)
	}
	return u.counters[of]
}

// take hands over what was counted since it was called last.
func (u *Usage) take(each func(Use, uint64)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for use, c := range u.counters {
		if n := c.Load(); n > u.taken[use] {
			each(use, n-u.taken[use])
			u.taken[use] = n
		}
	}
}

var evaluationsDesc = prometheus.NewDesc("quorate_evaluations_total",
	"Evaluations served, by region, capability, setting (empty for the capability itself), variant and reason.",
	[]string{"region", "capability", "setting", "variant", "reason"}, nil)

// Describe tells the one metric that there is.
func (u *Usage) Describe(ch chan<- *prometheus.Desc) { ch <- evaluationsDesc }

// Collect publishes what was counted at least once.
func (u *Usage) Collect(ch chan<- prometheus.Metric) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for use, c := range u.counters {
		if n := c.Load(); n > 0 {
			ch <- prometheus.MustNewConstMetric(evaluationsDesc, prometheus.CounterValue, float64(n),
				use.Region, use.Capability, use.Setting, use.Variant, string(use.Reason))
		}
	}
}
