package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/client"
)

func newFacilityCommand(c *cli) *cobra.Command {
	return noun("facility", "Facilities of a region: list, show, set",
		`A facility is a place of care in a region: a clinic, a hospital, a pharmacy, a
laboratory, or care by video. What systems it runs decides what it can carry.`,
		newFacilityListCommand(c), newFacilityShowCommand(c), newFacilitySetCommand(c))
}

func newFacilityListCommand(c *cli) *cobra.Command {
	var region string
	cmd := &cobra.Command{
		Use: "list --region REGION", Short: "List a region's facilities", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := need(cmd, "region"); err != nil {
				return err
			}
			a, err := ask(c, func(s *client.Client) (client.Facilities, error) { return s.ListFacilities(cmd.Context(), region) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { drawFacilities(p, a.Value) })
		},
	}
	c.regionOption(cmd, &region)
	return cmd
}

func drawFacilities(p *page, list api.List[api.Stored[flags.Facility]]) {
	var rows [][]string
	for _, r := range list.Items {
		f := r.Value
		rows = append(rows, []string{f.Key, f.Name, f.Kind, f.Jurisdiction, strconv.Itoa(len(f.Systems))})
	}
	p.table("The region has no facilities yet; add one with `quorate facility set`.", []string{"FACILITY", "NAME", "KIND", "JURISDICTION", "SYSTEMS"}, rows)
}

func newFacilityShowCommand(c *cli) *cobra.Command {
	var region string
	cmd := &cobra.Command{
		Use: "show FACILITY --region REGION", Short: "Show a facility", Args: exactly("FACILITY"),
		ValidArgsFunction: c.offering(1, c.facilityNames(&region)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "region"); err != nil {
				return err
			}
			a, err := ask(c, func(s *client.Client) (client.Facility, error) { return s.ShowFacility(cmd.Context(), region, args[0]) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				drawFacility(p, a.Value.Value)
				p.line("Revision %d.", a.Value.Revision)
			})
		},
	}
	c.regionOption(cmd, &region)
	return cmd
}

// facilityNames completes the facilities of the region that was named.
func (c *cli) facilityNames(region *string) func(context.Context, *client.Client) []string {
	return func(ctx context.Context, server *client.Client) []string {
		list, err := server.ListFacilities(ctx, *region)
		if err != nil {
			return nil
		}
		var names []string
		for _, f := range list.Value.Items {
			names = append(names, clean(f.Value.Key)+"\t"+clean(f.Value.Name))
		}
		return names
	}
}

func drawFacility(p *page, f flags.Facility) {
	p.line("%s (%s)", f.Name, f.Key)
	p.pairs([2]string{"Region", f.Region}, [2]string{"Kind", f.Kind}, [2]string{"Jurisdiction", f.Jurisdiction})
	p.prose("Systems", strings.Join(f.Systems, ", "))
}

func newFacilitySetCommand(c *cli) *cobra.Command {
	var facility flags.Facility
	o := setOptions{c: c}
	cmd := &cobra.Command{
		Use:   "set FACILITY --region REGION",
		Short: "Add or change a facility",
		Long: `Add a facility to a region, or change one. Options change only what they name; a
file in YAML or JSON replaces the whole record.`,
		Example: `  quorate facility set co-6 --region co --name "Boulder Clinic" --kind clinic \
    --jurisdiction US-CO --system ehr,appointment_book,video_platform`,
		Args:              exactly("FACILITY"),
		ValidArgsFunction: c.offering(1, c.facilityNames(&facility.Region)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "region"); err != nil {
				return err
			}
			ctx, region, key := cmd.Context(), facility.Region, args[0]
			value, err := o.record(cmd, map[string]string{"key": key, "region": region}, func(s *client.Client) (any, int64, error) {
				a, err := s.ShowFacility(ctx, region, key)
				before := a.Value.Value
				override(cmd, "name", &before.Name, facility.Name)
				override(cmd, "kind", &before.Kind, facility.Kind)
				override(cmd, "jurisdiction", &before.Jurisdiction, facility.Jurisdiction)
				override(cmd, "system", &before.Systems, facility.Systems)
				return before, a.Value.Revision, err
			})
			if err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[flags.Facility], error) {
				return s.SetFacility(ctx, region, key, value, o.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, drawFacility)
		},
	}
	c.regionOption(cmd, &facility.Region)
	f := cmd.Flags()
	f.StringVar(&facility.Name, "name", "", "`NAME` that people know it by")
	f.StringVar(&facility.Kind, "kind", "", "`KIND` of place, one of "+joined(flags.FacilityKinds))
	f.StringVar(&facility.Jurisdiction, "jurisdiction", "", "`CODE` whose law applies there, such as US-CO")
	f.StringSliceVar(&facility.Systems, "system", nil, "`SYSTEMS` it runs, such as ehr,video_platform; replaces them all")
	oneOf(cmd, "kind", flags.FacilityKinds)
	o.register(cmd, "name", "kind", "jurisdiction", "system")
	return cmd
}
