package tally

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// bar is one row of a bar chart: a label, parts stacked from left to right and
// a note at its end.
type bar struct {
	label string
	parts []part
	note  string
}

// part is a piece of a bar; class is one of those that svgStyle names.
type part struct {
	value Rat
	class string
	title string // what a pointer or a screen reader is told
}

// svgStyle follows the reader's light or dark scheme. "won", "lost" and "off"
// differ in lightness as well as in hue, so that they can be told apart
// without colour.
const svgStyle = `text{font:14px system-ui,sans-serif;fill:CanvasText}` +
	`.won{fill:#0b6e4f}.lost{fill:#9db4c0}.off{fill:#d9d9d9}.no{fill:#b3541e}.mark{stroke:CanvasText;stroke-width:2;stroke-dasharray:4 3}`

const (
	svgWidth  = 720
	svgLabel  = 200 // width of the label column
	svgNote   = 120 // width of the note column
	svgRow    = 28
	svgMargin = 8
)

// svgBars draws a bar chart with a title and a description for readers who
// cannot see it. mark, if above 0, is a line across all bars, such as a quota.
// Lengths are whole pixels: they are for the eye, no decision rests on them.
func svgBars(title, desc string, bars []bar, mark Rat, markLabel string) string {
	most := mark
	for _, b := range bars {
		if s := b.sum(); most.Less(s) {
			most = s
		}
	}
	head := svgMargin
	if mark.Sign() > 0 {
		head += svgRow
	}
	height := head + len(bars)*svgRow + svgMargin
	var w strings.Builder
	id := digest([]byte(title + "\n" + desc))[len("sha256:"):][:8] // several drawings may stand on one page
	fmt.Fprintf(&w, `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="t%s d%s" viewBox="0 0 %d %d">`, id, id, svgWidth, height)
	fmt.Fprintf(&w, "\n<title id=\"t%s\">%s</title>\n<desc id=\"d%s\">%s</desc>\n<style>%s</style>\n",
		id, xmlText(title), id, xmlText(desc), svgStyle)
	for i, b := range bars {
		b.draw(&w, head+i*svgRow, most)
	}
	if mark.Sign() > 0 {
		x := svgLabel + pixels(mark, most)
		fmt.Fprintf(&w, `<line class="mark" x1="%d" x2="%d" y1="%d" y2="%d"/>`, x, x, head-4, height-svgMargin)
		fmt.Fprintf(&w, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", x, head-10, xmlText(markLabel))
	}
	w.WriteString("</svg>\n")
	return w.String()
}

func (b bar) sum() Rat {
	var s Rat
	for _, p := range b.parts {
		s = s.Add(p.value)
	}
	return s
}

func (b bar) draw(w *strings.Builder, y int, most Rat) {
	fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="end">%s</text>`, svgLabel-8, y+19, xmlText(clip(b.label, 24)))
	x, sum := svgLabel, Rat{}
	for _, p := range b.parts {
		sum = sum.Add(p.value)
		end := svgLabel + pixels(sum, most)
		fmt.Fprintf(w, `<rect class="%s" x="%d" y="%d" width="%d" height="20"><title>%s</title></rect>`,
			p.class, x, y+4, end-x, xmlText(p.title))
		x = end
	}
	fmt.Fprintf(w, `<text x="%d" y="%d">%s</text>`+"\n", x+6, y+19, xmlText(b.note))
}

// pixels scales v to the width of the bars.
func pixels(v, most Rat) int {
	if most.Sign() <= 0 {
		return 0
	}
	n := v.Mul(Int(svgWidth - svgLabel - svgNote)).Quo(most).Floor()
	return int(n.Big().Num().Int64())
}

// xmlText makes any text fit to stand in a drawing: titles come from ballot
// files and may hold anything.
func xmlText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
	return html.EscapeString(s)
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
