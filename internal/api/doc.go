// Package api is the manner in which Quorate speaks HTTP: what every request
// passes on its way in, and what every failure looks like on its way out. It
// knows no capability, no token and no rule.
//
// # On the way in
//
// Use puts the same few steps before every route: a request id, a line in the
// log, a measurement, a net under panics, headers that tell browsers to keep
// out, a limit on the body and a limit on the time. None of them writes a query
// string, a body, a credential or an evaluation context anywhere.
//
// # On the way out
//
// Every failure is an RFC 9457 problem (type Details), made from a fault.Error
// by its kind alone: what was wrong, with which value, what to do, and the id
// under which the operator finds the rest. An error that is no fault is
// answered as internal, its text kept for the log. A change whose outcome is
// not known is a problem too, with status 202 and the place to ask.
//
// # How a slice writes its routes
//
// A slice's http.go declares one input per operation and calls its service;
// nothing else happens there. A read checks identity.Can itself; a write leaves
// that to the gate.
//
//	type answerInput struct {
//		api.Keyed         // the Idempotency-Key header
//		Region     string `path:"region" doc:"region, e.g. co"`
//		Capability string `path:"capability"`
//		Body       struct {
//			Answer     string `json:"answer" enum:"enable,later,decline"`
//			Reason     string `json:"reason"`
//			IfRevision int64  `json:"if_revision,omitempty"`
//		}
//	}
//
//	func Routes(a huma.API, s *Service) {
//		huma.Register(a, huma.Operation{
//			OperationID: "answer-offer", Method: http.MethodPut, Tags: []string{"enablements"},
//			Path: api.Prefix + "/regions/{region}/enablements/{capability}",
//			Summary: "Answer an offer: enable, later or decline",
//		}, func(ctx context.Context, in *answerInput) (*api.Written[Enablement], error) {
//			origin := in.Origin(ctx, in.Body.Reason, in.Body.IfRevision)
//			e, receipt, err := s.Answer(ctx, origin, in.Region, in.Capability, in.Body.Answer)
//			return api.Wrote(e, receipt, err)
//		})
//		huma.Register(a, huma.Operation{
//			OperationID: "list-regions", Method: http.MethodGet, Tags: []string{"regions"},
//			Path: api.Prefix + "/regions", Summary: "List the regions",
//		}, func(ctx context.Context, _ *struct{}) (*api.Out[api.List[Region]], error) {
//			if err := identity.Can(api.PrincipalFrom(ctx), identity.ReadState, identity.Target{Kind: "region"}); err != nil {
//				return nil, err
//			}
//			return api.Listed(s.Regions(), nil)
//		})
//	}
//
// Handlers return faults as they are. A schema error (a missing or an unknown
// field, a wrong type) is found before the handler runs and answered as an
// invalid request that names the field. Handlers that are not huma operations
// answer a failure with Problem(w, r, err) and are done.
package api
