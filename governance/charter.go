package governance

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/governance/tally"
)

// The limits of a charter.
const (
	MaxSeats   = 300
	MaxOptions = 100 // on one ballot paper
)

// A Charter says how a body decides. It is data, and changes only by a motion that
// carries under the charter that stands.
type Charter struct {
	Seats []SeatRule `json:"seats" nullable:"false"`
	Chair string     `json:"chair"` // key of the seat that presides

	// PhysicianLed demands that the seat in the chair must be a physician's, and
	// that more than half of the voting weight is.
	PhysicianLed bool   `json:"physician_led"`
	Quorum       Quorum `json:"quorum"`

	Movers     []Capacity `json:"movers" nullable:"false"` // who may move
	NeedSecond bool       `json:"need_second"`             // by another voting seat

	// Motions are the kinds of motion this body decides, each with what it needs.
	Motions map[Kind]Terms `json:"motions"`
	// Portfolio is how money is divided, for bodies that decide priorities.
	Portfolio *Portfolio `json:"portfolio,omitempty"`

	CloseWhenAllVoted bool      `json:"close_when_all_voted"`
	WithoutQuorum     Lapse     `json:"without_quorum"` // what becomes of a motion then
	RecusedInQuorum   bool      `json:"recused_in_quorum"`
	Objections        Objecting `json:"objections"` // what an unresolved objection to a case does

	Owns         []string   `json:"owns" nullable:"false"`                    // kinds of capability that are its own
	PlanSigns    []string   `json:"plan_signs,omitempty" nullable:"false"`    // of them, those that the health plan signs too
	RatifiesFrom []string   `json:"ratifies_from,omitempty" nullable:"false"` // bodies whose provisional offers it may ratify
	Emergency    *Emergency `json:"emergency,omitempty"`                      // it offers provisionally, and nothing else
}

// A SeatRule is one seat as the charter has it.
type SeatRule struct {
	Key        string `json:"key"`
	Name       string `json:"name"`
	Region     string `json:"region,omitempty"`
	Discipline string `json:"discipline,omitempty"`
	Physician  bool   `json:"physician,omitempty"` // whoever holds it must be one
	Voting     bool   `json:"voting"`              // the others advise
	Weight     int64  `json:"weight,omitempty"`    // votes it has; 0 means 1
}

// A Quorum is who must be there. Each is a fraction of those who may vote; whoever
// votes is there, also by abstaining.
type Quorum struct {
	Members    tally.Rat `json:"members"`
	Regions    tally.Rat `json:"regions,omitzero"`
	Physicians tally.Rat `json:"physicians,omitzero"` // on clinical items
	Strict     bool      `json:"strict"`              // more than the fraction, not just as much
}

// Terms are what one kind of motion needs.
type Terms struct {
	Threshold      tally.Threshold `json:"threshold"`
	DoubleMajority bool            `json:"double_majority,omitempty"` // of regions too
	Chair          tally.ChairRule `json:"chair_votes,omitempty"`     // "tie_only", "casting" or neither
	Rule           string          `json:"rule,omitempty"`            // for a choice: how it is counted
	ChallengeDays  int             `json:"challenge_days,omitempty"`  // before it takes effect
	OpenHours      int             `json:"open_hours,omitempty"`      // the least it is open
}

// A Portfolio is how a priority motion is counted.
type Portfolio struct {
	Rule      string              `json:"rule"` // equal_shares_… or greedy_…
	Options   tally.PortfolioRule `json:"options"`
	Ballot    Form                `json:"ballot"`               // Approval or Points
	MaxPoints int64               `json:"max_points,omitempty"` // for one case
	Ties      []tally.TieBy       `json:"ties" nullable:"false"`
}

// An Emergency body may offer provisionally, for so many days, unless another body
// ratifies.
type Emergency struct {
	MaxDays    int    `json:"max_days"`
	RatifiedBy string `json:"ratified_by"`
}

// Capacity is in what standing somebody acts towards a body.
type Capacity string

// The capacities.
const (
	AsVoting      Capacity = "voting"      // who holds, or acts for, a voting seat
	AsAdvisory    Capacity = "advisory"    // an advisory one
	AsSecretary   Capacity = "secretary"   // of the body
	AsContributor Capacity = "contributor" // whoever is granted that role
)

// Lapse is what becomes of a motion that found no quorum.
type Lapse string

// The lapses.
const (
	LapseLost     Lapse = "lost"
	LapseReturned Lapse = "returned" // it can be opened again
)

// Objecting is what an objection does that nobody resolved.
type Objecting string

// The two ways.
const (
	ObjectionBlocks Objecting = "blocks" // the case stays off the ballot
	ObjectionNoted  Objecting = "noted"  // it stands beside it
)

// Kind is the kind of a motion.
type Kind string

