package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/server"
)

// A routine decision stays light. Over every region and every capability of the
// demo that is offered: how many findings does a lead who turns it on have to act
// on? A rule that refuses, a signature or a proof that is missing each count; what
// needs nothing of anybody is folded.
func TestDecisionsStayLight(t *testing.T) {
	ctx := t.Context()
	d, err := readDemoData()
	if err != nil {
		t.Fatal(err)
	}
	provider, err := startIssuer("127.0.0.1:0", d, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = provider.Close() }()
	s, err := server.Start(ctx, server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), Version: "test", SmallStore: true,
		OIDC: access.OIDC{Issuer: provider.URL, ClientID: provider.ClientID, ClientSecret: provider.ClientSecret},
		Log:  slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.Settled(ctx); err != nil {
		t.Fatal(err)
	}
	provider.Register(s.URL() + access.CallbackPath)
	d.Governance = demoGovernance{}
	d.Enablements = nil // each pair is asked of as if nobody had answered
	secrets, err := seed(ctx, s, d, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	z := &seeder{s: s, now: time.Now, secrets: secrets}
	var counts []int
	applied := 0
	for _, offer := range d.Offers {
		for _, r := range d.Regions {
			n, at := findings(ctx, t, z, r.Key, offer.Capability)
			counts = append(counts, n)
			if at {
				applied++
			}
		}
	}
	slices.Sort(counts)
	median, p95 := counts[len(counts)/2], counts[len(counts)*95/100]
	t.Logf("%d pairs: %d on at once; findings to act on: median %d, p95 %d, most %d", len(counts), applied, median, p95, counts[len(counts)-1])
	if len(counts) < 100 || median > 2 || p95 > 6 {
		t.Errorf("findings to act on: median %d, p95 %d of %d", median, p95, len(counts))
	}
}

// findings turns a capability on and counts what stands in the way. at says that it
// took effect with one answer and nobody else's.
func findings(ctx context.Context, t *testing.T, z *seeder, region, capability string) (n int, at bool) {
	t.Helper()
	lead, err := z.as(z.secrets[region+"-lead"], "Clinics are ready")
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := z.s.Flags.AnswerOffer(ctx, gate.Origin{Actor: lead.Actor, Reason: lead.Reason}, region, capability, flags.Reply{Answer: flags.Enable})
	switch {
	case fault.HasCode(err, "policy_denied"):
		n = 1
		if rest, more := strings.CutPrefix(fault.From(err).Remedy, "look also at "); more {
			n += 1 + strings.Count(rest, ", ")
		}
		return n, false
	case err != nil:
		t.Fatalf("%s in %s: %v", capability, region, err)
	case receipt.Pending != nil:
		return len(receipt.Pending.Needs), false
	}
	return 0, true
}
