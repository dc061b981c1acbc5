package flags

import (
	"fmt"

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
)

// Prefixes are what a Replica follows.
func Prefixes() []string {
	return []string{regions.Prefix(), facilities.Prefix(), capabilities.Prefix(), offers.Prefix(), enablements.Prefix()}
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

// pair is what a decision about one capability in one region rests on.
type pair struct {
	region     kv.Record[Region]
	capability kv.Record[Capability]
	offer      kv.Record[Offer]
	enablement kv.Record[Enablement]
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
	return p, nil
}
