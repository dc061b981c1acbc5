package access

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// Middleware finds out who asks; api.PrincipalFrom tells from then on. A request
// without a credential passes as nobody, and what needs somebody refuses it. A
// credential that is not accepted is answered at once, whatever was asked for:
// its sender believes to be somebody.
func Middleware(dir *Directory, now func() time.Time) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p, err := dir.Identify(r, now())
			if err != nil {
				api.Problem(w, r, err)
				return
			}
			if !p.Known() {
				next.ServeHTTP(w, r)
				return
			}
			if ctx := api.WithPrincipal(r.Context(), p); ctx != r.Context() {
				r = r.WithContext(ctx)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Identify says who sent a request: nobody, the zero Principal, if it carries no
// credential. Its errors are those of Authenticate.
func (d *Directory) Identify(r *http.Request, now time.Time) (identity.Principal, error) {
	token, sent := credential(r)
	if !sent {
		return identity.Principal{}, nil
	}
	return d.Authenticate(token, now)
}

// credential is the token of a request. An Authorization of another scheme is a
// credential too, one that is not accepted.
func credential(r *http.Request) (token string, sent bool) {
	if h := r.Header.Get("Authorization"); h != "" {
		token, _ := bearerOf(h)
		return token, true
	}
	h := r.Header.Get("X-API-Key")
	return h, h != ""
}

func bearerOf(header string) (token string, ok bool) {
	kind, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(kind, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(token), true
}

// tokenView is a token as it is shown.
type tokenView struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	State    string            `json:"state" enum:"live,expired,revoked"`
	Grants   []identity.Grant  `json:"grants"`
	Verbs    []identity.Action `json:"verbs,omitempty"`
	Expires  time.Time         `json:"expires"`
	IssuedBy string            `json:"issued_by"`
	IssuedAt time.Time         `json:"issued_at"`
	Change   string            `json:"change"`
	Revoked  *Revocation       `json:"revoked,omitempty"`

	Replaces   string     `json:"replaces,omitempty" doc:"The token it was rotated from"`
	ReplacedBy string     `json:"replaced_by,omitempty" doc:"The token it was rotated into"`
	LastUsed   *time.Time `json:"last_used,omitempty" doc:"To the minute; absent if it never was"`
	Revision   int64      `json:"revision,omitempty" doc:"Only where one token is shown; give it as if_revision"`
}

// seen adds when the token was last used.
func (v tokenView) seen(at time.Time) tokenView {
	if !at.IsZero() {
		v.LastUsed = &at
	}
	return v
}

func viewOf(t Token, now time.Time) tokenView {
	state := "live"
	switch {
	case t.Revoked != nil:
		state = "revoked"
	case !t.Live(now):
		state = "expired"
	}
	return tokenView{ID: t.ID, Name: t.Name, State: state, Grants: t.Grants, Verbs: t.Verbs, Expires: t.Expires, IssuedBy: t.IssuedBy,
		IssuedAt: t.IssuedAt, Change: t.Change, Revoked: t.Revoked, Replaces: t.Replaces, ReplacedBy: t.ReplacedBy}
}

type issueInput struct {
	api.Keyed
	Body struct {
		TokenRequest
		Reason string `json:"reason,omitempty" doc:"Why it is issued, for the record"`
	}
}

type issued struct {
	Token  tokenView `json:"token"`
	Secret string    `json:"secret" doc:"The whole token, qrt_…; shown this once"`
}

type revokeInput struct {
	api.Keyed
	ID   string `path:"id" doc:"The token's id, the part between the first two underscores"`
	Body *struct {
		Reason     string `json:"reason,omitempty" doc:"Why it is revoked, for the record"`
		IfRevision int64  `json:"if_revision,omitempty" doc:"Refuse if the token has another revision by now"`
	}
}

type rotateInput struct {
	api.Keyed
	ID   string `path:"id" doc:"The old token's id"`
	Body struct {
		Overlap    string    `json:"overlap,omitempty" doc:"For how long the old token is still accepted, such as 24h; left out, it is not" example:"24h"`
		Expires    time.Time `json:"expires,omitzero" doc:"When the new one stops being accepted; left out, it lives as long as the old one was meant to"`
		Reason     string    `json:"reason,omitempty" doc:"Why, for the record"`
		IfRevision int64     `json:"if_revision,omitempty" doc:"Refuse if the old token has another revision by now"`
	}
}

func (in *rotateInput) rotation() (Rotation, error) {
	r := Rotation{Expires: in.Body.Expires}
	if in.Body.Overlap == "" {
		return r, nil
	}
	var err error
	if r.Overlap, err = time.ParseDuration(in.Body.Overlap); err != nil {
		return r, fault.New(fault.Invalid, "bad_overlap", "the overlap %.40q is no length of time", in.Body.Overlap).Do("write it as 24h").At("/overlap")
	}
	return r, nil
}

// reason is empty if no body was sent: in haste one should not have to explain.
func (in *revokeInput) reason() string {
	if in.Body == nil {
		return ""
	}
	return in.Body.Reason
}

func (in *revokeInput) ifRevision() int64 {
	if in.Body == nil {
		return 0
	}
	return in.Body.IfRevision
}

type whoami struct {
	ID     string            `json:"id"`
	Name   string            `json:"name"`
	Grants []identity.Grant  `json:"grants"`
	Verbs  []identity.Action `json:"verbs,omitempty"`

	Roles    []string          `json:"roles" doc:"The same as grants, in words, with what is delegated"`
	Strength identity.Strength `json:"strength" doc:"How it proved who it is: token or sign_in"`
	SignedIn *time.Time        `json:"signed_in,omitempty" doc:"When the person proved at the identity provider who it is"`
}

// Routes adds the operations on tokens, and the one that tells who asks.
func Routes(a huma.API, s *Service, now func() time.Time) {
	tags := []string{"access"}
	huma.Register(a, huma.Operation{OperationID: "whoami", Method: http.MethodGet, Path: api.Prefix + "/whoami", Tags: tags,
		Summary: "Who the credential belongs to"}, whoAsks)
	huma.Register(a, huma.Operation{OperationID: "list-tokens", Method: http.MethodGet, Path: api.Prefix + "/tokens", Tags: tags,
		Summary: "List all tokens, without their secrets"},
		func(ctx context.Context, _ *struct{}) (*api.Out[api.List[tokenView]], error) {
			all, err := s.List(ctx, api.PrincipalFrom(ctx))
			if err != nil {
				return nil, err
			}
			used, err := s.LastUses(ctx, api.PrincipalFrom(ctx))
			views := make([]tokenView, 0, len(all))
			for _, t := range all {
				views = append(views, viewOf(t, now()).seen(used[t.ID]))
			}
			return api.Listed(views, err)
		})
	huma.Register(a, huma.Operation{OperationID: "show-token", Method: http.MethodGet, Path: api.Prefix + "/tokens/{id}", Tags: tags,
		Summary: "Show a token, without its secret"},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		}) (*api.Out[tokenView], error) {
			t, revision, used, err := s.Show(ctx, api.PrincipalFrom(ctx), in.ID)
			view := viewOf(t, now()).seen(used)
			view.Revision = revision
			return api.Read(view, err)
		})
	huma.Register(a, huma.Operation{OperationID: "rotate-token", Method: http.MethodPost, Path: api.Prefix + "/tokens/{id}/rotate", Tags: tags,
		Summary: "Issue the successor of a token, which is accepted beside it for a while; its secret is shown once", DefaultStatus: http.StatusCreated},
		func(ctx context.Context, in *rotateInput) (*api.Written[issued], error) {
			r, err := in.rotation()
			if err != nil {
				return nil, err
			}
			secret, t, receipt, err := s.Rotate(ctx, in.Origin(ctx, in.Body.Reason, in.Body.IfRevision), in.ID, r)
			return api.Wrote(issued{Token: viewOf(t, now()), Secret: secret}, receipt, err)
		})
	huma.Register(a, huma.Operation{OperationID: "issue-token", Method: http.MethodPost, Path: api.Prefix + "/tokens", Tags: tags,
		Summary: "Issue a token; its secret is shown once", DefaultStatus: http.StatusCreated},
		func(ctx context.Context, in *issueInput) (*api.Written[issued], error) {
			secret, t, receipt, err := s.Issue(ctx, in.Origin(ctx, in.Body.Reason, 0), in.Body.TokenRequest)
			return api.Wrote(issued{Token: viewOf(t, now()), Secret: secret}, receipt, err)
		})
	huma.Register(a, huma.Operation{OperationID: "revoke-token", Method: http.MethodPost, Path: api.Prefix + "/tokens/{id}/revoke", Tags: tags,
		Summary: "Revoke a token"},
		func(ctx context.Context, in *revokeInput) (*api.Written[tokenView], error) {
			t, receipt, err := s.Revoke(ctx, in.Origin(ctx, in.reason(), in.ifRevision()), in.ID)
			return api.Wrote(viewOf(t, now()), receipt, err)
		})
}

func whoAsks(ctx context.Context, _ *struct{}) (*api.Out[whoami], error) {
	p := api.PrincipalFrom(ctx)
	if !p.Known() {
		return nil, fault.New(fault.Unauthenticated, "unauthenticated", "no credential was sent").
			Do("send a token as `Authorization: Bearer …` or set QUORATE_TOKEN")
	}
	w := whoami{ID: p.ID, Name: p.Name, Grants: p.Grants, Verbs: p.Verbs, Roles: p.RoleNames(), Strength: p.Strength}
	if !p.AuthTime.IsZero() {
		w.SignedIn = &p.AuthTime
	}
	return api.Read(w, nil)
}
