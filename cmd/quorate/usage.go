package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/client"
)

func newUsageCommand(c *cli) *cobra.Command {
	return noun("usage", "What was served, what was used, and which facts arrive",
		`Usage is counted, never logged: which value was served how often and why; how often a
capability was used, by facility and coarse group, as portal services track it; and which
declared facts they send, by name only.

Counts below 11 are withheld, and as many others as it takes for them not to be had by
subtraction.`,
		newUsageShowCommand(c), newUsageTrackCommand(c), noun("denominator", "The members of whom use is a share: list, set",
			`A region enters how many members it has, in all and by facility and coarse group, so that use
can be read as a share of them.`, newDenominatorListCommand(c), newDenominatorSetCommand(c)))
}

func newUsageShowCommand(c *cli) *cobra.Command {
	var region, capability, month string
	cmd := &cobra.Command{
		Use:   "show [--region REGION] [--capability CAPABILITY] [--month MONTH]",
		Short: "Show a month's usage",
		Long: `Show what was counted in a month, by default this one so far. Without --region, of every
region, for which your role must cover all. With --capability it also tells which declared
facts services sent within this hour and the one before.`,
		Example: `  quorate usage show --region co --capability video_visit
  quorate usage show --month 2027-02`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Usage, error) {
				return s.ShowUsage(cmd.Context(), region, capability, month)
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				if len(a.Value.Items) == 0 {
					p.line("Nothing was counted.")
				}
				for i, v := range a.Value.Items {
					if i > 0 {
						p.line("")
					}
					drawUsage(p, v)
				}
			})
		},
	}
	c.regionOption(cmd, &region)
	cmd.Flags().StringVar(&capability, "capability", "", "the `CAPABILITY`, such as video_visit; none: each that was used")
	offer(cmd, "capability", c.offering(anywhere, capabilityNames))
	cmd.Flags().StringVar(&month, "month", "", "the `MONTH`, such as 2027-02; none: this one so far")
	return cmd
}

func newUsageTrackCommand(c *cli) *cobra.Command {
	var e flags.TrackEvent
	cmd := &cobra.Command{
		Use:   "track CAPABILITY --region REGION [--event EVENT] [--facility FACILITY] [--group GROUP] [--count N]",
		Short: "Count a use, as a portal service does",
		Long: `Count uses of a capability. Portal services do it over the API or with their OpenFeature
provider. Events are ` + strings.Join(flags.TrackEvents, ", ") + `, groups are bands of age: ` + strings.Join(flags.TrackGroups, ", ") + `. Anything
else counts as other. It is counted anew each time it is sent.`,
		Example: `  quorate usage track video_visit --region co --facility co-1 --group 65+ --event completed`,
		Args:    exactly("CAPABILITY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "region"); err != nil {
				return err
			}
			e.Capability = args[0]
			a, err := ask(c, func(s *client.Client) (client.Tracked, error) {
				return s.Track(cmd.Context(), []flags.TrackEvent{e})
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { p.line("Counted.") })
		},
		ValidArgsFunction: c.offering(1, capabilityNames),
	}
	c.regionOption(cmd, &e.Region)
	cmd.Flags().StringVar(&e.Event, "event", "used", "what happened: `EVENT`")
	oneOf(cmd, "event", flags.TrackEvents)
	cmd.Flags().StringVar(&e.Facility, "facility", "", "in this `FACILITY` of the region")
	cmd.Flags().StringVar(&e.Group, "group", "", "by somebody of this coarse `GROUP`")
	oneOf(cmd, "group", flags.TrackGroups)
	cmd.Flags().Uint64Var(&e.Count, "count", 1, "so many times, `N`")
	return cmd
}

func drawUsage(p *page, v flags.UsageView) {
	p.line("%s in %s, %s", v.Capability, v.Region, v.Month)
	if v.Incomplete {
		p.line("Some records could not be read: it may have been more.")
	}
	var rows [][]string
	for _, e := range v.Evaluations {
		rows = append(rows, []string{e.Flag, e.Variant, e.Reason, fmt.Sprint(e.Count)})
	}
	p.line("")
	p.table("No value of it was served.", []string{"FLAG", "VARIANT", "REASON", "SERVED"}, rows)
	for _, t := range v.Tracked {
		p.line("")
		drawTracked(p, t)
	}
	if len(v.Facts) > 0 {
		p.line("")
		drawFacts(p, v.Facts)
	}
}

