package tally

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// quote puts a key in quotation marks, shortened so that a hostile ballot
// cannot fill a report.
func quote(s string) string {
	if utf8.RuneCountInString(s) > 60 {
		s = string([]rune(s)[:60]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// ballotName is how reports call the i-th ballot (from 0).
func ballotName(b Ballot, i int) string {
	if b.Key != "" {
		return b.Key
	}
	return fmt.Sprintf("#%d", i+1)
}

// textTable sets rows under a header in aligned columns. Columns in which
// every cell is a number are aligned right.
func textTable(header []string, rows [][]string) string {
	width := make([]int, len(header))
	numeric := make([]bool, len(header))
	for c, h := range header {
		width[c], numeric[c] = utf8.RuneCountInString(h), len(rows) > 0
		for _, r := range rows {
			width[c] = max(width[c], utf8.RuneCountInString(r[c]))
			numeric[c] = numeric[c] && strings.Trim(r[c], "+-0123456789.,/% ") == ""
		}
	}
	var b strings.Builder
	line := func(cells []string) {
		var l strings.Builder
		for c, s := range cells {
			pad := strings.Repeat(" ", width[c]-utf8.RuneCountInString(s))
			if numeric[c] {
				l.WriteString(pad + s)
			} else {
				l.WriteString(s + pad)
			}
			l.WriteString("  ")
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	line(header)
	rule := make([]string, len(header))
	for c := range rule {
		rule[c] = strings.Repeat("-", width[c])
	}
	line(rule)
	for _, r := range rows {
		line(r)
	}
	return b.String()
}

// listed joins names for a sentence: "A", "A and B", "A, B and C".
func listed(names []string) string {
	switch len(names) {
	case 0:
		return "nobody"
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// plural returns "1 vote", "2 votes", "2.5 votes".
func plural(n Rat, one, many string) string {
	if n.Equal(Int(1)) {
		return "1 " + one
	}
	return n.Decimal(2) + " " + many
}
