package flagd

import (
	"context"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/eval"
)

// counts is where the evaluations of a flag are counted, and which facts come.
type counts struct {
	uses  *flags.Meter
	facts *flags.Witness
}

// count counts one evaluation. Nothing of the context is kept.
func (h *Handler) count(ctx context.Context, s sight, f *served, facts eval.Context, r eval.Result) {
	if h.cfg.Usage == nil {
		return
	}
	h.meter(s, f).Count(r.Variant, s.reason(r))
	f.counts.Load().facts.Saw(nameOfCaller(ctx), facts)
}

// meter is where a flag's evaluations are counted.
func (h *Handler) meter(s sight, f *served) *flags.Meter {
	if c := f.counts.Load(); c != nil {
		return c.uses
	}
	c := &counts{uses: h.cfg.Usage.Meter(s.region, f.Flag), facts: h.cfg.Usage.WitnessOf(s.region, f.Flag)}
	f.counts.Store(c) // two that meet here count into the same
	return c.uses
}

// witnessAll counts the facts that came with a request for all flags.
func (h *Handler) witnessAll(ctx context.Context, s sight, facts eval.Context) {
	if h.cfg.Usage == nil {
		return
	}
	w := s.view.facts.Load()
	if w == nil {
		w = h.cfg.Usage.Witness(s.region, "")
		s.view.facts.Store(w)
	}
	w.Saw(nameOfCaller(ctx), facts)
}

// nameOfCaller is the service's name; that it may ask has been checked.
func nameOfCaller(ctx context.Context) string {
	who, err := callerFrom(ctx).who()
	if err != nil {
		return ""
	}
	return who.Name
}
