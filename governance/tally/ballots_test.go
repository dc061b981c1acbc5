package tally

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestProblemsAreReported is the list of what can be wrong with a ballot, what
// is said of it and what is done.
func TestProblemsAreReported(t *testing.T) {
	minus := Int(-2)
	plurality := func(p Profile) (Result, error) { return Plurality(p) }
	schulze := func(p Profile) (Result, error) { return Schulze(p, RankedRule{}) }
	grades := func(p Profile) (Result, error) { return Score(p, GradeRule{Min: 1, Max: 5}) }
	stv := func(p Profile) (Result, error) { return STVScottish(p, 1) }
	motion := func(p Profile) (Result, error) {
		return Motion(p, MotionRule{Threshold: Majority, Proxies: 1}, Sitting{Recused: []Recusal{{Member: "m4"}}})
	}
	noProxy := func(p Profile) (Result, error) { return Motion(p, MotionRule{Threshold: Majority}, Sitting{}) }
	for _, c := range []struct {
		name    string
		count   func(Profile) (Result, error)
		ballots []Ballot
		want    []Problem
	}{
		{"an unreadable count", plurality, []Ballot{{Count: -1, Ranks: ranks("A")}},
			[]Problem{{"#1", Malformed, "count below 0", "not counted"}}},
		{"a negative weight", plurality, []Ballot{{Weight: &minus, Ranks: ranks("A")}},
			[]Problem{{"#1", Malformed, "weight -2 is below 0", "not counted"}}},
		{"an empty ballot", plurality, []Ballot{{Key: "r1"}},
			[]Problem{{"r1", Empty, "marks nothing", "not counted"}}},
		{"two first places", plurality, []Ballot{{Key: "r1", Ranks: ranks("A=B")}},
			[]Problem{{"r1", Overvoted, "2 alternatives are marked first", "not counted"}}},
		{"a name that is not on the paper", schulze, []Ballot{{Key: "r1", Ranks: ranks("Z A")}},
			[]Problem{{"r1", Unknown, `"Z" is not on the ballot paper`, "that mark not counted"}}},
		{"a name twice", schulze, []Ballot{{Key: "r1", Ranks: ranks("A B A")}},
			[]Problem{{"r1", Duplicate, `"A" is ranked twice`, "only its first rank counted"}}},
		{"a voter who voted twice: the last ballot counts", schulze,
			[]Ballot{{Key: "r1", Voter: "m1", Ranks: ranks("A")}, {Key: "r2", Voter: "m1", Ranks: ranks("B")}},
			[]Problem{{"r1", Duplicate, `"m1" cast a later ballot`, "not counted"}}},
		{"a receipt used twice", schulze,
			[]Ballot{{Key: "r1", Ranks: ranks("A")}, {Key: "r1", Ranks: ranks("B")}},
			[]Problem{{"r1", Duplicate, "a later ballot has the same key", "not counted"}}},
		{"a stranger", schulze, []Ballot{{Key: "r1", Voter: "x", Ranks: ranks("A")}},
			[]Problem{{"r1", NotOnRoll, `"x" is not on the roll`, "not counted"}}},
		{"a grade out of range", grades, []Ballot{{Key: "r1", Points: map[string]int64{"A": 9, "B": 1}}},
			[]Problem{{"r1", OutOfRange, `grade 9 for "A"`, "that grade not counted"}}},
		{"equal ranks where a strict order is asked for", stv, []Ballot{{Key: "r1", Ranks: ranks("A=B C")}},
			[]Problem{{"r1", Overvoted, "2 marks at rank 1", "that rank not counted"}}},
		{"no vote", motion, []Ballot{{Key: "r1", Voter: "m1"}},
			[]Problem{{"r1", Empty, "no vote", "not counted"}}},
		{"a vote that does not exist", motion, []Ballot{{Key: "r1", Voter: "m1", Vote: "maybe"}},
			[]Problem{{"r1", Malformed, `no vote is called "maybe"`, "not counted"}}},
		{"a recused member", motion, []Ballot{{Key: "r1", Voter: "m4", Vote: Yes}},
			[]Problem{{"r1", NotOnRoll, `"m4" is recused`, "not counted"}}},
		{"a proxy where none is allowed", noProxy, []Ballot{{Key: "r1", Voter: "m1", Proxy: "m2", Vote: Yes}},
			[]Problem{{"r1", Malformed, "the charter allows no proxies", "not counted"}}},
		{"a proxy for a member who voted in person, before or after", motion,
			[]Ballot{{Key: "r1", Voter: "m1", Vote: No}, {Key: "r2", Voter: "m1", Proxy: "m2", Vote: Yes}},
			[]Problem{{"r2", Duplicate, `"m1" voted in person`, "not counted"}}},
		{"more proxies than the charter allows", motion,
			[]Ballot{{Key: "r1", Voter: "m1", Proxy: "m3", Vote: Yes}, {Key: "r2", Voter: "m2", Proxy: "m3", Vote: Yes}},
			[]Problem{{"r2", Overvoted, `proxy "m3" already votes for as many members as the charter allows`, "not counted"}}},
		{"a proxy holder who is recused", motion, []Ballot{{Key: "r1", Voter: "m1", Proxy: "m4", Vote: Yes}},
			[]Problem{{"r1", NotOnRoll, `proxy "m4" may not vote`, "not counted"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := poll("A B C")
			p.Roll = []Member{{Key: "m1"}, {Key: "m2"}, {Key: "m3"}, {Key: "m4"}}
			p.Ballots = c.ballots
			r, err := c.count(p)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, r.Problems); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestUnanimousConsent: silence is consent; one objection sends the motion to
// a vote.
func TestUnanimousConsent(t *testing.T) {
	p := Profile{Roll: []Member{{Key: "m1"}, {Key: "m2"}, {Key: "m3"}}}
	rule := MotionRule{Threshold: UnanimousConsent, Quorum: Frac(1, 2), QuorumStrict: true}
	sitting := Sitting{Attending: []string{"m1", "m2"}}
	for _, c := range []struct {
		ballots []Ballot
		sitting Sitting
		want    string
	}{
		{nil, sitting, carried},
		{nil, Sitting{}, noQuorum},
		{[]Ballot{{Voter: "m2", Vote: Object}}, sitting, objection},
		{[]Ballot{{Voter: "m2", Vote: Abstain}, {Voter: "m1", Vote: Yes}}, sitting, carried},
	} {
		p.Ballots = c.ballots
		r, err := Motion(p, rule, c.sitting)
		if err != nil {
			t.Fatal(err)
		}
		if r.Outcome != c.want {
			t.Errorf("%v: %s, want %s", c.ballots, r.Outcome, c.want)
		}
	}
}

// TestRegionQuorum: members enough are present, but of too few regions.
func TestRegionQuorum(t *testing.T) {
	p := Profile{
		Roll:    []Member{{Key: "n1", Region: "N"}, {Key: "n2", Region: "N"}, {Key: "n3", Region: "N"}, {Key: "s1", Region: "S"}, {Key: "w1", Region: "W"}},
		Ballots: []Ballot{{Voter: "n1", Vote: Yes}, {Voter: "n2", Vote: Yes}, {Voter: "n3", Vote: Yes}},
	}
	rule := MotionRule{Threshold: Majority, Quorum: Frac(1, 2), QuorumStrict: true, RegionQuorum: Frac(1, 2), RegionQuorumStrict: true}
	for _, want := range []string{noQuorum, carried} {
		r, err := Motion(p, rule, Sitting{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Outcome != want {
			t.Errorf("with %d regions present: %s, want %s", r.Motion.RegionsPresent, r.Outcome, want)
		}
		p.Ballots = append(p.Ballots, Ballot{Voter: "s1", Vote: Abstain})
	}
}

// TestTieBreak walks down the list of steps.
func TestTieBreak(t *testing.T) {
	p := poll("A B C", "1 A", "1 B", "1 C")
	p.Alternatives[0].Cost, p.Alternatives[1].Cost, p.Alternatives[2].Cost = Int(9), Int(5), Int(5)
	for _, c := range []struct {
		steps TieBreak
		want  string
		by    TieBy
	}{
		{TieBreak{{By: ByKey}}, "A", ByKey},
		{TieBreak{{By: ByCost}, {By: ByKey}}, "B", ByKey},
		{TieBreak{{By: ByCost}, {By: ByOrder, Order: []string{"C"}}}, "C", ByOrder},
		{TieBreak{{By: ByVotes}, {By: ByOrder, Order: []string{"C", "B", "A"}}}, "C", ByOrder},

		{TieBreak{{By: ByLot, Seed: "noon"}}, lowest("noon", "A", "B", "C"), ByLot},
	} {
		p.Ties = c.steps
		r, err := Plurality(p)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(r.Winners, " ") != c.want || len(r.Ties) != 1 || r.Ties[0].By != c.by {
			t.Errorf("%v: %v by %v, want %s by %s", c.steps, r.Winners, r.Ties, c.want, c.by)
		}
	}
	p.Ties = TieBreak{{By: ByCost}}
	if _, err := Plurality(p); err == nil || !strings.Contains(err.Error(), "tie for first place between B, C") {
		t.Errorf("a tie that no step decides: %v", err)
	}
}

func lowest(seed string, keys ...string) string {
	best := keys[0]
	for _, k := range keys[1:] {
		if lot(seed, k) < lot(seed, best) {
			best = k
		}
	}
	return best
}

// TestLot pins the lot, which anybody can check with sha256sum.
func TestLot(t *testing.T) {
	// printf 'seed\nkey' | sha256sum
	if got := lot("seed", "key")[:16]; got != "49bf2e84adfa49a6" {
		t.Errorf("lot = %s", got)
	}
}

// TestStatusQuo strikes what does not beat leaving things as they are.
func TestStatusQuo(t *testing.T) {
	p := poll("A B Q", "3 A B Q", "2 B Q A", "2 Q A B")
	r, err := Schulze(p, RankedRule{StatusQuo: "Q"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"A"}, r.Pairs.Struck); diff != "" {
		t.Errorf("struck (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"B"}, r.Winners); diff != "" {
		t.Errorf("winners (-want +got):\n%s", diff)
	}
}
