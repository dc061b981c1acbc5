package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/client"
)

func newMotionCommand(c *cli) *cobra.Command {
	return noun("motion", "Motions: list, show, move, second, open, count again",
		`A motion is what somebody wants a body to decide. It is moved, seconded, opened for a
time, closed and counted, and takes effect after the window in which it can be
challenged. When it opens, seats, weights, rule, order of ties and text are frozen under
one hash. Nothing closes it early, unless the charter says so when all have voted.`,
		newMotionListCommand(c), newMotionShowCommand(c), newMotionMoveCommand(c),
		newMotionActCommand(c, "second", "Second a motion", "The motion %[1]s is seconded.", false),
		newMotionAmendCommand(c), newMotionPostponeCommand(c),
		newMotionActCommand(c, "withdraw", "Withdraw your own motion", "The motion %[1]s is withdrawn.", false),
		newMotionActCommand(c, "recuse", "Stand aside on a motion", "Your seat stands aside on the motion %[1]s.", true),
		newMotionOpenCommand(c),
		newMotionActCommand(c, "close", "Close a motion that is due; it does so by itself", "The motion %[1]s is closed.", false),
		newMotionActCommand(c, "settle", "Count a closed motion, or let a carried one take effect; it does so by itself", "The motion %[1]s is settled as far as it can be.", false),
		newMotionActCommand(c, "challenge", "Challenge an outcome within its window", "The motion %[1]s is challenged; it waits for the chair's ruling.", true),
		newMotionRuleCommand(c),
		newMotionActCommand(c, "sign-for-plan", "Sign a motion for the health plan", "The health plan has signed the motion %[1]s.", true),
		newMotionExportCommand(c), newMotionRecountCommand(c))
}

func newMotionListCommand(c *cli) *cobra.Command {
	var body, state string
	return newListingCommand(c, listing[governance.Motion]{use: "list", short: "List the motions",
		options: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&body, "body", "", "only those of this `BODY`")
			cmd.Flags().StringVar(&state, "state", "", "only those in this `STATE`: moved, pending, open, closed, carried, effective, lost, withdrawn")
			oneOf(cmd, "state", governance.States)
		},
		get: func(ctx context.Context, s *client.Client, _ []string) (client.GovernanceList[governance.Motion], error) {
			return s.ListMotions(ctx)
		},
		keep: func(m governance.Motion) bool {
			return (body == "" || m.Body == body) && (state == "" || string(m.State) == state)
		},
		none: "There are no such motions; see `quorate motion move`.", heading: []string{"MOTION", "BODY", "KIND", "STATE", "WHEN", "TITLE"},
		row: func(m governance.Motion) []string {
			return []string{m.ID, m.Body, string(m.Kind), string(m.State), motionWhen(m), m.Title}
		}})
}

// motionWhen is the time that matters of a motion as it stands.
func motionWhen(m governance.Motion) string {
	switch {
	case m.State == governance.Open:
		return "closes " + moment(m.Opened.Closes)
	case m.State == governance.Carried && m.Outcome != nil:
		return "effective from " + moment(m.Outcome.EffectiveFrom)
	case m.Effective != nil:
		return "since " + moment(m.Effective.At)
	case m.NotBefore != "":
		return "not before " + m.NotBefore
	}
	return "moved " + moment(m.Moved.At)
}

// shownMotion is a motion with whatever there is beside it.
type shownMotion struct {
	Motion  api.Stored[governance.Motion] `json:"motion"`
	Paper   *governance.Paper             `json:"paper,omitempty"`
	Voted   []governance.Cast             `json:"voted,omitempty"`
	Counted *governance.Count             `json:"count,omitempty"`
}

func newMotionShowCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "show MOTION", Short: "Show a motion: its words, who has voted and, once it is counted, the count", Args: exactly("MOTION"),
		Long: `Show a motion: its words and how it stands; while it is open, which seats have voted and
never how; once it is counted, the outcome, the explanation round by round, and the
roll call.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := c.fetchMotion(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.show(v, nil, func(p *page) { drawMotion(p, v) })
		},
	}
}

func (c *cli) fetchMotion(ctx context.Context, id string) (v shownMotion, err error) {
	s, err := c.server()
	if err != nil {
		return v, err
	}
	defer c.sayIfSlow()()
	m, err := s.ShowMotion(ctx, id)
	if err != nil {
		return v, err
	}
	v.Motion = m.Value
	if m.Value.Value.Opened == nil {
		return v, nil
	}
	paper, err := s.ShowPaper(ctx, id)
	if err != nil {
		return v, err
	}
	v.Paper = &paper.Value
	voted, err := s.ListBallots(ctx, id)
	if err != nil {
		return v, err
	}
	v.Voted = voted.Value.Items
	if m.Value.Value.Outcome != nil {
		counted, err := s.ShowCount(ctx, id)
		if err != nil {
			return v, err
		}
		v.Counted = &counted.Value
	}
	return v, nil
}

func drawMotion(p *page, v shownMotion) {
	m := v.Motion.Value
	p.line("%s", m.Title)
	p.line("%s, of the kind %s, in the body %s: %s, %s", m.ID, m.Kind, m.Body, m.State, motionWhen(m))
	p.prose("To be adopted", m.Text)
	drawSubject(p, m.Subject)
	drawDeed(p, "Moved", &m.Moved)
	drawDeed(p, "Seconded", m.Seconded)
	for _, a := range m.Amended {
		drawDeed(p, "Amended", &a.By)
	}
	drawDeed(p, "Postponed", m.Postponed)
	drawDeed(p, "Withdrawn", m.Withdrawn)
	for _, r := range m.Recused {
		drawDeed(p, r.Seat+" stands aside: declared", &r.Act)
	}
	if v.Paper != nil {
		drawPaper(p, m, *v.Paper, v.Voted)
	}
	if v.Counted != nil {
		drawCount(p, m, *v.Counted)
	}
	for _, ch := range m.Challenges {
		drawDeed(p, "Challenged", &ch.Act)
		if ch.Ruled != nil {
			drawDeed(p, map[bool]string{true: "Upheld", false: "Not upheld"}[ch.Upheld], ch.Ruled)
		}
	}
	drawDeed(p, "Signed for the health plan", m.PlanSigned)
	if m.Obstacle != "" {
		p.line("Carried and not in effect yet: %s.", m.Obstacle)
	}
	drawDeed(p, "In effect", m.Effective)
	p.line("Revision %d.", v.Motion.Revision)
}

func drawSubject(p *page, s governance.Subject) {
	budget := ""
	if s.Budget > 0 {
		budget = fmt.Sprint(s.Budget)
	}
	p.pairs([2]string{"Capability", s.Capability}, [2]string{"Offer", string(s.Offer)}, [2]string{"Retires by", s.RetireBy}, [2]string{"Winds down", s.WindDown},
		[2]string{"Cycle", s.Cycle}, [2]string{"Budget", budget}, [2]string{"Cases", strings.Join(s.Cases, ", ")}, [2]string{"Set aside", strings.Join(s.SetAside, ", ")},
		[2]string{"Portfolio", strings.Join(s.Portfolio, ", ")}, [2]string{"Of the motion", s.Motion}, [2]string{"About", s.About})
	for _, g := range s.Goals {
		p.prose("Goal "+g.Key, g.Text)
	}
	for _, o := range s.Options {
		p.prose("Option "+o.Key, o.Title)
	}
}

func drawPaper(p *page, m governance.Motion, paper governance.Paper, voted []governance.Cast) {
	p.line("")
	drawDeed(p, "Opened", &m.Opened.Act)
	p.line("Paper %s; the ballot is %s, counted by %s.", m.Opened.Hash, words(string(paper.Form)), paper.Rule)
	var rows [][]string
	for _, a := range paper.Alternatives {
		version := ""
		if n := paper.Cases[a.Key]; n > 0 {
			version = fmt.Sprintf("version %d", n)
		}
		rows = append(rows, []string{a.Key, version, a.Cost.String(), a.Title})
	}
	if len(rows) > 0 {
		p.table("", []string{"ALTERNATIVE", "", "COST", "TITLE"}, rows)
	}
	var seats []string
	for _, b := range voted {
		seats = append(seats, b.Seat)
	}
	if m.State == governance.Open {
		p.line("%d of %d seats have voted: %s. How is sealed until the close.", len(voted), m.Opened.Eligible, orNobody(seats))
	}
}

func orNobody(seats []string) string {
	if len(seats) == 0 {
		return "none"
	}
	return strings.Join(seats, ", ")
}

func drawCount(p *page, m governance.Motion, k governance.Count) {
	o := m.Outcome
	p.line("")
	p.line("Outcome: %s, by %d of %d ballots", words(string(o.Result)), o.Cast, o.Eligible)
	p.prose("Explanation", o.Sentence)
	p.paragraphs(k.Text)
	p.line("")
	var rows [][]string
	for _, r := range k.RollCall {
		by, how := "", ""
		if r.By != nil {
			by = r.By.Name
		}
		if r.Vote != nil {
			how = voteWords(*r.Vote)
		}
		if r.Why != "" {
			how = strings.TrimSpace(how + " (not counted: " + r.Why + ")")
		}
		rows = append(rows, []string{r.Seat, by, string(r.Place), how})
	}
	p.table("Nobody was on the roll.", []string{"SEAT", "CAST BY", "AS", "VOTE"}, rows)
	p.line("export  %s", o.Export)
	p.line("result  %s", o.Digest)
}

// voteWords says a vote in words.
func voteWords(v governance.Vote) string {
	switch {
	case v.Vote != "":
		return string(v.Vote)
	case len(v.Approves) > 0:
		return "approves " + strings.Join(v.Approves, ", ")
	case len(v.Ranks) > 0:
		var ranks []string
		for _, r := range v.Ranks {
			ranks = append(ranks, strings.Join(r, "="))
		}
		return strings.Join(ranks, " > ")
	case len(v.Points) > 0:
		return strings.Trim(literal(v.Points), "{}")
	}
	return "abstains"
}

// proposalOptions are what a motion is made of.
type proposalOptions struct {
	file           string
	body, kind     string
	title, text    string
	s              governance.Subject
	under          termsOptions
	goals, options []string
}

func (o *proposalOptions) register(c *cli, cmd *cobra.Command, whole bool) {
	f := cmd.Flags()
	if whole {
		fileOption(cmd, &o.file)
		f.StringVar(&o.body, "body", "", "the `BODY` that is to decide, such as strategy")
		f.StringVar(&o.kind, "kind", "", "`KIND`: "+joined(governance.Kinds))
		oneOf(cmd, "kind", governance.Kinds)
	}
	f.StringVar(&o.title, "title", "", "`TEXT` of a few words")
	f.StringVar(&o.text, "text", "", "`TEXT` to be adopted, as it will stand in the minutes")
	f.StringVar(&o.s.Capability, "capability", "", "offer, rescind, retire, ratify: the `CAPABILITY`")
	offer(cmd, "capability", c.offering(anywhere, capabilityNames))
	o.under.register(cmd)
	f.StringVar(&o.s.RetireBy, "retire-by", "", "retire: the last `DATE`")
	f.StringVar(&o.s.WindDown, "wind-down", "", "retire: `TEXT` that says what becomes of patients in progress")
	f.StringVar(&o.s.Cycle, "cycle", "", "direction, priority: the `CYCLE`")
	f.StringArrayVar(&o.goals, "goal", nil, "direction: `KEY=TEXT` of a goal; three to five")
	f.Int64Var(&o.s.Budget, "funds", 0, "priority: `AMOUNT` to divide, in the unit of the costs")
	f.StringSliceVar(&o.s.Cases, "case", nil, "priority, rating: `CASE,…` to vote on")
	f.StringSliceVar(&o.s.SetAside, "set-aside", nil, "priority: `CASE,…` that are funded first")
	f.StringVar(&o.s.Motion, "of", "", "adopt: the priority `MOTION`; rating: the round before")
	f.StringSliceVar(&o.s.Portfolio, "portfolio", nil, "adopt: `CASE,…` that are funded")
	f.StringArrayVar(&o.options, "option", nil, "choice: `KEY=TITLE` of one to choose from")
	f.StringVar(&o.s.StatusQuo, "status-quo", "", "choice: the `KEY` that leaves things as they are")
	f.StringVar(&o.s.About, "about", "", "`TEXT` that says where it comes from")
}

func (o *proposalOptions) subject(cmd *cobra.Command, kind governance.Kind) (governance.Subject, error) {
	s := o.s
	if kind == governance.OfferIt {
		var err error
		if s.Offer, s.Terms, err = o.under.terms(cmd); err != nil {
			return s, err
		}
	}
	goals, err := keyed("goal", o.goals)
	if err != nil {
		return s, err
	}
	for _, g := range goals {
		s.Goals = append(s.Goals, governance.Goal{Key: g[0], Text: g[1]})
	}
	options, err := keyed("option", o.options)
	for _, x := range options {
		s.Options = append(s.Options, governance.Option{Key: x[0], Title: x[1]})
	}
	return s, err
}

func newMotionMoveCommand(c *cli) *cobra.Command {
	var o proposalOptions
	var self *cobra.Command
	self = newActCommand(c, act[string]{use: "move --body BODY --kind KIND --title TEXT --text TEXT", short: "Move a motion",
		long: `Put a motion before a body. What it takes depends on its kind; a charter or a new body
