package policy

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// A Checker looks at a bundle in a process of its own, see package sandbox. law is
// the archive of the law that a layer is to stand on, nil for the embedded one.
type Checker func(ctx context.Context, archive, law []byte) (Report, error)

// A World says what there is to regulate. Implementations MUST be safe for
// concurrent use.
type World interface {
	HasRegion(region string) bool
	HasCapability(capability string) bool
	// Live lists what is on but for regulation, as policy is asked about it, and the
	// revision of the store it is read at.
	Live() (questions []Question, revision int64)
	// Share is the part, from 0 to 1, of the lately seen requests for a capability in
	// a region that carried a fact; ok is false if none were seen.
	Share(region, capability, fact string) (share float64, ok bool)
}

// Service has the verbs of policy. Each is one change through the gate. It is safe
// for concurrent use.
type Service struct {
	gate    *gate.Gate
	store   *kv.Store
	records *Records
	world   World
	check   Checker
	now     func() time.Time
	looking chan struct{} // one bundle is looked at at a time
}

// NewService makes the verbs.
func NewService(g *gate.Gate, store *kv.Store, records *Records, world World, check Checker, now func() time.Time) *Service {
	return &Service{gate: g, store: store, records: records, world: world, check: check, now: now, looking: make(chan struct{}, 1)}
}

// Verbs are how changes that wait are asked for again.
func (s *Service) Verbs() map[identity.Action]gate.Verb {
	return map[identity.Action]gate.Verb{
		identity.ActivateLaw:         again(s.again),
		identity.ActivateGroupRules:  again(s.again),
		identity.ActivateRegionRules: again(s.again),
		identity.AddEvidence: again(func(ctx context.Context, o gate.Origin, r EvidenceRequest) (gate.Receipt, error) {
			_, receipt, err := s.AddEvidence(ctx, o, r)
			return receipt, err
		}),
		identity.GrantWaiver: again(func(ctx context.Context, o gate.Origin, r WaiverRequest) (gate.Receipt, error) {
			_, receipt, err := s.GrantWaiver(ctx, o, r)
			return receipt, err
		}),
	}
}

// look has a bundle looked at, one at a time, so that pushing many at once costs
// those who are served no more than pushing one.
func (s *Service) look(ctx context.Context, archive, law []byte) (Report, error) {
	select {
	case s.looking <- struct{}{}:
		defer func() { <-s.looking }()
	case <-ctx.Done():
		return Report{}, fault.New(fault.NotReady, "busy", "other bundles are being looked at").Do("push it again in a moment")
	}
	report, err := s.check(ctx, archive, law)
	if err != nil {
		return report, fault.New(fault.Internal, "no_sandbox", "the bundle could not be looked at; nothing was stored").
			Do("try again; if it stays, see the server's log").Because(err)
	}
	return report, nil
}

// A PushRequest brings a bundle.
type PushRequest struct {
	Archive []byte `json:"archive" doc:"The bundle: a tar.gz in OPA's bundle format, signed, in base64." maxLength:"960000"`
	Region  string `json:"region,omitempty" maxLength:"64" doc:"The region whose own procedures it holds; empty for law and the group's rules."`
}

// pushed is what is recorded of a request to push: the archive is in the store.
type pushedRequest struct {
	Region string `json:"region,omitempty"`
	Digest string `json:"digest"`
	Size   int    `json:"size"`
}

