package flags

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// None, in a field that is text, lifts what the group's baseline says there.
const None = "none"

// A How is how a capability is on: which preset, with which settings, for whom,
// for how many of them, from when until when. Every field is optional; the zero
// How is the capability as it was declared, for everyone, at once.
//
// A region's How holds only what the region wants otherwise than the group's
// baseline. Each field stands for itself, so a region that sets a least age
// still has the baseline's languages.
type How struct {
	Variant  string         `json:"variant,omitempty" maxLength:"64" doc:"A variant that the capability declares; none lifts the baseline's."`
	Settings map[string]any `json:"settings,omitempty" doc:"Values by setting; over the variant's, and the setting's default."`
	Audience Audience       `json:"audience,omitzero"`
	Rollout  *Rollout       `json:"rollout,omitempty"`
	Schedule Schedule       `json:"schedule,omitzero"`
}

// An Audience says for whom a capability is on. A person must match every field
// that is set, and within one field any of its values; of whom the portal does
// not say it, nobody matches. An empty list, age_min 0, age_max 150 and
// registered_device false ask for nothing, and lift what the baseline asks.
type Audience struct {
	Languages        []string `json:"languages,omitzero" nullable:"false" doc:"patient.language, such as es; compared as written."`
	AgeMin           *int     `json:"age_min,omitempty" doc:"Least patient.age, included."`
	AgeMax           *int     `json:"age_max,omitempty" doc:"Greatest patient.age, included."`
	Facilities       []string `json:"facilities,omitzero" nullable:"false" doc:"facility, of the region."`
	ServiceLines     []string `json:"service_lines,omitzero" nullable:"false" doc:"service_line, such as cardiology."`
	Cohorts          []string `json:"cohorts,omitzero" nullable:"false" doc:"Any of patient.cohorts, a list."`
	RegisteredDevice *bool    `json:"registered_device,omitempty" doc:"Only where device.registered is true."`
	Jurisdictions    []string `json:"jurisdictions,omitzero" nullable:"false" doc:"Only under the law of these jurisdictions of the region, such as US-MD; whose law applies is the fact that the rules go by."`
}

// A Rollout says how many of the audience a capability is on for: a percentage,
// or stages that raise it. The same people stay in as it rises.
type Rollout struct {
	Percent *float64       `json:"percent,omitempty" doc:"0 to 100, with up to two decimals."`
	Stages  []RolloutStage `json:"stages,omitempty" nullable:"false"`
}

// A RolloutStage raises the percentage at a time; before the first it is 0.
type RolloutStage struct {
	At      string  `json:"at" doc:"Local date and time in the region's zone, 2027-03-01T08:00."`
	Percent float64 `json:"percent"`
}

// A Schedule says from when until when, in local dates and times of the region.
type Schedule struct {
	From  string `json:"from,omitempty" maxLength:"32" doc:"2027-03-01T08:00, local; none lifts the baseline's."`
	Until string `json:"until,omitempty" maxLength:"32" doc:"2027-06-01T00:00, local, not included; none lifts the baseline's."`
}

// maxAge is the greatest age that can be named; it stands for no limit.
const maxAge = 150

// over lays what a region says over a baseline, field by field.
func (own How) over(base How) How {
	h := How{Variant: cmp.Or(own.Variant, base.Variant), Settings: base.Settings, Rollout: own.Rollout}
	if len(own.Settings) > 0 {
		h.Settings = maps.Clone(own.Settings)
		for key, value := range base.Settings {
			if _, mine := own.Settings[key]; !mine {
				h.Settings[key] = value
			}
		}
	}
	if own.Rollout == nil {
		h.Rollout = base.Rollout
	}
	h.Schedule = Schedule{cmp.Or(own.Schedule.From, base.Schedule.From), cmp.Or(own.Schedule.Until, base.Schedule.Until)}
	h.Audience = own.Audience.over(base.Audience)
	return h
}

