package server_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	gosdk "github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"
	"github.com/open-feature/go-sdk/openfeature"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/flags/flagd"
)

// sharedPath is a file of the public conformance suite, which lives beside the
// repository and not in it.
func sharedPath(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("QUORATE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	path, err := filepath.Abs(filepath.Join(root, "openfeature", name))
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(path)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("the conformance suite is missing; set QUORATE_SHARED: %v", err)
	default:
		t.Skipf("the conformance suite is not here; set QUORATE_SHARED: %v", err)
	}
	return path
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

type conformanceCase struct {
	ID      string
	Flag    string
	Type    string
	Default any
	Context map[string]any
	Expect  struct {
		Value         any
		Reason        string
		ErrorCode     string
		Metadata      map[string]any
		MetadataExact bool
	}
}

func conformanceCases(t *testing.T) []conformanceCase {
	var suite struct{ Cases []conformanceCase }
	readJSON(t, sharedPath(t, "evaluator-cases.json"), &suite)
	if len(suite.Cases) != 125 {
		t.Errorf("the suite has %d cases, want 125", len(suite.Cases))
	}
	return suite.Cases
}

// serveSuite serves the flags of the suite as the region co.
func serveSuite(t *testing.T) (address string, set *eval.Set) {
	t.Helper()
	raw, err := os.ReadFile(sharedPath(t, "evaluator-flags.json"))
	if err != nil {
		t.Fatal(err)
	}
	if set, err = eval.Compile(raw); err != nil {
		t.Fatal(err)
	}
	sets := &flagd.Sets{}
	sets.Put("co", set)
	handler := flagd.New(flagd.Config{Source: sets, Now: time.Now, Log: slog.New(slog.DiscardHandler), TrustedRegion: "co", Origins: []string{"*"}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := flagd.NewServer(handler.All(), nil)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { handler.Close(); _ = server.Close(); <-done })
	return l.Addr().String(), set
}

// A limit is what an official provider makes of an answer of ours, and why. It
// is what every server meets.
type limit func(c conformanceCase, told details) (want details, why string)

// conforms compares what an application was told with the suite, and the variant
// with the language's own.
func conforms(t *testing.T, provider string, set *eval.Set, c conformanceCase, got details, limits limit) {
	t.Helper()
	want := details{Value: c.Expect.Value, Reason: c.Expect.Reason, ErrorCode: c.Expect.ErrorCode}
	if f, ok := set.Flag(c.Flag); ok && c.Expect.ErrorCode == "" {
		want.Variant = f.Evaluate(c.Context, time.Now()).Variant
	}
	why := ""
	if limits != nil {
		want, why = limits(c, want)
	}
	if want.Value == nil {
		want.Value = got.Value
	}
	if want.Reason == "" || got.Reason == "CACHED" && want.Reason == "STATIC" {
		want.Reason = got.Reason
	}
	if want.ErrorCode == "" && c.Expect.ErrorCode == "" && want.Reason == "ERROR" {
		want.ErrorCode = got.ErrorCode
	}
	metadata := got.FlagMetadata
	got.FlagMetadata = nil
	if got.ErrorCode != "" {
		got.Variant = "" // one of the providers names what it could not use
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s %s (-want +got):\n%s", provider, c.ID, why, diff)
	}
	if c.Expect.MetadataExact && len(metadata) != len(c.Expect.Metadata) {
		t.Errorf("%s: %s: metadata %v, want exactly %v", provider, c.ID, metadata, c.Expect.Metadata)
	}
	if provider == "web" {
		return // drops AnyFlag.metadata
	}
	for k, want := range c.Expect.Metadata {
		if !cmp.Equal(want, metadata[k]) {
			t.Errorf("%s: %s: metadata %s is %v (%T), want %v", provider, c.ID, k, metadata[k], metadata[k], want)
		}
	}
}

// webLimits: the page's provider knows no flag that has no value, and no error
// code of one that failed.
func webLimits(c conformanceCase, want details) (details, string) {
	if want.Variant == "" && c.Expect.ErrorCode != "TYPE_MISMATCH" {
		return details{Value: c.Default, Reason: "ERROR", ErrorCode: "FLAG_NOT_FOUND"}, "(it has no code default)"
	}
	return want, ""
}

// Every case of flagd's evaluator suite through the official JavaScript
// providers: RPC, in-process fed by our sync, and the one of web pages.
func TestTheSuiteThroughTheJavaScriptProviders(t *testing.T) {
	cases := conformanceCases(t)
	dir := installJS(t, "js-flagd")
	address, set := serveSuite(t)
	var answers map[string][]details
	runJS(t, dir, "cases.mjs", &answers, "FLAGD_ADDR="+address, "CASES="+sharedPath(t, "evaluator-cases.json"))
	for provider, limits := range map[string]limit{"rpc": nil, "in-process": nil, "web": webLimits} {
		if len(answers[provider]) != len(cases) {
			t.Fatalf("%s: %d answers", provider, len(answers[provider]))
		}
		for i, c := range cases {
			conforms(t, provider, set, c, answers[provider][i], limits)
		}
	}
}

// The same through the official Go providers.
func TestTheSuiteThroughTheGoProviders(t *testing.T) {
	cases := conformanceCases(t)
	address, set := serveSuite(t)
	for name, resolver := range map[string]gosdk.ProviderOption{"rpc": gosdk.WithRPCResolver(), "in-process": gosdk.WithInProcessResolver()} {
		client := goFlagd(t, "suite "+name, address, resolver)
		for _, c := range cases {
			conforms(t, "go "+name, set, c, askGo(t, client, c), nil)
		}
	}
}

// goFlagd is a client of the official Go provider, ready.
func goFlagd(t *testing.T, domain, address string, options ...gosdk.ProviderOption) *openfeature.Client {
	t.Helper()
	host, port := hostPort(t, address)
	provider, err := gosdk.NewProvider(append([]gosdk.ProviderOption{gosdk.WithHost(host), gosdk.WithPort(port), gosdk.WithLogger(logr.Discard()),
		gosdk.WithRetryBackoffMs(100), gosdk.WithRetryBackoffMaxMs(500), gosdk.WithRetryGracePeriod(2)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	t.Cleanup(func() { _ = openfeature.SetNamedProvider(domain, openfeature.NoopProvider{}); provider.Shutdown() })
	if err := openfeature.SetNamedProviderWithContextAndWait(ctx, domain, provider); err != nil {
		t.Fatalf("%s: %v", domain, err)
	}
	return openfeature.NewClient(domain)
}

// askGo asks by the type that the case names.
func askGo(t *testing.T, client *openfeature.Client, c conformanceCase) details {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	key, _ := c.Context["targetingKey"].(string)
	attributes := map[string]any{}
	for k, v := range c.Context {
		if k != "targetingKey" {
			attributes[k] = v
		}
	}
	facts := openfeature.NewEvaluationContext(key, attributes)
	switch c.Type {
	case "boolean":
		d, _ := client.BooleanValueDetails(ctx, c.Flag, c.Default.(bool), facts)
		return goDetails(d.Value, d.EvaluationDetails)
	case "string":
		d, _ := client.StringValueDetails(ctx, c.Flag, c.Default.(string), facts)
		return goDetails(d.Value, d.EvaluationDetails)
	case "integer":
		d, _ := client.IntValueDetails(ctx, c.Flag, int64(c.Default.(float64)), facts)
		return goDetails(float64(d.Value), d.EvaluationDetails)
	case "float":
		d, _ := client.FloatValueDetails(ctx, c.Flag, c.Default.(float64), facts)
		return goDetails(d.Value, d.EvaluationDetails)
	}
	d, _ := client.ObjectValueDetails(ctx, c.Flag, c.Default, facts)
	return goDetails(d.Value, d.EvaluationDetails)
}

func goDetails(value any, d openfeature.EvaluationDetails) details {
	metadata := map[string]any{}
	for k, v := range d.FlagMetadata {
		if i, ok := v.(int64); ok {
			v = float64(i)
		}
		metadata[k] = v
	}
	return details{Value: value, Variant: d.Variant, Reason: string(d.Reason), ErrorCode: string(d.ErrorCode), FlagMetadata: metadata}
}

func hostPort(t *testing.T, address string) (string, uint16) {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return a.IP.String(), uint16(a.Port)
}
