package tally

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type synthetic struct {
	Cases []syntheticCase `json:"cases"`
}

type syntheticCase struct {
	ID       string         `json:"id"`
	Budget   int64          `json:"budget"`
	Projects map[string]Rat `json:"projects"`
	Voters   []struct {
		ID       string           `json:"id"`
		Region   string           `json:"region"`
		Approves []string         `json:"approves"`
		Points   map[string]int64 `json:"points"`
	} `json:"voters"`
	Expected map[string]json.RawMessage `json:"expected"`
}

// paidOutcome is an outcome with every payment of every voter.
type paidOutcome struct {
	Utility  string         `json:"utility"`
	Share    map[string]Rat `json:"region_share"`
	Selected []string       `json:"selected"`
	Steps    []struct {
		Project  string `json:"project"`
		Payments []Rat  `json:"payments"`
	} `json:"steps"`
}

func (c syntheticCase) export() Export {
	e := Export{Format: ExportFormat, Budget: Int(c.Budget)}
	e.Ties = publishedTies
	for _, key := range sortedKeys(c.Projects) {
		e.Alternatives = append(e.Alternatives, Alternative{Key: key, Cost: c.Projects[key]})
	}
	for _, v := range c.Voters {
		e.Roll = append(e.Roll, Member{Key: v.ID, Region: v.Region})
		e.Ballots = append(e.Ballots, Ballot{Key: v.ID, Voter: v.ID, Approves: v.Approves, Points: v.Points})
	}
	return e
}

// TestSyntheticBudgets counts 50 small generated elections and compares every
// payment as an exact fraction, region endowments and EJR+ objections included.
func TestSyntheticBudgets(t *testing.T) {
	var all synthetic
	readJSON(t, &all, "pb", "synthetic.json")
	if len(all.Cases) != 50 {
		t.Fatalf("%d cases, want 50", len(all.Cases))
	}
	other, compared := map[string]int{}, 0
	for _, c := range all.Cases {
		for _, name := range sortedKeys(c.Expected) {
			if notOurs[name] != "" {
				other[name]++
				continue
			}
			compared++
			t.Run(c.ID+"/"+name, func(t *testing.T) { c.check(t, name) })
		}
	}
	for _, name := range sortedKeys(other) {
		t.Logf("not counted, a rule that is not offered: %s (%d cases)", name, other[name])
	}
	t.Logf("%d outcomes compared", compared)
}

func (c syntheticCase) check(t *testing.T, name string) {
	raw := c.Expected[name]
	switch base, irresolute := strings.CutSuffix(name, "_all_outcomes_without_tie_breaking"); {
	case irresolute:
		c.checkAmong(t, pbRules[base].rule, raw)
	case name == "ejr_plus_objections":
		c.checkObjections(t, raw)
	case name == "mes_region_endowments":
		var want paidOutcome
		decode(t, raw, &want)
		e := c.export()
		e.Rule, e.Portfolio = pbRules[want.Utility].rule, &PortfolioRule{RegionShares: want.Share}
		c.checkPaid(t, e, want)
	case raw[0] == '{':
		var want paidOutcome
		decode(t, raw, &want)
		e := c.export()
		e.Rule = pbRules[name].rule
		c.checkPaid(t, e, want)
	default:
		var want []string
		decode(t, raw, &want)
		rule, ours := pbRules[name]
		if !ours {
			t.Fatal("no rule of ours")
		}
		e := c.export()
		e.Rule = rule.rule
		got, err := Recount(e)
		if err != nil {
			t.Fatal(err)
		}
		if rule.anyOrder {
			checkSelected(t, got, want, true)
		} else if d := cmp.Diff(want, got.Winners); d != "" {
			t.Errorf("funded (-want +got):\n%s", d)
		}
	}
}

func decode(t *testing.T, raw json.RawMessage, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
}

func (c syntheticCase) checkPaid(t *testing.T, e Export, want paidOutcome) {
	t.Helper()
	got, err := Recount(e)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(append([]string{}, want.Selected...), got.Winners); d != "" {
		t.Fatalf("funded (-want +got):\n%s", d)
	}
	for i, s := range want.Steps {
		paid := map[string]Rat{}
		for _, p := range got.Rounds[i].Payments {
			paid[p.Voter] = p.Amount
		}
		for v, amount := range s.Payments {
			if id := c.Voters[v].ID; !paid[id].Equal(amount) {
				t.Errorf("round %d: %s gave %s, want %s", i+1, id, paid[id], amount)
			}
		}
	}
	checkBooks(t, got)
}

// checkAmong: without a tie-break the rule has several outcomes; ours, with
// one, must be among them.
func (c syntheticCase) checkAmong(t *testing.T, rule string, raw json.RawMessage) {
	var outcomes [][]string
	decode(t, raw, &outcomes)
	e := c.export()
	e.Rule = rule
	got, err := Recount(e)
	if err != nil {
		t.Fatal(err)
	}
	won := slices.Clone(got.Winners)
	slices.Sort(won)
	for _, o := range outcomes {
		slices.Sort(o)
		if slices.Equal(o, won) {
			return
		}
	}
	t.Errorf("funded %v, want one of %v", won, outcomes)
}

