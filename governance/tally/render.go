package tally

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
	return renderer{plainSentence, plainText, plainSVG}
}

func plainSentence(r Result) string {
	names := r.titles()
	var won []string
	for _, k := range r.Winners {
		won = append(won, names[k])
	}
	return "Chosen: " + listed(won) + "."
}

func plainText(r Result) string { return Sentence(r) + "\n" }

func plainSVG(r Result) string { return svgBars(r.Rule, Sentence(r), nil, Rat{}, "") }
