package tally

import (
	"fmt"
	"slices"
)

// Rating of clinical appropriateness by the RAND/UCLA method: a panel rates an
// indication from 1 (harm clearly outweighs benefit) to 9 (benefit clearly
// outweighs harm), in private, at least twice, with a discussion in between.
//
// Source: Fitch et al., The RAND/UCLA Appropriateness Method User's Manual
// (RAND MR-1269, 2001).

// Class is the panel's judgment of an indication.
type Class string

// The classes of the RAND/UCLA method.
const (
	Appropriate   Class = "appropriate"   // median 7 to 9 without disagreement
	Uncertain     Class = "uncertain"     // median between, or any disagreement
	Inappropriate Class = "inappropriate" // median 1 to 3 without disagreement
)

// Percentile names a convention for the 30th and 70th percentile. The
// literature does not fix one, and it can decide whether a panel disagrees.
type Percentile string

// The percentile conventions.
const (
	// PercentileLinear interpolates between ranks: R type 7, spreadsheets. The
	// default.
	PercentileLinear Percentile = "linear"
	// PercentileSAS is SAS definition 5 (R type 2): the next rating up, or the
	// mean of two where the rank is whole.
	PercentileSAS Percentile = "sas5"
)

// ClinicalRule is what a charter fixes before round 1.
type ClinicalRule struct {
	Percentile Percentile `json:"percentile,omitempty"` // empty means linear

	// HalfUp counts a median of 3.5 as uncertain and 6.5 as appropriate, the
	// higher category. Without it only 7 to 9 is appropriate and only 1 to 3
	// inappropriate. The two differ at 6.5 alone.
	HalfUp bool `json:"half_up,omitempty"`

	// Classic demands a panel size for which the classic definition of
	// agreement exists, and judges disagreement by it; otherwise by IPRAS.
	Classic bool `json:"classic,omitempty"`
}

// ClinicalRound is one round of ratings of one indication. A member who
// abstained is simply not in it.
type ClinicalRound struct {
	Ratings []ClinicalRating `json:"ratings"`
}

// ClinicalRating is one panellist's rating, 1 to 9.
type ClinicalRating struct {
	Member     string `json:"member"`
	Region     string `json:"region,omitempty"`
	Discipline string `json:"discipline,omitempty"`
	Rating     int    `json:"rating"`
}

// Appropriateness is the judgment of one round.
type Appropriateness struct {
	Number    int          `json:"n"` // ratings counted
	Median    Rat          `json:"median"`
	Class     Class        `json:"class"`
	Rule      ClinicalRule `json:"rule"`
	Spread    Spread       `json:"spread"`
	Classic   *Agreement   `json:"classic,omitempty"`    // nil where no classic definition exists for the panel's size
	NoClassic string       `json:"no_classic,omitempty"` // why not
	Delphi    string       `json:"delphi_70_15"`         // "in", "out" or "none"
	Problems  []Problem    `json:"problems"`
}

// Spread is disagreement by the inter-percentile range adjusted for symmetry:
// the panel disagrees if IPR > IPRAS = 2.35 + 1.5 AI, where AI is the distance
// of the middle of the range from 5.
type Spread struct {
	P30    Rat `json:"p30"`
	P70    Rat `json:"p70"`
	IPR    Rat `json:"ipr"`
	Centre Rat `json:"ipr_central_point"`
	AI     Rat `json:"asymmetry_index"`
	IPRAS  Rat `json:"ipras"`
	// Index is IPR/IPRAS; above 1 is disagreement.
	Index        Rat   `json:"disagreement_index"`
	Disagreement bool  `json:"disagreement"`
	Class        Class `json:"class"` // of the median, with this definition of disagreement
}

// Agreement is the classic definition, by panel size.
type Agreement struct {
	Low               int    `json:"in_1_3"`
	Middle            int    `json:"in_4_6"`
	High              int    `json:"in_7_9"`
	Outside           int    `json:"outside_median_region"` // ratings outside the three-point region of the median
	AgreementMost     int    `json:"agreement_max_outside"`
	DisagreementLeast int    `json:"disagreement_min_each_extreme"` // in 1-3 and as many in 7-9
	Status            string `json:"status"`                        // "agreement", "disagreement" or "indeterminate"
	Class             Class  `json:"class"`
	Between           bool   `json:"median_between_regions"` // a median of 3.5 or 6.5
}

// Rate judges one round of ratings. Ratings outside 1 to 9 and second ratings
// of a member are reported and not counted. It is an error if no rating is
// left, or if the rule is the classic one and none exists for the panel's size:
// nothing is extrapolated.
func Rate(rule ClinicalRule, round ClinicalRound) (Appropriateness, error) {
	if rule.Percentile == "" {
		rule.Percentile = PercentileLinear
	}
	if rule.Percentile != PercentileLinear && rule.Percentile != PercentileSAS {
		return Appropriateness{}, fmt.Errorf("percentile convention %q is unknown; use %q or %q", rule.Percentile, PercentileLinear, PercentileSAS)
	}
	ratings, problems := round.valid()
	if len(ratings) == 0 {
		return Appropriateness{}, fmt.Errorf("no valid rating of %d; a panel needs at least one from 1 to 9", len(round.Ratings))
	}
	a := Appropriateness{Number: len(ratings), Median: median(ratings), Rule: rule, Problems: problems}
	a.Spread = rule.spread(ratings, a.Median)
	a.Delphi = delphi(ratings)
	a.Class = a.Spread.Class
	classic, err := rule.classic(ratings, a.Median)
	switch {
	case err == nil:
		a.Classic = &classic
		if rule.Classic {
			a.Class = classic.Class
		}
	case rule.Classic:
		return Appropriateness{}, err
	default:
		a.NoClassic = err.Error()
	}
	return a, nil
}

