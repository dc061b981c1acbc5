package governance

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/flags"
)

// The report counts offers by region, and says of each answer whether it came in
// time; what was promised stands beside what was found.
func TestTheReportOfAYear(t *testing.T) {
	on := func(day string) flags.Act {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		return flags.Act{At: at}
	}
	said := func(capability, region string, answer flags.Answer, day string) flags.Said {
		s := flags.Said{Offer: flags.Offer{Capability: capability, Granted: on("2027-09-01")}, Region: region, Answer: answer}
		if answer != "" {
			s.Act = on(day)
		}
		return s
	}
	impact := []ImpactLine{{Area: "access", Score: 2, CheckOn: "2028-06-01"}, {Area: "efficiency", Score: 1, CheckOn: "2028-12-01"}}
	places := map[string]RegionEffect{"co": {}, "hi": {}}
	y := yearOf{
		cycle: Cycle{Key: "2027", Body: "strategy", Name: "2027", Currency: "USD", AnswerBy: "2027-11-30"}, day: "2028-06-01",
		said: []flags.Said{said("a", "co", flags.Enable, "2027-09-11"), said("a", "hi", "", ""), said("a", "ga", flags.Decline, "2027-12-01"),
			said("b", "co", flags.Enable, "2027-09-05"), said("b", "hi", flags.Later, "2027-11-30"), said("b", "ga", "", ""), {Region: "ga", Offer: flags.Offer{Capability: "c", Terms: flags.Terms{Facilities: map[string][]string{"co": {"co-1"}}}}}},
		needs: []Need{{Region: "hi", YesIf: "a", State: NeedOpen, Raised: Act{At: on("2027-10-01").At}}, {State: NeedAnswered}, {State: NeedDeclined}, {State: NeedAnswered}},
		cases: []Case{{ID: "x", Goal: "access", Cost: Cost{Expected: 60}, Regions: places, Impact: impact},
			{ID: "y", Goal: "safety", Cost: Cost{Expected: 100}, Regions: map[string]RegionEffect{"co": {}}, Impact: impact[1:]}},
		reviews: []Review{{Case: "x", Verdict: "keep", Lines: []Measured{{Area: "access", Promised: 2, Found: 1}, {Area: "efficiency", Promised: 1, Found: -1}}},
			{Case: "of another year", Verdict: "retire"}},
	}
	days := 7.0
	want := YearReport{Cycle: "2027", Body: "strategy", Name: "2027", Currency: "USD", AsOf: "2028-06-01", AnswerBy: "2027-11-30",
		Asked: 6, Answered: 5, InTime: 4, DaysToEnable: &days,
		Needs:  map[NeedState]int{NeedOpen: 1, NeedAnswered: 2, NeedDeclined: 1},
		Funded: 2, Due: 1, Reviewed: 1, Verdicts: map[string]int{"keep": 1},
		Outcomes:  []AreaOutcome{{Area: "access", Cases: 1, Promised: 2, Found: 1}, {Area: "efficiency", Cases: 1, Promised: 1, Found: -1}},
		SpentGoal: []Spent{{"safety", 100}, {"access", 60}}, SpentPlace: []Spent{{"co", 130}, {"hi", 30}}}
	if diff := cmp.Diff(want, y.report()); diff != "" {
		t.Error(diff)
	}
}
