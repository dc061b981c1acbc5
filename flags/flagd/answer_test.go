package flagd_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/flags/flagd"
)

// everyKind has a flag for each way in which an evaluation can end.
const everyKind = `{
	"on":         {"state": "ENABLED", "variants": {"yes": true, "no": false}, "defaultVariant": "yes"},
	"off":        {"state": "ENABLED", "variants": {"yes": true, "no": false}, "defaultVariant": "no"},
	"rule":       {"state": "ENABLED", "variants": {"yes": true, "no": false}, "defaultVariant": "no", "targeting": {"if": [{"==": [{"var": "who"}, "me"]}, "yes"]}, "metadata": {"owner": "x", "n": 1}},
	"disabled":   {"state": "DISABLED", "variants": {"yes": true}, "defaultVariant": "yes"},
	"open":       {"state": "ENABLED", "variants": {"yes": true}, "defaultVariant": null},
	"unreadable": {"state": "ENABLED", "variants": {"yes": true}, "defaultVariant": "yes", "targeting": {"nonsense": []}},
	"nowhere":    {"state": "ENABLED", "variants": {"yes": true}, "defaultVariant": "yes", "targeting": {"cat": ["no such"]}},
	"ten":        {"state": "ENABLED", "variants": {"v": 10}, "defaultVariant": "v"},
	"thousand":   {"state": "ENABLED", "variants": {"v": 1e3}, "defaultVariant": "v"},
	"zero":       {"state": "ENABLED", "variants": {"v": 0.0}, "defaultVariant": "v"},
	"pi":         {"state": "ENABLED", "variants": {"v": 3.14}, "defaultVariant": "v"},
	"largest":    {"state": "ENABLED", "variants": {"v": 9007199254740991}, "defaultVariant": "v"},
	"tooLarge":   {"state": "ENABLED", "variants": {"v": 9007199254740993}, "defaultVariant": "v"},
	"text":       {"state": "ENABLED", "variants": {"v": ""}, "defaultVariant": "v"},
	"object":     {"state": "ENABLED", "variants": {"v": {"a": [1, null, {"b": 2.5}]}}, "defaultVariant": "v"}
}`

// The answers of both versions, as JSON, word for word. Version 2 leaves unset
// what there is not; version 1 has no way to, and says NOT_FOUND or DISABLED.
func TestAnswers(t *testing.T) {
	s := newSite(t)
	s.put("co", everyKind)
	h1 := client(t, false, nil)
	type said = object
	value := func(v any, variant, reason string) said {
		return said{"value": v, "variant": variant, "reason": reason, "metadata": object{}}
	}
	none := func(reason string) said { return said{"reason": reason, "metadata": object{}} }
	for _, c := range []struct {
		method, flag string
		status       int
		v2           said // the answer, or with "code" the error
		v1           said // nil: as v2
	}{
		{"Boolean", "on", 200, value(true, "yes", "STATIC"), nil},
		{"Boolean", "off", 200, value(false, "no", "STATIC"), nil},
		{"Boolean", "rule", 200, said{"value": true, "variant": "yes", "reason": "TARGETING_MATCH", "metadata": object{"owner": "x", "n": 1.0}}, nil},
		{"Boolean", "disabled", 200, none("DISABLED"), value(false, "", "DISABLED")},
		{"Object", "disabled", 200, none("DISABLED"), value(object{}, "", "DISABLED")},
		{"Boolean", "open", 200, none("DEFAULT"), said{"code": "not_found"}},
		{"Boolean", "missing", 404, said{"code": "not_found"}, nil},
		{"Boolean", "", 404, said{"code": "not_found"}, nil},
		{"Boolean", "unreadable", 500, said{"code": "data_loss"}, nil},
		{"Boolean", "nowhere", 500, said{"code": "unknown"}, nil},
		{"String", "on", 400, said{"code": "invalid_argument"}, nil},
		{"Boolean", "ten", 400, said{"code": "invalid_argument"}, nil},
		{"Object", "text", 400, said{"code": "invalid_argument"}, nil},
		{"Int", "ten", 200, value("10", "v", "STATIC"), nil},
		{"Int", "thousand", 200, value("1000", "v", "STATIC"), nil},
		{"Int", "zero", 200, value("0", "v", "STATIC"), nil},
		{"Int", "pi", 400, said{"code": "invalid_argument"}, nil},
		{"Int", "largest", 200, value("9007199254740991", "v", "STATIC"), nil},
		{"Int", "tooLarge", 400, said{"code": "invalid_argument"}, nil},
		{"Float", "ten", 200, value(10.0, "v", "STATIC"), nil},
		{"Float", "pi", 200, value(3.14, "v", "STATIC"), nil},
		{"Float", "tooLarge", 400, said{"code": "invalid_argument"}, nil},
		{"String", "text", 200, value("", "v", "STATIC"), nil},
		{"Object", "object", 200, value(object{"a": []any{1.0, nil, object{"b": 2.5}}}, "v", "STATIC"), nil},
	} {
		for version, want := range map[string]said{"v1": c.v1, "v2": c.v2} {
			if want == nil {
				want = c.v2
			}
			status := c.status
			if want["code"] == "not_found" {
				status = 404
			}
			body := `{"flagKey": "` + c.flag + `", "context": {"who": "me"}, "field_of_the_future": [1]}`
			got, _, raw := s.post(h1, "/flagd.evaluation."+version+".Service/Resolve"+c.method, "application/json; charset=utf-8", body)
			answer := decoded(t, raw)
			if answer["code"] != nil {
				answer = said{"code": answer["code"]}
			}
			if diff := cmp.Diff(want, answer); got != status || diff != "" {
				t.Errorf("%s Resolve%s(%s): %d, want %d (-want +got):\n%s", version, c.method, c.flag, got, status, diff)
			}
		}
	}
}

