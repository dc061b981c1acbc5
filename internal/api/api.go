package api

import (
	"encoding/json"
	"net/http"
	"path"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
)

// Prefix is where the JSON API begins.
const Prefix = "/api/v1"

// New makes the JSON API of a router and serves its OpenAPI 3.1 document at
// /api/v1/openapi.json and .yaml. The document is made at the first request for
// it, so all operations must be registered before the server starts. There is no
// page to browse it: the ones at hand load scripts from elsewhere.
func New(router chi.Router, version string) huma.API {
	cfg := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Quorate", Version: version,
				Description: "Decide, regulate and serve the capabilities of a patient portal. Every failure is an RFC 9457 problem."},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: credentials,
			},
			Security: []map[string][]string{{"bearer": {}}, {"apiKey": {}}},
		},
		Formats:       map[string]huma.Format{"application/json": strictJSON, "json": strictJSON},
		DefaultFormat: "application/json",
	}
	a := humachi.New(router, cfg)
	a.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) { next(usualStatus{ctx}) })
	serveDocument(router, ".json", "application/openapi+json", func() ([]byte, error) { return json.Marshal(a.OpenAPI()) })
	serveDocument(router, ".yaml", "application/openapi+yaml", func() ([]byte, error) { return a.OpenAPI().YAML() })
	return a
}

// credentials are the two headers in which a token can be sent.
var credentials = map[string]*huma.SecurityScheme{
	"bearer": {Type: "http", Scheme: "bearer", Description: "an API token, qrt_…, as `Authorization: Bearer …`"},
	"apiKey": {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "the same token, for clients that cannot set Authorization"},
}

// serveDocument replaces huma's own route, which makes the document without a
// lock when several ask for it at once.
func serveDocument(router chi.Router, ext, contentType string, render func() ([]byte, error)) {
	once := sync.OnceValues(render)
	router.Get(Prefix+"/openapi"+ext, func(w http.ResponseWriter, r *http.Request) {
		doc, err := once()
		if err != nil {
			Problem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(doc) // the client has gone; nobody is left to be told
	})
}

// schemaName names a type in the document after its package and itself, since
// two slices may both have a Change. Types of this package go by their name.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Name() == "" {
		return huma.DefaultSchemaNamer(t, hint)
	}
	name, args, _ := strings.Cut(t.Name(), "[")
	name = qualified(t.PkgPath(), name)
	for arg := range strings.FieldsFuncSeq(args, func(r rune) bool { return strings.ContainsRune("[]*,", r) }) {
		dir, base := path.Split(arg)
		pkg, typ, ok := strings.Cut(base, ".")
		if !ok {
			pkg, typ = "", base
		}
		name += qualified(dir+pkg, typ)
	}
	return name
}

var ownPackage = reflect.TypeFor[Details]().PkgPath()

func qualified(pkg, name string) string {
	if pkg == ownPackage || pkg == "" {
		return title(name)
	}
	return title(path.Base(pkg)) + title(name)
}

func title(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
