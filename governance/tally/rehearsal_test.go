package tally

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// twoBlocs: six of ten members of the north want three cheap projects, four of
// the south want one. Votes give the north everything; equal shares do not.
func twoBlocs() Export {
	e := Export{Format: ExportFormat, Rule: "greedy_votes", Budget: Int(100)}
	e.Ties = publishedTies
	for _, k := range []string{"n1", "n2", "s1"} {
		e.Alternatives = append(e.Alternatives, Alternative{Key: k, Cost: Int(50)})
	}
	e.Alternatives[2].Cost = Int(40)
	for i, c := range "nnnnnnssss" {
		key, region, likes := string(c)+string(rune('0'+i)), "north", []string{"n1", "n2"}
		if c == 's' {
			region, likes = "south", []string{"s1"}
		}
		e.Roll = append(e.Roll, Member{Key: key, Region: region})
		e.Ballots = append(e.Ballots, Ballot{Key: key, Voter: key, Approves: likes})
	}
	return e
}

// TestRehearsal: side by side, the audit names the group that greedy leaves
// out, and each region's absence shows what its votes decided.
func TestRehearsal(t *testing.T) {
	r, err := Rehearse(twoBlocs())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, o := range r.Outcomes {
		got[o.Rule] = o.Winners
	}
	for rule, want := range map[string][]string{
		"greedy_votes": {"n1", "n2"}, "greedy_votes_stop": {"n1", "n2"}, "greedy_per_cost": {"n1", "n2"},
		"equal_shares_cost": {"n1", "s1"}, "equal_shares_cost_add1": {"n1", "s1"}, "equal_shares_count": {"n1", "s1"},
	} {
		if d := cmp.Diff(want, got[rule]); d != "" {
			t.Errorf("%s (-want +got):\n%s", rule, d)
		}
	}
	want := []Objection{{
		Alternative: "s1", Voters: []string{"s6", "s7", "s8", "s9"}, Regions: []string{"south"},
		Weight: Int(4), Share: Int(40), Cost: Int(40),
	}}
	if d := cmp.Diff(want, r.Outcomes[0].Objections, cmp.Comparer(Rat.Equal)); d != "" {
		t.Errorf("objections to greedy_votes (-want +got):\n%s", d)
	}
	under := map[string]string{}
	for _, p := range r.Projects {
		under[p.Alternative] = p.Under
	}
	if d := cmp.Diff(map[string]string{"n1": "all", "n2": "some", "s1": "some"}, under); d != "" {
		t.Errorf("agreement (-want +got):\n%s", d)
	}
	absent := []RegionAbsent{
		{Region: "north", Voters: 6, Gained: []string{"s1"}, Lost: []string{"n2"}},
		{Region: "south", Voters: 4, Gained: []string{}, Lost: []string{}},
	}
	if d := cmp.Diff(absent, r.Abstained); d != "" {
		t.Errorf("abstentions (-want +got):\n%s", d)
	}
	text := RehearsalText(twoBlocs(), r)
	for _, part := range []string{"s1: 4 voters of south (40 of 40)", "not for judging a result", "could carry each from its own shares"} {
		if !strings.Contains(text, part) {
			t.Errorf("the text lacks %q:\n%s", part, text)
		}
	}
}

func TestRehearsalPortfolio(t *testing.T) {
	e := readExport(t, "portfolio12.json")
	r, err := Rehearse(e)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "rehearsal12.txt", RehearsalText(e, r))
	e.Rule = "irv"
	if _, err := Rehearse(e); err == nil {
		t.Error("a rule without budget: want an error")
	}
}
