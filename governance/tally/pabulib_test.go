package tally

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const smallPB = "META\nkey;value\ndescription;Small\nbudget;100\nvote_type;approval\nrule;greedy\n" +
	"PROJECTS\nproject_id;cost;name;selected\n1;60;One;1\n2;50;Two;0\n3;40;Three;1\nVOTES\nvoter_id;vote;age\nx;1,2;30\ny;1;40\nz;3,1;50\n"

// TestPabulibTraps reads like a list of what real files contain.
func TestPabulibTraps(t *testing.T) {
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(smallPB) }
	for _, c := range []struct {
		name  string
		file  string
		check func(*Pabulib) any
		want  any
	}{
		{"plain", smallPB, func(p *Pabulib) any { return len(p.Export.Ballots) }, 3},
		{"byte order mark and carriage returns", "\xef\xbb\xbf" + strings.ReplaceAll(smallPB, "\n", "\r\n"), func(p *Pabulib) any { return p.Export.Budget.String() + p.Export.Alternatives[0].Title }, "100One"},
		{"sections in lower case", edit("META", "meta", "VOTES", "votes"), func(p *Pabulib) any { return len(p.Export.Ballots) }, 3},
		{"a title in quotes with a semicolon", edit("1;60;One;1", `1;60;"One; ""big""";1`), func(p *Pabulib) any { return p.Export.Alternatives[0].Title + p.Projects[0].Selected }, `One; "big"1`},
		{"a quotation mark that is never closed", edit("1;60;One;1", `1;60;"One;1`), func(p *Pabulib) any { return p.Export.Alternatives[0].Title + p.Projects[0].Selected }, `"One1`},
		{"thousands in the budget", edit("budget;100", "budget;1,500,000"), func(p *Pabulib) any { return p.Export.Budget.String() }, "1500000"},
		{"thousands, once", edit("budget;100", "budget;150,000"), func(p *Pabulib) any { return p.Export.Budget.String() }, "150000"},
		{"a decimal comma", edit("budget;100", "budget;1500,5"), func(p *Pabulib) any { return p.Export.Budget.String() }, "3001/2"},
		{"points for thousands, a comma for decimals", edit("budget;100", "budget;1.500,25"), func(p *Pabulib) any { return p.Export.Budget.String() }, "6001/4"},
		{"a voter who approves nothing counts as a voter", edit("y;1;40", "y;;40"), func(p *Pabulib) any { return len(p.Export.Ballots) }, 3},
		{"a struck project is left out, and off the ballots", edit("2;50", "2;999999999"), func(p *Pabulib) any { return len(p.Export.Alternatives) + len(p.Export.Ballots[0].Approves) }, 3},
		{"selected may be 2", edit("Two;0", "Two;2"), func(p *Pabulib) any { return p.Projects[1].Selected }, "2"},
		{"target is the old name of beneficiaries", edit("name;selected", "target;selected"), func(p *Pabulib) any { return p.Projects[0].Beneficiaries }, "One"},
		{"voter_id twice: two voters", edit("y;1", "x;1"), func(p *Pabulib) any { return []any{len(p.Export.Ballots), p.Problems[0].Kind} }, []any{3, Duplicate}},
		{"ranks", edit("approval", "ordinal"), func(p *Pabulib) any { return p.Export.Ballots[2].Ranks }, [][]string{{"3"}, {"1"}}},
		{"points", edit("approval", "cumulative", "vote;age", "vote;points", "1,2;30", "1,2;4,1", "1;40", "1;5", "3,1;50", "3,1;2,3"),
			func(p *Pabulib) any { return p.Export.Ballots[2].Points }, map[string]int64{"3": 2, "1": 3}},
		{"fewer points than projects", edit("approval", "cumulative", "vote;age", "vote;points", "1,2;30", "1,2;4"),
			func(p *Pabulib) any { return p.Problems[0].Kind }, Malformed},
		{"points that are no number", edit("approval", "scoring", "vote;age", "vote;points", "1;40", "1;many"),
			func(p *Pabulib) any { return p.Problems[len(p.Problems)-1].Kind }, Malformed},
		{"no voter_id: the line names the ballot", edit("y;1", ";1"), func(p *Pabulib) any { return p.Export.Ballots[1].Key }, "line 15"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := ReadPabulib(strings.NewReader(c.file), PabulibOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, c.check(p)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestPabulibErrors: what is wrong, with which value, and where.
func TestPabulibErrors(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"no budget", "budget;100\n", "", `budget: "" is not an amount of money`},
		{"no amount", "budget;100", "budget;a lot", `"a lot" is not an amount of money`},
		{"below 0", "budget;100", "budget;-5", `"-5" is not an amount`},
		{"cost", "2;50", "2;x", `line 10: cost of project "2": "x" is not an amount`},
		{"project twice", "2;50", "1;50", `line 10: project_id "1" is empty or used twice`},
		{"no column", "project_id;cost", "id;cost", `section PROJECTS has no column "project_id"`},
		{"no projects", "1;60;One;1\n2;50;Two;0\n3;40;Three;1\n", "", "VOTES comes before any project"},
		{"no section", "META\n", "", `no column`},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := strings.Replace(smallPB, c.from, c.to, 1)
			_, err := ReadPabulib(strings.NewReader(file), PabulibOptions{})
			if c.name == "no section" {
				if err == nil {
					t.Error("want an error")
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if _, err := ReadPabulib(strings.NewReader(smallPB), PabulibOptions{Region: "ward"}); err == nil || !strings.Contains(err.Error(), `no column "ward"`) {
		t.Errorf("error %v", err)
	}
	if p, err := ReadPabulib(strings.NewReader(smallPB), PabulibOptions{Region: "age"}); err != nil || p.Export.Roll[0].Region != "30" {
		t.Errorf("region from a column: %v", err)
	}
}

// TestBudgetBallotProblems: every ballot that could not be counted as it
// stands is reported, with what was done about it, and the count goes on.
func TestBudgetBallotProblems(t *testing.T) {
	e := spending("greedy_votes", 10, map[string]int64{"a": 6, "b": 4}, "a", "b", "ab", "ax", "aab", "", "ab", "a")
	negative := Frac(-1, 2)
	e.Ballots[6].Weight = &negative
	e.Ballots[7].Key = "v0"
	e.Ballots = append(e.Ballots, Ballot{Key: "v8", Points: map[string]int64{"a": -1, "b": 1 << 40}}, Ballot{Approves: []string{"z"}})
	e.Portfolio = &PortfolioRule{MaxChoices: 2}
	r := mustCountT(t, e)
	got := map[string][]ProblemKind{}
	for _, p := range r.Problems {
		got[p.Ballot] = append(got[p.Ballot], p.Kind)
		if p.Detail == "" || p.Effect == "" {
			t.Errorf("%+v does not say what was wrong and what was done", p)
		}
	}
	want := map[string][]ProblemKind{
		"v0": {Duplicate}, "v3": {Unknown}, "v4": {Duplicate}, "v5": {Empty}, "v6": {Malformed},
		"v8": {OutOfRange, OutOfRange, Empty}, "#10": {Unknown, Empty},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
}

// TestBudgetErrors: an export that cannot be counted says why.
func TestBudgetErrors(t *testing.T) {
	base := func() Export {
		return spending("equal_shares_cost_add1", 10, map[string]int64{"a": 6, "b": 4}, "a", "b")
	}
	for _, c := range []struct {
		name string
		edit func(*Export)
		want string
	}{
		{"no budget", func(e *Export) { e.Budget = Rat{} }, "the budget is 0; it must be above 0"},
		{"cost below 0", func(e *Export) { e.Alternatives[0].Cost = Int(-1) }, `project "a" has the cost -1`},
		{"budget too large", func(e *Export) { e.Budget = Int(1 << 60) }, "is too large"},
		{"parts do not sum to 1", func(e *Export) { e.Portfolio = &PortfolioRule{RegionShares: map[string]Rat{"": Frac(1, 2)}} }, "sum to 1/2; they must sum to 1"},
		{"a region without its part", func(e *Export) { e.Portfolio = &PortfolioRule{RegionShares: map[string]Rat{"n": Int(1)}} }, `region "" voted but has no part`},
		{"increment below 0", func(e *Export) { e.Portfolio = &PortfolioRule{Increment: Int(-1)} }, "must not be below 0"},
		{"increment far too fine", func(e *Export) { e.Portfolio = &PortfolioRule{Increment: Frac(1, 1<<40)} }, "state a larger increment"},
		{"fractions of fractions", func(e *Export) { e.Budget = Frac(1<<41+1, 1<<41) }, "state them in whole cents"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := base()
			c.edit(&e)
			if _, err := Recount(e); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// FuzzPabulib: no file makes the reader or the count panic, and every ballot
// is counted or reported.
func FuzzPabulib(f *testing.F) {
	f.Add(smallPB)
	f.Add(strings.ReplaceAll(smallPB, "approval", "ordinal"))
	f.Add(strings.NewReplacer("approval", "cumulative", "vote;age", "vote;points").Replace(smallPB))
	f.Add("META\nkey;value\nbudget;1,0\nPROJECTS\nproject_id;cost\n\";0\nVOTES\nvote\n\"")
	f.Fuzz(func(t *testing.T, file string) {
		p, err := ReadPabulib(strings.NewReader(file), PabulibOptions{})
		if err != nil {
			return
		}
		for _, rule := range []string{"greedy_votes", "greedy_per_cost", "equal_shares_cost", "equal_shares_count_then_votes", "equal_shares_points"} {
			e := p.Export
			e.Rule, e.Ties = rule, publishedTies
			r, err := Recount(e)
			if err != nil {
				continue
			}
			checkBooks(t, r)
			dropped := 0
			for _, x := range r.Problems {
				if x.Effect == "not counted" {
					dropped++
				}
			}
			if r.Budget.Voters+dropped != len(e.Ballots) {
				t.Errorf("%d ballots, %d counted, %d reported as not counted", len(e.Ballots), r.Budget.Voters, dropped)
			}
		}
	})
}

// FuzzPortfolio: the same for exports, with hostile numbers in every field.
func FuzzPortfolio(f *testing.F) {
	f.Add(`{"format":"quorate-tally/1","rule":"equal_shares_cost","version":1,"budget":"10","alternatives":[{"key":"a","cost":"3/2"}],"ballots":[{"key":"x","approves":["a","a","b"],"count":3}]}`)
	f.Add(`{"format":"quorate-tally/1","rule":"equal_shares_points_then_votes","version":0,"budget":"1/3","alternatives":[{"key":"a","cost":"1"},{"key":"b"}],"ballots":[{"key":"","points":{"a":9999999999,"b":-1},"weight":"1/7"}],"portfolio":{"region_shares":{"":"1"},"max_choices":1}}`)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ReadExport(strings.NewReader(text))
		if err != nil || strings.Contains(e.Rule, "add1") { // may take very many steps
			return
		}
		r, err := Recount(e)
		if err != nil || r.Budget == nil {
			return
		}
		checkBooks(t, r)
		Text(r)
		SVG(r)
		if _, err := Audit(e, r.Winners); err != nil {
			t.Error(err)
		}
	})
}
