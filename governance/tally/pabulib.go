package tally

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Pabulib is a participatory-budgeting election as published at pabulib.org in
// its ".pb" format: a real count under a budget that anyone can repeat.
type Pabulib struct {
	Meta     map[string]string // section META, keys in lower case
	Projects []PabulibProject
	Export   Export   // ready to count but for the rule; see [Pabulib.Official]
	Notes    []string // what was read in a way that the file leaves open

	// Problems are rows of VOTES that could not be read as they stand; the
	// count itself reports what it finds on the ballots.
	Problems []Problem
}

// PabulibProject is what the file says of a project besides its cost.
type PabulibProject struct {
	Key           string
	Selected      string // "1" funded, "0" not, others by the file's comment (2: outside the budget); "" unknown
	Category      string
	Beneficiaries string // the column "beneficiaries", or "target" as older files call it
	NotFeasible   bool   // cost 999999999: struck before the count
}

// PabulibOptions says what to read besides the votes.
type PabulibOptions struct {
	// Region is the column of VOTES that becomes the voter's region, for
	// example "neighborhood"; empty: no regions.
	Region string
}

// notFeasible is the cost that Pabulib gives a project which was struck.
const notFeasible = "999999999"

// ReadPabulib reads a .pb file. It accepts what real files contain: a byte
// order mark, carriage returns, quoted fields with semicolons in them, amounts
// such as "1,500,000" and "1500,50", voters who approved nothing. A file
// without budget or projects is an error; a vote that cannot be read is a
// problem of that ballot alone.
func ReadPabulib(r io.Reader, o PabulibOptions) (*Pabulib, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxExport+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxExport {
		return nil, errors.New("the .pb file is larger than 256 MiB")
	}
	f := pabulibFile{Pabulib: &Pabulib{Meta: map[string]string{}}, region: o.Region, seen: map[string]bool{}}
	f.Export.Format = ExportFormat
	n := 0
	for line := range bytes.Lines(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))) {
		n++
		if err := f.line(strings.TrimRight(string(line), "\r\n"), n); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return f.Pabulib, f.finish()
}

// pabulibFile is a file being read.
type pabulibFile struct {
	*Pabulib
	region  string
	section string
	column  map[string]int // of the present section; nil until its header is read
	kind    string         // approval, ordinal, cumulative, scoring
	seen    map[string]bool
	dropped map[string]bool // projects that are not feasible
}

func (f *pabulibFile) line(text string, n int) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	cells := splitPabulib(text)
	if name := strings.ToUpper(strings.TrimSpace(cells[0])); name == "META" || name == "PROJECTS" || name == "VOTES" {
		if f.section != "PROJECTS" || len(cells) == 1 { // a project may be called "votes"
			return f.enter(name)
		}
	}
	if f.column == nil {
		f.column = map[string]int{}
		for i, c := range cells {
			f.column[strings.ToLower(strings.TrimSpace(c))] = i
		}
		return f.checkHeader()
	}
	switch f.section {
	case "META":
		if len(cells) > 1 {
			f.Meta[strings.ToLower(strings.TrimSpace(cells[0]))] = strings.TrimSpace(strings.Join(cells[1:], ";"))
		}
	case "PROJECTS":
		return f.project(cells)
	case "VOTES":
		f.vote(cells, n)
	default:
		return fmt.Errorf("%s comes before META, PROJECTS or VOTES", quote(text))
	}
	return nil
}

func (f *pabulibFile) enter(section string) error {
	f.section, f.column = section, nil
	if section == "VOTES" {
		if len(f.Export.Alternatives) == 0 {
			return errors.New("VOTES comes before any project")
		}
		f.kind = strings.ToLower(f.Meta["vote_type"])
	}
	return nil
}

func (f *pabulibFile) checkHeader() error {
	want := map[string][]string{"META": {"key", "value"}, "PROJECTS": {"project_id", "cost"}, "VOTES": {"vote"}}[f.section]
	for _, c := range want {
		if _, ok := f.column[c]; !ok {
			return fmt.Errorf("section %s has no column %q", f.section, c)
		}
	}
	if _, ok := f.column[strings.ToLower(f.region)]; f.section == "VOTES" && f.region != "" && !ok {
		return fmt.Errorf("VOTES has no column %q to take the region from", f.region)
	}
	return nil
}

