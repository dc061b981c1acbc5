package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
)

// termsOptions are the terms of an offer. Without any it is full; with facilities
// it is a pilot, and with an end alone it is provisional.
type termsOptions struct {
	pilot      []string
	limit      float64
	end        string
	hypothesis string
}

func (o *termsOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.pilot, "pilot", nil, "as a pilot at `REGION=FACILITY,…`; may be repeated")
	cmd.Flags().Float64Var(&o.limit, "cap", 100, "for a pilot: at most this `PERCENT` of people")
	cmd.Flags().StringVar(&o.end, "end", "", "last `DATE` (YYYY-MM-DD) of a pilot, or of a provisional offer")
	cmd.Flags().StringVar(&o.hypothesis, "hypothesis", "", "for a pilot: `TEXT` that says what it is to find out")
}

func (o *termsOptions) terms(cmd *cobra.Command) (flags.OfferKind, flags.Terms, error) {
	t := flags.Terms{End: o.end, Hypothesis: o.hypothesis}
	if len(o.pilot) > 0 || cmd.Flag("cap").Changed {
		t.CapPercent = &o.limit
	}
	for _, p := range o.pilot {
		region, list, ok := strings.Cut(p, "=")
		if !ok {
			return "", t, misuse("--pilot %q names no facilities", p).Do("say --pilot REGION=FACILITY,FACILITY").At("--pilot")
		}
		if t.Facilities == nil {
			t.Facilities = map[string][]string{}
		}
		t.Facilities[region] = append(t.Facilities[region], strings.Split(list, ",")...)
	}
	switch {
	case len(o.pilot) > 0:
		return flags.Pilot, t, nil
	case o.end != "":
		return flags.Provisional, t, nil
	}
	return flags.Full, t, nil
}

// offeredLine says what a grant left.
func offeredLine(p *page, capability string, kind flags.OfferKind, t flags.Terms) {
	switch kind {
	case flags.Pilot:
		p.line("%s is offered as a pilot in %s, until %s.", capability, strings.Join(slices.Sorted(maps.Keys(t.Facilities)), ", "), t.End)
	case flags.Provisional:
		p.line("%s is offered to every region, until %s.", capability, t.End)
	default:
		p.line("%s is offered to every region.", capability)
	}
}
