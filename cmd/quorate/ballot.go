package main

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/fault"
)

func newBallotCommand(c *cli) *cobra.Command {
	return noun("ballot", "Ballots: cast, list, check a receipt",
		`A seat has one ballot, which can be replaced until the close. It is sealed: until then
neither the store nor anything that the server says tells how anybody voted. After the
close there is a roll call, and a receipt shows that a ballot was counted as cast.

Casting asks for a sign-in of the last minutes: say `+"`quorate login --fresh`"+` before.`,
		newBallotCastCommand(c), newBallotListCommand(c), newReceiptCommand(c))
}

// voteOptions are a vote, in whichever form the ballot asks.
type voteOptions struct {
	file     string
	vote     string
	approves []string
	ranks    string
	points   []string
}

func (o *voteOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	fileOption(cmd, &o.file)
	f.StringVar(&o.vote, "vote", "", "on a motion: `VOTE`: yes, no or abstain")
	oneOf(cmd, "vote", []tally.Vote{tally.Yes, tally.No, tally.Abstain})
	f.StringSliceVar(&o.approves, "approve", nil, "by approval: `KEY,…` of what you approve of")
	f.StringVar(&o.ranks, "rank", "", "by ranking: `KEY,…`, the best first; = between those that are equal to you")
	f.StringSliceVar(&o.points, "points", nil, "by points or ratings: `KEY=N,…`")
}

func (o *voteOptions) read(c *cli, cmd *cobra.Command) (v governance.Vote, err error) {
	given := 0
	for _, name := range []string{"file", "vote", "approve", "rank", "points"} {
		if cmd.Flag(name).Changed {
			given++
		}
	}
	if given != 1 {
		return v, misuse("a ballot is cast in one form, and %d were given", given).Do("say one of --vote, --approve, --rank, --points and --file; see `quorate motion show`")
	}
	if o.file != "" {
		value, _, err := c.readRecord(o.file)
		if err != nil {
			return v, err
		}
		strict := json.NewDecoder(strings.NewReader(string(value)))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&v); err != nil {
			return v, misuse("the file %s holds no ballot", o.file).Do("write vote, approves, ranks or points").At("--file")
		}
		return v, nil
	}
	v.Vote, v.Approves = tally.Vote(o.vote), o.approves
	if o.ranks != "" {
		for equal := range strings.SplitSeq(o.ranks, ",") {
			v.Ranks = append(v.Ranks, strings.Split(equal, "="))
		}
	}
	for _, pair := range o.points {
		key, text, _ := strings.Cut(pair, "=")
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || key == "" {
			return v, misuse("--points %q is not KEY=N", pair).At("--points")
		}
		if v.Points == nil {
			v.Points = map[string]int64{}
		}
		v.Points[key] = n
	}
	return v, nil
}

