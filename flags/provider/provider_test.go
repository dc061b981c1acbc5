package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/flags/provider"
)

// colorado is a set with every type of flag.
const colorado = `{"metadata":{"flagSetId":"co","version":"7"},"flags":{
	"video_visit":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off",
		"metadata":{"capability":"video_visit","region":"co","revision":7,"share":0.5,"pilot":true},
		"targeting":{"if":[{">=":[{"var":"patient.age"},18]},"on","off"]}},
	"static":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on"},
	"label":{"state":"ENABLED","variants":{"v":"Video"},"defaultVariant":"v"},
	"minutes":{"state":"ENABLED","variants":{"v":30},"defaultVariant":"v"},
	"part":{"state":"ENABLED","variants":{"v":2.5},"defaultVariant":"v"},
	"form":{"state":"ENABLED","variants":{"v":{"title":"Visit","steps":[1,{"n":2}]}},"defaultVariant":"v"},
	"injected":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"if":[{"==":[{"var":"injected"},"by the server"]},"on"]}},
	"broken":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on","targeting":{"no_such_operator":[1]}},
	"nowhere":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on","targeting":{"cat":["else","where"]}},
	"open":{"state":"ENABLED","variants":{"on":true},"targeting":{"if":[false,"on"]}},
	"disabled":{"state":"DISABLED","variants":{"on":true},"defaultVariant":"on","metadata":{"why":"retired"}}}}`

var adult, child = object{"patient": object{"age": 44}}, object{"patient": object{"age": 8}}

