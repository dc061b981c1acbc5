package governance

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// Routes registers the slice's operations. Reads come from the store itself, at its
// newest revision: a body's business is rare and must not be read stale.
func Routes(a huma.API, s *Service) {
	s.bodyRoutes(a)
	s.cycleRoutes(a)
	s.needRoutes(a)
	s.caseRoutes(a)
	s.remarkRoutes(a)
	s.motionRoutes(a)
	s.ballotRoutes(a)
	s.afterRoutes(a)
}

func op(id, method, path, tag, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: api.Prefix + path, Tags: []string{tag}, Summary: summary}
}

// mayRead lets whoever may read the state.
func mayRead(ctx context.Context, kind string) error {
	return identity.Can(api.PrincipalFrom(ctx), identity.ReadState, identity.Target{Kind: kind})
}

// reading registers an operation that reads; in is its input, with its path.
func reading[In, Out any](a huma.API, o huma.Operation, read func(ctx context.Context, in *In) (Out, error)) {
	huma.Register(a, o, func(ctx context.Context, in *In) (*api.Out[Out], error) {
		if err := mayRead(ctx, o.Tags[0]); err != nil {
			return nil, err
		}
		return api.Read(read(ctx, in))
	})
}

// listing registers an operation that lists records of a collection.
func listing[T any](a huma.API, o huma.Operation, s *Service, c kv.Collection[T]) {
	huma.Register(a, o, func(ctx context.Context, _ *struct{}) (*api.Out[api.List[api.Stored[T]]], error) {
		if err := mayRead(ctx, o.Tags[0]); err != nil {
			return nil, err
		}
		recs, err := all(s.store.View(ctx), c)
		return api.Listed(api.StoredAll(recs), err)
	})
}

// The paths of operations; exported because huma reads only exported fields.
type (
	// BodyPath names a body.
	BodyPath struct {
		BodyKey string `path:"body" maxLength:"64" doc:"Body, e.g. strategy."`
	}
	// SeatPath names a seat of a body.
	SeatPath struct {
		BodyPath
		Seat string `path:"seat" maxLength:"64" doc:"Seat, e.g. co."`
	}
	// CyclePath names a cycle.
	CyclePath struct {
		Cycle string `path:"cycle" maxLength:"64" doc:"Cycle, e.g. 2027."`
	}
	// NeedPath names a need.
	NeedPath struct {
		Need string `path:"need" maxLength:"64"`
	}
	// CasePath names a business case.
	CasePath struct {
		Case string `path:"case" maxLength:"64"`
	}
	// MotionPath names a motion.
	MotionPath struct {
		Motion string `path:"motion" maxLength:"64"`
	}
)

// BodyView is a body with its seats and whatever it lacks.
type BodyView struct {
	Body       Body            `json:"body"`
	Seats      map[string]Seat `json:"seats"`
	Shortfalls []string        `json:"shortfalls" nullable:"false" doc:"In which ways it is below its charter; none: it is whole."`
}

func (s *Service) bodyRoutes(a huma.API) {
	listing(a, op("list-bodies", http.MethodGet, "/bodies", "bodies", "List the bodies"), s, bodies)
	reading(a, op("show-body", http.MethodGet, "/bodies/{body}", "bodies", "Show a body, its charter and who sits in it"),
		func(ctx context.Context, in *BodyPath) (BodyView, error) {
			h, err := s.House(ctx, in.BodyKey)
			view := BodyView{Body: h.Body, Seats: h.Seats, Shortfalls: []string{}}
			if err == nil {
				view.Shortfalls = append(view.Shortfalls, h.Shortfalls(s.now())...)
			}
			return view, err
		})
	huma.Register(a, op("found-body", http.MethodPost, "/bodies", "bodies", "Found the first body; from then on offers are granted by motion"),
		func(ctx context.Context, in *struct {
			api.Keyed
			Body struct {
				api.Changing
				Founding
			}
		}) (*api.Written[Body], error) {
			receipt, err := s.FoundBody(ctx, in.Body.Origin(ctx, in.Keyed), in.Body.Founding)
			return api.Wrote(in.Body.Founding.Body, receipt, err)
		})
	huma.Register(a, op("set-secretary", http.MethodPut, "/bodies/{body}/secretary", "bodies", "Record who is secretary of a body"),
		func(ctx context.Context, in *struct {
			api.Keyed
			BodyPath
			Body struct {
				api.Changing
				Person Person `json:"person"`
			}
		}) (*api.Written[Person], error) {
			receipt, err := s.SetSecretary(ctx, in.Body.Origin(ctx, in.Keyed), in.BodyKey, in.Body.Person)
			return api.Wrote(in.Body.Person, receipt, err)
		})
	s.seatRoutes(a)
}

