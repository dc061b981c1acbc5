package flags

import (
	"slices"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// Answer is what a region says to an offer.
type Answer string

// The answers. A region that has not answered has no enablement.
const (
	Enable  Answer = "enable"
	Later   Answer = "later"   // with the date by which it answers again
	Decline Answer = "decline" // with the date on which it looks again
)

// Answers lists them.
var Answers = []Answer{Enable, Later, Decline}

// An Enablement is a region's answer to the offer of a capability.
type Enablement struct {
	Region     string `json:"region"`
	Capability string `json:"capability"`
	// Offer is the change that granted the offer which is answered. An offer that
	// is withdrawn and granted again is another one, and asks anew.
	Offer  string `json:"offer,omitempty"`
	Answer Answer `json:"answer"`
	Until  string `json:"until,omitempty"`  // later: YYYY-MM-DD in the region's time zone
	Review string `json:"review,omitempty"` // decline: YYYY-MM-DD in the region's time zone
	// How holds what the region wants otherwise than the group's baseline, which
	// is the present one if it follows, else the one it accepted, if any.
	How How `json:"how,omitzero"`
	// Permitted are the region's jurisdictions in which the law permitted it when it
	// was enabled: where it went on, and where it did not. Since then it follows the
	// law. Nil if no law was asked.
	Permitted *Permitted `json:"permitted,omitempty"`
	Follow    bool       `json:"follow,omitempty"`
	Accepted  *Accepted  `json:"accepted,omitempty"`
	Answered  Act        `json:"answered"`
	// TurnedOff is set when somebody turned the capability off for safety; the
	// answer stays, and a new answer lifts it.
	TurnedOff *Act `json:"turned_off,omitempty"`
}

// On reports whether the region wants it on at this moment.
func (e Enablement) On() bool { return e.Answer == Enable && e.TurnedOff == nil }

// answers reports whether this is an answer to that offer.
func (e Enablement) answers(o Offer) bool { return e.Offer == "" || e.Offer == o.Granted.Change }

// Base is the baseline that holds in the region, given the present one.
func (e Enablement) Base(present Baseline) How {
	switch {
	case e.Follow:
		return present.How
	case e.Accepted != nil:
		return e.Accepted.How
	}
	return How{}
}

// Effective is how the capability is on: what the region says over the baseline
// that holds in it.
func (e Enablement) Effective(present Baseline) How { return e.How.over(e.Base(present)).settled() }

// A Reply is what a regional lead says.
type Reply struct {
	Answer Answer `json:"answer"`
	Until  string `json:"until,omitempty"`
	Review string `json:"review,omitempty"`
	// How, for enable, replaces what the region said before; nil keeps it.
	How      *How   `json:"how,omitempty"`
	Baseline Stance `json:"baseline,omitempty"` // for enable; "" keeps what was
}

// Check says what is wrong with a reply given at a time in the region's zone,
// its How aside.
func (r Reply) Check(now time.Time, zone *time.Location) error {
	today := now.In(zone).Format(time.DateOnly)
	switch {
	case !slices.Contains(Answers, r.Answer):
		return bad("/answer", string(r.Answer), "the answers are %v", Answers)
	case r.Answer == Later && !comingDate(r.Until, today):
		return bad("/until", r.Until, "say with a date after %s (YYYY-MM-DD) by when the region answers again", today)
	case r.Answer == Decline && !comingDate(r.Review, today):
		return bad("/review", r.Review, "say with a date after %s (YYYY-MM-DD) when the region looks at it again", today)
	case r.Answer != Later && r.Until != "":
		return bad("/until", r.Until, "only the answer later has an until")
	case r.Answer != Decline && r.Review != "":
		return bad("/review", r.Review, "only the answer decline has a review")
	case r.Answer != Enable && r.How != nil:
		return bad("/how", r.How.Words(), "only the answer enable has a how")
	case r.Answer != Enable && r.Baseline != "":
		return bad("/baseline", string(r.Baseline), "only the answer enable takes the group's baseline")
	case r.Baseline != "" && !slices.Contains(Stances, r.Baseline):
		return bad("/baseline", string(r.Baseline), "a region takes the baseline by one of %v", Stances)
	}
	return nil
}

func comingDate(date, today string) bool {
	_, err := time.Parse(time.DateOnly, date)
	return err == nil && date > today
}

// answer makes the enablement that stands after a reply.
func answer(region, capability string, offer Offer, baseline kv.Record[Baseline], before Enablement, reply Reply, act Act) (Enablement, error) {
	if !offer.Live() {
		return Enablement{}, fault.New(fault.Refused, "no_offer", "%s is not offered, so %s has nothing to answer", capability, region).
			Do("ask for it to be offered; see `quorate offer list`")
	}
	after := Enablement{Region: region, Capability: capability, Offer: offer.Granted.Change,
		Answer: reply.Answer, Until: reply.Until, Review: reply.Review, Answered: act}
	if reply.Answer == Enable {
		after.How, after.Follow, after.Accepted = before.How, before.Follow, before.Accepted
		if reply.How != nil {
			after.How = *reply.How
		}
		if err := after.take(reply.Baseline, baseline, act); err != nil {
			return Enablement{}, err
		}
	}
	if before.sameAs(after) {
		return before, nil
	}
	return after, nil
}

// take takes a stance to the group's baseline.
func (e *Enablement) take(s Stance, baseline kv.Record[Baseline], act Act) error {
	switch {
	case s == "":
	case s == Apart:
		e.Follow, e.Accepted = false, nil
	case !baseline.Exists():
		return noBaseline(e.Capability)
	case s == Follow:
		e.Follow, e.Accepted = true, nil
	case e.Accepted != nil && e.Accepted.Revision == baseline.Revision:
	default:
		e.Follow, e.Accepted = false, &Accepted{How: baseline.Value.How, Revision: baseline.Revision, Act: act}
	}
	return nil
}

// accept takes the group's baseline as it is now, without answering anew.
func accept(before Enablement, baseline kv.Record[Baseline], act Act) (Enablement, error) {
	if before.Answer != Enable {
		return before, fault.New(fault.Refused, "not_enabled", "%s has not enabled %s, so it has no use for a baseline", before.Region, before.Capability).
			Do("accept it together with `quorate enable %s --region %s --accept-baseline`", before.Capability, before.Region)
	}
	after := before
	err := after.take(Accept, baseline, act)
	return after, err
}

// sameAs reports whether an answer says again what is said already.
func (e Enablement) sameAs(other Enablement) bool {
	return e.Offer == other.Offer && e.Answer == other.Answer && e.Until == other.Until && e.Review == other.Review &&
		e.How.equal(other.How) && e.Follow == other.Follow && sameBaseline(e.Accepted, other.Accepted) &&
		e.Answered.Reason == other.Answered.Reason && e.TurnedOff == nil && other.TurnedOff == nil
}

func sameBaseline(a, b *Accepted) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Revision == b.Revision
}

// turnOff stops a capability at once. One that is not on stays as it is.
func turnOff(before Enablement, act Act) Enablement {
	if before.On() {
		before.TurnedOff = &act
	}
	return before
}
