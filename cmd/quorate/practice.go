package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/client"
)

func newPracticeCommand(c *cli) *cobra.Command {
	return noun("practice", "What regions learned with a capability: list, share",
		`A practice note is what a region configured, learned and measured, for the others to
see at the moment they decide.`,
		newListingCommand(c, listing[governance.Note]{use: "list CAPABILITY", short: "List what regions have learned with a capability", args: []string{"CAPABILITY"},
			get: func(ctx context.Context, s *client.Client, args []string) (client.GovernanceList[governance.Note], error) {
				return s.ListNotes(ctx, args[0])
			},
			none: "No region has shared a note yet.", heading: []string{"REGION", "SINCE", "CONFIGURED", "LEARNED", "MEASURED"},
			row: func(n governance.Note) []string {
				return []string{n.Region, n.Shared.At.UTC().Format("2006-01-02"), n.Configured, n.Learned, n.Measured}
			}}),
		newPracticeShareCommand(c))
}

func newPracticeShareCommand(c *cli) *cobra.Command {
	var n governance.Note
	return newActCommand(c, act[string]{use: "share CAPABILITY --region REGION --configured TEXT --learned TEXT", short: "Tell the other regions what yours has learned", args: []string{"CAPABILITY"},
		example: `  quorate practice share video_visit --region co --configured "Follow-ups only" \
    --learned "Call the day before" --measured "9 of 10 visits took place"`,
		wants: []string{"region", "configured", "learned"},
		options: func(cmd *cobra.Command) {
			c.regionOption(cmd, &n.Region)
			cmd.Flags().StringVar(&n.Configured, "configured", "", "`TEXT` that says how it is on there")
			cmd.Flags().StringVar(&n.Learned, "learned", "", "`TEXT` that says what was learned")
			cmd.Flags().StringVar(&n.Measured, "measured", "", "`TEXT` that says what was measured")
		},
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			n.Capability = args[0]
			return s.ShareNote(ctx, n, why)
		},
		says: made("The note %s is shared with every region.")})
}
