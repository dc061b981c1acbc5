package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/client"
)

// contextOption is the evaluation context that a question is asked with. It may
// hold what belongs to a patient, so it is never repeated.
type contextOption struct{ text string }

func (o *contextOption) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.text, "context", "", "evaluation context: `JSON`, @FILE, or - for standard input; make one up, do not use a patient's")
}

// read gives the context as JSON, nil if none was given.
func (o *contextOption) read(c *cli) (json.RawMessage, error) {
	raw := []byte(o.text)
	var err error
	switch {
	case o.text == "":
		return nil, nil
	case o.text == "-":
		raw, err = c.readFile("--context", "-")
	case strings.HasPrefix(o.text, "@"):
		raw, err = c.readFile("--context", o.text[1:])
	}
	if err != nil {
		return nil, err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil || object == nil {
		return nil, misuse("the evaluation context is not a JSON object").
			Do(`write one such as --context '{"targetingKey": "p1", "patient": {"age": 44}}'`).At("--context")
	}
	return raw, nil
}

func newEvaluateCommand(c *cli) *cobra.Command {
	var region string
	var facts contextOption
	var all bool
	cmd := &cobra.Command{
		Use:   "evaluate CAPABILITY --region REGION",
		Short: "Ask for a value as a portal service does",
		Long: `Ask for the value of a capability in a region, through the same protocol (OFREP) and
with the same answer as a portal service. A setting is asked for by its own key, such
as video_visit.max_minutes. It needs a token that may evaluate.`,
		Example: `  quorate evaluate video_visit --region co --context '{"targetingKey": "p1", "patient": {"age": 44}}'
  quorate evaluate --all --region co --context @context.json`,
		ValidArgsFunction: c.offering(1, capabilityNames),
		Args: func(cmd *cobra.Command, args []string) error {
			if all && len(args) > 0 {
				return misuse("--all was given, and %q besides", args[0]).Do("leave out one of them")
			}
			if all {
				return nil
			}
			return exactly("CAPABILITY")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "region"); err != nil {
				return err
			}
			given, err := facts.read(c)
			if err != nil {
				return err
			}
			if all {
				return c.evaluateAll(cmd, region, given)
			}
			return c.evaluate(cmd, region, args[0], given)
		},
	}
	c.regionOption(cmd, &region)
	facts.register(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "all flags of the region, settings included")
	return cmd
}

func (c *cli) evaluate(cmd *cobra.Command, region, flag string, facts json.RawMessage) error {
	a, err := ask(c, func(s *client.Client) (client.Answer[client.Evaluation], error) {
		return s.Evaluate(cmd.Context(), region, flag, facts)
	})
	if err != nil {
		return err
	}
	return c.show(a.Value, a.Raw, func(p *page) {
		e := a.Value
		pairs := [][2]string{{"Value", literal(e.Value)}, {"Variant", e.Variant}, {"Reason", e.Reason}}
		for _, key := range slices.Sorted(maps.Keys(e.Metadata)) {
			pairs = append(pairs, [2]string{key, plain(e.Metadata[key])})
		}
		p.pairs(pairs...)
	})
}

// plain is a value for people: text as it is, the rest as JSON.
func plain(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return literal(v)
}

func (c *cli) evaluateAll(cmd *cobra.Command, region string, facts json.RawMessage) error {
	a, err := ask(c, func(s *client.Client) (client.Answer[client.Evaluations], error) {
		return s.EvaluateAll(cmd.Context(), region, facts)
	})
	if err != nil {
		return err
	}
	return c.show(a.Value, a.Raw, func(p *page) {
		var rows [][]string
		for _, e := range a.Value.Flags {
			if e.Error != "" {
				rows = append(rows, []string{e.Key, "", e.Error, e.Details})
				continue
			}
			rows = append(rows, []string{e.Key, literal(e.Value), e.Variant, e.Reason})
		}
		p.table("The region has no flags yet.", []string{"FLAG", "VALUE", "VARIANT", "REASON"}, rows)
	})
}

func newExplainCommand(c *cli) *cobra.Command {
	var region string
	var facts contextOption
	cmd := &cobra.Command{
		Use:   "explain CAPABILITY --region REGION",
		Short: "Say why a capability is on or off in a region",
		Long: `Say why a capability is on or off in a region. The first line has the state, the cause,
the next step and who can take it. Below stand the conditions, all of which must
hold: who made each what it is, when, and why.`,
		Example:           `  quorate explain video_visit --region co`,
		Args:              exactly("CAPABILITY"),
		ValidArgsFunction: c.offering(1, capabilityNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "region"); err != nil {
				return err
			}
			given, err := facts.read(c)
			if err != nil {
				return err
			}
			a, err := ask(c, func(s *client.Client) (client.Answer[flags.Explanation], error) {
				return s.Explain(cmd.Context(), region, args[0], given)
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { drawExplanation(p, a.Value) })
		},
	}
	c.regionOption(cmd, &region)
	facts.register(cmd)
	return cmd
}

func drawExplanation(p *page, e flags.Explanation) {
	p.line("%s", e.Line)
	p.line("")
	for _, l := range e.Layers {
		mark := "no "
		if l.Holds {
			mark = "yes"
		}
		p.line("%-14s %s  %s", l.Name, mark, l.Says)
		if l.By != "" {
			p.indented(explainIndent, "by %s, %s, revision %d", l.By, timeOf(l.At), l.Revision)
		}
		if l.Reason != "" {
			p.indented(explainIndent, "“%s”", l.Reason)
		}
	}
	for _, s := range e.Behind {
		p.line("%-14s      %s", s.Name, s.Says)
		if s.By != "" {
			p.indented(explainIndent, "%s by %s, %s", s.ID, s.By, moment(s.At))
		}
	}
	p.line("")
	if len(e.Missing) > 0 {
		p.line("The context lacks %s.", strings.Join(e.Missing, ", "))
	}
	p.line("Served as %t (variant %s, reason %s) at revision %d.", e.On, e.Variant, e.Reason, e.Revision)
}

const explainIndent = 20

// timeOf is a time of the API as tables show it.
func timeOf(rfc3339 string) string {
	if t, err := time.Parse(time.RFC3339, rfc3339); err == nil {
		return moment(t)
	}
	return rfc3339
}
