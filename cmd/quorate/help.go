package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/fault"
)

// order is the annotation that holds a command's place among its siblings.
const order = "order"

// addInOrder adds subcommands, to be shown in this order.
func addInOrder(parent *cobra.Command, group string, commands ...*cobra.Command) {
	for _, cmd := range commands {
		cmd.GroupID = group
		if cmd.Annotations == nil {
			cmd.Annotations = map[string]string{}
		}
		cmd.Annotations[order] = fmt.Sprintf("%03d", len(parent.Commands()))
		parent.AddCommand(cmd)
	}
}

// noun makes a command that only holds others.
func noun(name, short, long string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Long: long}
	addInOrder(cmd, "", verbs...)
	return cmd
}

// dressUp gives the whole tree its manners: help in our words, and one-line
// complaints instead of a page of usage.
func (c *cli) dressUp(root *cobra.Command) {
	root.SetHelpFunc(c.help)
	root.SetVersionTemplate("quorate {{.Version}}\n")
	root.SetFlagErrorFunc(badOption)
	root.SetHelpCommand(c.newHelpCommand())
	root.SetHelpCommandGroupID(runs)
	root.SetCompletionCommandGroupID(runs)
	root.InitDefaultCompletionCmd()
	addInOrder(root, "", newConfigTopic())
	everyCommand(root, func(cmd *cobra.Command) {
		cmd.DisableFlagsInUseLine = true
		if cmd.HasSubCommands() && !cmd.Runnable() {
			cmd.Args = noSuchCommand
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
		cmd.Args = asMisuse(cmd.Args)
	})
}

func everyCommand(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, sub := range cmd.Commands() {
		everyCommand(sub, do)
	}
}

func (c *cli) newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command, or how options are set (help config)",
		// Help must work whatever is wrong with the configuration.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			if err == nil {
				err = noSuchCommand(topic, rest)
			}
			if err != nil {
				return err
			}
			return topic.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			topic, _, err := cmd.Root().Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, sub := range topic.Commands() {
				names = append(names, sub.Name()+"\t"+sub.Short)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// help prints a command's page. OpenFeature's word for what is served is flag,
// so what a command takes is called an option here.
func (c *cli) help(cmd *cobra.Command, _ []string) {
	w := cmd.OutOrStdout()
	fmt.Fprintln(w, strings.TrimSpace(cmp.Or(cmd.Long, cmd.Short)))
	switch {
	case cmd.HasSubCommands():
		fmt.Fprintf(w, "\nUsage\n")
		if strings.Contains(cmd.Use, " ") { // it does something by itself, too
			fmt.Fprintf(w, "  %s [OPTION]...\n", cmd.UseLine())
		}
		fmt.Fprintf(w, "  %s COMMAND [OPTION]...\n", cmd.CommandPath())
		listCommands(w, cmd)
	case cmd.Runnable():
		fmt.Fprintf(w, "\nUsage\n  %s [OPTION]...\n", cmd.UseLine())
	}
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples\n%s\n", strings.TrimRight(cmd.Example, "\n"))
	}
	if !cmd.Runnable() {
		return
	}
	if o := cmd.LocalFlags(); o.HasAvailableFlags() {
		fmt.Fprintf(w, "\nOptions\n%s", o.FlagUsagesWrapped(100))
	}
	if cmd.HasParent() {
		fmt.Fprintf(w, "\nEvery command also takes --url, --token, --output, --config and --wait; see `quorate help config`.\n")
		return
	}
	fmt.Fprintf(w, "\n`quorate COMMAND --help` explains a command; `quorate help config` how options are set,\nand what the exit codes mean.\n")
}

// listCommands lists the subcommands under the titles of their groups.
func listCommands(w io.Writer, cmd *cobra.Command) {
	groups := cmd.Groups()
	if len(groups) == 0 {
		groups = []*cobra.Group{{Title: "Commands"}}
	}
	for _, g := range groups {
		fmt.Fprintf(w, "\n%s\n", g.Title)
		for _, sub := range inOrder(cmd) {
			if sub.GroupID == g.ID && (sub.IsAvailableCommand() || sub.Name() == "help") {
				fmt.Fprintf(w, "  %-12s %s\n", sub.Name(), sub.Short)
			}
		}
	}
}

// inOrder is the subcommands in the order in which they were added; cobra's own
// come last.
func inOrder(cmd *cobra.Command) []*cobra.Command {
	place := func(c *cobra.Command) string { return cmp.Or(c.Annotations[order], "~"+c.Name()) }
	return slices.SortedStableFunc(slices.Values(cmd.Commands()), func(a, b *cobra.Command) int {
		return cmp.Compare(place(a), place(b))
	})
}

// newConfigTopic is a page of help, not a command.
func newConfigTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "How options are set, and what the exit codes mean",
		Long:  configTopic + exitCodes(),
	}
}

const configTopic = `How options are set

Every option of every command can be set in four places. The first one that says
anything counts:

  1. the option itself             quorate board --url https://quorate.example.org
  2. the environment               QUORATE_URL=https://quorate.example.org
  3. the file of options           url: https://quorate.example.org
  4. the default                   http://127.0.0.1:8080

The name in the environment is QUORATE_ and the option in capitals, with _ for -:
--data-dir is QUORATE_DATA_DIR. An empty variable counts as not set. A list is
written with commas.

The file is $XDG_CONFIG_HOME/quorate/config.yaml, by default
~/.config/quorate/config.yaml; --config or QUORATE_CONFIG names another. It is
YAML, each key the name of an option without its dashes:

  url: https://quorate.example.org
  token: qrt_...
  region: co
  output: table

Without a token in any of these places, that of quorate login counts, which is kept
beside this file in sign-ins.json, for the server that it is from.

A key that is no option's name is an error, so that a slip of the pen is not
taken for consent. A file with a token must be readable by you alone (chmod 600).

Options of every command

      --url URL          address of the server
      --token TOKEN      your token; rather set QUORATE_TOKEN, which other users
                         of the machine cannot see
  -o, --output FORMAT    table for people; json as the API answers; yaml the same
      --config FILE      the file of options
      --wait TIME        how long a change is sent again, always under one key so
                         that it is made once, if the server does not answer

Exit codes

    0  done
`

// exitCodes is the end of the config topic, made from the kinds themselves.
func exitCodes() string {
	var b strings.Builder
	said := map[int]bool{}
	for _, k := range []struct {
		kind  fault.Kind
		means string
	}{
		{fault.Internal, "something unforeseen, inside the server or on the way"},
		{fault.Invalid, "the command or the request makes no sense, or is too large"},
		{fault.Unauthenticated, "no token, or one that is not accepted"},
		{fault.Forbidden, "your role may not do this, or not there"},
		{fault.NotFound, "what you named does not exist"},
		{fault.Conflict, "somebody changed it meanwhile; look again"},
		{fault.Refused, "a rule says no; the message says which"},
		{fault.RateLimited, "too many requests; wait a moment"},
		{fault.QuotaExceeded, "the server's store is full"},
		{fault.StoreUnavailable, "no server, or one without its store; nothing was changed"},
		{fault.OutcomeUnknown, "it is not known whether the change was made; ask with `quorate outcome`"},
		{fault.NotReady, "the server has just started; try again"},
	} {
		if code := k.kind.ExitCode(); !said[code] {
			said[code] = true
			fmt.Fprintf(&b, "  %3s  %s\n", strconv.Itoa(code), k.means)
		}
	}
	fmt.Fprintf(&b, "  %3d  stopped by a signal\n", interrupted)
	return b.String()
}
