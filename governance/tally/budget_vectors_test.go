package tally

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// publishedTies is the tie-break of the published counts under a budget.
var publishedTies = TieBreak{{By: ByCost}, {By: ByVotes}, {By: ByKey}}

// pbExpected is one file of expected outcomes.
type pbExpected struct {
	Instance string `json:"instance"`
	Official *struct {
		IDs []string `json:"project_ids"`
	} `json:"official_selected"`
	Results map[string]pbOutcome `json:"results"`
}

type pbOutcome struct {
	Selected   []string        `json:"selected"`
	TotalCost  json.Number     `json:"total_cost"`
	Endowment  string          `json:"endowment_per_voter"`
	Final      float64         `json:"final_endowment_per_voter"`
	Increment  *int64          `json:"increment"`
	Steps      []pbStep        `json:"steps"`
	Unresolved string          `json:"unresolvable_tie"`
	Filled     json.RawMessage `json:"added_by_utilitarian"`
}

type pbStep struct {
	Project   string  `json:"project"`
	Payers    int64   `json:"num_payers"`
	PayingMax int64   `json:"num_paying_max"`
	MaxPay    string  `json:"max_payment"` // empty where the fraction is very long
	MaxFloat  float64 `json:"max_payment_float"`
}

// pbRule says which of our rules a name in the vectors means.
type pbRule struct {
	rule       string
	integral   bool
	rankPoints int
	anyOrder   bool // the reference lists the equal-shares part in no order
}

var pbRules = map[string]pbRule{
	"greedy_cost":                               {rule: "greedy_votes"},
	"greedy_cardinality":                        {rule: "greedy_per_cost"},
	"greedy_cardinal_points_per_cost":           {rule: "greedy_per_cost"},
	"greedy_points_per_cost":                    {rule: "greedy_per_cost"},
	"mes_cost":                                  {rule: "equal_shares_cost"},
	"mes_cardinality":                           {rule: "equal_shares_count"},
	"mes_cardinal":                              {rule: "equal_shares_points"},
	"mes_cardinal_points":                       {rule: "equal_shares_points"},
	"mes_points_by_rank":                        {rule: "equal_shares_points", rankPoints: 3},
	"mes_borda":                                 {rule: "equal_shares_points", rankPoints: 2}, // three ranks worth 2, 1, 0
	"mes_cost_then_greedy":                      {rule: "equal_shares_cost_then_votes", anyOrder: true},
	"mes_cost_then_greedy_cost":                 {rule: "equal_shares_cost_then_votes", anyOrder: true},
	"mes_cardinality_then_greedy":               {rule: "equal_shares_count_then_per_cost", anyOrder: true},
	"mes_cardinal_then_greedy":                  {rule: "equal_shares_points_then_per_cost", anyOrder: true},
	"mes_cost_add1":                             {rule: "equal_shares_cost_add1"},
	"mes_cost_add1_then_greedy_cost":            {rule: "equal_shares_cost_add1_then_votes"},
	"mes_cost_add1_exhaustive":                  {rule: "equal_shares_cost_add1_exhaustive"},
	"mes_cardinality_add1_exhaustive":           {rule: "equal_shares_count_add1_exhaustive"},
	"mes_cardinal_add1_exhaustive":              {rule: "equal_shares_points_add1_exhaustive"},
	"mes_cost_add1_exhaustive_then_greedy_cost": {rule: "equal_shares_cost_add1_exhaustive_then_votes"},
	"mes_cost_add1_exhaustive_integral_start":   {rule: "equal_shares_cost_add1_exhaustive", integral: true},
}

// notOurs lists what the vectors also hold: rules that are not offered.
var notOurs = map[string]string{
	"sequential_phragmen":         "sequential Phragmén for budgets: a comparison column, later",
	"bos_equal_shares_float":      "bounded overspending: a float implementation without published vectors",
	"effective_support":           "a measure of another package, in rounded per cent",
	"optimal_cardinality_welfare": "exact optimum: later", "optimal_cardinality_sets": "exact optimum: later",
	"optimal_points_welfare": "exact optimum: later", "optimal_points_sets": "exact optimum: later",
}

