package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/fault"
)

func newBaselineCommand(c *cli) *cobra.Command {
	return noun("baseline", "The group's baselines: list, show, set, accept",
		`A baseline is how the group would have a capability on, for every region to start
from. An edit of it changes nothing that is served until a region accepts it, unless
the region follows; see `+"`quorate enable --follow`.",
		newBaselineListCommand(c), newBaselineShowCommand(c), newBaselineSetCommand(c), newBaselineAcceptCommand(c))
}

func newBaselineListCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the group's baselines", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Baselines, error) { return s.ListBaselines(cmd.Context()) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, r := range a.Value.Items {
					rows = append(rows, []string{r.Value.Capability, r.Value.Set.At.UTC().Format(time.DateOnly), r.Value.Set.By, r.Value.How.Words()})
				}
				p.table("The group has set no baseline yet; see `quorate baseline set`.", []string{"CAPABILITY", "SINCE", "BY", "HOW"}, rows)
			})
		},
	}
}

func newBaselineShowCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "show CAPABILITY", Short: "Show the group's baseline of a capability", Args: exactly("CAPABILITY"),
		ValidArgsFunction: c.offering(1, capabilityNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ask(c, func(s *client.Client) (client.Baseline, error) { return s.ShowBaseline(cmd.Context(), args[0]) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				b := a.Value.Value
				p.line("%s: %s", b.Capability, b.How.Words())
				drawAct(p, "Set", &b.Set)
				p.line("Revision %d.", a.Value.Revision)
			})
		},
	}
}

func newBaselineSetCommand(c *cli) *cobra.Command {
	var how howOptions
	var why whyOptions
	cmd := &cobra.Command{
		Use:   "set CAPABILITY --reason TEXT",
		Short: "Say how the group would have a capability on",
		Long: `Change single fields of the group's baseline of a capability; what is not given stays.
Regions that follow it have the change at once, the others when they accept it.`,
		Example: `  quorate baseline set video_visit --set max_minutes=45 --age-min 18 --reason "What three regions found to work"
  quorate baseline set video_visit --reset --reason "No baseline but the defaults"`,
		Args:              exactly("CAPABILITY"),
		ValidArgsFunction: c.offering(1, capabilityNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "reason"); err != nil {
				return err
			}
			if !how.given(cmd) {
				return misuse("nothing was given to set").Do("say some of --set, --variant, --age-min and the others, or --reset; %s", seeHelp(cmd))
			}
			present, err := ask(c, func(s *client.Client) (client.Baseline, error) { return s.ShowBaseline(cmd.Context(), args[0]) })
			if err != nil && !fault.HasCode(err, "no_baseline") {
				return err
			}
			next := present.Value.Value.How
			if err := how.apply(cmd, &next); err != nil {
				return err
			}
			if why.IfRevision == 0 {
				why.IfRevision = present.Value.Revision
			}
			w, err := ask(c, func(s *client.Client) (client.Written[flags.How], error) {
				return s.SetBaseline(cmd.Context(), args[0], next, why.Why)
			})
			if err != nil {
				return inOptions(err)
			}
			return changed(c, w, func(p *page, h flags.How) { p.line("The group's baseline of %s: %s.", args[0], h.Words()) })
		},
	}
	how.register(cmd)
	why.register(cmd)
	why.registerRevision(cmd)
	return cmd
}

func newBaselineAcceptCommand(c *cli) *cobra.Command {
	var region string
	var why whyOptions
	cmd := &cobra.Command{
		Use:               "accept CAPABILITY --region REGION --reason TEXT",
		Short:             "Take over the group's baseline as it is now",
		Long:              `Take over the group's baseline of a capability that the region has enabled. What the region says otherwise stays.`,
		Example:           `  quorate baseline accept video_visit --region co --reason "Longer visits suit us too"`,
		Args:              exactly("CAPABILITY"),
		ValidArgsFunction: c.offering(1, capabilityNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "region", "reason"); err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[flags.Standing], error) {
				return s.AcceptBaseline(cmd.Context(), region, args[0], why.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, drawLine)
		},
	}
	c.regionOption(cmd, &region)
	why.register(cmd)
	why.registerRevision(cmd)
	return cmd
}
