package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
)

const (
	maxUses   = 1000 // different ones, and events before they are sent early
	sendEvery = 10 * time.Second
	maxWord   = 64 // bytes of a key
)

// Track counts one use of a capability, or as many as the details' value says. The
// name is the capability, and the event "used" or what the details' attribute
// "event" says; if the details have an attribute "capability", that is it and the
// name is the event. The facility and the coarse group come from the attributes
// "facility" and "group" of the details or, failing that, of the evaluation
// context. Nothing else is looked at, kept or sent.
//
//	client.Track(ctx, "video_visit", patient, openfeature.NewTrackingEventDetails(1).Add("group", "65+"))
func (p *Provider) Track(_ context.Context, name string, c openfeature.EvaluationContext, details openfeature.TrackingEventDetails) {
	if p.uses == nil {
		return
	}
	word := func(key string) string {
		if s, ok := details.Attribute(key).(string); ok {
			return s
		}
		s, _ := c.Attribute(key).(string)
		return s
	}
	u := use{Capability: name, Event: "used", Facility: word("facility"), Group: word("group")}
	if e, ok := details.Attribute("event").(string); ok && e != "" {
		u.Event = e
	}
	if capability, ok := details.Attribute("capability").(string); ok && capability != "" {
		u.Capability, u.Event = capability, name
	}
	n := int64(1)
	if v := details.Value(); v >= 1 && v <= maxUses {
		n = int64(v)
	}
	p.uses.add(u, n)
}

// Dropped is how many uses could not be counted since the provider was made:
// malformed, too many, or not accepted by the server.
func (p *Provider) Dropped() int64 {
	if p.uses == nil {
		return 0
	}
	return p.uses.dropped.Load()
}

// use is what is counted.
type use struct{ Capability, Facility, Group, Event string }

func (u use) wellFormed() bool {
	for _, s := range []string{u.Capability, u.Facility, u.Group, u.Event} {
		if len(s) > maxWord || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
			return false
		}
	}
	return u.Capability != "" && u.Event != ""
}

// uses collects uses until they are sent.
type uses struct {
	url, token string
	region     func() string
	log        *slog.Logger
	client     *http.Client
	full       chan struct{} // one element: send now
	dropped    atomic.Int64

	mu     sync.Mutex
	counts map[use]int64 // guarded by mu
	events int           // since they were sent last; guarded by mu
}

func newUses(base, token string, region func() string, log *slog.Logger) (*uses, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the address %q for tracking is not like https://quorate.internal:8080", base)
	}
	return &uses{url: strings.TrimSuffix(base, "/") + "/api/v1/track", token: token, region: region, log: log,
		client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
		full:   make(chan struct{}, 1), counts: map[use]int64{}}, nil
}

func (s *uses) add(u use, n int64) {
	if !u.wellFormed() {
		s.dropped.Add(n)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.counts[u]; !known && len(s.counts) >= maxUses {
		s.dropped.Add(n)
		return
	}
	s.counts[u] += n
	if s.events++; s.events >= maxUses {
		select {
		case s.full <- struct{}{}:
		default:
		}
	}
}

// run sends every ten seconds, or sooner if there is much.
func (s *uses) run(ctx context.Context) {
	tick := time.NewTicker(sendEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.full:
		case <-ctx.Done():
			return
		}
		// Shutdown does not interrupt it: what was cut off may have been counted.
		if err := s.flush(context.WithoutCancel(ctx)); err != nil {
			s.log.Warn("use could not be sent", "error", err, "dropped", s.dropped.Load())
		}
	}
}

// flush sends what there is. What the server may have counted is never sent
// again; what it cannot have seen is kept for the next time.
func (s *uses) flush(ctx context.Context) error {
	s.mu.Lock()
	counts := s.counts
	s.counts, s.events = map[use]int64{}, 0
	s.mu.Unlock()
	if len(counts) == 0 {
		return nil
	}
	unseen, err := s.send(ctx, counts)
	for u, n := range counts {
		switch {
		case err == nil:
		case unseen:
			s.add(u, n)
		default:
			s.dropped.Add(n)
		}
	}
	return err
}

// tracked is an event on the wire.
type tracked struct {
	Capability string `json:"capability"`
	Region     string `json:"region"`
	Facility   string `json:"facility,omitempty"`
	Group      string `json:"group,omitempty"`
	Event      string `json:"event"`
	Count      int64  `json:"count"`
}

func (s *uses) send(ctx context.Context, counts map[use]int64) (unseen bool, err error) {
	body := struct {
		Events []tracked `json:"events"`
	}{make([]tracked, 0, len(counts))}
	region := s.region()
	for u, n := range counts {
		body.Events = append(body.Events, tracked{u.Capability, region, u.Facility, u.Group, u.Event, n})
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return false, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(raw))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		var op *net.OpError
		return errors.As(err, &op) && op.Op == "dial", err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	if resp.StatusCode >= 300 {
		return resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable,
			fmt.Errorf("the server answered %s", resp.Status)
	}
	return false, nil
}