// The kinds of motion.
const (
	Direction  Kind = "direction"  // the year's goals
	OfferIt    Kind = "offer"      // a capability to the regions
	Rescind    Kind = "rescind"    // an offer
	Retire     Kind = "retire"     // a capability
	Ratify     Kind = "ratify"     // a provisional offer
	Activate   Kind = "activate"   // a bundle of group rules
	Amendment  Kind = "charter"    // a new charter
	Priority   Kind = "priority"   // fund cases under a budget
	Adopt      Kind = "adopt"      // a portfolio as a whole
	Choice     Kind = "choice"     // one of several
	Rating     Kind = "rating"     // clinical appropriateness, one round
	Found      Kind = "found"      // a further body
	Resolution Kind = "resolution" // anything else the body wants on the record
)

// Kinds lists them.
var Kinds = []Kind{Direction, OfferIt, Rescind, Retire, Ratify, Activate, Amendment, Priority, Adopt, Choice, Rating, Found, Resolution}

// onlyTurnsOff: what a body below its charter may still decide.
func (k Kind) onlyTurnsOff() bool { return k == Rescind || k == Retire }

var keyWord = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$`)

// choiceRules are the rules by which one of several can be chosen, each with the
// ballot it reads.
var choiceRules = map[string]Form{"plurality": Ranking, "approval": Approval, "schulze": Ranking, "ranked_pairs": Ranking, "irv": Ranking,
	"score": Points, "majority_judgment": Points}

// Check says what is wrong with a charter taken by itself.
func (c Charter) Check() error {
	if err := c.checkSeats(); err != nil {
		return err
	}
	if err := c.checkPhysicians(); err != nil {
		return err
	}
	if err := c.Quorum.check(); err != nil {
		return err
	}
	if err := c.checkMotions(); err != nil {
		return err
	}
	if err := c.checkWords(); err != nil {
		return err
	}
	if c.Emergency != nil {
		return c.checkEmergency()
	}
	return nil
}

func (c Charter) checkSeats() error {
	if len(c.Seats) == 0 || len(c.Seats) > MaxSeats {
		return bad("/seats", "", "a charter has 1 to %d seats", MaxSeats)
	}
	seen := map[string]bool{}
	for _, s := range c.Seats {
		at := "/seats/" + s.Key
		switch {
		case !keyWord.MatchString(s.Key) || seen[s.Key]:
			return bad("/seats", s.Key, "each seat has a key of its own in lower-case letters, digits and hyphens, such as co-1")
		case !plain(s.Name, 120):
			return bad(at+"/name", s.Name, "a seat's name has 1 to 120 characters")
		case s.Region != "" && !keyWord.MatchString(s.Region):
			return bad(at+"/region", s.Region, "name a region by its key, or none")
		case s.Discipline != "" && !plain(s.Discipline, 60):
			return bad(at+"/discipline", s.Discipline, "a discipline has at most 60 characters")
		case s.Weight < 0 || s.Weight > 1000 || s.Weight != 0 && !s.Voting:
			return bad(at+"/weight", "", "a voting seat has a weight of 1 to 1,000; an advisory one has none")
		}
		seen[s.Key] = true
	}
	if chair, ok := c.Seat(c.Chair); !ok || !chair.Voting {
		return bad("/chair", c.Chair, "the chair is one of the voting seats")
	}
	return nil
}

// checkPhysicians is the invariant of a physician-led body: the chair a physician,
// physicians a majority of the votes, and none of its clinical business without
// them.
func (c Charter) checkPhysicians() error {
	if !c.PhysicianLed {
		return nil
	}
	chair, _ := c.Seat(c.Chair)
	if !chair.Physician {
		return bad("/chair", c.Chair, "in a physician-led body the seat in the chair must be a physician's")
	}
	var physicians, all int64
	for _, s := range c.Seats {
		if s.Voting {
			all += s.votes()
		}
		if s.Voting && s.Physician {
			physicians += s.votes()
		}
	}
	if 2*physicians <= all {
		return bad("/seats", "", "in a physician-led body more than half of the votes belong to physicians; here it is %d of %d", physicians, all)
	}
	if slices.Contains(c.Owns, "clinical") && c.Quorum.Physicians.Sign() <= 0 {
		return bad("/quorum/physicians", "", "a physician-led body that decides on clinical capabilities has a quorum of physicians for them")
	}
	return nil
}

func (q Quorum) check() error {
	for field, f := range map[string]tally.Rat{"members": q.Members, "regions": q.Regions, "physicians": q.Physicians} {
		if f.Sign() < 0 || tally.Int(1).Less(f) {
			return bad("/quorum/"+field, f.String(), "a quorum is a fraction from 0 to 1, such as 1/2")
		}
	}
	if q.Members.IsZero() {
		return bad("/quorum/members", "0", "say which fraction of the members makes a quorum, such as 1/2")
	}
	return nil
}

func (c Charter) checkMotions() error {
	if len(c.Motions) == 0 {
		return bad("/motions", "", "say which kinds of motion the body decides: %v", Kinds)
	}
	for _, k := range slices.Sorted(maps.Keys(c.Motions)) {
		if err := c.checkTerms(k, c.Motions[k]); err != nil {
			return err
		}
	}
	if _, ok := c.Motions[Amendment]; !ok {
		return bad("/motions/charter", "", "say what a change of the charter needs, or it could never change")
	}
	_, decides := c.Motions[Priority]
	if decides && c.Portfolio == nil {
		return bad("/portfolio", "", "say how priorities are counted")
	}
	if c.Portfolio != nil {
		return c.Portfolio.check()
	}
	return nil
}

func (c Charter) checkTerms(k Kind, t Terms) error {
	at := "/motions/" + string(k)
	if !slices.Contains(Kinds, k) {
		return bad("/motions", string(k), "the kinds of motion are %v", Kinds)
	}
	if _, err := tally.Motion(tally.Profile{}, tally.MotionRule{Threshold: t.Threshold, Chair: t.Chair}, tally.Sitting{}); err != nil {
		return bad(at, string(t.Threshold)+" "+string(t.Chair), "%v; the thresholds are majority, two_thirds and their like, the chair's vote is tie_only, casting or neither", err)
	}
	if _, ok := choiceRules[t.Rule]; k == Choice && !ok {
		return bad(at+"/rule", t.Rule, "say how a choice is counted: %v", slices.Sorted(maps.Keys(choiceRules)))
	}
	if t.ChallengeDays < 0 || t.ChallengeDays > 90 || t.OpenHours < 0 || t.OpenHours > 90*24 {
		return bad(at, "", "a window for challenges has 0 to 90 days, and a motion is open for at most 90 days")
	}
	return nil
}

func (p Portfolio) check() error {
	if !strings.HasPrefix(p.Rule, "equal_shares_") && !strings.HasPrefix(p.Rule, "greedy_") || strings.HasSuffix(p.Rule, "_committee") ||
		!slices.Contains(tally.RuleNames(), p.Rule) {
		return bad("/portfolio/rule", p.Rule, "name a rule that counts under a budget, such as equal_shares_cost_add1; `quorate tally --help` lists them")
	}
	if p.Ballot != Approval && p.Ballot != Points {
		return bad("/portfolio/ballot", string(p.Ballot), "a portfolio is voted on by approval or by points")
	}
	if p.Ballot == Points && (p.MaxPoints < 1 || p.MaxPoints > 1000) {
		return bad("/portfolio/max_points", "", "say how many points one case can be given, 1 to 1,000")
	}
	known := []tally.TieBy{tally.ByCost, tally.ByVotes, tally.ByLot}
	if len(p.Ties) == 0 || p.Ties[len(p.Ties)-1] != tally.ByLot {
		return bad("/portfolio/ties", "", "the order of ties ends with lot, so that it always has a last word")
	}
	for _, t := range p.Ties {
		if !slices.Contains(known, t) {
			return bad("/portfolio/ties", string(t), "the order of ties is made of %v", known)
		}
	}
	return nil
}

func (c Charter) checkWords() error {
	if c.WithoutQuorum != LapseLost && c.WithoutQuorum != LapseReturned {
		return bad("/without_quorum", string(c.WithoutQuorum), "without a quorum a motion is lost or returned")
	}
	if c.Objections != ObjectionBlocks && c.Objections != ObjectionNoted {
		return bad("/objections", string(c.Objections), "an unresolved objection blocks or is noted")
	}
	if len(c.Movers) == 0 {
		return bad("/movers", "", "say who may move: voting, advisory, secretary, contributor")
	}
	for _, m := range c.Movers {
		if !slices.Contains([]Capacity{AsVoting, AsAdvisory, AsSecretary, AsContributor}, m) {
			return bad("/movers", string(m), "who may move is one of voting, advisory, secretary, contributor")
		}
	}
	for _, list := range [][]string{c.Owns, c.PlanSigns} {
		for _, k := range list {
			if !slices.Contains(flags.CapabilityKinds, k) {
				return bad("/owns", k, "the kinds of capability are %v", flags.CapabilityKinds)
			}
		}
	}
	for _, b := range c.RatifiesFrom {
		if !keyWord.MatchString(b) {
			return bad("/ratifies_from", b, "name a body by its key")
		}
	}
	return nil
}

// checkEmergency: an emergency body can do nothing that lasts.
func (c Charter) checkEmergency() error {
	if c.Emergency.MaxDays < 1 || c.Emergency.MaxDays > 90 {
		return bad("/emergency/max_days", "", "a provisional offer lasts 1 to 90 days")
	}
	if !keyWord.MatchString(c.Emergency.RatifiedBy) {
		return bad("/emergency/ratified_by", c.Emergency.RatifiedBy, "name the body that ratifies")
	}
	for k := range c.Motions {
		if !slices.Contains([]Kind{OfferIt, Rescind, Amendment, Resolution}, k) {
			return bad("/motions", string(k), "an emergency body offers provisionally, rescinds and resolves, and nothing else")
		}
	}
	return nil
}

// Seat finds a seat of the charter.
func (c Charter) Seat(key string) (SeatRule, bool) {
	i := slices.IndexFunc(c.Seats, func(s SeatRule) bool { return s.Key == key })
	if i < 0 {
		return SeatRule{}, false
	}
	return c.Seats[i], true
}

func (s SeatRule) votes() int64 { return cmp.Or(s.Weight, 1) }
