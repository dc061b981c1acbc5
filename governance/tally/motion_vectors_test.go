package tally

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// motionCase is one case of the motion vectors.
type motionCase struct {
	ID, Note string
	Eligible []struct {
		ID, Region              string
		Weight                  *Rat
		Chair, Recused, Present bool
	}
	Votes    map[string]Vote
	Rule     MotionRule
	Expected motionExpected
}

type motionExpected struct {
	Yes, No, Abstain Rat
	QuorumMet        bool `json:"quorum_met"`
	Present          Rat  `json:"present_weight"`
	Base             Rat  `json:"quorum_base_weight"`
	ChairTieBreak    Vote `json:"chair_tiebreak"`
	MembersCarried   bool `json:"members_carried"`
	Tie              bool
	Regions          map[string]struct {
		Yes, No  Rat
		Position string
	}
	RegionsYes     int  `json:"regions_yes"`
	RegionsTotal   int  `json:"regions_total"`
	RegionsCarried bool `json:"regions_carried"`
	Result         string
}

func (c motionCase) inputs() (Profile, MotionRule, Sitting) {
	var p Profile
	var s Sitting
	for _, e := range c.Eligible {
		p.Roll = append(p.Roll, Member{Key: e.ID, Region: e.Region, Weight: e.Weight})
		if v, ok := c.Votes[e.ID]; ok {
			p.Ballots = append(p.Ballots, Ballot{Voter: e.ID, Vote: v})
		}
		if e.Chair {
			s.Chair = e.ID
		}
		if e.Recused {
			s.Recused = append(s.Recused, Recusal{Member: e.ID, Present: e.Present})
		}
	}
	return p, c.Rule, s
}

func TestMotionVectors(t *testing.T) {
	var file struct{ Cases []motionCase }
	readJSON(t, &file, "motions", "motions.json")
	for _, c := range file.Cases {
		t.Run(c.ID, func(t *testing.T) {
			got, err := Motion(c.inputs())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.Expected, c.reported(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.Note, diff)
			}
		})
	}
	t.Logf("%d motions", len(file.Cases))
}

// reported puts a result in the form of the vectors, which leave out what a
// missing quorum or a simple majority makes irrelevant.
func (c motionCase) reported(r Result) motionExpected {
	m := r.Motion
	e := motionExpected{
		Yes: m.Yes, No: m.No, Abstain: m.Abstain, QuorumMet: m.QuorumMet,
		Present: m.Present, Base: m.QuorumBase, Result: r.Outcome,
	}
	if !m.QuorumMet {
		return e
	}
	e.ChairTieBreak, e.MembersCarried, e.Tie = m.ChairTieBreak, m.MembersCarried, m.Tie
	if !c.Rule.DoubleMajority {
		return e
	}
	e.RegionsYes, e.RegionsTotal, e.RegionsCarried = m.RegionsYes, len(m.Regions), m.RegionsCarried
	e.Regions = make(map[string]struct {
		Yes, No  Rat
		Position string
	})
	for _, r := range slices.Clone(m.Regions) {
		e.Regions[r.Region] = struct {
			Yes, No  Rat
			Position string
		}{r.Yes, r.No, r.Position}
	}
	return e
}
