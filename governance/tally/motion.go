package tally

import (
	"errors"
	"fmt"
	"slices"
)

// Vote is a member's vote on a motion.
type Vote string

// The votes a member can cast. To be absent is to cast none.
const (
	Yes     Vote = "yes"
	No      Vote = "no"
	Abstain Vote = "abstain" // present, and on neither side
	Object  Vote = "object"  // to unanimous consent; counts as no elsewhere
)

// Threshold names how much support a motion needs. With y, n, a the weight of
// yes, no and abstain and V the members who may vote (the roll less the
// recused):
type Threshold string

// The thresholds. Robert's Rules (RONR, 12th edition, §44) take "a majority"
// and "two thirds" of the votes cast by persons entitled to vote, abstentions
// not counted; the other bases have to be stated, and here have names of their
// own.
const (
	Majority           Threshold = "majority"              // y > n
	MajorityPresent    Threshold = "majority_present"      // more than half of those present: 2y > y+n+a
	AbsoluteMajority   Threshold = "absolute_majority"     // of the membership: 2y > w(V)
	TwoThirds          Threshold = "two_thirds"            // 3y >= 2(y+n), and y > 0
	ThreeQuarters      Threshold = "three_quarters"        // 4y >= 3(y+n), and y > 0
	TwoThirdsOfMembers Threshold = "two_thirds_of_members" // 3y >= 2w(V)
	UnanimousCast      Threshold = "unanimous_cast"        // n = 0 and y > 0
	UnanimousConsent   Threshold = "unanimous_consent"     // carried unless somebody objects (RONR §4:58)
)

// The outcomes of a motion.
const (
	carried        = "carried"
	notCarried     = "not_carried"
	tiedNotCarried = "tied_not_carried" // y = n under Majority: a tie loses (RONR §44:12)
	noQuorum       = "no_quorum"        // whatever the votes
	objection      = "objection"        // to unanimous consent: the motion goes to a vote
)

// The positions a region takes.
const (
	positionYes = "yes"
	positionNo  = "no"
	noPosition  = "no_position"
)

var errSecret = errors.New("ballots that name no voter cannot be counted by region: name the voters, or drop the requirements about regions")

// ChairRule says when the chair's vote counts.
type ChairRule string

// The chair rules; empty lets the chair vote as a member and a tie be lost.
const (
	chairOnlyTies ChairRule = "tie_only"
	chairCasts    ChairRule = "casting"
)

// MotionRule is what a charter demands of a motion.
type MotionRule struct {
	Threshold Threshold `json:"threshold"`

	// Quorum is the fraction, from 0 to 1, of the weight of the members who may
	// vote that must be present. Whoever votes is present, also by abstaining.
	Quorum       Rat  `json:"quorum,omitzero"`
	QuorumStrict bool `json:"quorum_strict,omitempty"` // more than the fraction, not just as much

	// RegionQuorum is the fraction of all regions on the roll from which at
	// least one member must be present; RegionQuorumStrict as above.
	RegionQuorum       Rat  `json:"region_quorum,omitzero"`
	RegionQuorumStrict bool `json:"region_quorum_strict,omitempty"`

	// PhysicianQuorum is the fraction of the weight of the physicians who may
	// vote that must be present; PhysicianQuorumStrict as above. With it a report
	// has no [Counterfactual]: the search for one knows nothing of physicians.
	PhysicianQuorum       Rat  `json:"physician_quorum,omitzero"`
	PhysicianQuorumStrict bool `json:"physician_quorum_strict,omitempty"`

	// RecusedCountForQuorum keeps recused members in the base of the quorum,
	// and counts those in the room as present.
	RecusedCountForQuorum bool `json:"recused_count_for_quorum,omitempty"`

	// DoubleMajority demands, besides Threshold, that more than half of ALL
	// regions on the roll take the position yes. A region takes it if yes
	// outweighs no among its members; a tied or silent region takes none.
	DoubleMajority bool `json:"double_majority,omitempty"`

	// Chair is "tie_only" (the chair's vote is left out, and used only if the
	// others tie; RONR §44:12), "casting" (the chair votes as a member and
	// decides a tie once more) or empty (the chair votes as a member and a tie
	// is lost). A chair breaks ties under [Majority] only.
	Chair ChairRule `json:"chair_votes,omitempty"`

	// Proxies is how many absent members one member may vote for. 0, the
	// default, refuses proxies, as RONR §45:70 does unless a charter says
	// otherwise. A member's own ballot always beats a proxy's.
	Proxies int `json:"proxies,omitempty"`
	// ProxiesPresent counts a member who voted by proxy as present.
	ProxiesPresent bool `json:"proxies_present,omitempty"`
}

// Sitting is what happened in the room, beside the ballots.
type Sitting struct {
	Chair   string    `json:"chair,omitempty"` // key of the member in the chair
	Recused []Recusal `json:"recused,omitempty"`
	// Attending lists members who are recorded as present. Where attendance is
	// not taken, those who vote are present and nobody else.
	Attending []string `json:"attending,omitempty"`
}

// Recusal is one member standing aside on this motion: they neither vote nor
// count in the base of any threshold.
type Recusal struct {
	Member  string `json:"member"`
	Reason  string `json:"reason,omitempty"`
	Present bool   `json:"present,omitempty"` // stayed in the room
}

