package tally

import (
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files of explanations")

// explained are small counts whose explanation is kept in testdata. The
// capital of Tennessee is the example of textbooks; the election of four
// seats is that of Wikipedia's article on the single transferable vote.
func explained() map[string]Export {
	return map[string]Export{
		"motion": {
			Rule:    "motion",
			Motion:  &MotionRule{Threshold: TwoThirds, Quorum: Frac(1, 2), QuorumStrict: true, DoubleMajority: true},
			Sitting: &Sitting{Recused: []Recusal{{Member: "n3", Reason: "works for the vendor", Present: true}}},
			Profile: Profile{
				Roll: []Member{
					{Key: "n1", Region: "North"},
					{Key: "n2", Region: "North"},
					{Key: "n3", Region: "North"},
					{Key: "s1", Region: "South"},
					{Key: "s2", Region: "South"},
					{Key: "w1", Region: "West"},
				},
				Ballots: []Ballot{
					{Key: "b1", Voter: "n1", Vote: Yes},
					{Key: "b2", Voter: "n2", Vote: Yes},
					{Key: "b3", Voter: "s1", Vote: Yes},
					{Key: "b4", Voter: "s2", Vote: No},
					{Key: "b5", Voter: "w1", Vote: Yes},
					{Key: "b6", Voter: "n3", Vote: Yes},
				},
			},
		},
		"schulze":   tennessee("schulze"),
		"irv":       tennessee("irv"),
		"plurality": tennessee("plurality"),
		"stv":       foodSTV(),
		"meek":      foodMeek(),
		"committee": partyCommittee(),
	}
}

// tennessee asks where a capital should be; voters prefer the nearer city.
func tennessee(rule string) Export {
	return Export{Rule: rule, Profile: Profile{
		Alternatives: []Alternative{{Key: "M", Title: "Memphis"}, {Key: "N", Title: "Nashville"}, {Key: "C", Title: "Chattanooga"}, {Key: "K", Title: "Knoxville"}},
		Ballots: []Ballot{
			{Count: 42, Ranks: ranks("M N C K")},
			{Count: 26, Ranks: ranks("N C K M")},
			{Count: 15, Ranks: ranks("C K N M")},
			{Count: 17, Ranks: ranks("K C N M")},
		},
	}}
}

// foodSTV chooses three of seven foods by 23 guests, by the Scottish rules.
func foodSTV() Export {
	return Export{Rule: "stv_scottish", Seats: 3, Profile: Profile{
		Ties: TieBreak{{By: ByLot, Seed: "agreed in advance"}},
		Alternatives: []Alternative{
			{Key: "O", Title: "Oranges"},
			{Key: "P", Title: "Pears"},
			{Key: "S", Title: "Strawberries"},
			{Key: "C", Title: "Cake"},
			{Key: "D", Title: "Chocolate"},
			{Key: "H", Title: "Hamburgers"},
			{Key: "N", Title: "Chicken"},
		},
		Ballots: []Ballot{
			{Count: 3, Ranks: ranks("O P")},
			{Count: 8, Ranks: ranks("P S C")},
			{Count: 1, Ranks: ranks("S O P")},
			{Count: 3, Ranks: ranks("C D")},
			{Count: 1, Ranks: ranks("D C H")},
			{Count: 4, Ranks: ranks("H N")},
			{Count: 3, Ranks: ranks("N D H")},
		},
	}}
}

// foodMeek counts the same ballots by Meek's method.
func foodMeek() Export {
	e := foodSTV()
	e.Rule = "stv_meek"
	return e
}

// partyCommittee is E. Phragmén's example of two parties and some who mix.
func partyCommittee() Export {
	e := Export{Rule: "equal_shares_committee", Seats: 3}
	for _, k := range strings.Fields("A B C P Q R") {
		e.Alternatives = append(e.Alternatives, Alternative{Key: k})
	}
	for _, line := range []struct {
		n   int64
		set string
	}{{1034, "ABC"}, {519, "PQR"}, {90, "ABQ"}, {47, "APQ"}} {
		e.Ballots = append(e.Ballots, Ballot{Count: line.n, Approves: strings.Split(line.set, "")})
	}
	e.Ties = TieBreak{{By: ByKey}}
	return e
}

// ranks reads "A B=C D": one tier per word.
func ranks(s string) [][]string {
	var out [][]string
	for _, tier := range strings.Fields(s) {
		out = append(out, strings.Split(tier, "="))
	}
	return out
}

func TestExplanations(t *testing.T) {
	for name, e := range explained() {
		t.Run(name, func(t *testing.T) {
			r, err := Recount(e)
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, name+".txt", Text(r))
			svg := SVG(r)
			compareGolden(t, name+".svg", svg)
			if err := wellFormed(svg); err != nil {
				t.Errorf("drawing: %v", err)
			}
		})
	}
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "explained", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// wellFormed reads a drawing as XML and asks for its title and description.
func wellFormed(svg string) error {
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	for _, part := range []string{"<title id=", "<desc id=", `role="img"`} {
		if !strings.Contains(svg, part) {
			return io.ErrUnexpectedEOF
		}
	}
	return nil
}
