package tally

import (
	"cmp"
	"fmt"
	"slices"
)

// run counts one pass from the first round to the last.
func (t *tabulation) run() error {
	t.begin()
	for t.goesOn() {
		t.round++
		t.ties.Round = t.round
		if err := t.countRound(); err != nil {
			return err
		}
	}
	for i, f := range t.fate {
		if f == elected {
			t.past = append(t.past, i)
		}
	}
	return nil
}

// begin deals every ballot to its first choice.
func (t *tabulation) begin() {
	n := len(t.keys)
	t.fate, t.tally, t.inactive = make([]fate, n), make([]Rat, n), make(map[inactive]Rat)
	t.round, t.threshold, t.settled, t.chosenNow, t.droppedNow = 0, Rat{}, false, false, false
	for i, k := range t.keys {
		if slices.Contains(t.rules.Excluded, k) || slices.Contains(t.past, i) {
			t.fate[i] = excluded
		}
	}
	for i := range t.papers {
		t.deal(&t.papers[i])
	}
}

// deal moves a ballot to the pile of its next continuing choice.
func (t *tabulation) deal(p *paper) {
	var why inactive
	p.holder, why = t.next(p)
	votes := p.value.Mul(p.times)
	if p.holder < 0 {
		t.inactive[why] = t.inactive[why].Add(votes)
		return
	}
	t.tally[p.holder] = t.tally[p.holder].Add(votes)
}

func (t *tabulation) having(f fate) (out []int) {
	for i := range t.keys {
		if t.fate[i] == f {
			out = append(out, i)
		}
	}
	return out
}

// goesOn decides whether there is another round.
func (t *tabulation) goesOn() bool {
	open, won := len(t.having(hopeful)), len(t.having(elected))
	if t.rules.StopAfter > 0 && t.round >= t.rules.StopAfter || t.round > 0 && !t.chosenNow && !t.droppedNow {
		return false
	}
	if open == 0 && won == 0 {
		return false
	}
	if t.rules.UntilTwo && t.oneSeat() {
		return open+won > 2 || t.droppedNow || won == 0
	}
	switch t.rules.Mode {
	case ShareAtLeast:
		return won == 0
	case SeatsAtOnce, SeatByRound: // one more round shows where the last surplus went
		return won < t.seats && open > 0 || t.chosenNow
	}
	return won == 0
}

func (t *tabulation) oneSeat() bool {
	return t.rules.Mode == "" || t.rules.Mode == OneSeat || t.rules.Mode == SeatByPass
}

// countRound elects whom the threshold elects, or else eliminates.
func (t *tabulation) countRound() error {
	t.setThreshold()
	r := Round{Number: t.round, Pass: t.pass, Quota: t.threshold, Inactive: t.inactiveNow()}
	for i, k := range t.keys {
		if t.fate[i] == hopeful || t.fate[i] == elected {
			r.Tally = append(r.Tally, Count{k, t.tally[i]})
		}
	}
	for _, v := range t.inactive {
		r.Exhausted = r.Exhausted.Add(v)
	}
	t.chosenNow, t.droppedNow = false, false
	won, err := t.winners()
	if err != nil {
		return err
	}
	if len(won) > 0 {
		t.elect(&r, won)
	} else if t.mayDrop() {
		if err := t.eliminate(&r); err != nil {
			return err
		}
	} else {
		r.What = "nothing further"
	}
	t.result.Rounds = append(t.result.Rounds, r)
	return nil
}

// mayDrop: seats are open, or the rules go on until two are left.
func (t *tabulation) mayDrop() bool {
	open, won := len(t.having(hopeful)), len(t.having(elected))
	if t.rules.UntilTwo && t.oneSeat() {
		return open+won > 2 || won == 0 && open > 1
	}
	return open > 0 && (t.rules.Mode == ShareAtLeast || won < t.seats)
}

