package access

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

type groupsView struct {
	Groups
	Revision int64 `json:"revision" doc:"Of the table, 0 if it was never set; give it as if_revision"`
}

type groupsInput struct {
	api.Keyed
	Body struct {
		Groups
		Reason     string `json:"reason,omitempty" doc:"Why, for the record"`
		IfRevision int64  `json:"if_revision,omitempty" doc:"Refuse if the table has another revision by now"`
	}
}

type reasonInput struct {
	api.Keyed
	ID   string `path:"id"`
	Body struct {
		Reason string `json:"reason" doc:"Why, for the record"`
	}
}

type delegateInput struct {
	api.Keyed
	Body struct {
		DelegationRequest
		Reason string `json:"reason" doc:"Why, for the record"`
	}
}

// PeopleRoutes adds the operations on who may do what: groups, people,
// delegations, and the questions that the access page answers.
func PeopleRoutes(a huma.API, s *Service, dir *Directory) {
	introspectRoute(a, dir)
	tags := []string{"access"}
	op := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: api.Prefix + path, Tags: tags, Summary: summary}
	}
	huma.Register(a, op("show-groups", http.MethodGet, "/access/groups", "Which groups of the identity provider hold which roles"),
		func(ctx context.Context, _ *struct{}) (*api.Out[groupsView], error) {
			g, revision, err := s.Groups(ctx, api.PrincipalFrom(ctx))
			return api.Read(groupsView{Groups: g, Revision: revision}, err)
		})
	huma.Register(a, op("set-groups", http.MethodPut, "/access/groups", "Say which groups of the identity provider hold which roles"),
		func(ctx context.Context, in *groupsInput) (*api.Written[Groups], error) {
			return api.Wrote(s.SetGroups(ctx, in.Origin(ctx, in.Body.Reason, in.Body.IfRevision), in.Body.Groups))
		})
	huma.Register(a, op("list-people", http.MethodGet, "/access/people", "Who has signed in here, and which roles they hold"),
		func(ctx context.Context, _ *struct{}) (*api.Out[api.List[Profile]], error) {
			return api.Listed(s.People(api.PrincipalFrom(ctx), dir))
		})
	huma.Register(a, op("disable-person", http.MethodPost, "/access/people/{id}/disable", "Lock a person out at once"), lockHandler(s.DisablePerson))
	huma.Register(a, op("enable-person", http.MethodPost, "/access/people/{id}/enable", "Let a person in again"), lockHandler(s.EnablePerson))
	huma.Register(a, op("show-access", http.MethodGet, "/access/principals/{id}", "What a person or a token can do, and why; `me` for oneself"),
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		}) (*api.Out[Profile], error) {
			return api.Read(s.Profile(ctx, api.PrincipalFrom(ctx), in.ID, dir))
		})
	huma.Register(a, op("who-can", http.MethodGet, "/access/actions/{action}", "Who can take an action, and why"),
		func(ctx context.Context, in *struct {
			Action identity.Action `path:"action" doc:"Such as enablement.answer"`
			Region string          `query:"region" doc:"For one region; left out, for any"`
		}) (*api.Out[api.List[Holder]], error) {
			return api.Listed(s.WhoCan(ctx, api.PrincipalFrom(ctx), in.Action, in.Region, dir))
		})
	delegationRoutes(a, s, op)
}

func lockHandler(verb func(context.Context, gate.Origin, string) (Person, gate.Receipt, error)) func(context.Context, *reasonInput) (*api.Written[Person], error) {
	return func(ctx context.Context, in *reasonInput) (*api.Written[Person], error) {
		return api.Wrote(verb(ctx, in.Origin(ctx, in.Body.Reason, 0), in.ID))
	}
}

func delegationRoutes(a huma.API, s *Service, op func(id, method, path, summary string) huma.Operation) {
	huma.Register(a, op("list-delegations", http.MethodGet, "/access/delegations", "Which roles are delegated to whom, and until when"),
		func(ctx context.Context, _ *struct{}) (*api.Out[api.List[Delegation]], error) {
			return api.Listed(s.Delegations(ctx, api.PrincipalFrom(ctx)))
		})
	huma.Register(a, op("delegate", http.MethodPost, "/access/delegations", "Delegate a role of one's own to another person for a time"),
		func(ctx context.Context, in *delegateInput) (*api.Written[Delegation], error) {
			return api.Wrote(s.Delegate(ctx, in.Origin(ctx, in.Body.Reason, 0), in.Body.DelegationRequest))
		})
	huma.Register(a, op("end-delegation", http.MethodPost, "/access/delegations/{id}/end", "End a delegation before its time"),
		func(ctx context.Context, in *reasonInput) (*api.Written[Delegation], error) {
			return api.Wrote(s.EndDelegation(ctx, in.Origin(ctx, in.Body.Reason, 0), in.ID))
		})
}

type redeemInput struct {
	Body struct {
		Code     string `json:"code" maxLength:"100" doc:"As the browser brought it"`
		Verifier string `json:"verifier" minLength:"43" maxLength:"128" doc:"Whose sha256 the sign-in was begun with (RFC 7636)"`
	}
}

type redeemed struct {
	Secret  string    `json:"secret" doc:"The token, qrt_…; shown this once"`
	Person  string    `json:"person"`
	Expires time.Time `json:"expires"`
}

type done struct {
	Says string `json:"says"`
}

// DoorRoutes adds the operations of the command line's sign-in. Without a door,
// where no identity provider is configured, they say so.
func DoorRoutes(a huma.API, door *Door) {
	tags := []string{"access"}
	huma.Register(a, huma.Operation{OperationID: "redeem-sign-in", Method: http.MethodPost, Path: api.Prefix + "/sign-in/token", Tags: tags,
		Security: []map[string][]string{}, Summary: "Take over a sign-in from the browser, for the command line"},
		func(ctx context.Context, in *redeemInput) (*api.Out[redeemed], error) {
			if door == nil {
				return nil, noSignIn()
			}
			token, s, err := door.Redeem(ctx, in.Body.Code, in.Body.Verifier)
			return api.Read(redeemed{Secret: token, Person: s.Person, Expires: s.Expires}, err)
		})
	huma.Register(a, huma.Operation{OperationID: "sign-out", Method: http.MethodPost, Path: api.Prefix + "/sign-out", Tags: tags,
		Summary: "End the sign-in that the token belongs to, or with everywhere all of the person's"},
		func(ctx context.Context, in *struct {
			Token      string `header:"Authorization"`
			Everywhere bool   `query:"everywhere"`
		}) (*api.Out[done], error) {
			who := api.PrincipalFrom(ctx)
			switch {
			case !who.Known():
				return nil, signedOut()
			case door == nil:
				return nil, noSignIn()
			case in.Everywhere:
				return api.Read(done{Says: "signed out everywhere"}, door.SignOutEverywhere(ctx, who))
			case who.Strength != identity.BySignIn:
				return nil, fault.New(fault.Refused, "not_a_sign_in", "the token of %s is no sign-in", who.Name).Do("revoke it with `quorate token revoke`")
			}
			token, _ := bearerOf(in.Token)
			return api.Read(done{Says: "signed out"}, door.SignOutToken(ctx, token))
		})
}

func noSignIn() error {
	return fault.New(fault.NotFound, "no_sign_in", "people cannot sign in here: no identity provider is configured").
		Do("use a token, or start the server with --oidc-issuer")
}