// ResolveAll gives a page what has a value, and nothing in place of what has
// none: a page would take a zero for the value.
func TestResolveAllLeavesOutWhatHasNoValue(t *testing.T) {
	s := newSite(t)
	s.put("co", everyKind)
	_, _, raw := s.post(client(t, false, nil), "/flagd.evaluation.v1.Service/ResolveAll", "application/json", `{"context":{}}`)
	all, _ := decoded(t, raw)["flags"].(object)
	for _, key := range []string{"disabled", "open", "unreadable", "nowhere", "tooLarge"} {
		if all[key] != nil {
			t.Errorf("%s is told as %v", key, all[key])
		}
	}
	want := object{
		"on": object{"boolValue": true}, "off": object{"boolValue": false}, "rule": object{"boolValue": false},
		"ten": object{"doubleValue": 10.0}, "thousand": object{"doubleValue": 1000.0}, "zero": object{"doubleValue": 0.0},
		"pi": object{"doubleValue": 3.14}, "largest": object{"doubleValue": 9007199254740991.0}, "text": object{"stringValue": ""},
		"object": object{"objectValue": object{"a": []any{1.0, nil, object{"b": 2.5}}}},
	}
	for _, item := range all {
		for _, other := range []string{"reason", "variant", "metadata"} {
			delete(item.(object), other)
		}
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

// What the server says of itself goes before what callers say, and a header
// before both.
func TestTheContextOfTheServerGoesFirst(t *testing.T) {
	s := newSite(t, func(c *flagd.Config) {
		c.Context = map[string]any{"who": "server", "where": "here"}
		c.HeaderContext = map[string]string{"X-Who": "who"}
	})
	s.put("co", `{"who": {"state": "ENABLED", "variants": {"server": "server", "header": "header", "caller": "caller"}, "targeting": {"var": "who"}}}`)
	ask := func(headers ...string) any {
		_, _, raw := s.post(client(t, false, nil), "/flagd.evaluation.v2.Service/ResolveString", "application/json", `{"flagKey":"who","context":{"who":"caller"}}`, headers...)
		return decoded(t, raw)["value"]
	}
	if got := ask(); got != "server" {
		t.Errorf("without a header: %v", got)
	}
	if got := ask("X-Who", "header"); got != "header" {
		t.Errorf("with a header: %v", got)
	}
}

// silent is a source that has lost contact.
type silent struct{ *flagd.Sets }

func (silent) Fresh() (bool, time.Time) { return false, noon }

// While the store is silent the last value is served and says so; where there is
// no value, the reason why still counts.
func TestASilentStoreMakesValuesStale(t *testing.T) {
	sets := &flagd.Sets{}
	s := newSite(t, func(c *flagd.Config) { c.Source = silent{sets} })
	sets.Put("co", compile(t, `{"flags":`+everyKind+`}`))
	for flag, want := range map[string]string{"on": "STALE", "rule": "STALE", "disabled": "DISABLED", "open": "DEFAULT"} {
		_, _, raw := s.post(client(t, false, nil), "/flagd.evaluation.v2.Service/ResolveBoolean", "application/json", `{"flagKey":"`+flag+`"}`)
		got := decoded(t, raw)
		if metadata, _ := got["metadata"].(object); got["reason"] != want || metadata["staleSince"] != noon.UTC().Format(time.RFC3339) {
			t.Errorf("%s: %v", flag, got)
		}
	}
}

// Pages may ask from the origins that are named, and from no other.
func TestPagesOfNamedOriginsMayAsk(t *testing.T) {
	s := newSite(t, func(c *flagd.Config) { c.Origins = []string{"https://portal.example.org"} })
	s.put("co", everyKind)
	preflight := func(origin string) http.Header {
		req, _ := http.NewRequest(http.MethodOptions, s.url+"/flagd.evaluation.v1.Service/ResolveAll", nil)
		req.Header.Set("Origin", origin)
		req.Header.Set("Access-Control-Request-Method", "POST")
		resp, err := client(t, false, nil).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.Header
	}
	h := preflight("https://portal.example.org")
	if h.Get("Access-Control-Allow-Origin") != "https://portal.example.org" || h.Get("Access-Control-Max-Age") == "" || h.Get("Vary") != "Origin" {
		t.Errorf("a named origin: %v", h)
	}
	if h := preflight("https://elsewhere.example.org"); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %v", h)
	}
	_, h, _ = s.post(client(t, false, nil), "/flagd.evaluation.v1.Service/ResolveAll", "application/json", `{}`, "Origin", "https://portal.example.org")
	if h.Get("Access-Control-Allow-Origin") == "" || h.Get("Access-Control-Expose-Headers") == "" {
		t.Errorf("an answer: %v", h)
	}
}
