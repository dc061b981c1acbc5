package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/gate"
)

func newChangeCommand(c *cli) *cobra.Command {
	return noun("change", "Changes that wait for sign-offs: list, show, sign, decline, edit",
		`Some changes need more than the one who makes them: what can harm a patient is signed
off by clinical safety and compliance, what is about money by the health plan. Such a
change waits; the command that made it says for whom. The last sign-off that is
missing carries it out.

A sign-off is for exactly what was shown: it is void if the author edits the change,
if what the change rests on moves, or if policy decides otherwise on it. Nobody signs
off their own.`,
		newChangeListCommand(c), newChangeShowCommand(c), newChangeSignCommand(c),
		newChangeActCommand(c, "decline", "decline CHANGE --reason TEXT", "Decline a change: it cannot be applied any more",
			`Decline a change. Whoever could sign it off may, and one is enough.`,
			`  quorate change decline 01… --reason "Oncology is not prepared"`, true),
		newChangeActCommand(c, "request-changes", "request-changes CHANGE --reason TEXT", "Ask a change's author for another edition",
			`Say what should be otherwise. The change goes on waiting.`,
			`  quorate change request-changes 01… --reason "Leave genetics out for now"`, true),
		newChangeEditCommand(c),
		newChangeActCommand(c, "withdraw", "withdraw CHANGE", "Take your own change back",
			`Take back a change that you proposed. An emergency ends at once.`,
			`  quorate change withdraw 01… --reason "We wait for the training"`, false),
		newChangeActCommand(c, "rebase", "rebase CHANGE", "Ask for the same again on what stands now",
			`Ask again for what your change asks for, since something it rests on has changed. Its
sign-offs are void then.`,
			`  quorate change rebase 01…`, false))
}

func newChangeListCommand(c *cli) *cobra.Command {
	var f client.ChangeFilter
	cmd := &cobra.Command{
		Use: "list", Short: "List the changes that wait", Args: exactly(),
		Long: `List the changes that wait, the newest first. With --for-me only those that ask for
a sign-off of one of your roles.`,
		Example: `  quorate change list --for-me
  quorate change list --state all --region co`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[api.List[gate.Proposal]], error) {
				return s.ListChanges(cmd.Context(), f)
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, v := range a.Value.Items {
					rows = append(rows, []string{v.ID, string(v.State), v.Author.Name, string(v.Action), v.Target.String(), v.Reason})
				}
				p.table("No changes wait.", []string{"CHANGE", "STATE", "BY", "ACTION", "TARGET", "REASON"}, rows)
			})
		},
	}
	cmd.Flags().StringVar(&f.State, "state", "", "only these: `STATE` is pending, applied, declined, … or all; without it, what is open")
	cmd.Flags().BoolVar(&f.Mine, "mine", false, "only what you proposed")
	cmd.Flags().BoolVar(&f.ForMe, "for-me", false, "only what one of your roles is asked to sign off")
	oneOf(cmd, "state", append(gate.States, "all"))
	c.regionOption(cmd, &f.Region)
	return cmd
}

func newChangeShowCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "show CHANGE", Short: "Show a change: what it would do, what it needs, who has signed", Args: exactly("CHANGE"),
		Long: `Show a change as it stands now: what it would write, in words (and, with --output
json, as data), what policy says of it, who has signed, and what is missing.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[gate.View], error) { return s.ShowChange(cmd.Context(), args[0]) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { drawChange(p, a.Value) })
		},
	}
}

// drawChange puts a change on a page, in the order in which one decides on it.
func drawChange(p *page, v gate.View) {
	p.line("%s on %s, by %s: %s", v.Action, v.Target, v.Author.Name, v.State)
	p.prose("Reason", v.Reason)
	p.line("Would change")
	for _, line := range v.Words {
		text := strings.TrimLeft(line, " ")
		p.indented(2+len(line)-len(text), "%s", text)
	}
	for _, r := range v.Now.Require {
		p.prose("Requires "+r.Words(), r.Rule+": "+r.Message)
	}
	for _, f := range v.Now.Deny {
		p.prose("Denied by "+f.Rule, f.Message)
	}
	for _, f := range v.Now.Warn {
		p.prose("Warning of "+f.Rule, f.Message)
	}
	for _, s := range v.SignOffs {
		p.prose("Signed by "+s.By.Name+", "+moment(s.At), s.Meaning)
	}
	for _, s := range v.Void {
		p.prose("No longer counts: "+s.By.Name+", "+moment(s.At), s.Why)
	}
	for _, r := range v.Remarks {
		p.prose(fmt.Sprintf("%s by %s on edition %d, %s", strings.TrimPrefix(string(r.Act), "change."), r.By.Name, r.Edition, moment(r.At)), r.Text)
	}
	drawStand(p, v)
}

// drawStand says how a change stands, and what comes next.
func drawStand(p *page, v gate.View) {
	if v.Held != "" {
		p.prose("Held up", v.Held)
	}
	if c := v.Closed; c != nil {
		p.line("%s by %s, %s", v.State, c.By.Name, moment(c.At))
		p.prose("Because", c.Reason)
		p.line("Entry %s of the record.", c.Leaf)
		return
	}
	if len(v.Moved) > 0 {
		p.prose("Its base has moved", strings.Join(v.Moved, ", "))
	}
	var missing []string
	for _, r := range v.Missing {
		missing = append(missing, r.Words())
	}
	switch {
	case v.State == gate.Emergency:
		p.line("In force until %s; to be ratified by %s.", moment(v.Until), strings.Join(missing, ", "))
	case len(missing) > 0:
		p.line("Missing: %s. Expires %s.", strings.Join(missing, ", "), moment(v.Expires))
	}
	if !v.ApplyAt.IsZero() {
		p.line("Takes effect %s.", moment(v.ApplyAt))
	}
	p.line("Edition %d; change %s.", v.Edition, v.ID)
}

func newChangeSignCommand(c *cli) *cobra.Command {
	var why whyOptions
	var binding string
	cmd := &cobra.Command{
		Use: "sign CHANGE --reason TEXT", Short: "Sign a change off", Args: exactly("CHANGE"),
		Long: `Sign a change off, saying what your signature stands for. What is signed is the
