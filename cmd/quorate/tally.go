package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/fault"
)

// recountOptions are what the command line sets over what the file says.
type recountOptions struct {
	rule      string
	seats     int
	budget    string
	ties      string
	increment string
	region    string
	rehearse  bool
}

// recounted is what the JSON output holds.
type recounted struct {
	Title       string       `json:"title,omitempty"`
	Explanation string       `json:"explanation"`
	Input       string       `json:"input_digest"`
	Digest      string       `json:"result_digest"`
	Notes       []string     `json:"file_notes,omitempty"`
	Result      tally.Result `json:"result"`
}

func newTallyCommand(c *cli) *cobra.Command {
	var o recountOptions
	cmd := &cobra.Command{
		Use:   "tally FILE",
		Short: "Count an election again, without a server",
		Long: `Count an election again from its file alone: an export of this program (JSON), a
participatory-budgeting election in the .pb format, or an election in the BLT format
of STV programs. - reads from standard input.

An export says by which rule it was counted; the options say otherwise. What is
printed are the winners in order, every round with who gave what to what, the
explanation, and two digests: of the input, and of the result. Two people who see the
same digests have counted the same and found the same.

--ties is a list of steps, tried in turn: cost (the cheaper first), votes, key (by name),
order (as on the ballot paper) or order=A:B:C, and lot=SEED for a lot drawn from a
published value. Where the list does not decide, the count stops and names the tied.`,
		Example: `  quorate tally portfolio.json
  quorate tally city.pb --rule equal_shares_cost_add1 --ties cost,votes,lot=2026-03-01
  quorate tally ward.blt --rule stv_scottish --seats 4 --output json
  quorate tally city.pb --rule greedy_votes --rehearse`,
		Args: exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error { return c.recount(args[0], o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.rule, "rule", "", "`RULE` to count by; an unknown one lists them all")
	f.IntVar(&o.seats, "seats", 0, "how many `SEATS` to fill")
	f.StringVar(&o.budget, "budget", "", "`AMOUNT` to spend, in the unit of the costs")
	f.StringVar(&o.ties, "ties", "", "`STEPS` that break ties, such as cost,votes,lot=SEED")
	f.StringVar(&o.increment, "increment", "", "`AMOUNT` by which Add1 raises every share; part of the rule")
	f.StringVar(&o.region, "region-column", "", "`COLUMN` of a .pb file that holds the voters' region")
	f.BoolVar(&o.rehearse, "rehearse", false, "count by every rule that applies, side by side, and audit each outcome")
	oneOf(cmd, "rule", tally.RuleNames())
	return cmd
}

func (c *cli) recount(name string, o recountOptions) error {
	e, notes, err := c.readElection(name, o)
	if err != nil {
		return err
	}
	if err := o.apply(&e); err != nil {
		return err
	}
	if o.rehearse {
		r, err := tally.Rehearse(e)
		if err != nil {
			return cannotCount(name, err)
		}
		return c.show(r, nil, func(p *page) { p.paragraphs(tally.RehearsalText(e, r)) })
	}
	result, err := tally.Recount(e)
	if err != nil {
		return cannotCount(name, err)
	}
	out := recounted{Title: e.Title, Explanation: tally.Sentence(result), Notes: notes, Result: result}
	if out.Input, err = e.Digest(); err != nil {
		return err
	}
	if out.Digest, err = result.Digest(); err != nil {
		return err
	}
	return c.show(out, nil, func(p *page) { out.draw(p, e) })
}

func (r recounted) draw(p *page, e tally.Export) {
	if r.Title != "" {
		p.line("%s", r.Title)
	}
	p.line("Counted by %s, version %d.", r.Result.Rule, r.Result.Version)
	p.line("")
	if len(r.Result.Winners) > 0 {
		names := map[string]string{}
		for _, a := range e.Alternatives {
			names[a.Key] = a.Name()
		}
		for i, w := range r.Result.Winners {
			p.line("%d. %s", i+1, names[w])
		}
		p.line("")
	}
	p.paragraphs(tally.Text(r.Result))
	for _, n := range r.Notes {
		p.line("File: %s.", n)
	}
	p.line("")
	p.line("input   %s", r.Input)
	p.line("result  %s", r.Digest)
}

// paragraphs adds text line by line; prose is broken, tables are not.
func (p *page) paragraphs(text string) {
	for line := range strings.Lines(text) {
		p.line("%s", strings.TrimRight(line, "\n"))
	}
}

// readElection reads any of the three formats, told apart by what is in them.
func (c *cli) readElection(name string, o recountOptions) (tally.Export, []string, error) {
	raw, err := c.readElectionFile(name)
	if err != nil {
		return tally.Export{}, nil, err
	}
	head := bytes.TrimSpace(bytes.TrimPrefix(raw[:min(len(raw), 512)], []byte("\xef\xbb\xbf")))
	var e tally.Export
	var notes []string
	switch {
	case bytes.HasPrefix(head, []byte("{")):
		e, err = tally.ReadExport(bytes.NewReader(raw))
	case len(head) >= 4 && strings.EqualFold(string(head[:4]), "META"):
		e, notes, err = readPabulib(raw, o)
	default:
		e, err = tally.ReadBLT(bytes.NewReader(raw))
	}
	if err != nil {
		return e, nil, misuse("the file %s cannot be read as an election: %v", name, err).
			Do("give an export of this program, a .pb file or a BLT file").At("FILE")
	}
	if e.Title == "" {
		e.Title = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	}
	return e, notes, nil
}

// readPabulib takes the rule and options that the file names where it names
// any, and the customary tie-break.
func readPabulib(raw []byte, o recountOptions) (tally.Export, []string, error) {
	pb, err := tally.ReadPabulib(bytes.NewReader(raw), tally.PabulibOptions{Region: o.region})
	if err != nil {
		return tally.Export{}, nil, err
	}
	e, notes := pb.Export, pb.Notes
	e.Ties = tally.TieBreak{{By: tally.ByCost}, {By: tally.ByVotes}, {By: tally.ByKey}}
	if rule, options, ok := pb.Official(); ok && o.rule == "" {
		e.Rule, e.Portfolio = rule, &options
	}
	for _, p := range pb.Problems {
		notes = append(notes, fmt.Sprintf("ballot %s: %s, %s", p.Ballot, p.Detail, p.Effect))
	}
	return e, notes, nil
}

// maxElection is the largest file that is read: a large city's election.
const maxElection = 256 << 20

func (c *cli) readElectionFile(name string) ([]byte, error) {
	in := c.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, badFile("FILE", name, plainCause(err))
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxElection+1))
	if err != nil {
		return nil, badFile("FILE", name, plainCause(err))
	}
	if len(raw) > maxElection {
		return nil, fault.New(fault.TooLarge, "file_too_large", "the file %s has more than %d bytes", name, maxElection).
			Do("count a smaller election").At("FILE")
	}
	return raw, nil
}

