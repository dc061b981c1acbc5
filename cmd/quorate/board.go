package main

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/client"
)

// boardWidth is how wide the board may get before its regions are set in more
// than one block.
const boardWidth = 100

// noAnswer stands for the words "no answer", which would hide all others.
const noAnswer = "·"

func newBoardCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "board",
		Short: "Show every capability in every region",
		Long: `Show how every capability stands in every region, in a word or two; the legend below
the table says what each means. ` + "`quorate explain`" + ` tells why.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[flags.Board], error) { return s.Board(cmd.Context()) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { drawBoard(p, a.Value) })
		},
	}
}

func drawBoard(p *page, b flags.Board) {
	if len(b.Rows) == 0 || len(b.Regions) == 0 {
		p.line("There is nothing to show yet; see `quorate region set` and `quorate capability set`.")
		return
	}
	b, notOffered := split(b)
	for i, block := range boardBlocks(b) {
		if i > 0 {
			p.line("")
		}
		p.rows(block)
	}
	p.line("")
	p.rows(legend(b))
	p.prose("Not offered to the regions, so off everywhere", strings.Join(notOffered, ", "))
	p.line("Revision %d.", b.Revision)
}

// split takes out the capabilities that are offered to nobody: whole rows of the
// same words would hide the rest. They are told with their stage instead.
func split(b flags.Board) (offered flags.Board, rest []string) {
	offered = b
	offered.Rows = nil
	for _, r := range b.Rows {
		if slices.ContainsFunc(r.Cells, func(c flags.BoardCell) bool { return c.Cause != flags.NoOffer }) {
			offered.Rows = append(offered.Rows, r)
			continue
		}
		rest = append(rest, r.Capability+" ("+words(string(r.Stage))+")")
	}
	return offered, rest
}

// boardBlocks is the matrix in as many blocks of columns as it needs to keep
// within boardWidth, the heading first in each.
func boardBlocks(b flags.Board) [][][]string {
	rows := [][]string{append([]string{"CAPABILITY"}, upper(b.Regions)...)}
	for _, r := range b.Rows {
		row := []string{r.Capability}
		for _, cell := range r.Cells {
			row = append(row, shortWord(cell))
		}
		rows = append(rows, row)
	}
	var blocks [][][]string
	for from := 1; from <= len(b.Regions); {
		to := fitting(rows, from)
		var block [][]string
		for _, row := range rows {
			block = append(block, append([]string{row[0]}, row[from:to]...))
		}
		blocks = append(blocks, block)
		from = to
	}
	return blocks
}

func upper(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, strings.ToUpper(w))
	}
	return out
}

func shortWord(cell flags.BoardCell) string {
	if w := cell.Word(); w != "no answer" {
		return w
	}
	return noAnswer
}

// fitting is the end of the columns, from the one given, that fit beside the
// first; at least one does.
func fitting(rows [][]string, from int) int {
	width := widest(rows, 0)
	to := from
	for ; to < len(rows[0]); to++ {
		if width += 2 + widest(rows, to); width > boardWidth && to > from {
			break
		}
	}
	return to
}

func widest(rows [][]string, column int) int {
	width := 0
	for _, row := range rows {
		if column < len(row) {
			width = max(width, utf8.RuneCountInString(clean(row[column])))
		}
	}
	return width
}

// meanings are the words of a cell in the order in which the legend has them.
var meanings = [][2]string{
	{"on", "offered, permitted and enabled"},
	{"partly on", "on for an audience or a percentage of people"},
	{"pilot", "on as a pilot, at so many of the region's facilities"},
	{"scheduled", "enabled from a time to come"},
	{"ended", "enabled until a time that has passed"},
	{"nobody yet", "enabled, but its rollout or audience has nobody"},
	{"not ready", "enabled, but no facility runs what it requires"},
	{"later", "the region answers by a date"},
	{"declined", "the region said no, and looks again on a date"},
	{noAnswer, "offered; the region has not answered"},
	{"turned off", "enabled, then turned off for safety"},
	{"waits", "enabled, but something it needs is not on"},
	{"no offer", "not offered to the regions"},
	{"retired", "at the end of its life"},
	{"off", "its definition cannot be used; an operator must repair it"},
}

// legend explains the words that this board uses, and no others.
func legend(b flags.Board) [][]string {
	used := map[string]bool{}
	for _, r := range b.Rows {
		for _, cell := range r.Cells {
			word, _, _ := strings.Cut(shortWord(cell), " (")
			used[word] = true
		}
	}
	var rows [][]string
	for _, m := range meanings {
		if used[m[0]] {
			rows = append(rows, []string{cmp.Or(m[0], " "), m[1]})
		}
	}
	return rows
}