// cell returns a column's value, "" where the row is short.
func (f *pabulibFile) cell(cells []string, column string) string {
	if i, ok := f.column[column]; ok && i < len(cells) {
		return strings.TrimSpace(cells[i])
	}
	return ""
}

func (f *pabulibFile) project(cells []string) error {
	key, cost := f.cell(cells, "project_id"), f.cell(cells, "cost")
	p := PabulibProject{Key: key, Selected: f.cell(cells, "selected"), Category: f.cell(cells, "category")}
	if p.Beneficiaries = f.cell(cells, "beneficiaries"); p.Beneficiaries == "" {
		p.Beneficiaries = f.cell(cells, "target")
	}
	amount, err := f.money(cost)
	if err != nil {
		return fmt.Errorf("cost of project %s: %w", quote(key), err)
	}
	if key == "" || f.seen["project "+key] {
		return fmt.Errorf("project_id %s is empty or used twice", quote(key))
	}
	f.seen["project "+key] = true
	p.NotFeasible = cost == notFeasible
	f.Projects = append(f.Projects, p)
	if p.NotFeasible {
		f.note("project %s has the cost %s, which marks it as not feasible: it is left out", key, notFeasible)
		if f.dropped == nil {
			f.dropped = map[string]bool{}
		}
		f.dropped[key] = true
		return nil
	}
	f.Export.Alternatives = append(f.Export.Alternatives, Alternative{Key: key, Title: validText(f.cell(cells, "name")), Cost: amount})
	return nil
}

func validText(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

func (f *pabulibFile) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}

// vote reads one row of VOTES. Each row is a voter, even one that approves
// nothing or repeats a voter_id: the file lists votes that were cast.
func (f *pabulibFile) vote(cells []string, n int) {
	b := Ballot{Key: f.cell(cells, "voter_id")}
	if b.Key == "" {
		b.Key = "line " + strconv.Itoa(n)
	}
	if f.seen["voter "+b.Key] {
		f.problem(b.Key, Duplicate, fmt.Sprintf("voter_id stands again in line %d", n), "counted as a ballot of its own, as the file lists it")
		b.Key += " line " + strconv.Itoa(n)
	}
	f.seen["voter "+b.Key] = true
	if f.region != "" {
		b.Voter = b.Key
		f.Export.Roll = append(f.Export.Roll, Member{Key: b.Key, Region: validText(f.cell(cells, strings.ToLower(f.region)))})
	}
	names := f.names(splitList(f.cell(cells, "vote")))
	switch f.kind {
	case "ordinal":
		for _, name := range names {
			b.Ranks = append(b.Ranks, []string{name})
		}
	case "cumulative", "scoring":
		f.points(&b, cells)
	default:
		b.Approves = names
	}
	f.Export.Ballots = append(f.Export.Ballots, b)
}

// names leaves out projects that were struck.
func (f *pabulibFile) names(list []string) []string {
	if f.dropped == nil {
		return list
	}
	var kept []string
	for _, name := range list {
		if !f.dropped[name] {
			kept = append(kept, name)
		}
	}
	return kept
}

func (f *pabulibFile) points(b *Ballot, cells []string) {
	names, points := splitList(f.cell(cells, "vote")), splitList(f.cell(cells, "points"))
	if len(names) != len(points) {
		f.problem(b.Key, Malformed, fmt.Sprintf("%d projects but %d points", len(names), len(points)), "counted as a voter whose share supports nothing")
		return
	}
	b.Points = make(map[string]int64, len(names))
	for i, name := range names {
		n, err := strconv.ParseInt(points[i], 10, 64)
		_, twice := b.Points[name]
		switch {
		case err != nil:
			f.problem(b.Key, OutOfRange, quote(points[i])+" is not a whole number of points", "these points are ignored")
		case twice:
			f.problem(b.Key, Duplicate, quote(name)+" stands on the ballot twice", "the first points count")
		case !f.dropped[name]:
			b.Points[name] = n
		}
	}
}

func (f *pabulibFile) problem(key string, kind ProblemKind, detail, effect string) {
	f.Problems = append(f.Problems, Problem{key, kind, detail, effect})
}

