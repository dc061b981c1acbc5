package flags

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/policy"
)

// Cause is why a capability is on or off in a region. It is also the name of the
// variant that is served.
type Cause string

// The causes, in the order in which they are looked at. All but On stand for the
// value false.
const (
	On             Cause = "on"
	Off            Cause = "off" // the default of every definition, should evaluation fail
	CapRetired     Cause = "retired"
	NoOffer        Cause = "no-offer"
	NotEnabled     Cause = "not-enabled"
	WasTurnedOff   Cause = "turned-off"
	Scheduled      Cause = "scheduled"
	Ended          Cause = "ended"
	Prerequisite   Cause = "prerequisite"
	NotReady       Cause = "not-ready"
	NotInAudience  Cause = "not-in-audience"
	NotEnabledHere Cause = "not-in-jurisdiction" // the region has it on in others
	NotInRollout   Cause = "not-in-rollout"
	NoTargetingKey Cause = "no-targeting-key"
)

// inputs is what a pair's flags follow from, and nothing else does.
type inputs struct {
	region     Region
	zone       *time.Location
	facilities map[string]kv.Record[Facility]
	frozen     spans
	capability Capability
	offer      Offer
	enablement Enablement
	baseline   Baseline
	needs      []conditions // of the prerequisites
	position   *policy.Position
	guard      *policy.Guard // nil unless it is offered and enabled, and there is law
}

// cause decides what is the same for everyone at any time. The order is that of
// the sentence: what the group decides stands before what the region decides.
func (in *inputs) cause() Cause {
	switch {
	case in.capability.Stage == Retired:
		return CapRetired
	case !in.offer.Live() || !in.offer.reaches(in.region.Key):
		return NoOffer
	case in.enablement.Answer != Enable || !in.enablement.answers(in.offer):
		return NotEnabled
	case in.enablement.TurnedOff != nil:
		return WasTurnedOff
	}
	return On
}

// decide finds what must hold for the capability to be on, in the order of the
// causes. It knows no time: what depends on the time becomes a comparison with
// it, so that every replica and every client switches by its own clock.
func (in *inputs) decide() conditions {
	cs := conditions{of: in.capability.Key, last: in.cause()}
	if !cs.open() {
		return cs
	}
	how := in.offer.within(in.region.Key, in.enablement.Effective(in.baseline))
	in.offerEnds(&cs)
	in.split(&cs, how.Audience.Jurisdictions)
	in.law(&cs)
	if !cs.open() {
		return cs
	}
	in.times(&cs, how.Schedule)
	for i := range in.needs {
		cs.prerequisite(&in.needs[i])
	}
	if cs.open() {
		cs.readiness(in.capability, in.ready(), len(in.facilities))
	}
	if cs.open() && in.offer.Kind == Pilot && len(how.Audience.Facilities) == 0 {
		cs.last = NotInAudience // the region's facilities and the pilot's have none in common
	}
	if cs.open() {
		cs.audience(in.capability, how.Audience)
		cs.rollout(in.capability.Key, how.Rollout.steps(in.zone, in.frozen, in.offer.limit()), in.rolloutWords(how.Rollout))
	}
	return cs
}

// offerEnds adds the end of the offer.
func (in *inputs) offerEnds(cs *conditions) {
	if end, err := endOfDay(in.offer.End, in.zone); err == nil {
		cs.add(endsAt(end.Unix(), NoOffer, "", "the offer ends after "+in.offer.End))
	}
}

// times adds the schedule. A start that falls into a freeze comes at its end.
func (in *inputs) times(cs *conditions, s Schedule) {
	if from, err := instant(s.From, in.zone); err == nil {
		at, by := in.frozen.shift(from.Unix())
		cs.add(startsAt(at, Scheduled, "schedule.from", "it starts at "+s.From+in.moved(at, by)))
	}
	if until, err := instant(s.Until, in.zone); err == nil {
		cs.add(endsAt(until.Unix(), Ended, "schedule.until", "it ends at "+s.Until))
	}
}

// moved says that a freeze moved a start or a stage.
func (in *inputs) moved(at int64, by string) string {
	if by == "" {
		return ""
	}
	return fmt.Sprintf(", held back by the freeze %s until %s", by, localTime(at, in.zone))
}

func (in *inputs) rolloutWords(r *Rollout) string {
	says := "the rollout reaches the person"
	if r == nil {
		return says + ": at most " + formatNumber(float64(in.offer.limit())/100) + " %"
	}
	says += ": " + r.words()
	for _, s := range r.Stages {
		if t, err := instant(s.At, in.zone); err == nil {
			if at, by := in.frozen.shift(t.Unix()); by != "" {
				says += "; " + s.At + in.moved(at, by)
			}
		}
	}
	return says
}

// prerequisite takes over all that must hold for a capability that this one
// needs: its conditions with its own bucket, since references do not nest.
func (cs *conditions) prerequisite(p *conditions) {
	if !cs.open() {
		return
	}
	for _, c := range p.list {
		c.cause = Prerequisite
		cs.add(c)
	}
	if !p.open() {
		cs.last = Prerequisite
	}
}

// ready lists the facilities that run every system the capability requires.
func (in *inputs) ready() []string {
	var list []string
	for key, f := range in.facilities {
		if in.capability.runsOn(f.Value) {
			list = append(list, key)
		}
	}
	slices.Sort(list)
	return list
}