// MotionReport explains the decision on a motion. Weights, not heads.
type MotionReport struct {
	Threshold Threshold `json:"threshold"`
	Yes       Rat       `json:"yes"`
	No        Rat       `json:"no"`
	Abstain   Rat       `json:"abstain"`
	Entitled  Rat       `json:"entitled"` // w(V)

	Present        Rat  `json:"present_weight"`
	QuorumBase     Rat  `json:"quorum_base_weight"`
	Quorum         Rat  `json:"quorum,omitzero"`
	QuorumStrict   bool `json:"quorum_strict,omitempty"`
	QuorumMet      bool `json:"quorum_met"` // of members, of regions and of physicians
	RegionsPresent int  `json:"regions_present,omitempty"`

	Physicians        Rat `json:"physicians_weight,omitzero"`         // who may vote, where the rule asks for them
	PhysiciansPresent Rat `json:"physicians_present_weight,omitzero"` // and of them who are present

	MembersCarried bool `json:"members_carried"`
	Tie            bool `json:"tie"` // y = n under Majority and nobody broke it
	ChairTieBreak  Vote `json:"chair_tiebreak,omitempty"`

	DoubleMajority bool            `json:"double_majority,omitempty"`
	Regions        []RegionCount   `json:"regions,omitempty"` // in the order of the roll
	RegionsYes     int             `json:"regions_yes,omitempty"`
	RegionsCarried bool            `json:"regions_carried,omitempty"`
	Absent         []string        `json:"absent,omitempty"`
	Recused        []Recusal       `json:"recused,omitempty"`
	Objections     []string        `json:"objections,omitempty"` // unanimous consent: who objected
	Flip           *Counterfactual `json:"flip,omitempty"`
}

// RegionCount is what one region said.
type RegionCount struct {
	Region   string `json:"region"`
	Yes      Rat    `json:"yes"`
	No       Rat    `json:"no"`
	Abstain  Rat    `json:"abstain"`
	Position string `json:"position"` // "yes", "no" or "no_position"
}

// Motion decides a motion: quorum first, then the threshold, then the regions.
//
// The result is "carried", "not_carried", "tied_not_carried" (yes equals no
// under a majority and no chair broke it), "no_quorum" (whatever the votes) or
// "objection" (to unanimous consent). Errors: a threshold that does not exist,
// a fraction outside 0 to 1, or secret ballots where regions count.
func Motion(p Profile, rule MotionRule, sitting Sitting) (Result, error) {
	if err := errors.Join(p.check(), rule.check()); err != nil {
		return Result{}, err
	}
	house, problems, err := convene(p, rule, sitting)
	if err != nil {
		return Result{}, err
	}
	report, outcome := house.decide()
	if rule.PhysicianQuorum.IsZero() {
		report.Flip = house.counterfactual(outcome)
	}
	return Result{
		Outcome: outcome, Motion: &report, Problems: problems,
		Rounds: []Round{{Number: 1, What: "votes cast", Tally: []Count{
			{"yes", report.Yes}, {"no", report.No}, {"abstain", report.Abstain},
		}}},
	}.done(p), nil
}

func (r MotionRule) check() error {
	if _, ok := thresholds[r.Threshold]; !ok {
		return fmt.Errorf("no threshold is called %q", r.Threshold)
	}
	for _, q := range []Rat{r.Quorum, r.RegionQuorum, r.PhysicianQuorum} {
		if q.Sign() < 0 || Int(1).Less(q) {
			return fmt.Errorf("a quorum of %s is not a fraction from 0 to 1", q)
		}
	}
	if !slices.Contains([]ChairRule{"", chairOnlyTies, chairCasts}, r.Chair) {
		return fmt.Errorf("no chair rule is called %q", r.Chair)
	}
	return nil
}

// line is a threshold as a sum: it is met if the sum of the coefficients times
// the weights is above 0, or not below 0 where it is not strict. Everything
// else about thresholds, also how far a vote was from meeting one, follows.
type line struct {
	yes, no, abstain, silent, entitled int64
	strict                             bool
}

var thresholds = map[Threshold]line{
	Majority:           {yes: 1, no: -1, strict: true},
	MajorityPresent:    {yes: 1, no: -1, abstain: -1, silent: -1, strict: true},
	AbsoluteMajority:   {yes: 2, entitled: -1, strict: true},
	TwoThirds:          {yes: 1, no: -2},
	ThreeQuarters:      {yes: 1, no: -3},
	TwoThirdsOfMembers: {yes: 3, entitled: -2},
	UnanimousCast:      {no: -1},
	UnanimousConsent:   {no: -1},
}

// motionRules: the name of the rule is "motion"; the threshold is in the
// export's motion object, because a charter combines it with the rest.
func motionRules() []rule {
	return []rule{{"motion", 1, func(e Export) (Result, error) {
		if e.Motion == nil {
			return Result{}, errors.New("the export has no motion object")
		}
		var sitting Sitting
		if e.Sitting != nil {
			sitting = *e.Sitting
		}
		return Motion(e.Profile, *e.Motion, sitting)
	}}}
}
