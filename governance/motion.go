package governance

import (
	"fmt"
	"slices"
	"time"

	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/fault"
)

// A Motion is what somebody wants a body to decide.
type Motion struct {
	ID      string  `json:"id"`
	Body    string  `json:"body"`
	Kind    Kind    `json:"kind"`
	Title   string  `json:"title"`
	Text    string  `json:"text"` // to be adopted, as it will stand in the minutes
	Subject Subject `json:"subject"`

	State     State      `json:"state"`
	Moved     Act        `json:"moved"`
	MoverSeat string     `json:"mover_seat,omitempty"`
	Seconded  *Act       `json:"seconded,omitempty"`
	Amended   []Revision `json:"amended,omitempty" nullable:"false"` // the oldest first
	NotBefore string     `json:"not_before,omitempty"`               // postponed to this day
	Postponed *Act       `json:"postponed,omitempty"`
	Withdrawn *Act       `json:"withdrawn,omitempty"`
	Recused   []Recusal  `json:"recused,omitempty" nullable:"false"`

	Opened     *Opening    `json:"opened,omitempty"` // the latest
	Closed     *Closing    `json:"closed,omitempty"`
	Outcome    *Outcome    `json:"outcome,omitempty"`
	Challenges []Challenge `json:"challenges,omitempty" nullable:"false"`
	PlanSigned *Act        `json:"plan_signed,omitempty"` // where the health plan signs too
	Effective  *Act        `json:"effective,omitempty"`
	Retired    *Act        `json:"retired,omitempty"`  // a retirement: when its day had come
	Obstacle   string      `json:"obstacle,omitempty"` // why it is carried and not yet in effect
	Sittings   int         `json:"sittings,omitempty"` // how often it was opened
}

// State is where a motion is.
type State string

// The states.
const (
	Moved     State = "moved"     // waits for a second
	Pending   State = "pending"   // before the body
	Withdrawn State = "withdrawn" // by its mover
	Open      State = "open"      // ballots are cast
	Closed    State = "closed"    // to be counted
	Carried   State = "carried"   // not in effect yet
	Effective State = "effective"
	Lost      State = "lost"
)

// States lists them.
var States = []State{Moved, Pending, Withdrawn, Open, Closed, Carried, Effective, Lost}

// A Revision is a motion's text as it was before an amendment.
type Revision struct {
	Text    string  `json:"text"`
	Title   string  `json:"title"`
	Subject Subject `json:"subject"`
	By      Act     `json:"by"` // who amended it
}

// A Recusal is one seat standing aside on this motion.
type Recusal struct {
	Seat string `json:"seat"`
	Act  Act    `json:"act"`
}

// A Challenge says that an outcome must not take effect as it is.
type Challenge struct {
	Act    Act  `json:"act"`
	Upheld bool `json:"upheld,omitempty"`
	Ruled  *Act `json:"ruled,omitempty"` // how the chair ruled, with the reason
}

// The limits of a motion.
const (
	MaxTitle      = 200
	MaxText       = 8000
	maxRevisions  = 20
	maxChallenges = 20
)

// move makes a motion.
func move(m Motion, h House, st Standing, act Act) (Motion, error) {
	if !plain(m.Title, MaxTitle) {
		return m, bad("/title", m.Title, "a title has 1 to %d characters", MaxTitle)
	}
	if !plain(m.Text, MaxText) {
		return m, bad("/text", m.Text, "say in 1 to %d characters what is to be adopted, as it will stand in the minutes", MaxText)
	}
	c := h.Body.Charter
	if _, ok := c.Motions[m.Kind]; !ok {
		return m, fault.New(fault.Refused, "not_its_business", "the body %s does not decide motions of the kind %.40q", h.Body.Key, m.Kind).
			Do("see its charter with `quorate body show %s`", h.Body.Key).At("/kind")
	}
	if !slices.Contains(c.Movers, st.Capacity) {
		return m, fault.New(fault.Forbidden, "may_not_move", "%s may not move in the body %s; its charter lets these: %v", act.By.Name, h.Body.Key, c.Movers).
			Do("ask somebody who may")
	}
	if err := h.checkWhole(m.Kind, act.At); err != nil {
		return m, err
	}
	if err := m.Subject.check(m.Kind, c); err != nil {
		return m, err
	}
	m.State, m.Moved, m.MoverSeat = Moved, act, st.Seat.Key
	if !c.NeedSecond {
		m.State = Pending
	}
	return m, nil
}

