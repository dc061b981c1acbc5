package policy

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
)

// Routes registers the slice's operations. Everything here is also what the command
// line can do.
func Routes(a huma.API, s *Service) {
	s.bundleRoutes(a)
	s.activeRoutes(a)
	s.evidenceRoutes(a)
	s.waiverRoutes(a)
}

func op(id, method, path, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: api.Prefix + path, Tags: []string{"policy"}, Summary: summary}
}

// IDPath names a record; exported because huma reads only exported fields.
type IDPath struct {
	ID string `path:"id" maxLength:"64" doc:"Its id."`
}

// DigestPath names a bundle; see IDPath.
type DigestPath struct {
	Digest string `path:"digest" maxLength:"64" doc:"The digest of the bundle, or at least its first six digits."`
}

func (s *Service) bundleRoutes(a huma.API) {
	push := op("push-bundle", http.MethodPost, "/policy/bundles", "Push a bundle of rules; it changes nothing until it is activated")
	push.MaxBodyBytes = 1 << 20
	huma.Register(a, push, func(ctx context.Context, in *struct {
		api.Keyed
		Body struct {
			api.Changing
			PushRequest
		}
	}) (*api.Written[Pushed], error) {
		p, receipt, err := s.Push(ctx, in.Body.Origin(ctx, in.Keyed), in.Body.PushRequest)
		return api.Wrote(p, receipt, err)
	})
	huma.Register(a, op("list-bundles", http.MethodGet, "/policy/bundles", "List the bundles that were pushed"),
		func(ctx context.Context, _ *struct{}) (*api.Out[api.List[Pushed]], error) {
			return api.Listed(s.Bundles(ctx, api.PrincipalFrom(ctx)))
		})
	huma.Register(a, op("show-bundle", http.MethodGet, "/policy/bundles/{digest}", "Show a bundle that was pushed"),
		func(ctx context.Context, in *DigestPath) (*api.Out[Pushed], error) {
			return api.Read(s.Bundle(ctx, api.PrincipalFrom(ctx), in.Digest))
		})
	huma.Register(a, op("preview-bundle", http.MethodGet, "/policy/bundles/{digest}/preview", "What would break if a bundle were activated, region by region"),
		func(ctx context.Context, in *DigestPath) (*api.Out[Preview], error) {
			return api.Read(s.Preview(ctx, api.PrincipalFrom(ctx), in.Digest))
		})
}

// layerBody names a layer.
type layerBody struct {
	api.Changing
	Layer  Layer  `json:"layer" enum:"law,group,region" doc:"Whose rules they are."`
	Region string `json:"region,omitempty" maxLength:"64" doc:"Of layer region: whose procedures they are."`
}

