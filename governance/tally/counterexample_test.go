package tally

import (
	"slices"
	"strings"
	"testing"
)

// Every rule lacks something. These profiles are kept as documentation: each
// shows, by the smallest numbers at hand, what a charter gives up with a rule.

// poll reads "A B C" as alternatives and "3 A B=C" as three ballots.
func poll(alternatives string, ballots ...string) Profile {
	var p Profile
	for _, k := range strings.Fields(alternatives) {
		p.Alternatives = append(p.Alternatives, Alternative{Key: k})
	}
	for _, line := range ballots {
		count, order, _ := strings.Cut(line, " ")
		b := Ballot{Ranks: ranks(order)}
		for _, digit := range count {
			b.Count = b.Count*10 + int64(digit-'0')
		}
		b.Approves = slices.Concat(b.Ranks...) // rules for approval read the same ballot as a set
		p.Ballots = append(p.Ballots, b)
	}
	p.Ties = TieBreak{{By: ByKey}}
	return p
}

func TestCounterexamples(t *testing.T) {
	grades := func(lines ...string) Profile { // "3 A5 B4"
		p := poll("A B")
		for _, line := range lines {
			q := poll("", line).Ballots[0]
			b := Ballot{Count: q.Count, Points: map[string]int64{}}
			for _, tier := range q.Ranks {
				b.Points[tier[0][:1]] = int64(tier[0][1] - '0')
			}
			p.Ballots = append(p.Ballots, b)
		}
		return p
	}
	capital := tennessee("").Profile
	cycle := poll("A B C", "1 A B C", "1 B C A", "1 C A B")
	cycle.Ties = nil
	cloned := poll("A1 A2 B C", "1 A1 A2 B C", "1 B C A1 A2", "1 C A1 A2 B")
	cloned.Ties = nil
	for _, c := range []struct {
		lacks string
		rule  string
		seats int
		p     Profile
		want  string
	}{
		{"Condorcet: N beats every other, M has most first places", "plurality", 1, capital, "M"},
		{"Condorcet: N beats every other, but is eliminated second", "irv", 1, capital, "K"},
		{"monotonicity: L wins here, and loses once two voters rank it higher (next line)", "irv", 1,
			poll("L C R", "28 R C L", "5 R L C", "30 L C R", "5 L R C", "16 C L R", "16 C R L"), "L"},
		{"monotonicity: two of the five R L C now say L R C, and C wins", "irv", 1,
			poll("L C R", "28 R C L", "3 R L C", "30 L C R", "7 L R C", "16 C L R", "16 C R L"), "C"},
		{"monotonicity: STV for one seat is instant runoff", "stv_meek", 1,
			poll("L C R", "28 R C L", "3 R L C", "30 L C R", "7 L R C", "16 C L R", "16 C R L"), "C"},
		{"majority: three of five rank A first", "borda", 1, poll("A B C", "3 A B C", "2 B C A"), "B"},
		{"majority: three of five approve of A alone as well as B", "score", 1, grades("3 A5 B4", "2 A0 B5"), "B"},
		{"majority: three of five prefer A, but B has the better median", "majority_judgment", 1,
			grades("1 A5 B4", "2 A2 B1", "2 A0 B4"), "B"},
		{"Smith: C loses to every other, but only by one vote", "minimax_margins", 1,
			poll("A B C D", "6 A B D C", "7 C B D A", "2 C D A B", "4 D A B C"), "C"},
		{"clones: B, A and C are in a circle of equals ...", "copeland", 1, cycle, "A B C"},
		{"clones: ... and B is out once A has a clone", "copeland", 1, cloned, "A1 C"},
		{"participation of all regions: the largest bloc takes every seat", "approval_committee", 3,
			poll("A B C X Y", "51 A=B=C", "49 X=Y"), "A B C"},
	} {
		t.Run(c.rule+" lacks "+c.lacks, func(t *testing.T) {
			count := ruleBook(c.seats)[c.rule]
			if c.rule == "approval_committee" {
				count = func(p Profile) (Result, error) { return approvalCommittees(p, c.seats) }
			}
			r, err := count(c.p)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(sorted(r.Winners), " "); got != c.want {
				t.Errorf("winners %s, want %s", got, c.want)
			}
		})
	}
}

// TestPhragmenLacksEJR is an example of M. Brill, R. Freeman, S. Janson and
// M. Lackner ("Phragmén's voting methods and justified representation", 2017):
// four of 24 voters, who are two of twelve seats, agree on A and B, and each
// of them has but one of those they approve of.
func TestPhragmenLacksEJR(t *testing.T) {
	const rest = "C3=C4=C5=C6=C7=C8=C9=C10=C11=C12"
	p := poll("A B C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12",
		"2 A=B=C1", "2 A=B=C2", "6 C1=C2="+rest, "5 C2="+rest, "9 "+rest)
	p.Ties = TieBreak{{By: ByOrder, Order: strings.Fields("C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 A B")}}
	r, err := Phragmen(p, 12)
	if err != nil {
		t.Fatal(err)
	}
	if why := deniedEJR(p, 12, r.Winners); why == "" {
		t.Errorf("%v satisfies EJR", r.Winners)
	}
	r, err = EqualSharesCommittee(p, 12, CompleteByPhragmen)
	if err != nil {
		t.Fatal(err)
	}
	if why := deniedEJR(p, 12, r.Winners); why != "" {
		t.Errorf("equal shares: %s", why)
	}
}

// TestRulesDiffer keeps elections in which rules of one family choose
// differently, so that a charter has to name one.
func TestRulesDiffer(t *testing.T) {
	bloc := poll("A B C X Y", "51 A=B=C", "49 X=Y")
	for rule, want := range map[string]string{"phragmen": "A B X", "seq_pav": "A B X", "pav": "A B X", "shares": "A B X"} {
		r, err := ruleBook(3)[rule](bloc)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(sorted(r.Winners), " "); got != want {
			t.Errorf("%s: %s, want %s: the minority of 49 earns one of three seats", rule, got, want)
		}
	}
}

// TestScottishAndMeekDiffer: the same 23 ballots fill the third of three seats
// otherwise, so a charter has to name the method.
func TestScottishAndMeekDiffer(t *testing.T) {
	p := foodSTV().Profile
	p.Ties = TieBreak{{By: ByOrder}}
	for want, count := range map[string]func(Profile, int) (Result, error){"C H P": STVScottish, "H P S": STVMeek} {
		r, err := count(p, 3)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(sorted(r.Winners), " "); got != want {
			t.Errorf("elected %s, want %s", got, want)
		}
	}
}
