package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/gate"
)

// ask puts one question to the server, or one change, and says so if the answer
// takes longer than a second.
func ask[T any](c *cli, question func(*client.Client) (client.Answer[T], error)) (client.Answer[T], error) {
	server, err := c.server()
	if err != nil {
		return client.Answer[T]{}, err
	}
	defer c.sayIfSlow()()
	return question(server)
}

func (c *cli) server() (*client.Client, error) {
	server, err := client.New(c.url, c.token)
	if err == nil && c.token == "" {
		server, err = c.signedIn(server)
	}
	if err != nil {
		return nil, err
	}
	server.Patience, server.Now = c.wait, c.now
	return server, nil
}

// signedIn is a client with the sign-in that was kept for its server, if there is
// one.
func (c *cli) signedIn(server *client.Client) (*client.Client, error) {
	token, err := c.keptSignIn(server.Base())
	if err != nil || token == "" {
		return server, err
	}
	return client.New(c.url, token)
}

// sayIfSlow tells after a second that an answer is awaited; the function it
// returns is called when it has come.
func (c *cli) sayIfSlow() (came func()) {
	said := make(chan struct{})
	timer := time.AfterFunc(time.Second, func() {
		defer close(said)
		c.complain("waiting for an answer from " + c.url + " (Ctrl-C stops)")
	})
	return func() {
		if !timer.Stop() {
			<-said
		}
	}
}

// changed prints what a change left, and what became of it.
func changed[T any](c *cli, w client.Written[T], draw func(*page, T)) error {
	return c.show(w.Value, w.Raw, func(p *page) {
		if waits := w.Value.Receipt.Pending; waits == nil || waits.State == gate.Emergency {
			draw(p, w.Value.Result)
		}
		for _, line := range told(w.Value.Receipt) {
			p.line("%s", line)
		}
	})
}

// told is a receipt in words. A receipt that was replayed is of an earlier try of
// this very command, since each command has a key of its own.
func told(r gate.Receipt) []string {
	var lines []string
	switch {
	case r.Pending != nil:
		lines = append(lines, waitingLine(*r.Pending))
	case r.Unchanged:
		lines = append(lines, "Unchanged: it was so already.")
	case r.Replayed:
		lines = append(lines, fmt.Sprintf("Applied at revision %d, by an earlier try of this command; change %s.", r.Revision, r.ID))
	default:
		lines = append(lines, fmt.Sprintf("Applied at revision %d; change %s.", r.Revision, r.ID))
	}
	for _, w := range r.Warnings {
		lines = append(lines, "Warning: "+w)
	}
	return lines
}

// completionTime is how long a shell waits for names to offer.
const completionTime = time.Second

type completion = cobra.CompletionFunc

// offering makes a completion of names that the server knows. Without a server,
// or without leave to read, it offers nothing and says nothing.
func (c *cli) offering(places int, names func(context.Context, *client.Client) []string) completion {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= places || c.configure(cmd, nil) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		server, err := c.server()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(context.Background(), completionTime)
		defer cancel()
		return names(ctx, server), cobra.ShellCompDirectiveNoFileComp
	}
}

// anywhere is for completions that do not depend on what stands before.
const anywhere = 1 << 10

func regionNames(ctx context.Context, server *client.Client) []string {
	list, err := server.ListRegions(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for _, r := range list.Value.Items {
		names = append(names, clean(r.Value.Key)+"\t"+clean(r.Value.Name))
	}
	return names
}

func capabilityNames(ctx context.Context, server *client.Client) []string {
	list, err := server.ListCapabilities(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for _, r := range list.Value.Items {
		names = append(names, clean(r.Value.Key)+"\t"+clean(r.Value.Name))
	}
	return names
}

// regionOption adds --region.
func (c *cli) regionOption(cmd *cobra.Command, region *string) {
	cmd.Flags().StringVarP(region, "region", "r", "", "the `REGION`, such as co")
	offer(cmd, "region", c.offering(anywhere, regionNames))
}

// offer adds a completion to an option.
func offer(cmd *cobra.Command, option string, f completion) {
	if err := cmd.RegisterFlagCompletionFunc(option, f); err != nil {
		panic(err) // there is no such option: a mistake in this package
	}
}

// oneOf adds a completion of fixed words to an option.
func oneOf[T ~string](cmd *cobra.Command, option string, words []T) {
	offer(cmd, option, cobra.FixedCompletions(asStrings(words), cobra.ShellCompDirectiveNoFileComp))
}

func asStrings[T ~string](words []T) []string {
	var out []string
	for _, w := range words {
		out = append(out, string(w))
	}
	return out
}

// joined lists words for a sentence.
func joined[T ~string](words []T) string { return strings.Join(asStrings(words), ", ") }

// whyOptions are the options of a change.
type whyOptions struct{ client.Why }

func (o *whyOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.Reason, "reason", "", "`TEXT` that says why, for the record; other regions and auditors read it")
}

func (o *whyOptions) registerRevision(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&o.IfRevision, "if-revision", 0, "only if it is still at revision `N`, as show told")
}
