package tally

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// exportOf is an export of p for any rule of the book.
func exportOf(rule string, p Profile) Export {
	skips := 1
	return Export{
		Format: ExportFormat, Title: "drawn", Rule: rule, Seats: min(2, len(p.Alternatives)), Profile: p,
		Motion: &MotionRule{Threshold: Majority, Quorum: Frac(1, 2)}, Sitting: &Sitting{},
		RCTab: &RCTabRules{Mode: SeatsAtOnce, Decimals: 4, MaxSkipped: &skips},
	}
}

// votingRules are the rules of motions, alternatives and seats.
func votingRules() (names []string) {
	for _, list := range [][]rule{motionRules(), singleRules(), seatRules()} {
		for _, r := range list {
			names = append(names, r.name)
		}
	}
	return names
}

// TestRecountEqualsCount: an export that was written, read and counted again
// gives the same result, to the digest.
func TestRecountEqualsCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawAll(t, false)
		for i := range p.Ballots {
			p.Ballots[i].Key = string(rune('A' + i))
			p.Ballots[i].Vote = Yes
		}
		p.Ties = TieBreak{{By: ByVotes}, {By: ByLot, Seed: "published"}}
		for _, name := range votingRules() {
			e := exportOf(name, p)
			if name == "irv" {
				e.Seats, e.RCTab = 1, nil
			}
			want, err := Recount(e)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			raw, err := e.Canonical()
			if err != nil {
				t.Fatal(err)
			}
			read, err := ReadExport(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			got, err := Recount(read)
			if err != nil {
				t.Fatal(err)
			}
			a, _ := want.Digest()
			b, _ := got.Digest()
			if a != b {
				t.Fatalf("%s: counted again otherwise:\n%s", name, cmp.Diff(want, got))
			}
		}
	})
}

// TestExportDigest: the order in which a store returns roll and ballots does
// not matter; everything that can matter to the count does.
func TestExportDigest(t *testing.T) {
	e := exportOf("schulze", poll("A B", "2 A B", "1 B A"))
	e.Roll = []Member{{Key: "n1"}, {Key: "n2"}}
	e.Ballots[0].Key, e.Ballots[1].Key = "r1", "r2"
	first, err := e.Digest()
	if err != nil {
		t.Fatal(err)
	}
	swapped := e
	swapped.Roll = []Member{e.Roll[1], e.Roll[0]}
	swapped.Ballots = []Ballot{e.Ballots[1], e.Ballots[0]}
	if got, _ := swapped.Digest(); got != first {
		t.Errorf("digest depends on the order of roll or ballots")
	}
	for what, change := range map[string]func(*Export){
		"rule":      func(e *Export) { e.Rule = "ranked_pairs" },
		"version":   func(e *Export) { e.Version = 2 },
		"seats":     func(e *Export) { e.Seats = 5 },
		"tie-break": func(e *Export) { e.Ties = TieBreak{{By: ByLot, Seed: "other"}} },
		"roll":      func(e *Export) { e.Roll = e.Roll[:1] },
		"ballot":    func(e *Export) { e.Ballots = []Ballot{e.Ballots[0]} },
		"paper":     func(e *Export) { e.Alternatives = e.Alternatives[:1] },
		"weight":    func(e *Export) { w := Int(2); e.Roll = []Member{{Key: "n1", Weight: &w}, {Key: "n2"}} },
	} {
		other := e
		change(&other)
		if got, _ := other.Digest(); got == first {
			t.Errorf("digest does not depend on the %s", what)
		}
	}
}

// TestCanonicalJSON follows RFC 8785 where our values can tell it apart from
// encoding/json.
func TestCanonicalJSON(t *testing.T) {
	got, err := canonical(map[string]any{"€": 1, "\r": "<&>", "\U0001F600": "a\u2028\u007f\u001f\"\\\n", "1": []any{true, nil, Frac(1, 3)}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"\r":"<&>","1":[true,null,"1/3"],"€":1,"` + "\U0001F600" + `":"a` + "\u2028\u007f" + `\u001f\"\\\n"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExportsRefused(t *testing.T) {
	good := exportOf("plurality", poll("A B", "2 A", "1 B"))
	minus := Int(-1)
	for what, change := range map[string]func(*Export){
		"no rule is called":    func(e *Export) { e.Rule = "acclamation" },
		"has version 1 here":   func(e *Export) { e.Version = 7 },
		"empty or used twice":  func(e *Export) { e.Alternatives = []Alternative{{Key: "A"}, {Key: "A"}} },
		"twice on the roll":    func(e *Export) { e.Roll = []Member{{Key: "m"}, {Key: "m"}} },
		"a weight below 0":     func(e *Export) { e.Roll = []Member{{Key: "m", Weight: &minus}} },
		"below 0":              func(e *Export) { e.Seats = -1 },
		"no motion object":     func(e *Export) { e.Rule, e.Motion = "motion", nil },
		"no threshold":         func(e *Export) { e.Rule, e.Motion = "motion", &MotionRule{Threshold: "acclaim"} },
		"not a fraction":       func(e *Export) { e.Rule, e.Motion = "motion", &MotionRule{Threshold: Majority, Quorum: Int(2)} },
		"no strength":          func(e *Export) { e.Rule, e.Ranked = "schulze", &RankedRule{Strength: "force"} },
		"is not on the ballot": func(e *Export) { e.Rule, e.Ranked = "schulze", &RankedRule{StatusQuo: "Z"} },
		"for 2 alternatives":   func(e *Export) { e.Rule, e.Seats = "phragmen", 3 },
		"an instant runoff":    func(e *Export) { e.Rule, e.Seats, e.RCTab = "irv", 2, nil },
	} {
		e := good
		change(&e)
		if _, err := Recount(e); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("error %v does not say %q", err, what)
		}
	}
	for what, text := range map[string]string{
		"unknown field": `{"format":"quorate-tally/1","bribe":1}`,
		"has format":    `{"format":"quorate-tally/9"}`,
		"not a number":  `{"format":"quorate-tally/1","budget":"1e99999999"}`,
	} {
		if _, err := ReadExport(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("error %v does not say %q", err, what)
		}
	}
}
