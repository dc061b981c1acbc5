package flags

import (
	"maps"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// OfferKind says how much an offer gives.
type OfferKind string

// The kinds of offers.
const (
	Full        OfferKind = "full"        // to every region, without terms
	Pilot       OfferKind = "pilot"       // to named facilities, under a cap, until a date, to learn something
	Provisional OfferKind = "provisional" // to every region, until a date
)

// OfferKinds lists them.
var OfferKinds = []OfferKind{Full, Pilot, Provisional}

// An Offer is the right to enable a capability. It turns nothing on.
type Offer struct {
	Capability string    `json:"capability"`
	Kind       OfferKind `json:"kind"`
	Terms
	Motion     string `json:"motion,omitempty"` // the carried motion that gave it; "" where an operator did
	Granted    Act    `json:"granted"`
	Ratified   *Act   `json:"ratified,omitempty"`    // when a provisional offer became a full one
	RatifiedBy string `json:"ratified_by,omitempty"` // the motion that made it so
	Withdrawn  *Act   `json:"withdrawn,omitempty"`
}

// An Act is who did something, when and why, with the change that recorded it.
type Act struct {
	Change string    `json:"change"` // id of the change and its leaf in the record
	By     string    `json:"by"`     // name by role
	At     time.Time `json:"at"`     // UTC
	Reason string    `json:"reason,omitempty"`
}

// Live reports whether the offer stands.
func (o Offer) Live() bool { return o.Capability != "" && o.Withdrawn == nil }

// Terms are the limits of an offer that is not full. A region may enable within
// them and not beyond; where it says nothing, they hold as they are.
type Terms struct {
	Facilities map[string][]string `json:"facilities,omitempty" doc:"For a pilot: its facilities by region."`
	CapPercent *float64            `json:"cap_percent,omitempty" doc:"For a pilot: the greatest percentage of a rollout."`
	End        string              `json:"end,omitempty" maxLength:"32" doc:"For pilot and provisional: the last day, YYYY-MM-DD, in each region's time zone."`
	Hypothesis string              `json:"hypothesis,omitempty" doc:"For a pilot: what it is to find out."`
}

// check says what is wrong with the terms of an offer of a capability.
func (t Terms) check(kind OfferKind, c Capability, now time.Time) error {
	switch {
	case kind != Pilot && len(t.Facilities) > 0:
		return bad("/facilities", "", "only a pilot names facilities")
	case kind != Pilot && t.CapPercent != nil:
		return bad("/cap_percent", formatNumber(*t.CapPercent), "only a pilot has a cap")
	case kind != Pilot && t.Hypothesis != "":
		return bad("/hypothesis", t.Hypothesis, "only a pilot has a hypothesis")
	case kind == Full && t.End != "":
		return bad("/end", t.End, "a full offer has no end; withdraw it when it should end")
	case kind == Full:
		return nil
	case !comingDate(t.End, now.In(lastZone).AddDate(0, 0, -1).Format(time.DateOnly)):
		return bad("/end", t.End, "say with a date to come (YYYY-MM-DD) on which the offer ends")
	case kind == Provisional:
		return nil
	}
	return t.checkPilot(c)
}

func (t Terms) checkPilot(c Capability) error {
	switch {
	case len(t.Facilities) == 0:
		return bad("/facilities", "", "name the facilities of the pilot, by region")
	case t.CapPercent == nil:
		return bad("/cap_percent", "", "say with a percentage how many people the pilot may reach; 100 is all of its facilities'")
	case !plainText(t.Hypothesis, 1000):
		return bad("/hypothesis", t.Hypothesis, "say in 1 to 1,000 characters what the pilot is to find out")
	}
	if err := checkPercent("/cap_percent", *t.CapPercent); err != nil {
		return err
	}
	for _, region := range slices.Sorted(maps.Keys(t.Facilities)) {
		at := "/facilities/" + region
		if len(t.Facilities[region]) == 0 {
			return bad(at, region, "name at least one facility, or leave the region out")
		}
		if err := checkListed(at, t.Facilities[region], facilityKey, "name facilities of the region, as `quorate facility list` does"); err != nil {
			return err
		}
	}
	return c.mayRead("/facilities", readsFacility, true)
}

// reaches reports whether an offer is for a region at all.
func (o Offer) reaches(region string) bool { return o.Kind != Pilot || len(o.Facilities[region]) > 0 }

// limit is the greatest share of people, in basis points.
func (o Offer) limit() int64 {
	if o.CapPercent == nil {
		return everyone
	}
	return basisPoints(*o.CapPercent)
}

// within narrows a How to what the terms allow.
func (o Offer) within(region string, h How) How {
	if o.Kind != Pilot {
		return h
	}
	pilot := o.Facilities[region]
	if h.Audience.Facilities == nil {
		h.Audience.Facilities = pilot
		return h
	}
	h.Audience.Facilities = slices.DeleteFunc(slices.Clone(h.Audience.Facilities), func(f string) bool { return !slices.Contains(pilot, f) })
	return h
}

// checkWithin refuses what a region wants beyond the terms.
func (o Offer) checkWithin(region string, h How) error {
	if o.Kind != Pilot {
		return nil
	}
	if !o.reaches(region) {
		return fault.New(fault.Refused, "not_in_pilot", "%s is offered as a pilot, and %s is not part of it", o.Capability, region).
			Do("ask for the region to be included; see `quorate offer show %s`", o.Capability)
	}
	for _, f := range h.Audience.Facilities {
		if !slices.Contains(o.Facilities[region], f) {
			return beyond(o, "/how/audience/facilities", f, "the pilot in "+region+" is at "+orList(o.Facilities[region]))
		}
	}
	for _, s := range h.Rollout.steps(time.UTC, nil, everyone) {
		if h.Rollout != nil && s.share > o.limit() {
			return beyond(o, "/how/rollout", formatNumber(float64(s.share)/100), "the pilot reaches at most "+formatNumber(*o.CapPercent)+" percent")
		}
	}
	return nil
}

func beyond(o Offer, field, value, remedy string) error {
	return fault.New(fault.Refused, "outside_pilot", "%s: %.80q is outside the terms of the pilot of %s", field, value, o.Capability).
		Do("%s", remedy).At(field)
}

// grant offers a capability that is ready, or offers it again.
func grant(c Capability, before Offer, kind OfferKind, terms Terms, act Act) (Offer, error) {
	switch {
	case !slices.Contains(OfferKinds, kind):
		return Offer{}, bad("/kind", string(kind), "the kinds of an offer are %v", OfferKinds)
	case before.Live():
		return Offer{}, fault.New(fault.Refused, "already_offered", "%s has been offered since %s", c.Key, before.Granted.At.Format(time.DateOnly)).
			Do("nothing needs to be done, or withdraw it first")
	case c.Stage != Ready && c.Stage != Offered:
		return Offer{}, fault.New(fault.Refused, "not_ready", "%s is %s, and only a capability that is ready can be offered", c.Key, c.Stage).
			Do("move it to the stage ready first")
	}
	if err := terms.check(kind, c, act.At); err != nil {
		return Offer{}, err
	}
	return Offer{Capability: c.Key, Kind: kind, Terms: terms, Granted: act}, nil
}

// withdraw ends an offer; what regions have enabled under it goes off.
func withdraw(c Capability, o Offer, act Act) (Offer, error) {
	if !o.Live() {
		return Offer{}, fault.New(fault.Refused, "not_offered", "%s is not offered, so there is no offer to withdraw", c.Key).
			Do("look at the offers with `quorate offer list`")
	}
	o.Withdrawn = &act
	return o, nil
}