// setThreshold: what an alternative needs to be elected in this round.
func (t *tabulation) setThreshold() {
	if t.settled || t.round > 1 && (t.rules.FirstRound || !t.oneSeat() && t.rules.Mode != ShareAtLeast) {
		return
	}
	var votes Rat
	for i, f := range t.fate {
		if f == hopeful || f == elected {
			votes = votes.Add(t.tally[i])
		}
	}
	if t.rules.Mode == ShareAtLeast {
		t.threshold = votes.Mul(t.rules.Percent).Quo(Int(100))
		return
	}
	seats := Int(int64(t.seats))
	switch step := Frac(1, pow10(t.rules.Decimals)); {
	case t.rules.Hare && t.rules.NonInteger:
		t.threshold = truncate(votes.Quo(seats), t.rules.Decimals)
	case t.rules.Hare:
		t.threshold = votes.Quo(seats).Neg().Floor().Neg()
	case t.rules.NonInteger:
		t.threshold = truncate(votes.Quo(seats.Add(Int(1))), t.rules.Decimals).Add(step)
	default:
		t.threshold = votes.Quo(seats.Add(Int(1))).Floor().Add(Int(1))
	}
}

// pow10 returns 10^n, n from 0 to 18.
func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// truncate cuts x to so many decimal places.
func truncate(x Rat, places int) Rat {
	if x.IsInt() {
		return x
	}
	p := Int(pow10(places))
	return x.Mul(p).Floor().Quo(p)
}

// winners are those this round elects, in the order of election.
func (t *tabulation) winners() ([]int, error) {
	open := t.having(hopeful)
	left := t.seats - len(t.having(elected))
	if t.rules.Mode == ShareAtLeast {
		for _, i := range open {
			if t.tally[i].Less(t.threshold) {
				return nil, nil
			}
		}
		return t.byTally(open), nil
	}
	if left <= 0 {
		return nil, nil
	}
	all := len(open) // write-ins, who cannot win, are still dropped first
	open = slices.DeleteFunc(open, func(i int) bool { return i == t.writeIns })
	if all <= left {
		return t.byTally(open), nil
	}
	var over []int
	for _, i := range open {
		if !t.tally[i].Less(t.threshold) {
			over = append(over, i)
		}
	}
	over = t.byTally(over)
	switch {
	case len(over) > 1 && (t.rules.Mode == SeatByRound || len(over) > left):
		return t.highest(over)
	case len(over) == 0 && t.oneSeat() && all == 2 && len(open) == 2: // tied, or a threshold of round 1 that is out of reach
		return t.highest(t.byTally(open))
	}
	return over, nil
}

func (t *tabulation) byTally(list []int) []int {
	slices.SortStableFunc(list, func(a, b int) int { return t.tally[b].Cmp(t.tally[a]) })
	return list
}

// highest picks the one with the most votes.
func (t *tabulation) highest(list []int) ([]int, error) {
	var tied []string
	for _, i := range list {
		if t.tally[i].Equal(t.tally[list[0]]) {
			tied = append(tied, t.keys[i])
		}
	}
	k, err := t.ties.First("election", tied)
	if err != nil {
		return nil, err
	}
	return []int{slices.Index(t.keys, k)}, nil
}

// elect records winners and, where seats are shared, passes their surplus on.
func (t *tabulation) elect(r *Round, won []int) {
	t.chosenNow = true
	for _, i := range won {
		t.fate[i] = elected
		r.Chosen = append(r.Chosen, t.keys[i])
		t.result.Winners = append(t.result.Winners, t.keys[i])
	}
	r.What = "elected: " + listed(r.Chosen)
	if t.oneSeat() {
		t.settled = true
		return
	}
	if t.rules.Mode == ShareAtLeast {
		return
	}
	for _, i := range won {
		t.passSurplus(r, i)
	}
}

