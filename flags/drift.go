package flags

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/flags/eval"
)

// Class is why a region differs from the group's baseline. All but Unexplained
// are somebody's decision, or follow from one.
type Class string

// The classes. The first that applies is told.
const (
	NoAnswer       Class = "not_yet_decided"         // the region has not answered the offer
	SaidLater      Class = "later"                   // it answers by a date
	Declined       Class = "declined"                // it said no, and why
	SafetyOff      Class = "turned_off"              // somebody turned it off for safety
	ByOffer        Class = "limited_by_offer"        // a pilot is elsewhere or narrower, or the offer has ended
	ByPrerequisite Class = "blocked_by_prerequisite" // a capability it needs is not on
	BySystem       Class = "blocked_by_system"       // facilities lack a system
	BySchedule     Class = "scheduled"               // it is to start, or has ended, by the region's schedule
	Chosen         Class = "chosen_override"         // the region says so itself
	NotAccepted    Class = "not_yet_accepted"        // the region has not taken over this edit of the baseline
	Unexplained    Class = "unexplained"             // nothing on record says why
)

// A Difference is one field in which a capability in a region is not as the
// group's baseline would have it.
type Difference struct {
	Region     string `json:"region"`
	Capability string `json:"capability"`
	Field      string `json:"field"`    // "on", "settings.max_minutes", "rollout", …
	Baseline   string `json:"baseline"` // in words; "" says nothing
	Here       string `json:"here"`
	Class      Class  `json:"class"`
	Says       string `json:"says,omitempty"`
}

// A Drift is every difference, region by region.
type Drift struct {
	Revision    int64        `json:"revision"`
	Differences []Difference `json:"differences" nullable:"false"`
	Unexplained int          `json:"unexplained" doc:"How many differences nothing on record explains: a fault of ours, to be looked into."`
}

// Drift compares every offered capability in every region, or in one, with the
// group's baseline, at a time. Without a baseline that is the capability as it was
// declared, for everyone.
func (s *Snapshot) Drift(region string, at time.Time) (Drift, error) {
	d := Drift{Revision: s.Revision, Differences: []Difference{}}
	if region != "" && !s.HasRegion(region) {
		return d, unknownRegion(region)
	}
	for _, r := range s.Regions() {
		if region != "" && r.Value.Key != region {
			continue
		}
		for _, c := range s.Capabilities() {
			st, err := s.State(r.Value.Key, c.Value.Key, at)
			if err != nil {
				return d, err
			}
			if st.Offer.Value.Live() && c.Value.Stage != Retired {
				d.Differences = append(d.Differences, s.differences(st, at)...)
			}
		}
	}
	for _, diff := range d.Differences {
		if diff.Class == Unexplained {
			d.Unexplained++
		}
	}
	return d, nil
}

// differences are those of one pair: first whether it is on at all, then how.
func (s *Snapshot) differences(st State, at time.Time) []Difference {
	differ := func(field, baseline, here string, class Class, says string) Difference {
		return Difference{st.Region.Value.Key, st.Capability.Value.Key, field, baseline, here, class, says}
	}
	var list []Difference
	if class, says := s.whyOff(st, at); class != "" {
		list = append(list, differ("on", "on", string(st.Cause), class, says))
	}
	if st.Enablement.Value.Answer != Enable {
		return list
	}
	if lacking := st.lacking(); len(lacking) > 0 && st.Cause != NotReady {
		list = append(list, differ("facilities", "every facility", "all but "+strings.Join(lacking, ", "), BySystem,
			"these lack a system that it requires"))
	}
	for _, f := range st.differing() {
		class, says := st.classOf(f.field)
		list = append(list, differ(f.field, f.baseline, f.here, class, says))
	}
	return append(list, st.misserved(differ)...)
}

// whyOff classes a capability that is off for everyone; "" if it is on.
func (s *Snapshot) whyOff(st State, at time.Time) (Class, string) {
	e := st.Enablement.Value
	switch st.Cause {
	case On:
		return "", ""
	case NoOffer, NotInAudience:
		return ByOffer, offerWords(st, at)
	case NotEnabled:
		switch e.Answer {
		case Later:
			return SaidLater, "by " + e.Until + ": " + e.Answered.Reason
		case Decline:
			return Declined, "reviewed on " + e.Review + ": " + e.Answered.Reason
		}
		return NoAnswer, ""
	case WasTurnedOff:
		return SafetyOff, e.TurnedOff.Reason
	case Scheduled, Ended:
		return BySchedule, st.How.Schedule.words()
	case Prerequisite:
		return ByPrerequisite, "it needs " + strings.Join(s.unmet(st, at), ", ")
	case NotReady:
		return BySystem, "no facility runs " + strings.Join(st.Capability.Value.RequiresSystems, ", ")
	case NotInRollout:
		if st.How.Rollout != nil && len(st.How.Rollout.Stages) > 0 {
			return BySchedule, st.How.Rollout.words()
		}
		return st.classOf("rollout")
	}
	return Unexplained, "its definition cannot be used"
}

