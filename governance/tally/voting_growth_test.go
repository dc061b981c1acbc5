package tally

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestVotingGrowth measures how counts of ranked ballots grow, when asked to
// with -growth, and writes a table and a drawing.
func TestVotingGrowth(t *testing.T) {
	if !*growth {
		t.Skip("measures for a minute; run it with -growth")
	}
	rules := []string{"schulze", "ranked_pairs", "stv_scottish", "stv_meek"}
	var text strings.Builder
	text.WriteString("<!-- Written by: go test -run TestVotingGrowth -growth ./governance/tally -->\n\n" +
		"Milliseconds for one count of full random rankings, all different, which is the worst case. Five seats under STV.\n")
	var bars []bar
	for _, axis := range []struct {
		name  string
		short string
		sizes [][2]int // alternatives, ballots
	}{
		{"ballots (50 alternatives)", " ballots", [][2]int{{50, 1000}, {50, 2000}, {50, 5000}, {50, 10_000}, {50, 20_000}}},
		{"alternatives (10,000 ballots)", " options", [][2]int{{10, 10_000}, {25, 10_000}, {50, 10_000}, {100, 10_000}, {200, 10_000}}},
	} {
		fmt.Fprintf(&text, "\n| %s | %s |\n|--:%s|\n", axis.name, strings.Join(rules, " | "), strings.Repeat("|--:", len(rules)))
		rows := make([][]bar, len(rules)) // the drawing goes by rule, the table by size
		for _, size := range axis.sizes {
			n := size[1]
			if strings.HasPrefix(axis.name, "alternatives") {
				n = size[0]
			}
			fmt.Fprintf(&text, "| %d ", n)
			for i, rule := range rules {
				ms := timeOf(t, rule, size)
				fmt.Fprintf(&text, "| %d ", ms)
				label := fmt.Sprintf("%s, %d%s", strings.TrimPrefix(rule, "stv_"), n, axis.short)
				rows[i] = append(rows[i], bar{label: label, note: fmt.Sprintf("%d ms", ms), parts: []part{{Int(ms), "won", label}}})
			}
			text.WriteString("|\n")
		}
		bars = append(bars, slices.Concat(rows...)...)
	}
	text.WriteString("\n![Growth of counts of rankings](voting-growth.svg)\n")
	drawing := svgBars("How counts of rankings grow", "Milliseconds for one count by rule and by number of ballots or alternatives; the numbers are in the table beside it.", bars, Rat{}, "")
	docs := filepath.Join(moduleRoot(t), "docs")
	for name, content := range map[string]string{"voting-growth.md": text.String(), "voting-growth.svg": drawing} {
		if err := os.WriteFile(filepath.Join(docs, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// timeOf is the best of three, in milliseconds.
func timeOf(t *testing.T, rule string, size [2]int) int64 {
	e := Export{Rule: rule, Seats: 5, Profile: randomRankings(size[0], size[1])}
	best := time.Duration(1<<63 - 1)
	for range 3 {
		start := time.Now()
		if _, err := Recount(e); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	return best.Milliseconds()
}
