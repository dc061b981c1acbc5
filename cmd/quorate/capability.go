package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/client"
)

func newCapabilityCommand(c *cli) *cobra.Command {
	return noun("capability", "Capabilities of the portal: list, show, set",
		`A capability is what is governed: something that the portal can do for a patient.
Its key is also the key of the flag that portal services ask for.`,
		newCapabilityListCommand(c), newCapabilityShowCommand(c), newCapabilitySetCommand(c))
}

func newCapabilityListCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the capabilities", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Capabilities, error) { return s.ListCapabilities(cmd.Context()) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, r := range a.Value.Items {
					v := r.Value
					rows = append(rows, []string{v.Key, v.Name, v.Kind, words(string(v.Stage)), v.Risk})
				}
				p.table("There are no capabilities yet; add one with `quorate capability set`.", []string{"CAPABILITY", "NAME", "KIND", "STAGE", "RISK"}, rows)
			})
		},
	}
}

// words writes a key as words: in_build is "in build".
func words(key string) string { return strings.ReplaceAll(key, "_", " ") }

func newCapabilityShowCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "show CAPABILITY", Short: "Show a capability", Args: exactly("CAPABILITY"),
		ValidArgsFunction: c.offering(1, capabilityNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ask(c, func(s *client.Client) (client.Capability, error) { return s.ShowCapability(cmd.Context(), args[0]) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				drawCapability(p, a.Value.Value)
				p.line("Revision %d.", a.Value.Revision)
			})
		},
	}
}

func drawCapability(p *page, v flags.Capability) {
	p.line("%s (%s)", v.Name, v.Key)
	p.pairs(
		[2]string{"Kind", v.Kind},
		[2]string{"Stage", words(string(v.Stage))},
		[2]string{"Risk", v.Risk},
		[2]string{"Impact", impact(v.Impact)},
		[2]string{"Needs on", strings.Join(v.Prerequisites, ", ")},
		[2]string{"Systems", strings.Join(v.RequiresSystems, ", ")},
		[2]string{"Data", strings.Join(v.DataClasses, ", ")},
	)
	p.prose("For patients", v.ForPatients)
	p.prose("For clinicians", v.ForClinicians)
	p.prose("Reads of the evaluation context", strings.Join(v.Context, ", "))
	for _, s := range v.Settings {
		p.prose(fmt.Sprintf("Setting %s.%s (%s): %s while on, %s while off", v.Key, s.Key, s.Type, literal(s.Default), literal(s.Off)), s.Description)
	}
}

// impact is the scores on the five areas, from -2 to 2.
func impact(i flags.Impact) string {
	var all []string
	for _, area := range []struct {
		name  string
		score int
	}{
		{"access", i.Access},
		{"transparency", i.Transparency},
		{"interaction", i.Interaction},
		{"connection", i.Connection},
		{"efficiency", i.Efficiency},
	} {
		if area.score != 0 {
			all = append(all, fmt.Sprintf("%s %+d", area.name, area.score))
		}
	}
	return strings.Join(all, ", ")
}

// literal is a value as JSON writes it.
func literal(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}

func newCapabilitySetCommand(c *cli) *cobra.Command {
	o := setOptions{c: c}
	cmd := &cobra.Command{
		Use:   "set CAPABILITY --file FILE",
		Short: "Add or change a capability",
		Long: `Add a capability, or replace one, from a file in YAML or JSON. What show --output
yaml printed can be edited and set again; it is refused if somebody else changed
the capability meanwhile.`,
		Example: `  quorate capability show video_visit --output yaml > video_visit.yaml
  quorate capability set video_visit --file video_visit.yaml --reason "Clearer words for patients"`,
		Args:              exactly("CAPABILITY"),
		ValidArgsFunction: c.offering(1, capabilityNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := o.record(cmd, map[string]string{"key": args[0]}, nil)
			if err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[flags.Capability], error) {
				return s.SetCapability(cmd.Context(), args[0], value, o.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, v flags.Capability) { p.line("%s (%s) is set.", v.Name, v.Key) })
		},
	}
	o.register(cmd)
	return cmd
}
