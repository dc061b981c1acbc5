package tally

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// TieBy names a way to break a tie.
type TieBy string

// The ways to break a tie.
const (
	ByCost  TieBy = "cost"  // the cheaper alternative is preferred
	ByVotes TieBy = "votes" // more votes (or points) at the outset are preferred
	ByOrder TieBy = "order" // the order the chair laid down before the vote, or that of the ballot paper
	ByLot   TieBy = "lot"   // drawn from a seed published before results were visible
	ByKey   TieBy = "key"   // the key as a string, byte by byte

	// ByEarlierStage is no step of a list: some STV rules look back, before
	// they come to it, at the latest stage in which the tied differed.
	ByEarlierStage TieBy = "earlier_stage"
)

// TieStep is one step of a tie-break. Steps are tried in turn until one
// alternative is left.
type TieStep struct {
	By TieBy `json:"by"`

	// Order is the preferred sequence of keys for [ByOrder]; empty means the
	// order of the ballot paper. Alternatives it leaves out stay tied behind it.
	Order []string `json:"order,omitempty"`

	// Seed is the published value for [ByLot]. The lot ranks alternatives by
	// the SHA-256 digest, in hexadecimal, of seed, newline, key; the lowest
	// digest comes first. So the order exists before the count, is the same in
	// every run and can be checked with sha256sum.
	Seed string `json:"seed,omitempty"`
}

// TieBreak is the ordered list of steps that the charter states before the
// vote. A list without a last word ([ByLot], [ByOrder] over all alternatives,
// or [ByKey]) may leave a tie; the count then stops with a [TieError].
type TieBreak []TieStep

// Tie records one tie and how it was broken.
type Tie struct {
	Round  int      `json:"round,omitempty"` // 0: outside rounds
	For    string   `json:"for"`             // what was at stake: for example "elimination"
	Tied   []string `json:"tied"`            // in the order of the ballot paper
	Chosen string   `json:"chosen"`          // whom the tie-break took for it
	By     TieBy    `json:"by"`              // the step that decided
}

// TieError reports a tie that the tie-break does not decide. The remedy is a
// lot, or the chair's order, stated and the count repeated.
type TieError struct{ Tie Tie }

func (e *TieError) Error() string {
	return fmt.Sprintf("tie for %s between %s: the tie-break has no step that decides it; add a lot or the chair's order",
		e.Tie.For, strings.Join(e.Tie.Tied, ", "))
}

// Ties breaks the ties of one count and remembers them. Every order is drawn
// once, when the count begins, and serves for the whole of it.
type Ties struct {
	Broken []Tie // so far, in the order in which they arose
	Round  int   // the round being counted, for the record

	steps TieBreak
	ranks []map[string]int // per step: position of each alternative; lower is preferred
	paper map[string]int   // position on the ballot paper
	// draw, if set, replaces the steps. It exists for published counts that
	// drew each tie anew.
	draw func(tied []string) string
}

// NewTies draws the orders of one count. votes gives the initial support of
// each alternative for [ByVotes]; it may be nil if no step asks for it.
func NewTies(steps TieBreak, alternatives []Alternative, votes map[string]Rat) *Ties {
	t := &Ties{steps: steps, paper: make(map[string]int, len(alternatives))}
	for i, a := range alternatives {
		t.paper[a.Key] = i
	}
	for _, s := range steps {
		t.ranks = append(t.ranks, s.rank(alternatives, votes))
	}
	return t
}

// rank gives each alternative its position under one step; equals share one.
func (s TieStep) rank(alternatives []Alternative, votes map[string]Rat) map[string]int {
	order := slices.Clone(alternatives)
	var compare func(a, b Alternative) int
	switch s.By {
	case ByCost:
		compare = func(a, b Alternative) int { return a.Cost.Cmp(b.Cost) }
	case ByVotes:
		compare = func(a, b Alternative) int { return votes[b.Key].Cmp(votes[a.Key]) }
	case ByLot:
		compare = func(a, b Alternative) int { return strings.Compare(lot(s.Seed, a.Key), lot(s.Seed, b.Key)) }
	case ByKey:
		compare = func(a, b Alternative) int { return strings.Compare(a.Key, b.Key) }
	case ByOrder:
		at := s.places(alternatives)
		compare = func(a, b Alternative) int { return at[a.Key] - at[b.Key] }
	default:
		return map[string]int{}
	}
	slices.SortStableFunc(order, compare)
	rank := make(map[string]int, len(order))
	for i, a := range order {
		if i > 0 && compare(order[i-1], a) == 0 {
			rank[a.Key] = rank[order[i-1].Key]
		} else {
			rank[a.Key] = i
		}
	}
	return rank
}

func (s TieStep) places(alternatives []Alternative) map[string]int {
	at := make(map[string]int, len(alternatives))
	for i, a := range alternatives {
		at[a.Key] = len(s.Order)
		if len(s.Order) == 0 {
			at[a.Key] = i
		}
	}
	for i, key := range slices.Backward(s.Order) {
		at[key] = i
	}
	return at
}

func lot(seed, key string) string {
	sum := sha256.Sum256([]byte(seed + "\n" + key))
	return hex.EncodeToString(sum[:])
}

// First returns the alternative that the tie-break prefers, and records the
// tie if there is more than one. tied must not be empty.
func (t *Ties) First(what string, tied []string) (string, error) { return t.pick(what, tied, 1) }

// Last returns the alternative that the tie-break prefers least: the one to
// eliminate.
func (t *Ties) Last(what string, tied []string) (string, error) { return t.pick(what, tied, -1) }

func (t *Ties) pick(what string, tied []string, sign int) (string, error) {
	if len(tied) == 1 {
		return tied[0], nil
	}
	tie := Tie{Round: t.Round, For: what, Tied: t.onPaper(tied)}
	left := slices.Clone(tie.Tied)
	if t.draw != nil {
		left = []string{t.draw(tie.Tied)}
		tie.By = ByLot
	}
	for i, s := range t.steps {
		if len(left) == 1 {
			break
		}
		left = best(left, t.ranks[i], sign)
		tie.By = s.By
	}
	if len(left) > 1 {
		tie.Tied = left
		return "", &TieError{tie}
	}
	tie.Chosen = left[0]
	t.Broken = append(t.Broken, tie)
	return tie.Chosen, nil
}

// Sort puts tied alternatives in the order of preference of the tie-break and
// records the tie once, with the first of them as chosen.
func (t *Ties) Sort(what string, tied []string) ([]string, error) {
	var order []string
	rest := slices.Clone(tied)
	for len(rest) > 0 {
		mark := len(t.Broken)
		key, err := t.First(what, rest)
		if err != nil {
			return nil, err
		}
		if len(order) > 0 {
			t.Broken = t.Broken[:mark]
		}
		order = append(order, key)
		rest = slices.DeleteFunc(rest, func(k string) bool { return k == key })
	}
	return order, nil
}

// onPaper returns keys in the order of the ballot paper.
func (t *Ties) onPaper(keys []string) []string {
	out := slices.Clone(keys)
	slices.SortStableFunc(out, func(a, b string) int { return t.paper[a] - t.paper[b] })
	return out
}

// best keeps those with the lowest rank times sign.
func best(keys []string, rank map[string]int, sign int) []string {
	var out []string
	for _, k := range keys {
		switch r := rank[k] * sign; {
		case len(out) == 0 || r < rank[out[0]]*sign:
			out = []string{k}
		case r == rank[out[0]]*sign:
			out = append(out, k)
		}
	}
	return out
}
