package flags

import (
	"fmt"
	"strings"
	"time"

	"github.com/quorate/quorate/flags/eval"
)

// LineWords is how many words the first line of an explanation may have.
const LineWords = 25

// An Explanation walks back from a served value to what it rests on.
type Explanation struct {
	Line       string   `json:"line"` // at most LineWords words: state, cause, next step, who can take it
	On         bool     `json:"on"`   // the value served for the context asked about
	Variant    string   `json:"variant"`
	Reason     string   `json:"reason"` // OpenFeature's
	Region     string   `json:"region"`
	Capability string   `json:"capability"`
	Revision   int64    `json:"revision"`          // newest among the inputs of this value
	Missing    []string `json:"missing,omitempty"` // attributes that the condition which failed needs, and the context lacks
	Layers     []Layer  `json:"layers"`            // in the order of the sentence
	// Behind is what the offer comes of, back to the need; absent where no motion
	// gave it.
	Behind []Step `json:"behind,omitempty" nullable:"false"`
}

// A Layer is one of the conditions: what it says, and who made it so, when.
type Layer struct {
	Name     string `json:"name"`  // offered, permitted, enabled, prerequisites, how
	Holds    bool   `json:"holds"` // all must, for the capability to be on
	Says     string `json:"says"`
	By       string `json:"by,omitempty"` // by role
	At       string `json:"at,omitempty"` // RFC 3339, UTC
	Reason   string `json:"reason,omitempty"`
	Revision int64  `json:"revision,omitempty"`
	Change   string `json:"change,omitempty"` // its leaf in the record
	// Rules, of the layer permitted, are those that may keep it off.
	Rules []RuleSays `json:"rules,omitempty" nullable:"false"`
}

// Explain says why a capability is on or off in a region for a context. Nothing
// of the context stands in the answer but the names of attributes it lacks.
func (s *Snapshot) Explain(region, capability string, ctx eval.Context, at time.Time) (Explanation, error) {
	st, err := s.State(region, capability, at)
	if err != nil {
		return Explanation{}, err
	}
	r, _ := s.Evaluate(region, capability, ctx, at)
	on, _ := r.Value.(bool)
	unmet := s.unmet(st, at)
	e := Explanation{On: on && r.HasValue, Variant: r.Variant, Reason: string(r.Reason), Region: region, Capability: capability,
		Revision: st.Revision}
	failing := st.failing(ctx, at)
	refusing := failing
	if len(ctx) == 0 { // nobody in particular was asked about: what decides each case refuses none yet
		refusing = nil
	}
	e.Layers = []Layer{offered(st, at), s.permitted(st, refusing, at), enabled(st), prerequisites(st, unmet)}
	if failing != nil {
		e.Missing = missingFor(failing, ctx)
	}
	if st.Enablement.Value.Answer == Enable {
		e.Layers = append(e.Layers, st.howLayer(failing))
	}
	e.Line = firstLine(st, unmet)
	if len(ctx) > 0 && failing != nil && st.Cause == On {
		e.Line = lineFor(st, *failing, e.Missing)
	}
	return e, nil
}

// unmet lists the prerequisites that are not on.
func (s *Snapshot) unmet(st State, at time.Time) []string {
	var keys []string
	for _, p := range st.Capability.Value.Prerequisites {
		if other, err := s.State(st.Region.Value.Key, p, at); err != nil || other.Cause != On {
			keys = append(keys, p)
		}
	}
	return keys
}

// firstLine is the answer in one line. Names of more than three words give way
// to the key, so that the line keeps within LineWords whatever they are.
func firstLine(st State, unmet []string) string {
	what := short(st.Capability.Value.Name, st.Capability.Value.Key)
	where := short(st.Region.Value.Name, st.Region.Value.Key)
	off := fmt.Sprintf("%s: off in %s", what, where)
	switch st.Cause {
	case On:
		return fmt.Sprintf("%s: on in %s%s, %s. The regional lead can turn it off at once.", what, where, forWhom(st.How), restsOn(st))
	case CapRetired:
		return off + ", because it is retired. Nothing can be done."
	case NoOffer:
		return off + noOffer(st)
	case WasTurnedOff:
		return off + ", turned off for safety. The regional lead can enable it again."
	case NotEnabled:
		return off + notEnabled(st.Enablement.Value, st.Offer.Value)
	case Prerequisite:
		return fmt.Sprintf("%s, because it needs %s%s. The regional lead can enable that first.", off, firstOf(unmet), others(unmet))
	}
	if st.pair.lawful(st.Cause) {
		return off + offByLaw(st.Cause)
	}
	return off + offByHow(st)
}

// restsOn names the conditions that hold.
func restsOn(st State) string {
	if st.pair.guard == nil {
		return "offered and enabled"
	}
	return "offered, permitted and enabled"
}

// forWhom says that a capability is not on for everyone.
func forWhom(h How) string {
	if h.partial() {
		return " for some"
	}
	return ""
}

// partial reports whether a settled How leaves somebody out.
func (h How) partial() bool { return h.Rollout != nil || len(h.Audience.fields()) > 0 }