// valid returns the countable ratings, sorted.
func (r ClinicalRound) valid() ([]int, []Problem) {
	var ratings []int
	problems := []Problem{}
	last := map[string]int{}
	for i, x := range r.Ratings {
		last[x.Member] = i
	}
	for i, x := range r.Ratings {
		name := ballotName(Ballot{Key: x.Member}, i)
		switch {
		case x.Member != "" && last[x.Member] != i:
			problems = append(problems, Problem{name, Duplicate, "a later rating of the same member", "not counted"})
		case x.Rating < 1 || x.Rating > 9:
			problems = append(problems, Problem{name, OutOfRange, fmt.Sprintf("rating %d; want 1 to 9", x.Rating), "not counted"})
		default:
			ratings = append(ratings, x.Rating)
		}
	}
	slices.Sort(ratings)
	return ratings, problems
}

// median is the middle rating, or the mean of the two in the middle.
func median(sorted []int) Rat {
	n := len(sorted)
	return Frac(int64(sorted[(n-1)/2]+sorted[n/2]), 2)
}

// class applies the bounds to the median: disagreement makes it uncertain.
func (r ClinicalRule) class(median Rat, disagreement bool) Class {
	high := Int(7)
	if r.HalfUp {
		high = Frac(13, 2)
	}
	switch {
	case disagreement:
		return Uncertain
	case !median.Less(high):
		return Appropriate
	case !Int(3).Less(median):
		return Inappropriate
	}
	return Uncertain
}

func (r ClinicalRule) spread(sorted []int, median Rat) Spread {
	at := percentileLinear
	if r.Percentile == PercentileSAS {
		at = percentileSAS
	}
	s := Spread{P30: at(sorted, 3), P70: at(sorted, 7)}
	s.IPR = s.P70.Sub(s.P30)
	s.Centre = s.P30.Add(s.P70).Quo(Int(2))
	if s.AI = Int(5).Sub(s.Centre); s.AI.Sign() < 0 {
		s.AI = s.AI.Neg()
	}
	s.IPRAS = Frac(235, 100).Add(Frac(3, 2).Mul(s.AI))
	s.Index = s.IPR.Quo(s.IPRAS)
	s.Disagreement = s.IPRAS.Less(s.IPR)
	s.Class = r.class(median, s.Disagreement)
	return s
}

// percentileLinear takes tenths of the way from the first rating to the last.
func percentileLinear(sorted []int, tenths int) Rat {
	at := (len(sorted) - 1) * tenths
	i, rest := at/10, at%10
	low := sorted[i]
	if rest == 0 {
		return Int(int64(low))
	}
	return Int(int64(low)).Add(Frac(int64((sorted[i+1]-low)*rest), 10))
}

func percentileSAS(sorted []int, tenths int) Rat {
	at := len(sorted) * tenths
	i := at / 10
	if at%10 == 0 && i > 0 && i < len(sorted) {
		return Frac(int64(sorted[i-1]+sorted[i]), 2)
	}
	return Int(int64(sorted[min(i, len(sorted)-1)]))
}

// classicSizes gives, by panel size, the most ratings outside the median's
// region for agreement; disagreement needs one more in each extreme. Sizes 8
// to 16: BMC Medical Informatics and Decision Making 2012;12:93, table 7;
// 17 to 25: PMC5966219, table 4.
var classicSizes = []struct{ from, to, outside int }{
	{8, 10, 2}, {11, 13, 3}, {14, 16, 4}, {17, 19, 5}, {20, 22, 6}, {23, 25, 7},
}

func (r ClinicalRule) classic(sorted []int, median Rat) (Agreement, error) {
	most := -1
	for _, s := range classicSizes {
		if s.from <= len(sorted) && len(sorted) <= s.to {
			most = s.outside
		}
	}
	if most < 0 {
		return Agreement{}, fmt.Errorf("the classic definition of agreement exists for panels of 8 to 25 ratings; this one has %d", len(sorted))
	}
	a := Agreement{AgreementMost: most, DisagreementLeast: most + 1, Status: "indeterminate"}
	a.Low, a.Middle, a.High = inRegions(sorted)
	inside := a.Middle // also of a median of 3.5: between two regions the higher one counts
	switch {
	case !Int(3).Less(median):
		inside = a.Low
	case Int(6).Less(median):
		inside = a.High
	}
	a.Between = median.Equal(Frac(7, 2)) || median.Equal(Frac(13, 2))
	a.Outside = len(sorted) - inside
	switch {
	case a.Low >= a.DisagreementLeast && a.High >= a.DisagreementLeast:
		a.Status = "disagreement"
	case a.Outside <= a.AgreementMost:
		a.Status = "agreement"
	}
	a.Class = r.class(median, a.Status == "disagreement")
	return a, nil
}

func inRegions(ratings []int) (low, middle, high int) {
	for _, x := range ratings {
		switch {
		case x <= 3:
			low++
		case x <= 6:
			middle++
		default:
			high++
		}
	}
	return low, middle, high
}

// delphi is the modified Delphi rule 70/15 (PMC8024512, table 1): in if at
// least 70 % rate 7 to 9 and fewer than 15 % rate 1 to 3; out mirrored.
func delphi(ratings []int) string {
	n := len(ratings)
	low, _, high := inRegions(ratings)
	switch {
	case 100*high >= 70*n && 100*low < 15*n:
		return "in"
	case 100*low >= 70*n && 100*high < 15*n:
		return "out"
	}
	return "none"
}
