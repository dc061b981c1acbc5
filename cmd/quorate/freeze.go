package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/client"
)

func newFreezeCommand(c *cli) *cobra.Command {
	return noun("freeze", "Times in which a region turns nothing on: list, set, end",
		`A freeze is a time in which a region turns nothing on. It never holds up turning off.
A start or a stage of a rollout that falls into it takes effect at its end.`,
		newFreezeListCommand(c), newFreezeSetCommand(c), newFreezeEndCommand(c))
}

func newFreezeListCommand(c *cli) *cobra.Command {
	var region string
	cmd := &cobra.Command{
		Use: "list --region REGION", Short: "List a region's freezes, those that are over included", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := need(cmd, "region"); err != nil {
				return err
			}
			a, err := ask(c, func(s *client.Client) (client.Freezes, error) { return s.ListFreezes(cmd.Context(), region) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, r := range a.Value.Items {
					f := r.Value
					rows = append(rows, []string{f.ID, freezeFrom(f), freezeTo(f), f.Created.By, f.Created.Reason})
				}
				p.table("The region has no freezes.", []string{"FREEZE", "FROM", "TO", "BY", "REASON"}, rows)
			})
		},
	}
	c.regionOption(cmd, &region)
	return cmd
}

func freezeFrom(f flags.Freeze) string {
	if f.From == "" {
		return moment(f.Created.At)
	}
	return f.From
}

func freezeTo(f flags.Freeze) string {
	if f.Ended != nil {
		return "ended " + moment(f.Ended.At)
	}
	return f.To
}

func newFreezeSetCommand(c *cli) *cobra.Command {
	var region, from, to string
	var why whyOptions
	cmd := &cobra.Command{
		Use:   "set FREEZE --region REGION --to TIME --reason TEXT",
		Short: "Add or change a time in which a region turns nothing on",
		Long: `Add a freeze, or move one. Times are local to the region. Without --from it holds from
now on. Once it has begun, only its end can be moved.`,
		Example: `  quorate freeze set year_end --region co --from 2027-12-15T00:00 --to 2028-01-03T06:00 --reason "Year end"`,
		Args:    exactly("FREEZE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "region", "to", "reason"); err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[flags.Freeze], error) {
				return s.SetFreeze(cmd.Context(), region, args[0], from, to, why.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, f flags.Freeze) {
				p.line("%s turns nothing on from %s to %s.", f.Region, freezeFrom(f), f.To)
			})
		},
	}
	c.regionOption(cmd, &region)
	cmd.Flags().StringVar(&from, "from", "", "local `TIME` at which it begins, such as 2027-12-15T00:00; none: now")
	cmd.Flags().StringVar(&to, "to", "", "local `TIME` at which it ends, such as 2028-01-03T06:00")
	why.register(cmd)
	why.registerRevision(cmd)
	return cmd
}

func newFreezeEndCommand(c *cli) *cobra.Command {
	var region string
	var why whyOptions
	cmd := &cobra.Command{
		Use:     "end FREEZE --region REGION --reason TEXT",
		Short:   "End a freeze before its time",
		Long:    `End a freeze. What it held back takes effect at once.`,
		Example: `  quorate freeze end year_end --region co --reason "The books are closed"`,
		Args:    exactly("FREEZE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "region", "reason"); err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[flags.Freeze], error) {
				return s.EndFreeze(cmd.Context(), region, args[0], why.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, f flags.Freeze) { p.line("The freeze %s of %s is over.", f.ID, f.Region) })
		},
	}
	c.regionOption(cmd, &region)
	why.register(cmd)
	why.registerRevision(cmd)
	return cmd
}
