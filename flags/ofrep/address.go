package ofrep

import (
	"net/http"
	"net/url"
	"strings"
)

// MaxKey is how long a flag's key may be in an address, in bytes. No flag has a
// longer one.
const MaxKey = 256

// asked is what an address stands for.
type asked int

const (
	nothing asked = iota // below ofrep/, but nothing we know
	bulk
	single
	events
)

// address is what a path says.
type address struct {
	what   asked
	region string // "" if the path names none
	scoped bool   // the path names a region
	key    string // of a single flag, as the client meant it
}

// addressOf reads the path of a request; ours is false if it is not one of this
// protocol. Some providers escape a flag's key and some send it as it is, slashes
// included: whatever follows is the key, unescaped once.
func addressOf(u *url.URL) (a address, ours bool) {
	path, unescape := u.Path, false
	if u.RawPath != "" { // only then does the path differ from what was sent
		path, unescape = u.RawPath, true
	}
	rest, ok := strings.CutPrefix(path, "/ofrep/")
	if !ok {
		if rest, ok = strings.CutPrefix(path, "/regions/"); ok {
			a.region, rest, ok = strings.Cut(rest, "/ofrep/")
			a.scoped = true
		}
		if !ok || strings.Contains(a.region, "/") {
			return address{}, false
		}
	}
	a.what, a.key = resource(rest)
	if unescape {
		a.unescape()
	}
	if a.scoped && a.region == "" || a.what == single && a.key == "" {
		a.what = nothing
	}
	return a, true
}

func resource(rest string) (asked, string) {
	switch rest {
	case "v1/evaluate/flags":
		return bulk, ""
	case "v1/events":
		return events, ""
	}
	if key, ok := strings.CutPrefix(rest, "v1/evaluate/flags/"); ok {
		return single, key
	}
	return nothing, ""
}

func (a *address) unescape() {
	region, err := url.PathUnescape(a.region)
	key, err2 := url.PathUnescape(a.key)
	if err != nil || err2 != nil { // net/http lets no such path through
		a.what = nothing
		return
	}
	a.region, a.key = region, key
}

// method is the one method of a resource.
func (w asked) method() string {
	if w == events {
		return http.MethodGet
	}
	return http.MethodPost
}

// route is the name under which requests are counted.
func (a *address) route() string {
	routes := [...][2]string{
		nothing: {"/ofrep/*", "/regions/{region}/ofrep/*"},
		bulk:    {"/ofrep/v1/evaluate/flags", "/regions/{region}/ofrep/v1/evaluate/flags"},
		single:  {"/ofrep/v1/evaluate/flags/{key}", "/regions/{region}/ofrep/v1/evaluate/flags/{key}"},
		events:  {"/ofrep/v1/events", "/regions/{region}/ofrep/v1/events"},
	}
	if a.scoped {
		return routes[a.what][1]
	}
	return routes[a.what][0]
}
