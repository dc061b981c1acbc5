package server_test

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/flags/edge"
)

// Quorate serves no capability as disabled, since a disabled flag gives the caller
// its own default. A file of somebody else may: the official OFREP providers then
// say DISABLED, and their caller's default is served. That for JavaScript servers, of
// before there were answers without a value, says GENERAL; the default is served too.
func TestADisabledFlagAtTheOFREPProviders(t *testing.T) {
	js, web := installJS(t, "js"), installJS(t, "js-web")
	file := filepath.Join(t.TempDir(), "flags.json")
	write := func(state string) {
		t.Helper()
		text := fmt.Sprintf(`{"metadata":{"flagSetId":"co"},"flags":{"video_visit":{"state":%q,"variants":{"on":true,"off":false},"defaultVariant":"on"}}}`, state)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ENABLED")
	e, err := edge.Start(t.Context(), edge.Config{Files: []string{file}, Evaluation: -1, Management: -1, Sync: -1, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	<-e.Ready()
	url := "http://" + e.Addr("--ofrep-port")
	t.Setenv("QUORATE_URL", url)
	t.Setenv("QUORATE_TOKEN", "none")
	t.Setenv("QUORATE_ALSO", "video_visit")
	if err := openfeature.SetNamedProviderWithContextAndWait(t.Context(), "disabled", ofrep.NewProvider(url+"/regions/co")); err != nil {
		t.Fatal(err)
	}
	w := &watcher{t: t, lines: make(chan line, 10_000)}
	watchGo(t, w, "go", openfeature.NewClient("disabled"))
	servers, pages := watchJS(t, js, ""), watchJS(t, web, "")

	on := func(l line) bool { return says("on")(l) && l.Value == true }
	w.all("on", 20*time.Second, []string{"go"}, on)
	servers.all("on", 20*time.Second, []string{"js"}, on)
	pages.all("on", 20*time.Second, []string{"web-ofrep", "web-ofrep-poll"}, on)
	write("DISABLED")
	off := func(l line) bool {
		return l.Event == "" && l.Value == false && l.Variant == "" && l.Reason == "DISABLED"
	}
	w.all("disabled", 20*time.Second, []string{"go"}, off)
	servers.all("disabled", 20*time.Second, []string{"js"}, func(l line) bool { return l.Value == false && l.ErrorCode == "GENERAL" })
	pages.all("disabled", 20*time.Second, []string{"web-ofrep", "web-ofrep-poll"}, off)
}
