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

// introspection is what an edge needs to know of a token that was sent to it.
type introspection struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Grants  []identity.Grant  `json:"grants"`
	Verbs   []identity.Action `json:"verbs,omitempty"`
	Expires time.Time         `json:"expires"`
}

// introspectRoute adds the operation with which an edge asks whom a token belongs
// to: it sends the token itself, so nobody learns anything of another's.
func introspectRoute(a huma.API, dir *Directory) {
	huma.Register(a, huma.Operation{OperationID: "introspect-token", Method: http.MethodPost, Path: api.Prefix + "/introspect", Tags: []string{"access"},
		Summary: "Who the token that is sent belongs to, and until when it is good, for an edge"},
		func(ctx context.Context, _ *struct{}) (*api.Out[introspection], error) {
			return api.Read(dir.introspect(api.PrincipalFrom(ctx)))
		})
}

func (d *Directory) introspect(p identity.Principal) (introspection, error) {
	if !p.Known() {
		return introspection{}, fault.New(fault.Unauthenticated, "unauthenticated", "no credential was sent").
			Do("send the token as `Authorization: Bearer …`")
	}
	id, isToken := strings.CutPrefix(p.ID, "token:")
	entries := d.entries.Load()
	if !isToken || entries == nil || (*entries)[id] == nil {
		return introspection{}, fault.New(fault.Forbidden, "not_a_service_token", "%s did not come with an API token", p.Name).
			Do("send the token of a service")
	}
	return introspection{ID: p.ID, Name: p.Name, Grants: p.Grants, Verbs: p.Verbs, Expires: (*entries)[id].expires}, nil
}
