package ui

import (
	"maps"
	"slices"

	"github.com/quorate/quorate/flags"
)

// Capability is what is governed, and how it stands in each region.
type Capability struct {
	Frame
	Value    flags.Capability
	Offer    *flags.Offer // nil: not offered
	Impacts  []ImpactBar
	Regions  []Standing
	Requires []RegionHead // other capabilities
}

func (Capability) name() string { return "capability" }

// An ImpactBar is one of the five scores, -2 to 2.
type ImpactBar struct {
	Name  string
	Score int
}

// Standing is how a capability stands in one region.
type Standing struct {
	Name   string // of the region
	Path   string // of the page of both
	Mark   Mark
	Reason string // what the region gave for its answer
	By, At string
	How    string // how it is on, in words; "" if there is nothing to say
}

// Pair is a capability in a region: what is served, why, and what can be done.
type Pair struct {
	Frame
	Capability flags.Capability
	Region     flags.Region
	Mark       Mark
	Why        flags.Explanation
	How        string
	Others     []Standing
	MayAnswer  bool
	MayTurnOff bool
	CanAnswer  bool // there is an offer to answer
	IsOn       bool // the region wants it on
	Done       string
	Try        *Trial // nil: nothing was tried
	Facts      []string
	Entered    map[string]string // what was tried, by fact
}

func (Pair) name() string { return "pair" }

// A Trial is the answer for a made-up patient.
type Trial struct {
	On      bool
	Variant string
	Line    string
	Missing []string
}

// Answer is the form with which a region answers an offer.
type Answer struct {
	Frame
	Capability flags.Capability
	Region     flags.Region
	Facilities []flags.Facility
	Entered    AnswerForm
	Settings   []SettingField
	Error      *FormError
	Key        string
	Check      []Line // not empty: what will be done, to be confirmed
	Permit     *Permit
	Others     []Standing
	Warnings   []string
}

func (Answer) name() string { return "answer" }

// A Line is a term and what it is.
type Line struct{ Term, Says string }

// AnswerForm is what was entered, as text.
type AnswerForm struct {
	Answer, Until, Review, Reason    string
	Variant, AgeMin, AgeMax, Percent string
	Languages, From                  string
	Facilities                       []string
	Settings                         map[string]string
	Revision                         int64 // of the enablement that the form was made for
}

// Hidden is the form as fields that are sent along with its confirmation.
func (f AnswerForm) Hidden() []Line {
	list := []Line{{"answer", f.Answer}, {"until", f.Until}, {"review", f.Review}, {"reason", f.Reason}, {"variant", f.Variant},
		{"age_min", f.AgeMin}, {"age_max", f.AgeMax}, {"percent", f.Percent}, {"languages", f.Languages}, {"from", f.From}}
	for _, k := range f.Facilities {
		list = append(list, Line{"facility", k})
	}
	for _, key := range slices.Sorted(maps.Keys(f.Settings)) {
		list = append(list, Line{"setting." + key, f.Settings[key]})
	}
	return list
}

// Has reports whether a facility was chosen.
func (f AnswerForm) Has(facility string) bool {
	return slices.Contains(f.Facilities, facility)
}

// A SettingField is a typed setting as a field of the form.
type SettingField struct {
	flags.Setting
	Value   string // entered; "" is the default
	Default string
	Choices []string // not empty: one of these
}

// TurnOff asks whether a capability is to be turned off at once.
type TurnOff struct {
	Frame
	Capability flags.Capability
	Region     flags.Region
	Reason     string
	Error      *FormError
	Key        string
}

func (TurnOff) name() string { return "turnoff" }
