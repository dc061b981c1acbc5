package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// Outcome is what is known of a change by its idempotency key.
type Outcome struct {
	Key      string `json:"key"`
	Applied  bool   `json:"applied" doc:"True: it stands in the store. False: it does not so far; send it again with the same key to settle it."`
	Revision int64  `json:"revision,omitempty"`
	Says     string `json:"says"`
}

// recordRoutes serves the record: the leaves, and the outcome of one change.
func (s *Server) recordRoutes(a huma.API) {
	huma.Register(a, huma.Operation{OperationID: "list-record", Method: http.MethodGet, Path: api.Prefix + "/audit", Tags: []string{"record"},
		Summary: "The newest entries of the record"},
		func(ctx context.Context, in *struct {
			Limit int `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many entries, the newest first."`
		}) (*api.Out[api.List[audit.Entry]], error) {
			if err := identity.Can(api.PrincipalFrom(ctx), identity.ReadRecord, identity.Target{Kind: "record"}); err != nil {
				return nil, err
			}
			return api.Listed(audit.Newest(ctx, s.store, in.Limit))
		})
	huma.Register(a, huma.Operation{OperationID: "show-outcome", Method: http.MethodGet, Path: api.Prefix + "/outcomes/{key}", Tags: []string{"record"},
		Summary: "Whether a change was applied, by its idempotency key"},
		func(ctx context.Context, in *struct {
			Key string `path:"key" format:"uuid" doc:"The idempotency key of the change."`
		}) (*api.Out[Outcome], error) {
			return api.Read(s.outcome(ctx, in.Key))
		})
}

// outcome tells the one who made a change, and whoever may read the record, what
// became of it.
func (s *Server) outcome(ctx context.Context, key string) (Outcome, error) {
	who := api.PrincipalFrom(ctx)
	if !who.Known() {
		return Outcome{}, identity.Can(who, identity.ReadRecord, identity.Target{Kind: "record"})
	}
	rec, err := audit.Find(s.store.View(ctx), key)
	if err != nil {
		return Outcome{}, err
	}
	if !rec.Exists() {
		return Outcome{Key: key, Says: "no change with this key has been applied so far; send it again with the same key to settle it"}, nil
	}
	if mine := rec.Value.Actor.ID == who.ID; !mine && identity.Can(who, identity.ReadRecord, identity.Target{Kind: "record"}) != nil {
		return Outcome{}, fault.New(fault.Forbidden, "not_yours", "the change %s was made by somebody else", key).Do("ask an auditor")
	}
	return Outcome{Key: key, Applied: true, Revision: rec.Created, Says: "applied: " + string(rec.Value.Action) + " on " + rec.Value.Target.String()}, nil
}