func (c syntheticCase) checkObjections(t *testing.T, raw json.RawMessage) {
	var want map[string][]struct {
		Project string `json:"project"`
		Largest int    `json:"largest_group"`
		Most    Rat    `json:"max_satisfaction_in_group"`
	}
	decode(t, raw, &want)
	for _, name := range sortedKeys(want) {
		e := c.export()
		e.Rule = pbRules[name].rule
		got, err := Recount(e)
		if err != nil {
			t.Fatal(err)
		}
		objections, err := Audit(e, got.Winners)
		if err != nil {
			t.Fatal(err)
		}
		var have, expect []string
		for _, o := range objections {
			have = append(have, fmt.Sprint(o.Alternative, len(o.Voters), o.Most))
		}
		for _, o := range want[name] {
			expect = append(expect, fmt.Sprint(o.Project, o.Largest, o.Most))
		}
		if d := cmp.Diff(expect, have); d != "" {
			t.Errorf("objections to %s (-want +got):\n%s", name, d)
		}
	}
}

// checkBooks: the accounts of a result must balance, to the last fraction.
func checkBooks(t testing.TB, r Result) {
	t.Helper()
	b := r.Budget
	if b.Budget.Less(b.Spent) {
		t.Errorf("spent %s of %s", b.Spent, b.Budget)
	}
	cost := map[string]Rat{}
	for _, a := range r.Alternatives {
		cost[a.Key] = a.Cost
	}
	for i, p := range b.Purchases {
		byVoter, byRegion, byDiscipline := Rat{}, sumGifts(p.Regions), sumGifts(p.Disciplines)
		for _, pay := range r.Rounds[i].Payments {
			byVoter = byVoter.Add(pay.Amount)
			if pay.Amount.Sign() <= 0 {
				t.Errorf("round %d: %s gave %s", i+1, pay.Voter, pay.Amount)
			}
		}
		if c := cost[p.Alternative]; !byVoter.Equal(c) || !byRegion.Equal(c) || !byDiscipline.Equal(c) {
			t.Errorf("round %d: %s costs %s; voters gave %s, regions %s, disciplines %s", i+1, p.Alternative, c, byVoter, byRegion, byDiscipline)
		}
	}
	for _, g := range slices.Concat(b.Regions, b.Disciplines) {
		if !g.Had.Equal(g.Gave.Add(g.Left)) || g.Left.Sign() < 0 {
			t.Errorf("%q had %s, gave %s, has %s left", g.Group, g.Had, g.Gave, g.Left)
		}
	}
}

func sumGifts(groups []GroupSum) (sum Rat) {
	for _, g := range groups {
		sum = sum.Add(g.Gave)
	}
	return sum
}

// TestWhoPaid compares what each neighbourhood of Gdynia carried, with equal
// money per voter and with equal money per neighbourhood.
func TestWhoPaid(t *testing.T) {
	type money struct {
		Selected []string                      `json:"selected"`
		Cost     Rat                           `json:"total_cost"`
		Paid     map[string]map[string]float64 `json:"paid_by_group"`
		Total    map[string]float64            `json:"total_paid_by_group"`
	}
	var want struct {
		Field      string           `json:"group_field"`
		Groups     map[string]int   `json:"groups"`
		PerVoter   money            `json:"equal_per_voter"`
		PerGroup   money            `json:"equal_per_group"`
		Objections map[string][]any `json:"ejr_plus_objections"`
	}
	readJSON(t, &want, "pb", "who-paid", "Poland_Gdynia_2020.json")
	e := readInstance(t, "Poland_Gdynia_2020.pb", want.Field).Export
	e.Rule = "equal_shares_cost"
	perGroup := map[string]Rat{}
	for g := range want.Groups {
		perGroup[strings.TrimPrefix(g, "(none)")] = Frac(1, int64(len(want.Groups)))
	}
	for _, c := range []struct {
		name   string
		shares map[string]Rat
		want   money
	}{{"equal per voter", nil, want.PerVoter}, {"equal per group", perGroup, want.PerGroup}} {
		t.Run(c.name, func(t *testing.T) {
			e.Portfolio = &PortfolioRule{RegionShares: c.shares}
			got, err := Recount(e)
			if err != nil {
				t.Fatal(err)
			}
			checkBooks(t, got)
			if d := cmp.Diff(c.want.Selected, got.Winners); d != "" || !got.Budget.Spent.Equal(c.want.Cost) {
				t.Errorf("funded for %s (-want +got):\n%s", got.Budget.Spent, d)
			}
			for _, g := range got.Budget.Regions {
				name := g.Group
				if name == "" {
					name = "(none)"
				}
				if g.Voters != want.Groups[name] {
					t.Errorf("%s: %d voters, want %d", name, g.Voters, want.Groups[name])
				}
				compareMoney(t, name, g.Gave, c.want.Total[name])
				for _, gift := range g.For {
					compareMoney(t, name+" for "+gift.Alternative, gift.Amount, c.want.Paid[gift.Alternative][name])
				}
			}
		})
	}
	for _, name := range sortedKeys(want.Objections) {
		e.Rule, e.Portfolio = pbRules[name].rule, nil
		got, err := Recount(e)
		if err != nil {
			t.Fatal(err)
		}
		if o, err := Audit(e, got.Winners); err != nil || len(o) != len(want.Objections[name]) {
			t.Errorf("%s: %d objections (%v), want %d", name, len(o), err, len(want.Objections[name]))
		}
	}
}

// compareMoney: the vectors print four decimals.
func compareMoney(t *testing.T, what string, got Rat, want float64) {
	t.Helper()
	if d := got.view().FloatString(4); d != fmt.Sprintf("%.4f", want) {
		t.Errorf("%s gave %s, want %.4f", what, d, want)
	}
}
