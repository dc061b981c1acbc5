package ui

import (
	"fmt"
	"html/template"
	"strings"
)

// score is a number with its sign: +2, 0, −1.
func score(n int) string {
	switch {
	case n > 0:
		return fmt.Sprintf("+%d", n)
	case n < 0:
		return fmt.Sprintf("−%d", -n)
	}
	return "0"
}

// impactChart draws five scores as bars to both sides of zero. The table beside it
// says the same; who cannot see the drawing misses nothing.
func impactChart(bars []ImpactBar) template.HTML {
	const row, left, unit, width = 34, 215, 75, 530
	zero := left + 2*unit
	var b strings.Builder
	height := row*len(bars) + 26
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %d %d" role="img" aria-labelledby="chart-title chart-says">`, width, height)
	b.WriteString(`<title id="chart-title">Expected impact</title><desc id="chart-says">`)
	for i, bar := range bars {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(template.HTMLEscapeString(bar.Name) + " " + score(bar.Score))
	}
	b.WriteString(`</desc>`)
	for n := -2; n <= 2; n++ {
		x := zero + n*unit
		fmt.Fprintf(&b, `<line class="grid" x1="%d" y1="0" x2="%d" y2="%d"/><text class="axis" x="%d" y="%d" text-anchor="middle">%s</text>`, x, x, height-22, x, height-6, score(n))
	}
	for i, bar := range bars {
		y := i*row + 6
		fmt.Fprintf(&b, `<text x="0" y="%d">%s</text>`, y+16, template.HTMLEscapeString(bar.Name))
		x, w, class := zero, bar.Score*unit, "better"
		if bar.Score < 0 {
			x, w, class = zero+bar.Score*unit, -bar.Score*unit, "worse"
		}
		if w == 0 {
			fmt.Fprintf(&b, `<circle class="even" cx="%d" cy="%d" r="4"/>`, zero, y+11)
			continue
		}
		fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%d" height="22" rx="3"/>`, class, x, y, w)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // every text above is escaped
}
