package flags_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// house is this slice on a store of its own, as a server wires it.
type house struct {
	*flags.Service
	store   *kv.Store
	replica *flags.Replica
	t       testing.TB
	clock   time.Time // zero: the real time
}

// time is what the house's clocks show.
func (h *house) time() time.Time {
	if h.clock.IsZero() {
		return time.Now()
	}
	return h.clock
}

var log = slog.New(slog.DiscardHandler)

func newHouse(t testing.TB) *house {
	t.Helper()
	return houseOn(t, kvtest.New(t))
}

func houseOn(t testing.TB, store *kv.Store) *house {
	t.Helper()
	f := store.NewFollower()
	h := &house{store: store, t: t}
	h.replica = flags.NewReplica(f, time.Now, log, nil)
	kvtest.Follow(t, f)
	g := gate.New(store, gate.Unregulated{}, h.time, log, nil)
	g.SettleOn(f)
	h.Service = flags.NewService(g, h.replica, h.time)
	return h
}

func as(role identity.Role, regions ...string) gate.Origin {
	return gate.Origin{Actor: identity.Principal{ID: "token:" + string(role), Name: string(role),
		Grants: []identity.Grant{{Role: role, Regions: regions}}}, Reason: "clinics are ready"}
}

var (
	operator = as(identity.Operator, identity.Every)
	coLead   = as(identity.RegionalLead, "co")
	hiLead   = as(identity.RegionalLead, "hi")
	ctx      = context.Background()
)

func region(key string) flags.Region {
	return flags.Region{Key: key, Name: "Region " + key, Jurisdictions: []string{"US-CO"}, TimeZone: "America/Denver"}
}

func capability(key string, prerequisites ...string) flags.Capability {
	return flags.Capability{Key: key, Name: "Video visits", Kind: "clinical", Stage: flags.Ready, Risk: "moderate",
		ForPatients: "See a clinician by video.", ForClinicians: "Visits by video.", Prerequisites: prerequisites,
		Settings: []flags.Setting{{Key: "max_minutes", Type: "integer", Description: "Length of a visit.", Off: 0.0, Default: 30.0}}}
}

// must fails the test if a verb of the set-up fails.
func (h *house) must(r gate.Receipt, err error) gate.Receipt {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// furnish founds co and hi and offers the capabilities named.
func (h *house) furnish(keys ...string) {
	h.t.Helper()
	for _, r := range []string{"co", "hi"} {
		h.must(h.SetRegion(ctx, operator, region(r)))
	}
	for _, k := range keys {
		h.must(h.SetCapability(ctx, operator, capability(k)))
		h.must(h.GrantOffer(ctx, operator, k, flags.Full))
	}
}

func (h *house) enable(lead gate.Origin, region, capability string) gate.Receipt {
	h.t.Helper()
	return h.must(h.AnswerOffer(ctx, lead, region, capability, flags.Reply{Answer: flags.Enable}))
}

// value is what a portal in the region is served.
func (h *house) value(region, key string) (any, string) {
	h.t.Helper()
	r, found := h.replica.Snapshot().Evaluate(region, key, map[string]any{"targetingKey": "p1"}, h.time())
	if !found {
		return nil, "FLAG_NOT_FOUND"
	}
	return r.Value, r.Variant
}

// rich is a capability with everything that a region can say something about.
func rich(key string, prerequisites ...string) flags.Capability {
	c := capability(key, prerequisites...)
	c.Settings = append(c.Settings, flags.Setting{Key: "greeting", Type: "string", Description: "First words.", Off: "", Default: "Hello"},
		flags.Setting{Key: "recording", Type: "boolean", Description: "Whether it is recorded.", Off: false, Default: false})
	c.Variants = []flags.Variant{{Key: "long", Name: "Long visits", Settings: map[string]any{"max_minutes": 60.0}},
		{Key: "short", Name: "Short visits", Settings: map[string]any{"max_minutes": 10.0, "greeting": "Hi"}}}
	c.Context = []string{"patient.language", "patient.age", "facility", "service_line", "patient.cohorts", "device.registered"}
	return c
}

// offer adds capabilities as they are given, and offers them.
func (h *house) offer(list ...flags.Capability) {
	h.t.Helper()
	for _, c := range list {
		h.must(h.SetCapability(ctx, operator, c))
		h.must(h.GrantOffer(ctx, operator, c.Key, flags.Full))
	}
}

// how answers for a region: enable, this way.
func (h *house) how(lead gate.Origin, region, capability string, how flags.How) gate.Receipt {
	h.t.Helper()
	return h.must(h.AnswerOffer(ctx, lead, region, capability, flags.Reply{Answer: flags.Enable, How: &how}))
}

// ask is what a portal is served for a context.
func (h *house) ask(region, key string, context map[string]any) (any, string) {
	h.t.Helper()
	r, found := h.replica.Snapshot().Evaluate(region, key, context, h.time())
	switch {
	case !found:
		return nil, "FLAG_NOT_FOUND"
	case !r.HasValue:
		return nil, string(r.ErrorCode)
	}
	return r.Value, r.Variant
}

func facilityOf(region, key string, systems ...string) flags.Facility {
	return flags.Facility{Key: key, Region: region, Name: "Clinic " + key, Kind: "clinic", Jurisdiction: "US-CO", Systems: systems}
}

// ptr points to a value that a form leaves out when it is nil.
func ptr[T any](v T) *T { return &v }

func percent(p float64) *flags.Rollout { return &flags.Rollout{Percent: &p} }

type facts = map[string]any
