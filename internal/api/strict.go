package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quorate/quorate/internal/fault"
)

// What is said here twice could be read in two ways, by us and by whatever stands
// between the sender and us; so it is refused rather than read in one of them.

// single are the headers of which a request has at most one.
var single = []string{"Authorization", "X-Api-Key", "Idempotency-Key", "Content-Type", "Origin", "Flagd-Selector"}

// duplicated is the header that stands more than once and must not.
func duplicated(h http.Header) (name string, twice bool) {
	for _, name := range single {
		if len(h[name]) > 1 {
			return name, true
		}
	}
	return "", false
}

// plainPath lets only those paths pass that can be written in one way. What may
// be done is decided by the route that a path was found to be of; a path that
// some proxy, or some later version of the router, would read as another's has
// no route at all.
func plainPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !plain(r.URL.EscapedPath()) {
			noSuchRoute(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// veiled are characters that mean something in a path, behind an escape.
var veiled = strings.NewReplacer("%2e", "", "%2f", "", "%5c", "", "%3b", "", "%25", "", "%3f", "", "%23", "")

func plain(escaped string) bool {
	if escaped == "*" || strings.ContainsAny(escaped, ";\\") { // of OPTIONS; matrix parameters
		return false
	}
	lower := strings.ToLower(escaped)
	if veiled.Replace(lower) != lower || strings.Contains(lower, "%0") || strings.Contains(lower, "%1") || strings.Contains(lower, "%7f") {
		return false
	}
	cleaned := path.Clean(escaped)
	return cleaned == escaped || cleaned+"/" == escaped
}

// sameOrigin refuses what a page of another origin would change. Our tokens are
// not ambient, a browser never adds one by itself; session cookies are, and no
// page but our own has any business here. OFREP and flagd's protocols accept no
// cookie and have a list of origins of their own.
func sameOrigin(protection *http.CrossOriginProtection) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := protection.Check(r); err != nil {
				Problem(w, r, fault.New(fault.Forbidden, "cross_origin", "a page of another origin may change nothing here").
					Do("do it from the pages of this server, or with a token and without a browser").At("Origin"))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// maxDepth is how deep values may be nested in a body.
const maxDepth = 64

var (
	errTwice  = errors.New("a name stands twice in one object")
	errNested = errors.New("values are nested more than 64 deep")
)

// strictJSON is huma's format, for bodies that can be read in one way only.
var strictJSON = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, v any) error {
		if err := unambiguous(data); err != nil {
			return err
		}
		return json.Unmarshal(data, v)
	},
}

// unambiguous refuses names that stand twice in an object, and what is nested too
// deep. It leaves what is no JSON to the parser. The error repeats nothing of the
// body, which may hold what must not be repeated.
func unambiguous(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var open []map[string]bool // the names so far, of each object or array that is open; nil for an array
	name := false              // a name comes next
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return nil //nolint:nilerr // the parser says it better
		}
		switch t {
		case json.Delim('{'):
			open, name = append(open, map[string]bool{}), true
		case json.Delim('['):
			open, name = append(open, nil), false
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
			name = len(open) > 0 && open[len(open)-1] != nil
		default:
			if !name {
				name = len(open) > 0 && open[len(open)-1] != nil
				break
			}
			key, names := t.(string), open[len(open)-1]
			if names[key] {
				return errTwice
			}
			names[key], name = true, false
		}
		if len(open) > maxDepth {
			return errNested
		}
	}
}
