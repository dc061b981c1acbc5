package tally

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// houseOf reads "N:yy- S:na W:R" as regions with their members: y yes, n no,
// a abstain, - absent, R recused, ! the chair's vote follows.
func houseOf(s string) (Profile, Sitting) {
	var p Profile
	var sit Sitting
	for _, part := range strings.Fields(s) {
		region, votes, _ := strings.Cut(part, ":")
		chair := false
		for i, v := range votes {
			if v == '!' {
				chair = true
				continue
			}
			key := fmt.Sprint(region, i)
			p.Roll = append(p.Roll, Member{Key: key, Region: region})
			if chair {
				sit.Chair, chair = key, false
			}
			switch v {
			case 'R':
				sit.Recused = append(sit.Recused, Recusal{Member: key, Present: true})
			case '-':
			default:
				p.Ballots = append(p.Ballots, Ballot{Voter: key, Vote: map[rune]Vote{'y': Yes, 'n': No, 'a': Abstain}[v]})
			}
		}
	}
	return p, sit
}

// TestMotions reads like the page of a charter.
func TestMotions(t *testing.T) {
	half := MotionRule{Threshold: Majority, Quorum: Frac(1, 2), QuorumStrict: true}
	with := func(r MotionRule, change func(*MotionRule)) MotionRule { change(&r); return r }
	threshold := func(x Threshold) MotionRule { return with(half, func(r *MotionRule) { r.Threshold = x }) }
	for _, c := range []struct {
		says  string
		rule  MotionRule
		house string
		want  string
	}{
		{"a majority is of the votes cast; abstentions do not count", half, "N:yyn S:aaa", carried},
		{"a majority of those present counts an abstention against", threshold(MajorityPresent), "N:yyn S:aaa", notCarried},
		{"a majority of the members counts the absent against", threshold(AbsoluteMajority), "N:yyy S:n--", notCarried},
		{"half of the members is not more than half", threshold(AbsoluteMajority), "N:yyy S:nnn", notCarried},
		{"recusal makes the base of the members smaller", threshold(AbsoluteMajority), "N:yyy S:nRR", carried},
		{"two thirds exactly is two thirds", threshold(TwoThirds), "N:yyyy S:nn", carried},
		{"one vote short of two thirds is not", threshold(TwoThirds), "N:yyyn S:nyn", notCarried},
		{"no vote for or against is no two thirds", threshold(TwoThirds), "N:aaa S:aaa", notCarried},
		{"three quarters exactly is three quarters", threshold(ThreeQuarters), "N:yyy S:na", carried},
		{"two thirds of the members counts the absent against", threshold(TwoThirdsOfMembers), "N:yyy S:a--", notCarried},
		{"unanimity is of the votes cast", threshold(UnanimousCast), "N:yaa S:a--", carried},
		{"one no breaks unanimity", threshold(UnanimousCast), "N:yyy S:yyn", notCarried},
		{"a tie is lost", half, "N:yyy S:nnn", tiedNotCarried},
		{"half present is no quorum where more than half is asked for", half, "N:yyy S:---", noQuorum},
		{"half present is a quorum where at least half is asked for",
			with(half, func(r *MotionRule) { r.QuorumStrict = false }), "N:yyy S:---", carried},
		{"a recused member is not in the base of the quorum", half, "N:yyy S:-RR", carried},
		{"unless the charter says so, and then counts if in the room",
			with(half, func(r *MotionRule) { r.RecusedCountForQuorum = true }), "N:yy S:--RR", carried},
		{"the chair who votes only on ties is left out without one",
			with(half, func(r *MotionRule) { r.Chair = chairOnlyTies }), "N:yy S:n!n", carried},
		{"and decides a tie", with(half, func(r *MotionRule) { r.Chair = chairOnlyTies }), "N:yy S:nn!y", carried},
		{"against as well", with(half, func(r *MotionRule) { r.Chair = chairOnlyTies }), "N:yy S:nn!n", notCarried},
		{"a chair who abstains decides nothing", with(half, func(r *MotionRule) { r.Chair = chairOnlyTies }), "N:yy S:nn!a", tiedNotCarried},
		{"a chair with a casting vote votes, and decides the tie once more",
			with(half, func(r *MotionRule) { r.Chair = chairCasts }), "N:y!y S:nn", carried},
		{"a double majority needs more than half of all regions",
			with(half, func(r *MotionRule) { r.DoubleMajority = true }), "N:yyyy S:n W:n E:y", notCarried},
		{"a region that is tied or silent takes no position and still counts",
			with(half, func(r *MotionRule) { r.DoubleMajority = true }), "N:yyyy S:yn W:a E:y", notCarried},
		{"three of five regions are more than half",
			with(half, func(r *MotionRule) { r.DoubleMajority = true }), "N:yy S:y W:y E:n M:n", carried},
	} {
		t.Run(c.says, func(t *testing.T) {
			p, sitting := houseOf(c.house)
			r, err := Motion(p, c.rule, sitting)
			if err != nil {
				t.Fatal(err)
			}
			if r.Outcome != c.want {
				t.Errorf("%s: %s, want %s", c.house, r.Outcome, c.want)
			}
		})
	}
}

// TestCounterfactuals says how close a vote was.
func TestCounterfactuals(t *testing.T) {
	half := MotionRule{Threshold: Majority, Quorum: Frac(1, 2), QuorumStrict: true}
	regions := half
	regions.DoubleMajority = true
	for _, c := range []struct {
		says  string
		rule  MotionRule
		house string
		want  Counterfactual
	}{
		{"five to two is lost if two change sides", half, "N:yyyyynn", Counterfactual{2, 2}},
		{"two to five is carried if two change sides", half, "N:yynnnnn", Counterfactual{2, 2}},
		{"a quorum by one is broken by one who leaves", half, "N:yyyy---", Counterfactual{2, 1}},
		{"no ballot changes what a missing quorum decides", half, "N:yyy----", Counterfactual{never, 1}},
		{"members carry, regions do not: one region more is enough", regions, "N:yyyy S:n W:y E:a", Counterfactual{1, 1}},
	} {
		t.Run(c.says, func(t *testing.T) {
			p, sitting := houseOf(c.house)
			r, err := Motion(p, c.rule, sitting)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, r.Motion.Flip); diff != "" {
				t.Errorf("%s (-want +got):\n%s", r.Outcome, diff)
			}
		})
	}
}

// TestHugeBallots: length alone is no problem.
func TestHugeBallots(t *testing.T) {
	p := poll("A B C", "1 A B C")
	long := make([][]string, 100_000)
	for i := range long {
		long[i] = []string{[]string{"A", "B", "C", strings.Repeat("Z", 200)}[i%4]}
	}
	p.Ballots = append(p.Ballots, Ballot{Ranks: long, Approves: []string{"A"}, Count: 1 << 40}, Ballot{Ranks: long, Count: 1 << 62})
	tryEveryRule(t, p)
}

// tryEveryRule runs every rule that reads the profile; each may refuse, none may fail
// in another way.
func tryEveryRule(t *testing.T, p Profile) {
	t.Helper()
	for _, name := range votingRules() {
		r, err := Recount(exportOf(name, p))
		if err != nil {
			continue
		}
		if text := Text(r); len(text) > 1<<20 {
			t.Errorf("%s: the text has %d bytes", name, len(text))
		}
	}
}