// passSurplus moves the ballots of a winner on, each at the same fraction of
// its value, truncated. What truncation leaves stays with nobody.
func (t *tabulation) passSurplus(r *Round, winner int) {
	total := t.tally[winner]
	surplus := total.Sub(t.threshold)
	if surplus.Sign() <= 0 {
		return
	}
	fraction := truncate(surplus.Quo(total), t.rules.Decimals)
	t.tally[winner] = t.threshold
	last := len(t.having(elected)) >= t.seats // nobody is left to receive
	var passed Rat
	moves := newMoves(t.keys[winner])
	for i := range t.papers {
		p := &t.papers[i]
		if p.holder != winner {
			continue
		}
		p.value = truncate(p.value.Mul(fraction), t.rules.Decimals)
		votes := p.value.Mul(p.times)
		passed = passed.Add(votes)
		if last {
			p.holder, t.inactive[finalSurplus] = -1, t.inactive[finalSurplus].Add(votes)
		} else {
			t.deal(p)
		}
		moves.add(t.name(p.holder), votes)
	}
	r.Moves = append(r.Moves, moves.list(t.keys)...)
	r.Residual = r.Residual.Add(surplus.Sub(passed))
}

func (t *tabulation) name(i int) string {
	if i < 0 {
		return ""
	}
	return t.keys[i]
}

// moves adds up votes by receiver.
type moves struct {
	from string
	to   map[string]Rat
}

func newMoves(from string) moves { return moves{from, make(map[string]Rat)} }

func (m moves) add(to string, v Rat) { m.to[to] = m.to[to].Add(v) }

// list gives the moves in the order of the ballot paper, "" last.
func (m moves) list(keys []string) (out []Move) {
	for _, k := range append(slices.Clone(keys), "") {
		if v, ok := m.to[k]; ok && !v.IsZero() {
			out = append(out, Move{m.from, k, v})
		}
	}
	return out
}

// eliminate drops write-ins first, then those under the minimum, then a batch,
// else the lowest.
func (t *tabulation) eliminate(r *Round) error {
	t.droppedNow = true
	drop, why, err := t.toDrop()
	if err != nil {
		return err
	}
	for _, i := range drop {
		t.fate[i] = eliminated
		r.Dropped = append(r.Dropped, t.keys[i])
	}
	r.What = "eliminated: " + listed(r.Dropped) + ", " + why
	if t.round == t.rules.StopAfter {
		return nil
	}
	for _, i := range drop {
		moves := newMoves(t.keys[i])
		for j := range t.papers {
			if p := &t.papers[j]; p.holder == i {
				t.deal(p)
				moves.add(t.name(p.holder), p.value.Mul(p.times))
			}
		}
		t.tally[i] = Rat{}
		r.Moves = append(r.Moves, moves.list(t.keys)...)
	}
	return nil
}

func (t *tabulation) toDrop() ([]int, string, error) {
	if t.writeIns >= 0 && t.fate[t.writeIns] == hopeful && t.tally[t.writeIns].Sign() > 0 {
		return []int{t.writeIns}, "which stands for undeclared names", nil
	}
	open := t.having(hopeful)
	if t.round == 1 && t.rules.MinVotes.Sign() > 0 {
		var low []int
		for _, i := range open {
			if t.tally[i].Less(t.rules.MinVotes) {
				low = append(low, i)
			}
		}
		if len(low) > 0 && len(low) < len(open) {
			return low, "below the minimum of " + plural(t.rules.MinVotes, "vote", "votes"), nil
		}
	}
	if none := t.voteless(open); t.rules.Voteless && len(none) > 1 && len(none) < len(open) {
		return none, "without a vote", nil
	}
	if batch := t.batch(open); t.rules.Batch && len(batch) > 0 {
		return batch, "who together cannot overtake the next", nil
	}
	var tied []string
	low := open[0]
	for _, i := range open {
		if t.tally[i].Less(t.tally[low]) {
			low = i
		}
	}
	for _, i := range open {
		if t.tally[i].Equal(t.tally[low]) {
			tied = append(tied, t.keys[i])
		}
	}
	k, err := t.ties.Last("elimination", tied)
	if err != nil {
		return nil, "", err
	}
	why := "with the fewest votes, " + t.tally[low].Decimal(t.rules.Decimals)
	if len(tied) > 1 {
		why = fmt.Sprintf("by tie-break among %d with the fewest votes, %s", len(tied), t.tally[low].Decimal(t.rules.Decimals))
	}
	return []int{slices.Index(t.keys, k)}, why, nil
}

