package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/internal/identity"
)

// The life of a service with the official OFREP providers for servers, which ask
// each time and keep nothing: a change is seen at once, the caller's default is
// served while the server is gone, and the value again once it is back.
func TestTheOFREPServerProvidersLive(t *testing.T) {
	dir := installJS(t, "js")
	s := newFlagdSite(t)
	portal := s.token("portal", identity.Service, "co")
	t.Setenv("QUORATE_URL", s.URL())
	t.Setenv("QUORATE_TOKEN", portal)
	w := watchJS(t, dir, "")
	if err := openfeature.SetNamedProviderWithContextAndWait(t.Context(), "live ofrep", ofrep.NewProvider(s.URL()+"/regions/co", ofrep.WithBearerToken(portal))); err != nil {
		t.Fatal(err)
	}
	watchGo(t, w, "go", openfeature.NewClient("live ofrep"))
	all := []string{"js", "go"}
	w.all("the first value", 20*time.Second, all, says("not-enabled"))
	s.turn(true)
	w.all("turned on", 10*time.Second, all, func(l line) bool {
		return says("on")(l) && l.Value == true && l.Metadata["region"] == "co" && l.Metadata["capability"] == "video_visit"
	})
	s.turn(false)
	w.all("turned off", 10*time.Second, all, func(l line) bool { return says("turned-off")(l) && l.Value == false })
	s.turn(true)
	w.all("on again", 10*time.Second, all, says("on"))
	s.cfg.Listen = strings.TrimPrefix(s.URL(), "http://")
	s.stop()
	w.all("the caller's default while the server is gone", 20*time.Second, all, func(l line) bool { return l.ErrorCode != "" && l.Value == false })
	s.start()
	w.all("on after a restart", 20*time.Second, all, says("on"))
}
