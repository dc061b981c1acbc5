package tally

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
)

// randomRankings is a profile of full random orders: the worst case for rules
// that compare pairs, because no two ballots are alike.
func randomRankings(alternatives, ballots int) Profile {
	rnd := rand.New(rand.NewPCG(1, uint64(alternatives)))
	p := Profile{Ties: TieBreak{{By: ByOrder}}}
	for i := range alternatives {
		p.Alternatives = append(p.Alternatives, Alternative{Key: strconv.Itoa(i)})
	}
	for i := range ballots {
		b := Ballot{Key: fmt.Sprint("ballot ", i)}
		for _, a := range rnd.Perm(alternatives) {
			b.Ranks = append(b.Ranks, []string{p.Alternatives[a].Key})
		}
		p.Ballots = append(p.Ballots, b)
	}
	return p
}

// The promises are those of the sizes named first; the other sizes show how
// the time grows. A time never fails a test.
func BenchmarkSchulze(b *testing.B) {
	for _, size := range [][2]int{{200, 10_000}, {50, 10_000}, {100, 10_000}, {200, 2_500}, {200, 5_000}} {
		benchmarkCount(b, size, func(p Profile) (Result, error) { return Schulze(p, RankedRule{}) })
	}
}

func BenchmarkRankedPairs(b *testing.B) {
	benchmarkCount(b, [2]int{200, 10_000}, func(p Profile) (Result, error) { return RankedPairs(p, RankedRule{}) })
}

func BenchmarkMeek(b *testing.B) {
	for _, size := range [][2]int{{20, 10_000}, {10, 10_000}, {40, 10_000}, {20, 2_500}, {20, 5_000}, {20, 20_000}} {
		benchmarkCount(b, size, func(p Profile) (Result, error) { return STVMeek(p, 5) })
	}
}

func BenchmarkScottish(b *testing.B) {
	benchmarkCount(b, [2]int{20, 10_000}, func(p Profile) (Result, error) { return STVScottish(p, 5) })
}

func benchmarkCount(b *testing.B, size [2]int, count func(Profile) (Result, error)) {
	p := randomRankings(size[0], size[1])
	b.Run(fmt.Sprintf("alternatives=%d/ballots=%d", size[0], size[1]), func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := count(p); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/count")
		b.ReportMetric(float64(size[1]), "ballots")
		b.ReportMetric(float64(size[0]), "alternatives")
	})
}
