package flags

import (
	"context"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/time/rate"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// The limits of tracking.
const (
	maxTrackBody   = 256 << 10 // bytes
	tracksASecond  = 50        // requests of one credential at this replica
	trackedBearers = 10_000    // credentials whose requests are counted one by one
)

// trackIn is the body of a request that tracks.
type trackIn struct {
	Body struct {
		Events []TrackEvent `json:"events,omitempty" nullable:"false" doc:"1 to 1,000; counted all or none."`
	}
}

// Tracked says how many events were counted.
type Tracked struct {
	Counted int `json:"counted"`
}

// usageIn asks for usage.
type usageIn struct {
	Region     string `query:"region" maxLength:"64" doc:"Of this region; left out: of every one."`
	Capability string `query:"capability" maxLength:"128" doc:"Of this capability; left out: of each that was used."`
	Month      string `query:"month" maxLength:"7" doc:"Month of UTC, 2027-03; left out: this one so far."`
}

// UsageRoutes registers tracking, reading what was counted, and entering whom it
// is a share of.
func UsageRoutes(a huma.API, s *Service, l *Ledger) {
	u := &usageRoutes{s, l, newTrackLimit()}
	track := op("track", http.MethodPost, "/track", "usage", "Count uses of capabilities")
	track.MaxBodyBytes = maxTrackBody
	huma.Register(a, track, u.track)
	huma.Register(a, op("show-usage", http.MethodGet, "/usage", "usage", "Show evaluations, tracked use and which facts arrive"), u.show)
	huma.Register(a, op("set-denominator", http.MethodPut, "/regions/{region}/denominator", "usage", "Enter how many members use is a share of"),
		func(ctx context.Context, in *struct {
			api.Keyed
			RegionPath
			Body struct {
				Changing
				Facility string `json:"facility,omitempty" maxLength:"64" doc:"Of this facility; left out: of the region."`
				Group    string `json:"group,omitempty" maxLength:"64" doc:"Of this coarse group; left out: of all."`
				Members  int64  `json:"members"`
				AsOf     string `json:"as_of" maxLength:"10" doc:"Day on which they were counted, 2027-03-01."`
			}
		}) (*api.Written[Denominator], error) {
			d := Denominator{Region: in.Region, Facility: in.Body.Facility, Group: in.Body.Group, Members: in.Body.Members, AsOf: in.Body.AsOf}
			receipt, err := s.SetDenominator(ctx, in.Body.origin(ctx, in.Keyed), d)
			return api.Wrote(d, receipt, err)
		})
	huma.Register(a, op("list-denominators", http.MethodGet, "/regions/{region}/denominators", "usage", "List the members that a region entered"), u.denominators)
}

type usageRoutes struct {
	service *Service
	ledger  *Ledger
	limit   *trackLimit
}

// track counts all events of a request or none.
func (u *usageRoutes) track(ctx context.Context, in *trackIn) (*api.Out[Tracked], error) {
	who := api.PrincipalFrom(ctx)
	events := in.Body.Events
	if !who.Known() {
		return nil, identity.Can(who, identity.TrackUse, identity.Target{Kind: "usage"})
	}
	if err := checkTracked(len(events)); err != nil {
		return nil, err
	}
	allowed := map[string]bool{}
	for _, e := range events {
		if !allowed[e.Region] {
			if err := identity.Can(who, identity.TrackUse, identity.Target{Kind: "usage", Region: e.Region}); err != nil {
				return nil, err
			}
			allowed[e.Region] = true
		}
	}
	if !u.limit.allow(who.ID, u.service.now) {
		return nil, fault.New(fault.RateLimited, "rate_limited", "this credential tracks more than %d times a second", tracksASecond).
			Do("send several events in one request, up to %d", MaxTracked)
	}
	snap, err := u.service.loaded()
	if err != nil {
		return nil, err
	}
	coarse := make([]TrackEvent, len(events))
	for i, e := range events {
		if err := e.check(snap, i); err != nil {
			return nil, err
		}
		coarse[i] = e.coarse()
	}
	u.ledger.Track(coarse)
	return api.Read(Tracked{Counted: len(coarse)}, nil)
}

var monthPattern = regexp.MustCompile(`^[0-9]{4}-(0[1-9]|1[0-2])$`)

func (u *usageRoutes) show(ctx context.Context, in *usageIn) (*api.Out[api.List[UsageView]], error) {
	if err := identity.Can(api.PrincipalFrom(ctx), identity.ReadUsage, identity.Target{Kind: "usage", Region: in.Region}); err != nil {
		return nil, err
	}
	snap, err := u.service.loaded()
	if err != nil {
		return nil, err
	}
	if in.Month == "" {
		in.Month = monthOf(u.service.now())
	}
	if !monthPattern.MatchString(in.Month) {
		return nil, bad("month", in.Month, "name a month, such as %s", monthOf(u.service.now()))
	}
	if in.Capability != "" {
		if _, _, err := snap.Capability(in.Capability); err != nil {
			return nil, err
		}
	}
	names := []string{in.Region}
	if in.Region == "" {
		names = nil
		for _, r := range snap.Regions() {
			names = append(names, r.Value.Key)
		}
	} else if _, err := snap.Region(in.Region); err != nil {
		return nil, err
	}
	var all []UsageView
	for _, region := range names {
		views, err := u.ledger.View(ctx, snap, region, in.Capability, in.Month)
		if err != nil {
			return nil, err
		}
		all = append(all, views...)
	}
	return api.Listed(all, nil)
}

func (u *usageRoutes) denominators(ctx context.Context, in *RegionPath) (*api.Out[api.List[Denominator]], error) {
	if err := identity.Can(api.PrincipalFrom(ctx), identity.ReadUsage, identity.Target{Kind: "usage", Region: in.Region}); err != nil {
		return nil, err
	}
	snap, err := u.service.loaded()
	if err != nil {
		return nil, err
	}
	if _, err := snap.Region(in.Region); err != nil {
		return nil, err
	}
	found, err := u.ledger.members(ctx, in.Region)
	return api.Listed(found.sorted(), err)
}

// trackLimit lets each credential track so often. Those that were never seen
// begin with a second's worth.
type trackLimit struct {
	mu       sync.Mutex
	byBearer map[string]*rate.Limiter
}

func newTrackLimit() *trackLimit { return &trackLimit{byBearer: map[string]*rate.Limiter{}} }

func (l *trackLimit) allow(id string, now func() time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.byBearer) >= trackedBearers { // credentials come and go; forgetting them only allows more
		clear(l.byBearer)
	}
	if l.byBearer[id] == nil {
		l.byBearer[id] = rate.NewLimiter(tracksASecond, tracksASecond)
	}
	return l.byBearer[id].AllowN(now(), 1)
}
