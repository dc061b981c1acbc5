package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/client"
)

// An act is a command that makes one change of the group's business.
type act[T any] struct {
	use, short, long, example string
	args                      []string // what it is given, in order
	wants                     []string // options that must be given
	options                   func(*cobra.Command)
	do                        func(context.Context, *client.Client, []string, client.Why) (client.Written[T], error)
	says                      func(p *page, args []string, left T)
}

func newActCommand[T any](c *cli, a act[T]) *cobra.Command {
	var why whyOptions
	cmd := &cobra.Command{
		Use: a.use, Short: a.short, Long: a.long, Example: a.example, Args: exactly(a.args...),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, a.wants...); err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[T], error) { return a.do(cmd.Context(), s, args, why.Why) })
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, left T) { a.says(p, args, left) })
		},
	}
	if a.options != nil {
		a.options(cmd)
	}
	why.register(cmd)
	why.registerRevision(cmd)
	return cmd
}

// saying is what most acts come to: one sentence, with %[1]s and so on for their
// arguments.
func saying(format string) func(*page, []string, string) {
	return func(p *page, args []string, _ string) {
		words := make([]any, len(args))
		for i, a := range args {
			words[i] = a
		}
		p.line(format, words...)
	}
}

// made is what an act comes to that makes something with an id of its own.
func made(format string) func(*page, []string, string) {
	return func(p *page, _ []string, id string) { p.line(format, id) }
}

// A listing is a command that lists records.
type listing[T any] struct {
	use, short string
	args       []string
	options    func(*cobra.Command)
	get        func(context.Context, *client.Client, []string) (client.GovernanceList[T], error)
	keep       func(T) bool // nil: all
	none       string
	heading    []string
	row        func(T) []string
}

func newListingCommand[T any](c *cli, l listing[T]) *cobra.Command {
	cmd := &cobra.Command{
		Use: l.use, Short: l.short, Args: exactly(l.args...),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ask(c, func(s *client.Client) (client.GovernanceList[T], error) { return l.get(cmd.Context(), s, args) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, r := range a.Value.Items {
					if l.keep == nil || l.keep(r.Value) {
						rows = append(rows, l.row(r.Value))
					}
				}
				p.table(l.none, l.heading, rows)
			})
		},
	}
	if l.options != nil {
		l.options(cmd)
	}
	return cmd
}

// A showing is a command that shows one thing.
type showing[T any] struct {
	use, short, long string
	args             []string
	get              func(context.Context, *client.Client, []string) (client.Answer[T], error)
	draw             func(*page, T)
}

func newShowingCommand[T any](c *cli, v showing[T]) *cobra.Command {
	return &cobra.Command{
		Use: v.use, Short: v.short, Long: v.long, Args: exactly(v.args...),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[T], error) { return v.get(cmd.Context(), s, args) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { v.draw(p, a.Value) })
		},
	}
}

// draws an act of governance, if there was one.
func drawDeed(p *page, what string, a *governance.Act) {
	if a == nil || a.At.IsZero() {
		return
	}
	who := a.By.Name
	if a.As != "" {
		who += " (" + a.As + ")"
	}
	p.line("%s by %s, %s", what, who, moment(a.At))
	if a.Reason != "" {
		p.indented(2, "“%s”", a.Reason)
	}
}

// keyed splits KEY=TEXT options into pairs, in their order.
func keyed(option string, values []string) ([][2]string, error) {
	var pairs [][2]string
	for _, v := range values {
		key, text, ok := strings.Cut(v, "=")
		if !ok || key == "" || text == "" {
			return nil, misuse("--%s %q is not KEY=TEXT", option, v).At("--" + option)
		}
		pairs = append(pairs, [2]string{key, text})
	}
	return pairs, nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