// second seconds a motion: somebody in another voting seat wants it decided.
func second(m Motion, st Standing, act Act) (Motion, error) {
	if m.State != Moved {
		return m, m.wrongState("seconded", Moved)
	}
	if st.Capacity != AsVoting {
		return m, fault.New(fault.Forbidden, "may_not_second", "%s has no voting seat in the body %s", act.By.Name, m.Body).
			Do("ask somebody in a voting seat")
	}
	if act.By.ID == m.Moved.By.ID || st.Seat.Key == m.MoverSeat {
		return m, fault.New(fault.Refused, "own_motion", "nobody seconds their own motion, nor their own seat's").Do("ask another member")
	}
	m.State, m.Seconded = Pending, &act
	return m, nil
}

// amend changes the words of a motion. It is the mover's until it is open; who
// seconded the old words has not seconded the new ones.
func amend(m Motion, c Charter, title, text string, subject Subject, act Act) (Motion, error) {
	if err := m.checkMovers("amended", act); err != nil {
		return m, err
	}
	if !plain(title, MaxTitle) || !plain(text, MaxText) {
		return m, bad("/text", text, "a title has 1 to %d characters and a text 1 to %d", MaxTitle, MaxText)
	}
	if err := subject.check(m.Kind, c); err != nil {
		return m, err
	}
	if len(m.Amended) == maxRevisions {
		return m, fault.New(fault.Refused, "too_many_amendments", "the motion was amended %d times", maxRevisions).Do("withdraw it and move anew")
	}
	m.Amended = append(slices.Clone(m.Amended), Revision{Text: m.Text, Title: m.Title, Subject: m.Subject, By: act})
	m.Title, m.Text, m.Subject, m.Seconded, m.PlanSigned = title, text, subject, nil, nil
	if c.NeedSecond {
		m.State = Moved
	}
	return m, nil
}

func (m Motion) checkMovers(done string, act Act) error {
	if m.State != Moved && m.State != Pending {
		return m.wrongState(done, Moved, Pending)
	}
	if act.By.ID != m.Moved.By.ID {
		return fault.New(fault.Forbidden, "not_the_mover", "the motion %s is %s's to change", m.ID, m.Moved.By.Name).
			Do("ask them, or move another")
	}
	return nil
}

// withdraw takes a motion back before it is open.
func withdraw(m Motion, act Act) (Motion, error) {
	if err := m.checkMovers("withdrawn", act); err != nil {
		return m, err
	}
	m.State, m.Withdrawn = Withdrawn, &act
	return m, nil
}

// postpone holds a motion back until a day.
func postpone(m Motion, until string, act Act) (Motion, error) {
	if m.State != Moved && m.State != Pending {
		return m, m.wrongState("postponed", Moved, Pending)
	}
	d, err := time.Parse(time.DateOnly, until)
	if err != nil || d.Format(time.DateOnly) != until || until <= act.At.UTC().Format(time.DateOnly) {
		return m, bad("/until", until, "say with a date to come (YYYY-MM-DD) until when")
	}
	m.NotBefore, m.Postponed = until, &act
	return m, nil
}

// recuse has a seat stand aside. It is an event and not an edit: it stands beside
// the ballot, if the seat has cast one, which then is not counted.
func recuse(m Motion, st Standing, act Act) (Motion, error) {
	if m.State != Moved && m.State != Pending && m.State != Open {
		return m, m.wrongState("stood aside from", Moved, Pending, Open)
	}
	if st.Capacity != AsVoting {
		return m, fault.New(fault.Forbidden, "no_voting_seat", "%s has no voting seat in the body %s to stand aside with", act.By.Name, m.Body).
			Do("say in the deliberation what you have to do with it")
	}
	if m.isRecused(st.Seat.Key) {
		return m, fault.New(fault.Refused, "recused_already", "the seat %s has stood aside already", st.Seat.Key).Do("nothing needs to be done")
	}
	m.Recused = append(slices.Clone(m.Recused), Recusal{Seat: st.Seat.Key, Act: act})
	return m, nil
}

