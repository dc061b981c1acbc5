package flags

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// PairPath names a capability in a region; see RegionPath.
type PairPath struct {
	RegionPath
	CapabilityPath
}

func (p PairPath) target() identity.Target {
	return identity.Target{Kind: "enablement", Region: p.Region, ID: p.Capability}
}

// Standing is how a capability stands in a region: the region's answer, what is
// served, and why in one line.
type Standing struct {
	Region     string      `json:"region"`
	Capability string      `json:"capability"`
	On         bool        `json:"on"`
	Cause      Cause       `json:"cause"`
	Line       string      `json:"line"`
	Revision   int64       `json:"revision" doc:"Revision of the enablement, to send back as if_revision; 0 if the region has not answered."`
	Enablement *Enablement `json:"enablement,omitempty"`
	How        *How        `json:"how,omitempty" doc:"The effective configuration of an enablement: what the region says over the baseline that holds in it."`
	Cell       BoardCell   `json:"cell"`
}

// Standing tells how a capability stands in a region at a time.
func (s *Snapshot) Standing(region, capability string, at time.Time) (Standing, error) {
	st, err := s.State(region, capability, at)
	if err != nil {
		return Standing{}, err
	}
	out := Standing{Region: region, Capability: capability, On: st.Cause == On, Cause: st.Cause,
		Line: firstLine(st, s.unmet(st, at)), Revision: st.Enablement.Revision, Cell: cellOf(st)}
	if st.Enablement.Exists() {
		out.Enablement = &st.Enablement.Value
	}
	if st.Enablement.Value.Answer == Enable {
		out.How = &st.How
	}
	return out, nil
}

// standing is the output of a change to an enablement: where the capability
// stands after it, as this replica shows it. One that does not show the change
// yet says that it is done, and no more: an old state would look like the answer.
func (s *Service) standing(p PairPath, receipt gate.Receipt, err error) (*api.Written[Standing], error) {
	if err != nil {
		return nil, err
	}
	done := Standing{Region: p.Region, Capability: p.Capability, Line: "Done; this replica shows it in a moment.", Revision: receipt.Revision}
	snap := s.replica.Snapshot()
	if snap == nil || snap.Revision < receipt.Revision {
		return api.Wrote(done, receipt, nil)
	}
	standing, err := snap.Standing(p.Region, p.Capability, s.now())
	if err != nil {
		standing = done
	}
	return api.Wrote(standing, receipt, nil)
}

func (s *Service) enablementRoutes(a huma.API) {
	huma.Register(a, op("list-enablements", http.MethodGet, "/regions/{region}/enablements", "enablements", "How every capability stands in a region"),
		func(ctx context.Context, in *struct {
			Reading
			RegionPath
		}) (*api.Out[api.List[Standing]], error) {
			snap, err := s.snapshot(ctx, in.Reading, identity.Target{Kind: "enablement", Region: in.Region})
			if err != nil {
				return nil, err
			}
			return api.Listed(snap.Standings(in.Region, s.now()))
		})
	huma.Register(a, op("show-enablement", http.MethodGet, "/regions/{region}/enablements/{capability}", "enablements", "How a capability stands in a region"),
		func(ctx context.Context, in *struct {
			Reading
			PairPath
		}) (*api.Out[Standing], error) {
			snap, err := s.snapshot(ctx, in.Reading, in.target())
			if err != nil {
				return nil, err
			}
			return api.Read(snap.Standing(in.Region, in.Capability, s.now()))
		})
	huma.Register(a, op("answer-offer", http.MethodPut, "/regions/{region}/enablements/{capability}", "enablements", "Answer an offer: enable, later or decline"),
		func(ctx context.Context, in *struct {
			api.Keyed
			PairPath
			Body struct {
				Changing
				Answer   Answer `json:"answer" enum:"enable,later,decline"`
				Until    string `json:"until,omitempty" maxLength:"32" doc:"For later: YYYY-MM-DD by which the region answers again."`
				Review   string `json:"review,omitempty" maxLength:"32" doc:"For decline: YYYY-MM-DD on which the region looks again."`
				How      *How   `json:"how,omitempty" doc:"For enable: how it is on. It replaces what the region said before; left out, that stays."`
				Baseline Stance `json:"baseline,omitempty" enum:"follow,accept,none" doc:"For enable: how the region takes the group's baseline. Left out, that stays."`
			}
		}) (*api.Written[Standing], error) {
			reply := Reply{Answer: in.Body.Answer, Until: in.Body.Until, Review: in.Body.Review, How: in.Body.How, Baseline: in.Body.Baseline}
			receipt, err := s.AnswerOffer(ctx, in.Body.origin(ctx, in.Keyed), in.Region, in.Capability, reply)
			return s.standing(in.PairPath, receipt, err)
		})
	huma.Register(a, op("turn-off", http.MethodPost, "/regions/{region}/enablements/{capability}/off", "enablements", "Turn a capability off at once, for safety"),
		func(ctx context.Context, in *struct {
			api.Keyed
			PairPath
			Body Changing
		}) (*api.Written[Standing], error) {
			receipt, err := s.TurnOff(ctx, in.Body.origin(ctx, in.Keyed), in.Region, in.Capability)
			return s.standing(in.PairPath, receipt, err)
		})
	huma.Register(a, op("show-board", http.MethodGet, "/board", "enablements", "Every capability in every region"),
		func(ctx context.Context, in *Reading) (*api.Out[Board], error) {
			snap, err := s.snapshot(ctx, *in, identity.Target{Kind: "board"})
			if err != nil {
				return nil, err
			}
			return api.Read(snap.Board(s.now()), nil)
		})
	huma.Register(a, api.Confidential(op("explain", http.MethodPost, "/regions/{region}/explain/{capability}", "enablements", "Why a capability is on or off, for an evaluation context")),
		func(ctx context.Context, in *struct {
			Reading
			PairPath
			Body struct {
				Context map[string]any `json:"context,omitempty" doc:"A made-up evaluation context; it is not stored."`
			}
		}) (*api.Out[Explanation], error) {
			snap, err := s.snapshot(ctx, in.Reading, in.target())
			if err != nil {
				return nil, err
			}
			e, err := snap.Explain(in.Region, in.Capability, in.Body.Context, s.now())
			if err != nil {
				return nil, err
			}
			return api.Read(s.trace(ctx, snap, e))
		})
}

// Standings lists how every capability stands in a region, ordered by key.
func (s *Snapshot) Standings(region string, at time.Time) ([]Standing, error) {
	if !s.HasRegion(region) {
		return nil, unknownRegion(region)
	}
	var list []Standing
	for _, c := range s.Capabilities() {
		standing, err := s.Standing(region, c.Value.Key, at)
		if err != nil {
			return nil, fault.From(err)
		}
		list = append(list, standing)
	}
	return list, nil
}
