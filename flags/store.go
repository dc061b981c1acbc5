package flags

import (
	"fmt"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// The collections of this slice. Their JSON is kept by golden files: a field may
// be added, but its meaning never changes within a schema version.
var (
	regions      = kv.NewCollection[Region]("regions", 1)
	facilities   = kv.NewCollection[Facility]("facilities", 1)
	capabilities = kv.NewCollection[Capability]("capabilities", 1)
	offers       = kv.NewCollection[Offer]("offers", 1)
	enablements  = kv.NewCollection[Enablement]("enablements", 1)
	baselines    = kv.NewCollection[Baseline]("baselines", 1)
	freezes      = kv.NewCollection[Freeze]("freezes", 1)
)

// Prefixes are what a Replica follows.
func Prefixes() []string {
	return []string{regions.Prefix(), facilities.Prefix(), capabilities.Prefix(), offers.Prefix(), enablements.Prefix(),
		baselines.Prefix(), freezes.Prefix()}
}

func getRegion(tx *kv.Tx, key string) (kv.Record[Region], error) {
	if !regionKey.MatchString(key) {
		return kv.Record[Region]{}, unknownRegion(key)
	}
	rec, err := kv.Get(tx, regions.Key(key))
	if err == nil && !rec.Exists() {
		err = unknownRegion(key)
	}
	return rec, err
}

func getCapability(tx *kv.Tx, key string) (kv.Record[Capability], error) {
	if !capabilityKey.MatchString(key) {
		return kv.Record[Capability]{}, unknownCapability(key)
	}
	rec, err := kv.Get(tx, capabilities.Key(key))
	if err == nil && !rec.Exists() {
		err = unknownCapability(key)
	}
	return rec, err
}

func unknownRegion(key string) error {
	return fault.New(fault.NotFound, "unknown_region", "there is no region %.80q", key).
		Do("list the regions with `quorate region list`")
}

func unknownCapability(key string) error {
	return fault.New(fault.NotFound, "unknown_capability", "there is no capability %.80q", key).
		Do("list the capabilities with `quorate capability list`")
}

func unknownFacility(region, key string) error {
	return fault.New(fault.NotFound, "unknown_facility", "there is no facility %.80q in region %s", key, region).
		Do("list them with `quorate facility list --region %s`", region)
}

func unknownFreeze(region, id string) error {
	return fault.New(fault.NotFound, "unknown_freeze", "%s has no freeze %.80q", region, id).
		Do("list them with `quorate freeze list --region %s`", region)
}

// pair is what a decision about one capability in one region rests on.
type pair struct {
	region     kv.Record[Region]
	capability kv.Record[Capability]
	offer      kv.Record[Offer]
	enablement kv.Record[Enablement]
	baseline   kv.Record[Baseline]
	zone       *time.Location
}

// getAnswer reads a region's answer and, only if there is none, whether region
// and capability exist: what stands beside it must not hold up turning off.
func getAnswer(tx *kv.Tx, region, capability string) (kv.Record[Enablement], error) {
	if !regionKey.MatchString(region) {
		return kv.Record[Enablement]{}, unknownRegion(region)
	}
	if !capabilityKey.MatchString(capability) {
		return kv.Record[Enablement]{}, unknownCapability(capability)
	}
	rec, err := kv.Get(tx, enablements.Key(region, capability))
	if err != nil || rec.Exists() {
		return rec, err
	}
	if _, err := getRegion(tx, region); err != nil {
		return rec, err
	}
	_, err = getCapability(tx, capability)
	return rec, err
}

func getPair(tx *kv.Tx, region, capability string) (p pair, err error) {
	if p.region, err = getRegion(tx, region); err != nil {
		return p, err
	}
	if p.capability, err = getCapability(tx, capability); err != nil {
		return p, err
	}
	if p.offer, err = kv.Get(tx, offers.Key(capability)); err != nil {
		return p, err
	}
	if p.enablement, err = kv.Get(tx, enablements.Key(region, capability)); err != nil {
		return p, fmt.Errorf("reading the enablement: %w", err)
	}
	if p.baseline, err = kv.Get(tx, baselines.Key(capability)); err != nil {
		return p, fmt.Errorf("reading the baseline: %w", err)
	}
	p.zone, err = zones.load(p.region.Value.TimeZone)
	return p, err
}

// getSpans reads a region's freezes.
func getSpans(tx *kv.Tx, region string, zone *time.Location) (spans, error) {
	recs, err := kv.List(tx, freezes, region)
	if err != nil {
		return nil, err
	}
	var list []Freeze
	for _, r := range recs {
		list = append(list, r.Value)
	}
	return spansOf(list, zone), nil
}

// checkFacilities refuses an audience of facilities that the region does not have.
func checkFacilities(tx *kv.Tx, region, at string, keys []string) error {
	for _, key := range keys {
		rec, err := kv.Get(tx, facilities.Key(region, key))
		if err != nil {
			return err
		}
		if !rec.Exists() {
			return bad(at, key, "name facilities of %s; list them with `quorate facility list --region %s`", region, region)
		}
	}
	return nil
}