func (m Motion) isRecused(seat string) bool {
	return slices.ContainsFunc(m.Recused, func(r Recusal) bool { return r.Seat == seat })
}

func (m Motion) wrongState(done string, from ...State) error {
	return fault.New(fault.Refused, "motion_"+string(m.State), "the motion %s is %s and cannot be %s", m.ID, m.State, done).
		Do("that is for a motion that is %s", orStates(from))
}

func orStates(list []State) string {
	s := string(list[0])
	for _, x := range list[1:] {
		s += " or " + string(x)
	}
	return s
}

// rule is the tally's rule for the motion under a charter.
func (m Motion) rule(c Charter) *tally.MotionRule {
	t := c.Motions[m.Kind]
	r := &tally.MotionRule{Threshold: t.Threshold, DoubleMajority: t.DoubleMajority, Chair: t.Chair,
		Quorum: c.Quorum.Members, QuorumStrict: c.Quorum.Strict,
		RegionQuorum: c.Quorum.Regions, RegionQuorumStrict: c.Quorum.Strict,
		RecusedCountForQuorum: c.RecusedInQuorum}
	if m.Subject.Clinical {
		r.PhysicianQuorum, r.PhysicianQuorumStrict = c.Quorum.Physicians, c.Quorum.Strict
	}
	return r
}

func unknownMotion(id string) error {
	return fault.New(fault.NotFound, "unknown_motion", "there is no motion %.80q", id).Do("list them with `quorate motion list`")
}

// retires reports whether the day of a retirement has passed.
func (m Motion) retires(at time.Time) bool {
	return m.State == Effective && m.Kind == Retire && m.Retired == nil && at.UTC().Format(time.DateOnly) > m.Subject.RetireBy
}

// challengeEnds is when a carried motion may take effect.
func (m Motion) challengeEnds() time.Time {
	if m.Outcome == nil {
		return time.Time{}
	}
	return m.Outcome.EffectiveFrom
}

// challenge holds up what a motion brings about until the chair has ruled.
func challenge(m Motion, st Standing, act Act) (Motion, error) {
	switch {
	case m.State != Carried:
		return m, m.wrongState("challenged", Carried)
	case st.Capacity != AsVoting && st.Capacity != AsAdvisory:
		return m, fault.New(fault.Forbidden, "may_not_challenge", "%s has no seat in the body %s", act.By.Name, m.Body).Do("ask a member to")
	case !act.At.Before(m.challengeEnds()):
		return m, fault.New(fault.Refused, "window_over", "the window for challenges ended at %s", m.challengeEnds().Format(time.RFC3339)).
			Do("move to rescind it")
	case len(m.Challenges) == maxChallenges:
		return m, fault.New(fault.Refused, "too_many_challenges", "there are %d challenges already", maxChallenges).Do("wait for the chair's ruling")
	}
	m.Challenges = append(slices.Clone(m.Challenges), Challenge{Act: act})
	return m, nil
}

// ruleOn is the chair's ruling on the oldest challenge without one. One that is
// upheld sends the motion back to be opened again.
func ruleOn(m Motion, upheld bool, act Act) (Motion, error) {
	i := slices.IndexFunc(m.Challenges, func(c Challenge) bool { return c.Ruled == nil })
	if m.State != Carried || i < 0 {
		return m, fault.New(fault.Refused, "no_challenge", "the motion %s has no challenge that waits for a ruling", m.ID).Do("see `quorate motion show %s`", m.ID)
	}
	m.Challenges = slices.Clone(m.Challenges)
	m.Challenges[i].Ruled, m.Challenges[i].Upheld = &act, upheld
	if upheld {
		m = m.back(fmt.Sprintf("a challenge was upheld: %s", act.Reason))
	}
	return m, nil
}

// challenged reports whether a challenge waits for a ruling.
func (m Motion) challenged() bool {
	return slices.ContainsFunc(m.Challenges, func(c Challenge) bool { return c.Ruled == nil })
}

// back returns a motion to the body, to be opened again on a new paper.
func (m Motion) back(why string) Motion {
	m.State, m.Obstacle, m.PlanSigned = Pending, why, nil
	return m
}