func (own Audience) over(base Audience) Audience {
	return Audience{
		Languages:        either(own.Languages, base.Languages),
		AgeMin:           cmp.Or(own.AgeMin, base.AgeMin),
		AgeMax:           cmp.Or(own.AgeMax, base.AgeMax),
		Facilities:       either(own.Facilities, base.Facilities),
		ServiceLines:     either(own.ServiceLines, base.ServiceLines),
		Cohorts:          either(own.Cohorts, base.Cohorts),
		RegisteredDevice: cmp.Or(own.RegisteredDevice, base.RegisteredDevice),
		Jurisdictions:    either(own.Jurisdictions, base.Jurisdictions),
	}
}

// either takes a list that was given, even if it is empty, and else the other.
func either(own, base []string) []string {
	if own != nil {
		return own
	}
	return base
}

// settled leaves out what asks for nothing, so that what remains is what holds.
func (h How) settled() How {
	if h.Variant == None {
		h.Variant = ""
	}
	if h.Schedule.From == None {
		h.Schedule.From = ""
	}
	if h.Schedule.Until == None {
		h.Schedule.Until = ""
	}
	if h.Rollout != nil && h.Rollout.Percent != nil && *h.Rollout.Percent == 100 {
		h.Rollout = nil
	}
	a := &h.Audience
	for _, list := range []*[]string{&a.Languages, &a.Facilities, &a.ServiceLines, &a.Cohorts, &a.Jurisdictions} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	if a.AgeMin != nil && *a.AgeMin == 0 {
		a.AgeMin = nil
	}
	if a.AgeMax != nil && *a.AgeMax == maxAge {
		a.AgeMax = nil
	}
	if a.RegisteredDevice != nil && !*a.RegisteredDevice {
		a.RegisteredDevice = nil
	}
	return h
}

// value is the value of a setting while the capability is on: what was set, else
// what the variant says, else the default. What the capability no longer allows
// does not count.
func (h How) value(c Capability, s Setting) any {
	if v, set := h.Settings[s.Key]; set && s.CheckValue("", v) == nil {
		return v
	}
	if preset, ok := c.variant(h.Variant); ok {
		if v, set := preset.Settings[s.Key]; set && s.CheckValue("", v) == nil {
			return v
		}
	}
	return s.Default
}

// A field is one field of a How in words.
type field struct{ name, says string }

// fields lists what a settled How says, field by field, always in the same order.
func (h How) fields() []field {
	var list []field
	add := func(name, says string) {
		if says != "" {
			list = append(list, field{name, says})
		}
	}
	add("variant", h.Variant)
	for _, key := range slices.Sorted(maps.Keys(h.Settings)) {
		add("settings."+key, text(h.Settings[key]))
	}
	list = append(list, h.Audience.fields()...)
	add("rollout", h.Rollout.words())
	add("schedule.from", h.Schedule.From)
	add("schedule.until", h.Schedule.Until)
	return list
}

func (a Audience) fields() []field {
	var list []field
	add := func(name, says string) {
		if says != "" {
			list = append(list, field{"audience." + name, says})
		}
	}
	add("languages", strings.Join(a.Languages, ", "))
	add("age_min", number(a.AgeMin))
	add("age_max", number(a.AgeMax))
	add("facilities", strings.Join(a.Facilities, ", "))
	add("service_lines", strings.Join(a.ServiceLines, ", "))
	add("cohorts", strings.Join(a.Cohorts, ", "))
	if a.RegisteredDevice != nil {
		add("registered_device", fmt.Sprint(*a.RegisteredDevice))
	}
	add("jurisdictions", strings.Join(a.Jurisdictions, ", "))
	return list
}

func number(n *int) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

func (r *Rollout) words() string {
	switch {
	case r == nil:
		return ""
	case r.Percent != nil:
		return formatNumber(*r.Percent) + " %"
	}
	var stages []string
	for _, s := range r.Stages {
		stages = append(stages, formatNumber(s.Percent)+" % from "+s.At)
	}
	return strings.Join(stages, ", ")
}

// Words is a How in one line for people.
func (h How) Words() string {
	var list []string
	for _, f := range h.settled().fields() {
		list = append(list, f.name+" "+f.says)
	}
	if len(list) == 0 {
		return "as declared, for everyone"
	}
	return strings.Join(list, "; ")
}

// equal compares by what would be stored.
func (h How) equal(other How) bool {
	a, errA := json.Marshal(h)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && string(a) == string(b)
}
