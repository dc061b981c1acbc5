package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// cli is one run of the command line: where it reads and writes, and what its
// global options say. Production and tests make one each and hand it to run.
type cli struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(name string) (value string, ok bool)
	now    func() time.Time

	url    string        // --url
	token  string        // --token; never printed
	output string        // --output
	config string        // --config
	wait   time.Duration // --wait
}

// run does what args say and returns the exit code. It is the whole program but
// for the process around it.
func run(ctx context.Context, args []string, c *cli) int {
	root := newRoot(c)
	root.SetArgs(args)
	return c.report(root.ExecuteContextC(ctx))
}

// The groups in which the commands are shown, in that order.
const (
	decide = "decide"
	govern = "govern"
	look   = "look"
	keep   = "keep"
	runs   = "run"
)

// newRoot makes the tree of commands for one run.
func newRoot(c *cli) *cobra.Command {
	root := &cobra.Command{
		Use:   "quorate",
		Short: "Decide, regulate and serve the capabilities of a patient portal",
		Long: `Quorate decides, regulates and serves the capabilities of a patient portal.

A capability is on for a patient when the group has offered it, regulation
permits it there, and the region has enabled it.`,
		Version:       version(),
		SilenceErrors: true, // report says it, in one line
		SilenceUsage:  true,

		PersistentPreRunE: c.configure,
	}
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	c.globalOptions(root)
	c.addCommands(root)
	c.dressUp(root)
	return root
}

func (c *cli) globalOptions(root *cobra.Command) {
	o := root.PersistentFlags()
	o.StringVar(&c.url, "url", "http://127.0.0.1:8080", "`URL` of the server")
	o.StringVar(&c.token, "token", "", "your `TOKEN`; rather set QUORATE_TOKEN, which other users cannot see")
	o.StringVarP(&c.output, "output", "o", "table", "`FORMAT` to print: table, json or yaml")
	o.StringVar(&c.config, "config", "", "`FILE` of options (default ~/.config/quorate/config.yaml)")
	o.DurationVar(&c.wait, "wait", 15*time.Second, "`TIME` for which a change is sent again if the server does not answer")
}

// addCommands adds the commands, each group in the order in which it is shown.
func (c *cli) addCommands(root *cobra.Command) {
	root.AddGroup(
		&cobra.Group{ID: decide, Title: "Decide for a region"},
		&cobra.Group{ID: govern, Title: "Decide as the group"},
		&cobra.Group{ID: look, Title: "Look"},
		&cobra.Group{ID: keep, Title: "Keep what is governed"},
		&cobra.Group{ID: runs, Title: "Run"},
	)
	add := func(group string, commands ...*cobra.Command) { addInOrder(root, group, commands...) }
	add(decide, newEnableCommand(c), newLaterCommand(c), newDeclineCommand(c), newOffCommand(c), newChangeCommand(c))
	add(govern, newBodyCommand(c), newSeatCommand(c), newCycleCommand(c), newNeedCommand(c), newCaseCommand(c), newMotionCommand(c), newBallotCommand(c),
		newPracticeCommand(c), newConcernCommand(c), newReportCommand(c))
	add(look, newBoardCommand(c), newExplainCommand(c), newEvaluateCommand(c), newDriftCommand(c), newEnablementCommand(c), newUsageCommand(c),
		newAuditCommand(c), newOutcomeCommand(c), newTallyCommand(c), newWhoamiCommand(c))
	add(keep, newCapabilityCommand(c), newOfferCommand(c), newBaselineCommand(c), newFreezeCommand(c), newPolicyCommand(c), newEvidenceCommand(c), newWaiverCommand(c), newRegionCommand(c), newFacilityCommand(c), newAccessCommand(c), newTokenCommand(c))
	add(runs, newDemoCommand(c), newServeCommand(c), newEdgeCommand(c), newBackupCommand(c), newRestoreCommand(c), newLoginCommand(c), newLogoutCommand(c), newVersionCommand(c))
}
