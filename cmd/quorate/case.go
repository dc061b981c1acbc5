package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/client"
)

func newCaseCommand(c *cli) *cobra.Command {
	return noun("case", "Business cases: list, show, write, submit, say, resolve, review",
		`A business case is what a ballot on priorities is about. Each change is a new version,
and a ballot binds the version it was cast on. A case with an empty required line, an
unanswered question or, as the charter has it, an unresolved objection stays off the
ballot.`,
		newCaseListCommand(c), newCaseShowCommand(c), newCaseChangesCommand(c), newCaseWriteCommand(c),
		newCaseActCommand(c, "submit", "Put a complete case before the body", "The case %[1]s is before the body."),
		newCaseActCommand(c, "withdraw", "Withdraw a case", "The case %[1]s is withdrawn."),
		newCaseSayCommand(c), newCaseResolveCommand(c), newCaseReviewCommand(c))
}

func newCaseListCommand(c *cli) *cobra.Command {
	var cycle string
	return newListingCommand(c, listing[governance.Case]{use: "list", short: "List the business cases",
		options: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&cycle, "cycle", "", "only those of this `CYCLE`")
		},
		get: func(ctx context.Context, s *client.Client, _ []string) (client.GovernanceList[governance.Case], error) {
			return s.ListCases(ctx)
		},
		keep: func(k governance.Case) bool { return cycle == "" || k.Cycle == cycle },
		none: "There are no business cases yet; see `quorate case write`.", heading: []string{"CASE", "CYCLE", "STATE", "VERSION", "COST", "GOAL", "TITLE"},
		row: func(k governance.Case) []string {
			return []string{k.ID, k.Cycle, string(k.State), fmt.Sprint(k.Version), fmt.Sprint(k.Cost.Expected), k.Goal, k.Title}
		}})
}

func newCaseShowCommand(c *cli) *cobra.Command {
	return newShowingCommand(c, showing[governance.CaseView]{use: "show CASE", short: "Show a case, with what is said of it", args: []string{"CASE"},
		get: func(ctx context.Context, s *client.Client, args []string) (client.Answer[governance.CaseView], error) {
			return s.ShowCase(ctx, args[0])
		},
		draw: drawCase})
}

func drawCase(p *page, v governance.CaseView) {
	k := v.Value
	p.line("%s (%s): %s, version %d", k.Title, k.ID, k.State, k.Version)
	p.pairs([2]string{"Cycle", k.Cycle}, [2]string{"Goal", k.Goal}, [2]string{"Cost", fmt.Sprintf("%d (from %d to %d)", k.Cost.Expected, k.Cost.Low, k.Cost.High)},
		[2]string{"Brings", strings.Join(k.Capabilities, ", ")}, [2]string{"Answers", strings.Join(k.Needs, ", ")},
		[2]string{"Required by", k.Required}, [2]string{"Carried on from", k.CarriedOn}, [2]string{"Funded by", k.Funded}, [2]string{"Label", strings.Join(k.Labels, ", ")})
	for _, t := range [][2]string{{"Problem", k.Problem}, {"Who benefits", k.Benefits}, {"Evidence", k.Evidence}, {"Outlook of regulation", k.Outlook}} {
		p.prose(t[0], t[1])
	}
	for _, r := range slices.Sorted(maps.Keys(k.Regions)) {
		e := k.Regions[r]
		p.prose("In "+r, "Gains: "+e.Gains+" Workload: "+e.Workload+" Revenue: "+e.Revenue+" Readiness: "+e.Readiness)
	}
	var rows [][]string
	for _, l := range k.Impact {
		rows = append(rows, []string{l.Area, fmt.Sprintf("%+d", l.Score), l.ForWhom, l.Baseline, l.CheckOn})
	}
	p.table("No impact is stated.", []string{"IMPACT ON", "", "FOR WHOM", "BASELINE", "CHECKED ON"}, rows)
	for _, h := range k.Harms {
		p.prose("Harm: "+words(h.Kind), h.Considered+" "+h.Mitigation)
	}
	for _, r := range v.Remarks {
		drawRemark(p, r)
	}
	if len(v.Missing) > 0 {
		p.line("Off the ballot until these are filled in: %s.", strings.Join(v.Missing, ", "))
	}
	p.line("Revision %d.", v.Revision)
}

func drawRemark(p *page, r governance.Remark) {
	state := ""
	switch {
	case r.Kind == governance.Question && r.Answered == nil:
		state = ", not answered"
	case r.Kind == governance.Objection && r.Resolved == nil:
		state = ", not resolved"
	case r.Resolved != nil:
		state = ", resolved: " + r.Resolved.Reason
	}
	p.prose(fmt.Sprintf("%s (%s) of %s on version %d, %s%s", r.Kind, r.ID, r.Made.By.Name, r.Version, moment(r.Made.At), state), r.Text)
}

