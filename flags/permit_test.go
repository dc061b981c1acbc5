package flags_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
	"github.com/quorate/quorate/policy"
)

// given is a position that is at hand, without the records it is made of.
type given struct {
	position *policy.Position
	next     *policy.Position // from the following batch on
}

func (g *given) Prefixes() []string { return []string{"policy/"} }
func (g *given) Apply(kv.Batch) bool {
	if g.next == nil {
		return false
	}
	g.position, g.next = g.next, nil
	return true
}
func (g *given) Position() *policy.Position { return g.position }

// What the law says of an enablement is said at the gate: refused with its rule, or
// on where allowed; turning off is never asked about.
func TestTheLawIsAskedAtTheGate(t *testing.T) {
	law, err := policy.Default(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	records := &given{position: &policy.Position{}}
	store := kvtest.New(t)
	now := func() time.Time { return time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC) }
	f := store.NewFollower()
	replica := flags.NewReplicaUnder(f, records, now, log, prometheus.NewRegistry())
	g := gate.New(store, flags.NewPermits(replica), now, log, nil)
	g.SettleOn(f)
	s := flags.NewService(g, replica, now)
	kvtest.Follow(t, f)
	must := func(_ gate.Receipt, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.SetRegion(ctx, operator, flags.Region{Key: "mas", Name: "Mid-Atlantic", Jurisdictions: []string{"US-DC", "US-MD", "US-VA"}, TimeZone: "America/New_York"}))
	for _, key := range []string{"trackers", "hie", "research", "unruled"} {
		must(s.SetCapability(ctx, operator, capability(key)))
		must(s.GrantOffer(ctx, operator, key, flags.Full))
	}
	lead := as("regional_lead", "mas")
	enable := func(key string) (gate.Receipt, error) {
		return s.AnswerOffer(ctx, lead, "mas", key, flags.Reply{Answer: flags.Enable})
	}
	to := func(p *policy.Position) {
		records.next = p
		must(s.SetRegion(ctx, operator, flags.Region{Key: "mas", Name: "Mid-Atlantic " + time.Now().String()[20:29], Jurisdictions: []string{"US-DC", "US-MD", "US-VA"}, TimeZone: "America/New_York"}))
	}
	refused := func(key, rule string) {
		t.Helper()
		_, err := enable(key)
		if f := fault.From(err); err == nil || f.Kind != fault.Refused || !strings.Contains(f.Error(), rule) {
			t.Errorf("%s: %v, want a refusal by %s", key, err, rule)
		}
	}
	refused("unruled", "no-encoded-law")

	proofs := []policy.Evidence{}
	for _, kind := range []string{"npp_update", "part2_breach_process", "part2_consent_forms", "performs:FED-42CFR2-CONSENT", "performs:FED-42CFR2-COUNSELING",
		"performs:FED-HIPAA-PSYCH-NOTES", "performs:disclose", "performs:log_basis", "performs:DC-MHIA", "performs:MD-HG-4-302-5-LPHI"} {
		proofs = append(proofs, policy.Evidence{Type: kind, Scope: "*", Expires: "2030-01-01"})
	}
	to(&policy.Position{Law: law, Evidence: proofs})
	if _, err := enable("unruled"); err != nil {
		t.Errorf("no rule speaks of it: %v", err)
	}
	refused("trackers", "FED-HIPAA-TRACK-AUTH")
	receipt, err := enable("hie")
	if err != nil || !strings.Contains(strings.Join(receipt.Warnings, "\n"), "MD-HG-4-302-5-LPHI: evidence hie_filtering") {
		t.Errorf("where allowed: %v, %q", err, receipt.Warnings)
	}
	if _, err := s.TurnOff(ctx, lead, "mas", "hie"); err != nil {
		t.Errorf("turning off: %v", err)
	}
	records.next = &policy.Position{Law: law, LawRevision: 7} // it has seen an activation that this store has not
	must(s.SetFacility(ctx, operator, flags.Facility{Key: "mas-1", Region: "mas", Name: "x", Kind: "clinic", Jurisdiction: "US-VA"}))
	if _, err := enable("hie"); fault.From(err).Code != "policy_not_seen" {
		t.Errorf("decided under another policy: %v", err)
	}
}
