package flags

import (
	"context"
	"time"
)

// A Step is one on the way from an offer back to what it comes of: its motion, the
// ballots, the business case, the need.
type Step struct {
	Name   string    `json:"name"` // motion, ballots, case, adopted, portfolio, need
	ID     string    `json:"id"`
	Says   string    `json:"says"`
	By     string    `json:"by,omitempty"` // by role
	At     time.Time `json:"at,omitzero"`
	Reason string    `json:"reason,omitempty"`
	Change string    `json:"change,omitempty"` // its leaf in the record
}

// A Tracer walks from an offer back to what it comes of. This slice knows of that
// only the id of a motion.
type Tracer interface {
	Trace(ctx context.Context, offer Offer) ([]Step, error)
}

// TraceWith has explanations go on beyond the offer. It MUST be called before the
// service is used.
func (s *Service) TraceWith(t Tracer) { s.tracer = t }

// trace adds to an explanation what stands behind the offer.
func (s *Service) trace(ctx context.Context, snap *Snapshot, e Explanation) (Explanation, error) {
	if s.tracer == nil {
		return e, nil
	}
	for _, o := range snap.Offers() {
		if o.Value.Capability == e.Capability && o.Value.Live() {
			var err error
			e.Behind, err = s.tracer.Trace(ctx, o.Value)
			return e, err
		}
	}
	return e, nil
}
