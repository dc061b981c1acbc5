package flags

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/policy"
)

// A condition is one thing that must hold for a capability to be on, and that is
// not known before somebody asks: the time, or what the portal says of a person.
// What is known when a pair is compiled is no condition but a cause.
type condition struct {
	cause Cause  // what is served where it does not hold
	of    string // the capability whose condition it is; a prerequisite brings its own
	field string // of the How, "audience.age"; "" if it comes from elsewhere
	says  string // what must hold, in words

	fails string   // JsonLogic, true where it does not hold
	reads []string // the context attributes it needs
	// starts and ends, if not 0, say that it is of the time alone: it fails before
	// the one, or from the other on (unix seconds).
	starts, ends int64
	times        []int64 // at which it may change its mind
	// shut are spans in which nobody in the region gets past it, and check is
	// regulation's own account; both only of a condition that regulation makes.
	shut  []policy.Span
	check *policy.Check
}

// failsAt reports whether a condition of the time alone fails at a time.
func (c condition) failsAt(unix int64) bool {
	shut := slices.ContainsFunc(c.shut, func(s policy.Span) bool { return unix >= s.From && unix < s.To })
	return shut || c.starts != 0 && unix < c.starts || c.ends != 0 && unix >= c.ends
}

// conditions is what must hold, in order, and the cause served where all of it
// does: On, or why nobody gets it.
type conditions struct {
	of   string
	list []condition
	last Cause
}

// add appends a condition unless the very same one was tested before.
func (cs *conditions) add(c condition) {
	if c.of == "" {
		c.of = cs.of
	}
	if !slices.ContainsFunc(cs.list, func(have condition) bool { return have.fails == c.fails }) {
		cs.list = append(cs.list, c)
	}
}

// open reports whether anybody may still get it.
func (cs *conditions) open() bool { return cs.last == On }

const clock = `{"var":"$flagd.timestamp"}`

// startsAt holds from a time on.
func startsAt(unix int64, cause Cause, field, says string) condition {
	return condition{cause: cause, field: field, says: says, starts: unix, times: []int64{unix},
		fails: logic("<", clock, strconv.FormatInt(unix, 10))}
}

// endsAt holds until a time.
func endsAt(unix int64, cause Cause, field, says string) condition {
	return condition{cause: cause, field: field, says: says, ends: unix, times: []int64{unix},
		fails: logic(">=", clock, strconv.FormatInt(unix, 10))}
}

// needs is a condition on the context: holds is true where it holds.
func needs(cause Cause, field, says, holds string, reads ...string) condition {
	return condition{cause: cause, field: field, says: says, reads: reads, fails: logic("!", holds)}
}

// logic writes an operation. The engines disagree on operands that are not of the
// type an operator expects, so what is written here compares strictly, adds
// whole numbers, and looks before it loops.
func logic(name string, args ...string) string {
	return `{"` + name + `":[` + strings.Join(args, ",") + `]}`
}

func fact(path string) string { return `{"var":` + quoted(path) + `}` }

func quoted(s string) string {
	raw, err := json.Marshal(s)
	if err != nil { // cannot happen for a string
		return `""`
	}
	return string(raw)
}

// equalsAny is true where operand is one of the texts.
func equalsAny(operand string, values []string) string {
	if len(values) == 1 {
		return logic("===", operand, quoted(values[0]))
	}
	tests := make([]string, len(values))
	for i, v := range values {
		tests[i] = logic("===", operand, quoted(v))
	}
	return logic("or", tests...)
}

// audience adds what an audience asks for. A field whose attribute the
// capability does not declare cannot be read, so nobody is in it.
func (cs *conditions) audience(c Capability, a Audience) {
	ask := func(field, path, says, holds string) {
		if !c.declares(path) {
			holds = "false"
		}
		cs.add(needs(NotInAudience, "audience."+field, path+" "+says, holds, path))
	}
	anyOf := func(field, path string, values []string) {
		if len(values) > 0 {
			ask(field, path, "is "+orList(values), equalsAny(fact(path), values))
		}
	}
	anyOf("languages", readsLanguage, a.Languages)
	if a.AgeMin != nil || a.AgeMax != nil {
		says, holds := ages(a)
		ask("age", readsAge, says, holds)
	}
	anyOf("facilities", readsFacility, a.Facilities)
	anyOf("service_lines", readsServiceLine, a.ServiceLines)
	if len(a.Cohorts) > 0 {
		ask("cohorts", readsCohorts, "has "+orList(a.Cohorts),
			logic("and", logic("!==", fact(readsCohorts), "null"), logic("some", fact(readsCohorts), equalsAny(fact(""), a.Cohorts))))
	}
	if a.RegisteredDevice != nil {
		ask("registered_device", readsDevice, "is true", logic("===", fact(readsDevice), "true"))
	}
}

