package tally

import (
	"cmp"
	"fmt"
	"strings"
)

// The renderers read a [Result] and nothing else, so whoever holds a result,
// from this program or another, can explain it.

// Sentence says the outcome in words that a physician understands, fit to be
// read aloud.
func Sentence(r Result) string { return rendererFor(r).sentence(r) }

// Text sets the result as plain text: the sentence, then tables of the rounds.
func Text(r Result) string { return rendererFor(r).text(r) }

// SVG draws the result. The drawing has a title and a description for readers
// who cannot see it; the numbers are also in [Text].
func SVG(r Result) string { return rendererFor(r).svg(r) }

// renderer is how one family of rules presents its results.
type renderer struct {
	sentence, text, svg func(Result) string
}

// rendererFor finds the family by what the result holds.
func rendererFor(r Result) renderer {
	if r.Budget != nil {
		return renderer{budgetSentence, budgetExplain, budgetSVG}
	}
	switch {
	case r.Motion != nil:
		return renderer{motionSentence, motionText, motionSVG}
	case r.Pairs != nil:
		return renderer{pairsSentence, pairsText, pairsSVG}
	case len(r.Committees) > 0:
		return renderer{committeeSentence, committeeText, committeeSVG}
	case len(r.Rounds) > 1:
		return renderer{roundsSentence, roundsText, roundsSVG}
	}
	return renderer{votesSentence, votesText, votesSVG}
}

// called turns keys into names.
func (r Result) called(keys []string) []string {
	names := r.titles()
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = cmp.Or(names[k], k)
	}
	return out
}

func (r Result) name(key string) string { return r.called([]string{key})[0] }

// brokenBy says by what a tie was broken.
var brokenBy = map[TieBy]string{
	ByCost: "the lower cost", ByVotes: "the votes at the outset", ByOrder: "the order laid down beforehand",
	ByLot: "lot", ByKey: "the order of their keys", ByEarlierStage: "the latest earlier round in which they differed",
}

// remarks are what every text ends with: ties, ballots with problems, notes.
func remarks(r Result) string {
	var b strings.Builder
	for _, t := range r.Ties {
		where := ""
		if t.Round > 0 {
			where = fmt.Sprintf(" in round %d", t.Round)
		}
		fmt.Fprintf(&b, "Tie%s for %s between %s: decided by %s, for %s.\n",
			where, t.For, listed(r.called(t.Tied)), brokenBy[t.By], r.name(t.Chosen))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "Note: %s.\n", n)
	}
	if len(r.Problems) > 0 {
		fmt.Fprintf(&b, "\n%s could not be counted as they stood:\n", plural(Int(int64(len(r.Problems))), "mark or ballot", "marks or ballots"))
		var rows [][]string
		for _, p := range r.Problems[:min(len(r.Problems), shownProblems)] {
			rows = append(rows, []string{p.Ballot, string(p.Kind), p.Detail, p.Effect})
		}
		b.WriteString(textTable([]string{"ballot", "problem", "detail", "effect"}, rows))
		if more := len(r.Problems) - shownProblems; more > 0 {
			fmt.Fprintf(&b, "and %d more\n", more)
		}
	}
	return b.String()
}

// shownProblems bounds the list in a text; the result holds all of them.
const shownProblems = 50

// chosenSentence starts every other sentence.
func chosenSentence(r Result) string {
	switch len(r.Winners) {
	case 0:
		if len(r.Committees) > 1 {
			return fmt.Sprintf("%d committees tie, and no tie-break was stated.", len(r.Committees))
		}
		return "Nobody is chosen."
	case 1:
		return r.name(r.Winners[0]) + " is chosen."
	}
	return listed(r.called(r.Winners)) + " are chosen."
}

// nearest is the loser who missed by least.
func nearest(r Result) (best Distance, ok bool) {
	for _, d := range r.Losers {
		if !ok || d.Missing.Less(best.Missing) {
			best, ok = d, true
		}
	}
	return best, ok
}