func (t *tabulation) voteless(open []int) []int {
	return slices.DeleteFunc(slices.Clone(open), func(i int) bool { return t.tally[i].Sign() > 0 })
}

// batch is the largest set of the lowest whose votes together are fewer than
// those of the next above them.
func (t *tabulation) batch(open []int) []int {
	order := slices.Clone(open)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Or(t.tally[a].Cmp(t.tally[b]), a-b) })
	var sum Rat
	cut := 0
	for at, i := range order {
		if at > 0 && t.tally[order[at-1]].Less(t.tally[i]) && sum.Less(t.tally[i]) {
			cut = at
		}
		sum = sum.Add(t.tally[i])
	}
	return order[:cut]
}

// Inactive says why votes count for nobody any more.
type Inactive struct {
	OutOfChoices Rat `json:"out_of_choices,omitzero"` // all its choices were elected or eliminated
	Overvoted    Rat `json:"overvoted,omitzero"`      // ended at a rank with several marks
	Repeated     Rat `json:"repeated,omitzero"`       // ended at a repeated mark
	Skipped      Rat `json:"skipped,omitzero"`        // ended at too many empty ranks
	FinalSurplus Rat `json:"final_surplus,omitzero"`  // surplus of those elected last
}

func (t *tabulation) inactiveNow() *Inactive {
	return &Inactive{t.inactive[outOfChoices], t.inactive[overvote], t.inactive[repeated], t.inactive[skipped], t.inactive[finalSurplus]}
}

// order ranks the alternatives of a single seat: the winner, those still in
// the count, then the eliminated from the last round to the first.
func (t *tabulation) order() [][]string {
	left := t.having(hopeful)
	tiers := [][]string{}
	for _, k := range t.result.Winners {
		tiers = append(tiers, []string{k})
	}
	keys := make([]string, len(left))
	for at, i := range left {
		keys[at] = t.keys[i]
	}
	tiers = append(tiers, tiersBy(keys, func(at int) Rat { return t.tally[left[at]] })...)
	for _, r := range slices.Backward(t.result.Rounds) {
		if len(r.Dropped) > 0 {
			tiers = append(tiers, r.Dropped)
		}
	}
	return tiers
}

// behind says how many votes each loser lacked when it went out.
func (t *tabulation) behind() (out []Distance) {
	for i, k := range t.keys {
		if slices.Contains(t.result.Winners, k) || t.fate[i] == excluded || i == t.writeIns {
			continue
		}
		if d, ok := lastSeen(t.result.Rounds, k); ok {
			out = append(out, d)
		}
	}
	return out
}

// lastSeen compares a loser with whoever was next above it in the round in
// which it was dropped, or in the last round.
func lastSeen(rounds []Round, key string) (Distance, bool) {
	at := len(rounds) - 1
	for i, r := range rounds {
		if slices.Contains(r.Dropped, key) {
			at = i
		}
	}
	if at < 0 || !slices.ContainsFunc(rounds[at].Tally, func(c Count) bool { return c.Alternative == key }) {
		return Distance{}, false
	}
	r := rounds[at]
	have, need, against := r.of(key), r.Quota, ""
	seatsGone := at == len(rounds)-1 && len(r.Chosen) == 0 // whoever is left lacks the quota
	for _, c := range r.Tally {
		if !seatsGone && c.Alternative != key && !c.Votes.Less(have) && !slices.Contains(r.Dropped, c.Alternative) && (against == "" || c.Votes.Less(need)) {
			need, against = c.Votes, c.Alternative
		}
	}
	gap := need.Sub(have)
	if gap.Sign() < 0 {
		gap = Rat{}
	}
	return Distance{
		Alternative: key, Missing: gap, Unit: "votes", Against: against,
		Why: fmt.Sprintf("had %s in round %d, %s less than %s", plural(have, "vote", "votes"), r.Number, gap.Decimal(5), cmp.Or(against, "the quota")),
	}, true
}
