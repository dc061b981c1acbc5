package edge_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/flags/edge"
	"github.com/quorate/quorate/flags/eval"
)

// words is a document of flags whose value is a word, "key=word".
func words(set string, pairs ...string) string {
	flags := object{}
	for _, p := range pairs {
		key, word, _ := strings.Cut(p, "=")
		flags[key] = object{"state": "ENABLED", "variants": object{"v": word}, "defaultVariant": "v"}
	}
	doc := object{"flags": flags}
	if set != "" {
		doc["metadata"] = object{"flagSetId": set}
	}
	raw, _ := json.Marshal(doc)
	return string(raw)
}

// Several files make one answer, of which the later counts; a selector chooses a
// set or a source.
func TestFilesAreMergedAndSelected(t *testing.T) {
	e, paths := files(t, nil, words("co", "a=co", "b=co"), words("hi", "b=hi", "c=hi"), words("", "d=none"))
	for key, want := range map[string]any{"a": "co", "b": "hi", "c": "hi", "d": "none"} {
		if got := e.value(key); got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	for selector, want := range map[string][]any{
		"flagSetId=co": {"co", "co", nil, nil}, "flagSetId=hi": {nil, "hi", "hi", nil}, "flagSetId=": {nil, nil, nil, "none"},
		"source=" + paths[0]: {"co", "co", nil, nil}, paths[1]: {nil, "hi", "hi", nil},
	} {
		for i, key := range []string{"a", "b", "c", "d"} {
			if got := e.value(key, "Flagd-Selector", selector); got != want[i] {
				t.Errorf("%s with the selector %s is %v, want %v", key, selector, got, want[i])
			}
		}
	}
	for _, selector := range []string{"colour=blue", "flagSetId=co,source=x"} {
		if status, _, body := e.ofrep("a", nil, "Flagd-Selector", selector); status != http.StatusBadRequest || body["errorCode"] != "GENERAL" {
			t.Errorf("%s: %d %v", selector, status, body)
		}
	}
	if status, _, _ := e.ofrep("a", nil, "Flagd-Selector", "flagSetId=ga"); status != http.StatusNotFound {
		t.Errorf("a set that is not there: %d", status)
	}
	if status, _, body := post(t, "http://"+e.Addr("--ofrep-port")+"/regions/hi/ofrep/v1/evaluate/flags/b", nil); status != 200 || body["value"] != "hi" {
		t.Errorf("by address: %d %v", status, body)
	}
	_, _, all := e.ofrep("", nil, "Flagd-Selector", "flagSetId=co")
	if metadata, _ := all["metadata"].(object); metadata["flagSetId"] != "co" || len(all["flags"].([]any)) != 2 {
		t.Errorf("all of co: %v", all)
	}
}

// A file is read again however it is changed; a broken one leaves what was, and is
// logged once.
func TestAFileIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "flags.json")
	write(t, path, words("", "a=one"))
	e := start(t, edge.Config{Files: []string{path}})
	becomes := func(what, want string) {
		t.Helper()
		eventually(t, what, func() bool { return e.value("a") == want })
	}
	becomes("at first", "one")
	write(t, path, words("", "a=two"))
	becomes("written over", "two")

	write(t, filepath.Join(dir, "next.json"), words("", "a=three"))
	if err := os.Rename(filepath.Join(dir, "next.json"), path); err != nil {
		t.Fatal(err)
	}
	becomes("replaced by a rename", "three")

	// As Kubernetes does it: the file is a link into a directory that is a link.
	for _, version := range []string{"four", "five"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, version, "flags.json"), words("", "a="+version))
		link := filepath.Join(dir, "tmp-link")
		if err := os.Symlink(version, link); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link, filepath.Join(dir, "data")); err != nil {
			t.Fatal(err)
		}
		if version == "four" {
			if err := os.Symlink(filepath.Join("data", "flags.json"), filepath.Join(dir, "link.json")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(dir, "link.json"), path); err != nil {
				t.Fatal(err)
			}
		}
		becomes("a link to "+version, version)
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is logged that the file is gone", func() bool { return strings.Contains(e.log.String(), "cannot be used") })
	for i, broken := range []string{`{"flags":`, `{"flags":{"a":{"state":"ENABLED","variants":{"v":[1]}}}}`, ``} {
		before := strings.Count(e.log.String(), "cannot be used")
		write(t, path, broken)
		eventually(t, fmt.Sprint("it is logged that the file is broken, ", i), func() bool { return strings.Count(e.log.String(), "cannot be used") > before })
		if e.value("a") != "five" {
			t.Fatalf("with a broken file a is %v", e.value("a"))
		}
	}
	write(t, path, words("", "a=six"))
	becomes("mended", "six")
}

