package tally

import (
	"strings"
	"testing"
)

// TestPhysicianQuorum: members enough are present, but too few physicians.
func TestPhysicianQuorum(t *testing.T) {
	p := Profile{
		Roll: []Member{{Key: "d1", Physician: true}, {Key: "d2", Physician: true}, {Key: "d3", Physician: true}, {Key: "n1"}, {Key: "n2"}},
		Ballots: []Ballot{{Voter: "n1", Vote: Yes}, {Voter: "n2", Vote: Yes},
			{Voter: "d1", Vote: Yes}},
	}
	rule := MotionRule{Threshold: Majority, Quorum: Frac(1, 2), QuorumStrict: true, PhysicianQuorum: Frac(1, 2), PhysicianQuorumStrict: true}
	for _, c := range []struct {
		what    string
		sitting Sitting
		more    []Ballot
		want    string
	}{
		{"one of three physicians", Sitting{}, nil, noQuorum},
		{"two of three", Sitting{}, []Ballot{{Voter: "d2", Vote: Abstain}}, carried},
		{"a physician in the room who does not vote", Sitting{Attending: []string{"d3"}}, nil, carried},
		{"one of two, the third being recused", Sitting{Recused: []Recusal{{Member: "d3"}}}, nil, noQuorum},
	} {
		t.Run(c.what, func(t *testing.T) {
			poll := p
			poll.Ballots = append(append([]Ballot{}, p.Ballots...), c.more...)
			r, err := Motion(poll, rule, c.sitting)
			if err != nil {
				t.Fatal(err)
			}
			if r.Outcome != c.want {
				t.Errorf("%s, want %s (%s of %s physicians)", r.Outcome, c.want, r.Motion.PhysiciansPresent, r.Motion.Physicians)
			}
			if c.want == noQuorum && !strings.Contains(Sentence(r), "physicians") {
				t.Errorf("the sentence does not say why: %s", Sentence(r))
			}
		})
	}
}
