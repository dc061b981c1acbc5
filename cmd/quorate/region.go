package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/client"
)

func newRegionCommand(c *cli) *cobra.Command {
	return noun("region", "Regions: list, show, set",
		`A region is a self-governing unit. It decides for itself whether and how each
offered capability is on.`,
		newRegionListCommand(c), newRegionShowCommand(c), newRegionSetCommand(c))
}

func newRegionListCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the regions", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Regions, error) { return s.ListRegions(cmd.Context()) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, r := range a.Value.Items {
					rows = append(rows, []string{r.Value.Key, r.Value.Name, strings.Join(r.Value.Jurisdictions, ", "), r.Value.TimeZone})
				}
				p.table("There are no regions yet; found one with `quorate region set`.", []string{"REGION", "NAME", "JURISDICTIONS", "TIME ZONE"}, rows)
			})
		},
	}
}

func newRegionShowCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "show REGION", Short: "Show a region", Args: exactly("REGION"),
		ValidArgsFunction: c.offering(1, regionNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ask(c, func(s *client.Client) (client.Region, error) { return s.ShowRegion(cmd.Context(), args[0]) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				drawRegion(p, a.Value.Value)
				p.line("Revision %d.", a.Value.Revision)
			})
		},
	}
}

func drawRegion(p *page, r flags.Region) {
	p.line("%s (%s)", r.Name, r.Key)
	p.pairs([2]string{"Jurisdictions", strings.Join(r.Jurisdictions, ", ")}, [2]string{"Time zone", r.TimeZone})
}

func newRegionSetCommand(c *cli) *cobra.Command {
	var region flags.Region
	o := setOptions{c: c}
	cmd := &cobra.Command{
		Use:   "set REGION",
		Short: "Found or change a region",
		Long: `Found a region, or change one. Options change only what they name; a file in YAML
or JSON replaces the whole record. What show --output yaml printed can be edited
and set again; it is refused if somebody else changed the region meanwhile.`,
		Example: `  quorate region set co --name Colorado --jurisdiction US-CO --time-zone America/Denver
  quorate region show co --output yaml > co.yaml
  quorate region set co --file co.yaml`,
		Args:              exactly("REGION"),
		ValidArgsFunction: c.offering(1, regionNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, key := cmd.Context(), args[0]
			value, err := o.record(cmd, map[string]string{"key": key}, func(s *client.Client) (any, int64, error) {
				a, err := s.ShowRegion(ctx, key)
				before := a.Value.Value
				override(cmd, "name", &before.Name, region.Name)
				override(cmd, "time-zone", &before.TimeZone, region.TimeZone)
				override(cmd, "jurisdiction", &before.Jurisdictions, region.Jurisdictions)
				return before, a.Value.Revision, err
			})
			if err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[flags.Region], error) {
				return s.SetRegion(ctx, key, value, o.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, drawRegion)
		},
	}
	f := cmd.Flags()
	f.StringVar(&region.Name, "name", "", "`NAME` that people know it by")
	f.StringSliceVar(&region.Jurisdictions, "jurisdiction", nil, "`CODES` whose law applies in it, such as US-DC,US-MD")
	f.StringVar(&region.TimeZone, "time-zone", "", "IANA `ZONE` such as America/Denver")
	o.register(cmd, "name", "jurisdiction", "time-zone")
	return cmd
}
