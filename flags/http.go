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

// Routes registers the slice's operations. Everything here is also what the
// command line can do; see cmd/quorate.
func Routes(a huma.API, s *Service) {
	s.regionRoutes(a)
	s.capabilityRoutes(a)
	s.offerRoutes(a)
	s.enablementRoutes(a)
	s.baselineRoutes(a)
	s.freezeRoutes(a)
}

// Reading is embedded in the input of every read.
type Reading struct {
	MinRevision int64 `query:"min_revision" minimum:"0" doc:"Answer only once this replica shows this revision of the store."`
}

// snapshot checks that the one who asks may read here, and gives the snapshot to
// read from.
func (s *Service) snapshot(ctx context.Context, in Reading, t identity.Target) (*Snapshot, error) {
	if err := identity.Can(api.PrincipalFrom(ctx), identity.ReadState, t); err != nil {
		return nil, err
	}
	if in.MinRevision > 0 {
		if err := s.replica.Wait(ctx, in.MinRevision); err != nil {
			return nil, err
		}
	}
	return s.loaded()
}

func (s *Service) loaded() (*Snapshot, error) {
	if snapshot := s.replica.Snapshot(); snapshot != nil {
		return snapshot, nil
	}
	return nil, fault.New(fault.NotReady, "not_ready", "this replica has not loaded the state yet").Do("try again in a moment")
}

// Changing is the part that every body of a change has that can wait.
type Changing struct {
	api.Changing
	// When and how fast. See gate.Change.
	ApplyAt        time.Time `json:"apply_at,omitzero" doc:"Take effect at this time and not before (RFC 3339); it is decided anew then."`
	EmergencyHours float64   `json:"emergency_hours,omitempty" minimum:"0" maximum:"72" doc:"Take effect ahead of the sign-offs, for so many hours: taken back by itself unless signed off until then. Needs a fresh sign-in."`
}

func (c Changing) origin(ctx context.Context, k api.Keyed) gate.Origin {
	o := c.Changing.Origin(ctx, k)
	o.ApplyAt, o.Emergency = c.ApplyAt, time.Duration(c.EmergencyHours*float64(time.Hour))
	return o
}

// setBody is the body of a change that replaces a record.
type setBody[T any] struct {
	Changing
	Value T `json:"value"`
}

// RegionPath is embedded in the input of the operations whose address names a
// region. It and its like are exported because huma reads only
// exported fields.
type RegionPath struct {
	Region string `path:"region" maxLength:"64" doc:"Region, e.g. co."`
}

// CapabilityPath names a capability; see RegionPath.
type CapabilityPath struct {
	Capability string `path:"capability" maxLength:"128" doc:"Capability, e.g. video_visit."`
}

func op(id, method, path, tag, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: api.Prefix + path, Tags: []string{tag}, Summary: summary}
}

func (s *Service) regionRoutes(a huma.API) {
	huma.Register(a, op("list-regions", http.MethodGet, "/regions", "regions", "List the regions"),
		func(ctx context.Context, in *Reading) (*api.Out[api.List[api.Stored[Region]]], error) {
			snap, err := s.snapshot(ctx, *in, identity.Target{Kind: "region"})
			if err != nil {
				return nil, err
			}
			return api.Listed(api.StoredAll(snap.Regions()), nil)
		})
	huma.Register(a, op("show-region", http.MethodGet, "/regions/{region}", "regions", "Show a region"),
		func(ctx context.Context, in *struct {
			Reading
			RegionPath
		}) (*api.Out[api.Stored[Region]], error) {
			snap, err := s.snapshot(ctx, in.Reading, identity.Target{Kind: "region", Region: in.Region})
			if err != nil {
				return nil, err
			}
			rec, err := snap.Region(in.Region)
			return api.Read(api.StoredOf(rec), err)
		})
	huma.Register(a, op("set-region", http.MethodPut, "/regions/{region}", "regions", "Found or change a region"),
		func(ctx context.Context, in *struct {
			api.Keyed
			RegionPath
			Body setBody[Region]
		}) (*api.Written[Region], error) {
			if err := named(in.Region, &in.Body.Value.Key); err != nil {
				return nil, err
			}
			receipt, err := s.SetRegion(ctx, in.Body.origin(ctx, in.Keyed), in.Body.Value)
			return api.Wrote(in.Body.Value, receipt, err)
		})
	s.facilityRoutes(a)
}

func (s *Service) facilityRoutes(a huma.API) {
	huma.Register(a, op("list-facilities", http.MethodGet, "/regions/{region}/facilities", "regions", "List a region's facilities"),
		func(ctx context.Context, in *struct {
			Reading
			RegionPath
		}) (*api.Out[api.List[api.Stored[Facility]]], error) {
			snap, err := s.snapshot(ctx, in.Reading, identity.Target{Kind: "facility", Region: in.Region})
			if err != nil {
				return nil, err
			}
			list, err := snap.Facilities(in.Region)
			return api.Listed(api.StoredAll(list), err)
		})
	huma.Register(a, op("show-facility", http.MethodGet, "/regions/{region}/facilities/{facility}", "regions", "Show a facility"),
		func(ctx context.Context, in *struct {
			Reading
			RegionPath
			Facility string `path:"facility" maxLength:"128"`
		}) (*api.Out[api.Stored[Facility]], error) {
			snap, err := s.snapshot(ctx, in.Reading, identity.Target{Kind: "facility", Region: in.Region, ID: in.Facility})
			if err != nil {
				return nil, err
			}
			rec, err := snap.Facility(in.Region, in.Facility)
			return api.Read(api.StoredOf(rec), err)
		})
	huma.Register(a, op("set-facility", http.MethodPut, "/regions/{region}/facilities/{facility}", "regions", "Add or change a facility"),
		func(ctx context.Context, in *struct {
			api.Keyed
			RegionPath
			Facility string `path:"facility" maxLength:"128"`
			Body     setBody[Facility]
		}) (*api.Written[Facility], error) {
			f := &in.Body.Value
			if err := named(in.Facility, &f.Key); err != nil {
				return nil, err
			}
			if err := named(in.Region, &f.Region); err != nil {
				return nil, err
			}
			receipt, err := s.SetFacility(ctx, in.Body.origin(ctx, in.Keyed), *f)
			return api.Wrote(*f, receipt, err)
		})
}