func readInstance(t testing.TB, name, region string) *Pabulib {
	t.Helper()
	f, err := os.Open(vectors(t, "pb", "instances", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pb, err := ReadPabulib(f, PabulibOptions{Region: region})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	pb.Export.Ties = publishedTies
	return pb
}

// TestRealElections counts real participatory-budgeting elections by every
// rule that is ours and compares with the published outcome: who is funded, in
// which order, the exact payments, and the share at which Add1 stopped.
func TestRealElections(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(vectors(t, "pb", "expected"), "*.json"))
	if len(files) != 19 {
		t.Fatalf("found %d files of expected outcomes, want 19", len(files))
	}
	other := map[string]int{}
	counted := 0
	for _, file := range files {
		var want pbExpected
		readJSON(t, &want, "pb", "expected", filepath.Base(file))
		pb := readInstance(t, want.Instance, "")
		for _, name := range sortedKeys(want.Results) {
			base, noLot := strings.CutSuffix(name, "_without_lot")
			rule, ours := pbRules[base]
			if !ours {
				if notOurs[name] == "" {
					t.Errorf("%s: no rule of ours and not listed as another: %s", want.Instance, name)
				}
				other[name]++
				continue
			}
			counted++
			t.Run(strings.TrimSuffix(want.Instance, ".pb")+"/"+name, func(t *testing.T) {
				checkReal(t, pb.Export, rule, want.Results[name], noLot)
			})
		}
	}
	for _, name := range sortedKeys(other) {
		t.Logf("not counted, a rule that is not offered: %s (%d files; %s)", name, other[name], notOurs[name])
	}
	t.Logf("%d outcomes of our rules compared", counted)
}

func checkReal(t *testing.T, e Export, rule pbRule, want pbOutcome, noLot bool) {
	options := PortfolioRule{IntegralStart: rule.integral}
	if e.Portfolio != nil {
		options.RankPoints = e.Portfolio.RankPoints
	}
	if rule.rankPoints > 0 {
		options.RankPoints = rule.rankPoints
	}
	if want.Increment != nil {
		options.Increment = Int(*want.Increment)
	}
	e.Rule, e.Portfolio = rule.rule, &options
	if noLot {
		e.Ties = publishedTies[:2]
	}
	got, err := Recount(e)
	if want.Unresolved != "" {
		checkUnresolved(t, err, want.Unresolved)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	checkSelected(t, got, want.Selected, rule.anyOrder)
	if total, err := ParseRat(want.TotalCost.String()); err != nil || !got.Budget.Spent.Equal(total) {
		t.Errorf("spent %s, want %s", got.Budget.Spent, want.TotalCost)
	}
	if want.Endowment != "" && got.Budget.Shares[0].First.String() != want.Endowment {
		t.Errorf("first share %s, want %s", got.Budget.Shares[0].First, want.Endowment)
	}
	if want.Final != 0 {
		f, _ := got.Budget.Shares[0].Final.view().Float64()
		if math.Abs(f-want.Final) > 1e-9*want.Final {
			t.Errorf("final share %v, want %v", f, want.Final)
		}
	}
	checkSteps(t, got, want.Steps)
}

func checkUnresolved(t *testing.T, err error, want string) {
	var tie *TieError
	if !errors.As(err, &tie) {
		t.Fatalf("error %v, want a tie that asks for a lot", err)
	}
	_, list, _ := strings.Cut(want, "projects ")
	list, _, _ = strings.Cut(list, " could not")
	named, tied := strings.Split(list, ", "), slices.Clone(tie.Tie.Tied)
	sort.Strings(named)
	sort.Strings(tied)
	if d := cmp.Diff(named, tied); d != "" {
		t.Errorf("tied (-want +got):\n%s", d)
	}
}

func checkSelected(t *testing.T, got Result, want []string, anyOrder bool) {
	t.Helper()
	winners := got.Winners
	if anyOrder { // the reference keeps the order only of what votes added
		n := len(got.Budget.Purchases)
		winners, want = slices.Clone(winners), slices.Clone(want)
		sort.Strings(winners[:n])
		sort.Strings(want[:min(n, len(want))])
	}
	if len(want) == 0 {
		want = []string{}
	}
	if d := cmp.Diff(want, winners); d != "" {
		t.Errorf("funded (-want +got):\n%s", d)
	}
}

func checkSteps(t *testing.T, got Result, want []pbStep) {
	t.Helper()
	for i, s := range want {
		if i >= len(got.Budget.Purchases) {
			t.Fatalf("%d rounds, want %d", len(got.Budget.Purchases), len(want))
		}
		p, r := got.Budget.Purchases[i], got.Rounds[i]
		top, full, n := Rat{}, int64(0), int64(len(r.Payments))
		for _, pay := range r.Payments {
			if top.Less(pay.Amount) {
				top = pay.Amount
			}
		}
		for _, pay := range r.Payments {
			if pay.Amount.Equal(top) {
				full++
			}
		}
		if got.Budget.Voters > maxPayers { // payments are by region there
			top, full, n = p.TopShare, int64(mustInt(p.InFull)), int64(mustInt(p.Supporters))
		}
		have := pbStep{p.Alternative, n, full, top.String(), s.MaxFloat}
		if s.MaxPay == "" {
			have.MaxPay = ""
			if f, _ := top.view().Float64(); math.Abs(f-s.MaxFloat) > 1e-9*f {
				t.Errorf("round %d: top payment %v, want %v", i+1, f, s.MaxFloat)
			}
		}
		if d := cmp.Diff(s, have); d != "" {
			t.Errorf("round %d (-want +got):\n%s", i+1, d)
		}
	}
}

func mustInt(r Rat) int64 {
	if !r.IsInt() {
		panic(fmt.Sprint("not whole: ", r))
	}
	return r.view().Num().Int64()
}

// TestOfficialOutcomes compares with what the authorities announced, where
// their rule is one of ours.
func TestOfficialOutcomes(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(vectors(t, "pb", "expected"), "*.json"))
	n := 0
	for _, file := range files {
		var want pbExpected
		readJSON(t, &want, "pb", "expected", filepath.Base(file))
		if want.Official == nil {
			continue
		}
		pb := readInstance(t, want.Instance, "")
		rule, options, ours := pb.Official()
		if !ours {
			t.Logf("%s: the file says the rule is %q, which is not one of ours", want.Instance, pb.Meta["rule"])
			continue
		}
		n++
		t.Run(want.Instance, func(t *testing.T) {
			e := pb.Export
			e.Rule, e.Portfolio = rule, &options
			got, err := Recount(e)
			if err != nil {
				t.Fatal(err)
			}
			var official []string // "2" is funded with other money
			for _, p := range pb.Projects {
				if p.Selected == "1" {
					official = append(official, p.Key)
				}
			}
			sort.Strings(official)
			winners := slices.Clone(got.Winners)
			sort.Strings(winners)
			if d := cmp.Diff(official, winners); d != "" {
				t.Errorf("funded (-official +got):\n%s", d)
			}
		})
	}
	t.Logf("%d official outcomes compared", n)
}
