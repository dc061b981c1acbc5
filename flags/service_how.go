package flags

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// putEnablement checks how a region wants a capability, and writes it.
func (s *Service) putEnablement(tx *kv.Tx, p pair, after Enablement, now time.Time) error {
	after.Permitted = nil
	if after.Answer == Enable {
		if err := p.checkHow(tx, after, now); err != nil {
			return err
		}
		after.Permitted = s.permittedIn(p, after, now)
		if err := p.checkFrozen(tx, after, now); err != nil {
			return err
		}
	}
	if err := kv.Put(tx, enablements.Key(after.Region, after.Capability), after); err != nil {
		return err
	}
	if after.Answer != Enable {
		return nil
	}
	return s.rehearse(tx)
}

// checkHow looks at what the region says, then at what comes of it with the
// baseline that holds in it.
func (p pair) checkHow(tx *kv.Tx, after Enablement, now time.Time) error {
	c, region := p.capability.Value, p.region.Value.Key
	if err := after.How.check("/how", c); err != nil {
		return err
	}
	if err := after.How.checkTimes("/how", p.zone, now, p.enablement.Value.How); err != nil {
		return err
	}
	if err := p.region.Value.within("/how/audience/jurisdictions", after.How.Audience.Jurisdictions); err != nil {
		return err
	}
	if err := checkFacilities(tx, region, "/how/audience/facilities", after.How.Audience.Facilities); err != nil {
		return err
	}
	effective := after.Effective(p.baseline.Value)
	if err := effective.check("/how", c); err != nil {
		return err
	}
	if err := effective.checkTimes("/how", p.zone, now, effective); err != nil {
		return err
	}
	return p.offer.Value.checkWithin(region, effective)
}

// checkFrozen refuses to turn anything on while the region is frozen.
func (p pair) checkFrozen(tx *kv.Tx, after Enablement, now time.Time) error {
	list, err := getSpans(tx, p.region.Value.Key, p.zone)
	if err != nil {
		return err
	}
	running, ok := list.at(now.Unix())
	if !ok {
		return nil
	}
	before := p.enablement.Value
	if !before.answers(p.offer.Value) {
		before = Enablement{} // what it turned on went off with its offer
	}
	w := widening{zone: p.zone, frozen: list, now: now.Unix(), end: running.to}
	if what := w.of(before, after, p.baseline.Value, p.baseline.Value); what != "" {
		return frozen(running, p.zone, what)
	}
	return nil
}

// AcceptBaseline has a region take over the group's baseline as it is now. What
// the region says otherwise stays.
func (s *Service) AcceptBaseline(ctx context.Context, o gate.Origin, region, capability string) (gate.Receipt, error) {
	target := identity.Target{Kind: "enablement", Region: region, ID: capability}
	request := map[string]any{"accept_baseline": true, "reason": o.Reason, "if_revision": o.IfRevision}
	return s.gate.Submit(ctx, o.Change(identity.AcceptBaseline, target, request), func(tx *kv.Tx, c gate.Change) error {
		if err := CheckReason(o.Reason); err != nil {
			return err
		}
		p, err := getPair(tx, region, capability)
		if err != nil {
			return err
		}
		if err := o.CheckBase(target, p.enablement.Revision); err != nil {
			return err
		}
		before := p.enablement.Value
		before.Region, before.Capability = region, capability
		after, err := accept(before, p.baseline, actOf(c))
		if err != nil {
			return err
		}
		return s.putEnablement(tx, p, after, c.At)
	})
}

// SetBaseline says how the group would have a capability on. Until a body exists
// an operator does it. Regions that follow have it at once, the others when they
// accept it.
func (s *Service) SetBaseline(ctx context.Context, o gate.Origin, capability string, how How) (gate.Receipt, error) {
	target := identity.Target{Kind: "baseline", ID: capability}
	request := map[string]any{"how": how, "reason": o.Reason, "if_revision": o.IfRevision}
	return s.gate.Submit(ctx, o.Change(identity.SetBaseline, target, request), func(tx *kv.Tx, c gate.Change) error {
		if err := CheckReason(o.Reason); err != nil {
			return err
		}
		rec, err := getCapability(tx, capability)
		if err != nil {
			return err
		}
		before, err := kv.Get(tx, baselines.Key(capability))
		if err != nil {
			return err
		}
		if err := o.CheckBase(target, before.Revision); err != nil {
			return err
		}
		after := Baseline{Capability: capability, How: how, Set: actOf(c)}
		if before.Exists() && before.Value.How.equal(how) && before.Value.Set.Reason == o.Reason {
			return nil
		}
		if err := after.check(rec.Value, after.Set, before.Value); err != nil {
			return err
		}
		if err := s.checkFollowers(before.Value, after, c.At); err != nil {
			return err
		}
		if err := kv.Put(tx, baselines.Key(capability), after); err != nil {
			return err
		}
		return s.rehearse(tx)
	})
}