func newBallotCastCommand(c *cli) *cobra.Command {
	var o voteOptions
	var seat, receipt string
	cmd := &cobra.Command{
		Use: "cast MOTION", Short: "Cast the ballot of your seat, or replace it", Args: exactly("MOTION"),
		Long: `Cast the ballot of your seat, or replace it; the last one before the close counts. With
--receipt the receipt is kept in a file of yours, with which you can check after the
close that it was counted as cast. Whoever has the receipt can prove how you voted.`,
		Example: `  quorate ballot cast m-0123456789ab --vote yes --receipt receipt.json
  quorate ballot cast m-0123456789ab --approve refills,scribe
  quorate ballot cast m-0123456789ab --rank "refills,scribe=kiosk"
  quorate ballot cast m-0123456789ab --file ballot.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := o.read(c, cmd)
			if err != nil {
				return err
			}
			if seat == "" {
				if seat, err = c.ownSeat(cmd.Context(), args[0]); err != nil {
					return err
				}
			}
			w, err := ask(c, func(s *client.Client) (client.Written[governance.Receipt], error) {
				return s.CastBallot(cmd.Context(), args[0], seat, v)
			})
			if err != nil {
				return err
			}
			if receipt != "" {
				if err := keepReceipt(receipt, w.Value.Result); err != nil {
					return err
				}
			}
			return changed(c, w, func(p *page, r governance.Receipt) {
				p.line("The ballot of the seat %s on the motion %s is cast; it can be replaced until the close.", r.Seat, r.Motion)
				p.line("Commitment %s.", r.Commitment)
				if receipt != "" {
					p.line("Your receipt is in %s. Whoever has it can prove how you voted.", receipt)
				}
			})
		},
	}
	o.register(cmd)
	cmd.Flags().StringVar(&seat, "seat", "", "the `SEAT`; none: the one you occupy")
	cmd.Flags().StringVar(&receipt, "receipt", "", "keep the receipt in this `FILE`")
	return cmd
}

func keepReceipt(file string, r governance.Receipt) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = renameio.WriteFile(file, append(raw, '\n'), 0o600)
	}
	if err != nil {
		return fault.New(fault.Invalid, "bad_file", "the ballot is cast, but its receipt cannot be written to %s: %v", file, plainCause(err)).
			Do("cast it again with another --receipt: the later one counts").At("--receipt")
	}
	return nil
}

// ownSeat is the voting seat that whoever asks occupies in the body of a motion.
func (c *cli) ownSeat(ctx context.Context, motion string) (string, error) {
	s, err := c.server()
	if err != nil {
		return "", err
	}
	m, err := s.ShowMotion(ctx, motion)
	if err != nil {
		return "", err
	}
	body, err := s.ShowBody(ctx, m.Value.Value.Body)
	if err != nil {
		return "", err
	}
	me, err := s.Whoami(ctx)
	if err != nil {
		return "", err
	}
	for _, rule := range body.Value.Body.Charter.Seats {
		if rule.Voting && occupies(body.Value.Seats[rule.Key], me.Value.ID) {
			return rule.Key, nil
		}
	}
	return "", fault.New(fault.Forbidden, "no_voting_seat", "%s occupies no voting seat of %s", me.Value.Name, m.Value.Value.Body).
		Do("sign in as whoever does; see `quorate seat list %s`", m.Value.Value.Body)
}

func occupies(s governance.Seat, person string) bool {
	for _, t := range []*governance.Tenure{s.Holder, s.Acting} {
		if t != nil && t.Person.ID == person {
			return true
		}
	}
	return slices.ContainsFunc(s.Alternates, func(t governance.Tenure) bool { return t.Person.ID == person })
}

func newBallotListCommand(c *cli) *cobra.Command {
	return newShowingCommand(c, showing[api.List[governance.Cast]]{use: "list MOTION", short: "List which seats have voted; how is sealed until the close", args: []string{"MOTION"},
		get: func(ctx context.Context, s *client.Client, args []string) (client.Answer[api.List[governance.Cast]], error) {
			return s.ListBallots(ctx, args[0])
		},
		draw: func(p *page, l api.List[governance.Cast]) {
			var rows [][]string
			for _, b := range l.Items {
				rows = append(rows, []string{b.Seat, b.By.Name, string(b.Place), moment(b.At), b.Commitment})
			}
			p.table("No seat has voted.", []string{"SEAT", "CAST BY", "AS", "AT", "COMMITMENT"}, rows)
		}})
}

func newReceiptCommand(c *cli) *cobra.Command {
	return noun("receipt", "The receipt of a ballot: check",
		`A receipt opens the commitment that stands in the record, and shows which vote it was.`,
		newReceiptCheckCommand(c))
}

// checkedReceipt is what checking a receipt found.
type checkedReceipt struct {
	Motion  string          `json:"motion"`
	Seat    string          `json:"seat"`
	Counted bool            `json:"counted"`
	Vote    governance.Vote `json:"vote"`
}

func newReceiptCheckCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "check FILE", Short: "Check after the close that a ballot was counted as cast", Args: exactly("FILE"),
		Long: `Compare a receipt with the roll call of its motion: the commitment is the one you were
given, and opens to the vote that was counted. The check is made here, and not by the
server.`,
		Example: `  quorate ballot receipt check receipt.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := c.readFile("FILE", args[0])
			if err != nil {
				return err
			}
			var r governance.Receipt
			if err := json.Unmarshal(raw, &r); err != nil || r.Motion == "" || r.Commitment == "" {
				return misuse("the file %s is no receipt", args[0]).Do("give the file that `quorate ballot cast --receipt` wrote").At("FILE")
			}
			a, err := ask(c, func(s *client.Client) (client.Answer[governance.Count], error) {
				return s.ShowCount(cmd.Context(), r.Motion)
			})
			if err != nil {
				return err
			}
			found, err := checkReceipt(r, a.Value)
			if err != nil {
				return err
			}
			return c.show(found, nil, func(p *page) {
				p.line("The ballot of the seat %s on the motion %s was counted as it was cast: %s.", found.Seat, found.Motion, voteWords(found.Vote))
			})
		},
	}
}

