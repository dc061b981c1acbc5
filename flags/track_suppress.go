package flags

// A count of fewer than eleven may be about somebody whom a reader knows, so it
// is withheld. Withholding it alone would not do: whoever is told the rest of a
// row and its total has it by subtraction. So further counts are withheld until
// nothing that is withheld can be had from what is told.

// LeastCell is the smallest count that is told.
const LeastCell = 11

// leastHidden is the smallest sum of withheld counts that may be had by
// subtraction. It leaves a count below LeastCell any value from 0 to 10 beside
// one that was withheld to protect it, which has at least LeastCell.
const leastHidden = 2*LeastCell - 1

// table is counts by row and column with their totals, as they may be told. The
// last row and the last column are the totals.
type table struct {
	n      [][]int64
	hidden [][]bool
}

// newTable completes counts with their totals and withholds what must be.
func newTable(counts [][]int64) *table {
	rows, columns := len(counts), 0
	if rows > 0 {
		columns = len(counts[0])
	}
	t := &table{n: make([][]int64, rows+1), hidden: make([][]bool, rows+1)}
	for r := range t.n {
		t.n[r], t.hidden[r] = make([]int64, columns+1), make([]bool, columns+1)
	}
	for r := range rows {
		for c := range columns {
			n := counts[r][c]
			t.n[r][c] = n
			t.n[r][columns] += n
			t.n[rows][c] += n
			t.n[rows][columns] += n
		}
	}
	t.suppress()
	return t
}

func (t *table) suppress() {
	for r := range t.n {
		for c := range t.n[r] {
			t.hidden[r][c] = t.n[r][c] < LeastCell
		}
	}
	for t.close() || t.unsolve() {
	}
}

// at is a place in the table.
type at struct{ r, c int }

// lines are the rows and columns, totals included: in each the last place is the
// sum of the others.
func (t *table) lines() [][]at {
	var list [][]at
	rows, columns := len(t.n), len(t.n[0])
	for r := range rows {
		line := make([]at, columns)
		for c := range columns {
			line[c] = at{r, c}
		}
		list = append(list, line)
	}
	for c := range columns {
		line := make([]at, rows)
		for r := range rows {
			line[r] = at{r, c}
		}
		list = append(list, line)
	}
	return list
}

func (t *table) isHidden(p at) bool { return t.hidden[p.r][p.c] }

// close withholds more in each line that tells too much by itself, and reports
// whether it did.
func (t *table) close() (more bool) {
	for _, line := range t.lines() {
		for t.tells(line) && t.hideSmallest(line) {
			more = true
		}
	}
	return more
}

// tells reports whether a line gives away what it withholds: one count by itself,
// or a sum of few.
func (t *table) tells(line []at) bool {
	hidden, sum := 0, int64(0)
	last := len(line) - 1
	for _, p := range line[:last] {
		if t.isHidden(p) {
			hidden++
			sum += t.n[p.r][p.c]
		}
	}
	if t.isHidden(line[last]) {
		return hidden == 0 // the total is the sum of what is told
	}
	return hidden == 1 || hidden > 1 && sum < leastHidden
}

// hideSmallest withholds the smallest count of a line that is told, the total
// only when nothing else is; false if all are withheld.
func (t *table) hideSmallest(line []at) bool {
	best := at{-1, -1}
	for i, p := range line {
		if t.isHidden(p) || i == len(line)-1 && best.r >= 0 {
			continue
		}
		if best.r < 0 || t.n[p.r][p.c] < t.n[best.r][best.c] {
			best = p
		}
	}
	if best.r < 0 {
		return false
	}
	t.hidden[best.r][best.c] = true
	return true
}

// unsolve looks for a withheld count that follows from all lines together, and
// withholds another one beside it. It reports whether there was one.
func (t *table) unsolve() bool {
	solved := t.solvable()
	for _, line := range t.lines() {
		for _, p := range line {
			if solved[p] && t.hideSmallest(line) {
				return true
			}
		}
	}
	return false
}

// solvable finds, by elimination, every withheld count that the lines determine.
// Each line is an equation: what is withheld in it sums up to what is told. Its
// coefficients are 1, and -1 for the total.
func (t *table) solvable() map[at]bool {
	place, unknowns := map[at]int{}, []at{}
	for r := range t.n {
		for c := range t.n[r] {
			if t.hidden[r][c] {
				place[at{r, c}] = len(unknowns)
				unknowns = append(unknowns, at{r, c})
			}
		}
	}
	var equations [][]int64
	for _, line := range t.lines() {
		eq, any := make([]int64, len(unknowns)), false
		for i, p := range line {
			if u, ok := place[p]; ok {
				eq[u], any = 1, true
				if i == len(line)-1 {
					eq[u] = -1
				}
			}
		}
		if any {
			equations = append(equations, eq)
		}
	}
	solved := map[at]bool{}
	for _, eq := range eliminate(equations, len(unknowns)) {
		if u, only := single(eq); only {
			solved[unknowns[u]] = true
		}
	}
	return solved
}

// prime is the modulus of the elimination. The equations are those of a network,
// whose determinants are 0, 1 and -1, so that nothing is lost by it.
const prime = 2147483647

// eliminate brings equations into reduced row echelon form, modulo prime.
func eliminate(eqs [][]int64, unknowns int) [][]int64 {
	done := 0
	for u := 0; u < unknowns && done < len(eqs); u++ {
		pivot := -1
		for i := done; i < len(eqs); i++ {
			if mod(eqs[i][u]) != 0 {
				pivot = i
				break
			}
		}
		if pivot < 0 {
			continue
		}
		eqs[done], eqs[pivot] = eqs[pivot], eqs[done]
		scale := inverse(mod(eqs[done][u]))
		for j := range eqs[done] {
			eqs[done][j] = mod(eqs[done][j]) * scale % prime
		}
		for i := range eqs {
			if factor := mod(eqs[i][u]); i != done && factor != 0 {
				for j := range eqs[i] {
					eqs[i][j] = mod(eqs[i][j] - factor*eqs[done][j])
				}
			}
		}
		done++
	}
	return eqs[:done]
}

func mod(n int64) int64 { return (n%prime + prime) % prime }

// inverse is the multiplicative inverse modulo prime (Fermat).
func inverse(n int64) int64 {
	result, power := int64(1), n
	for e := int64(prime - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			result = result * power % prime
		}
		power = power * power % prime
	}
	return result
}

// single is the only unknown of an equation, if it has only one.
func single(eq []int64) (unknown int, only bool) {
	unknown = -1
	for u, k := range eq {
		if k == 0 {
			continue
		}
		if unknown >= 0 {
			return -1, false
		}
		unknown = u
	}
	return unknown, unknown >= 0
}
