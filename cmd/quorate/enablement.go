package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/client"
)

func newEnablementCommand(c *cli) *cobra.Command {
	return noun("enablement", "A region's answers to the offers: list, show",
		`An enablement is a region's answer to the offer of a capability: enable, later or
decline. Give one with `+"`quorate enable`, `later`, `decline` and `off`.",
		newEnablementListCommand(c), newEnablementShowCommand(c))
}

func newEnablementListCommand(c *cli) *cobra.Command {
	var region string
	cmd := &cobra.Command{
		Use: "list --region REGION", Short: "List how every capability stands in a region", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := need(cmd, "region"); err != nil {
				return err
			}
			a, err := ask(c, func(s *client.Client) (client.Standings, error) { return s.ListEnablements(cmd.Context(), region) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, s := range a.Value.Items {
					cell := s.Cell // in the words of the board
					act := lastAct(s.Enablement)
					rows = append(rows, []string{s.Capability, cell.Word(), cell.Date, act.By, act.Reason})
				}
				p.table("There are no capabilities yet.", []string{"CAPABILITY", "STATE", "DATE", "BY", "REASON"}, rows)
			})
		},
	}
	c.regionOption(cmd, &region)
	return cmd
}

// lastAct is the act that made an enablement what it is.
func lastAct(e *flags.Enablement) flags.Act {
	switch {
	case e == nil:
		return flags.Act{}
	case e.TurnedOff != nil:
		return *e.TurnedOff
	}
	return e.Answered
}

func newEnablementShowCommand(c *cli) *cobra.Command {
	var region string
	cmd := &cobra.Command{
		Use: "show CAPABILITY --region REGION", Short: "Show how a capability stands in a region", Args: exactly("CAPABILITY"),
		ValidArgsFunction: c.offering(1, capabilityNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "region"); err != nil {
				return err
			}
			a, err := ask(c, func(s *client.Client) (client.Standing, error) {
				return s.ShowEnablement(cmd.Context(), region, args[0])
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { drawStanding(p, a.Value) })
		},
	}
	c.regionOption(cmd, &region)
	return cmd
}

func drawStanding(p *page, s flags.Standing) {
	p.line("%s", s.Line)
	e := s.Enablement
	if e == nil {
		return
	}
	answer := "Answer: " + string(e.Answer)
	switch e.Answer {
	case flags.Later:
		answer += " (by " + e.Until + ")"
	case flags.Decline:
		answer += " (review on " + e.Review + ")"
	}
	drawAct(p, answer, &e.Answered)
	if s.How != nil {
		p.prose("How", s.How.Words())
	}
	drawAct(p, "Turned off", e.TurnedOff)
	p.line("Revision %d.", s.Revision)
}