// runsOn reports whether a facility runs every system that is required.
func (c Capability) runsOn(f Facility) bool {
	return !slices.ContainsFunc(c.RequiresSystems, func(s string) bool { return !slices.Contains(f.Systems, s) })
}

// compiled is a decided pair: its conditions, and its flags, the capability's own
// and then one per setting in the capability's order.
type compiled struct {
	conditions
	revision int64 // newest revision among the pair's own inputs
	guard    *policy.Guard
	lease    time.Duration // of these flags; 0: they are good for ever
	flags    []*eval.Flag
}

// causeAt is what is served at a time to whoever meets every condition on the
// context.
func (p compiled) causeAt(unix int64) Cause {
	for _, c := range p.list {
		if c.failsAt(unix) {
			return c.cause
		}
	}
	return p.last
}

// boundaries are the moments at which what is served may change.
func (cs *conditions) boundaries() (times []int64) {
	for _, c := range cs.list {
		times = append(times, c.times...)
	}
	slices.Sort(times)
	return slices.Compact(times)
}

// targeting is the rule that names the variant: the first condition that does
// not hold, else the cause that remains. It is always present, since clients may
// keep a value without one for ever.
func (cs *conditions) targeting() json.RawMessage {
	if len(cs.list) == 0 {
		return json.RawMessage(`{"if":[true,"` + string(cs.last) + `"]}`)
	}
	var b strings.Builder
	b.WriteString(`{"if":[`)
	for _, c := range cs.list {
		b.WriteString(c.fails + `,"` + string(c.cause) + `",`)
	}
	b.WriteString(`"` + string(cs.last) + `"]}`)
	return json.RawMessage(b.String())
}

type definition struct {
	State          string                     `json:"state"`
	Variants       map[string]json.RawMessage `json:"variants"`
	DefaultVariant string                     `json:"defaultVariant"`
	Targeting      json.RawMessage            `json:"targeting"`
}

// compile turns a decided pair into flag definitions and compiles them, without
// metadata. Every setting stands under the same guard as the capability.
//
// A capability that is off is an explicit false: were it disabled, unknown or
// without a default, a client would serve its caller's default, which may be
// true.
func compile(c Capability, values []json.RawMessage, cs *conditions, targeting json.RawMessage) ([]*eval.Flag, error) {
	list := make([]*eval.Flag, 0, 1+len(c.Settings))
	f, err := compileFlag(c.Key, definitionOf(cs, targeting, json.RawMessage("true"), json.RawMessage("false")))
	if err != nil {
		return nil, err
	}
	list = append(list, f)
	for i, s := range c.Settings {
		f, err := compileFlag(c.Key+"."+s.Key, definitionOf(cs, targeting, values[i], s.literal(s.Off)))
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// compilations remembers what has been compiled. Most pairs of a capability have
// the same definition but for their metadata, in every region: compiling is what
// a cold load would spend most of its time on. It belongs to one goroutine; nil
// remembers nothing.
type compilations map[string][]*eval.Flag

// remembered bounds it; beyond that it begins anew.
const remembered = 100_000

// compile is compile, done once for all that a definition is made of.
func (m compilations) compile(c Capability, h How, cs *conditions) ([]*eval.Flag, error) {
	targeting := cs.targeting()
	values := make([]json.RawMessage, len(c.Settings))
	key := strings.Builder{}
	key.WriteString(c.Key)
	key.Write(targeting)
	for i, s := range c.Settings {
		values[i] = s.literal(h.value(c, s))
		for _, part := range []string{s.Key, string(values[i]), string(s.literal(s.Off))} {
			key.WriteByte('\n') // stands in none of the parts as it is
			key.WriteString(part)
		}
	}
	if known, ok := m[key.String()]; ok {
		return known, nil
	}
	list, err := compile(c, values, cs, targeting)
	if err == nil && m != nil {
		if len(m) >= remembered {
			clear(m)
		}
		m[key.String()] = list
	}
	return list, err
}

// label gives flags the metadata of a pair.
func label(flags []*eval.Flag, metadata map[string]any) []*eval.Flag {
	list := make([]*eval.Flag, len(flags))
	for i, f := range flags {
		list[i] = f.WithMetadata(metadata)
	}
	return list
}

func definitionOf(cs *conditions, targeting, on, off json.RawMessage) definition {
	variants := map[string]json.RawMessage{string(Off): off, string(cs.last): off}
	for _, c := range cs.list {
		variants[string(c.cause)] = off
	}
	if cs.open() {
		variants[string(On)] = on
	}
	return definition{State: "ENABLED", Variants: variants, DefaultVariant: string(Off), Targeting: targeting}
}

func compileFlag(key string, d definition) (*eval.Flag, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("defining %s: %w", key, err)
	}
	f, err := eval.CompileFlag(key, raw, nil)
	if err != nil {
		return nil, fmt.Errorf("compiling %s: %w", key, err)
	}
	return f, nil
}

// metadataOf is what travels with every value: whence it comes, and as of when.
func metadataOf(region string, c Capability, o Offer, revision int64) map[string]any {
	m := map[string]any{"region": region, "capability": c.Key, "revision": json.Number(strconv.FormatInt(revision, 10))}
	if o.Live() {
		m["offer"] = o.Granted.Change
	}
	return m
}
