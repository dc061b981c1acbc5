package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/client"
)

func newCycleCommand(c *cli) *cobra.Command {
	return noun("cycle", "The year of a body: list, show, set",
		`A cycle is one year of a body: direction, needs, cases, deliberation, ballot, challenge,
adoption, build, ready, offer, answers, review, each with its days.`,
		newListingCommand(c, listing[governance.Cycle]{use: "list", short: "List the cycles",
			get: func(ctx context.Context, s *client.Client, _ []string) (client.GovernanceList[governance.Cycle], error) {
				return s.ListCycles(ctx)
			},
			none: "No cycle is dated yet; see `quorate cycle set`.", heading: []string{"CYCLE", "NAME", "BODY", "NOW", "GOALS"},
			row: func(y governance.Cycle) []string {
				var goals []string
				for _, g := range y.Goals {
					goals = append(goals, g.Key)
				}
				return []string{y.Key, y.Name, y.Body, joined(y.At(c.now().UTC().Format("2006-01-02"))), strings.Join(goals, ", ")}
			}}),
		newShowingCommand(c, showing[api.Stored[governance.Cycle]]{use: "show CYCLE", short: "Show a cycle: its days, its goals", args: []string{"CYCLE"},
			get: func(ctx context.Context, s *client.Client, args []string) (client.GovernanceRecord[governance.Cycle], error) {
				return s.ShowCycle(ctx, args[0])
			},
			draw: func(p *page, r api.Stored[governance.Cycle]) {
				drawCycle(p, r.Value)
				p.line("Revision %d.", r.Revision)
			}}),
		newCycleSetCommand(c))
}

func drawCycle(p *page, y governance.Cycle) {
	p.line("%s (%s), of %s; costs are in %s", y.Name, y.Key, y.Body, y.Currency)
	for _, g := range y.Goals {
		p.prose("Goal "+g.Key, g.Text)
	}
	if y.GoalsBy != "" {
		p.line("The goals were adopted by the motion %s.", y.GoalsBy)
	}
	var rows [][]string
	for _, ph := range y.Phases {
		rows = append(rows, []string{string(ph.Phase), ph.From, ph.To})
	}
	p.table("", []string{"PHASE", "FROM", "TO"}, rows)
	if y.AnswerBy != "" {
		p.line("Regions answer what is offered by %s.", y.AnswerBy)
	}
	drawDeed(p, "Dated", &y.Set)
}

func newCycleSetCommand(c *cli) *cobra.Command {
	var file string
	return newActCommand(c, act[governance.Cycle]{use: "set CYCLE --file FILE --reason TEXT", short: "Date a body's year, or move its days", args: []string{"CYCLE"},
		long: `Date a body's year, or move its days with a reason, from a file in YAML or JSON with
body, name, currency, phases (phase, from, to) and answer_by. Its goals are set by a
motion of the kind direction.`,
		example: `  quorate cycle set 2027 --file year.yaml --reason "As agreed in January"`,
		wants:   []string{"file", "reason"}, options: func(cmd *cobra.Command) { fileOption(cmd, &file) },
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[governance.Cycle], error) {
			value, revision, err := c.readRecord(file)
			if err != nil {
				return client.Written[governance.Cycle]{}, err
			}
			if why.IfRevision == 0 {
				why.IfRevision = revision
			}
			return s.SetCycle(ctx, args[0], value, why)
		},
		says: func(p *page, args []string, _ governance.Cycle) { p.line("The cycle %s is dated.", args[0]) }})
}
