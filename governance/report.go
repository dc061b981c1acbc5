package governance

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/quorate/quorate/flags"
)

// A YearReport says how a cycle went. It is a function of what stands in the store and
// of the day alone, so that anyone who may read can make it again.
type YearReport struct {
	Cycle    string `json:"cycle"`
	Body     string `json:"body"`
	Name     string `json:"name"`
	Currency string `json:"currency"`
	AsOf     string `json:"as_of" doc:"The day for which it was made, YYYY-MM-DD."`
	AnswerBy string `json:"answer_by,omitempty"`

	Asked    int `json:"asked" doc:"Offers that stand, each counted once for every region."`
	Answered int `json:"answered" doc:"Of these, answered: enable, later, decline or yes-if, with a reason or with what is needed."`
	InTime   int `json:"in_time" doc:"Of these, by the due day; without one, all."`
	// DaysToEnable is how long regions took that did: the median, in days; nil: none
	// has enabled.
	DaysToEnable *float64 `json:"days_to_enable,omitempty" doc:"Median days from an offer to a region's enablement."`

	Needs map[NeedState]int `json:"needs" doc:"How many needs of the cycle are in each state."`

	Funded     int            `json:"funded" doc:"Cases that were funded."`
	Due        int            `json:"due" doc:"Of these, with a promise whose day of checking is past."`
	Reviewed   int            `json:"reviewed" doc:"Of these, with an outcome review."`
	Outcomes   []AreaOutcome  `json:"outcomes" nullable:"false"`
	Verdicts   map[string]int `json:"verdicts" doc:"What the reviews say: keep, change or retire."`
	SpentGoal  []Spent        `json:"spent_by_goal" nullable:"false"`
	SpentPlace []Spent        `json:"spent_by_region" nullable:"false" doc:"The cost of each case in equal parts for the regions that it names."`
}

// An AreaOutcome compares what reviewed cases promised for an area with what was found.
type AreaOutcome struct {
	Area     string `json:"area"`
	Cases    int    `json:"cases"`
	Promised int    `json:"promised" doc:"Sum of the scores, -2 to 2 for each case."`
	Found    int    `json:"found"`
}

// Spent is the expected cost of what was funded, for a goal or a region.
type Spent struct {
	Key    string  `json:"key"`
	Amount float64 `json:"amount"`
}

// yearOf is what a report is made of.
type yearOf struct {
	cycle   Cycle
	said    []flags.Said
	needs   []Need
	cases   []Case
	reviews []Review
	day     string
}

// YearReport makes the report of a cycle as of now.
func (s *Service) YearReport(ctx context.Context, cycle string) (YearReport, error) {
	tx := s.store.View(ctx)
	rec, err := find(tx, cycles, unknownCycle(cycle), cycle)
	if err != nil {
		return YearReport{}, err
	}
	y := yearOf{cycle: rec.Value, day: s.now().UTC().Format(time.DateOnly)}
	if y.said, err = s.flags.Answers(tx); err != nil {
		return YearReport{}, err
	}
	wanted, err := all(tx, needs)
	if err != nil {
		return YearReport{}, err
	}
	for _, n := range wanted {
		if n.Value.Cycle == cycle {
			y.needs = append(y.needs, n.Value)
		}
	}
	written, err := all(tx, cases)
	if err != nil {
		return YearReport{}, err
	}
	for _, c := range written {
		if c.Value.Cycle == cycle && c.Value.State == CaseFunded {
			y.cases = append(y.cases, c.Value)
		}
	}
	held, err := all(tx, reviews)
	for _, r := range held {
		y.reviews = append(y.reviews, r.Value)
	}
	return y.report(), err
}

func (y yearOf) report() YearReport {
	r := YearReport{Cycle: y.cycle.Key, Body: y.cycle.Body, Name: y.cycle.Name, Currency: y.cycle.Currency, AsOf: y.day, AnswerBy: y.cycle.AnswerBy,
		Needs: map[NeedState]int{}, Verdicts: map[string]int{}, Funded: len(y.cases)}
	for _, n := range y.needs {
		r.Needs[n.State]++
	}
	y.answers(&r)
	y.outcomes(&r)
	y.spending(&r)
	return r
}

// answers counts what regions said. A yes-if is an answer where there is no other.
func (y yearOf) answers(r *YearReport) {
	var days []float64
	for _, s := range y.said {
		if p := s.Offer.Facilities; len(p) > 0 && len(p[s.Region]) == 0 {
			continue // a pilot elsewhere asks this region nothing
		}
		r.Asked++
		at := s.Act.At
		if s.Answer == "" {
			i := slices.IndexFunc(y.needs, func(n Need) bool { return n.YesIf == s.Offer.Capability && n.Region == s.Region })
			if i < 0 {
				continue
			}
			at = y.needs[i].Raised.At
		}
		r.Answered++
		if y.cycle.AnswerBy == "" || at.UTC().Format(time.DateOnly) <= y.cycle.AnswerBy {
			r.InTime++
		}
		if s.Answer == flags.Enable {
			days = append(days, at.Sub(s.Offer.Granted.At).Hours()/24)
		}
	}
	if len(days) > 0 {
		m := median(days)
		r.DaysToEnable = &m
	}
}

// median of at least one number.
func median(list []float64) float64 {
	slices.Sort(list)
	middle := len(list) / 2
	if len(list)%2 == 1 {
		return list[middle]
	}
	return (list[middle-1] + list[middle]) / 2
}

func (y yearOf) outcomes(r *YearReport) {
	found := map[string]*AreaOutcome{}
	for _, area := range Areas {
		found[area] = &AreaOutcome{Area: area}
	}
	for _, c := range y.cases {
		if slices.ContainsFunc(c.Impact, func(l ImpactLine) bool { return l.CheckOn <= y.day }) {
			r.Due++
		}
		i := slices.IndexFunc(y.reviews, func(v Review) bool { return v.Case == c.ID })
		if i < 0 {
			continue
		}
		r.Reviewed++
		r.Verdicts[y.reviews[i].Verdict]++
		for _, l := range y.reviews[i].Lines {
			if o := found[l.Area]; o != nil {
				o.Cases, o.Promised, o.Found = o.Cases+1, o.Promised+l.Promised, o.Found+l.Found
			}
		}
	}
	r.Outcomes = []AreaOutcome{}
	for _, area := range Areas {
		if found[area].Cases > 0 {
			r.Outcomes = append(r.Outcomes, *found[area])
		}
	}
}

func (y yearOf) spending(r *YearReport) {
	goals, places := map[string]float64{}, map[string]float64{}
	for _, c := range y.cases {
		goals[c.Goal] += float64(c.Cost.Expected)
		for region := range c.Regions {
			places[region] += float64(c.Cost.Expected) / float64(len(c.Regions))
		}
	}
	r.SpentGoal, r.SpentPlace = spent(goals), spent(places)
}

// spent lists amounts, the largest first.
func spent(by map[string]float64) []Spent {
	list := []Spent{}
	for _, key := range slices.Sorted(maps.Keys(by)) {
		list = append(list, Spent{Key: key, Amount: by[key]})
	}
	slices.SortStableFunc(list, func(a, b Spent) int { return cmp.Compare(b.Amount, a.Amount) })
	return list
}