// apply sets what the options say over what the file says.
func (o recountOptions) apply(e *tally.Export) error {
	if o.rule != "" && o.rule != e.Rule {
		e.Rule, e.Version = o.rule, 0
	}
	if !slices.Contains(tally.RuleNames(), e.Rule) {
		asked := "the file names no rule"
		if e.Rule != "" {
			asked = fmt.Sprintf("no rule is called %q", e.Rule)
		}
		return misuse("%s", asked).Do("say --rule with one of %s", strings.Join(tally.RuleNames(), ", ")).At("--rule")
	}
	if o.seats < 0 {
		return misuse("--seats is %d", o.seats).Do("say how many seats to fill, 1 or more").At("--seats")
	}
	if o.seats > 0 {
		e.Seats = o.seats
	}
	if o.budget != "" {
		b, err := tally.ParseRat(o.budget)
		if err != nil || b.Sign() <= 0 {
			return misuse("--budget %q is not an amount above 0", o.budget).Do("say for example --budget 1500000").At("--budget")
		}
		e.Budget = b
	}
	if o.increment != "" {
		n, err := tally.ParseRat(o.increment)
		if err != nil || n.Sign() <= 0 {
			return misuse("--increment %q is not an amount above 0", o.increment).Do("say for example --increment 100").At("--increment")
		}
		options := tally.PortfolioRule{}
		if e.Portfolio != nil {
			options = *e.Portfolio
		}
		options.Increment = n
		e.Portfolio = &options
	}
	if o.ties != "" {
		ties, err := parseTies(o.ties)
		if err != nil {
			return err
		}
		e.Ties = ties
	}
	return nil
}

func parseTies(text string) (tally.TieBreak, error) {
	var ties tally.TieBreak
	for step := range strings.SplitSeq(text, ",") {
		by, value, _ := strings.Cut(strings.TrimSpace(step), "=")
		s := tally.TieStep{By: tally.TieBy(by)}
		switch s.By {
		case tally.ByCost, tally.ByVotes, tally.ByKey:
			if value != "" {
				return nil, badStep(step)
			}
		case tally.ByOrder:
			if value != "" {
				s.Order = strings.Split(value, ":")
			}
		case tally.ByLot:
			if s.Seed = value; value == "" {
				return nil, misuse("--ties: the lot has no seed").Do("say lot=SEED, with a value that was published before the count").At("--ties")
			}
		default:
			return nil, badStep(step)
		}
		ties = append(ties, s)
	}
	return ties, nil
}

func badStep(step string) error {
	return misuse("--ties: %q is not a step", step).Do("use cost, votes, key, order, order=A:B:C or lot=SEED").At("--ties")
}

// cannotCount says why, and for a tie what to do.
func cannotCount(name string, err error) error {
	var tie *tally.TieError
	if errors.As(err, &tie) {
		return misuse("%s: tie for %s between %s, which the tie-break does not decide", name, tie.Tie.For, strings.Join(tie.Tie.Tied, ", ")).
			Do("draw a lot or ask the chair, then count again with --ties ...,lot=SEED or --ties ...,order=A:B").At("--ties")
	}
	return misuse("%s cannot be counted: %v", name, err).Do("check the file, --rule, --seats and --budget")
}