change as it is shown by this command; with --binding, only if it is still what you
saw before.`,
		Example: `  quorate change sign 01… --reason "Reviewed for clinical safety: results are explained before release"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "reason"); err != nil {
				return err
			}
			signs := binding
			if signs == "" {
				a, err := ask(c, func(s *client.Client) (client.Answer[gate.View], error) { return s.ShowChange(cmd.Context(), args[0]) })
				if err != nil {
					return err
				}
				signs = a.Value.Binding
			}
			w, err := ask(c, func(s *client.Client) (client.Written[gate.View], error) {
				return s.SignChange(cmd.Context(), args[0], signs, why.Reason)
			})
			if err != nil {
				return err
			}
			return c.drawAct(w)
		},
	}
	why.register(cmd)
	cmd.Flags().StringVar(&binding, "binding", "", "only if this is what is signed: `BINDING` as show --output json told")
	return cmd
}

// newChangeActCommand makes a command whose only option is its reason.
func newChangeActCommand(c *cli, verb, use, short, long, example string, reasoned bool) *cobra.Command {
	var why whyOptions
	cmd := &cobra.Command{
		Use: use, Short: short, Args: exactly("CHANGE"), Long: long, Example: example,
		RunE: func(cmd *cobra.Command, args []string) error {
			if reasoned {
				if err := need(cmd, "reason"); err != nil {
					return err
				}
			}
			w, err := ask(c, func(s *client.Client) (client.Written[gate.View], error) {
				return s.OnChange(cmd.Context(), args[0], verb, why.Reason)
			})
			if err != nil {
				return err
			}
			return c.drawAct(w)
		},
	}
	why.register(cmd)
	return cmd
}

func newChangeEditCommand(c *cli) *cobra.Command {
	var why whyOptions
	var file string
	cmd := &cobra.Command{
		Use: "edit CHANGE --file FILE", Short: "Replace what your change asks for", Args: exactly("CHANGE"),
		Long: `Replace what your change asks for: a new edition, and its sign-offs are void. The file
has the request as show --output json prints it under "request", changed.`,
		Example: `  quorate change edit 01… --file request.json --reason "Genetics left out"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return misuse("nothing was given to edit").Do("say --file FILE").At("--file")
			}
			raw, err := c.readFile("--file", file)
			if err != nil {
				return err
			}
			request, err := parseRecord(raw)
			if err != nil {
				return misuse("the file %s is no request in YAML or JSON: %v", file, err).At("--file")
			}
			w, err := ask(c, func(s *client.Client) (client.Written[gate.View], error) {
				return s.EditChange(cmd.Context(), args[0], json.RawMessage(request), time.Time{}, why.Reason)
			})
			if err != nil {
				return err
			}
			return c.drawAct(w)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "`FILE` with the request in YAML or JSON; - is standard input")
	why.register(cmd)
	return cmd
}

// drawAct says what an act on a change came to.
func (c *cli) drawAct(w client.Written[gate.View]) error {
	return c.show(w.Value, w.Raw, func(p *page) {
		v, r := w.Value.Result, w.Value.Receipt
		p.line("%s on %s, by %s: %s", v.Action, v.Target, v.Author.Name, v.State)
		switch {
		case r.Pending != nil && r.Pending.State.Open():
			p.line("%s", waitingLine(*r.Pending))
		case v.State == gate.Applied || v.State == gate.Ratified:
			p.line("It is in force.")
		}
		if r.Unchanged {
			p.line("Unchanged: it was so already.")
		} else {
			p.line("Recorded at revision %d; entry %s.", r.Revision, r.ID)
		}
		for _, warning := range r.Warnings {
			p.line("Warning: %s", warning)
		}
	})
}

// waitingLine says what a change waits for.
func waitingLine(w gate.Waiting) string {
	needs := "its time"
	if len(w.Needs) > 0 {
		needs = "sign-off by " + joinAnd(w.Needs)
	}
	switch {
	case w.State == gate.Emergency:
		return fmt.Sprintf("In force until %s, as an emergency; to be ratified: needs %s; change %s.", moment(w.Until), needs, w.Change)
	case w.State != gate.Pending:
		return fmt.Sprintf("It was proposed before and is %s; change %s.", w.State, w.Change)
	case !w.ApplyAt.IsZero():
		return fmt.Sprintf("Pending: takes effect %s, needs %s; change %s.", moment(w.ApplyAt), needs, w.Change)
	}
	return fmt.Sprintf("Pending: needs %s; change %s.", needs, w.Change)
}

func joinAnd(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// whenOptions say when a change takes effect, if not at once and by the rules.
type whenOptions struct {
	at        string
	emergency float64
}

func (o *whenOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.at, "apply-at", "", "take effect at this `TIME` (2027-03-01T08:00:00Z) and not before")
	cmd.Flags().Float64Var(&o.emergency, "emergency", 0, "take effect ahead of the sign-offs, for so many `HOURS`; needs a fresh sign-in")
}

// fill puts what was given into what a change carries.
func (o *whenOptions) fill(why *client.Why) error {
	why.EmergencyHours = o.emergency
	if o.at == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, o.at)
	if err != nil {
		return misuse("--apply-at %q is no time such as 2027-03-01T08:00:00Z", o.at).At("--apply-at")
	}
	why.ApplyAt = at
	return nil
}
