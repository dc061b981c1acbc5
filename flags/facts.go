package flags

import (
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
)

// ChangeFacts is what rules over changes need to know of what is governed: the
// kind and risk of each capability that a change is about, and the freezes that
// run in each region that would turn something on. All of it is read through the
// transaction, so that it is compared when the change is committed.
func ChangeFacts(tx *kv.Tx, c gate.Change) (map[string]any, error) {
	classes, frozen := map[string]any{}, map[string]any{}
	for _, e := range c.Edits {
		region, capability := aboutPair(e.Path)
		if capability == "" || e.After == nil {
			continue
		}
		rec, err := kv.Get(tx, capabilities.Key(capability))
		if err != nil {
			return nil, err
		}
		if rec.Exists() {
			classes[capability] = map[string]any{"kind": rec.Value.Kind, "risk": rec.Value.Risk}
		}
		if region == "" || frozen[region] != nil {
			continue
		}
		if frozen[region], err = runningFreezes(tx, region, c); err != nil {
			return nil, err
		}
	}
	return map[string]any{"capabilities": classes, "frozen": frozen}, nil
}

// aboutPair is the region and the capability that a record is about, as far as it
// is about such.
func aboutPair(path string) (region, capability string) {
	if parts, ok := enablements.Split(path); ok && len(parts) == 2 {
		return parts[0], parts[1]
	}
	if parts, ok := baselines.Split(path); ok && len(parts) == 1 {
		return "", parts[0]
	}
	return "", ""
}

func runningFreezes(tx *kv.Tx, region string, c gate.Change) ([]string, error) {
	running := []string{}
	rec, err := getRegion(tx, region)
	if err != nil {
		return nil, err
	}
	zone, err := zones.load(rec.Value.TimeZone)
	if err != nil {
		return nil, err
	}
	list, err := kv.List(tx, freezes, region)
	if err != nil {
		return nil, err
	}
	for path, f := range list {
		if _, now := spansOf([]Freeze{f.Value}, zone).at(c.At.Unix()); now {
			running = append(running, strings.TrimPrefix(path, freezes.Prefix(region)))
		}
	}
	slices.Sort(running)
	return running, nil
}