// Push looks at a bundle and stores it, which changes nothing that holds. A bundle
// with faults is refused with the place and reason of each, on the record; so is one
// that was confirmed earlier than what is active.
func (s *Service) Push(ctx context.Context, o gate.Origin, r PushRequest) (Pushed, gate.Receipt, error) {
	target := identity.Target{Kind: "bundle", Region: r.Region}
	var report Report
	if identity.Can(o.Actor, identity.PushRules, target) == nil { // who may not is told so before anything is looked at
		law, err := s.lawArchive(ctx)
		if err != nil {
			return Pushed{}, gate.Receipt{}, err
		}
		if report, err = s.look(ctx, r.Archive, law); err != nil {
			return Pushed{}, gate.Receipt{}, err
		}
	}
	p := Pushed{Digest: report.Revision, Manifest: report.Manifest, Rules: report.Rules, Tests: report.Tests, Cases: report.Cases, SignedBy: report.SignedBy}
	target.ID = short(p.Digest)
	c := o.Change(identity.PushRules, target, pushedRequest{r.Region, p.Digest, len(r.Archive)})
	c.Veiled = []string{parts.Prefix()} // the digest says what was pushed
	receipt, err := s.gate.Submit(ctx, c, func(tx *kv.Tx, c gate.Change) error {
		if len(report.Problems) > 0 {
			return refusedBundle(report.Problems)
		}
		if err := s.mayPush(tx, p.Manifest, r.Region); err != nil {
			return err
		}
		p.Act = actOf(c)
		var err error
		p, err = putBundle(tx, p, r.Archive)
		return err
	})
	return p, receipt, err
}

// maxTold is how many problems stand in one message.
const maxTold = 8

func refusedBundle(problems []Problem) error {
	text := ""
	for i, p := range problems {
		if i == maxTold {
			text += "; and more"
			break
		}
		if i > 0 {
			text += "; "
		}
		text += p.String()
	}
	return fault.New(fault.Refused, "bad_bundle", "the bundle is not taken: %s", text).Do("mend it and push it again; what is active stays").At("archive")
}

func (s *Service) mayPush(tx *kv.Tx, m Manifest, region string) error {
	if m.Region != region {
		return fault.New(fault.Invalid, "another_region", "the bundle is of layer %s, region %q, and was pushed for region %q", m.Layer, m.Region, region).
			Do("name the region that .manifest names").At("region")
	}
	if region != "" && !s.world.HasRegion(region) {
		return fault.New(fault.NotFound, "unknown_region", "there is no region %.80q", region).Do("list them with `quorate region list`").At("region")
	}
	now, err := kv.Get(tx, active)
	if err != nil {
		return err
	}
	holds := now.Value.of(m.Layer, region)
	if holds != nil && m.AsLastConfirmed < holds.AsLastConfirmed {
		return fault.New(fault.Refused, "older_bundle", "the bundle was confirmed as of %s, and what is active as of %s", m.AsLastConfirmed, holds.AsLastConfirmed).
			Do("confirm it anew, or go back to what was active before with `quorate policy rollback`").At("archive")
	}
	return nil
}

// lawArchive is the active law, for a layer to be looked at with; nil without one.
func (s *Service) lawArchive(ctx context.Context) ([]byte, error) {
	view := s.store.View(ctx)
	now, err := kv.Get(view, active)
	if err != nil || now.Value.Law == nil {
		return nil, err
	}
	return getArchive(view, now.Value.Law.Digest)
}

func short(digest string) string { return digest[:min(12, len(digest))] }

// Bundles lists what was pushed, the last first.
func (s *Service) Bundles(ctx context.Context, who identity.Principal) ([]Pushed, error) {
	if err := identity.Can(who, identity.ReadState, identity.Target{Kind: "bundle"}); err != nil {
		return nil, err
	}
	all, err := listed(s.store.View(ctx), parts)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b Stored[Part]) int { return cmp.Compare(b.Revision, a.Revision) })
	var list []Pushed
	for _, p := range all {
		if p.Value.Pushed != nil {
			list = append(list, *p.Value.Pushed)
		}
	}
	return list, nil
}

// Bundle is one that was pushed, by its digest or the beginning of it.
func (s *Service) Bundle(ctx context.Context, who identity.Principal, digest string) (Pushed, error) {
	all, err := s.Bundles(ctx, who)
	if err != nil {
		return Pushed{}, err
	}
	var found []Pushed
	for _, p := range all {
		if len(digest) >= 6 && len(digest) <= len(p.Digest) && p.Digest[:len(digest)] == digest {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		return Pushed{}, unknownBundle(digest)
	}
	return found[0], nil
}
