package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/quorate/quorate/internal/fault"
)

// formats are the values of --output.
var formats = []string{"table", "json", "yaml"}

// show prints an answer as --output says: for people by draw, otherwise as the
// JSON that the API answered, or the same in YAML. raw is that JSON; without it
// the value is encoded here.
func (c *cli) show(value any, raw json.RawMessage, draw func(*page)) error {
	if c.output == "table" {
		p := &page{}
		draw(p)
		_, err := c.stdout.Write(p.text.Bytes())
		return err
	}
	if raw == nil {
		encoded, err := json.Marshal(value)
		if err != nil {
			return err
		}
		raw = encoded
	}
	return c.print(raw)
}

func (c *cli) print(raw json.RawMessage) error {
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return fault.New(fault.Internal, "bad_answer", "the server's answer is not JSON").Do("check --url")
	}
	text := append(bytes.TrimRight(out.Bytes(), "\n"), '\n')
	if c.output == "yaml" {
		converted, err := yaml.JSONToYAML(raw)
		if err != nil {
			return fmt.Errorf("writing YAML: %w", err)
		}
		text = converted
	}
	_, err := c.stdout.Write(text)
	return err
}

// page collects what people read. All text that is put on it is made safe for a
// terminal.
type page struct{ text bytes.Buffer }

// line adds one line.
func (p *page) line(format string, args ...any) {
	p.text.WriteString(strings.TrimRight(clean(fmt.Sprintf(format, args...)), " "))
	p.text.WriteByte('\n')
}

// indented adds one line that is set in by some spaces.
func (p *page) indented(spaces int, format string, args ...any) {
	p.text.WriteString(strings.Repeat(" ", spaces))
	p.line(format, args...)
}

// pairs adds lines of a name and a value; pairs without a value are left out.
func (p *page) pairs(pairs ...[2]string) {
	var rows [][]string
	for _, pair := range pairs {
		if pair[1] != "" {
			rows = append(rows, pair[:])
		}
	}
	p.rows(rows)
}

// table adds a heading and rows, in columns. Without rows it says so.
func (p *page) table(none string, heading []string, rows [][]string) {
	if len(rows) == 0 {
		p.line("%s", none)
		return
	}
	p.rows(append([][]string{heading}, rows...))
}

// rows aligns columns, two spaces apart. The last column is not padded.
func (p *page) rows(rows [][]string) {
	var widths []int
	for i, row := range rows {
		safe := make([]string, len(row))
		for j, cell := range row {
			safe[j] = clean(cell)
			if j == len(widths) {
				widths = append(widths, 0)
			}
			widths[j] = max(widths[j], utf8.RuneCountInString(safe[j]))
		}
		rows[i] = safe
	}
	for _, row := range rows {
		var b strings.Builder
		for j, cell := range row {
			if j > 0 {
				b.WriteString("  ")
			}
			b.WriteString(cell)
			if j < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell)))
			}
		}
		p.text.WriteString(strings.TrimRight(b.String(), " "))
		p.text.WriteByte('\n')
	}
}

// proseWidth is how wide running text is set.
const proseWidth = 96

// prose adds a name and running text, set in and broken into lines.
func (p *page) prose(name, text string) {
	if text == "" {
		return
	}
	p.line("%s", name)
	line := ""
	for word := range strings.FieldsSeq(clean(text)) {
		if line != "" && utf8.RuneCountInString(line)+utf8.RuneCountInString(word) >= proseWidth-2 {
			p.indented(2, "%s", line)
			line = ""
		}
		line += word + " "
	}
	p.indented(2, "%s", line)
}
