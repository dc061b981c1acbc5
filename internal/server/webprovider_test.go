package server_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/identity"
)

// page is an application in a browser, as its official provider serves it.
type page struct {
	t    *testing.T
	seen chan view
}

// view is what the application sees at one moment.
type view struct {
	Region, Event                                   string
	Visit, Minutes, Share, Label, Missing, Mismatch details
}

func openPage(t *testing.T, s *site, token string) *page {
	t.Helper()
	dir := installJS(t, "js-web")
	cmd := exec.Command("node", "web.mjs")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "QUORATE_URL="+s.URL(), "QUORATE_TOKEN="+token)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &page{t, make(chan view, 100)}
	go func() {
		defer close(p.seen)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var v view
			if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
				t.Errorf("node printed %q", lines.Text())
			}
			p.seen <- v
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		for range p.seen { // until it has ended
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("node: %v", err)
		}
	})
	return p
}

// until waits for a view that holds.
func (p *page) until(within time.Duration, what string, holds func(view) bool) view {
	p.t.Helper()
	end := time.After(within)
	var last view
	for {
		select {
		case v, open := <-p.seen:
			if !open {
				p.t.Fatalf("%s: the page closed", what)
			}
			if last = v; holds(v) {
				return v
			}
		case <-end:
			p.t.Fatalf("%s: not within %s; the last thing seen was %+v", what, within, last)
		}
	}
}

// The official provider for browsers: all types, errors, regions, a change that
// arrives by itself, and a server that goes away and comes back.
func TestTheOfficialWebProvider(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.furnish()
	s.enrich()
	lead, portal := s.token("Colorado lead", identity.RegionalLead, "co"), s.token("portal", identity.Service, "*")
	const enablement = "/api/v1/regions/co/enablements/video_visit"
	p := openPage(t, s, portal)

	off := func(v view) bool {
		return v.Region == "co" && v.Visit.Value == false && v.Visit.Variant == "not-enabled" && v.Visit.ErrorCode == "" &&
			v.Minutes.Value == 0.0 && v.Share.Value == 0.0 && v.Label.Value == ""
	}
	on := func(v view) bool {
		return v.Region == "co" && v.Visit.Value == true && v.Visit.Variant == "on" && v.Minutes.Value == 30.0 && v.Share.Value == 0.5 && v.Label.Value == "Video"
	}
	v := p.until(30*time.Second, "off in Colorado", off)
	if v.Missing.ErrorCode != "FLAG_NOT_FOUND" || v.Missing.Value != false || v.Mismatch.ErrorCode != "TYPE_MISMATCH" || v.Mismatch.Value != "none" {
		t.Errorf("missing %+v, of another type %+v", v.Missing, v.Mismatch)
	}
	p.until(10*time.Second, "ready in Hawaii", func(v view) bool { return v.Region == "hi" && v.Visit.FlagMetadata["region"] == "hi" })

	s.must(s.do("PUT", enablement, lead, object{"answer": "enable", "reason": "clinics are ready"}))
	acked := time.Now()
	changed := p.until(5*time.Second, "on in Colorado", on)
	t.Logf("a change is seen in the page %d ms after it was acknowledged", time.Since(acked).Milliseconds())
	if changed.Event != "PROVIDER_CONFIGURATION_CHANGED" || changed.Visit.FlagMetadata["capability"] != "video_visit" {
		t.Errorf("%+v", changed)
	}

	address := strings.TrimPrefix(s.URL(), "http://")
	began := time.Now()
	s.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("with open streams the server took %s to stop", took)
	}
	p.until(10*time.Second, "stale while the server is gone, with the last value", func(v view) bool { return v.Event == "PROVIDER_STALE" && on(v) })
	s.cfg.Listen = address
	s.start()
	s.must(s.do("POST", enablement+"/off", lead, object{"reason": "an incident"}))
	p.until(20*time.Second, "off again", func(v view) bool {
		return v.Region == "co" && v.Visit.Value == false && v.Visit.Variant == "turned-off"
	})
}

// enrich gives video_visit a setting of every type.
func (s *site) enrich() {
	s.t.Helper()
	rich := capability("video_visit")
	rich["settings"] = []object{
		{"key": "max_minutes", "type": "integer", "description": "Length.", "off": 0, "default": 30},
		{"key": "share", "type": "number", "description": "Share.", "off": 0, "default": 0.5},
		{"key": "label", "type": "string", "description": "Label.", "off": "", "default": "Video"},
	}
	s.must(s.do("PUT", "/api/v1/capabilities/video_visit", s.operator, object{"value": rich}))
}
