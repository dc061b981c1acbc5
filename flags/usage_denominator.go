package flags

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// A Denominator is how many members there are of whom use is a share: of a
// region, or of one facility or coarse group of it. The region enters it.
type Denominator struct {
	Region   string `json:"region"`
	Facility string `json:"facility,omitempty"` // "": all of the region
	Group    string `json:"group,omitempty"`    // one of TrackGroups; "": all
	Members  int64  `json:"members"`
	AsOf     string `json:"as_of"` // the day on which they were counted, 2027-03-01
	Set      Act    `json:"set"`
}

var denominators = kv.NewCollection[Denominator]("denominators", 1)

// whole stands for all facilities, or all groups, in the key of a denominator.
const whole = "*"

func orWhole(part string) string {
	if part == "" {
		return whole
	}
	return part
}

func (d Denominator) check(now time.Time) error {
	switch {
	case d.Group != "" && !slices.Contains(TrackGroups, d.Group):
		return bad("/group", d.Group, "the groups are %v; leave it out for all", TrackGroups)
	case d.Members < LeastCell || d.Members > 1_000_000_000:
		return bad("/members", fmt.Sprint(d.Members), "enter at least %d members: fewer could be known by name", LeastCell)
	}
	if day, err := time.Parse(time.DateOnly, d.AsOf); err != nil || day.After(now.AddDate(0, 0, 1)) {
		return bad("/as_of", d.AsOf, "say on which day they were counted, such as %s", now.UTC().Format(time.DateOnly))
	}
	return nil
}

// SetDenominator enters how many members there are.
func (s *Service) SetDenominator(ctx context.Context, o gate.Origin, d Denominator) (gate.Receipt, error) {
	target := identity.Target{Kind: "denominator", Region: d.Region, ID: orWhole(d.Facility) + "/" + orWhole(d.Group)}
	request := map[string]any{"members": d.Members, "as_of": d.AsOf, "reason": o.Reason}
	return s.gate.Submit(ctx, o.Change(identity.SetDenominator, target, request), func(tx *kv.Tx, c gate.Change) error {
		if _, err := getRegion(tx, d.Region); err != nil {
			return err
		}
		if d.Facility != "" {
			if err := checkFacilities(tx, d.Region, "/facility", []string{d.Facility}); err != nil {
				return err
			}
		}
		if err := d.check(c.At); err != nil {
			return err
		}
		key := denominators.Key(d.Region, orWhole(d.Facility), orWhole(d.Group))
		before, err := kv.Get(tx, key)
		if err != nil {
			return err
		}
		if err := o.CheckBase(target, before.Revision); err != nil {
			return err
		}
		if before.Exists() && before.Value.Members == d.Members && before.Value.AsOf == d.AsOf {
			return nil
		}
		d.Set = actOf(c)
		return kv.Put(tx, key, d)
	})
}

// members finds denominators by facility and group, "" for all.
type members map[[2]string]Denominator

func (l *Ledger) members(ctx context.Context, region string) (members, error) {
	recs, err := kv.List(l.store.View(ctx), denominators, region)
	if err != nil {
		return nil, err
	}
	found := members{}
	for _, rec := range recs {
		found[[2]string{rec.Value.Facility, rec.Value.Group}] = rec.Value
	}
	return found, nil
}

// sorted lists them by facility and group.
func (m members) sorted() []Denominator {
	list := slices.Collect(maps.Values(m))
	slices.SortFunc(list, func(a, b Denominator) int {
		return cmp.Or(cmp.Compare(a.Facility, b.Facility), cmp.Compare(a.Group, b.Group))
	})
	return list
}