// named fills in the name of a record from its path, and refuses a body that
// names another one.
func named(path string, inBody *string) error {
	if *inBody == "" {
		*inBody = path
	}
	if *inBody != path {
		return fault.New(fault.Invalid, "name_mismatch", "the path names %.80q and the body %.80q", path, *inBody).
			Do("leave the name out of the body").At("/value/key")
	}
	return nil
}

func (s *Service) capabilityRoutes(a huma.API) {
	huma.Register(a, op("list-capabilities", http.MethodGet, "/capabilities", "capabilities", "List the capabilities"),
		func(ctx context.Context, in *Reading) (*api.Out[api.List[api.Stored[Capability]]], error) {
			snap, err := s.snapshot(ctx, *in, identity.Target{Kind: "capability"})
			if err != nil {
				return nil, err
			}
			return api.Listed(api.StoredAll(snap.Capabilities()), nil)
		})
	huma.Register(a, op("show-capability", http.MethodGet, "/capabilities/{capability}", "capabilities", "Show a capability"),
		func(ctx context.Context, in *struct {
			Reading
			CapabilityPath
		}) (*api.Out[api.Stored[Capability]], error) {
			snap, err := s.snapshot(ctx, in.Reading, identity.Target{Kind: "capability", ID: in.Capability})
			if err != nil {
				return nil, err
			}
			rec, _, err := snap.Capability(in.Capability)
			return api.Read(api.StoredOf(rec), err)
		})
	huma.Register(a, op("set-capability", http.MethodPut, "/capabilities/{capability}", "capabilities", "Add or change a capability"),
		func(ctx context.Context, in *struct {
			api.Keyed
			CapabilityPath
			Body setBody[Capability]
		}) (*api.Written[Capability], error) {
			if err := named(in.Capability, &in.Body.Value.Key); err != nil {
				return nil, err
			}
			receipt, err := s.SetCapability(ctx, in.Body.origin(ctx, in.Keyed), in.Body.Value)
			return api.Wrote(in.Body.Value, receipt, err)
		})
}

func (s *Service) offerRoutes(a huma.API) {
	huma.Register(a, op("list-offers", http.MethodGet, "/offers", "offers", "List the offers, withdrawn ones included"),
		func(ctx context.Context, in *Reading) (*api.Out[api.List[api.Stored[Offer]]], error) {
			snap, err := s.snapshot(ctx, *in, identity.Target{Kind: "offer"})
			if err != nil {
				return nil, err
			}
			return api.Listed(api.StoredAll(snap.Offers()), nil)
		})
	huma.Register(a, op("show-offer", http.MethodGet, "/offers/{capability}", "offers", "Show an offer"),
		func(ctx context.Context, in *struct {
			Reading
			CapabilityPath
		}) (*api.Out[api.Stored[Offer]], error) {
			snap, err := s.snapshot(ctx, in.Reading, identity.Target{Kind: "offer", ID: in.Capability})
			if err != nil {
				return nil, err
			}
			_, rec, err := snap.Capability(in.Capability)
			if err == nil && !rec.Exists() {
				err = fault.New(fault.NotFound, "never_offered", "%s was never offered", in.Capability).Do("see `quorate offer list`")
			}
			return api.Read(api.StoredOf(rec), err)
		})
	huma.Register(a, op("grant-offer", http.MethodPut, "/offers/{capability}", "offers", "Offer a capability to the regions"),
		func(ctx context.Context, in *struct {
			api.Keyed
			CapabilityPath
			Body struct {
				Changing
				Kind OfferKind `json:"kind" enum:"full,pilot,provisional" doc:"How much the offer gives."`
				Terms
			}
		}) (*api.Written[OfferKind], error) {
			receipt, err := s.GrantOfferUnder(ctx, in.Body.origin(ctx, in.Keyed), in.Capability, in.Body.Kind, in.Body.Terms)
			return api.Wrote(in.Body.Kind, receipt, err)
		})
	huma.Register(a, op("withdraw-offer", http.MethodPost, "/offers/{capability}/withdraw", "offers", "Withdraw an offer; what is on under it goes off"),
		func(ctx context.Context, in *struct {
			api.Keyed
			CapabilityPath
			Body Changing
		}) (*api.Written[string], error) {
			receipt, err := s.WithdrawOffer(ctx, in.Body.origin(ctx, in.Keyed), in.Capability)
			return api.Wrote("withdrawn", receipt, err)
		})
}
