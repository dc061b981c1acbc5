package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/server"
)

// demoControl is the variable of a demo's env file that says where its clock is moved.
const demoControl = "QUORATE_DEMO"

// maxAhead is how far a demo's clock may be ahead of the machine's: the keys of
// changes, which command lines date by the machine's clock, are taken for a day.
const maxAhead = 23 * time.Hour

// demoClock is the clock of a demo. It can be moved on to the next deadline; only a
// demo has it, and only whoever reads the demo's env file can move it.
type demoClock struct {
	base  func() time.Time
	ahead atomic.Int64
}

func (d *demoClock) now() time.Time { return d.base().Add(time.Duration(d.ahead.Load())) }

// forwarded is what moving the clock came to.
type forwarded struct {
	Now    time.Time         `json:"now"`
	Motion governance.Motion `json:"motion"`
}

// forward moves the clock to the deadline of the motion that closes next, closes it
// and counts it, as the clerk would.
func (d *demoClock) forward(ctx context.Context, s *server.Server) (forwarded, error) {
	list, err := s.Governance.Motions(ctx)
	if err != nil {
		return forwarded{}, err
	}
	var next *governance.Motion
	for _, r := range list {
		if m := r.Value; m.State == governance.Open && (next == nil || m.Opened.Closes.Before(next.Opened.Closes)) {
			next = &m
		}
	}
	if next == nil {
		return forwarded{}, fault.New(fault.Refused, "no_open_motion", "no motion of the demo is open, so there is no deadline to move to").Do("open one, or start another demo")
	}
	by := next.Opened.Closes.Sub(d.base()) + time.Second
	if by > maxAhead {
		return forwarded{}, fault.New(fault.Refused, "too_far", "the motion %s closes at %s, and a demo's clock goes no more than %s ahead", next.ID, moment(next.Opened.Closes), maxAhead).
			Do("open motions for less, or start another demo")
	}
	d.ahead.Store(int64(max(by, time.Duration(d.ahead.Load()))))
	clerk := gate.Origin{Actor: governance.Clerk()}
	if _, err := s.Governance.Close(ctx, clerk, next.ID); err != nil {
		return forwarded{}, err
	}
	if _, err := s.Governance.Settle(ctx, clerk, next.ID); err != nil {
		return forwarded{}, err
	}
	rec, err := s.Governance.Motion(ctx, next.ID)
	return forwarded{Now: d.now().UTC(), Motion: rec.Value}, err
}

// serve lets the clock be moved, at an address of this machine that holds a secret,
// until ctx ends.
func (d *demoClock) serve(ctx context.Context, s *server.Server) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fault.New(fault.Internal, "no_port", "no port of this machine can be listened on").Because(err)
	}
	secret := "/" + rand.Text()
	web := &http.Server{ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var origin http.CrossOriginProtection
			if r.Method != http.MethodPost || subtle.ConstantTimeCompare([]byte(r.URL.Path), []byte(secret)) != 1 || origin.Check(r) != nil {
				http.Error(w, "There is nothing here.", http.StatusNotFound)
				return
			}
			moved, err := d.forward(r.Context(), s)
			if err != nil {
				http.Error(w, fault.From(err).Error(), http.StatusUnprocessableEntity)
				return
			}
			_ = json.NewEncoder(w).Encode(moved) // whoever asked may have gone
		})}
	go func() { _ = web.Serve(listener) }() // ends with Close
	context.AfterFunc(ctx, func() { _ = web.Close() })
	return "http://" + listener.Addr().String() + secret, nil
}

// fastForward asks a running demo to move its clock on.
func (c *cli) fastForward(ctx context.Context) error {
	address, _ := c.env(demoControl)
	if !strings.HasPrefix(address, "http://127.0.0.1:") {
		return misuse("no demo is known whose clock could be moved").Do("take the demo's accounts into your shell first, as it says when it starts")
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, http.NoBody)
	if err != nil {
		return misuse("%s is no address of a demo", demoControl)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fault.New(fault.StoreUnavailable, "no_demo", "the demo does not answer").Do("start one with `quorate demo`").Because(err)
	}
	defer func() { _ = res.Body.Close() }() // it was read to the end
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fault.New(fault.StoreUnavailable, "no_demo", "the demo broke off").Because(err)
	}
	if res.StatusCode != http.StatusOK {
		return fault.New(fault.Refused, "not_moved", "%s", strings.TrimSpace(string(raw)))
	}
	var moved forwarded
	if err := json.Unmarshal(raw, &moved); err != nil {
		return fault.New(fault.Internal, "bad_answer", "the demo's answer cannot be read").Because(err)
	}
	return c.show(moved, raw, func(p *page) {
		m := moved.Motion
		p.line("It is %s in the demo now. %s: %s.", moment(moved.Now), m.Title, m.State)
		if m.Outcome != nil {
			p.prose("Outcome", m.Outcome.Sentence)
		}
		p.line("See `quorate motion show %s`, and count it again with `quorate motion recount %s`.", m.ID, m.ID)
	})
}

func controlLine(address string) string { return fmt.Sprintf("%s=%s\n", demoControl, address) }
