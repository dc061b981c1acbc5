package tally

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func panel(ratings ...int) ClinicalRound {
	var r ClinicalRound
	for i, x := range ratings {
		r.Ratings = append(r.Ratings, ClinicalRating{Member: string(rune('a' + i)), Rating: x})
	}
	return r
}

// TestAppropriatenessVectors compares 81 panels in both percentile conventions
// and with both readings of half-way medians.
func TestAppropriatenessVectors(t *testing.T) {
	type spread struct {
		P30          float64 `json:"p30"`
		P70          float64 `json:"p70"`
		IPR          float64 `json:"ipr"`
		Centre       float64 `json:"ipr_central_point"`
		AI           float64 `json:"asymmetry_index"`
		IPRAS        float64 `json:"ipras"`
		Index        float64 `json:"disagreement_index"`
		Disagreement bool    `json:"disagreement"`
		Class        Class   `json:"class"`
		HalfUp       Class   `json:"class_rounding_half_up_median"`
	}
	var v struct {
		Cases []struct {
			Ratings []int   `json:"ratings"`
			N       int     `json:"n"`
			Median  float64 `json:"median"`
			Linear  spread  `json:"linear_type7"`
			SAS     spread  `json:"sas_def5_type2"`
			Classic struct {
				Agreement
				Most *int `json:"agreement_max_outside"`
			} `json:"classic"`
			Delphi string `json:"delphi_70_15"`
		} `json:"cases"`
	}
	readJSON(t, &v, "ram", "ram.json")
	if len(v.Cases) != 81 {
		t.Fatalf("%d panels, want 81", len(v.Cases))
	}
	flips := 0
	for _, c := range v.Cases {
		for convention, want := range map[Percentile]spread{PercentileLinear: c.Linear, PercentileSAS: c.SAS} {
			got, err := Rate(ClinicalRule{Percentile: convention}, panel(c.Ratings...))
			if err != nil {
				t.Fatal(err)
			}
			half, err := Rate(ClinicalRule{Percentile: convention, HalfUp: true}, panel(c.Ratings...))
			if err != nil {
				t.Fatal(err)
			}
			s := got.Spread
			have := spread{f(s.P30), f(s.P70), f(s.IPR), f(s.Centre), f(s.AI), f(s.IPRAS), math.Round(f(s.Index)*1e6) / 1e6, s.Disagreement, s.Class, half.Spread.Class}
			if d := cmp.Diff(want, have, approx); d != "" || got.Number != c.N || f(got.Median) != c.Median || got.Delphi != c.Delphi {
				t.Errorf("%v %s: median %s, Delphi %s, n %d (-want +got):\n%s", c.Ratings, convention, got.Median, got.Delphi, got.Number, d)
			}
			classic, err := Rate(ClinicalRule{Percentile: convention, Classic: true}, panel(c.Ratings...))
			if c.Classic.Most == nil {
				if err == nil || got.Classic != nil || got.NoClassic == "" {
					t.Errorf("%v: a panel of %d has no classic definition; want a refusal, got %+v", c.Ratings, c.N, got.Classic)
				}
				continue
			}
			want := c.Classic.Agreement
			want.AgreementMost = *c.Classic.Most
			if d := cmp.Diff(want, *got.Classic); d != "" || err != nil || classic.Class != want.Class {
				t.Errorf("%v classic: %v (-want +got):\n%s", c.Ratings, err, d)
			}
		}
		if c.Linear.Disagreement != c.SAS.Disagreement {
			flips++
		}
	}
	if flips != 4 {
		t.Errorf("the percentile convention decides %d panels, want 4", flips)
	}
}

var approx = cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })

func f(x Rat) float64 {
	v, _ := x.view().Float64()
	return v
}