// The forms that flagd reads: YAML, and flags as a list.
func TestTheFormsOfAFile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), "flags:\n  a:\n    state: ENABLED\n    variants: {v: 10, w: 0.5}\n    defaultVariant: v\n")
	write(t, filepath.Join(dir, "b.json"), `{"flags":[{"key":"b","state":"ENABLED","variants":{"v":"list"},"defaultVariant":"v"}]}`)
	e := start(t, edge.Config{Files: []string{filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.json")}})
	if e.value("a") != 10.0 || e.value("b") != "list" {
		t.Errorf("a is %v, b is %v", e.value("a"), e.value("b"))
	}
}

// What the edge says of itself goes before what callers say.
func TestContextValues(t *testing.T) {
	e, _ := files(t, func(c *edge.Config) { c.Context = object{"site": "co-1"} },
		`{"flags":{"a":{"state":"ENABLED","variants":{"here":"here","there":"there"},"defaultVariant":"there","targeting":{"if":[{"==":[{"var":"site"},"co-1"]},"here"]}}}}`)
	if _, _, body := e.ofrep("a", object{"site": "elsewhere"}); body["value"] != "here" {
		t.Errorf("%v", body)
	}
}

// The whole answer is 304 until a flag, or the clock, may have changed it.
func TestTheETagFollowsTheClock(t *testing.T) {
	var now atomic.Int64
	began := time.Now().Unix()
	now.Store(began)
	flag := func(targeting string) string {
		return `{"flags":{"a":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":` + targeting + `}}}`
	}
	for name, c := range map[string]struct {
		targeting string
		same      bool // between the boundaries
	}{
		"at a time":  {fmt.Sprintf(`{"if":[{">=":[{"var":"$flagd.timestamp"},%d]},"on","off"]}`, began+100), true},
		"else":       {fmt.Sprintf(`{"if":[{"==":[0,{"%%":[{"-":[{"var":"$flagd.timestamp"},%d]},2]}]},"on","off"]}`, began), false},
		"until then": {fmt.Sprintf(`{"if":[{"<=":[{"var":"$flagd.timestamp"},%d]},"on","off"]}`, began+99), true},
	} {
		t.Run(name, func(t *testing.T) {
			now.Store(began)
			e, _ := files(t, func(cfg *edge.Config) { cfg.Now = func() time.Time { return time.Unix(now.Load(), 0) } }, flag(c.targeting))
			_, h, _ := e.ofrep("", nil)
			again := func() int {
				status, _, _ := e.ofrep("", nil, "If-None-Match", h.Get("ETag"))
				return status
			}
			if now.Store(began + 99); (again() == http.StatusNotModified) != c.same {
				t.Errorf("before the boundary: %d", again())
			}
			if now.Store(began + 101); again() != http.StatusOK {
				t.Errorf("after the boundary: %d", again())
			}
		})
	}
}

// Health tells the truth, and the counters are there.
func TestHealthAndMetrics(t *testing.T) {
	e, _ := files(t, nil, words("co", "a=x"))
	e.ofrep("a", nil)
	at := "http://" + e.Addr("--management-port")
	if status, body := get(t, at+"/readyz"); status != 200 || !strings.Contains(body, `"ready":true,"fresh":true`) {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if status, _ := get(t, at+"/healthz"); status != 200 {
		t.Errorf("/healthz: %d", status)
	}
	_, metrics := get(t, at+"/metrics")
	for _, want := range []string{"quorate_edge_ready 1", "quorate_edge_fresh 1", "quorate_edge_flags 1", "quorate_evaluations_total{"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics has no %s", want)
		}
	}
	waiting := start(t, edge.Config{Upstream: edge.Upstream{URL: "http://127.0.0.1:1", Regions: []string{"co"}}, TrustNetwork: true})
	if status, body := get(t, "http://"+waiting.Addr("--management-port")+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, `"ready":false`) {
		t.Errorf("without any set /readyz says %d %s", status, body)
	}
	if status, _, body := waiting.ofrep("a", nil); status != http.StatusServiceUnavailable {
		t.Errorf("without any set OFREP says %d %v", status, body)
	}
}

// Options that cannot be meant are said, with the option.
func TestOptionsThatCannotBeMeant(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.json")
	write(t, bad, `{"flags":`)
	for option, cfg := range map[string]edge.Config{
		"--source":        {},
		"--region":        {Upstream: edge.Upstream{URL: "http://x"}, TrustNetwork: true},
		"--introspect":    {Upstream: edge.Upstream{URL: "http://x", Regions: []string{"co"}}},
		"--upstream":      {Upstream: edge.Upstream{URL: "x", Regions: []string{"co"}}, TrustNetwork: true},
		"--tls-cert":      {Files: []string{bad}, CertFile: "x"},
		"--client-ca":     {Files: []string{bad}, ClientCAFile: "x"},
		"--upstream-ca":   {Upstream: edge.Upstream{URL: "http://x", Regions: []string{"co"}, CAFile: bad}, TrustNetwork: true},
		"--upstream-cert": {Upstream: edge.Upstream{URL: "http://x", Regions: []string{"co"}, CertFile: bad}, TrustNetwork: true},
	} {
		cfg.Now = time.Now
		e, err := edge.Start(t.Context(), cfg)
		if err == nil {
			_ = e.Close()
			t.Errorf("%s: taken", option)
		} else if code(err) != "bad_edge_option" {
			t.Errorf("%s: %v", option, err)
		}
	}
	for _, path := range []string{bad, bad + ".missing"} {
		if _, err := edge.Start(t.Context(), edge.Config{Files: []string{path}, Now: time.Now}); err == nil || code(err) != "bad_edge_option" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Every case of flagd's evaluator suite, from the file as it is, over OFREP.
func TestTheEvaluatorSuite(t *testing.T) {
	document := string(shared(t, "evaluator-flags.json"))
	var suite struct {
		Cases []struct {
			ID, Flag, Type string
			Context        object
			Expect         struct {
				Value             any
				Reason, ErrorCode string
				Metadata          object
			}
		}
	}
	if err := json.Unmarshal(shared(t, "evaluator-cases.json"), &suite); err != nil || len(suite.Cases) != 125 {
		t.Fatalf("%d cases, %v", len(suite.Cases), err)
	}
	set, err := eval.Compile([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	e, _ := files(t, nil, document)
	for _, c := range suite.Cases {
		_, _, body := e.ofrep(c.Flag, c.Context)
		f, ok := set.Flag(c.Flag)
		if !ok {
			if body["errorCode"] != "FLAG_NOT_FOUND" {
				t.Errorf("%s: %v", c.ID, body)
			}
			continue
		}
		want := f.Evaluate(c.Context, time.Now())
		if want.HasValue != (body["value"] != nil) || want.ErrorCode == "" && (body["reason"] != string(want.Reason) || body["variant"] != want.Variant) ||
			body["errorCode"] != nil && body["errorCode"] != string(want.ErrorCode) {
			t.Errorf("%s: %v, want %+v", c.ID, body, want)
		}
		if c.Expect.Reason != "" && c.Expect.ErrorCode == "" && body["reason"] != c.Expect.Reason {
			t.Errorf("%s: the reason is %v, want %s", c.ID, body["reason"], c.Expect.Reason)
		}
		if want.HasValue && c.Expect.Value != nil && c.Expect.ErrorCode == "" && !cmp.Equal(c.Expect.Value, body["value"]) {
			t.Errorf("%s: %v, want %v", c.ID, body["value"], c.Expect.Value)
		}
		metadata, _ := body["metadata"].(object)
		for k, v := range c.Expect.Metadata {
			if !cmp.Equal(v, metadata[k]) {
				t.Errorf("%s: metadata %v, want %v", c.ID, metadata, c.Expect.Metadata)
			}
		}
	}
}

// shared is a file of the public conformance suite, which lives beside the
// repository and not in it.
func shared(t testing.TB, name string) []byte {
	t.Helper()
	root := os.Getenv("QUORATE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	raw, err := os.ReadFile(filepath.Join(root, "openfeature", name))
	switch {
	case err == nil:
		return raw
	case os.Getenv("CI") == "true":
		t.Fatalf("the conformance suite is missing; set QUORATE_SHARED: %v", err)
	}
	t.Skipf("the conformance suite is not here; set QUORATE_SHARED: %v", err)
	return nil
}
