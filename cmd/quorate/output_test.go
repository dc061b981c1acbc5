package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
)

// What comes from a server cannot move the cursor, change colours, ring the bell,
// forge a line or turn the direction of writing.
func TestTextIsSafeForATerminal(t *testing.T) {
	for in, want := range map[string]string{
		"Colorado":                  "Colorado",
		"Père Noël · “ok” 日本":       "Père Noël · “ok” 日本",
		"\x1b[31mred\x1b[0m":        "[31mred[0m",
		"a\x07b\x08c\x7f":           "abc",
		"one\ntwo\r\nthree\tfour":   "one two  three four",
		"\u009b2Jgone":              "2Jgone",
		"abc\u202edef\u2066x\u200b": "abcdefx",
		"no\u00a0break":             "no break",
		"bad \xff utf8":             "bad \ufffd utf8",
		"  around  ":                "around",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	p := &page{}
	p.line("a%s", "\x1b[2J\nforged")
	p.rows([][]string{{"\x1b]0;t\x07", "b"}, {"日本", "c\nd"}})
	p.prose("n\x1b", "x\x1b y")
	if strings.ContainsFunc(p.text.String(), func(r rune) bool { return r != '\n' && r < ' ' }) || strings.Count(p.text.String(), "\n") != 5 {
		t.Errorf("the page is %q", p.text.String())
	}
	var stderr bytes.Buffer
	c := &cli{stderr: &stderr}
	c.report(newRoot(c), fault.New(fault.NotFound, "x", "there is no \x1b[2J\nquorate: forged"))
	if got := stderr.String(); got != "quorate: there is no [2J quorate: forged\n" {
		t.Errorf("the error is %q", got)
	}
}

func TestTheSameAnswerInEveryFormat(t *testing.T) {
	raw := json.RawMessage(`{"z":1,"a":{"list":[],"n":2.50,"t":"2027-01-31","yes":"no","big":9007199254740991},"e":null}` + "\n")
	for format, want := range map[string]string{
		"table": "drawn\n",
		"json":  "{\n  \"z\": 1,\n  \"a\": {\n    \"list\": [],\n    \"n\": 2.50,\n    \"t\": \"2027-01-31\",\n    \"yes\": \"no\",\n    \"big\": 9007199254740991\n  },\n  \"e\": null\n}\n",
		"yaml":  "z: 1\na:\n  list: []\n  \"n\": 2.5\n  t: \"2027-01-31\"\n  \"yes\": \"no\"\n  big: 9007199254740991\ne: null\n",
	} {
		var out bytes.Buffer
		c := &cli{output: format, stdout: &out}
		if err := c.show(nil, raw, func(p *page) { p.line("drawn") }); err != nil || out.String() != want {
			t.Errorf("%s: %v\n%s", format, err, out.String())
		}
	}
}

func TestWhatIsToldOfAChange(t *testing.T) {
	for _, c := range []struct {
		receipt gate.Receipt
		want    string
	}{
		{gate.Receipt{ID: "k", Revision: 7}, "Applied at revision 7; change k."},
		{gate.Receipt{ID: "k", Revision: 7, Replayed: true}, "Applied at revision 7, by an earlier try of this command; change k."},
		{gate.Receipt{ID: "k", Unchanged: true}, "Unchanged: it was so already."},
		{gate.Receipt{ID: "k", Revision: 7, Warnings: []string{"RULE: look out"}}, "Applied at revision 7; change k.|Warning: RULE: look out"},
	} {
		if got := strings.Join(told(c.receipt), "|"); got != c.want {
			t.Errorf("%+v: %q", c.receipt, got)
		}
	}
}

// However many regions there are, the board keeps within its width.
func TestTheBoardKeepsItsWidth(t *testing.T) {
	for regions := 1; regions <= 40; regions++ {
		b := flags.Board{}
		row := flags.BoardRow{Capability: "results_release"}
		for i := range regions {
			b.Regions = append(b.Regions, fmt.Sprintf("r%d", i))
			row.Cells = append(row.Cells, flags.BoardCell{Cause: flags.WasTurnedOff})
		}
		b.Rows = []flags.BoardRow{row, {Capability: "nowhere", Stage: flags.InBuild, Cells: none(regions)}}
		p := &page{}
		drawBoard(p, b)
		text := p.text.String()
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(line) - 1; n > boardWidth {
				t.Fatalf("%d regions: a line of %d\n%s", regions, n, text)
			}
		}
		if got := strings.Count(text, "turned off"); got != regions+2 { // twice in the legend
			t.Fatalf("%d regions: %d cells\n%s", regions, got-2, text)
		}
		if !strings.Contains(text, "nowhere (in build)") {
			t.Fatalf("what is offered to nobody is missing\n%s", text)
		}
	}
}

func none(n int) []flags.BoardCell {
	var cells []flags.BoardCell
	for range n {
		cells = append(cells, flags.BoardCell{Cause: flags.NoOffer})
	}
	return cells
}

// The legend knows every word that a cell can have.
func TestTheLegendIsComplete(t *testing.T) {
	known := map[string]bool{}
	for _, m := range meanings {
		known[m[0]] = true
	}
	for _, c := range []flags.BoardCell{
		{On: true, Cause: flags.On},
		{Cause: flags.NotEnabled},
		{Cause: flags.NotEnabled, Answer: flags.Later},
		{Cause: flags.NotEnabled, Answer: flags.Decline},
		{Cause: flags.NoOffer},
		{Cause: flags.WasTurnedOff},
		{Cause: flags.Prerequisite},
		{Cause: flags.CapRetired},
		{Cause: flags.Off},
	} {
		if w := shortWord(c); !known[w] {
			t.Errorf("the legend does not explain %q", w)
		}
	}
}