func (s *Service) activeRoutes(a huma.API) {
	huma.Register(a, op("show-policy", http.MethodGet, "/policy", "Which law and rules hold"),
		func(ctx context.Context, _ *struct{}) (*api.Out[Standing], error) {
			return api.Read(s.Standing(ctx, api.PrincipalFrom(ctx)))
		})
	huma.Register(a, op("show-rule", http.MethodGet, "/policy/rules/{id}", "A rule of what holds"),
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"128" doc:"Its id, such as CO-TELEHEALTH-REG."`
		}) (*api.Out[RuleView], error) {
			return api.Read(s.Rule(ctx, api.PrincipalFrom(ctx), in.ID))
		})
	huma.Register(a, op("forecast-policy", http.MethodGet, "/policy/forecast", "What will break, and when, if nothing is done"),
		func(ctx context.Context, in *struct {
			Until string `query:"until" maxLength:"10" doc:"The last day to look at, such as 2027-01-31."`
		}) (*api.Out[Forecasted], error) {
			return api.Read(s.Forecast(ctx, api.PrincipalFrom(ctx), Day(in.Until)))
		})
	huma.Register(a, op("list-halts", http.MethodGet, "/policy/halts", "What regulation keeps off although a region has enabled it"),
		func(ctx context.Context, in *struct {
			Region string `query:"region" maxLength:"64" doc:"Only in this region."`
			Past   bool   `query:"past" doc:"What is over too."`
		}) (*api.Out[api.List[Halt]], error) {
			return api.Listed(s.Halted(ctx, api.PrincipalFrom(ctx), in.Region, in.Past))
		})
	huma.Register(a, op("activate-policy", http.MethodPost, "/policy/activate", "Have a pushed bundle hold"),
		func(ctx context.Context, in *struct {
			api.Keyed
			Body struct {
				api.Changing
				ActivateRequest
			}
		}) (*api.Written[Active], error) {
			next, receipt, err := s.Activate(ctx, in.Body.Origin(ctx, in.Keyed), in.Body.ActivateRequest)
			return api.Wrote(next, receipt, err)
		})
	huma.Register(a, op("rollback-policy", http.MethodPost, "/policy/rollback", "Have the bundle hold that held before"),
		func(ctx context.Context, in *struct {
			api.Keyed
			Body layerBody
		}) (*api.Written[Active], error) {
			next, receipt, err := s.Rollback(ctx, in.Body.Origin(ctx, in.Keyed), in.Body.Layer, in.Body.Region)
			return api.Wrote(next, receipt, err)
		})
	huma.Register(a, op("give-opinion", http.MethodPut, "/policy/opinions/{rule}", "Give counsel's answer to a legal question"),
		func(ctx context.Context, in *struct {
			api.Keyed
			Rule string `path:"rule" maxLength:"128" doc:"The rule whose question is answered."`
			Body struct {
				api.Changing
				OpinionRequest
			}
		}) (*api.Written[GivenOpinion], error) {
			given, receipt, err := s.GiveOpinion(ctx, in.Body.Origin(ctx, in.Keyed), in.Rule, in.Body.OpinionRequest)
			return api.Wrote(given, receipt, err)
		})
}

func (s *Service) evidenceRoutes(a huma.API) {
	huma.Register(a, op("list-evidence", http.MethodGet, "/evidence", "List the evidence on file, revoked included"),
		func(ctx context.Context, _ *struct{}) (*api.Out[api.List[Stored[Proof]]], error) {
			return api.Listed(s.Evidence(ctx, api.PrincipalFrom(ctx)))
		})
	huma.Register(a, op("show-evidence", http.MethodGet, "/evidence/{id}", "Show a piece of evidence"),
		func(ctx context.Context, in *IDPath) (*api.Out[Stored[Proof]], error) {
			list, err := s.Evidence(ctx, api.PrincipalFrom(ctx))
			for _, p := range list {
				if p.Value.ID == in.ID {
					return api.Read(p, err)
				}
			}
			return nil, orUnknown(err, "evidence", in.ID)
		})
	huma.Register(a, op("add-evidence", http.MethodPost, "/evidence", "Put evidence on file"),
		func(ctx context.Context, in *struct {
			api.Keyed
			Body struct {
				api.Changing
				EvidenceRequest
			}
		}) (*api.Written[Proof], error) {
			p, receipt, err := s.AddEvidence(ctx, in.Body.Origin(ctx, in.Keyed), in.Body.EvidenceRequest)
			return api.Wrote(p, receipt, err)
		})
	huma.Register(a, op("revoke-evidence", http.MethodPost, "/evidence/{id}/revoke", "Take evidence off the file"),
		func(ctx context.Context, in *struct {
			api.Keyed
			IDPath
			Body api.Changing
		}) (*api.Written[Proof], error) {
			p, receipt, err := s.RevokeEvidence(ctx, in.Body.Origin(ctx, in.Keyed), in.ID)
			return api.Wrote(p, receipt, err)
		})
}

// orUnknown is why a record could not be shown.
func orUnknown(err error, kind, id string) error {
	if err != nil {
		return err
	}
	return fault.New(fault.NotFound, "unknown_"+kind, "there is no %s %.64q", kind, id).Do("list it with `quorate %s list`", kind).At("id")
}

func (s *Service) waiverRoutes(a huma.API) {
	huma.Register(a, op("list-waivers", http.MethodGet, "/waivers", "List the waivers on file, revoked included"),
		func(ctx context.Context, _ *struct{}) (*api.Out[api.List[Stored[GrantedWaiver]]], error) {
			return api.Listed(s.Waivers(ctx, api.PrincipalFrom(ctx)))
		})
	huma.Register(a, op("show-waiver", http.MethodGet, "/waivers/{id}", "Show a waiver"),
		func(ctx context.Context, in *IDPath) (*api.Out[Stored[GrantedWaiver]], error) {
			list, err := s.Waivers(ctx, api.PrincipalFrom(ctx))
			for _, w := range list {
				if w.Value.ID == in.ID {
					return api.Read(w, err)
				}
			}
			return nil, orUnknown(err, "waiver", in.ID)
		})
	huma.Register(a, op("grant-waiver", http.MethodPost, "/waivers", "Grant a waiver"),
		func(ctx context.Context, in *struct {
			api.Keyed
			Body struct {
				api.Changing
				WaiverRequest
			}
		}) (*api.Written[GrantedWaiver], error) {
			w, receipt, err := s.GrantWaiver(ctx, in.Body.Origin(ctx, in.Keyed), in.Body.WaiverRequest)
			return api.Wrote(w, receipt, err)
		})
	huma.Register(a, op("revoke-waiver", http.MethodPost, "/waivers/{id}/revoke", "Revoke a waiver"),
		func(ctx context.Context, in *struct {
			api.Keyed
			IDPath
			Body api.Changing
		}) (*api.Written[GrantedWaiver], error) {
			w, receipt, err := s.RevokeWaiver(ctx, in.Body.Origin(ctx, in.Keyed), in.ID)
			return api.Wrote(w, receipt, err)
		})
}