func newCaseChangesCommand(c *cli) *cobra.Command {
	return newShowingCommand(c, showing[api.List[governance.Line]]{use: "changes CASE VERSION", short: "Show what a version of a case changed", args: []string{"CASE", "VERSION"},
		get: func(ctx context.Context, s *client.Client, args []string) (client.Answer[api.List[governance.Line]], error) {
			return s.CaseChanges(ctx, args[0], args[1])
		},
		draw: func(p *page, l api.List[governance.Line]) {
			for _, line := range l.Items {
				p.line("%s", line.Path)
				p.indented(2, "- %s", line.Before)
				p.indented(2, "+ %s", line.After)
			}
			if len(l.Items) == 0 {
				p.line("It changed nothing.")
			}
		}})
}

func newCaseWriteCommand(c *cli) *cobra.Command {
	var file string
	return newActCommand(c, act[string]{use: "write CASE --file FILE", short: "Write a business case, or its next version", args: []string{"CASE"}, wants: []string{"file"},
		long: `Write a business case, or its next version, from a file in YAML or JSON: cycle, title,
goal, needs, capabilities, problem, benefits, cost (low, expected, high), regions (by
key: gains, workload, revenue, systems, readiness), impact (area, score, for_whom,
baseline, check_on), harms (kind, considered, mitigation), evidence, outlook.

The areas are ` + strings.Join(governance.Areas, ", ") + `; the harms to
consider are ` + strings.Join(governance.HarmKinds, ", ") + `. A draft may have gaps; submit refuses them.`,
		example: `  quorate case write refills --file refills.yaml
  quorate case write refills --file refills.yaml --reason "Pharmacists do the triage"`,
		options: func(cmd *cobra.Command) { fileOption(cmd, &file) },
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			value, revision, err := c.readRecord(file)
			if err != nil {
				return client.Written[string]{}, err
			}
			if why.IfRevision == 0 {
				why.IfRevision = revision
			}
			return s.WriteCase(ctx, args[0], value, why)
		},
		says: made("The case %s is written.")})
}

func newCaseActCommand(c *cli, verb, short, says string) *cobra.Command {
	return newActCommand(c, act[string]{use: verb + " CASE --reason TEXT", short: short, args: []string{"CASE"}, wants: []string{"reason"},
		example: "  quorate case " + verb + ` refills --reason "As the authors agreed"`,
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			return s.OnCase(ctx, args[0], verb, why)
		},
		says: saying(says)})
}

func newCaseSayCommand(c *cli) *cobra.Command {
	var r governance.Remark
	var kind string
	return newActCommand(c, act[string]{use: "say CASE --text TEXT [--kind KIND] [--under REMARK]", short: "Comment on a case, ask, answer, state a position, object", args: []string{"CASE"}, wants: []string{"text"},
		long: `Say something of a case. A statement stands beside it; a question must be answered
before the ballot; support, concern and objection are positions, and what an
objection does stands in the charter.`,
		example: `  quorate case say refills --kind objection --text "Nurses would do the triage"
  quorate case say refills --kind answer --under r-0123456789ab --text "In eleven languages"`,
		options: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&kind, "kind", string(governance.Comment), "`KIND`: comment, statement, question, answer, support, concern or objection")
			oneOf(cmd, "kind", governance.RemarkKinds)
			cmd.Flags().StringVar(&r.Under, "under", "", "the `REMARK` it replies to")
			cmd.Flags().StringVar(&r.Text, "text", "", "`TEXT` of it")
		},
		do: func(ctx context.Context, s *client.Client, args []string, _ client.Why) (client.Written[string], error) {
			r.Case, r.Kind = args[0], governance.RemarkKind(kind)
			return s.Say(ctx, r)
		},
		says: made("It stands beside the case as %s.")})
}

func newCaseResolveCommand(c *cli) *cobra.Command {
	return newActCommand(c, act[string]{use: "resolve CASE REMARK --reason TEXT", short: "Withdraw your own objection, saying how it was met", args: []string{"CASE", "REMARK"}, wants: []string{"reason"},
		example: `  quorate case resolve refills r-0123456789ab --reason "Pharmacists do the triage now"`,
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			return s.ResolveObjection(ctx, args[0], args[1], why)
		},
		says: saying("The objection %[2]s to %[1]s is resolved.")})
}

func newCaseReviewCommand(c *cli) *cobra.Command {
	var file string
	return newActCommand(c, act[string]{use: "review CASE --file FILE --reason TEXT", short: "Record how a funded case turned out", args: []string{"CASE"}, wants: []string{"file", "reason"},
		long: `Record, against what a funded case promised, what was found: a file in YAML or JSON with
lines (area, found from -2 to 2, evidence), harms, and a verdict of keep, change or
retire. Every promise of the case is answered.`,
		example: `  quorate case review refills --file review.yaml --reason "A year after the offer"`,
		options: func(cmd *cobra.Command) { fileOption(cmd, &file) },
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			fields, err := c.readFields(file)
			if err != nil {
				return client.Written[string]{}, err
			}
			return s.WriteReview(ctx, args[0], fields, why)
		},
		says: made("The outcome of %s is reviewed.")})
}