func drawTracked(p *page, t flags.TrackedUse) {
	var rows [][]string
	add := func(facility, group string, c flags.TrackedCount) {
		members, rate := "", ""
		if c.PerThousand != nil {
			members, rate = strconv.FormatInt(c.Members, 10), strconv.FormatFloat(*c.PerThousand, 'f', 1, 64)
		}
		rows = append(rows, []string{facility, group, fmt.Sprint(c.Count), members, rate})
	}
	if t.Total != nil {
		add("all", "all", *t.Total)
	}
	for _, c := range t.Groups {
		add("all", c.Group, c.TrackedCount)
	}
	for _, c := range t.Facilities {
		add(facilityName(c.Facility), "all", c.TrackedCount)
	}
	for _, c := range t.Cells {
		add(facilityName(c.Facility), c.Group, c.TrackedCount)
	}
	p.table("Every count of "+t.Event+" is withheld.", []string{"FACILITY", "GROUP", strings.ToUpper(t.Event), "MEMBERS", "PER 1,000"}, rows)
	if t.Withheld && len(rows) > 0 {
		p.line("Counts below %d are withheld, and those that would give them away.", flags.LeastCell)
	}
}

func facilityName(key string) string {
	if key == "" {
		return "(not named)"
	}
	return key
}

func drawFacts(p *page, services []flags.ServiceFacts) {
	var rows [][]string
	for _, s := range services {
		for _, name := range slices.Sorted(maps.Keys(s.Present)) {
			rows = append(rows, []string{s.Service, name, share(s.Present[name], s.Requests)})
		}
		rows = append(rows, []string{s.Service, "(anything not declared)", share(s.Other, s.Requests)})
	}
	p.table("No service asked.", []string{"SERVICE", "FACT", "SENT WITH"}, rows)
}

// share is a part of requests for people. A request is counted before its facts
// are, so a part may seem larger than the whole for a moment.
func share(n, of uint64) string {
	if of == 0 {
		return "0 of 0 requests"
	}
	return fmt.Sprintf("%d of %d requests", n, of)
}

func newDenominatorListCommand(c *cli) *cobra.Command {
	var region string
	cmd := &cobra.Command{
		Use: "list --region REGION", Short: "List the members that a region entered", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := need(cmd, "region"); err != nil {
				return err
			}
			a, err := ask(c, func(s *client.Client) (client.Denominators, error) { return s.ListDenominators(cmd.Context(), region) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, d := range a.Value.Items {
					rows = append(rows, []string{orAll(d.Facility), orAll(d.Group), fmt.Sprint(d.Members), d.AsOf, d.Set.By})
				}
				p.table("The region has entered none.", []string{"FACILITY", "GROUP", "MEMBERS", "AS OF", "BY"}, rows)
			})
		},
	}
	c.regionOption(cmd, &region)
	return cmd
}

func orAll(part string) string {
	if part == "" {
		return "all"
	}
	return part
}

func newDenominatorSetCommand(c *cli) *cobra.Command {
	var d flags.Denominator
	var why whyOptions
	cmd := &cobra.Command{
		Use:   "set --region REGION --members N --as-of DAY [--facility FACILITY] [--group GROUP]",
		Short: "Enter how many members there are",
		Long: `Enter how many members a region has, or a facility or a coarse group of it. Groups are bands
of age: ` + strings.Join(flags.TrackGroups, ", ") + `. Fewer than 11 members are not entered: they could be known by name.`,
		Example: `  quorate usage denominator set --region co --members 612000 --as-of 2027-03-01
  quorate usage denominator set --region co --facility co-1 --group 65+ --members 4100 --as-of 2027-03-01`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := need(cmd, "region", "members", "as-of"); err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[flags.Denominator], error) {
				return s.SetDenominator(cmd.Context(), d, why.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, d flags.Denominator) {
				p.line("%s, facility %s, group %s: %d members as of %s.", d.Region, orAll(d.Facility), orAll(d.Group), d.Members, d.AsOf)
			})
		},
	}
	c.regionOption(cmd, &d.Region)
	cmd.Flags().StringVar(&d.Facility, "facility", "", "of this `FACILITY`; none: of the whole region")
	cmd.Flags().StringVar(&d.Group, "group", "", "of this coarse `GROUP`; none: of all")
	oneOf(cmd, "group", flags.TrackGroups)
	cmd.Flags().Int64Var(&d.Members, "members", 0, "how many `N` they are")
	cmd.Flags().StringVar(&d.AsOf, "as-of", "", "the `DAY` on which they were counted, such as 2027-03-01")
	why.register(cmd)
	why.registerRevision(cmd)
	return cmd
}
