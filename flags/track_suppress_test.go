package flags

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// small draws counts of which many are below the least that is told.
func small(columns int) *rapid.Generator[[][]int64] {
	return rapid.Custom(func(t *rapid.T) [][]int64 {
		rows := rapid.IntRange(1, 6).Draw(t, "rows")
		counts := make([][]int64, rows)
		for r := range counts {
			counts[r] = make([]int64, columns)
			for c := range counts[r] {
				counts[r][c] = rapid.OneOf(rapid.Int64Range(0, 14), rapid.Int64Range(0, 200)).Draw(t, "n")
			}
		}
		return counts
	})
}

// What is withheld cannot be had from what is told, however the lines are added
// to and taken from each other.
func TestNothingWithheldFollowsFromWhatIsTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab := newTable(small(5).Draw(t, "counts"))
		for r := range tab.n {
			for c, n := range tab.n[r] {
				if n < LeastCell && !tab.hidden[r][c] {
					t.Fatalf("a count of %d is told", n)
				}
			}
		}
		if p, found := determined(tab); found {
			t.Fatalf("the count at %v, which is withheld, follows from the others:\n%v\n%v", p, tab.n, tab.hidden)
		}
	})
}

// determined finds a withheld count that every solution of the lines agrees on,
// in exact fractions: it does if adding "it is 0" and "it is 1" to the homogeneous
// lines cannot both be solved.
func determined(tab *table) (at, bool) {
	var unknowns []at
	for r := range tab.n {
		for c := range tab.n[r] {
			if tab.hidden[r][c] {
				unknowns = append(unknowns, at{r, c})
			}
		}
	}
	rows, columns := len(tab.n)-1, len(tab.n[0])-1
	coefficient := func(p at, row bool, i int) int64 {
		switch {
		case row && p.r == i && p.c == columns, !row && p.c == i && p.r == rows:
			return -1
		case row && p.r == i, !row && p.c == i:
			return 1
		}
		return 0
	}
	var lines [][]*big.Rat
	for i := range rows + columns + 2 {
		line := make([]*big.Rat, len(unknowns))
		for u, p := range unknowns {
			if i <= rows {
				line[u] = big.NewRat(coefficient(p, true, i), 1)
			} else {
				line[u] = big.NewRat(coefficient(p, false, i-rows-1), 1)
			}
		}
		lines = append(lines, line)
	}
	base := rank(lines)
	for u, p := range unknowns {
		unit := make([]*big.Rat, len(unknowns))
		for i := range unit {
			unit[i] = new(big.Rat)
		}
		unit[u] = big.NewRat(1, 1)
		if rank(append(append([][]*big.Rat{}, lines...), unit)) == base {
			return p, true
		}
	}
	return at{}, false
}

func rank(of [][]*big.Rat) (n int) {
	m := make([][]*big.Rat, len(of))
	for i := range of {
		m[i] = append([]*big.Rat{}, of[i]...)
	}
	if len(m) == 0 {
		return 0
	}
	for u := range m[0] {
		pivot := -1
		for i := n; i < len(m); i++ {
			if m[i][u].Sign() != 0 {
				pivot = i
				break
			}
		}
		if pivot < 0 {
			continue
		}
		m[n], m[pivot] = m[pivot], m[n]
		for i := n + 1; i < len(m); i++ {
			factor := new(big.Rat).Quo(m[i][u], m[n][u])
			for j := range m[i] {
				m[i][j] = new(big.Rat).Sub(m[i][j], new(big.Rat).Mul(factor, m[n][j]))
			}
		}
		n++
	}
	return n
}

// On tables small enough to try every possibility, somebody who knows that counts
// are whole and not negative still finds several for each that is withheld.
func TestEveryWithheldCountMayBeSeveral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := [][]int64{{0, 0}, {0, 0}}
		for r := range counts {
			for c := range counts[r] {
				counts[r][c] = rapid.Int64Range(0, 16).Draw(t, "n")
			}
		}
		tab := newTable(counts)
		seen := &spans3{}
		for _, a := range candidates(tab, 0, 0) {
			for _, b := range candidates(tab, 0, 1) {
				if tab.hidden[0][2] || a+b == tab.n[0][2] {
					possible(tab, a, b, seen)
				}
			}
		}
		if seen.found == 0 {
			t.Fatal("not even the true counts are possible")
		}
		for r := range seen.least {
			for c := range seen.least[r] {
				if tab.hidden[r][c] && seen.least[r][c] == seen.most[r][c] {
					t.Fatalf("the count at %d, %d can only be %d:\n%v\n%v", r, c, seen.least[r][c], tab.n, tab.hidden)
				}
			}
		}
	})
}

// spans3 is the least and the most that each place was found to be.
type spans3 struct {
	found       int
	least, most [3][3]int64
}

func (s *spans3) note(n [3][3]int64) {
	for r := range n {
		for c := range n[r] {
			if s.found == 0 {
				s.least[r][c], s.most[r][c] = n[r][c], n[r][c]
			}
			s.least[r][c], s.most[r][c] = min(s.least[r][c], n[r][c]), max(s.most[r][c], n[r][c])
		}
	}
	s.found++
}

// candidates are what a reader may take a count for; beyond the largest that is
// drawn there is no need to look.
func candidates(tab *table, r, c int) []int64 {
	if !tab.hidden[r][c] {
		return []int64{tab.n[r][c]}
	}
	list := make([]int64, 33)
	for i := range list {
		list[i] = int64(i)
	}
	return list
}

// possible notes the tables that begin with these two counts and agree with what
// is told.
func possible(tab *table, a, b int64, seen *spans3) {
	for _, c := range candidates(tab, 1, 0) {
		if !tab.hidden[2][0] && a+c != tab.n[2][0] {
			continue
		}
		for _, d := range candidates(tab, 1, 1) {
			n := [3][3]int64{{a, b, a + b}, {c, d, c + d}, {a + c, b + d, a + b + c + d}}
			if agrees(tab, n) {
				seen.note(n)
			}
		}
	}
}

func agrees(tab *table, n [3][3]int64) bool {
	for r := range n {
		for k := range n[r] {
			if !tab.hidden[r][k] && tab.n[r][k] != n[r][k] {
				return false
			}
		}
	}
	return true
}

// What can be told is: large counts are, and a single small one takes few others
// with it.
func TestWhatCanBeToldIsTold(t *testing.T) {
	large := newTable([][]int64{{100, 200, 300}, {400, 500, 600}, {700, 800, 900}})
	for r := range large.n {
		for c := range large.n[r] {
			if large.hidden[r][c] {
				t.Errorf("the count %d is withheld for nothing", large.n[r][c])
			}
		}
	}
	one := newTable([][]int64{{5, 200, 300}, {400, 500, 600}, {700, 800, 900}})
	hidden := 0
	for r := range one.n {
		for c := range one.n[r] {
			if one.hidden[r][c] {
				hidden++
			}
		}
	}
	if hidden != 4 || one.hidden[3][3] {
		t.Errorf("one small count takes %d with it, want itself and three: a second in its row, its column, and theirs", hidden)
	}
}

func TestATableOfNothing(t *testing.T) {
	for _, counts := range [][][]int64{nil, {{}}, {{0}}, {{10}}, {{11}}} {
		tab := newTable(counts)
		last := tab.n[len(tab.n)-1]
		if told := !tab.hidden[len(tab.n)-1][len(last)-1]; told != (last[len(last)-1] >= LeastCell) {
			t.Errorf("%v: total %d, told %v", counts, last[len(last)-1], told)
		}
	}
}