func checkReceipt(r governance.Receipt, k governance.Count) (checkedReceipt, error) {
	i := slices.IndexFunc(k.RollCall, func(called governance.Called) bool { return called.Seat == r.Seat })
	if i < 0 || k.RollCall[i].Vote == nil {
		return checkedReceipt{}, receiptFault("the roll call of the motion %s has no ballot of the seat %s", r.Motion, r.Seat)
	}
	called := k.RollCall[i]
	switch {
	case called.Commitment != r.Commitment && r.Confirms(*called.Vote):
		return checkedReceipt{}, receiptFault("the roll call has another commitment (%s), though for the same vote", called.Commitment)
	case called.Commitment != r.Commitment:
		return checkedReceipt{}, receiptFault("the seat's last ballot is another one than this, cast by %s at %s", called.By.Name, moment(called.At))
	case !r.Confirms(*called.Vote):
		return checkedReceipt{}, receiptFault("the commitment does not open to the vote that was counted (%s)", voteWords(*called.Vote))
	case !called.Counted:
		return checkedReceipt{}, receiptFault("the ballot was not counted: %s", cmp.Or(called.Why, "no reason is given"))
	}
	return checkedReceipt{Motion: r.Motion, Seat: r.Seat, Counted: true, Vote: *called.Vote}, nil
}

func receiptFault(format string, args ...any) error {
	return fault.New(fault.Refused, "receipt_not_confirmed", format, args...).
		Do("if you did not replace it yourself, show the receipt to the secretary and an auditor")
}

// recounted says what counting a motion again has found.
type recountedMotion struct {
	Motion string `json:"motion"`
	Export string `json:"export_digest"`
	Result string `json:"result_digest"`
	Agrees bool   `json:"agrees"`
}

// recountMotion counts the export of a motion here, and compares.
func (c *cli) recountMotion(v shownMotion) error {
	m := v.Motion.Value
	if v.Counted == nil || m.Outcome == nil {
		return fault.New(fault.Refused, "not_counted", "the motion %s is %s and has no count", m.ID, m.State).Do("wait for its close; nothing is counted before")
	}
	out := recountedMotion{Motion: m.ID}
	var err error
	if out.Export, err = v.Counted.Export.Digest(); err != nil {
		return err
	}
	out.Result = out.Export
	if v.Paper.Form != governance.Ratings {
		result, err := tally.Recount(v.Counted.Export)
		if err != nil {
			return cannotCount(m.ID, err)
		}
		if out.Result, err = result.Digest(); err != nil {
			return err
		}
	}
	if out.Agrees = out.Export == m.Outcome.Export && out.Result == m.Outcome.Digest; !out.Agrees {
		return fault.New(fault.Refused, "recount_differs", "counted again, the export is %s and the result %s; the record says %s and %s", out.Export, out.Result, m.Outcome.Export, m.Outcome.Digest).
			Do("show both to an auditor")
	}
	return c.show(out, nil, func(p *page) {
		p.line("Counted again here, the motion %s comes to what the record says: %s.", m.ID, words(string(m.Outcome.Result)))
		p.line("export  %s", out.Export)
		p.line("result  %s", out.Result)
	})
}