func (f *pabulibFile) finish() error {
	if len(f.Export.Alternatives) == 0 {
		return errors.New("the file has no projects")
	}
	budget, err := f.money(f.Meta["budget"])
	if err != nil {
		return fmt.Errorf("budget: %w", err)
	}
	f.Export.Budget = budget
	f.Export.Title = validText(f.Meta["description"])
	if f.kind == "ordinal" {
		if n, err := strconv.Atoi(f.Meta["max_length"]); err == nil && n > 0 && n < 1000 {
			f.Export.Portfolio = &PortfolioRule{RankPoints: n}
		}
	}
	return nil
}

// Official returns the rule that the authority says it used, as a rule of this
// package with its options. It reports false where the file names none, or one
// that is not offered here.
func (p *Pabulib) Official() (rule string, options PortfolioRule, ok bool) {
	if p.Export.Portfolio != nil {
		options = *p.Export.Portfolio
	}
	threshold, err := ParseRat(p.Meta["min_project_score_threshold"])
	if err != nil {
		threshold = Rat{}
	}
	switch strings.ToLower(p.Meta["rule"]) {
	case "greedy":
		return "greedy_votes", options, true
	case "greedy-threshold":
		options.MinSupport = threshold
		return "greedy_votes", options, true
	case "greedy-no-skip":
		options.MinSupport = threshold
		return "greedy_votes_stop", options, true
	case "equalshares":
		return "equal_shares_cost", options, true
	case "equalshares/add1":
		return "equal_shares_cost_add1", options, true
	}
	return "", options, false
}

// money reads an amount. "1,500,000" and "1.500.000" group thousands,
// "1500,50" has a decimal comma; a single comma or point before exactly three
// digits groups thousands if it is a comma, since no currency has three
// decimals here, and a note says so.
func (f *pabulibFile) money(s string) (Rat, error) {
	text := strings.NewReplacer(" ", "", "\u00a0", "", "_", "").Replace(s)
	commas, points := strings.Count(text, ","), strings.Count(text, ".")
	switch {
	case commas > 0 && points > 0:
		if strings.LastIndex(text, ",") > strings.LastIndex(text, ".") {
			text = strings.ReplaceAll(strings.ReplaceAll(text, ".", ""), ",", ".")
		} else {
			text = strings.ReplaceAll(text, ",", "")
		}
	case commas > 1 || commas == 1 && len(text)-strings.Index(text, ",") == 4:
		f.note("%s is read as %s", quote(s), strings.ReplaceAll(text, ",", ""))
		text = strings.ReplaceAll(text, ",", "")
	case commas == 1:
		text = strings.Replace(text, ",", ".", 1)
	case points > 1:
		text = strings.ReplaceAll(text, ".", "")
	}
	x, err := ParseRat(text)
	if err != nil || x.Sign() < 0 || strings.Contains(text, "/") {
		return Rat{}, fmt.Errorf("%s is not an amount of money (want 150000 or 1500.50)", quote(s))
	}
	return x, nil
}

func splitList(s string) []string {
	if s == "" {
		return nil
	}
	list := strings.Split(s, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// splitPabulib splits a row at semicolons. A field in quotation marks may
// contain semicolons, and doubled marks for one; a mark that is never closed
// on its line is an ordinary character, so that one bad title cannot swallow
// the votes.
func splitPabulib(line string) []string {
	if !strings.Contains(line, `"`) {
		return strings.Split(line, ";")
	}
	var cells []string
	for {
		cell, rest, more := cutCell(line)
		cells = append(cells, cell)
		if !more {
			return cells
		}
		line = rest
	}
}

func cutCell(line string) (cell, rest string, more bool) {
	if strings.HasPrefix(line, `"`) {
		var b strings.Builder
		for i := 1; i < len(line); {
			r, size := utf8.DecodeRuneInString(line[i:])
			switch {
			case r == '"' && strings.HasPrefix(line[i+1:], `"`):
				b.WriteByte('"')
				i += 2
			case r == '"' && i+1 == len(line):
				return b.String(), "", false
			case r == '"' && line[i+1] == ';':
				return b.String(), line[i+2:], true
			default:
				b.WriteString(line[i : i+size])
				i += size
			}
		}
	}
	return strings.Cut(line, ";")
}