func (s *Service) seatRoutes(a huma.API) {
	huma.Register(a, op("appoint", http.MethodPut, "/bodies/{body}/seats/{seat}", "bodies", "Record who holds a seat, acts for its holder, or is an alternate"),
		func(ctx context.Context, in *struct {
			api.Keyed
			SeatPath
			Body struct {
				api.Changing
				Person    Person `json:"person"`
				Place     Place  `json:"place" enum:"holder,acting,alternate"`
				Physician bool   `json:"physician,omitempty"`
				Until     string `json:"until,omitempty" maxLength:"10" doc:"Last day of the term, YYYY-MM-DD."`
			}
		}) (*api.Written[Appointment], error) {
			b := in.Body
			appointment := Appointment{Seat: in.Seat, Person: b.Person, Place: b.Place, Physician: b.Physician, Until: b.Until}
			receipt, err := s.Appoint(ctx, b.Origin(ctx, in.Keyed), in.BodyKey, appointment)
			return api.Wrote(appointment, receipt, err)
		})
	huma.Register(a, op("vacate-seat", http.MethodPost, "/bodies/{body}/seats/{seat}/vacate", "bodies", "Record that somebody no longer occupies a seat"),
		func(ctx context.Context, in *struct {
			api.Keyed
			SeatPath
			Body struct {
				api.Changing
				Person string `json:"person" maxLength:"200" doc:"Id of the person."`
			}
		}) (*api.Written[string], error) {
			receipt, err := s.Vacate(ctx, in.Body.Origin(ctx, in.Keyed), in.BodyKey, in.Seat, in.Body.Person)
			return api.Wrote("vacated", receipt, err)
		})
	huma.Register(a, op("resign-seat", http.MethodPost, "/bodies/{body}/seats/{seat}/resign", "bodies", "Give up one's own place in a seat"),
		func(ctx context.Context, in *struct {
			api.Keyed
			SeatPath
			Body api.Changing
		}) (*api.Written[string], error) {
			receipt, err := s.Resign(ctx, in.Body.Origin(ctx, in.Keyed), in.BodyKey, in.Seat)
			return api.Wrote("resigned", receipt, err)
		})
}

func (s *Service) cycleRoutes(a huma.API) {
	listing(a, op("list-cycles", http.MethodGet, "/cycles", "cycles", "List the cycles"), s, cycles)
	reading(a, op("show-cycle", http.MethodGet, "/cycles/{cycle}", "cycles", "Show a cycle"),
		func(ctx context.Context, in *CyclePath) (api.Stored[Cycle], error) {
			rec, err := find(s.store.View(ctx), cycles, unknownCycle(in.Cycle), in.Cycle)
			return api.StoredOf(rec), err
		})
	reading(a, op("report-year", http.MethodGet, "/cycles/{cycle}/report", "cycles", "Report how a cycle went"),
		func(ctx context.Context, in *CyclePath) (YearReport, error) { return s.YearReport(ctx, in.Cycle) })
	huma.Register(a, op("set-cycle", http.MethodPut, "/cycles/{cycle}", "cycles", "Set a body's year, or move its days"),
		func(ctx context.Context, in *struct {
			api.Keyed
			CyclePath
			Body struct {
				api.Changing
				Value Cycle `json:"value"`
			}
		}) (*api.Written[Cycle], error) {
			in.Body.Value.Key = in.Cycle
			receipt, err := s.SetCycle(ctx, in.Body.Origin(ctx, in.Keyed), in.Body.Value)
			return api.Wrote(in.Body.Value, receipt, err)
		})
	huma.Register(a, op("rank-needs", http.MethodPut, "/cycles/{cycle}/orders/{region}", "needs", "Set a region's own order of the needs"),
		func(ctx context.Context, in *struct {
			api.Keyed
			CyclePath
			Region string `path:"region" maxLength:"64"`
			Body   struct {
				api.Changing
				Needs []string `json:"needs" nullable:"false"`
			}
		}) (*api.Written[Order], error) {
			order := Order{Cycle: in.Cycle, Region: in.Region, Needs: in.Body.Needs}
			receipt, err := s.RankNeeds(ctx, in.Body.Origin(ctx, in.Keyed), order)
			return api.Wrote(order, receipt, err)
		})
	reading(a, op("list-answers", http.MethodGet, "/cycles/{cycle}/answers", "cycles", "List what each region says to each offer that stands, its silence included"),
		func(ctx context.Context, in *CyclePath) (api.List[RegionAnswer], error) {
			list, err := s.Answers(ctx, in.Cycle)
			return api.List[RegionAnswer]{Items: list}, err
		})
	reading(a, op("list-orders", http.MethodGet, "/cycles/{cycle}/orders", "needs", "List the regions' orders of the needs"),
		func(ctx context.Context, in *CyclePath) (api.List[api.Stored[Order]], error) {
			if _, err := find(s.store.View(ctx), cycles, unknownCycle(in.Cycle), in.Cycle); err != nil {
				return api.List[api.Stored[Order]]{}, err
			}
			recs, err := all(s.store.View(ctx), orders, in.Cycle)
			return api.List[api.Stored[Order]]{Items: api.StoredAll(recs)}, err
		})
}
