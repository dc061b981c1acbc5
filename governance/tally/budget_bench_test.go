package tally

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"
)

// BenchmarkSharesLargest is equal shares, one exact run, on the largest real
// election of the vectors: Łódź 2023, 70,747 voters and 139 projects. The
// limit is 1 s and 200 MiB.
func BenchmarkSharesLargest(b *testing.B) {
	benchInstance(b, "Poland_Lodz_2023.pb", "equal_shares_cost")
}

// BenchmarkSharesLargestAdd1 is the same with Add1: 83 runs. The limit is 60 s.
func BenchmarkSharesLargestAdd1(b *testing.B) {
	benchInstance(b, "Poland_Lodz_2023.pb", "equal_shares_cost_add1")
}

func benchInstance(b *testing.B, file, rule string) {
	e := readInstance(b, file, "").Export
	e.Rule = rule
	b.ReportAllocs()
	for b.Loop() {
		r, err := Recount(e)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.Budget.Runs), "runs/op")
	}
}

// TestSharesLimits holds the promised times. It measures, so it is kept for
// long runs on a quiet machine.
func TestSharesLimits(t *testing.T) {
	if os.Getenv("QUORATE_SOAK") != "1" {
		t.Skip("measures; set QUORATE_SOAK=1")
	}
	lodz, seats := readInstance(t, "Poland_Lodz_2023.pb", "").Export, inUnits(committee(20, 40, 7), 1000)
	for _, c := range []struct {
		name  string
		e     Export
		rule  string
		limit time.Duration
	}{
		{"largest", lodz, "equal_shares_cost", time.Second},
		{"largest with Add1", lodz, "equal_shares_cost_add1", time.Minute},
		{"20 seats, 40 cases, Add1", seats, "equal_shares_cost_add1", 10 * time.Millisecond},
	} {
		c.e.Rule = c.rule
		best := time.Hour
		for range 5 {
			start := time.Now()
			if _, err := Recount(c.e); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(start))
		}
		if t.Logf("%s: %v", c.name, best); best > c.limit {
			t.Errorf("%s took %v, the limit is %v", c.name, best, c.limit)
		}
	}
}

// BenchmarkReadPabulib reads the same file.
func BenchmarkReadPabulib(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		readInstance(b, "Poland_Lodz_2023.pb", "")
	}
}

// committee is a ballot of a governance group: members of four regions, each
// with a taste for some cases, costs in thousands.
func committee(seats, cases int, seed uint64) Export {
	rng := rand.New(rand.NewPCG(seed, 1))
	e := Export{Format: ExportFormat, Budget: Int(int64(cases) * 100)}
	e.Ties = publishedTies
	for i := range cases {
		e.Alternatives = append(e.Alternatives, Alternative{Key: fmt.Sprintf("c%03d", i), Cost: Int(20 + int64(rng.IntN(49))*10)})
	}
	for i := range seats {
		key, region := fmt.Sprintf("m%05d", i), i%4
		e.Roll = append(e.Roll, Member{Key: key, Region: fmt.Sprintf("r%d", region), Discipline: []string{"medicine", "nursing"}[i%2]})
		ballot := Ballot{Key: key, Voter: key}
		for c := range cases {
			if like := rng.IntN(100); like < 15 || c%4 == region && like < 50 {
				ballot.Approves = append(ballot.Approves, e.Alternatives[c].Key)
			}
		}
		e.Ballots = append(e.Ballots, ballot)
	}
	return e
}

// BenchmarkSharesCommittee is a ballot of 20 seats and 40 cases with Add1 and
// its whole explanation, in thousands and to the single unit. The limit is
// 10 ms.
func BenchmarkSharesCommittee(b *testing.B) {
	for _, unit := range []int64{1, 1000} {
		b.Run(fmt.Sprint("unit=", unit), func(b *testing.B) {
			e := inUnits(committee(20, 40, 7), unit)
			e.Rule = "equal_shares_cost_add1"
			b.ReportAllocs()
			for b.Loop() {
				r, err := Recount(e)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(r.Budget.Runs), "runs/op")
				b.ReportMetric(float64(r.Budget.Steps), "steps/op")
			}
		})
	}
}

// inUnits states all amounts in a smaller unit.
func inUnits(e Export, by int64) Export {
	e.Budget = e.Budget.Mul(Int(by))
	for i := range e.Alternatives {
		e.Alternatives[i].Cost = e.Alternatives[i].Cost.Mul(Int(by))
	}
	return e
}

// TestCommitteeLeaps: on ballots of a committee's size too, leaps change
// nothing but the time.
func TestCommitteeLeaps(t *testing.T) {
	for seed := range uint64(6) {
		e := inUnits(committee(20, 40, seed), 20)
		p, err := newPortfolio(e)
		if err != nil {
			t.Fatal(err)
		}
		leaps, err := sharesRule{complete: completeAdd1}.count(p, true)
		if err != nil {
			t.Fatal(err)
		}
		p.everyStep = true
		steps, err := sharesRule{complete: completeAdd1}.count(p, true)
		if err != nil {
			t.Fatal(err)
		}
		if leaps.steps != steps.steps || !slices.Equal(leaps.winners(), steps.winners()) {
			t.Errorf("seed %d: %d steps to %v with leaps, %d to %v without", seed, leaps.steps, leaps.winners(), steps.steps, steps.winners())
		}
		t.Logf("seed %d: %d steps in %d runs", seed, leaps.steps, leaps.runs)
	}
}