// TestPanelRules reads like the method: what a panel's ratings mean.
func TestPanelRules(t *testing.T) {
	for _, c := range []struct {
		name    string
		rule    ClinicalRule
		ratings []int
		want    string // class, or part of the refusal
	}{
		{"all high", ClinicalRule{}, []int{7, 8, 8, 9, 9, 9, 7, 8, 9}, "appropriate"},
		{"all low", ClinicalRule{}, []int{1, 2, 2, 1, 3, 3, 2, 1, 1}, "inappropriate"},
		{"in the middle", ClinicalRule{}, []int{5, 5, 4, 6, 5, 5, 4, 6, 5}, "uncertain"},
		{"two camps are uncertain whatever the median", ClinicalRule{}, []int{1, 1, 1, 7, 8, 8, 9, 9, 9}, "uncertain"},
		{"two camps, classic", ClinicalRule{Classic: true}, []int{1, 1, 1, 7, 8, 8, 9, 9, 9}, "uncertain"},
		{"half-way median is uncertain", ClinicalRule{}, []int{8, 7, 8, 5, 6, 7, 6, 6}, "uncertain"},
		{"or the higher category, if so stated", ClinicalRule{HalfUp: true}, []int{8, 7, 8, 5, 6, 7, 6, 6}, "appropriate"},
		{"seven panellists have no classic definition", ClinicalRule{Classic: true}, []int{8, 8, 8, 8, 8, 8, 8}, "8 to 25 ratings; this one has 7"},
		{"nor have 26", ClinicalRule{Classic: true}, slicesOf(26, 8), "8 to 25 ratings; this one has 26"},
		{"nobody rated", ClinicalRule{}, nil, "no valid rating"},
		{"only nonsense", ClinicalRule{}, []int{0, 10, -1}, "no valid rating of 3"},
		{"unknown percentile", ClinicalRule{Percentile: "p10"}, []int{8}, `"p10" is unknown`},
		{"one panellist", ClinicalRule{}, []int{9}, "appropriate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Rate(c.rule, panel(c.ratings...))
			have := string(got.Class)
			if err != nil {
				have = err.Error()
			}
			if have != c.want && !(err != nil && strings.Contains(have, c.want)) {
				t.Errorf("got %q, want %q", have, c.want)
			}
		})
	}
}

func slicesOf(n, rating int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = rating
	}
	return s
}

func TestPanelRounds(t *testing.T) {
	first := ClinicalRound{Ratings: []ClinicalRating{
		{"ada", "north", "nursing", 1}, {"ben", "north", "medicine", 9}, {"cem", "south", "medicine", 9},
		{"dee", "south", "nursing", 2}, {"eva", "south", "medicine", 8}, {"fay", "north", "nursing", 12},
	}}
	second := ClinicalRound{Ratings: []ClinicalRating{
		{"ada", "north", "nursing", 7}, {"ben", "north", "medicine", 8}, {"cem", "south", "medicine", 9},
		{"dee", "south", "nursing", 1}, {"gus", "south", "medicine", 8}, {"gus", "south", "medicine", 7},
	}}
	got, err := RatePanel(ClinicalRule{}, []ClinicalRound{first, second})
	if err != nil {
		t.Fatal(err)
	}
	want := RoundChange{
		From: 1, Median: Int(-1), IPR: Frac(-24, 5), Settled: true, Class: true,
		Rated: 4, Moved: 3, Towards: 2, Away: 1, Joined: []string{"gus"}, Left: []string{"eva"},
		Regions:     []Shift{{"north", 2, 2, 5}, {"south", 2, 1, -1}},
		Disciplines: []Shift{{"medicine", 2, 1, -1}, {"nursing", 2, 2, 5}},
	}
	if d := cmp.Diff(want, got.Changes[0], cmp.Comparer(Rat.Equal)); d != "" {
		t.Errorf("change (-want +got):\n%s", d)
	}
	for i, kind := range []ProblemKind{OutOfRange, Duplicate} {
		if p := got.Rounds[i].Problems; len(p) != 1 || p[0].Kind != kind {
			t.Errorf("round %d: problems %v, want one %s", i+1, p, kind)
		}
	}
	const say = "The panel judged it appropriate: 5 ratings, median 7, without disagreement. Between rounds 1 and 2, 3 of 4 members changed their rating, 2 of them towards the middle of the panel."
	if s := PanelSentence(got); s != say {
		t.Errorf("sentence\n got %s\nwant %s", s, say)
	}
	if _, err := RatePanel(ClinicalRule{}, nil); err == nil {
		t.Error("no round: want an error")
	}
}

// TestPanelProperties: the order of panellists does not matter, and turning
// the scale around turns the judgment around.
func TestPanelProperties(t *testing.T) {
	mirrored := map[Class]Class{Appropriate: Inappropriate, Inappropriate: Appropriate, Uncertain: Uncertain}
	rapid.Check(t, func(t *rapid.T) {
		ratings := rapid.SliceOfN(rapid.IntRange(1, 9), 1, 25).Draw(t, "ratings")
		rule := ClinicalRule{Percentile: rapid.SampledFrom([]Percentile{PercentileLinear, PercentileSAS}).Draw(t, "percentile")}
		a, err := Rate(rule, panel(ratings...))
		if err != nil {
			t.Fatal(err)
		}
		shuffled := rapid.Permutation(ratings).Draw(t, "order")
		if b, _ := Rate(rule, panel(shuffled...)); !cmp.Equal(a, b, cmp.Comparer(Rat.Equal)) {
			t.Fatalf("%v and %v are judged differently", ratings, shuffled)
		}
		turned := make([]int, len(ratings))
		for i, r := range ratings {
			turned[i] = 10 - r
		}
		if b, _ := Rate(rule, panel(turned...)); b.Class != mirrored[a.Class] || b.Spread.Disagreement != a.Spread.Disagreement {
			t.Fatalf("%v is %s, mirrored %s", ratings, a.Class, b.Class)
		}
	})
}
