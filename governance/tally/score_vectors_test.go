package tally

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScoreVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			ID         string
			Candidates []string
			Low        []int64 `json:"grades_low_to_high"`
			Ballots    []struct {
				Count  int64
				Grades map[string]int64
			}
			Expected struct {
				Sum       map[string]Rat
				Score     []string         `json:"score_sum_winners"`
				Median    map[string]int64 `json:"lower_median"`
				MedianWin []string         `json:"median_winners"`
				Judgment  []string         `json:"majority_judgment_full_removal_winners"`
			}
		}
	}
	readJSON(t, &file, "score", "synthetic.json")
	for _, c := range file.Cases {
		t.Run(c.ID, func(t *testing.T) {
			var p Profile
			for _, k := range c.Candidates {
				p.Alternatives = append(p.Alternatives, Alternative{Key: k})
			}
			for _, b := range c.Ballots {
				p.Ballots = append(p.Ballots, Ballot{Count: b.Count, Points: b.Grades})
			}
			rule := GradeRule{Min: c.Low[0], Max: c.Low[len(c.Low)-1]}
			score, err := Score(p, rule)
			if err != nil {
				t.Fatal(err)
			}
			judged, err := MajorityJudgment(p, rule)
			if err != nil {
				t.Fatal(err)
			}
			medians := make(map[string]int64)
			for _, g := range score.Grades {
				if g.Median != nil {
					medians[g.Alternative] = *g.Median
				}
			}
			best := tiersBy(c.Candidates, func(i int) Rat { return Int(medians[c.Candidates[i]]) })
			for _, x := range []struct {
				what      string
				want, got any
			}{
				{"sums", c.Expected.Sum, scores(score, Int(1))},
				{"score winners", c.Expected.Score, sorted(score.Winners)},
				{"medians", c.Expected.Median, medians},
				{"best median", c.Expected.MedianWin, sorted(best[0])},
				{"majority judgment", c.Expected.Judgment, sorted(judged.Winners)},
			} {
				if diff := cmp.Diff(x.want, x.got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", x.what, diff)
				}
			}
		})
	}
	t.Logf("%d profiles under score, medians and majority judgment; not built, by name: star, majority_judgement_greatest_median_gauge", len(file.Cases))
}

// TestBeleniosMajorityJudgment counts the reference election of a voting
// system in use: grade 1 is best, blank and incomplete ballots are set aside.
func TestBeleniosMajorityJudgment(t *testing.T) {
	var file struct {
		Ballots  [][]int64
		Expected struct {
			Raw     [][]int64
			Winners [][]int
		}
	}
	readJSON(t, &file, "score", "belenios-majority-judgment.json")
	p := Profile{Alternatives: []Alternative{{Key: "0"}, {Key: "1"}, {Key: "2"}, {Key: "3"}}}
	for _, grades := range file.Ballots {
		b := Ballot{Points: make(map[string]int64)}
		for i, g := range grades {
			if g != 0 {
				b.Points[p.Alternatives[i].Key] = g
			}
		}
		p.Ballots = append(p.Ballots, b)
	}
	r, err := MajorityJudgment(p, GradeRule{Min: 1, Max: 5, LowIsBest: true, All: true})
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[ProblemKind]int)
	for _, problem := range r.Problems {
		kinds[problem.Kind]++
	}
	if diff := cmp.Diff(map[ProblemKind]int{Empty: 1, Malformed: 1}, kinds); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"0"}, {"1"}, {"2"}, {"3"}}, r.Ranking); diff != "" {
		t.Errorf("ranking (-want +got):\n%s", diff)
	}
	for i, want := range file.Expected.Raw {
		got := make([]int64, 5)
		for _, c := range r.Grades[i].Grades {
			got[c.Grade-1] = c.Votes.num
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("grades of %d (-want +got):\n%s", i, diff)
		}
	}
}
