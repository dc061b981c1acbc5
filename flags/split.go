package flags

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/policy"
)

// A region that lies in several jurisdictions has a capability on where the law
// allows it: the flag is off in the others by the rules themselves. Its lead may
// also name the jurisdictions in which it is to be on, and leave the others alone.

// Permitted is where the law permitted a capability when it was enabled.
type Permitted struct {
	In     []string       `json:"in" nullable:"false" doc:"Where it was permitted."`
	Not    []NotPermitted `json:"not,omitempty" nullable:"false" doc:"Where it was not, and by which rules."`
	Policy string         `json:"policy" doc:"Revision of the rules that were asked."`
}

// NotPermitted is one jurisdiction in which rules stood against it.
type NotPermitted struct {
	Jurisdiction string   `json:"jurisdiction"`
	Rules        []string `json:"rules" nullable:"false"`
}

// permittedIn asks the law where an answer that is about to be written is permitted.
// It is nil where no law was asked, and where it is permitted nowhere: then the
// answer waits or is refused.
func (s *Service) permittedIn(p pair, after Enablement, now time.Time) *Permitted {
	snap := s.replica.Snapshot()
	if snap == nil || snap.position == unregulated || snap.position.Without() {
		return nil
	}
	q := question(p.region.Value, p.capability.Value, after.Effective(p.baseline.Value))
	q.AsOf = now
	d := snap.position.Enable(context.Background(), q)
	if len(d.OnWhereAllowed) == 0 {
		return nil
	}
	out := &Permitted{In: d.OnWhereAllowed, Policy: snap.position.PolicyRevision()}
	for _, place := range sortedPlaces(d) {
		if v := d.ByJurisdiction[place]; !v.Allow {
			out.Not = append(out.Not, NotPermitted{place, v.Causes()})
		}
	}
	return out
}

// within refuses jurisdictions that the region does not lie in.
func (r Region) within(at string, named []string) error {
	for _, j := range named {
		if !slices.Contains(r.Jurisdictions, j) {
			return bad(at, j, "%s lies in %s", r.Key, strings.Join(r.Jurisdictions, ", "))
		}
	}
	if repeated, ok := firstRepeated(named); ok {
		return bad(at, repeated, "name each once")
	}
	return nil
}

// split adds that the law of a jurisdiction applies in which the region has it on. Of
// whom the place is not known, nobody is in it.
func (in *inputs) split(cs *conditions, named []string) {
	others := slices.DeleteFunc(slices.Clone(in.region.Jurisdictions), func(j string) bool { return slices.Contains(named, j) })
	if len(named) == 0 || len(others) == 0 {
		return
	}
	place := policy.DefaultPlace
	if in.guard != nil && in.guard.Place != "" {
		place = in.guard.Place
	}
	cs.add(needs(NotEnabledHere, "audience.jurisdictions", place+" is "+orList(named), equalsAny(fact(place), named), place))
}

// onIn counts the jurisdictions of a region in which a capability is on at a time,
// and those that there are; of is 0 where it is on in all of them, or there is one.
func (st State) onIn(at int64) (on, of int) {
	all := st.Region.Value.Jurisdictions
	for _, j := range all {
		if st.openIn(j, at) {
			on++
		}
	}
	if on == len(all) {
		return on, 0
	}
	return on, len(all)
}

func (st State) openIn(place string, at int64) bool {
	if named := st.How.Audience.Jurisdictions; len(named) > 0 && !slices.Contains(named, place) {
		return false
	}
	return st.pair.guard == nil || !slices.ContainsFunc(st.pair.guard.Closures, func(c policy.Closure) bool { return c.Place == place && c.Holds(at) })
}

// whereOn says in words where it is on and where it is not, "" if it is on everywhere.
func (st State) whereOn(at int64) string {
	on, of := st.onIn(at)
	if of == 0 {
		return ""
	}
	var yes, no []string
	for _, j := range st.Region.Value.Jurisdictions {
		if st.openIn(j, at) {
			yes = append(yes, j)
		} else {
			no = append(no, j+" ("+st.against(j, at)+")")
		}
	}
	if on == 0 {
		return "on nowhere: " + strings.Join(no, ", ")
	}
	return "partly (" + number(&on) + " of " + number(&of) + "): on in " + strings.Join(yes, ", ") + "; not in " + strings.Join(no, ", ")
}

// against is what keeps it off in a jurisdiction.
func (st State) against(place string, at int64) string {
	if named := st.How.Audience.Jurisdictions; len(named) > 0 && !slices.Contains(named, place) {
		return "not enabled there"
	}
	for _, c := range st.pair.guard.Closures {
		if c.Place == place && c.Holds(at) {
			return c.Variant
		}
	}
	return ""
}
