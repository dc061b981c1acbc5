package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/policy"
	rules "github.com/quorate/quorate/policy/rego"
)

// demoEvidence is what the demo has on file.
type demoEvidence struct {
	Days     int      `json:"days"`
	Proofs   []string `json:"proofs"`
	Performs []struct {
		Service string   `json:"service"`
		Kinds   []string `json:"kinds"`
		Rules   []string `json:"rules"`
	} `json:"performs"`
}

// regulate activates the law that comes with Quorate, by the word of the demo's
// compliance officer and counsel, and puts the demo's evidence on file. In production
// people who are neither the server's nor each other's do this.
func (z *seeder) regulate(ctx context.Context, d demoEvidence) error {
	key, trusted, err := policy.NewKey("demo")
	if err != nil {
		return err
	}
	z.s.Trust(trusted)
	archive, err := policy.Pack(rules.Law, key)
	if err != nil {
		return fmt.Errorf("packing the law: %w", err)
	}
	officer, err := z.person(ctx, "compliance")
	if err != nil {
		return err
	}
	compliance := gate.Origin{Actor: officer, Reason: "A demo: not legal advice, and signed by nobody's counsel"}
	law, _, err := z.s.Policy.Push(ctx, compliance, policy.PushRequest{Archive: archive})
	if err != nil {
		return fmt.Errorf("pushing the law: %w", err)
	}
	_, receipt, err := z.s.Policy.Activate(ctx, compliance, policy.ActivateRequest{Layer: policy.Law, Digest: law.Digest})
	if err != nil {
		return fmt.Errorf("activating the law: %w", err)
	}
	if err := z.countersign(ctx, receipt); err != nil {
		return fmt.Errorf("signing the law: %w", err)
	}
	return z.evidence(ctx, compliance, d)
}

// countersign gives counsel's signature to what waits for it.
func (z *seeder) countersign(ctx context.Context, r gate.Receipt) error {
	if r.Pending == nil {
		return nil
	}
	view, err := z.s.Gate().Look(ctx, r.ID)
	if err != nil {
		return err
	}
	counsel, err := z.person(ctx, "counsel")
	if err != nil {
		return err
	}
	_, err = z.s.Gate().Sign(ctx, gate.Origin{Actor: counsel, Reason: "A demo: not legal advice"}, r.ID, view.Binding)
	return err
}

func (z *seeder) evidence(ctx context.Context, o gate.Origin, d demoEvidence) error {
	add := func(kind, service string) error {
		sum := sha256.Sum256([]byte("illustrative: " + kind))
		_, _, err := z.s.Policy.AddEvidence(ctx, o, policy.EvidenceRequest{Type: kind, Scope: "*", Service: service,
			Expires: policy.Day(z.now().AddDate(0, 0, d.Days).UTC().Format(time.DateOnly)),
			Hash:    "sha256:" + hex.EncodeToString(sum[:]), Note: "Illustrative: no document stands behind it"})
		if err != nil {
			return fmt.Errorf("evidence %s: %w", kind, err)
		}
		return nil
	}
	for _, kind := range d.Proofs {
		if err := add(kind, ""); err != nil {
			return err
		}
	}
	for _, p := range d.Performs {
		for _, list := range [][]string{p.Kinds, p.Rules} {
			for _, what := range list {
				if err := add(policy.PerformsPrefix+what, p.Service); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
