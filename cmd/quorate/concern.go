package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/client"
)

func newConcernCommand(c *cli) *cobra.Command {
	return noun("concern", "Concerns about live capabilities: list, raise, triage",
		`A concern is what a clinician or a call centre reports of a capability that is live. It
is triaged within a day if it is about safety, within three if it is serious, within
fourteen if it is minor. It names no patient.`,
		newConcernListCommand(c), newConcernRaiseCommand(c), newConcernTriageCommand(c))
}

func newConcernListCommand(c *cli) *cobra.Command {
	var open bool
	return newListingCommand(c, listing[governance.Concern]{use: "list [--open]", short: "List the concerns",
		options: func(cmd *cobra.Command) {
			cmd.Flags().BoolVar(&open, "open", false, "only those that wait for triage")
		},
		get: func(ctx context.Context, s *client.Client, _ []string) (client.GovernanceList[governance.Concern], error) {
			return s.ListConcerns(ctx)
		},
		keep: func(n governance.Concern) bool { return !open || n.Triaged == nil },
		none: "No concern waits.", heading: []string{"CONCERN", "REGION", "CAPABILITY", "SEVERITY", "TRIAGE", "TEXT"},
		row: func(n governance.Concern) []string {
			triage := "by " + moment(n.TriageBy)
			if n.Triaged != nil {
				triage = words(string(n.Verdict)) + ": " + n.Triaged.Reason
			}
			return []string{n.ID, n.Region, n.Capability, n.Severity, triage, n.Text}
		}})
}

func newConcernRaiseCommand(c *cli) *cobra.Command {
	var n governance.Concern
	return newActCommand(c, act[string]{use: "raise CAPABILITY --region REGION --severity SEVERITY --text TEXT", short: "Report a concern about a live capability", args: []string{"CAPABILITY"},
		long:    `Report what happened, without naming a patient. What cannot wait is turned off with ` + "`quorate off`.",
		example: `  quorate concern raise rx_refill --region co --severity safety --text "A dose was shown twice"`,
		wants:   []string{"region", "severity", "text"},
		options: func(cmd *cobra.Command) {
			c.regionOption(cmd, &n.Region)
			cmd.Flags().StringVar(&n.Severity, "severity", "", "`SEVERITY`: safety, serious or minor")
			oneOf(cmd, "severity", []string{"safety", "serious", "minor"})
			cmd.Flags().StringVar(&n.Text, "text", "", "`TEXT` that says what happened, without naming a patient")
		},
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			n.Capability = args[0]
			return s.RaiseConcern(ctx, n, why)
		},
		says: made("The concern %s waits for triage.")})
}

func newConcernTriageCommand(c *cli) *cobra.Command {
	var region, verdict string
	return newActCommand(c, act[string]{use: "triage CONCERN --region REGION --verdict VERDICT --reason TEXT", short: "Say what is done about a concern", args: []string{"CONCERN"},
		example: `  quorate concern triage c-0123456789ab --region co --verdict changed --reason "The list is sorted by date now"`,
		wants:   []string{"region", "verdict", "reason"},
		options: func(cmd *cobra.Command) {
			c.regionOption(cmd, &region)
			cmd.Flags().StringVar(&verdict, "verdict", "", "`VERDICT`: turned_off, changed, watched or no_change")
			oneOf(cmd, "verdict", governance.Verdicts)
		},
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			return s.TriageConcern(ctx, region, args[0], governance.Verdict(verdict), why)
		},
		says: func(p *page, args []string, _ string) { p.line("The concern %s: %s.", args[0], words(verdict)) }})
}