// ages tests a band of ages. Only a number is its own sum, so text that looks
// like one is out.
func ages(a Audience) (says, holds string) {
	age := fact(readsAge)
	tests := []string{logic("!==", age, "null"), logic("===", age, logic("+", age))}
	if a.AgeMin != nil {
		tests = append(tests, logic(">=", age, strconv.Itoa(*a.AgeMin)))
		says = fmt.Sprintf("is at least %d", *a.AgeMin)
	}
	if a.AgeMax != nil {
		tests = append(tests, logic("<=", age, strconv.Itoa(*a.AgeMax)))
		if says != "" {
			says += " and "
		}
		says += fmt.Sprintf("is at most %d", *a.AgeMax)
	}
	return says, logic("and", tests...)
}

func orList(values []string) string { return strings.Join(values, " or ") }

// readiness adds that a facility runs what the capability requires. Where no
// facility is named nobody is kept out, unless none of the region's is ready.
func (cs *conditions) readiness(c Capability, ready []string, facilities int) {
	switch {
	case len(c.RequiresSystems) == 0 || facilities == 0:
	case len(ready) == 0:
		cs.last = NotReady
	default:
		values := append([]string{}, ready...)
		place := fact(readsFacility)
		cs.add(needs(NotReady, "", "facility runs "+strings.Join(c.RequiresSystems, ", ")+", as "+orList(values)+" does, or is not named",
			logic("or", logic("===", place, "null"), equalsAny(place, values)), readsFacility))
	}
}

// step is a moment from which a share of people, in basis points, is in; the
// moment 0 is always.
type step struct{ at, share int64 }

// rollout adds the share of people. Everyone has a place between 0 and 9,999 by
// the hash of capability and targeting key, and is in once the share is greater;
// so nobody falls out as it rises.
func (cs *conditions) rollout(key string, steps []step, says string) {
	if len(steps) == 0 {
		cs.last = NotInRollout
		return
	}
	first, last := steps[0], steps[len(steps)-1]
	if first.at > 0 {
		cs.add(startsAt(first.at, NotInRollout, "rollout", says))
	}
	if first.share == everyone {
		return
	}
	absent := logic("!", fact(targetingKey))
	if last.share == everyone {
		absent = logic("and", logic("<", clock, strconv.FormatInt(last.at, 10)), absent)
	}
	cs.add(condition{cause: NoTargetingKey, field: "rollout", says: "a targetingKey is sent, to find the person's place in the rollout",
		fails: absent, reads: []string{targetingKey}, times: timesOf(steps)})
	cs.add(condition{cause: NotInRollout, field: "rollout", says: says, fails: outside(key, steps), reads: []string{targetingKey}, times: timesOf(steps)})
}

const (
	targetingKey = "targetingKey"
	everyone     = 10_000 // all basis points
	never        = "9007199254740991"
)

// outside is true for people who are not in. With several steps the bucket of a
// person is the moment at which that person comes in.
func outside(key string, steps []step) string {
	bucketBy := logic("cat", quoted(key), fact(targetingKey))
	if len(steps) == 1 {
		in := steps[0].share
		return logic("!==", logic("fractional", bucketBy, entry(`"in"`, in), entry(`"out"`, everyone-in)), `"in"`)
	}
	entries := []string{bucketBy}
	sum := int64(0)
	for _, s := range steps {
		entries = append(entries, entry(strconv.FormatInt(s.at, 10), s.share-sum))
		sum = s.share
	}
	if sum < everyone {
		entries = append(entries, entry(never, everyone-sum))
	}
	return logic("<", clock, logic("fractional", entries...))
}

func entry(name string, weight int64) string {
	return "[" + name + "," + strconv.FormatInt(weight, 10) + "]"
}

func timesOf(steps []step) (times []int64) {
	for _, s := range steps {
		if s.at > 0 {
			times = append(times, s.at)
		}
	}
	return times
}

// steps are the moments at which a rollout rises, none of them within a freeze,
// and never above a cap. A stage that changes nothing is none.
func (r *Rollout) steps(zone *time.Location, frozen spans, limit int64) []step {
	if r == nil {
		return rising([]step{{0, limit}})
	}
	if r.Percent != nil {
		return rising([]step{{0, min(basisPoints(*r.Percent), limit)}})
	}
	var list []step
	for _, s := range r.Stages {
		at, err := instant(s.At, zone)
		if err != nil { // it was checked when it was written
			continue
		}
		unix, _ := frozen.shift(at.Unix())
		list = append(list, step{unix, min(basisPoints(s.Percent), limit)})
	}
	return rising(list)
}

// rising keeps the steps that raise the share; of several at one moment the last.
func rising(list []step) []step {
	var out []step
	share := int64(0)
	for i, s := range list {
		if i+1 < len(list) && list[i+1].at == s.at || s.share <= share {
			continue
		}
		share = s.share
		out = append(out, s)
	}
	return out
}
