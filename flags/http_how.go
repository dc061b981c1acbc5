package flags

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// FreezePath names a freeze of a region; see RegionPath.
type FreezePath struct {
	RegionPath
	Freeze string `path:"freeze" maxLength:"64" doc:"Freeze, e.g. year_end."`
}

// baselineRoutes are how the group would have each capability on.
func (s *Service) baselineRoutes(a huma.API) {
	huma.Register(a, op("list-baselines", http.MethodGet, "/baselines", "baselines", "List the group's baselines"),
		func(ctx context.Context, in *Reading) (*api.Out[api.List[api.Stored[Baseline]]], error) {
			snap, err := s.snapshot(ctx, *in, identity.Target{Kind: "baseline"})
			if err != nil {
				return nil, err
			}
			return api.Listed(api.StoredAll(snap.Baselines()), nil)
		})
	huma.Register(a, op("show-baseline", http.MethodGet, "/baselines/{capability}", "baselines", "Show the group's baseline of a capability"),
		func(ctx context.Context, in *struct {
			Reading
			CapabilityPath
		}) (*api.Out[api.Stored[Baseline]], error) {
			snap, err := s.snapshot(ctx, in.Reading, identity.Target{Kind: "baseline", ID: in.Capability})
			if err != nil {
				return nil, err
			}
			rec, err := snap.Baseline(in.Capability)
			return api.Read(api.StoredOf(rec), err)
		})
	huma.Register(a, op("set-baseline", http.MethodPut, "/baselines/{capability}", "baselines", "Say how the group would have a capability on"),
		func(ctx context.Context, in *struct {
			api.Keyed
			CapabilityPath
			Body struct {
				Changing
				How How `json:"how"`
			}
		}) (*api.Written[How], error) {
			receipt, err := s.SetBaseline(ctx, in.Body.origin(ctx, in.Keyed), in.Capability, in.Body.How)
			return api.Wrote(in.Body.How, receipt, err)
		})
	huma.Register(a, op("accept-baseline", http.MethodPost, "/regions/{region}/enablements/{capability}/baseline", "baselines", "Take over the group's baseline as it is now"),
		func(ctx context.Context, in *struct {
			api.Keyed
			PairPath
			Body Changing
		}) (*api.Written[Standing], error) {
			receipt, err := s.AcceptBaseline(ctx, in.Body.origin(ctx, in.Keyed), in.Region, in.Capability)
			return s.standing(in.PairPath, receipt, err)
		})
	huma.Register(a, op("show-drift", http.MethodGet, "/drift", "baselines", "Every difference from the group's baselines, and why"),
		func(ctx context.Context, in *struct {
			Reading
			Region string `query:"region" maxLength:"64" doc:"Of this region alone."`
		}) (*api.Out[Drift], error) {
			snap, err := s.snapshot(ctx, in.Reading, identity.Target{Kind: "drift", Region: in.Region})
			if err != nil {
				return nil, err
			}
			return api.Read(snap.Drift(in.Region, s.now()))
		})
}

// freezeRoutes are the times in which a region turns nothing on.
func (s *Service) freezeRoutes(a huma.API) {
	huma.Register(a, op("list-freezes", http.MethodGet, "/regions/{region}/freezes", "freezes", "List a region's freezes, those that are over included"),
		func(ctx context.Context, in *struct {
			Reading
			RegionPath
		}) (*api.Out[api.List[api.Stored[Freeze]]], error) {
			snap, err := s.snapshot(ctx, in.Reading, identity.Target{Kind: "freeze", Region: in.Region})
			if err != nil {
				return nil, err
			}
			list, err := snap.Freezes(in.Region)
			return api.Listed(api.StoredAll(list), err)
		})
	huma.Register(a, op("set-freeze", http.MethodPut, "/regions/{region}/freezes/{freeze}", "freezes", "Add or change a time in which a region turns nothing on"),
		func(ctx context.Context, in *struct {
			api.Keyed
			FreezePath
			Body struct {
				Changing
				From string `json:"from,omitempty" maxLength:"32" doc:"Local date and time, 2027-12-15T00:00; left out: from now on."`
				To   string `json:"to" maxLength:"32" doc:"Local date and time, not included."`
			}
		}) (*api.Written[Freeze], error) {
			f := Freeze{ID: in.Freeze, Region: in.Region, From: in.Body.From, To: in.Body.To}
			receipt, err := s.SetFreeze(ctx, in.Body.origin(ctx, in.Keyed), f)
			return s.freeze(in.FreezePath, receipt, err)
		})
	huma.Register(a, op("end-freeze", http.MethodPost, "/regions/{region}/freezes/{freeze}/end", "freezes", "End a freeze before its time"),
		func(ctx context.Context, in *struct {
			api.Keyed
			FreezePath
			Body Changing
		}) (*api.Written[Freeze], error) {
			receipt, err := s.EndFreeze(ctx, in.Body.origin(ctx, in.Keyed), in.Region, in.Freeze)
			return s.freeze(in.FreezePath, receipt, err)
		})
}

// freeze is the output of a change to a freeze: how it stands after it, as this
// replica shows it.
func (s *Service) freeze(p FreezePath, receipt gate.Receipt, err error) (*api.Written[Freeze], error) {
	if err != nil {
		return nil, err
	}
	snap, err := s.loaded()
	if err != nil {
		return nil, err
	}
	rec, err := snap.Freeze(p.Region, p.Freeze)
	return api.Wrote(rec.Value, receipt, err)
}
