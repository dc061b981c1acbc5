package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// ChangePath is embedded in the input of what is done about one change. It and its
// like are exported because huma reads only exported fields.
type ChangePath struct {
	Change string `path:"change" maxLength:"64" doc:"The change's id, as its receipt said."`
}

// Saying is the body of an act on a change; see ChangePath.
type Saying struct {
	Reason string `json:"reason,omitempty" doc:"Why; kept in the record."`
}

type changesInput struct {
	State  string `query:"state" enum:"pending,emergency,applied,ratified,reverted,superseded,declined,withdrawn,expired,all" doc:"Only these; left out: what is open."`
	Region string `query:"region" maxLength:"64" doc:"Only what is about this region."`
	Mine   bool   `query:"mine" doc:"Only what the caller proposed."`
	ForMe  bool   `query:"for_me" doc:"Only what a role of the caller is asked to sign off."`
}

type actInput struct {
	api.Keyed
	ChangePath
	Body Saying
}

func changeOperation(id, method, path, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: api.Prefix + "/changes" + path, Tags: []string{"changes"}, Summary: summary}
}

// changeRoutes are the changes that wait: to see them, and what can be done about
// them. Proposing one is doing what it does: its verb answers 202.
func (s *Server) changeRoutes(a huma.API) {
	huma.Register(a, changeOperation("list-changes", http.MethodGet, "", "List the changes that wait, or have waited lately"),
		func(ctx context.Context, in *changesInput) (*api.Out[api.List[gate.Proposal]], error) {
			return api.Listed(s.listChanges(ctx, in))
		})
	huma.Register(a, changeOperation("show-change", http.MethodGet, "/{change}", "Show a change that waits, as it stands now"),
		func(ctx context.Context, in *ChangePath) (*api.Out[gate.View], error) {
			return api.Read(s.lookAtChange(ctx, in.Change))
		})
	huma.Register(a, changeOperation("sign-change", http.MethodPost, "/{change}/sign", "Sign a change off"),
		func(ctx context.Context, in *struct {
			api.Keyed
			ChangePath
			Body struct {
				Reason  string `json:"reason" minLength:"1" doc:"The meaning of the signature; kept in the record."`
				Binding string `json:"binding" maxLength:"64" doc:"What is signed, as the change's binding says it; if it says something else by now, nothing is signed."`
			}
		}) (*api.Written[gate.View], error) {
			receipt, err := s.gate.Sign(ctx, in.Origin(ctx, in.Body.Reason, 0), in.Change, in.Body.Binding)
			return s.changeAfter(ctx, in.Change, receipt, err)
		})
	for _, act := range []struct {
		id, verb, summary string
		do                func(context.Context, gate.Origin, string) (gate.Receipt, error)
	}{
		{"decline-change", "/decline", "Decline a change: it cannot be applied any more", s.gate.Decline},
		{"request-changes", "/request-changes", "Ask a change's author for another edition", s.gate.RequestChanges},
		{"withdraw-change", "/withdraw", "Take one's own change back", s.gate.Withdraw},
		{"rebase-change", "/rebase", "Ask for the same again on what stands now; voids its sign-offs", s.gate.Rebase},
	} {
		huma.Register(a, changeOperation(act.id, http.MethodPost, "/{change}"+act.verb, act.summary),
			func(ctx context.Context, in *actInput) (*api.Written[gate.View], error) {
				receipt, err := act.do(ctx, in.Origin(ctx, in.Body.Reason, 0), in.Change)
				return s.changeAfter(ctx, in.Change, receipt, err)
			})
	}
	huma.Register(a, changeOperation("edit-change", http.MethodPost, "/{change}/edit", "Replace what one's own change asks for; voids its sign-offs"),
		func(ctx context.Context, in *struct {
			api.Keyed
			ChangePath
			Body struct {
				Saying
				Request json.RawMessage `json:"request" doc:"Of the shape of the change's request."`
				ApplyAt time.Time       `json:"apply_at,omitzero" doc:"Another time to take effect (RFC 3339)."`
			}
		}) (*api.Written[gate.View], error) {
			o := in.Origin(ctx, in.Body.Reason, 0)
			o.ApplyAt = in.Body.ApplyAt
			receipt, err := s.gate.Edit(ctx, o, in.Change, in.Body.Request)
			return s.changeAfter(ctx, in.Change, receipt, err)
		})
}

// changeAfter is the output of an act on a change: how the change stands then.
func (s *Server) changeAfter(ctx context.Context, id string, receipt gate.Receipt, err error) (*api.Written[gate.View], error) {
	if err != nil {
		return nil, err
	}
	v, err := s.gate.Look(ctx, id)
	if err != nil { // the act is done, whatever can be seen of it
		v = gate.View{Proposal: gate.Proposal{ID: id}}
	}
	return api.Wrote(v, receipt, nil)
}

func (s *Server) lookAtChange(ctx context.Context, id string) (gate.View, error) {
	who := api.PrincipalFrom(ctx)
	if err := identity.Can(who, identity.ReadState, identity.Target{Kind: "change", ID: id}); err != nil {
		return gate.View{}, err
	}
	v, err := s.gate.Look(ctx, id)
	if err != nil {
		return gate.View{}, err
	}
	if err := v.MayLook(who); err != nil {
		return gate.View{}, err
	}
	return v, nil
}

func (s *Server) listChanges(ctx context.Context, in *changesInput) ([]gate.Proposal, error) {
	who := api.PrincipalFrom(ctx)
	if err := identity.Can(who, identity.ReadState, identity.Target{Kind: "change"}); err != nil {
		return nil, err
	}
	f := gate.Filter{State: gate.State(in.State), Region: in.Region}
	if in.Mine {
		f.Author = who.ID
	}
	if in.ForMe {
		if f.ForMe = who.Grants; f.ForMe == nil {
			f.ForMe = []identity.Grant{}
		}
	}
	all, err := s.gate.List(ctx, f)
	if err != nil {
		return nil, err
	}
	list := []gate.Proposal{}
	for _, p := range all {
		if p.MayLook(who) == nil {
			list = append(list, p)
		}
	}
	return list, nil
}