// noOffer says why there is none, in this region at this time.
func noOffer(st State) string {
	switch o := st.Offer.Value; {
	case !o.Live():
		return ", because it is not offered. An operator can grant the offer."
	case !o.reaches(st.Region.Value.Key):
		return ", because its pilot is elsewhere. An operator can offer it here too."
	default:
		return ", because its offer ended after " + o.End + ". An operator can offer it again."
	}
}

// offByHow says how the region's own configuration keeps it off.
func offByHow(st State) string {
	switch st.Cause {
	case Scheduled:
		return fmt.Sprintf(", scheduled from %s. The regional lead can start it earlier.", st.nextStart())
	case Ended:
		return fmt.Sprintf(", ended at %s as scheduled. The regional lead can enable it again.", st.How.Schedule.Until)
	case NotReady:
		return ", because no facility runs what it requires. The regional lead can have systems added."
	case NotInRollout:
		return ", because its rollout reaches nobody yet. The regional lead can raise it."
	case NotInAudience:
		return ", because its audience is empty. The regional lead can name facilities of the pilot."
	}
	return ", because its definition cannot be used. An operator must repair it."
}

// nextStart is when the schedule lets it start, a freeze included.
func (st State) nextStart() string {
	for _, c := range st.pair.list {
		if c.field == "schedule.from" {
			return localTime(c.starts, st.view.zone)
		}
	}
	return st.How.Schedule.From
}

func firstOf(unmet []string) string {
	if len(unmet) == 0 {
		return "something"
	}
	return unmet[0]
}

func notEnabled(e Enablement, o Offer) string {
	switch e.Answer {
	case Enable:
		if !e.answers(o) {
			return ", because the region answered an earlier offer. The regional lead can enable it."
		}
	case Later:
		return ", because the region answers by " + e.Until + ". The regional lead can enable it now."
	case Decline:
		return ", because the region declined. The regional lead reviews it on " + e.Review + "."
	}
	return ", because the region has not answered. The regional lead can enable it."
}

func others(unmet []string) string {
	if len(unmet) <= 1 {
		return ""
	}
	return fmt.Sprintf(" and %d more", len(unmet)-1)
}

func short(name, key string) string {
	if len(strings.Fields(name)) > 3 || name == "" {
		return key
	}
	return name
}

func offered(st State, at time.Time) Layer {
	o := st.Offer.Value
	l := Layer{Name: "offered", Holds: o.Live() && o.reaches(st.Region.Value.Key) && st.Capability.Value.Stage != Retired && st.Cause != NoOffer,
		Revision: st.Offer.Revision}
	switch {
	case !st.Offer.Exists():
		l.Says, l.Revision = "no offer was ever made; the stage is "+string(st.Capability.Value.Stage), st.Capability.Revision
		return l
	case o.Withdrawn != nil:
		l.Says = "the offer was withdrawn"
		return l.by(*o.Withdrawn)
	case st.Capability.Value.Stage == Retired:
		l.Says = "offered, but the capability is retired"
	default:
		l.Says = offerWords(st, at)
	}
	return l.by(o.Granted)
}

// offerWords is an offer with its terms for a region.
func offerWords(st State, at time.Time) string {
	o, region := st.Offer.Value, st.Region.Value.Key
	says := "offered to every region (" + string(o.Kind) + ")"
	switch {
	case o.Kind == Pilot && o.reaches(region):
		says = fmt.Sprintf("offered as a pilot at %s, up to %s %% of people", orList(o.Facilities[region]), formatNumber(*o.CapPercent))
	case o.Kind == Pilot:
		says = "offered as a pilot, and not in this region"
	}
	end, err := endOfDay(o.End, st.view.zone)
	switch {
	case err != nil:
		return says
	case !at.Before(end):
		return says + "; it ended after " + o.End
	}
	return says + ", until " + o.End
}

func enabled(st State) Layer {
	e := st.Enablement.Value
	l := Layer{Name: "enabled", Holds: e.On(), Revision: st.Enablement.Revision}
	switch {
	case !st.Enablement.Exists():
		l.Says = "the region has not answered the offer"
		return l
	case e.TurnedOff != nil:
		l.Says = "turned off for safety; the region's answer was: " + string(e.Answer)
		return l.by(*e.TurnedOff)
	case !e.answers(st.Offer.Value):
		l.Holds, l.Says = false, "the region answered an earlier offer: "+string(e.Answer)
	case e.Answer == Later:
		l.Says = "the region answers later, by " + e.Until
	case e.Answer == Decline:
		l.Says = "the region declined, and reviews it on " + e.Review
	default:
		l.Says = "the region enabled it"
	}
	return l.by(e.Answered)
}

func prerequisites(st State, unmet []string) Layer {
	l := Layer{Name: "prerequisites", Holds: len(unmet) == 0}
	needs := strings.Join(st.Capability.Value.Prerequisites, ", ")
	switch {
	case needs == "":
		l.Says = "it needs no other capability"
	case l.Holds:
		l.Says = "it needs " + needs + ": on in this region"
	default:
		l.Says = "it needs " + needs + "; not on in this region: " + strings.Join(unmet, ", ")
	}
	return l
}

func (l Layer) by(a Act) Layer {
	l.By, l.At, l.Reason, l.Change = a.By, a.At.Format(time.RFC3339), a.Reason, a.Change
	return l
}