// Every type, with the metadata that belongs to it, and every way not to have a
// value.
func TestEveryTypeAndEveryFailure(t *testing.T) {
	s := newSite(t, colorado)
	s.stop()
	s.says = map[string]any{"injected": "by the server"}
	s.start()
	a := s.connect()
	if d := a.on("video_visit", false, adult); !d.Value || d.Variant != "on" || d.Reason != openfeature.TargetingMatchReason {
		t.Errorf("an adult: %+v", d)
	}
	d := a.on("video_visit", true, child)
	if d.Value || d.Variant != "off" {
		t.Errorf("a child: %+v", d)
	}
	want := openfeature.FlagMetadata{"flagSetId": "co", "version": "7", "capability": "video_visit", "region": "co", "revision": int64(7), "share": 0.5, "pilot": true}
	if diff := cmp.Diff(want, d.FlagMetadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if d := a.on("static", false, nil); !d.Value || d.Reason != openfeature.StaticReason {
		t.Errorf("a static flag: %+v", d)
	}
	if d := a.on("injected", false, object{"injected": "by the caller"}); !d.Value {
		t.Errorf("what the server says of itself does not go first: %+v", d)
	}
	facts := openfeature.NewEvaluationContext("", nil)
	if v, err := a.StringValue(ctx, "label", "", facts); v != "Video" || err != nil {
		t.Errorf("label: %q, %v", v, err)
	}
	if v, err := a.IntValue(ctx, "minutes", 0, facts); v != 30 || err != nil {
		t.Errorf("minutes: %d, %v", v, err)
	}
	if v, err := a.FloatValue(ctx, "minutes", 0, facts); v != 30 || err != nil {
		t.Errorf("minutes as a float: %v, %v", v, err)
	}
	if v, err := a.FloatValue(ctx, "part", 0, facts); v != 2.5 || err != nil {
		t.Errorf("part: %v, %v", v, err)
	}
	for range 2 { // what the application does to an object is its own affair
		v, err := a.ObjectValue(ctx, "form", nil, facts)
		if diff := cmp.Diff(object{"title": "Visit", "steps": []any{1.0, object{"n": 2.0}}}, v); diff != "" || err != nil {
			t.Fatalf("form: %v, %s", err, diff)
		}
		v.(object)["title"] = "Changed"
	}

	for key, code := range map[string]openfeature.ErrorCode{"teleport": openfeature.FlagNotFoundCode, "broken": openfeature.ParseErrorCode,
		"nowhere": openfeature.GeneralCode, "label": openfeature.TypeMismatchCode} {
		d, err := a.BooleanValueDetails(ctx, key, false, facts)
		if err == nil || d.Value || d.ErrorCode != code || d.Reason != openfeature.ErrorReason {
			t.Errorf("%s: %+v, %v", key, d, err)
		}
		// Where the caller passes true all the same, it is told false.
		d, err = a.BooleanValueDetails(ctx, key, true, facts)
		if err != nil || d.Value || d.Reason != openfeature.ErrorReason || d.FlagMetadata["errorCode"] != string(code) || d.FlagMetadata["errorDetails"] == "" {
			t.Errorf("%s with the default true: %+v, %v", key, d, err)
		}
	}
	if d, err := a.IntValueDetails(ctx, "part", 7, facts); err == nil || d.Value != 7 || d.ErrorCode != openfeature.TypeMismatchCode {
		t.Errorf("2.5 as an integer: %+v, %v", d, err)
	}
	if d, err := a.ObjectValueDetails(ctx, "label", "mine", facts); err == nil || d.Value != "mine" || d.ErrorCode != openfeature.TypeMismatchCode {
		t.Errorf("a text as an object: %+v, %v", d, err)
	}
	if d, err := a.BooleanValueDetails(ctx, "disabled", false, facts); err != nil || d.Value || d.Reason != openfeature.DisabledReason || d.FlagMetadata["why"] != "retired" {
		t.Errorf("disabled: %+v, %v", d, err)
	}
	if d, err := a.BooleanValueDetails(ctx, "open", false, facts); err != nil || d.Value || d.Reason != openfeature.DefaultReason || d.Variant != "" {
		t.Errorf("no default: %+v, %v", d, err)
	}
}

// A change is told with its keys and served; without the server the last good
// values are, and say so; it recovers by itself.
func TestChangesAndOutages(t *testing.T) {
	s := newSite(t, colorado)
	a := s.connect()
	if a.State() != openfeature.ReadyState {
		t.Fatalf("the state is %s", a.State())
	}
	s.put(strings.Replace(colorado, `"Video"`, `"Film"`, 1))
	a.hears(openfeature.ProviderConfigChange)
	if v, _ := a.StringValue(ctx, "label", "", openfeature.EvaluationContext{}); v != "Film" {
		t.Errorf("after the change the label is %q", v)
	}
	a.mu.Lock()
	if !slices.Equal(a.keys, []string{"label"}) {
		t.Errorf("the change names %v", a.keys)
	}
	a.mu.Unlock()

	a.forget()
	s.stop()
	a.hears(openfeature.ProviderStale)
	d := a.on("video_visit", false, adult)
	if !d.Value || d.Variant != "on" || d.Reason != "STALE" || d.FlagMetadata["staleSince"] == nil || d.FlagMetadata["region"] != "co" {
		t.Errorf("while the server is gone: %+v", d)
	}
	a.forget()
	s.put(colorado)
	s.start()
	a.hears(openfeature.ProviderReady)
	eventually(t, "the fresh value", func() bool {
		v, _ := a.StringValue(ctx, "label", "", openfeature.EvaluationContext{})
		return v == "Video"
	})
	if d := a.on("video_visit", false, adult); d.Reason != openfeature.TargetingMatchReason || d.FlagMetadata["staleSince"] != nil {
		t.Errorf("after the restart: %+v", d)
	}
}

// Another region than the credential's is refused: an error, and false. It is
// refused also when it starts, and is told when it is let in.
func TestAnotherRegionIsRefused(t *testing.T) {
	s := newSite(t, colorado)
	a := s.application(provider.WithRegion("hi"))
	err := a.begin()
	var refused *openfeature.ProviderInitError
	if !errors.As(err, &refused) || a.State() != openfeature.ErrorState {
		t.Fatalf("started with %v, and is %s", err, a.State())
	}
	if d := a.on("video_visit", true, adult); d.Value || d.FlagMetadata["errorCode"] != "PROVIDER_NOT_READY" {
		t.Errorf("with the default true: %+v", d)
	}
}

// It is not ready before there is a set, says why not, and is when one comes.
func TestStartWaitsForASet(t *testing.T) {
	s := newSite(t, colorado)
	s.stop()
	a := s.application(provider.WithPatience(50 * time.Millisecond))
	if err := a.Init(openfeature.EvaluationContext{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a server: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := a.InitWithContext(gone, openfeature.EvaluationContext{}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	s.start()
	if err := a.begin(); err != nil {
		t.Fatal(err)
	}
	if d := a.on("video_visit", false, adult); !d.Value {
		t.Errorf("%+v", d)
	}
}

// Shutdown may be called any number of times, and the provider started again.
func TestShutdownAndStartAgain(t *testing.T) {
	s := newSite(t, colorado)
	a := s.application()
	a.Shutdown() // never started
	ask := func() openfeature.BoolResolutionDetail {
		return a.BooleanEvaluation(ctx, "static", false, nil)
	}
	for range 2 {
		if err := a.Init(openfeature.EvaluationContext{}); err != nil {
			t.Fatal(err)
		}
		if err := a.Init(openfeature.EvaluationContext{}); err != nil {
			t.Errorf("started twice: %v", err)
		}
		if d := ask(); !d.Value {
			t.Errorf("while it runs: %+v", d)
		}
		a.Shutdown()
		if err := a.ShutdownWithContext(ctx); err != nil {
			t.Errorf("shut down twice: %v", err)
		}
		if d := ask(); d.Value || d.ResolutionDetail().ErrorCode != openfeature.ProviderNotReadyCode {
			t.Errorf("after shutdown: %+v", d)
		}
	}
}

// A service that restarts while the server is gone answers at once from disk, and
// says that it is stale.
func TestARestartWithoutTheServer(t *testing.T) {
	s := newSite(t, colorado)
	file := filepath.Join(t.TempDir(), "co.flags")
	s.connect(provider.WithFile(file)).Shutdown()
	s.stop()
	a := s.connect(provider.WithFile(file))
	if d := a.on("video_visit", false, adult); !d.Value || d.Reason != "STALE" {
		t.Errorf("from disk: %+v", d)
	}
	a.hears(openfeature.ProviderStale)
	if a.State() != openfeature.StaleState {
		t.Errorf("the state is %s", a.State())
	}
}

type counting struct {
	openfeature.UnimplementedHook
	n int
}

func (h *counting) After(context.Context, openfeature.HookContext, openfeature.InterfaceEvaluationDetails, openfeature.HookHints) error {
	h.n++
	return nil
}

func TestHooksRun(t *testing.T) {
	h := &counting{}
	a := newSite(t, colorado).connect(provider.WithHooks(h))
	a.on("static", false, nil)
	if h.n != 1 {
		t.Errorf("the hook ran %d times", h.n)
	}
}

func TestOptionsThatCannotBeMeant(t *testing.T) {
	if _, err := provider.New("quorate.internal:8013"); err == nil {
		t.Error("an address without a scheme is taken")
	}
	if _, err := provider.New("http://quorate.internal:8013", provider.WithTracking("quorate.internal")); err == nil {
		t.Error("an address for tracking without a scheme is taken")
	}
}

// Every case of flagd's evaluator suite, through the SDK.
func TestTheEvaluatorSuite(t *testing.T) {
	var suite struct {
		Cases []struct {
			ID, Flag, Type string
			Default        any
			Context        map[string]any
			Expect         struct {
				Value             any
				Reason, ErrorCode string
				Metadata          map[string]any
				MetadataExact     bool
			}
		}
	}
	if err := json.Unmarshal(shared(t, "evaluator-cases.json"), &suite); err != nil || len(suite.Cases) != 125 {
		t.Fatalf("%d cases, %v", len(suite.Cases), err)
	}
	a := newSite(t, string(shared(t, "evaluator-flags.json"))).connect()
	for _, c := range suite.Cases {
		key, _ := c.Context["targetingKey"].(string)
		delete(c.Context, "targetingKey")
		facts := openfeature.NewEvaluationContext(key, c.Context)
		var value any
		var d openfeature.EvaluationDetails
		switch c.Type {
		case "boolean":
			r, _ := a.BooleanValueDetails(ctx, c.Flag, c.Default.(bool), facts)
			value, d = r.Value, r.EvaluationDetails
		case "string":
			r, _ := a.StringValueDetails(ctx, c.Flag, c.Default.(string), facts)
			value, d = r.Value, r.EvaluationDetails
		case "integer":
			r, _ := a.IntValueDetails(ctx, c.Flag, int64(c.Default.(float64)), facts)
			value, d = float64(r.Value), r.EvaluationDetails
		case "float":
			r, _ := a.FloatValueDetails(ctx, c.Flag, c.Default.(float64), facts)
			value, d = r.Value, r.EvaluationDetails
		default:
			r, _ := a.ObjectValueDetails(ctx, c.Flag, c.Default, facts)
			value, d = r.Value, r.EvaluationDetails
		}
		if c.Expect.Value != nil && !cmp.Equal(c.Expect.Value, value) ||
			c.Expect.Reason != "" && c.Expect.Reason != string(d.Reason) || c.Expect.ErrorCode != string(d.ErrorCode) && c.Expect.ErrorCode != "" {
			t.Errorf("%s: %v, %+v, want %+v", c.ID, value, d, c.Expect)
		}
		if c.Expect.MetadataExact && len(d.FlagMetadata) != len(c.Expect.Metadata) {
			t.Errorf("%s: metadata %v, want exactly %v", c.ID, d.FlagMetadata, c.Expect.Metadata)
		}
		for k, want := range c.Expect.Metadata {
			got := d.FlagMetadata[k]
			if i, ok := got.(int64); ok {
				got = float64(i)
			}
			if !cmp.Equal(want, got) {
				t.Errorf("%s: metadata %s is %v, want %v", c.ID, k, got, want)
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
