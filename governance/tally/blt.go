package tally

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// ReadBLT reads an election in the BLT format that STV programs share: a line
// with the number of candidates and of seats, lines "weight choices 0", a line
// "0", then the names and the title in quotation marks.
//
// Candidates get their number as key and their name as title. Read as well:
// comments from # to the end of a line, withdrawn candidates (a negative
// number, or [withdrawn n]), equal ranks (2=3), skipped ranks (-), names inside
// ballots after [nick ...]; other options in brackets and whatever follows the
// title are ignored. A withdrawn candidate is left out of paper and ballots.
// The rule is left empty: it is for the reader to name it.
func ReadBLT(r io.Reader) (Export, error) {
	b := bltReader{numbers: make(map[string]int)}
	s := bufio.NewScanner(io.LimitReader(r, maxExport))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		b.line++
		text := strings.ToValidUTF8(s.Text(), "\ufffd")
		if err := b.read(strings.TrimPrefix(text, "\ufeff")); err != nil {
			return Export{}, fmt.Errorf("BLT line %d: %w", b.line, err)
		}
	}
	if err := s.Err(); err != nil {
		return Export{}, fmt.Errorf("BLT line %d: %w", b.line+1, err)
	}
	return b.export()
}

// bltReader holds what has been read so far.
type bltReader struct {
	line       int
	candidates int
	seats      int
	numbers    map[string]int // nicknames
	withdrawn  []int
	ballots    []Ballot
	open       []string // tokens of a ballot that goes on over several lines
	listed     bool     // the line "0" has been seen: names follow
	names      []string
}

// maxCandidates bounds a count; a ballot paper of more is not one.
const maxCandidates = 10_000

func (b *bltReader) read(text string) error {
	text = strings.TrimSpace(text)
	if b.listed {
		return b.readName(text)
	}
	if at := strings.IndexByte(text, '#'); at >= 0 {
		text = strings.TrimSpace(text[:at])
	}
	if strings.HasPrefix(text, "[") {
		return b.readOption(strings.Fields(strings.Trim(text, "[] \t")))
	}
	tokens := strings.Fields(text)
	if b.candidates == 0 && len(tokens) > 0 {
		return b.readHead(tokens)
	}
	for _, t := range tokens {
		if err := b.token(t); err != nil || b.listed {
			return err
		}
	}
	return nil
}

func (b *bltReader) readHead(tokens []string) error {
	if len(tokens) != 2 {
		return errors.New("want the number of candidates and of seats")
	}
	n, err1 := strconv.Atoi(tokens[0])
	k, err2 := strconv.Atoi(tokens[1])
	if err1 != nil || err2 != nil || n < 1 || n > maxCandidates || k < 1 || k > n {
		return fmt.Errorf("%q candidates and %q seats: want whole numbers, at least 1, no more seats than candidates", tokens[0], tokens[1])
	}
	b.candidates, b.seats = n, k
	return nil
}

func (b *bltReader) readOption(words []string) error {
	if len(words) == 0 {
		return nil
	}
	switch words[0] {
	case "withdrawn":
		for _, w := range words[1:] {
			n, err := b.number(w)
			if err != nil {
				return err
			}
			b.withdrawn = append(b.withdrawn, n)
		}
	case "nick":
		for i, w := range words[1:] {
			b.numbers[w] = i + 1
		}
	}
	return nil
}

// token takes one word of a ballot; "0" ends it.
func (b *bltReader) token(t string) error {
	if len(b.open) == 0 && strings.HasPrefix(t, "-") && len(t) > 1 {
		n, err := b.number(t[1:])
		b.withdrawn = append(b.withdrawn, n)
		return err
	}
	if t != "0" {
		b.open = append(b.open, t)
		return nil
	}
	if len(b.open) == 0 {
		b.listed = true
		return nil
	}
	tokens := b.open
	b.open = nil
	return b.ballot(tokens)
}

func (b *bltReader) ballot(tokens []string) error {
	if strings.HasPrefix(tokens[0], "(") { // a ballot's own name
		tokens = tokens[1:]
	}
	if len(tokens) == 0 {
		return errors.New("a ballot without a weight")
	}
	count, err := strconv.ParseInt(tokens[0], 10, 64)
	if err != nil || count < 0 {
		return fmt.Errorf("weight %q: want a whole number, 0 or more", tokens[0])
	}
	if count == 0 {
		return nil
	}
	ballot := Ballot{Count: count, Ranks: [][]string{}}
	for _, t := range tokens[1:] {
		tier := []string{}
		for _, word := range strings.Split(t, "=") {
			if word == "-" {
				continue
			}
			n, err := b.number(word)
			if err != nil {
				return err
			}
			tier = append(tier, strconv.Itoa(n))
		}
		ballot.Ranks = append(ballot.Ranks, tier)
	}
	b.ballots = append(b.ballots, ballot)
	return nil
}

func (b *bltReader) number(word string) (int, error) {
	if n, ok := b.numbers[word]; ok {
		return n, nil
	}
	n, err := strconv.Atoi(word)
	if err != nil || n < 1 || n > b.candidates {
		return 0, fmt.Errorf("%s is no candidate's number from 1 to %d", quote(word), b.candidates)
	}
	return n, nil
}

// readName takes quoted names, and after the last the title; the rest is free.
func (b *bltReader) readName(text string) error {
	if len(b.names) > b.candidates || text == "" {
		return nil
	}
	name, ok := strings.CutPrefix(text, `"`)
	at := strings.LastIndexByte(name, '"')
	if !ok || at < 0 {
		return fmt.Errorf("want a name in quotation marks, got %s", quote(text))
	}
	b.names = append(b.names, strings.ReplaceAll(name[:at], `\"`, `"`))
	return nil
}

func (b *bltReader) export() (Export, error) {
	switch {
	case b.candidates == 0:
		return Export{}, errors.New("BLT: the file is empty")
	case !b.listed:
		return Export{}, errors.New(`BLT: the ballots do not end with a line "0"`)
	case len(b.names) < b.candidates:
		return Export{}, fmt.Errorf("BLT: %d names for %d candidates", len(b.names), b.candidates)
	}
	e := Export{Format: ExportFormat, Seats: b.seats}
	if len(b.names) > b.candidates {
		e.Title = b.names[b.candidates]
	}
	for i := range b.candidates {
		if !slices.Contains(b.withdrawn, i+1) {
			e.Alternatives = append(e.Alternatives, Alternative{Key: strconv.Itoa(i + 1), Title: b.names[i]})
		}
	}
	e.Ballots = b.ballots
	if len(b.withdrawn) > 0 {
		e.dropWithdrawn()
	}
	return e, nil
}

// dropWithdrawn takes names that are not on the paper off the ballots. The
// ranks that only they had close up.
func (e *Export) dropWithdrawn() {
	index := e.index()
	for i := range e.Ballots {
		var ranks [][]string
		for _, tier := range e.Ballots[i].Ranks {
			kept := slices.DeleteFunc(slices.Clone(tier), func(k string) bool { _, ok := index[k]; return !ok })
			if len(kept) > 0 || len(tier) == 0 {
				ranks = append(ranks, kept)
			}
		}
		e.Ballots[i].Ranks = ranks
	}
}