func (s Schedule) words() string {
	var list []string
	if s.From != "" {
		list = append(list, "from "+s.From)
	}
	if s.Until != "" {
		list = append(list, "until "+s.Until)
	}
	return strings.Join(list, " ")
}

// lacking lists the region's facilities that lack a system.
func (st State) lacking() []string {
	var list []string
	for key, f := range st.view.facilities {
		if !st.Capability.Value.runsOn(f.Value) {
			list = append(list, key)
		}
	}
	slices.Sort(list)
	return list
}

type differing struct{ field, baseline, here string }

// differing lists the fields in which what holds in the region is not what the
// present baseline says.
func (st State) differing() []differing {
	baseline, here := map[string]string{}, map[string]string{}
	var names []string
	for side, h := range map[*map[string]string]How{&baseline: st.Baseline.Value.How.settled(), &here: st.How} {
		for _, f := range h.fields() {
			(*side)[f.name] = f.says
			names = append(names, f.name)
		}
	}
	slices.Sort(names)
	var list []differing
	for _, name := range slices.Compact(names) {
		if baseline[name] != here[name] {
			list = append(list, differing{name, baseline[name], here[name]})
		}
	}
	return list
}

// classOf says why a field differs: the region says so, the offer does, or the
// region has not taken over what the baseline says now.
func (st State) classOf(name string) (Class, string) {
	e := st.Enablement.Value
	has := func(h How) bool { return slices.ContainsFunc(h.fields(), func(f field) bool { return f.name == name }) }
	switch {
	case has(e.How) || e.How.lifts(name):
		return Chosen, e.Answered.Reason
	case st.Offer.Value.Kind == Pilot && (name == "audience.facilities" || name == "rollout"):
		return ByOffer, "the pilot's terms"
	case e.Follow:
		return Unexplained, "the region follows the baseline"
	case e.Accepted == nil:
		return NotAccepted, "the region has taken over no baseline"
	case e.Accepted.Revision != st.Baseline.Revision:
		return NotAccepted, "the region accepted an earlier baseline"
	}
	return Unexplained, "the region accepted this baseline"
}

// lifts reports whether a region takes back what the baseline says in a field
// that is a list; everything else it takes back has a word of its own.
func (h How) lifts(name string) bool {
	a := h.Audience
	lists := map[string][]string{"audience.languages": a.Languages, "audience.facilities": a.Facilities,
		"audience.service_lines": a.ServiceLines, "audience.cohorts": a.Cohorts}
	list, isList := lists[name]
	return isList && list != nil && len(list) == 0
}

// misserved holds what is served against what is on record: the value of every
// setting, and that a capability which is on can be on.
func (st State) misserved(differ func(field, baseline, here string, class Class, says string) Difference) (list []Difference) {
	if !st.pair.open() {
		return nil
	}
	for i, s := range st.Capability.Value.Settings {
		want := string(s.literal(valueSaid(st, s)))
		if got := servedOn(st.pair.flags, i+1); got != want {
			list = append(list, differ("settings."+s.Key, want, cmp.Or(got, "nothing"), Unexplained, "what is served is not what is on record"))
		}
	}
	if servedOn(st.pair.flags, 0) != "true" {
		list = append(list, differ("on", "true", "false", Unexplained, "what is served is not what is on record"))
	}
	return list
}

// valueSaid is what is on record for a setting, whether it is allowed or not.
func valueSaid(st State, s Setting) any {
	if v, set := st.How.Settings[s.Key]; set {
		return v
	}
	if preset, ok := st.Capability.Value.variant(st.How.Variant); ok {
		if v, set := preset.Settings[s.Key]; set {
			return v
		}
	}
	return s.Default
}

// servedOn is the literal that a flag serves where everything holds, "" if none.
func servedOn(list []*eval.Flag, i int) string {
	if i >= len(list) {
		return ""
	}
	for _, v := range list[i].Variants() {
		if v.Name == string(On) {
			return text(v.Value)
		}
	}
	return ""
}
