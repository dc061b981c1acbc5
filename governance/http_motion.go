package governance

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/gate"
)

func (s *Service) motionRoutes(a huma.API) {
	listing(a, op("list-motions", http.MethodGet, "/motions", "motions", "List the motions"), s, motions)
	reading(a, op("show-motion", http.MethodGet, "/motions/{motion}", "motions", "Show a motion"),
		func(ctx context.Context, in *MotionPath) (api.Stored[Motion], error) {
			rec, err := s.Motion(ctx, in.Motion)
			return api.StoredOf(rec), err
		})
	reading(a, op("show-paper", http.MethodGet, "/motions/{motion}/paper", "motions", "Show a motion's latest ballot paper"),
		func(ctx context.Context, in *MotionPath) (Paper, error) { return s.Paper(ctx, in.Motion) })
	reading(a, op("show-count", http.MethodGet, "/motions/{motion}/count", "motions", "Show the count and the roll call of a motion that was counted"),
		func(ctx context.Context, in *MotionPath) (Count, error) { return s.Count(ctx, in.Motion) })
	reading(a, op("export-count", http.MethodGet, "/motions/{motion}/export", "motions", "Export what `quorate tally` counts again"),
		func(ctx context.Context, in *MotionPath) (tally.Export, error) {
			c, err := s.Count(ctx, in.Motion)
			return c.Export, err
		})
	huma.Register(a, op("move", http.MethodPost, "/motions", "motions", "Move a motion"),
		func(ctx context.Context, in *struct {
			api.Keyed
			Body struct {
				api.Changing
				Proposal
			}
		}) (*api.Written[string], error) {
			id, receipt, err := s.Move(ctx, in.Body.Origin(ctx, in.Keyed), in.Body.Proposal)
			return api.Wrote(id, receipt, err)
		})
	for _, v := range []struct {
		id, summary string
		do          func(context.Context, gate.Origin, string) (gate.Receipt, error)
	}{
		{"second", "Second a motion", s.Second}, {"withdraw", "Withdraw one's own motion", s.Withdraw}, {"recuse", "Stand aside on a motion", s.Recuse},
		{"close", "Close a motion that is due", s.Close}, {"settle", "Count a closed motion, or let a carried one take effect when it may", s.Settle},
		{"challenge", "Challenge an outcome within its window", s.Challenge}, {"sign-for-plan", "Sign a motion for the health plan", s.SignForPlan},
	} {
		huma.Register(a, op(v.id+"-motion", http.MethodPost, "/motions/{motion}/"+v.id, "motions", v.summary),
			func(ctx context.Context, in *struct {
				api.Keyed
				MotionPath
				Body api.Changing
			}) (*api.Written[string], error) {
				receipt, err := v.do(ctx, in.Body.Origin(ctx, in.Keyed), in.Motion)
				return api.Wrote(in.Motion, receipt, err)
			})
	}
	s.chairRoutes(a)
}

// chairRoutes are those of the chair and the secretary, and the mover's amendment.
func (s *Service) chairRoutes(a huma.API) {
	huma.Register(a, op("amend-motion", http.MethodPost, "/motions/{motion}/amend", "motions", "Amend one's own motion before it is open"),
		func(ctx context.Context, in *struct {
			api.Keyed
			MotionPath
			Body struct {
				api.Changing
				Title   string  `json:"title"`
				Text    string  `json:"text"`
				Subject Subject `json:"subject"`
			}
		}) (*api.Written[string], error) {
			receipt, err := s.Amend(ctx, in.Body.Origin(ctx, in.Keyed), in.Motion, in.Body.Title, in.Body.Text, in.Body.Subject)
			return api.Wrote(in.Motion, receipt, err)
		})
	huma.Register(a, op("postpone-motion", http.MethodPost, "/motions/{motion}/postpone", "motions", "Postpone a motion to a day"),
		func(ctx context.Context, in *struct {
			api.Keyed
			MotionPath
			Body struct {
				api.Changing
				Until string `json:"until" maxLength:"10" doc:"YYYY-MM-DD"`
			}
		}) (*api.Written[string], error) {
			receipt, err := s.Postpone(ctx, in.Body.Origin(ctx, in.Keyed), in.Motion, in.Body.Until)
			return api.Wrote(in.Motion, receipt, err)
		})
	huma.Register(a, op("open-motion", http.MethodPost, "/motions/{motion}/open", "motions", "Open a motion for voting until a time"),
		func(ctx context.Context, in *struct {
			api.Keyed
			MotionPath
			Body struct {
				api.Changing
				Closes time.Time `json:"closes"`
			}
		}) (*api.Written[string], error) {
			receipt, err := s.Open(ctx, in.Body.Origin(ctx, in.Keyed), in.Motion, in.Body.Closes)
			return api.Wrote(in.Motion, receipt, err)
		})
	huma.Register(a, op("rule-on-challenge", http.MethodPost, "/motions/{motion}/rule-on-challenge", "motions", "Rule, from the chair, on the oldest open challenge"),
		func(ctx context.Context, in *struct {
			api.Keyed
			MotionPath
			Body struct {
				api.Changing
				Upheld bool `json:"upheld"`
			}
		}) (*api.Written[string], error) {
			receipt, err := s.RuleOnChallenge(ctx, in.Body.Origin(ctx, in.Keyed), in.Motion, in.Body.Upheld)
			return api.Wrote(in.Motion, receipt, err)
		})
}

func (s *Service) ballotRoutes(a huma.API) {
	reading(a, op("list-ballots", http.MethodGet, "/motions/{motion}/ballots", "ballots", "List which seats have voted; how is sealed until the close"),
		func(ctx context.Context, in *MotionPath) (api.List[Cast], error) {
			list, err := s.WhoCast(ctx, in.Motion)
			return api.List[Cast]{Items: list}, err
		})
	huma.Register(a, op("cast-ballot", http.MethodPut, "/motions/{motion}/ballots/{seat}", "ballots", "Cast, or replace, the ballot of a seat"),
		func(ctx context.Context, in *struct {
			api.Keyed
			MotionPath
			Seat string `path:"seat" maxLength:"64"`
			Body Vote
		}) (*api.Written[Receipt], error) {
			receipt, done, err := s.Cast(ctx, in.Origin(ctx, "", 0), in.Motion, in.Seat, in.Body)
			return api.Wrote(receipt, done, err)
		})
}
