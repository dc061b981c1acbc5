package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/policy"
)

func newPolicyShowCommand(c *cli) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "show [RULE]", Short: "Show which law and rules hold, or one rule of them",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case all:
				return showBundles(cmd, c)
			case len(args) == 1:
				return showRule(cmd, c, args[0])
			}
			a, err := ask(c, func(s *client.Client) (client.Answer[policy.Standing], error) { return s.ShowPolicy(cmd.Context()) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { drawHolding(p, a.Value) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "list every bundle that was pushed instead")
	return cmd
}

func drawHolding(p *page, s policy.Standing) {
	p.line("%s", s.Says)
	p.prose("Notice", s.Notice)
	p.pairs([2]string{"Policy", s.Policy}, [2]string{"Rules", strconv.Itoa(s.Rules)}, [2]string{"Review overdue", strings.Join(s.Overdue, ", ")})
	drawActive(p, s.Active)
	var open, lapsing [][]string
	for _, q := range s.Questions {
		open = append(open, []string{q.RuleID, q.Relaxation, q.Owner, string(q.Due), q.Question})
	}
	for _, l := range s.Lapsing {
		lapsing = append(lapsing, []string{l.ID, l.Type, l.Scope, string(l.Expires)})
	}
	p.table("No legal question is open.", []string{"QUESTION OF", "RELAXATION", "OWNER", "DUE", "QUESTION"}, open)
	p.table("No evidence lapses within 90 days.", []string{"LAPSING", "TYPE", "SCOPE", "UNTIL"}, lapsing)
}

func drawActive(p *page, a policy.Active) {
	var rows [][]string
	add := func(layer string, on *policy.Activation) {
		if on != nil {
			rows = append(rows, []string{layer, on.Digest[:min(12, len(on.Digest))], string(on.AsLastConfirmed), on.Act.By, moment(on.Act.At), on.Act.Reason})
		}
	}
	add("law", a.Law)
	add("group", a.Group)
	for _, region := range sortedRegions(a) {
		add("region "+region, a.Regions[region])
	}
	p.table("No bundle is active.", []string{"LAYER", "BUNDLE", "CONFIRMED", "BY", "SINCE", "REASON"}, rows)
}

func showRule(cmd *cobra.Command, c *cli, id string) error {
	a, err := ask(c, func(s *client.Client) (client.Answer[policy.RuleView], error) { return s.ShowRule(cmd.Context(), id) })
	if err != nil {
		return err
	}
	return c.show(a.Value, a.Raw, func(p *page) {
		r := a.Value
		p.line("%s: %s", r.ID, r.Title)
		p.pairs([2]string{"Citation", r.Citation}, [2]string{"Where", strings.Join(r.Jurisdictions, ", ")}, [2]string{"Whom", strings.Join(r.Actors, ", ")},
			[2]string{"Capabilities", strings.Join(r.Capabilities, ", ")}, [2]string{"From", string(r.Effective)}, [2]string{"Until", string(r.Sunset)},
			[2]string{"Status", r.Status}, [2]string{"Enforced by", r.Point}, [2]string{"Waivable by", strings.Join(r.WaivableBy, ", ")},
			[2]string{"Confidence", r.Confidence}, [2]string{"Unconfirmed", r.Unconfirmed}, [2]string{"Review due", string(r.ReviewDue)})
	})
}

func showBundles(cmd *cobra.Command, c *cli) error {
	a, err := ask(c, func(s *client.Client) (client.Bundles, error) { return s.ListBundles(cmd.Context()) })
	if err != nil {
		return err
	}
	return c.show(a.Value, a.Raw, func(p *page) {
		var rows [][]string
		for _, b := range a.Value.Items {
			rows = append(rows, []string{b.Digest[:min(12, len(b.Digest))], string(b.Manifest.Layer), b.Manifest.Region, string(b.Manifest.AsLastConfirmed),
				strconv.Itoa(b.Rules), b.SignedBy, b.Act.By, moment(b.Act.At)})
		}
		p.table("No bundle was pushed.", []string{"BUNDLE", "LAYER", "REGION", "CONFIRMED", "RULES", "SIGNED BY", "PUSHED BY", "AT"}, rows)
	})
}

func newPolicyPreviewCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "preview DIGEST", Short: "Say what would break if a bundle held, region by region", Args: exactly("DIGEST"),
		Long: `Compare what holds with what would hold, for everything that is on: what would newly be
refused, apart from what is refused already and from what a waiver covers; and the facts
that would be needed and that services do not send. Nothing is changed by it.`,
		Example: `  quorate policy preview 13bc971d5918`,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[policy.Preview], error) {
				return s.PreviewBundle(cmd.Context(), args[0])
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { drawPreview(p, a.Value) })
		},
	}
}

func drawPreview(p *page, v policy.Preview) {
	p.line("Of %d enablements at revision %d:", v.Pairs, v.Previewed)
	for _, part := range []struct {
		none, heading string
		list          []policy.Break
	}{
		{"Nothing would newly be refused.", "NEWLY REFUSED", v.Broken}, {"Nothing is refused already.", "REFUSED ALREADY", v.Existing},
		{"Nothing would rest on a waiver.", "BY WAIVER", v.Waived}, {"Nothing would newly be permitted.", "NEWLY PERMITTED", v.Opened},
	} {
		var rows [][]string
		for _, b := range part.list {
			rows = append(rows, []string{b.Region + " " + b.Capability, strings.Join(b.Jurisdictions, ", "), strings.Join(b.Rules, ", "), b.Says})
		}
		p.table(part.none, []string{part.heading, "WHERE", "RULES", "SAYS"}, rows)
	}
	var rows [][]string
	for _, u := range v.Unsent {
		rows = append(rows, []string{u.Region + " " + u.Capability, u.Fact, strconv.Itoa(int(100*u.Missing+0.5)) + " %"})
	}
	p.table("No fact that would be needed is known to be missing.", []string{"FACT NOT SENT", "FACT", "OFF FOR"}, rows)
}

func newPolicyForecastCommand(c *cli) *cobra.Command {
	var until string
	cmd := &cobra.Command{
		Use: "forecast --until DAY", Short: "Say what will break, and when, if nothing is done", Args: exactly(),
		Long: `List what will go off by the clock alone: rules that begin or end, evidence that lapses,
waivers that run out.`,
		Example: `  quorate policy forecast --until 2027-01-31`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := need(cmd, "until"); err != nil {
				return err
			}
			a, err := ask(c, func(s *client.Client) (client.Answer[policy.Forecasted], error) {
				return s.Forecast(cmd.Context(), until)
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, e := range a.Value.Events {
					what := "off"
					if e.Permitted {
						what = "permitted again"
					}
					rows = append(rows, []string{moment(e.At), what, e.Region, e.Capability, strings.Join(e.Jurisdictions, ", "), strings.Join(e.Rules, ", ")})
				}
				p.table("Nothing goes off by then.", []string{"AT", "WHAT", "REGION", "CAPABILITY", "WHERE", "RULES"}, rows)
			})
		},
	}
	cmd.Flags().StringVar(&until, "until", "", "the last `DAY` to look at, such as 2027-01-31")
	return cmd
}
