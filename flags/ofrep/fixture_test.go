package ofrep_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/ofrep"
	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/embedded"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var log = slog.New(slog.DiscardHandler)

type object = map[string]any

// house is a replica that serves this protocol, behind the same steps as in the
// server, with Colorado and Hawaii founded and video_visit offered.
type house struct {
	*flags.Service
	*ofrep.Handler
	t        testing.TB
	replica  *flags.Replica
	access   *access.Service
	dir      *access.Directory
	follower *kv.Follower
	registry *prometheus.Registry
	stopEtcd func()
	router   http.Handler
	time     atomic.Pointer[func() time.Time] // set by setClock
	url      string
}

// newHouse takes a change to the handler's configuration, or nil.
func newHouse(t testing.TB, change func(*ofrep.Config)) *house {
	t.Helper()
	h := &house{t: t, registry: prometheus.NewRegistry()}
	h.setClock(time.Now)
	h.build(kvtest.Open(t, h.etcd(), kv.Config{Now: h.now}), change)
	for _, key := range []string{"co", "hi"} {
		h.must(h.SetRegion(ctx, operator, flags.Region{Key: key, Name: "Region " + key, Jurisdictions: []string{"US-CO"}, TimeZone: "America/Denver"}))
	}
	h.capability("video_visit")
	h.must(h.GrantOffer(ctx, operator, "video_visit", flags.Full))
	return h
}

// etcd starts a store that stopEtcd stops, at the latest with the test.
func (h *house) etcd() *clientv3.Client {
	h.t.Helper()
	client, stop, err := embedded.InProcess(ctx, embedded.Config{Dir: h.t.TempDir(), SmallWAL: true, Logger: log})
	if err != nil {
		h.t.Fatal(err)
	}
	h.stopEtcd = sync.OnceFunc(func() {
		if err := stop(); err != nil {
			h.t.Errorf("stopping etcd: %v", err)
		}
	})
	h.t.Cleanup(h.stopEtcd)
	return client
}

func (h *house) setClock(now func() time.Time) { h.time.Store(&now) }
func (h *house) now() time.Time                { return (*h.time.Load())() }

func (h *house) build(store *kv.Store, change func(*ofrep.Config)) {
	now := h.now
	h.follower = store.NewFollower()
	g := gate.New(store, gate.Unregulated{}, now, log, nil)
	g.SettleOn(h.follower)
	h.replica = flags.NewReplica(h.follower, now, log, nil)
	h.dir = access.NewDirectory(h.follower, log, nil)
	h.dir.SignWith([]byte("a key that replicas share"))
	h.Service = flags.NewService(g, h.replica, now)
	h.access = access.NewService(g, store, func(string) bool { return true }, now)
	cfg := ofrep.Config{Replica: h.replica, Directory: h.dir, Usage: flags.NewUsage(h.registry), Now: now, Registry: h.registry}
	if change != nil {
		change(&cfg)
	}
	h.Handler = ofrep.New(cfg)
	kvtest.Follow(h.t, h.follower)
	background, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); h.Run(background) }()
	router := chi.NewRouter()
	api.Use(router, api.Config{Now: now, Log: log, Registry: h.registry, Direct: h.Serve})
	router.Use(access.Middleware(h.dir, now))
	router.Get("/other", func(http.ResponseWriter, *http.Request) {}) // without any route chi takes no step
	h.router = router
	server := httptest.NewUnstartedServer(router)
	server.Config.ConnState = func(c net.Conn, _ http.ConnState) {
		_ = c.(*net.TCPConn).SetWriteBuffer(4096) // so that a slow reader is noticed soon
	}
	server.Start()
	h.url = server.URL
	h.t.Cleanup(func() { h.Drain(); server.Close(); cancel(); <-done; http.DefaultClient.CloseIdleConnections() })
}

var (
	ctx      = context.Background()
	operator = as(identity.Operator, identity.Every)
)

func as(role identity.Role, regions ...string) gate.Origin {
	return gate.Origin{Actor: identity.Principal{ID: "token:" + string(role), Name: string(role),
		Grants: []identity.Grant{{Role: role, Regions: regions}}}, Reason: "clinics are ready"}
}

func (h *house) must(r gate.Receipt, err error) gate.Receipt {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// capability registers a capability with settings of every type.
func (h *house) capability(key string) {
	h.t.Helper()
	h.must(h.SetCapability(ctx, operator, flags.Capability{Key: key, Name: "Video visits", Kind: "clinical", Stage: flags.Ready,
		Risk: "moderate", ForPatients: "See a clinician by video.", ForClinicians: "Visits by video.",
		Settings: []flags.Setting{
			{Key: "max_minutes", Type: "integer", Description: "Length of a visit.", Off: 0.0, Default: 30.0},
			{Key: "share", Type: "number", Description: "Share of visits.", Off: 0.0, Default: 0.5},
			{Key: "label", Type: "string", Description: "What it is called.", Off: "", Default: "Video"}}}))
}

// answer gives a region's answer to the offer of video_visit.
func (h *house) answer(region string, a flags.Answer) gate.Receipt {
	h.t.Helper()
	reply := flags.Reply{Answer: a}
	if a == flags.Later {
		reply.Until = "2099-01-01"
	}
	return h.must(h.AnswerOffer(ctx, as(identity.RegionalLead, region), region, "video_visit", reply))
}

// portal issues the token of a portal service that covers the regions.
func (h *house) portal(regions ...string) string {
	h.t.Helper()
	secret, _, _, err := h.access.Issue(ctx, operator, access.TokenRequest{Name: "portal",
		Grants: []identity.Grant{{Role: identity.Service, Regions: regions}}, Expires: h.now().Add(time.Hour)})
	if err != nil {
		h.t.Fatal(err)
	}
	h.settle()
	return secret
}

// settle waits until the replica shows everything written so far.
func (h *house) settle() {
	h.t.Helper()
	r := h.must(h.SetRegion(ctx, operator, flags.Region{Key: "settle", Name: "x" + h.now().Format(time.StampNano), Jurisdictions: []string{"US-HI"}, TimeZone: "UTC"}))
	wait, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := h.follower.Wait(wait, r.Revision); err != nil {
		h.t.Fatal(err)
	}
}

type reply struct {
	status int
	header http.Header
	body   object
	raw    string
}

const (
	one  = "/regions/co/ofrep/v1/evaluate/flags/video_visit"
	all  = "/regions/co/ofrep/v1/evaluate/flags"
	full = `{"context":{"targetingKey":"p1","action":"start","patient":{"age":44,"location_now":"US-CO"},"clinician":{"licenses":["US-CO"]}}}`
)

// send sends a request; headers are pairs.
func (h *house) send(method, path, token, body string, headers ...string) reply {
	h.t.Helper()
	r, err := http.NewRequest(method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Timeout: 15 * time.Second} // a stream that should have been refused has no end
	resp, err := client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	a := reply{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	_ = json.Unmarshal(raw, &a.body) // not every answer is an object
	return a
}
