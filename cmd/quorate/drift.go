package main

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/fault"
)

func newDriftCommand(c *cli) *cobra.Command {
	var region string
	cmd := &cobra.Command{
		Use:   "drift [--region REGION]",
		Short: "Show where regions differ from the group's baselines, and why",
		Long: `Show, region by region, every difference of an offered capability from the group's
baseline, with its class: chosen override, not yet accepted, not yet decided, later,
declined, turned off, scheduled, limited by offer, blocked by prerequisite, blocked
by system. What nothing on record explains is unexplained; then the exit code is 7.`,
		Example: `  quorate drift --region co`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[flags.Drift], error) { return s.Drift(cmd.Context(), region) })
			if err != nil {
				return err
			}
			if err := c.show(a.Value, a.Raw, func(p *page) { drawDrift(p, a.Value) }); err != nil {
				return err
			}
			if n := a.Value.Unexplained; n > 0 {
				return fault.New(fault.Refused, "unexplained", "nothing on record explains %d of these differences", n).
					Do("look at them with `quorate explain`, and tell the operator")
			}
			return nil
		},
	}
	c.regionOption(cmd, &region)
	return cmd
}

func drawDrift(p *page, d flags.Drift) {
	var rows [][]string
	for _, x := range d.Differences {
		rows = append(rows, []string{x.Region, x.Capability, x.Field, cmp.Or(x.Baseline, "-"), cmp.Or(x.Here, "-"), strings.ReplaceAll(string(x.Class), "_", " "), x.Says})
	}
	p.table("Every region is as the group's baselines would have it.", []string{"REGION", "CAPABILITY", "FIELD", "BASELINE", "HERE", "CLASS", "WHY"}, rows)
	p.line("Revision %d.", d.Revision)
}
