package governance

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/fault"
)

// Form is what a ballot asks.
type Form string

// The forms of a ballot.
const (
	YesNo    Form = "yes_no"   // yes, no or abstain
	Approval Form = "approval" // any number of alternatives
	Ranking  Form = "ranking"  // some or all, best first; ties allowed
	Points   Form = "points"   // so many for each
	Ratings  Form = "ratings"  // 1 to 9 for each case, or none to abstain on it
)

// A Vote is what a member says on a ballot. Which field is read depends on the
// form; an empty vote on a form other than yes_no abstains.
type Vote struct {
	Vote     tally.Vote       `json:"vote,omitempty" enum:"yes,no,abstain"`
	Approves []string         `json:"approves,omitempty" nullable:"false"`
	Ranks    [][]string       `json:"ranks,omitempty" nullable:"false"`
	Points   map[string]int64 `json:"points,omitempty"`
}

// A Ballot is one seat's vote in one motion, as it is stored: sealed.
type Ballot struct {
	Motion     string    `json:"motion"`
	Seat       string    `json:"seat"`
	Paper      string    `json:"paper"` // hash of the paper it was cast on
	By         Person    `json:"by"`
	Place      Place     `json:"place"`
	At         time.Time `json:"at"`
	Commitment string    `json:"commitment"` // sha256 over paper, seat, salt and vote
	Sealed     string    `json:"sealed"`     // base64; as long for every ballot of the motion
	Change     string    `json:"change"`     // whose leaf holds its digest
}

// A Caster is the seat that a person has cast a ballot for in a motion, so that
// nobody has two.
type Caster struct {
	Seat string `json:"seat"`
}

// check says what is wrong with a vote on this paper. Its messages are for the
// caster alone: a vote that is malformed is not on the record.
func (p Paper) check(v Vote) error {
	switch p.Form {
	case YesNo:
		return p.checkYesNo(v)
	case Approval:
		if v.Vote != "" || v.Ranks != nil || v.Points != nil {
			return misfit(p, "approves")
		}
		return p.checkNames("/approves", v.Approves)
	case Ranking:
		if v.Vote != "" || v.Approves != nil || v.Points != nil {
			return misfit(p, "ranks")
		}
		return p.checkNames("/ranks", slices.Concat(v.Ranks...))
	}
	if v.Vote != "" || v.Approves != nil || v.Ranks != nil {
		return misfit(p, "points")
	}
	least := int64(0)
	if p.Form == Ratings {
		least = 1
	}
	for key, n := range v.Points {
		if n < least || n > p.MaxPoints {
			return bad("/points/"+key, "", "this ballot takes %d to %d for each", least, p.MaxPoints)
		}
	}
	return p.checkNames("/points", slices.Sorted(maps.Keys(v.Points)))
}

func (p Paper) checkYesNo(v Vote) error {
	if v.Approves != nil || v.Ranks != nil || v.Points != nil {
		return misfit(p, "vote")
	}
	if !slices.Contains([]tally.Vote{tally.Yes, tally.No, tally.Abstain}, v.Vote) {
		return bad("/vote", string(v.Vote), "say yes, no or abstain")
	}
	return nil
}

func misfit(p Paper, field string) error {
	return bad("/"+field, "", "this ballot is of the form %s: say %s and nothing else", p.Form, field)
}

func (p Paper) checkNames(field string, names []string) error {
	for i, n := range names {
		if !slices.ContainsFunc(p.Alternatives, func(a tally.Alternative) bool { return a.Key == n }) {
			return bad(field, n, "it is not on the ballot paper; see `quorate motion show %s`", p.Motion)
		}
		if slices.Contains(names[:i], n) {
			return bad(field, n, "name each at most once")
		}
	}
	return nil
}

// ballotLength is how long the longest vote on this paper is, as JSON. Every ballot
// is padded to it.
func (p Paper) ballotLength() int {
	longest := 0
	for _, v := range p.longestVotes() {
		raw, err := json.Marshal(v)
		if err != nil {
			return 0 // cannot be: the types are ours
		}
		longest = max(longest, len(raw))
	}
	return longest
}

func (p Paper) longestVotes() []Vote {
	all := Vote{Points: map[string]int64{}}
	for _, a := range p.Alternatives {
		all.Approves = append(all.Approves, a.Key)
		all.Ranks = append(all.Ranks, []string{a.Key})
		all.Points[a.Key] = p.MaxPoints
	}
	return []Vote{{Vote: tally.Abstain}, {Approves: all.Approves}, {Ranks: all.Ranks}, {Points: all.Points}}
}

// mayCast says whether a person may cast the ballot of a seat now, and in which
// place.
func mayCast(m Motion, p Paper, seat Seat, before *Ballot, person Person, at time.Time) (Place, error) {
	if m.State != Open || !at.Before(m.Opened.Closes) {
		return "", m.notOpen()
	}
	if !slices.ContainsFunc(p.Roll, func(r tally.Member) bool { return r.Key == seat.Key }) {
		return "", fault.New(fault.Forbidden, "not_on_paper", "the seat %.60q does not vote on the motion %s", seat.Key, m.ID).
			Do("see who votes with `quorate motion show %s`", m.ID)
	}
	t, ok := seat.of(person.ID, at)
	if !ok {
		return "", fault.New(fault.Forbidden, "not_in_seat", "%s does not occupy the seat %s", person.Name, seat.Key).
			Do("cast the ballot of your own seat")
	}
	if m.isRecused(seat.Key) {
		return "", fault.New(fault.Refused, "recused", "the seat %s has stood aside on the motion %s", seat.Key, m.ID).Do("nothing needs to be done")
	}
	if before == nil {
		return t.Place, nil
	}
	// A ballot of somebody who no longer occupies the seat stands until it is
	// replaced, and anyone in the seat may replace it.
	if caster, still := seat.of(before.By.ID, at); still && caster.Place.rank() < t.Place.rank() {
		return "", fault.New(fault.Refused, "cast_by_holder", "the %s of the seat %s has cast its ballot", caster.Place, seat.Key).
			Do("leave it, or ask them to replace it")
	}
	return t.Place, nil
}

func (m Motion) notOpen() error {
	switch {
	case m.State == Open:
		return fault.New(fault.Refused, "motion_closed", "the motion %s closed at %s", m.ID, m.Opened.Closes.Format(time.RFC3339)).
			Do("see its outcome with `quorate motion show %s`", m.ID)
	case m.Closed != nil:
		return fault.New(fault.Refused, "motion_closed", "the motion %s is closed", m.ID).Do("see its outcome with `quorate motion show %s`", m.ID)
	}
	return fault.New(fault.Refused, "motion_not_open", "the motion %s is %s and takes no ballots", m.ID, m.State).
		Do("wait until it is opened")
}