// checkFollowers refuses a baseline that would turn something on in a region that
// follows and is frozen.
func (s *Service) checkFollowers(before, after Baseline, now time.Time) error {
	snap := s.replica.Snapshot()
	if snap == nil {
		return nil
	}
	for _, region := range slices.Sorted(maps.Keys(snap.regions)) {
		st, err := snap.State(region, after.Capability, now)
		if err != nil || !st.Enablement.Value.Follow {
			continue
		}
		running, ok := st.view.frozen.at(now.Unix())
		if !ok {
			continue
		}
		w := widening{zone: st.view.zone, frozen: st.view.frozen, now: now.Unix(), end: running.to}
		if what := w.of(st.Enablement.Value, st.Enablement.Value, before, after); what != "" {
			return frozen(running, st.view.zone, what+", and "+region+" follows the baseline")
		}
	}
	return nil
}

// SetFreeze adds or changes a time in which a region turns nothing on.
func (s *Service) SetFreeze(ctx context.Context, o gate.Origin, f Freeze) (gate.Receipt, error) {
	target := identity.Target{Kind: "freeze", Region: f.Region, ID: f.ID}
	request := map[string]any{"from": f.From, "to": f.To, "reason": o.Reason, "if_revision": o.IfRevision}
	return s.changeFreeze(ctx, o, identity.SetFreeze, target, request, func(before kv.Record[Freeze], zone *time.Location, act Act) (Freeze, error) {
		return setFreeze(Freeze{ID: f.ID, Region: f.Region, From: f.From, To: f.To}, before.Value, zone, act)
	})
}

// EndFreeze ends a freeze before its time. What it held back takes effect at once.
func (s *Service) EndFreeze(ctx context.Context, o gate.Origin, region, id string) (gate.Receipt, error) {
	target := identity.Target{Kind: "freeze", Region: region, ID: id}
	request := map[string]any{"end": true, "reason": o.Reason, "if_revision": o.IfRevision}
	return s.changeFreeze(ctx, o, identity.EndFreeze, target, request, func(before kv.Record[Freeze], zone *time.Location, act Act) (Freeze, error) {
		if !before.Exists() {
			return Freeze{}, unknownFreeze(region, id)
		}
		return endFreeze(before.Value, zone, act), nil
	})
}

func (s *Service) changeFreeze(ctx context.Context, o gate.Origin, action identity.Action, target identity.Target, request any,
	change func(before kv.Record[Freeze], zone *time.Location, act Act) (Freeze, error),
) (gate.Receipt, error) {
	return s.gate.Submit(ctx, o.Change(action, target, request), func(tx *kv.Tx, c gate.Change) error {
		if err := CheckReason(o.Reason); err != nil {
			return err
		}
		region, err := getRegion(tx, target.Region)
		if err != nil {
			return err
		}
		zone, err := zones.load(region.Value.TimeZone)
		if err != nil {
			return err
		}
		if !freezeID.MatchString(target.ID) {
			return Freeze{ID: target.ID}.check(zone, c.At, Freeze{})
		}
		before, err := kv.Get(tx, freezes.Key(target.Region, target.ID))
		if err != nil {
			return err
		}
		if err := o.CheckBase(target, before.Revision); err != nil {
			return err
		}
		after, err := change(before, zone, actOf(c))
		if err != nil {
			return err
		}
		return kv.Put(tx, freezes.Key(target.Region, target.ID), after)
	})
}

// rehearse builds what a change would have served, and refuses one whose
// definitions could not be: it must come to light now, not when a patient waits.
func (s *Service) rehearse(tx *kv.Tx) error {
	b := newBuilder(s.replica.Snapshot(), func(string, error) {})
	b.plain = true
	for _, e := range tx.Edits() {
		b.take(kv.Event{Path: e.Path, Value: e.After, Created: b.next.Revision + 1, Revision: b.next.Revision + 1})
	}
	b.build(b.next.Revision + 1)
	for _, key := range slices.SortedFunc(maps.Keys(b.failed), comparePairs) {
		return fault.New(fault.Refused, "definition_too_large", "%s could not be served in %s: %s", key.capability, key.region, reasonOf(b.failed[key])).
			Do("name fewer values in the audience, or let it need fewer capabilities").Because(b.failed[key])
	}
	return nil
}

func comparePairs(a, b pairKey) int {
	if a.region != b.region {
		return strings.Compare(a.region, b.region)
	}
	return strings.Compare(a.capability, b.capability)
}

// reasonOf is the last and plainest part of why a definition was not compiled.
func reasonOf(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

// checkUse refuses a change of a capability that takes away what a region or the
// baseline makes use of.
func (s *Service) checkUse(c Capability) error {
	snap := s.replica.Snapshot()
	if snap == nil {
		return nil
	}
	if b, err := snap.Baseline(c.Key); err == nil {
		if err := b.Value.How.check("", c); err != nil {
			return inUse(c, "the baseline", err)
		}
	}
	for _, region := range slices.Sorted(maps.Keys(snap.regions)) {
		st, err := snap.State(region, c.Key, time.Time{})
		if err != nil || st.Enablement.Value.Answer != Enable {
			continue
		}
		if err := st.Enablement.Value.Effective(st.Baseline.Value).check("", c); err != nil {
			return inUse(c, region, err)
		}
	}
	return nil
}

func inUse(c Capability, who string, err error) error {
	return fault.New(fault.Refused, "still_used", "%s makes use of what %s would lose: %s", who, c.Key, fault.From(err).Message).
		Do("have it changed there first")
}
