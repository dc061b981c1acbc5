package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/quorate/quorate/internal/fault"
)

// interrupted is the exit code of a command that was stopped by a signal, as
// shells have it.
const interrupted = 130

// report says in one line on standard error what went wrong, and returns the
// exit code for it.
func (c *cli) report(cmd *cobra.Command, err error) int {
	var f *fault.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &f):
		c.complain(inOurWords(cmd, f))
		return f.Kind.ExitCode()
	case errors.Is(err, context.Canceled):
		c.complain("interrupted")
		return interrupted
	}
	c.complain(err.Error())
	return fault.Internal.ExitCode()
}

// inOurWords is what a fault says, with the field that carried a bad value named
// as the option that it was given by.
func inOurWords(cmd *cobra.Command, f *fault.Error) string {
	option := strings.ReplaceAll(strings.TrimPrefix(f.Field, "/"), "_", "-")
	rest, ok := strings.CutPrefix(f.Error(), f.Field+": ")
	if o := cmd.Flag(option); ok && o != nil && o.Changed {
		return "--" + option + ": " + rest
	}
	return f.Error()
}

// complain writes one line to standard error, whatever the text holds.
func (c *cli) complain(text string) { fmt.Fprintf(c.stderr, "quorate: %s\n", clean(text)) }

// misuse is the fault of a command line that does not say something meaningful.
func misuse(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "usage", format, args...)
}

// seeHelp is the remedy for a command that was not used as it should be.
func seeHelp(cmd *cobra.Command) string { return "see `" + cmd.CommandPath() + " --help`" }

// exactly demands one argument for each name, and none besides.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return misuse("%s is missing", names[len(args)]).Do("say `%s`", cmd.UseLine())
		case len(args) > len(names):
			return misuse("the argument %q is one too many", args[len(names)]).Do("say `%s`", cmd.UseLine())
		}
		return nil
	}
}

// asMisuse makes a fault of what another check of arguments says.
func asMisuse(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		return nil
	}
	return func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		var f *fault.Error
		if err == nil || errors.As(err, &f) {
			return err
		}
		return misuse("%v", err).Do("%s", seeHelp(cmd))
	}
}

// need demands a value for an option.
func need(cmd *cobra.Command, options ...string) error {
	for _, name := range options {
		if o := cmd.Flag(name); o != nil && o.Value.String() == o.DefValue {
			placeholder, _ := pflag.UnquoteUsage(o)
			return misuse("--%s is missing", name).Do("say --%s %s", name, placeholder).At("--" + name)
		}
	}
	return nil
}

// badOption translates what pflag has to say of an option. It leaves values out
// of the message, since one may be a secret or a patient's context.
func badOption(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var without *pflag.ValueRequiredError
	var bad *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return misuse("`%s` has no option %s", cmd.CommandPath(), dashed(unknown.GetSpecifiedName())).Do("%s", seeHelp(cmd))
	case errors.As(err, &without):
		return misuse("the option --%s has no value", without.GetFlag().Name).Do("%s", seeHelp(cmd))
	case errors.As(err, &bad):
		return badValue("--"+bad.GetFlag().Name, bad.GetFlag()).Do("%s", seeHelp(cmd))
	}
	return misuse("an option cannot be read").Do("%s", seeHelp(cmd))
}

func badValue(source string, o *pflag.Flag) *fault.Error {
	return misuse("the value of %s is not %s", source, kindOf(o)).At(source)
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// kindOf says what sort of value an option takes.
func kindOf(o *pflag.Flag) string {
	switch o.Value.Type() {
	case "bool":
		return "true or false"
	case "duration":
		return "a time such as 15s or 1m30s"
	case "int", "int64", "uint", "uint64":
		return "a whole number"
	}
	return "valid"
}

// noSuchCommand is what a command that only holds others says to an argument.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	f := misuse("there is no command `%s %.40s`", cmd.CommandPath(), args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return f.Do("did you mean `%s %s`?", cmd.CommandPath(), strings.Join(near, "` or `"+cmd.CommandPath()+" "))
	}
	return f.Do("%s", seeHelp(cmd))
}
