package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/policy"
	rules "github.com/quorate/quorate/policy/rego"
)

func newPolicyCommand(c *cli) *cobra.Command {
	return noun("policy", "Law and rules: show, preview, push, activate, forecast, decide",
		`Rules are kept in bundles: the law, the group's own rules, a region's own procedures.
That no encoded rule forbids something does not make it legal, and no bundle is legal
advice.`,
		newPolicyShowCommand(c), newPolicyForecastCommand(c), newPolicyPreviewCommand(c), newPolicyActivateCommand(c), newPolicyRollbackCommand(c),
		newPolicyInitCommand(c), newPolicyKeyCommand(c), newPolicyCheckCommand(c), newPolicyTestCommand(c), newPolicyPushCommand(c), newPolicyDecideCommand(c))
}

func newPolicyDecideCommand(c *cli) *cobra.Command {
	var input, bundle string
	cmd := &cobra.Command{
		Use:   "decide --input FILE",
		Short: "Decide one case offline, and print the decision as JSON",
		Long: `Decide one case, without a server, and print the decision as JSON (or YAML with
--output yaml).

The input says phase (enablement or evaluation), as_of, region, jurisdictions, actor,
capability, request, config, facts, evidence and waivers; see docs/policy.md. The
decision is a function of the input and the bundle alone: as_of is its only clock, so
a decision of last year can be made again, to the byte.

What cannot be decided is denied, with the reason in bad_input. The exit code says
whether there is a decision, not what it is.`,
		Example: `  quorate policy decide --input case.json
  quorate policy decide --input - --bundle ./law < case.json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := need(cmd, "input"); err != nil {
				return err
			}
			raw, err := c.readFile("--input", input)
			if err != nil {
				return err
			}
			engine, err := openBundle(cmd.Context(), bundle)
			if err != nil {
				return err
			}
			decision, err := json.Marshal(engine.DecideJSON(cmd.Context(), flattened(raw)))
			if err != nil {
				return err
			}
			return c.print(decision)
		},
	}
	cmd.Flags().StringVarP(&input, "input", "i", "", "`FILE` with the case in JSON; - is standard input")
	cmd.Flags().StringVar(&bundle, "bundle", "", "`DIR` with the rules to decide by; none: those that come with Quorate")
	return cmd
}

// flattened takes the input out of a worked scenario, which holds phase and as_of
// beside it. Anything else is left as it is.
func flattened(raw []byte) []byte {
	var scenario struct {
		Phase json.RawMessage            `json:"phase"`
		AsOf  json.RawMessage            `json:"as_of"`
		Input map[string]json.RawMessage `json:"input"`
	}
	if json.Unmarshal(raw, &scenario) != nil || scenario.Input == nil {
		return raw
	}
	for name, beside := range map[string]json.RawMessage{"phase": scenario.Phase, "as_of": scenario.AsOf} {
		if _, within := scenario.Input[name]; !within && beside != nil {
			scenario.Input[name] = beside
		}
	}
	flat, err := json.Marshal(scenario.Input)
	if err != nil {
		return raw
	}
	return flat
}

// openBundle prepares the rules of a directory, or the embedded ones.
func openBundle(ctx context.Context, dir string) (*policy.Engine, error) {
	var files fs.FS = rules.Law
	if dir != "" {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, badFile("--bundle", dir, notADirectory(err))
		}
		files = os.DirFS(dir)
	}
	engine, err := policy.New(ctx, files)
	if err != nil {
		return nil, badBundle(dir, err)
	}
	return engine, nil
}

func notADirectory(err error) error {
	if err != nil {
		return plainCause(err)
	}
	return errors.New("it is no directory")
}

// badBundle says what is wrong with the rules, each fault with its file, on one
// line as all errors are.
func badBundle(dir string, cause error) error {
	text := string(bytes.ReplaceAll([]byte(cause.Error()), []byte("\n"), []byte("; ")))
	return fault.New(fault.Invalid, "bad_bundle", "the rules in %s cannot be used: %s", dir, text).
		Do("mend what is named; `quorate policy check` looks at all of it").At("--bundle")
}
