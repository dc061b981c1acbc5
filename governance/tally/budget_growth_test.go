package tally

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var growth = flag.Bool("growth", false, "measure how budget counts grow and write docs/counting-growth.md and .svg (minutes)")

var growthRules = []string{"greedy_votes", "equal_shares_cost", "equal_shares_cost_add1"}

// series is one curve: times by size.
type series struct {
	sizes []int
	times map[string][]time.Duration
}

// TestGrowth measures growth with ballots and with projects when asked to.
func TestGrowth(t *testing.T) {
	if !*growth {
		t.Skip("measures for minutes; run it with -growth")
	}
	ballots := measure(t, []int{20, 100, 500, 2000, 10000, 50000}, func(n int) Export { return committee(n, 40, 7) })
	projects := measure(t, []int{10, 20, 40, 80, 160}, func(n int) Export { return committee(1000, n, 7) })
	text := "<!-- Written by: go test -run TestGrowth -growth ./governance/tally -->\n\nMilliseconds for one count with its whole explanation, best of three. " +
		"Ballots are invented and nearly all different, which is the worst case: like ballots are counted as one.\n\n" +
		ballots.table("ballots (40 projects)") + "\n" + projects.table("projects (1,000 ballots)") + "\n![Growth of budget counts](counting-growth.svg)\n"
	docs := filepath.Join(moduleRoot(t), "docs")
	for name, content := range map[string]string{"counting-growth.md": text, "counting-growth.svg": growthSVG(ballots, projects)} {
		if err := os.WriteFile(filepath.Join(docs, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func measure(t *testing.T, sizes []int, make func(int) Export) series {
	s := series{sizes, map[string][]time.Duration{}}
	for _, n := range sizes {
		e := make(n)
		for _, rule := range growthRules {
			e.Rule = rule
			best := time.Duration(math.MaxInt64)
			for range 3 {
				start := time.Now()
				if _, err := Recount(e); err != nil {
					t.Fatal(err)
				}
				best = min(best, time.Since(start))
			}
			s.times[rule] = append(s.times[rule], best)
			t.Logf("%d %s %v", n, rule, best)
		}
	}
	return s
}

func (s series) table(head string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %s |\n|--:|%s\n", head, strings.Join(growthRules, " | "), strings.Repeat("--:|", len(growthRules)))
	for i, n := range s.sizes {
		fmt.Fprintf(&b, "| %s ", amountText(Int(int64(n))))
		for _, rule := range growthRules {
			fmt.Fprintf(&b, "| %.2f ", float64(s.times[rule][i].Microseconds())/1000)
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// growthSVG draws both series side by side, both axes logarithmic.
func growthSVG(ballots, projects series) string {
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="t d" viewBox="0 0 760 330">` + "\n" +
		`<title id="t">How budget counts grow</title><desc id="d">Milliseconds for one count, by number of ballots and by number of projects, both axes logarithmic. The numbers are in the table beside it.</desc>` + "\n" +
		`<style>text{font:13px system-ui,sans-serif;fill:CanvasText}line{stroke:CanvasText;stroke-opacity:.15}polyline{fill:none;stroke-width:2.5}` +
		`.r0{stroke:#9db4c0}.r1{stroke:#0b6e4f}.r2{stroke:#b3541e;stroke-dasharray:6 3}</style>` + "\n")
	drawPanel(&b, 50, "ballots (40 projects)", ballots)
	drawPanel(&b, 430, "projects (1,000 ballots)", projects)
	for i, rule := range growthRules {
		x := 50 + i*240
		fmt.Fprintf(&b, `<polyline class="r%d" points="%d,312 %d,312"/><text x="%d" y="316">%s</text>`+"\n", i, x, x+26, x+32, rule)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func drawPanel(b *strings.Builder, left int, title string, s series) {
	const top, height, width, decades = 40, 220, 290, 6 // from 0.01 ms to 10 s
	first, last := math.Log(float64(s.sizes[0])), math.Log(float64(s.sizes[len(s.sizes)-1]))
	x := func(n int) float64 { return float64(left) + width*(math.Log(float64(n))-first)/(last-first) }
	y := func(ms float64) float64 { return top + height*(1-(math.Log10(max(ms, 0.01))+2)/decades) }
	fmt.Fprintf(b, `<text x="%d" y="22">ms, by number of %s</text>`+"\n", left, title)
	for e := -2; e <= 4; e++ {
		ms := math.Pow10(e)
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.0f" y2="%.0f"/><text x="%d" y="%.0f" text-anchor="end">%g</text>`+"\n", left, left+width, y(ms), y(ms), left-6, y(ms)+4, ms)
	}
	for _, n := range s.sizes {
		fmt.Fprintf(b, `<text x="%.0f" y="%d" text-anchor="middle">%s</text>`+"\n", x(n), top+height+20, amountText(Int(int64(n))))
	}
	for i, rule := range growthRules {
		var points []string
		for k, n := range s.sizes {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(n), y(float64(s.times[rule][k].Microseconds())/1000)))
		}
		fmt.Fprintf(b, `<polyline class="r%d" points="%s"/>`+"\n", i, strings.Join(points, " "))
	}
}