comes in a file (body, kind, title, text, subject) in YAML or JSON.`,
		example: `  quorate motion move --body strategy --kind offer --capability rx_refill \
    --title "Offer refills" --text "Resolved, that refills be offered to all regions"
  quorate motion move --body strategy --kind priority --cycle 2027 --funds 900 \
    --case refills,scribe --title "Priorities" --text "Resolved, that these be funded"
  quorate motion move --file charter.yaml`,
		options: func(cmd *cobra.Command) { o.register(c, cmd, true) },
		do: func(ctx context.Context, s *client.Client, _ []string, _ client.Why) (client.Written[string], error) {
			if o.file != "" {
				value, _, err := c.readRecord(o.file)
				if err != nil {
					return client.Written[string]{}, err
				}
				return s.Move(ctx, value)
			}
			if err := need(self, "body", "kind", "title", "text"); err != nil {
				return client.Written[string]{}, err
			}
			subject, err := o.subject(self, governance.Kind(o.kind))
			if err != nil {
				return client.Written[string]{}, err
			}
			return s.Move(ctx, governance.Proposal{Body: o.body, Kind: governance.Kind(o.kind), Title: o.title, Text: o.text, Subject: subject})
		},
		says: made("The motion %s is before the body.")})
	return self
}

func newMotionAmendCommand(c *cli) *cobra.Command {
	var o proposalOptions
	var self *cobra.Command
	self = newActCommand(c, act[string]{use: "amend MOTION --title TEXT --text TEXT", short: "Amend your own motion before it is open", args: []string{"MOTION"}, wants: []string{"title", "text"},
		long: `Change the words, and what the motion is about, before it is open. What it is about is
