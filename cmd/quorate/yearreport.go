package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/client"
)

func newReportCommand(c *cli) *cobra.Command {
	return noun("report", "Reports: year",
		`Reports are made from what is recorded, each time anew, so that anyone can make them
again.`,
		newShowingCommand(c, showing[governance.YearReport]{use: "year CYCLE", short: "Report how a year went", args: []string{"CYCLE"},
			long: `Report how a year went: how regions answered what is offered, and whether in time; what
became of the needs; which outcome reviews were held, and what was found of what was
promised; what was spent for which goal, and where.`,
			get: func(ctx context.Context, s *client.Client, args []string) (client.Answer[governance.YearReport], error) {
				return s.YearReport(ctx, args[0])
			},
			draw: drawYear}))
}

func drawYear(p *page, r governance.YearReport) {
	p.line("%s (%s), of %s, as of %s", r.Name, r.Cycle, r.Body, r.AsOf)
	due := "; no day is set"
	if r.AnswerBy != "" {
		due = fmt.Sprintf(", %d by %s", r.InTime, r.AnswerBy)
	}
	p.line("Answers: %d of %d that regions were asked for%s.", r.Answered, r.Asked, due)
	if r.DaysToEnable != nil {
		p.line("From an offer to a region's enablement: %s days, in the median.", strconv.FormatFloat(*r.DaysToEnable, 'f', 1, 64))
	}
	var rows [][]string
	for _, s := range slices.Sorted(maps.Keys(r.Needs)) {
		rows = append(rows, []string{string(s), strconv.Itoa(r.Needs[s])})
	}
	p.table("No needs were raised.", []string{"NEEDS", ""}, rows)
	p.line("Funded: %s; %d to be reviewed by now, %d reviewed.", count(r.Funded, "case"), r.Due, r.Reviewed)
	rows = nil
	for _, o := range r.Outcomes {
		rows = append(rows, []string{o.Area, strconv.Itoa(o.Cases), fmt.Sprintf("%+d", o.Promised), fmt.Sprintf("%+d", o.Found)})
	}
	p.table("No outcome was reviewed.", []string{"AREA", "CASES", "PROMISED", "FOUND"}, rows)
	for _, s := range []struct {
		by   string
		list []governance.Spent
	}{{"GOAL", r.SpentGoal}, {"REGION", r.SpentPlace}} {
		rows = nil
		for _, x := range s.list {
			rows = append(rows, []string{x.Key, strconv.FormatFloat(x.Amount, 'f', -1, 64)})
		}
		p.table("Nothing was spent by "+s.by+".", []string{s.by, "SPENT, " + r.Currency}, rows)
	}
}
