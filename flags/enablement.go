package flags

import (
	"slices"
	"time"

	"github.com/quorate/quorate/internal/fault"
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
	Answer     Answer `json:"answer"`
	Until      string `json:"until,omitempty"`  // later: YYYY-MM-DD in the region's time zone
	Review     string `json:"review,omitempty"` // decline: YYYY-MM-DD in the region's time zone
	Answered   Act    `json:"answered"`
	// TurnedOff is set when somebody turned the capability off for safety; the
	// answer stays, and a new answer lifts it.
	TurnedOff *Act `json:"turned_off,omitempty"`
}

// On reports whether the region wants it on at this moment.
func (e Enablement) On() bool { return e.Answer == Enable && e.TurnedOff == nil }

// A Reply is what a regional lead says.
type Reply struct {
	Answer Answer `json:"answer"`
	Until  string `json:"until,omitempty"`
	Review string `json:"review,omitempty"`
}

// Check says what is wrong with a reply given at a time in the region's zone.
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
	}
	return nil
}

func comingDate(date, today string) bool {
	_, err := time.Parse(time.DateOnly, date)
	return err == nil && date > today
}

// answer makes the enablement that stands after a reply.
func answer(region, capability string, offer Offer, before Enablement, reply Reply, act Act) (Enablement, error) {
	if !offer.Live() {
		return Enablement{}, fault.New(fault.Refused, "no_offer", "%s is not offered, so %s has nothing to answer", capability, region).
			Do("ask for it to be offered; see `quorate offer list`")
	}
	after := Enablement{Region: region, Capability: capability, Answer: reply.Answer, Until: reply.Until, Review: reply.Review, Answered: act}
	if before.sameAs(after) {
		return before, nil
	}
	return after, nil
}

// sameAs reports whether an answer says again what is said already.
func (e Enablement) sameAs(other Enablement) bool {
	return e.Answer == other.Answer && e.Until == other.Until && e.Review == other.Review &&
		e.Answered.Reason == other.Answered.Reason && e.TurnedOff == nil && other.TurnedOff == nil
}

// turnOff stops a capability at once. One that is not on stays as it is.
func turnOff(before Enablement, act Act) Enablement {
	if before.On() {
		before.TurnedOff = &act
	}
	return before
}