said anew as a whole. Whoever seconded the old words has not seconded the new ones.`,
		example: `  quorate motion amend m-0123456789ab --title "Offer refills" \
    --text "Resolved, that refills be offered to adults" --capability rx_refill`,
		options: func(cmd *cobra.Command) { o.register(c, cmd, false) },
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			m, err := s.ShowMotion(ctx, args[0])
			if err != nil {
				return client.Written[string]{}, err
			}
			subject, err := o.subject(self, m.Value.Value.Kind)
			if err != nil {
				return client.Written[string]{}, err
			}
			return s.OnMotion(ctx, args[0], "amend", map[string]any{"title": o.title, "text": o.text, "subject": subject}, why)
		},
		says: saying("The motion %[1]s is amended.")})
	return self
}

// newMotionActCommand makes a verb that takes a motion and, maybe, a reason.
func newMotionActCommand(c *cli, verb, short, says string, reasoned bool) *cobra.Command {
	a := act[string]{use: verb + " MOTION", short: short, args: []string{"MOTION"},
		example: "  quorate motion " + verb + " m-0123456789ab",
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			return s.OnMotion(ctx, args[0], verb, nil, why)
		},
		says: saying(says)}
	if reasoned {
		a.use, a.wants, a.example = a.use+" --reason TEXT", []string{"reason"}, a.example+` --reason "For the record"`
	}
	return newActCommand(c, a)
}

func newMotionPostponeCommand(c *cli) *cobra.Command {
	var until string
	return newActCommand(c, act[string]{use: "postpone MOTION --until DATE --reason TEXT", short: "Postpone a motion to a day", args: []string{"MOTION"}, wants: []string{"until", "reason"},
		example: `  quorate motion postpone m-0123456789ab --until 2027-06-01 --reason "The pilot ends in May"`,
		options: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&until, "until", "", "the `DATE` (YYYY-MM-DD) before which it is not opened")
		},
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			return s.OnMotion(ctx, args[0], "postpone", map[string]any{"until": until}, why)
		},
		says: func(p *page, args []string, _ string) {
			p.line("The motion %s is postponed to %s.", args[0], until)
		}})
}

func newMotionOpenCommand(c *cli) *cobra.Command {
	var closes, length string
	return newActCommand(c, act[string]{use: "open MOTION --closes TIME", short: "Open a motion for voting until a time", args: []string{"MOTION"},
		long: `Open a motion for voting. From then on seats, weights, rule, order of ties and text are
