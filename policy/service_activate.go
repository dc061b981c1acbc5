package policy

import (
	"context"
	"encoding/json"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// An ActivateRequest says which bundle shall hold.
type ActivateRequest struct {
	Layer  Layer  `json:"layer" enum:"law,group,region" doc:"Whose rules they are."`
	Region string `json:"region,omitempty" maxLength:"64" doc:"Of layer region: whose procedures they are."`
	Digest string `json:"digest" maxLength:"64" doc:"The bundle; empty takes a layer over the law away."`
	// Previewed, if not 0, is the revision of the store at which somebody looked
	// what would break. The activation fails if an enablement was written since.
	Previewed int64 `json:"previewed,omitempty" minimum:"0" doc:"Revision of the preview it rests on: refused if an enablement was written since. 0: now."`
}

// action is what activating a layer asks for.
func (l Layer) action() identity.Action {
	switch l {
	case Group:
		return identity.ActivateGroupRules
	case Region:
		return identity.ActivateRegionRules
	}
	return identity.ActivateLaw
}

func (r ActivateRequest) target() identity.Target {
	return identity.Target{Kind: "policy", ID: string(r.Layer), Region: r.Region}
}

// Activate has a pushed bundle hold, in the place of what held in its layer. It is
// one record that is flipped, compared with what it was, and with the enablements as
// they were when somebody looked. Enabling in turn compares this record, so neither
// can slip past the other.
func (s *Service) Activate(ctx context.Context, o gate.Origin, r ActivateRequest) (Active, gate.Receipt, error) {
	var next Active
	if err := r.check(); err != nil {
		return next, gate.Receipt{}, err
	}
	tried := ""
	var trial error
	if identity.Can(o.Actor, r.Layer.action(), r.target()) == nil {
		tried, trial = s.try(ctx, r)
		if fault.Is(trial, fault.StoreUnavailable) || fault.Is(trial, fault.Internal) || fault.Is(trial, fault.NotReady) {
			return next, gate.Receipt{}, trial
		}
	}
	receipt, err := s.gate.Submit(ctx, o.Change(r.Layer.action(), r.target(), r), func(tx *kv.Tx, c gate.Change) error {
		if trial != nil {
			return trial
		}
		now, err := kv.Get(tx, active)
		if err != nil {
			return err
		}
		if err := o.CheckBase(r.target(), now.Revision); err != nil {
			return err
		}
		next = now.Value
		if holds := next.of(r.Layer, r.Region); holds != nil && holds.Digest == r.Digest || holds == nil && r.Digest == "" {
			return nil
		}
		if next, err = r.flip(tx, now.Value, c); err != nil {
			return err
		}
		if stackName(next.stack()) != tried {
			return fault.New(fault.Conflict, "policy_moved", "other bundles were activated while this one was tried with those that held before").
				Do("look at what is active and activate it again")
		}
		if err := s.still(tx, r.Previewed); err != nil {
			return err
		}
		return kv.Put(tx, active, next)
	})
	return next, receipt, err
}

// still holds the enablements as they were at a revision; at 0 as they are.
func (s *Service) still(tx *kv.Tx, since int64) error {
	if since == 0 {
		const all = 1 << 62
		since = all
	}
	return tx.Unmoved(enablementsPrefix, since)
}

func (r ActivateRequest) check() error {
	if (r.Layer == Region) != (r.Region != "") {
		return fault.New(fault.Invalid, "bad_layer", "a region is named for the layer region, and for no other").
			Do("say layer region with a region, or layer law or group without").At("region")
	}
	if r.Layer == Law && r.Digest == "" {
		return fault.New(fault.Invalid, "no_digest", "which law shall hold is not said").
			Do("name a bundle: `quorate policy show --all` lists them").At("digest")
	}
	return nil
}

// flip is the pointer with the bundle in its layer.
func (r ActivateRequest) flip(tx *kv.Tx, now Active, c gate.Change) (Active, error) {
	if r.Layer != Law && now.Law == nil {
		return now, fault.New(fault.Refused, "no_law", "there is no active law for the %s's rules to stand on", r.Layer).
			Do("have counsel and compliance activate one")
	}
	if r.Digest == "" {
		return now.with(r.Layer, r.Region, nil), nil
	}
	p, err := getPushed(tx, r.Digest)
	if err != nil {
		return now, err
	}
	if p.Manifest.Layer != r.Layer || p.Manifest.Region != r.Region {
		return now, fault.New(fault.Invalid, "another_layer", "the bundle %s is of layer %s %s, not %s %s",
			short(r.Digest), p.Manifest.Layer, p.Manifest.Region, r.Layer, r.Region).Do("name one of that layer").At("digest")
	}
	next := &Activation{Digest: r.Digest, AsLastConfirmed: p.Manifest.AsLastConfirmed, Act: actOf(c)}
	if before := now.of(r.Layer, r.Region); before != nil {
		next.Previous = before.Digest
	}
	return now.with(r.Layer, r.Region, next), nil
}

// try sees to it that what would hold can be loaded: that each layer passes over the
// law it would stand on, and that the whole is ready when it is asked for.
func (s *Service) try(ctx context.Context, r ActivateRequest) (stack string, err error) {
	view := s.store.View(ctx)
	now, err := kv.Get(view, active)
	if err != nil {
		return "", err
	}
	would, err := r.flip(view, now.Value, gate.Change{})
	if err != nil {
		return "", err
	}
	digests := would.stack()
	if err := s.passes(ctx, view, digests); err != nil {
		return "", err
	}
	if _, err := s.records.prepare(digests); err != nil {
		return "", fault.New(fault.NotReady, "not_prepared", "this replica cannot load what would hold: %s", oneLine(err.Error())).
			Do("try again in a moment").Because(err)
	}
	return stackName(digests), nil
}

// passes has each layer looked at over the law that it would stand on.
func (s *Service) passes(ctx context.Context, view *kv.Tx, digests []string) error {
	law, err := getArchive(view, digests[0])
	if err != nil {
		return err
	}
	for _, digest := range digests[1:] {
		archive, err := getArchive(view, digest)
		if err != nil {
			return err
		}
		report, err := s.look(ctx, archive, law)
		if err != nil {
			return err
		}
		if len(report.Problems) > 0 {
			return refusedBundle(report.Problems)
		}
	}
	return nil
}

func stackName(digests []string) string {
	text := ""
	for _, d := range digests {
		text += d + "+"
	}
	return text
}

// Rollback has the bundle hold that held before in a layer; of a layer over the law
// that had none before, none.
func (s *Service) Rollback(ctx context.Context, o gate.Origin, l Layer, region string) (Active, gate.Receipt, error) {
	now, err := kv.Get(s.store.View(ctx), active)
	if err != nil {
		return Active{}, gate.Receipt{}, err
	}
	r := ActivateRequest{Layer: l, Region: region}
	holds := now.Value.of(l, region)
	if err := identity.Can(o.Actor, l.action(), r.target()); err != nil { // refused on the record, as anywhere
		_, receipt, err := s.Activate(ctx, o, ActivateRequest{Layer: l, Region: region, Digest: "none"})
		return now.Value, receipt, err
	}
	if holds == nil || l == Law && holds.Previous == "" {
		return now.Value, gate.Receipt{}, fault.New(fault.Refused, "nothing_before", "no bundle held before in the layer %s %s", l, region).
			Do("activate another: `quorate policy show --all` lists them")
	}
	if o.IfRevision == 0 {
		o.IfRevision = now.Revision
	}
	r.Digest = holds.Previous
	return s.Activate(ctx, o, r)
}

// again is the verb of an activation that waited: on the enablements as they are now.
func (s *Service) again(ctx context.Context, o gate.Origin, r ActivateRequest) (gate.Receipt, error) {
	r.Previewed = 0
	_, receipt, err := s.Activate(ctx, o, r)
	return receipt, err
}

// again decodes the request of a change that waited.
func again[T any](verb func(context.Context, gate.Origin, T) (gate.Receipt, error)) gate.Verb {
	return func(ctx context.Context, o gate.Origin, _ identity.Target, raw json.RawMessage) (gate.Receipt, error) {
		var request T
		if err := json.Unmarshal(raw, &request); err != nil {
			return gate.Receipt{}, fault.New(fault.Invalid, "bad_request", "the request cannot be read: %v", err).
				Do("take the one of the change and alter it").At("/request")
		}
		return verb(ctx, o, request)
	}
}