frozen. It closes at the time given and cannot be closed before.`,
		example: `  quorate motion open m-0123456789ab --closes 2027-05-14T17:00:00Z
  quorate motion open m-0123456789ab --for 168h`,
		options: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&closes, "closes", "", "the `TIME` at which it closes, such as 2027-05-14T17:00:00Z")
			cmd.Flags().StringVar(&length, "for", "", "or for so long: `TIME` such as 72h")
			cmd.MarkFlagsMutuallyExclusive("closes", "for")
		},
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			at, err := c.closing(closes, length)
			if err != nil {
				return client.Written[string]{}, err
			}
			return s.OnMotion(ctx, args[0], "open", map[string]any{"closes": at.UTC().Format(time.RFC3339)}, why)
		},
		says: saying("The motion %[1]s is open.")})
}

func (c *cli) closing(closes, length string) (time.Time, error) {
	if length != "" {
		d, err := time.ParseDuration(length)
		if err != nil {
			return time.Time{}, misuse("--for %q is no time such as 72h", length).At("--for")
		}
		return c.now().Add(d), nil
	}
	at, err := time.Parse(time.RFC3339, closes)
	if err != nil {
		return at, misuse("--closes %q is no time such as 2027-05-14T17:00:00Z", closes).Do("say --closes TIME, or --for 72h").At("--closes")
	}
	return at, nil
}

func newMotionRuleCommand(c *cli) *cobra.Command {
	var upheld bool
	return newActCommand(c, act[string]{use: "rule-on-challenge MOTION [--uphold] --reason TEXT", short: "Rule, from the chair, on the oldest open challenge", args: []string{"MOTION"}, wants: []string{"reason"},
		long:    `Rule, from the chair, on the oldest open challenge. If it is upheld, the motion is voted on again.`,
		example: `  quorate motion rule-on-challenge m-0123456789ab --reason "The estimate was known when we voted"`,
		options: func(cmd *cobra.Command) {
			cmd.Flags().BoolVar(&upheld, "uphold", false, "the challenge is right")
		},
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			return s.OnMotion(ctx, args[0], "rule-on-challenge", map[string]any{"upheld": upheld}, why)
		},
		says: saying("The chair has ruled on the challenge to the motion %[1]s.")})
}

func newMotionExportCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "export MOTION", Short: "Export what anybody can count again, without a server", Args: exactly("MOTION"),
		Example: `  quorate motion export m-0123456789ab > priorities.json
  quorate tally priorities.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.server()
			if err != nil {
				return err
			}
			a, err := s.ExportCount(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.print(a.Raw)
		},
	}
}

func newMotionRecountCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "recount MOTION", Short: "Count a motion again here, and compare with what the record says", Args: exactly("MOTION"),
		Long: `Take a motion's export, count it again on this machine with the code of ` + "`quorate tally`" + `,
and compare: with the ballots of the roll call, the digest of the export, and the
digest of the result that stand in the record.`,
		Example: `  quorate motion recount m-0123456789ab`,
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := c.fetchMotion(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.recountMotion(v)
		},
	}
}
